"""A workflow in ComfyUI's API format as a template: where its slots are, and what is put in them.

Strategy. A workflow is `{node id: {"class_type", "inputs": {name: value or [node id, output]}, "_meta": {"title"}}}`.
A slot is a list of places `(node, input)`. The operator's own table names it first, then a node's title, then what the
graph itself says: the prompt is the text that leads to a sampler's `positive`, the size belongs to whatever has a
width, a height and a batch, a picture is what `LoadImage` loads. Only values are set, never links; a value that comes
over a link is set where it comes from.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from darkroom.errors import ConfigInvalid

Workflow = Mapping[str, Mapping[str, Any]]
Place = tuple[str, str]
"""A node's id and the name of one of its inputs."""
Slots = Mapping[str, tuple[Place, ...]]

IMAGES = ("image", "image2", "image3")
MASK_CHANNEL = "mask_channel"
SLOTS = (
    *("prompt", "negative", "seed", "width", "height", "steps", "cfg", "denoise", "batch"),
    *IMAGES,
    *("mask", MASK_CHANNEL, "model"),
)
"""Everything that can be put into a workflow. `mask_channel` is the channel that the mask is read from."""

_MUST = {"prompt", *IMAGES, "mask", "model"}
"""What can't be left out without making another picture than the one that was asked for."""

_TEXTS = ("text", "text_g", "text_l", "clip_l", "t5xxl", "prompt", "string", "value")
_INPUTS: Mapping[str, tuple[str, ...]] = {
    "prompt": _TEXTS,
    "negative": _TEXTS,
    "seed": ("seed", "noise_seed", "value"),
    "width": ("width", "value"),
    "height": ("height", "value"),
    "steps": ("steps", "value"),
    "cfg": ("cfg", "guidance", "value"),
    "denoise": ("denoise", "value"),
    "batch": ("batch_size", "amount", "value"),
    "image": ("image",),
    "image2": ("image",),
    "image3": ("image",),
    "mask": ("image", "mask"),
    "model": ("ckpt_name", "unet_name", "model_name", "value"),
}
"""The inputs that a node may have for a slot."""

_TITLES = {
    "positive": "prompt",
    "positive prompt": "prompt",
    "negative prompt": "negative",
    "image 1": "image",
    "image1": "image",
    "image 2": "image2",
    "image 3": "image3",
    "batch size": "batch",
    **{slot: slot for slot in SLOTS},
}


def checked(workflow: Any, where: str) -> Workflow:
    """Return a workflow if it is one. Raises `ConfigInvalid`, saying what is wrong with `where`."""
    if isinstance(workflow, Mapping) and isinstance(workflow.get("nodes"), list):
        raise ConfigInvalid(f"{where} is in the format of ComfyUI's editor; export it with `Export (API)`")
    if not isinstance(workflow, Mapping) or not workflow:
        raise ConfigInvalid(f"{where} is no workflow in API format: a table of nodes by their id")
    for id, node in workflow.items():
        if not isinstance(node, Mapping) or not isinstance(node.get("class_type"), str):
            raise ConfigInvalid(f"{where} is no workflow in API format: node `{id}` has no class_type")
        if not isinstance(node.get("inputs"), Mapping):
            raise ConfigInvalid(f"{where} is no workflow in API format: node `{id}` has no table of inputs")
    for id, node in workflow.items():
        for name, value in node["inputs"].items():
            if _is_link(value) and str(value[0]) not in workflow:
                raise ConfigInvalid(
                    f"{where}: input `{name}` of node `{id}` comes from node `{value[0]}`, which is not there"
                )
    return workflow


def slots_of(workflow: Workflow, named: Mapping[str, Any], where: str) -> Slots:
    """Return where the slots are. `named` is the operator's table: `{"prompt": "6.text"}`, or a list of such places.

    Raises `ConfigInvalid` for a place that is not there, and where the prompt can't be found.
    """
    found = dict(_by_graph(workflow))
    found |= _by_title(workflow)
    found |= {slot: _named(workflow, slot, places, where) for slot, places in named.items()}
    if not found.get("prompt"):
        raise ConfigInvalid(
            f'{where}: it is not clear where the prompt belongs; say so: slots = {{ prompt = "6.text" }}'
        )
    if MASK_CHANNEL not in found:
        found[MASK_CHANNEL] = tuple(
            (node, "channel") for node, _ in found.get("mask", ()) if "channel" in workflow[node]["inputs"]
        )
    return {slot: tuple(places) for slot, places in found.items() if places}


def fill(workflow: Workflow, slots: Slots, values: Mapping[str, Any], where: str = "the workflow") -> dict[str, Any]:
    """Return the workflow with values in its slots; what it has no slot for is left out where that does no harm.

    Raises `ConfigInvalid` where it would.
    """
    filled = copy.deepcopy({id: dict(node) for id, node in workflow.items()})
    for slot, value in values.items():
        if slot in _MUST and slot not in slots:
            raise ConfigInvalid(f"{where} has no slot `{slot}`; {_REMEDIES.get(slot, 'name it in the slots')}")
        for node, name in slots.get(slot, ()):
            filled[node]["inputs"] = {**filled[node]["inputs"], name: value}
    return filled


_REMEDIES = {
    "image": "set options.workflow_edit, or profile = { sees = [] } for a provider that takes no pictures",
    "mask": "set options.workflow_mask",
}


def value_of(workflow: Workflow, slots: Slots, slot: str) -> Any:
    """Return what stands in a slot of the template."""
    return next((workflow[node]["inputs"].get(name) for node, name in slots.get(slot, ())), None)


def _named(workflow: Workflow, slot: str, places: Any, where: str) -> tuple[Place, ...]:
    if slot not in SLOTS:
        raise ConfigInvalid(f"{where}: there is no slot `{slot}`; known: {', '.join(SLOTS)}")
    listed = [places] if isinstance(places, str) else places
    if not isinstance(listed, Sequence) or not all(isinstance(place, str) for place in listed):
        raise ConfigInvalid(f'{where}: slot `{slot}` must be a place like "6.text", or a list of places')
    return tuple(_place(workflow, slot, place, where) for place in listed)


def _place(workflow: Workflow, slot: str, place: str, where: str) -> Place:
    node, dot, name = place.rpartition(".")
    if not dot or node not in workflow:
        raise ConfigInvalid(f"{where}: slot `{slot}` is at `{place}`, and there is no node `{node or place}`")
    inputs = workflow[node]["inputs"]
    if name not in inputs:
        known = ", ".join(inputs) or "none"
        raise ConfigInvalid(f"{where}: slot `{slot}` is at `{place}`, and the node's inputs are: {known}")
    if _is_link(inputs[name]):
        raise ConfigInvalid(
            f"{where}: slot `{slot}` is at `{place}`, which comes from node `{inputs[name][0]}`; name that"
        )
    return node, name


def _by_title(workflow: Workflow) -> dict[str, tuple[Place, ...]]:
    found: dict[str, tuple[Place, ...]] = {}
    for id, node in workflow.items():
        meta = node.get("_meta")
        title = str(meta.get("title", "")) if isinstance(meta, Mapping) else ""
        slot = _TITLES.get(title.strip().lower(), "")
        kind = str if slot in ("prompt", "negative", "model", "mask", *IMAGES) else (int, float)
        places = tuple((id, name) for name in _INPUTS.get(slot, ()) if isinstance(node["inputs"].get(name), kind))
        if places:
            found[slot] = (*found.get(slot, ()), *places)
    return found


def _by_graph(workflow: Workflow) -> Iterator[tuple[str, tuple[Place, ...]]]:
    """Yield the slots that the graph shows by itself."""
    prompt = _said(workflow, "positive")
    yield "prompt", prompt
    yield "negative", tuple(place for place in _said(workflow, "negative") if place not in prompt)
    yield "seed", _numbers(workflow, "seed", "noise_seed")
    # A sampler that begins or ends on the way has its steps counted out by hand.
    yield "steps", _numbers(workflow, "steps", where=lambda inputs: "start_at_step" not in inputs)
    yield "cfg", _numbers(workflow, "guidance") or _numbers(workflow, "cfg")
    yield "denoise", _numbers(workflow, "denoise")
    for slot, name in (("width", "width"), ("height", "height"), ("batch", "batch_size")):
        yield slot, _numbers(workflow, name, where=lambda inputs: {"width", "height", "batch_size"} <= set(inputs))
    loaders = [place for place in _loaders(workflow, "LoadImage") if place not in _by_title(workflow).get("mask", ())]
    for slot, place in zip(IMAGES, loaders, strict=False):
        yield slot, (place,)
    yield "mask", tuple(_loaders(workflow, "LoadImageMask")[:1])


def _loaders(workflow: Workflow, kind: str) -> list[Place]:
    ids = [id for id, node in workflow.items() if node["class_type"] == kind and "image" in node["inputs"]]
    return [(id, "image") for id in sorted(ids, key=lambda name: (len(name), name))]


def _said(workflow: Workflow, side: str) -> tuple[Place, ...]:
    """Return the texts that lead to what samples; a guider without two sides has the positive one."""
    ends = [
        link
        for node in workflow.values()
        if any(word in node["class_type"] for word in ("Sampler", "Guider")) or "latent_image" in node["inputs"]
        for name in ((side, "conditioning") if side == "positive" else (side,))
        if _is_link(link := node["inputs"].get(name))
    ]
    ends = ends or [node["inputs"][side] for node in workflow.values() if _is_link(node["inputs"].get(side))]
    return tuple(dict.fromkeys(place for link in ends for place in _texts(workflow, link, side, set())))


def _texts(workflow: Workflow, link: Any, side: str, seen: set[str]) -> Iterator[Place]:
    """Yield the texts that a link leads to, back through whatever passes them on."""
    id = str(link[0])
    if id in seen or workflow[id]["class_type"] == "ConditioningZeroOut":
        return
    seen.add(id)
    inputs = workflow[id]["inputs"]
    for name, value in inputs.items():
        if name in _TEXTS and isinstance(value, str):
            yield id, name
        elif _is_link(value) and (name == side or name in _TEXTS or name.startswith("conditioning")):
            yield from _texts(workflow, value, side, seen)


def _numbers(
    workflow: Workflow, *names: str, where: Callable[[Mapping[str, Any]], bool] = lambda inputs: True
) -> tuple[Place, ...]:
    """Return the places of numbers, at their source where they come over a link."""
    found: list[Place] = []
    for id, node in workflow.items():
        inputs = node["inputs"]
        for name in names:
            if name in inputs and where(inputs):
                found += _number(workflow, id, name, inputs[name])
    return tuple(dict.fromkeys(found))


def _number(workflow: Workflow, id: str, name: str, value: Any) -> list[Place]:
    if not _is_link(value):
        return [(id, name)] if isinstance(value, int | float) else []
    source, inputs = str(value[0]), workflow[str(value[0])]["inputs"]
    return [
        (source, each)
        for each in ("value", "int", "seed", "number")
        if isinstance(inputs.get(each), int | float) and not isinstance(inputs.get(each), bool)
    ][:1]


def _is_link(value: Any) -> bool:
    """Tell a link from a value: `[node id, number of its output]`."""
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str | int) and isinstance(value[1], int)
