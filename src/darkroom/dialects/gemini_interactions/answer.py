"""Answers of the Interactions API: a stream of events, or one interaction as JSON; the same however they are cut.

Strategy. Bytes go through the JSON lifter first, so what is parsed is small. A stream tells of steps one by one; a
whole interaction holds them all, and is read as the stream that it might have been. Only what a `model_output` step
holds is an answer: an interaction that is asked for later repeats what the user showed, and thoughts have pictures of
their own, which are nobody's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from darkroom.codecs import data_uri
from darkroom.dialects.framing import Framing
from darkroom.dialects.gemini_interactions.failures import read_error
from darkroom.dialects.json_values import decode_object, table, tables
from darkroom.errors import DarkroomError, UpstreamBroken, UpstreamRejected
from darkroom.events import (
    Event,
    Failed,
    Finished,
    MediaProduced,
    Passthrough,
    Progress,
    ReasoningDelta,
    Started,
    TextDelta,
    ThreadNamed,
    UpstreamNamed,
    UsageReported,
)
from darkroom.lifted import Lifts, without_runs
from darkroom.media import MediaKind
from darkroom.profiles import Profile

INTERACTION = "interaction_id"
"""The kind of upstream id, and of thread, that an interaction's id is."""

_MEDIA = {"image": MediaKind.IMAGE, "video": MediaKind.VIDEO}
_STAGES: dict[str, Progress] = {"queued": Progress("queued"), "in_progress": Progress("running")}
_REASONS = {"completed": "stop", "requires_action": "tool_calls", "incomplete": "length"}
_REASONS["requires_continuation"] = "length"


@dataclass(slots=True)
class _Call:
    """A function that is being called; its arguments stand in its start, or come after it."""

    number: int
    arguments: Any
    told: bool = False


class EventDecoder:
    """Bytes of an answer in, events out. `position` names the stream's last event, behind which it can be resumed."""

    def __init__(self, lifts: Lifts, profile: Profile) -> None:
        self.position: str | None = None
        self._lifts = lifts
        self._framing = Framing(lifts)
        self._films = MediaKind.VIDEO in profile.makes
        self._id = ""
        self._status = ""
        self._ended = False
        self._made = False
        self._said = False
        self._kinds: dict[int, str] = {}
        self._calls: dict[int, _Call] = {}
        self._signature = ""
        self._errors: list[Any] = []
        self._usage: Mapping[str, Any] | None = None

    @property
    def pending(self) -> bool:
        """Whether the interaction is not done, and has to be asked for again."""
        return self._status in _STAGES and bool(self._framing.is_json)

    @property
    def cancelled(self) -> bool:
        return self._status == "cancelled"

    def resume(self) -> None:
        """Forget the end of a stream that broke off: the next bytes come from behind `position`."""
        self._framing, self._ended = Framing(self._lifts), False

    def decode(self, chunk: bytes) -> list[Event]:
        """Take the next bytes. Raises `UpstreamBroken` when they can't be an answer, `TooLarge` for large media."""
        return [event for frame in self._framing.decode(chunk) for event in self._frame(frame.data)]

    def flush(self) -> list[Event]:
        """Take the end of the answer. Raises `UpstreamBroken` when it is none."""
        events = [event for frame in self._framing.flush() for event in self._frame(frame.data)]
        if self._framing.is_json:
            events += self._whole(self._framing.body)
        if not self._id and not self._ended:
            raise UpstreamBroken("the upstream's answer is neither an interaction nor a stream of one")
        if self._ended or self.pending:
            return events
        return [*events, *self._ending()]

    def _frame(self, data: bytes) -> list[Event]:
        if self._ended or not data.strip() or data.startswith(b"[DONE]"):
            return []
        event = decode_object(data, listed=True)
        found = list(self._event(event))
        if isinstance(position := event.get("event_id"), str) and position:
            self.position = position
        return found

    def _whole(self, data: bytes) -> list[Event]:
        resource = decode_object(data, listed=True)
        if error := resource.get("error"):
            return self._fail(read_error(without_runs(error)))
        return [*self._named(resource), *self._steps(resource)]

    def _event(self, event: dict[str, Any]) -> Iterator[Event]:
        index = event["index"] if isinstance(event.get("index"), int) else -1
        match event.get("event_type"):
            case "interaction.created":
                yield from self._named(table(event.get("interaction")))
            case "interaction.status_update":
                self._note(event)
                yield from self._progress()
            case "step.start":
                yield from self._step(index, table(event.get("step")))
            case "step.delta":
                yield from self._delta(index, table(event.get("delta")))
            case "step.stop":
                yield from self._stop(index)
            case "interaction.completed":
                resource = table(event.get("interaction"))
                yield from self._named(resource)
                yield from () if self._made or self._said or self._calls else self._steps(resource)
                yield from self._ending()
            case "error":
                yield from self._fail(read_error(without_runs(event.get("error") or event)))

    # The interaction itself

    def _named(self, resource: Mapping[str, Any]) -> Iterator[Event]:
        self._note(resource)
        id, model = resource.get("id"), resource.get("model")
        if isinstance(id, str) and id and not self._id:
            self._id = id
            yield Started(id, model if isinstance(model, str) else None)
            yield ThreadNamed(INTERACTION, id)
        elif not self._id and resource.get("status"):  # What is not stored may have no name.
            self._id = " "
            yield Started(None, model if isinstance(model, str) else None)
        yield from self._progress()

    def _note(self, resource: Mapping[str, Any]) -> None:
        status, usage = resource.get("status"), resource.get("usage")
        self._status = status if isinstance(status, str) else self._status
        self._usage = usage if isinstance(usage, dict) and usage.get("total_tokens") else self._usage
        self._errors += tables(resource.get("errors"))

    def _progress(self) -> Iterator[Event]:
        """Tell how a film gets on: pictures take seconds, and are not begun before they are there."""
        if self._films and self._status in _STAGES:
            yield _STAGES[self._status]

    def _ending(self) -> Iterator[Event]:
        """Yield the end, by the status that was told last."""
        self._ended = True
        if self._usage is not None:
            yield UsageReported(_counted(self._usage))
        empty = self._status == "incomplete" and not (self._made or self._said or self._calls)
        if self._status in {"failed", "cancelled", "budget_exceeded"} or (empty and self._errors):
            yield Failed(self._failure())
            return
        reason = "tool_calls" if self._calls else _REASONS.get(self._status, "stop")
        yield Finished(reason, whole=self._status in _REASONS)

    def _failure(self) -> DarkroomError:
        if self._errors:
            return read_error(without_runs(self._errors[0]))
        if self._status == "budget_exceeded":
            return UpstreamRejected("the upstream stopped: the interaction used up its budget")
        return UpstreamBroken(f"the upstream says that the interaction {self._status.replace('failed', 'has failed')}")

    def _fail(self, error: DarkroomError) -> list[Event]:
        self._ended = True
        return [Failed(error)]

    # Its steps

    def _steps(self, resource: Mapping[str, Any]) -> Iterator[Event]:
        """Read steps that came whole as if they were streamed."""
        for index, step in enumerate(tables(resource.get("steps"))):
            yield from self._step(index, table(step))
            yield from self._stop(index)

    def _step(self, index: int, step: Mapping[str, Any]) -> Iterator[Event]:
        kind = step.get("type")
        self._kinds[index] = kind if isinstance(kind, str) else ""
        if kind == "function_call":
            yield from self._called(index, step)
        if error := step.get("error"):
            self._errors.append(error)
        for part in tables(step.get("summary")):
            yield from self._delta(index, {"type": "thought_summary", "content": part})
        if kind == "thought" and step.get("signature"):
            yield from self._delta(index, {"type": "thought_signature", "signature": step["signature"]})
        for part in tables(step.get("content")):
            yield from self._delta(index, table(part))

    def _delta(self, index: int, delta: Mapping[str, Any]) -> Iterator[Event]:
        match delta.get("type"), self._kinds.get(index, "model_output"):
            case "thought_summary", _:
                yield from self._thought(table(delta.get("content")))
            case "thought_signature", _:
                self._signature += str(self._lifts.restore(delta.get("signature") or ""))
            case "arguments_delta", "function_call":
                yield from self._arguments(index, delta)
            case "text", "model_output":
                yield from self._text(delta)
            case ("image" | "video") as kind, "model_output":
                yield from self._media(_MEDIA[kind], delta)
            case _, _:
                data_uri.drop(delta.get("data"), self._lifts)

    def _text(self, delta: Mapping[str, Any]) -> Iterator[Event]:
        if isinstance(text := delta.get("text"), str) and text:
            self._said = True
            yield TextDelta(text)

    def _thought(self, content: Mapping[str, Any]) -> Iterator[Event]:
        if isinstance(text := content.get("text"), str) and text:
            yield ReasoningDelta(str(self._lifts.restore(text)))
        else:
            data_uri.drop(content.get("data"), self._lifts)

    def _media(self, kind: MediaKind, content: Mapping[str, Any]) -> Iterator[Event]:
        data, uri = content.get("data"), content.get("uri")
        if not (isinstance(data, str) and data) and not (isinstance(uri, str) and uri):
            return
        if not self._made and self._id.strip():
            yield UpstreamNamed(INTERACTION, self._id)
        self._made = True
        if not (isinstance(data, str) and data):
            yield MediaProduced(kind, url=str(uri), shown=str(uri))
            return
        yield MediaProduced(kind, lifted=data_uri.lift_or_broken(data, self._lifts))

    def _called(self, index: int, step: Mapping[str, Any]) -> Iterator[Event]:
        call = self._calls[index] = _Call(len(self._calls), self._lifts.restore(step.get("arguments")))
        told = {
            "index": call.number,
            "id": step.get("id"),
            "type": "function",
            "function": {"name": step.get("name"), "arguments": ""},
        }
        if self._signature:
            told["extra_content"] = {"google": {"thought_signature": self._signature}}
            self._signature = ""
        yield Passthrough({"tool_calls": [told]})

    def _arguments(self, index: int, delta: Mapping[str, Any]) -> Iterator[Event]:
        call = self._calls[index]
        if isinstance(text := delta.get("arguments"), str) and text:
            call.told = True
            yield _more(call, str(self._lifts.restore(text)))

    def _stop(self, index: int) -> Iterator[Event]:
        call = self._calls.get(index)
        if call is not None and not call.told:
            call.told = True
            yield _more(call, msgspec.json.encode(call.arguments or {}).decode())


def _more(call: _Call, text: str) -> Passthrough:
    return Passthrough({"tool_calls": [{"index": call.number, "function": {"arguments": text}}]})


def _counted(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Return a usage in OpenAI's shape; thoughts are a part of the completion there."""

    def count(name: str) -> int:
        value = usage.get(name)
        return value if isinstance(value, int) else 0

    thoughts = count("total_thought_tokens")
    made = [item for item in tables(usage.get("output_tokens_by_modality")) if item.get("modality") == "image"]
    pictures = [tokens for item in made if type(tokens := item.get("tokens")) is int]
    details = {"reasoning_tokens": thoughts, **({"image_tokens": sum(pictures)} if pictures else {})}
    return {
        "prompt_tokens": count("total_input_tokens") + count("total_tool_use_tokens"),
        "completion_tokens": count("total_output_tokens") + thoughts,
        "total_tokens": count("total_tokens"),
        "prompt_tokens_details": {"cached_tokens": count("total_cached_tokens")},
        "completion_tokens_details": details,
    }
