"""The Discovery Engine API of Gemini Enterprise: sessions, context files, `streamAssist` and downloads.

Sessions belong to the service account that created them, file ids to their session. An answer is a JSON array, cut in
awkward places. What is made lies behind a redirect to a signed URL, which may be on another host (`files_url`).
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

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
from darkroom.testing.enterprise_reading import File, Question, Refused, read_file, read_question, read_session
from darkroom.testing.enterprise_tokens import TokenEndpoint, service_account

ENGINE = "projects/emulated/locations/global/collections/default_collection/engines/studio"
MODELS = frozenset({"gemini-2.5-flash", "gemini-3-flash-preview", "gemini-3-pro-preview"})
BLOCKED, IGNORED, FAILING, BROKEN = "unsafe", "gibberish", "collapse", "explode"
"""Words in a prompt: its content is refused, it is no question, its answer fails, its stream ends with an error."""

_NUMBERED = ENGINE.replace("emulated", "314159265358")
_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_PATH = "/{version:str}/" + ENGINE.replace("emulated", "{project}")
_VERSIONS = {"v1", "v1beta", "v1alpha"}
_PROJECTS = {"emulated", "314159265358"}
"""The project by its name and by its number, which the API answers with."""
_FILM = re.compile(r"\b(?:video|film|clip)\b|视频|影片", re.IGNORECASE)


@dataclass(slots=True)
class Session:
    """One session: whose it is, its files by id, and the pictures that its model has seen, oldest first."""

    id: str
    owner: str
    display_name: str = ""
    files: dict[str, File] = field(default_factory=dict)
    seen: list[Remembered] = field(default_factory=list)
    turns: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{_NUMBERED}/sessions/{self.id}"

    def add(self, file: File, words: str = "") -> str:
        id = str(secrets.randbelow(9 * 10**17) + 10**17)
        self.files[id] = file
        if file.mime.startswith("image/"):
            self.seen.append(Remembered(file.data, words, id))
        return id

    def resource(self) -> Fields:
        return {"name": self.name, "state": "IN_PROGRESS", "displayName": self.display_name}


class EnterpriseUpstream:
    """Serves `/{version}/{ENGINE}/…`, `/token` and `/signed/…`. `key` and `keys` name the accounts that are known.

    `refusing_deletes`: 503 for every deletion; `failing_downloads` so many downloads end with 503; `gate` holds an
    answer back after its first chunk; `left` is set when somebody goes before the end of one.
    """

    def __init__(self, key: str | None = None, keys: tuple[str, ...] = (), most_bytes: int = 32 * 1024 * 1024) -> None:
        self.tokens = TokenEndpoint((*keys, *([key] if key else [])))
        self.sessions: dict[str, Session] = {}
        self.deleted: list[str] = []
        self.refusing_deletes = False
        self.failing_downloads = 0
        self.gate: asyncio.Event | None = None
        self.waiting, self.left = asyncio.Event(), asyncio.Event()
        self.files_url: str | None = None
        self._most_bytes = most_bytes
        self._signed: dict[str, File] = {}
        self._notes = Notes()
        self._cuts = Random(1)
        self.app = Starlette(routes=self._routes())

    @property
    def requests(self) -> list[Asked]:
        return list(self._notes.requests)

    def asked(self, verb: str) -> list[Any]:
        """The bodies of the requests whose path ends with a verb (`:streamAssist`, `/sessions`), oldest first."""
        return self._notes.bodies("POST", verb)

    def base_url(self, url: str, version: str = "v1") -> str:
        """Return the provider's base URL at an address where this is served."""
        return f"{url}/{version}/{ENGINE}"

    def credential(self, url: str, name: str) -> str:
        """Return the JSON of a service account whose tokens come from here."""
        return json.dumps(service_account(name, f"{url}/token"))

    def _routes(self) -> list[Route]:
        sessions, session = f"{_PATH}/sessions", f"{_PATH}/sessions/{{id}}"
        return [
            Route("/token", self.tokens.answer, methods=["POST"]),
            Route("/signed/{name}", self._bytes, methods=["GET"]),
            Route(f"{session}:addContextFile", self._told(self._add_file), methods=["POST"]),
            Route(f"{session}:downloadFile", self._told(self._download), methods=["GET"]),
            Route(f"{_PATH}/assistants/default_assistant:streamAssist", self._told(self._assist), methods=["POST"]),
            Route(sessions, self._told(self._create), methods=["POST"]),
            Route(sessions, self._told(self._list), methods=["GET"]),
            Route(session, self._told(self._get), methods=["GET"]),
            Route(session, self._told(self._delete), methods=["DELETE"]),
            Route("/{path:path}", self._told(self._nowhere), methods=["GET", "POST", "DELETE", "PATCH"]),
        ]

    def _told(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        return self._notes.endpoint(self._enter, answer)

    def _enter(self, request: Request) -> str:
        who = self.tokens.who(request.headers.get("authorization", "").removeprefix("Bearer "))
        if who is None:
            raise Refused(401, "Request had invalid authentication credentials. Expected OAuth 2 access token.")
        place = (request.path_params.get("version", "v1"), request.path_params.get("project", "emulated"))
        if place[0] not in _VERSIONS or place[1] not in _PROJECTS:
            raise Refused(404, "Requested entity was not found.")
        return who

    async def _nowhere(self, request: Request, who: str, body: Any) -> Response:
        raise Refused(404, f"Requested entity was not found: {request.url.path}")

    # Sessions

    def _mine(self, id: str, who: str) -> Session:
        session = self.sessions.get(id)
        if session is None:
            raise Refused(404, f"Session {_NUMBERED}/sessions/{id} not found.")
        if session.owner != who:
            raise Refused(403, "Session is not owned by the provided user.")
        return session

    def _new(self, id: str, who: str, display_name: str = "") -> Session:
        self.sessions[id] = Session(id, who, display_name)
        return self.sessions[id]

    async def _create(self, request: Request, who: str, body: Any) -> Response:
        id = request.query_params.get("sessionId") or str(secrets.randbelow(10**18))
        if not _ID.fullmatch(id):
            raise Refused(400, "Session ID must be 1-63 characters of [a-z0-9-_].")
        if id in self.sessions:
            raise Refused(409, f"Session {id} already exists.")
        return JSONResponse(self._new(id, who, read_session(body)["displayName"]).resource())

    async def _list(self, request: Request, who: str, body: Any) -> Response:
        return JSONResponse({"sessions": [each.resource() for each in self.sessions.values() if each.owner == who]})

    async def _get(self, request: Request, who: str, body: Any) -> Response:
        return JSONResponse(self._mine(request.path_params["id"], who).resource())

    async def _delete(self, request: Request, who: str, body: Any) -> Response:
        if self.refusing_deletes:
            raise Refused(503, "The service is currently unavailable.")
        id = self._mine(request.path_params["id"], who).id
        del self.sessions[id]
        self.deleted.append(id)
        return JSONResponse({})

    # Files

    async def _add_file(self, request: Request, who: str, body: Any) -> Response:
        id = request.path_params["id"]
        file = read_file(body, self._most_bytes)
        session = self._new(str(secrets.randbelow(10**18)), who) if id == "-" else self._mine(id, who)
        file_id = session.add(file)
        return JSONResponse({"session": session.name, "fileId": file_id, "tokenCount": str(len(file.data) // 500 + 1)})

    async def _download(self, request: Request, who: str, body: Any) -> Response:
        session = self._mine(request.path_params["id"], who)
        file = session.files.get(request.query_params.get("fileId", ""))
        if file is None:
            raise Refused(404, "File not found in the session.")
        if request.query_params.get("alt") != "media":
            return Response(b"")
        if self.failing_downloads:
            self.failing_downloads -= 1
            raise Refused(503, "The service is currently unavailable.")
        name = secrets.token_urlsafe(16)
        self._signed[name] = file
        return RedirectResponse(f"{self.files_url or request.base_url}".rstrip("/") + f"/signed/{name}?sig=1", 302)

    async def _bytes(self, request: Request) -> Response:
        file = self._signed.get(request.path_params["name"])
        if "authorization" in request.headers or request.query_params.get("sig") != "1" or file is None:
            return Response("<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", 403)
        return Response(file.data, media_type=file.mime)

    # Questions

    async def _assist(self, request: Request, who: str, body: Any) -> Response:
        question = read_question(body, request.path_params["version"], MODELS)
        place, _, id = question.session.rpartition("/")
        if place not in (f"{ENGINE}/sessions", f"{_NUMBERED}/sessions"):
            raise Refused(400, f"Invalid session name: {question.session}.")
        session = self._new(str(secrets.randbelow(10**18)), who) if id == "-" else self._mine(id, who)
        for each in question.file_ids:
            if each not in session.files:
                raise Refused(400, f"File {each} was not found in the session.")
        return StreamingResponse(self._stream(session, question), media_type="application/json")

    async def _stream(self, session: Session, question: Question) -> AsyncIterator[bytes]:
        yield b"["
        try:
            first = True
            async for chunk in self._chunks(session, question):
                written = (b"" if first else b",\r\n") + json.dumps(chunk, indent=2).encode()
                async for piece in self._cut(written):
                    yield piece
                if first and self.gate is not None:
                    self.waiting.set()
                    await self.gate.wait()
                first = False
        except (asyncio.CancelledError, GeneratorExit):
            self.left.set()
            raise
        yield b"\n]"

    async def _cut(self, data: bytes) -> AsyncIterator[bytes]:
        """Cut as a network does: never where it would be convenient."""
        at = 0
        while at < len(data):
            size = self._cuts.choice((1, 2, 7, 40, 300))
            yield data[at : at + size]
            at += size

    async def _chunks(self, session: Session, question: Question) -> AsyncIterator[Fields]:
        answer = f"{session.name}/assistAnswers/{len(session.turns) + 1}"
        told = {"assistToken": secrets.token_urlsafe(24)}
        session.turns.append(question.text)
        yield {"answer": _replies({"text": "Working on it…", "thought": True}), **told}
        if BROKEN in question.text:
            yield Refused(500, "Internal error encountered.").body
            return
        if (end := _end(question.text)) is not None:
            yield {"answer": {"name": answer, **end}, "sessionInfo": {"session": session.name}, **told}
            return
        for content in await self._content(session, question):
            yield {"answer": _replies(content), **told}
        yield {"answer": {"name": answer, "state": "SUCCEEDED"}, "sessionInfo": {"session": session.name}, **told}

    async def _content(self, session: Session, question: Question) -> list[Fields]:
        """Answer the last paragraph, as a model does that was told the story before it."""
        prompt = question.text.rpartition("\n\n")[2]
        files = [session.files[id] for id in question.file_ids]
        shown = [file.data for file in files if file.mime.startswith("image/")]
        if wants_words(prompt):
            return _words(_description(files, session))
        if _FILM.search(prompt) and "videoGenerationSpec" in question.tools:
            film = await asyncio.to_thread(make_film, prompt)
            return [_file("video/mp4", session.add(File("film.mp4", "video/mp4", film), prompt))]
        if "imageGenerationSpec" not in question.tools:
            return _words("I have no tool to make pictures with.")
        remembered = None if shown else meant(prompt, session.seen)
        bases = shown or ([remembered.data] if remembered is not None else [])
        picture = await asyncio.to_thread(draw, prompt, bases)
        id = session.add(File("image.png", "image/png", picture.data), prompt)
        # The same file is told of twice, as it happens.
        return [*_words("Here it is."), _file("image/png", id), _file("image/png", id)]


def _end(prompt: str) -> Fields | None:
    """Return how an answer ends that is none."""
    if BLOCKED in prompt:
        return {"state": "SKIPPED", "assistSkippedReasons": ["CUSTOMER_POLICY_VIOLATION"]}
    if IGNORED in prompt:
        return {"state": "SKIPPED", "assistSkippedReasons": ["NON_ASSIST_SEEKING_QUERY_IGNORED"]}
    return {"state": "FAILED"} if FAILING in prompt else None


def _replies(content: Fields) -> Fields:
    return {"state": "IN_PROGRESS", "replies": [{"groundedContent": {"content": {"role": "model", **content}}}]}


def _words(text: str) -> list[Fields]:
    half = len(text) // 2
    return [{"text": text[:half]}, {"text": text[half:]}]


def _file(mime: str, id: str) -> Fields:
    return {"file": {"mimeType": mime, "fileId": id}}


def _description(files: list[File], session: Session) -> str:
    others = [file for file in files if not file.mime.startswith("image/")]
    told = [f"{file.name} is {file.mime} of {len(file.data)} bytes." for file in others]
    pictures = [file.data for file in files if file.mime.startswith("image/")]
    if not files:
        pictures = [each.data for each in session.seen]
    return " ".join([*told, described(pictures)] if pictures or not told else told)
