"""Colours that go together: five to a palette, from the far sky to the near ground, an accent and an ink."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Palette:
    """A picture's colours: the sky's two ends, the land from far to near, and four single ones."""

    sky: tuple[Colour, Colour]
    land: tuple[Colour, Colour]
    light: Colour
    accent: Colour
    ink: Colour
    paper: Colour


def _hex(text: str) -> Colour:
    return int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16)


def _palette(row: str) -> Palette:
    high, low, far, near, light, accent, ink, paper = map(_hex, row.split())
    return Palette((high, low), (far, near), light, accent, ink, paper)


# sky above, sky below, far land, near land, light, accent, ink, paper
_ROWS = (
    "2b3a67 f7b267 c06c84 2f2440 ffe8a3 f25f5c 241a33 fdf6e9",  # dusk
    "8fd3f4 fdfbe8 8fbf9f 1f5f5b fff3b0 ff7b54 17403d fbfaf3",  # spring morning
    "0b132b 3a506b 2c4a6e 0a1024 f4f1de e0b84c 0a1024 f2f4f8",  # night
    "f6d6ad f9ede0 d98f6c 7a3b2e fff8e7 2a9d8f 4a2218 fffaf2",  # desert
    "c9d6ff f5e6f0 b8a1d9 4b3b78 fff7d6 e76f9b 2e2350 fbf8ff",  # lavender
    "4ca1af d9f0e3 6fb3a8 15484c ffefc1 ee6c4d 0f3336 f5fbf8",  # lagoon
    "f9a26c fde2b8 b5523b 3d1f2b fff1c9 3d5a80 2c1520 fff7ec",  # autumn
    "a8c0d6 eef3f7 7d96ad 2d4054 ffffff c8553d 203040 fafcfd",  # winter
    "ffb7c5 fff1e6 e58fa3 6b3f69 fffbe0 3a7ca5 402547 fffafa",  # blossom
    "1d2671 c33764 7a2a6b 1a0f3c ffd6a5 ffa62b 150b30 fff4f0",  # neon evening
    "b7e4c7 fefae0 74a57f 26503a fff3bf d97706 1b3a2a fdfdf3",  # meadow
    "355c7d f8b195 6c5b7b 2c2340 fce5cd f67280 221a33 fdf4ef",  # rose dusk
)
PALETTES = tuple(map(_palette, _ROWS))
NIGHTS = (PALETTES[2], PALETTES[9], PALETTES[11])


def choose(random: Random, *, night: bool = False) -> Palette:
    """Return the palette that the random numbers choose."""
    return random.choice(NIGHTS if night else PALETTES)


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Return the colour between two, `share` (0 to 1) of the way to the other."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
