"""What the tests of the doors share: a Darkroom and its upstream on real sockets, and what is left on its disk."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from signal import SIGKILL
from typing import Any

import aiohttp
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from darkroom.app import app_of
from darkroom.codecs.links import media_id_of
from darkroom.gateway import Gateway
from darkroom.settings import Fetch, Limits, ProviderSettings, Server, Settings, StorageSettings
from darkroom.testing import SketchUpstream, serve
from darkroom.testing.forms import FORMS
from darkroom.testing.sending import Sent

UPSTREAM_KEY = "sk-of-the-upstream-0123456789abcdef"
PROFILES = {"relay*": "relay-text", "text*": "chat", "fail-policy": "image-chat", "*": "image-chat"}
MODELS = (*FORMS, "fail-500", "fail-429")
CHAT = "/v1/chat/completions"
PROGRAM = (sys.executable, "-c", "from darkroom.cli import main; main()")
WAIT = 60
"""Seconds after which a test gives up; nothing here should come near it."""


@dataclass(frozen=True, slots=True)
class Door:
    """A running Darkroom, an HTTP client of it, and the fake upstream behind it."""

    url: str
    gateway: Gateway
    client: aiohttp.ClientSession
    sketch: SketchUpstream
    root: Path

    async def chat(self, model: str = "sketch", prompt: Any = "a lighthouse", **fields: Any) -> Answer:
        """Ask once; `fields` go into the body, `headers` beside it."""
        headers = fields.pop("headers", None)
        messages = fields.pop("messages", [{"role": "user", "content": prompt}])
        body = {"model": model, "messages": messages, **fields}
        async with self.client.post(self.url + CHAT, json=body, headers=headers) as response:
            return await answer_of(response)

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.send("GET", path, **options)

    async def send(self, method: str, path: str, **options: Any) -> Answer:
        url = path if path.startswith("http") else self.url + path
        async with self.client.request(method, url, **options) as response:
            return await answer_of(response)

    async def picture(self, prompt: str = "a lighthouse", **fields: Any) -> dict[str, Any]:
        """Have a picture made, and return its media as the answer describes it."""
        answer = await self.chat("sketch", prompt, **fields)
        assert answer.status == 200, answer.text
        return dict(answer.json["darkroom"]["media"][0])


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Any
    data: bytes
    json: Any

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


async def answer_of(response: aiohttp.ClientResponse) -> Answer:
    data = await response.read()
    document = await response.json() if response.content_type == "application/json" and data else None
    return Answer(response.status, response.headers, data, document)


def settings_of(root: Path, *providers: ProviderSettings, port: int = 0, **sections: Any) -> Settings:
    """Settings of a gateway whose data lie in `root`; `sections` replace whole sections."""
    store = StorageSettings(f"file:{root}/media", f"sqlite:{root}/darkroom.db")
    return Settings(
        server=sections.pop("server", Server(port=port)),
        storage=store,
        fetch=sections.pop("fetch", Fetch(timeout=10)),
        limits=sections.pop("limits", Limits(upstream_timeout=20)),
        providers=providers,
        sketch=sections.pop("sketch", False),
        **sections,
    )


# No system gives these to an outgoing connection, which could take one between our look and our `listen`. Each of the
# processes that run the tests has a thousand of its own, and begins anywhere in it: another run may be under way.
_FIRST_PORT = 20000 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 12 * 1000
_PORTS = count(random.randrange(1000))


def free_port() -> int:
    """Return a loopback port that nobody listens on, and that nobody else will be given."""
    while True:
        port = _FIRST_PORT + next(_PORTS) % 1000
        with closing(socket.socket()) as listener, suppress(OSError):
            # As a server does it: what only lingers after an earlier one is free.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
            return port


@asynccontextmanager
async def running(root: Path, *providers: ProviderSettings, **sections: Any) -> AsyncIterator[Door]:
    """Run a Darkroom with a sketch upstream named `fake`, and more providers if need be."""
    async with AsyncExitStack() as stack:
        sketch = SketchUpstream(key=UPSTREAM_KEY)
        base_url = await stack.enter_async_context(serve(sketch.app))
        fake = ProviderSettings(
            "fake", f"{base_url}/v1", api_key=None, api_keys=(UPSTREAM_KEY,), models=MODELS, profiles=PROFILES
        )
        port = free_port()
        settings = settings_of(root, fake, *providers, **sections)
        settings = replace(settings, server=replace(settings.server, port=port))
        gateway = await stack.enter_async_context(Gateway.open(settings))
        url = await stack.enter_async_context(serve(app_of(gateway), port=port))
        client = await stack.enter_async_context(aiohttp.ClientSession())
        yield Door(url, gateway, client, sketch, root)


@dataclass(frozen=True, slots=True)
class Stored:
    """What lies on a gateway's disk: rows of live media by id, blobs by hash, temporary files."""

    media: dict[str, str]
    blobs: dict[str, str]
    """Name of the file → SHA-256 of what is in it."""
    rows: frozenset[str]
    parts: tuple[str, ...]
    generations: dict[str, tuple[str, str | None]]
    """Id → status and error."""


def stored(root: Path) -> Stored:
    """Read a gateway's disk past the gateway."""
    blobs = [path for path in (root / "media" / "blobs").rglob("*") if path.is_file()]
    with closing(sqlite3.connect(f"file:{root}/darkroom.db?mode=ro", uri=True)) as database:
        media = dict(database.execute("SELECT id, blob FROM media WHERE deleted IS NULL").fetchall())
        rows = frozenset(row[0] for row in database.execute("SELECT sha256 FROM blobs"))
        generations = {row[0]: row[1:] for row in database.execute("SELECT id, status, error FROM generations")}
    return Stored(
        media,
        {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in blobs if len(path.name) == 64},
        rows,
        tuple(path.name for path in (root / "media" / "tmp").glob("*")),
        generations,
    )


def nothing_stored(root: Path) -> bool:
    """Tell that no picture and no piece of one is on a gateway's disk."""
    found = stored(root)
    return not (found.media or found.blobs or found.rows or found.parts)


def is_error(answer: Answer, status: int, code: str) -> str:
    """Check that an answer is an error in OpenAI's shape, and return its message."""
    assert answer.status == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json) == {"error"}
    error = answer.json["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == code, answer.text
    assert error["param"] is None or isinstance(error["param"], str)
    assert error["message"]
    assert error["type"]
    assert "Traceback" not in answer.text
    assert 'File "' not in answer.text
    return str(error["message"])


def id_of(link: str) -> str:
    found = media_id_of(link)
    assert found is not None, link
    return found


def environment(root: Path, **more: str) -> dict[str, str]:
    """Return the variables of a `darkroom` command whose data lie in `root`, and no others of this process."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "DARKROOM_STORAGE_MEDIA": f"file:{root}/media",
        "DARKROOM_STORAGE_DATABASE": f"sqlite:{root}/darkroom.db",
        **more,
    }


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


async def command(root: Path, *args: str, **more: str) -> Ended:
    """Run `darkroom …` to its end in a process of its own, with the data in `root` and `more` variables."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *args,
        cwd=root,
        env=environment(root, **more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    return await ended(process)


async def ended(process: asyncio.subprocess.Process) -> Ended:
    """Wait for the end of a process; one that does not end is killed, and fails the test."""
    try:
        out, err = await asyncio.wait_for(process.communicate(), WAIT)
    finally:
        if process.returncode is None:
            process.kill()
    return Ended(process.returncode or 0, out.decode(), err.decode())


@dataclass(frozen=True, slots=True)
class Served:
    """A `darkroom serve` that listens: its process, its address and what it said on the way."""

    process: asyncio.subprocess.Process
    url: str
    greeting: str

    async def end(self, signal: int) -> Ended:
        """Send a signal unless it has ended already, and wait for the end."""
        if self.process.returncode is None:
            self.process.send_signal(signal)
        return await ended(self.process)


@asynccontextmanager
async def serving(root: Path, *args: str, port: int | None = None, **more: str) -> AsyncIterator[Served]:
    """Run `darkroom serve` until the block ends; gives control once its greeting is complete."""
    port = port or free_port()
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *args,
        "serve",
        "--port",
        str(port),
        cwd=root,
        env=environment(root, **more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    served = Served(process, f"http://127.0.0.1:{port}", "")
    try:
        yield replace(served, greeting=await asyncio.wait_for(_greeting(process), WAIT))
    finally:
        await served.end(SIGKILL)


async def _greeting(process: asyncio.subprocess.Process) -> str:
    """Read up to the snippet's last line; a process that ends before it fails the test with its own words."""
    assert process.stdout is not None
    assert process.stderr is not None
    said = ""
    while "print(" not in said:
        line = await process.stdout.readline()
        if not line:
            raise AssertionError(f"it ended before it listened: {said}{(await process.stderr.read()).decode()}")
        said += line.decode()
    return said


class Stub:
    """An upstream that misbehaves as its model's name says; a text model unless the name has `image` in it.

    `gate` holds back the answers of `wait`; `asked` counts the requests.
    """

    def __init__(self) -> None:
        self.asked = 0
        self.gate = asyncio.Event()
        self.app = Starlette(
            routes=[Route("/v1/chat/completions", self._chat, methods=["POST"]), Route("/files/{name}", self._file)]
        )
        self.files: dict[str, Response] = {}

    def provider(self, base_url: str) -> ProviderSettings:
        return ProviderSettings("stub", f"{base_url}/v1", api_keys=(UPSTREAM_KEY,))

    async def _chat(self, request: Request) -> Response:
        body = await request.json()
        self.asked += 1
        name = body["model"].removesuffix("-image")
        if name == "wait":
            await self.gate.wait()
            return _said("done")
        answer: Callable[[Request, bool], Response] = getattr(self, f"_{name.replace('-', '_')}")
        return answer(request, body.get("stream") is True)

    async def _file(self, request: Request) -> Response:
        return self.files[request.path_params["name"]]

    def _boom(self, request: Request, stream: bool) -> Response:
        return JSONResponse({"error": {"message": "the worker fell over", "type": "server_error"}}, 500)

    def _html(self, request: Request, stream: bool) -> Response:
        return Response("<html><body>502 Bad Gateway</body></html>", 502, media_type="text/html")

    def _leak(self, request: Request, stream: bool) -> Response:
        """Echo what a careless upstream echoes."""
        given = request.headers["authorization"]
        return JSONResponse({"error": {"message": f"Incorrect API key provided: {given}"}}, 401)

    def _slow_down(self, request: Request, stream: bool) -> Response:
        return JSONResponse({"error": {"message": "too many requests"}}, 429, {"retry-after": "30"})

    def _elsewhere(self, request: Request, stream: bool) -> Response:
        return Response(status_code=307, headers={"location": "http://192.0.2.1/v1/chat/completions"})

    def _prose(self, request: Request, stream: bool) -> Response:
        return Response("I would rather not answer in JSON.", media_type="text/plain")

    def _nothing(self, request: Request, stream: bool) -> Response:
        return Response(b"", media_type="application/json")

    def _list(self, request: Request, stream: bool) -> Response:
        return JSONResponse([1, 2, 3])

    def _cut(self, request: Request, stream: bool) -> Response:
        """Say half a sentence, and die."""
        if stream:
            return Sent((_frame("half a sent"),), {"content-type": "text/event-stream"}, cut=True)
        half = b'{"choices": [{"message": {"role": "assistant", "content": "half a sent'
        return Sent((half,), {"content-type": "application/json", "content-length": "1000"}, cut=True)

    def _two(self, request: Request, stream: bool) -> Response:
        """Answer with two choices."""
        return JSONResponse({"choices": [_choice("one", 0), _choice("two", 1)]})


def _choice(text: str, index: int = 0) -> dict[str, Any]:
    return {"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}


def _said(text: str) -> Response:
    return JSONResponse({"id": "x", "object": "chat.completion", "model": "stub", "choices": [_choice(text)]})


def _frame(text: str) -> bytes:
    chunk = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
    return f"data: {json.dumps(chunk)}\n\n".encode()


def events_of(answer: Answer) -> list[Any]:
    """Return the JSON of an event stream's frames, without `[DONE]`; every frame must be whole."""
    assert answer.headers["content-type"].startswith("text/event-stream"), answer.text
    assert answer.text.endswith("\n\n")
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]
