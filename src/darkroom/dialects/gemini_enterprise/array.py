"""A JSON array that arrives: its elements one by one, as soon as each is whole.

Google's streams over plain HTTP are one array, `[{…},\r\n{…}]`, cut anywhere. Only brackets are counted here, and
strings are skipped; whether an element is good JSON is for its parser to say. Every byte is looked at once.
"""

from __future__ import annotations

import re

from darkroom.errors import UpstreamBroken

_OUTSIDE = re.compile(rb'["\[\]{}]')
_INSIDE = re.compile(rb'["\\]')
_BETWEEN = re.compile(rb"[ \t\r\n,]*")
_BOM = b"\xef\xbb\xbf"


class ArrayDecoder:
    """Bytes of an array in, its elements out, as bytes. A single object is an array of one.

    `closed`: the end of the array, or of the object, has come. An element has at most `limit` bytes.
    """

    def __init__(self, limit: int) -> None:
        self.closed = False
        self._limit = limit
        self._size = 0
        self._pieces: list[bytes] = []  # of the element that is not whole yet
        self._depth = 0  # within the element
        self._in_string = False
        self._escaped = False
        self._in_array = False
        self._started = False
        self._head = b""  # what may become a byte order mark

    def decode(self, chunk: bytes) -> list[bytes]:
        """Take the next bytes. Raises `UpstreamBroken` for what is no array of objects, or too long."""
        if not self._started:
            chunk = self._after_mark(chunk)
        found: list[bytes] = []
        at = 0
        while at < len(chunk):
            if not self._depth:
                at = self._begin(chunk, at)
                continue
            end = self._end(chunk, at)
            self._keep(chunk[at:end])
            at = end
            if not self._depth:
                found.append(b"".join(self._pieces))
                self._pieces.clear()
                self._size = 0
                self.closed = not self._in_array
        return found

    def flush(self) -> None:
        """Take the end. Raises `UpstreamBroken` when it is in the middle of an element, or nothing came."""
        if self._depth or not self._started:
            raise UpstreamBroken("the upstream's answer is not JSON, or ends in the middle")

    def _after_mark(self, chunk: bytes) -> bytes:
        """Take a byte order mark away, also one that is cut."""
        self._head += chunk
        if len(self._head) < len(_BOM) and _BOM.startswith(self._head):
            return b""
        head, self._head = self._head, b""
        return head.removeprefix(_BOM)

    def _begin(self, chunk: bytes, at: int) -> int:
        """Go to where the next element begins, over what stands between them; return how far it goes in the chunk."""
        between = _BETWEEN.match(chunk, at)
        at = between.end() if between is not None else at
        match chunk[at : at + 1]:
            case b"":
                return at
            case b"[" if not self._started:
                self._started = self._in_array = True
                return at + 1
            case b"]" if self._in_array:
                self._in_array, self.closed = False, True
                return at + 1
            case b"{" if not self.closed:
                self._started = True
                self._depth = 1
                self._keep(b"{")
                return at + 1
        raise UpstreamBroken("the upstream's answer is not a JSON array of objects")

    def _end(self, chunk: bytes, at: int) -> int:
        """Return where the element ends in the chunk, or the chunk's length."""
        while at < len(chunk) and self._depth:
            if self._escaped:
                self._escaped = False
                at += 1
                continue
            mark = (_INSIDE if self._in_string else _OUTSIDE).search(chunk, at)
            if mark is None:
                return len(chunk)
            at = mark.end()
            match mark[0]:
                case b'"':
                    self._in_string = not self._in_string
                case b"\\":
                    self._escaped = True
                case b"[" | b"{":
                    self._depth += 1
                case _:
                    self._depth -= 1
        return at

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            raise UpstreamBroken(f"a piece of the upstream's answer is longer than {self._limit} bytes")
        self._pieces.append(piece)
