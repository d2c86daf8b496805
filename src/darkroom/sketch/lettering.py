"""The writing on a sketch: the prompt on a label, the mark that says what it is, the number of an edit."""

from __future__ import annotations

from itertools import pairwise

from PIL import Image, ImageDraw

from darkroom.sketch.fonts import BUILT_IN, Fonts, font
from darkroom.sketch.palettes import Colour, Palette

MARK = "SKETCH · not a real model"
LABEL_LINES = 3
_ELLIPSIS = "…"
# Characters that must not begin a line (Chinese and Japanese closing punctuation).
_CLOSING = set("，。、；：？！）】」』》〉”’…,.;:?!)]}ー")


def width_of(runs: list[tuple[str, str]], size: int) -> float:
    """Return how wide runs of text are, in pixels."""
    return sum(font(face, size).getlength(piece) for face, piece in runs)


def wrap(fonts: Fonts, text: str, size: int, width: float, lines: int) -> list[str]:
    """Break text into at most so many lines; what is left over ends in an ellipsis.

    Lines break at spaces and between wide characters (Chinese, Japanese, Korean); a word longer than a line
    is cut.
    """
    done: list[str] = []
    line = ""
    words = _words(text)
    for at, word in enumerate(words):
        if width_of(fonts.runs((line + word).rstrip()), size) <= width:
            line += word
            continue
        if len(done) == lines - 1:
            rest = line + "".join(words[at:])
            return [*done, _cut(fonts, rest, size, width)]
        if line.strip():
            done.append(line.rstrip())
            line = word
        else:
            line = word
        if width_of(fonts.runs(line.rstrip()), size) > width:
            return [*done, _cut(fonts, "".join(words[at:]), size, width)]
    return [*done, line.rstrip()] if line.strip() else done


def _words(text: str) -> list[str]:
    """Split text where a line may break: after spaces, and around wide characters that close no phrase."""
    if not text:
        return []
    words, start = [], 0
    for at, (before, char) in enumerate(pairwise(text), 1):
        breaks = before == " " or ((_is_wide(before) or _is_wide(char)) and char != " ")
        if breaks and char not in _CLOSING:
            words.append(text[start:at])
            start = at
    return [*words, text[start:]]


def _is_wide(char: str) -> bool:
    return (
        "\u2e80" <= char <= "\ud7ff"
        or "\uf900" <= char <= "\ufaff"
        or "\uff00" <= char <= "\uffef"
        or char >= "\U00020000"
    )


def _cut(fonts: Fonts, text: str, size: int, width: float) -> str:
    """Return the longest beginning of a text that fits a line, with an ellipsis if something is missing."""
    if width_of(fonts.runs(text.rstrip()), size) <= width:
        return text.rstrip()
    low, high = 0, min(len(text), 400)
    while low < high:
        middle = (low + high + 1) // 2
        if width_of(fonts.runs(text[:middle].rstrip() + _ELLIPSIS), size) <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + _ELLIPSIS


def _write(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], runs: list[tuple[str, str]], size: int, fill: Colour
) -> None:
    """Write runs of text from left to right, on one baseline."""
    x, y = at
    for face, piece in runs:
        draw.text((x, y), piece, font=font(face, size), fill=fill, anchor="ls")
        x += font(face, size).getlength(piece)


def label_height(image: Image.Image) -> int:
    """Return the label's height in pixels; always the same, so that an edit's covers its parent's."""
    return round(min(image.size) * 0.155)


def write_label(image: Image.Image, prompt: str, palette: Palette, fonts: Fonts) -> None:
    """Put the prompt on a paper label at the bottom of the picture."""
    unit = min(image.size)
    margin, height = round(unit * 0.035), label_height(image)
    box = (margin, image.height - margin - height, image.width - margin, image.height - margin)
    draw = ImageDraw.Draw(image, "RGBA")
    radius = round(unit * 0.018)
    shadow = round(unit * 0.006)
    draw.rounded_rectangle((box[0], box[1] + shadow, box[2], box[3] + shadow), radius, fill=(*palette.ink, 70))
    draw.rounded_rectangle(box, radius, fill=palette.paper)
    rule = round(unit * 0.012)
    draw.rounded_rectangle((box[0], box[1], box[0] + rule * 2, box[3]), radius, fill=palette.accent)
    draw.rectangle((box[0] + rule, box[1], box[0] + rule * 2, box[3]), fill=palette.paper)
    left = box[0] + rule + round(unit * 0.03)
    text = fonts.readable(prompt[:2000]) or "(no words)"
    _write_lines(draw, fonts, text, (left, box[1], box[2] - round(unit * 0.03), box[3]), palette.ink)


def _write_lines(
    draw: ImageDraw.ImageDraw, fonts: Fonts, text: str, box: tuple[int, int, int, int], fill: Colour
) -> None:
    """Write text into a box: in large letters on one line if it fits, else smaller on up to three."""
    left, top, right, bottom = box
    height, width = bottom - top, right - left
    for lines, share in ((1, 0.40), (2, 0.30), (LABEL_LINES, 0.225)):
        size = max(6, round(height * share))
        wrapped = wrap(fonts, text, size, width, lines)
        if not (wrapped and wrapped[-1].endswith(_ELLIPSIS) and not text.endswith(_ELLIPSIS)):
            break
    step = size * 1.32
    first = top + (height - step * len(wrapped)) / 2 + size * 0.98
    for number, line in enumerate(wrapped):
        _write(draw, (left, first + step * number), fonts.runs(line), size, fill)


def write_tag(image: Image.Image, text: str, palette: Palette, *, left: bool, accent: bool = False) -> None:
    """Put a small tag in an upper corner of the picture."""
    unit = min(image.size)
    size, margin = max(8, round(sum(image.size) * 0.0105)), round(unit * 0.035)
    runs = [(BUILT_IN, text)]
    wide, tall = width_of(runs, size) + size * 1.5, size * 1.9
    x = margin if left else image.width - margin - wide
    draw = ImageDraw.Draw(image, "RGBA")
    fill, ink = ((*palette.accent, 255), palette.paper) if accent else ((*palette.ink, 165), palette.paper)
    draw.rounded_rectangle((x, margin, x + wide, margin + tall), tall / 2, fill=fill)
    _write(draw, (x + size * 0.75, margin + tall / 2 + size * 0.36), runs, size, ink)
