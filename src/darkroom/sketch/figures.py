"""Figures: what an edit puts into a picture. Stickers with a pale rim, drawn large and made smaller."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

from PIL import Image, ImageDraw, ImageFilter

from darkroom.sketch.palettes import Colour, Palette, mix

SIDE = 512
"""The side of the square that figures are drawn on."""

Draw = ImageDraw.ImageDraw


def figure(random: Random, palette: Palette, side: int) -> Image.Image:
    """Return a figure that the random numbers choose, on a transparent square of a side in pixels."""
    image = Image.new("RGBA", (SIDE, SIDE))
    colours = (palette.accent, palette.light, mix(palette.accent, palette.ink, 0.4), palette.land[1])
    random.choice(FIGURES)(ImageDraw.Draw(image), random, colours)
    turned = image.rotate(random.uniform(-12, 12), Image.Resampling.BILINEAR)
    rim = turned.getchannel("A").reduce(4).filter(ImageFilter.MaxFilter(7)).filter(ImageFilter.GaussianBlur(1))
    sticker = Image.new("RGBA", (SIDE, SIDE))
    sticker.paste((*palette.paper, 255), (0, 0), rim.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    sticker.alpha_composite(turned)
    return sticker.resize((side, side), Image.Resampling.LANCZOS)


def _round(count: int, radius: float, phase: float = 0.0) -> list[tuple[float, float]]:
    """Return points on a circle around the middle of the square."""
    return [
        (
            256 + radius * math.cos(phase + math.tau * at / count),
            256 + radius * math.sin(phase + math.tau * at / count),
        )
        for at in range(count)
    ]


def _flower(draw: Draw, random: Random, colours: tuple[Colour, ...]) -> None:
    for x, y in _round(random.choice((5, 6, 8)), 105):
        draw.ellipse((x - 75, y - 75, x + 75, y + 75), fill=colours[0])
    draw.ellipse((256 - 72, 256 - 72, 256 + 72, 256 + 72), fill=colours[1])
    for x, y in _round(9, 42):
        draw.ellipse((x - 7, y - 7, x + 7, y + 7), fill=colours[2])


def _balloon(draw: Draw, random: Random, colours: tuple[Colour, ...]) -> None:
    draw.ellipse((116, 40, 396, 330), fill=colours[0])
    for inset in (45, 100):
        draw.arc((116 + inset, 40, 396 - inset, 330), 0, 360, fill=colours[1], width=9)
    draw.polygon(((170, 290), (342, 290), (300, 380), (212, 380)), fill=colours[2])
    draw.line((216, 378, 226, 420), fill=colours[2], width=6)
    draw.line((296, 378, 286, 420), fill=colours[2], width=6)
    draw.rounded_rectangle((214, 412, 298, 476), 12, fill=colours[3])


def _star(draw: Draw, random: Random, colours: tuple[Colour, ...]) -> None:
    count = random.choice((5, 5, 7))
    for radius, colour in ((220, colours[0]), (140, colours[1])):
        outer, inner = (
            _round(count, radius, -math.pi / 2),
            _round(count, radius * 0.5, -math.pi / 2 + math.pi / count),
        )
        draw.polygon([point for pair in zip(outer, inner, strict=True) for point in pair], fill=colour)


def _house(draw: Draw, random: Random, colours: tuple[Colour, ...]) -> None:
    draw.rectangle((120, 230, 392, 450), fill=colours[1])
    draw.polygon(((80, 240), (256, 70), (432, 240)), fill=colours[0])
    draw.rounded_rectangle((225, 330, 300, 450), 12, fill=colours[2])
    for x in (150, 325):
        draw.rectangle((x, 275, x + 48, 325), fill=colours[3])


def _umbrella(draw: Draw, random: Random, colours: tuple[Colour, ...]) -> None:
    draw.line((256, 90, 256, 420), fill=colours[2], width=16)
    draw.arc((190, 370, 272, 460), 0, 180, fill=colours[2], width=16)
    draw.pieslice((50, 70, 462, 482), 180, 360, fill=colours[0])
    draw.pieslice((170, 70, 342, 482), 180, 360, fill=colours[1])
    for x in (50, 187, 324):
        draw.ellipse((x, 250, x + 138, 304), fill=(0, 0, 0, 0))
    draw.line((256, 250, 256, 420), fill=colours[2], width=16)


def _fish(draw: Draw, random: Random, colours: tuple[Colour, ...]) -> None:
    draw.polygon(((330, 256), (480, 150), (450, 256), (480, 362)), fill=colours[2])
    draw.ellipse((50, 140, 400, 372), fill=colours[0])
    draw.chord((50, 140, 400, 372), 35, 145, fill=colours[1])
    draw.ellipse((105, 205, 155, 255), fill=(255, 255, 255))
    draw.ellipse((118, 215, 148, 245), fill=(30, 30, 40))
    draw.arc((200, 180, 300, 332), 300, 60, fill=colours[2], width=10)


def _cup(draw: Draw, random: Random, colours: tuple[Colour, ...]) -> None:
    draw.ellipse((330, 220, 460, 370), outline=colours[2], width=28)
    draw.rounded_rectangle((90, 190, 370, 440), 60, fill=colours[0])
    draw.ellipse((90, 160, 370, 230), fill=colours[1])
    for x in (160, 230, 300):
        draw.arc((x - 30, 60, x + 10, 140), 270, 90, fill=colours[3], width=10)


FIGURES: tuple[Callable[[Draw, Random, tuple[Colour, ...]], None], ...] = (
    _flower,
    _balloon,
    _star,
    _house,
    _umbrella,
    _fish,
    _cup,
)
