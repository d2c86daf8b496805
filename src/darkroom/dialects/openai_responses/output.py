"""The output of a response, built of events: its items in their order, and what a stream says while they grow.

Strategy. One `Output` is told of every event and returns what changed, in the API's own events. The stream writes those
down; the plain answer and the one that is stored only take the items at the end. An item's name depends on nothing but
its place, or its picture, so all of them say the same. Pictures stand in items as `Media`, and partial ones as
`Lifted`: whoever writes says how.
Format: `types/responses/response_stream_event.py` of the OpenAI SDK
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from darkroom.codecs.links import make_link
from darkroom.dialects.openai_responses.asked import picture_id
from darkroom.events import (
    Event,
    MediaLost,
    MediaStored,
    PartialProduced,
    Passthrough,
    Planned,
    Progress,
    ReasoningDelta,
    TextDelta,
)
from darkroom.lifted import Lifted
from darkroom.media import Media, MediaKind

Change = dict[str, Any]
Item = dict[str, Any]
_FORMATS = {"image/png": "png", "image/jpeg": "jpeg", "image/webp": "webp", "image/gif": "gif"}


@dataclass(slots=True)
class Output:
    """`stem` is what the names of items begin with, `generation` tells the id of what is being made, `draws` whether
    all that is made here are pictures, so that one can be announced before it is there."""

    stem: str
    public_url: str
    generation: Callable[[], str | None] = lambda: None
    draws: Callable[[], bool] = lambda: False
    items: list[Item] = field(default_factory=list)
    _open: Item | None = None
    """The message or the thought that grows."""
    _picture: Item | None = None
    """The picture that is announced and not there yet."""
    _calls: dict[int, Item] = field(default_factory=dict)
    _blank: str = ""
    _revised: str | None = None
    _shown: set[str] = field(default_factory=set)

    def take(self, event: Event) -> Iterator[Change]:
        """Take an event, and yield what changed; usage, end and failure are about the whole response."""
        match event:
            case TextDelta(text):
                yield from self._say(text)
            case ReasoningDelta(text):
                yield from self._think(text)
            case Passthrough(delta):
                yield from self._refuse(delta.get("refusal"))
                for piece in delta.get("tool_calls") or ():
                    yield from self._call(piece)
            case Planned(params):
                self._revised = params.get("revised_prompt") or self._revised
            case Progress(stage) if stage != "done" and self.draws():
                yield from self._announce()
            case PartialProduced(lifted, index):
                yield from self._draft(lifted, index)
            case MediaStored(media):
                yield from self._stored(media)
            case MediaLost(url=str() as url, shown=shown):
                yield from self._say(shown if shown != url else f"![]({url})")
            case _:
                return

    def close(self) -> Iterator[Change]:
        """Yield the ends of the items that are still open. A picture that never came has failed."""
        yield from self._close()
        for item in self._calls.values():
            item["status"] = "completed"
            yield {**self._at(item, "response.function_call_arguments.done"), "arguments": item["arguments"]}
            yield self._done(item)
        self._calls.clear()
        if self._picture is not None:
            item, self._picture = self._picture, None
            item["status"] = "failed"
            yield self._done(item)

    # Words

    def _say(self, text: str) -> Iterator[Change]:
        """Hold back blank text that begins a message: alone it says nothing."""
        if self._open is None or self._open["type"] != "message":
            self._blank += text
            if not self._blank.strip():
                return
            text, self._blank = self._blank.lstrip("\n"), ""
        yield from self._grow("output_text", "text", text)

    def _refuse(self, text: Any) -> Iterator[Change]:
        if isinstance(text, str) and text:
            yield from self._grow("refusal", "refusal", text)

    def _grow(self, kind: str, name: str, text: str) -> Iterator[Change]:
        if self._open is None or self._open["type"] != "message":
            yield from self._begin("message", "msg", role="assistant", content=[])
        item = self._open
        if item is None:
            return
        content: list[Item] = item["content"]
        if not content or content[-1]["type"] != kind:
            yield from self._end_part(item)
            part = {"type": kind, name: ""}
            content.append(part if kind == "refusal" else {**part, "annotations": [], "logprobs": []})
            yield {**self._in(item, "response.content_part.added"), "part": dict(content[-1])}
        content[-1][name] += text
        logprobs: Item = {} if kind == "refusal" else {"logprobs": []}
        yield {**self._in(item, f"response.{kind}.delta"), "delta": text, **logprobs}

    def _end_part(self, item: Item) -> Iterator[Change]:
        if not item["content"]:
            return
        part = item["content"][-1]
        if part["type"] == "refusal":
            yield {**self._in(item, "response.refusal.done"), "refusal": part["refusal"]}
        else:
            yield {**self._in(item, "response.output_text.done"), "text": part["text"], "logprobs": []}
        yield {**self._in(item, "response.content_part.done"), "part": part}

    def _think(self, text: str) -> Iterator[Change]:
        if self._open is None or self._open["type"] != "reasoning":
            if not text.strip():
                return
            yield from self._begin("reasoning", "rs", summary=[])
            part = {"type": "summary_text", "text": ""}
            if self._open is not None:
                self._open["summary"].append(part)
                yield {**self._about(self._open, "response.reasoning_summary_part.added"), "part": dict(part)}
        if (item := self._open) is not None:
            item["summary"][0]["text"] += text
            yield {**self._about(item, "response.reasoning_summary_text.delta"), "delta": text}

    def _end_thought(self, item: Item) -> Iterator[Change]:
        part = item["summary"][0]
        yield {**self._about(item, "response.reasoning_summary_text.done"), "text": part["text"]}
        yield {**self._about(item, "response.reasoning_summary_part.done"), "part": part}

    # Tools

    def _call(self, piece: dict[str, Any]) -> Iterator[Change]:
        """Read a piece of a tool's call, as Chat Completions streams them."""
        function = piece.get("function") or {}
        at = piece.get("index", 0)
        if at not in self._calls:
            yield from self._close()
            item = self._new("function_call", "fc", call_id="", name="", arguments="")
            self._calls[at] = item
            item |= {"call_id": str(piece.get("id") or item["id"]), "name": str(function.get("name") or "")}
            yield self._added(item)
        if arguments := function.get("arguments"):
            item = self._calls[at]
            item["arguments"] += arguments
            yield {**self._at(item, "response.function_call_arguments.delta"), "delta": arguments}

    # Pictures

    def _announce(self) -> Iterator[Change]:
        if self._picture is None and not self._shown and (name := self.generation()):
            yield from self._draw(picture_id(name))

    def _draw(self, id: str) -> Iterator[Change]:
        yield from self._close()
        item = self._picture = {"id": id, "type": "image_generation_call", "status": "in_progress", "result": None}
        self.items.append(item)
        yield self._added(item)
        yield self._at(item, "response.image_generation_call.in_progress")
        yield self._at(item, "response.image_generation_call.generating")

    def _draft(self, lifted: Lifted, index: int) -> Iterator[Change]:
        yield from self._announce()
        if (item := self._picture) is not None:
            at = self._at(item, "response.image_generation_call.partial_image")
            yield {**at, "partial_image_index": index, "partial_image_b64": lifted}

    def _stored(self, media: Media) -> Iterator[Change]:
        if media.id in self._shown:
            return
        self._shown.add(media.id)
        if media.kind is not MediaKind.IMAGE:
            yield from self._say(f"\n\n[{media.kind}]({make_link(self.public_url, media)})\n\n")
            return
        if self._picture is None:
            yield from self._draw(picture_id(media.id))
        item, self._picture = self._picture, None
        if item is None:
            return
        item |= {"status": "completed", "result": media, "revised_prompt": self._revised}
        size = f"{media.width}x{media.height}" if media.width else None
        item |= {"output_format": _FORMATS.get(media.mime), "size": size}
        yield self._at(item, "response.image_generation_call.completed")
        yield self._done(item)

    # Items

    def _begin(self, kind: str, prefix: str, **fields: Any) -> Iterator[Change]:
        yield from self._close()
        self._open = self._new(kind, prefix, **fields)
        yield self._added(self._open)

    def _new(self, kind: str, prefix: str, **fields: Any) -> Item:
        item = {"id": f"{prefix}_{self.stem}{len(self.items):02x}", "type": kind, "status": "in_progress", **fields}
        self.items.append(item)
        return item

    def _close(self) -> Iterator[Change]:
        """End the message or the thought that grows."""
        item, self._open = self._open, None
        if item is not None:
            yield from self._end_part(item) if item["type"] == "message" else self._end_thought(item)
            item["status"] = "completed"
            yield self._done(item)

    def _added(self, item: Item) -> Change:
        bare = {name: list(value) if isinstance(value, list) else value for name, value in item.items()}
        return {"type": "response.output_item.added", "output_index": self._index(item), "item": bare}

    def _done(self, item: Item) -> Change:
        return {"type": "response.output_item.done", "output_index": self._index(item), "item": item}

    def _index(self, item: Item) -> int:
        return next(at for at, each in enumerate(self.items) if each is item)

    def _at(self, item: Item, kind: str) -> Change:
        return {"type": kind, "item_id": item["id"], "output_index": self._index(item)}

    def _in(self, item: Item, kind: str) -> Change:
        return {**self._at(item, kind), "content_index": len(item["content"]) - 1}

    def _about(self, item: Item, kind: str) -> Change:
        return {**self._at(item, kind), "summary_index": 0}
