"""`/v1/files/tus`: resumable uploads by the tus protocol, which become files.

Strategy. The URL of an upload is a secret, of which the database has the hash; with keys it is of use to its owner
alone. What arrives is made durable piece by piece (`filing`), also when the client leaves in the middle, and an offset
that is told is durable. Of two requests that go on from the same byte the one whose piece is durable first wins.
Format: https://tus.io/protocols/resumable-upload, version 1.0.0, with creation, creation-with-upload,
creation-defer-length, expiration, termination and checksum.
"""

from __future__ import annotations

import secrets
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from hashlib import new as new_hash
from hashlib import sha256
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from darkroom.clock import new_id, now
from darkroom.database import File, Upload
from darkroom.endpoints.body import arriving
from darkroom.endpoints.errors import error_response
from darkroom.endpoints.files import check_purpose, check_seconds, describe_file
from darkroom.errors import (
    ChecksumMismatch,
    Conflict,
    DarkroomError,
    InvalidMedia,
    MalformedRequest,
    MethodNotAllowed,
    NotFound,
    PreconditionFailed,
    TooLarge,
    WrongType,
)
from darkroom.filing import Incoming
from darkroom.gateway import Gateway

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,creation-defer-length,expiration,termination,checksum"
BODY = "application/offset+octet-stream"
FILE_HEADER = "X-Darkroom-File"
"""Says which file an upload has become."""

HEADERS = (
    "Location",
    "Tus-Resumable",
    "Tus-Version",
    "Tus-Extension",
    "Tus-Max-Size",
    "Tus-Checksum-Algorithm",
    "Upload-Offset",
    "Upload-Length",
    "Upload-Defer-Length",
    "Upload-Metadata",
    "Upload-Expires",
    FILE_HEADER,
)
"""What pages of another origin must be able to read."""

LASTS_MS = 24 * 3600 * 1000
"""How long an upload stays behind the last bytes that came."""

_ALGORITHMS = ("sha1", "sha256")
_MAX_METADATA = 4096
_MAX_NAME = 512
Answer = Callable[[Request], Awaitable[Response]]


def _spoken(answer: Answer) -> Answer:
    """Make every answer, errors too, one of this protocol; refuse another version of it."""

    async def answering(request: Request) -> Response:
        try:
            if request.method not in {"OPTIONS", "GET"} and request.headers.get("tus-resumable") != VERSION:
                raise PreconditionFailed(f"Tus-Resumable must be {VERSION}")
            response = await answer(request)
        except DarkroomError as error:
            response = error_response(error)
            if isinstance(error, PreconditionFailed):
                response.headers["tus-version"] = VERSION
        response.headers["tus-resumable"] = VERSION
        response.headers["cache-control"] = "no-store"
        return response

    return answering


@_spoken
async def options(request: Request) -> Response:
    """`OPTIONS /v1/files/tus`: what is spoken here."""
    gateway: Gateway = request.app.state.gateway
    told = {
        "tus-version": VERSION,
        "tus-extension": EXTENSIONS,
        "tus-max-size": str(gateway.settings.limits.media),
        "tus-checksum-algorithm": ",".join(_ALGORITHMS),
    }
    return Response(status_code=204, headers=told)


@_spoken
async def create(request: Request) -> Response:
    """`POST /v1/files/tus`: begin an upload; its first bytes may come along."""
    gateway: Gateway = request.app.state.gateway
    size = _announced(request, gateway)
    if size is None and request.headers.get("upload-defer-length") != "1":
        raise MalformedRequest("Upload-Length must say how many bytes will come, or Upload-Defer-Length: 1")
    has_body = _type(request) == BODY
    secret = secrets.token_urlsafe(32)
    begun = _begun(request, _digest(secret), size)
    await gateway.database.files.add_upload(begun)
    location = {"location": f"{gateway.settings.public_url}/v1/files/tus/{secret}"}
    if not has_body:
        return Response(status_code=201, headers={**location, **_expiry(begun)})
    told = await _take(request, gateway, begun, 0)
    return Response(status_code=201, headers={**location, **told})


@_spoken
async def upload(request: Request) -> Response:
    """`/v1/files/tus/{id}`: HEAD, PATCH and DELETE of the protocol, and GET for whoever reads JSON."""
    match _method(request):
        case "OPTIONS":
            return Response(status_code=204, headers={"tus-version": VERSION, "tus-extension": EXTENSIONS})
        case "HEAD":
            return await _look(request)
        case "GET":
            return await _describe(request)
        case "PATCH":
            return await _go_on(request)
        case "DELETE":
            gateway: Gateway = request.app.state.gateway
            if not await gateway.filing.drop(await _find(request)):
                raise _missing()
            return Response(status_code=204)
        case method:
            raise MethodNotAllowed(f"an upload takes HEAD, PATCH, DELETE and GET, and no {method}")


async def _look(request: Request) -> Response:
    """Tell how far an upload is; one that is all here and no file yet becomes one."""
    gateway: Gateway = request.app.state.gateway
    begun = await _find(request)
    received, file = await _state(gateway, begun)
    told = {"upload-offset": str(received), **_expiry(begun), **_named(file)}
    told |= {"upload-defer-length": "1"} if begun.size is None else {"upload-length": str(begun.size)}
    told |= {"upload-metadata": begun.metadata} if begun.metadata else {}
    return Response(status_code=200, headers=told)


async def _describe(request: Request) -> Response:
    gateway: Gateway = request.app.state.gateway
    begun = await _find(request)
    received, _ = await _state(gateway, begun)
    file = await gateway.database.files.find(begun.owner, begun.file or "", now())
    return JSONResponse(
        {
            "object": "upload",
            "status": "pending" if received != begun.size else "completed",
            "bytes_received": received,
            "bytes": begun.size,
            "filename": begun.filename,
            "purpose": begun.purpose,
            "created_at": begun.created // 1000,
            "expires_at": begun.expires // 1000,
            "file": None if file is None else describe_file(file),
        }
    )


async def _go_on(request: Request) -> Response:
    """Take the next bytes."""
    gateway: Gateway = request.app.state.gateway
    if _type(request) != BODY:
        raise WrongType(f"the bytes of an upload come as {BODY}")
    begun = await _find(request)
    offset = _number(request, "Upload-Offset")
    if offset is None:
        raise MalformedRequest("Upload-Offset must say which byte comes first")
    begun = await _sized(gateway, begun, _announced(request, gateway))
    received, file = await _state(gateway, begun)
    if offset != received:
        raise Conflict(f"the upload goes on at byte {received}, not {offset}")
    if file is not None:
        return Response(status_code=204, headers={"upload-offset": str(received), **_named(file)})
    return Response(status_code=204, headers=await _take(request, gateway, begun, received))


async def _state(gateway: Gateway, begun: Upload) -> tuple[int, str | None]:
    """Return how many bytes are here, and the id of the file that they have become.

    Whoever sent the last of them may have left before there was one, or the gateway may have.
    """
    if begun.done is not None:
        return begun.size or 0, begun.file
    received = await gateway.filing.received(begun.digest)
    if received != begun.size:
        return received, None
    return received, (await gateway.filing.complete(begun)).id


async def _take(request: Request, gateway: Gateway, begun: Upload, received: int) -> dict[str, str]:
    """Take a body, and make a file when it was the last one; return what the answer says."""
    async with gateway.place(begun.owner):
        taking = _Taking(gateway, begun, received, _checksum(request))
        taking.expect(_number(request, "Content-Length"))
        file = await taking.run(request)
    told = _expiry(replace(begun, expires=now() + LASTS_MS))
    return {"upload-offset": str(taking.received), **told, **_named(file.id if file else None)}


@dataclass(slots=True)
class _Taking:
    """Takes the bytes of one request. `received` are those that are durable."""

    gateway: Gateway
    upload: Upload
    received: int
    checksum: tuple[str, bytes] | None = None
    _incoming: Incoming = field(init=False)
    _hash: Any = None

    def __post_init__(self) -> None:
        self._incoming = self._fresh()
        if self.checksum is not None:
            self._hash = new_hash(self.checksum[0], usedforsecurity=False)

    @property
    def most(self) -> int:
        """How many bytes there are at the end, or may be."""
        return self.gateway.settings.limits.media if self.upload.size is None else self.upload.size

    @property
    def _is_all(self) -> bool:
        return self.received + self._incoming.size == self.upload.size

    def expect(self, length: int | None) -> None:
        """Raise `TooLarge` for a body that is known to be too long, before it comes."""
        if length is not None and self.received + length > self.most:
            raise TooLarge(f"the upload has {self.most} bytes, and with these there would be {self.received + length}")

    async def run(self, request: Request) -> File | None:
        """Take the body; return the file when that was all. What came before the client left is kept."""
        try:
            await self._receive(request)
            if self._is_all:
                return await self._end()
            await self._keep()
            return None
        finally:
            self._incoming.spool.discard()

    async def _receive(self, request: Request) -> None:
        async with aclosing(arriving(request)) as chunks:
            try:
                async for chunk in chunks:
                    await self._write(chunk)
            except MalformedRequest:  # It broke off.
                if self.checksum is None:
                    await self._keep()
                raise
        if self.checksum is not None and self._hash.digest() != self.checksum[1]:
            raise ChecksumMismatch("the bytes that came are not those of the checksum")

    async def _write(self, chunk: bytes) -> None:
        self._incoming.write(chunk)
        if self._hash is not None:  # Nothing counts before all is known to be right.
            self._hash.update(chunk)
        elif self._incoming.size >= self.gateway.filing.piece and not self._is_all:
            await self._keep()

    async def _keep(self) -> None:
        """Make durable what has come so far. Raises `Conflict` when another request was quicker."""
        if not self._incoming.size:
            return
        if not await self.gateway.filing.add_piece(self.upload, self.received, self._incoming):
            raise Conflict("another request has gone on with this upload")
        await self.gateway.database.files.prolong_upload(self.upload.digest, now() + LASTS_MS)
        self.received += self._incoming.size
        self._incoming.spool.discard()
        self._incoming = self._fresh()

    async def _end(self) -> File:
        if self.received == 0:  # All in one: it need not be read again.
            whole = self._incoming.arrived()
            self.received = whole.size
            return await self.gateway.filing.complete(self.upload, whole)
        await self._keep()
        return await self.gateway.filing.complete(self.upload)

    def _fresh(self) -> Incoming:
        return Incoming(self.gateway.storage.spools.new(), self.most - self.received)


def _begun(request: Request, digest: str, size: int | None) -> Upload:
    """Return the upload that a request begins."""
    raw = request.headers.get("upload-metadata", "")
    told = _metadata(raw)
    lasts = told.get("expires_after")
    return Upload(
        digest,
        request.state.owner,
        None,
        (told.get("filename") or told.get("name") or "file")[:_MAX_NAME],
        size,
        now(),
        now() + LASTS_MS,
        purpose=check_purpose(told.get("purpose", "user_data")),
        lasts=None if lasts is None else check_seconds(lasts, "expires_after"),
        metadata=raw,
        file=new_id("file"),
    )


async def _find(request: Request) -> Upload:
    """Return the upload that a path names. Raises `NotFound`."""
    gateway: Gateway = request.app.state.gateway
    begun = await gateway.database.files.upload(_digest(request.path_params["id"]), now())
    if begun is None or begun.owner != request.state.owner:
        raise _missing()
    return begun


async def _sized(gateway: Gateway, begun: Upload, size: int | None) -> Upload:
    """Take the length of an upload where it had none. Raises `MalformedRequest` for another one than it has."""
    if size is None or size == begun.size:
        return begun
    received = await gateway.filing.received(begun.digest)
    if size < received or not await gateway.database.files.size_upload(begun.digest, size):
        raise MalformedRequest(f"the upload can't be of {size} bytes")
    return replace(begun, size=size)


def _announced(request: Request, gateway: Gateway) -> int | None:
    """Return how large an upload is going to be. Raises `TooLarge`, `InvalidMedia` for nothing at all."""
    size = _number(request, "Upload-Length")
    if size == 0:
        raise InvalidMedia("a file without a byte is no media")
    if size is not None and size > gateway.settings.limits.media:
        raise TooLarge(f"the file is larger than the limit of {gateway.settings.limits.media} bytes")
    return size


def _metadata(text: str) -> Mapping[str, str]:
    """Read `key base64,key base64`; a key may stand alone."""
    if len(text) > _MAX_METADATA:
        raise TooLarge(f"Upload-Metadata is longer than {_MAX_METADATA} characters")
    found = {}
    for pair in text.split(",") if text else ():
        key, _, value = pair.strip().partition(" ")
        try:
            found[key] = b64decode(value, validate=True).decode("utf-8", "replace")
        except NotBase64:
            raise MalformedRequest(f"the value of `{key[:64]}` in Upload-Metadata is no base64") from None
    return found


def _checksum(request: Request) -> tuple[str, bytes] | None:
    text = request.headers.get("upload-checksum")
    if text is None:
        return None
    algorithm, _, value = text.partition(" ")
    if algorithm not in _ALGORITHMS:
        raise MalformedRequest(f"Upload-Checksum must be of {' or '.join(_ALGORITHMS)}")
    try:
        return algorithm, b64decode(value, validate=True)
    except NotBase64:
        raise MalformedRequest("the value of Upload-Checksum is no base64") from None


def _method(request: Request) -> str:
    return request.headers.get("x-http-method-override", request.method).upper()


def _type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _number(request: Request, name: str) -> int | None:
    text = request.headers.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise MalformedRequest(f"{name} must be a number of bytes")
    return int(text)


def _named(file: str | None) -> dict[str, str]:
    return {} if file is None else {FILE_HEADER: file}


def _expiry(begun: Upload) -> dict[str, str]:
    return {"upload-expires": formatdate(begun.expires / 1000, usegmt=True)}


def _digest(secret: str) -> str:
    # Google's uploads have secrets as well, which are a permission without a key: none of them is one of these.
    return sha256(f"tus {secret}".encode("utf-8", "replace")).hexdigest()


def _missing() -> NotFound:
    return NotFound("you have no such upload; it was removed, or has expired")
