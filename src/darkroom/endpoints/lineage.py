"""`GET /v1/generations/{id}/lineage`: what one's own generation was made from, and what was made from it.

JSON, or with `?format=dot` or `Accept: text/vnd.graphviz` a graph for Graphviz.
"""

from __future__ import annotations

from typing import Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from darkroom.endpoints.schemas import DOT
from darkroom.errors import MalformedRequest
from darkroom.gateway import Gateway
from darkroom.lineage import as_dot, describe_lineage, lineage_of

Format = Literal["json", "dot"]


async def get_lineage(request: Request) -> Response:
    """Answer with the lineage of a generation."""
    gateway: Gateway = request.app.state.gateway
    wanted = _format(request)
    lineage = await lineage_of(gateway.database, request.state.owner, request.path_params["id"])
    public_url, headers = gateway.settings.public_url, {"vary": "accept"}
    if wanted == "dot":
        return Response(as_dot(lineage.graph, public_url, lineage.id), headers=headers, media_type=DOT)
    return JSONResponse(describe_lineage(lineage, public_url), headers=headers)


def _format(request: Request) -> Format:
    """Return what a request asks for: by its query, else by its header. Raises `MalformedRequest`."""
    match request.query_params.get("format"):
        case "json" | "dot" as named:
            return named
        case None:
            accepted = dict(_accepted(request.headers.get("accept", "")))
            return "dot" if accepted.get(DOT, 0.0) > accepted.get("application/json", 0.0) else "json"
        case _:
            raise MalformedRequest("`format` must be json or dot", param="format")


def _accepted(header: str) -> list[tuple[str, float]]:
    """Return the types that a header accepts, with their weights; one that can't be read weighs nothing."""
    found = []
    for item in header.split(","):
        kind, *params = (word.strip().lower() for word in item.split(";"))
        weight = next((word.removeprefix("q=") for word in params if word.startswith("q=")), "1")
        found.append((kind, float(weight) if weight.replace(".", "", 1).isdecimal() else 0.0))
    return found
