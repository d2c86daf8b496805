"""Gemini answers, read from upstreams: a stream of events, one JSON object, or a JSON list of what would be events.

Strategy. Bytes go through the JSON lifter first, so what follows is small whatever was in it. Each frame is a
`GenerateContentResponse`; its parts are read one by one, and what the model must be shown again (its text and pictures,
in order, each with its signature) is told once, at the end. The end is judged there too: only then is it known whether
a picture came. Thoughts are reasoning, and the pictures among them are dropped: they are drafts. A signature may be as
long as a picture; it was lifted like one and is put back as it was.
Format: https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from darkroom.codecs import data_uri
from darkroom.dialects.framing import Framing
from darkroom.dialects.gemini.asked_params import get
from darkroom.dialects.gemini.failures import blocked, decode_error_value, ended
from darkroom.dialects.json_values import decode_json, listed, string, table
from darkroom.errors import DarkroomError, UpstreamBroken, UpstreamForgot
from darkroom.events import (
    Event,
    Failed,
    Finished,
    MediaProduced,
    Passthrough,
    ReasoningDelta,
    Remembered,
    Started,
    TextDelta,
    UsageReported,
)
from darkroom.lifted import Lifts, without_runs
from darkroom.media import kind_of
from darkroom.profiles import Profile
from darkroom.replay import PARTS

_SIGNATURE = "thoughtSignature"


class EventDecoder:
    """Bytes of an answer in, events out; the same however the bytes are cut."""

    def __init__(self, lifts: Lifts, profile: Profile) -> None:
        self._lifts = lifts
        self._makes = profile.makes_media
        self._framing = Framing(lifts)
        self._frames = 0
        self._started: Started | None = None
        self._begun = False
        self._failed = False
        self._done = False
        self._finish: tuple[str, str] | None = None
        self._usage: Mapping[str, Any] | None = None
        self._parts: list[dict[str, Any]] = []
        self._pictures = False
        self._words = False
        self._calls = 0

    def decode(self, chunk: bytes) -> list[Event]:
        """Take the next bytes. Raises `UpstreamBroken` when they can't be an answer, `TooLarge` for large media, and
        `UpstreamForgot` while nothing was told yet."""
        return [event for frame in self._framing.decode(chunk) for event in self._frame(frame.data)]

    def flush(self) -> list[Event]:
        """Take the end of the answer. Raises as `decode` does."""
        events = [event for frame in self._framing.flush() for event in self._frame(frame.data)]
        if self._framing.is_json:
            events += self._frame(self._framing.body)
        if self._failed:
            return events
        if not self._frames:
            raise UpstreamBroken("the upstream's answer is neither JSON nor a stream of events")
        return events + self._ending()

    def _frame(self, data: bytes) -> list[Event]:
        if self._failed or self._done or not data.strip():
            return []
        if data.startswith(b"[DONE]"):
            self._done = True
            return []
        value = decode_json(data)
        events: list[Event] = []
        for frame in value if isinstance(value, list) else [value]:
            if not isinstance(frame, dict):
                raise UpstreamBroken("the upstream's answer is not a JSON object")
            events += [] if self._failed else self._response(frame)
        return events

    def _response(self, frame: dict[str, Any]) -> list[Event]:
        self._frames += 1
        if frame.get("error"):
            return self._fail(decode_error_value(without_runs(frame)))
        if self._started is None:
            self._started = Started(string(get(frame, "responseId")), string(get(frame, "modelVersion")))
        if isinstance(usage := get(frame, "usageMetadata"), dict):
            self._usage = usage
        feedback = table(get(frame, "promptFeedback"))
        if reason := string(get(feedback, "blockReason")):
            return self._fail(blocked(reason, string(get(feedback, "blockReasonMessage")) or ""))
        candidate = table(next(iter(listed(frame.get("candidates"))), None))
        parts = listed(table(candidate.get("content")).get("parts"))
        events = [event for part in parts for event in self._part(part)]
        if reason := string(get(candidate, "finishReason")):
            self._finish = reason, string(get(candidate, "finishMessage")) or ""
        return self._told(events)

    def _told(self, events: list[Event]) -> list[Event]:
        """Put `Started` before the first event: until then nothing is told, and another attempt may be made."""
        if not events or self._begun:
            return events
        self._begun = True
        return [self._started or Started(), *events]

    def _fail(self, error: DarkroomError) -> list[Event]:
        self._failed = True
        if not self._begun and isinstance(error, UpstreamForgot):
            raise error
        return [Failed(error)]

    def _part(self, part: Any) -> Iterator[Event]:
        if not isinstance(part, dict):
            return
        part = {name: value for name, value in part.items() if value is not None}
        inline = get(part, "inlineData")
        if part.get("thought") is True:
            yield from self._thought(part, inline)
        elif isinstance(inline, dict):
            yield self._media(inline, self._signature(part))
        elif isinstance(file := get(part, "fileData"), dict) and (url := string(get(file, "fileUri"))):
            self._pictures = True
            yield MediaProduced(kind_of(string(get(file, "mimeType")) or "image/png"), url=url, shown=url)
        elif isinstance(call := get(part, "functionCall"), dict):
            yield self._call(call, self._signature(part))
        elif isinstance(text := part.get("text", ""), str) and (text or set(part) <= _TEXT):
            yield from self._text(text, self._signature(part))
        else:
            yield Passthrough({"parts": [self._lifts.restore(part)]})

    def _thought(self, part: dict[str, Any], inline: Any) -> Iterator[Event]:
        data = inline.get("data") if isinstance(inline, dict) else None
        while isinstance(data, str) and (run := self._lifts.find(data)) is not None:
            self._lifts.take(run[0]).discard()
        if text := string(part.get("text")):
            yield ReasoningDelta(self._lifts.restore(text))

    def _text(self, text: str, signed: dict[str, str]) -> Iterator[Event]:
        last = self._parts[-1] if self._parts else None
        # A run in a text is a picture that is taken out of it later on.
        kept = without_runs(text)
        if last is not None and set(last) == {"text"} and not signed:
            last["text"] += kept
        elif kept or signed:
            self._parts.append({"text": kept, **signed})
        if text:
            self._words = self._words or bool(text.strip())
            yield TextDelta(text)

    def _media(self, inline: dict[str, Any], signed: dict[str, str]) -> MediaProduced:
        lifted = data_uri.lift_or_broken(string(inline.get("data")) or "", self._lifts)
        self._pictures = True
        self._parts.append({"media": lifted.placeholder, **signed})
        return MediaProduced(kind_of(string(get(inline, "mimeType")) or "image/png"), lifted=lifted)

    def _signature(self, part: dict[str, Any]) -> dict[str, str]:
        signature = get(part, _SIGNATURE)
        return {_SIGNATURE: self._lifts.restore(signature)} if isinstance(signature, str) else {}

    def _call(self, call: dict[str, Any], signed: dict[str, str]) -> Passthrough:
        """A call of a tool, as Chat Completions tell it, whole; ids are Google's own, else of this answer."""
        index, self._calls = self._calls, self._calls + 1
        answer = (self._started.id if self._started else None) or "0"
        arguments = msgspec.json.encode(self._lifts.restore(call.get("args") or {})).decode()
        written: dict[str, Any] = {
            "index": index,
            "id": string(call.get("id")) or f"call_{answer}_{index}",
            "type": "function",
            "function": {"name": str(call.get("name") or ""), "arguments": arguments},
        }
        if signed:
            written["extra_content"] = {"google": {"thought_signature": signed[_SIGNATURE]}}
        return Passthrough({"tool_calls": [written]})

    def _ending(self) -> list[Event]:
        reason, message = self._finish or ("STOP", "")
        words = self._words or bool(self._calls)
        end = ended(reason, message, pictures=self._pictures, words=words, makes=self._makes)
        if isinstance(end, DarkroomError):
            return self._fail(end)
        events: list[Event] = []
        if self._pictures:
            events.append(Remembered({PARTS: self._parts}))
        if self._usage is not None:
            events.append(UsageReported(usage_of(self._usage)))
        whole = self._finish is not None or self._done or bool(self._framing.is_json)
        finish = "tool_calls" if self._calls and end == "stop" else end
        return self._told([*events, Finished(finish, whole)])


_TEXT = frozenset({"text", "thought", "thoughtSignature", "thought_signature", "partMetadata", "part_metadata"})


def usage_of(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return Gemini's `usageMetadata` in OpenAI's shape; thoughts are part of the completion there."""
    thoughts = _count(meta, "thoughtsTokenCount")
    prompt = _count(meta, "promptTokenCount") + _count(meta, "toolUsePromptTokenCount")
    completion = _count(meta, "candidatesTokenCount") + thoughts
    shown = _by_modality(meta, "promptTokensDetails")
    made = _by_modality(meta, "candidatesTokensDetails")
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": _count(meta, "totalTokenCount") or prompt + completion,
        "prompt_tokens_details": {"cached_tokens": _count(meta, "cachedContentTokenCount"), **shown},
        "completion_tokens_details": {"reasoning_tokens": thoughts, **made},
    }


def _by_modality(meta: Mapping[str, Any], name: str) -> dict[str, int]:
    """Return the tokens of each modality that is told: `image_tokens`, `text_tokens`, …"""
    details = [table(item) for item in listed(get(meta, name))]
    return {f"{str(each.get('modality')).lower()}_tokens": _count(each, "tokenCount") for each in details}


def _count(meta: Mapping[str, Any], name: str) -> int:
    value = get(meta, name)
    return value if type(value) is int and value > 0 else 0
