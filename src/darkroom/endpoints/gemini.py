"""`POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent`, and the models, as Google's API has them.

The same paths under `/v1`. Any upstream may be behind this door; a stream is server-sent events with `?alt=sse`, and
without it one JSON list.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from darkroom.clock import nonce
from darkroom.dialects.gemini.asked import decode_request
from darkroom.dialects.gemini.writer import AnswerHead, EventEncoder, Framing, assemble
from darkroom.endpoints.body import read_lifted
from darkroom.endpoints.door import Asked, Door, Writer, output_of
from darkroom.endpoints.errors import google_error_response, speaks_google
from darkroom.errors import DarkroomError, MalformedRequest, NotFound
from darkroom.gateway import Gateway
from darkroom.lifted import Lifts
from darkroom.reply import Reply

_METHODS = ("generateContent", "streamGenerateContent")
_CONTENT_TYPES = {"sse": "text/event-stream; charset=utf-8"}
_PAGE, _MAX_PAGE = 50, 1000

Endpoint = Callable[[Request], Awaitable[Response]]


def either(google: Endpoint, openai: Endpoint) -> Endpoint:
    """Return the endpoint of a path that both APIs have: who asks decides."""

    async def endpoint(request: Request) -> Response:
        return await (google if speaks_google(request.scope) else openai)(request)

    return endpoint


class ModelMethods:
    """The methods of a model, which stand behind a colon in the path."""

    def __init__(self) -> None:
        self._whole = GenerateContent("none")
        self._streams = {framing: GenerateContent(framing) for framing in ("sse", "array")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        _, _, method = request.path_params["model"].rpartition(":")
        if method not in _METHODS:
            error = NotFound(f"a model has no method `{method[:64]}` here; it has {' and '.join(_METHODS)}")
            await google_error_response(error)(scope, receive, send)
        elif method == "generateContent":
            await self._whole(scope, receive, send)
        else:
            framing = "sse" if request.query_params.get("alt", "").lower() == "sse" else "array"
            await self._streams[framing](scope, receive, send)


class GenerateContent(Door):
    # Google's Python SDK reads each line of a stream as JSON, comments too; an empty one it passes over.
    heartbeat = b"\n\n"

    def __init__(self, framing: Framing) -> None:
        self.framing = framing
        self.content_type = _CONTENT_TYPES.get(framing, "application/json; charset=utf-8")

    async def read(self, request: Request, gateway: Gateway, lifts: Lifts) -> Asked:
        model = _asked_model(request)
        body = await read_lifted(request, lifts, gateway.settings.limits)
        asked = decode_request(
            body,
            lifts,
            model,
            stream=self.framing != "none",
            public_url=gateway.settings.public_url,
            max_parts=gateway.settings.limits.parts,
        )
        head = AnswerHead(
            nonce(),
            model,
            gateway.settings.public_url,
            self.framing,
            links=output_of(request, request.state.output or "inline") != "inline",
            thoughts=asked.thoughts,
        )
        return Asked(asked.conversation, lambda answer: _writer(head, answer))

    def refuse(self, error: DarkroomError, report: Mapping[str, Any] | None = None) -> Response:
        return google_error_response(error, report, self.framing)


def _writer(head: AnswerHead, answer: Reply) -> Writer:
    return Writer(lambda: EventEncoder(head, answer.report), lambda events: assemble(head, events, answer.report))


async def list_models(request: Request) -> Response:
    """`GET /v1beta/models?pageSize&pageToken`."""
    gateway: Gateway = request.app.state.gateway
    size, start = page_size(request, _PAGE, _MAX_PAGE), _number(request.query_params.get("pageToken", "0"), "pageToken")
    names = [name for name, _ in await gateway.catalog.offered()]
    page: dict[str, Any] = {"models": [_model(name) for name in names[start : start + size]]}
    if start + size < len(names):
        page["nextPageToken"] = str(start + size)
    return JSONResponse(page)


async def get_model(request: Request) -> Response:
    """`GET /v1beta/models/{model}`: by the name that it would be asked for with."""
    gateway: Gateway = request.app.state.gateway
    name = request.path_params["model"]
    gateway.catalog.owner_of(name)
    return JSONResponse(_model(name))


def page_size(request: Request, usual: int, most: int) -> int:
    """Return how many rows a page shall have. Raises `MalformedRequest`."""
    return min(_number(request.query_params.get("pageSize") or "0", "pageSize"), most) or usual


def _model(name: str) -> dict[str, Any]:
    return {
        "name": f"models/{name}",
        "version": "",
        "displayName": name,
        "supportedGenerationMethods": list(_METHODS),
    }


def _asked_model(request: Request) -> str:
    name: str = request.path_params["model"].rpartition(":")[0]
    if not name:
        raise MalformedRequest("the path names no model")
    return name


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise MalformedRequest(f"`{name}` must be a number", param=name)
    return int(text)
