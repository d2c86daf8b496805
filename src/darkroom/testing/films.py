"""Films for emulators: real MP4s that say what they were made of, as large as a test wants, never in memory whole."""

from __future__ import annotations

import asyncio
import hashlib
import re
import struct
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from darkroom.sketch import film

CHUNK = 256 * 1024
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_FILLER = Random(5).randbytes(1 << 20)


@dataclass(frozen=True, slots=True)
class Film:
    """An MP4: `head` is all that players look at, and behind it stands noise in a box that they skip."""

    head: bytes
    size: int

    def chunks(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the bytes from `start` to `stop`, which is not included."""
        at, end = start, self.size if stop is None else min(stop, self.size)
        while at < end:
            if at < len(self.head):
                piece = self.head[at : min(end, at + CHUNK)]
            else:
                offset = (at - len(self.head)) % len(_FILLER)
                piece = _FILLER[offset : offset + min(CHUNK, end - at)]
            yield piece
            at += len(piece)

    @property
    def sha256(self) -> str:
        digest = hashlib.sha256()
        for chunk in self.chunks():
            digest.update(chunk)
        return digest.hexdigest()


def make(prompt: str, *, first: bytes | None = None, parents: Sequence[str] = (), size: int = 0) -> Film:
    """Return a film of a prompt, quickly drawn, at least `size` bytes large. `first` is a picture that it begins with,
    `parents` the hashes of what else it is made from."""
    return filled(film(prompt, 6, size=(192, 112), first=first, parents=parents).data, size)


def filled(data: bytes, size: int) -> Film:
    """Return an MP4 made `size` bytes large; one that is larger stays as it is."""
    if size < len(data) + 16:
        return Film(data, len(data))
    return Film(data + struct.pack(">I4sQ", 1, b"free", size - len(data)), size)


@dataclass(slots=True)
class Downloads:
    """How films are handed out, and what goes wrong with it.

    `ranges`: whether parts can be asked for. The next `breaks` downloads break off after `break_at` bytes of their
    answer. `served` tells of each download: which film, from which byte, and how many were sent.
    """

    ranges: bool = True
    break_at: int = 0
    breaks: int = 0
    pause: float = 0.0
    """Seconds before each chunk."""
    served: list[tuple[str, int, int]] = field(default_factory=list)

    def answer(self, request: Request, name: str, film: Film, *, cut: int | None = None) -> Response:
        """Return a film, or the part of it that is asked for. `cut` breaks this download off after so many bytes."""
        start, stop, status = 0, film.size, 200
        headers = {"etag": f'"{name}-{film.size}"', "accept-ranges": "bytes" if self.ranges else "none"}
        asked = _RANGE.fullmatch(request.headers.get("range", ""))
        if self.ranges and asked and request.headers.get("if-range", headers["etag"]) == headers["etag"]:
            start, stop = int(asked[1]), min(int(asked[2]) + 1, film.size) if asked[2] else film.size
            if start >= film.size:
                return Response(status_code=416, headers={"content-range": f"bytes */{film.size}"})
            status = 206
            headers["content-range"] = f"bytes {start}-{stop - 1}/{film.size}"
        headers["content-length"] = str(stop - start)
        if cut is None and self.breaks > 0:
            self.breaks -= 1
            cut = self.break_at
        body = self._sent(name, film, start, stop, cut)
        return StreamingResponse(body, status, headers, "video/mp4")

    async def _sent(self, name: str, film: Film, start: int, stop: int, cut: int | None) -> AsyncIterator[bytes]:
        sent, end = 0, stop if cut is None else min(stop, start + cut)
        try:
            for chunk in film.chunks(start, end):
                await asyncio.sleep(self.pause)
                yield chunk
                sent += len(chunk)
        finally:
            self.served.append((name, start, sent))
        if end < stop:
            raise Broken


class Broken(Exception):
    """An answer that ends in the middle: the server closes the connection."""
