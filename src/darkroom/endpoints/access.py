"""Who may come in: a bearer key, or, where there are no keys, a client on this machine.

Google's clients show a key in their own header, or as `?key=`. The URL of an upload that was begun is itself the
permission to go on with it, as a link's id is.

Without keys the gateway listens on loopback only. A web page in the user's own browser reaches loopback too, by a form
or by a name that it makes point here; so such requests must name a loopback host, and come from no foreign page.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, QueryParams
from starlette.types import ASGIApp, Receive, Scope, Send

from darkroom.endpoints.errors import response_to, speaks_google
from darkroom.errors import DarkroomError, Forbidden
from darkroom.gateway import Gateway

_OPEN = ("/media/", "/health", "/docs", "/openapi.json")


class Access:
    """Sets `owner` and `output` in `scope["state"]`, or refuses."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _is_open(scope["path"]) or scope["method"] == "OPTIONS":
            await self.app(scope, receive, send)
            return
        gateway: Gateway = scope["app"].state.gateway
        headers = Headers(scope=scope)
        try:
            if not await gateway.keys.required():
                _check_local(headers, gateway)
            if is_upload(scope):
                await self.app(scope, receive, send)
                return
            who = await gateway.keys.who(secret_of(scope))
        except DarkroomError as error:
            await response_to(scope, error)(scope, receive, send)
            return
        scope.setdefault("state", {}).update(owner=who.owner, output=who.output)
        await self.app(scope, receive, send)


def bearer(authorization: str) -> str | None:
    scheme, _, secret = authorization.partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else None


def secret_of(scope: Scope) -> str | None:
    """Return the key that a request shows: as a bearer token, or as Google's clients do."""
    headers = Headers(scope=scope)
    secret = bearer(headers.get("authorization", ""))
    if secret or not speaks_google(scope):
        return secret
    return headers.get("x-goog-api-key") or QueryParams(scope["query_string"]).get("key")


def is_upload(scope: Scope) -> bool:
    """Tell whether a request goes on with an upload; whose it is stands in the upload's row."""
    path: str = scope["path"]
    return path.startswith("/upload/") and "upload_id" in QueryParams(scope["query_string"])


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address is this machine's own."""
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def origins(settings_cors: Sequence[str], public_url: str) -> frozenset[str]:
    return frozenset({*(origin.rstrip("/") for origin in settings_cors), _origin(public_url)})


def allows(origin: str, allowed: frozenset[str]) -> bool:
    """Tell whether pages of an origin may call: those of this machine, and those that the operator named."""
    return origin in allowed or is_loopback(_hostname(origin))


def _is_open(path: str) -> bool:
    return path == "/" or path.startswith(_OPEN)


def _check_local(headers: Headers, gateway: Gateway) -> None:
    settings = gateway.settings
    host = _hostname(f"//{headers.get('host', '')}")
    if not is_loopback(host) and host != _hostname(settings.public_url):
        raise Forbidden(f"the host `{host}` is not this gateway's; set server.public_url, or make a key")
    origin = headers.get("origin")
    if origin is not None and not allows(origin, origins(settings.server.cors, settings.public_url)):
        raise Forbidden(f"pages of {origin} may not call this gateway; name it in server.cors, or make a key")


def _hostname(url: str) -> str:
    """Return the host that a URL names; nothing where it names none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
