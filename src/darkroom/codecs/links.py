"""Links: the short URL that stands for media, and everything in a text that may name media.

Strategy. `references` walks a text once, from one interesting character to the next, with a stack of open
brackets; a `](` closes the construct that the last `[` opened, and swallows what had been found inside it.
Every pattern is possessive and stops at the character that would start the next attempt, so that hostile text
costs linear time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import unquote

from darkroom import ids
from darkroom.lifted import PLACEHOLDER
from darkroom.media import EXTENSIONS, Media, MediaKind, kind_of

What = Literal["link", "data", "generation", "media", "url"]


@dataclass(frozen=True, slots=True)
class Reference:
    """Something in a text that may name media; `text[start:end]` is the whole construct.

    `value` is a media id (`link`, `media`), a gen id (`generation`), a data URI (`data`) or a foreign URL
    (`url`). `image` tells whether the construct shows it (`![…](…)`, `<img>`, `<video>`) or only mentions it.
    """

    what: What
    value: str
    alt: str
    start: int
    end: int
    image: bool


_OURS = re.compile(
    r"(?:https?://[^/\s?#]++)?(?:/[^\s?#]*)?/media/(media_[0-9a-z]{26})(?:\.[a-z0-9]{1,5})?(?:[?#]\S*)?",
    re.IGNORECASE,
)
_GENERATIONS = "/v1/generations/"
_EXTENSION = re.compile(r"\.([A-Za-z0-9]{2,4})\Z")
_KINDS = {extension: kind_of(mime) for mime, extension in EXTENSIONS.items()} | {
    "jpeg": MediaKind.IMAGE,
    "heif": MediaKind.IMAGE,
    "tif": MediaKind.IMAGE,
    "m4v": MediaKind.VIDEO,
}


def make_link(public_url: str, media: Media) -> str:
    """Return the stable link to media: `{public_url}/media/{id}.{ext}`."""
    return f"{public_url.rstrip('/')}/media/{media.id}.{media.extension}"


def generation_link(public_url: str, id: str) -> str:
    """Return where a generation is looked up, with the media that it has made by then."""
    return f"{public_url.rstrip('/')}{_GENERATIONS}{id}"


def tells_of(text: str, id: str) -> bool:
    """Tell whether a text says where a generation is looked up, on whatever host."""
    return f"{_GENERATIONS}{id}" in text


def media_id_of(url: str) -> str | None:
    """Return the media id in a link of any host, or in a bare path; None when the URL is no such link.

    The host is not compared: a gateway has many names, ids can't be guessed, and owners are checked later.
    """
    match = _OURS.fullmatch(url.strip())
    return match[1] if match and ids.is_typeid(match[1], "media") else None


def kind_by_name(url: str) -> MediaKind | None:
    """Return the kind that the extension of a URL's path suggests: image, video, audio, or None."""
    path = re.split(r"[?#]", url, maxsplit=1)[0]
    match = _EXTENSION.search(unquote(path[-64:]))
    kind = _KINDS.get(match[1].lower()) if match else None
    return None if kind is MediaKind.FILE else kind


def repair_url(url: str) -> str:
    """Undo the escapes that relays leave in URLs: `\\u0026` and `&amp;` for `&`, `\\/` for `/`."""
    return url.replace("\\u0026", "&").replace("&amp;", "&").replace("\\/", "/")


def source_of(attributes: str) -> str | None:
    """Return the value of `src` in a tag's attributes."""
    match = _SRC.search(attributes)
    return next(filter(None, match.groups()), None) if match else None


def alt_of(attributes: str) -> str:
    """Return the value of `alt` in a tag's attributes, or nothing."""
    match = _ALT.search(attributes)
    return next(filter(None, match.groups()), "") if match else ""


def references(text: str) -> tuple[Reference, ...]:
    """Return everything in a text that may name media, in order and without overlap.

    A foreign URL counts where it is shown, or where its path has the extension of a medium. A gen id in the
    alternative text of a construct that is not ours comes right before it, with an empty span at its start.
    """
    return _Walk(text).run()


_STEP = re.compile(
    r"!?\[|\]|```(?:html)?\s{0,8}+(?=<video|<img)|<(?=img\b|video\b|https?://)|https?://|data:(?=\w)"
    r"|/media/(?=media_)|\b(?:gen|media)_(?=[0-7])",
    re.IGNORECASE,
)
_TARGET = re.compile(r"\(\s*+(<[^<>\n()]++>|(?>(?:[^\s()<>]++|\([^\s()<>]*+\))+))(?:\s++[^()\n]*+)?\s*+\)")
_DATA_HEAD = re.compile(r"data:[\w.+-]{1,64}/[\w.+-]{1,64}(?:;[\w.+=-]{0,64}+)*?;base64,", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]++={0,2}")
_WRAPPED = re.compile(r"\s*+(?:[A-Za-z0-9+/_=-]++\s*+)+")
_DATA_END = re.compile(r"[^()\n]*+\s*+\)")
# Without IGNORECASE: in a range that holds U+017F and U+212A, it would take `s` and `k` along.
_BARE = re.compile(r"[Hh][Tt]{2}[Pp][Ss]?://[^\s<>\"'`\[\]{}|\\^\x00-\x1f\x7f-\U0010ffff]++")
_PATH = re.compile(r"/media/media_[0-9a-z]{26}(?:\.[a-z0-9]{1,5})?(?:\?[\w=&%.-]*+)?")
_AUTO = re.compile(r"<(https?://[^\s<>]++)>", re.IGNORECASE)
_TAG = re.compile(r"<(img|video)\b([^<>]*+)>", re.IGNORECASE)
_SOURCE = re.compile(r"[^<>]{0,400}+<source\b([^<>]*+)>", re.IGNORECASE)
_TAG_END = re.compile(r"[^<>]{0,400}+(?:<source\b[^<>]*+>\s*+)?[^<>]{0,400}+</video\s*+>", re.IGNORECASE)
_FENCE_END = re.compile(r"\s{0,8}+```")
_SRC = re.compile(r"\bsrc\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>]++))", re.IGNORECASE)
_ALT = re.compile(r"\balt\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)')", re.IGNORECASE)
_MAX_ALT = 4096


class _Walk:
    """One pass over one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._found: list[Reference] = []
        self._open: list[int] = []

    def run(self) -> tuple[Reference, ...]:
        at = 0
        while step := _STEP.search(self._text, at):
            at = self._step(step)
        return tuple(self._found)

    def _step(self, step: re.Match[str]) -> int:
        """Deal with one interesting place; return where to go on."""
        lead, start, past = step[0][0].lower(), step.start(), step.end()
        match lead:
            case "!" | "[":
                self._open.append(start)
                return past
            case "]":
                return self._close(start)
            case "h":
                return self._bare(start)
        return self._try(lead, start, past) or past

    def _try(self, lead: str, start: int, past: int) -> int:
        """Add what stands here if it is well-formed; return its end, or 0."""
        match lead:
            case "<":
                return self._tag(start, start) or self._auto(start)
            case "`":
                return self._tag(start, past)
            case "d":
                return self._bare_data(start)
            case "/":
                return self._path(start)
            case _:
                return self._id(start)

    def _add(self, what: What, value: str, span: tuple[int, int], *, alt: str = "", image: bool = False) -> int:
        self._found.append(Reference(what, value, alt, span[0], span[1], image))
        return span[1]

    def _add_url(self, url: str, span: tuple[int, int], *, alt: str = "", image: bool = False) -> int:
        """Add a link of ours, or a foreign URL that is shown or looks like media; return the end anyway."""
        url = repair_url(url)
        if (media := media_id_of(url)) is not None:
            return self._add("link", media, span, alt=alt, image=image)
        if url.lower().startswith(("http://", "https://")) and (image or kind_by_name(url)):
            for match in ids.PATTERN.finditer(alt):
                if match[1] == "gen":
                    self._add("generation", match[0], (span[0], span[0]), alt=alt)
            return self._add("url", url, span, alt=alt, image=image)
        return span[1]

    def _close(self, at: int) -> int:
        """Close the construct whose text ends at the `]` here, where it has a target."""
        opened = self._open.pop() if self._open else None
        if opened is None or at - opened > _MAX_ALT or not self._text.startswith("(", at + 1):
            return at + 1
        uri, end = self._data_target(at + 1)
        target = None if uri else _TARGET.match(self._text, at + 1)
        if uri is None and target is None:
            return at + 1
        inner = self._swallow(opened)
        shown = next((found for found in inner if found.image), None)
        if shown is not None:
            # A picture that is a link: what is shown counts, over the whole span.
            self._found.append(replace(shown, start=opened, end=target.end() if target else end))
            return self._found[-1].end
        image = self._text[opened] == "!"
        alt = self._text[opened + 1 + image : at]
        if target is None:
            return self._add("data", uri or "", (opened, end), alt=alt, image=image)
        before = len(self._found)
        end = self._add_url(target[1].strip("<>"), (opened, target.end()), alt=alt, image=image)
        if len(self._found) == before:
            self._found += inner
        return end

    def _swallow(self, start: int) -> list[Reference]:
        """Take back what was found inside a construct that starts here."""
        inner: list[Reference] = []
        while self._found and self._found[-1].start >= start:
            inner.insert(0, self._found.pop())
        return inner

    def _payload(self, at: int, *, wrapped: bool) -> int:
        """Return the end of the data URI at `at`, or 0."""
        head = _DATA_HEAD.match(self._text, at)
        if head is None:
            return 0
        if lift := PLACEHOLDER.match(self._text, head.end()):
            return lift.end()
        payload = (_WRAPPED if wrapped else _BASE64).match(self._text, head.end())
        return payload.end() if payload else 0

    def _data_target(self, at: int) -> tuple[str | None, int]:
        """Return the data URI in the parentheses at `at` and the end of the construct."""
        start = at + 1
        while self._text[start : start + 1] in {" ", "\n", "\t"}:
            start += 1
        end = self._payload(start, wrapped=True)
        close = _DATA_END.match(self._text, end) if end else None
        return (self._text[start:end].rstrip(), close.end()) if close else (None, 0)

    def _tag(self, start: int, at: int) -> int:
        """Add the `<img>` or `<video>` at `at`, whose fence opened at `start`; return its end, or 0."""
        tag = _TAG.match(self._text, at)
        if tag is None:
            return 0
        end, source = tag.end(), source_of(tag[2])
        if tag[1].lower() == "video":
            inner = _SOURCE.match(self._text, end)
            source = source or (source_of(inner[1]) if inner else None)
            closing = _TAG_END.match(self._text, end)
            end = closing.end() if closing else end
        if start != at and (fence := _FENCE_END.match(self._text, end)):
            end = fence.end()
        elif start != at:
            start = at
        if source is None:
            return end
        if (head := _DATA_HEAD.match(source)) and head.end() < len(source):
            return self._add("data", source, (start, end), alt=alt_of(tag[2]), image=True)
        return self._add_url(source, (start, end), alt=alt_of(tag[2]), image=True)

    def _auto(self, start: int) -> int:
        match = _AUTO.match(self._text, start)
        return self._add_url(match[1], match.span()) if match else 0

    def _bare(self, start: int) -> int:
        """Add the URL that stands here by itself, without the punctuation of the sentence around it."""
        match = _BARE.match(self._text, start)
        if match is None:
            return start + 4
        url = match[0].rstrip(".,;:!?*_~")
        if url.count(")") > url.count("("):
            url = url[: url.rindex(")")].rstrip(".,;:!?*_~)")
        self._add_url(url, (start, start + len(url)))
        return match.end()

    def _bare_data(self, start: int) -> int:
        end = self._payload(start, wrapped=False)
        return self._add("data", self._text[start:end], (start, end)) if end else 0

    def _path(self, start: int) -> int:
        match = _PATH.match(self._text, start)
        media = media_id_of(match[0]) if match else None
        return self._add("link", media, match.span()) if match and media else 0

    def _id(self, start: int) -> int:
        match = ids.PATTERN.match(self._text, start)
        if match is None:
            return 0
        return self._add("generation" if match[1] == "gen" else "media", match[0], self._quoted(match.span()))

    def _quoted(self, span: tuple[int, int]) -> tuple[int, int]:
        """Widen a span over the backticks around it."""
        start, end = span
        if start and self._text[start - 1] == "`" == self._text[end : end + 1]:
            return start - 1, end + 1
        return span
