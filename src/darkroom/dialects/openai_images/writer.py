"""Images API answers, written for clients: events of a stream as they come, or one JSON object at the end.

Strategy. `usage` must stand in the event of a completed picture, and is known only after it: the last picture is held
back until then, and those before it count nothing. Beyond OpenAI's fields there is `darkroom`, which says what was
made, stored, lost and left out, and, where fewer pictures came than were asked for, how many.
Format: OpenAI `types/images_response.py`, `types/image_gen_*_event.py`, `types/image_edit_*_event.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from darkroom.codecs import sse
from darkroom.codecs.links import make_link
from darkroom.dialects.openai_images.asked import ResponseFormat
from darkroom.dialects.relay_text import classify
from darkroom.dialects.wire import JsonWriter, Piece
from darkroom.errors import DarkroomError, UpstreamRejected
from darkroom.events import (
    Event,
    Failed,
    Finished,
    MediaLost,
    MediaStored,
    PartialProduced,
    Planned,
    TextDelta,
    UsageReported,
)
from darkroom.media import Media, MediaKind, sniff

_encode = msgspec.json.Encoder().encode
_QUALITIES = frozenset({"low", "medium", "high", "xhigh", "max"})
_BACKGROUNDS = frozenset({"transparent", "opaque"})
_WORDS = 1000
Report = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """What was asked for, and how it is wanted. `what` is how events are called; `created` in Unix seconds."""

    what: Literal["image_generation", "image_edit"]
    created: int
    public_url: str
    response_format: ResponseFormat = "b64_json"
    count: int = 1
    partials: int = 0
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Made:
    """A picture, and what the upstream said that it would be; or the URL of one that could not be copied."""

    media: Media | None
    planned: Mapping[str, Any]
    url: str = ""


@dataclass(slots=True)
class _Gathered:
    """What an answer has said so far."""

    planned: dict[str, Any] = field(default_factory=dict)
    words: str = ""
    count: int = 0
    usage: Mapping[str, Any] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    def take(self, event: Event) -> _Made | None:
        """Take an event, and return the picture that it is."""
        match event:
            case Planned(params):
                self.planned.update(params)
            case TextDelta(text):
                self.words = (self.words + text)[:_WORDS]
            case UsageReported(usage):
                self.usage = usage
            case MediaStored(media) if media.kind is MediaKind.IMAGE and media.id not in self._seen:
                self._seen.add(media.id)
                return self._made(media)
            case MediaLost(kind, _, url) if kind is MediaKind.IMAGE and url:
                return self._made(None, url)
        return None

    def _made(self, media: Media | None, url: str = "") -> _Made:
        self.count += 1
        made = _Made(media, dict(self.planned), url)
        self.planned.pop("revised_prompt", None)
        return made

    def error(self) -> DarkroomError | None:
        """Return what is wrong with an answer that is complete."""
        if self.count:
            return None
        words = self.words.strip()
        if words and (known := classify(words)) is not None:
            return known
        return UpstreamRejected(f"the model made no picture; it answered: {words or 'nothing that is a picture'}")


class EventEncoder:
    """Events in, SSE frames out, as lists of pieces: a picture is encoded while it is sent."""

    def __init__(self, head: AnswerHead, report: Report) -> None:
        self._head = head
        self._report = report
        self._gathered = _Gathered()
        self._held: _Made | None = None
        self._writer = JsonWriter()

    def encode(self, event: Event) -> list[Piece]:
        """Return the frames of one event."""
        match event:
            case PartialProduced():
                return self._partial(event)
            case Failed(error):
                return [*self._completed(), *self._failed(error)]
            case Finished():
                wrong = self._gathered.error()
                return self._completed(last=True) if wrong is None else self._failed(wrong)
        made = self._gathered.take(event)
        if made is None:
            return []
        before = self._completed()
        self._held = made
        return before

    def _partial(self, event: PartialProduced) -> list[Piece]:
        """Show an unfinished picture to a client that asked for it, and not after the finished one."""
        if not self._head.partials or self._gathered.count:
            return []
        frame = {
            "type": f"{self._head.what}.partial_image",
            "b64_json": self._writer.again(event.lifted),
            "partial_image_index": event.index,
            "created_at": self._head.created,
            "size": self._head.params.get("size") or "auto",
            "quality": _one_of(_QUALITIES, self._head.params, "quality") or "auto",
            "background": _one_of(_BACKGROUNDS, self._head.params, "background") or "auto",
            "output_format": _format(sniff(event.lifted.head) or ""),
        }
        return self._write(frame)

    def _completed(self, *, last: bool = False) -> list[Piece]:
        """Write the picture that was held back, if there is one."""
        made, self._held = self._held, None
        if made is None:
            return []
        told = {**self._head.params, **made.planned}
        frame: dict[str, Any] = {
            "type": f"{self._head.what}.completed",
            "b64_json": "",
            **_picture(made, self._head, self._writer),
            "created_at": self._head.created,
            "size": _size(made.media) or "auto",
            "quality": _one_of(_QUALITIES, told, "quality") or "auto",
            "background": _one_of(_BACKGROUNDS, told, "background") or "auto",
            "output_format": _format(made.media.mime if made.media else ""),
            "usage": _usage(self._gathered.usage if last else {}),
        }
        return self._write(
            {**frame, "darkroom": _reported(self._report, self._gathered, self._head)} if last else frame
        )

    def _failed(self, error: DarkroomError) -> list[Piece]:
        return [sse.encode(_encode({"type": "error", **error.body(), "darkroom": self._report()}), "error")]

    def _write(self, frame: Mapping[str, Any]) -> list[Piece]:
        pieces = self._writer.pieces(frame)
        self._writer.media.clear()
        return [f"event: {frame['type']}\ndata: ".encode(), *pieces, b"\n\n"]


def assemble(head: AnswerHead, events: Iterable[Event], report: Report) -> tuple[Piece, ...]:
    """Return the answer that a stream of events adds up to, as JSON. Raises the error of a `Failed`, and
    `UpstreamRejected` for an answer without a picture."""
    writer, gathered = JsonWriter(), _Gathered()
    made: list[_Made] = []
    for event in events:
        if isinstance(event, Failed):
            raise event.error
        if (picture := gathered.take(event)) is not None:
            made.append(picture)
    if (error := gathered.error()) is not None:
        raise error
    answer = {
        "created": head.created,
        "data": [{**_picture(each, head, writer), **_revised(each)} for each in made],
        **_shared(head, made),
        **({"usage": _usage(gathered.usage)} if gathered.usage else {}),
        "darkroom": _reported(report, gathered, head),
    }
    return writer.pieces(answer)


def _picture(made: _Made, head: AnswerHead, writer: JsonWriter) -> dict[str, Any]:
    """Return a picture in the form that the client wants; one that could not be copied is a URL in any case."""
    if made.media is None:
        return {"url": made.url}
    if head.response_format == "url":
        return {"url": make_link(head.public_url, made.media)}
    return {"b64_json": writer.inline(made.media, uri=False)}


def _revised(made: _Made) -> dict[str, Any]:
    return {"revised_prompt": made.planned["revised_prompt"]} if "revised_prompt" in made.planned else {}


def _shared(head: AnswerHead, made: list[_Made]) -> dict[str, Any]:
    """Return what is said once for all pictures, where it is known."""
    told = {**head.params, **(made[0].planned if made else {})}
    first = made[0].media if made else None
    fields = {
        "background": _one_of(_BACKGROUNDS, told, "background"),
        "output_format": _format(first.mime) if first else None,
        "quality": _one_of(_QUALITIES, told, "quality"),
        "size": _size(first),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _reported(report: Report, gathered: _Gathered, head: AnswerHead) -> Mapping[str, Any]:
    if gathered.count >= head.count:
        return report()
    return {**report(), "fewer": {"asked": head.count, "made": gathered.count}}


def _usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Return a count in the words of this API; zero where nothing was counted."""
    read, written = usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
    found = {"input_tokens": read, "output_tokens": written, "total_tokens": usage.get("total_tokens", read + written)}
    for name, theirs, count in (("input", "prompt", read), ("output", "completion", written)):
        details = usage.get(f"{theirs}_tokens_details") or {}
        if name == "output" and not details:
            continue
        images = details.get("image_tokens") or 0
        found[f"{name}_tokens_details"] = {
            "image_tokens": images,
            "text_tokens": details.get("text_tokens", max(count - images, 0)),
        }
    return found


def _one_of(known: frozenset[str], told: Mapping[str, Any], name: str) -> str | None:
    value = told.get(name)
    return value if isinstance(value, str) and value in known else None


def _format(mime: str) -> str:
    return mime.removeprefix("image/") or "png"


def _size(media: Media | None) -> str | None:
    return f"{media.width}x{media.height}" if media is not None and media.width and media.height else None
