"""Gemini requests, read from clients: `models/{model}:generateContent` and `:streamGenerateContent`.

Strategy. Google's JSON comes in two spellings, `inlineData` from most clients and `inline_data` from some: every field
is looked up in both (`_get`). What Chat Completions has a word for is told in that word; the rest of the request rides
in `native`, spelt as Google documents it, for an upstream of the same dialect. Thoughts and their signatures are not
taken from a client: what an upstream must see again comes from its own replay, found by the picture's bytes. Only the
signature of a tool's call has no other way, and goes along with the call.
Format: https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from darkroom.codecs.links import kind_by_name
from darkroom.dialects.gemini.asked_params import camel, get, native_of, params_of
from darkroom.dialects.openai_chat.parts import read_part, read_text
from darkroom.dialects.wire import parse_object
from darkroom.errors import MalformedRequest, TooLarge, UnsupportedPart
from darkroom.lifted import Lifts
from darkroom.media import MediaKind, kind_of
from darkroom.messages import Conversation, MediaPart, Message, Named, Part, Remote, Role, Text

_decode = msgspec.json.Decoder().decode
_ROLES: dict[str | None, Role] = {None: "user", "": "user", "user": "user", "function": "user", "model": "assistant"}
_FILE = re.compile(r"files/[a-z0-9-]{1,40}")
_READ = frozenset({"contents", "systemInstruction", "model"})
_BESIDE = frozenset({"thought", "thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata"})
"""What may stand in a part beside what it holds."""


@dataclass(frozen=True, slots=True)
class AskedFor:
    """A request, read. `thoughts`: the client wants to see the model's."""

    conversation: Conversation
    thoughts: bool = False


def decode_request(
    body: bytes, lifts: Lifts, model: str, *, stream: bool = False, public_url: str = "", max_parts: int = 2000
) -> AskedFor:
    """Return the conversation of a JSON body whose base64 is already lifted.

    `public_url` is where the files of this gateway are. Raises `MalformedRequest`, `UnsupportedPart`, `TooLarge` (more
    than `max_parts` parts).
    """
    document = parse_object(body)
    contents = get(document, "contents")
    if isinstance(contents, dict):
        contents = [contents]
    if not isinstance(contents, list) or not contents:
        raise MalformedRequest("`contents` must be a list of at least one content", param="contents")
    reader = _Reader(lifts, public_url)
    messages = [*reader.system(get(document, "systemInstruction"))]
    for index, content in enumerate(contents):
        for message in reader.content(content, f"contents[{index}]"):
            _append(messages, message)
    if sum(len(message.parts) for message in messages) > max_parts:
        raise TooLarge(f"the request has more than {max_parts} parts", param="contents")
    rest = {name: value for key, value in document.items() if (name := camel(key)) not in _READ}
    rest = lifts.restore(rest)
    native = native_of(rest)
    params = params_of(rest)
    if stream:  # Google's streams end with a count.
        params["stream_options"] = {"include_usage": True}
    conversation = Conversation(model, tuple(messages), stream, True, params, dialect="gemini", native=native)
    thinking = get(native.get("generationConfig") or {}, "thinkingConfig")
    return AskedFor(conversation, isinstance(thinking, dict) and get(thinking, "includeThoughts") is True)


@dataclass(slots=True)
class _Call:
    """A tool's call that waits for its answer."""

    id: str
    name: str


@dataclass(slots=True)
class _Reader:
    """Reads the contents of one request. Google matches a tool's answer to its call by name where neither has an id."""

    lifts: Lifts
    public_url: str
    _waiting: list[_Call] = field(default_factory=list)
    _calls: int = 0

    def system(self, value: Any) -> Iterator[Message]:
        """Read `systemInstruction`: a content, or a text alone."""
        if value is None or value == {}:
            return
        parts = [{"text": value}] if isinstance(value, str) else _parts(value, "systemInstruction")
        texts: list[str] = []
        for index, part in enumerate(parts):
            at = f"systemInstruction.parts[{index}].text"
            text = part.get("text") if isinstance(part, dict) else None
            if not isinstance(text, str):
                raise MalformedRequest(f"{at} must be a string", param=at)
            texts.append(self.lifts.restore(text))
        yield Message("system", (Text("\n\n".join(texts)),))

    def content(self, value: Any, param: str) -> list[Message]:
        """Read one turn; the answers of tools in it become messages of their own, before it."""
        parts = _parts(value, param)
        role = value.get("role")
        if role is not None and (not isinstance(role, str) or role not in _ROLES):
            raise MalformedRequest(f"{param}.role must be user or model", param=f"{param}.role")
        held: list[Part] = []
        calls: list[dict[str, Any]] = []
        answers: list[Message] = []
        for index, part in enumerate(parts):
            at = f"{param}.parts[{index}]"
            name, inner = _held(part, at)
            match name:
                case "functionCall":
                    calls.append(self._call(part, inner, at))
                case "functionResponse":
                    answers.append(self._answer(inner, at))
                case _ if get(part, "thought") is not True:
                    held += self._part(name, inner, part, at)
        extra = {"tool_calls": calls} if calls else {}
        if held or calls or (not answers and _ROLES[role] == "user"):
            answers.append(Message(_ROLES[role], tuple(held), is_string=_is_string(held), extra=extra))
        return answers

    def _part(self, name: str, inner: Any, part: Mapping[str, Any], at: str) -> Iterator[Part]:
        match name:
            case "text":
                if not isinstance(inner, str):
                    raise MalformedRequest(f"{at}.text must be a string", param=f"{at}.text")
                if inner:
                    yield from read_text(inner, self.lifts)
            case "inlineData":
                yield from self._inline(inner, part, at)
            case "fileData":
                yield self._file(inner, part, at)
            case "executableCode":
                yield Text(f"```{_word(inner, 'language').lower()}\n{self._word(inner, 'code')}\n```\n")
            case "codeExecutionResult":
                yield Text(f"```\n{self._word(inner, 'output')}\n```\n")

    def _word(self, value: Any, name: str) -> str:
        return str(self.lifts.restore(_word(value, name)))

    def _inline(self, inner: Any, part: Mapping[str, Any], at: str) -> Iterator[Part]:
        mime, data = get(_object(inner, at), "mimeType") or "image/png", inner.get("data")
        if not isinstance(mime, str) or not isinstance(data, str) or not data:
            raise MalformedRequest(
                f"{at}.inlineData must have a mimeType and base64 in data", param=f"{at}.inlineData.data"
            )
        bare = {"inline_data": {"mime_type": mime, "data": data}}
        for read in read_part(bare, self.lifts, at):
            yield replace(read, filename=_name(inner), extra=_how(part)) if isinstance(read, MediaPart) else read

    def _file(self, inner: Any, part: Mapping[str, Any], at: str) -> MediaPart:
        uri, mime = get(_object(inner, at), "fileUri"), get(inner, "mimeType")
        if not isinstance(uri, str) or not uri:
            raise MalformedRequest(f"{at}.fileData.fileUri must be a URI", param=f"{at}.fileData.fileUri")
        uri = self.lifts.restore(uri)
        kind = kind_of(mime) if isinstance(mime, str) else kind_by_name(uri) or MediaKind.IMAGE
        name = file_name(uri, self.public_url)
        return MediaPart(kind, Named(name) if name else Remote(uri), filename=_name(inner), extra=_how(part))

    def _call(self, part: Mapping[str, Any], inner: Any, at: str) -> dict[str, Any]:
        name = _named(inner, f"{at}.functionCall")
        id = inner.get("id")
        call = _Call(id if isinstance(id, str) and id else f"call_{self._calls}", name)
        self._calls += 1
        self._waiting.append(call)
        arguments = msgspec.json.encode(self.lifts.restore(inner.get("args") or {})).decode()
        written: dict[str, Any] = {
            "id": call.id,
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }
        if isinstance(signature := get(part, "thoughtSignature"), str):
            written["extra_content"] = {"google": {"thought_signature": self.lifts.restore(signature)}}
        return written

    def _answer(self, inner: Any, at: str) -> Message:
        name = _named(inner, f"{at}.functionResponse")
        id = inner.get("id")
        call = next((call for call in self._waiting if call.id == id or (not id and call.name == name)), None)
        if call is not None:
            self._waiting.remove(call)
        shown: list[Part] = []
        for index, part in enumerate(_listed(inner.get("parts"), f"{at}.functionResponse.parts")):
            held, value = _held(part, f"{at}.functionResponse.parts[{index}]")
            shown += self._part(held, value, part, f"{at}.functionResponse.parts[{index}]")
        said = msgspec.json.encode(self.lifts.restore(inner.get("response") or {})).decode()
        known = call.id if call is not None else id if isinstance(id, str) and id else name
        return Message("tool", (Text(said), *shown), extra={"tool_call_id": known, "name": name})


def file_name(uri: str, public_url: str) -> str | None:
    """Return the name `files/…` in a URI of this gateway, or None for any other."""
    for start in (f"{public_url}/v1beta/", f"{public_url}/v1/", ""):
        if uri.startswith(start) and _FILE.fullmatch(uri, len(start)):
            return uri[len(start) :]
    return None


def _append(messages: list[Message], message: Message) -> None:
    """Add a turn. The pieces of a model's answer, which clients keep as they were streamed, are one turn again.

    It is one string for upstreams that take no lists there; so line breaks set its pictures apart.
    """
    last = messages[-1] if messages else None
    if message.role != "assistant":
        messages.append(message)
        return
    parts: list[Part] = []
    if last is not None and last.role == "assistant":
        parts, message = [*last.parts], replace(message, extra=_joined(last.extra, message.extra))
        messages.pop()
    for part in message.parts:
        before = parts[-1] if parts else None
        if isinstance(before, Text) and isinstance(part, Text):
            parts[-1] = replace(before, text=before.text + part.text)
            continue
        if isinstance(before, Text) and not before.text.endswith("\n"):
            parts[-1] = replace(before, text=f"{before.text}\n\n")
        parts.append(part)
    messages.append(replace(message, parts=tuple(parts), is_string=True))


def _joined(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    calls = [*before.get("tool_calls", ()), *after.get("tool_calls", ())]
    return {"tool_calls": calls} if calls else {}


def _is_string(parts: list[Part]) -> bool:
    return not parts or (len(parts) == 1 and isinstance(parts[0], Text))


def _parts(content: Any, param: str) -> list[Any]:
    if not isinstance(content, dict):
        raise MalformedRequest(f"{param} must be an object", param=param)
    parts = content.get("parts")
    if isinstance(parts, dict):
        return [parts]
    if not isinstance(parts, list) or not parts:
        raise MalformedRequest(f"{param}.parts must be a list of at least one part", param=f"{param}.parts")
    return parts


def _listed(value: Any, param: str) -> list[Any]:
    if value is not None and not isinstance(value, list):
        raise MalformedRequest(f"{param} must be a list of parts", param=param)
    return value or []


def _held(part: Any, param: str) -> tuple[str, Any]:
    """Return what a part holds, and under which name. Raises `UnsupportedPart` for what nobody here can read."""
    if not isinstance(part, dict):
        raise MalformedRequest(f"{param} must be an object", param=param)
    names = {camel(name): name for name, value in part.items() if value is not None}
    for name in _KNOWN:
        if name in names:
            return name, part[names[name]]
    unknown = sorted(set(names) - _BESIDE)
    if not unknown:  # A signature that came last in a stream, and stands alone.
        return "text", ""
    raise UnsupportedPart(f"{param}: no part `{unknown[0]}` is known; known: {', '.join(_KNOWN)}", param=param)


_KNOWN = (
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "text",
)


def _object(value: Any, at: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedRequest(f"{at} must hold an object", param=at)
    return value


def _named(value: Any, at: str) -> str:
    name = _object(value, at).get("name")
    if not isinstance(name, str) or not name:
        raise MalformedRequest(f"{at}.name must be a function's name", param=f"{at}.name")
    return name


def _word(value: Any, name: str) -> str:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def _name(inner: Mapping[str, Any]) -> str | None:
    name = get(inner, "displayName")
    return name if isinstance(name, str) and "\x1a" not in name else None


def _how(part: Mapping[str, Any]) -> dict[str, Any]:
    """Return how closely a picture is to be looked at, in Chat Completions' word."""
    resolution = get(part, "mediaResolution")
    level = get(resolution, "level") if isinstance(resolution, dict) else resolution
    word = level.rpartition("_")[2].lower() if isinstance(level, str) else ""
    return {"detail": word} if word in {"low", "high"} else {}
