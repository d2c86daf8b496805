"""An emulator of Veo on the Gemini API: `predictLongRunning`, operations, and the files that they leave.

Strict: parameters that the Developer API does not take are refused, lengths and ratios are the model's. A download
wants the key and redirects to where it must not be shown; a prompt with `unsafe` is filtered, one with `broken` fails.
Format: google-genai `_operations_converters.py`; js-genai for `instances` and `parameters`.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from darkroom.testing.emulation import Answer, Asked, Fields, Notes, Refusal
from darkroom.testing.films import Downloads, Film, make

MODELS = ("veo-3.1-generate-preview", "veo-3.1-fast-generate-preview")
BLOCKED, BROKEN = "unsafe", "broken"

_INSTANCE = frozenset({"prompt", "image", "lastFrame", "referenceImages", "video"})
_PARAMETERS: dict[str, tuple[Any, ...]] = {
    "sampleCount": (1,),
    "durationSeconds": (4, 6, 8),
    "aspectRatio": ("16:9", "9:16"),
    "resolution": ("720p", "1080p", "4k"),
    "personGeneration": ("allow_all", "allow_adult", "dont_allow"),
    "enhancePrompt": (True, False),
}


class Refused(Refusal):
    """An error in the form of Google's APIs."""

    def __init__(self, status: int, name: str, message: str) -> None:
        super().__init__(status, message)
        self.name = name

    @property
    def body(self) -> Fields:
        return {"error": {"code": self.status, "message": self.message, "status": self.name}}


@dataclass(slots=True)
class Operation:
    """One film. `first` is the picture that it begins with, `parents` the hashes of what else it is made from."""

    name: str
    prompt: str
    key: str
    first: bytes | None
    parents: tuple[str, ...]
    looks: int = 0
    file: str = ""
    film: Film | None = None


@dataclass
class VeoUpstream:
    """Serves `/v1beta/models/…:predictLongRunning`. `polls`: looks until a film is done; `film_bytes`: how large it is
    at least."""

    key: str = ""
    polls: int = 2
    film_bytes: int = 0
    downloads: Downloads = field(default_factory=Downloads)
    notes: Notes = field(default_factory=Notes)
    operations: dict[str, Operation] = field(default_factory=dict)
    made: Counter[str] = field(default_factory=Counter)
    app: Starlette = field(init=False)

    def __post_init__(self) -> None:
        routes = [
            Route("/v1beta/models", self._told(self._models)),
            Route("/v1beta/models/{model}:predictLongRunning", self._told(self._create), methods=["POST"]),
            Route("/v1beta/models/{model}/operations/{id}", self._told(self._look)),
            Route("/v1beta/files/{id}:download", self._told(self._download)),
            Route("/stored/{id}", self._stored),
        ]
        self.app = Starlette(routes=routes)

    @property
    def requests(self) -> list[Asked]:
        return list(self.notes.requests)

    def _told(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        return self.notes.endpoint(self._enter, answer)

    def _enter(self, request: Request) -> str:
        key = request.headers.get("x-goog-api-key", "")
        if self.key and key != self.key:
            raise Refused(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")
        return key

    async def _models(self, request: Request, key: str, body: Any) -> Response:
        models = [{"name": f"models/{name}", "supportedGenerationMethods": ["predictLongRunning"]} for name in MODELS]
        return JSONResponse({"models": models})

    async def _create(self, request: Request, key: str, body: Any) -> Response:
        model = request.path_params["model"]
        if model not in MODELS:
            raise Refused(404, "NOT_FOUND", f"models/{model} is not found for API version v1beta.")
        prompt, first, parents = _check(body)
        name = f"models/{model}/operations/{secrets.token_hex(8)}"
        self.operations[name] = Operation(name, prompt, key, first, parents)
        self.made[prompt] += 1
        return JSONResponse({"name": name})

    async def _look(self, request: Request, key: str, body: Any) -> Response:
        operation = self.operations.get("models/{model}/operations/{id}".format(**request.path_params))
        if operation is None or operation.key != key:
            raise Refused(404, "NOT_FOUND", "The operation was not found.")
        operation.looks += 1
        if operation.looks < self.polls:
            return JSONResponse({"name": operation.name})
        shown: Fields = {"name": operation.name, "done": True}
        if BROKEN in operation.prompt:
            return JSONResponse({**shown, "error": {"code": 13, "message": "Video generation failed."}})
        kind = "type.googleapis.com/google.ai.generativelanguage.v1beta.PredictLongRunningResponse"
        answer = self._answer(request, operation)
        return JSONResponse({**shown, "response": {"@type": kind, "generateVideoResponse": answer}})

    def _answer(self, request: Request, operation: Operation) -> Fields:
        if BLOCKED in operation.prompt:
            reason = "The prompt could not be submitted: it contains words that violate the usage guidelines."
            return {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": [reason]}
        operation.file = operation.file or secrets.token_hex(6)
        uri = f"{str(request.base_url).rstrip('/')}/v1beta/files/{operation.file}:download?alt=media"
        return {"generatedSamples": [{"video": {"uri": uri}}]}

    async def _download(self, request: Request, key: str, body: Any) -> Response:
        operation = self._of(request.path_params["id"])
        if operation is None or operation.key != key:
            raise Refused(404, "NOT_FOUND", "The file was not found.")
        if request.query_params.get("alt") != "media":
            raise Refused(400, "INVALID_ARGUMENT", "A download needs alt=media.")
        return RedirectResponse(f"{str(request.base_url).rstrip('/')}/stored/{operation.file}", 302)

    def _of(self, file: str) -> Operation | None:
        return next((each for each in self.operations.values() if each.file == file), None)

    async def _stored(self, request: Request) -> Response:
        operation = self._of(request.path_params["id"])
        if operation is None or "x-goog-api-key" in request.headers:
            return Response("the key has no business here", 400)
        if operation.film is None:
            operation.film = await asyncio.to_thread(
                make, operation.prompt, first=operation.first, parents=operation.parents, size=self.film_bytes
            )
        return self.downloads.answer(request, operation.file, operation.film)


def _check(body: Any) -> tuple[str, bytes | None, tuple[str, ...]]:
    """Refuse what the real API refuses; return the prompt, the first picture, and the hashes of the rest."""
    instances = body.get("instances") if isinstance(body, dict) else None
    if not isinstance(instances, list) or len(instances) != 1 or body.keys() - {"instances", "parameters"}:
        raise _invalid("There must be exactly one instance.")
    instance, parameters = instances[0], body.get("parameters", {})
    if unknown := set(instance) - _INSTANCE:
        raise _invalid(f"`{min(unknown)}` isn't supported by this model.")
    if not isinstance(instance.get("prompt"), str) or not instance["prompt"]:
        raise _invalid("The prompt is empty.")
    for name, value in parameters.items():
        if name != "negativePrompt" and value not in _PARAMETERS.get(name, ()):
            raise _invalid(f"`{name}` isn't supported by this model. Please remove it.")
    if parameters.get("resolution") in ("1080p", "4k") and parameters.get("durationSeconds", 8) != 8:
        raise _invalid("This resolution needs a duration of 8 seconds.")
    if "image" in instance and "referenceImages" in instance:
        raise _invalid("Reference images can't be used together with an image.")
    return instance["prompt"], *_media(instance)


def _media(instance: Fields) -> tuple[bytes | None, tuple[str, ...]]:
    first = _decoded(instance["image"], "bytesBase64Encoded", "mimeType") if "image" in instance else None
    references = instance.get("referenceImages", [])
    if len(references) > 3 or any(each.keys() != {"image", "referenceType"} for each in references):
        raise _invalid("At most 3 reference images, each with its type.")
    others = [_decoded(each["image"], "bytesBase64Encoded", "mimeType") for each in references]
    if "video" in instance and "uri" not in instance["video"]:
        others.append(_decoded(instance["video"], "encodedVideo", "encoding"))
    return first, tuple(hashlib.sha256(data).hexdigest() for data in others)


def _decoded(value: Any, data: str, mime: str) -> bytes:
    if not isinstance(value, dict) or value.keys() != {data, mime}:
        raise _invalid(f"Media has `{data}` and `{mime}`.")
    try:
        return base64.b64decode(value[data], validate=True)
    except ValueError:
        raise _invalid(f"`{data}` is not base64.") from None


def _invalid(message: str) -> Refused:
    return Refused(400, "INVALID_ARGUMENT", message)
