"""`GET /v1/models`: every model that can be asked for."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from darkroom.gateway import Gateway

_CREATED = 1735689600
"""A date that every model has: OpenAI's type wants one, and none is known."""


async def list_models(request: Request) -> Response:
    gateway: Gateway = request.app.state.gateway
    data = [_model(name, owner) for name, owner in await gateway.catalog.offered()]
    return JSONResponse({"object": "list", "data": data})


async def get_model(request: Request) -> Response:
    """Describe one model, by the name that it would be asked for with."""
    gateway: Gateway = request.app.state.gateway
    name = request.path_params["model"]
    return JSONResponse(_model(name, gateway.catalog.owner_of(name)))


def _model(name: str, owner: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": owner}
