"""What ComfyUI finds wrong with a workflow before it queues it, in its own words (`execution.py`)."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any

from darkroom.testing.comfyui_nodes import NODES, Input, Uploaded, Whole

Json = dict[str, Any]


def refusal(prompt: Any, uploaded: Container[str]) -> Json | None:
    """Return the body of a 400, or None for a workflow that can be run."""
    if not isinstance(prompt, dict):
        return _error("no_prompt", "No prompt provided", "No prompt provided")
    for id, node in prompt.items():
        kind = node.get("class_type") if isinstance(node, dict) else None
        if kind is None:
            words = "Cannot execute because a node is missing the class_type property."
            return _error("invalid_prompt", words, f"Node ID '#{id}'")
        if kind not in NODES:
            words = f"Cannot execute because node {kind} does not exist."
            return _error("invalid_prompt", words, f"Node ID '#{id}'")
    ends = [id for id, node in prompt.items() if NODES[node["class_type"]].saves]
    if not ends:
        return _error("prompt_no_outputs", "Prompt has no outputs", "")
    wrong: Json = {}
    for id in ends:
        _look(prompt, id, uploaded, wrong, set())
    if not wrong:
        return None
    told = "\n".join(f"{error['message']}: {error['details']}" for node in wrong.values() for error in node["errors"])
    return {
        **_error("prompt_outputs_failed_validation", "Prompt outputs failed validation", told),
        "node_errors": wrong,
    }


def _error(kind: str, message: str, details: str) -> Json:
    return {"error": {"type": kind, "message": message, "details": details, "extra_info": {}}, "node_errors": {}}


def _look(prompt: Json, id: str, uploaded: Container[str], wrong: Json, seen: set[str]) -> None:
    """Look at a node and at all that leads to it."""
    if id in seen:
        return
    seen.add(id)
    node = prompt[id]
    errors = list(_wrong_inputs(prompt, node, uploaded))
    if errors:
        wrong[id] = {"errors": errors, "dependent_outputs": [], "class_type": node["class_type"]}
    for value in node["inputs"].values():
        if _is_link(value) and value[0] in prompt:
            _look(prompt, value[0], uploaded, wrong, seen)


def _wrong_inputs(prompt: Json, node: Json, uploaded: Container[str]) -> Iterator[Json]:
    for name, wanted in NODES[node["class_type"]].inputs.items():
        if name not in node["inputs"]:
            yield _wrong("required_input_missing", "Required input is missing", name)
        elif isinstance(node["inputs"][name], list):
            yield from _wrong_link(prompt, name, node["inputs"][name], wanted)
        else:
            yield from _wrong_value(name, node["inputs"][name], wanted, uploaded)


def _wrong_link(prompt: Json, name: str, value: Any, wanted: Input) -> Iterator[Json]:
    if not _is_link(value):
        yield _wrong("bad_linked_input", "Bad linked input, must be a length-2 list of [node_id, slot_index]", name)
        return
    given = NODES[prompt[value[0]]["class_type"]].gives if value[0] in prompt else ()
    if value[1] >= len(given):
        yield _wrong("exception_during_validation", "Exception when validating node", f"{name}, {value[0]!r}")
    elif given[value[1]] != _type(wanted):
        words = f"{name}, received_type({given[value[1]]}) mismatch input_type({_type(wanted)})"
        yield _wrong("return_type_mismatch", "Return type mismatch between linked nodes", words)


def _type(wanted: Input) -> str:
    match wanted:
        case "text":
            return "STRING"
        case str():
            return wanted
        case Whole():
            return "INT" if wanted.kind is int else "FLOAT"
        case _:
            return "COMBO"


def _wrong_value(name: str, value: Any, wanted: Input, uploaded: Container[str]) -> Iterator[Json]:
    match wanted:
        case "text":
            if not isinstance(value, str):
                yield _wrong("invalid_input_type", "Failed to convert an input value to a STRING value", name)
        case str():
            yield _wrong("bad_linked_input", "Bad linked input, must be a length-2 list of [node_id, slot_index]", name)
        case Uploaded():
            if value not in uploaded:
                words = f"{name} - Invalid image file: {value}"
                yield _wrong("custom_validation_failed", "Custom validation failed for node", words)
        case Whole():
            yield from _wrong_number(name, value, wanted)
        case list() if value not in wanted:
            yield _wrong("value_not_in_list", "Value not in list", f"{name}: '{value}' not in {wanted}")


def _wrong_number(name: str, value: Any, wanted: Whole) -> Iterator[Json]:
    if isinstance(value, bool) or not isinstance(value, int if wanted.kind is int else (int, float)):
        yield _wrong("invalid_input_type", "Failed to convert an input value to a number", name)
    elif value < wanted.least:
        yield _wrong("value_smaller_than_min", f"Value {value} smaller than min of {wanted.least}", name)
    elif value > wanted.most:
        yield _wrong("value_bigger_than_max", f"Value {value} bigger than max of {wanted.most}", name)


def _wrong(kind: str, message: str, details: str) -> Json:
    return {"type": kind, "message": message, "details": details, "extra_info": {}}


def _is_link(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int)
