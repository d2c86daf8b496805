"""Chat Completions requests, read from clients and written to upstreams.

Reading normalises: every spelling of media becomes a `MediaPart`. Writing speaks plain OpenAI, plus the parts that have
become custom (`video_url`, `images[]` on an assistant turn). Fields that neither knows ride along.
Format: OpenAI `POST /v1/chat/completions`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import msgspec

from darkroom.dialects.image_params import chat_params
from darkroom.dialects.openai_chat.parts import is_part, read_part, read_text
from darkroom.dialects.wire import JsonWriter, UpstreamRequest, parse_object
from darkroom.errors import MalformedRequest, TooLarge
from darkroom.lifted import Lifts
from darkroom.media import MediaKind
from darkroom.messages import Conversation, MediaPart, Message, Opaque, Part, Remote, Role, Stored, Text
from darkroom.profiles import PROFILES, Profile

_decode = msgspec.json.Decoder().decode
_ROLES: dict[Any, Role] = {role: role for role in get_args(Role)}
_MEDIA_FIELDS = ("images", "image", "multi_mod_content", "multi_modal_content")
_AUDIO_FORMATS = {"audio/mpeg": "mp3", "audio/wav": "wav"}


def decode_request(body: bytes, lifts: Lifts, max_parts: int = 2000) -> Conversation:
    """Return the conversation of a JSON body whose base64 is already lifted.

    Raises `MalformedRequest`, `UnsupportedPart`, `TooLarge` (more than `max_parts` parts).
    """
    document = parse_object(body)
    model = document.pop("model", None)
    messages = document.pop("messages", None)
    if not isinstance(model, str) or not model:
        raise MalformedRequest("`model` must be the name of a model", param="model")
    if not isinstance(messages, list) or not messages:
        raise MalformedRequest("`messages` must be a list of at least one message", param="messages")
    stream = document.pop("stream", None)
    if stream not in (None, True, False):
        raise MalformedRequest("`stream` must be true or false", param="stream")
    options = document.get("stream_options")
    read = tuple(_message(message, lifts, f"messages[{index}]") for index, message in enumerate(messages))
    if sum(len(message.parts) for message in read) > max_parts:
        raise TooLarge(f"the request has more than {max_parts} content parts", param="messages")
    include_usage = isinstance(options, dict) and options.get("include_usage") is True
    return Conversation(model, read, bool(stream), include_usage, lifts.restore(document))


def encode_request(conversation: Conversation, profile: Profile = PROFILES["chat"]) -> UpstreamRequest:
    """Return the request that asks an OpenAI-compatible upstream; `Stored` and `Remote` media only."""
    writer = JsonWriter()
    messages = [_write_message(message, writer) for message in conversation.messages]
    params = conversation.params if conversation.dialect == "openai-chat" else chat_params(conversation, profile)
    document: dict[str, Any] = {"model": conversation.model, "messages": messages, **params}
    if profile.makes_media and profile.modalities:
        document.setdefault("modalities", list(profile.modalities))
    if conversation.stream:
        document["stream"] = True
    return UpstreamRequest("/chat/completions", writer.pieces(document))


def _message(value: Any, lifts: Lifts, param: str) -> Message:
    if not isinstance(value, dict):
        raise MalformedRequest(f"{param} must be an object", param=param)
    name = value.get("role")
    role = _ROLES.get(name) if isinstance(name, str) else None
    if role is None:
        raise MalformedRequest(f"{param}.role must be one of {', '.join(sorted(_ROLES))}", param=f"{param}.role")
    content = value.get("content")
    parts = [*_content(content, lifts, f"{param}.content"), *_outside(value, lifts, param)]
    known = {"role", "content", *_MEDIA_FIELDS}
    extra = lifts.restore({key: item for key, item in value.items() if key not in known})
    return Message(role, tuple(parts), is_string=not isinstance(content, list), extra=extra)


def _content(content: Any, lifts: Lifts, param: str) -> Iterator[Part]:
    match content:
        case None:
            return
        case str():
            if content:
                yield from read_text(content, lifts)
        case list():
            for index, part in enumerate(content):
                yield from read_part(part, lifts, f"{param}[{index}]")
        case _:
            raise MalformedRequest(f"{param} must be a string or a list of parts", param=param)


def _outside(value: dict[str, Any], lifts: Lifts, param: str) -> Iterator[Part]:
    """Read the media that stands beside the content: `images[]` and its kin."""
    for name in _MEDIA_FIELDS:
        items = value.get(name) or []
        for index, item in enumerate(items if isinstance(items, list) else [items]):
            at = f"{param}.{name}[{index}]"
            whole = item if isinstance(item, dict) else {"type": "image_url", "image_url": item}
            shaped = whole if is_part(whole) else {"type": "image", "image": whole}
            for part in read_part(shaped, lifts, at):
                if isinstance(part, MediaPart):
                    yield MediaPart(part.kind, part.source, "images", extra=part.extra)


def _write_message(message: Message, writer: JsonWriter) -> dict[str, Any]:
    inside = [part for part in message.parts if not (isinstance(part, MediaPart) and part.place == "images")]
    outside = [part for part in message.media if part.place == "images"]
    written: dict[str, Any] = {
        "role": message.role,
        **_write_content(message, inside, writer),
        **message.extra,
    }
    if outside:
        written["images"] = [{**_write_media(part, writer), "index": index} for index, part in enumerate(outside)]
    return written


def _write_content(message: Message, parts: list[Part], writer: JsonWriter) -> dict[str, Any]:
    if not parts and "tool_calls" in message.extra:
        return {"content": None}
    if message.is_string and all(isinstance(part, Text) for part in parts):
        return {"content": message.text}
    return {"content": [_write_part(part, writer) for part in parts]}


def _write_part(part: Part, writer: JsonWriter) -> Any:
    match part:
        case Text(text, extra):
            return {"type": "text", "text": text, **extra}
        case Opaque(value):
            return value
        case MediaPart():
            return _write_media(part, writer)


def _write_media(part: MediaPart, writer: JsonWriter) -> dict[str, Any]:
    match part.source:
        case Remote(url):
            return _by_kind(part, url)
        case Stored(_, str() as url):
            return _by_kind(part, url)
        case Stored(media, None):
            if part.kind is MediaKind.AUDIO:
                data: Any = writer.inline(media, uri=False)
                extra = {**part.extra, "format": _AUDIO_FORMATS.get(media.mime, media.extension)}
                return {"type": "input_audio", "input_audio": {"data": data, **extra}}
            return _by_kind(part, writer.inline(media))
        case _:
            raise TypeError(f"{part.source!r} was not resolved")


def _by_kind(part: MediaPart, where: Any) -> dict[str, Any]:
    match part.kind:
        case MediaKind.VIDEO:
            return {"type": "video_url", "video_url": {"url": where, **part.extra}}
        case MediaKind.AUDIO:
            return {"type": "audio_url", "audio_url": {"url": where, **part.extra}}
        case MediaKind.FILE:
            name = {"filename": part.filename} if part.filename else {}
            return {"type": "file", "file": {**name, "file_data": where, **part.extra}}
        case MediaKind.IMAGE:
            return {"type": "image_url", "image_url": {"url": where, **part.extra}}
