"""What is asked of an upstream that keeps nothing: one prompt, the pictures that it is about, and a mask.

For the generators that run on one's own machine. All that came before is in the pictures.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import sqrt

from darkroom.dialects.image_params import ImageParams
from darkroom.dialects.relay_text import language_of
from darkroom.dialects.relay_vocabulary import Language
from darkroom.dialects.relay_writer import TranscriptWriter
from darkroom.errors import MalformedRequest
from darkroom.events import Progress
from darkroom.media import Media, MediaKind
from darkroom.messages import Conversation, MediaPart, Stored, Text

_NOTE = re.compile(r"\[(?:image|video|audio|file) [^\s\[\]]+\]")
"""What stands in the text for media that was not sent: a painter would paint it."""


@dataclass(frozen=True, slots=True)
class SingleTurn:
    """The question. `pictures` are to be changed or used, `mask` says where."""

    prompt: str
    pictures: tuple[Media, ...] = ()
    mask: Media | None = None


def single_turn(conversation: Conversation) -> SingleTurn:
    """Read the last user turn. Raises `MalformedRequest` without words, or for a mask without its picture."""
    last = conversation.last_user
    parts = last.parts if last is not None else ()
    words = [part.text for part in parts if isinstance(part, Text) and not _NOTE.fullmatch(part.text.strip())]
    pictures = [part for part in parts if isinstance(part, MediaPart) and part.kind is MediaKind.IMAGE]
    stored = [(part.role, part.source.media) for part in pictures if isinstance(part.source, Stored)]
    masks = [media for role, media in stored if role == "mask"]
    shown = tuple(media for role, media in stored if role != "mask")
    prompt = "".join(words).strip()
    if not prompt:
        raise MalformedRequest("there is no prompt: the last user message has no text", param="messages")
    if masks and not shown:
        raise MalformedRequest("a mask needs the picture that it belongs to", param="messages")
    return SingleTurn(prompt, shown, masks[0] if masks else None)


def size_of(
    wanted: ImageParams, usual: tuple[int, int], step: int = 8, picture: Media | None = None, most: int | None = None
) -> tuple[int, int] | None:
    """Return the size in pixels that was asked for, else the picture's own, else None.

    A ratio alone keeps the area of the `usual` size; what comes from a picture has at most `most` pixels. Sides are
    multiples of `step`.
    """
    if wanted.width and wanted.height:
        return _snapped(wanted.width, wanted.height, step)
    if wanted.ratio or wanted.size:
        return wanted.pixels(round(sqrt(usual[0] * usual[1])))
    if picture is None or not picture.width or not picture.height:
        return None
    scale = min(1.0, sqrt(most / (picture.width * picture.height))) if most else 1.0
    return _snapped(picture.width * scale, picture.height * scale, step)


def _snapped(width: float, height: float, step: int) -> tuple[int, int]:
    return max(step, round(width / step) * step), max(step, round(height / step) * step)


class RisingProgress:
    """Makes progress that only rises of what is measured, each with a line in the language of the prompt."""

    def __init__(self, prompt: str) -> None:
        language: Language = language_of(prompt)
        self._writer = TranscriptWriter(language)
        self._percent = -1
        self._ahead: int | None = None

    @property
    def percent(self) -> int:
        return max(self._percent, 0)

    def queued(self, ahead: int = 0) -> list[Progress]:
        """It waits behind `ahead` others; said again only when that changes."""
        if self._percent >= 0 or ahead == self._ahead:
            return []
        self._ahead = ahead
        return [self._told(Progress("queued"))]

    def at(self, fraction: float) -> list[Progress]:
        """It is done up to this fraction; the last percent is for the end."""
        percent = min(max(int(fraction * 100), 0), 99)
        if percent <= self._percent:
            return []
        self._percent = percent
        return [self._told(Progress("running", percent))]

    def done(self) -> list[Progress]:
        """It is ready; nothing is said where nothing was said before."""
        return [self._told(Progress("done", 100))] if self._percent >= 0 or self._ahead is not None else []

    def _told(self, event: Progress) -> Progress:
        return Progress(event.stage, event.percent, self._writer.progress(event))
