"""The OpenAPI document's part for the lineage of generations."""

from __future__ import annotations

from typing import get_args

from darkroom.endpoints.schemas import (
    DOT,
    INTEGER,
    MAYBE_STRING,
    STRING,
    Schema,
    answers,
    list_of,
    object_of,
    query,
    ref,
)
from darkroom.generation import InputRole

ROLE: Schema = {"type": "string", "enum": list(get_args(InputRole))}
_NODE = object_of(
    "id",
    "object",
    "status",
    "model",
    "prompt",
    "inputs",
    "media",
    "created_at",
    id=STRING,
    object={"type": "string", "const": "generation"},
    status=STRING,
    model=STRING,
    prompt={**STRING, "description": "of a very long one the beginning, and `…`"},
    inputs=list_of(ref("Input")),
    media=list_of(ref("Media")),
    created_at=INTEGER,
    depth={**INTEGER, "description": "how many steps away: 1 is a parent or a child"},
)
_UPLOAD = object_of(
    "id",
    "object",
    "deleted",
    id=STRING,
    object={"type": "string", "const": "media"},
    url=MAYBE_STRING,
    mime=STRING,
    filename=MAYBE_STRING,
    deleted={"type": "boolean"},
)
_EDGE: Schema = {
    "type": "object",
    "required": ["from", "to", "role"],
    "properties": {
        "from": {**STRING, "description": "a generation, or an upload"},
        "to": {**STRING, "description": "the generation that was made from it"},
        "role": ROLE,
        "media": {**MAYBE_STRING, "description": "which media of it; null where that is not here"},
    },
}
SCHEMAS: Schema = {
    "LineageNode": _NODE,
    "LineageUpload": _UPLOAD,
    "LineageEdge": _EDGE,
    "Lineage": object_of(
        "id",
        "object",
        "generation",
        "ancestors",
        "children",
        "descendants",
        "siblings",
        "uploads",
        "edges",
        "truncated",
        id=STRING,
        object={"type": "string", "const": "lineage"},
        generation=ref("LineageNode"),
        ancestors=list_of(ref("LineageNode")),
        children=list_of(ref("LineageNode")),
        descendants=list_of(ref("LineageNode")),
        siblings={**list_of(ref("LineageNode")), "description": "other children of what it was made from"},
        uploads={**list_of(ref("LineageUpload")), "description": "media that they began with"},
        edges=list_of(ref("LineageEdge")),
        truncated={"type": "boolean", "description": "whether what lies farthest was left out"},
    ),
}


def paths(generation_id: Schema) -> Schema:
    """Return the operations by path and method; `generation_id` is the parameter of the path."""
    wanted = query("format", {"type": "string", "enum": ["json", "dot"]}, "`dot` is for Graphviz")
    answer = {
        "description": "The lineage",
        "content": {"application/json": {"schema": ref("Lineage")}, DOT: {"schema": STRING}},
    }
    return {
        "/v1/generations/{id}/lineage": {
            "get": {
                "summary": "What a generation was made from, and what was made from it",
                "description": f"As a graph for Graphviz with `format=dot` or `Accept: {DOT}`.",
                "responses": answers(answer),
                "parameters": [generation_id, wanted],
            }
        }
    }
