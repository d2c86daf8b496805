"""Responses requests, written for upstreams: `POST /responses`.

The turns are items; what the upstream keeps already is named by `previous_response_id`, or a single picture by its
`ig_…`. Pictures are made by a tool, so the tool is offered wherever the model makes pictures.
Format: `types/responses/response_create_params.py` and `tool_param.py` of the OpenAI SDK
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from darkroom.dialects.image_params import image_params
from darkroom.dialects.openai_responses.items import Item, input_text, items_of
from darkroom.dialects.wire import JsonWriter, UpstreamRequest
from darkroom.media import MediaKind
from darkroom.messages import Conversation, MediaPart, Remote, Stored
from darkroom.profiles import PROFILES, Profile
from darkroom.replay import note

DIALECT = "openai-responses"
IMAGE_TOOL = "image_generation"
_PLAIN = ("temperature", "top_p", "parallel_tool_calls", "metadata", "user", "service_tier", "top_logprobs")
_QUALITY = {"hd": "high", "standard": "medium"}
_WORDS = {
    "quality": frozenset({"low", "medium", "high", "xhigh", "max", "auto"}),
    "background": frozenset({"transparent", "opaque", "auto"}),
    "output_format": frozenset({"png", "webp", "jpeg", "gif"}),
    "moderation": frozenset({"auto", "low"}),
    "input_fidelity": frozenset({"high", "low"}),
}
_PICTURES_ONLY = frozenset({"openai-images"})
"""The dialects whose clients can't be answered with words."""


def encode_request(
    conversation: Conversation, profile: Profile = PROFILES["chat"], *, store: bool = True
) -> UpstreamRequest:
    """Return the request; `Stored` and `Remote` media only. `store`: the upstream is to keep the answer."""
    writer = JsonWriter()
    native = conversation.native if conversation.dialect == DIALECT else {}
    document: dict[str, Any] = {"model": conversation.model, "input": _input(conversation, writer), "store": store}
    if conversation.previous is not None:
        document["previous_response_id"] = conversation.previous
    document |= _params(conversation.params)
    if tools := [*_tools(conversation, profile, native, writer)]:
        document |= {"tools": tools, **_choice(conversation)}
    document |= {name: value for name, value in native.items() if name not in {"tools", "store"}}
    if conversation.stream:
        document["stream"] = True
    return UpstreamRequest("/responses", writer.pieces(document))


def wants_partials(conversation: Conversation) -> bool:
    """Tell whether unfinished pictures are asked for: there is only a stream to show them in."""
    return conversation.stream and image_params(conversation.params).partial_images > 0


def _input(conversation: Conversation, writer: JsonWriter) -> list[Item]:
    def place(part: MediaPart) -> Item:
        return _content(part, writer)

    return [item for message in conversation.messages for item in items_of(message, place)]


def _content(part: MediaPart, writer: JsonWriter) -> Item:
    where, is_url = _where(part, writer)
    match part.kind:
        case MediaKind.IMAGE:
            return {"type": "input_image", "image_url": where, "detail": part.extra.get("detail") or "auto"}
        case MediaKind.FILE if is_url:
            return {"type": "input_file", "file_url": where}
        case MediaKind.FILE:
            return {"type": "input_file", "filename": _filename(part), "file_data": where}
        case _:
            return input_text(note(part))


def _where(part: MediaPart, writer: JsonWriter) -> tuple[Any, bool]:
    """Return where the media is: a URL, or a data URI that is written while it is sent."""
    match part.source:
        case Remote(url) | Stored(_, str() as url):
            return url, True
        case Stored(media, None):
            # What can't be sent must not leave a mark in the writer's list either.
            return (writer.inline(media) if part.kind in {MediaKind.IMAGE, MediaKind.FILE} else None), False
        case _:
            raise TypeError(f"{part.source!r} was not resolved")


def _filename(part: MediaPart) -> str:
    media = part.source.media if isinstance(part.source, Stored) else None
    return part.filename or (f"{media.id}.{media.extension}" if media else "file")


def _params(params: Mapping[str, Any]) -> dict[str, Any]:
    written = {name: params[name] for name in _PLAIN if params.get(name) is not None}
    most = params.get("max_completion_tokens") or params.get("max_tokens")
    if most is not None:
        written["max_output_tokens"] = most
    if effort := params.get("reasoning_effort"):
        written["reasoning"] = {"effort": effort}
    text: dict[str, Any] = {}
    if format := _format(params.get("response_format")):
        text["format"] = format
    if verbosity := params.get("verbosity"):
        text["verbosity"] = verbosity
    return {**written, "text": text} if text else written


def _format(asked: Any) -> dict[str, Any] | None:
    """`response_format`, flattened."""
    match asked:
        case {"type": "json_schema", "json_schema": Mapping() as schema}:
            return {"type": "json_schema", **schema}
        case {"type": "json_object" | "text" as kind}:
            return {"type": kind}
        case _:
            return None


def _tools(
    conversation: Conversation, profile: Profile, native: Mapping[str, Any], writer: JsonWriter
) -> Iterator[dict[str, Any]]:
    tools = conversation.params.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        function = tool.get("function") if isinstance(tool, Mapping) else None
        if isinstance(function, Mapping):
            yield _function(function)
    own = native.get("tools") or ()
    if MediaKind.IMAGE in profile.makes:
        told: Mapping[str, Any] = next((tool for tool in own if tool.get("type") == IMAGE_TOOL), {})
        yield {"type": IMAGE_TOOL, **told, **_image_tool(conversation), **_mask(conversation, writer)}
    yield from (tool for tool in own if tool.get("type") != IMAGE_TOOL)


def _function(function: Mapping[str, Any]) -> dict[str, Any]:
    """A function is strict here unless it says otherwise, and not strict in Chat Completions."""
    described = {"description": function["description"]} if function.get("description") else {}
    return {
        "type": "function",
        "name": function.get("name"),
        **described,
        "parameters": function.get("parameters"),
        "strict": bool(function.get("strict")),
    }


def _image_tool(conversation: Conversation) -> dict[str, Any]:
    wanted = image_params(conversation.params)
    words = {
        "quality": _QUALITY.get(wanted.quality or "", wanted.quality),
        "background": wanted.background,
        "output_format": "jpeg" if wanted.output_format == "jpg" else wanted.output_format,
        "moderation": wanted.moderation,
        "input_fidelity": wanted.input_fidelity,
    }
    tool: dict[str, Any] = {name: word for name, word in words.items() if word in _WORDS[name]}
    if size := wanted.openai_size():
        tool["size"] = size
    if wanted.output_compression is not None:
        tool["output_compression"] = wanted.output_compression
    if wants_partials(conversation):
        tool["partial_images"] = wanted.partial_images
    return tool


def _mask(conversation: Conversation, writer: JsonWriter) -> dict[str, Any]:
    masks = [part for message in conversation.messages for part in message.media if part.role == "mask"]
    return {"input_image_mask": {"image_url": _where(masks[-1], writer)[0]}} if masks else {}


def _choice(conversation: Conversation) -> dict[str, Any]:
    if conversation.dialect in _PICTURES_ONLY:
        return {"tool_choice": {"type": IMAGE_TOOL}}
    match conversation.params.get("tool_choice"):
        case "auto" | "none" | "required" as mode:
            return {"tool_choice": mode}
        case {"function": {"name": str() as name}}:
            return {"tool_choice": {"type": "function", "name": name}}
        case _:
            return {}
