"""Which characters a font file really has: its `cmap`, read without a font engine.

Pillow draws a box for a character that a font lacks and does not say so. The table that maps characters to
glyphs does: a character that is missing there, or mapped to glyph 0, would be a box. Formats 4 (the first
65,536 characters) and 12 (all of them) cover every Unicode font in use. Only the table itself is read from
the file.
Format: https://learn.microsoft.com/typography/opentype/spec/cmap
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from dataclasses import dataclass
from typing import BinaryIO

# (platform, encoding) of Unicode subtables, best first.
_UNICODE = ((3, 10), (0, 6), (0, 4), (3, 1), (0, 3), (0, 2), (0, 1), (0, 0))
# A font without one of these holds bitmaps of one size (colour emoji), which can't be drawn at ours.
_OUTLINES = {b"glyf", b"CFF ", b"CFF2"}
_MAX_TABLE = 8 << 20


@dataclass(frozen=True, slots=True)
class Coverage:
    """The characters of one font, as inclusive ranges in ascending order, less those mapped to glyph 0."""

    starts: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()
    holes: frozenset[int] = frozenset()

    def has(self, char: str) -> bool:
        """Tell whether the font has a glyph of its own for this character."""
        code = ord(char)
        at = bisect_left(self.ends, code)
        return at < len(self.ends) and self.starts[at] <= code and code not in self.holes


NOTHING = Coverage()


def read_coverage(file: BinaryIO) -> Coverage:
    """Read the coverage of a TrueType, OpenType or collection file's first face; none if it is unreadable."""
    try:
        table = _cmap_table(file)
        return _parse(table) if table else NOTHING
    except (struct.error, IndexError, OSError):
        return NOTHING


def _cmap_table(file: BinaryIO) -> bytes | None:
    start = 0
    file.seek(0)
    if file.read(4) == b"ttcf":
        file.seek(12)
        (start,) = struct.unpack(">I", file.read(4))
    file.seek(start + 4)
    (count,) = struct.unpack(">H", file.read(2))
    file.seek(start + 12)
    directory = file.read(16 * count)
    tables = {directory[at : at + 4]: directory[at + 8 : at + 16] for at in range(0, len(directory), 16)}
    if b"cmap" not in tables or not _OUTLINES & tables.keys():
        return None
    offset, length = struct.unpack(">II", tables[b"cmap"])
    file.seek(offset)
    return file.read(min(length, _MAX_TABLE))


def _parse(table: bytes) -> Coverage:
    (count,) = struct.unpack_from(">H", table, 2)
    records = (struct.unpack_from(">HHI", table, 4 + 8 * row) for row in range(count))
    subtables = {(platform, encoding): offset for platform, encoding, offset in records}
    for key in _UNICODE:
        if key in subtables:
            offset = subtables[key]
            (kind,) = struct.unpack_from(">H", table, offset)
            if kind in _READERS:
                return _READERS[kind](table, offset)
    return NOTHING


def _groups(table: bytes, offset: int) -> Coverage:
    """Read format 12: `(start, end, first glyph)` groups of 32-bit numbers."""
    (count,) = struct.unpack_from(">I", table, offset + 12)
    numbers = struct.unpack_from(f">{3 * count}I", table, offset + 16)
    starts, ends, glyphs = numbers[0::3], numbers[1::3], numbers[2::3]
    return Coverage(starts, ends, frozenset(start for start, glyph in zip(starts, glyphs, strict=True) if not glyph))


def _segments(table: bytes, offset: int) -> Coverage:
    """Read format 4: four parallel arrays, and glyph numbers behind the last of them."""
    (doubled,) = struct.unpack_from(">H", table, offset + 6)
    count = doubled // 2
    shape = f">{count}H"
    ends = struct.unpack_from(shape, table, offset + 14)
    starts = struct.unpack_from(shape, table, offset + 16 + doubled)
    deltas = struct.unpack_from(shape, table, offset + 16 + 2 * doubled)
    at_ranges = offset + 16 + 3 * doubled
    ranges = struct.unpack_from(shape, table, at_ranges)
    holes: set[int] = set()
    for row, (start, end, delta, distance) in enumerate(zip(starts, ends, deltas, ranges, strict=True)):
        if distance in (0, 0xFFFF):
            if start <= -delta & 0xFFFF <= end:
                holes.add(-delta & 0xFFFF)
            continue
        glyphs = struct.unpack_from(f">{end - start + 1}H", table, at_ranges + 2 * row + distance)
        holes.update(start + at for at, glyph in enumerate(glyphs) if not glyph)
    return Coverage(starts, ends, frozenset(holes))


_READERS = {4: _segments, 12: _groups}
