"""What Discovery Engine takes: its requests, field by field, refused as the real API does where they are wrong.

Formats: google.cloud.discoveryengine.v1 (0.20), and the REST reference for `addContextFile` and `fileIds`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from darkroom.media import sniff
from darkroom.testing.emulation import Fields, Refusal

MIMES = frozenset(
    "image/png image/jpeg image/webp image/gif image/heic image/bmp application/pdf text/plain text/csv text/html "
    "video/mp4 video/quicktime video/webm video/mpeg audio/mpeg audio/wav audio/mp4 audio/ogg audio/flac".split()
)
_ASK = frozenset("query session userMetadata toolsSpec generationSpec".split())
_TOOLS = frozenset("imageGenerationSpec videoGenerationSpec webGroundingSpec vertexAiSearchSpec".split())
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class Refused(Refusal):
    @property
    def body(self) -> Fields:
        return {"error": {"code": self.status, "message": self.message, "status": _STATUS[self.status]}}


@dataclass(frozen=True, slots=True)
class Question:
    """One `streamAssist`, read."""

    text: str
    session: str
    file_ids: tuple[str, ...]
    model: str | None
    tools: frozenset[str]


@dataclass(frozen=True, slots=True)
class File:
    """One `addContextFile`, read."""

    name: str
    mime: str
    data: bytes


def table(value: Any, at: str, known: frozenset[str]) -> Mapping[str, Any]:
    """Return a JSON object of these fields alone."""
    if not isinstance(value, dict):
        raise Refused(400, f"Invalid value at '{at}': Starting an object on a scalar field")
    for name in value.keys() - known:
        where = f" at '{at}'" if at else ""
        raise Refused(400, f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.')
    return value


def text(value: Any, at: str) -> str:
    if not isinstance(value, str):
        raise Refused(400, f"Invalid value at '{at}' (TYPE_STRING), {value}")
    return value


def read_session(body: Any) -> Fields:
    """Read what a session is created with."""
    known = table(body or {}, "session", frozenset({"displayName", "userPseudoId", "labels", "isPinned"}))
    return {
        "displayName": text(known.get("displayName", ""), "session.display_name"),
        "labels": known.get("labels", []),
    }


def read_question(body: Any, version: str, models: frozenset[str]) -> Question:
    """Read a question; only one version of the API has files in it."""
    asked = table(body, "", _ASK | ({"fileIds"} if version == "v1alpha" else set()))
    tools = table(asked.get("toolsSpec", {}), "tools_spec", _TOOLS)
    for name in ("imageGenerationSpec", "videoGenerationSpec", "webGroundingSpec"):
        table(tools.get(name, {}), f"tools_spec.{name}", frozenset())
    table(asked.get("userMetadata", {}), "user_metadata", frozenset({"timeZone", "preferredLanguageCode"}))
    spec = table(asked.get("generationSpec", {}), "generation_spec", frozenset({"modelId"}))
    model = text(spec["modelId"], "generation_spec.model_id") if spec else None
    if model is not None and model not in models:
        raise Refused(400, f"Model {model} is not supported.")
    files = asked.get("fileIds", [])
    if not isinstance(files, list):
        raise Refused(400, "Invalid value at 'file_ids'")
    words = text(table(asked.get("query", {}), "query", frozenset({"text"})).get("text", ""), "query.text")
    if not words.strip() and not files:
        raise Refused(400, "Query must not be empty.")
    session = text(asked.get("session", ""), "session")
    return Question(words, session, tuple(text(each, "file_ids") for each in files), model, frozenset(tools))


def read_file(body: Any, limit: int) -> File:
    """Read a context file: base64 in JSON, of a type that the assistant takes."""
    known = table(body, "", frozenset({"fileName", "mimeType", "fileContents"}))
    name, mime, contents = (text(known.get(each), each) for each in ("fileName", "mimeType", "fileContents"))
    if not name:
        raise Refused(400, "File name must be set.")
    if mime not in MIMES:
        raise Refused(400, f"Unsupported mime type: {mime}.")
    try:
        data = base64.b64decode(contents, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(400, "Invalid value at 'file_contents' (TYPE_BYTES), Base64 decoding failed.") from None
    if not data:
        raise Refused(400, "File contents must be set.")
    if len(data) > limit:
        raise Refused(400, f"File size exceeds the limit of {limit} bytes.")
    if mime.startswith("image/") and sniff(data[:512]) != mime:
        raise Refused(400, "The file's contents are not of its mime type.")
    return File(name, mime, data)
