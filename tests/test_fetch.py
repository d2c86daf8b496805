"""The guarded fetch, against real servers on loopback."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from darkroom.errors import ConfigInvalid, TooLarge, UrlRefused, UrlUnreachable
from darkroom.fetch import Fetched, Fetcher, Guard, origin_of
from darkroom.media import sniff

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" * 1000
HTML = b"<!DOCTYPE html><html>expired</html>"
ALLOWED = ("127.0.0.1",)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Collected:
    """A sink in memory."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data

    def restart(self) -> None:
        self.data = b""


class Names(AbstractResolver):
    """A DNS that says what the test wants, one list of addresses after the other, and the last for ever."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self._answers = {name.replace("_", "."): list(lists) for name, lists in answers.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        lists = self._answers.get(host)
        if lists is None:
            raise OSError(None, "no such name")
        addresses = lists.pop(0) if len(lists) > 1 else lists[0]
        return [self._result(host, address, port) for address in addresses]

    async def close(self) -> None:
        return

    def _result(self, host: str, address: str, port: int) -> ResolveResult:
        family = socket.AF_INET if ip_address(address).version == 4 else socket.AF_INET6
        return ResolveResult(
            hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST
        )


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """Serve every path with one handler; yield the origin."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw(answer: bytes, *, hang: bool = False) -> AsyncIterator[str]:
    """Serve fixed bytes to whoever connects, then close, or say nothing more."""
    done = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        if hang:
            await done.wait()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        done.set()
        server.close()
        await server.wait_closed()


async def fetched(fetcher: Fetcher, url: str, **options: object) -> tuple[Fetched, bytes]:
    sink = Collected()
    try:
        return await fetcher.fetch(url, sink, **options), sink.data  # type: ignore[arg-type]
    finally:
        await fetcher.close()


async def a_png(request: web.Request) -> web.Response:
    return web.Response(body=PNG, content_type="image/png")


def never(message: str) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        raise AssertionError(message)

    return handler


# What comes


async def test_what_stands_there_is_written_and_hashed() -> None:
    async with serving(a_png) as origin:
        result, data = await fetched(Fetcher(ALLOWED), f"{origin}/a/cat%20one.png?sig=1#part")
    assert data == PNG
    assert result == Fetched(
        url_final=f"{origin}/a/cat%20one.png?sig=1",
        sha256=hashlib.sha256(PNG).hexdigest(),
        size=len(PNG),
        head=PNG[:512],
        declared_mime="image/png",
        filename="cat one.png",
    )


async def test_an_empty_answer_is_an_empty_answer() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=b"")

    async with serving(handler) as origin:
        result, data = await fetched(Fetcher(ALLOWED), origin)
    assert (result.size, result.head, data, result.filename) == (0, b"", b"", None)


async def test_html_behind_a_pictures_name_is_fetched_and_not_believed() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=HTML, content_type="image/png")

    async with serving(handler) as origin:
        result, _ = await fetched(Fetcher(ALLOWED), f"{origin}/cat.png")
    assert sniff(result.head) is None
    assert result.declared_mime == "image/png"


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="dog.png"', "dog.png"),
        ("attachment; filename*=UTF-8''%E7%8C%AB.png", "猫.png"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\temp\\\\x.png"', "x.png"),
        ('attachment; filename=".."', None),
        ("attachment; filename*=nonsense''%FF", None),
        ("=;=;", "cat.png"),
        ("inline", "cat.png"),
    ],
)
async def test_file_names_are_bare_names(disposition: str, name: str | None) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=PNG, headers={"Content-Disposition": disposition})

    async with serving(handler) as origin:
        result, _ = await fetched(Fetcher(ALLOWED), f"{origin}/cat.png")
    assert result.filename == name or (name is None and "/" not in str(result.filename))


async def test_a_signed_path_is_sent_as_it_is_spelled() -> None:
    seen: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request.raw_path)
        return web.Response(body=PNG)

    async with serving(handler) as origin:
        target = "/a%2Fb/%7Ec/+%2B?X-Sig=a%2Fb%3D%7E&e=1:2"
        await fetched(Fetcher(ALLOWED), origin + target)
        await fetched(Fetcher(ALLOWED), f"{origin}/猫 x.png")
    assert seen == [target, "/%E7%8C%AB%20x.png"]


async def test_no_compression_no_cookies_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    seen: list[web.Request] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request)
        return web.Response(body=PNG, headers={"Set-Cookie": "a=b"})

    async with serving(handler) as origin:
        fetcher = Fetcher(ALLOWED)
        await fetcher.fetch(origin, Collected())
        await fetched(fetcher, origin)
    assert [request.headers["Accept-Encoding"] for request in seen] == ["identity", "identity"]
    assert "Cookie" not in seen[1].headers


# What does not come


@pytest.mark.parametrize("status", [204, 206, 304, 403, 404, 500])
async def test_another_status_is_named_without_the_query(status: int) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=status, text="" if status in {204, 304} else "<Error>AccessDenied</Error>")

    async with serving(handler) as origin:
        with pytest.raises(UrlUnreachable, match=f"/cat.png answered with status {status}") as failure:
            await fetched(Fetcher(ALLOWED), f"{origin}/cat.png?X-Signature=secret")
    assert "secret" not in failure.value.message


async def test_compression_that_nobody_asked_for_is_refused() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=PNG, headers={"Content-Encoding": "gzip"})

    async with serving(handler) as origin:
        with pytest.raises(UrlUnreachable, match="compressed"):
            await fetched(Fetcher(ALLOWED), origin)


async def test_too_large_by_its_announcement() -> None:
    async with raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", hang=True) as origin:
        with pytest.raises(TooLarge, match="1000 bytes"):
            await fetched(Fetcher(ALLOWED, max_bytes=1000), f"{origin}/x?secret")


async def test_too_large_without_an_announcement() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(1000):
            await response.write(b"x" * 10_000)
        return response

    async with serving(handler) as origin:
        sink = Collected()
        fetcher = Fetcher(ALLOWED, max_bytes=50_000)
        with pytest.raises(TooLarge, match="50000 bytes"):
            await fetcher.fetch(origin, sink)
        await fetcher.close()
    assert len(sink.data) <= 50_000


async def test_exactly_the_limit_is_taken() -> None:
    async with serving(a_png) as origin:
        result, _ = await fetched(Fetcher(ALLOWED, max_bytes=len(PNG)), origin)
    assert result.size == len(PNG)


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", b"nonsense\r\n\r\n"],
)
async def test_an_answer_that_breaks_off_is_no_answer(answer: bytes) -> None:
    async with raw(answer) as origin:
        with pytest.raises(UrlUnreachable, match="broke off"):
            await fetched(Fetcher(ALLOWED), f"{origin}/x?secret")


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"])
@pytest.mark.parametrize("limits", [{"timeout": 0.2}, {"timeout": 60, "stall_timeout": 0.2}])
async def test_a_server_that_falls_silent_is_left(answer: bytes, limits: dict[str, float]) -> None:
    async with raw(answer, hang=True) as origin:
        with pytest.raises(UrlUnreachable, match="took too long"):
            await fetched(Fetcher(ALLOWED, **limits), f"{origin}/x?secret")  # type: ignore[arg-type]


async def test_a_closed_port_takes_no_connections() -> None:
    async with raw(b"") as origin:
        pass
    with pytest.raises(UrlUnreachable, match="does not take connections"):
        await fetched(Fetcher(ALLOWED), origin)


async def test_an_unknown_name_cannot_be_resolved() -> None:
    with pytest.raises(UrlUnreachable, match="can't be resolved"):
        await fetched(Fetcher(resolver=Names()), "http://nowhere.example/x?secret")


# The guard


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "127.0.0.1.",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "0177.0.0.1",
        "127.0.0.01",
        "①②⑦.⓪.⓪.①",
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::1]",
        "[100::1]",
        "[2001::1]",
        "[2001:2::1]",
        "[2001:db8::1]",
        "[2002:7f00:1::]",
        "[3fff::1]",
        "[5f00::1]",
        "[fc00::1]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
    ],
)
async def test_addresses_that_are_not_public_are_refused(host: str) -> None:
    names = Names()
    with pytest.raises(UrlRefused):
        await fetched(Fetcher(resolver=names), f"http://{host}:9/x")
    assert names.asked == []


async def test_public_addresses_pass_the_guard() -> None:
    for host in ("8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"):
        Guard().check_host(host)


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST"])
async def test_the_systems_resolver_is_guarded(name: str) -> None:
    with pytest.raises(UrlRefused):
        await fetched(Fetcher(), f"http://{name}:9/x")


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["10.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::1"], ["::ffff:10.0.0.1"], ["64:ff9b::a00:1"]],
)
async def test_names_of_private_addresses_are_refused(addresses: list[str]) -> None:
    with pytest.raises(UrlRefused, match=r"cat\.example"):
        await fetched(Fetcher(resolver=Names(cat_example=[addresses])), "http://cat.example/x")


async def test_a_name_that_changes_its_address_is_judged_by_the_one_connected_to() -> None:
    """DNS rebinding: the second answer is private, and the second connection is refused."""
    async with serving(a_png) as origin:
        port = origin.rpartition(":")[2]
        names = Names(cat_example=[["127.0.0.1"], ["127.0.0.2"]])
        fetcher = Fetcher(["127.0.0.1"], resolver=names)
        assert (await fetcher.fetch(f"http://cat.example:{port}/x", Collected())).size == len(PNG)
        await fetcher.close()
        with pytest.raises(UrlRefused):
            await fetched(Fetcher(["127.0.0.1"], resolver=names), f"http://cat.example:{port}/x")
    assert names.asked == ["cat.example", "cat.example"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "cat.png",
        "//host/x",
        "file:///etc/passwd",
        "ftp://host/x",
        "data:image/png;base64,AAAA",
        "gopher://127.0.0.1/x",
        "http://",
        "http:///x",
        "http://:80/x",
        "http://host:99999/x",
        "http://host:port/x",
        "http://[::1/x",
        "http://user@8.8.8.8/x",
        "http://user:password@8.8.8.8/x",
        "http://8.8.8.8@127.0.0.1/x",
        "javascript:alert(1)",
    ],
)
async def test_only_plain_http_urls_are_fetched(url: str) -> None:
    with pytest.raises(UrlRefused) as refusal:
        await fetched(Fetcher(ALLOWED, resolver=Names()), url)
    assert "password" not in refusal.value.message


@pytest.mark.parametrize("allow", ["127.0.0.1", "127.0.0.0/8", "127.0.0.1/32", "cat.example", "CAT.example."])
async def test_the_operator_can_allow_hosts_and_networks(allow: str) -> None:
    async with serving(a_png) as origin:
        port = origin.rpartition(":")[2]
        fetcher = Fetcher([allow], resolver=Names(cat_example=[["127.0.0.1"]]))
        result, _ = await fetched(fetcher, f"http://cat.example:{port}/x")
    assert result.size == len(PNG)


@pytest.mark.parametrize("allow", ["127.0.0.2", "10.0.0.0/8", "dog.example", "example", "::1"])
async def test_what_is_not_allowed_stays_refused(allow: str) -> None:
    with pytest.raises(UrlRefused):
        await fetched(Fetcher([allow], resolver=Names(cat_example=[["127.0.0.1"]])), "http://cat.example:9/x")


@pytest.mark.parametrize("allow", ["http://host/", "10.0.0.0/99", "a/b"])
async def test_a_meaningless_allowance_is_a_wrong_configuration(allow: str) -> None:
    with pytest.raises(ConfigInvalid):
        Fetcher([allow])


async def test_an_allowed_loopback_is_allowed_in_its_mapped_form_too() -> None:
    Guard.of(["127.0.0.1"]).check_host("[::ffff:127.0.0.1]")


# Redirects


def redirecting(target: str, status: int = 302) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": target})

    return handler


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(status: int) -> None:
    async with serving(a_png) as there, serving(redirecting(f"{there}/cat.png?sig=a%2Fb", status)) as here:
        result, data = await fetched(Fetcher(ALLOWED), f"{here}/x")
    assert data == PNG
    assert result.url_final == f"{there}/cat.png?sig=a%2Fb"


async def test_relative_redirects_are_followed() -> None:
    async def handler(request: web.Request) -> web.Response:
        if request.path == "/a/b":
            return web.Response(status=302, headers={"Location": "../c.png"})
        return web.Response(body=PNG)

    async with serving(handler) as origin:
        result, _ = await fetched(Fetcher(ALLOWED), f"{origin}/a/b")
    assert result.url_final == f"{origin}/c.png"


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.2:9/x",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/x",
        "http://private.example/x",
        "http://0x7f.1/x",
        "file:///etc/passwd",
        "http://user:password@8.8.8.8/",
    ],
)
async def test_a_redirect_to_what_is_refused_is_refused(target: str) -> None:
    names = Names(private_example=[["10.0.0.1"]])
    async with serving(redirecting(target)) as origin:
        with pytest.raises(UrlRefused):
            await fetched(Fetcher(ALLOWED, resolver=names), origin)


async def test_redirects_end() -> None:
    hops = 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal hops
        hops += 1
        return web.Response(status=302, headers={"Location": f"/{hops}"})

    async with serving(handler) as origin:
        with pytest.raises(UrlUnreachable, match="more than 5"):
            await fetched(Fetcher(ALLOWED), origin)
    assert hops == 6


async def test_a_redirect_to_nowhere_is_an_answer_without_media() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=302)

    async with serving(handler) as origin:
        with pytest.raises(UrlUnreachable, match="status 302"):
            await fetched(Fetcher(ALLOWED), origin)


async def test_headers_stay_with_their_origin() -> None:
    seen: dict[str, str | None] = {}

    def noting(name: str, then: Handler) -> Handler:
        async def handler(request: web.Request) -> web.StreamResponse:
            seen[name + request.path] = request.headers.get("Authorization")
            if request.path == "/first":
                return web.Response(status=302, headers={"Location": "/second"})
            return await then(request)

        return handler

    async with (
        serving(noting("there", a_png)) as there,
        serving(noting("here", redirecting(f"{there}/third"))) as here,
    ):
        await fetched(Fetcher(ALLOWED), f"{here}/first", headers={"Authorization": "Bearer key"})
    assert seen == {"here/first": "Bearer key", "here/second": "Bearer key", "there/third": None}


# Origins that the operator configured


async def test_a_trusted_origin_is_let_through() -> None:
    async with serving(a_png) as origin:
        result, _ = await fetched(Fetcher(), f"{origin}/x", trusted_origins=frozenset({origin}))
    assert result.size == len(PNG)


async def test_trust_is_for_that_origin_alone() -> None:
    async with serving(never("reached")) as other, serving(a_png) as origin:
        trusted = frozenset({origin})
        for url in (
            f"{other}/x",
            origin.replace("127.0.0.1", "127.0.0.2"),
            origin.replace("http:", "https:"),
        ):
            with pytest.raises(UrlRefused):
                await fetched(Fetcher(), url, trusted_origins=trusted)


async def test_trust_does_not_follow_a_redirect() -> None:
    async with serving(never("reached")) as other, serving(redirecting(f"{other}/x")) as origin:
        with pytest.raises(UrlRefused):
            await fetched(Fetcher(), origin, trusted_origins=frozenset({origin}))


async def test_trust_does_not_outlive_its_fetch() -> None:
    """A kept connection to a trusted origin is not lent to a URL of anybody else."""
    async with serving(a_png) as origin:
        port = origin.rpartition(":")[2]
        url = f"http://relay.example:{port}"
        fetcher = Fetcher(resolver=Names(relay_example=[["127.0.0.1"]]))
        await fetcher.fetch(f"{url}/x", Collected(), trusted_origins=frozenset({url}))
        with pytest.raises(UrlRefused):
            await fetched(fetcher, f"{url}/x")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://127.0.0.1:1234/v1/x?y#z", "http://127.0.0.1:1234"),
        ("HTTPS://Relay.Example:443/v1", "https://relay.example"),
        ("http://relay.example:80", "http://relay.example"),
        ("http://[::1]:8000/x", "http://[::1]:8000"),
    ],
)
def test_origins(url: str, origin: str) -> None:
    assert origin_of(url) == origin


def test_what_has_no_origin_is_refused() -> None:
    with pytest.raises(UrlRefused):
        origin_of("mailto:somebody@example.com")
