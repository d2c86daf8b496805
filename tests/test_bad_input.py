"""Bad input: each a clear error in OpenAI's shape, nothing half-stored, no traceback, no secret."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import struct
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from starlette.responses import RedirectResponse, Response

from darkroom.settings import Fetch, Limits, ProviderSettings
from darkroom.testing import serve
from doors import (
    CHAT,
    UPSTREAM_KEY,
    Answer,
    Door,
    Stub,
    events_of,
    free_port,
    is_error,
    nothing_stored,
    running,
    stored,
)

HELLO = [{"role": "user", "content": "hello"}]
HTML = b"<!DOCTYPE html><html><body>This is no picture.</body></html>"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@asynccontextmanager
async def misbehaving(root: Path, stub: Stub) -> AsyncIterator[Door]:
    """Run a gateway with the stub as a provider; it may fetch from `localhost`, and so from the stub."""
    async with serve(stub.app) as base_url:
        closed = ProviderSettings("closed", f"http://127.0.0.1:{free_port()}/v1", api_keys=(UPSTREAM_KEY,))
        rows = (stub.provider(base_url), closed)
        async with running(root, *rows, fetch=Fetch(allow=("localhost",), timeout=10)) as door:
            yield door


# One gateway is enough for all that is refused, since it must leave nothing behind.


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def refusing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    async with running(tmp_path_factory.mktemp("refusing")) as door:
        yield door


@pytest.fixture
def door(refusing: Door) -> Door:
    refusing.sketch.requests.clear()
    assert nothing_stored(refusing.root)
    return refusing


@pytest.fixture(scope="module")
def stub() -> Stub:
    return Stub()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stubborn(tmp_path_factory: pytest.TempPathFactory, stub: Stub) -> AsyncIterator[Door]:
    async with misbehaving(tmp_path_factory.mktemp("stubborn"), stub) as door:
        yield door


@pytest.fixture
def behind(stubborn: Door) -> Door:
    stubborn.sketch.requests.clear()
    assert nothing_stored(stubborn.root)
    return stubborn


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(tmp_path: Path) -> AsyncIterator[Door]:
    """A gateway for a test that leaves something behind."""
    async with running(tmp_path) as door:
        yield door


def png(width: int, height: int, data: bytes) -> bytes:
    """A PNG of one bit per pixel; `data` is its compressed picture."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@cache
def bomb() -> bytes:
    """A whole and valid PNG of 30,000 × 30,000 pixels in about 110 kB."""
    squeeze = zlib.compressobj(1)
    row = bytes(1 + 30_000 // 8)
    return png(30_000, 30_000, b"".join(squeeze.compress(row) for _ in range(30_000)) + squeeze.flush())


def uri(data: bytes, mime: str = "image/png") -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def picture(url: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": "in blue"}, {"type": "image_url", "image_url": {"url": url}}]


async def post(door: Door, body: bytes | str, **headers: str) -> Answer:
    data = body.encode() if isinstance(body, str) else body
    return await door.send("POST", CHAT, data=data, headers={"content-type": "application/json", **headers})


# The body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"hello",
        b"\xff\xfe{}",
        b"\x00",
        b"[]",
        b"null",
        b"3",
        b'"x"',
        b'{"model": "sketch", "messages": [{"role": "user", "content": "x"}]',
        b'{"model": "sketch", "messages": [{"role": "user", "content": "x"}]} trailing',
        b'{"model": "sketch", "messages": [{"role": "user", "content": NaN}]}',
        b'{"model": "sketch", "messages": [{"role": "user", "content": "\\ud800"}]}',
        b'{"model": "sketch", "messages": [{"role": "user", "content": "\\x"}]}',
        b'{"model": "sketch", "messages": [{"role": "user", "content": "' + b"A" * 5000,
        b"[" * 200_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda body: repr(body[:24]),
)
async def test_what_is_no_json_object_is_refused(door: Door, body: bytes) -> None:
    is_error(await post(door, body), 400, "malformed_request")
    assert not door.sketch.requests
    assert nothing_stored(door.root)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": HELLO}, "model"),
        ({"model": 3, "messages": HELLO}, "model"),
        ({"model": "", "messages": HELLO}, "model"),
        ({"model": None, "messages": HELLO}, "model"),
        ({"model": ["sketch"], "messages": HELLO}, "model"),
        ({"model": "sketch"}, "messages"),
        ({"model": "sketch", "messages": []}, "messages"),
        ({"model": "sketch", "messages": {}}, "messages"),
        ({"model": "sketch", "messages": "hello"}, "messages"),
        ({"model": "sketch", "messages": [3]}, "messages[0]"),
        ({"model": "sketch", "messages": [None]}, "messages[0]"),
        ({"model": "sketch", "messages": [{}]}, "messages[0].role"),
        ({"model": "sketch", "messages": [*HELLO, {"role": "wizard", "content": "x"}]}, "messages[1].role"),
        ({"model": "sketch", "messages": [{"role": ["user"], "content": "x"}]}, "messages[0].role"),
        ({"model": "sketch", "messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"model": "sketch", "messages": [{"role": "user", "content": {"a": 1}}]}, "messages[0].content"),
        ({"model": "sketch", "messages": [{"role": "user", "content": True}]}, "messages[0].content"),
        ({"model": "sketch", "messages": HELLO, "stream": "yes"}, "stream"),
        ({"model": "sketch", "messages": HELLO, "stream": []}, "stream"),
    ],
)
async def test_a_wrong_field_is_named(door: Door, fields: dict[str, Any], param: str) -> None:
    answer = await post(door, json.dumps(fields))
    is_error(answer, 400, "malformed_request")
    assert answer.json["error"]["param"] == param
    assert answer.json["error"]["type"] == "invalid_request_error"
    assert not door.sketch.requests


@pytest.mark.parametrize(
    ("part", "codes"),
    [
        ({"type": "hologram", "hologram": {"url": "x"}}, {"unsupported_part"}),
        ({"type": 3}, {"unsupported_part", "malformed_request"}),
        ({}, {"unsupported_part", "malformed_request"}),
        (3, {"unsupported_part", "malformed_request"}),
        (None, {"unsupported_part", "malformed_request"}),
        ([], {"unsupported_part", "malformed_request"}),
        ({"type": "text"}, {"malformed_request"}),
        ({"type": "text", "text": 3}, {"malformed_request"}),
        ({"type": "image_url"}, {"malformed_request", "unsupported_part"}),
        ({"type": "image_url", "image_url": {}}, {"malformed_request", "unsupported_part"}),
        ({"type": "image_url", "image_url": {"url": 3}}, {"malformed_request", "unsupported_part"}),
        ({"type": "image_url", "image_url": {"url": None}}, {"malformed_request", "unsupported_part"}),
        ({"type": "image_url", "image_url": []}, {"malformed_request", "unsupported_part"}),
        ({"type": "input_audio", "input_audio": {"data": 3}}, {"malformed_request", "unsupported_part"}),
        ({"type": "file", "file": {}}, {"malformed_request", "unsupported_part"}),
        ({"type": "file", "file": {"file_id": {}}}, {"malformed_request", "unsupported_part"}),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_wrong_part_is_named(door: Door, part: Any, codes: set[str], stream: bool) -> None:
    answer = await door.chat("sketch", [{"type": "text", "text": "x"}, part], stream=stream)
    assert answer.status == 400, answer.text
    error = answer.json["error"]
    is_error(answer, 400, error["code"])
    assert error["code"] in codes
    assert (error["param"] or "").startswith("messages[0].content[1]"), error
    assert not door.sketch.requests


@pytest.mark.parametrize("model", ["novel", "fake/novel", "novel/sketch", "x" * 10_000, "模型", "../etc", "sketch\x00"])
@pytest.mark.parametrize("stream", [False, True])
async def test_an_unknown_model_is_named(door: Door, model: str, stream: bool) -> None:
    answer = await door.chat(model, stream=stream)
    assert "fake/sketch" in is_error(answer, 404, "model_not_found")
    assert answer.json["error"]["param"] == "model"


async def test_an_unknown_shape_is_named(door: Door) -> None:
    answer = await door.chat("sketch", headers={"x-darkroom-output": "xml"})
    assert "markdown" in is_error(answer, 400, "malformed_request")
    assert not door.sketch.requests


@pytest.mark.parametrize(
    "more",
    [
        {"n": 3},
        {"n": 0},
        {"n": "many"},
        {"stream_options": 3},
        {"stream_options": {"include_usage": "perhaps"}},
        {"max_tokens": -1},
        {"tools": "none"},
        {"metadata": {"a": [{"b": None}] * 50}},
        {"temperature": 1e308},
        {"seed": 2**63},
        {"sketch": "x"},
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_odd_parameters_are_the_upstreams_matter(door: Door, more: dict[str, Any], stream: bool) -> None:
    answer = await door.chat("text", stream=stream, **more)
    assert answer.status in (200, 400), answer.text
    if answer.status == 400:
        is_error(answer, 400, "malformed_request" if "n" in more else "upstream_rejected")


ODD = ["\x00", "\x1b[31m", "\u202e", "\ufffe", "𝕏" * 100, "```\n</script>", "\r\n\r\ndata: x"]


@pytest.mark.parametrize("text", ODD)
async def test_odd_text_passes(door: Door, text: str) -> None:
    answer = await door.chat("text", f"a boat {text}")
    assert answer.status == 200, answer.text
    assert door.sketch.requests[-1]["messages"][-1]["content"] == f"a boat {text}"


async def test_odd_text_makes_pictures(fresh: Door) -> None:
    for text in ODD:
        media = await fresh.picture(f"a boat {text}")
        generation = await fresh.get(f"/v1/generations/{media['generation']}")
        # PostgreSQL's text can't hold a NUL; so no database is given one.
        assert generation.json["prompt"] == f"a boat {text}".strip().replace("\x00", "\ufffd")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", CHAT, 405, "method_not_allowed"),
        ("DELETE", "/v1/models", 405, "method_not_allowed"),
        ("POST", "/health", 405, "method_not_allowed"),
        ("GET", "/v1/novel", 404, "not_found"),
        ("GET", "/v1/models/novel", 404, "model_not_found"),
        ("GET", "/v1/generations/novel", 404, "not_found"),
        ("GET", "/v1/media/novel", 404, "not_found"),
        ("GET", "/v1/generations?limit=0", 400, "malformed_request"),
        ("GET", "/v1/generations?limit=x", 400, "malformed_request"),
        ("GET", "/v1/generations?limit=101", 400, "malformed_request"),
        ("GET", "/v1/generations?limit=00000199999999999999999999999", 400, "malformed_request"),
    ],
)
async def test_a_wrong_door_is_an_error_in_the_same_shape(
    door: Door, method: str, path: str, status: int, code: str
) -> None:
    is_error(await door.send(method, path), status, code)


async def test_an_unknown_page_mark_is_no_failure(fresh: Door) -> None:
    await fresh.picture()
    answer = await fresh.get("/v1/generations?after=novel")
    assert (answer.status, answer.json["data"]) == (200, [])


# Size


async def raw(door: Door, *pieces: bytes) -> bytes:
    """Send bytes as they are, and return all that comes back until the end or the first complete answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", door.gateway.settings.server.port)
    try:
        for piece in pieces:
            writer.write(piece)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        return head + await asyncio.wait_for(reader.readexactly(length), 20)
    finally:
        writer.close()


def refusal(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]["code"]


HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"


async def test_an_oversized_body_is_refused_by_its_length(tmp_path: Path) -> None:
    async with running(tmp_path, limits=Limits(body=65536)) as door:
        answer = await raw(door, HEAD + b"content-length: 1000000000000\r\n\r\n")
        assert refusal(answer) == (413, "too_large")


async def test_an_oversized_body_is_refused_as_it_comes(tmp_path: Path) -> None:
    async with running(tmp_path, limits=Limits(body=65536)) as door:
        start = b'{"model": "sketch", "messages": [{"role": "user", "content": "data:image/png;base64,'
        chunks = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (start, *[b"iVBO" * 4096] * 8)]
        answer = await raw(door, HEAD + b"transfer-encoding: chunked\r\n\r\n", *chunks)
        assert refusal(answer) == (413, "too_large")
        assert not door.sketch.requests
        assert nothing_stored(tmp_path)


async def test_an_oversized_text_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path, limits=Limits(text=20_000)) as door:
        is_error(await door.chat("text", "many words " * 3000), 413, "too_large")
        assert (await door.chat("text", "few words")).status == 200


async def test_a_client_that_leaves_in_the_middle_leaves_nothing(door: Door) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", door.gateway.settings.server.port)
    writer.write(HEAD + b"content-length: 9000000\r\n\r\n")
    writer.write(b'{"model": "sketch", "messages": [{"role": "user", "content": "data:image/png;base64,')
    writer.write(b"iVBORw0K" * 100_000)
    await writer.drain()
    for _ in range(500):
        if stored(door.root).parts:
            break
        await asyncio.sleep(0.01)
    assert stored(door.root).parts
    writer.close()
    for _ in range(500):
        if not stored(door.root).parts:
            break
        await asyncio.sleep(0.01)
    assert nothing_stored(door.root)
    assert (await door.get("/health")).status == 200


# Pictures


NO_PICTURES: dict[str, tuple[Callable[[], str], int, str]] = {
    "bomb": (lambda: uri(bomb()), 413, "too_large"),
    "lying bomb": (lambda: uri(png(30_000, 30_000, b"")[:-20]), 400, "invalid_media"),
    "html": (lambda: uri(HTML), 400, "invalid_media"),
    "long html": (lambda: uri(HTML * 200), 400, "invalid_media"),
    "svg": (lambda: uri(b'<svg xmlns="http://www.w3.org/2000/svg"></svg>', "image/svg+xml"), 400, "invalid_media"),
    "cut off": (lambda: uri(bomb()[:50_000]), 400, "invalid_media"),
    "empty": (lambda: "data:image/png;base64,", 400, "invalid_media"),
    "broken base64": (lambda: "data:image/png;base64,iVBORw0KGgo*?%", 400, "invalid_media"),
    "long broken base64": (lambda: uri(bomb())[:9000] + "*?%" + uri(bomb())[9000:], 400, "invalid_media"),
    "not base64": (lambda: "data:image/png,hello", 400, "invalid_media"),
}
# In a text, what is no base64, and what does not claim to be a picture that anybody could draw on, is a text.
IN_TEXT = ["bomb", "lying bomb", "html", "long html", "cut off"]


async def assert_no_picture(door: Door, answer: Answer, status: int, code: str) -> None:
    assert len(is_error(answer, status, code)) < 500
    assert nothing_stored(door.root)
    assert not door.sketch.requests


@pytest.mark.parametrize("name", NO_PICTURES)
async def test_what_is_no_picture_says_so(door: Door, name: str) -> None:
    url, status, code = NO_PICTURES[name]
    await assert_no_picture(door, await door.chat("sketch", picture(url())), status, code)


@pytest.mark.parametrize("name", IN_TEXT)
async def test_what_is_no_picture_in_a_text_says_so(door: Door, name: str) -> None:
    url, status, code = NO_PICTURES[name]
    answer = await door.chat("sketch", f"make this blue: ![x]({url()})")
    await assert_no_picture(door, answer, status, code)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x.png",
        "http://localhost:8000/x.png",
        "http://[::1]/x.png",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/x.png",
        "http://0/x.png",
        "http://2130706433/x.png",
        "http://[::ffff:127.0.0.1]/x.png",
        "http://",
        "http://[",
        "http://user:password@127.0.0.1/x.png",
    ],
)
async def test_a_private_address_is_refused(door: Door, url: str) -> None:
    answer = await door.chat("sketch", picture(url))
    is_error(answer, 400, "url_refused")
    assert "password" not in answer.text
    assert nothing_stored(door.root)
    assert not door.sketch.requests


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x", "hello", "javascript:alert(1)", "", " "]
)
async def test_what_is_no_address_is_refused(door: Door, url: str) -> None:
    answer = await door.chat("sketch", picture(url))
    is_error(answer, 400, "malformed_request")
    assert answer.json["error"]["param"].startswith("messages[0].content[1]")
    assert not door.sketch.requests


async def test_an_address_without_an_answer(behind: Door) -> None:
    answer = await behind.chat("sketch", picture(f"http://localhost:{free_port()}/x.png?token=secret"))
    is_error(answer, 400, "url_unreachable")
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (Response(HTML, media_type="text/html"), "invalid_media"),
        (Response(HTML, media_type="image/png"), "invalid_media"),
        (Response(b"", media_type="image/png"), "invalid_media"),
        (Response(b"gone", 404), "url_unreachable"),
        (Response(b"oops", 500), "url_unreachable"),
        (RedirectResponse("http://127.0.0.1:1/x.png"), "url_refused"),
        (RedirectResponse("file:///etc/passwd"), "url_refused"),
        (RedirectResponse("/files/x.png"), "url_unreachable"),
    ],
    ids=["html", "html as png", "empty", "404", "500", "to a private one", "to a file", "in circles"],
)
async def test_an_address_that_leads_to_no_picture(behind: Door, stub: Stub, response: Response, code: str) -> None:
    stub.files["x.png"] = response
    port = next(row for row in behind.gateway.providers.rows if row.name == "stub").base_url.split(":")[2][:-3]
    is_error(await behind.chat("sketch", picture(f"http://localhost:{port}/files/x.png")), 400, code)
    assert nothing_stored(behind.root)
    assert not behind.sketch.requests


# Upstreams


async def failed(door: Door, model: str, status: int, code: str, *, begun: bool = False) -> str:
    """Ask with and without a stream; both must fail alike. `begun`: the stream fails after its first words."""
    plain = await door.chat(model)
    message = is_error(plain, status, code)
    streamed = await door.chat(model, stream=True)
    if begun:
        assert streamed.status == 200
        error = events_of(streamed)[-1]["error"]
        assert error["code"] == code
        assert set(error) == {"message", "type", "param", "code"}
    else:
        is_error(streamed, status, code)
    assert "Traceback" not in streamed.text
    assert nothing_stored(door.root)
    return message


@pytest.mark.parametrize("kind", ["", "-image"])
@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("boom", 502, "upstream_broken"),
        ("html", 502, "upstream_broken"),
        ("leak", 502, "upstream_auth_failed"),
        ("slow-down", 429, "rate_limit"),
        ("elsewhere", 502, "upstream_broken"),
        ("prose", 502, "upstream_broken"),
        ("nothing", 502, "upstream_broken"),
        ("list", 502, "upstream_broken"),
    ],
)
async def test_an_upstream_that_fails(behind: Door, model: str, status: int, code: str, kind: str) -> None:
    message = await failed(behind, f"stub/{model}{kind}", status, code)
    assert "<html" not in message


async def test_an_upstream_that_dies_in_the_middle_of_its_words(behind: Door) -> None:
    await failed(behind, "stub/cut", 502, "upstream_broken", begun=True)


async def test_an_upstream_that_dies_in_the_middle_of_a_picture(door: Door) -> None:
    plain = await door.chat("dies", sketch={"bytes": 1 << 20})
    is_error(plain, 502, "upstream_broken")
    streamed = await door.chat("dies", sketch={"bytes": 1 << 20}, stream=True)
    if streamed.status == 200:
        assert events_of(streamed)[-1]["error"]["code"] == "upstream_broken"
    else:
        is_error(streamed, 502, "upstream_broken")
    assert nothing_stored(door.root)
    assert all(status != "running" for status, _ in stored(door.root).generations.values())


@pytest.mark.parametrize("model", ["closed/any", "closed/any-image"])
async def test_an_upstream_that_is_not_there(behind: Door, model: str) -> None:
    message = await failed(behind, model, 503, "upstream_unavailable")
    assert "closed" in message


async def test_the_upstreams_words_and_its_wait_reach_the_client(behind: Door) -> None:
    assert "the worker fell over" in is_error(await behind.chat("stub/boom"), 502, "upstream_broken")
    # What is left of the wait, if somebody asked before.
    assert 0 < int((await behind.chat("stub/slow-down")).headers["retry-after"]) <= 30
    assert 0 < int((await behind.chat("fail-429")).headers["retry-after"]) <= 7
    assert 0 < int((await behind.chat("fail-429", stream=True)).headers["retry-after"]) <= 7


async def test_two_texts_are_no_answer(behind: Door) -> None:
    is_error(await behind.chat("stub/two", n=2), 400, "malformed_request")
    answer = await behind.chat("stub/two", n=1)
    assert answer.json["choices"][0]["message"]["content"].startswith("one")


# Secrets


async def said_of(door: Door, models: tuple[str, ...]) -> tuple[str, str]:
    """Ask for models that fail, with a key; return the key and all that was answered."""
    _, secret = await door.gateway.keys.create("ann")
    headers = {"authorization": f"Bearer {secret}"}
    answers = [await door.chat("sketch"), await door.chat("sketch", headers={"authorization": f"Basic {secret}"})]
    for model in models:
        answers += [await door.chat(model, stream=stream, headers=headers) for stream in (False, True)]
    answers.append(await door.chat("sketch", headers=headers))
    assert answers[-1].status == 200
    return secret, "\n".join(answer.text + str(answer.headers) for answer in answers)


def on_disk(root: Path, word: str) -> bool:
    return any(word.encode() in path.read_bytes() for path in root.rglob("*") if path.is_file())


async def test_no_secret_reaches_a_log_an_answer_or_the_disk(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    models = ("boom", "html", "prose", "cut", "elsewhere", "boom-image", "prose-image")
    async with misbehaving(tmp_path, Stub()) as door:
        secret, said = await said_of(door, ("closed/any", *(f"stub/{model}" for model in models)))
        assert "aiosqlite" in caplog.text
        for word in (UPSTREAM_KEY, secret):
            assert word not in said
            assert word not in caplog.text
            assert not on_disk(tmp_path, word)


async def test_a_key_that_the_upstream_repeats_goes_no_further(tmp_path: Path) -> None:
    async with misbehaving(tmp_path, Stub()) as door:
        _, said = await said_of(door, ("stub/leak", "stub/leak-image"))
        assert "Incorrect API key provided" in said
        assert UPSTREAM_KEY not in said
        assert not on_disk(tmp_path, UPSTREAM_KEY)


async def test_a_fault_of_ours_is_a_line_to_the_client_and_a_traceback_to_the_log(
    fresh: Door, caplog: pytest.LogCaptureFixture
) -> None:
    await fresh.gateway.database.close()
    answer = await fresh.get("/v1/generations")
    assert answer.status == 500
    assert set(answer.json["error"]) == {"message", "type", "param", "code"}
    assert "Traceback" not in answer.text
    assert "Traceback" in caplog.text
