"""What a person sees who opens the gateway in a browser: a home page, the reference, and `/health`."""

from __future__ import annotations

from html import escape
from importlib.resources import files

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from darkroom import __version__
from darkroom.endpoints.openapi import document
from darkroom.gateway import Gateway

_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


async def home(request: Request) -> Response:
    """Say what this is and how to talk to it."""
    gateway: Gateway = request.app.state.gateway
    page = _template("home.html")
    for name, value in {"url": gateway.settings.public_url, "version": __version__}.items():
        page = page.replace("{{" + name + "}}", escape(value))
    return HTMLResponse(page, headers=_HEADERS)


async def docs(request: Request) -> Response:
    """Show the OpenAPI document as a page."""
    rows = "".join(
        _operation(method, path, operation)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    )
    return HTMLResponse(_template("docs.html").replace("{{operations}}", rows), headers=_HEADERS)


async def openapi(request: Request) -> Response:
    gateway: Gateway = request.app.state.gateway
    return JSONResponse({**document(), "servers": [{"url": gateway.settings.public_url}]})


async def health(request: Request) -> Response:
    """Tell that the gateway answers, and that its database does."""
    gateway: Gateway = request.app.state.gateway
    await gateway.database.has_keys()
    return JSONResponse({"status": "ok", "version": __version__})


def _operation(method: str, path: str, operation: dict[str, object]) -> str:
    body = operation.get("requestBody")
    shape = f"<pre>{escape(msgspec.json.format(msgspec.json.encode(body)).decode())}</pre>" if body else ""
    return (
        f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> "
        f"{escape(str(operation['summary']))}</summary>"
        f"<p>{escape(str(operation.get('description', '')))}</p>{shape}</details>"
    )


def _template(name: str) -> str:
    return (files("darkroom.web") / name).read_text("utf-8")
