"""The OpenAPI document's part for Google's doors and for the files."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_STRING: Schema = {"type": "string"}
_INTEGER: Schema = {"type": "integer"}
_OBJECT: Schema = {"type": "object"}
_MAYBE_INTEGER: Schema = {"type": ["integer", "null"]}
_MAYBE_STRING: Schema = {"type": ["string", "null"]}
_ERRORS = ("400", "401", "403", "404", "405", "413", "429", "500", "502", "503", "504")


def _object(*required: str, **properties: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": properties}


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: Schema, description: str = "Success") -> Schema:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _operation(summary: str, success: Schema, error: str = "GoogleError", **more: Any) -> Schema:
    failures = {status: _json(_ref(error), "Error") for status in _ERRORS}
    return {"summary": summary, "responses": {"200": success, **failures}, **more}


def _parameter(name: str, where: str, schema: Schema, description: str = "", **more: Any) -> Schema:
    required = where == "path"
    return {"name": name, "in": where, "required": required, "schema": schema, "description": description, **more}


SCHEMAS: Schema = {
    "GoogleError": _object(
        "error",
        error=_object(
            "code", "message", "status", code=_INTEGER, message=_STRING, status=_STRING, details=_list(_OBJECT)
        ),
    ),
    "GenerateContentRequest": _object(
        "contents",
        contents={
            **_list(_object("parts", role={"type": "string", "enum": ["user", "model"]}, parts=_list(_OBJECT))),
            "minItems": 1,
        },
        systemInstruction=_OBJECT,
        generationConfig=_OBJECT,
        tools=_list(_OBJECT),
        toolConfig=_OBJECT,
    ),
    "GenerateContentAnswer": _object(
        candidates=_list(_OBJECT),
        promptFeedback=_OBJECT,
        usageMetadata=_OBJECT,
        modelVersion=_STRING,
        responseId=_STRING,
        darkroom=_ref("Report"),
    ),
    "GoogleModel": _object("name", name=_STRING, displayName=_STRING, supportedGenerationMethods=_list(_STRING)),
    "GoogleModels": _object("models", models=_list(_ref("GoogleModel")), nextPageToken=_STRING),
    "GoogleFile": _object(
        "name", "uri", "mimeType", "sizeBytes", "state",
        name=_STRING, displayName=_STRING, mimeType=_STRING, sizeBytes=_STRING, createTime=_STRING,
        updateTime=_STRING, expirationTime=_STRING, sha256Hash=_STRING, uri=_STRING, downloadUri=_STRING,
        state=_STRING, source=_STRING,
    ),
    "GoogleFiles": _object("files", files=_list(_ref("GoogleFile")), nextPageToken=_STRING),
    "File": _object(
        "id", "object", "bytes", "created_at", "filename", "purpose", "status",
        id=_STRING, object={"type": "string", "const": "file"}, bytes=_INTEGER, created_at=_INTEGER, filename=_STRING,
        purpose=_STRING, status=_STRING, expires_at=_MAYBE_INTEGER,
    ),
    "Files": _object(
        "object", "data", "has_more",
        object={"type": "string", "const": "list"}, data=_list(_ref("File")), first_id=_MAYBE_STRING,
        last_id=_MAYBE_STRING, has_more={"type": "boolean"},
    ),
}  # fmt: skip

_CONTENTS: Schema = {"contents": [{"role": "user", "parts": [{"text": "a lighthouse in a storm"}]}]}
_BYTES: Schema = {
    "description": "The bytes, untouched",
    "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
}


def paths(output: Schema) -> Schema:
    """Return the paths; `output` is the parameter for the shape of media in an answer."""
    found: Schema = {}
    for version in ("v1", "v1beta"):
        model = {"post": _generate(output)}
        found[f"/{version}/models/{{model}}"] = model
        found[f"/upload/{version}/files"] = {"post": _upload()}
    token = _parameter("pageToken", "query", _STRING, "from the page before")
    size = _parameter("pageSize", "query", {"type": "integer", "minimum": 1, "maximum": 100}, "rows of a page")
    found["/v1beta/models"] = {
        "get": _operation("All models, as Google lists them", _json(_ref("GoogleModels")), parameters=[size, token])
    }
    found["/v1beta/models/{model}"]["get"] = _operation(
        "One model, as Google describes it",
        _json(_ref("GoogleModel")),
        parameters=[_parameter("model", "path", _STRING, example="sketch")],
    )
    name = _parameter("id", "path", _STRING, example="01jqwte8yjf7haxqc521b7z2wf")
    found["/v1beta/files"] = {
        "get": _operation("Your files, as Google lists them", _json(_ref("GoogleFiles")), parameters=[size, token])
    }
    found["/v1beta/files/{id}"] = {
        "get": _operation("One file; with `:download` behind its id, its bytes", _downloaded(), parameters=[name]),
        "delete": _operation("Delete a file and its media", _json(_OBJECT), parameters=[name]),
    }
    return found | _files()


def _generate(output: Schema) -> Schema:
    answer = _ref("GenerateContentAnswer")
    streamed = {"schema": {"description": "events, each an answer as JSON"}}
    success = {
        "description": "The answer, or its stream",
        "content": {
            "application/json": {"schema": {"anyOf": [answer, _list(answer)]}},
            "text/event-stream": streamed,
        },
    }
    model = _parameter("model", "path", _STRING, "`model:method`", example="sketch:generateContent")
    alt = _parameter("alt", "query", {"type": "string", "enum": ["sse"]}, "how a stream is framed; else one JSON list")
    return _operation(
        "Generate content, as Gemini's API does",
        success,
        description="`{model}` ends in `:generateContent` or `:streamGenerateContent`. Media is `inlineData`, or with "
        "another X-Darkroom-Output than `inline` a link in `fileData`.",
        parameters=[model, alt, output],
        requestBody={
            "required": True,
            "content": {"application/json": {"schema": _ref("GenerateContentRequest"), "example": _CONTENTS}},
        },
    )


def _upload() -> Schema:
    command = _parameter("X-Goog-Upload-Command", "header", _STRING, "start; then upload, finalize, query or cancel")
    return _operation(
        "Upload a file, as Gemini's API does: resumable",
        _json(_OBJECT),
        parameters=[_parameter("upload_id", "query", _STRING, "of an upload that was started"), command],
        description="The first answer's header `x-goog-upload-url` says where the bytes go.",
    )


def _downloaded() -> Schema:
    return {
        "description": "The file",
        "content": {"application/json": {"schema": _ref("GoogleFile")}, **_BYTES["content"]},
    }


def _files() -> Schema:
    id = _parameter("id", "path", _STRING, example="file_01jqwte8yjf7haxqc521b7z2wf")
    form = _object(
        "file",
        "purpose",
        file={"type": "string", "format": "binary"},
        purpose={"type": "string", "enum": ["assistants", "batch", "fine-tune", "vision", "user_data", "evals"]},
    )
    page = [
        _parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": 10000}, "rows of a page"),
        _parameter("after", "query", _STRING, "the last id of the page before"),
        _parameter("order", "query", {"type": "string", "enum": ["asc", "desc"]}, "by age; newest first is usual"),
        _parameter("purpose", "query", _STRING, "only files of this purpose"),
    ]
    shared = "With Google's key header or `?key=` the answer has Google's shape."
    body = {"required": True, "content": {"multipart/form-data": {"schema": form}}}
    return {
        "/v1/files": {
            "post": _operation(
                "Upload a file to name in any chat by its id", _json(_ref("File")), "Error", requestBody=body
            ),
            "get": _operation("Your files", _json(_ref("Files")), "Error", parameters=page, description=shared),
        },
        "/v1/files/{id}": {
            "get": _operation("One file", _json(_ref("File")), "Error", parameters=[id], description=shared),
            "delete": _operation(
                "Delete a file and its media", _json(_ref("Deleted")), "Error", parameters=[id], description=shared
            ),
        },
        "/v1/files/{id}/content": {"get": _operation("The bytes of a file", _BYTES, "Error", parameters=[id])},
    }
