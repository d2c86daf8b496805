"""Images API requests, read from clients: `/v1/images/generations` and `/v1/images/edits`, as JSON or as a form.

A request becomes a conversation of one user message: the pictures, the mask, the prompt. What other dialects have words
for stands in `params`; everything else is `native`, for an upstream of the same dialect.
Format: OpenAI `types/image_generate_params.py`, `types/image_edit_params.py`; the JSON of edits as
`{"images": [{"image_url" | "file_id"}], "mask": {…}}`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec

from darkroom.dialects.image_params import IMAGE_FIELDS
from darkroom.dialects.openai_chat.parts import read_source
from darkroom.dialects.openai_images.request import NAME
from darkroom.dialects.wire import parse_object
from darkroom.errors import MalformedRequest, UnsupportedPart
from darkroom.generation import InputRole
from darkroom.lifted import Lifts
from darkroom.media import MediaKind
from darkroom.messages import Conversation, MediaPart, Message, Source, Text

MAX_IMAGES = 16

ResponseFormat = Literal["b64_json", "url"]

_FORMATS: dict[Any, ResponseFormat] = {None: "b64_json", "b64_json": "b64_json", "url": "url"}
_PARAMS = IMAGE_FIELDS | {"n", "user"}
_READ = frozenset({"model", "prompt", "stream", "response_format", "images", "image", "mask"})
_RANGES = {"n": (1, 10), "partial_images": (0, 3), "output_compression": (0, 100)}
_INTEGERS = frozenset({*_RANGES, "seed", "steps"})
_STRINGS = ("size", "quality", "background", "output_format", "moderation", "input_fidelity", "user")
_BOOLEANS: dict[Any, bool] = {None: False, False: False, True: True, "false": False, "true": True}
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class AskedFor:
    """A request, read, and in which form its pictures are wanted. `partials` is how many unfinished ones."""

    conversation: Conversation
    response_format: ResponseFormat = "b64_json"
    partials: int = 0

    @property
    def count(self) -> int:
        """How many pictures are wanted."""
        return int(self.conversation.params.get("n", 1))


def decode_json(body: bytes, lifts: Lifts, *, edits: bool) -> AskedFor:
    """Read a JSON body whose base64 is already lifted.

    Raises `MalformedRequest`, also for `edits` without a picture.
    """
    document = parse_object(body)
    pictures = [_source(item, lifts, at) for item, at in _items(document)]
    mask = document.get("mask")
    masks = [_source(mask, lifts, "mask")] if mask is not None else []
    asked = read_fields(lifts.restore({name: value for name, value in document.items() if name not in _SOURCES}))
    if pictures or masks or edits:
        return with_pictures(asked, pictures, masks)
    return asked


_SOURCES = frozenset({"images", "image", "mask"})


def read_fields(fields: Mapping[str, Any]) -> AskedFor:
    """Read all that is no picture: JSON's values, or a form's texts. Raises `MalformedRequest`."""
    model, prompt = fields.get("model"), fields.get("prompt")
    if not isinstance(model, str) or not model:
        raise MalformedRequest("`model` must be the name of a model", param="model")
    if not isinstance(prompt, str) or not prompt.strip():
        raise MalformedRequest("`prompt` must say in words what is wanted", param="prompt")
    if fields.get("markup") is not None:
        raise _no_markup()
    written = fields.get("response_format")
    response_format = _FORMATS.get(written) if written is None or isinstance(written, str) else None
    if response_format is None:
        raise MalformedRequest("`response_format` must be b64_json or url", param="response_format")
    stream = fields.get("stream")
    if not isinstance(stream, str | bool | None) or stream not in _BOOLEANS:
        raise MalformedRequest("`stream` must be true or false", param="stream")
    params = {name: _param(name, fields[name]) for name in fields if name in _PARAMS and fields[name] is not None}
    native = {name: value for name, value in fields.items() if name not in _PARAMS | _READ and value is not None}
    conversation = Conversation(
        model,
        (Message("user", (Text(prompt),)),),
        _BOOLEANS[stream],
        include_usage=True,
        params=params,
        dialect=NAME,
        native=native,
    )
    return AskedFor(conversation, response_format, params.get("partial_images", 0) if _BOOLEANS[stream] else 0)


def with_pictures(
    asked: AskedFor, pictures: Sequence[Source], masks: Sequence[Source] = (), names: Sequence[str | None] = ()
) -> AskedFor:
    """Return a request with its pictures, the one to be edited first. `names` are what the client calls the files.

    Raises as `check_counts` does.
    """
    check_counts(len(pictures), len(masks))
    named = [*names, *[None] * (len(pictures) + len(masks) - len(names))]
    parts = []
    for number, (source, name) in enumerate(zip((*pictures, *masks), named, strict=True)):
        role: InputRole = "edited" if number == 0 else "reference" if number < len(pictures) else "mask"
        parts.append(MediaPart(MediaKind.IMAGE, source, filename=name, role=role))
    (message,) = asked.conversation.messages
    message = replace(message, parts=(*parts, *message.parts), is_string=False)
    return replace(asked, conversation=replace(asked.conversation, messages=(message,)))


def check_counts(pictures: int, masks: int) -> None:
    """Check how many pictures an edit has. Raises `MalformedRequest` for none or too many."""
    if not pictures:
        raise MalformedRequest("an edit needs a picture in `image` or `images`", param="image")
    if pictures > MAX_IMAGES:
        raise MalformedRequest(f"at most {MAX_IMAGES} pictures can be edited together", param="image")
    if masks > 1:
        raise MalformedRequest("there can be one mask, for the first picture", param="mask")


def field_of(name: str) -> Literal["image", "mask"]:
    """Return what a file of a form is: `image`, `image[]` and `image[0]` are the same. Raises `MalformedRequest`."""
    match name.partition("[")[0]:
        case "image" | "images":
            return "image"
        case "mask":
            return "mask"
        case "markup":
            raise _no_markup()
        case _:
            raise MalformedRequest(
                f"there is no file `{name[:64]}`; an edit takes `image`, `image[]`, `mask`", param=name
            )


def _no_markup() -> UnsupportedPart:
    return UnsupportedPart("`markup` is not supported; send a `mask`", param="markup")


def _items(document: Mapping[str, Any]) -> list[tuple[Any, str]]:
    """Return the pictures of a body and where they stand; `image` is what local servers and relays call them."""
    found: list[tuple[Any, str]] = []
    for name in ("images", "image"):
        value = document.get(name)
        if isinstance(value, list):
            found += [(item, f"{name}[{index}]") for index, item in enumerate(value)]
        elif value is not None:
            found.append((value, name))
    return found


def _source(value: Any, lifts: Lifts, param: str) -> Source:
    if isinstance(value, dict):
        name = next((name for name in ("image_url", "file_id") if value.get(name) is not None), None)
        if name is None:
            raise MalformedRequest(f"{param} must have an `image_url` or a `file_id`", param=param)
        value, param = value[name], f"{param}.{name}"
        value = value.get("url") if isinstance(value, dict) else value
    return read_source(value, lifts, param)


def _param(name: str, value: Any) -> Any:
    """Check a parameter; a form's numbers are text."""
    if name in _INTEGERS:
        number = int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() else value
        if type(number) is not int:
            raise MalformedRequest(f"`{name}` must be a whole number", param=name)
        least, most = _RANGES.get(name, (number, number))
        if not least <= number <= most:
            raise MalformedRequest(f"`{name}` must be from {least} to {most}", param=name)
        return number
    if name in _STRINGS and not isinstance(value, str):
        raise MalformedRequest(f"`{name}` must be a string", param=name)
    return value
