"""The Files API of Gemini: resumable uploads, and the files that become of them.

Strategy. Starting an upload gives a URL with a secret, which is the permission to go on; the database has its hash.
Each piece that comes before the last is made durable (`filing`), so any replica can go on with an upload, and one that
is never completed is swept. The last piece puts them together.
Format: https://ai.google.dev/api/files
"""

from __future__ import annotations

import re
import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from darkroom.clock import now
from darkroom.codecs.links import make_link
from darkroom.database import File, Upload, UploadPiece
from darkroom.dialects.gemini.asked_params import get
from darkroom.dialects.wire import parse_object
from darkroom.endpoints.body import arriving, read_small
from darkroom.endpoints.errors import google_error_response
from darkroom.endpoints.files import content_of, find_file, missing_file
from darkroom.endpoints.gemini import page_size
from darkroom.errors import DarkroomError, MalformedRequest, NotFound, TooLarge
from darkroom.filing import Incoming, taken
from darkroom.gateway import Gateway
from darkroom.storage import GRACE_MS

_NAME = re.compile(r"(?:files/)?([a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?)")
_MAX_METADATA = 64 * 1024
_MAX_NAME = 512
_GRANULARITY = 262144
_PAGE, _MAX_PAGE = 10, 100
_DOWNLOAD = ":download"


async def upload(request: Request) -> Response:
    """`POST /upload/v1beta/files`: start an upload, or with `upload_id` go on with it.

    Google's clients try again whatever answers without a status of the upload; so every answer has one.
    """
    try:
        if "upload_id" in request.query_params:
            return await _go_on(request, request.query_params["upload_id"])
        return await _start(request)
    except DarkroomError as error:
        response = google_error_response(error)
        response.headers["x-goog-upload-status"] = "final"
        return response


async def list_files(request: Request) -> Response:
    """`GET /v1beta/files?pageSize&pageToken`: one's own, newest first."""
    gateway: Gateway = request.app.state.gateway
    size = page_size(request, _PAGE, _MAX_PAGE)
    token = request.query_params.get("pageToken") or None
    rows = await gateway.database.files.page(request.state.owner, now(), count=size + 1, after=token)
    page: dict[str, Any] = {"files": [_describe(file, gateway) for file in rows[:size]]}
    if len(rows) > size:
        page["nextPageToken"] = rows[size - 1].id
    return JSONResponse(page)


async def get_file(request: Request) -> Response:
    """`GET /v1beta/files/{id}`; with `:download` behind it, the bytes."""
    gateway: Gateway = request.app.state.gateway
    id: str = request.path_params["id"]
    file = await find_file(request, f"files/{id.removesuffix(_DOWNLOAD)}")
    return await content_of(request, file) if id.endswith(_DOWNLOAD) else JSONResponse(_describe(file, gateway))


async def delete_file(request: Request) -> Response:
    """`DELETE /v1beta/files/{id}`: the file and its media; links to it die."""
    gateway: Gateway = request.app.state.gateway
    name = f"files/{request.path_params['id']}"
    if await gateway.deletion.file(request.state.owner, name) is None:
        raise missing_file(name)
    return JSONResponse({})


async def _start(request: Request) -> Response:
    gateway: Gateway = request.app.state.gateway
    if request.headers.get("x-goog-upload-protocol", "").lower() != "resumable" or _commands(request) != {"start"}:
        raise MalformedRequest("an upload begins with X-Goog-Upload-Protocol: resumable, X-Goog-Upload-Command: start")
    told = await _metadata(request)
    size = _length(request.headers.get("x-goog-upload-header-content-length"), "X-Goog-Upload-Header-Content-Length")
    if size is not None and size > gateway.settings.limits.media:
        raise TooLarge(f"the file is larger than the limit of {gateway.settings.limits.media} bytes")
    name = _name(told)
    if name is not None and await gateway.database.files.find(request.state.owner, name, now()) is not None:
        raise taken(name)
    shown = get(told, "displayName") or request.headers.get("x-goog-upload-file-name") or "file"
    secret = secrets.token_urlsafe(32)
    filename = str(shown)[:_MAX_NAME]
    begun = Upload(_digest(secret), request.state.owner, name, filename, size, now(), now() + GRACE_MS)
    await gateway.database.files.add_upload(begun)
    url = f"{gateway.settings.public_url}{request.url.path}?upload_id={secret}&upload_protocol=resumable"
    return _answer("active", {}, {"x-goog-upload-url": url, "x-goog-upload-chunk-granularity": str(_GRANULARITY)})


async def _go_on(request: Request, secret: str) -> Response:
    gateway: Gateway = request.app.state.gateway
    begun = await gateway.database.files.upload(_digest(secret), now())
    if begun is None:
        raise NotFound("there is no such upload; it was completed or cancelled, or has taken longer than an hour")
    commands = _commands(request)
    pieces = await gateway.database.files.pieces(begun.digest)
    received = sum(piece.size for piece in pieces)
    if commands == {"query"}:
        return _answer("active", {}, {"x-goog-upload-size-received": str(received)})
    if commands == {"cancel"}:
        await gateway.filing.drop(begun)
        return _answer("cancelled", {})
    if not commands or not commands <= {"upload", "finalize"}:
        raise MalformedRequest("X-Goog-Upload-Command must be upload, finalize, query or cancel")
    if len(pieces) >= gateway.settings.limits.parts and "finalize" not in commands:
        raise TooLarge(f"the upload has come in {len(pieces)} pieces; the next one must be the last")
    async with gateway.place(begun.owner):
        if "finalize" in commands:
            return await _finalize(request, gateway, begun, pieces, received)
        return await _take(request, gateway, begun, received)


async def _take(request: Request, gateway: Gateway, begun: Upload, received: int) -> Response:
    """Take a piece that is not the last."""
    incoming = await _piece(request, gateway, begun, received, [])
    try:
        if incoming.size and not await gateway.filing.add_piece(begun, received, incoming):
            raise MalformedRequest("this piece of the upload is here already")
    finally:
        incoming.spool.discard()
    return _answer("active", {}, {"x-goog-upload-size-received": str(received + incoming.size)})


async def _finalize(
    request: Request, gateway: Gateway, begun: Upload, pieces: Sequence[UploadPiece], received: int
) -> Response:
    incoming = await _piece(request, gateway, begun, received, pieces)
    try:
        if begun.size is not None and incoming.size != begun.size:
            raise MalformedRequest(f"{begun.size} bytes were announced, and {incoming.size} came")
        if not await gateway.filing.drop(begun):
            raise MalformedRequest("the upload is complete already")
        file = await gateway.filing.keep(begun.owner, incoming.arrived(), begun.filename, name=begun.name)
    finally:
        incoming.spool.discard()
    return _answer("final", {"file": _describe(file, gateway)})


async def _piece(
    request: Request, gateway: Gateway, begun: Upload, received: int, before: Sequence[UploadPiece]
) -> Incoming:
    """Return the bytes of a request behind those of the pieces `before` it. Raises `MalformedRequest`, `TooLarge`."""
    offset = _length(request.headers.get("x-goog-upload-offset"), "X-Goog-Upload-Offset")
    if offset is not None and offset != received:
        raise MalformedRequest(f"the upload goes on at byte {received}, not {offset}")
    most = gateway.settings.limits.media
    incoming = Incoming(gateway.storage.spools.new(), most if before else max(most - received, 0))
    try:
        await gateway.filing.join(before, incoming)
        async with aclosing(arriving(request)) as chunks:
            async for chunk in chunks:
                incoming.write(chunk)
    except BaseException:
        incoming.spool.discard()
        raise
    return incoming


def _answer(status: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(dict(body), headers={"x-goog-upload-status": status, **(headers or {})})


def _commands(request: Request) -> set[str]:
    words = request.headers.get("x-goog-upload-command", "").lower().split(",")
    return {word.strip() for word in words} - {""}


async def _metadata(request: Request) -> Mapping[str, Any]:
    body = await read_small(request, _MAX_METADATA)
    told = parse_object(body).get("file") if body.strip() else None
    if told is not None and not isinstance(told, dict):
        raise MalformedRequest("`file` must be an object", param="file")
    return told or {}


def _name(told: Mapping[str, Any]) -> str | None:
    name = told.get("name")
    if name is None:
        return None
    match = _NAME.fullmatch(name) if isinstance(name, str) else None
    if match is None:
        raise MalformedRequest(
            "`file.name` must be files/ and up to 40 lower-case letters, digits and dashes, no dash at an end",
            param="file.name",
        )
    return f"files/{match[1]}"


def _length(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise MalformedRequest(f"{name} must be a number of bytes")
    return int(text)


def _digest(secret: str) -> str:
    return sha256(secret.encode("utf-8", "replace")).hexdigest()


def _describe(file: File, gateway: Gateway) -> dict[str, Any]:
    public_url = gateway.settings.public_url
    created = _time(file.created)
    told = {
        "name": file.name,
        "displayName": file.filename,
        "mimeType": file.media.mime,
        "sizeBytes": str(file.media.size),
        "createTime": created,
        "updateTime": created,
        "sha256Hash": b64encode(bytes.fromhex(file.media.blob)).decode(),
        "uri": f"{public_url}/v1beta/{file.name}",
        "downloadUri": make_link(public_url, file.media),
        "state": "ACTIVE",
        "source": "UPLOADED",
    }
    return told | ({} if file.expires is None else {"expirationTime": _time(file.expires)})


def _time(millis: int) -> str:
    return datetime.fromtimestamp(millis / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
