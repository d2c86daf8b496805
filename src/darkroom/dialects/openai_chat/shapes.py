"""The shapes that an answer can have for the client: each turns events into deltas of a message.

A delta is a dict of what is new in the message; `parts` makes `content` a list. Streaming sends the deltas one by one,
a plain answer is the deltas merged: so both say the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from darkroom.codecs import data_uri
from darkroom.codecs.links import make_link
from darkroom.dialects.relay_text import TranscriptWriter
from darkroom.dialects.wire import Spliced
from darkroom.events import (
    Event,
    MediaLost,
    MediaStored,
    Passthrough,
    Planned,
    Progress,
    ReasoningDelta,
    TextDelta,
    UpstreamNamed,
)
from darkroom.media import Media, MediaKind
from darkroom.settings import Output

Delta = dict[str, Any]
_UNSAFE_ALT = re.compile(r"[\[\]\\]")


@dataclass(slots=True)
class Shaper:
    """Turns the events of one answer into deltas. `transcript` writes in the conversation's language."""

    output: Output
    public_url: str
    transcript: TranscriptWriter
    generation: Callable[[], str | None] = lambda: None
    _tail: str = ""
    _apart: bool = False
    _blank: str = ""
    _spoken: bool = False
    _shown: dict[str, bool] = field(default_factory=dict)
    _done: bool = False

    def shape(self, event: Event) -> Iterator[Delta]:
        """Yield the deltas of an event; those about the whole answer (usage, end, failure) are not ours."""
        match event:
            case TextDelta(text):
                yield from self._said(text)
            case ReasoningDelta(text):
                yield {"reasoning_content": text}
            case MediaStored():
                yield from self._stored(event)
            case MediaLost():
                yield from self._lost(event)
            case Passthrough(delta):
                yield dict(delta)
            case Progress() | Planned() | UpstreamNamed():
                yield from self._task_news(event)
            case _:
                return

    def _said(self, text: str) -> Iterator[Delta]:
        """Hold blank text back beside pictures that stand outside of the text: alone it says nothing."""
        if self.output in {"parts", "images"} and not self._spoken and not text.strip():
            self._blank += text
            return
        text, self._blank = self._blank + text, ""
        if self.output == "transcript" and text.strip() and (closed := self.transcript.close()):
            text = closed + text if text.startswith("\n") else f"{closed}\n{text}"  # Words are no line of progress.
        apart = self._apart and not text[:1].isspace()
        self._apart = self._apart and not text
        yield self._text(f"\n\n{text}" if apart and text else text)

    def _text(self, text: str) -> Delta:
        self._spoken = True
        self._tail = (self._tail + text)[-2:]
        return {"content": text}

    def _stored(self, event: MediaStored) -> Iterator[Delta]:
        media = event.media
        first = self._shown.get(media.id)
        if first is not None and not (first and event.in_text):
            return  # Relays send one picture in the text and beside it; twice in the text is meant.
        self._shown.setdefault(media.id, event.in_text)
        link = make_link(self.public_url, media)
        match self.output:
            case "markdown":
                yield {**self._in_text(event, link), **_images(media, link)}
            case "images":
                yield _images(media, link) or self._in_text(event, link)
            case "parts":
                self._blank, self._spoken = "", False
                yield {"content": [_part(media, link)]}
            case "inline":
                start = f"{self._break(event)}{_mark(media)}[{_alt(event)}]({data_uri.prefix(media.mime)}"
                yield {"content": Spliced((start, media, ")"))}
            case "transcript":
                yield from self._transcript(event, link)

    def _transcript(self, event: MediaStored, link: str) -> Iterator[Delta]:
        generation = event.media.generation or self.generation()
        if not self._done and generation == self.generation():  # Else it is only shown again.
            self._done = True
            yield self._text(self.transcript.progress(Progress("done")))
        if generation is not None:
            apart = "\n" if self._tail and self._tail[-1] != "\n" else ""
            yield self._text(apart + self.transcript.generation(generation))
        write = self.transcript.video if event.media.kind is MediaKind.VIDEO else self.transcript.picture
        yield self._text(write(generation or _alt(event), link))
        self._apart = not event.in_text

    def _lost(self, event: MediaLost) -> Iterator[Delta]:
        if event.url is None:
            return
        if self.output == "parts":
            self._blank, self._spoken = "", False
            kind = f"{event.kind}_url" if event.kind is not MediaKind.FILE else "file_url"
            yield {"content": [{"type": kind, kind: {"url": event.url}}]}
        else:
            yield self._text(event.shown if event.shown != event.url else f"![]({event.url})")

    def _task_news(self, event: Progress | Planned | UpstreamNamed) -> Iterator[Delta]:
        """Progress belongs to the reasoning, so that the history stays clean; a transcript is made of it."""
        if self.output != "transcript":
            if not isinstance(event, UpstreamNamed) and event.text:
                yield {"reasoning_content": event.text + ("\n\n" if isinstance(event, Planned) else "")}
            return
        match event:
            case Planned(params):
                yield self._line(self.transcript.plan(params))
            case UpstreamNamed("task_id", value):
                yield self._line(self.transcript.task(value))
            case UpstreamNamed():
                return
            case Progress():
                self._done = self._done or event.stage == "done"
                if text := self.transcript.progress(event):
                    yield self._line(text)

    def _line(self, text: str) -> Delta:
        """Return a transcript's next lines; those of another task stand apart from the last one's picture."""
        apart, self._apart = self._apart, False
        return self._text(f"\n\n{text}" if apart and not text[:1].isspace() else text)

    def _in_text(self, event: MediaStored, link: str) -> Delta:
        return self._text(f"{self._break(event)}{_mark(event.media)}[{_alt(event)}]({link})")

    def _break(self, event: MediaStored) -> str:
        """Return the line breaks that set a picture apart which did not stand in the upstream's text."""
        tail, self._tail = self._tail, ")"
        self._apart = not event.in_text
        if event.in_text or not tail:
            return ""
        return "\n" * (2 - len(tail) + len(tail.rstrip("\n")))


def _mark(media: Media) -> str:
    return "!" if media.kind is MediaKind.IMAGE else ""


def _alt(event: MediaStored) -> str:
    alt = _UNSAFE_ALT.sub("", event.alt).replace("\n", " ").strip()
    return event.media.kind.value if not alt or "://" in alt else alt


def _images(media: Media, link: str) -> Delta:
    if media.kind is not MediaKind.IMAGE:
        return {}
    return {"images": [{"type": "image_url", "image_url": {"url": link}, "index": 0}]}


def _part(media: Media, link: str) -> Delta:
    kind = f"{media.kind}_url" if media.kind is not MediaKind.FILE else "file_url"
    return {"type": kind, kind: {"url": link}}


def merge(deltas: list[Delta]) -> Delta:
    """Return the message that the deltas add up to."""
    message: Delta = {"role": "assistant", "content": None}
    lists = any(isinstance(delta.get("content"), list) for delta in deltas)
    for delta in deltas:
        for name, value in delta.items():
            message[name] = _joined(name, message.get(name), _as_list(value) if lists and name == "content" else value)
    for index, image in enumerate(message.get("images") or ()):
        image["index"] = index
    return message


def _as_list(value: Any) -> Any:
    return [{"type": "text", "text": value}] if isinstance(value, str) else value


def _joined(name: str, old: Any, new: Any) -> Any:
    match old, new:
        case None, _:
            return list(new) if isinstance(new, list) else new
        case str() | Spliced(), str() | Spliced():
            return old + new
        case list(), list():
            return _tool_calls(old, new) if name == "tool_calls" else _parts(old, new)
        case dict(), dict():
            return {**old, **{key: _joined(key, old.get(key), value) for key, value in new.items()}}
        case _:
            return new


def _parts(old: list[Any], new: list[Any]) -> list[Any]:
    """Append parts; neighbouring texts are one."""
    for part in new:
        last = old[-1] if old else None
        if isinstance(last, dict) and isinstance(part, dict) and last.get("type") == part.get("type") == "text":
            last["text"] += part["text"]
        else:
            old.append(part)
    return old


def _tool_calls(old: list[Any], new: list[Any]) -> list[Any]:
    """Merge the pieces of tool calls by their `index`, as OpenAI streams them."""
    by_index = {call.get("index", place): call for place, call in enumerate(old)}
    for place, call in enumerate(new):
        index = call.get("index", place)
        if index in by_index:
            _extend_call(by_index[index], call)
        else:
            by_index[index] = call
    return list(by_index.values())


def _extend_call(call: dict[str, Any], piece: dict[str, Any]) -> None:
    function = {**(call.get("function") or {})}
    for name, value in (piece.get("function") or {}).items():
        function[name] = (
            function.get(name, "") + value if name == "arguments" and value else value or function.get(name)
        )
    call.update({key: value for key, value in piece.items() if value is not None and key != "function"})
    call["function"] = function
