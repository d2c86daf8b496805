"""`/v1/generations`: what was made and what is being made, with progress, also as it happens."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from darkroom.endpoints.body import number
from darkroom.endpoints.errors import error_response
from darkroom.endpoints.streaming import SseStream, until_gone
from darkroom.errors import Conflict, DarkroomError, NotFound
from darkroom.gateway import Gateway
from darkroom.generations import describe

_MAX_PAGE = 100
_TRUE = {"1", "true", "yes"}


class GetGeneration:
    """`GET /v1/generations/{id}`; with `?stream=true` as events: the generation as it is, and whenever it has changed,
    until it is over."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        gateway: Gateway = request.app.state.gateway
        owner, id = request.state.owner, request.path_params["id"]
        try:
            generation = await gateway.database.generation(owner, id)
            if generation is None:
                raise NotFound(f"you have no generation `{id[:64]}`")
        except DarkroomError as error:
            await error_response(error)(scope, receive, send)
            return
        if request.query_params.get("stream", "").lower() not in _TRUE:
            await JSONResponse(describe(generation, gateway.settings.public_url))(scope, receive, send)
            return
        async with aclosing(_frames(gateway, owner, id)) as frames:
            await until_gone(receive, SseStream(frames).send(send))


async def _frames(gateway: Gateway, owner: str, id: str) -> AsyncGenerator[bytes, None]:
    async with aclosing(gateway.jobs.watchers.watch(owner, id)) as states:
        async for generation in states:
            shown = describe(generation, gateway.settings.public_url)
            yield b"data: " + msgspec.json.encode(shown) + b"\n\n"
    yield b"data: [DONE]\n\n"


async def list_generations(request: Request) -> JSONResponse:
    """`GET /v1/generations?limit&after`: one's own, newest first."""
    gateway: Gateway = request.app.state.gateway
    limit = number(request.query_params.get("limit", "20"), "limit", 1, _MAX_PAGE)
    rows = await gateway.database.generations(
        request.state.owner, limit=limit + 1, before=request.query_params.get("after")
    )
    page = [describe(row, gateway.settings.public_url) for row in rows[:limit]]
    return JSONResponse({"object": "list", "data": page, "has_more": len(rows) > limit})


async def delete_generation(request: Request) -> JSONResponse:
    """`DELETE /v1/generations/{id}`: what is under way is cancelled; of what has ended nothing stays."""
    gateway: Gateway = request.app.state.gateway
    owner, id = request.state.owner, request.path_params["id"]
    if await gateway.deletion.generation(owner, id):
        return JSONResponse({"id": id, "object": "generation", "deleted": True})
    if await gateway.database.generation(owner, id) is None:
        raise NotFound(f"you have no generation `{id[:64]}`")
    cancelled = await gateway.cancel(owner, id)
    if cancelled is None:
        raise Conflict("it is made by a process that can't be asked to stop; delete it when it has ended")
    return JSONResponse({"id": id, "object": "generation", "deleted": False, "status": cancelled.status})
