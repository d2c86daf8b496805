"""Responses requests, read from clients: `POST /v1/responses`.

Strategy. Items become messages: what an assistant said, drew and called in a row is one turn, so that a chat told by
`previous_response_id` and the same chat told whole are the same conversation. What Chat Completions has a word for is
told in that word; the rest rides in `native` for an upstream of the same dialect. The items that the gateway stored for
an earlier response are read by the same code as those that a client sends.
Format: `types/responses/response_create_params.py` and `response_input_item_param.py` of the OpenAI SDK
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from darkroom.dialects.openai_chat.parts import read_part, read_source, read_text
from darkroom.dialects.openai_responses.asked_params import params_of
from darkroom.dialects.openai_responses.request import DIALECT, IMAGE_TOOL
from darkroom.dialects.wire import parse_object
from darkroom.errors import MalformedRequest, TooLarge, UnsupportedPart
from darkroom.ids import is_typeid
from darkroom.lifted import Lifts
from darkroom.media import MediaKind
from darkroom.messages import Conversation, MediaPart, Message, Named, Opaque, Part, Role, Text

_decode = msgspec.json.Decoder().decode
_ROLES: dict[Any, Role] = {"user": "user", "assistant": "assistant", "system": "system", "developer": "developer"}
_PARTS = {
    "assistant": frozenset({"output_text", "refusal"}),
    "user": frozenset({"input_text", "input_image", "input_file", "input_audio", "input_video"}),
}
_IGNORED = frozenset(
    "reasoning web_search_call file_search_call code_interpreter_call mcp_call mcp_list_tools compaction".split()
)
"""What a client that sends everything back sends back, and only the one who wrote it can read."""
_HELD = ("image_url", "file_id", "file_data", "file_url")

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AskedFor:
    """A request, read. `conversation` holds the new turns; `echo` are the fields that the answer repeats."""

    conversation: Conversation
    instructions: str | None
    previous: str | None
    store: bool
    echo: Mapping[str, Any]


def decode_request(body: bytes, lifts: Lifts, max_parts: int = 2000) -> AskedFor:
    """Return what a JSON body asks for; its base64 is already lifted.

    Raises `MalformedRequest`, `UnsupportedPart`, `TooLarge` (more than `max_parts` parts).
    """
    document = parse_object(body)
    given = document.pop("input", None)
    tools = document.get("tools")
    mask = _mask(tools, lifts)
    document = lifts.restore(document)
    known = params_of(document)
    messages = _with_mask(_pointed(read_items(_listed(given), lifts)), mask)
    if not messages:
        raise MalformedRequest("`input` must say something", param="input")
    if sum(len(message.parts) for message in messages) > max_parts:
        raise TooLarge(f"the request has more than {max_parts} content parts", param="input")
    conversation = Conversation(
        known.model, messages, known.stream, True, params=known.params, dialect=DIALECT, native=known.native
    )
    return AskedFor(conversation, known.instructions, known.previous, known.store, known.echo)


def read_items(items: Sequence[Any], lifts: Lifts, param: str = "input") -> tuple[Message, ...]:
    """Return items as messages. Raises `MalformedRequest`, `UnsupportedPart`."""
    reader = _Reader(lifts)
    for index, item in enumerate(items):
        reader.take(item, f"{param}[{index}]")
    return tuple(reader.messages)


@dataclass(slots=True)
class _Reader:
    lifts: Lifts
    messages: list[Message] = field(default_factory=list)

    def take(self, item: Any, at: str) -> None:
        if not isinstance(item, dict):
            raise MalformedRequest(f"{at} must be an object", param=at)
        match item.get("type", "message"):
            case "message":
                self._add(self._message(item, at))
            case "image_generation_call":
                self._add(Message("assistant", self._picture(item, at)))
            case "item_reference":
                self._add(Message("assistant", self._reference(item, at)))
            case "function_call":
                self._add(Message("assistant", extra={"tool_calls": [self._call(item, at)]}))
            case "function_call_output":
                self.messages.append(self._output(item, at))
            case str() as kind if kind in _IGNORED:
                pass
            case kind:
                raise UnsupportedPart(f"{at}: no item of type {kind!r} is known", param=f"{at}.type")

    def _add(self, message: Message) -> None:
        """Add a turn; what an assistant did in a row is one, and one string for upstreams that take no lists there."""
        last = self.messages[-1] if self.messages else None
        if message.role != "assistant" or last is None or last.role != "assistant":
            self.messages.append(message)
            return
        calls = [*last.extra.get("tool_calls", ()), *message.extra.get("tool_calls", ())]
        extra = {"tool_calls": calls} if calls else {}
        self.messages[-1] = replace(last, parts=(*last.parts, *message.parts), is_string=True, extra=extra)

    def _message(self, item: Item, at: str) -> Message:
        name = item.get("role")
        role = _ROLES.get(name) if isinstance(name, str) else None
        if role is None:
            raise MalformedRequest(f"{at}.role must be one of {', '.join(sorted(_ROLES))}", param=f"{at}.role")
        content = item.get("content")
        if isinstance(content, str):
            return Message(role, tuple(read_text(content, self.lifts)) if content else ())
        parts = self._contents(content, _PARTS.get(role, frozenset({"input_text"})), f"{at}.content")
        plain = all(isinstance(part, Text) for part in parts) and len(parts) < 2
        return Message(role, tuple(parts), is_string=role != "user" or plain)

    def _contents(self, value: Any, allowed: frozenset[str], at: str) -> list[Part]:
        if not isinstance(value, list):
            raise MalformedRequest(f"{at} must be a string or a list of parts", param=at)
        parts: list[Part] = []
        for index, part in enumerate(value):
            where = f"{at}[{index}]"
            if not isinstance(part, dict):
                raise MalformedRequest(f"{where} must be an object", param=where)
            if part.get("type") not in allowed:
                words = ", ".join(sorted(allowed))
                raise UnsupportedPart(f"{where}: {part.get('type')!r} can't stand here; known: {words}", param=where)
            parts += self._part(part, where)
        return parts

    def _part(self, part: Item, at: str) -> Iterator[Part]:
        held = {name: value for name, value in part.items() if value is not None}
        if held["type"] == "refusal":
            yield Opaque({"type": "refusal", "refusal": self.lifts.restore(str(held.get("refusal") or ""))})
            return
        if held["type"] in {"input_image", "input_file"}:
            name = next((name for name in _HELD if held.get(name)), None)
            if name is None:
                raise MalformedRequest(f"{at} names no media", param=at)
            held = {key: held[key] for key in ("type", name, "filename", "detail") if key in held}
        for read in read_part(held, self.lifts, at):
            yield replace(read, extra={}) if isinstance(read, Text) else read

    def _picture(self, item: Item, at: str) -> tuple[MediaPart, ...]:
        """Read a picture: its bytes where they are there, else the id that this gateway gave it."""
        result = item.get("result")
        if isinstance(result, str) and is_typeid(result, "media"):
            return (MediaPart(MediaKind.IMAGE, Named(result)),)
        if isinstance(result, str) and result:
            return (MediaPart(MediaKind.IMAGE, read_source(result, self.lifts, f"{at}.result")),)
        if item.get("status") == "failed":
            return ()
        return (MediaPart(MediaKind.IMAGE, Named(_media_name(item, at))),)

    def _reference(self, item: Item, at: str) -> tuple[MediaPart, ...]:
        name = str(item.get("id") or "")
        if name.startswith("ig_"):
            return self._picture({"id": name}, at)
        raise UnsupportedPart(f"{at}: only pictures can be referred to; use previous_response_id", param=f"{at}.id")

    def _call(self, item: Item, at: str) -> dict[str, Any]:
        id, name, arguments = (_word(item, field, at) for field in ("call_id", "name", "arguments"))
        function = {"name": name, "arguments": self.lifts.restore(arguments)}
        return {"id": id, "type": "function", "function": function}

    def _output(self, item: Item, at: str) -> Message:
        output = item.get("output")
        extra = {"tool_call_id": _word(item, "call_id", at)}
        if isinstance(output, str):
            return Message("tool", (Text(self.lifts.restore(output)),), extra=extra)
        return Message("tool", tuple(self._contents(output, _PARTS["user"], f"{at}.output")), False, extra)


def _pointed(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Pictures that are named behind the last question are what it is about."""
    if len(messages) < 2 or messages[-2].role != "user" or messages[-1].role != "assistant":
        return messages
    *before, question, named = messages
    if not named.parts or not all(isinstance(part, MediaPart) for part in named.parts):
        return messages
    return (*before, replace(question, parts=(*question.parts, *named.parts), is_string=False))


def picture_id(name: str) -> str:
    """Return the `ig_…` under which clients know a picture, from its media's id or its generation's."""
    kind, _, suffix = name.partition("_")
    return {"media": f"ig_{suffix}", "gen": f"ig_g{suffix}"}.get(kind, name)


def _media_name(item: Item, at: str) -> str:
    """Return the id of the media, or of the generation, that an `ig_…` of this gateway stands for."""
    name = _word(item, "id", at)
    suffix = name.removeprefix("ig_")
    for known in (f"media_{suffix}", f"gen_{suffix[1:]}"):
        if is_typeid(known, known.partition("_")[0]):
            return known
    return name


def _word(item: Item, name: str, at: str) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not value:
        if name == "arguments" and value == "":
            return ""
        raise MalformedRequest(f"{at}.{name} must be a string", param=f"{at}.{name}")
    return value


def _listed(given: Any) -> list[Any]:
    if isinstance(given, str) and given:
        return [{"role": "user", "content": given}]
    if not isinstance(given, list) or not given:
        raise MalformedRequest("`input` must be a text, or a list of at least one item", param="input")
    return given


def _mask(tools: Any, lifts: Lifts) -> MediaPart | None:
    """Take the mask out of the image tool: it belongs to the picture that the turn shows."""
    for index, tool in enumerate(tools if isinstance(tools, list) else ()):
        if not isinstance(tool, dict) or tool.get("type") != IMAGE_TOOL or "input_image_mask" not in tool:
            continue
        mask, at = tool.pop("input_image_mask"), f"tools[{index}].input_image_mask"
        held = (mask.get("image_url") or mask.get("file_id")) if isinstance(mask, dict) else None
        return MediaPart(MediaKind.IMAGE, read_source(held, lifts, at), role="mask")
    return None


def _with_mask(messages: tuple[Message, ...], mask: MediaPart | None) -> tuple[Message, ...]:
    last = max((at for at, message in enumerate(messages) if message.role == "user"), default=None)
    if mask is None or last is None:
        return messages
    asked = replace(messages[last], parts=(*messages[last].parts, mask), is_string=False)
    return (*messages[:last], asked, *messages[last + 1 :])
