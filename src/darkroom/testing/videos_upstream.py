"""An emulator of OpenAI's Videos API and of the servers that speak it their own way; real films, drawn quickly.

`variant` chooses the server (`videos_variants.VARIANTS`). A job takes `seconds` by the clock, or as many looks as
`polls` says. It counts what was made by prompt, so that a test can tell that nothing was paid for twice, and lives in
the test's own process: a gateway that is killed finds its jobs again. Prompts with `unsafe` in them are refused by its
moderation.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from darkroom.sketch import film, paint
from darkroom.testing.emulation import Asked, Fields, Notes
from darkroom.testing.films import Broken, Downloads, Film, filled, make
from darkroom.testing.videos_reading import Refused, Wanted, read
from darkroom.testing.videos_variants import VARIANTS, Stage, Told, Variant, shape

BLOCKED = "unsafe"
"""A prompt with this word is refused."""

_FIRST = 1_780_000_000
_MODERATED: Fields = {"code": "moderation_blocked", "message": "Your request was blocked by our moderation system."}
_FAILED: Fields = {"code": "video_generation_failed", "message": "The video could not be generated."}
_OPEN: tuple[Stage, ...] = ("queued", "running")
_LONGEST, _LARGEST = 4.0, 640
"""Seconds and pixels of the films that are drawn to be looked at: more would take its time."""


@dataclass(slots=True)
class VideoJob:
    """One job. `begun` and `done` by the monotonic clock, `created` in Unix seconds; `links` are the names under which
    its film was shown."""

    id: str
    wanted: Wanted
    begun: float
    number: int
    created: int = field(default_factory=lambda: int(time.time()))
    looks: int = 0
    done: float | None = None
    cancelled: bool = False
    error: Fields | None = None
    remixed: str | None = None
    film: Film | None = None
    links: dict[str, float] = field(default_factory=dict)


@dataclass
class VideosUpstream:
    """Serves `/v1/videos`, and where its variant differs that; `app` is the ASGI app.

    `film_bytes`: how large films are at least. `expires`: seconds for which a finished job is kept; `link_seconds` and
    `link_bytes`: for how long, and how many bytes, a link to a film is good. `failing`: at which stage each new job
    fails. `lost`: so many next submissions are made, and their answers never arrive. `gate`: submissions wait for it
    before they are answered.
    """

    key: str = ""
    variant: str = "openai"
    seconds: float = 0.0
    polls: int | None = None
    film_bytes: int = 0
    models: tuple[str, ...] = ()
    idempotent: bool = False
    lists: bool | None = None
    redirects: bool = False
    nice: bool = False
    """Whether films are drawn to be looked at: of the length and shape that were asked for."""
    expires: float | None = None
    link_seconds: float | None = None
    link_bytes: int | None = None
    failing: Literal["", "submit", "queued", "running", "content"] = ""
    lost: int = 0
    gate: asyncio.Event | None = None
    downloads: Downloads = field(default_factory=Downloads)
    notes: Notes = field(default_factory=Notes)
    jobs: dict[str, VideoJob] = field(default_factory=dict)
    made: Counter[str] = field(default_factory=Counter)
    deleted: list[str] = field(default_factory=list)
    app: Starlette = field(init=False)
    _keys: dict[str, str] = field(default_factory=dict)
    _refusals: list[tuple[str, str, Refused]] = field(default_factory=list)

    def __post_init__(self) -> None:
        root = "" if self.variant == "localai" else "/v1"
        create = {"create-query": "/video/create", "localai": "/video"}.get(self.variant, "/videos")
        routes = [
            Route(f"{root}/models", self._told(self._models)),
            Route(f"{root}{create}", self._told(self._create, noted=False), methods=["POST"]),
            Route("/generated-videos/{name}", self._linked, methods=["GET"]),
        ]
        if self.variant == "create-query":
            routes.append(Route(f"{root}/video/query", self._told(self._look)))
        elif self.variant != "localai":
            routes += [
                Route("/v1/videos", self._told(self._list), methods=["GET"]),
                Route("/v1/videos/{id}", self._told(self._look), methods=["GET"]),
                Route("/v1/videos/{id}", self._told(self._delete), methods=["DELETE"]),
                Route("/v1/videos/{id}/content", self._told(self._content), methods=["GET"]),
                Route("/v1/videos/{id}/cancel", self._told(self._cancel), methods=["POST"]),
                Route("/v1/videos/{id}/remix", self._told(self._remix), methods=["POST"]),
            ]
        self.app = Starlette(routes=routes)

    @property
    def row(self) -> Variant:
        row = VARIANTS[self.variant]
        return replace(row, models=self.models) if self.models else row

    @property
    def requests(self) -> list[Asked]:
        return list(self.notes.requests)

    def refuse_on(self, method: str, path: str, status: int, times: int = 1, message: str = "not now") -> None:
        """Refuse the next requests with this method and this in their path, before anything is made."""
        self._refusals += [(method, path, Refused(status, message))] * times

    def stage(self, job: VideoJob) -> Stage:
        """Tell how far a job is; when it is done is noted when somebody looks."""
        if job.cancelled:
            return "cancelled"
        share = self._share(job)
        if self.failing in ("queued", "running") or job.error is not None:
            late = 0.0 if self.failing == "queued" else 0.5
            if share >= late or job.error is not None:
                job.error = job.error or _FAILED
                return "failed"
        if share < 1:
            return "running" if job.looks > 1 or share > 0 else "queued"
        if job.done is None:
            job.done = time.monotonic() if self.polls is not None else job.begun + self.seconds
        if self.expires is not None and time.monotonic() - job.done > self.expires:
            return "expired"
        return "completed"

    def _share(self, job: VideoJob) -> float:
        if self.polls is not None:
            return min(job.looks / self.polls, 1.0) if self.polls else 1.0
        return min((time.monotonic() - job.begun) / self.seconds, 1.0) if self.seconds else 1.0

    def _told(
        self, answer: Callable[[Request], Awaitable[Response]], *, noted: bool = True
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            if noted:
                self.notes.note(request.method, request.url.path, await request.body(), dict(request.headers))
            try:
                self._enter(request)
                return await answer(request)
            except Refused as refused:
                return JSONResponse(refused.body, refused.status)

        return endpoint

    def _enter(self, request: Request) -> None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.key and not hmac.compare_digest(given.encode(), self.key.encode()):
            raise Refused(401, "Incorrect API key provided.", "invalid_api_key")
        for waiting in self._refusals:
            if request.method == waiting[0] and waiting[1] in request.url.path:
                self._refusals.remove(waiting)
                raise waiting[2]

    async def _models(self, request: Request) -> Response:
        data = [{"id": name, "object": "model", "created": _FIRST, "owned_by": "sketch"} for name in self.row.models]
        return JSONResponse({"object": "list", "data": data})

    # Jobs

    async def _create(self, request: Request) -> Response:
        wanted = await read(request, self.row, self.notes)
        if self.failing == "submit":
            raise Refused(500, "The server had an error while processing your request.")
        if BLOCKED in wanted.prompt and self.variant in ("openai", "sketch"):
            raise Refused(400, str(_MODERATED["message"]), str(_MODERATED["code"]))
        return await self._begun(request, wanted)

    async def _remix(self, request: Request) -> Response:
        base, body = self._job(request), self.notes.requests[-1].body
        if not self.row.remixes or self.stage(base) != "completed":
            raise Refused(400, "Only completed videos can be remixed.", "invalid_value")
        if not isinstance(body, dict) or body.keys() != {"prompt"} or not body["prompt"]:
            raise Refused(400, "A remix takes a 'prompt'.", "missing_required_parameter", "prompt")
        parents = ((await self._film(base)).sha256,)
        wanted = replace(base.wanted, prompt=str(body["prompt"]), picture=None, parents=parents, links=())
        return await self._begun(request, wanted, remixed=base.id)

    async def _begun(self, request: Request, wanted: Wanted, remixed: str | None = None) -> Response:
        """Begin a job, which is the moment that costs, and answer; an answer may be lost."""
        key = request.headers.get("idempotency-key", "")
        known = self._keys.get(key) if self.idempotent and key else None
        if known is not None:
            job = self.jobs[known]
        else:
            id = f"{self.row.prefix}{secrets.token_hex(12)}"
            job = VideoJob(id, wanted, time.monotonic(), len(self.jobs), remixed=remixed)
            if BLOCKED in wanted.prompt:
                job.error = _MODERATED
            self.jobs[id] = job
            self._keys[key] = id
            self.made[wanted.prompt] += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.lost > 0:
            self.lost -= 1
            return StreamingResponse(_nothing(), headers={"content-length": "100"})
        if self.variant == "localai":
            return await self._whole(request, job)
        return JSONResponse(self._shown(request, job))

    async def _whole(self, request: Request, job: VideoJob) -> Response:
        """Answer when the film is there, as LocalAI does."""
        if self.polls is None:
            await asyncio.sleep(self.seconds)
        job.looks = self.polls or 0
        if self.stage(job) != "completed":
            raise Refused(500, str((job.error or _FAILED)["message"]))
        data = {"url": self._link(request, job, relative=True)}
        return JSONResponse({"created": _FIRST + job.number, "id": job.id, "data": [data]})

    def _job(self, request: Request) -> VideoJob:
        id = request.path_params.get("id") or request.query_params.get("id") or ""
        job = self.jobs.get(id)
        if job is None or (self.stage(job) == "expired" and self.row.told == "content"):
            raise Refused(404, f"Video with id '{id}' not found.", "not_found")
        return job

    async def _look(self, request: Request) -> Response:
        job = self._job(request)
        job.looks += 1
        return JSONResponse(self._shown(request, job), headers={"openai-poll-after-ms": "20"})

    async def _list(self, request: Request) -> Response:
        if not (self.row.lists if self.lists is None else self.lists):
            raise Refused(404, "Invalid URL (GET /v1/videos)")
        jobs = sorted(self.jobs.values(), key=lambda job: job.number)
        if request.query_params.get("order", "desc") == "desc":
            jobs.reverse()
        ids = [job.id for job in jobs]
        begin = ids.index(request.query_params["after"]) + 1 if request.query_params.get("after") in ids else 0
        limit = min(int(request.query_params.get("limit", "20")), 100)
        data = [self._shown(request, job) for job in jobs[begin : begin + limit]]
        ends = {"first_id": data[0]["id"] if data else None, "last_id": data[-1]["id"] if data else None}
        return JSONResponse({"object": "list", "data": data, **ends, "has_more": begin + limit < len(jobs)})

    async def _delete(self, request: Request) -> Response:
        job = self._job(request)
        if not self.row.deletes:
            raise Refused(404, "Invalid URL (DELETE /v1/videos)")
        del self.jobs[job.id]
        self.deleted.append(job.id)
        return JSONResponse({"id": job.id, "object": "video.deleted", "deleted": True})

    async def _cancel(self, request: Request) -> Response:
        job = self._job(request)
        if self.stage(job) not in _OPEN:
            raise Refused(400, "Only videos that are being made can be cancelled.", "invalid_value")
        job.cancelled = True
        return JSONResponse(self._shown(request, job))

    def _shown(self, request: Request, job: VideoJob) -> Fields:
        stage = self.stage(job)
        url = self._link(request, job) if stage == "completed" and self.row.told != "content" else None
        done = None if job.done is None else job.created + int(job.done - job.begun)
        expires = int(time.time() + self.expires) if stage == "completed" and self.expires is not None else None
        told = Told(
            job.id, job.wanted.model, job.wanted.prompt, stage, int(self._share(job) * 100), job.created,
            job.wanted.seconds, job.wanted.size, done, expires, job.remixed, job.error, url,
        )  # fmt: skip
        return shape(self.variant, self.row, told)

    # Films

    def _link(self, request: Request, job: VideoJob, *, relative: bool = False) -> str:
        """Return a link to a film, a new one each time, which may be good for a while only."""
        name = f"{secrets.token_hex(8)}.mp4"
        job.links[name] = time.monotonic()
        path = f"/generated-videos/{name}"
        return path if relative else f"{str(request.base_url).rstrip('/')}{path}"

    async def _film(self, job: VideoJob) -> Film:
        if job.film is None:
            job.film = await asyncio.to_thread(self._drawn, job.wanted)
        return job.film

    def _drawn(self, wanted: Wanted) -> Film:
        if not self.nice:
            return make(wanted.prompt, first=wanted.picture, parents=_others(wanted), size=self.film_bytes)
        seconds, size = min(float(wanted.seconds), _LONGEST), _shape(wanted.size)
        drawn = film(wanted.prompt, size=size, seconds=seconds, first=wanted.picture, parents=_others(wanted))
        return filled(drawn.data, self.film_bytes)

    async def _content(self, request: Request) -> Response:
        job = self._job(request)
        stage = self.stage(job)
        if stage == "failed":
            raise Refused(422, str((job.error or _FAILED)["message"]), str((job.error or _FAILED)["code"]))
        if stage != "completed":
            raise Refused(self.row.missing, "Video is not ready yet, use GET /v1/videos/{video_id} to check status.")
        if self.failing == "content":
            raise Refused(500, "The server had an error while processing your request.")
        if request.query_params.get("variant", "video") != "video":
            poster = await asyncio.to_thread(paint, job.wanted.prompt, size=(320, 192), format="webp")
            return Response(poster.data, media_type="image/webp")
        if self.redirects:
            return RedirectResponse(self._link(request, job), 302)
        return self.downloads.answer(request, job.id, await self._film(job))

    async def _linked(self, request: Request) -> Response:
        """Serve a film to whoever has its link; the key has no business there."""
        name = request.path_params["name"]
        job = next((job for job in self.jobs.values() if name in job.links), None)
        # A relay's own host sees the key of its own client, and a bucket behind a redirect must not.
        if self.redirects and "authorization" in request.headers:
            return Response("<Error><Code>InvalidArgument</Code></Error>", 400, media_type="application/xml")
        late = job and self.link_seconds is not None and time.monotonic() - job.links[name] > self.link_seconds
        if job is None or late:
            return Response("<Error><Code>AccessDenied</Code></Error>", 403, media_type="application/xml")
        if self.link_bytes is not None:
            del job.links[name]
            cut, self.link_bytes = self.link_bytes, None
            return self.downloads.answer(request, job.id, await self._film(job), cut=cut)
        return self.downloads.answer(request, job.id, await self._film(job))


def _others(wanted: Wanted) -> tuple[str, ...]:
    """Return the hashes of what a film is made from besides the picture that it begins with."""
    return wanted.parents if wanted.picture is None else wanted.parents[1:]


def _shape(size: str) -> tuple[int, int]:
    """Return a size for a film that is drawn here: of this shape, and not too large to be quick."""
    wide, high = map(int, size.split("x"))
    scale = min(_LARGEST / max(wide, high), 1.0)
    return max(round(wide * scale / 16) * 16, 64), max(round(high * scale / 16) * 16, 64)


async def _nothing() -> Any:
    """An answer of which nothing arrives."""
    yield b""
    raise Broken
