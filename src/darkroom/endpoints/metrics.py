"""`GET /metrics`, and the middleware that counts what comes to the doors."""

from __future__ import annotations

import time

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from darkroom.gateway import Gateway

_UNROUTED = "other"
"""The door of what led to none, or was refused before it came there."""
_LEFT = 499


async def metrics(request: Request) -> Response:
    """Return the gateway's metrics in Prometheus' text format."""
    gateway: Gateway = request.app.state.gateway
    upstream = gateway.chat.means.upstream
    objects = await gateway.database.upstreams.count_objects()
    return Response(gateway.metrics.render(gateway.health, upstream, objects), media_type=CONTENT_TYPE_LATEST)


class Measured:
    """Counts requests by their route and the answer's status, with the time that they took."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        counts = scope["app"].state.gateway.metrics
        status = _LEFT

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = time.perf_counter()
        counts.in_flight += 1
        try:
            await self.app(scope, receive, noting)
        finally:
            counts.in_flight -= 1
            route = scope.get("route")
            counts.answered(getattr(route, "path", _UNROUTED), status, time.perf_counter() - began)
