"""The web application: routes, and what every request passes on its way to them."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from darkroom.endpoints import (
    errors,
    files,
    gemini,
    gemini_files,
    generations,
    media,
    models,
    pages,
    responses,
    tus,
    videos,
)
from darkroom.endpoints.access import Access
from darkroom.endpoints.chat import ChatCompletions
from darkroom.endpoints.images import Images
from darkroom.endpoints.lineage import get_lineage
from darkroom.endpoints.metrics import Measured, metrics
from darkroom.errors import DarkroomError
from darkroom.gateway import Gateway

_MODEL_METHODS = gemini.ModelMethods()
ROUTES = (
    # First, since a page of pictures asks for many, and routes are tried in turn.
    Route("/media/{name}", media.serve_media),
    Route("/", pages.home),
    Route("/docs", pages.docs),
    Route("/openapi.json", pages.openapi),
    Route("/health", pages.health),
    Route("/metrics", metrics),
    Route("/v1/chat/completions", ChatCompletions(), methods=["POST"]),
    Route("/v1/images/generations", Images("image_generation"), methods=["POST"]),
    Route("/v1/images/edits", Images("image_edit"), methods=["POST"]),
    Route("/v1/videos", videos.CreateVideo(), methods=["POST"]),
    Route("/v1/videos", videos.list_videos),
    Route("/v1/videos/{id}", videos.get_video),
    Route("/v1/videos/{id}", videos.delete_video, methods=["DELETE"]),
    Route("/v1/videos/{id}/content", videos.video_content),
    Route("/v1/videos/{id}/remix", videos.remix_video, methods=["POST"]),
    Route("/v1/responses", responses.Responses(), methods=["POST"]),
    Route("/v1/responses/{id}", responses.get_response),
    Route("/v1/responses/{id}", responses.delete_response, methods=["DELETE"]),
    Route("/v1/responses/{id}/input_items", responses.list_input_items),
    Route("/v1/models", gemini.either(gemini.list_models, models.list_models)),
    Route("/v1/models/{model:path}", gemini.either(gemini.get_model, models.get_model)),
    Route("/v1/models/{model:path}", _MODEL_METHODS, methods=["POST"]),
    Route("/v1beta/models", gemini.list_models),
    Route("/v1beta/models/{model:path}", gemini.get_model),
    Route("/v1beta/models/{model:path}", _MODEL_METHODS, methods=["POST"]),
    Route("/upload/v1/files", gemini_files.upload, methods=["POST"]),
    Route("/upload/v1beta/files", gemini_files.upload, methods=["POST"]),
    Route("/v1/files", files.create_file, methods=["POST"]),
    Route("/v1/files", gemini.either(gemini_files.list_files, files.list_files)),
    Route("/v1/files/tus", tus.create, methods=["POST"]),
    Route("/v1/files/tus", tus.options, methods=["OPTIONS"]),
    Route("/v1/files/tus/{id}", tus.upload, methods=["GET", "PATCH", "POST", "DELETE", "OPTIONS"]),
    Route("/v1/files/{id}", gemini.either(gemini_files.get_file, files.get_file)),
    Route("/v1/files/{id}", gemini.either(gemini_files.delete_file, files.delete_file), methods=["DELETE"]),
    Route("/v1/files/{id}/content", files.file_content),
    Route("/v1beta/files", gemini_files.list_files),
    Route("/v1beta/files/{id}", gemini_files.get_file),
    Route("/v1beta/files/{id}", gemini_files.delete_file, methods=["DELETE"]),
    Route("/v1/generations", generations.list_generations),
    Route("/v1/generations/{id}", generations.GetGeneration(), methods=["GET"]),
    Route("/v1/generations/{id}", generations.delete_generation, methods=["DELETE"]),
    Route("/v1/generations/{id}/lineage", get_lineage),
    Route("/v1/media/{id}", media.get_media),
    Route("/v1/media/{id}", media.delete_media, methods=["DELETE"]),
    Route("/v1/media/{id}/pin", media.pin_media, methods=["POST"]),
    Route("/v1/media/{id}/pin", media.unpin_media, methods=["DELETE"]),
)
_LOOPBACK_ORIGIN = r"https?://([a-z0-9-]+\.)*(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?"


def app_of(gateway: Gateway) -> Starlette:
    """Return the application of an open gateway."""
    cors = Middleware(
        CORSMiddleware,
        allow_origins=list(gateway.settings.server.cors),
        allow_origin_regex=_LOOPBACK_ORIGIN,
        allow_methods=["GET", "HEAD", "POST", "PATCH", "DELETE"],
        allow_headers=["*"],
        expose_headers=tus.HEADERS,
    )
    app = Starlette(
        routes=list(ROUTES),
        middleware=[Middleware(Measured), cors, Middleware(Access)],
        exception_handlers={
            DarkroomError: errors.on_darkroom_error,
            HTTPException: errors.on_http_error,
            Exception: errors.on_any_error,
        },
    )
    app.state.gateway = gateway
    return app
