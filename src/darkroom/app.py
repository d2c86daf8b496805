"""The web application: routes, and what every request passes on its way to them."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from darkroom.endpoints import errors, media, models, pages
from darkroom.endpoints.access import Access
from darkroom.endpoints.chat import ChatCompletions
from darkroom.errors import DarkroomError
from darkroom.gateway import Gateway

ROUTES = (
    Route("/", pages.home),
    Route("/docs", pages.docs),
    Route("/openapi.json", pages.openapi),
    Route("/health", pages.health),
    Route("/v1/chat/completions", ChatCompletions(), methods=["POST"]),
    Route("/v1/models", models.list_models),
    Route("/v1/models/{model:path}", models.get_model),
    Route("/v1/generations", media.list_generations),
    Route("/v1/generations/{id}", media.get_generation),
    Route("/v1/media/{id}", media.get_media),
    Route("/v1/media/{id}", media.delete_media, methods=["DELETE"]),
    Route("/media/{name}", media.serve_media),
)
_LOOPBACK_ORIGIN = r"https?://([a-z0-9-]+\.)*(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?"


def app_of(gateway: Gateway) -> Starlette:
    """Return the application of an open gateway."""
    cors = Middleware(
        CORSMiddleware,
        allow_origins=list(gateway.settings.server.cors),
        allow_origin_regex=_LOOPBACK_ORIGIN,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["*"],
    )
    app = Starlette(
        routes=list(ROUTES),
        middleware=[cors, Middleware(Access)],
        exception_handlers={
            DarkroomError: errors.on_darkroom_error,
            HTTPException: errors.on_http_error,
            Exception: errors.on_any_error,
        },
    )
    app.state.gateway = gateway
    return app
