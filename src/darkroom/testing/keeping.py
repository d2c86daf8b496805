"""Keeping: what the sketch upstream holds in memory, bounded, and pictures of any size."""

from __future__ import annotations

import struct
import zlib
from collections import OrderedDict
from random import Random
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Bounded(Generic[Value]):
    """A dict that forgets its oldest entries, when there are too many of them or they are too large."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most, self._most_bytes, self._bytes = most, most_bytes, 0
        self._items: OrderedDict[object, tuple[Value, int]] = OrderedDict()

    def put(self, key: object, value: Value, size: int) -> None:
        if key in self._items:
            self._bytes -= self._items.pop(key)[1]
        self._items[key] = value, size
        self._bytes += size
        while len(self._items) > self._most or (self._bytes > self._most_bytes and len(self._items) > 1):
            self._bytes -= self._items.popitem(last=False)[1][1]

    def get(self, key: object) -> Value | None:
        if key not in self._items:
            return None
        self._items.move_to_end(key)
        return self._items[key][0]


def padded(png: bytes, size: int) -> bytes:
    """Make a PNG `size` bytes large with a private chunk of noise; one that is larger stays as it is."""
    room = size - len(png) - 12
    if room <= 0:
        return png
    kind_and_data = b"dkPd" + Random(size).randbytes(room)
    chunk = struct.pack(">I", room) + kind_and_data + struct.pack(">I", zlib.crc32(kind_and_data))
    header_end = 8 + 25
    return b"".join((png[:header_end], chunk, png[header_end:]))
