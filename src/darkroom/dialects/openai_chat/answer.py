"""Chat Completions answers, read from upstreams: an SSE stream or one JSON object, in every shape that relays use.

Strategy. Bytes go through the JSON lifter first, so what follows is small whatever was in it. A frame is then a dict;
its message or delta is read field by field, each field by the reader that `FIELDS` names. Text is not looked into here:
`MediaText` does that for the whole answer, since a picture may be spread over thousands of deltas.
Formats: OpenAI; OpenRouter and LiteLLM (`images[]`), vLLM-Omni (content lists), AiHubMix (`multi_mod_content`), one-hub
(`image: [{data}]`), sora2api (`output: [{url}]`), and Gemini's `candidates` behind a chat URL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from darkroom.codecs import data_uri
from darkroom.codecs.sse import Sse
from darkroom.dialects.framing import Framing
from darkroom.dialects.json_values import decode_object, string, tables
from darkroom.dialects.openai_chat.failures import error_of
from darkroom.dialects.openai_chat.parts import OPAQUE, read_part
from darkroom.errors import ClientError, ContentPolicyViolation, MalformedRequest, UnsupportedPart, UpstreamBroken
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
from darkroom.lifted import Lifts, broken, without_runs
from darkroom.media import MediaKind
from darkroom.messages import Inline, MediaPart, Remote, Text

_FINISH = {"stop", "length", "tool_calls", "content_filter", "function_call"}
# Thoughts come before the text, and what stands beside the text may be the same picture again.
_ORDER = {"reasoning_content": 0, "reasoning": 0, "thinking": 0, "content": 1}
_FINISH_ALIASES = {"max_tokens": "length"}
_FILTERS = ("safety", "prohibited", "blocklist", "recitation", "spii", "moderation")


class _PlainDelta(msgspec.Struct, forbid_unknown_fields=True):
    content: str
    role: str | None = None
    refusal: None = None
    reasoning_content: None = None
    tool_calls: None = None
    function_call: None = None


class _PlainChoice(msgspec.Struct, forbid_unknown_fields=True):
    delta: _PlainDelta
    index: int = 0
    finish_reason: None = None
    native_finish_reason: None = None
    logprobs: None = None


class _PlainChunk(msgspec.Struct):
    choices: list[_PlainChoice]
    usage: None = None
    error: None = None
    candidates: None = None


_decode_plain = msgspec.json.Decoder(_PlainChunk).decode


class EventDecoder:
    """Bytes of an answer in, events out; the same however the bytes are cut.

    `partials`: this upstream streams unfinished versions of its picture, of which only the last one counts.
    """

    def __init__(self, lifts: Lifts, *, partials: bool = False) -> None:
        self._lifts = lifts
        self._framing = Framing(lifts)
        self._partials = partials
        self._last_picture: MediaProduced | None = None
        self._started = False
        self._ended = False
        self._finish: str | None = None
        self._usage: Mapping[str, Any] | None = None

    def decode(self, chunk: bytes) -> list[Event]:
        """Take the next bytes. Raises `UpstreamBroken` when they can't be an answer, `TooLarge` for large media."""
        return _joined(self._sse_event(frame) for frame in self._framing.decode(chunk))

    def flush(self) -> list[Event]:
        """Take the end of the answer. Raises `UpstreamBroken` when it came too early."""
        events = _joined(self._sse_event(frame) for frame in self._framing.flush())
        if self._framing.is_json:
            events += self._frame(self._framing.body)
        return events + self._ending()

    def _sse_event(self, event: Sse) -> list[Event]:
        if event.data.startswith(b"[DONE]"):
            self._ended = True
            return []
        if self._ended or not event.data.strip():
            return []
        return self._frame(event.data, failed=event.event == "error")

    def _frame(self, data: bytes, *, failed: bool = False) -> list[Event]:
        if self._started and (text := _only_text(data)) is not None:
            return [TextDelta(text)]
        frame = decode_object(data, listed=True)
        if failed or frame.get("error") or (not self._started and _is_refusal(frame)):
            self._ended = True
            if reason := _blocked(frame):
                return [Failed(ContentPolicyViolation(f"the upstream blocked the prompt: {reason}"))]
            return [Failed(error_of(without_runs(frame.get("error") or frame)))]
        return list(self._read_frame(frame))

    def _read_frame(self, frame: dict[str, Any]) -> Iterator[Event]:
        if not self._started:
            self._started = True
            yield Started(string(frame.get("id")), string(frame.get("model")))
        if isinstance(usage := frame.get("usage"), dict) and _counts(usage):
            self._usage = usage
        for choice in tables(frame.get("choices")):
            yield from self._choice(choice)
        yield from self._leaks(frame)

    def _choice(self, choice: dict[str, Any]) -> Iterator[Event]:
        message = choice.get("delta") or choice.get("message") or {}
        if isinstance(text := choice.get("text"), str):
            message = {"content": text}
        if not isinstance(message, dict):
            raise UpstreamBroken("the upstream's answer holds a message that is no object")
        passed: dict[str, Any] = {}
        for name, value in sorted(message.items(), key=lambda item: _ORDER.get(item[0], 2)):
            if value is None or value == "" or name == "role":
                continue
            reader = FIELDS.get(name)
            if reader is None:
                passed[name] = value
                continue
            if reader is _mixed and not message.get("content"):
                reader = _mixed_alone
            for event in reader(value, self._lifts):
                yield from self._whole(event)
        around = {"logprobs": choice["logprobs"]} if choice.get("logprobs") else {}
        if passed or around:
            yield Passthrough(self._lifts.restore(passed), around)
        if reason := choice.get("finish_reason"):
            self._finish = _finish_of(reason)

    def _leaks(self, frame: dict[str, Any]) -> Iterator[Event]:
        """Read what is not Chat Completions at all, but comes from chat URLs."""
        for candidate in tables(frame.get("candidates")):
            for content in tables([candidate.get("content")]):
                for event in _parts(content.get("parts") or [], self._lifts):
                    yield from self._whole(event)
            if reason := candidate.get("finishReason"):
                self._finish = self._finish or _finish_of(reason)
        if "choices" not in frame:
            yield from _parts([_as_image(item) for item in tables(frame.get("data"))], self._lifts)

    def _whole(self, event: Event) -> Iterator[Event]:
        """Hold back a picture of which a better version may follow."""
        if not (self._partials and isinstance(event, MediaProduced)):
            yield event
            return
        if self._last_picture is not None and self._last_picture.lifted is not None:
            self._last_picture.lifted.discard()
        self._last_picture = event

    def _ending(self) -> list[Event]:
        events: list[Event] = []
        if self._last_picture is not None:
            events.append(self._last_picture)
        if self._usage is not None:
            events.append(UsageReported(self._usage))
        if not self._started and not self._ended:
            raise UpstreamBroken("the upstream's answer is neither JSON nor a stream of events")
        whole = self._finish is not None or self._ended or bool(self._framing.is_json)
        return [*events, Finished(self._finish or "stop", whole)]


def _is_refusal(frame: dict[str, Any]) -> bool:
    """Tell an answer of status 200 that only says why there is none: `{"code": 400, "message": "…"}`."""
    holds = any(frame.get(name) for name in ("choices", "candidates", "data", "id", "object"))
    words = any(isinstance(frame.get(name), str) for name in ("message", "msg", "detail"))
    return not holds and (words or bool(_blocked(frame)))


def _blocked(frame: dict[str, Any]) -> str:
    """Return why Gemini blocked a prompt, where it did."""
    feedback = frame.get("promptFeedback")
    return str(feedback.get("blockReason") or "") if isinstance(feedback, dict) else ""


def _counts(usage: Mapping[str, Any]) -> bool:
    """Tell whether a usage can be handed on: relays send stubs of it with every frame."""
    counts = [usage.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")]
    return all(type(count) is int for count in counts) and bool(usage["total_tokens"])


def _joined(frames: Iterable[list[Event]]) -> list[Event]:
    """Join texts that arrived together: a burst of small deltas is looked through, and sent on, as one."""
    events: list[Event] = []
    texts: list[str] = []
    for frame in frames:
        for event in frame:
            if isinstance(event, TextDelta):
                texts.append(event.text)
                continue
            if texts:
                events.append(TextDelta("".join(texts)))
                texts.clear()
            events.append(event)
    return [*events, TextDelta("".join(texts))] if texts else events


def _finish_of(reason: Any) -> str:
    lowered = str(reason).lower()
    filtered = any(word in lowered for word in _FILTERS)
    return lowered if lowered in _FINISH else "content_filter" if filtered else _FINISH_ALIASES.get(lowered, "stop")


def _only_text(data: bytes) -> str | None:
    """Return the text of a chunk that holds nothing else, as nearly all do; the rest of this file can do without."""
    try:
        choices = _decode_plain(data).choices
    except msgspec.DecodeError:
        return None
    return choices[0].delta.content or None if len(choices) == 1 else None


def _parts(value: Any, lifts: Lifts) -> Iterator[Event]:
    """Read a list of parts, or one; Gemini's thoughts are reasoning, and its thought pictures are dropped."""
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, str):
            yield TextDelta(part)
            continue
        if not isinstance(part, dict):
            continue
        if part.get("type") in OPAQUE:
            yield Passthrough(lifts.restore({key: item for key, item in part.items() if key != "type"}))
            continue
        if part.get("thought") is True:
            yield from (ReasoningDelta(part["text"]) for _ in (0,) if isinstance(part.get("text"), str))
            continue
        yield from _part(part, lifts)


def _part(part: dict[str, Any], lifts: Lifts) -> Iterator[Event]:
    try:
        for item in read_part(part, lifts, "answer"):
            if isinstance(item, Text):
                yield TextDelta(item.text)
            elif isinstance(item, MediaPart):
                yield _produced(item)
    except UnsupportedPart:
        yield Passthrough({"parts": [lifts.restore(part)]})
    except ClientError as error:
        yield MediaProduced(MediaKind.IMAGE, lifted=broken(lifts, error.message))


def _produced(part: MediaPart) -> MediaProduced:
    match part.source:
        case Inline(lifted):
            return MediaProduced(part.kind, lifted=lifted, alt=part.alt)
        case Remote(url):
            return MediaProduced(part.kind, url=url, shown=url)
        case _:
            raise MalformedRequest("it names media by an id that only the upstream knows")


def _as_image(item: Any) -> Any:
    """Shape an item of `images[]`, `image` or `data[]` like a content part."""
    if not isinstance(item, dict):
        return {"type": "image_url", "image_url": item}
    if "type" in item and "image_url" in item:
        return {key: value for key, value in item.items() if key != "index"}
    for name in ("image_url", "inline_data", "inlineData"):
        if name in item:
            return {name: item[name]}
    kind = "video" if item.get("type") == "video" else "image"
    payload = next((item[key] for key in ("b64_json", "data", "base64", "url", "image_base64") if item.get(key)), None)
    return {"type": kind, kind: payload}


def _text(value: Any, lifts: Lifts) -> Iterator[Event]:
    if isinstance(value, str):
        yield TextDelta(value)
    else:
        yield from _parts(value, lifts)


def _reasoning(value: Any, lifts: Lifts) -> Iterator[Event]:
    if isinstance(value, str):
        yield ReasoningDelta(lifts.restore(value))


def _images(value: Any, lifts: Lifts) -> Iterator[Event]:
    for item in value if isinstance(value, list) else [value]:
        if item is not None:
            yield from _parts(_as_image(item), lifts)


def _output(value: Any, lifts: Lifts) -> Iterator[Event]:
    """Read sora2api's list; what is said in words there is no media."""
    items = value if isinstance(value, list) else [value]
    yield from _images([item for item in items if not isinstance(item, str) or _may_be_media(item, lifts)], lifts)


def _may_be_media(value: str, lifts: Lifts) -> bool:
    return data_uri.is_data_uri(value) or value.startswith(("http://", "https://", "/")) or bool(lifts.find(value))


def _mixed(value: Any, lifts: Lifts) -> Iterator[Event]:
    """Read AiHubMix's list, whose text repeats `content`: only its media count."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict) and not isinstance(item.get("text"), str):
            yield from _parts(_as_image(item), lifts)


def _mixed_alone(value: Any, lifts: Lifts) -> Iterator[Event]:
    """Read the same list where it is all that there is."""
    for item in value if isinstance(value, list) else [value]:
        has_text = isinstance(item, dict) and isinstance(item.get("text"), str)
        yield from _parts(item if has_text else _as_image(item), lifts)


def _details(value: Any, lifts: Lifts) -> Iterator[Event]:
    details = lifts.restore(value)  # Restoring hands the runs over: it can be done once.
    yield Remembered({"reasoning_details": details})
    yield Passthrough({"reasoning_details": details})


def _provider_fields(value: Any, lifts: Lifts) -> Iterator[Event]:
    yield Remembered({"provider_specific_fields": lifts.restore(value)})


def _nothing(value: Any, lifts: Lifts) -> Iterator[Event]:
    """Leave out what only the relay's own web page wants."""
    return iter(())


FIELDS: dict[str, Callable[[Any, Lifts], Iterator[Event]]] = {
    "content": _text,
    "reasoning_content": _reasoning,
    "reasoning": _reasoning,
    "thinking": _reasoning,
    "images": _images,
    "image": _images,
    "image_base64": _images,
    "b64_json": _images,
    "multi_mod_content": _mixed,
    "multi_modal_content": _mixed,
    "output": _output,
    "reasoning_details": _details,
    "provider_specific_fields": _provider_fields,
    "wm": _nothing,
}
