"""Lift long runs of base64 out of a stream of JSON bytes, before anything parses it.

Strategy. A run is base64 as JSON writers spell it: characters of either alphabet, the escapes `\\/` and
`\\u002f` (also `2b`, `2d`, `5f`), line breaks written `\\n` or `\\r\\n` after lines of 32 bytes or more, and
up to two `=` at the end. Everything in a run, and every escape beside it, is made of few byte values
(`_SPAN`); the JSON around is not. So a stretch of fewer than `min_run` such bytes holds no run, and to find a
longer one it is enough to look at every `min_run`-th byte. A stretch begins behind a byte that no escape
contains, hence at a token's start: no state of the JSON is needed, and SSE framing, strings and keys are all
the same.

The result must not depend on how the input was cut. Whatever could still be read in two ways is held back: a
stretch at the end that is too short so far, and in a run the last bytes (`_LONGEST`) when an escape or a
break may be cut there. Long runs go to `Lifted` in whole chunks, which are checked by the base64 decoder
alone; a chunk that it does not take is read token by token.

A placeholder is written with `\\u001a` for its control characters, so the JSON stays valid. It would not be
valid outside of a string; a long run there can only be a number, so what looks like one is left alone.
"""

from __future__ import annotations

import re
from sys import maxsize

from darkroom.lifted import Lifted, Lifts

MIN_RUN = 4096

_STRETCH = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\\"
_IN_STRETCH = frozenset(_STRETCH)
_SPAN = re.compile(rb"[A-Za-z0-9+/_=\\-]*+")
_LINE = re.compile(rb"(?>(?:[A-Za-z0-9+/_-]++|\\/|\\u00(?:2[bBdDfF]|5[fF]))*)")
_LINES = re.compile(rb"(?>(?:[A-Za-z0-9+/_-]{32,}+(?:\\r)?\\n(?=[A-Za-z0-9+/_-]))*)")  # many lines at once
_BREAK = re.compile(rb"(?:\\r)?\\n(?=[A-Za-z0-9+/_-]|\\/|\\u00(?:2[bBdDfF]|5[fF]))")
_PADDING = re.compile(rb"(?:=|\\u003[dD]){1,2}")
_FOREIGN = re.compile(rb"\\u[0-9A-Fa-f]{0,4}|\\.?|=+|.", re.DOTALL)
_SHORT = re.compile(
    rb"(?>(?:[A-Za-z0-9+/_-]{0,31}+(?:\\u(?!00(?:2[bBdDfF]|5[fF]))[0-9A-Fa-f]{4}|\\[^u/]|=))*)", re.DOTALL
)  # many tokens at once that no run can begin in, since prose in other scripts is full of them
_NUMBER = re.compile(rb"[0-9eE+-]*")
_MIN_LINE = 32
_MAX_CHUNK = 65536
_LONGEST = len(rb"\u003d\u003d")
_ESCAPES = tuple(
    (b"\\u00" + code, bytes([int(code, 16)]))
    for code in (b"2f", b"2F", b"2b", b"2B", b"2d", b"2D", b"5f", b"5F", b"3d", b"3D")
)


class JsonLifter:
    """A filter over JSON or SSE bytes, which puts a placeholder for each run of `min_run` bytes or more."""

    def __init__(self, lifts: Lifts, min_run: int = MIN_RUN) -> None:
        self._lifts = lifts
        self._min_run = min_run
        self._held = b""
        self._run: Lifted | None = None
        self._line = 0  # bytes in the run since its last line break

    def decode(self, chunk: bytes) -> bytes:
        """Return what is certain after these bytes. Raises `TooLarge` when a run is over the limit."""
        if not chunk:
            return b""
        if self._run is None and len(self._held) + len(chunk) < self._min_run:
            if not self._held and chunk[-1] not in _IN_STRETCH:
                return chunk
            if _SPAN.fullmatch(chunk):
                self._held += chunk
                return b""
        if len(chunk) <= _MAX_CHUNK:
            return self._read(self._held + chunk, final=False)
        # What is looked at twice, when a run turns out to end early, must not be the whole body.
        return b"".join(self.decode(chunk[at : at + _MAX_CHUNK]) for at in range(0, len(chunk), _MAX_CHUNK))

    def flush(self) -> bytes:
        """Return what was held back, and end the stream."""
        return self._read(self._held, final=True)

    def _read(self, data: bytes, final: bool) -> bytes:
        self._held = b""
        out: list[bytes] = []
        at = 0
        while at < len(data):
            run = self._run
            at = self._follow(run, data, at, final) if run else self._seek(data, at, final, out)
        if final:
            self._close()
        return b"".join(out)

    def _seek(self, data: bytes, at: int, final: bool, out: list[bytes]) -> int:
        """Pass on what is before the next run, and open it if there is one."""
        start, end = self._find_span(data, at)
        start, cut, found = self._find_run(data, start, end, final)
        out.append(data[at:start])
        if found:
            self._run = self._lifts.open()
            self._line = 0
            out.append(self._run.placeholder.encode().replace(b"\x1a", b"\\u001a"))
        elif cut and not final:
            self._held = data[start:]
            return len(data)
        return start

    def _find_run(self, data: bytes, start: int, end: int, final: bool) -> tuple[int, bool, bool]:
        """Return up to where there is no run, whether more data may change that, whether one begins there."""
        while end - start >= self._min_run:
            start = _end(_SHORT, data, start, end)
            self._line = 0
            stop, cut = self._scan(data, start, final)
            if stop - start >= self._min_run:
                if not _NUMBER.fullmatch(data, start, start + self._min_run):
                    return start, False, True
                stop = start + self._min_run
            elif cut:
                return start, True, False
            start = stop if stop > start else _skip(data, start)
        if end == len(data):
            return (end if final else start), True, False
        return max(start, end), False, False

    def _find_span(self, data: bytes, at: int) -> tuple[int, int]:
        """Return the first stretch of `min_run` bytes or more, or the one that the data ends with."""
        probe = at + self._min_run - 1
        while probe < len(data):
            if data[probe] not in _IN_STRETCH:
                probe += self._min_run
                continue
            start = _start_of_span(data, max(at, probe - self._min_run), probe)
            end = _end(_SPAN, data, probe)
            if end - start >= self._min_run:
                return start, end
            probe = end + self._min_run
        return _start_of_span(data, max(at, len(data) - self._min_run), len(data)), len(data)

    def _follow(self, run: Lifted, data: bytes, at: int, final: bool) -> int:
        """Feed the open run, and close it where it ends."""
        at = self._follow_plain(run, data, at)
        end, cut = self._scan(data, at, final)
        if end > at:
            run.feed(_unescape(data[at:end]))
        if cut:
            self._held = data[end:]
            return len(data)
        self._close()
        return end

    def _close(self) -> None:
        """End the open run here; a text lifter may still feed it on."""
        if self._run is not None:
            self._run.rest()
            self._run = None

    def _follow_plain(self, run: Lifted, data: bytes, at: int) -> int:
        """Feed the run everything up to the string's end, when that is nothing but base64; else nothing."""
        stop = data.find(b'"', at)
        if stop < 0:
            stop = len(data)
            escape = data.find(b"\\", max(at, stop - _LONGEST))
            stop = stop if escape < 0 else escape
        piece = data[at:stop].rstrip(b"=")
        chars = piece
        if b"\\" in piece:
            if b"\\\\" in piece or b"\\u003" in piece:
                return at
            chars = _unescape_slashes(piece)
        if not run.feed_plain(chars):
            return at
        self._line += len(piece)
        return at + len(piece)

    def _scan(self, data: bytes, at: int, final: bool) -> tuple[int, bool]:
        """Return where the run that goes on at `at` stops, and whether only the cut of the data stops it."""
        while True:
            start, at = at, _end(_LINE, data, at)
            self._line += at - start
            if not final and len(data) - at < _LONGEST and _SPAN.fullmatch(data, at):
                return at, True
            match = _BREAK.match(data, at) if self._line >= _MIN_LINE else None
            if match is None:
                padding = _PADDING.match(data, at)
                return (padding.end() if padding else at), False
            at = _end(_LINES, data, match.end())
            self._line = 0


def _end(pattern: re.Pattern[bytes], data: bytes, at: int, stop: int = maxsize) -> int:
    match = pattern.match(data, at, stop)
    return match.end() if match else at


def _skip(data: bytes, at: int) -> int:
    """Return the end of the token at `at`, which can't be in a run."""
    return max(_end(_FOREIGN, data, at), at + 1)


def _start_of_span(data: bytes, floor: int, at: int) -> int:
    """Return where the stretch that ends before `at` begins, not below `floor`."""
    return floor + len(data[floor:at].rstrip(_STRETCH))


def _unescape_slashes(chars: bytes) -> bytes:
    """Undo the escapes of base64 characters. There must be no escaped backslash."""
    chars = chars.replace(b"\\/", b"/")
    if b"\\u" in chars:
        for escape, char in _ESCAPES:
            chars = chars.replace(escape, char)
    return chars


def _unescape(chars: bytes) -> bytes:
    """Undo every escape that a run may hold."""
    if b"\\" not in chars:
        return chars
    return _unescape_slashes(chars).replace(b"\\n", b"\n").replace(b"\\r", b"\r")
