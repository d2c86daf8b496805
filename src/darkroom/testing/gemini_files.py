"""The Files API of the Gemini emulator: resumable uploads, states, expiry; a file belongs to the key that made it.

Format: https://ai.google.dev/api/files
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from dataclasses import dataclass, field
from typing import Any

Fields = dict[str, Any]
_NAME = re.compile(r"files/[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_CREATED, _EXPIRES = "2026-11-20T10:00:00.000000Z", "2126-11-22T10:00:00.000000Z"
MOST = 2 * 1024**3
REASONS = {
    400: "INVALID_ARGUMENT",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class Refused(Exception):
    """The answer is an error in Google's form."""

    def __init__(self, code: int, message: str, *details: Fields, status: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        error: Fields = {"code": code, "message": message, "status": status or REASONS[code]}
        self.body: Fields = {"error": {**error, "details": list(details)} if details else error}


@dataclass(slots=True)
class File:
    """One file. `polls`: how often it is still looked at before it is `ACTIVE`."""

    name: str
    key: str
    uri: str
    mime: str
    display: str | None
    data: bytes
    polls: int = 0
    expired: bool = False
    failed: bool = False

    def as_json(self) -> Fields:
        state = "FAILED" if self.failed else "PROCESSING" if self.polls else "ACTIVE"
        digest = base64.b64encode(hashlib.sha256(self.data).hexdigest().encode()).decode()
        shown: Fields = {
            "name": self.name,
            "mimeType": self.mime,
            "sizeBytes": str(len(self.data)),
            "createTime": _CREATED,
            "updateTime": _CREATED,
            "expirationTime": _EXPIRES,
            "sha256Hash": digest,
            "uri": self.uri,
            "state": state,
            "source": "UPLOADED",
        }
        if self.display is not None:
            shown["displayName"] = self.display
        if self.failed:
            shown["error"] = {"code": 3, "message": "Failed to process the file."}
        return shown


@dataclass(slots=True)
class _Session:
    """An upload under way."""

    file: File
    size: int
    received: bytearray = field(default_factory=bytearray)
    final: bool = False


@dataclass(slots=True)
class Files:
    """All files, of all keys.

    `polls`: a new file is `PROCESSING` until it was looked at so often; `failing`: it then is `FAILED`; `interrupted`:
    so many of the next uploads break off half-way.
    """

    polls: int = 0
    failing: bool = False
    interrupted: int = 0
    files: dict[str, File] = field(default_factory=dict)
    uploads: int = 0
    """Uploads that were finished."""
    _sessions: dict[str, _Session] = field(default_factory=dict)
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    def expire(self) -> None:
        """Let everything expire that is here now."""
        for file in self.files.values():
            file.expired = True

    def find(self, key: str, name: str) -> File:
        """Return a file of this key. Raises `Refused`, in the same words for what is not there and not the key's."""
        file = self.files.get(name)
        if file is None or file.key != key or file.expired:
            id = name.removeprefix("files/")
            raise Refused(403, f"You do not have permission to access the File {id} or it may not exist.")
        return file

    def look(self, key: str, name: str) -> Fields:
        file = self.find(key, name)
        shown = file.as_json()
        file.polls = max(file.polls - 1, 0)
        return shown

    def delete(self, key: str, name: str) -> Fields:
        del self.files[self.find(key, name).name]
        return {}

    def listed(self, key: str, size: int, token: str) -> Fields:
        """Return a page of a key's files; the token is the place of its first one."""
        mine = [file.as_json() for file in self.files.values() if file.key == key and not file.expired]
        start = int(token) if token.isdecimal() else 0
        page: Fields = {"files": mine[start : start + size]} if mine[start : start + size] else {}
        if start + size < len(mine):
            page["nextPageToken"] = str(start + size)
        return page

    def start(self, key: str, headers: Any, body: bytes, base: str, version: str) -> str:
        """Take the announcement of an upload; return its id. Raises `Refused`."""
        if headers.get("x-goog-upload-protocol") != "resumable" or headers.get("x-goog-upload-command") != "start":
            raise Refused(
                400, "An upload begins with X-Goog-Upload-Protocol: resumable and X-Goog-Upload-Command: start."
            )
        size, mime = headers.get("x-goog-upload-header-content-length", ""), _mime(headers)
        if not size.isdecimal() or not 0 < int(size) <= MOST:
            raise Refused(400, "X-Goog-Upload-Header-Content-Length must be the size of the file in bytes.")
        asked = _metadata(body)
        if int(asked.get("sizeBytes") or size) != int(size) or asked.get("mimeType", mime) != mime:
            raise Refused(400, "The metadata of the file do not match the headers of the upload.")
        name = asked.get("name") or f"files/made-{next(self._ids)}"
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise Refused(400, "File name may only contain lowercase alphanumeric characters or dashes (-).")
        if name in self.files:
            raise Refused(409, f"Requested entity already exists: {name}.")
        file = File(name, key, f"{base}/{version}/{name}", mime, asked.get("displayName"), b"", self.polls)
        id = f"upload-{next(self._ids)}"
        self._sessions[id] = _Session(file, int(size))
        return id

    def go_on(self, id: str, command: str, offset: str, body: bytes) -> tuple[dict[str, str], Fields]:
        """Take bytes of an upload, or tell how far it is: the headers and the body of the answer. Raises `Refused`."""
        session = self._sessions.get(id)
        if session is None:
            raise Refused(404, "There is no such upload.")
        if command == "query":
            state = "final" if session.final else "active"
            return {"x-goog-upload-status": state, "x-goog-upload-size-received": str(len(session.received))}, {}
        if session.final or command not in ("upload", "upload, finalize"):
            raise Refused(400, f"The upload command {command!r} is not possible here.")
        if offset != str(len(session.received)):
            raise Refused(400, f"The upload goes on at {len(session.received)}, not at {offset}.")
        if self.interrupted:
            self.interrupted -= 1
            session.received += body[: len(body) // 2]
            raise Refused(503, "The service is currently unavailable.")
        session.received += body
        if len(session.received) > session.size:
            raise Refused(400, "There are more bytes than were announced.")
        if command == "upload":
            return {"x-goog-upload-status": "active"}, {}
        return {"x-goog-upload-status": "final"}, {"file": self._finished(session)}

    def _finished(self, session: _Session) -> Fields:
        if len(session.received) != session.size:
            raise Refused(400, f"The upload has {len(session.received)} bytes, and {session.size} were announced.")
        session.final = True
        file = session.file
        file.data, file.failed = bytes(session.received), self.failing
        self.files[file.name] = file
        self.uploads += 1
        return file.as_json()


def _mime(headers: Any) -> str:
    mime = headers.get("x-goog-upload-header-content-type", "")
    if not re.fullmatch(r"[a-z]+/[\w.+-]+", mime):
        raise Refused(400, f"Unsupported MIME type: {mime}")
    return str(mime)


def _metadata(body: bytes) -> Fields:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        raise Refused(400, "Invalid JSON payload received.") from None
    file = value.get("file", {}) if isinstance(value, dict) else None
    if not isinstance(file, dict):
        raise Refused(400, "Invalid JSON payload received.")
    # The SDK writes both spellings.
    names = {"display_name": "displayName", "mime_type": "mimeType", "size_bytes": "sizeBytes"}
    file = {names.get(name, name): value for name, value in file.items()}
    if unknown := set(file) - {"name", "displayName", "mimeType", "sizeBytes"}:
        raise Refused(
            400, f"Invalid JSON payload received. Unknown name \"{min(unknown)}\" at 'file': Cannot find field."
        )
    return file
