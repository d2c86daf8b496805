"""`GET /media/{id}.{ext}`: the bytes, untouched; and what is known of media and generations.

A link's id is the permission to read it, so no key is asked for. What a browser could run is never served inline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from email.utils import formatdate
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from darkroom import images
from darkroom.clock import now
from darkroom.codecs.ranges import ByteRange, etag_matches, parse_range, range_applies
from darkroom.endpoints.body import number
from darkroom.errors import NotFound, RangeNotSatisfiable
from darkroom.gateway import Gateway
from darkroom.generations import describe_media
from darkroom.ids import is_typeid
from darkroom.media import Media, MediaKind
from darkroom.stills import poster
from darkroom.storage import CHUNK

_CACHE = "private, max-age=86400"
_SAFE = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "cross-origin",
    "access-control-allow-origin": "*",
    "referrer-policy": "no-referrer",
}
_MAX_WIDTH = 4096
_SHOWN = {MediaKind.IMAGE, MediaKind.VIDEO}


async def serve_media(request: Request) -> Response:
    """Serve the bytes, or with `?w=` a thumbnail: of a film, its first frame."""
    gateway: Gateway = request.app.state.gateway
    media = await _by_name(gateway, request.path_params["name"])
    width = request.query_params.get("w")
    if width is not None and media.kind in _SHOWN:
        return await serve_thumbnail(gateway, request, media, width)
    return await serve_bytes(gateway, request, media)


async def _by_name(gateway: Gateway, name: str) -> Media:
    id = name.partition(".")[0]
    media = await gateway.database.media_by_id(id) if is_typeid(id, "media") else None
    if media is None:
        raise NotFound("there is no such media; it was never here, or it was deleted")
    return media


async def serve_bytes(
    gateway: Gateway, request: Request, media: Media, named: Mapping[str, str] | None = None
) -> Response:
    """Return the bytes, a range of them, or what is known of them; `named` are headers that replace the usual ones.

    Raises `NotFound` when they are not in the store.
    """
    etag = f'"{media.blob}"'
    headers = {**_headers(media), **(named or {}), "etag": etag, "accept-ranges": "bytes"}
    if etag_matches(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    wanted: ByteRange | None = None
    if range_applies(request.headers.get("if-range"), etag):
        try:
            wanted = parse_range(request.headers.get("range"), media.size)
        except RangeNotSatisfiable:
            return Response(status_code=416, headers={**headers, "content-range": f"bytes */{media.size}"})
    start, stop = (wanted.start, wanted.stop) if wanted else (0, media.size)
    headers["content-length"] = str(stop - start)
    if wanted is not None:
        headers["content-range"] = wanted.content_range(media.size)
    status = 206 if wanted else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media.mime)
    chunks = await gateway.storage.read(media.blob, start, stop)
    if stop - start <= CHUNK:
        # One piece needs no task that watches for the client's leaving, which costs more than the piece.
        return Response(b"".join([chunk async for chunk in chunks]), status, headers, media.mime)
    return StreamingResponse(chunks, status, headers, media.mime)


async def serve_thumbnail(gateway: Gateway, request: Request, media: Media, asked: str) -> Response:
    width = images.snap_width(number(asked, "w", 1, _MAX_WIDTH))
    etag = f'"{media.blob}-{width}"'
    headers = {**_headers(media), "etag": etag}
    headers.pop("content-disposition")
    if etag_matches(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    key = f"thumbs/{media.blob}/{width}.webp"
    data = await gateway.storage.get_extra(key)
    if data is None:
        data = await _made(gateway, media, width, key)
    return Response(data, 200, headers, "image/webp")


async def _made(gateway: Gateway, media: Media, width: int, key: str) -> bytes:
    """Make a thumbnail and keep it; a decoded picture is large, so only a few are made at a time."""
    async with gateway.thumbnails:
        # Whoever held the place before may have made this very one.
        data = await gateway.storage.get_extra(key)
        if data is None:
            data = await _shrunk(gateway, media, width)
            await gateway.storage.put_extra(key, data)
            if await gateway.database.media_by_id(media.id) is None:  # It was deleted meanwhile, with its thumbnails.
                await gateway.storage.delete_extra_prefix(f"thumbs/{media.blob}")
    return data


async def _shrunk(gateway: Gateway, media: Media, width: int) -> bytes:
    if media.kind is MediaKind.VIDEO:
        return await poster(gateway.storage, media, width, gateway.settings.limits.pixels)
    source: Path | bytes | None = gateway.storage.local_path(media.blob)
    if source is None:
        source = b"".join([chunk async for chunk in await gateway.storage.read(media.blob)])
    try:
        return await asyncio.to_thread(images.thumbnail, source, width, media.mime, gateway.settings.limits.pixels)
    except FileNotFoundError as error:
        raise NotFound("this media is not in the store") from error


def _headers(media: Media) -> dict[str, str]:
    inline = media.kind in {MediaKind.IMAGE, MediaKind.VIDEO, MediaKind.AUDIO}
    name = quote(media.filename or f"{media.id}.{media.extension}")
    return {
        **_SAFE,
        "cache-control": _CACHE,
        "last-modified": formatdate(media.created / 1000, usegmt=True),
        "content-disposition": f"{'inline' if inline else 'attachment'}; filename*=UTF-8''{name}",
    }


async def get_media(request: Request) -> Response:
    """`GET /v1/media/{id}`: what is known of one's own media."""
    gateway: Gateway = request.app.state.gateway
    media = await gateway.database.media(request.state.owner, request.path_params["id"])
    if media is None:
        raise _missing("media", request)
    return JSONResponse(describe_media(media, gateway.settings.public_url))


async def delete_media(request: Request) -> Response:
    """`DELETE /v1/media/{id}`: the link dies now, and the bytes unless somebody else has the same."""
    gateway: Gateway = request.app.state.gateway
    id = request.path_params["id"]
    if not await gateway.deletion.media(request.state.owner, id):
        raise _missing("media", request)
    return JSONResponse({"id": id, "object": "media", "deleted": True})


async def pin_media(request: Request) -> Response:
    """`POST /v1/media/{id}/pin`: retention leaves it alone."""
    gateway: Gateway = request.app.state.gateway
    if not await gateway.database.retention.pin(request.state.owner, request.path_params["id"], now()):
        raise _missing("media", request)
    return await get_media(request)


async def unpin_media(request: Request) -> Response:
    """`DELETE /v1/media/{id}/pin`: it goes when its time comes."""
    gateway: Gateway = request.app.state.gateway
    if not await gateway.database.retention.unpin(request.state.owner, request.path_params["id"]):
        raise _missing("media", request)
    return await get_media(request)


def _missing(what: str, request: Request) -> NotFound:
    return NotFound(f"you have no {what} `{request.path_params['id'][:64]}`")
