"""Clients that wait, leave, or never read, and upstreams that are silent: nothing hangs, and no place is lost."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from darkroom.endpoints import door, streaming
from darkroom.settings import Limits
from darkroom.sketch import paint
from darkroom.testing import serve
from running import House, Json, data_uri, links_in, picture, row, running, sha256, user

COW = paint("a cow", size=(128, 128)).data
TEXT_MODEL, IMAGE_MODEL = "slow/some-model", "slow/some-image-model"
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
BOTH_MODELS = pytest.mark.parametrize("model", [TEXT_MODEL, IMAGE_MODEL], ids=["text", "image"])
HEARTBEAT = b": still working\n\n"
WAIT = 30
"""Seconds after which a test gives up; nothing here should come near it."""


def frame(delta: Json, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


END = frame({}, "stop") + b"data: [DONE]\n\n"
PICTURE = frame({"images": [picture(data_uri(COW))]}) + END


class Slow:
    """An upstream that says `before` at once, and `after` when its gate is open; it counts who asks and who waits."""

    def __init__(self, before: bytes = b"", after: bytes = PICTURE) -> None:
        self.before, self.after = before, after
        self.asked = self.fetched = 0
        self.gate = asyncio.Event()
        routes = [Route("/v1/chat/completions", self._chat, methods=["POST"]), Route("/cow.png", self._file)]
        self.app = Starlette(routes=routes)

    async def _chat(self, request: Request) -> Response:
        await request.body()
        self.asked += 1
        return StreamingResponse(self._said(), media_type="text/event-stream")

    async def _said(self) -> AsyncIterator[bytes]:
        yield self.before
        await self.gate.wait()
        for at in range(0, len(self.after), 65536):
            yield self.after[at : at + 65536]

    async def _file(self, request: Request) -> Response:
        self.fetched += 1
        await self.gate.wait()
        return Response(COW, media_type="image/png")


@asynccontextmanager
async def behind(root: Path, slow: Slow, **limits: int) -> AsyncIterator[House]:
    """Run a gateway before this upstream; what hangs in the block fails."""
    async with (
        serve(slow.app) as url,
        running(root, providers=[row("slow", url)], allow=["127.0.0.1"], limits=Limits(**limits)) as house,
    ):
        try:
            async with asyncio.timeout(WAIT):
                yield house
        finally:
            slow.gate.set()


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(WAIT * 100):
        if await true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came true")


async def asked(slow: Slow, times: int) -> None:
    async def so_often() -> bool:
        return slow.asked >= times

    await until(so_often)


async def a_place(house: House, model: str = "painter/text") -> None:
    """Wait until the owner has a place again."""

    async def free() -> bool:
        status, _ = await house.post({"model": model, "messages": [user("hello")]})
        assert status in {200, 429}
        return status == 200

    await until(free)


async def statuses(house: House) -> list[str]:
    return [generation.status for generation in await house.generations()]


def body(model: str, *, stream: bool, content: str | list[Json] = "a cow") -> Json:
    return {"model": model, "messages": [{"role": "user", "content": content}], "stream": stream}


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "_PATIENCE_SECONDS", 0.02)
    monkeypatch.setattr(streaming, "_HEARTBEAT_SECONDS", 0.02)


async def read_until(response: aiohttp.ClientResponse, words: bytes) -> bytes:
    """Return what has come of a stream when these words are in it."""
    text = b""
    while words not in text:
        piece = await response.content.readany()
        assert piece, text
        text += piece
    return text


# A silent upstream.


@BOTH_MODELS
async def test_a_silent_upstream_keeps_its_stream_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    """The response begins before the first event, and heartbeats go on until there is one."""
    impatient(monkeypatch)
    slow = Slow(after=frame({"content": "There."}) + PICTURE)
    async with (
        behind(tmp_path, slow) as house,
        house.http.post("/v1/chat/completions", json=body(model, stream=True)) as response,
    ):
        assert (response.status, response.content_type) == (200, "text/event-stream")
        early = await read_until(response, HEARTBEAT * 2)
        assert early.replace(HEARTBEAT, b"") == b""
        assert not slow.gate.is_set()
        slow.gate.set()
        rest = await response.text()
        assert '"content":"There."' in rest
        assert rest.endswith("data: [DONE]\n\n")
        assert len(links_in(rest)) == 1


@BOTH_MODELS
@pytest.mark.parametrize("begun", [False, True], ids=["at once", "after a word"])
async def test_an_error_after_heartbeats_is_an_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, begun: bool
) -> None:
    impatient(monkeypatch)
    error = b'data: {"error": {"message": "rate limit reached"}}\n\n'
    slow = Slow(frame({"content": "Well, "}) if begun else b"", error)
    async with (
        behind(tmp_path, slow) as house,
        house.http.post("/v1/chat/completions", json=body(model, stream=True)) as response,
    ):
        assert (response.status, response.content_type) == (200, "text/event-stream")
        await read_until(response, HEARTBEAT)
        slow.gate.set()
        rest = (await response.read()).replace(HEARTBEAT, b"").decode()
        told, done, nothing = rest.rsplit("\n\n", 2)
        assert (done, nothing) == ("data: [DONE]", "")
        event = json.loads(told.rpartition("data: ")[2])
        assert event["error"]["code"] == "rate_limit"
        assert "rate limit reached" in event["error"]["message"]


async def test_what_fails_at_once_still_has_its_status(tmp_path: Path) -> None:
    slow = Slow(b'data: {"error": {"message": "rate limit reached"}}\n\n')
    slow.gate.set()
    async with behind(tmp_path, slow) as house:
        status, answer = await house.post(body(IMAGE_MODEL, stream=True))
        assert (status, answer["error"]["code"]) == (429, "rate_limit")


# An owner's places.


async def leave(house: House, slow: Slow, *, stream: bool) -> None:
    """Ask for a picture, and go as soon as the upstream was asked."""
    before = slow.asked
    asking = asyncio.ensure_future(house.post(body(IMAGE_MODEL, stream=stream)))
    await asked(slow, before + 1)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


@STREAM
async def test_what_was_left_running_holds_its_place(tmp_path: Path, stream: bool) -> None:
    slow = Slow()
    async with behind(tmp_path, slow, per_owner=2) as house:
        for _ in range(2):
            await leave(house, slow, stream=stream)
        # Often enough that the gateway has noticed who left.
        for _ in range(30):
            status, answer = await house.post(body(IMAGE_MODEL, stream=stream))
            assert (status, answer["error"]["code"]) == (429, "rate_limit_exceeded")
            await asyncio.sleep(0.005)
        assert slow.asked == 2
        slow.gate.set()
        await a_place(house)
        await a_place(house, IMAGE_MODEL)

        async def all_ended() -> bool:
            return set(await statuses(house)) == {"completed"}

        await until(all_ended)
        assert len(await statuses(house)) >= 3


async def test_a_failure_that_was_left_running_gives_its_place_back(tmp_path: Path) -> None:
    slow = Slow(after=b'data: {"error": {"message": "rate limit reached"}}\n\n')
    async with behind(tmp_path, slow, per_owner=1) as house:
        await leave(house, slow, stream=True)
        slow.gate.set()
        await a_place(house)


@STREAM
@BOTH_MODELS
async def test_who_left_before_anything_was_asked_starts_nothing(tmp_path: Path, model: str, stream: bool) -> None:
    """He leaves while the picture that he names is fetched."""
    slow = Slow()
    async with behind(tmp_path, slow, per_owner=1) as house:
        shown = picture(house.gateway.providers.rows[1].base_url.removesuffix("/v1") + "/cow.png")
        asking = asyncio.ensure_future(house.post(body(model, stream=stream, content=[shown])))

        async def fetching() -> bool:
            return slow.fetched == 1

        await until(fetching)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        for _ in range(5):  # the gateway hears of it before it hears of these
            async with house.http.get("/health") as response:
                assert response.status == 200
        slow.gate.set()
        await a_place(house)
        assert slow.asked == 0
        assert await statuses(house) == []
        assert [media.blob for media in await house.media()] == [sha256(COW)]  # so it was not the fetch that failed


# Clients that leave.


@STREAM
async def test_a_cancelled_text_answer_leaves_nothing_running(tmp_path: Path, stream: bool) -> None:
    """A text model may show a picture too; its answer ends with its reader, and so does its row."""
    slow = Slow(frame({"content": f"Look: ![a cow]({data_uri(COW)}) and "}), frame({"content": "more"}) + END)
    async with behind(tmp_path, slow) as house:
        asking = asyncio.ensure_future(house.post(body(TEXT_MODEL, stream=stream)))

        async def begun() -> bool:
            return await statuses(house) == ["running"] and len(await house.media()) == 1

        await until(begun)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

        async def ended() -> bool:
            return await statuses(house) != ["running"]

        await until(ended)
        (generation,) = await house.generations()
        assert generation.status == "failed"
        assert generation.error is not None
        assert generation.error["code"] == "cancelled"
        assert not house.parts()


@STREAM
@pytest.mark.parametrize("before", [b"", frame({"content": "> 进度 5%.\n"})], ids=["silent", "in progress"])
async def test_a_watcher_who_leaves_stops_nothing(tmp_path: Path, before: bytes, stream: bool) -> None:
    """Much is still to be told when he goes: more than is kept for one who watches."""
    many = b"".join(frame({"reasoning_content": f"thought {number}\n"}) for number in range(600))
    slow = Slow(before, many + PICTURE)
    async with behind(tmp_path, slow, per_owner=1) as house:
        await leave(house, slow, stream=stream)
        slow.gate.set()
        await a_place(house)
        (generation,) = await house.generations()
        assert generation.status == "completed"
        assert [media.blob for media in generation.outputs] == [sha256(COW)]


# Clients that stay and do not read.


def silent_client(url: str, request: Json) -> socket.socket:
    """Connect, ask, and never read."""
    address = urlsplit(url)
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect((address.hostname, address.port))
    data = json.dumps(request).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {address.netloc}\r\ncontent-type: application/json\r\n"
    client.sendall(f"{head}content-length: {len(data)}\r\n\r\n".encode() + data)
    return client


@STREAM
@BOTH_MODELS
async def test_a_client_who_never_reads_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, stream: bool
) -> None:
    monkeypatch.setattr(streaming, "_SEND_SECONDS", 0.2)
    words = frame({"content": "many words " * 5000})
    slow = Slow(after=words * 300 + PICTURE)
    async with behind(tmp_path, slow, per_owner=1) as house:
        client = await asyncio.to_thread(silent_client, house.url, body(model, stream=stream))
        try:
            await asked(slow, 1)
            slow.gate.set()
            await a_place(house)
            assert slow.asked == 1
            if model == IMAGE_MODEL:  # what he asked for is finished nevertheless
                assert await statuses(house) == ["completed"]
            assert "running" not in await statuses(house)
        finally:
            client.close()
