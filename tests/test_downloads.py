"""Downloads that break: gone on with where they can be, begun anew where they must be, and never taken for whole."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from darkroom.dialects.openai_chat import decode_error
from darkroom.dialects.wire import UpstreamRequest
from darkroom.download import Download
from darkroom.errors import TooLarge, UpstreamBroken, UpstreamError, UpstreamRateLimited, UrlUnreachable
from darkroom.fetch import Fetched, Fetcher
from darkroom.providers import Provider, Target, provider_of
from darkroom.settings import ProviderSettings
from darkroom.spool import Spool, Spools
from darkroom.storage import Storage
from darkroom.upstream import Upstream
from running import sha256
from test_fetch import serving

DATA = os.urandom(3_000_000)
OTHER = os.urandom(2_500_000)
MOST = 10_000_000
MODIFIED = "Wed, 21 Oct 2015 07:28:00 GMT"


@dataclass
class Shaky:
    """A file server that breaks off.

    `breaks` are how many bytes each answer brings before its connection dies, one answer after the other; then they are
    whole. `data` is what it serves now. `etag` and `modified` are what it tells of the file; `ranges` whether it knows
    any. `status` is what it says instead, to the requests with these numbers; `hook` sees each request before it is
    answered.
    """

    data: bytes = DATA
    breaks: list[int] = field(default_factory=list)
    etag: str | None = '"one"'
    modified: str | None = None
    ranges: bool = True
    status: dict[int, int] = field(default_factory=dict)
    ignores_if_range: bool = False
    total: Callable[[int], int | str] = lambda size: size
    hook: Callable[[Shaky, int], None] | None = None
    asked: list[str | None] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        number = len(self.asked)
        self.asked.append(request.headers.get("Range"))
        self.headers.append(dict(request.headers))
        if self.hook is not None:
            self.hook(self, number)
        if number in self.status:
            return web.Response(status=self.status[number], text="no")
        start = self._start(request)
        if start is not None and start >= len(self.data):
            return web.Response(status=416)
        return await self._answer(request, start)

    def _start(self, request: web.Request) -> int | None:
        """Return from where on is answered; None for all of it."""
        asked, meant = request.headers.get("Range"), request.headers.get("If-Range")
        if asked is None or not self.ranges:
            return None
        if meant not in (self.etag, self.modified) and not self.ignores_if_range:
            return None
        return int(asked.removeprefix("bytes=").rstrip("-"))

    async def _answer(self, request: web.Request, start: int | None) -> web.StreamResponse:
        body = self.data[start or 0 :]
        response = web.StreamResponse(status=200 if start is None else 206)
        response.content_length = len(body)
        for name, value in (("ETag", self.etag), ("Last-Modified", self.modified)):
            if value is not None:
                response.headers[name] = value
        if start is not None:
            total = self.total(len(self.data))
            response.headers["Content-Range"] = f"bytes {start}-{len(self.data) - 1}/{total}"
        await response.prepare(request)
        most = self.breaks.pop(0) if self.breaks else len(body)
        for at in range(0, min(most, len(body)), 100_000):
            await response.write(body[at : min(at + 100_000, most)])
        if most < len(body):
            await _sent(request)
            assert request.transport is not None
            request.transport.close()
        return response


async def _sent(request: web.Request) -> None:
    """Wait until what was written has left: a connection that is closed may take it along."""
    transport = request.transport
    for _ in range(1000):
        if transport is None or not transport.get_write_buffer_size():
            return
        await asyncio.sleep(0.001)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spools(tmp_path).new()


def files_in(directory: Path) -> list[Path]:
    return list(directory.iterdir())


def held(spool: Spool) -> bytes:
    return b"".join(spool.chunks())


async def fetched(origin: str, spool: Spool, **limits: float) -> Fetched:
    fetcher = Fetcher(("127.0.0.1",), MOST, **limits)  # type: ignore[arg-type]
    try:
        return await fetcher.fetch(f"{origin}/film.mp4", spool)
    finally:
        await fetcher.close()


def is_whole(found: Fetched, spool: Spool, data: bytes = DATA) -> bool:
    return (found.sha256, found.size, found.head, held(spool)) == (sha256(data), len(data), data[:512], data)


# The guarded fetch


async def test_a_download_that_breaks_goes_on_where_it_was(spool: Spool) -> None:
    shaky = Shaky(breaks=[1_000_000, 1_000_000])
    async with serving(shaky.answer) as origin:
        assert is_whole(await fetched(origin, spool), spool)
    first, *rest = shaky.asked
    assert first is None
    starts = [int(each.removeprefix("bytes=").rstrip("-")) for each in rest if each]
    assert len(starts) == 2
    assert 0 < starts[0] < starts[1] < len(DATA)
    assert [each["If-Range"] for each in shaky.headers[1:]] == ['"one"', '"one"']


async def test_the_time_of_the_last_change_does_as_well(spool: Spool) -> None:
    shaky = Shaky(breaks=[1_000_000], etag='W/"weak"', modified=MODIFIED)
    async with serving(shaky.answer) as origin:
        assert is_whole(await fetched(origin, spool), spool)
    assert shaky.headers[1]["If-Range"] == MODIFIED


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
async def test_what_can_not_be_told_from_another_file_is_begun_anew(spool: Spool, etag: str | None) -> None:
    shaky = Shaky(breaks=[1_000_000], etag=etag)
    async with serving(shaky.answer) as origin:
        assert is_whole(await fetched(origin, spool), spool)
    assert shaky.asked == [None, None]


async def test_a_server_without_ranges_sends_all_of_it_again(spool: Spool) -> None:
    shaky = Shaky(breaks=[1_000_000], ranges=False)
    async with serving(shaky.answer) as origin:
        assert is_whole(await fetched(origin, spool), spool)
    assert shaky.asked[1] is not None


@pytest.mark.parametrize("ignores", [False, True])
async def test_a_file_that_changes_meanwhile_is_begun_anew(spool: Spool, ignores: bool) -> None:
    def change(shaky: Shaky, number: int) -> None:
        if number == 1:
            shaky.data, shaky.etag = OTHER, '"two"'

    shaky = Shaky(breaks=[1_000_000], hook=change, ignores_if_range=ignores)
    async with serving(shaky.answer) as origin:
        assert is_whole(await fetched(origin, spool), spool, OTHER)


async def test_a_file_of_another_length_is_begun_anew(spool: Spool) -> None:
    """Even if its server says that it is the same one."""

    def change(shaky: Shaky, number: int) -> None:
        if number == 1:
            shaky.data = OTHER

    shaky = Shaky(breaks=[1_000_000], hook=change)
    async with serving(shaky.answer) as origin:
        assert is_whole(await fetched(origin, spool), spool, OTHER)


async def test_a_range_that_is_not_there_any_more(spool: Spool) -> None:
    small = OTHER[:500]

    def change(shaky: Shaky, number: int) -> None:
        if number == 1:
            shaky.data = small

    shaky = Shaky(breaks=[1_000_000], hook=change)
    async with serving(shaky.answer) as origin:
        assert is_whole(await fetched(origin, spool), spool, small)


async def test_a_server_that_does_not_tell_the_whole_length(spool: Spool) -> None:
    shaky = Shaky(breaks=[1_000_000], total=lambda size: "*")
    async with serving(shaky.answer) as origin:
        assert is_whole(await fetched(origin, spool), spool)


async def test_a_moment_without_service_is_waited_for(spool: Spool) -> None:
    shaky = Shaky(breaks=[1_000_000], status={1: 503, 2: 429})
    async with serving(shaky.answer) as origin:
        assert is_whole(await fetched(origin, spool), spool)
    assert len(shaky.asked) == 4


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_a_link_that_expires_in_the_middle_is_not_asked_again(spool: Spool, status: int) -> None:
    shaky = Shaky(breaks=[1_000_000], status={1: status})
    async with serving(shaky.answer) as origin:
        with pytest.raises(UrlUnreachable, match=f"status {status}"):
            await fetched(origin, spool)
    assert len(shaky.asked) == 2


async def test_what_never_gets_on_is_given_up(spool: Spool) -> None:
    shaky = Shaky(breaks=[1_000_000] + [0] * 100)
    async with serving(shaky.answer) as origin:
        with pytest.raises(UrlUnreachable, match="broke off"):
            await fetched(origin, spool)
    assert len(shaky.asked) == 5


async def test_what_breaks_at_the_same_place_each_time_is_given_up(spool: Spool) -> None:
    shaky = Shaky(breaks=[1_000_000] * 100, etag=None)
    async with serving(shaky.answer) as origin:
        with pytest.raises(UrlUnreachable, match="broke off"):
            await fetched(origin, spool)
    assert len(shaky.asked) < 12


async def test_what_comes_in_drops_is_given_up_in_time(spool: Spool) -> None:
    """Each answer brings a little more, and all of them together take for ever."""
    shaky = Shaky(breaks=[10] * 10_000)
    async with serving(shaky.answer) as origin:
        with pytest.raises(UrlUnreachable, match="took too long"):
            await fetched(origin, spool, timeout=1.0)
    assert len(shaky.asked) < 20


async def test_what_brings_much_may_take_longer(spool: Spool) -> None:
    """The time grows with what has come: half a second alone would not do."""

    async def slowly(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for at in range(0, len(DATA), 300_000):
            await asyncio.sleep(0.1)
            await response.write(DATA[at : at + 300_000])
        return response

    async with serving(slowly) as origin:
        assert is_whole(await fetched(origin, spool, timeout=0.5), spool)


async def test_too_large_a_rest_is_refused(spool: Spool) -> None:
    def grow(shaky: Shaky, number: int) -> None:
        if number == 1:
            shaky.data, shaky.etag = bytes(MOST + 1), '"two"'

    async with serving(Shaky(breaks=[1_000_000], hook=grow).answer) as origin:
        with pytest.raises(TooLarge):
            await fetched(origin, spool)


# A download that outlives its link


async def test_a_fresh_link_goes_on_with_the_same_file(spool: Spool) -> None:
    old, fresh = Shaky(breaks=[1_000_000], status={1: 403}), Shaky()
    async with serving(old.answer) as there, serving(fresh.answer) as here:
        fetcher = Fetcher(("127.0.0.1",), MOST)
        download = Download(spool, MOST)
        with pytest.raises(UrlUnreachable):
            await fetcher.go_on(f"{there}/film", download)
        assert download.refused == 403
        had = download.size
        assert 0 < had < len(DATA)
        assert is_whole(await fetcher.go_on(f"{here}/film", download), spool)
        await fetcher.close()
    assert fresh.asked == [f"bytes={had}-"]


async def test_a_fresh_link_to_another_file_begins_anew(spool: Spool) -> None:
    old, fresh = Shaky(breaks=[1_000_000], status={1: 410}), Shaky(OTHER, etag='"two"')
    async with serving(old.answer) as there, serving(fresh.answer) as here:
        fetcher = Fetcher(("127.0.0.1",), MOST)
        download = Download(spool, MOST)
        with pytest.raises(UrlUnreachable):
            await fetcher.go_on(f"{there}/film", download)
        assert is_whole(await fetcher.go_on(f"{here}/film", download), spool, OTHER)
        await fetcher.close()


# An upstream's own files


@dataclass
class Place:
    """An upstream client and a provider for it, whose guard lets nothing through but the provider."""

    upstream: Upstream
    storage: Storage
    _url: str

    @property
    def target(self) -> Target:
        provider: Provider = provider_of(ProviderSettings("up", f"{self._url}/v1", api_keys=("sesame",)))
        return Target(provider, "film", provider.profile_of("film"), provider.keys[0])

    async def save(self, spool: Spool) -> bytes:
        request = UpstreamRequest("/film", method="GET", headers={})
        arrived = await self.upstream.save(self.target, request, decode_error, spool)
        assert arrived.sha256 == sha256(held(spool))
        assert (arrived.size, arrived.head) == (spool.size, held(spool)[:512])
        return held(spool)


@asynccontextmanager
async def placed(url: str, *allow: str) -> AsyncIterator[Place]:
    storage = await Storage.open("memory:")
    fetcher = Fetcher(allow, MOST)
    upstream = Upstream(storage, 10.0, 10, fetcher, MOST)
    try:
        yield Place(upstream, storage, url)
    finally:
        await upstream.close()
        await fetcher.close()
        await storage.close()


async def test_an_upstreams_file_goes_on_with_its_key(spool: Spool) -> None:
    shaky = Shaky(breaks=[1_000_000, 500_000])
    async with serving(shaky.answer) as origin, placed(origin) as place:
        assert await place.save(spool) == DATA
    assert {each["Authorization"] for each in shaky.headers} == {"Bearer sesame"}
    assert [each is None for each in shaky.asked] == [True, False, False]


async def test_a_redirect_that_expires_is_asked_for_again(spool: Spool) -> None:
    """The signed link behind a redirect dies in the middle; the upstream gives another one."""
    links = {"old": Shaky(breaks=[1_000_000], status={1: 403}), "new": Shaky()}
    asked: list[str | None] = []
    async with serving(links["old"].answer) as old, serving(links["new"].answer) as new:

        async def redirect(request: web.Request) -> web.Response:
            asked.append(request.headers.get("Authorization"))
            return web.Response(status=302, headers={"Location": f"{old if len(asked) == 1 else new}/signed"})

        async with serving(redirect) as origin, placed(origin, "127.0.0.1") as place:
            assert await place.save(spool) == DATA
    assert asked == ["Bearer sesame", "Bearer sesame"]
    assert all("Authorization" not in each for link in links.values() for each in link.headers)
    assert links["new"].asked[0] is not None


async def test_a_job_may_bring_a_fresh_link(spool: Spool) -> None:
    shaky = Shaky(breaks=[1_000_000], status={1: 404})
    async with serving(shaky.answer) as origin, placed(origin) as place:
        download = Download(spool, MOST)
        old, fresh = (UpstreamRequest(path, method="GET", headers={}) for path in ("/old", "/fresh"))
        with pytest.raises(UpstreamError):
            await place.upstream.go_on(place.target, old, decode_error, download)
        assert download.refused == 404
        had = download.size
        arrived = await place.upstream.go_on(place.target, fresh, decode_error, download)
        assert arrived.sha256 == sha256(DATA)
    assert shaky.asked == [None, f"bytes={had}-", f"bytes={had}-"]


async def test_what_fails_for_good_leaves_no_file(tmp_path: Path) -> None:
    spool = Spools(tmp_path, 0).new()
    async with serving(Shaky(breaks=[1_000_000] + [0] * 100).answer) as origin, placed(origin) as place:
        with pytest.raises(UpstreamBroken):
            await place.save(spool)
    assert files_in(tmp_path) == []


async def test_a_refusal_at_once_is_the_upstreams_word(spool: Spool) -> None:
    async with serving(Shaky(status={0: 429}).answer) as origin, placed(origin) as place:
        with pytest.raises(UpstreamRateLimited):
            await place.save(spool)


async def test_too_large_a_file_of_an_upstream(spool: Spool) -> None:
    async with serving(Shaky(bytes(MOST + 1)).answer) as origin, placed(origin) as place:
        with pytest.raises(UpstreamBroken, match="more than the limit") as failure:
            await place.save(spool)
    assert isinstance(failure.value.__cause__, TooLarge)


# What a spool needs for it


@pytest.mark.parametrize("memory", [0, 1000])
def test_a_spool_begins_anew(tmp_path: Path, memory: int) -> None:
    spools = Spools(tmp_path, memory)
    spool = spools.new()
    spool.write(b"the first bytes")
    spool.restart()
    assert (spool.size, held(spool), list(tmp_path.iterdir())) == (0, b"", [])
    assert spools.budget.left == Spools(tmp_path).budget.left
    spool.write(b"others")
    assert held(spool) == b"others"
    spool.seal()
    with pytest.raises(ValueError, match="takes no more"):
        spool.restart()
