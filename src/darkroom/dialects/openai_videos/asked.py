"""Videos API requests, read from clients: a new film or a remix, as JSON or as a form.

What other dialects have words for and what only servers of this one know ride along together in `params`; media is
taken out of the fields in which clients put it. A picture is what the film begins with, a film is what it is made of.
Format: OpenAI `types/video_create_params.py`, `types/video_remix_params.py`; the other names are those of vLLM-Omni,
SGLang, LocalAI and relays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from darkroom.dialects.openai_chat.parts import read_source
from darkroom.dialects.wire import parse_object
from darkroom.errors import MalformedRequest
from darkroom.generation import InputRole
from darkroom.lifted import Lifts
from darkroom.media import MediaKind, kind_of
from darkroom.messages import Inline, MediaPart, Source, Stored

MAX_REFERENCES = 16

_REFERENCES: Mapping[str, MediaKind] = {
    "input_reference": MediaKind.IMAGE,
    "image_reference": MediaKind.IMAGE,
    "reference_url": MediaKind.IMAGE,
    "start_image": MediaKind.IMAGE,
    "image": MediaKind.IMAGE,
    "images": MediaKind.IMAGE,
    "image_url": MediaKind.IMAGE,
    "video_reference": MediaKind.VIDEO,
    "video": MediaKind.VIDEO,
    "video_url": MediaKind.VIDEO,
}
"""The fields that hold media, and what they hold unless the media says otherwise."""

_INNER = ("image_url", "video_url", "url", "file_id", "id")
_SIZE = re.compile(r"[1-9]\d{1,4}x[1-9]\d{1,4}")
_SECONDS = re.compile(r"[1-9]\d{0,3}(?:\.\d{1,3})?")


@dataclass(frozen=True, slots=True)
class AskedFor:
    """A request, read. `params` are its other fields as the client wrote them, lengths as text; `media` what the film
    is made from, each with a role."""

    model: str
    prompt: str
    params: Mapping[str, Any] = field(default_factory=dict)
    media: tuple[MediaPart, ...] = ()


def decode_json(body: bytes, lifts: Lifts, model: str = "") -> AskedFor:
    """Read a JSON body whose base64 is already lifted; `model` is the one where the body names none.

    Raises `MalformedRequest`.
    """
    document = parse_object(body)
    if isinstance(extra := document.pop("extra_body", None), dict):
        document = {**extra, **document}
    return _read(document, lifts, model)


def decode_form(fields: Mapping[str, Any], lifts: Lifts, model: str = "") -> AskedFor:
    """Read a form's texts: `input_reference[image_url]` is what JSON would nest. Raises `MalformedRequest`."""
    document: dict[str, Any] = {}
    for name, value in fields.items():
        stem, bracket, key = name.partition("[")
        key = key.removesuffix("]")
        if not bracket or stem not in _REFERENCES:
            document[name] = value
        elif key and isinstance(document.setdefault(stem, {}), dict):
            document[stem][key] = value
        else:
            document[stem] = value
    for name in _REFERENCES:
        if isinstance(text := document.get(name), str) and text.lstrip().startswith("{"):
            document[name] = parse_object(text.encode())
    return _read(document, lifts, model)


def decode_remix(body: bytes) -> str:
    """Return the prompt of a remix. Raises `MalformedRequest`."""
    return _prompt(parse_object(body))


def with_files(asked: AskedFor, files: Sequence[tuple[str, Source, str | None]]) -> AskedFor:
    """Return a request with a form's files: their field, the bytes, and what the client calls them.

    Raises as `field_kind` does.
    """
    parts = [replace(_part(field_kind(name), source), filename=filename) for name, source, filename in files]
    return _checked(replace(asked, media=(*asked.media, *parts)))


def field_kind(name: str) -> MediaKind:
    """Return what a form's file of this name is taken for. Raises `MalformedRequest` where there is no such file."""
    kind = _REFERENCES.get(name.partition("[")[0])
    if kind is None:
        raise MalformedRequest(f"there is no file `{name[:64]}`; a video takes `input_reference`", param=name)
    return kind


def _read(document: Mapping[str, Any], lifts: Lifts, model: str) -> AskedFor:
    media = tuple(_media(document, lifts))
    fields = lifts.restore({name: value for name, value in document.items() if name not in _REFERENCES})
    named = fields.get("model") or model
    if not isinstance(named, str) or not named:
        raise MalformedRequest("`model` must be the name of a model", param="model")
    prompt = _prompt(fields)
    params = {name: value for name, value in fields.items() if name not in {"model", "prompt"} and value is not None}
    return _checked(AskedFor(named, prompt, _params(params), media))


def _prompt(fields: Mapping[str, Any]) -> str:
    prompt = fields.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise MalformedRequest("`prompt` must say in words what is wanted", param="prompt")
    return prompt


def _params(params: dict[str, Any]) -> dict[str, Any]:
    """Check the two words of OpenAI's; its lengths are text, and many clients send numbers."""
    seconds, size = params.get("seconds"), params.get("size")
    if seconds is not None:
        params["seconds"] = text = str(seconds)
        if isinstance(seconds, bool) or not _SECONDS.fullmatch(text):
            raise MalformedRequest("`seconds` must be a number of seconds", param="seconds")
    if size is not None and not (isinstance(size, str) and (size == "auto" or _SIZE.fullmatch(size))):
        raise MalformedRequest("`size` must be such as 1280x720", param="size")
    return params


def _media(document: Mapping[str, Any], lifts: Lifts) -> Iterator[MediaPart]:
    for name, kind in _REFERENCES.items():
        value = document.get(name)
        items = value if isinstance(value, list) else [value]
        for number, item in enumerate(items):
            param = f"{name}[{number}]" if isinstance(value, list) else name
            if item not in (None, "", {}):
                yield _referred(kind, item, lifts, param)


def _referred(kind: MediaKind, value: Any, lifts: Lifts, param: str) -> MediaPart:
    if isinstance(value, dict):
        name = next((name for name in _INNER if value.get(name) is not None), None)
        if name is None:
            raise MalformedRequest(f"{param} must have an `image_url` or a `file_id`", param=param)
        kind = MediaKind.VIDEO if name == "video_url" else kind
        value, param = value[name], f"{param}.{name}"
        value = value.get("url") if isinstance(value, dict) else value
    return _part(kind, read_source(value, lifts, param))


def _part(kind: MediaKind, source: Source) -> MediaPart:
    """Return media with its role: a picture is the first frame, a film is what is changed."""
    match source:
        case Stored(media):
            kind = media.kind
        case Inline(_, str(mime)) if kind_of(mime) is not MediaKind.FILE:
            kind = kind_of(mime)
    role: InputRole = "edited" if kind is MediaKind.VIDEO else "first_frame"
    return MediaPart(kind, source, role=role)


def _checked(asked: AskedFor) -> AskedFor:
    """Let one picture be the first frame, and the others what is looked at."""
    if len(asked.media) > MAX_REFERENCES:
        raise MalformedRequest(f"at most {MAX_REFERENCES} references can be used together", param="input_reference")
    first = next((part for part in asked.media if part.role == "first_frame"), None)
    media = (
        replace(part, role="reference") if part.role == "first_frame" and part is not first else part
        for part in asked.media
    )
    return replace(asked, media=tuple(media))
