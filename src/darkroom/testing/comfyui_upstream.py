"""An emulator of ComfyUI: its queue, its web socket, its files, and a few of its nodes, with the painter in them.

It checks a workflow as the real one does, runs one prompt at a time, shows an old picture again for a workflow that it
has run before, and writes the history only after it has said that a prompt is done. Its web socket is there when it is
served with one: `serve(upstream.app, sockets=True)`. Format: `server.py` and `execution.py` of ComfyUI.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from darkroom.sketch import paint
from darkroom.testing.comfyui_checks import refusal
from darkroom.testing.comfyui_nodes import NODES, Uploaded
from darkroom.testing.emulation import Asked, Notes

Json = dict[str, Any]
Handler = Callable[[Request], Awaitable[Response]]

_KINDS = ("input", "output", "temp")
_PREVIEW = (1).to_bytes(4, "big") + (2).to_bytes(4, "big")


class _Interrupted(Exception):
    pass


@dataclass(slots=True)
class _Prompt:
    """One prompt of the queue."""

    number: int
    id: str
    graph: Json
    client: str
    messages: list[Any] = field(default_factory=list)
    values: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    outputs: Json = field(default_factory=dict)
    interrupted: bool = False

    @property
    def listed(self) -> list[Any]:
        return [self.number, self.id, self.graph, {"client_id": self.client}, []]


@dataclass
class ComfyUpstream:
    """`app` is the ASGI app, `requests` what it was asked.

    `key` is what a proxy before it wants to see as a bearer token. `gate` holds back every sampler after its first
    step. `sockets`: whether the web socket can be had; `breaks`: it is closed after the first step. `previews` are
    sent with every step. `old`: it gives prompts ids of its own, and does not say `execution_success`.
    """

    key: str = ""
    gate: asyncio.Event | None = None
    sockets: bool = True
    breaks: bool = False
    previews: bool = False
    old: bool = False
    failure: str = ""
    """The message of the exception that every sampler raises."""
    forgets: bool = False
    """It is restarted in the middle of a prompt: neither queue nor history hold it then."""
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    queued: asyncio.Event = field(default_factory=asyncio.Event)
    broken: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    ended: list[str] = field(default_factory=list)
    """How the prompts ended, in order."""
    notes: Notes = field(default_factory=Notes)
    _files: dict[tuple[str, str, str], bytes] = field(default_factory=dict)
    _clients: dict[str, WebSocket] = field(default_factory=dict)
    _pending: list[_Prompt] = field(default_factory=list)
    _running: _Prompt | None = None
    _history: dict[str, Json] = field(default_factory=dict)
    _seen: dict[str, Json] = field(default_factory=dict)
    _task: asyncio.Task[None] | None = None
    _count: int = 0
    app: Starlette = field(init=False)

    def __post_init__(self) -> None:
        self.app = Starlette(
            routes=[
                WebSocketRoute("/ws", self._ws),
                Route("/prompt", self._guarded(self._prompt), methods=["POST"]),
                Route("/history/{id}", self._guarded(self._get_history)),
                Route("/queue", self._guarded(self._get_queue), methods=["GET"]),
                Route("/queue", self._guarded(self._change_queue), methods=["POST"]),
                Route("/interrupt", self._guarded(self._interrupt), methods=["POST"]),
                Route("/view", self._guarded(self._view)),
                Route("/upload/image", self._guarded(self._upload), methods=["POST"]),
                Route("/object_info", self._guarded(self._object_info)),
                Route("/system_stats", self._guarded(self._system_stats)),
            ]
        )

    @property
    def requests(self) -> Any:
        return self.notes.requests

    def put(self, name: str, data: bytes, subfolder: str = "") -> None:
        """Lay a picture among those that were uploaded."""
        self._files["input", subfolder, name] = data

    def _guarded(self, endpoint: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            if not request.headers.get("content-type", "").startswith("multipart/"):
                path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
                self.notes.note(request.method, path, await request.body(), dict(request.headers))
            if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
                return JSONResponse({"error": "a key is needed"}, 401)
            return await endpoint(request)

        return guarded

    # Requests

    async def _prompt(self, request: Request) -> Response:
        body = await request.json()
        uploaded = {f"{folder}/{name}".lstrip("/") for kind, folder, name in self._files if kind == "input"}
        if (error := refusal(body.get("prompt"), uploaded)) is not None:
            return JSONResponse(error, 400)
        self._count += 1
        id = str(uuid.uuid4()) if self.old else body.get("prompt_id") or str(uuid.uuid4())
        self._pending.append(_Prompt(self._count, id, body["prompt"], body.get("client_id", "")))
        if self._running is not None:
            self.queued.set()
        await self._tell_status()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return JSONResponse({"prompt_id": id, "number": self._count, "node_errors": {}})

    async def _get_history(self, request: Request) -> Response:
        id = request.path_params["id"]
        return JSONResponse({id: self._history[id]} if id in self._history else {})

    async def _get_queue(self, _: Request) -> Response:
        running = [self._running.listed] if self._running else []
        return JSONResponse({"queue_running": running, "queue_pending": [each.listed for each in self._pending]})

    async def _change_queue(self, request: Request) -> Response:
        body = await request.json()
        gone = [each for each in self._pending if body.get("clear") or each.id in body.get("delete", ())]
        self._pending = [each for each in self._pending if each not in gone]
        for _ in gone:
            self._end("deleted")
        return Response()

    async def _interrupt(self, request: Request) -> Response:
        id = (await request.json()).get("prompt_id") if await request.body() else None
        if self._running is not None and id in (None, self._running.id):
            self._running.interrupted = True
            if self.gate is not None:
                self.gate.set()
        return Response()

    async def _view(self, request: Request) -> Response:
        query = request.query_params
        if "filename" not in query:
            return Response(status_code=404)
        if query["filename"].startswith("/") or ".." in query["filename"] or query.get("type", "output") not in _KINDS:
            return Response(status_code=400)
        data = self._files.get((query.get("type", "output"), query.get("subfolder", ""), query["filename"]))
        return Response(status_code=404) if data is None else Response(data, media_type="image/png")

    async def _upload(self, request: Request) -> Response:
        async with request.form() as form:
            image = form.get("image")
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
            if not isinstance(image, UploadFile) or not image.filename or fields.get("type", "input") not in _KINDS:
                return Response(status_code=400)
            data, name = await image.read(), image.filename
        self.notes.requests.append(Asked("POST", request.url.path, {**fields, "image": name}, len(data)))
        kind, folder = fields.get("type", "input"), fields.get("subfolder", "")
        if (kind, folder, name) in self._files and fields.get("overwrite") not in ("true", "1"):
            name = f"{name.rpartition('.')[0]} (1).{name.rpartition('.')[2]}"
        self._files[kind, folder, name] = data
        return JSONResponse({"name": name, "subfolder": folder, "type": kind})

    async def _object_info(self, _: Request) -> Response:
        return JSONResponse({name: {"name": name, "output": list(node.gives)} for name, node in NODES.items()})

    async def _system_stats(self, _: Request) -> Response:
        return JSONResponse({"system": {"comfyui_version": "0.3.60"}, "devices": []})

    # The web socket

    async def _ws(self, socket: WebSocket) -> None:
        self.notes.requests.append(Asked("GET", socket.url.path, None, 0, dict(socket.headers)))
        if not self.sockets or (self.key and socket.headers.get("authorization") != f"Bearer {self.key}"):
            await socket.close()
            return
        await socket.accept()
        client = socket.query_params.get("clientId") or uuid.uuid4().hex
        self._clients[client] = socket
        await self._tell_status()
        with suppress(WebSocketDisconnect, RuntimeError):
            while True:
                await socket.receive_text()
        self._clients.pop(client, None)

    async def _tell_status(self) -> None:
        remaining = len(self._pending) + (self._running is not None)
        for client in [*self._clients]:
            status = {"status": {"exec_info": {"queue_remaining": remaining}}, "sid": client}
            await self._send(client, {"type": "status", "data": status})

    async def _tell(self, prompt: _Prompt, kind: str, **data: Any) -> None:
        message = {**data, "prompt_id": prompt.id}
        prompt.messages.append([kind, message])
        await self._send(prompt.client, {"type": kind, "data": message})

    async def _send(self, client: str, message: Json | bytes) -> None:
        socket = self._clients.get(client)
        if socket is None:
            return
        with suppress(WebSocketDisconnect, RuntimeError):  # it has gone
            await (socket.send_bytes(message) if isinstance(message, bytes) else socket.send_json(message))

    # The work

    async def _work(self) -> None:
        """Run what waits, one after the other, and end."""
        while self._pending:
            self._running = self._pending.pop(0)
            await self._run(self._running)
            self._running = None
            await self._tell_status()

    async def _run(self, prompt: _Prompt) -> None:
        status, known = "success", self._seen.get(json.dumps(prompt.graph, sort_keys=True))
        await self._tell(prompt, "execution_start")
        await self._tell(prompt, "execution_cached", nodes=list(prompt.graph) if known else [])
        try:
            if known is None:
                for id, node in prompt.graph.items():
                    if NODES[node["class_type"]].saves:
                        await self._save(prompt, id, node)
            else:
                prompt.outputs = known
            if not self.old:
                await self._tell(prompt, "execution_success")
        except _Interrupted:
            status = "interrupted"
            await self._tell(prompt, "execution_interrupted", node_id="3", node_type="KSampler", executed=[])
        except RuntimeError as error:
            status = "error"
            told = {"exception_message": f"{error}\n", "exception_type": "RuntimeError", "traceback": []}
            await self._tell(prompt, "execution_error", node_id="3", node_type="KSampler", executed=[], **told)
        self._end(status)
        if self.forgets:
            return
        await asyncio.sleep(0)  # the end is told before the history is written
        self._seen[json.dumps(prompt.graph, sort_keys=True)] = prompt.outputs
        self._history[prompt.id] = self._entry(prompt, status == "success")
        await self._tell(prompt, "executing", node=None)

    def _end(self, how: str) -> None:
        self.ended.append(how)
        self.over.set()

    def _entry(self, prompt: _Prompt, good: bool) -> Json:
        status = {
            "status_str": "success" if good else "error",
            "completed": good,
            "messages": [each for each in prompt.messages if each[0].startswith("execution_")],
        }
        return {"prompt": prompt.listed, "outputs": prompt.outputs, "status": status, "meta": {}}

    async def _save(self, prompt: _Prompt, id: str, node: Json) -> None:
        (pictures,) = await self._value(prompt, id)
        saves = NODES[node["class_type"]].saves
        kind, end = ("output", "mp4") if saves == "video" else (saves, "png")
        shown = []
        for at, data in enumerate(pictures):
            name = f"{node['inputs'].get('filename_prefix', 'ComfyUI_temp')}_{self._count:05}_{at}_.{end}"
            self._files[kind, "", name] = data
            shown.append({"filename": name, "subfolder": "", "type": kind})
        prompt.outputs[id] = {"gifs" if saves == "video" else "images": shown}
        await self._tell(prompt, "executed", node=id, display_node=id, output=prompt.outputs[id])

    async def _value(self, prompt: _Prompt, id: str) -> tuple[Any, ...]:
        """Return what a node gives, running it and all before it once."""
        if id not in prompt.values:
            node = prompt.graph[id]
            kind = NODES[node["class_type"]]
            inputs: Json = {}
            for name, value in node["inputs"].items():
                inputs[name] = (await self._value(prompt, value[0]))[value[1]] if isinstance(value, list) else value
                if isinstance(kind.inputs.get(name), Uploaded):
                    folder, _, file = value.rpartition("/")
                    inputs[name] = self._files["input", folder, file]
            await self._tell(prompt, "executing", node=id, display_node=id)
            if kind.samples:
                await self._sample(prompt, id, inputs)
            prompt.values[id] = await asyncio.to_thread(kind.run, inputs)
        return prompt.values[id]

    async def _sample(self, prompt: _Prompt, id: str, inputs: Json) -> None:
        steps = inputs.get("steps") or 4
        for step in range(1, steps + 1):
            await self._tell(prompt, "progress", value=step, max=steps, node=id)
            state = {"value": step, "max": steps, "state": "running", "node_id": id}
            await self._tell(prompt, "progress_state", nodes={id: state})
            if self.previews:
                await self._send(prompt.client, _PREVIEW + paint(f"draft {step}", size=(64, 64)).data)
            self.begun.set()
            if self.breaks and step == 1:
                await self._break(prompt.client)
            if self.gate is not None:
                await self.gate.wait()
            if prompt.interrupted:
                raise _Interrupted
        if self.failure:
            raise RuntimeError(self.failure)

    async def _break(self, client: str) -> None:
        """Drop the connection in the middle, as a proxy does."""
        socket = self._clients.pop(client, None)
        if socket is not None:
            await socket.close(code=1011)
        self.broken.set()
