"""The OpenAPI document's part for the Images API."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_STRING: Schema = {"type": "string"}
_INTEGER: Schema = {"type": "integer"}
_ERRORS = ("400", "401", "403", "404", "405", "413", "429", "500", "502", "503", "504")
_EXAMPLE: Schema = {"model": "sketch", "prompt": "a lighthouse in a storm"}


def _object(*required: str, **properties: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": properties}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _file(description: str) -> Schema:
    return {"type": "string", "format": "binary", "description": description}


_FIELDS: dict[str, Schema] = {
    "model": {"type": "string", "minLength": 1, "description": "`model`, or `provider/model`"},
    "prompt": {"type": "string", "minLength": 1},
    "n": {"type": "integer", "minimum": 1, "maximum": 10},
    "size": {"type": "string", "description": "`1024x1536`, `16:9`, `2K`, `auto`"},
    "response_format": {"type": "string", "enum": ["b64_json", "url"], "default": "b64_json"},
    "stream": {"type": "boolean", "default": False},
    "partial_images": {"type": "integer", "minimum": 0, "maximum": 3, "description": "unfinished ones, in a stream"},
}
_REFERENCE: Schema = {
    "description": "A URL, a data URI or an id of this gateway, by itself or in a field",
    "anyOf": [_STRING, _object(image_url=_STRING, file_id=_STRING)],
}
_PICTURE = _object(b64_json=_STRING, url=_STRING, revised_prompt=_STRING)
_FEWER = _object("asked", "made", asked=_INTEGER, made=_INTEGER)

SCHEMAS: Schema = {
    "ImagesRequest": _object("model", "prompt", **_FIELDS),
    "ImagesEdit": _object(
        "model",
        "prompt",
        "images",
        **_FIELDS,
        images={"type": "array", "minItems": 1, "maxItems": 16, "items": _REFERENCE},
        mask=_REFERENCE,
    ),
    "ImagesForm": _object(
        "model",
        "prompt",
        "image",
        **_FIELDS,
        image=_file("a picture; several as `image[]`"),
        mask=_file("a PNG, transparent where the first picture is to be changed"),
    ),
    "ImagesAnswer": _object(
        "created",
        "data",
        "darkroom",
        created=_INTEGER,
        data={"type": "array", "items": _PICTURE},
        background=_STRING,
        output_format=_STRING,
        quality=_STRING,
        size=_STRING,
        usage={"type": "object"},
        darkroom={"allOf": [_ref("Report"), _object(fewer=_FEWER)]},
    ),
}


def paths() -> Schema:
    """Return the operations by path and method."""
    return {
        "/v1/images/generations": {
            "post": _operation(
                "Pictures of words",
                {"application/json": {"schema": _ref("ImagesRequest"), "example": _EXAMPLE}},
            )
        },
        "/v1/images/edits": {
            "post": _operation(
                "Pictures of pictures",
                {
                    "multipart/form-data": {"schema": _ref("ImagesForm")},
                    "application/json": {"schema": _ref("ImagesEdit")},
                },
            )
        },
    }


def _operation(summary: str, body: Schema) -> Schema:
    error = {"description": "Error", "content": {"application/json": {"schema": _ref("Error")}}}
    answer = {
        "description": "The answer, or its stream",
        "content": {
            "application/json": {"schema": _ref("ImagesAnswer")},
            "text/event-stream": {"schema": {"description": "events named as OpenAI's, each with its data as JSON"}},
        },
    }
    return {
        "summary": summary,
        "description": "As OpenAI's, for every model that makes pictures.",
        "requestBody": {"required": True, "content": body},
        "responses": {"200": answer, **dict.fromkeys(_ERRORS, error)},
    }
