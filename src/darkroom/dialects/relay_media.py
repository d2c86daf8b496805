"""Which shapes in an answer are media that the model made, and which are only its text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from darkroom.codecs import data_uri
from darkroom.codecs.links import kind_by_name, repair_url
from darkroom.dialects.relay_lines import vocabulary
from darkroom.dialects.relay_shapes import Shape
from darkroom.dialects.relay_vocabulary import LOST_PICTURES, MEDIA_PLACES
from darkroom.errors import DarkroomError, InvalidMedia, UpstreamBadMedia
from darkroom.events import MediaProduced
from darkroom.lifted import BROKEN, Lifted, Lifts, broken
from darkroom.media import MediaKind, kind_of, sniff

_POSTER = re.compile(r"[\w.-]{1,80}\.(?:webp|png|jpe?g|gif)", re.IGNORECASE)
_PLAY = vocabulary("play")
_DOWNLOAD = vocabulary("download")


@dataclass(frozen=True, slots=True)
class Showing:
    """What a shape comes to: `media` shown in place or by a `link`, a `poster` without a URL, or none.

    `text` is its own text, `instead` a text in its place, `gone` is what vanishes, `lost` an error.
    """

    how: Literal["media", "link", "poster", "text", "instead", "gone", "lost"]
    media: MediaProduced | None = None
    instead: str = ""
    error: DarkroomError | None = None


_TEXT = Showing("text")
_GONE = Showing("gone")


class MediaReader:
    """Judges the shapes of one answer, in order; it remembers which URLs were shown."""

    def __init__(self, lifts: Lifts, makes: frozenset[MediaKind]) -> None:
        self._lifts = lifts
        self._makes = makes
        self._seen: set[str] = set()

    def judge(self, shape: Shape, verbatim: str) -> Showing:
        """Return what a shape comes to; `verbatim` is its text."""
        if shape.lift is not None:
            return self._data(shape, shape.lift)
        if not self._makes:
            return _TEXT
        url = repair_url(shape.target)
        if shape.form in {"link", "line"}:
            return self._link(shape, url, verbatim)
        if not url.startswith(("http://", "https://", "/")) or url.startswith("//"):
            return self._no_url(shape, url, verbatim) if shape.form == "image" else _TEXT
        kind = kind_by_name(url) or (MediaKind.VIDEO if shape.form == "video" else MediaKind.IMAGE)
        self._seen.add(_key(url))
        return Showing("media", MediaProduced(kind, url=url, alt=shape.alt, shown=verbatim))

    def leaked(self, name: str, value: str) -> MediaProduced:
        """Return the media of an image API's answer that leaked into the text."""
        if name == "url":
            return MediaProduced(MediaKind.IMAGE, url=repair_url(value), shown=value)
        try:
            lifted = data_uri.lift_base64(value, self._lifts)
        except InvalidMedia:
            lifted = broken(self._lifts)
        return MediaProduced(MediaKind.IMAGE, lifted=lifted)

    def _data(self, shape: Shape, placeholder: str) -> Showing:
        kind = _data_kind(shape)
        loose = shape.form in {"data", "bare"} or not shape.clean or "svg" in shape.mime
        if kind is None or (loose and not self._makes):
            return _TEXT
        try:
            lifted = self._lifts.take(placeholder)
        except KeyError:
            return _TEXT
        if shape.form == "bare":
            return self._bare(lifted)
        if shape.junk and lifted.error is None:
            lifted.error = BROKEN
        return Showing("media", MediaProduced(kind, lifted=lifted, alt=shape.alt))

    def _bare(self, lifted: Lifted) -> Showing:
        """Judge base64 without any type by its bytes."""
        kind = kind_of(sniff(lifted.head) or "")
        if kind is MediaKind.FILE:
            return Showing("instead", instead=lifted.restore())
        return Showing("media", MediaProduced(kind, lifted=lifted))

    def _no_url(self, shape: Shape, target: str, verbatim: str) -> Showing:
        """Judge a picture whose target is no URL: a poster, a lost picture, broken data, or just text."""
        lowered = target.lower()
        if _POSTER.fullmatch(target):
            return Showing("poster", MediaProduced(MediaKind.IMAGE, alt=shape.alt, shown=verbatim))
        if any(words in lowered for words in LOST_PICTURES):
            return Showing("lost", error=UpstreamBadMedia(f"the upstream sent no picture, but: {target}"))
        if not lowered.startswith(("data:image/", "data:video/")):
            return _TEXT
        return Showing("media", MediaProduced(kind_of(lowered[5:]), lifted=broken(self._lifts), alt=shape.alt))

    def _link(self, shape: Shape, url: str, verbatim: str) -> Showing:
        """Judge a link, or a URL alone on its line: it is media by its name, its place or its words."""
        words, key = shape.alt.lower(), _key(url)
        plays = any(word in words for word in _PLAY)
        if not url.startswith(("http://", "https://")):
            return _TEXT
        if key in self._seen:
            named = plays or any(word in words for word in _DOWNLOAD) or words.strip().isdigit()
            return _GONE if named else _TEXT
        kind = kind_by_name(url)
        if kind is None and (plays or any(place in url for place in MEDIA_PLACES)):
            kind = MediaKind.VIDEO if plays or MediaKind.IMAGE not in self._makes else MediaKind.IMAGE
        if kind is None:
            return _TEXT
        self._seen.add(key)
        media = MediaProduced(kind, url=url, alt=shape.alt, shown=verbatim)
        return Showing("link" if shape.form == "link" else "media", media)


def _data_kind(shape: Shape) -> MediaKind | None:
    """Return the kind of inline data: by its type, and where that says nothing by the construct around it."""
    kind = kind_of(shape.mime)
    if shape.form == "video":
        return MediaKind.VIDEO
    if shape.form in {"image", "img"}:
        return kind if kind is MediaKind.VIDEO else MediaKind.IMAGE
    return None if kind is MediaKind.FILE and shape.form != "bare" else kind


def _key(url: str) -> str:
    """Return what two URLs of the same media have in common."""
    bare = url.partition("://")[2].replace("/cdn/download/", "/cdn/")
    return re.split(r"[?#]", bare, maxsplit=1)[0] if kind_by_name(url) else bare
