"""The painter: pictures from words, the same bytes for the same words.

All randomness comes from the SHA-256 of the prompt. A picture is a scene, painted at twice its size and
halved; then paper grain, a label with the prompt and a mark that says what it is. An edit keeps the picture
that it is given, warms it towards the new palette, puts a figure of the new prompt over it, and hangs a small
print of its parent on a film strip.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from PIL import Image, ImageChops, ImageDraw, ImageOps

from darkroom.errors import InvalidMedia, MalformedRequest
from darkroom.sketch.ancestry import Step, ancestry_of, exif, film_comment, open_picture, png_text
from darkroom.sketch.figures import figure
from darkroom.sketch.film import encoded, mp4
from darkroom.sketch.fonts import Fonts
from darkroom.sketch.lettering import MARK, label_height, write_label, write_tag
from darkroom.sketch.palettes import Palette, choose, mix
from darkroom.sketch.scene import Canvas, is_night, paint_scene

Format = Literal["png", "jpeg", "webp"]
LONG_SIDE = 1024
FPS = 24
SMALLEST_SIDE, LARGEST_SIDE = 64, 4096
_STRIP_FRAMES = 4
# Where the figures of one edit after the other stand, in fractions of the free width and height.
_PLACES = ((0.42, 0.62), (0.62, 0.28), (0.20, 0.36), (0.68, 0.80), (0.16, 0.80))
_SYSTEM_FONTS = Fonts()


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished file: its bytes, type, size in pixels, and the prompts it grew from, oldest first."""

    data: bytes
    mime: str
    width: int
    height: int
    ancestry: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def size_for(ratio: str, long_side: int = LONG_SIDE) -> tuple[int, int]:
    """Return width and height in pixels, multiples of 16, for a ratio (`16:9`); raises `MalformedRequest`."""
    left, colon, right = ratio.replace("x", ":").partition(":")
    try:
        wide, tall = float(left), float(right) if colon else math.nan
    except ValueError:
        wide = tall = math.nan
    if not (wide > 0 and tall > 0 and 1 / 8 <= wide / tall <= 8):
        raise MalformedRequest(f"{ratio[:20]!r} is not a ratio such as 16:9, between 1:8 and 8:1.", param="ratio")
    scale = long_side / max(wide, tall)
    return _sixteenths(wide * scale), _sixteenths(tall * scale)


def _sixteenths(pixels: float) -> int:
    return min(max(SMALLEST_SIDE, round(pixels / 16) * 16), LARGEST_SIDE)


def steps(prompt: str) -> tuple[int, ...]:
    """Return the percentages that drawing this prompt reports, rising, between 8 and 96."""
    random = _random("steps", prompt)
    return tuple(sorted(random.sample(range(8, 97), random.randint(4, 7))))


def paint(
    prompt: str,
    *,
    ratio: str = "1:1",
    size: tuple[int, int] | None = None,
    format: Format = "png",
    fonts: Fonts | None = None,
) -> Picture:
    """Draw a picture of a prompt. `size` in pixels wins over `ratio`."""
    wide, tall = _checked(size) if size else size_for(ratio)
    random = _random("paint", prompt)
    palette = choose(random, night=is_night(prompt))
    image = _scene(prompt, random, palette, (wide, tall))
    image = _grain(image, random)
    write_label(image, prompt, palette, fonts or _SYSTEM_FONTS)
    write_tag(image, MARK, palette, left=True)
    return _file(image, format, (Step(prompt),))


def edit(
    picture: bytes,
    prompt: str,
    *,
    format: Format = "png",
    fonts: Fonts | None = None,
) -> Picture:
    """Draw a new element over a picture, which stays recognisable; raises `InvalidMedia` if it is none."""
    parent, past = _load(picture)
    past = past or [Step("")]
    story = (*past, Step(prompt, (hashlib.sha256(picture).hexdigest(),)))
    number = sum(bool(step.parents) for step in story)
    random = _random("edit", prompt, str(number))
    palette = choose(random, night=is_night(prompt))
    image = _grain(_tinted(parent, palette, 0.22 if number == 1 else 0.08), random)
    _place_figures(image, random, palette, number)
    _frame(image, palette)
    _hang(image, parent, palette, (number - 1) % _STRIP_FRAMES)
    write_label(image, prompt, palette, fonts or _SYSTEM_FONTS)
    write_tag(image, MARK, palette, left=True)
    write_tag(image, f"edit {number}", palette, left=False, accent=True)
    return _file(image, format, story)


def compose(
    pictures: Sequence[bytes],
    prompt: str,
    *,
    ratio: str = "1:1",
    format: Format = "png",
    fonts: Fonts | None = None,
) -> Picture:
    """Draw a scene with prints of several pictures on it; of one picture, an edit; of none, a sketch."""
    if not pictures:
        return paint(prompt, ratio=ratio, format=format, fonts=fonts)
    if len(pictures) == 1:
        return edit(pictures[0], prompt, format=format, fonts=fonts)
    loaded = [_load(data) for data in pictures]
    random = _random("compose", prompt)
    palette = choose(random, night=is_night(prompt))
    image = _grain(_scene(prompt, random, palette, size_for(ratio)), random)
    _scatter(image, [print_ for print_, _ in loaded], random, palette)
    write_label(image, prompt, palette, fonts or _SYSTEM_FONTS)
    write_tag(image, MARK, palette, left=True)
    write_tag(image, f"from {len(pictures)}", palette, left=False, accent=True)
    past = list(dict.fromkeys(step for _, story in loaded for step in story))
    parents = tuple(hashlib.sha256(data).hexdigest() for data in pictures)
    return _file(image, format, (*past, Step(prompt, parents)))


def animate(
    prompt: str,
    frames: int = 12,
    *,
    size: tuple[int, int] = (512, 288),
    fonts: Fonts | None = None,
) -> Picture:
    """Draw a moving picture that loops: an animated WebP, which every browser plays."""
    shots = animation(prompt, frames, size=size, fonts=fonts)
    file = io.BytesIO()
    shots[0].save(
        file, "WEBP", save_all=True, append_images=shots[1:], duration=100, loop=0, quality=72, method=0,
        exif=exif((Step(prompt),)),
    )  # fmt: skip
    return Picture(file.getvalue(), "image/webp", *shots[0].size, (prompt,))


def film(
    prompt: str,
    frames: int = 12,
    *,
    size: tuple[int, int] = (512, 288),
    seconds: float | None = None,
    fonts: Fonts | None = None,
    first: bytes | None = None,
    parents: Sequence[str] = (),
) -> Picture:
    """Draw a moving picture as an MP4, for what has to be a video; `size` in pixels, multiples of 16.

    With `seconds`, at most 10, it moves smoothly and is well compressed; else it is `frames` of a tenth of a second.

    `first` is a picture that the film begins with: the camera moves over it. `parents` are hashes (SHA-256) of what
    else it is made from. The file tells its ancestry (`read_film_ancestry`). Raises `InvalidMedia` for no picture.
    """
    if size[0] % 16 or size[1] % 16:
        raise MalformedRequest("A film has sides that are multiples of 16.", param="size")
    past: list[Step] = []
    frames = frames if seconds is None else max(round(seconds * FPS), 2)
    if first is None:
        shots = animation(prompt, frames, size=size, fonts=fonts)
    else:
        image, past = _load(first)
        shots, parents = _pan(image, prompt, frames, size, fonts), (hashlib.sha256(first).hexdigest(), *parents)
    story = (*past, Step(prompt, tuple(parents)))
    prompts = tuple(step.prompt for step in story if step.prompt)
    write = mp4 if seconds is None else encoded
    return Picture(write(shots, comment=film_comment(story)), "video/mp4", *size, prompts)


def _pan(image: Image.Image, prompt: str, frames: int, size: tuple[int, int], fonts: Fonts | None) -> list[Image.Image]:
    """Draw the frames of a film that begins with a picture: the camera goes nearer, and lights rise through it."""
    if not 1 <= frames <= 240:
        raise MalformedRequest("An animation has 1 to 240 frames.", param="frames")
    random = _random("pan", prompt)
    palette = choose(random, night=is_night(prompt))
    lights = [(random.random(), random.random(), random.uniform(0.006, 0.02)) for _ in range(14)]
    towards = random.uniform(0.3, 0.7), random.uniform(0.3, 0.7)
    whole = ImageOps.fit(image, _checked(size), Image.Resampling.BICUBIC)
    shots = []
    for number in range(frames):
        turn = number / max(frames - 1, 1)
        zoom = 1 - 0.28 * (0.5 - 0.5 * math.cos(math.pi * turn))
        wide, tall = size[0] * zoom, size[1] * zoom
        left, top = (size[0] - wide) * towards[0], (size[1] - tall) * towards[1]
        shot = whole.resize(size, Image.Resampling.BILINEAR, box=(left, top, left + wide, top + tall))
        if number:  # The first frame is the picture as it is.
            _rise(shot, lights, turn, palette)
            write_label(shot, prompt, palette, fonts or _SYSTEM_FONTS)
            write_tag(shot, MARK, palette, left=True)
        shots.append(shot)
    return shots


def animation(
    prompt: str, frames: int = 12, *, size: tuple[int, int] = (512, 288), fonts: Fonts | None = None
) -> list[Image.Image]:
    """Draw the frames of a loop: the camera sways over a scene, and lights rise through it."""
    if not 1 <= frames <= 240:
        raise MalformedRequest("An animation has 1 to 240 frames.", param="frames")
    wide, tall = _checked(size)
    random = _random("animate", prompt)
    palette = choose(random, night=is_night(prompt))
    scene = _scene(prompt, random, palette, (wide * 5 // 4, tall * 9 // 8))
    lights = [(random.random(), random.random(), random.uniform(0.006, 0.02)) for _ in range(22)]
    shots = []
    for number in range(frames):
        turn = number / frames
        left = (scene.width - wide) * (0.5 + 0.5 * math.sin(math.tau * turn))
        top = (scene.height - tall) * (0.5 + 0.5 * math.cos(math.tau * turn))
        shot = scene.crop((round(left), round(top), round(left) + wide, round(top) + tall))
        _rise(shot, lights, turn, palette)
        write_label(shot, prompt, palette, fonts or _SYSTEM_FONTS)
        write_tag(shot, MARK, palette, left=True)
        shots.append(shot)
    return shots


def _rise(shot: Image.Image, lights: list[tuple[float, float, float]], turn: float, palette: Palette) -> None:
    draw = ImageDraw.Draw(shot, "RGBA")
    for column, start, size in lights:
        x = shot.width * (column + 0.02 * math.sin(math.tau * (turn + start)))
        y, radius = shot.height * ((start - turn) % 1.0), shot.height * size
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(*palette.light, 150))


def _random(*words: str) -> Random:
    digest = hashlib.sha256("\0".join(words).encode("utf-8", "surrogatepass")).digest()
    return Random(int.from_bytes(digest, "big"))


def _checked(size: tuple[int, int]) -> tuple[int, int]:
    if not all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in size):
        raise MalformedRequest(f"A sketch has sides of {SMALLEST_SIDE} to {LARGEST_SIDE} pixels.", param="size")
    return size


def _scene(prompt: str, random: Random, palette: Palette, size: tuple[int, int]) -> Image.Image:
    """Paint a scene at twice the size (once, for very large ones) and halve it."""
    factor = 2 if size[0] * size[1] <= 2_200_000 else 1
    image = Image.new("RGB", (size[0] * factor, size[1] * factor))
    paint_scene(Canvas(image, palette, random), prompt)
    return image.reduce(factor) if factor > 1 else image


def _grain(image: Image.Image, random: Random) -> Image.Image:
    """Give a picture the tooth of paper: a coarse, faint relief, light enough to leave the file small."""
    side = 128
    noise = Image.frombytes("L", (side, side), random.randbytes(side * side))
    tooth = noise.resize((side * 4, side * 4), Image.Resampling.BICUBIC).point(lambda value: 3 * (value > 165))
    sheet = Image.new("L", image.size)
    for x in range(0, image.width, side * 4):
        for y in range(0, image.height, side * 4):
            sheet.paste(tooth, (x, y))
    return ImageChops.subtract(image, Image.merge("RGB", (sheet, sheet, sheet)))


def _load(data: bytes) -> tuple[Image.Image, list[Step]]:
    """Decode a picture to draw on: upright, RGB on white, sides multiples of 16 and at most 2,048 pixels."""
    image = open_picture(data)
    story = ancestry_of(image)
    try:
        image.draft("RGB", (2048, 2048))
        upright = ImageOps.exif_transpose(image)
        clear = upright.convert("RGBA")
    except (OSError, SyntaxError, ValueError) as error:
        raise InvalidMedia("The picture given ends too early or is damaged.") from error
    paper = Image.new("RGBA", clear.size, (255, 255, 255, 255))
    paper.alpha_composite(clear)
    scale = min(1.0, 2048 / max(clear.size))
    size = max(256, round(clear.width * scale / 16) * 16), max(256, round(clear.height * scale / 16) * 16)
    flat = paper.convert("RGB")
    return (flat if flat.size == size else ImageOps.fit(flat, size, Image.Resampling.BICUBIC)), story


def _tinted(parent: Image.Image, palette: Palette, share: float) -> Image.Image:
    """Warm or cool a picture towards the palette: visible, and never so far that the picture is lost."""
    duotone = ImageOps.colorize(parent.convert("L"), palette.ink, palette.light, mid=palette.sky[1])
    return Image.blend(parent, duotone, share)


def _place_figures(image: Image.Image, random: Random, palette: Palette, number: int) -> None:
    """Put a large figure and a small one into the picture, where the edit before this one put none."""
    unit = min(image.size)
    ground = image.height - label_height(image) - unit * 0.07
    side = round(unit * random.uniform(0.29, 0.34))
    column, row = _PLACES[(number - 1) % len(_PLACES)]
    x, y = image.width * column, unit * 0.08 + (ground - unit * 0.08) * row
    one = figure(random, palette, side)
    image.paste(one, (round(x - side / 2), round(y - side / 2)), one)
    small = figure(random, palette, side // 3)
    image.paste(small, (round(x + side * 0.36), round(y + side * 0.16)), small)


def _frame(image: Image.Image, palette: Palette) -> None:
    width = max(4, round(min(image.size) * 0.012))
    ImageDraw.Draw(image).rectangle((0, 0, image.width - 1, image.height - 1), outline=palette.paper, width=width)
    inner = (width, width, image.width - 1 - width, image.height - 1 - width)
    ImageDraw.Draw(image).rectangle(inner, outline=palette.accent, width=max(2, width // 4))


def _hang(image: Image.Image, parent: Image.Image, palette: Palette, slot: int) -> None:
    """Hang a small print of the parent on the film strip at the right edge, below those already there."""
    unit = min(image.size)
    side = round(unit * 0.15)
    room = (image.height - label_height(image) - round(unit * 0.16)) // _STRIP_FRAMES
    side, edge = min(side, room - 4), max(3, side // 11)
    left = image.width - round(unit * 0.03) - side - 2 * edge
    top = round(unit * 0.10) + slot * room
    draw = ImageDraw.Draw(image)
    draw.rectangle((left, top, left + side + 2 * edge, top + room), fill=mix(palette.ink, (0, 0, 0), 0.4))
    hole = max(2, edge // 2)
    for y in range(top + hole, top + room - hole, hole * 3):
        for x in (left + (edge - hole) // 2, left + side + edge + (edge - hole) // 2):
            draw.rectangle((x, y, x + hole, y + hole), fill=palette.paper)
    image.paste(ImageOps.fit(parent, (side, room - edge)), (left + edge, top + edge // 2))


def _scatter(image: Image.Image, prints: list[Image.Image], random: Random, palette: Palette) -> None:
    """Lay prints with white borders on the picture, side by side and slightly turned; at most nine."""
    unit, shown = min(image.size), prints[:9]
    area = image.width * 0.94, image.height - label_height(image) - unit * 0.16
    columns = min(len(shown), max(1, round(math.sqrt(len(shown) * area[0] / area[1]))))
    rows = math.ceil(len(shown) / columns)
    cell = area[0] / columns, area[1] / rows
    for at, each in enumerate(shown):
        small = ImageOps.contain(each, (round(cell[0] * 0.86), round(cell[1] * 0.86)))
        card = ImageOps.expand(small, max(3, unit // 90), palette.paper).convert("RGBA")
        card = card.rotate(random.uniform(-6, 6), Image.Resampling.BICUBIC, expand=True)
        x = image.width * 0.03 + cell[0] * (at % columns + 0.5) - card.width / 2
        y = unit * 0.09 + cell[1] * (at // columns + 0.5) - card.height / 2
        image.paste(card, (round(x), round(y)), card)


def _file(image: Image.Image, format: Format, story: tuple[Step, ...]) -> Picture:
    file = io.BytesIO()
    if format == "png":
        image.save(file, "PNG", compress_level=4, pnginfo=png_text(story))
    elif format == "jpeg":
        image.save(file, "JPEG", quality=88, exif=exif(story))
    elif format == "webp":
        image.save(file, "WEBP", quality=85, method=2, exif=exif(story))
    else:
        raise MalformedRequest(f"A sketch is png, jpeg or webp, not {format!r}.", param="format")
    prompts = tuple(step.prompt for step in story if step.prompt)
    return Picture(file.getvalue(), f"image/{format}", image.width, image.height, prompts)
