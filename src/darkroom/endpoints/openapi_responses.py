"""The OpenAPI document's part for the Responses API."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_STRING: Schema = {"type": "string"}
_MAYBE_STRING: Schema = {"type": ["string", "null"]}
_ANY_OBJECT: Schema = {"type": "object"}
_LIST: Schema = {"type": "array", "items": _ANY_OBJECT}
_ERRORS = ("400", "401", "403", "404", "405", "413", "429", "500", "502", "503", "504")
_EXAMPLE: Schema = {"model": "sketch", "input": "a lighthouse in a storm"}
_ID: Schema = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": _STRING,
    "example": "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b",
}


def _object(*required: str, **properties: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": properties}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: Schema, description: str = "Success") -> Schema:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _answers(success: Schema) -> Schema:
    return {"200": success, **{status: _json(_ref("Error"), "Error") for status in _ERRORS}}


def _query(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


SCHEMAS: Schema = {
    "ResponseRequest": _object(
        "model",
        "input",
        model={"type": "string", "minLength": 1, "description": "`model`, or `provider/model`"},
        input={
            "description": "A text, or items: messages, `image_generation_call`, `function_call`, and its output",
            "anyOf": [{"type": "string", "minLength": 1}, {**_LIST, "minItems": 1}],
        },
        instructions=_MAYBE_STRING,
        previous_response_id={**_MAYBE_STRING, "description": "the stored response to go on from"},
        store={"type": "boolean", "default": True},
        stream={"type": "boolean", "default": False},
        tools={**_LIST, "description": "functions, and `image_generation` with what a picture is to be like"},
    ),
    "Response": _object(
        "id",
        "object",
        "created_at",
        "status",
        "model",
        "output",
        id=_STRING,
        object={"type": "string", "const": "response"},
        created_at={"type": "number"},
        status={"type": "string", "enum": ["in_progress", "completed", "incomplete", "failed"]},
        model=_STRING,
        output=_LIST,
        usage={"type": ["object", "null"]},
        darkroom=_ref("Report"),
    ),
}


def paths() -> Schema:
    """Return the operations by path and method."""
    events = {"schema": {"description": "OpenAI's typed events; the last one shows the whole response"}}
    created = _json(_ref("Response"), "The response, or its stream")
    created["content"]["text/event-stream"] = events
    request = {"application/json": {"schema": _ref("ResponseRequest"), "example": _EXAMPLE}}
    limit = _query("limit", {"type": "integer", "minimum": 1, "maximum": 100}, "items of a page")
    order = _query("order", {"type": "string", "enum": ["asc", "desc"]}, "the newest come first")
    after = _query("after", _STRING, "the last id of the page before")
    page = _object("object", "data", "has_more", object={"type": "string", "const": "list"}, data=_LIST)
    deleted = _ref("Deleted")
    return {
        "/v1/responses": {
            "post": {
                "summary": "Make a response",
                "description": "As OpenAI's, for every model. A model that makes pictures does so without the tool.",
                "requestBody": {"required": True, "content": request},
                "responses": _answers(created),
            }
        },
        "/v1/responses/{id}": {
            "get": {
                "summary": "A stored response",
                "parameters": [_ID],
                "responses": _answers(_json(_ref("Response"))),
            },
            "delete": {
                "summary": "Delete a stored response",
                "parameters": [_ID],
                "responses": _answers(_json(deleted)),
            },
        },
        "/v1/responses/{id}/input_items": {
            "get": {
                "summary": "What a response was made from",
                "parameters": [_ID, limit, order, after],
                "responses": _answers(_json(page)),
            }
        },
    }
