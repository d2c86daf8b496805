"""The OpenAPI document's part for the Videos API."""

from __future__ import annotations

from typing import Any

from darkroom.endpoints.schemas import (
    INTEGER,
    KEY,
    MAYBE_INTEGER,
    MAYBE_STRING,
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

_EXAMPLE: Schema = {"model": "sketch-video", "prompt": "a lighthouse in a storm", "seconds": "4"}
_ID: Schema = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": STRING,
    "example": "gen_01jqwte8yjf7haxqc521b7z2wf",
}
_FIELDS: dict[str, Schema] = {
    "model": {"type": "string", "minLength": 1, "description": "`model`, or `provider/model`"},
    "prompt": {"type": "string", "minLength": 1},
    "seconds": {"type": "string", "description": "`4`, `8`, `12`; what the model makes"},
    "size": {"type": "string", "description": "`1280x720`"},
}
_REFERENCE: Schema = {
    "description": "The first frame, or a video to be changed: a URL, a data URI or an id of this gateway",
    "anyOf": [STRING, object_of(image_url=STRING, video_url=STRING, file_id=STRING)],
}
_BINARY: Schema = {"type": "string", "format": "binary"}

SCHEMAS: Schema = {
    "VideoRequest": object_of("model", "prompt", **_FIELDS, input_reference=_REFERENCE),
    "VideoForm": object_of(
        "model",
        "prompt",
        **_FIELDS,
        input_reference={**_BINARY, "description": "the first frame, or a video to be changed"},
    ),
    "RemixRequest": object_of("prompt", prompt={"type": "string", "minLength": 1}),
    "Video": object_of(
        "id",
        "object",
        "model",
        "status",
        "progress",
        "created_at",
        id=STRING,
        object={"type": "string", "const": "video"},
        model=STRING,
        status={"type": "string", "enum": ["queued", "in_progress", "completed", "failed"]},
        progress={**INTEGER, "description": "percent"},
        created_at={**INTEGER, "description": "Unix seconds"},
        completed_at=MAYBE_INTEGER,
        expires_at=MAYBE_INTEGER,
        seconds=MAYBE_STRING,
        size=MAYBE_STRING,
        prompt=MAYBE_STRING,
        remixed_from_video_id=MAYBE_STRING,
        error={"anyOf": [{"type": "null"}, object_of("code", "message", code=STRING, message=STRING)]},
        url={**STRING, "format": "uri", "description": "the link to it, once it is there"},
    ),
    "Videos": object_of(
        "object",
        "data",
        "has_more",
        object={"type": "string", "const": "list"},
        data=list_of(ref("Video")),
        first_id=MAYBE_STRING,
        last_id=MAYBE_STRING,
        has_more={"type": "boolean"},
    ),
}


def paths() -> Schema:
    """Return the operations by path and method."""
    limit = query("limit", {"type": "integer", "minimum": 1, "maximum": 100}, "videos of a page")
    order = query("order", {"type": "string", "enum": ["asc", "desc"]}, "the newest come first")
    after = query("after", STRING, "the last id of the page before")
    body = {
        "application/json": {"schema": ref("VideoRequest"), "example": _EXAMPLE},
        "multipart/form-data": {"schema": ref("VideoForm")},
    }
    remix = {"application/json": {"schema": ref("RemixRequest"), "example": {"prompt": "the same at night"}}}
    shown = json_body(ref("Video"))
    return {
        "/v1/videos": {
            "post": _operation(
                "Begin a video", made(shown), [KEY], "As OpenAI's, for every model that makes videos.", body
            ),
            "get": _operation("Your videos", answers(json_body(ref("Videos"))), [limit, order, after]),
        },
        "/v1/videos/{id}": {
            "get": _operation("One video, and how far it is", answers(shown), [_ID]),
            "delete": _operation(
                "Delete a video; one in the making is cancelled", answers(json_body(ref("Deleted"))), [_ID]
            ),
        },
        "/v1/videos/{id}/content": {"get": _content()},
        "/v1/videos/{id}/remix": {
            "post": _operation(
                "Make a video once more, changed", made(shown), [_ID, KEY], "By the model that made it.", remix
            )
        },
    }


def _content() -> Schema:
    variant = query(
        "variant", {"type": "string", "enum": ["video", "thumbnail", "spritesheet"]}, "what to show; the video is usual"
    )
    bytes_of_it = {"content": {"*/*": {"schema": _BINARY}}}
    told = {
        **answers({"description": "The bytes, or a picture of them", **bytes_of_it}),
        "206": {"description": "A range of them", **bytes_of_it},
        "304": {"description": "Not modified"},
        "416": {"description": "Range not satisfiable"},
    }
    return _operation("The bytes of a video, or its first frame, or several", told, [_ID, variant])


def _operation(
    summary: str, responses: Schema, parameters: list[Schema], description: str = "", body: Any = None
) -> Schema:
    told: Schema = {"summary": summary, "responses": responses, "parameters": parameters}
    if description:
        told["description"] = description
    return {**told, "requestBody": {"required": True, "content": body}} if body else told
