"""Pictures for the bench: real PNGs of a wanted size, each with bytes of its own.

Noise in stored zlib blocks, in `IDAT` chunks of 64 KiB as common encoders write them. The last bytes hold a private
chunk with a number, and its checksum; so any number of different, valid pictures share all the bytes before it.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass, field
from itertools import count
from math import isqrt
from random import Random

import pybase64

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_IDAT = 64 * 1024
_NUMBER = 12
TAIL = 36
"""Bytes that differ from picture to picture, at the end: a chunk with a number, and `IEND`."""


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@dataclass(frozen=True, slots=True)
class Pictures:
    """Endless different PNGs of one size; `size` is in bytes, a multiple of three."""

    size: int
    head: bytes
    _salt: bytes = field(default_factory=lambda: os.urandom(4))
    _numbers: count[int] = field(default_factory=count)

    @property
    def head_base64(self) -> bytes:
        """The base64 of everything but the tail; that of the tail follows it without a seam."""
        return pybase64.b64encode(self.head)

    def next_tail(self) -> bytes:
        """Return the last `TAIL` bytes of a picture that has not been there before."""
        return _chunk(b"beNc", self._salt + struct.pack(">Q", next(self._numbers))) + _chunk(b"IEND", b"")

    def next_tail_base64(self) -> bytes:
        return pybase64.b64encode(self.next_tail())


def pictures_of(size: int) -> Pictures:
    """Return PNGs of `size` bytes, rounded down to a multiple of three; at least 4 KiB."""
    size -= size % 3
    width = isqrt(size // 3)
    row = 1 + 3 * width
    height = (size - 256 - size // 1024) // row
    noise = Random(size)
    pixels = b"".join(b"\0" + noise.randbytes(row - 1) for _ in range(height))
    packed = zlib.compress(pixels, 0)
    head = _SIGNATURE + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    head += b"".join(_chunk(b"IDAT", packed[at : at + _IDAT]) for at in range(0, len(packed), _IDAT))
    return Pictures(size, head + _chunk(b"fiLl", bytes(size - TAIL - len(head) - 12)))
