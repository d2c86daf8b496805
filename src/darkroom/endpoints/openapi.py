"""The OpenAPI document: what the doors take and give, for clients that read it. A test holds it to the routes."""

from __future__ import annotations

from functools import cache
from typing import Any

from darkroom import __version__
from darkroom.endpoints import openapi_files, openapi_images, openapi_responses
from darkroom.settings import OUTPUTS

Schema = dict[str, Any]


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: Schema, description: str = "Success") -> Schema:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _object(required: list[str], **properties: Schema) -> Schema:
    return {"type": "object", "required": required, "properties": properties}


def _list(item: Schema) -> Schema:
    return _object(["object", "data"], object=_constant("list"), data={"type": "array", "items": item})


def _constant(value: str) -> Schema:
    return {"type": "string", "const": value}


_STRING: Schema = {"type": "string"}
_INTEGER: Schema = {"type": "integer"}
_MAYBE_STRING: Schema = {"type": ["string", "null"]}
_MAYBE_INTEGER: Schema = {"type": ["integer", "null"]}
_ANY_OBJECT: Schema = {"type": "object"}
_ERRORS = ("400", "401", "403", "404", "405", "413", "429", "500", "502", "503", "504")


def _responses(success: Schema, status: str = "200") -> Schema:
    return {status: success, **{error: _json(_ref("Error"), "Error") for error in _ERRORS}}


def _operation(summary: str, responses: Schema, **more: Any) -> Schema:
    return {"summary": summary, "responses": responses, **more}


def _path(name: str, example: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": _STRING, "example": example}


def _query(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


_CHAT_REQUEST = _object(
    ["model", "messages"],
    model={"type": "string", "minLength": 1, "description": "`model`, or `provider/model`"},
    messages={
        "type": "array",
        "minItems": 1,
        "items": _object(
            ["role"],
            role={"type": "string", "enum": ["system", "developer", "user", "assistant", "tool", "function"]},
            content={
                "description": "Text, or a list of parts: `text`, `image_url`, `video_url`, `input_audio`, `file`",
                "anyOf": [_STRING, {"type": "null"}, {"type": "array", "items": _ANY_OBJECT}],
            },
        ),
    },
    stream={"type": "boolean", "default": False},
)
_MEDIA = _object(
    ["id", "object", "url", "kind", "mime", "size", "created_at"],
    id=_STRING,
    object=_constant("media"),
    url={**_STRING, "format": "uri"},
    kind={"type": "string", "enum": ["image", "video", "audio", "file"]},
    mime=_STRING,
    size={**_INTEGER, "description": "bytes"},
    width=_MAYBE_INTEGER,
    height=_MAYBE_INTEGER,
    origin={"type": "string", "enum": ["generated", "uploaded", "fetched"]},
    generation=_MAYBE_STRING,
    created_at={**_INTEGER, "description": "Unix seconds"},
)
_GENERATION = _object(
    ["id", "object", "status", "model", "prompt", "inputs", "media", "created_at"],
    id=_STRING,
    object=_constant("generation"),
    status={"type": "string", "enum": ["running", "completed", "failed", "imported"]},
    progress={**_MAYBE_INTEGER, "description": "percent"},
    model=_STRING,
    prompt=_STRING,
    params=_ANY_OBJECT,
    inputs={"type": "array", "items": _ref("Input")},
    media={"type": "array", "items": _ref("Media")},
    upstream_ids=_ANY_OBJECT,
    error={"type": ["object", "null"]},
    created_at=_INTEGER,
    finished_at=_MAYBE_INTEGER,
)
_SCHEMAS: Schema = {
    "Error": _object(
        ["error"],
        error=_object(
            ["message", "type", "param", "code"],
            message=_STRING,
            type=_STRING,
            param=_MAYBE_STRING,
            code=_STRING,
        ),
    ),
    "ChatRequest": _CHAT_REQUEST,
    "ChatAnswer": _object(
        ["id", "object", "created", "model", "choices", "darkroom"],
        id=_STRING,
        object=_constant("chat.completion"),
        created=_INTEGER,
        model=_STRING,
        choices={"type": "array", "items": _ANY_OBJECT},
        usage=_ANY_OBJECT,
        darkroom=_ref("Report"),
    ),
    "Report": _object(
        ["generations", "media", "omitted"],
        generations={"type": "array", "items": _ANY_OBJECT},
        media={"type": "array", "items": _ref("Media")},
        omitted={"type": "array", "items": _object(["id", "reason"], id=_STRING, reason=_STRING)},
        lost={"type": "array", "items": _ANY_OBJECT},
        usage={**_STRING, "description": "`estimated` where the upstream did not count"},
    ),
    "Model": _object(["id", "object"], id=_STRING, object=_constant("model"), created=_INTEGER, owned_by=_STRING),
    "Media": _MEDIA,
    "Input": _object(["role"], role=_STRING, media=_MAYBE_STRING, generation=_MAYBE_STRING),
    "Generation": _GENERATION,
    "Deleted": _object(["id", "deleted"], id=_STRING, object=_STRING, deleted={"type": "boolean"}),
}
_MEDIA_ID = _path("id", "media_01jqwte8yjf7haxqc521b7z2wf")
_GENERATION_ID = _path("id", "gen_01jqwte8yjf7haxqc521b7z2wf")
_BINARY: Schema = {"type": "string", "format": "binary"}
_MEDIA_BYTES: Schema = {
    "200": {"description": "The bytes, untouched", "content": {"*/*": {"schema": _BINARY}}},
    "206": {"description": "A range of them", "content": {"*/*": {"schema": _BINARY}}},
    "304": {"description": "Not modified"},
    "400": _json(_ref("Error"), "Error"),
    "404": _json(_ref("Error"), "Error"),
    "416": {"description": "Range not satisfiable"},
}
_EXAMPLE: Schema = {"model": "sketch", "messages": [{"role": "user", "content": "a lighthouse in a storm"}]}
_OUTPUT_PARAMETER: Schema = {
    "name": "X-Darkroom-Output",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "enum": list(OUTPUTS)},
    "description": "The shape in which media stands in the answer",
}


@cache
def document() -> Schema:
    """Return the document, without the server's address."""
    chat = {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _ref("ChatRequest"), "example": _EXAMPLE}},
        },
        "parameters": [_OUTPUT_PARAMETER],
        "description": "As OpenAI's, for every model. With `stream` the answer is server-sent events.",
    }
    limit = _query("limit", {"type": "integer", "minimum": 1, "maximum": 100}, "rows of a page")
    after = _query("after", _STRING, "the last id of the page before")
    width = _query("w", {"type": "integer", "minimum": 1, "maximum": 4096}, "a thumbnail of about this width")
    answer = {
        "description": "The answer, or its stream",
        "content": {
            "application/json": {"schema": _ref("ChatAnswer")},
            "text/event-stream": {"schema": {"description": "events, each a chunk as JSON; `[DONE]` is the last"}},
        },
    }
    page = {"description": "A page", "content": {"text/html": {"schema": _STRING}}}
    paths: Schema = {
        "/": {"get": _operation("The home page", {"200": page})},
        "/docs": {"get": _operation("This reference", {"200": page})},
        "/openapi.json": {"get": _operation("This document", {"200": _json(_ANY_OBJECT)})},
        "/health": {"get": _operation("Whether the gateway works", _responses(_json(_ANY_OBJECT)))},
        "/metrics": {
            "get": _operation(
                "What the gateway counts, in Prometheus' text format",
                {
                    **_responses(_ANY_OBJECT),
                    "200": {"description": "Metrics", "content": {"text/plain": {"schema": _STRING}}},
                },
            )
        },
        "/v1/chat/completions": {"post": _operation("Chat", _responses(answer), **chat)},
        "/v1/models": {"get": _operation("All models", _responses(_json(_list(_ref("Model")))))},
        "/v1/models/{model}": {
            "get": _operation("One model", _responses(_json(_ref("Model"))), parameters=[_path("model", "sketch")])
        },
        "/v1/generations": {
            "get": _operation(
                "Your generations", _responses(_json(_list(_ref("Generation")))), parameters=[limit, after]
            )
        },
        "/v1/generations/{id}": {
            "get": _operation("One generation", _responses(_json(_ref("Generation"))), parameters=[_GENERATION_ID])
        },
        "/v1/media/{id}": {
            "get": _operation("What is known of media", _responses(_json(_ref("Media"))), parameters=[_MEDIA_ID]),
            "delete": _operation("Delete media", _responses(_json(_ref("Deleted"))), parameters=[_MEDIA_ID]),
        },
        "/media/{name}": {
            "get": _operation(
                "The bytes of media; the link's id is the permission",
                _MEDIA_BYTES,
                parameters=[_path("name", "media_01jqwte8yjf7haxqc521b7z2wf.png"), width],
                security=[],
            )
        },
    }
    for path, operations in openapi_files.paths(_OUTPUT_PARAMETER).items():
        paths[path] = {**paths.get(path, {}), **operations}
    paths |= openapi_images.paths()
    paths |= openapi_responses.paths()
    return {
        "openapi": "3.1.0",
        "info": {"title": "Darkroom", "version": __version__, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": {**_SCHEMAS, **openapi_files.SCHEMAS, **openapi_images.SCHEMAS, **openapi_responses.SCHEMAS},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"bearer": []}],
    }
