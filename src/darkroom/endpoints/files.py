"""`/v1/files`: media that is uploaded once, and then named in any chat by its id (`file_…`).

A file is what the rest of Darkroom takes: a picture, video, sound or PDF. Its bytes are media of its own, so that
deleting it deletes nothing else. Format: OpenAI `POST /v1/files`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from darkroom.clock import new_id, now
from darkroom.database import File
from darkroom.database.files import Order
from darkroom.endpoints.body import number
from darkroom.endpoints.multipart import Form, read_form
from darkroom.errors import MalformedRequest, NotFound
from darkroom.gateway import Gateway
from darkroom.media import Arrived

PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
_SECONDS = (3600, 2592000)
_PAGE = 10_000
_ANCHOR, _LASTS = "expires_after[anchor]", "expires_after[seconds]"


async def create_file(request: Request) -> Response:
    """`POST /v1/files`: a form with `file`, `purpose`, and if it shall not stay, `expires_after[…]`."""
    gateway: Gateway = request.app.state.gateway
    owner: str = request.state.owner
    async with gateway.place(owner):
        form = await read_form(request, gateway.storage.spools.new, gateway.settings.limits)
        try:
            purpose, expires = _purpose(form.fields), _expiry(form.fields)
            upload = _only_file(form)
            file = await keep_file(
                gateway, owner, upload.data, upload.filename or "file", purpose=purpose, expires=expires
            )
        finally:
            form.discard()
    return JSONResponse(_describe(file))


async def list_files(request: Request) -> Response:
    """`GET /v1/files?after&limit&order&purpose`: one's own, newest first."""
    gateway: Gateway = request.app.state.gateway
    query = request.query_params
    limit = number(query.get("limit", str(_PAGE)), "limit", 1, _PAGE)
    order: Order | None = next((word for word in get_args(Order) if word == query.get("order", "desc")), None)
    if order is None:
        raise MalformedRequest("`order` must be asc or desc", param="order")
    rows = await gateway.database.files.page(
        request.state.owner,
        now(),
        count=limit + 1,
        after=query.get("after"),
        purpose=query.get("purpose", ""),
        order=order,
    )
    page = [_describe(file) for file in rows[:limit]]
    ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {"first_id": None, "last_id": None}
    return JSONResponse({"object": "list", "data": page, **ends, "has_more": len(rows) > limit})


async def get_file(request: Request) -> Response:
    """`GET /v1/files/{id}`."""
    return JSONResponse(_describe(await find_file(request)))


async def file_content(request: Request) -> Response:
    """`GET /v1/files/{id}/content`: the bytes, untouched."""
    return await content_of(request, await find_file(request))


async def delete_file(request: Request) -> Response:
    """`DELETE /v1/files/{id}`: the file and its media; links to it die."""
    gateway: Gateway = request.app.state.gateway
    id = request.path_params["id"]
    if await gateway.database.files.delete(request.state.owner, id, now()) is None:
        raise missing_file(id)
    return JSONResponse({"id": id, "object": "file", "deleted": True})


async def keep_file(
    gateway: Gateway,
    owner: str,
    data: Arrived,
    filename: str,
    *,
    purpose: str = "user_data",
    name: str | None = None,
    expires: int | None = None,
) -> File:
    """Store bytes as a file. Raises `InvalidMedia`, `TooLarge`, and `MalformedRequest` when the name is taken."""
    media = await gateway.chat.ingest.keep(data, owner, "uploaded", filename=filename)
    id = new_id("file")
    file = File(id, media, name or f"files/{id.partition('_')[2]}", filename, purpose, now(), expires)
    if not await gateway.database.files.add(file):
        await gateway.database.delete_media(owner, media.id, now())
        raise taken(file.name)
    return file


async def find_file(request: Request, id: str | None = None) -> File:
    """Return the file that a path names, or this one. Raises `NotFound`."""
    gateway: Gateway = request.app.state.gateway
    id = id or request.path_params["id"]
    file = await gateway.database.files.find(request.state.owner, id, now())
    if file is None:
        raise missing_file(id)
    return file


async def content_of(request: Request, file: File) -> Response:
    """Return a file's bytes, to be saved and not shown."""
    gateway: Gateway = request.app.state.gateway
    headers = {
        "content-length": str(file.media.size),
        "content-disposition": f"attachment; filename*=UTF-8''{quote(file.filename)}",
        "x-content-type-options": "nosniff",
    }
    return StreamingResponse(await gateway.storage.read(file.media.blob), 200, headers, file.media.mime)


def taken(name: str) -> MalformedRequest:
    return MalformedRequest(f"you have a file `{name}` already; delete it, or choose another name")


def missing_file(id: str) -> NotFound:
    return NotFound(f"you have no file `{id[:64]}`; it was never here, or it was deleted, or has expired")


def _describe(file: File) -> dict[str, Any]:
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.media.size,
        "created_at": file.created // 1000,
        "filename": file.filename,
        "purpose": file.purpose,
        "status": "processed",
        "expires_at": None if file.expires is None else file.expires // 1000,
    }


def _only_file(form: Form) -> Any:
    if len(form.files) != 1 or form.files[0].name != "file":
        raise MalformedRequest("the form must hold one file, in the field `file`", param="file")
    return form.files[0]


def _purpose(fields: Mapping[str, str]) -> str:
    purpose = fields.get("purpose", "")
    if purpose not in PURPOSES:
        raise MalformedRequest(f"`purpose` must be one of {', '.join(PURPOSES)}", param="purpose")
    return purpose


def _expiry(fields: Mapping[str, str]) -> int | None:
    """Return when the file goes away, in Unix ms; None where the form does not say."""
    if _ANCHOR not in fields and _LASTS not in fields:
        return None
    if fields.get(_ANCHOR) != "created_at":
        raise MalformedRequest("`expires_after[anchor]` must be created_at", param=_ANCHOR)
    return now() + 1000 * number(fields.get(_LASTS, ""), _LASTS, *_SECONDS)
