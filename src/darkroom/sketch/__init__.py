"""The embedded painter: pretty, deterministic stand-ins for pictures, to try Darkroom out and to test it."""

from __future__ import annotations

from darkroom.sketch.ancestry import Step, read_ancestry, read_film_ancestry
from darkroom.sketch.fonts import Fonts
from darkroom.sketch.painter import Picture, animate, compose, edit, film, paint, size_for, steps

__all__ = [
    "Fonts",
    "Picture",
    "Step",
    "animate",
    "compose",
    "edit",
    "film",
    "paint",
    "read_ancestry",
    "read_film_ancestry",
    "size_for",
    "steps",
]
