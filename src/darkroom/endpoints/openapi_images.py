"""The OpenAPI document's part for the Images API."""

from __future__ import annotations

from darkroom.endpoints.schemas import INTEGER, KEY, PREFER, STRING, Schema, made, object_of, ref

_EXAMPLE: Schema = {"model": "sketch", "prompt": "a lighthouse in a storm"}


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
    "anyOf": [STRING, object_of(image_url=STRING, file_id=STRING)],
}
_PICTURE = object_of(b64_json=STRING, url=STRING, revised_prompt=STRING)
_FEWER = object_of("asked", "made", asked=INTEGER, made=INTEGER)

SCHEMAS: Schema = {
    "ImagesRequest": object_of("model", "prompt", **_FIELDS),
    "ImagesEdit": object_of(
        "model",
        "prompt",
        "images",
        **_FIELDS,
        images={"type": "array", "minItems": 1, "maxItems": 16, "items": _REFERENCE},
        mask=_REFERENCE,
    ),
    "ImagesForm": object_of(
        "model",
        "prompt",
        "image",
        **_FIELDS,
        image=_file("a picture; several as `image[]`"),
        mask=_file("a PNG, transparent where the first picture is to be changed"),
    ),
    "ImagesAnswer": object_of(
        "created",
        "data",
        "darkroom",
        created=INTEGER,
        data={"type": "array", "items": _PICTURE},
        background=STRING,
        output_format=STRING,
        quality=STRING,
        size=STRING,
        usage={"type": "object"},
        darkroom={"allOf": [ref("Report"), object_of(fewer=_FEWER)]},
    ),
}


def paths() -> Schema:
    """Return the operations by path and method."""
    return {
        "/v1/images/generations": {
            "post": _operation(
                "Pictures of words",
                {"application/json": {"schema": ref("ImagesRequest"), "example": _EXAMPLE}},
            )
        },
        "/v1/images/edits": {
            "post": _operation(
                "Pictures of pictures",
                {
                    "multipart/form-data": {"schema": ref("ImagesForm")},
                    "application/json": {"schema": ref("ImagesEdit")},
                },
            )
        },
    }


def _operation(summary: str, body: Schema) -> Schema:
    answer = {
        "description": "The answer, or its stream",
        "content": {
            "application/json": {"schema": ref("ImagesAnswer")},
            "text/event-stream": {"schema": {"description": "events named as OpenAI's, each with its data as JSON"}},
        },
    }
    return {
        "summary": summary,
        "description": "As OpenAI's, for every model that makes pictures.",
        "requestBody": {"required": True, "content": body},
        "parameters": [KEY, PREFER],
        "responses": made(answer),
    }
