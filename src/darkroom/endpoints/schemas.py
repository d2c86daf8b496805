"""The words that every part of the OpenAPI document is written with."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
MAYBE_STRING: Schema = {"type": ["string", "null"]}
MAYBE_INTEGER: Schema = {"type": ["integer", "null"]}
ANY_OBJECT: Schema = {"type": "object"}
DOT = "text/vnd.graphviz"
"""The type of a graph for Graphviz."""
_ERRORS = ("400", "401", "403", "404", "405", "413", "429", "500", "502", "503", "504")


def object_of(*required: str, **properties: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": properties}


def list_of(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def json_body(schema: Schema, description: str = "Success") -> Schema:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def answers(success: Schema, status: str = "200", error: str = "Error") -> Schema:
    """Return the responses of an operation: its success, and every error, whose schema is named."""
    return {status: success, **{failure: json_body(ref(error), "Error") for failure in _ERRORS}}


def made(success: Schema, error: str = "Error") -> Schema:
    """Return the responses of an operation that makes something, and can be cancelled and sent again."""
    more = {"422": "The key belongs to another request", "499": "It was cancelled"}
    told = {status: json_body(ref(error), words) for status, words in more.items()}
    return {**answers(success, error=error), **told}


def query(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _header(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "header", "required": False, "schema": schema, "description": description}


KEY = _header(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255},
    "whoever asks again with the same key is given what comes of the first request",
)
PREFER = _header(
    "Prefer", STRING, "`wait=30`: after so many seconds an answer that does not stream says where to look for the rest"
)
