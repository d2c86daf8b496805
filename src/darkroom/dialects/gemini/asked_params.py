"""What a Gemini request says beside its contents, in the words of Chat Completions, and what these have no word for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from darkroom.errors import MalformedRequest

_UNDER = re.compile(r"_([a-z0-9])")
_UPPER = re.compile(r"(?<=[a-z0-9])([A-Z])")
_PLAIN = {
    "temperature": "temperature",
    "topP": "top_p",
    "maxOutputTokens": "max_tokens",
    "stopSequences": "stop",
    "seed": "seed",
    "candidateCount": "n",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
}
_MODES = {"AUTO": "auto", "ANY": "required", "NONE": "none", "VALIDATED": "auto"}
_EFFORTS = {"minimal", "low", "medium", "high"}
_SAID = frozenset({*_PLAIN, "responseModalities", "imageConfig"})
_SCHEMAS = frozenset({"responseMimeType", "responseSchema", "responseJsonSchema"})
_MAX_DEPTH = 64


def camel(name: str) -> str:
    """Return a field's name as Google documents it: `inline_data` is `inlineData`."""
    return _UNDER.sub(lambda match: match[1].upper(), name) if "_" in name else name


def get(value: Mapping[str, Any], name: str) -> Any:
    """Return a field by its camel-case name, however it is spelt; None where it is not."""
    found = value.get(name)
    return value.get(_UPPER.sub(lambda match: f"_{match[1].lower()}", name)) if found is None else found


def params_of(rest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that Chat Completions has words for. Raises `MalformedRequest`."""
    config = _config(rest)
    params: dict[str, Any] = {word: config[name] for name, word in _PLAIN.items() if config.get(name) is not None}
    if isinstance(modalities := config.get("responseModalities"), list):
        params["modalities"] = [word.lower() for word in modalities if isinstance(word, str)]
    if isinstance(image := config.get("imageConfig"), dict):
        wanted = {"aspect_ratio": get(image, "aspectRatio"), "image_size": get(image, "imageSize")}
        params["image_config"] = {name: value for name, value in wanted.items() if value is not None}
    if (answer := _response_format(config)) is not None:
        params["response_format"] = answer
    if (effort := _effort(config.get("thinkingConfig"))) is not None:
        params["reasoning_effort"] = effort
    if tools := [*_functions(rest.get("tools"))]:
        params["tools"] = tools
        if (choice := _choice(rest.get("toolConfig"))) is not None:
            params["tool_choice"] = choice
    return params


def native_of(rest: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is left of a request when `params_of` has been taken out of it."""
    native = {name: value for name, value in rest.items() if name not in {"tools", "toolConfig", "generationConfig"}}
    config = _config(rest)
    said = _SAID if _response_format(config) is None else _SAID | _SCHEMAS
    if left := {name: value for name, value in config.items() if name not in said}:
        native["generationConfig"] = left
    if tools := [tool for tool in map(_without_functions, _objects(rest.get("tools"), "tools")) if tool]:
        native["tools"] = tools
    settings = rest.get("toolConfig")
    if isinstance(settings, dict):
        other = {camel(name): value for name, value in settings.items() if camel(name) != "functionCallingConfig"}
        native |= {"toolConfig": other} if other else {}
    return native


def _config(rest: Mapping[str, Any]) -> dict[str, Any]:
    config = rest.get("generationConfig")
    if config is None:
        return {}
    if not isinstance(config, dict):
        raise MalformedRequest("generationConfig must be an object", param="generationConfig")
    return {camel(name): value for name, value in config.items()}


def _response_format(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """A media type that is no JSON is what a model does anyway; images that it names are told by the modalities."""
    if config.get("responseMimeType") != "application/json":
        return None
    schema = config.get("responseJsonSchema")
    if schema is None and isinstance(config.get("responseSchema"), dict):
        schema = _schema(config["responseSchema"])
    if not isinstance(schema, dict):
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def _effort(thinking: Any) -> str | None:
    level = get(thinking, "thinkingLevel") if isinstance(thinking, dict) else None
    word = level.lower() if isinstance(level, str) else None
    return word if word in _EFFORTS else None


def _functions(tools: Any) -> Iterator[dict[str, Any]]:
    for index, tool in enumerate(_objects(tools, "tools")):
        for declared in _objects(get(tool, "functionDeclarations"), f"tools[{index}].functionDeclarations"):
            function = {name: declared[name] for name in ("name", "description") if declared.get(name) is not None}
            schema = get(declared, "parametersJsonSchema")
            if schema is None and isinstance(declared.get("parameters"), dict):
                schema = _schema(declared["parameters"])
            yield {"type": "function", "function": {**function, **({"parameters": schema} if schema else {})}}


def _without_functions(tool: Mapping[str, Any]) -> dict[str, Any]:
    return {camel(name): value for name, value in tool.items() if camel(name) != "functionDeclarations"}


def _choice(settings: Any) -> Any:
    calling = get(settings, "functionCallingConfig") if isinstance(settings, dict) else None
    if not isinstance(calling, dict):
        return None
    mode, names = calling.get("mode"), get(calling, "allowedFunctionNames")
    if mode == "ANY" and isinstance(names, list) and len(names) == 1:
        return {"type": "function", "function": {"name": names[0]}}
    return _MODES.get(mode) if isinstance(mode, str) else None


def _schema(value: Any, depth: int = 0) -> Any:
    """Return Google's schema as JSON Schema: the same words, but for the types, which Google writes in capitals."""
    if depth > _MAX_DEPTH:
        raise MalformedRequest("a schema is nested too deeply")
    if isinstance(value, list):
        return [_schema(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    found = {camel(name): item for name, item in value.items()}
    for name, item in found.items():
        if name == "properties" and isinstance(item, dict):
            found[name] = {key: _schema(each, depth + 1) for key, each in item.items()}
        elif name in {"items", "anyOf"}:
            found[name] = _schema(item, depth + 1)
    if isinstance(kind := found.get("type"), str):
        found["type"] = kind.lower()
    if found.pop("nullable", None) is True and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
    return {name: item for name, item in found.items() if name != "propertyOrdering"}


def _objects(value: Any, param: str) -> list[dict[str, Any]]:
    """Return a list of objects; one alone counts as a list. Raises `MalformedRequest`."""
    found = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(item, dict) for item in found):
        raise MalformedRequest(f"{param} must be a list of objects", param=param)
    return found
