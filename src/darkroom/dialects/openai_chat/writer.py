"""Chat Completions answers, written for clients: SSE frames as the events come, or one JSON object at the end.

Beyond OpenAI's fields: `reasoning_content`, `images[]`, and on the last frame `darkroom`, which says what was made,
stored, lost and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from darkroom.codecs import sse
from darkroom.dialects.openai_chat.shapes import Delta, Shaper, merge
from darkroom.dialects.relay_text import TranscriptWriter
from darkroom.dialects.relay_vocabulary import Language
from darkroom.dialects.wire import JsonWriter, Piece, Spliced
from darkroom.errors import DarkroomError
from darkroom.events import Event, Failed, Finished, Passthrough, UsageReported
from darkroom.settings import Output

_encode = msgspec.json.Encoder().encode
DONE = b"data: [DONE]\n\n"
Report = Callable[[], Mapping[str, Any]]
"""Gives the `darkroom` field when the answer is complete."""


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """What every frame of an answer repeats, and how the client wants it. `created` is in Unix seconds."""

    id: str
    model: str
    created: int
    output: Output
    public_url: str
    language: Language = "en"
    include_usage: bool = False


class EventEncoder:
    """Events in, SSE frames out. A frame is a list of pieces, since an `inline` picture is encoded while it is sent."""

    def __init__(self, head: AnswerHead, report: Report, generation: Callable[[], str | None] = lambda: None) -> None:
        self._head = head
        self._report = report
        self._writer = JsonWriter()
        self._shaper = _shaper(head, generation)
        self._begun = False
        self._usage: UsageReported | None = None
        self._base = {
            "id": head.id,
            "object": "chat.completion.chunk",
            "created": head.created,
            "model": head.model,
        }

    def encode(self, event: Event) -> list[Piece]:
        """Return the frames of one event; none for what a stream says at its end."""
        match event:
            case Finished(reason):
                return self._last(reason)
            case UsageReported():
                self._usage = event
                return []
            case Failed(error):
                return [sse.encode(_encode({**error.body(), "darkroom": self._report()})), DONE]
            case _:
                around = event.choice if isinstance(event, Passthrough) else {}
                return [piece for delta in self._shaper.shape(event) for piece in self._frame(delta, around)]

    def _frame(self, delta: Delta, around: Mapping[str, Any] | None = None) -> list[Piece]:
        if not self._begun:
            self._begun = True
            delta = {"role": "assistant", **delta}
        if isinstance(content := delta.get("content"), Spliced):
            delta = {**delta, "content": self._writer.splice(content)}
        choice = {"index": 0, "delta": delta, "finish_reason": None, **(around or {})}
        return self._write({**self._base, "choices": [choice]})

    def _last(self, reason: str) -> list[Piece]:
        begun: list[Piece] = [] if self._begun else self._frame({"content": ""})
        choice = {"index": 0, "delta": {}, "finish_reason": reason}
        last = self._write({**self._base, "choices": [choice], "darkroom": self._report()})
        usage: list[Piece] = []
        if self._head.include_usage and self._usage is not None:
            usage = self._write({**self._base, "choices": [], "usage": self._usage.usage})
        return [*begun, *last, *usage, DONE]

    def _write(self, frame: Mapping[str, Any]) -> list[Piece]:
        pieces = self._writer.pieces(frame)
        self._writer.media.clear()
        return [b"data: ", *pieces, b"\n\n"]


def assemble(
    head: AnswerHead,
    events: Iterable[Event],
    report: Report,
    generation: Callable[[], str | None] = lambda: None,
) -> tuple[Piece, ...]:
    """Return the answer that a stream of events adds up to, as JSON. Raises the error of a `Failed`."""
    writer = JsonWriter()
    shaper = _shaper(head, generation)
    deltas: list[Delta] = []
    around: dict[str, Any] = {}
    finish, usage = "stop", None
    for event in events:
        match event:
            case Failed(error):
                raise error
            case Finished(reason):
                finish = reason
            case UsageReported():
                usage = event.usage
            case _:
                deltas += shaper.shape(event)
                around |= event.choice if isinstance(event, Passthrough) else {}
    message = _finished(merge(deltas), writer)
    answer = {
        "id": head.id,
        "object": "chat.completion",
        "created": head.created,
        "model": head.model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish, **around}],
        **({"usage": usage} if usage is not None else {}),
        "darkroom": report(),
    }
    return writer.pieces(answer)


def encode_error(error: DarkroomError, report: Mapping[str, Any] | None = None) -> bytes:
    """Return an error as a JSON body; with what was made before it, if anything was."""
    return _encode({**error.body(), **({"darkroom": report} if report else {})})


def _shaper(head: AnswerHead, generation: Callable[[], str | None]) -> Shaper:
    return Shaper(head.output, head.public_url, TranscriptWriter(head.language), generation)


def _finished(message: Delta, writer: JsonWriter) -> Delta:
    if message["content"] is None and not message.get("tool_calls"):
        message["content"] = ""
    if isinstance(content := message["content"], Spliced):
        message["content"] = writer.splice(content)
    for call in message.get("tool_calls") or ():
        call.pop("index", None)
    return message
