"""The OpenAPI document's part for Google's doors and for the files."""

from __future__ import annotations

from typing import Any

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
    ref,
)


def _operation(summary: str, success: Schema, error: str = "GoogleError", **more: Any) -> Schema:
    return {"summary": summary, "responses": answers(success, error=error), **more}


def _parameter(name: str, where: str, schema: Schema, description: str = "", **more: Any) -> Schema:
    required = where == "path"
    return {"name": name, "in": where, "required": required, "schema": schema, "description": description, **more}


_CONTENT = object_of("parts", role={"type": "string", "enum": ["user", "model"]}, parts=list_of(ANY_OBJECT))

SCHEMAS: Schema = {
    "GoogleError": object_of(
        "error",
        error=object_of(
            "code", "message", "status", code=INTEGER, message=STRING, status=STRING, details=list_of(ANY_OBJECT)
        ),
    ),
    "GenerateContentRequest": object_of(
        "contents",
        contents={**list_of(_CONTENT), "minItems": 1},
        systemInstruction=ANY_OBJECT,
        generationConfig=ANY_OBJECT,
        tools=list_of(ANY_OBJECT),
        toolConfig=ANY_OBJECT,
    ),
    "GenerateContentAnswer": object_of(
        candidates=list_of(ANY_OBJECT),
        promptFeedback=ANY_OBJECT,
        usageMetadata=ANY_OBJECT,
        modelVersion=STRING,
        responseId=STRING,
        darkroom=ref("Report"),
    ),
    "GoogleModel": object_of("name", name=STRING, displayName=STRING, supportedGenerationMethods=list_of(STRING)),
    "GoogleModels": object_of("models", models=list_of(ref("GoogleModel")), nextPageToken=STRING),
    "GoogleFile": object_of(
        "name", "uri", "mimeType", "sizeBytes", "state",
        name=STRING, displayName=STRING, mimeType=STRING, sizeBytes=STRING, createTime=STRING,
        updateTime=STRING, expirationTime=STRING, sha256Hash=STRING, uri=STRING, downloadUri=STRING,
        state=STRING, source=STRING,
    ),
    "GoogleFiles": object_of("files", files=list_of(ref("GoogleFile")), nextPageToken=STRING),
    "File": object_of(
        "id", "object", "bytes", "created_at", "filename", "purpose", "status",
        id=STRING, object={"type": "string", "const": "file"}, bytes=INTEGER, created_at=INTEGER, filename=STRING,
        purpose=STRING, status=STRING, expires_at=MAYBE_INTEGER,
    ),
    "Upload": object_of(
        "object", "status", "bytes_received",
        object={"type": "string", "const": "upload"}, status={"type": "string", "enum": ["pending", "completed"]},
        bytes_received=INTEGER, bytes=MAYBE_INTEGER, filename=STRING, purpose=STRING, created_at=INTEGER,
        expires_at=INTEGER, file={"anyOf": [ref("File"), {"type": "null"}]},
    ),
    "Files": object_of(
        "object", "data", "has_more",
        object={"type": "string", "const": "list"}, data=list_of(ref("File")), first_id=MAYBE_STRING,
        last_id=MAYBE_STRING, has_more={"type": "boolean"},
    ),
}  # fmt: skip

_BYTES_OF_A_FILE: Schema = {
    "206": {"description": "A range of them", "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}},
    "304": {"description": "Not modified"},
    "416": {"description": "Range not satisfiable"},
}
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
    token = _parameter("pageToken", "query", STRING, "from the page before")
    size = _parameter("pageSize", "query", {"type": "integer", "minimum": 1, "maximum": 100}, "rows of a page")
    found["/v1beta/models"] = {
        "get": _operation("All models, as Google lists them", json_body(ref("GoogleModels")), parameters=[size, token])
    }
    found["/v1beta/models/{model}"]["get"] = _operation(
        "One model, as Google describes it",
        json_body(ref("GoogleModel")),
        parameters=[_parameter("model", "path", STRING, example="sketch")],
    )
    name = _parameter("id", "path", STRING, example="01jqwte8yjf7haxqc521b7z2wf")
    found["/v1beta/files"] = {
        "get": _operation("Your files, as Google lists them", json_body(ref("GoogleFiles")), parameters=[size, token])
    }
    found["/v1beta/files/{id}"] = {
        "get": _operation("One file; with `:download` behind its id, its bytes", _downloaded(), parameters=[name]),
        "delete": _operation("Delete a file and its media", json_body(ANY_OBJECT), parameters=[name]),
    }
    return found | _files()


def _generate(output: Schema) -> Schema:
    answer = ref("GenerateContentAnswer")
    streamed = {"schema": {"description": "events, each an answer as JSON"}}
    success = {
        "description": "The answer, or its stream",
        "content": {
            "application/json": {"schema": {"anyOf": [answer, list_of(answer)]}},
            "text/event-stream": streamed,
        },
    }
    model = _parameter("model", "path", STRING, "`model:method`", example="sketch:generateContent")
    alt = _parameter("alt", "query", {"type": "string", "enum": ["sse"]}, "how a stream is framed; else one JSON list")
    return {
        "summary": "Generate content, as Gemini's API does",
        "responses": made(success, "GoogleError"),
        "description": "`{model}` ends in `:generateContent` or `:streamGenerateContent`. Media is `inlineData`, or "
        "with another X-Darkroom-Output than `inline` a link in `fileData`.",
        "parameters": [model, alt, output, KEY, PREFER],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": ref("GenerateContentRequest"), "example": _CONTENTS}},
        },
    }


def _upload() -> Schema:
    command = _parameter("X-Goog-Upload-Command", "header", STRING, "start; then upload, finalize, query or cancel")
    return _operation(
        "Upload a file, as Gemini's API does: resumable",
        json_body(ANY_OBJECT),
        parameters=[_parameter("upload_id", "query", STRING, "of an upload that was started"), command],
        description="The first answer's header `x-goog-upload-url` says where the bytes go.",
    )


def _downloaded() -> Schema:
    return {
        "description": "The file",
        "content": {"application/json": {"schema": ref("GoogleFile")}, **_BYTES["content"]},
    }


def _files() -> Schema:
    id = _parameter("id", "path", STRING, example="file_01jqwte8yjf7haxqc521b7z2wf")
    form = object_of(
        "file",
        "purpose",
        file={"type": "string", "format": "binary"},
        purpose={"type": "string", "enum": ["assistants", "batch", "fine-tune", "vision", "user_data", "evals"]},
    )
    page = [
        _parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": 10000}, "rows of a page"),
        _parameter("after", "query", STRING, "the last id of the page before"),
        _parameter("order", "query", {"type": "string", "enum": ["asc", "desc"]}, "by age; newest first is usual"),
        _parameter("purpose", "query", STRING, "only files of this purpose"),
    ]
    shared = "With Google's key header or `?key=` the answer has Google's shape."
    body = {"required": True, "content": {"multipart/form-data": {"schema": form}}}
    return {
        "/v1/files": {
            "post": _operation(
                "Upload a file to name in any chat by its id", json_body(ref("File")), "Error", requestBody=body
            ),
            "get": _operation("Your files", json_body(ref("Files")), "Error", parameters=page, description=shared),
        },
        "/v1/files/{id}": {
            "get": _operation("One file", json_body(ref("File")), "Error", parameters=[id], description=shared),
            "delete": _operation(
                "Delete a file and its media", json_body(ref("Deleted")), "Error", parameters=[id], description=shared
            ),
        },
        "/v1/files/{id}/content": {
            "get": {
                "summary": "The bytes of a file, or a range of them",
                "parameters": [id],
                "responses": {**answers(_BYTES), **_BYTES_OF_A_FILE},
            }
        },
        **_tus(),
    }


def _tus() -> Schema:
    """Return the paths of resumable uploads by the tus protocol."""
    id = _parameter("id", "path", STRING, "the end of the upload's URL", example="a-secret")
    version = _parameter("Tus-Resumable", "header", STRING, "1.0.0")
    length = _parameter("Upload-Length", "header", STRING, "bytes that will come; or Upload-Defer-Length: 1")
    metadata = _parameter("Upload-Metadata", "header", STRING, "filename, purpose, expires_after; values in base64")
    offset = _parameter("Upload-Offset", "header", STRING, "the first of these bytes")
    checksum = _parameter("Upload-Checksum", "header", STRING, "sha1 or sha256, and the hash in base64")
    body = "The body is `application/offset+octet-stream`."
    done = {"description": "Done; what is told stands in the headers"}
    operations = {
        "get": _resumable("How far an upload is, as JSON", "200", json_body(ref("Upload")), [id]),
        "patch": _resumable("Go on with an upload", "204", done, [id, version, offset, checksum], body),
        "post": _resumable(
            "The method that X-HTTP-Method-Override names",
            "204",
            done,
            [id, version, offset, _parameter("X-HTTP-Method-Override", "header", STRING, "PATCH or DELETE")],
            body,
        ),
        "delete": _resumable("Give an upload up", "204", done, [id, version]),
        "options": _resumable("What is spoken here", "204", done, [id]),
    }
    operations["post"]["responses"]["200"] = json_body(ref("Upload"))
    return {
        "/v1/files/tus": {
            "post": _resumable(
                "Begin a resumable upload, which becomes a file", "201", done, [version, length, metadata], body
            ),
            "options": _resumable("What is spoken here", "204", done, []),
        },
        "/v1/files/tus/{id}": operations,
    }


def _resumable(summary: str, status: str, success: Schema, parameters: list[Any], more: str = "") -> Schema:
    errors = {code: json_body(ref("Error"), "Error") for code in ("409", "412", "415", "460")}
    return {
        "summary": summary,
        "description": f"tus 1.0.0. {more}",
        "parameters": parameters,
        "responses": answers(success, status) | errors,
    }
