"""A Darkroom on a real loopback socket with a fake upstream behind it, both in the test's own loop."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import openai
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from darkroom.app import app_of
from darkroom.gateway import Gateway
from darkroom.generation import Generation
from darkroom.media import Arrived, Media, Origin
from darkroom.settings import (
    Fetch,
    JobSettings,
    Limits,
    ModelSettings,
    ProviderSettings,
    Server,
    Settings,
    StorageSettings,
)
from darkroom.testing import SketchUpstream, serve

Json = dict[str, Any]

PROFILES = {
    "relay*": "relay-text",
    "fail-reason": "relay-text",
    "fail-rate": "relay-text",
    "text*": "chat",
    "images-partials*": "codex",
    "video*": "video-chat",
    "*": "image-chat",
}
"""What the painter's models are: chosen by the form that the model's name asks for."""

LINK = re.compile(r"http://127\.0\.0\.1:\d+/media/media_[0-9a-z]{26}\.[a-z0-9]{2,5}")
BASE64 = re.compile(r"[A-Za-z0-9+/_-]{200,}|base64,")


def row(name: str, base_url: str, **fields: Any) -> ProviderSettings:
    """Return a row of `[[providers]]` for an upstream at a base URL that ends without `/v1`."""
    return ProviderSettings(name, f"{base_url}/v1", **fields)


def user(*content: str | Json) -> Json:
    """Return a user's message: one text as a string, else a list of parts."""
    if len(content) == 1 and isinstance(content[0], str):
        return {"role": "user", "content": content[0]}
    return {"role": "user", "content": [{"type": "text", "text": c} if isinstance(c, str) else c for c in content]}


def picture(url: str) -> Json:
    return {"type": "image_url", "image_url": {"url": url}}


def assistant(content: Any, **fields: Any) -> Json:
    return {"role": "assistant", "content": content, **fields}


def data_uri(data: bytes, mime: str = "image/png") -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def pictures_in(message: Json) -> list[str]:
    """Return the SHA-256 of every picture among a message's parts, as the painter noted them; URLs as they are."""
    parts = message["content"] if isinstance(message["content"], list) else []
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    return [url.rpartition("sha256:")[2] for url in urls]


def text_of(message: Json) -> str:
    content = message["content"]
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content or ""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass(slots=True)
class House:
    """A running gateway, the way to it, and what lies in it. `painter` is the first upstream."""

    gateway: Gateway
    url: str
    root: Path
    painter: SketchUpstream
    painter_url: str
    client: openai.AsyncOpenAI
    http: aiohttp.ClientSession

    async def ask(
        self, model: str, *messages: str | Json, output: str | None = None, stream: bool = False, **body: Any
    ) -> Json:
        """Ask with the SDK; return the whole answer, or what the chunks of a stream add up to, as it was sent."""
        written: Any = [user(message) if isinstance(message, str) else message for message in messages]
        headers = {"X-Darkroom-Output": output} if output else {}
        create = self.client.chat.completions.create
        if not stream:
            answer = await create(model=model, messages=written, extra_headers=headers, extra_body=body)
            return as_json(answer)
        chunks = await create(
            model=model,
            messages=written,
            stream=True,
            stream_options={"include_usage": True},
            extra_headers=headers,
            extra_body=body,
        )
        return added_up([as_json(chunk) async for chunk in chunks])

    async def download(self, link: str) -> bytes:
        """Return the bytes behind one of the gateway's links."""
        async with self.http.get(link) as response:
            assert response.status == 200, (link, response.status)
            return await response.read()

    async def frames(self, body: Json, **headers: str) -> list[Any]:
        """Return the events of a raw stream: JSON, and `[DONE]` as text."""
        async with self.http.post("/v1/chat/completions", json={**body, "stream": True}, headers=headers) as response:
            text = (await response.read()).decode()
            assert response.status == 200, text
        lines = [event.removeprefix("data: ") for event in text.split("\n\n") if event.startswith("data: ")]
        return [line if line == "[DONE]" else msgspec.json.decode(line) for line in lines]

    async def post(self, body: Json, **headers: str) -> tuple[int, Any]:
        """Return status and JSON of a raw request."""
        async with self.http.post("/v1/chat/completions", json=body, headers=headers) as response:
            return response.status, msgspec.json.decode(await response.read())

    async def media(self) -> list[Media]:
        """Return all media in the database, oldest first."""
        return (await self.gateway.database.list_media(None, 1000))[::-1]

    async def generations(self, owner: str = "local") -> list[Generation]:
        """Return all generations, oldest first."""
        return (await self.gateway.database.generations(owner, limit=1000))[::-1]

    async def blobs(self) -> list[str]:
        """Return the hashes of all bytes in the store."""
        return [found[0] async for found in self.gateway.storage.list_blobs()]

    def parts(self) -> list[Path]:
        """Return the spool files that lie about."""
        return list(self.root.rglob("*.part"))

    async def is_empty(self) -> bool:
        """Tell whether nothing was stored at all, not even in part."""
        return not (await self.media() or await self.blobs() or self.parts())

    async def upload(self, data: bytes, owner: str = "local", origin: Origin = "uploaded", **columns: Any) -> Media:
        """Store bytes as this owner's media, without a request."""
        spool = self.gateway.storage.spools.new()
        spool.write(data)
        arrived = Arrived(spool, sha256(data), len(data), data[:512])
        return await self.gateway.chat.ingest.keep(arrived, owner, origin, **columns)


class _Door:
    """An ASGI app that is told only after its address is known what it serves."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.app is None or scope["type"] == "lifespan":
            raise RuntimeError("nobody lives here yet")
        await self.app(scope, receive, send)


@asynccontextmanager
async def running(
    root: Path,
    *,
    providers: Sequence[ProviderSettings] = (),
    allow: Sequence[str] = (),
    output: Any = "markdown",
    limits: Limits | None = None,
    models: Sequence[ModelSettings] = (),
    sketch: bool = False,
    jobs: JobSettings | None = None,
) -> AsyncIterator[House]:
    """Run a gateway whose provider `painter` is a fake upstream; `providers` and `models` are further rows.

    In the base URL of a row, `{painter}` stands for the painter's address.
    """
    painter, door = SketchUpstream(key="sesame"), _Door()
    async with serve(painter.app) as painter_url, serve(door) as url:
        first = row("painter", painter_url, api_keys=("sesame",), profiles=PROFILES)
        rest = [_placed(each, painter_url) for each in providers]
        told = Settings(
            server=Server(public_url=url),
            storage=StorageSettings(f"file:{root}/media", f"sqlite:{root}/darkroom.db"),
            fetch=Fetch(tuple(allow)),
            limits=limits or Limits(),
            jobs=jobs or JobSettings(),
            providers=(first, *rest),
            models=tuple(models),
            output=output,
            sketch=sketch,
        )
        async with (
            Gateway.open(told) as gateway,
            aiohttp.ClientSession(url, read_bufsize=1 << 20) as http,
            openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client,
        ):
            door.app = app_of(gateway)
            yield House(gateway, url, root, painter, painter_url, client, http)


def _placed(each: ProviderSettings, painter_url: str) -> ProviderSettings:
    if "{painter}" not in each.base_url:
        return each
    return replace(each, base_url=each.base_url.replace("{painter}", painter_url), api_keys=("sesame",))


class Scripted:
    """An upstream that answers with what it is told, and remembers what it was asked.

    `script` are answers, used one by one, the last one again and again: a list of deltas is an answer of chat
    completions, bytes are a body as it is; `{cdn}` in a delta's text is where `files` lie. `gate` holds a stream back
    after its first delta.
    """

    def __init__(
        self, *script: list[Json] | bytes, gate: asyncio.Event | None = None, files: dict[str, bytes] | None = None
    ) -> None:
        self.script = deque(script)
        self.files = files or {}
        self.requests: list[Json] = []
        self.left = asyncio.Event()
        self.gate = gate
        self.app = Starlette(
            routes=[
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
                Route("/cdn/{name}", self._file),
            ]
        )

    async def _file(self, request: Request) -> Response:
        data = self.files.get(request.path_params["name"])
        return Response(data or b"no such file", 200 if data else 404)

    async def _chat(self, request: Request) -> Response:
        asked = msgspec.json.decode(await request.body())
        self.requests.append(asked)
        answer = self.script.popleft() if len(self.script) > 1 else self.script[0]
        kind = "text/event-stream" if asked.get("stream") else "application/json"
        if isinstance(answer, bytes):
            return Response(answer, media_type=kind)
        answer = _placed_deltas(answer, f"{request.base_url}cdn")
        if not asked.get("stream"):
            return Response(msgspec.json.encode(_whole(answer)), media_type=kind)
        return StreamingResponse(self._frames(answer), media_type=kind)

    async def _frames(self, deltas: list[Json]) -> AsyncIterator[bytes]:
        try:
            for number, delta in enumerate(deltas):
                yield _event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
                if number == 0 and self.gate is not None:
                    await self.gate.wait()
        except asyncio.CancelledError:
            self.left.set()
            raise
        yield _event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        yield b"data: [DONE]\n\n"


def _placed_deltas(deltas: list[Json], cdn: str) -> list[Json]:
    return [
        {key: value.replace("{cdn}", cdn) if isinstance(value, str) else value for key, value in delta.items()}
        for delta in deltas
    ]


def _event(frame: Json) -> bytes:
    return b"data: " + msgspec.json.encode({"id": "scripted", "object": "chat.completion.chunk", **frame}) + b"\n\n"


def _whole(deltas: list[Json]) -> Json:
    message: Json = {"role": "assistant", "content": ""}
    for delta in deltas:
        message |= {key: message.get(key, type(value)()) + value for key, value in delta.items()}
    return {
        "id": "scripted",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }


def as_json(value: openai.BaseModel) -> Json:
    """Return what the SDK received, as it was sent."""
    return value.to_dict(mode="json", warnings=False)


def message_of(answer: Json) -> Json:
    found: Json = answer["choices"][0]["message"]
    return found


def content_of(answer: Json) -> Any:
    return message_of(answer)["content"]


def links_in(value: Any) -> list[str]:
    """Return the gateway's links in an answer or a text, each once, in order."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return list(dict.fromkeys(LINK.findall(text)))


def added_up(chunks: Sequence[Json]) -> Json:
    """Return the plain answer that the chunks of a stream add up to."""
    message: Json = {}
    whole: Json = {"choices": [{"index": 0, "message": message, "finish_reason": None}]}
    for chunk in chunks:
        whole |= {key: chunk[key] for key in ("id", "model", "created", "usage", "darkroom") if chunk.get(key)}
        for choice in chunk["choices"]:
            for name, value in choice["delta"].items():
                message[name] = _sum(message.get(name), value)
            whole["choices"][0]["finish_reason"] = choice["finish_reason"]
    for index, image in enumerate(message.get("images", ())):
        image["index"] = index
    if "tool_calls" not in message:
        message.setdefault("content", "")
    return whole


def _sum(old: Any, new: Any) -> Any:
    if old is None or new is None:
        return old if new is None else new
    if isinstance(old, list) or isinstance(new, list):
        return _joined([*_listed(old), *_listed(new)])
    return old + new if isinstance(old, str) and old != "assistant" else new


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [{"type": "text", "text": value}] if value else []


def _joined(parts: list[Any]) -> list[Any]:
    """Join neighbouring texts."""
    found: list[Any] = []
    for part in parts:
        if found and part.get("type") == found[-1].get("type") == "text":
            found[-1] = {"type": "text", "text": found[-1]["text"] + part["text"]}
        else:
            found.append(part)
    return found
