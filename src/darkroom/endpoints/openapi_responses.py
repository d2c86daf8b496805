"""The OpenAPI document's part for the Responses API."""

from __future__ import annotations

from darkroom.endpoints.schemas import (
    ANY_OBJECT,
    KEY,
    MAYBE_STRING,
    PREFER,
    STRING,
    Schema,
    answers,
    json_body,
    made,
    object_of,
    query,
    ref,
)

_LIST: Schema = {"type": "array", "items": ANY_OBJECT}
_EXAMPLE: Schema = {"model": "sketch", "input": "a lighthouse in a storm"}
_ID: Schema = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": STRING,
    "example": "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b",
}


SCHEMAS: Schema = {
    "ResponseRequest": object_of(
        "model",
        "input",
        model={"type": "string", "minLength": 1, "description": "`model`, or `provider/model`"},
        input={
            "description": "A text, or items: messages, `image_generation_call`, `function_call`, and its output",
            "anyOf": [{"type": "string", "minLength": 1}, {**_LIST, "minItems": 1}],
        },
        instructions=MAYBE_STRING,
        previous_response_id={**MAYBE_STRING, "description": "the stored response to go on from"},
        store={"type": "boolean", "default": True},
        stream={"type": "boolean", "default": False},
        tools={**_LIST, "description": "functions, and `image_generation` with what a picture is to be like"},
    ),
    "Response": object_of(
        "id",
        "object",
        "created_at",
        "status",
        "model",
        "output",
        id=STRING,
        object={"type": "string", "const": "response"},
        created_at={"type": "number"},
        status={"type": "string", "enum": ["in_progress", "completed", "incomplete", "failed"]},
        model=STRING,
        output=_LIST,
        usage={"type": ["object", "null"]},
        darkroom=ref("Report"),
    ),
}


def paths() -> Schema:
    """Return the operations by path and method."""
    events = {"schema": {"description": "OpenAI's typed events; the last one shows the whole response"}}
    created = json_body(ref("Response"), "The response, or its stream")
    created["content"]["text/event-stream"] = events
    request = {"application/json": {"schema": ref("ResponseRequest"), "example": _EXAMPLE}}
    limit = query("limit", {"type": "integer", "minimum": 1, "maximum": 100}, "items of a page")
    order = query("order", {"type": "string", "enum": ["asc", "desc"]}, "the newest come first")
    after = query("after", STRING, "the last id of the page before")
    page = object_of("object", "data", "has_more", object={"type": "string", "const": "list"}, data=_LIST)
    deleted = ref("Deleted")
    return {
        "/v1/responses": {
            "post": {
                "summary": "Make a response",
                "description": "As OpenAI's, for every model. A model that makes pictures does so without the tool.",
                "requestBody": {"required": True, "content": request},
                "parameters": [KEY, PREFER],
                "responses": made(created),
            }
        },
        "/v1/responses/{id}": {
            "get": {
                "summary": "A stored response",
                "parameters": [_ID],
                "responses": answers(json_body(ref("Response"))),
            },
            "delete": {
                "summary": "Delete a stored response",
                "parameters": [_ID],
                "responses": answers(json_body(deleted)),
            },
        },
        "/v1/responses/{id}/input_items": {
            "get": {
                "summary": "What a response was made from",
                "parameters": [_ID, limit, order, after],
                "responses": answers(json_body(page)),
            }
        },
    }
