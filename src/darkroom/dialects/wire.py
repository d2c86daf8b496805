"""What goes over a wire: bytes, and in between the base64 of a blob that is encoded only while it is sent.

Strategy. A body with pictures in it is JSON of a few kilobytes around megabytes of base64. The dialects build the JSON
with `inline()` where a picture belongs; it leaves a raw control character in the JSON, which no encoder writes and
no client can send. `pieces()` splits there. So a picture is never in memory whole, and the length is known beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from darkroom.codecs import data_uri
from darkroom.media import Media

_MARK = b"\x00"
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Base64Of:
    """The base64 of a blob, of `length` characters."""

    media: Media

    @property
    def length(self) -> int:
        return (self.media.size + 2) // 3 * 4


Piece = bytes | Base64Of


def length_of(pieces: Sequence[Piece]) -> int:
    """Return the bytes that the pieces come to when sent."""
    return sum(len(piece) if isinstance(piece, bytes) else piece.length for piece in pieces)


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """A request as the upstream wants it; `path` is relative to the provider's base URL."""

    path: str
    pieces: tuple[Piece, ...] = ()
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})


@dataclass(frozen=True, slots=True)
class Spliced:
    """A text in which the base64 of blobs stands."""

    parts: tuple[str | Media, ...]

    def __add__(self, other: str | Spliced) -> Spliced:
        return Spliced(self.parts + ((other,) if isinstance(other, str) else other.parts))

    def __radd__(self, other: str) -> Spliced:
        return Spliced((other, *self.parts))


@dataclass(slots=True)
class JsonWriter:
    """Writes one JSON value with blobs in it."""

    media: list[Media] = field(default_factory=list)

    def inline(self, media: Media, *, uri: bool = True) -> msgspec.Raw:
        """Return a JSON string `data:{mime};base64,…`, or the base64 alone."""
        return self.splice(Spliced((data_uri.prefix(media.mime) if uri else "", media)))

    def splice(self, text: Spliced) -> msgspec.Raw:
        """Return a text with base64 in it as a JSON string."""
        return msgspec.Raw(b'"%b"' % b"".join(map(self._part, text.parts)))

    def _part(self, part: str | Media) -> bytes:
        if isinstance(part, str):
            return _encode(part)[1:-1]
        self.media.append(part)
        return b"%b%d%b" % (_MARK, len(self.media) - 1, _MARK)

    def pieces(self, value: Any) -> tuple[Piece, ...]:
        """Return the value as JSON, cut where blobs stand in it."""
        cut = _encode(value).split(_MARK)
        pieces: list[Piece] = []
        for index, part in enumerate(cut):
            if index % 2:
                pieces.append(Base64Of(self.media[int(part)]))
            elif part:
                pieces.append(part)
        return tuple(pieces)
