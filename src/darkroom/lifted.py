"""Runs of base64 that were lifted out of a body: decoded and hashed while they arrive, never a Python string.

Strategy. A lifter (`codecs.json_lift`, `codecs.text_lift`) opens a run here, feeds it characters as they
come, and puts its `placeholder` where the run stood. A dialect that recognises the placeholder as media takes
the run; everything else calls `restore`, which gives the very characters back. So decoding must lose nothing:
- whole quanta (4 characters) go to the sink as 3 bytes; encoding them again gives the same characters, in the
  alphabet that was seen;
- the last quantum stays in `_carry` as it was written (padding, stray bits);
- whitespace goes into a journal, a line width and a count where the lines are equal;
- from the first feed that breaks the base64, everything goes to the sink as it is.

Spellings that are all the same bytes: the standard and the url-safe alphabet, with padding and without,
broken into lines or not. JSON escapes (`\\/`, `\\u003d`) are gone before a run gets here.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import pybase64

from darkroom.errors import TooLarge
from darkroom.media import HEAD_BYTES, RestingSink, Sink

_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_TO_URLSAFE = bytes.maketrans(b"+/", b"-_")
_WHITESPACE = b"\r\n\t "
_BREAK = re.compile(rb"[\r\n\t ]+")
_TAIL = (re.compile(rb"[A-Za-z0-9_-]{0,4}=*"), re.compile(rb"[A-Za-z0-9+/]{0,4}=*"))
PLACEHOLDER = re.compile(r"\x1alift:[0-9A-Za-z]{1,32}:[0-9]{1,9}\x1a")
"""Any placeholder; whether its run is here, only its `Lifts` know."""

_GATHER = 16 * 1024
_MAX_JOURNAL = 4096

BROKEN = "its base64 is broken"


@dataclass(slots=True)
class _Breaks:
    """Equal pieces of whitespace after every `period` characters: what a writer of lines leaves."""

    first: int
    text: bytes
    period: int = 0
    count: int = 1

    def takes(self, offset: int, text: bytes) -> bool:
        if text != self.text:
            return False
        if self.count == 1:
            self.period = offset - self.first
        elif offset != self.first + self.period * self.count:
            return False
        self.count += 1
        return True

    def takes_lines(self, chars: bytes, at: int) -> int:
        """Take the equal lines that begin at `at`, behind a break, all at once or none; return how many."""
        width = self.period + len(self.text)
        count = (len(chars) - at) // width
        lines = chars[at : at + count * width]
        ends = all(
            lines[self.period + index :: width] == self.text[index : index + 1] * count
            for index in range(len(self.text))
        )
        if not ends or len(lines.translate(None, _WHITESPACE)) != self.period * count:
            return 0
        if chars[at + count * width :][:1].strip() == b"":  # the last break is longer
            return 0
        self.count += count
        return count

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        return ((self.first + self.period * index, self.text) for index in range(self.count))


class Lifted:
    """One run: characters in, bytes in a sink out.

    After `finish`: `size` in bytes, `sha256` in hex, `head` (the first 512 bytes), and `error`, which says what
    is wrong with the base64, or is None. With an error the bytes are of no use, but `restore` still gives the
    characters back.
    """

    __slots__ = (
        "_carry", "_count", "_gathered", "_hash", "_journal", "_limit", "_solid", "_space", "_standard", "_urlsafe",
        "complete", "error", "head", "placeholder", "sink", "size",
    )  # fmt: skip

    def __init__(self, sink: Sink, placeholder: str, limit: int | None = None) -> None:
        self.sink = sink
        self.placeholder = placeholder
        self.size = 0
        self.head = b""
        self.error: str | None = None
        self.complete = False
        self._limit = limit
        self._hash = sha256()
        self._gathered = bytearray()  # decoded, and neither hashed nor written yet
        self._carry = b""  # the last quantum, as it was written
        self._space = b""  # whitespace that no character has followed yet
        self._count = 0  # characters so far, whitespace not counted
        self._solid = 0  # bytes in the sink that are whole quanta
        self._standard = False
        self._urlsafe = False
        self._journal: list[_Breaks] = []

    @property
    def sha256(self) -> str:
        self._spill()
        return self._hash.hexdigest()

    @property
    def padding(self) -> int:
        """How many `=` the run ends with so far; after the first, no other character can go on with it."""
        return self._carry.count(b"=")

    def chunks(self) -> Iterator[bytes]:
        """Yield the decoded bytes from the start."""
        self._spill()
        return self.sink.chunks()

    def discard(self) -> None:
        self._gathered.clear()
        self.sink.discard()

    def feed(self, chars: bytes) -> None:
        """Take the next characters: base64 and whitespace, in ASCII. Raises `TooLarge` over the limit."""
        if self.error is not None:
            self._write(chars)
        elif not self.feed_plain(chars):
            self._feed_lines(chars)

    def feed_plain(self, chars: bytes) -> bool:
        """Take characters that hold no whitespace and go on with the run; else take nothing and return False.

        The way of nearly all bytes. Raises `TooLarge` over the limit.
        """
        if self._space or self.error is not None:
            return False
        joined = self._carry + chars
        core = joined.rstrip(b"=")
        solid = max(len(core) - 1, 0) // 4 * 4
        standard = self._standard or b"+" in core or b"/" in core
        urlsafe = self._urlsafe or (not standard and (b"-" in core or b"_" in core))
        if (standard and urlsafe) or not _TAIL[standard].fullmatch(joined, solid):
            return False
        data = _decode(memoryview(joined)[:solid], urlsafe)
        if data is None or len(data) != solid // 4 * 3:
            return False
        self._standard, self._urlsafe = standard, urlsafe
        self._count += len(chars)
        self._carry = joined[solid:]
        self._solid += len(data)
        if data:
            self._write(data)
        return True

    def finish(self) -> None:
        """Take the end of the run; idempotent."""
        if self.complete:
            return
        self.complete = True
        core = self._carry.rstrip(b"=")
        padded = len(core) < len(self._carry)
        if self.error is not None:
            pass
        elif len(core) % 4 == 1 or (padded and (not core or len(self._carry) % 4)):
            self.error = BROKEN
        elif core:
            self._write(_decode(core + b"=" * (-len(core) % 4), self._urlsafe) or b"")
        self.rest()

    def rest(self) -> None:
        """Take a pause, which may be the end: a run that waits for its dialect holds no file open."""
        self._spill()
        if isinstance(self.sink, RestingSink):
            self.sink.rest()

    def restore(self) -> str:
        """Return the run as it was written, and let go of the bytes."""
        text = b"".join(self.restored()).decode("ascii")
        self.discard()
        return text

    def restored(self) -> Iterator[bytes]:
        """Yield the run as it was written, in pieces, and keep the bytes."""
        yield from _rebreak(self._respell(), (each for breaks in self._journal for each in breaks))
        yield self._space
        if self.error is not None:
            yield from self._raw()

    def _feed_lines(self, chars: bytes) -> None:
        """Take characters that stand in lines, or are wrong."""
        spaced = self._space + chars
        inner = spaced.rstrip(_WHITESPACE)
        compact = inner.translate(None, _WHITESPACE)
        start, space = self._count, self._space
        self._space = b""
        if compact and not self.feed_plain(compact):
            self._space, self.error = space, BROKEN
            self._write(chars)
            return
        self._space = spaced[len(inner) :]
        if len(compact) < len(inner):
            self._note_breaks(start, inner)

    def _note_breaks(self, start: int, chars: bytes) -> None:
        """Note the whitespace in `chars`, before which `start` characters came."""
        at, at_once = 0, True
        while match := _BREAK.search(chars, at):
            offset, text, at = start + match.start(), match[0], match.end()
            start -= len(text)
            if not (self._journal and self._journal[-1].takes(offset, text)):
                self._journal.append(_Breaks(offset, text))
            elif at_once:
                count = self._journal[-1].takes_lines(chars, at)
                at += count * (self._journal[-1].period + len(text))
                start -= count * len(text)
                at_once = False
        if len(self._journal) > _MAX_JOURNAL:  # no writer of lines does that, and memory must stay small
            self.error = BROKEN

    def _respell(self) -> Iterator[bytes]:
        left, rest = self._solid, b""
        for chunk in self.chunks():
            data = rest + chunk[:left]
            left -= min(left, len(chunk))
            rest = data[len(data) // 3 * 3 :]
            chars = pybase64.b64encode(data[: len(data) // 3 * 3])
            yield chars.translate(_TO_URLSAFE) if self._urlsafe else chars
            if not left:
                break
        yield self._carry

    def _raw(self) -> Iterator[bytes]:
        skip = self._solid
        for chunk in self.chunks():
            yield chunk[skip:]
            skip = max(skip - len(chunk), 0)

    def _write(self, data: bytes) -> None:
        self.size += len(data)
        if self._limit is not None and self.size > self._limit:
            self.discard()
            raise TooLarge(f"the media is larger than the limit of {self._limit} bytes")
        if len(self.head) < HEAD_BYTES:
            self.head += data[: HEAD_BYTES - len(self.head)]
        # A picture in 40,000 deltas would otherwise be hashed and written 40,000 times.
        self._gathered += data
        if len(self._gathered) >= _GATHER:
            self._spill()

    def _spill(self) -> None:
        if self._gathered:
            self._hash.update(self._gathered)
            self.sink.write(self._gathered)
            self._gathered = bytearray()


def broken(lifts: Lifts, why: str = BROKEN) -> Lifted:
    """Return a run for what should have been media and is not; whoever stores it finds `error`."""
    lifted = lifts.take(lifts.open().placeholder)
    lifted.error = why
    return lifted


def without_runs(value: Any) -> Any:
    """Return a JSON value in which every run that was taken out of it is a `…`: for what only tells of media."""
    match value:
        case str():
            return PLACEHOLDER.sub("…", value) if "\x1a" in value else value
        case dict():
            return {key: without_runs(item) for key, item in value.items()}
        case list():
            return [without_runs(item) for item in value]
        case _:
            return value


def _decode(chars: bytes | memoryview, urlsafe: bool) -> bytes | None:
    try:
        return pybase64.b64decode(bytes(chars).translate(_TO_STANDARD) if urlsafe else chars, validate=True)
    except (binascii.Error, ValueError):
        return None


def _rebreak(pieces: Iterable[bytes], breaks: Iterator[tuple[int, bytes]]) -> Iterator[bytes]:
    """Put whitespace back between characters; an offset counts the characters before it."""
    position = 0
    offset, text = next(breaks, (None, b""))
    for piece in pieces:
        start, position = position, position + len(piece)
        done = 0
        while offset is not None and offset < position:
            yield piece[done : offset - start]
            yield text
            done = offset - start
            offset, text = next(breaks, (None, b""))
        yield piece[done:]


@dataclass(slots=True)
class Lifts:
    """The runs of one body or one answer, by placeholder.

    `nonce` makes placeholders that nobody can have written before: a client that sends one back gets its own
    text.
    """

    new_sink: Callable[[], Sink]
    nonce: str
    limit: int | None = None
    prefix: str = field(init=False)
    _runs: dict[str, Lifted] = field(default_factory=dict)
    _count: int = 0

    def __post_init__(self) -> None:
        self.prefix = f"\x1alift:{self.nonce}:"

    def open(self) -> Lifted:
        """Start a run."""
        placeholder = f"{self.prefix}{self._count}\x1a"
        self._count += 1
        lifted = Lifted(self.new_sink(), placeholder, self.limit)
        self._runs[placeholder] = lifted
        return lifted

    def find(self, text: str) -> re.Match[str] | None:
        """Return the first placeholder in a text."""
        found = (match for match in PLACEHOLDER.finditer(text) if match[0] in self._runs) if "\x1a" in text else ()
        return next(iter(found), None)

    def get(self, placeholder: str) -> Lifted | None:
        """Return a run that is here, without finishing it, so that it can be fed on."""
        return self._runs.get(placeholder)

    def append(self, lifted: Lifted, placeholder: str) -> None:
        """Feed a run what another one holds, and let go of that one; `KeyError` when it is not here."""
        other = self._runs.pop(placeholder)
        for chars in other.restored():
            lifted.feed(chars)
        other.discard()

    def take(self, placeholder: str) -> Lifted:
        """Finish a run and hand it over to the caller, who now discards it; `KeyError` when it is not here."""
        lifted = self._runs.pop(placeholder)
        lifted.finish()
        return lifted

    def restore(self, value: Any) -> Any:
        """Return a JSON value with every placeholder in it put back to what stood there, keys included."""
        if isinstance(value, str):
            return self._restore_text(value) if self.prefix in value else value
        if isinstance(value, dict):
            return {self.restore(key): self.restore(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.restore(item) for item in value]
        return value

    def close(self) -> None:
        """Discard every run that nobody took."""
        for lifted in self._runs.values():
            lifted.discard()
        self._runs.clear()

    def _restore_text(self, text: str) -> str:
        return PLACEHOLDER.sub(lambda match: self._restore_run(match[0]), text)

    def _restore_run(self, placeholder: str) -> str:
        lifted = self._runs.pop(placeholder, None)
        return placeholder if lifted is None else lifted.restore()
