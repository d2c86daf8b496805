"""Responses answers, read from upstreams: a stream of typed events, or one JSON object.

Strategy. Bytes go through the JSON lifter first, so an event is small whatever was in it. Text comes by deltas, a
picture only with the item that is done; the last event repeats the whole answer, so what was read before is let go of.
An upstream that streams no deltas is read by its items, and one that streams no items by its last event: the plain
answer is such a one. A picture that failed is told at the end, since the model may try again.
Format: `types/responses/response_stream_event.py` and `response_output_item.py` of the OpenAI SDK
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from darkroom.codecs import data_uri
from darkroom.dialects.framing import Framing
from darkroom.dialects.json_values import decode_object, string, tables
from darkroom.dialects.openai_responses.failures import failure_of, forgot
from darkroom.errors import DarkroomError, UpstreamBroken
from darkroom.events import (
    Event,
    Failed,
    Finished,
    MediaProduced,
    PartialProduced,
    Passthrough,
    Planned,
    Progress,
    ReasoningDelta,
    Remembered,
    Started,
    TextDelta,
    ThreadNamed,
    UpstreamNamed,
    UsageReported,
)
from darkroom.lifted import Lifted, Lifts, without_runs
from darkroom.media import MediaKind
from darkroom.replay import ITEM_ID, ITEMS

RESPONSE_ID = "response_id"

_PLANNED = ("revised_prompt", "size", "quality", "background", "output_format")
_INCOMPLETE = {"max_output_tokens": "length", "content_filter": "content_filter"}

Frame = dict[str, Any]


class EventDecoder:
    """Bytes of an answer in, events out; the same however the bytes are cut.

    `partials`: the client wants to see unfinished pictures. `kept`: the upstream keeps the answer, so that its ids can
    be gone on from.
    """

    def __init__(self, lifts: Lifts, *, partials: bool = False, kept: bool = True) -> None:
        self._lifts = lifts
        self._framing = Framing(lifts)
        self._partials = partials
        self._kept = kept
        self._started = False
        self._ended = False
        self._told: set[tuple[str, int]] = set()
        """What came by deltas: the kind, and the place of its item."""
        self._done: set[str] = set()
        self._calls: dict[int, int] = {}
        self._pictures = 0
        self._refused: DarkroomError | None = None

    def decode(self, chunk: bytes) -> list[Event]:
        """Take the next bytes. Raises `UpstreamBroken` when they can't be an answer, `TooLarge` for large media."""
        return [event for frame in self._framing.decode(chunk) for event in self._frame(frame.data)]

    def flush(self) -> list[Event]:
        """Take the end of the answer. Raises `UpstreamBroken` when it is none, `UpstreamForgot` as an error says."""
        events = [event for frame in self._framing.flush() for event in self._frame(frame.data)]
        if self._framing.is_json:
            events += self._plain(decode_object(self._framing.body))
        if not self._started and not self._ended:
            raise UpstreamBroken("the upstream's answer is neither JSON nor a stream of events")
        if not self._ended:
            self._ended = True
            events.append(self._failed() or Finished(whole=False))
        return events

    def _frame(self, data: bytes) -> list[Event]:
        if self._ended or not data.strip() or data.startswith(b"[DONE]"):
            return []
        frame = decode_object(data)
        kind = frame.get("type")
        if kind == "error" or (kind is None and frame.get("error")):
            return [self._fail(frame.get("error") or frame)]
        events: list[Event] = []
        if isinstance(response := frame.get("response"), dict):
            events += self._start(response)
        if reader := READERS.get(str(kind)):
            events += reader(self, frame)
        return events

    def _plain(self, document: Frame) -> list[Event]:
        if document.get("error") and document.get("object") != "response":
            return [self._fail(document["error"])]
        if document.get("object") != "response" and not isinstance(document.get("output"), list):
            raise UpstreamBroken("the upstream's answer is no response")
        return [*self._start(document), *self._end(document)]

    def _fail(self, error: Any) -> Failed:
        """Take an error in the place of an answer. Raises `UpstreamForgot` where nothing came before it."""
        self._ended = True
        failure = failure_of(without_runs(error))
        if not self._started and (known := forgot(error)) is not None:
            raise known
        return Failed(failure)

    def _start(self, response: Frame) -> Iterator[Event]:
        if not self._started:
            self._started = True
            yield Started(string(response.get("id")), string(response.get("model")))

    # What is said

    def _text(self, frame: Frame) -> Iterator[Event]:
        self._told.add(("message", _place(frame)))
        if text := string(frame.get("delta")):
            yield TextDelta(text)

    def _refusal(self, frame: Frame) -> Iterator[Event]:
        self._told.add(("message", _place(frame)))
        if text := string(frame.get("delta")):
            yield Passthrough({"refusal": self._lifts.restore(text)})

    def _thought(self, frame: Frame) -> Iterator[Event]:
        self._told.add(("reasoning", _place(frame)))
        if text := string(frame.get("delta")):
            yield ReasoningDelta(self._lifts.restore(text))

    def _next_thought(self, frame: Frame) -> Iterator[Event]:
        """Set the parts of a summary apart."""
        if frame.get("summary_index"):
            yield ReasoningDelta("\n\n")

    def _arguments(self, frame: Frame) -> Iterator[Event]:
        at = self._calls.get(_place(frame))
        if at is not None and (text := string(frame.get("delta"))):
            self._told.add(("function_call", _place(frame)))
            yield _call(at, {"function": {"arguments": self._lifts.restore(text)}})

    # Pictures

    def _working(self, frame: Frame) -> Iterator[Event]:
        yield Progress("running")

    def _partial(self, frame: Frame) -> Iterator[Event]:
        lifted = self._lift(frame.get("partial_image_b64"))
        if lifted is None:
            return
        if not self._partials or lifted.error is not None:
            lifted.discard()
            return
        index = frame.get("partial_image_index")
        yield PartialProduced(lifted, index if isinstance(index, int) else 0)

    def _picture(self, item: Frame) -> Iterator[Event]:
        lifted = self._lift(item.get("result"))
        if lifted is None:
            self._refuse(item)
            return
        planned = {name: item[name] for name in _PLANNED if string(item.get(name))}
        if planned:
            yield Planned(planned)
        if self._kept and (id := string(item.get("id"))):
            if not self._pictures:
                yield UpstreamNamed(ITEM_ID, id)
            yield Remembered({ITEMS: [{"media": lifted.placeholder, "id": id}]})
        self._pictures += 1
        yield MediaProduced(MediaKind.IMAGE, lifted=lifted)

    def _refuse(self, item: Frame) -> None:
        """Note why there is no picture; the model may make another one yet."""
        if item.get("error"):
            self._refused = failure_of(item["error"])
        elif item.get("status") in ("failed", "completed"):
            self._refused = UpstreamBroken("the upstream could not make the picture, and does not say why")

    def _lift(self, value: Any) -> Lifted | None:
        if not isinstance(value, str) or not value:
            return None
        # Some services put the type before it.
        return data_uri.lift_or_broken(value, self._lifts, data_uri.lift_any)

    # Items

    def _added(self, frame: Frame) -> Iterator[Event]:
        item = frame.get("item")
        if not isinstance(item, dict):
            return
        match item.get("type"):
            case "function_call":
                yield from self._begin_call(item, _place(frame))
            case "image_generation_call":
                yield Progress("queued")

    def _begin_call(self, item: Frame, place: int) -> Iterator[Event]:
        if place not in self._calls:
            at = self._calls[place] = len(self._calls)
            function = {"name": str(item.get("name") or ""), "arguments": ""}
            id = str(item.get("call_id") or item.get("id") or "")
            yield _call(at, {"id": id, "type": "function", "function": function})

    def _item_done(self, frame: Frame) -> Iterator[Event]:
        item = frame.get("item")
        if isinstance(item, dict):
            yield from self._item(item, _place(frame))

    def _item(self, item: Frame, place: int) -> Iterator[Event]:
        """Read an item that is complete; each only once."""
        name = string(item.get("id")) or f"#{place}"
        if name in self._done:
            self._drop(item)
            return
        self._done.add(name)
        kind = str(item.get("type"))
        told = (kind, place) in self._told
        match kind:
            case "image_generation_call":
                yield from self._picture(item)
            case "message" if not told:
                yield from self._contents(item)
            case "reasoning" if not told:
                yield from self._thoughts(item)
            case "function_call":
                yield from self._begin_call(item, place)
                if not told and (text := string(item.get("arguments"))):
                    yield _call(self._calls[place], {"function": {"arguments": self._lifts.restore(text)}})

    def _contents(self, item: Frame) -> Iterator[Event]:
        for part in tables(item.get("content")):
            if text := string(part.get("text")):
                yield TextDelta(text)
            elif text := string(part.get("refusal")):
                yield Passthrough({"refusal": self._lifts.restore(text)})

    def _thoughts(self, item: Frame) -> Iterator[Event]:
        parts = tables(item.get("summary")) or tables(item.get("content"))
        texts = [text for part in parts if (text := string(part.get("text")))]
        if texts:
            yield ReasoningDelta(self._lifts.restore("\n\n".join(texts)))

    def _drop(self, item: Frame) -> None:
        """Let go of a picture that is told again."""
        if (lifted := self._lift(item.get("result"))) is not None:
            lifted.discard()

    # The end

    def _finish(self, frame: Frame) -> Iterator[Event]:
        if isinstance(response := frame.get("response"), dict):
            yield from self._end(response)

    def _end(self, response: Frame) -> Iterator[Event]:
        for place, item in enumerate(tables(response.get("output"))):
            yield from self._item(item, place)
        self._ended = True
        status = response.get("status")
        if status == "failed" or (response.get("error") and not self._pictures):
            yield Failed(failure_of(without_runs(response.get("error") or "it failed, and does not say why")))
            return
        if (failed := self._failed()) is not None:
            yield failed
            return
        if isinstance(usage := response.get("usage"), dict) and (counted := _usage(usage)):
            yield UsageReported(counted)
        kept = status == "completed" and self._kept and response.get("store") is not False
        if kept and (id := string(response.get("id"))):
            yield ThreadNamed(RESPONSE_ID, id)
        yield Finished(self._reason(response))

    def _failed(self) -> Failed | None:
        return Failed(self._refused) if self._refused is not None and not self._pictures else None

    def _reason(self, response: Frame) -> str:
        if response.get("status") == "incomplete":
            details = response.get("incomplete_details")
            why = details.get("reason") if isinstance(details, dict) else None
            return _INCOMPLETE.get(str(why), "length")
        return "tool_calls" if self._calls else "stop"


def _place(frame: Frame) -> int:
    place = frame.get("output_index")
    return place if isinstance(place, int) else 0


def _call(at: int, fields: Mapping[str, Any]) -> Passthrough:
    return Passthrough({"tool_calls": [{"index": at, **fields}]})


def _usage(usage: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a count in the words of Chat Completions."""
    read, said, total = (usage.get(name) for name in ("input_tokens", "output_tokens", "total_tokens"))
    if type(read) is not int or type(said) is not int:
        return None
    counted: dict[str, Any] = {
        "prompt_tokens": read,
        "completion_tokens": said,
        "total_tokens": total if type(total) is int else read + said,
    }
    cached = _count(usage.get("input_tokens_details"), "cached_tokens")
    thought = _count(usage.get("output_tokens_details"), "reasoning_tokens")
    if cached is not None:
        counted["prompt_tokens_details"] = {"cached_tokens": cached}
    if thought is not None:
        counted["completion_tokens_details"] = {"reasoning_tokens": thought}
    return counted


def _count(details: Any, name: str) -> int | None:
    count = details.get(name) if isinstance(details, dict) else None
    return count if type(count) is int else None


READERS: dict[str, Callable[[EventDecoder, Frame], Iterator[Event]]] = {
    "response.output_text.delta": EventDecoder._text,
    "response.refusal.delta": EventDecoder._refusal,
    "response.reasoning_summary_text.delta": EventDecoder._thought,
    "response.reasoning_text.delta": EventDecoder._thought,
    "response.reasoning_summary_part.added": EventDecoder._next_thought,
    "response.function_call_arguments.delta": EventDecoder._arguments,
    "response.image_generation_call.in_progress": EventDecoder._working,
    "response.image_generation_call.generating": EventDecoder._working,
    "response.image_generation_call.partial_image": EventDecoder._partial,
    "response.output_item.added": EventDecoder._added,
    "response.output_item.done": EventDecoder._item_done,
    "response.completed": EventDecoder._finish,
    "response.incomplete": EventDecoder._finish,
    "response.failed": EventDecoder._finish,
}
