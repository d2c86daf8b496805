"""Media: what a picture, video, sound or file is, told by its bytes and never by its name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol, runtime_checkable

HEAD_BYTES = 512
"""How many leading bytes `sniff` wants to see."""


class MediaKind(StrEnum):
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    FILE = "file"


Origin = Literal["generated", "uploaded", "fetched"]


@dataclass(frozen=True, slots=True)
class Media:
    """One owner's media: a row, and through `blob` its bytes. Sizes in bytes and pixels, times in Unix ms.

    `duration` in ms; `codec` is a video's (`h264`); `pinned` is since when it is kept whatever its age.
    """

    id: str
    owner: str
    blob: str
    mime: str
    size: int
    origin: Origin
    created: int
    width: int | None = None
    height: int | None = None
    filename: str | None = None
    source_url: str | None = None
    generation: str | None = None
    position: int = 0
    duration: int | None = None
    codec: str | None = None
    pinned: int | None = None

    @property
    def kind(self) -> MediaKind:
        return kind_of(self.mime)

    @property
    def extension(self) -> str:
        return EXTENSIONS.get(self.mime, "bin")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the bytes themselves say."""

    mime: str
    width: int | None = None
    height: int | None = None
    duration: int | None = None
    codec: str | None = None


class Sink(Protocol):
    """Where decoded bytes go while their run is still arriving; a spool file, or memory in tests."""

    def write(self, data: bytes | bytearray | memoryview) -> object: ...

    def chunks(self) -> Iterator[bytes]:
        """Yield what was written, from the start."""

    def discard(self) -> None:
        """Let go of the bytes; idempotent."""


@runtime_checkable
class RestingSink(Sink, Protocol):
    """A sink that holds something scarce while it is written to, and can let go of it in between."""

    def rest(self) -> None:
        """No more for now: hold no file open. The next write goes on; idempotent."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """Bytes that are complete: where they lie, what they hash to, how they begin; `error` where they are broken."""

    sink: Sink
    sha256: str
    size: int
    head: bytes
    error: str | None = None


EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/avif": "avif",
    "image/heic": "heic",
    "image/bmp": "bmp",
    "image/tiff": "tiff",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/x-matroska": "mkv",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
    "audio/mp4": "m4a",
    "application/pdf": "pdf",
}

# (offset, magic bytes, type); the first row that fits wins.
_MAGIC = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf3", "audio/mpeg"),
    (0, b"\xff\xf2", "audio/mpeg"),
    (0, b"OggS", "audio/ogg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"%PDF-", "application/pdf"),
)
_RIFF = {"image/webp", "audio/wav"}
_ISO_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heic",
    b"msf1": "image/heic",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"qt  ": "video/quicktime",
}


def sniff(head: bytes) -> str | None:
    """Return the type that the first bytes prove, or None (text, HTML, SVG, XML and everything unknown)."""
    if head[4:8] == b"ftyp":
        return _ISO_BRANDS.get(head[8:12], "video/mp4")
    if head[:4] == b"\x1aE\xdf\xa3":
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    for offset, magic, mime in _MAGIC:
        if head[offset : offset + len(magic)] == magic and (mime not in _RIFF or head[:4] == b"RIFF"):
            return mime
    return None


def kind_of(mime: str) -> MediaKind:
    """Return the kind of a type: its main type where that is a medium, else `file`."""
    main = mime.partition("/")[0]
    return MediaKind(main) if main in {"image", "video", "audio"} else MediaKind.FILE
