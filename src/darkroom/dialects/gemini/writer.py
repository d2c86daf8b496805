"""Gemini answers, written for clients: frames of a stream as the events come, or one JSON object at the end.

Media is base64 in `inlineData`, encoded while it is sent, or a link of ours in `fileData`. Beyond Google's fields the
last frame has `darkroom`, which says what was made, stored, lost and left out; Google's SDKs pass over it.
Format: https://ai.google.dev/api/generate-content#generatecontentresponse
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from darkroom.codecs.links import make_link
from darkroom.dialects.gemini.asked_params import get
from darkroom.dialects.openai_chat.shapes import merge
from darkroom.dialects.openai_chat.writer import Report
from darkroom.dialects.wire import JsonWriter, Piece
from darkroom.errors import ContentPolicyViolation, DarkroomError
from darkroom.events import (
    Event,
    Failed,
    Finished,
    MediaLost,
    MediaStored,
    Passthrough,
    Planned,
    Progress,
    ReasoningDelta,
    TextDelta,
    UsageReported,
)

_encode = msgspec.json.Encoder().encode
SIGNATURE = "ZGFya3Jvb20="
"""Stands on every picture, always the same: some clients send a model's picture back only if it is signed."""

STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    413: "INVALID_ARGUMENT",
    416: "OUT_OF_RANGE",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_CODE = ("executableCode", "codeExecutionResult")
_FINISH = {"length": "MAX_TOKENS", "content_filter": "SAFETY"}

Framing = Literal["sse", "array", "none"]
"""How the objects of a stream are set apart: as server-sent events, or as the items of one JSON list."""


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """What every frame repeats, and how the client wants the answer. `links`: media as links, not as base64;
    `thoughts`: the model's thoughts too."""

    id: str
    model: str
    public_url: str
    framing: Framing = "none"
    links: bool = False
    thoughts: bool = False


class EventEncoder:
    """Events in, frames out. A frame is a list of pieces, since a picture is encoded while it is sent."""

    def __init__(self, head: AnswerHead, report: Report) -> None:
        self._head = head
        self._report = report
        self._writer = JsonWriter()
        self._shaper = _Shaper(head, self._writer)
        self._begun = False

    def encode(self, event: Event) -> list[Piece]:
        """Return the frames of one event; none for what a stream says at its end."""
        match event:
            case Failed(error):
                return self._write(self._failed(error), last=True)
            case Finished(reason):
                parts = [*self._shaper.rest()] or [{"text": ""}]
                return self._write(self._shaper.frame(parts, _finish(reason), self._report()), last=True)
            case _:
                return [
                    piece for part in self._shaper.shape(event) for piece in self._write(self._shaper.frame([part]))
                ]

    def _failed(self, error: DarkroomError) -> dict[str, Any]:
        if not isinstance(error, ContentPolicyViolation):
            return error_body(error, self._report())
        if self._begun:
            return self._shaper.frame([{"text": ""}], "SAFETY", self._report())
        return blocked(error, self._report())

    def _write(self, frame: Mapping[str, Any], *, last: bool = False) -> list[Piece]:
        pieces = framed(self._writer.pieces(frame), self._head.framing, first=not self._begun, last=last)
        self._writer.media.clear()
        self._begun = True
        return pieces


def assemble(head: AnswerHead, events: Iterable[Event], report: Report) -> tuple[Piece, ...]:
    """Return the answer that a stream of events adds up to, as JSON. Raises the error of a `Failed`, unless it is a
    refusal: then the answer says so."""
    writer = JsonWriter()
    shaper = _Shaper(head, writer)
    parts: list[dict[str, Any]] = []
    finish = "STOP"
    for event in events:
        match event:
            case Failed(ContentPolicyViolation() as error) if not parts:
                return writer.pieces(blocked(error, report()))
            case Failed(ContentPolicyViolation()):
                finish = "SAFETY"
            case Failed(error):
                raise error
            case Finished(reason):
                finish = _finish(reason)
                parts += shaper.rest()
            case _:
                parts += shaper.shape(event)
    return writer.pieces(shaper.frame(_merged(parts) or [{"text": ""}], finish, report()))


def framed(pieces: Iterable[Piece], framing: Framing, *, first: bool, last: bool) -> list[Piece]:
    """Set a stream's object apart from the others; every frame ends with an empty line."""
    match framing:
        case "sse":
            return [b"data: ", *pieces, b"\n\n"]
        case "array":
            return [b"[" if first else b",", *pieces, b"]\n\n" if last else b"\n\n"]
        case "none":
            return [*pieces]


def error_body(error: DarkroomError, report: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return an error in Google's shape; our own code and the field at fault stand in its `details`."""
    info: dict[str, Any] = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": error.code.upper(),
        "domain": "darkroom",
    }
    if error.param:
        info["metadata"] = {"param": error.param}
    details = [info]
    if error.retry_after is not None:
        delay = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{error.retry_after:g}s"}
        details.append(delay)
    status = STATUSES.get(error.status, "UNKNOWN")
    told = {"code": error.status, "message": error.message, "status": status, "details": details}
    return {"error": told, **({"darkroom": report} if report else {})}


def encode_error(error: DarkroomError, report: Mapping[str, Any] | None = None, framing: Framing = "none") -> bytes:
    """Return the body of an answer that is an error, or a refusal, and nothing else."""
    if isinstance(error, ContentPolicyViolation):
        whole = framed([_encode(blocked(error, report))], framing, first=True, last=True)
        return b"".join(piece for piece in whole if isinstance(piece, bytes))
    return _encode(error_body(error, report))


def blocked(error: DarkroomError, report: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what Google answers, with status 200, to a prompt that is refused."""
    feedback = {"blockReason": "SAFETY", "blockReasonMessage": error.message}
    return {"promptFeedback": feedback, **({"darkroom": report} if report else {})}


@dataclass(slots=True)
class _Shaper:
    """Turns events into parts, and parts into frames. Blank text waits until it is known to stand between texts."""

    head: AnswerHead
    writer: JsonWriter
    usage: Mapping[str, Any] | None = None
    _blank: str = ""
    _spoken: bool = False
    _shown: set[str] = field(default_factory=set)
    _calls: list[dict[str, Any]] = field(default_factory=list)

    def shape(self, event: Event) -> Iterator[dict[str, Any]]:
        """Yield the parts of an event; tools' calls come whole, at the end."""
        match event:
            case TextDelta(text):
                yield from self._text(text)
            case ReasoningDelta(text):
                yield from self._thought(text)
            case Progress(text=text) | Planned(text=text):
                yield from self._thought(f"{text}\n" if text else "")
            case MediaStored():
                yield from self._media(event)
            case MediaLost(url=str() as url):
                shown = event.shown if event.shown and event.shown != url else f"![]({url})"
                yield from self._text(shown)
            case Passthrough(delta):
                if calls := [call for call in delta.get("tool_calls") or () if isinstance(call, dict)]:
                    self._calls.append({"tool_calls": calls})
                yield from _own(delta.get("parts"))
                if isinstance(refusal := delta.get("refusal"), str):
                    yield from self._text(refusal)
            case UsageReported(usage):
                self.usage = usage
            case _:
                return

    def rest(self) -> Iterator[dict[str, Any]]:
        """Yield what only the end brings."""
        if self._calls:
            yield from map(_call, merge(self._calls)["tool_calls"])

    def frame(
        self, parts: list[dict[str, Any]], finish: str | None = None, report: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
        frame: dict[str, Any] = {"candidates": [candidate]}
        if finish is not None:
            candidate["finishReason"] = finish
            frame |= {"usageMetadata": usage_of(self.usage)} if self.usage is not None else {}
        frame |= {"modelVersion": self.head.model, "responseId": self.head.id}
        return frame | ({"darkroom": report} if report is not None else {})

    def _text(self, text: str) -> Iterator[dict[str, Any]]:
        if not self._spoken and not text.strip():
            self._blank += text
            return
        text, self._blank, self._spoken = self._blank + text, "", True
        if text:
            yield {"text": text}

    def _thought(self, text: str) -> Iterator[dict[str, Any]]:
        if self.head.thoughts and text:
            yield {"text": text, "thought": True}

    def _media(self, event: MediaStored) -> Iterator[dict[str, Any]]:
        media = event.media
        if media.id in self._shown:
            return  # Relays send one picture in the text and beside it.
        self._shown.add(media.id)
        self._blank, self._spoken = "", False
        if self.head.links:
            yield {"fileData": {"mimeType": media.mime, "fileUri": make_link(self.head.public_url, media)}}
        else:
            data = self.writer.inline(media, uri=False)
            yield {"inlineData": {"mimeType": media.mime, "data": data}, "thoughtSignature": SIGNATURE}


def _own(parts: Any) -> Iterator[dict[str, Any]]:
    """Yield what only Gemini's own answers hold: code that the model ran, and what that printed."""
    for part in parts if isinstance(parts, list) else ():
        for name in _CODE:
            if isinstance(part, dict) and isinstance(held := get(part, name), dict):
                yield {name: held}


def usage_of(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Return OpenAI's count as Google's; OpenAI counts the thoughts into the completion, Google beside it."""
    prompt, completion = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    asked, made = _table(usage, "prompt_tokens_details"), _table(usage, "completion_tokens_details")
    thoughts, cached = _count(made, "reasoning_tokens"), _count(asked, "cached_tokens")
    found: dict[str, Any] = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": max(completion - thoughts, 0),
        "totalTokenCount": _count(usage, "total_tokens") or prompt + completion,
    }
    found |= {"thoughtsTokenCount": thoughts} if thoughts else {}
    found |= {"cachedContentTokenCount": cached} if cached else {}
    for name, details in (("promptTokensDetails", asked), ("candidatesTokensDetails", made)):
        if kinds := [*_kinds(details)]:
            found[name] = kinds
    return found


def _kinds(details: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for kind in ("text", "image", "audio", "video"):
        if count := _count(details, f"{kind}_tokens"):
            yield {"modality": kind.upper(), "tokenCount": count}


def _count(usage: Mapping[str, Any], name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) else 0


def _table(usage: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = usage.get(name)
    return value if isinstance(value, Mapping) else {}


def _finish(reason: str) -> str:
    return _FINISH.get(reason, "STOP")


def _merged(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Join neighbouring texts, and neighbouring thoughts."""
    found: list[dict[str, Any]] = []
    for part in parts:
        last = found[-1] if found else {}
        if "text" in part and "text" in last and part.get("thought") == last.get("thought"):
            found[-1] = {**last, "text": last["text"] + part["text"]}
        else:
            found.append(part)
    return found


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    """Return OpenAI's call of a tool as Google's; arguments that are no JSON object are shown as they came."""
    function = _table(call, "function")
    try:
        arguments = msgspec.json.decode(function.get("arguments") or "{}")
    except (msgspec.DecodeError, TypeError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        arguments = {"arguments": function.get("arguments")}
    written: dict[str, Any] = {"name": function.get("name") or "", "args": arguments}
    if isinstance(id := call.get("id"), str) and id:
        written["id"] = id
    part: dict[str, Any] = {"functionCall": written}
    signature = _table(_table(call, "extra_content"), "google").get("thought_signature")
    return {**part, "thoughtSignature": signature} if isinstance(signature, str) and signature else part
