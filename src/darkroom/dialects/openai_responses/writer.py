"""Responses answers, written for clients: typed events as they come, or one JSON object at the end; and for the store.

Beyond OpenAI's fields there is `darkroom`, on the response that is complete or failed: what was made, stored, lost and
left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from darkroom.dialects.openai_responses.output import Change, Output
from darkroom.dialects.wire import JsonWriter, Piece
from darkroom.errors import (
    ContentPolicyViolation,
    DarkroomError,
    TooManyRequests,
    UpstreamRateLimited,
    UpstreamRejected,
)
from darkroom.events import Event, Failed, Finished, UsageReported
from darkroom.lifted import Lifted
from darkroom.media import Media

_encode = msgspec.json.Encoder().encode
Report = Callable[[], Mapping[str, Any]]

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
_CODES: tuple[tuple[type[DarkroomError], str], ...] = (
    (ContentPolicyViolation, "image_content_policy_violation"),
    (UpstreamRateLimited, "rate_limit_exceeded"),
    (TooManyRequests, "rate_limit_exceeded"),
    (UpstreamRejected, "invalid_prompt"),
)
"""The API knows a few codes only; ours stands in `darkroom`."""


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """What every state of a response repeats. `created` is in Unix seconds, `echo` what the request said."""

    id: str
    model: str
    created: int
    echo: Mapping[str, Any]


@dataclass(slots=True)
class Answering:
    """One response while it is made. `report` gives the `darkroom` field when it is complete."""

    head: AnswerHead
    output: Output
    report: Report
    usage: Mapping[str, Any] | None = None
    status: str = "in_progress"
    _reason: str = "stop"
    _error: DarkroomError | None = None

    def take(self, event: Event) -> Iterator[Change]:
        """Take an event, and yield what changed."""
        match event:
            case UsageReported(usage):
                self.usage = _usage(usage)
            case Finished(reason):
                yield from self.output.close()
                self._reason = reason
                self.status = "incomplete" if reason in _INCOMPLETE else "completed"
                yield self.state(self.status)
            case Failed(error):
                yield from self.output.close()
                self._error, self.status = error, "failed"
                yield self.state("failed")
            case _:
                yield from self.output.take(event)

    def state(self, name: str) -> Change:
        """Return the event that shows the response as it is now."""
        return {"type": f"response.{name}", "response": self.response()}

    def response(self) -> dict[str, Any]:
        """Return the response as it is now; its pictures are `Media`."""
        ended = self.status != "in_progress"
        why = _INCOMPLETE[self._reason] if self.status == "incomplete" else None
        response = {
            "id": self.head.id,
            "object": "response",
            "created_at": self.head.created,
            "status": self.status,
            "background": False,
            "error": None if self._error is None else {"code": _code(self._error), "message": self._error.message},
            "incomplete_details": {"reason": why} if why else None,
            "model": self.head.model,
            "output": self.output.items if ended else [],
            "usage": self.usage if ended else None,
            **self.head.echo,
        }
        if ended:
            response["darkroom"] = {**self.report(), **(self._error.body() if self._error else {})}
        return response


@dataclass(slots=True)
class EventEncoder:
    """Events in, SSE frames out. A frame is a list of pieces: pictures are encoded while it is sent."""

    answering: Answering
    _writer: JsonWriter = field(default_factory=JsonWriter)
    _number: int = 0

    def encode(self, event: Event) -> list[Piece]:
        """Return the frames of one event."""
        return [piece for change in self._changes(event) for piece in self._frame(change)]

    def _changes(self, event: Event) -> Iterator[Change]:
        """Yield one by one: what a change holds goes on to grow with the next."""
        if not self._number:
            yield self.answering.state("created")
            yield self.answering.state("in_progress")
        yield from self.answering.take(event)

    def _frame(self, change: Change) -> list[Piece]:
        written = placed({**change, "sequence_number": self._number}, self._writer)
        self._number += 1
        pieces = self._writer.pieces(written)
        self._writer.media.clear()
        return [f"event: {change['type']}\ndata: ".encode(), *pieces, b"\n\n"]


def assemble(answering: Answering, events: Iterable[Event]) -> tuple[Piece, ...]:
    """Return the response that a stream of events adds up to, as JSON. Raises the error of a `Failed`."""
    for event in events:
        if isinstance(event, Failed):
            raise event.error
        for _ in answering.take(event):
            pass
    writer = JsonWriter()
    return writer.pieces(placed(answering.response(), writer))


def placed(value: Any, writer: JsonWriter) -> Any:
    """Return JSON with a hole for each picture in it: base64, which is encoded while it is sent."""
    match value:
        case Media():
            return writer.inline(value, uri=False)
        case Lifted():
            return writer.again(value)
        case dict():
            return {name: placed(item, writer) for name, item in value.items()}
        case list():
            return [placed(item, writer) for item in value]
        case _:
            return value


def named(value: Any) -> Any:
    """Return JSON with the ids of the pictures in it: what is stored of a response."""
    match value:
        case Media():
            return value.id
        case dict():
            return {name: named(item) for name, item in value.items()}
        case list() | tuple():
            return [named(item) for item in value]
        case _:
            return value


def _code(error: DarkroomError) -> str:
    return next((code for kind, code in _CODES if isinstance(error, kind)), "server_error")


def _usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    read, said = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    thought = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
        "output_tokens": said,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": usage.get("total_tokens") or read + said,
    }
