"""The fields of a Responses request beside its input: checked, and told in the words of Chat Completions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from darkroom.dialects.openai_responses.request import IMAGE_TOOL
from darkroom.errors import MalformedRequest

_NUMBER = (int, float)
_TYPES: dict[str, tuple[type | tuple[type, ...], str]] = {
    "background": (bool, "true or false"),
    "include": (list, "a list"),
    "instructions": (str, "a string"),
    "max_output_tokens": (int, "a whole number"),
    "max_tool_calls": (int, "a whole number"),
    "metadata": (dict, "an object"),
    "parallel_tool_calls": (bool, "true or false"),
    "previous_response_id": (str, "a string"),
    "reasoning": (dict, "an object"),
    "service_tier": (str, "a string"),
    "store": (bool, "true or false"),
    "stream": (bool, "true or false"),
    "temperature": (_NUMBER, "a number"),
    "text": (dict, "an object"),
    "tools": (list, "a list"),
    "top_logprobs": (int, "a whole number"),
    "top_p": (_NUMBER, "a number"),
    "truncation": (str, "a string"),
    "user": (str, "a string"),
}
_REFUSED = {
    "background": "answers are not made in the background; ask for a stream",
    "conversation": "there are no conversations; go on from a previous_response_id",
    "prompt": "there are no stored prompts; send the text",
}
_SAME = ("temperature", "top_p", "parallel_tool_calls", "metadata", "user")
_OURS = frozenset(
    {"model", "input", "instructions", "previous_response_id", "store", "stream", "stream_options", "tools"}
    | {"max_output_tokens", "tool_choice", "background", "conversation", "prompt", *_SAME}
)
_IMAGE_FIELDS = frozenset(
    "size quality background output_format output_compression moderation input_fidelity partial_images".split()
)
_MODES = ("auto", "none", "required")
_EFFORTS = frozenset({"none", "minimal", "low", "medium", "high", "xhigh", "max"})
_SUMMARIES = frozenset({"auto", "concise", "detailed"})
_VERBOSITIES = frozenset({"low", "medium", "high"})


@dataclass(frozen=True, slots=True)
class Params:
    """What a request says beside its input."""

    model: str
    stream: bool
    store: bool
    instructions: str | None
    previous: str | None
    params: Mapping[str, Any]
    native: Mapping[str, Any]
    echo: Mapping[str, Any]


def params_of(document: Mapping[str, Any]) -> Params:
    """Read the fields beside the input. Raises `MalformedRequest`."""
    given = {name: value for name, value in document.items() if value is not None}
    model = given.get("model")
    if not isinstance(model, str) or not model:
        raise MalformedRequest("`model` must be the name of a model", param="model")
    for name, value in given.items():
        _check(name, value)
    tools = _tools(given.get("tools") or [])
    return Params(
        model,
        given.get("stream", False),
        given.get("store", True),
        given.get("instructions"),
        given.get("previous_response_id"),
        _params(given, tools),
        _native(given, tools),
        _echo(given, tools),
    )


def _check(name: str, value: Any) -> None:
    if name in _REFUSED and value not in (False, ""):
        raise MalformedRequest(f"`{name}`: {_REFUSED[name]}", param=name)
    kind, words = _TYPES.get(name, (object, ""))
    if not isinstance(value, kind) or (isinstance(value, bool) and kind not in (bool, object)):
        raise MalformedRequest(f"`{name}` must be {words}", param=name)


def _tools(tools: list[Any]) -> list[dict[str, Any]]:
    for index, tool in enumerate(tools):
        if not isinstance(tool, dict) or not isinstance(tool.get("type"), str):
            raise MalformedRequest(f"tools[{index}] must be an object with a type", param=f"tools[{index}]")
        if tool["type"] == "function" and not isinstance(tool.get("name"), str):
            raise MalformedRequest(f"tools[{index}].name must be a string", param=f"tools[{index}].name")
        if tool["type"] == IMAGE_TOOL:
            _check_image(tool, f"tools[{index}]")
    return tools


def _check_image(tool: Mapping[str, Any], at: str) -> None:
    partials = tool.get("partial_images") or 0
    if type(partials) is not int or not 0 <= partials <= 3:
        raise MalformedRequest(f"{at}.partial_images must be from 0 to 3", param=f"{at}.partial_images")
    for name in _IMAGE_FIELDS - {"partial_images", "output_compression"}:
        if not isinstance(tool.get(name), str | None):
            raise MalformedRequest(f"{at}.{name} must be a string", param=f"{at}.{name}")


def _params(given: Mapping[str, Any], tools: list[dict[str, Any]]) -> dict[str, Any]:
    params = {name: given[name] for name in _SAME if name in given}
    if "max_output_tokens" in given:
        params["max_tokens"] = given["max_output_tokens"]
    if isinstance(effort := given.get("reasoning", {}).get("effort"), str):
        params["reasoning_effort"] = effort
    if format := _format(given.get("text", {}).get("format")):
        params["response_format"] = format
    if functions := [_function(tool) for tool in tools if tool["type"] == "function"]:
        params["tools"] = functions
        match given.get("tool_choice"):
            case str() as mode if mode in _MODES:
                params["tool_choice"] = mode
            case {"type": "function", "name": str() as name}:
                params["tool_choice"] = {"type": "function", "function": {"name": name}}
    image = next((tool for tool in tools if tool["type"] == IMAGE_TOOL), {})
    return params | {name: value for name, value in image.items() if name in _IMAGE_FIELDS and value is not None}


def _function(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A function is strict here unless it says otherwise; elsewhere it is only where it says so."""
    names = ("name", "description", "parameters", "strict")
    return {"type": "function", "function": {name: tool[name] for name in names if tool.get(name) is not None}}


def _format(asked: Any) -> dict[str, Any] | None:
    """`text.format` as `response_format`, in which the schema stands deeper."""
    match asked:
        case {"type": "json_schema", **schema}:
            return {"type": "json_schema", "json_schema": schema}
        case {"type": "json_object"}:
            return {"type": "json_object"}
        case _:
            return None


def _native(given: Mapping[str, Any], tools: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what only an upstream of this dialect can read."""
    native = {name: value for name, value in given.items() if name not in _OURS}
    own = [_bare(tool) for tool in tools if tool["type"] != "function"]
    if own:
        native["tools"] = own
    if isinstance(choice := given.get("tool_choice"), dict) and choice.get("type") != "function":
        native["tool_choice"] = choice
    if given.get("store") is False:
        native["store"] = False
    return native


def _bare(tool: Mapping[str, Any]) -> dict[str, Any]:
    """Return a tool without what its picture's parameters say already."""
    said = _IMAGE_FIELDS if tool["type"] == IMAGE_TOOL else ()
    return {name: value for name, value in tool.items() if name not in said}


def _echo(given: Mapping[str, Any], tools: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the fields that an answer repeats, with what the API puts where nothing was said."""
    reasoning, text = given.get("reasoning", {}), given.get("text", {})
    verbosity = text.get("verbosity")
    return {
        "instructions": given.get("instructions"),
        "max_output_tokens": given.get("max_output_tokens"),
        "metadata": {key: value for key, value in given.get("metadata", {}).items() if isinstance(value, str)},
        "parallel_tool_calls": given.get("parallel_tool_calls", True),
        "previous_response_id": given.get("previous_response_id"),
        "reasoning": {
            "effort": _among(reasoning.get("effort"), _EFFORTS),
            "summary": _among(reasoning.get("summary"), _SUMMARIES),
        },
        "store": given.get("store", True),
        "temperature": given.get("temperature", 1.0),
        "text": {"format": text.get("format") or {"type": "text"}}
        | ({"verbosity": verbosity} if verbosity in _VERBOSITIES else {}),
        "tool_choice": given.get("tool_choice", "auto"),
        "tools": [_echoed(tool) for tool in tools],
        "top_p": given.get("top_p", 1.0),
        "truncation": "auto" if given.get("truncation") == "auto" else "disabled",
        "user": given.get("user"),
    }


def _echoed(tool: Mapping[str, Any]) -> dict[str, Any]:
    return {"parameters": None, "strict": True, **tool} if tool["type"] == "function" else dict(tool)


def _among(value: Any, known: frozenset[str]) -> str | None:
    return value if isinstance(value, str) and value in known else None
