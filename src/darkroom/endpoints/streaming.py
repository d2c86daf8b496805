"""Answers on their way out: sent as they come, and stopped when the client leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from typing import Any

from starlette.types import Message, Receive, Scope, Send

_HEARTBEAT_SECONDS = 10.0
"""After so long without a word a heartbeat goes out: proxies begin to cut at 15 s."""
_SEND_SECONDS = 60.0
"""How long a client may take nothing of what is there for it."""
EVENTS = "text/event-stream; charset=utf-8"
HEARTBEAT = b": still working\n\n"
"""A comment, which is nothing to a client that reads events."""
_SSE_HEADERS = [
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class SseStream:
    """Sends frames as they come, and heartbeats where there is nothing to say for a while."""

    def __init__(self, frames: AsyncIterator[bytes], content_type: str = EVENTS, heartbeat: bytes = HEARTBEAT) -> None:
        self.frames = frames
        self.headers = [(b"content-type", content_type.encode()), *_SSE_HEADERS]
        self.heartbeat = heartbeat
        self._tail = b"\n\n"
        self._said = 0.0
        """When something was sent last, by the loop's clock."""

    async def send(self, send: Send) -> None:
        send = _timely(send)
        await send({"type": "http.response.start", "status": 200, "headers": self.headers})
        beating = asyncio.ensure_future(self._beat(send))
        try:
            async for frame in self.frames:
                self._tail = frame[-2:]
                self._said = asyncio.get_running_loop().time()
                await send({"type": "http.response.body", "body": frame, "more_body": True})
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating
        await send({"type": "http.response.body", "body": b""})

    async def _beat(self, send: Send) -> None:
        """Keep proxies from cutting a quiet connection; never in the middle of a frame."""
        loop = asyncio.get_running_loop()
        self._said = loop.time()
        while True:
            await asyncio.sleep(max(self._said + _HEARTBEAT_SECONDS - loop.time(), 0.01))
            if loop.time() - self._said >= _HEARTBEAT_SECONDS and self._tail == b"\n\n":
                self._said = loop.time()
                await send({"type": "http.response.body", "body": self.heartbeat, "more_body": True})


class PiecesResponse:
    """Sends a body of known length, piece by piece."""

    def __init__(self, pieces: AsyncIterator[bytes], length: int, headers: dict[str, str]) -> None:
        self.pieces = pieces
        self.headers = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.headers.append((b"content-length", str(length).encode()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        send = _timely(send)
        await send({"type": "http.response.start", "status": 200, "headers": self.headers})
        async for piece in self.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _timely(send: Send) -> Send:
    """Let go of a client that stays connected and does not read: it holds one of its owner's places."""

    async def timely(message: Message) -> None:
        async with asyncio.timeout(_SEND_SECONDS):
            await send(message)

    return timely


async def until_gone(receive: Receive, work: Coroutine[Any, Any, None]) -> None:
    """Do work, and stop it when the client leaves."""
    doing = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({doing, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (doing, leaving):
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
    if not doing.cancelled():
        doing.result()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
