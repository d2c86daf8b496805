"""An emulator of OpenRouter's video API. Strict: it takes the fields of its reference, and lengths that models make.

A finished job has signed `urls`, which anybody may fetch and which expire, and `unsigned_urls` at its own host, which
want the key. Format: https://openrouter.ai/docs/api/api-reference/video-generation/create-videos
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from darkroom.testing.emulation import Asked, Fields, Notes, Refusal
from darkroom.testing.films import Downloads, Film, make

MODELS: dict[str, tuple[int, ...]] = {"google/veo-3.1": (4, 6, 8), "bytedance/seedance-2.0": tuple(range(4, 16))}
"""The models, and the seconds that each takes."""
BLOCKED = "unsafe"

_FIELDS = frozenset(
    "model prompt duration resolution aspect_ratio size seed generate_audio frame_images input_references provider "
    "callback_url".split()
)
_RESOLUTIONS = ("480p", "720p", "1080p", "1K", "2K", "4K")
_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9", "9:21")
_DATA = re.compile(r"data:(?:image|video)/[\w.+-]+;base64,")


class Refused(Refusal):
    @property
    def body(self) -> Fields:
        return {"error": {"code": self.status, "message": self.message}}


@dataclass(slots=True)
class RoutedJob:
    """One job; `first` is the picture that its film begins with, `parents` the hashes of what else it is made from."""

    id: str
    prompt: str
    first: bytes | None
    parents: tuple[str, ...]
    looks: int = 0
    film: Film | None = None
    links: dict[str, float] = field(default_factory=dict)


@dataclass
class OpenRouterVideosUpstream:
    """Serves `/api/v1/videos`. `polls`: looks until a job is done; `link_seconds`: how long a signed URL is good."""

    key: str = ""
    polls: int = 2
    film_bytes: int = 0
    link_seconds: float = 3600.0
    expired: bool = False
    downloads: Downloads = field(default_factory=Downloads)
    notes: Notes = field(default_factory=Notes)
    jobs: dict[str, RoutedJob] = field(default_factory=dict)
    made: Counter[str] = field(default_factory=Counter)
    app: Starlette = field(init=False)

    def __post_init__(self) -> None:
        routes = [
            Route("/api/v1/videos/models", self._told(self._models)),
            Route("/api/v1/videos", self._told(self._create), methods=["POST"]),
            Route("/api/v1/videos/{id}", self._told(self._look)),
            Route("/api/v1/videos/{id}/content", self._told(self._content)),
            Route("/signed/{name}", self._signed),
        ]
        self.app = Starlette(routes=routes)

    @property
    def requests(self) -> list[Asked]:
        return list(self.notes.requests)

    def _told(self, answer: Callable[[Request, Any], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            body = self.notes.note(request.method, request.url.path, await request.body(), dict(request.headers))
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            try:
                if self.key and not hmac.compare_digest(given.encode(), self.key.encode()):
                    raise Refused(401, "No auth credentials found")
                return await answer(request, body)
            except Refused as refused:
                return JSONResponse(refused.body, refused.status)

        return endpoint

    async def _models(self, request: Request, body: Any) -> Response:
        data = [{"id": name, "supported_durations": list(seconds)} for name, seconds in MODELS.items()]
        return JSONResponse({"data": data})

    async def _create(self, request: Request, body: Any) -> Response:
        first, parents = _check(body)
        job = RoutedJob(f"job-{secrets.token_hex(8)}", body["prompt"], first, parents)
        self.jobs[job.id] = job
        self.made[job.prompt] += 1
        return JSONResponse(self._shown(request, job), 202)

    async def _look(self, request: Request, body: Any) -> Response:
        job = self._job(request)
        job.looks += 1
        return JSONResponse(self._shown(request, job))

    def _job(self, request: Request) -> RoutedJob:
        job = self.jobs.get(request.path_params["id"])
        if job is None:
            raise Refused(404, "Job not found")
        return job

    def _status(self, job: RoutedJob) -> str:
        if self.expired:
            return "expired"
        if job.looks < self.polls:
            return "in_progress" if job.looks else "pending"
        return "failed" if BLOCKED in job.prompt else "completed"

    def _shown(self, request: Request, job: RoutedJob) -> Fields:
        shown: Fields = {"id": job.id, "polling_url": f"/api/v1/videos/{job.id}", "status": self._status(job)}
        if shown["status"] == "failed":
            shown["error"] = "The content was rejected by the safety system."
        if shown["status"] == "completed":
            base, name = str(request.base_url).rstrip("/"), secrets.token_hex(8)
            job.links[name] = time.monotonic()
            shown |= {
                "generation_id": f"gen-{job.id}",
                "urls": [f"{base}/signed/{name}"],
                "unsigned_urls": [f"{base}/api/v1/videos/{job.id}/content?index=0"],
                "expires_at": int(time.time() + self.link_seconds),
                "usage": {"cost": 0.5, "is_byok": False},
            }
        return shown

    async def _film(self, job: RoutedJob) -> Film:
        if job.film is None:
            job.film = await asyncio.to_thread(
                make, job.prompt, first=job.first, parents=job.parents, size=self.film_bytes
            )
        return job.film

    async def _content(self, request: Request, body: Any) -> Response:
        job = self._job(request)
        if self._status(job) != "completed" or request.query_params.get("index", "0") != "0":
            raise Refused(400, "The video is not available")
        return self.downloads.answer(request, job.id, await self._film(job))

    async def _signed(self, request: Request) -> Response:
        name = request.path_params["name"]
        job = next((job for job in self.jobs.values() if name in job.links), None)
        if job is None or time.monotonic() - job.links[name] > self.link_seconds:
            return Response("<Error><Code>AccessDenied</Code></Error>", 403, media_type="application/xml")
        return self.downloads.answer(request, job.id, await self._film(job))


def _check(body: Any) -> tuple[bytes | None, tuple[str, ...]]:
    """Refuse what the real API refuses; return the first frame, and the hashes of the references."""
    if not isinstance(body, dict) or not body.get("prompt"):
        raise Refused(400, "prompt: Required")
    if unknown := set(body) - _FIELDS:
        raise Refused(400, f"Unrecognized key: {min(unknown)}")
    if body.get("model") not in MODELS:
        raise Refused(400, f"{body.get('model')} is not a valid model ID")
    if body.get("duration", MODELS[body["model"]][0]) not in MODELS[body["model"]]:
        raise Refused(400, f"duration: {body['duration']} is not supported by this model")
    for name, known in (("resolution", _RESOLUTIONS), ("aspect_ratio", _RATIOS)):
        if body.get(name, known[0]) not in known:
            raise Refused(400, f"{name}: Invalid option")
    frames = [_media(item, frame=True) for item in body.get("frame_images", ())]
    references = [_media(item) for item in body.get("input_references", ())]
    if frames:
        references = []
    return (frames[0] if frames else None), tuple(hashlib.sha256(data).hexdigest() for data in references)


def _media(item: Any, *, frame: bool = False) -> bytes:
    kind = item.get("type") if isinstance(item, dict) else None
    if kind not in (("image_url",) if frame else ("image_url", "video_url", "audio_url")):
        raise Refused(400, "Invalid type of a reference")
    if item.keys() != {"type", kind, *(["frame_type"] if frame else [])}:
        raise Refused(400, "Unrecognized key in a reference")
    if frame and item["frame_type"] not in ("first_frame", "last_frame"):
        raise Refused(400, "frame_type: Invalid option")
    url = item[kind].get("url", "") if isinstance(item[kind], dict) else ""
    if url.startswith(("https://", "http://")):
        return b""
    if not _DATA.match(url):
        raise Refused(400, "url: Invalid URL")
    return base64.b64decode(url.partition(",")[2], validate=True)
