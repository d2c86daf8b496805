"""What the Interactions API takes: its request, field by field, refused as the real one does where it is wrong.

Source: the types of google-genai 3.4 (`_gaos/types/interactions`), and Google's page on the errors of this API.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from darkroom.media import sniff
from darkroom.testing.emulation import Fields, Refusal
from darkroom.testing.strict_schema import fault_of_gemini

Check = Callable[[Any, str], None]

IMAGE_TYPES = frozenset(f"image/{name}" for name in "png jpeg webp heic heif gif bmp tiff".split())
VIDEO_TYPES = frozenset(f"video/{name}" for name in "mp4 mpeg mpg mov avi x-flv webm wmv 3gpp".split())
AUDIO_TYPES = frozenset(
    f"audio/{name}" for name in "wav mp3 aiff aac ogg flac mpeg m4a l16 opus alaw mulaw webm".split()
)
DOCUMENT_TYPES = frozenset({"application/pdf", "text/csv", "application/msword", "application/vnd.ms-excel"})
RATIOS = frozenset("1:1 2:3 3:2 3:4 4:3 4:5 5:4 9:16 16:9 21:9 1:8 8:1 1:4 4:1".split())


class Refused(Refusal):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, message)
        self.code = code

    @property
    def body(self) -> Fields:
        return {"error": {"code": self.code, "message": self.message}}


def _bad(message: str) -> Refused:
    return Refused(400, "invalid_request", message)


def _anything(value: Any, at: str) -> None:
    """Take what this emulator has no use for."""


def _kind(kind: type | tuple[type, ...], name: str) -> Check:
    def check(value: Any, at: str) -> None:
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise _bad(f"The value for '{at}' must be {name}.")

    return check


_text, _flag = _kind(str, "a string"), _kind(bool, "a boolean")
_whole, _number = _kind(int, "an integer"), _kind((int, float), "a number")


def _one_of(values: Collection[str]) -> Check:
    def check(value: Any, at: str) -> None:
        if value not in values:
            raise _bad(f"The value '{value}' is not supported for '{at}'.")

    return check


def _list_of(check: Check) -> Check:
    def check_all(value: Any, at: str) -> None:
        if not isinstance(value, list):
            raise _bad(f"The value for '{at}' must be a list.")
        for index, item in enumerate(value):
            check(item, f"{at}[{index}]")

    return check_all


def _object(required: str = "", **known: Check) -> Check:
    def check(value: Any, at: str) -> None:
        if not isinstance(value, dict):
            raise _bad(f"The value for '{at}' must be an object.")
        for name, item in value.items():
            if name not in known:
                raise Refused(400, "parameter_unknown", f"Unknown parameter '{name}' at '{at}'.")
            known[name](item, f"{at}.{name}")
        for name in required.split():
            if name not in value:
                raise _bad(f"Missing required parameter '{name}' at '{at}'.")

    return check


def _by_type(table: Mapping[str, Check]) -> Check:
    def check(value: Any, at: str) -> None:
        kind = str(value.get("type")) if isinstance(value, dict) else ""
        if kind not in table:
            raise _bad(f"The value '{kind}' is not supported for 'type' at '{at}'.")
        table[kind](value, at)

    return check


def _media(types: Collection[str], **more: Check) -> Check:
    known = {"type": _text, "data": _text, "uri": _text, "resolution": _one_of(_RESOLUTIONS)}
    fields = _object("", mime_type=_one_of(types), **known, **more)

    def check(value: Any, at: str) -> None:
        fields(value, at)
        if ("data" in value) == ("uri" in value):
            raise _bad(f"Exactly one of 'data' and 'uri' must be set at '{at}'.")
        if "data" in value and "mime_type" not in value:
            raise _bad(f"Missing required parameter 'mime_type' at '{at}'.")
        if "data" in value and value["type"] == "image" and not (sniff(_decoded(value, at)) or "").startswith("image/"):
            raise _bad("Unable to process input image. Please retry or report.")

    return check


def _decoded(value: Fields, at: str) -> bytes:
    try:
        return base64.b64decode(value["data"], validate=True)
    except (binascii.Error, ValueError):
        raise _bad(f"Invalid base64 data at '{at}.data'.") from None


_RESOLUTIONS = frozenset({"low", "medium", "high", "ultra_high"})
_CONTENTS: dict[str, Check] = {
    "text": _object("text", type=_text, text=_text, annotations=_anything),
    "image": _media(IMAGE_TYPES),
    "video": _media(VIDEO_TYPES, name=_text, processing=_anything),
    "audio": _media(AUDIO_TYPES, channels=_whole, sample_rate=_whole, processing=_anything),
    "document": _media(DOCUMENT_TYPES, processing=_anything),
}
_content = _list_of(_by_type(_CONTENTS))
# A picture in a turn of the model's is one that it did not make: the API keeps those itself.
_own_content = _list_of(_by_type({"text": _CONTENTS["text"]}))
_STEPS: dict[str, Check] = {
    "user_input": _object("content", type=_text, content=_content),
    "model_output": _object("content", type=_text, content=_own_content),
    "thought": _object(type=_text, signature=_text, summary=_anything),
    "function_call": _object("id name arguments", type=_text, id=_text, name=_text, arguments=_kind(dict, "an object")),
    "function_result": _object(
        "call_id result",
        type=_text,
        call_id=_text,
        name=_text,
        is_error=_flag,
        result=_kind((str, list, dict), "a string, a list or an object"),
    ),
}


def _schema(value: Any, at: str) -> None:
    if fault := fault_of_gemini({"responseMimeType": "application/json", "responseJsonSchema": value}):
        raise _bad(f"Invalid value at '{at}': {fault}")


_FORMATS: dict[str, Check] = {
    "text": _object(type=_text, mime_type=_one_of({"application/json", "text/plain"}), schema=_schema),
    "image": _object(
        type=_text,
        aspect_ratio=_one_of(RATIOS),
        image_size=_one_of({"512", "1K", "2K", "4K"}),
        delivery=_one_of({"inline", "uri"}),
        mime_type=_one_of({"image/jpeg"}),
    ),
    "video": _object(
        type=_text,
        aspect_ratio=_one_of({"16:9", "9:16"}),
        resolution=_one_of({"360p", "720p", "1080p", "4k"}),
        duration=_text,
        delivery=_one_of({"inline", "uri"}),
        gcs_uri=_text,
    ),
}
_MODES = frozenset({"auto", "any", "none", "validated"})


def _either(one: Check, several: Check) -> Check:
    def check(value: Any, at: str) -> None:
        (several if isinstance(value, list) else one)(value, at)

    return check


def _tool_choice(value: Any, at: str) -> None:
    if isinstance(value, str):
        _one_of(_MODES)(value, at)
    else:
        _object(allowed_tools=_object(mode=_one_of(_MODES), tools=_list_of(_text)))(value, at)


_request = _object(
    "model",
    model=_text,
    input=_anything,
    background=_flag,
    generation_config=_object(
        image_config=_anything,
        max_output_tokens=_whole,
        seed=_whole,
        speech_config=_anything,
        stop_sequences=_list_of(_text),
        temperature=_number,
        thinking_level=_one_of({"minimal", "low", "medium", "high", "xhigh"}),
        thinking_summaries=_one_of({"auto", "none"}),
        tool_choice=_tool_choice,
        top_p=_number,
        transcription_config=_anything,
        video_config=_anything,
    ),
    labels=_anything,
    previous_interaction_id=_text,
    response_format=_either(_by_type(_FORMATS), _list_of(_by_type(_FORMATS))),
    response_mime_type=_text,
    response_modalities=_list_of(_one_of({"text", "image", "audio", "video", "document"})),
    safety_settings=_anything,
    service_tier=_one_of({"flex", "standard", "priority", "deferred"}),
    store=_flag,
    stream=_flag,
    system_instruction=_text,
    tools=_list_of(
        _by_type(
            {
                "function": _object(
                    "name", type=_text, name=_text, description=_text, parameters=_kind(dict, "an object")
                )
            }
        )
    ),
    webhook_config=_anything,
)


@dataclass(frozen=True, slots=True)
class Said:
    """One step of an input: who said what, and showed which pictures."""

    kind: str
    text: str = ""
    pictures: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request that the API takes."""

    model: str
    steps: list[Fields]
    said: list[Said]
    formats: dict[str, Fields] = field(default_factory=dict)
    tools: list[str] = field(default_factory=list)
    previous: str | None = None
    background: bool = False
    store: bool = True
    stream: bool = False


def read(body: Any) -> Wanted:
    """Read a request. Raises `Refused`."""
    _request(body, "request")
    steps = _steps(body.get("input"))
    formats = body.get("response_format") or []
    wanted = Wanted(
        body["model"],
        steps,
        [_said(step) for step in steps],
        {each["type"]: each for each in (formats if isinstance(formats, list) else [formats])},
        [tool["name"] for tool in body.get("tools", ())],
        body.get("previous_interaction_id"),
        body.get("background", False),
        body.get("store", True),
        body.get("stream", False),
    )
    if wanted.background and not wanted.store:
        raise _bad("'background' requires 'store' to be true.")
    return wanted


def _steps(value: Any) -> list[Fields]:
    """Return an input in any of its forms as steps."""
    if isinstance(value, str):
        value = {"type": "text", "text": value}
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(item, dict) for item in listed):
        raise _bad("Missing required parameter 'input'.")
    if all(item.get("type") in _CONTENTS for item in listed):
        listed = [{"type": "user_input", "content": listed}]
    _list_of(_by_type(_STEPS))(listed, "input")
    contents = [part for step in listed for part in step.get("content", ())]
    if not any(part.get("text", "media") for part in contents) and not any("result" in step for step in listed):
        raise _bad("'input' must not be empty.")
    return listed


def _said(step: Fields) -> Said:
    content = step.get("content") or ()
    text = " ".join(part["text"] for part in content if part["type"] == "text")
    shown = tuple(_decoded(part, "input") for part in content if part["type"] == "image" and "data" in part)
    return Said(step["type"], text or str(step.get("result", "")), shown)
