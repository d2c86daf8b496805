"""The floor program: the least that anything written in Python with these libraries must do, and nothing else.

Raw ASGI on uvicorn, aiohttp towards the upstream. It finds the base64 of the one picture, decodes it as it comes,
hashes it, writes it to a file without making that durable, and answers with a few bytes. It knows what the bench sends,
and parses nothing: no keys, no rows, no links, no check of anything.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from hashlib import sha256
from io import FileIO
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import pybase64
import uvicorn

_READ = 256 * 1024
_SMALL = 16 * 1024
_CONTENT = b'"content":"'
_BASE64 = b";base64,"
_JSON = b'{"choices":[{"message":{"content":"stored %b"}}]}'
_SSE = b'data: {"choices":[{"delta":{"content":"stored %b"}}]}\n\ndata: [DONE]\n\n'

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Span:
    """The one run of base64 in a body, decoded into a file while it arrives."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._hash = sha256()
        self._before = b""
        self._inside = False
        self._rest = b""
        self.size = 0

    def feed(self, chunk: bytes) -> None:
        """Take bytes of JSON, or of SSE with the whole run in one string."""
        if not self._inside:
            chunk = self._before + chunk
            start = chunk.find(_BASE64)
            if start < 0:
                self._before = chunk[-len(_BASE64) :]
                return
            self._inside = True
            chunk = chunk[start + len(_BASE64) :]
        end = min((at for at in (chunk.find(b'"'), chunk.find(b")")) if at >= 0), default=-1)
        self.take(chunk if end < 0 else chunk[:end])
        if end >= 0:
            self._inside, self._before = False, b""

    def take(self, chars: bytes) -> None:
        """Take base64."""
        chars = self._rest + chars
        whole = len(chars) // 4 * 4
        self._rest = chars[whole:]
        data = pybase64.b64decode(chars[:whole], validate=True)
        self._hash.update(data)
        self._file.write(data)
        self.size += len(data)

    def digest(self) -> bytes:
        return self._hash.hexdigest().encode()


class Deltas:
    """A run in many frames: the strings of `content`, put together per chunk."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        *frames, self._rest = (self._rest + chunk).split(b"\n\n")
        texts = []
        for frame in frames:
            start = frame.find(_CONTENT)
            if start >= 0:
                start += len(_CONTENT)
                texts.append(frame[start : frame.find(b'"', start)])
        self._span.feed(b"".join(texts))


class Floor:
    """The ASGI app. `directory` is where pictures go."""

    def __init__(self, upstream: str, directory: Path) -> None:
        self._url = upstream + "/v1/chat/completions"
        self._directory = directory
        self._names = count()
        self._client: aiohttp.ClientSession | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] == "/health":
            await _answer(send, b"{}", b"application/json")
            return
        headers = dict(scope["headers"])
        length = int(headers[b"content-length"])
        if length > _SMALL:
            await self._history(length, receive, send)
        else:
            await self._chat(await _whole(receive), send)

    async def _history(self, length: int, receive: Receive, send: Send) -> None:
        """Store the picture of a request while it is passed on."""
        with self._new_file() as file:
            span = Span(file)
            async with self._post(_passed(receive, span), length) as response:
                text = await response.read()
        await _answer(send, text, b"application/json")

    async def _chat(self, body: bytes, send: Send) -> None:
        async with self._post(body, len(body)) as response:
            if b'"bench-image' in body:
                await self._picture(response, b'"bench-image-deltas"' in body, send)
            elif response.content_type == "application/json":
                await _answer(send, await response.read(), b"application/json")
            else:
                await _relay(response, send)

    async def _picture(self, response: aiohttp.ClientResponse, deltas: bool, send: Send) -> None:
        with self._new_file() as file:
            span = Span(file)
            reader: Span | Deltas = Deltas(span) if deltas else span
            async for chunk in response.content.iter_any():
                reader.feed(chunk)
        if response.content_type == "application/json":
            await _answer(send, _JSON % span.digest(), b"application/json")
        else:
            await _answer(send, _SSE % span.digest(), b"text/event-stream")

    def _post(self, body: bytes | AsyncIterator[bytes], length: int) -> Any:
        if self._client is None:
            self._client = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), read_bufsize=_READ, cookie_jar=aiohttp.DummyCookieJar()
            )
        headers = {"content-length": str(length), "content-type": "application/json"}
        return self._client.post(self._url, data=body, headers=headers)

    def _new_file(self) -> FileIO:
        return (self._directory / f"{os.getpid()}-{next(self._names)}").open("wb", buffering=0)


async def _whole(receive: Receive) -> bytes:
    pieces = []
    more = True
    while more:
        message = await receive()
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(pieces)


async def _passed(receive: Receive, span: Span) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        if body := message.get("body", b""):
            span.feed(body)
            yield body


async def _relay(response: aiohttp.ClientResponse, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    async for chunk in response.content.iter_any():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _answer(send: Send, body: bytes, kind: bytes) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """`python -m bench.floor UPSTREAM DIRECTORY PORT`."""
    app = Floor(sys.argv[1], Path(sys.argv[2]))
    uvicorn.run(
        app, host="127.0.0.1", port=int(sys.argv[3]), loop="uvloop", http="httptools", lifespan="off",
        ws="none", access_log=False, log_level="warning",
    )  # fmt: skip


if __name__ == "__main__":
    main()
