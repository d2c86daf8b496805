"""Messages as the items of the Responses API: what an upstream is sent, and what this gateway's own door keeps.

Where a picture goes is the caller's to say: `place` returns the content part that stands for media in a user's turn.
Format: `types/responses/response_input_item_param.py` of the OpenAI SDK
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from darkroom.messages import MediaPart, Message, Opaque, Part, Text
from darkroom.replay import ITEM_ID, note

Item = dict[str, Any]
Place = Callable[[MediaPart], Item]


def items_of(message: Message, place: Place) -> Iterator[Item]:
    """Yield the items that say what a message says; masks stand in the tool, and not here."""
    match message.role:
        case "assistant":
            yield from _assistant(message)
            yield from map(_call, message.extra.get("tool_calls") or ())
        case "tool":
            yield _output(message, place)
        case "system" | "developer" as role:
            yield {"type": "message", "role": role, "content": [input_text(message.text)]}
        case _:
            shown = [part for part in message.parts if not (isinstance(part, MediaPart) and part.role == "mask")]
            yield {"type": "message", "role": "user", "content": _contents(shown, place)}


def input_text(text: str) -> Item:
    return {"type": "input_text", "text": text}


def picture_item(id: str) -> Item:
    """Return a picture under the id that its keeper gave it."""
    return {"type": "image_generation_call", "id": id}


def _contents(parts: Sequence[Part], place: Place) -> list[Item]:
    contents: list[Item] = []
    for part in parts:
        match part:
            case Text(text) if text:
                contents.append(input_text(text))
            case MediaPart():
                contents.append(place(part))
            case Opaque(value) if isinstance(value.get("refusal"), str):
                contents.append(input_text(value["refusal"]))
    return contents or [input_text("")]


def _assistant(message: Message) -> Iterator[Item]:
    """Texts and refusals are messages, a picture that is kept elsewhere an item of its own, in their order."""
    said: list[Item] = []
    for part in message.parts:
        match part:
            case Text(text) if text:
                _say(said, text)
            case Opaque(value) if isinstance(value.get("refusal"), str):
                said.append({"type": "refusal", "refusal": value["refusal"]})
            case MediaPart() if isinstance(id := part.extra.get(ITEM_ID), str):
                yield from _message(said)
                yield picture_item(id)
                said = []
            case MediaPart():
                _say(said, note(part))
    yield from _message(said)


def _say(said: list[Item], text: str) -> None:
    if said and said[-1]["type"] == "output_text":
        said[-1]["text"] += text
    else:
        said.append({"type": "output_text", "text": text})


def _message(said: list[Item]) -> Iterator[Item]:
    if said:
        yield {"type": "message", "role": "assistant", "content": said}


def _call(call: Item) -> Item:
    function = call.get("function") or {}
    return {
        "type": "function_call",
        "call_id": str(call.get("id") or ""),
        "name": str(function.get("name") or ""),
        "arguments": str(function.get("arguments") or ""),
    }


def _output(message: Message, place: Place) -> Item:
    shown = any(isinstance(part, MediaPart) for part in message.parts)
    output: Any = _contents(message.parts, place) if shown else message.text
    return {"type": "function_call_output", "call_id": str(message.extra.get("tool_call_id") or ""), "output": output}
