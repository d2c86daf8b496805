"""Sending: answers as pieces, paced or at once, whole or cut off in the middle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from darkroom.testing.forms import Written
from darkroom.testing.rendering import Frame, Renderer, coalesced


def rendered(renderer: Renderer, written: Written, *, stream: bool) -> tuple[bytes, ...]:
    """Render an answer at once, in pieces of 64 KiB."""
    if not stream:
        return tuple(coalesced(renderer.whole(written)))
    return tuple(coalesced(segment for frame in renderer.frames(written) for segment in frame.segments))


def headers_for(*, stream: bool) -> dict[str, str]:
    return {
        "content-type": "text/event-stream" if stream else "application/json",
        "cache-control": "no-cache",
    }


def body(pieces: tuple[bytes, ...], *, stream: bool, cut: bool) -> Response:
    """Answer with pieces that are ready; `cut` leaves out the second half of them."""
    length = {} if stream else {"content-length": str(sum(map(len, pieces)))}
    sent = pieces[: max(1, len(pieces) // 2)] if cut else pieces
    return Sent(sent, {**headers_for(stream=stream), **length}, cut=cut)


async def paced(frames: Iterable[Frame], delay: float) -> AsyncIterator[bytes]:
    """Yield the frames' bytes; `delay` in seconds passes before those that wait."""
    for frame in frames:
        if frame.pause:
            await asyncio.sleep(delay)
        for piece in coalesced(frame.segments):
            yield piece


class Sent(Response):
    """A response of pieces; `cut`: it stops before it is complete, as a connection that dies does."""

    def __init__(
        self, pieces: Iterable[bytes] | AsyncIterator[bytes], headers: dict[str, str], *, cut: bool = False
    ) -> None:
        self.status_code = 200
        self.background = None
        self.pieces, self.cut = pieces, cut
        self.raw_headers = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for piece in _each(self.pieces):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if not self.cut:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _each(pieces: Iterable[bytes] | AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if isinstance(pieces, AsyncIterator):
        async for piece in pieces:
            yield piece
        return
    for piece in pieces:
        yield piece
