"""Ancestry: what a sketch was made from, written inside the file.

PNG carries it in the text chunk `darkroom:ancestry`; JPEG and WebP in EXIF's ImageDescription, MP4 in its copyright
notice, behind the same name. The text is a JSON list, oldest first: `{"prompt": str, "parent": sha256 of the parent's
bytes or null}`, and `"parents"` with all of them where a picture was made from several.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

from PIL import Image, PngImagePlugin

from darkroom.errors import InvalidMedia

KEY = "darkroom:ancestry"
MAX_STEPS = 64
MAX_PIXELS = 64_000_000
_LONGEST = 512 * 1024
"""Characters of a film's ancestry."""
_DESCRIPTION = 0x010E
# Pillow's warning about very many pixels is an error where warnings are errors; our own limit is lower.
_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning)


@dataclass(frozen=True, slots=True)
class Step:
    """One act of drawing, and the SHA-256 (hex) of every picture that it began with."""

    prompt: str
    parents: tuple[str, ...] = ()


def open_picture(data: bytes) -> Image.Image:
    """Open a picture without decoding it; raises `InvalidMedia` if it is none or too large."""
    try:
        image = Image.open(io.BytesIO(data))
    except _UNREADABLE as error:
        raise InvalidMedia("The bytes given are not a picture that can be read.") from error
    if image.width * image.height > MAX_PIXELS:
        raise InvalidMedia(f"The picture has {image.width}×{image.height} pixels; at most 64 megapixels are drawn on.")
    return image


def read_ancestry(data: bytes) -> list[Step]:
    """Return a picture's ancestry, oldest first, if it has one; raises `InvalidMedia` for no picture."""
    return ancestry_of(open_picture(data))


def ancestry_of(image: Image.Image) -> list[Step]:
    """Return the ancestry of an opened picture."""
    text = image.info.get(KEY)
    if not isinstance(text, str):
        described = image.getexif().get(_DESCRIPTION)
        prefix = f"{KEY} "
        text = described.removeprefix(prefix) if isinstance(described, str) and described.startswith(prefix) else "[]"
    return _read(text)


def film_comment(steps: tuple[Step, ...]) -> str:
    """Return what an MP4 says of itself: its prompt in words, and its ancestry."""
    return f"Darkroom sketch: {steps[-1].prompt[:200]}\n{KEY} {written(steps)}"


def read_film_ancestry(head: bytes) -> list[Step]:
    """Return the ancestry of a sketched film, oldest first, from its first bytes; empty for any other film."""
    begin = head.find(f"{KEY} ".encode())
    if begin < 0:
        return []
    text = head[begin + len(KEY) + 1 :][:_LONGEST].decode("ascii", "replace")
    try:
        return _read(text[: json.JSONDecoder().raw_decode(text)[1]])
    except (ValueError, RecursionError):
        return []


def _read(text: str) -> list[Step]:
    try:
        return [_step(item) for item in json.loads(text)][-MAX_STEPS:]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return []


def _step(item: dict[str, Any]) -> Step:
    parents = item.get("parents") or ([item["parent"]] if item["parent"] else [])
    return Step(str(item["prompt"]), tuple(map(str, parents)))


def written(steps: tuple[Step, ...]) -> str:
    """Return an ancestry as JSON, in ASCII."""
    return json.dumps([_item(step) for step in steps[-MAX_STEPS:]])


def _item(step: Step) -> dict[str, Any]:
    item: dict[str, Any] = {"prompt": step.prompt[:2000], "parent": step.parents[0] if step.parents else None}
    return {**item, "parents": list(step.parents)} if len(step.parents) > 1 else item


def png_text(steps: tuple[Step, ...]) -> PngImagePlugin.PngInfo:
    """Return the text chunks for a PNG."""
    info = PngImagePlugin.PngInfo()
    info.add_itxt(KEY, written(steps))
    info.add_text("Software", "Darkroom sketch")
    return info


def exif(steps: tuple[Step, ...]) -> Image.Exif:
    """Return the EXIF block for a JPEG or a WebP."""
    block = Image.Exif()
    block[_DESCRIPTION] = f"{KEY} {written(steps)}"
    return block
