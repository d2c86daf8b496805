"""Film: frames as an MP4 that every player and browser decodes, written without an encoder, or small with one.

H.264 has a macroblock type, I_PCM, that carries its 16×16 pixels as they are. A stream of nothing else needs
no transform, no prediction and no entropy coder: a few header bits, then raw bytes. It is large for its
length (1.5 bytes per pixel and frame), which is no matter for a sketch. The bytes never hold two zeros in a
row, since samples start at 16, so nothing needs escaping. Around it stands the smallest MP4: `ftyp`, `moov`
with one track, `mdat`. Formats: ITU-T H.264 sections 7.3 and 8.3.5; ISO/IEC 14496-12 and 14496-15.
For films that are looked at there is `encoded`, by way of FFmpeg's encoder, where it is built in.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

import av
from PIL import Image

_TIMESCALE = 1000
# mb_type 25 as ue(v) is 000011010; with zeros up to the byte's end, before every macroblock but the first.
_NEXT_BLOCK = b"\x0d\x00"
_IDENTITY = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def mp4(frames: Sequence[Image.Image], *, milliseconds: int = 100, comment: str = "") -> bytes:
    """Return an MP4 of frames of one size, sides in multiples of 16, each shown for some milliseconds."""
    samples = tuple(_sample(frame, number) for number, frame in enumerate(frames))
    track = _Track(*frames[0].size, samples, milliseconds, comment)
    head = _box(b"ftyp", b"isom", struct.pack(">I", 512), b"isomiso2avc1mp41")
    # Where the samples begin does not change the size of `moov`, so that it can be made twice.
    offset = len(head) + len(_moov(track, 0)) + 8
    return head + _moov(track, offset) + _box(b"mdat", *samples)


def encoded(frames: Sequence[Image.Image], *, fps: int = 24, comment: str = "") -> bytes:
    """Return an MP4 of frames of one size, sides in multiples of 16, as small as an encoder makes it: the same bytes
    for the same frames. Where there is no encoder, it is `mp4`."""
    if "libx264" not in av.codecs_available:
        return mp4(frames, milliseconds=round(1000 / fps), comment=comment)
    # The table of contents goes to the front, for which the muxer reads the file again by its name.
    with NamedTemporaryFile(suffix=".mp4") as file:
        with av.open(file.name, "w", format="mp4", options={"movflags": "faststart"}) as container:
            container.metadata["comment"] = comment
            stream = container.add_stream("libx264", rate=fps, options={"preset": "veryfast", "threads": "1"})
            stream.width, stream.height = frames[0].size
            stream.pix_fmt = "yuv420p"
            for frame in frames:
                container.mux(stream.encode(_frame(frame)))
            container.mux(stream.encode(None))
        return Path(file.name).read_bytes()


def _frame(image: Image.Image) -> av.VideoFrame:
    frame = av.VideoFrame(*image.size, "rgb24")
    frame.planes[0].update(_padded(image.convert("RGB").tobytes(), image.width * 3, frame.planes[0].line_size))
    return frame


def _padded(pixels: bytes, row: int, line: int) -> bytes:
    """Return rows of pixels, each as long as the frame's lines are."""
    if row == line:
        return pixels
    return b"".join(pixels[start : start + row].ljust(line, b"\0") for start in range(0, len(pixels), row))


@dataclass(frozen=True, slots=True)
class _Track:
    """The one track: its size in pixels, its frames as samples, how long each is shown."""

    width: int
    height: int
    samples: tuple[bytes, ...]
    each: int
    comment: str


class _Bits:
    """Bits in the order in which H.264 writes them."""

    def __init__(self) -> None:
        self._text = ""

    def u(self, value: int, width: int) -> _Bits:
        self._text += format(value, f"0{width}b")
        return self

    def ue(self, *values: int) -> _Bits:
        """Append unsigned Exp-Golomb codes."""
        for value in values:
            code = format(value + 1, "b")
            self._text += "0" * (len(code) - 1) + code
        return self

    def padded(self) -> bytes:
        """Return the bytes, with zeros up to the end of the last."""
        text = self._text + "0" * (-len(self._text) % 8)
        return int(text, 2).to_bytes(len(text) // 8, "big")

    def trailed(self) -> bytes:
        """Return the bytes with the stop bit that ends a parameter set."""
        return self.u(1, 1).padded()


def _sps(width: int, height: int) -> bytes:
    bits = _Bits().u(0x67, 8).u(66, 8).u(0xC0, 8).u(40, 8)
    # id 0, 16 frame numbers, picture order of type 2, one reference, no gaps; then the size in macroblocks.
    bits.ue(0, 0, 2, 1).u(0, 1).ue(width // 16 - 1, height // 16 - 1)
    return bits.u(1, 1).u(1, 1).u(0, 1).u(0, 1).trailed()


def _pps() -> bytes:
    # CAVLC, one slice group, no weighting, quantisers at their middle, deblocking controlled by the slice.
    bits = _Bits().u(0x68, 8).ue(0, 0).u(0, 2).ue(0, 0, 0).u(0, 1).u(0, 2)
    return bits.ue(0, 0, 0).u(1, 1).u(0, 1).u(0, 1).trailed()


def _sample(frame: Image.Image, number: int) -> bytes:
    """Write one frame as an IDR slice of I_PCM macroblocks, with its length in front."""
    bits = _Bits().u(0x65, 8).ue(0, 7, 0).u(0, 4).ue(number % 2).u(0, 2).ue(0, 1)
    slice_ = _NEXT_BLOCK.join(_macroblocks(frame, bits.ue(25).padded()))
    slice_ += b"\x80"
    return struct.pack(">I", len(slice_)) + slice_


def _macroblocks(frame: Image.Image, header: bytes) -> list[bytes]:
    luma, blue, red = frame.convert("RGB").convert("YCbCr").split()
    luma = luma.point(lambda value: 16 + value * 219 / 255)
    chroma = [plane.reduce(2).point(lambda value: 16 + value * 224 / 255) for plane in (blue, red)]
    blocks = []
    for y in range(0, frame.height, 16):
        for x in range(0, frame.width, 16):
            half = (x // 2, y // 2, x // 2 + 8, y // 2 + 8)
            planes = (luma.crop((x, y, x + 16, y + 16)), *(plane.crop(half) for plane in chroma))
            blocks.append(b"".join(plane.tobytes() for plane in planes))
    blocks[0] = header + blocks[0]
    return blocks


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + kind + body


def _full(kind: bytes, flags: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack(">I", flags), *parts)


def _moov(film: _Track, offset: int) -> bytes:
    duration = film.each * len(film.samples)
    head = struct.pack(">4I", 0, 0, _TIMESCALE, duration) + struct.pack(">IH10x", 0x10000, 0x100) + _IDENTITY
    track_head = struct.pack(">5I8x", 0, 0, 1, 0, duration) + struct.pack(">4H", 0, 0, 0, 0) + _IDENTITY
    track_head += struct.pack(">II", film.width << 16, film.height << 16)
    note = (_box(b"udta", _full(b"cprt", 0, b"\x55\xc4", film.comment.encode(), b"\0")),) if film.comment else ()
    media = _box(
        b"mdia",
        _full(b"mdhd", 0, struct.pack(">4IHH", 0, 0, _TIMESCALE, duration, 0x55C4, 0)),
        _full(b"hdlr", 0, struct.pack(">I4s12x", 0, b"vide"), b"sketch\0"),
        _box(b"minf", _full(b"vmhd", 1, bytes(8)), _DATA_HERE, _table(film, offset)),
    )
    track = _box(b"trak", _full(b"tkhd", 3, track_head), media)
    return _box(b"moov", _full(b"mvhd", 0, head, bytes(24), struct.pack(">I", 2)), track, *note)


_DATA_HERE = _box(b"dinf", _full(b"dref", 0, struct.pack(">I", 1), _full(b"url ", 1)))


def _table(film: _Track, offset: int) -> bytes:
    """Write the sample table: all frames in one chunk, each a key frame."""
    sizes = struct.pack(f">{len(film.samples)}I", *map(len, film.samples))
    return _box(
        b"stbl",
        _full(b"stsd", 0, struct.pack(">I", 1), _avc1(film.width, film.height)),
        _full(b"stts", 0, struct.pack(">3I", 1, len(film.samples), film.each)),
        _full(b"stsc", 0, struct.pack(">4I", 1, 1, len(film.samples), 1)),
        _full(b"stsz", 0, struct.pack(">2I", 0, len(film.samples)), sizes),
        _full(b"stco", 0, struct.pack(">2I", 1, offset)),
    )


def _avc1(width: int, height: int) -> bytes:
    sps, pps = _sps(width, height), _pps()
    config = b"\x01" + sps[1:4] + b"\xff\xe1" + struct.pack(">H", len(sps)) + sps
    config += b"\x01" + struct.pack(">H", len(pps)) + pps
    entry = struct.pack(">6xH16xHHIII H32xHh", 1, width, height, 0x480000, 0x480000, 0, 1, 24, -1)
    return _box(b"avc1", entry, _box(b"avcC", config))
