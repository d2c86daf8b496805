"""Server-sent events, read and written: https://html.spec.whatwg.org/multipage/server-sent-events.html

Strategy. A chunk is split into lines once; what is left over after the last line end waits in pieces, so that
a long line in many chunks is joined once. A CR that ends a chunk ends its line at once, and an LF that begins
the next one is dropped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from darkroom.errors import UpstreamBroken

LIMIT = 16 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Sse:
    """One event: its data, lines joined by LF, and its type, empty when the stream named none."""

    data: bytes
    event: str = ""


class SseDecoder:
    """Bytes in, events out. `limit` is in bytes per event; `id` and `retry` are dropped."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []  # of a line whose end is not here yet
        self._waiting = 0  # bytes in `_pieces`
        self._data: list[bytes] = []
        self._size = 0  # bytes in `_data`
        self._event = ""
        self._after_cr = False
        self._at_start = True

    def decode(self, chunk: bytes) -> list[Sse]:
        """Return the events that end in this chunk. Raises `UpstreamBroken` when one is over the limit."""
        if self._after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        if not chunk:
            return []
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            first, *lines = _LINE_END.split(chunk)
        else:
            first, *lines = chunk.split(b"\n")
        self._wait(first)
        if not lines:
            return []
        rest = lines.pop()
        events: list[Sse] = []
        self._line(self._joined(), events)
        for line in lines:
            self._line(line, events)
        self._wait(rest)
        return events

    def flush(self) -> list[Sse]:
        """Return the event that the stream broke off in, if it has data, and start anew."""
        events: list[Sse] = []
        self._line(self._joined(), events)
        self._line(b"", events)
        self._at_start = True
        return events

    def _wait(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)
            self._waiting += len(piece)
            self._check()

    def _joined(self) -> bytes:
        line = b"".join(self._pieces)
        self._pieces.clear()
        self._waiting = 0
        return line

    def _line(self, line: bytes, events: list[Sse]) -> None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BOM)
        if not line:
            self._dispatch(events)
        elif line.startswith(b"data:"):
            self._add(line[6:] if line[5:6] == b" " else line[5:])
        elif line.startswith(b"event:"):
            self._event = line[6:].removeprefix(b" ").decode("utf-8", "replace")
        elif line == b"data":
            self._add(b"")
        elif line == b"event":
            self._event = ""

    def _add(self, data: bytes) -> None:
        self._data.append(data)
        self._size += len(data) + 1
        self._check()

    def _dispatch(self, events: list[Sse]) -> None:
        if self._data:
            events.append(Sse(b"\n".join(self._data), self._event))
            self._data.clear()
            self._size = 0
        self._event = ""

    def _check(self) -> None:
        if self._size + self._waiting > self._limit:
            raise UpstreamBroken(f"the upstream sent an event larger than {self._limit} bytes")


def encode(data: bytes, event: str | None = None) -> bytes:
    """Return one event as bytes; every line end in the data comes back as LF."""
    lines = _LINE_END.split(data) if b"\n" in data or b"\r" in data else [data]
    head = f"event: {event}\n".encode() if event else b""
    return head + b"".join(b"data: %b\n" % line for line in lines) + b"\n"
