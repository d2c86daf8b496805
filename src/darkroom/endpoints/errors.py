"""Errors at the door: OpenAI's JSON shape whoever raised them, and Google's for clients that speak Google's dialect.

Two paths are both OpenAI's and Google's (`/v1/models`, `/v1/files`): who shows a key as Google's clients do, or says
that it is one of them, is answered in Google's shape there.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import Headers, QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from darkroom.chat import INTERNAL
from darkroom.dialects.gemini import writer as google
from darkroom.dialects.openai_chat.writer import encode_error
from darkroom.errors import (
    ClientError,
    ContentPolicyViolation,
    DarkroomError,
    GatewayError,
    MalformedRequest,
    MethodNotAllowed,
    NotFound,
    TooLarge,
    Unauthorized,
)

log = logging.getLogger("darkroom")
_GOOGLE = ("/v1beta/", "/upload/")
_SHARED = ("/v1/models", "/v1/files")
_BY_STATUS: dict[int, type[ClientError]] = {404: NotFound, 405: MethodNotAllowed, 413: TooLarge}


def error_response(error: DarkroomError, report: Mapping[str, Any] | None = None) -> Response:
    """Return an error in OpenAI's shape, with its status and headers; what is our own fault goes to the log."""
    _log_ours(error)
    return _response(error, report)


def google_error_response(
    error: DarkroomError, report: Mapping[str, Any] | None = None, framing: google.Framing = "none"
) -> Response:
    """Return an error in Google's shape. A refused prompt is no error there, but an answer that says so."""
    _log_ours(error)
    if not isinstance(error, ContentPolicyViolation):
        return Response(google.encode_error(error, report), error.status, _headers(error), "application/json")
    kind = "text/event-stream" if framing == "sse" else "application/json"
    return Response(google.encode_error(error, report, framing), 200, media_type=kind)


def response_to(scope: Scope, error: DarkroomError) -> Response:
    """Return an error in the shape that a request's client reads."""
    return google_error_response(error) if speaks_google(scope) else error_response(error)


def speaks_google(scope: Scope) -> bool:
    """Tell whether a request is of Google's dialect."""
    path: str = scope["path"]
    if path.startswith(_GOOGLE) or (path.startswith("/v1/models/") and scope["method"] == "POST"):
        return True
    return path.startswith(_SHARED) and (
        any(name in Headers(scope=scope) for name in ("x-goog-api-key", "x-goog-api-client"))
        or "key" in QueryParams(scope["query_string"])
    )


def _log_ours(error: DarkroomError) -> None:
    if error.fault == "gateway":
        log.error("%s: %s", error.code, error.message, exc_info=error)


def _response(error: DarkroomError, report: Mapping[str, Any] | None = None) -> Response:
    return Response(encode_error(error, report), error.status, _headers(error), "application/json")


def _headers(error: DarkroomError) -> dict[str, str]:
    headers = {}
    if error.retry_after is not None:
        headers["retry-after"] = str(math.ceil(error.retry_after))
    if isinstance(error, Unauthorized):
        headers["www-authenticate"] = "Bearer"
    return headers


async def on_darkroom_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, DarkroomError):
        return await on_any_error(request, error)
    return response_to(request.scope, error)


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what the router refuses."""
    status = error.status_code if isinstance(error, HTTPException) else 400
    kind = _BY_STATUS.get(status, MalformedRequest)
    response = response_to(request.scope, kind(f"{request.method} {request.url.path}: {kind.code.replace('_', ' ')}"))
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    return response


async def on_any_error(request: Request, error: Exception) -> Response:
    """Answer a defect of ours; its traceback goes to the log alone."""
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    defect = GatewayError(INTERNAL)
    if speaks_google(request.scope):
        return Response(google.encode_error(defect), defect.status, media_type="application/json")
    return _response(defect)
