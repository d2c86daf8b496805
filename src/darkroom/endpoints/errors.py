"""Errors at the door: one JSON shape, whoever raised them."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from darkroom.chat import INTERNAL
from darkroom.dialects.openai_chat.writer import encode_error
from darkroom.errors import (
    ClientError,
    DarkroomError,
    GatewayError,
    MalformedRequest,
    MethodNotAllowed,
    NotFound,
    TooLarge,
    Unauthorized,
)

log = logging.getLogger("darkroom")
_BY_STATUS: dict[int, type[ClientError]] = {404: NotFound, 405: MethodNotAllowed, 413: TooLarge}


def error_response(error: DarkroomError, report: Mapping[str, Any] | None = None) -> Response:
    """Return an error in OpenAI's shape, with its status and headers; what is our own fault goes to the log."""
    if error.fault == "gateway":
        log.error("%s: %s", error.code, error.message, exc_info=error)
    return _response(error, report)


def _response(error: DarkroomError, report: Mapping[str, Any] | None = None) -> Response:
    headers = {}
    if error.retry_after is not None:
        headers["retry-after"] = str(math.ceil(error.retry_after))
    if isinstance(error, Unauthorized):
        headers["www-authenticate"] = "Bearer"
    return Response(encode_error(error, report), error.status, headers, "application/json")


async def on_darkroom_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, DarkroomError):
        return await on_any_error(request, error)
    return error_response(error)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what the router refuses."""
    status = error.status_code if isinstance(error, HTTPException) else 400
    kind = _BY_STATUS.get(status, MalformedRequest)
    response = error_response(kind(f"{request.method} {request.url.path}: {kind.code.replace('_', ' ')}"))
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    return response


async def on_any_error(request: Request, error: Exception) -> Response:
    """Answer a defect of ours; its traceback goes to the log alone."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _response(GatewayError(INTERNAL))
