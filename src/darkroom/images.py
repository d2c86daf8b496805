"""Pictures: what their headers say, whether they are whole, and thumbnails.

Strategy. Every picture is judged when it arrives, so judging must not decode it: a few kilobytes of header
can ask for gigapixels, and a large file must not be read into memory. PNG, JPEG, GIF, BMP and TIFF are
opened by Pillow, which reads their headers lazily; Pillow reads WebP and AVIF whole, so their sizes are
read here. Whether a picture was cut off is found by walking its container, which knows where it ends. Only
`thumbnail` decodes.

All of it is synchronous and may take milliseconds: callers run it in a thread.
"""

from __future__ import annotations

import io
import re
import struct
from codecs import getincrementaldecoder
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
from PIL.ImageFile import ImageFile

from darkroom.errors import InvalidMedia, TooLarge
from darkroom.media import Facts, MediaKind, kind_of, sniff
from darkroom.spool import Spool

WIDTHS = (64, 128, 256, 512, 1024)
"""The widths of thumbnails, in pixels."""

MAX_PIXELS = 100_000_000

_SIZE_HEAD = 64 * 1024
_ORIENTATION = 0x0112
_SIDEWAYS = {5, 6, 7, 8}
_QUALITY = 80
_PLAIN_MODES = {"RGB", "RGBA", "L"}
_COLOUR_MODES = {"RGB", "RGBA", "P", "PA"}

# The plugins are called by name, past `Image.open`: what is opened is then what was sniffed, and the limit
# on pixels is the caller's, not the one of Pillow's module.
_Opener = Callable[[BinaryIO], ImageFile]
_HEADERS: dict[str, _Opener] = {
    "image/png": PngImagePlugin.PngImageFile,
    "image/jpeg": JpegImagePlugin.jpeg_factory,
    "image/gif": GifImagePlugin.GifImageFile,
    "image/bmp": BmpImagePlugin.BmpImageFile,
    "image/tiff": TiffImagePlugin.TiffImageFile,
}
_BLOCK = 64 * 1024
_DECODERS: dict[str, _Opener] = _HEADERS | {
    "image/webp": WebPImagePlugin.WebPImageFile,
    "image/avif": AvifImagePlugin.AvifImageFile,
}


def facts(spool: Spool, head: bytes, max_pixels: int = MAX_PIXELS) -> Facts:
    """Return the type of a spool's bytes, and for a picture its size as shown (after EXIF's orientation).

    The size is None where it can't be told without decoding (some AVIF and HEIC). Raises `InvalidMedia` for
    what is no media, or is broken or cut off, saying what it looks like; `TooLarge` over `max_pixels`.
    """
    mime = sniff(head)
    if mime is None:
        raise InvalidMedia(f"the bytes are no picture, video, sound or PDF: they look like {looks_like(head)}")
    if kind_of(mime) is not MediaKind.IMAGE:
        return Facts(mime)
    _check_whole(spool, mime)
    size = _size(spool, mime)
    if size is None:
        return Facts(mime)
    _check_pixels(*size, max_pixels)
    return Facts(mime, *size)


def looks_like(head: bytes) -> str:
    """Return in words what bytes are that `sniff` does not know: "an HTML page", "XML", "text", …"""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if not text:
        return "nothing at all (empty)"
    for pattern, words in _LOOKS:
        if pattern.match(text):
            return words
    return "text" if _is_text(text) else "unknown binary data"


def snap_width(width: int) -> int:
    """Return the smallest of `WIDTHS` that is at least this, or the largest."""
    return next((each for each in WIDTHS if each >= width), WIDTHS[-1])


def thumbnail(source: Path | bytes, width: int, mime: str, max_pixels: int = MAX_PIXELS) -> bytes:
    """Return a WebP of a picture's first frame, upright, at most `width` pixels wide and never enlarged.

    Raises `InvalidMedia` for what can't be decoded, `TooLarge` over `max_pixels`.
    """
    opener = _DECODERS.get(mime)
    if opener is None:
        raise InvalidMedia(f"no thumbnail can be made of {mime}")
    with source.open("rb") if isinstance(source, Path) else io.BytesIO(source) as file:
        picture = _opened(opener, file, mime)
        _check_pixels(*picture.size, max_pixels)
        try:
            return _webp(_shrunk(picture, width))
        # Decoders meet hostile bytes, and raise whatever their author did not think of.
        except Exception as error:
            raise InvalidMedia(f"the {_name(mime)} is broken: it can't be decoded") from error


_LOOKS = (
    (re.compile(rb"<!doctype html|<html|<head|<body|<!--"), "an HTML page"),
    (
        re.compile(rb"<svg|<\?xml[^>]*>\s*(?:<!doctype svg[^>]*>\s*)?<svg"),
        "an SVG drawing",
    ),
    (re.compile(rb"<"), "XML"),
    (re.compile(rb"[{\[]"), "JSON"),
)


def _is_text(head: bytes) -> bool:
    try:
        # The last character may be cut off, which this decoder waits for and forgives.
        text = getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return all(char.isprintable() or char.isspace() for char in text)


def _check_pixels(width: int, height: int, limit: int) -> None:
    if width * height > limit:
        raise TooLarge(f"the picture has {width}×{height} = {width * height} pixels, over the limit of {limit}")


def _name(mime: str) -> str:
    return mime.partition("/")[2].upper()


# Sizes


def _size(spool: Spool, mime: str) -> tuple[int, int] | None:
    with spool.open() as file:
        if mime in _HEADERS:
            picture = _opened(_HEADERS[mime], file, mime)
            width, height = picture.size
            return (height, width) if _is_sideways(picture) else (width, height)
        head = file.read(_SIZE_HEAD)
        size = _webp_size(head) if mime == "image/webp" else _ispe_size(head)
    if mime == "image/webp" and size is None:
        raise InvalidMedia("the WEBP is broken: its header can't be read")
    return size


def sheet(frames: Sequence[bytes], columns: int, width: int) -> bytes:
    """Return pictures of one size side by side, in rows of `columns`, each `width` pixels wide, as a JPEG."""
    cells = []
    for data in frames:
        picture = Image.open(io.BytesIO(data)).convert("RGB")
        cells.append(picture.resize((width, max(1, round(picture.height * width / picture.width)))))
    height, rows = max(cell.height for cell in cells), -(-len(cells) // columns)
    whole = Image.new("RGB", (width * min(columns, len(cells)), height * rows))
    for number, cell in enumerate(cells):
        whole.paste(cell, (number % columns * width, number // columns * height))
    output = io.BytesIO()
    whole.save(output, "JPEG", quality=_QUALITY)
    return output.getvalue()


def _opened(opener: _Opener, file: BinaryIO, mime: str) -> ImageFile:
    try:
        picture = opener(file)
    # As in `thumbnail`: plugins raise SyntaxError, struct.error, KeyError and more.
    except Exception as error:
        raise InvalidMedia(f"the {_name(mime)} is broken: its header can't be read") from error
    if min(picture.size) < 1:
        raise InvalidMedia(f"the {_name(mime)} is broken: it has no pixels")
    return picture


def _is_sideways(picture: ImageFile) -> bool:
    if picture.format == "TIFF":
        # Pillow turns these itself, sizes included.
        return False
    try:
        # Not the plugin's own method: that of PNG decodes the picture to look behind it.
        return Image.Image.getexif(picture).get(_ORIENTATION) in _SIDEWAYS
    # A picture with broken EXIF is a picture all the same.
    except Exception:
        return False


def _webp_size(head: bytes) -> tuple[int, int] | None:
    """Read what https://developers.google.com/speed/webp/docs/riff_container says: 24 or 14 bits per side."""
    kind, body = head[12:16], head[20:30]
    if len(body) < 10:
        return None
    if kind == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if kind == b"VP8L" and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", body[6:10])
        return (width & 0x3FFF, height & 0x3FFF) if width & 0x3FFF and height & 0x3FFF else None
    return None


def _ispe_size(head: bytes) -> tuple[int, int] | None:
    """Return the largest image size that an HEIF container names; tiles and thumbnails have theirs too."""
    found = re.finditer(rb"ispe\x00{4}(.{4})(.{4})", head, re.DOTALL)
    sizes = [(int.from_bytes(match[1], "big"), int.from_bytes(match[2], "big")) for match in found]
    return max(sizes, key=lambda size: size[0] * size[1], default=None)


# Wholeness: where does the container say that it ends?


class _Window:
    """A file that is read like bytes, a block at a time: a memory map of it would count as ours."""

    __slots__ = ("_block", "_file", "_size", "_start")

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._block = b""
        self._start = 0

    def __len__(self) -> int:
        return self._size

    def at(self, position: int) -> int:
        """Return one byte, which must be there."""
        return self.read(position, 1)[0]

    def read(self, position: int, length: int) -> bytes:
        """Return up to `length` bytes, of which there are few."""
        offset = position - self._start
        if not 0 <= offset <= len(self._block) - length:
            self._load(position)
            offset = 0
        return self._block[offset : offset + length]

    def peek(self, position: int, length: int) -> bytes:
        """Return a few bytes far from the last ones: without the block around them."""
        self._file.seek(position)
        return self._file.read(length)

    def has(self, needle: bytes, position: int) -> bool:
        """Tell whether two bytes stand anywhere behind a position."""
        while position < self._size - 1:
            self._load(position)
            if needle in self._block:
                return True
            position += len(self._block) - 1
        return False

    def _load(self, position: int) -> None:
        self._file.seek(position)
        self._block = self._file.read(_BLOCK)
        self._start = position


def _check_whole(spool: Spool, mime: str) -> None:
    is_whole = _WALKS.get(mime)
    if is_whole is None:
        return
    with spool.open() as file:
        whole = is_whole(_Window(file, spool.size))
    if not whole:
        raise InvalidMedia(f"broken {_name(mime)}: cut off after {spool.size} bytes")


def _png_is_whole(data: _Window) -> bool:
    position = 8
    while position + 12 <= len(data):
        head = data.peek(position, 8)
        end = position + 12 + int.from_bytes(head[:4], "big")
        if head[4:] == b"IEND":
            return end <= len(data)
        position = end
    return False


def _jpeg_is_whole(data: _Window) -> bool:
    """Skip the segments before the scan, since EXIF may hold a small JPEG with an end of its own."""
    position = 2
    while position + 4 <= len(data) and data.at(position) == 0xFF:
        marker = data.at(position + 1)
        if marker == 0xFF:
            position += 1
        elif marker == 0xDA:
            return data.has(b"\xff\xd9", position)
        else:
            position += 2 + int.from_bytes(data.read(position + 2, 2), "big")
    return False


def _gif_is_whole(data: _Window) -> bool:
    if len(data) < 13:
        return False
    position = 13 + _palette_bytes(data.at(10))
    while position < len(data):
        block = data.at(position)
        if block == 0x3B:
            return True
        if block == 0x21:
            position = _after_blocks(data, position + 2)
        elif block == 0x2C and position + 10 < len(data):
            position = _after_blocks(data, position + 11 + _palette_bytes(data.at(position + 9)))
        else:
            return False
    return False


def _palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(data: _Window, position: int) -> int:
    while position < len(data) and (length := data.at(position)):
        position += 1 + length
    return position + 1


def _webp_is_whole(data: _Window) -> bool:
    return 8 + int.from_bytes(data.read(4, 4), "little") <= len(data)


_WALKS: dict[str, Callable[[_Window], bool]] = {
    "image/png": _png_is_whole,
    "image/jpeg": _jpeg_is_whole,
    "image/gif": _gif_is_whole,
    "image/webp": _webp_is_whole,
}


# Thumbnails


def _shrunk(picture: ImageFile, width: int) -> Image.Image:
    """Scale to `width` as shown, and turn upright afterwards, when there is less to turn."""
    shown = picture.height if _is_sideways(picture) else picture.width
    scale = min(width / shown, 1.0)
    size = (max(round(picture.width * scale), 1), max(round(picture.height * scale), 1))
    # JPEG's decoder leaves out what would be averaged away, when told in time.
    picture.draft(None, (size[0] * 2, size[1] * 2))
    plain = _plain(picture)
    small = plain if plain.size == size else plain.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    return _upright(small)


def _plain(picture: Image.Image) -> Image.Image:
    """Return the picture in a mode that can be scaled and that WebP knows."""
    if picture.mode.startswith("I"):
        # Grey of 16 bits: a plain conversion would clip it to white.
        return picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if picture.mode in _PLAIN_MODES and "transparency" not in picture.info:
        return picture
    if picture.mode not in _COLOUR_MODES:
        picture.info.pop("icc_profile", None)
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")


def _upright(picture: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(picture)
    # As in `_is_sideways`.
    except Exception:
        return picture


def _webp(picture: Image.Image) -> bytes:
    profile = picture.info.get("icc_profile") if picture.mode in _COLOUR_MODES else None
    target = io.BytesIO()
    picture.save(target, "WEBP", quality=_QUALITY, icc_profile=profile)
    return target.getvalue()
