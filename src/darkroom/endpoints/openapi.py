"""The OpenAPI document: what the doors take and give, for clients that read it. A test holds it to the routes."""

from __future__ import annotations

from functools import cache
from typing import Any, get_args

from darkroom import __version__
from darkroom.endpoints import openapi_files, openapi_images, openapi_lineage, openapi_responses, openapi_videos
from darkroom.endpoints.schemas import (
    ANY_OBJECT,
    INTEGER,
    KEY,
    MAYBE_INTEGER,
    MAYBE_STRING,
    PREFER,
    STRING,
    Schema,
    answers,
    json_body,
    list_of,
    made,
    object_of,
    query,
    ref,
)
from darkroom.generation import Status
from darkroom.settings import OUTPUTS


def _page_of(item: Schema) -> Schema:
    return object_of("object", "data", object=_constant("list"), data=list_of(item))


def _constant(value: str) -> Schema:
    return {"type": "string", "const": value}


def _operation(summary: str, responses: Schema, **more: Any) -> Schema:
    return {"summary": summary, "responses": responses, **more}


def _path(name: str, example: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": STRING, "example": example}


_CHAT_REQUEST = object_of(
    "model",
    "messages",
    model={"type": "string", "minLength": 1, "description": "`model`, or `provider/model`"},
    messages={
        "type": "array",
        "minItems": 1,
        "items": object_of(
            "role",
            role={"type": "string", "enum": ["system", "developer", "user", "assistant", "tool", "function"]},
            content={
                "description": "Text, or a list of parts: `text`, `image_url`, `video_url`, `input_audio`, `file`",
                "anyOf": [STRING, {"type": "null"}, {"type": "array", "items": ANY_OBJECT}],
            },
        ),
    },
    stream={"type": "boolean", "default": False},
)
_MEDIA = object_of(
    "id",
    "object",
    "url",
    "kind",
    "mime",
    "size",
    "created_at",
    id=STRING,
    object=_constant("media"),
    url={**STRING, "format": "uri"},
    kind={"type": "string", "enum": ["image", "video", "audio", "file"]},
    mime=STRING,
    size={**INTEGER, "description": "bytes"},
    width=MAYBE_INTEGER,
    height=MAYBE_INTEGER,
    origin={"type": "string", "enum": ["generated", "uploaded", "fetched"]},
    generation=MAYBE_STRING,
    pinned={"type": "boolean", "description": "whether retention leaves it alone"},
    created_at={**INTEGER, "description": "Unix seconds"},
    duration_ms={**MAYBE_INTEGER, "description": "of a video"},
    codec={**MAYBE_STRING, "description": "of a video"},
    poster={**STRING, "format": "uri", "description": "the first frame of a video"},
)
_GENERATION = object_of(
    "id",
    "object",
    "status",
    "model",
    "prompt",
    "inputs",
    "media",
    "created_at",
    id=STRING,
    object=_constant("generation"),
    status={"type": "string", "enum": list(get_args(Status))},
    progress={**MAYBE_INTEGER, "description": "percent"},
    model=STRING,
    prompt=STRING,
    params=ANY_OBJECT,
    inputs={"type": "array", "items": ref("Input")},
    media={"type": "array", "items": ref("Media")},
    upstream_ids=ANY_OBJECT,
    error={"type": ["object", "null"]},
    created_at=INTEGER,
    finished_at=MAYBE_INTEGER,
)
_SCHEMAS: Schema = {
    "Error": object_of(
        "error",
        error=object_of(
            "message",
            "type",
            "param",
            "code",
            message=STRING,
            type=STRING,
            param=MAYBE_STRING,
            code=STRING,
        ),
    ),
    "ChatRequest": _CHAT_REQUEST,
    "ChatAnswer": object_of(
        "id",
        "object",
        "created",
        "model",
        "choices",
        "darkroom",
        id=STRING,
        object=_constant("chat.completion"),
        created=INTEGER,
        model=STRING,
        choices={"type": "array", "items": ANY_OBJECT},
        usage=ANY_OBJECT,
        darkroom=ref("Report"),
    ),
    "Report": object_of(
        "generations",
        "media",
        "omitted",
        generations={"type": "array", "items": ANY_OBJECT},
        media={"type": "array", "items": ref("Media")},
        omitted={"type": "array", "items": object_of("id", "reason", id=STRING, reason=STRING)},
        lost={"type": "array", "items": ANY_OBJECT},
        usage={**STRING, "description": "`estimated` where the upstream did not count"},
    ),
    "Model": object_of("id", "object", id=STRING, object=_constant("model"), created=INTEGER, owned_by=STRING),
    "Media": _MEDIA,
    "Input": object_of("role", role=openapi_lineage.ROLE, media=MAYBE_STRING, generation=MAYBE_STRING),
    "Generation": _GENERATION,
    "Deleted": object_of("id", "deleted", id=STRING, object=STRING, deleted={"type": "boolean"}, status=STRING),
}
_MEDIA_ID = _path("id", "media_01jqwte8yjf7haxqc521b7z2wf")
_GENERATION_ID = _path("id", "gen_01jqwte8yjf7haxqc521b7z2wf")
_BINARY: Schema = {"type": "string", "format": "binary"}
_MEDIA_BYTES: Schema = {
    "200": {"description": "The bytes, untouched", "content": {"*/*": {"schema": _BINARY}}},
    "206": {"description": "A range of them", "content": {"*/*": {"schema": _BINARY}}},
    "304": {"description": "Not modified"},
    "400": json_body(ref("Error"), "Error"),
    "404": json_body(ref("Error"), "Error"),
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
            "content": {"application/json": {"schema": ref("ChatRequest"), "example": _EXAMPLE}},
        },
        "parameters": [_OUTPUT_PARAMETER, KEY, PREFER],
        "description": "As OpenAI's, for every model. With `stream` the answer is server-sent events.",
    }
    limit = query("limit", {"type": "integer", "minimum": 1, "maximum": 100}, "rows of a page")
    after = query("after", STRING, "the last id of the page before")
    stream = query("stream", {"type": "boolean"}, "events: the generation now, and whenever it has changed")
    width = query("w", {"type": "integer", "minimum": 1, "maximum": 4096}, "a thumbnail of about this width")
    answer = {
        "description": "The answer, or its stream",
        "content": {
            "application/json": {"schema": ref("ChatAnswer")},
            "text/event-stream": {"schema": {"description": "events, each a chunk as JSON; `[DONE]` is the last"}},
        },
    }
    page = {"description": "A page", "content": {"text/html": {"schema": STRING}}}
    paths: Schema = {
        "/": {"get": _operation("The home page", {"200": page})},
        "/docs": {"get": _operation("This reference", {"200": page})},
        "/openapi.json": {"get": _operation("This document", {"200": json_body(ANY_OBJECT)})},
        "/health": {"get": _operation("Whether the gateway works", answers(json_body(ANY_OBJECT)))},
        "/metrics": {
            "get": _operation(
                "What the gateway counts, in Prometheus' text format",
                {
                    **answers(ANY_OBJECT),
                    "200": {"description": "Metrics", "content": {"text/plain": {"schema": STRING}}},
                },
            )
        },
        "/v1/chat/completions": {"post": _operation("Chat", made(answer), **chat)},
        "/v1/models": {"get": _operation("All models", answers(json_body(_page_of(ref("Model")))))},
        "/v1/models/{model}": {
            "get": _operation("One model", answers(json_body(ref("Model"))), parameters=[_path("model", "sketch")])
        },
        "/v1/generations": {
            "get": _operation(
                "Your generations", answers(json_body(_page_of(ref("Generation")))), parameters=[limit, after]
            )
        },
        "/v1/generations/{id}": {
            "get": _operation("One generation", answers(_watched()), parameters=[_GENERATION_ID, stream]),
            "delete": _operation(
                "Delete a generation and its media, or cancel it while it is a job under way",
                {**answers(json_body(ref("Deleted"))), "409": json_body(ref("Error"), "Error")},
                parameters=[_GENERATION_ID],
            ),
        },
        "/v1/media/{id}": {
            "get": _operation("What is known of media", answers(json_body(ref("Media"))), parameters=[_MEDIA_ID]),
            "delete": _operation("Delete media", answers(json_body(ref("Deleted"))), parameters=[_MEDIA_ID]),
        },
        "/v1/media/{id}/pin": {
            "post": _operation("Keep media whatever its age", answers(json_body(ref("Media"))), parameters=[_MEDIA_ID]),
            "delete": _operation(
                "Let media go when its time comes", answers(json_body(ref("Media"))), parameters=[_MEDIA_ID]
            ),
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
    paths |= openapi_lineage.paths(_GENERATION_ID)
    paths |= openapi_responses.paths()
    paths |= openapi_videos.paths()
    return {
        "openapi": "3.1.0",
        "info": {"title": "Darkroom", "version": __version__, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": {
                **_SCHEMAS,
                **openapi_files.SCHEMAS,
                **openapi_images.SCHEMAS,
                **openapi_lineage.SCHEMAS,
                **openapi_responses.SCHEMAS,
                **openapi_videos.SCHEMAS,
            },
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"bearer": []}],
    }


def _watched() -> Schema:
    """Return a generation, or the stream of its states."""
    told = json_body(ref("Generation"), "The generation, or the stream of its states")
    told["content"]["text/event-stream"] = {
        "schema": {"description": "events, each a generation as JSON; `[DONE]` is the last"}
    }
    return told
