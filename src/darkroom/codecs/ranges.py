"""HTTP ranges and entity tags (RFC 9110, sections 8.8.3, 13.1 and 14).

Everything is read in one pass over the header: an answer to a long `Range` must cost no more than its length
(CVE-2025-62727). Several ranges in one request are served as the whole, which the RFC leaves to the server.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from darkroom.errors import RangeNotSatisfiable

_UNIT = "bytes="
_SPEC = re.compile(r"([0-9]*)-([0-9]*)")
_ENTITY_TAG = re.compile(r'"[!#-~\x80-\xff]*"')
_HUGE = 10**18
"""What a number of more than 18 digits is read as, since `int` of a long one is not linear."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes from `start` up to, not including, `stop`."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        return self.stop - self.start

    def content_range(self, size: int) -> str:
        """Return the `Content-Range` of a 206 for a representation of `size` bytes."""
        return f"bytes {self.start}-{self.stop - 1}/{size}"


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """Return the range that a `Range` header asks of `size` bytes, or None where the whole is to be served.

    The whole goes out when the header is absent, malformed, of another unit or names several ranges. Raises
    `RangeNotSatisfiable` when it is well-formed and none of its bytes exist.
    """
    if header is None or header[: len(_UNIT)].lower() != _UNIT:
        return None
    match = _SPEC.fullmatch(header[len(_UNIT) :].strip(" \t"))
    if match is None or match[0] == "-":
        return None
    first, last = match.groups()
    return _bounded(_number(first), _number(last) if last else _HUGE, size) if first else _suffix(_number(last), size)


def etag_matches(header: str | None, etag: str) -> bool:
    """Tell whether an `If-None-Match` or `If-Match` list names this quoted tag, compared weakly."""
    if header is None:
        return False
    return header.strip(" \t") == "*" or _opaque(etag) in _ENTITY_TAG.findall(header)


def range_applies(if_range: str | None, etag: str) -> bool:
    """Tell whether `Range` holds under this `If-Range`: a strong tag that is still ours; a date never is."""
    return if_range is None or (if_range.strip(" \t") == etag and etag.startswith('"'))


def _bounded(first: int, last: int, size: int) -> ByteRange | None:
    if first > last:
        return None
    if first >= size:
        raise _no_byte(size)
    return ByteRange(first, min(last + 1, size))


def _suffix(length: int, size: int) -> ByteRange | None:
    if length == 0:
        raise _no_byte(size)
    # An empty representation satisfies every suffix, but no Content-Range can say so.
    return ByteRange(max(size - length, 0), size) if size else None


def _no_byte(size: int) -> RangeNotSatisfiable:
    return RangeNotSatisfiable(f"the range lies outside the {size} bytes of this media")


def _number(digits: str) -> int:
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= 18 else _HUGE


def _opaque(etag: str) -> str:
    return etag.removeprefix("W/")
