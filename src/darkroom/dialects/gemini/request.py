"""Gemini requests, written for upstreams: `generateContent`, and `streamGenerateContent` as server-sent events.

Roles are `user` and `model` alone: what a tool answered is the user's, what the system says stands apart, and
neighbouring turns of one role are one. A picture that has a URL (an upload, or one that Google may fetch) is named,
every other one goes along as base64. Signatures stand beside the text, picture or call that they came with.
Formats: https://ai.google.dev/api/generate-content, https://ai.google.dev/gemini-api/docs/thought-signatures
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import log
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from darkroom.dialects.image_params import ImageParams, image_params
from darkroom.dialects.json_values import table
from darkroom.dialects.wire import JsonWriter, UpstreamRequest
from darkroom.media import EXTENSIONS, MediaKind
from darkroom.messages import Conversation, MediaPart, Message, Opaque, Part, Remote, Stored, Text
from darkroom.profiles import PROFILES, Profile

RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
_SIZES = {"512": "1K", "1K": "1K", "2K": "2K", "4K": "4K"}
_PIXELS = ((3072, "4K"), (1920, "2K"))
"""From which longer side on, in pixels, a size that was asked for is one of these."""
_SYSTEM = ("system", "developer")
_MODES = {"none": "NONE", "auto": "AUTO", "required": "ANY"}
_PLAIN = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "max_tokens": "maxOutputTokens",
    "max_completion_tokens": "maxOutputTokens",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}
_MIMES = {extension: mime for mime, extension in EXTENSIONS.items()} | {"jpeg": "image/jpeg"}


def encode_request(conversation: Conversation, profile: Profile = PROFILES["chat"]) -> UpstreamRequest:
    """Return the request that asks a Gemini model; `Stored` and `Remote` media only. The base URL ends in `/v1beta`."""
    writer = JsonWriter()
    document: dict[str, Any] = {"contents": _contents(conversation.messages, writer)}
    if system := [*_system(conversation.messages)]:
        document["systemInstruction"] = {"parts": system}
    if config := _config(conversation.params, profile):
        document["generationConfig"] = config
    document |= _tools(conversation.params)
    if conversation.dialect == "gemini":
        document = _merged(document, conversation.native)
    model = quote(conversation.model.removeprefix("models/"), safe="")
    method = "streamGenerateContent?alt=sse" if conversation.stream else "generateContent"
    return UpstreamRequest(f"/models/{model}:{method}", writer.pieces(document))


def _merged(ours: Mapping[str, Any], native: Mapping[str, Any]) -> dict[str, Any]:
    """Return both; where both say something, lists and tables are put together, and else the client's own words win."""
    merged = dict(ours)
    for name, value in native.items():
        known = merged.get(name)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            merged[name] = _merged(known, value)
        elif isinstance(known, list) and isinstance(value, list):
            merged[name] = [*known, *value]
        else:
            merged[name] = value
    return merged


def _system(messages: Iterable[Message]) -> Iterator[dict[str, Any]]:
    return ({"text": message.text} for message in messages if message.role in _SYSTEM and message.text)


def _contents(messages: Iterable[Message], writer: JsonWriter) -> list[dict[str, Any]]:
    contents: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    for message in messages:
        if message.role in _SYSTEM:
            continue
        role = "model" if message.role == "assistant" else "user"
        parts = [*_turn(message, names, writer)]
        if not parts:
            continue
        if contents and contents[-1]["role"] == role:
            contents[-1]["parts"] += parts
        else:
            contents.append({"role": role, "parts": parts})
    return contents


def _turn(message: Message, names: dict[str, str], writer: JsonWriter) -> Iterator[dict[str, Any]]:
    """Yield the parts of a turn; `names` learns what the calls in it are called, for their answers."""
    if message.role in ("tool", "function"):
        yield _response(message, names)
        yield from (_media(part, writer) for part in message.media)
        return
    for part in message.parts:
        if (written := _part(part, writer)) is not None:
            yield written
    calls = message.extra.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, Mapping) and isinstance(call.get("function"), Mapping):
            yield _call(call, names)


def _part(part: Part, writer: JsonWriter) -> dict[str, Any] | None:
    match part:
        case Text("", extra) if not _signed(extra):
            return None
        case Text(text, extra):
            return {"text": text, **_signed(extra)}
        case Opaque(value):
            refusal = value.get("refusal")
            return {"text": refusal} if isinstance(refusal, str) and refusal else None
        case MediaPart():
            return _media(part, writer)


def _media(part: MediaPart, writer: JsonWriter) -> dict[str, Any]:
    match part.source:
        case Remote(url):
            return {"fileData": {**_mime_of(url), "fileUri": url}}
        case Stored(media, str() as url):
            return {"fileData": {"mimeType": media.mime, "fileUri": url}}
        case Stored(media, None):
            data = {"mimeType": media.mime, "data": writer.inline(media, uri=False)}
            return {"inlineData": data, **_signed(part.extra)}
        case _:
            raise TypeError(f"{part.source!r} was not resolved")


def _mime_of(url: str) -> dict[str, str]:
    mime = _MIMES.get(urlsplit(url).path.rpartition(".")[2].lower())
    return {"mimeType": mime} if mime else {}


def _signed(extra: Mapping[str, Any]) -> dict[str, Any]:
    signature = extra.get("thoughtSignature")
    return {"thoughtSignature": signature} if isinstance(signature, str) else {}


def _call(call: Mapping[str, Any], names: dict[str, str]) -> dict[str, Any]:
    function = call["function"]
    name = str(function.get("name") or "")
    names[str(call.get("id"))] = name
    written: dict[str, Any] = {"functionCall": {"name": name, "args": _object(function.get("arguments")) or {}}}
    google = table(table(call.get("extra_content")).get("google"))
    if isinstance(signature := google.get("thought_signature"), str):
        written["thoughtSignature"] = signature
    return written


def _response(message: Message, names: Mapping[str, str]) -> dict[str, Any]:
    """A tool's answer: an object as it is, everything else under `result`."""
    name = names.get(str(message.extra.get("tool_call_id"))) or str(message.extra.get("name") or "tool")
    said = _object(message.text)
    return {"functionResponse": {"name": name, "response": {"result": message.text} if said is None else said}}


def _object(text: Any) -> dict[str, Any] | None:
    """Return the object that a text is the JSON of, else None."""
    if isinstance(text, dict):
        return text
    try:
        value = msgspec.json.decode(text if isinstance(text, str) else "")
    except (msgspec.DecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _config(params: Mapping[str, Any], profile: Profile) -> dict[str, Any]:
    config = {ours: params[name] for name, ours in _PLAIN.items() if params.get(name) is not None}
    stop = params.get("stop")
    if stop:
        config["stopSequences"] = [stop] if isinstance(stop, str) else stop
    google = table(params.get("google")) or table(table(params.get("extra_body")).get("google"))
    if thinking := table(google.get("thinking_config")):
        config["thinkingConfig"] = thinking
    if MediaKind.IMAGE in profile.makes:
        config["responseModalities"] = _modalities(params)
        if image := _image_config(image_params(params)):
            config["imageConfig"] = image
    else:
        config |= _format(params.get("response_format"))
    return config


def _modalities(params: Mapping[str, Any]) -> list[str]:
    asked = params.get("modalities")
    words = {word.upper() for word in asked if isinstance(word, str)} if isinstance(asked, list) else set()
    return [word for word in ("TEXT", "IMAGE") if word in words] or ["TEXT", "IMAGE"]


def _image_config(wanted: ImageParams) -> dict[str, str]:
    config: dict[str, str] = {}
    if wanted.ratio is not None:
        config["aspectRatio"] = nearest(wanted.ratio)
    side = max(wanted.width or 0, wanted.height or 0)
    size = _SIZES.get(wanted.size or "") or next((name for least, name in _PIXELS if side >= least), None)
    if size is not None:
        config["imageSize"] = size
    return config


def nearest(ratio: str) -> str:
    """Return the ratio that the API knows and that comes nearest to `16:10`."""
    if ratio in RATIOS:
        return ratio
    return min(RATIOS, key=lambda known: abs(log(_value(known) / _value(ratio))))


def _value(ratio: str) -> float:
    wide, high = map(int, ratio.split(":"))
    return wide / high


def _format(asked: Any) -> dict[str, Any]:
    """What `response_format` is for Gemini; a schema of OpenAI's is JSON Schema, and goes where Gemini takes that."""
    match asked:
        case {"type": "json_schema", "json_schema": {"schema": Mapping() as schema}}:
            return {"responseMimeType": "application/json", "responseJsonSchema": schema}
        case {"type": "json_object" | "json_schema"}:
            return {"responseMimeType": "application/json"}
        case _:
            return {}


def _tools(params: Mapping[str, Any]) -> dict[str, Any]:
    tools = params.get("tools")
    functions = [tool.get("function") for tool in tools if isinstance(tool, Mapping)] if isinstance(tools, list) else []
    declared = [_declared(function) for function in functions if isinstance(function, Mapping)]
    if not declared:
        return {}
    return {"tools": [{"functionDeclarations": declared}], **_choice(params.get("tool_choice"))}


def _declared(function: Mapping[str, Any]) -> dict[str, Any]:
    words = {"name": "name", "description": "description", "parameters": "parametersJsonSchema"}
    return {ours: function[name] for name, ours in words.items() if function.get(name)}


def _choice(asked: Any) -> dict[str, Any]:
    match asked:
        case str() if asked in _MODES:
            calling: dict[str, Any] = {"mode": _MODES[asked]}
        case {"function": {"name": str() as name}}:
            calling = {"mode": "ANY", "allowedFunctionNames": [name]}
        case _:
            return {}
    return {"toolConfig": {"functionCallingConfig": calling}}
