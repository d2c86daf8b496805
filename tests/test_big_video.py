"""Two gibibytes of video, in by every door and out to whoever takes it: what that costs in memory.

The gateway runs as a process of its own, and its kernel tells the peak. Whatever sends and receives films here makes
and compares them chunk by chunk, so that nobody else in the test holds one either.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import av
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from darkroom.testing import VideosUpstream, serve
from darkroom.testing.films import Film, filled, make
from doors import Served, serving
from films import sound, video
from memory import KIB, MIB, Process, needs_peaks
from running import user
from s3 import running_s3

GIB = 1024 * MIB
pytestmark = needs_peaks

MOST = 64 * MIB
"""What may be resident above idle at any moment."""

PROMPT = "a film that takes its time"
SMALL = 9 * MIB
"""The size of films for the warm-up: large enough to take every way that a large one takes."""

_CONFIG = """
sketch = false
[fetch]
allow = ["127.0.0.1"]
[limits]
media = {limit}
body = {limit}
[[providers]]
name = "films"
dialect = "openai-videos"
base_url = "{films}/v1"
api_key = "none"
models = ["sora-2"]
options = {{ poll_seconds = 0.1 }}
[[providers]]
name = "google"
dialect = "gemini"
base_url = "{world}/v1beta"
api_key = "none"
models = ["gemini-3-flash"]
[[providers]]
name = "sees"
base_url = "{world}/v1"
api_key = "none"
models = ["watcher"]
profile = {{ sees = ["image", "video"], forms = ["inline"] }}
"""


@dataclass
class World:
    """Everybody else: a host of films, Google's Files API and its models, and a chat model that is shown films inline.

    `film` is the one that is on its way; what arrives is compared with it while it comes. `arrived` tells of each that
    did, by which way and of which size.
    """

    film: Film = field(default_factory=lambda: make(PROMPT))
    arrived: list[tuple[str, int]] = field(default_factory=list)
    app: Starlette = field(init=False)

    def __post_init__(self) -> None:
        self.app = Starlette(
            routes=[
                Route("/films/{size}.mp4", self._hand_out),
                Route("/upload/v1beta/files", self._upload, methods=["POST"]),
                Route("/v1beta/files/{id}", self._delete, methods=["DELETE"]),
                Route("/v1beta/models/{call}", self._generate, methods=["POST"]),
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
            ]
        )

    async def _hand_out(self, request: Request) -> Response:
        film = self.film
        headers = {"content-length": str(film.size), "etag": '"film"'}
        return StreamingResponse(_each(film.chunks()), headers=headers, media_type="video/mp4")

    async def _upload(self, request: Request) -> Response:
        """Google's resumable upload, in one go."""
        where = f"{request.base_url}upload/v1beta/files?upload_id=1"
        if "upload_id" not in request.query_params:
            return JSONResponse({}, headers={"x-goog-upload-url": where, "x-goog-upload-status": "active"})
        self.arrived.append(("upload", await same(request.stream(), self.film)))
        uri = f"{request.base_url}v1beta/files/film"
        told = {"name": "files/film", "uri": uri, "mimeType": "video/mp4", "state": "ACTIVE"}
        return JSONResponse({"file": told}, headers={"x-goog-upload-status": "final"})

    async def _delete(self, request: Request) -> Response:
        return JSONResponse({})

    async def _generate(self, request: Request) -> Response:
        parts = json.loads(await request.body())["contents"][-1]["parts"]
        assert [name for part in parts for name in part] == ["text", "fileData"]
        candidate = {"content": {"role": "model", "parts": [{"text": "A barn."}]}, "finishReason": "STOP", "index": 0}
        return Response(f"data: {json.dumps({'candidates': [candidate]})}\r\n\r\n", media_type="text/event-stream")

    async def _chat(self, request: Request) -> Response:
        film = _Inline(request.stream())
        self.arrived.append(("inline", await same(film.decoded(), self.film)))
        asked = json.loads(film.around)
        assert asked["messages"][-1]["content"][-1]["video_url"]["url"] == "data:video/mp4;base64,"
        message = {"role": "assistant", "content": "A barn."}
        if not asked.get("stream"):
            return JSONResponse({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
        frame = {"choices": [{"index": 0, "delta": message, "finish_reason": "stop"}]}
        return Response(f"data: {json.dumps(frame)}\n\ndata: [DONE]\n\n", media_type="text/event-stream")


class _Inline:
    """A JSON body with one data URI in it, read as it comes: its bytes, and `around` them all that is not of it."""

    def __init__(self, body: AsyncIterator[bytes]) -> None:
        self.around = b""
        self._body = body

    async def decoded(self) -> AsyncIterator[bytes]:
        mark, rest = b";base64,", b""
        async for chunk in self._body:
            rest += chunk
            if mark not in self.around:
                before, found, rest = rest.partition(mark)
                self.around += before + found
                if not found:
                    continue
            run, quote, behind = rest.partition(b'"')
            whole = len(run) if quote else len(run) // 4 * 4
            yield base64.b64decode(run[:whole])
            rest = run[whole:]
            if quote:
                self.around += quote + behind
                break
        async for chunk in self._body:
            self.around += chunk


async def same(chunks: AsyncIterator[bytes], film: Film) -> int:
    """Compare bytes with a film's as they come; return how many there were."""
    at = 0
    async for chunk in chunks:
        assert chunk == b"".join(film.chunks(at, at + len(chunk))), f"other bytes than the film's behind {at}"
        at += len(chunk)
    return at


async def _each(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


@dataclass(frozen=True, slots=True)
class House:
    """A gateway as a process, and everybody around it."""

    served: Served
    client: aiohttp.ClientSession
    world: World
    films: VideosUpstream
    world_url: str

    async def made(self, film: Film) -> None:
        """Have an upstream make the film, and download it from the gateway."""
        self.films.film_bytes = film.size
        asked = {"model": "films/sora-2", "prompt": PROMPT}
        id = (await self._json("POST", "/v1/videos", json=asked))["id"]
        while (video := await self._json("GET", f"/v1/videos/{id}"))["status"] != "completed":
            assert video["status"] in ("queued", "in_progress"), video
            await asyncio.sleep(0.1)
        async with self.client.get(f"/v1/videos/{id}/content") as response:
            assert response.status == 200
            assert await same(response.content.iter_any(), film) == film.size
        await self._json("DELETE", f"/v1/videos/{id}")

    async def as_form(self, film: Film) -> None:
        """Upload the film in one form."""
        field = 'content-disposition: form-data; name="{}"'
        purpose = f"--x\r\n{field.format('purpose')}\r\n\r\nuser_data\r\n"
        named = f'--x\r\n{field.format("file")}; filename="film.mp4"\r\ncontent-type: video/mp4\r\n\r\n'
        head, tail = (purpose + named).encode(), b"\r\n--x--\r\n"

        async def body() -> AsyncIterator[bytes]:
            yield head
            for chunk in film.chunks():
                yield chunk
            yield tail

        size = len(head) + film.size + len(tail)
        headers = {"content-type": "multipart/form-data; boundary=x", "content-length": str(size)}
        file = await self._json("POST", "/v1/files", data=body(), headers=headers)
        await self._is_kept(file["id"], film)

    async def in_pieces(self, film: Film) -> None:
        """Upload the film by tus, 64 MiB at a time."""
        tus = {"tus-resumable": "1.0.0"}
        async with self.client.post("/v1/files/tus", headers={**tus, "upload-length": str(film.size)}) as response:
            assert response.status == 201, await response.text()
            where = response.headers["location"]
        ends = [*range(0, film.size, 64 * MIB), film.size]
        for start, stop in pairwise(ends):
            headers = {
                **tus,
                "upload-offset": str(start),
                "content-length": str(stop - start),
                "content-type": "application/offset+octet-stream",
            }
            async with self.client.patch(where, data=_each(film.chunks(start, stop)), headers=headers) as response:
                assert response.status == 204, await response.text()
        await self._is_kept(response.headers["x-darkroom-file"], film)

    async def by_url(self, film: Film) -> None:
        """Name the film by its URL in a chat with a model that takes uploads."""
        part = {"type": "video_url", "video_url": {"url": f"{self.world_url}/films/{film.size}.mp4"}}
        self.world.film = film
        asked = {"model": "google/gemini-3-flash", "messages": [user("what is it?", part)]}
        await self._json("POST", "/v1/chat/completions", json=asked)
        assert self.world.arrived[-1] == ("upload", film.size)

    async def inline(self, film: Film) -> None:
        """Show the film as a data URI to a model that takes nothing else."""

        async def body() -> AsyncIterator[bytes]:
            head, tail = self._around()
            yield head
            rest = b""
            for chunk in film.chunks():
                data = rest + chunk
                whole = len(data) // 3 * 3
                yield base64.b64encode(memoryview(data)[:whole])
                rest = data[whole:]
            yield base64.b64encode(rest)
            yield tail

        self.world.film = film
        size = sum(map(len, self._around())) + (film.size + 2) // 3 * 4
        headers = {"content-type": "application/json", "content-length": str(size)}
        await self._json("POST", "/v1/chat/completions", data=body(), headers=headers)
        assert self.world.arrived[-1] == ("inline", film.size)

    def _around(self) -> tuple[bytes, bytes]:
        part = {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,\n"}}
        head, tail = json.dumps({"model": "sees/watcher", "messages": [user("what is this?", part)]}).split("\\n")
        return head.encode(), tail.encode()

    async def _is_kept(self, id: str, film: Film) -> None:
        """See that a file is the film, by its size and its end, and delete it."""
        assert (await self._json("GET", f"/v1/files/{id}"))["bytes"] == film.size
        async with self.client.get(f"/v1/files/{id}/content", headers={"range": f"bytes=-{MIB}"}) as response:
            assert response.status == 206
            assert await response.read() == b"".join(film.chunks(film.size - MIB))
        await self._json("DELETE", f"/v1/files/{id}")

    async def _json(self, method: str, path: str, **options: Any) -> Any:
        async with self.client.request(method, path, **options) as response:
            answer = await response.json()
            assert response.status == 200, answer
        return answer


@asynccontextmanager
async def house(root: Path, limit: int, **environment: str) -> AsyncIterator[House]:
    """Run a gateway that takes media of up to `limit` bytes."""
    world, films = World(), VideosUpstream(seconds=0.2)
    try:
        async with serve(world.app) as world_url, serve(films.app) as films_url:
            (root / "darkroom.toml").write_text(_CONFIG.format(limit=limit, world=world_url, films=films_url))
            async with (
                serving(root, **environment) as served,
                aiohttp.ClientSession(served.url, timeout=aiohttp.ClientTimeout(total=600)) as client,
            ):
                yield House(served, client, world, films, world_url)
    finally:  # pytest keeps the directories of the last runs.
        shutil.rmtree(root / "media", ignore_errors=True)


def hour() -> bytes:
    """Return an hour of a film in 1080p with sound: the same four pictures again and again.

    What a film costs in memory is not its size: it is the tables of a long one, and the first frame of a large one.
    """
    out, pictures, sounds = io.BytesIO(), io.BytesIO(video(count=4, size=(1920, 1080))), io.BytesIO(sound())
    with av.open(pictures) as seen, av.open(sounds) as heard, av.open(out, "w", format="mp4") as film:
        shown, voice = (film.add_stream_from_template(each.streams[0]) for each in (seen, heard))
        four = [packet for packet in seen.demux() if packet.size]
        hush = min((packet for packet in heard.demux() if packet.size), key=lambda packet: packet.size)
        for number in range(3600 * 24 // 4):
            for packet in four:
                film.mux(_again(packet, shown, number * 2048))
            for at in range(number * 8000 // 1024, (number + 1) * 8000 // 1024):
                film.mux(_again(hush, voice, at * 1024 - hush.pts))
    return out.getvalue()


def _again(packet: Any, stream: Any, later: int) -> Any:
    """Return a packet of another film for a stream, so much later in the stream's own time."""
    copy = av.Packet(bytes(packet))
    copy.pts, copy.dts, copy.duration = packet.pts + later, packet.dts + later, packet.duration
    copy.time_base, copy.is_keyframe, copy.stream = packet.time_base, packet.is_keyframe, stream
    return copy


async def measured(house: House, ways: list[tuple[Callable[[Film], Awaitable[None]], Film]]) -> dict[str, int]:
    """Send a small film all ways, then the films; return the peak above idle of each in bytes."""
    for number in range(2):
        for way, _ in ways:
            await way(make(PROMPT, size=SMALL + number))
    process = Process(house.served.process.pid)
    await asyncio.sleep(1)
    idle, peaks = process.resident(), {}
    for way, film in ways:
        process.forget()
        begun = time.monotonic()
        await way(film)
        peaks[way.__name__] = process.peak() - idle
        print(
            f"{way.__name__}: {film.size / MIB:.0f} MiB, peak {peaks[way.__name__] / MIB:.1f} MiB above idle "
            f"({idle / MIB:.0f} MiB), {time.monotonic() - begun:.1f} s"
        )
    return peaks


async def test_two_gibibytes_in_and_out(tmp_path: Path) -> None:
    if shutil.disk_usage(tmp_path).free < 8 * GIB:
        pytest.skip("the disk has no room for it")
    long = hour()
    big = filled(long, 2 * GIB)
    async with house(tmp_path, 3 * GIB) as here:
        ways = [
            (here.made, make(PROMPT, size=2 * GIB)),
            (here.in_pieces, big),
            (here.by_url, big),
            (here.as_form, filled(long, GIB // 2)),
            (here.inline, filled(long, GIB // 4)),
        ]
        peaks = await measured(here, ways)
    assert all(peak < MOST for peak in peaks.values()), {way: peak // MIB for way, peak in peaks.items()}


async def test_a_bucket_is_streamed_to_and_from(tmp_path: Path) -> None:
    (tmp_path / "s3").mkdir()
    with running_s3(tmp_path / "s3") as s3:
        environment = {"DARKROOM_STORAGE_MEDIA": f"{s3.url}/media", "TMPDIR": str(tmp_path), **s3.options()}
        async with house(tmp_path, GIB, **environment) as here:
            film = filled(hour(), GIB // 8)
            ways = [(here.made, make(PROMPT, size=GIB // 8)), (here.in_pieces, film), (here.by_url, film)]
            peaks = await measured(here, ways)
    assert all(peak < MOST for peak in peaks.values()), {way: peak // MIB for way, peak in peaks.items()}


_POSTER = """
import re, sys
from pathlib import Path
from darkroom import films

def told(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

films.poster(Path(sys.argv[1]), "video/mp4", 512)
Path("/proc/self/clear_refs").write_text("5")
before = told("VmRSS")
films.poster(Path(sys.argv[2]), "video/mp4", 512)
print(told("VmHWM") - before)
"""


async def test_the_first_frame_of_a_large_film_is_decoded_alone(tmp_path: Path) -> None:
    """A decoder that waits for the next frames holds them all: here of twelve megabytes each."""
    small, large = tmp_path / "small.mp4", tmp_path / "large.mp4"
    small.write_bytes(video())
    large.write_bytes(video(count=8, size=(3840, 2160)))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _POSTER, small, large, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert int(out) * KIB < 40 * MIB
