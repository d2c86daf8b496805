"""The boxes of an MP4 and the elements of a Matroska file, as far as they say whether it is whole and what to expect.

Only heads are read, at whatever position they stand; nothing is decoded. So a file that was cut off is found without a
decoder, and one whose tables promise millions of frames is refused before a decoder makes room for them.
Formats: ISO/IEC 14496-12, sections 4.2, 8.3.2, 8.7.3, 8.8.8; RFC 8794 (EBML), RFC 9559 (Matroska)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

Peek = Callable[[int, int], bytes]
"""Returns up to so many bytes from a position on; fewer at the end."""

MOST_BOXES = 200_000

_HOLDERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf"})
_MOST_LEVELS = 8
_EBML = 0x1A45DFA3
_SEGMENT = 0x18538067


@dataclass(slots=True)
class Survey:
    """What the structure of a file says.

    `whole`: every part that it announces is there. `head` are the bytes of its tables, `samples` the pictures and
    sounds that those promise. `sideways`: its picture is shown turned by a quarter; `turned`: so is the track at hand.
    """

    whole: bool = True
    head: int = 0
    samples: int = 0
    boxes: int = 0
    sideways: bool = False
    turned: bool = False


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    start: int
    body: int
    end: int


def survey_mp4(peek: Peek, size: int) -> Survey:
    """Return what the boxes of an MP4 or QuickTime file of `size` bytes say."""
    survey = Survey()
    for box in _boxes(peek, 0, size, survey):
        if box.end > size:
            survey.whole = False
            break
        if box.kind in _HOLDERS:
            survey.head += box.end - box.start
            _look_into(peek, box, survey, _MOST_LEVELS)
    return survey


def survey_matroska(peek: Peek, size: int) -> Survey:
    """Return what the head of a Matroska or WebM file of `size` bytes says; one recorded live tells no length."""
    survey = Survey()
    position = 0
    for wanted in (_EBML, _SEGMENT):
        data = peek(position, 12)
        length, width = _vint(data[4:])
        if int.from_bytes(data[:4], "big") != wanted or not width:
            return survey
        position += 4 + width
        if wanted == _EBML:
            position += length
    # All ones is no length at all.
    survey.whole = length == (1 << 7 * width) - 1 or position + length <= size
    return survey


def _vint(data: bytes) -> tuple[int, int]:
    """Read a number of EBML; return it and how many bytes it takes, 0 for none."""
    width = 9 - data[0].bit_length() if data else 0
    if not data or width > 8 or len(data) < width:
        return 0, 0
    return int.from_bytes(data[:width], "big") & ((1 << 7 * width) - 1), width


def _boxes(peek: Peek, start: int, end: int, survey: Survey) -> Iterator[_Box]:
    """Yield the boxes between two positions, up to what is no box: some writers leave zeros behind the last one."""
    while start + 8 <= end and survey.boxes < MOST_BOXES:
        head = peek(start, 16)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        body = start + 8
        if length == 1 and len(head) == 16:
            length, body = int.from_bytes(head[8:], "big"), start + 16
        elif length == 0:
            length = end - start
        if start + length < body or not kind.isascii() or b"\0" in kind:
            return
        survey.boxes += 1
        yield _Box(kind, start, body, start + length)
        start += length


def _look_into(peek: Peek, holder: _Box, survey: Survey, levels: int) -> None:
    for box in _boxes(peek, holder.body, holder.end, survey):
        match box.kind:
            case kind if kind in _HOLDERS and levels:
                _look_into(peek, box, survey, levels - 1)
            case b"tkhd":
                survey.turned = _is_sideways(peek(box.body, 72))
            case b"hdlr" if peek(box.body + 8, 4) == b"vide":
                survey.sideways = survey.turned
            case b"stsz" | b"stz2":
                survey.samples += int.from_bytes(peek(box.body + 8, 4), "big")
            case b"trun":
                survey.samples += int.from_bytes(peek(box.body + 4, 4), "big")


def _is_sideways(track: bytes) -> bool:
    """Tell from a track's head whether its matrix turns by a quarter: `a` and `d` are then nothing, `b` and `c` not."""
    start = 52 if track[:1] == b"\x01" else 40
    a, b, c, d = (int.from_bytes(track[start + at : start + at + 4], "big") for at in (0, 4, 12, 16))
    return a == d == 0 and b != 0 and c != 0
