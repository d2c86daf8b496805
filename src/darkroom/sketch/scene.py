"""Scenes: what a sketch shows. Painted at twice the size and halved, which is what smooths the edges.

A scene is a function of a canvas; the canvas brings the random numbers, so the same prompt gives the same
picture. Sizes are fractions of the canvas's width (`w`) and height (`h`), so that a scene fits every ratio.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw

from darkroom.sketch.palettes import Colour, Palette, mix

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Canvas:
    """A picture in the making, with its colours and its random numbers."""

    image: Image.Image
    palette: Palette
    random: Random

    @property
    def w(self) -> int:
        return self.image.width

    @property
    def h(self) -> int:
        return self.image.height

    @property
    def unit(self) -> int:
        """The shorter side, in pixels."""
        return min(self.w, self.h)

    def draw(self) -> ImageDraw.ImageDraw:
        return ImageDraw.Draw(self.image, "RGBA")


def paint_scene(canvas: Canvas, prompt: str) -> None:
    """Paint the scene that the prompt's words suggest, or else the one that its random numbers choose."""
    names = tuple(SCENES)
    chosen = canvas.random.choice(names)
    words = prompt.lower()
    hinted = next((name for name, hints in _HINTS if any(hint in words for hint in hints)), chosen)
    SCENES[hinted](canvas)


def is_night(prompt: str) -> bool:
    """Tell whether the prompt speaks of the night."""
    words = prompt.lower()
    return any(hint in words for hint in ("night", "moon", "star", "夜", "月", "星", "밤", "宇宙"))


def gradient(size: tuple[int, int], top: Colour, bottom: Colour) -> Image.Image:
    """Return a vertical gradient of a size in pixels."""
    column = b"".join(bytes(mix(top, bottom, row / 255)) for row in range(256))
    return Image.frombytes("RGB", (1, 256), column).resize(size, Image.Resampling.BILINEAR)


def _sky(canvas: Canvas, horizon: float = 1.0) -> None:
    high, low = canvas.palette.sky
    canvas.image.paste(gradient((canvas.w, math.ceil(canvas.h * horizon)), high, low), (0, 0))


def _glow(canvas: Canvas, centre: Point, radius: float, colour: Colour, strength: float) -> None:
    """Lighten a round patch, softly towards its edge."""
    size = round(radius * 2)
    # The gradient is 255 in the corners and 181 in the middle of each edge, where the glow has to have ended.
    falloff = Image.radial_gradient("L").point(lambda v: max(0.0, 1 - v / 179) ** 2 * 255 * strength)
    mask = falloff.resize((size, size), Image.Resampling.BILINEAR)
    canvas.image.paste(colour, (round(centre[0] - radius), round(centre[1] - radius)), mask)


def _disc(draw: ImageDraw.ImageDraw, centre: Point, radius: float, fill: tuple[int, ...]) -> None:
    x, y = centre
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)


def _light(canvas: Canvas, height: float = 0.36) -> Point:
    """Put a sun or a moon in the sky; return its centre."""
    centre = canvas.w * canvas.random.uniform(0.22, 0.78), canvas.h * canvas.random.uniform(0.16, height)
    radius = canvas.unit * canvas.random.uniform(0.07, 0.12)
    _glow(canvas, centre, radius * 4.2, canvas.palette.light, 0.75)
    _disc(canvas.draw(), centre, radius, canvas.palette.light)
    if canvas.random.random() < 0.3:
        bite = centre[0] + radius * 0.45, centre[1] - radius * 0.25
        _disc(canvas.draw(), bite, radius * 0.86, mix(*canvas.palette.sky, 0.25))
    return centre


def _stars(canvas: Canvas, until: float) -> None:
    draw = canvas.draw()
    if sum(canvas.palette.sky[0]) > 330:
        return
    for _ in range(90):
        centre = canvas.random.uniform(0, canvas.w), canvas.random.uniform(0, canvas.h * until)
        _disc(draw, centre, canvas.unit * canvas.random.uniform(0.0008, 0.0025), (*canvas.palette.light, 190))


def _clouds(canvas: Canvas) -> None:
    draw = canvas.draw()
    for _ in range(canvas.random.randint(2, 4)):
        x, y = canvas.w * canvas.random.random(), canvas.h * canvas.random.uniform(0.08, 0.34)
        size = canvas.unit * canvas.random.uniform(0.025, 0.05)
        fill = (*mix(canvas.palette.light, canvas.palette.sky[1], 0.35), 120)
        draw.rounded_rectangle((x - size * 4, y, x + size * 4, y + size * 1.3), size * 0.65, fill=fill)
        draw.rounded_rectangle((x - size * 2, y - size, x + size * 2.6, y + size * 0.2), size * 0.6, fill=fill)


def _ridge(canvas: Canvas, base: float, swing: float, rough: float) -> list[Point]:
    """Return a skyline from left to right: a sum of waves, `base` and `swing` in fractions of the height."""
    random = canvas.random
    waves = [(random.uniform(0.6, 1.8) * rough**n, random.uniform(0, math.tau), 0.55**n) for n in range(4)]
    steps = 120
    points = []
    for step in range(steps + 1):
        at = step / steps
        wave = sum(power * math.sin(math.tau * count * at + phase) for count, phase, power in waves)
        points.append((at * canvas.w, (base + swing * wave / 2) * canvas.h))
    return points


def _land(canvas: Canvas, ridge: list[Point], colour: Colour) -> None:
    canvas.draw().polygon([*ridge, (canvas.w, canvas.h), (0, canvas.h)], fill=colour)


def _strokes(canvas: Canvas, ridge: list[Point], colour: Colour, count: int) -> None:
    """Draw short brush strokes that follow a ridge below it."""
    draw = canvas.draw()
    for _ in range(count):
        at = canvas.random.randrange(0, len(ridge) - 12)
        drop = canvas.h * canvas.random.uniform(0.012, 0.16)
        line = [(x, y + drop) for x, y in ridge[at : at + canvas.random.randint(5, 12)]]
        width = round(canvas.unit * canvas.random.uniform(0.001, 0.004))
        draw.line(line, fill=(*colour, canvas.random.randint(35, 90)), width=max(width, 2), joint="curve")


def _birds(canvas: Canvas) -> None:
    draw = canvas.draw()
    x, y = canvas.w * canvas.random.uniform(0.2, 0.7), canvas.h * canvas.random.uniform(0.12, 0.32)
    for _ in range(canvas.random.randint(3, 6)):
        size = canvas.unit * canvas.random.uniform(0.01, 0.018)
        left, right = (x - size * 2, y - size, x, y + size), (x, y - size, x + size * 2, y + size)
        for box in (left, right):
            draw.arc(box, 200, 340, fill=(*canvas.palette.ink, 200), width=max(2, round(size * 0.22)))
        x += canvas.unit * canvas.random.uniform(0.03, 0.07)
        y += canvas.unit * canvas.random.uniform(-0.03, 0.03)


def _hills(canvas: Canvas) -> None:
    _sky(canvas, 0.75)
    _stars(canvas, 0.5)
    _light(canvas)
    _clouds(canvas)
    _birds(canvas)
    layers = canvas.random.randint(4, 5)
    for layer in range(layers):
        depth = layer / (layers - 1)
        ridge = _ridge(canvas, 0.48 + 0.34 * depth, 0.10, 1.7)
        colour = mix(*canvas.palette.land, depth)
        _land(canvas, ridge, colour)
        _strokes(canvas, ridge, mix(colour, canvas.palette.light, 0.5), 26)
        if layer in {1, 2}:
            _trees(canvas, ridge, mix(colour, canvas.palette.ink, 0.35), 7 + 5 * layer)


def _trees(canvas: Canvas, ridge: list[Point], colour: Colour, count: int) -> None:
    draw = canvas.draw()
    for _ in range(count):
        x, y = canvas.random.choice(ridge)
        height = canvas.unit * canvas.random.uniform(0.03, 0.06)
        for tier in range(3):
            top, half = y - height * (1 - 0.22 * tier), height * (0.16 + 0.07 * tier)
            draw.polygon(((x, top), (x + half, top + height * 0.5), (x - half, top + height * 0.5)), fill=colour)
        draw.rectangle((x - height * 0.04, y - height * 0.1, x + height * 0.04, y + height * 0.1), fill=colour)


def _peaks(canvas: Canvas) -> None:
    _sky(canvas, 0.8)
    _stars(canvas, 0.5)
    _light(canvas, 0.28)
    _birds(canvas)
    for layer in range(3):
        depth = layer / 2
        colour = mix(*canvas.palette.land, depth * 0.8)
        for _ in range(5 - layer):
            _mountain(canvas, colour, 0.30 + 0.16 * depth, 0.74 + 0.12 * depth)
    ridge = _ridge(canvas, 0.84, 0.06, 1.6)
    _land(canvas, ridge, canvas.palette.land[1])
    _trees(canvas, ridge, mix(canvas.palette.land[1], canvas.palette.ink, 0.6), 26)


def _mountain(canvas: Canvas, colour: Colour, top: float, foot: float) -> None:
    """Draw one mountain: a lit side, a shaded side, a cap of snow with a ragged hem."""
    random, draw = canvas.random, canvas.draw()
    x, y = canvas.w * random.uniform(0.02, 0.98), canvas.h * (top + random.uniform(0, 0.12))
    base, half = canvas.h * foot, canvas.w * random.uniform(0.2, 0.34)
    right = x + half * random.uniform(0.8, 1.2)
    draw.polygon(((x, y), (right, base), (x - half, base)), fill=colour)
    shade = (
        (x + half * 0.12, y + (base - y) * 0.4),
        (x - half * 0.05, y + (base - y) * 0.7),
        (x + half * 0.1, base),
    )
    draw.polygon(((x, y), *shade, (right, base)), fill=mix(colour, canvas.palette.ink, 0.28))
    snow = 0.24
    hem = [(x + (right - x) * snow, y + (base - y) * snow)]
    for tooth in range(1, 6):
        at = hem[0][0] - (hem[0][0] - (x - half * snow)) * tooth / 6
        hem.append((at, y + (base - y) * (snow + (0.07 if tooth % 2 else -0.03))))
    hem.append((x - half * snow, y + (base - y) * snow))
    draw.polygon(((x, y), *hem), fill=mix(canvas.palette.paper, colour, 0.1))
    draw.rectangle((0, base, canvas.w, canvas.h), fill=colour)


def _sea(canvas: Canvas) -> None:
    horizon = canvas.random.uniform(0.5, 0.6)
    _sky(canvas, horizon)
    _stars(canvas, horizon)
    sun = _light(canvas, horizon - 0.12)
    _clouds(canvas)
    _birds(canvas)
    far, near = mix(canvas.palette.sky[1], canvas.palette.land[0], 0.6), canvas.palette.land[1]
    top = round(canvas.h * horizon)
    canvas.image.paste(gradient((canvas.w, canvas.h - top), far, near), (0, top))
    draw = canvas.draw()
    for _ in range(110):
        depth = canvas.random.random() ** 1.6
        y, reach = top + depth * (canvas.h - top), canvas.w * (0.01 + 0.05 * depth)
        x = sun[0] + canvas.random.gauss(0, canvas.w * (0.025 + 0.07 * depth))
        thick = max(2, round(canvas.unit * (0.0015 + 0.004 * depth)))
        draw.line((x - reach, y, x + reach, y), fill=(*canvas.palette.light, 150), width=thick)
    for layer in range(3):
        ridge = _ridge(canvas, horizon + 0.14 + 0.11 * layer, 0.014, 2.4)
        _land(canvas, ridge, (*mix(far, near, 0.35 + 0.3 * layer), 120))  # type: ignore[arg-type]
    _boat(
        canvas,
        (canvas.w * canvas.random.uniform(0.15, 0.85), canvas.h * (horizon + 0.07)),
        canvas.unit * 0.09,
    )


def _boat(canvas: Canvas, at: Point, size: float) -> None:
    draw, (x, y), palette = canvas.draw(), at, canvas.palette
    hull = (
        (x - size, y),
        (x + size, y),
        (x + size * 0.6, y + size * 0.35),
        (x - size * 0.6, y + size * 0.35),
    )
    draw.polygon(hull, fill=palette.ink)
    draw.polygon(
        (
            (x - size * 0.06, y - size * 0.1),
            (x - size * 0.06, y - size * 1.7),
            (x - size * 0.85, y - size * 0.1),
        ),
        fill=palette.paper,
    )
    draw.polygon(
        (
            (x + size * 0.06, y - size * 0.1),
            (x + size * 0.06, y - size * 1.4),
            (x + size * 0.7, y - size * 0.1),
        ),
        fill=palette.accent,
    )


def _town(canvas: Canvas) -> None:
    _sky(canvas, 0.85)
    _stars(canvas, 0.5)
    _light(canvas, 0.3)
    _clouds(canvas)
    for layer in range(3):
        depth = layer / 2
        x = -canvas.w * 0.02
        while x < canvas.w:
            wide = canvas.unit * canvas.random.uniform(0.07, 0.15)
            tall = canvas.h * canvas.random.uniform(0.14, 0.36) * (1 - 0.22 * depth)
            top = canvas.h * (0.72 + 0.12 * depth) - tall
            _house(canvas, (x, top, x + wide, canvas.h), mix(*canvas.palette.land, depth), depth)
            x += wide * canvas.random.uniform(0.9, 1.25)


def _house(canvas: Canvas, box: tuple[float, float, float, float], colour: Colour, depth: float) -> None:
    """Draw one house: a roof by chance, and windows of which some are lit."""
    left, top, right, _ = box
    draw, random, wide = canvas.draw(), canvas.random, right - left
    draw.rectangle(box, fill=colour)
    roof = random.random()
    if roof < 0.35:
        peak = (left + right) / 2, top - wide * 0.4
        draw.polygon(((left, top), peak, (right, top)), fill=mix(colour, canvas.palette.accent, 0.45))
    elif roof < 0.5:
        draw.rectangle((left + wide * 0.46, top - wide * 0.5, left + wide * 0.5, top), fill=colour)
    columns, cell = random.randint(3, 4), wide / 4.6
    lit, dark = mix(canvas.palette.light, canvas.palette.accent, 0.12), mix(colour, canvas.palette.ink, 0.35)
    for row in range(int((canvas.h * 0.95 - top) / (cell * 1.3))):
        for column in range(columns):
            x = left + wide * (column + 0.5) / columns - cell * 0.25
            y = top + cell * (0.6 + 1.3 * row)
            draw.rectangle(
                (x, y, x + cell * 0.5, y + cell * 0.7),
                fill=lit if random.random() < 0.2 + 0.25 * depth else dark,
            )


def _geometry(canvas: Canvas) -> None:
    """Compose circles, arches and triangles on a loose grid, as a poster of the 1920s would."""
    palette, random = canvas.palette, canvas.random
    canvas.image.paste(gradient((canvas.w, canvas.h), palette.paper, mix(palette.paper, palette.sky[1], 0.5)), (0, 0))
    colours = (
        palette.sky[0],
        *palette.land,
        palette.accent,
        palette.light,
        mix(palette.accent, palette.light, 0.5),
    )
    columns = 4 if canvas.w <= canvas.h else 6
    cell = canvas.w / columns
    for row in range(math.ceil(canvas.h / cell)):
        for column in range(columns):
            box = (column * cell, row * cell, (column + 1) * cell, (row + 1) * cell)
            random.choice(_TILES)(canvas.draw(), box, random.choice(colours), random.choice(colours), random)
    centre = canvas.w * random.uniform(0.35, 0.65), canvas.h * random.uniform(0.3, 0.5)
    _disc(canvas.draw(), centre, canvas.unit * 0.2, (*palette.accent, 235))
    _disc(canvas.draw(), centre, canvas.unit * 0.13, (*palette.light, 245))


Box = tuple[float, float, float, float]


def _tile_arch(draw: ImageDraw.ImageDraw, box: Box, one: Colour, other: Colour, random: Random) -> None:
    left, top, right, bottom = box
    size, corner = right - left, random.randrange(4)
    draw.rectangle(box, fill=one)
    x, y = (
        (left, top)
        if corner == 0
        else (right, top)
        if corner == 1
        else (right, bottom)
        if corner == 2
        else (left, bottom)
    )
    for ring, fill in ((1.0, other), (0.66, one), (0.33, other)):
        radius = size * ring
        draw.pieslice((x - radius, y - radius, x + radius, y + radius), 90 * corner, 90 * corner + 90, fill=fill)


def _tile_slope(draw: ImageDraw.ImageDraw, box: Box, one: Colour, other: Colour, random: Random) -> None:
    left, top, right, bottom = box
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    corners.pop(random.randrange(4))
    draw.rectangle(box, fill=one)
    draw.polygon(corners, fill=other)


def _tile_disc(draw: ImageDraw.ImageDraw, box: Box, one: Colour, other: Colour, random: Random) -> None:
    left, top, right, bottom = box
    draw.rectangle(box, fill=one)
    size = right - left
    _disc(draw, ((left + right) / 2, (top + bottom) / 2), size * random.choice((0.22, 0.36, 0.46)), other)


def _tile_bars(draw: ImageDraw.ImageDraw, box: Box, one: Colour, other: Colour, random: Random) -> None:
    left, top, right, _ = box
    draw.rectangle(box, fill=one)
    bar, upright = (right - left) / 6, random.random() < 0.5
    for number in range(3):
        at = bar * (2 * number + 0.5)
        stripe = (left + at, top, left + at + bar, box[3]) if upright else (left, top + at, right, top + at + bar)
        draw.rectangle(stripe, fill=other)


_TILES = (_tile_arch, _tile_arch, _tile_slope, _tile_disc, _tile_bars)

SCENES: dict[str, Callable[[Canvas], None]] = {
    "hills": _hills,
    "peaks": _peaks,
    "sea": _sea,
    "town": _town,
    "geometry": _geometry,
}
_HINTS = (
    ("sea", ("sea", "ocean", "beach", "boat", "wave", "lake", "海", "湖", "波", "船", "바다")),
    ("town", ("town", "city", "street", "house", "skyline", "城", "街", "町", "楼", "도시")),
    ("peaks", ("mountain", "snow", "alps", "山", "雪", "峰", "산")),
    ("hills", ("hill", "field", "forest", "farm", "cow", "horse", "牛", "马", "馬", "草", "森", "田")),
    ("geometry", ("abstract", "poster", "logo", "geometr", "pattern", "抽象", "图案", "幾何")),
)
