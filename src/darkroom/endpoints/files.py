"""`/v1/files`: media that is uploaded once, and then named in any chat by its id (`file_…`).

A file is what the rest of Darkroom takes: a picture, video, sound or PDF. Its bytes are media of its own, so that
deleting it deletes nothing else. Format: OpenAI `POST /v1/files`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from darkroom.clock import now
from darkroom.database import File
from darkroom.database.files import Order
from darkroom.endpoints.body import number
from darkroom.endpoints.media import serve_bytes
from darkroom.endpoints.multipart import Form, read_form
from darkroom.errors import MalformedRequest, NotFound
from darkroom.gateway import Gateway

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
            purpose, expires = check_purpose(form.fields.get("purpose", "")), _expiry(form.fields)
            upload = _only_file(form)
            file = await gateway.filing.keep(
                owner, upload.data, upload.filename or "file", purpose=purpose, expires=expires
            )
        finally:
            form.discard()
    return JSONResponse(describe_file(file))


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
    page = [describe_file(file) for file in rows[:limit]]
    ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {"first_id": None, "last_id": None}
    return JSONResponse({"object": "list", "data": page, **ends, "has_more": len(rows) > limit})


async def get_file(request: Request) -> Response:
    """`GET /v1/files/{id}`."""
    return JSONResponse(describe_file(await find_file(request)))


async def file_content(request: Request) -> Response:
    """`GET /v1/files/{id}/content`: the bytes, untouched; ranges and conditional requests as for a link."""
    return await content_of(request, await find_file(request))


async def delete_file(request: Request) -> Response:
    """`DELETE /v1/files/{id}`: the file and its media; links to it die."""
    gateway: Gateway = request.app.state.gateway
    id = request.path_params["id"]
    gone = await gateway.deletion.file(request.state.owner, id)
    if gone is None:
        raise missing_file(id)
    return JSONResponse({"id": gone, "object": "file", "deleted": True})


async def find_file(request: Request, id: str | None = None) -> File:
    """Return the file that a path names, or this one. Raises `NotFound`."""
    gateway: Gateway = request.app.state.gateway
    id = id or request.path_params["id"]
    file = await gateway.database.files.find(request.state.owner, id, now())
    if file is None:
        raise missing_file(id)
    return file


async def content_of(request: Request, file: File) -> Response:
    """Return a file's bytes, a range of them or none, to be saved and not shown."""
    named = {
        "cache-control": "private, no-cache",
        "content-disposition": f"attachment; filename*=UTF-8''{quote(file.filename)}",
    }
    return await serve_bytes(request.app.state.gateway, request, file.media, named)


def missing_file(id: str) -> NotFound:
    return NotFound(f"you have no file `{id[:64]}`; it was never here, or it was deleted, or has expired")


def describe_file(file: File) -> dict[str, Any]:
    """Return a file as OpenAI's clients see it."""
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


def check_purpose(purpose: str) -> str:
    """Return a purpose that there is. Raises `MalformedRequest`."""
    if purpose not in PURPOSES:
        raise MalformedRequest(f"`purpose` must be one of {', '.join(PURPOSES)}", param="purpose")
    return purpose


def check_seconds(text: str, param: str) -> int:
    """Return for how many seconds a file shall stay: an hour to thirty days. Raises `MalformedRequest`."""
    return number(text, param, *_SECONDS)


def _expiry(fields: Mapping[str, str]) -> int | None:
    """Return when the file goes away, in Unix ms; None where the form does not say."""
    if _ANCHOR not in fields and _LASTS not in fields:
        return None
    if fields.get(_ANCHOR) != "created_at":
        raise MalformedRequest("`expires_after[anchor]` must be created_at", param=_ANCHOR)
    return now() + 1000 * check_seconds(fields.get(_LASTS, ""), _LASTS)
