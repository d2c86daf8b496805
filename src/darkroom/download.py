"""A download that may break: what of a file is here, how the rest is asked for, and whether all of it came.

Strategy. A request for the rest says from where on (`Range`), and which file is meant (`If-Range`), by the validator
that the first answer gave: a strong ETag, else the time of its last change. A server that has another file by now, or
knows no ranges, answers with the whole, and the download starts over; so it does where there is no validator, and where
an answer contradicts what is known of the file. As long as more and more of it comes it is gone on with; `_PAUSES` says
how often nothing more may come in a row. What a server announces as the size must have come in the end.

A `Download` outlives its requests and its link: whoever has a fresh link to the same file goes on with the same one.
Source: RFC 9110, sections 8.8 (validators), 13.1.5 (If-Range), 14 (ranges).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol, TypeVar

import aiohttp

from darkroom.errors import TooLarge, UrlUnreachable
from darkroom.media import HEAD_BYTES, Arrived, Sink

SLOWEST = 128 * 1024
"""Bytes a second that a download must bring on average, beyond the time that it is given anyway."""

_PIECE = 64 * 1024
_PAUSES = (0.1, 0.3, 1.0)
"""Seconds before it is gone on with, after each failure in a row."""
_PASSING = frozenset({None, 408, 425, 429, 500, 502, 503, 504})
"""Refusals that may be none a moment later; None is none."""
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")

T = TypeVar("T")


class Refillable(Sink, Protocol):
    """A sink that can be begun anew: a spool."""

    def restart(self) -> None:
        """Let go of what was written, and take other bytes from the start."""


@dataclass(slots=True)
class Download:
    """A file on its way into a sink, in as many answers and from as many links as it takes.

    `most` is the limit in bytes; `name` stands for the file in errors. `size` bytes are here, of `total` where that is
    known. `refused` is the status with which the last request was refused: 401, 403, 404 and 410 in the middle of a
    file mean that its link has expired.
    """

    sink: Refillable
    most: int
    name: str = "the file"
    size: int = 0
    total: int | None = None
    head: bytes = b""
    refused: int | None = None
    _etag: str | None = None
    _modified: str | None = None
    _digest: Any = field(default_factory=sha256)
    _furthest: int = 0
    """How much of it has been here at once: what is above is new."""
    _ended: bool = False
    """Whether an answer was read to its end."""
    _deadline: Callable[[], None] | None = None

    @property
    def begun(self) -> bool:
        """Whether anything of it ever came."""
        return self._furthest > 0

    def headers(self) -> dict[str, str]:
        """Return what a request for the rest says; nothing where all of it must come again."""
        validator = self._etag or self._modified
        if not self.size or validator is None:
            return {}
        return {"Range": f"bytes={self.size}-", "If-Range": validator}

    def arrived(self) -> Arrived:
        """Return the file, once it is complete."""
        return Arrived(self.sink, self._digest.hexdigest(), self.size, self.head)

    async def complete(self, ask: Callable[[], Awaitable[T]], breaks: tuple[type[Exception], ...]) -> T:
        """Ask until all of it is here, and return what the last `ask` returned.

        `ask` makes one request with `headers`, and has `take` read its answer. What it raises of `breaks` ends the
        download where nothing ever came, where nothing more came several times in a row, and where the server refused
        it for good (`refused`); everything else ends it at once. What is here stays here.
        """
        failures = 0
        while True:
            before, broken = self._furthest, None
            self.refused, self._ended = None, False
            try:
                came = await ask()
                if self._ended and self.total in (None, self.size):
                    return came
            except breaks as error:
                if not self.begun or self.refused not in _PASSING:
                    raise
                broken = error
            failures = 0 if self._furthest > before else failures + 1
            if failures > len(_PAUSES):
                raise broken or UrlUnreachable(f"{self.name} can't be gone on with, and what came is not all of it")
            await asyncio.sleep(_PAUSES[max(failures - 1, 0)])

    async def take(self, response: aiohttp.ClientResponse) -> None:
        """Write what an answer with status 2xx or 416 brings: behind what is here, or in its place.

        Raises `TooLarge`, `UrlUnreachable` for an answer that fits nothing, and what aiohttp raises when it breaks off.
        """
        if response.headers.get("Content-Encoding", "identity").lower() not in {"identity", ""}:
            raise UrlUnreachable(f"{self.name} answered in a compressed form that was not asked for")
        if response.status == 416 or (response.status == 206 and not self._goes_on(response)):
            self._start_over()
            return
        if response.status != 206:
            self._start_over()
            self.total = response.content_length
            self._note(response)
        self._check(self.total or 0)
        async for piece in response.content.iter_chunked(_PIECE):
            self._write(piece)
        self._ended = True

    @asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        """Raise `TimeoutError` when it takes longer than this, and a second more for every `SLOWEST` bytes of it."""
        end, had = asyncio.get_running_loop().time() + seconds, self._furthest

        def put_off() -> None:
            if not timeout.expired():
                timeout.reschedule(end + (self._furthest - had) / SLOWEST)

        async with asyncio.timeout_at(end) as timeout:
            self._deadline = put_off
            try:
                yield
            finally:
                self._deadline = None

    def _goes_on(self, response: aiohttp.ClientResponse) -> bool:
        """Tell whether a partial answer is the rest of what is here."""
        if "Range" not in response.request_info.headers:
            raise UrlUnreachable(f"{self.name} answered with status 206, a part that was not asked for")
        match = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
        etag = response.headers.get("ETag")
        if match is None or int(match[1]) != self.size or (self._etag and etag not in (None, self._etag)):
            return False
        total = None if match[3] == "*" else int(match[3])
        if total is not None and self.total not in (None, total):
            return False
        self.total = self.total if total is None else total
        return True

    def _note(self, response: aiohttp.ClientResponse) -> None:
        """Note by what the file can be told from another one later: what is weak or too young tells nothing."""
        etag, modified = response.headers.get("ETag", ""), response.headers.get("Last-Modified")
        self._etag = etag if etag.startswith('"') else None
        self._modified = modified if modified != response.headers.get("Date") else None

    def _start_over(self) -> None:
        if self.size:
            self.sink.restart()
        self.size, self.total, self.head = 0, None, b""
        self._digest = sha256()
        self._etag = self._modified = None

    def _write(self, piece: bytes) -> None:
        self.size += len(piece)
        self._check(self.size)
        if self.total is not None and self.size > self.total:
            self._start_over()
            raise UrlUnreachable(f"{self.name} brought more than it announced")
        if len(self.head) < HEAD_BYTES:
            self.head += piece[: HEAD_BYTES - len(self.head)]
        self._digest.update(piece)
        self.sink.write(piece)
        self._furthest = max(self._furthest, self.size)
        if self._deadline is not None:
            self._deadline()

    def _check(self, size: int) -> None:
        if size > self.most:
            raise TooLarge(f"{self.name} holds more than the limit of {self.most} bytes")
