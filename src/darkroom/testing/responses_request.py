"""What the Responses API takes: its request, field by field, refused as the real one does where it is wrong.

Source: `types/responses/response_create_params.py`, `response_input_item_param.py` and `tool_param.py` of the OpenAI
SDK, and the errors that the API gives.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from darkroom.media import sniff
from darkroom.testing.emulation import Fields, Refusal
from darkroom.testing.strict_schema import fault_of_strict

Check = Callable[[Any, str], None]


class Refused(Refusal):
    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(status, message)
        self.param, self.code = param, code

    @property
    def body(self) -> Fields:
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


_NAMES: tuple[tuple[type, str], ...] = (
    (bool, "a boolean"), (str, "a string"), (int, "an integer"), (float, "a decimal"), (list, "an array"),
    (dict, "an object"),
)  # fmt: skip


def _name(value: Any) -> str:
    return next((name for kind, name in _NAMES if isinstance(value, kind)), "null")


def _kind(kind: type | tuple[type, ...], name: str) -> Check:
    def check(value: Any, at: str) -> None:
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            message = f"Invalid type for '{at}': expected {name}, but got {_name(value)} instead."
            raise Refused(400, message, at, "invalid_type")

    return check


def _anything(value: Any, at: str) -> None:
    """Take what this emulator has no use for."""


_text, _flag, _table = _kind(str, "a string"), _kind(bool, "a boolean"), _kind(dict, "an object")
_whole, _number = _kind(int, "an integer"), _kind((int, float), "a decimal")


def _maybe(check: Check) -> Check:
    def check_some(value: Any, at: str) -> None:
        if value is not None:
            check(value, at)

    return check_some


def _one_of(*values: str) -> Check:
    def check(value: Any, at: str) -> None:
        if value not in values:
            raise Refused(400, f"Invalid value: '{value}'. Supported values are: {_listed(values)}.", at, _VALUE)

    return check


_VALUE = "invalid_value"


def _listed(values: Collection[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _range(least: int, most: int) -> Check:
    def check(value: Any, at: str) -> None:
        _whole(value, at)
        if value < least:
            message = (
                f"Invalid '{at}': integer below minimum value. Expected a value >= {least}, but got {value} instead."
            )
            raise Refused(400, message, at, "integer_below_min_value")
        if value > most:
            message = (
                f"Invalid '{at}': integer above maximum value. Expected a value <= {most}, but got {value} instead."
            )
            raise Refused(400, message, at, "integer_above_max_value")

    return check


def _list_of(check: Check) -> Check:
    def check_all(value: Any, at: str) -> None:
        _kind(list, "an array")(value, at)
        for index, item in enumerate(value):
            check(item, f"{at}[{index}]")

    return check_all


def _object(required: str = "", **known: Check) -> Check:
    def check(value: Any, at: str) -> None:
        _table(value, at or "body")
        start = f"{at}." if at else ""
        for name in required.split():
            if name not in value:
                raise Refused(
                    400, f"Missing required parameter: '{start}{name}'.", start + name, "missing_required_parameter"
                )
        for name, item in value.items():
            if name not in known:
                raise Refused(400, f"Unknown parameter: '{start}{name}'.", start + name, "unknown_parameter")
            known[name](item, start + name)

    return check


def _by_type(table: Mapping[str, Check], *, default: str | None = None) -> Check:
    def check(value: Any, at: str) -> None:
        _table(value, at)
        kind = value.get("type", default)
        if kind not in table:
            raise Refused(
                400, f"Invalid value: '{kind}'. Supported values are: {_listed(table)}.", f"{at}.type", _VALUE
            )
        table[kind](value, at)

    return check


def picture_of(url: str, at: str) -> bytes | None:
    """Return the bytes of a data URI, or None for another address. Raises `Refused`."""
    if url.startswith(("http://", "https://")):
        return None
    head, comma, data = url.partition(";base64,")
    if not head.startswith("data:") or not comma:
        message = f"Invalid '{at}'. Expected a valid URL, but got a value with an invalid format."
        raise Refused(400, message, at, _VALUE)
    try:
        found = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(400, f"Invalid '{at}'. Expected a base64-encoded data URL.", at, "invalid_base64") from None
    return found


def _image(value: Any, at: str) -> None:
    _object(
        type=_text,
        image_url=_maybe(_text),
        file_id=_maybe(_text),
        detail=_one_of("low", "high", "auto", "original"),
        prompt_cache_breakpoint=_anything,
    )(value, at)
    if not value.get("image_url") and not value.get("file_id"):
        raise Refused(
            400, f"Missing required parameter: '{at}.image_url'.", f"{at}.image_url", "missing_required_parameter"
        )
    if value.get("image_url"):
        data = picture_of(value["image_url"], f"{at}.image_url")
        if data is not None and not (sniff(data) or "").startswith("image/"):
            raise Refused(
                400,
                "The image data you provided does not represent a valid image. Please check your input and try again.",
                at,
                _VALUE,
            )


def _file(value: Any, at: str) -> None:
    _object(
        type=_text, file_data=_text, file_id=_maybe(_text), file_url=_text, filename=_text, detail=_anything
    )(value, at)  # fmt: skip
    if not any(value.get(name) for name in ("file_data", "file_id", "file_url")):
        raise Refused(
            400, f"Missing required parameter: '{at}.file_id'.", f"{at}.file_id", "missing_required_parameter"
        )
    if value.get("file_data") and not value.get("filename"):
        raise Refused(
            400, f"Missing required parameter: '{at}.filename'.", f"{at}.filename", "missing_required_parameter"
        )


_INPUTS: dict[str, Check] = {
    "input_text": _object("text", type=_text, text=_text, prompt_cache_breakpoint=_anything),
    "input_image": _image,
    "input_file": _file,
}
_OUTPUTS: dict[str, Check] = {
    "output_text": _object("text", type=_text, text=_text, annotations=_kind(list, "an array"), logprobs=_anything),
    "refusal": _object("refusal", type=_text, refusal=_text),
}
_STATUS = _one_of("in_progress", "completed", "incomplete")


def _message(value: Any, at: str) -> None:
    _object("role content", type=_text, role=_one_of("user", "system", "developer", "assistant"), content=_anything,
            id=_text, status=_STATUS, phase=_anything)(value, at)  # fmt: skip
    if not isinstance(value["content"], str):
        _list_of(_by_type(_OUTPUTS if value["role"] == "assistant" else _INPUTS))(value["content"], f"{at}.content")


def _call_output(value: Any, at: str) -> None:
    _object("call_id output", type=_text, call_id=_text, output=_anything, id=_maybe(_text), status=_maybe(_STATUS))(
        value, at
    )
    if not isinstance(value["output"], str):
        _list_of(_by_type(_INPUTS))(value["output"], f"{at}.output")


_maybe_text = _maybe(_text)
_ITEMS: dict[str, Check] = {
    "message": _message,
    "function_call": _object("call_id name arguments", type=_text, call_id=_text, name=_text, arguments=_text,
                             id=_text, status=_maybe(_STATUS)),
    "function_call_output": _call_output,
    "image_generation_call": _object(
        "id", type=_text, id=_text, result=_maybe_text, status=_text, action=_maybe_text, background=_maybe_text,
        error=_anything, output_format=_maybe_text, quality=_maybe_text, revised_prompt=_maybe_text, size=_maybe_text,
    ),
    "item_reference": _object("id", type=_text, id=_text),
    "reasoning": _object("id summary", type=_text, id=_text, summary=_kind(list, "an array"), content=_anything,
                         encrypted_content=_maybe_text, status=_anything),
}  # fmt: skip
IMAGE_TOOL = "image_generation"
_TOOLS: dict[str, Check] = {
    "function": _object("name parameters strict", type=_text, name=_text, description=_maybe_text,
                        parameters=_maybe(_table), strict=_maybe(_flag)),
    IMAGE_TOOL: _object(
        type=_text, action=_one_of("generate", "edit", "auto"), background=_one_of("transparent", "opaque", "auto"),
        complexity=_one_of("low", "medium", "high"), input_fidelity=_maybe(_one_of("high", "low")),
        input_image_mask=_object(image_url=_text, file_id=_text), model=_text, moderation=_one_of("auto", "low"),
        output_compression=_range(0, 100), output_format=_one_of("png", "webp", "jpeg", "gif", "svg"),
        partial_images=_range(0, 3), quality=_one_of("low", "medium", "high", "xhigh", "max", "auto"), size=_text,
    ),
    "web_search": _anything,
}  # fmt: skip


def _schema(value: Any, at: str) -> None:
    known = {"type": _text, "name": _text, "schema": _table, "description": _text, "strict": _maybe(_flag)}
    _object("name schema", **known)(value, at)
    if fault := fault_of_strict(value):
        words = f"Invalid schema for response_format '{value['name']}': In context=(), {fault}"
        raise Refused(400, words, f"{at}.schema", "invalid_json_schema")


_FORMATS: dict[str, Check] = {
    "text": _object(type=_text),
    "json_object": _object(type=_text),
    "json_schema": _schema,
}


def _tool_choice(value: Any, at: str) -> None:
    if isinstance(value, str):
        _one_of("none", "auto", "required")(value, at)
        return
    choices = {"function": _object("name", type=_text, name=_text), IMAGE_TOOL: _object(type=_text)}
    _by_type({**choices, "web_search": _anything})(value, at)


_request = _object(
    "model", model=_text, input=_anything, background=_maybe(_flag), include=_maybe(_list_of(_text)),
    instructions=_maybe_text, max_output_tokens=_maybe(_range(16, 1 << 30)), max_tool_calls=_maybe(_whole),
    metadata=_maybe(_table), parallel_tool_calls=_maybe(_flag), previous_response_id=_maybe_text,
    prompt_cache_key=_text, reasoning=_maybe(_table), safety_identifier=_text,
    service_tier=_maybe(_one_of("auto", "default", "flex", "priority", "fast")), store=_maybe(_flag),
    stream=_maybe(_flag), stream_options=_anything, temperature=_maybe(_number),
    text=_object(format=_by_type(_FORMATS), verbosity=_maybe(_one_of("low", "medium", "high"))),
    tool_choice=_tool_choice, tools=_list_of(_by_type(_TOOLS)), top_logprobs=_maybe(_range(0, 20)),
    top_p=_maybe(_number), truncation=_maybe(_one_of("auto", "disabled")), user=_text,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the input: who said what, and showed which pictures."""

    role: str
    text: str = ""
    pictures: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """A picture of an earlier answer, named by its id."""

    id: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request that the API takes."""

    model: str
    items: list[Fields]
    said: list[Said | Named]
    body: Fields
    image: Fields | None = None
    functions: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)

    @property
    def previous(self) -> str | None:
        return self.body.get("previous_response_id")

    @property
    def is_json(self) -> bool:
        """Whether the answer is to be JSON."""
        format: Fields = (self.body.get("text") or {}).get("format") or {}
        return format.get("type") not in (None, "text")

    @property
    def stream(self) -> bool:
        return bool(self.body.get("stream"))

    @property
    def store(self) -> bool:
        return self.body.get("store") is not False


def read(body: Any) -> Wanted:
    """Read a request. Raises `Refused`."""
    if not isinstance(body, dict):
        raise Refused(400, "We could not parse the JSON body of your request.")
    _request(body, "")
    items = _items(body.get("input"))
    tools = body.get("tools") or []
    return Wanted(
        body["model"],
        items,
        [said for item in items for said in _said(item)],
        body,
        next((tool for tool in tools if tool["type"] == IMAGE_TOOL), None),
        [tool["name"] for tool in tools if tool["type"] == "function"],
        [_words(item["output"]) for item in items if item.get("type") == "function_call_output"],
    )


def _items(value: Any) -> list[Fields]:
    if isinstance(value, str):
        return [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": value}]}]
    if not isinstance(value, list) or not value:
        raise Refused(400, "Missing required parameter: 'input'.", "input", "missing_required_parameter")
    _list_of(_by_type(_ITEMS, default="message"))(value, "input")
    calls = {item["call_id"] for item in value if item.get("type") == "function_call"}
    for item in value:
        # What answers a call of an earlier response needs that response; this emulator has no such chats.
        if item.get("type") == "function_call_output" and item["call_id"] not in calls:
            raise Refused(400, f"No tool call found for function call output with call_id {item['call_id']}.", "input")
    return value


def _said(item: Fields) -> list[Said | Named]:
    kind = item.get("type", "message")
    if kind in ("image_generation_call", "item_reference"):
        return [Named(item["id"])]
    if kind != "message":
        return []
    content = item["content"]
    if isinstance(content, str):
        return [Said(item["role"], content)]
    shown = [
        picture_of(part["image_url"], "input")
        for part in content
        if part["type"] == "input_image" and part.get("image_url")
    ]
    return [Said(item["role"], _words(content), tuple(data for data in shown if data))]


def _words(content: Any) -> str:
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content).strip()
