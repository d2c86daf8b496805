"""An emulator of Gemini's Interactions API, with the sketch painter behind it.

Strict: it takes what `interactions_request` describes and nothing else, its ids belong to the key that made them, and
what was deleted is gone. A model that draws remembers the pictures of its interactions, and finds the one that a prompt
means. Films are made in the background and lie behind a redirect, which must not be shown the key.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from darkroom.sketch import paint
from darkroom.testing.emulation import (
    Answer,
    Asked,
    Fields,
    Notes,
    Remembered,
    described,
    draw,
    make_film,
    meant,
    wants_words,
)
from darkroom.testing.interactions_request import Refused, Said, Wanted, read
from darkroom.testing.planning import planned_for

MODELS = {
    "gemini-3.1-flash-image": "image",
    "gemini-3-pro-image": "image",
    "gemini-3.8-flash": "text",
    "gemini-omni-1.1-flash": "video",
}
BLOCKED = "unsafe"
"""A prompt with this word is refused."""

_TIME = "2026-11-01T12:00:00Z"
_SIGNATURE = base64.b64encode(b"signature " * 600).decode()
_THOUGHT = base64.b64encode(paint("a thought", size=(64, 64)).data).decode()
_LATE = 2
"""After how many downloads that came too early a film can be had."""
_WORKING = ("queued", "in_progress")


@dataclass(slots=True)
class Kept:
    """One interaction. `seen` are the pictures that it knows, oldest first; `polls` until its work is done."""

    id: str
    key: str
    wanted: Wanted
    seen: list[Remembered] = field(default_factory=list)
    steps: list[Fields] = field(default_factory=list)
    status: str = "in_progress"
    polls: int = 0
    error: Fields | None = None

    def resource(self, *, asked: bool = False) -> Fields:
        """Return the interaction as the API shows it; `asked`: with what it was asked."""
        shown: Fields = {
            "id": self.id,
            "object": "interaction",
            "model": self.wanted.model,
            "status": self.status,
            "created": _TIME,
            "updated": _TIME,
        }
        if self.status not in _WORKING:
            shown |= {"steps": [*(self.wanted.steps if asked else ()), *self.steps], "usage": _usage(self.steps)}
        if self.error:
            shown["errors"] = [self.error]
        return shown


class InteractionsUpstream:
    """Serves `/v1beta/interactions`.

    `keys` are further keys that are let in; `polls` is how often background work is asked for before it is done;
    `looked` and `cancelled` tell that it was asked for, and stopped; `made` counts it by prompt. `cuts` are the numbers
    of events after which the next streams break off, one each.
    """

    def __init__(self, key: str | None = None, keys: tuple[str, ...] = (), polls: int = 2) -> None:
        self.keys = {*keys, *([key] if key else [])}
        self.polls = polls
        self.cuts: list[int] = []
        self.looked = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.made: Counter[str] = Counter()
        self.kept: dict[str, Kept] = {}
        self.files: dict[str, bytes] = {}
        self._refusals: list[tuple[str, str, Refused]] = []
        self._waiting: set[str] = set()
        self._refused: Counter[str] = Counter()
        self._notes = Notes()
        self.app = Starlette(
            routes=[
                Route("/v1beta/models", self._told(self._models)),
                Route("/v1beta/interactions", self._told(self._create), methods=["POST"]),
                Route("/v1beta/interactions/{id}", self._told(self._get), methods=["GET"]),
                Route("/v1beta/interactions/{id}", self._told(self._delete), methods=["DELETE"]),
                Route("/v1beta/interactions/{id}/cancel", self._told(self._cancel), methods=["POST"]),
                Route("/v1beta/files/{id}:download", self._told(self._download), methods=["GET"]),
                Route("/v1beta/files/{id}", self._told(self._file), methods=["GET"]),
                Route("/v1beta/files/{id}", self._told(self._delete_file), methods=["DELETE"]),
                Route("/media/{id}", self._bytes, methods=["GET"]),
            ]
        )

    @property
    def requests(self) -> list[Asked]:
        return list(self._notes.requests)

    @property
    def asked(self) -> list[Any]:
        """The bodies of the requests that create, oldest first."""
        return self._notes.bodies("POST", "/v1beta/interactions")

    def forget(self) -> None:
        """Lose every interaction."""
        self.kept.clear()

    def refuse_on(self, method: str, path: str, refusal: Refused, times: int) -> None:
        """Refuse the next requests with this method and this in their path."""
        self._refusals += [(method, path, refusal)] * times

    def _refuse(self, request: Request) -> None:
        for waiting in self._refusals:
            if request.method == waiting[0] and waiting[1] in request.url.path:
                self._refusals.remove(waiting)
                raise waiting[2]

    def _told(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        return self._notes.endpoint(self._enter, answer)

    def _enter(self, request: Request) -> str:
        key = request.headers.get("x-goog-api-key", "")
        if self.keys and key not in self.keys:
            raise Refused(401, "authentication", "API key not valid. Please pass a valid API key.")
        self._refuse(request)
        return key

    async def _models(self, request: Request, key: str, body: Any) -> Response:
        models = [{"name": f"models/{name}", "supportedGenerationMethods": ["createInteraction"]} for name in MODELS]
        return JSONResponse({"models": models})

    async def _create(self, request: Request, key: str, body: Any) -> Response:
        wanted = read(body)
        if wanted.model not in MODELS:
            raise Refused(404, "model_not_found", f"Model '{wanted.model}' was not found.")
        if {"image", "video"} & wanted.formats.keys() - {MODELS[wanted.model]}:
            raise Refused(400, "invalid_request", f"Model '{wanted.model}' does not make that.")
        kept = Kept(f"v1_{secrets.token_urlsafe(24)}", key, wanted, self._before(wanted, key))
        if wanted.store:
            self.kept[kept.id] = kept
        if wanted.background:
            kept.polls = self.polls
            self.made["".join(said.text for said in wanted.said if said.kind == "user_input")] += 1
            return JSONResponse(kept.resource())
        if wanted.stream:
            return StreamingResponse(self._stream(kept, str(request.base_url)), media_type="text/event-stream")
        await self._work(kept, str(request.base_url))
        if kept.error:
            raise Refused(400, kept.error["code"], kept.error["message"])
        return JSONResponse(kept.resource())

    def _before(self, wanted: Wanted, key: str) -> list[Remembered]:
        return [*self._mine(wanted.previous, key).seen] if wanted.previous else []

    def _mine(self, id: str, key: str) -> Kept:
        kept = self.kept.get(id)
        if kept is None or kept.key != key:
            raise Refused(404, "not_found", f"Interaction '{id}' was not found.")
        return kept

    async def _get(self, request: Request, key: str, body: Any) -> Response:
        kept = self._mine(request.path_params["id"], key)
        self.looked.set()
        if kept.status in _WORKING:
            kept.polls -= 1
            kept.status = "in_progress"
            if kept.polls <= 0:
                await self._work(kept, str(request.base_url))
        if request.query_params.get("stream") == "true":
            return self._resumed(kept, request.query_params.get("last_event_id"))
        return JSONResponse(kept.resource(asked=True))

    def _resumed(self, kept: Kept, last: str | None) -> Response:
        events = list(_events(kept))
        ids = [event["event_id"] for event in events]
        if last is not None and last not in ids:
            raise Refused(400, "invalid_request", "Invalid last_event_id.")
        rest = events[ids.index(last) + 1 :] if last is not None else events
        return Response(b"".join(self._cut(map(_frame, rest))), media_type="text/event-stream")

    def _cut(self, frames: Iterable[bytes]) -> Iterator[bytes]:
        """Yield frames, up to the middle of one where the stream is to break off."""
        most = self.cuts.pop(0) if self.cuts else None
        for number, frame in enumerate(frames):
            if number == most:
                yield frame[: len(frame) // 2]
                return
            yield frame

    async def _delete(self, request: Request, key: str, body: Any) -> Response:
        del self.kept[self._mine(request.path_params["id"], key).id]
        return JSONResponse({})

    async def _cancel(self, request: Request, key: str, body: Any) -> Response:
        kept = self._mine(request.path_params["id"], key)
        if not kept.wanted.background or kept.status not in _WORKING:
            raise Refused(400, "failed_precondition", "Only background interactions that run can be cancelled.")
        kept.status = "cancelled"
        self.cancelled.set()
        return JSONResponse(kept.resource())

    # Films

    def _name(self, request: Request) -> str:
        id: str = request.path_params["id"]
        if id not in self.files:
            raise Refused(404, "not_found", f"File '{id}' was not found.")
        return id

    async def _file(self, request: Request, key: str, body: Any) -> Response:
        """Tell whether a film can be had: not yet, the first time."""
        id = self._name(request)
        state = "PROCESSING" if id in self._waiting else "ACTIVE"
        self._waiting.discard(id)
        return JSONResponse({"name": f"files/{id}", "state": state, "mimeType": "video/mp4", "source": "GENERATED"})

    async def _download(self, request: Request, key: str, body: Any) -> Response:
        id = self._name(request)
        if request.query_params.get("alt") != "media" or id in self._waiting:
            self._refused[id] += 1
            if self._refused[id] >= _LATE:  # It gets there whether anybody asks for its state or not.
                self._waiting.discard(id)
            raise Refused(400, "failed_precondition", f"The file '{id}' is not in an ACTIVE state.")
        return RedirectResponse(f"{request.base_url}media/{id}", 302)

    async def _delete_file(self, request: Request, key: str, body: Any) -> Response:
        del self.files[self._name(request)]
        return JSONResponse({})

    async def _bytes(self, request: Request) -> Response:
        if "x-goog-api-key" in request.headers:
            return Response("the key has no business here", 400)
        return Response(self.files[request.path_params["id"]], media_type="video/mp4")

    # Work

    async def _stream(self, kept: Kept, base: str) -> AsyncIterator[bytes]:
        if not self.cuts:
            yield _frame(next(_events(kept)))
        await self._work(kept, base)
        if kept.error:
            yield _frame({"event_type": "error", "error": kept.error})
            return
        begun = 0 if self.cuts else 1
        for frame in self._cut([*map(_frame, list(_events(kept))[begun:]), b"event: done\ndata: [DONE]\n\n"]):
            yield frame

    async def _work(self, kept: Kept, base: str) -> None:
        """Do what an interaction asks for."""
        users = [said for said in kept.wanted.said if said.kind == "user_input"]
        prompt = users[-1].text if users else ""
        for said in users:
            kept.seen += [Remembered(data, said.text) for data in said.pictures]
        if BLOCKED in prompt:
            kept.status = "failed"
            kept.error = {"code": "image_safety", "message": "The image was blocked by a safety violation."}
            return
        content = await self._content(kept, prompt, users[-1] if users else None, base)
        if isinstance(content, dict):
            kept.steps, kept.status = [_thought(), content], "requires_action"
            return
        kept.steps, kept.status = [_thought(), {"type": "model_output", "content": content}], "completed"

    async def _content(self, kept: Kept, prompt: str, last: Said | None, base: str) -> list[Fields] | Fields:
        kind, wanted = MODELS[kept.wanted.model], kept.wanted
        results = [said.text for said in wanted.said if said.kind == "function_result"]
        if results:
            return _words(f"The tool said: {results[-1]}")
        if wanted.tools and "call" in prompt:
            id = f"call_{secrets.token_hex(4)}"
            return {"type": "function_call", "id": id, "name": wanted.tools[0], "arguments": {"about": prompt}}
        shown = list(last.pictures) if last is not None else []
        if wanted.formats.get("text", {}).get("mime_type") == "application/json":
            return _words(json.dumps(planned_for(prompt) or {"said": prompt}))
        if kind == "text" or wants_words(prompt):
            return _words(described(shown or [each.data for each in kept.seen]))
        if kind == "video":
            film = await asyncio.to_thread(make_film, prompt, *shown[:1])
            return self._film(film, wanted.formats.get("video", {}), base)
        base_of = [] if shown else [meant(prompt, kept.seen)]
        bases = shown or [each.data for each in base_of if each is not None]
        ratio = wanted.formats.get("image", {}).get("aspect_ratio", "1:1")
        picture = await asyncio.to_thread(draw, prompt, bases, ratio)
        kept.seen.append(Remembered(picture.data, prompt))
        data = base64.b64encode(picture.data).decode()
        return [*_words("Here it is."), {"type": "image", "data": data, "mime_type": "image/png"}]

    def _film(self, data: bytes, wanted: Fields, base: str) -> list[Fields]:
        if wanted.get("delivery") != "uri":
            return [{"type": "video", "data": base64.b64encode(data).decode(), "mime_type": "video/mp4"}]
        id = secrets.token_hex(6)
        self.files[id] = data
        self._waiting.add(id)
        return [{"type": "video", "uri": f"{base}v1beta/files/{id}:download?alt=media", "mime_type": "video/mp4"}]


def _words(text: str) -> list[Fields]:
    return [{"type": "text", "text": text}]


def _thought() -> Fields:
    """Return a thought with an interim picture in it, which is nobody's answer, and a long signature."""
    summary = [{"type": "text", "text": "Thinking of it."}]
    picture = {"type": "image", "data": _THOUGHT, "mime_type": "image/png"}
    return {"type": "thought", "signature": _SIGNATURE, "summary": [*summary, picture]}


def _usage(steps: list[Fields]) -> Fields:
    kinds = [part["type"] for step in steps for part in step.get("content", ())]
    made = {"image": 1120, "video": 5792}.get(kinds[-1] if kinds else "", 12)
    return {
        "total_input_tokens": 9,
        "total_output_tokens": made,
        "total_thought_tokens": 40,
        "total_cached_tokens": 3,
        "total_tool_use_tokens": 0,
        "total_tokens": 9 + made + 40,
        "output_tokens_by_modality": [{"modality": kind, "tokens": made} for kind in kinds[-1:]],
    }


def _events(kept: Kept) -> Iterator[Fields]:
    """Yield an interaction as it is streamed: each event with an id, behind which the stream can be resumed."""
    for number, event in enumerate(_unnamed(kept)):
        yield {**event, "event_id": f"e{number}"}


def _unnamed(kept: Kept) -> Iterator[Fields]:
    """Yield texts in pieces, media whole, the lifecycle without the steps."""
    shown = {name: value for name, value in kept.resource().items() if name not in {"steps", "usage"}}
    yield {"event_type": "interaction.created", "interaction": {**shown, "status": "in_progress"}}
    yield {"event_type": "interaction.status_update", "interaction_id": kept.id, "status": "in_progress"}
    for index, step in enumerate(kept.steps):
        head = {name: value for name, value in step.items() if name not in {"content", "summary", "signature"}}
        if step["type"] == "function_call":
            head["arguments"] = {}
        yield {"event_type": "step.start", "index": index, "step": head}
        for delta in _deltas(step):
            yield {"event_type": "step.delta", "index": index, "delta": delta}
        yield {"event_type": "step.stop", "index": index}
    yield {"event_type": "interaction.completed", "interaction": {**shown, "usage": _usage(kept.steps)}}


def _deltas(step: Fields) -> Iterator[Fields]:
    if step["type"] == "function_call":
        text = json.dumps(step["arguments"])
        yield from ({"type": "arguments_delta", "arguments": part} for part in (text[:7], text[7:]))
    for part in step.get("summary", ()):
        yield {"type": "thought_summary", "content": part}
    if "signature" in step:
        yield {"type": "thought_signature", "signature": step["signature"]}
    for part in step.get("content", ()):
        if part["type"] != "text":
            yield part
            continue
        half = len(part["text"]) // 2
        yield from ({"type": "text", "text": text} for text in (part["text"][:half], part["text"][half:]))


def _frame(event: Fields) -> bytes:
    return f"event: {event['event_type']}\ndata: {json.dumps(event)}\n\n".encode()
