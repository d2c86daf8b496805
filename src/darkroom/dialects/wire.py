"""What goes over a wire: bytes, and in between the base64 of a blob that is encoded only while it is sent.

Strategy. A body with pictures in it is JSON of a few kilobytes around megabytes of base64. The dialects build the JSON
with `inline()` where a picture belongs; it leaves a raw control character in the JSON, which no encoder writes and
no client can send. `pieces()` splits there. So a picture is never in memory whole, and the length is known beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from darkroom.codecs import data_uri
from darkroom.errors import DarkroomError, MalformedRequest
from darkroom.events import Event
from darkroom.lifted import Lifted, Lifts
from darkroom.media import Media
from darkroom.messages import Conversation
from darkroom.profiles import Profile

_MARK = b"\x00"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Base64Of:
    """The base64 of a blob, of `length` characters."""

    media: Media

    @property
    def length(self) -> int:
        return (self.media.size + 2) // 3 * 4


@dataclass(frozen=True, slots=True)
class BytesOf:
    """A blob as it is: in a multipart body, or the body of an upload. `start` and `stop` cut a part out of it."""

    media: Media
    start: int = 0
    stop: int | None = None

    @property
    def length(self) -> int:
        return (self.media.size if self.stop is None else self.stop) - self.start


@dataclass(frozen=True, slots=True)
class Base64Again:
    """The base64 of a run that was lifted and is not stored: an unfinished picture that only passes through."""

    lifted: Lifted

    @property
    def length(self) -> int:
        return (self.lifted.size + 2) // 3 * 4


Piece = bytes | Base64Of | BytesOf | Base64Again


def length_of(pieces: Sequence[Piece]) -> int:
    """Return the bytes that the pieces come to when sent."""
    return sum(len(piece) if isinstance(piece, bytes) else piece.length for piece in pieces)


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """A request as the upstream wants it.

    `path` is relative to the provider's base URL; a whole URL must be of the same origin.
    """

    path: str
    pieces: tuple[Piece, ...] = ()
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})


class Decoder(Protocol):
    """Reads an answer: bytes in, events out, the same however the bytes are cut."""

    def decode(self, chunk: bytes) -> list[Event]: ...

    def flush(self) -> list[Event]: ...


ErrorDecoder = Callable[[int, bytes, float | None], DarkroomError]
"""Reads the answer of a request that failed: status, body, seconds of `Retry-After`."""


@dataclass(frozen=True, slots=True)
class Wire:
    """What it takes to ask an upstream of one dialect with one request."""

    encode: Callable[[Conversation, Profile], UpstreamRequest]
    decoder: Callable[[Lifts, Profile], Decoder]
    error: ErrorDecoder


@dataclass(frozen=True, slots=True)
class Spliced:
    """A text in which the base64 of blobs stands."""

    parts: tuple[str | Media, ...]

    def __add__(self, other: str | Spliced) -> Spliced:
        return Spliced(self.parts + ((other,) if isinstance(other, str) else other.parts))

    def __radd__(self, other: str) -> Spliced:
        return Spliced((other, *self.parts))


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that a request's body is. Raises `MalformedRequest`."""
    try:
        document = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedRequest(f"the body is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise MalformedRequest("the body must be a JSON object")
    return document


@dataclass(slots=True)
class JsonWriter:
    """Writes one JSON value with blobs in it."""

    media: list[Media | Lifted] = field(default_factory=list)

    def again(self, lifted: Lifted) -> msgspec.Raw:
        """Return a JSON string of the base64 of a run that is not stored."""
        self.media.append(lifted)
        return msgspec.Raw(b'"%b%d%b"' % (_MARK, len(self.media) - 1, _MARK))

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
                media = self.media[int(part)]
                pieces.append(Base64Of(media) if isinstance(media, Media) else Base64Again(media))
            elif part:
                pieces.append(part)
        return tuple(pieces)
