"""Shared by the tests of stream transformers: the same input, cut in every way, must give the same result."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import AnyStr, TypeVar

from darkroom.lifted import Lifts

NONCE = "n0nce"

Result = TypeVar("Result")


@dataclass
class MemorySink:
    """A sink in memory, which remembers whether it was let go of, and whether it rests."""

    data: bytearray = field(default_factory=bytearray)
    discarded: bool = False
    rests: bool = False

    def write(self, data: bytes | bytearray | memoryview) -> object:
        self.rests = False
        self.data += data
        return None

    def chunks(self) -> Iterator[bytes]:
        for start in range(0, len(self.data), 1000):
            yield bytes(self.data[start : start + 1000])

    def rest(self) -> None:
        self.rests = True

    def discard(self) -> None:
        self.discarded = True


def new_lifts(limit: int | None = None, nonce: str = NONCE) -> Lifts:
    return Lifts(MemorySink, nonce, limit)


def pieces(data: AnyStr, size: int) -> list[AnyStr]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def random_pieces(data: AnyStr, seed: int) -> list[AnyStr]:
    """Cut in pieces of very different sizes, some empty."""
    rng = random.Random(seed)
    found, start = [], 0
    while start < len(data):
        size = rng.choice((0, 1, 1, 2, 3, 5, 8, 13, 40, 100, 300, 1000))
        found.append(data[start : start + size])
        start += size
    return found


def cuttings(data: AnyStr, seed: int = 0, every: bool = True) -> Iterator[list[AnyStr]]:
    """Yield the input whole, unit by unit (when `every`), and at random cuts."""
    yield [data]
    if every:
        yield pieces(data, 1)
    yield pieces(data, 7)
    for number in range(3):
        yield random_pieces(data, seed * 3 + number)


def same_for_all_cuts(data: AnyStr, run: Callable[[list[AnyStr]], Result], seed: int = 0, every: bool = True) -> Result:
    """Run a decoder over every cutting, compare, and return the one result."""
    first, *others = (run(cut) for cut in cuttings(data, seed, every))
    for other in others:
        assert other == first
    return first
