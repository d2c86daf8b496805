"""What the Interactions API is asked: a conversation as its steps, and what is to be made.

Source: the types of google-genai 3.4, and https://ai.google.dev/gemini-api/docs/interactions. A conversation that the
API remembers is gone on with by the id of its last interaction; `messages` are then only the new turns, but system
instruction, tools and format hold for one interaction and are sent each time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import log
from typing import Any

import msgspec

from darkroom.dialects.image_params import image_params
from darkroom.dialects.json_values import table, tables
from darkroom.dialects.wire import JsonWriter, UpstreamRequest
from darkroom.media import MediaKind
from darkroom.messages import Conversation, MediaPart, Message, Opaque, Remote, Stored, Text
from darkroom.profiles import Profile

DIALECT = "gemini-interactions"
PATH = "/interactions"
HEADERS: Mapping[str, str] = {"content-type": "application/json", "api-revision": "2026-05-20"}

_SYSTEM = {"system", "developer"}
_KINDS = {
    MediaKind.IMAGE: "image",
    MediaKind.VIDEO: "video",
    MediaKind.AUDIO: "audio",
    MediaKind.FILE: "document",
}
_MIMES = {"video/quicktime": "video/mov", "audio/mp4": "audio/m4a"}
_IMAGE_RATIOS = tuple("1:1 2:3 3:2 3:4 4:3 4:5 5:4 9:16 16:9 21:9 1:8 8:1 1:4 4:1".split())
_VIDEO_RATIOS = ("16:9", "9:16")
_SIZES = ((2896, "4K"), (1448, "2K"))
"""From which side of a square on a picture is of a larger class than the usual one."""
_RESOLUTION = re.compile(r"(360p|720p|1080p|4k)", re.IGNORECASE)
_LINES = {360: "360p", 720: "720p", 1080: "1080p", 2160: "4k"}
_EFFORTS = {"none": "minimal", "minimal": "minimal", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh"}
_CHOICES = {"auto": "auto", "none": "none", "required": "any"}
_OURS = {"model", "input", "stream", "store", "background", "previous_interaction_id"}


def encode_request(conversation: Conversation, profile: Profile, *, store: bool = True) -> UpstreamRequest:
    """Write a conversation for an upstream; `store` says whether the API keeps the interaction at all."""
    writer = JsonWriter()
    background = is_background(conversation, profile)
    body: dict[str, Any] = {
        **({k: v for k, v in conversation.native.items() if k not in _OURS} if _is_native(conversation) else {}),
        "model": conversation.model,
        "input": [step for message in conversation.messages for step in _steps(message, writer)],
        **_wanted(conversation, profile),
        **_tools(conversation.params),
        "store": store or background,
        **({"background": True} if background else {"stream": True}),
    }
    if system := "\n\n".join(m.text for m in conversation.messages if m.role in _SYSTEM and m.text):
        body["system_instruction"] = system
    if conversation.previous is not None:
        body["previous_interaction_id"] = conversation.previous
    if config := _config(conversation, profile):
        body["generation_config"] = {**body.get("generation_config", {}), **config}
    return UpstreamRequest(PATH, writer.pieces(body), headers=HEADERS)


def is_background(conversation: Conversation, profile: Profile) -> bool:
    """Tell whether the work outlives a request: films take minutes; and a client may ask for it."""
    return MediaKind.VIDEO in profile.makes or conversation.params.get("background") is True


def _is_native(conversation: Conversation) -> bool:
    return conversation.dialect == DIALECT


def _steps(message: Message, writer: JsonWriter) -> Iterator[dict[str, Any]]:
    """Yield a turn as steps; what it shows stands in a user's."""
    if message.role in _SYSTEM:
        return
    if message.role in {"tool", "function"}:
        yield _result(message)
        return
    content = [each for part in message.parts if (each := _content(part, writer)) is not None]
    if message.role == "user":
        yield {"type": "user_input", "content": content}
        return
    if said := [each for each in content if each["type"] == "text"]:
        yield {"type": "model_output", "content": said}
    yield from _calls(message)
    if shown := [each for each in content if each["type"] != "text"]:
        yield {"type": "user_input", "content": shown}


def _content(part: Text | MediaPart | Opaque, writer: JsonWriter) -> dict[str, Any] | None:
    match part:
        case Text(text):
            return {"type": "text", "text": text} if text else None
        case Opaque():
            return None
        case MediaPart(kind, Remote(url)) | MediaPart(kind, Stored(_, str(url))):
            return {"type": _KINDS[kind], "uri": url}
        case MediaPart(kind, Stored(media, None)):
            data = writer.inline(media, uri=False)
            return {"type": _KINDS[kind], "data": data, "mime_type": _MIMES.get(media.mime, media.mime)}
        case _:
            raise TypeError(f"{part!r} was not resolved")


def _calls(message: Message) -> Iterator[dict[str, Any]]:
    """Yield the functions that a turn called, each after the thought whose signature the client kept."""
    for call in tables(message.extra.get("tool_calls")):
        function = table(call.get("function"))
        if signature := table(table(call.get("extra_content")).get("google")).get("thought_signature"):
            yield {"type": "thought", "signature": signature}
        yield {
            "type": "function_call",
            "id": call.get("id") or "",
            "name": function.get("name") or "",
            "arguments": _arguments(function.get("arguments")),
        }


def _arguments(text: Any) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(text) if isinstance(text, str) else text
    except (msgspec.DecodeError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {}


def _result(message: Message) -> dict[str, Any]:
    name = message.extra.get("name")
    result = {"type": "function_result", "call_id": message.extra.get("tool_call_id") or name or ""}
    return {**result, **({"name": name} if name else {}), "result": message.text}


def _wanted(conversation: Conversation, profile: Profile) -> dict[str, Any]:
    """Return what is to be made: a film, a picture, or words of a certain shape."""
    if MediaKind.VIDEO in profile.makes:
        return {"response_modalities": ["video"], "response_format": _video(conversation.params)}
    if MediaKind.IMAGE in profile.makes:
        return {"response_modalities": ["text", "image"], "response_format": _image(conversation.params)}
    asked = conversation.params.get("response_format")
    return {"response_format": form} if isinstance(asked, Mapping) and (form := _words(asked)) else {}


def _image(params: Mapping[str, Any]) -> dict[str, Any]:
    wanted = image_params(params)
    found: dict[str, Any] = {"type": "image", "delivery": "inline"}
    if wanted.ratio:
        found["aspect_ratio"] = _nearest(wanted.ratio, _IMAGE_RATIOS)
    side = ((wanted.width or 0) * (wanted.height or 0)) ** 0.5
    if size := wanted.size or next((size for least, size in _SIZES if side >= least), None):
        found["image_size"] = size
    if (wanted.output_format or "").lower() in {"jpeg", "jpg"}:
        found["mime_type"] = "image/jpeg"
    return found


def _video(params: Mapping[str, Any]) -> dict[str, Any]:
    wanted = image_params(params)
    found: dict[str, Any] = {"type": "video", "delivery": "uri"}
    if wanted.ratio:
        found["aspect_ratio"] = _nearest(wanted.ratio, _VIDEO_RATIOS)
    named = _RESOLUTION.fullmatch(str(params.get("resolution") or params.get("size") or "").strip())
    lines = _LINES.get(min(wanted.width or 0, wanted.height or 0))
    if resolution := named[1].lower() if named else lines:
        found["resolution"] = resolution
    duration = str(params.get("duration") or params.get("seconds") or "").strip().removesuffix("s")
    if duration.replace(".", "", 1).isdecimal():
        found["duration"] = f"{duration}s"
    return found


def _words(asked: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the shape of words that Chat Completions' `response_format` asks for."""
    if asked.get("type") not in ("json_object", "json_schema"):
        return None
    schema = table(asked.get("json_schema")).get("schema")
    form = {"type": "text", "mime_type": "application/json"}
    return {**form, "schema": schema} if isinstance(schema, Mapping) else form


def _nearest(ratio: str, known: tuple[str, ...]) -> str:
    """Return the ratio, or the one of those known that is the most like it."""
    return ratio if ratio in known else min(known, key=lambda each: abs(log(_share(each) / _share(ratio))))


def _share(ratio: str) -> float:
    wide, high = map(int, ratio.split(":"))
    return wide / high


def _config(conversation: Conversation, profile: Profile) -> dict[str, Any]:
    params = conversation.params
    stop = params.get("stop")
    effort = params.get("reasoning_effort")
    found = {
        "temperature": params.get("temperature"),
        "top_p": params.get("top_p"),
        "max_output_tokens": params.get("max_completion_tokens") or params.get("max_tokens"),
        "seed": image_params(params).seed,
        "stop_sequences": [stop] if isinstance(stop, str) else stop or None,
        "thinking_level": _EFFORTS.get(effort) if isinstance(effort, str) else None,
        "thinking_summaries": "auto" if effort and effort != "none" and not profile.makes_media else None,
        "tool_choice": _tool_choice(params.get("tool_choice")) if params.get("tools") else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _tools(params: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("name", "description", "parameters")
    functions = [
        {"type": "function", **{name: function[name] for name in kept if function.get(name)}}
        for tool in tables(params.get("tools"))
        if (function := table(tool.get("function")))
    ]
    return {"tools": functions} if functions else {}


def _tool_choice(choice: Any) -> Any:
    if isinstance(choice, Mapping):
        name = table(choice.get("function")).get("name")
        return {"allowed_tools": {"mode": "any", "tools": [name]}} if name else None
    return _CHOICES.get(choice) if isinstance(choice, str) else None
