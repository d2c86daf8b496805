"""Asks a ComfyUI: fills a workflow, uploads what it loads, queues it once, follows it, and fetches what it saved.

Strategy. The web socket tells how far a prompt is, and when to look; what came of it stands in the history, which is
asked for until it is there. So a socket that breaks, or was never there, costs the progress and nothing else. A prompt
that is neither in the history nor in the queue is lost, and is not queued again: it may have been made.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pybase64

from darkroom.dialects import comfyui
from darkroom.dialects.comfyui import File, Outcome, Tracker, Workflow
from darkroom.dialects.comfyui.workflow import IMAGES, MASK_CHANNEL, Slots
from darkroom.dialects.image_params import ImageParams, image_params
from darkroom.dialects.single_turn import RisingProgress, SingleTurn, single_turn, size_of
from darkroom.dialects.wire import BytesOf, UpstreamRequest
from darkroom.errors import ConfigInvalid, DarkroomError, UpstreamBroken, UpstreamTimeout, UpstreamUnavailable
from darkroom.events import Event, Finished, MediaProduced, PartialProduced, Planned, UpstreamNamed
from darkroom.exchanges.call import Call
from darkroom.exchanges.masks import is_cut_out
from darkroom.lifted import Lifted, Lifts
from darkroom.media import Media, kind_of, sniff
from darkroom.messages import Conversation
from darkroom.providers import Provider

_OPTIONS = frozenset(
    {"workflow", "workflow_edit", "workflow_mask", "slots", "slots_edit", "slots_mask", "look_seconds"}
)
_FOLDER = "darkroom"
_SEEDS = 2**32
_LOOK_SECONDS = 15.0
"""How long the socket may be silent before the history is looked at."""
_FIRST_PAUSE, _LAST_PAUSE = 0.02, 2.0
_WITHDRAW_SECONDS = 5.0
_GONE, _GONE_SECONDS = "gone", 60.0
"""How long an upstream that has our prompt may be out of reach."""

log = logging.getLogger("darkroom")


@dataclass(frozen=True, slots=True)
class Template:
    """A workflow of the configuration; `name` is the option that it stands in."""

    name: str
    workflow: Workflow
    slots: Slots


def check(provider: Provider) -> None:
    """Read and check every workflow of a row. Blocks. Raises `ConfigInvalid`, saying what is wrong with which."""
    for suffix in ("", "_edit", "_mask"):
        if not suffix or f"workflow{suffix}" in provider.options:
            _template(provider, suffix)


async def exchange(call: Call) -> AsyncGenerator[Event, None]:
    """Yield the prompt's id, its parameters, its progress, and what it saved.

    Raises `UpstreamError`s, `ConfigInvalid` for a workflow that is none, `MalformedRequest` for a turn without words.
    """
    turn = single_turn(call.whole)
    template = await asyncio.to_thread(_template, call.target.provider, _suffix(call.target.provider, turn))
    values = await _values(call, call.whole, turn, template)
    workflow = comfyui.fill(template.workflow, template.slots, values, template.name)
    async with AsyncExitStack() as stack:
        client = uuid.uuid4().hex
        socket = await _socket(call, client, stack)
        prompt_id, over = str(uuid.uuid4()), False
        try:
            prompt_id = await _submit(call, workflow, client, prompt_id)
            yield UpstreamNamed("prompt_id", prompt_id)
            yield Planned(_recorded(template, values))
            progress = RisingProgress(turn.prompt)
            follower = _Follower(call, prompt_id, Tracker(prompt_id, workflow, progress), progress)
            if socket is not None:
                async with aclosing(follower.listen(socket)) as events:
                    async for event in events:
                        yield event
            outcome = await follower.outcome()
            over = True
            async for event in _results(call, outcome, progress):
                yield event
        except (asyncio.CancelledError, GeneratorExit):
            if not over:
                await asyncio.shield(_withdraw(call, prompt_id))
            raise


# The workflow


def _suffix(provider: Provider, turn: SingleTurn) -> str:
    """Return which of the workflows a turn takes: that for its mask, for its picture, or the only one."""
    wanted = ("_mask", "_edit") if turn.mask is not None else ("_edit",) if turn.pictures else ()
    return next((suffix for suffix in wanted if f"workflow{suffix}" in provider.options), "")


def _template(provider: Provider, suffix: str) -> Template:
    """Return a checked workflow. Reads its file anew when that has changed. Raises `ConfigInvalid`."""
    options = provider.options
    where = f"provider `{provider.name}`: options.workflow{suffix}"
    if unknown := sorted(set(options) - _OPTIONS):
        raise ConfigInvalid(f"provider `{provider.name}`: options have no `{unknown[0]}`; known: {_listed(_OPTIONS)}")
    source, named = options.get(f"workflow{suffix}"), options.get(f"slots{suffix}", {})
    if source is None:
        raise ConfigInvalid(f"{where} is missing: the path of a workflow, exported with `Export (API)`")
    if not isinstance(named, Mapping):
        raise ConfigInvalid(f"provider `{provider.name}`: options.slots{suffix} must be a table")
    workflow = comfyui.checked(_loaded(source, where) if isinstance(source, str) else source, where)
    return Template(where, workflow, comfyui.slots_of(workflow, named, where))


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _loaded(path: str, where: str) -> Any:
    file = Path(path).expanduser()
    try:
        return _read(file, file.stat().st_mtime_ns)
    except OSError as error:
        raise ConfigInvalid(f"{where}: {path} can't be read: {error.strerror}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise ConfigInvalid(f"{where}: {path} is no JSON") from error


@lru_cache(maxsize=64)
def _read(file: Path, _mtime_ns: int) -> Any:
    return msgspec.json.decode(file.read_bytes())


async def _values(call: Call, conversation: Conversation, turn: SingleTurn, template: Template) -> dict[str, Any]:
    """Return what goes into the slots. The pictures are uploaded on the way."""
    wanted, provider = image_params(conversation.params), call.target.provider
    values: dict[str, Any] = {"prompt": turn.prompt, **_asked(wanted, turn, template)}
    # With a seed that it has seen, ComfyUI makes nothing and shows the old picture.
    values["seed"] = secrets.randbelow(_SEEDS) if wanted.seed is None else wanted.seed
    if "n" in conversation.params:
        values["batch"] = wanted.n
    if "model" in template.slots and conversation.model not in ("default", provider.name):
        values["model"] = conversation.model
    for slot, media in zip(IMAGES, turn.pictures, strict=False):
        values[slot] = await _uploaded(call, media, template, slot)
    if turn.mask is not None:
        values["mask"] = await _uploaded(call, turn.mask, template, "mask")
        values[MASK_CHANNEL] = "alpha" if await is_cut_out(call.means.storage, turn.mask) else "red"
    return values


def _asked(wanted: ImageParams, turn: SingleTurn, template: Template) -> dict[str, Any]:
    """Return what the client asked for; the template's own values are the defaults."""
    usual = [comfyui.value_of(template.workflow, template.slots, slot) for slot in ("width", "height")]
    width, height = (side if isinstance(side, int) and side > 0 else 1024 for side in usual)
    size = size_of(wanted, (width, height))
    fields = {
        "negative": wanted.negative_prompt,
        "width": size[0] if size else None,
        "height": size[1] if size else None,
        "steps": wanted.steps,
        "cfg": wanted.cfg_scale,
        "denoise": wanted.strength if turn.pictures else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _recorded(template: Template, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a generation is remembered by: what went into a slot, without its pictures."""
    left_out = {"prompt", "mask", MASK_CHANNEL, *IMAGES}
    return {name: value for name, value in values.items() if name in template.slots and name not in left_out}


# What ComfyUI is asked


async def _uploaded(call: Call, media: Media, template: Template, slot: str) -> str:
    """Return a picture's name for the workflow; it is uploaded under its hash, unless it is there."""
    if slot not in template.slots:
        return ""  # `fill` says what is to be done; nothing is uploaded for that
    file = File(f"{media.blob}.{media.extension}", _FOLDER, "input")
    if await _is_there(call, file, media):
        return file.in_workflow
    body, boundary = _form(file, media)
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    reply = await _ask(call, UpstreamRequest("/upload/image", body, headers=headers))
    if not isinstance(reply, dict) or not isinstance(reply.get("name"), str):
        raise UpstreamBroken("the upstream took a picture, and does not say under which name")
    return File(reply["name"], str(reply.get("subfolder") or "")).in_workflow


async def _is_there(call: Call, file: File, media: Media) -> bool:
    try:
        request = UpstreamRequest(file.path, method="HEAD", headers={})
        reply = await call.means.upstream.call(call.target, request, comfyui.decode_error)
    except DarkroomError:
        return False
    return reply.headers.get("content-length") == str(media.size)


def _form(file: File, media: Media) -> tuple[tuple[bytes | BytesOf, ...], str]:
    boundary = uuid.uuid4().hex
    fields = {"type": file.type, "subfolder": file.subfolder, "overwrite": "true"}
    texts = [
        f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    head = (
        f'--{boundary}\r\ncontent-disposition: form-data; name="image"; filename="{file.name}"\r\n'
        f"content-type: {media.mime}\r\n\r\n"
    )
    return ("".join((*texts, head)).encode(), BytesOf(media), f"\r\n--{boundary}--\r\n".encode()), boundary


async def _socket(call: Call, client: str, stack: AsyncExitStack) -> aiohttp.ClientWebSocketResponse | None:
    """Return the web socket; without one there is no progress, and all else is as it was."""
    try:
        socket = call.means.upstream.socket(call.target, f"/ws?clientId={client}")
        return await stack.enter_async_context(socket)
    except (DarkroomError, TimeoutError) as error:
        log.warning("no progress can be had from `%s`: %s", call.target.name, error)
        return None


async def _submit(call: Call, workflow: Mapping[str, Any], client: str, prompt_id: str) -> str:
    """Queue the workflow and return the prompt's id; old versions give it one of their own."""
    body = {"prompt": workflow, "client_id": client, "prompt_id": prompt_id}
    reply = await _ask(call, UpstreamRequest("/prompt", (msgspec.json.encode(body),)))
    named = reply.get("prompt_id") if isinstance(reply, dict) else None
    if not isinstance(named, str):
        raise UpstreamBroken("the upstream took the prompt, and does not say under which id")
    return named


async def _ask(call: Call, request: UpstreamRequest) -> Any:
    reply = await call.means.upstream.call(call.target, request, comfyui.decode_error)
    try:
        return msgspec.json.decode(reply.body) if reply.body else None
    except (msgspec.DecodeError, RecursionError):
        raise UpstreamBroken("the upstream's answer is no JSON") from None


async def _get(call: Call, path: str) -> Any:
    return await _ask(call, UpstreamRequest(path, method="GET", headers={}))


async def _withdraw(call: Call, prompt_id: str) -> None:
    """Take our prompt out of the queue, or stop it; old versions would stop whatever runs, so that is looked at."""
    with suppress(DarkroomError, TimeoutError):
        async with asyncio.timeout(_WITHDRAW_SECONDS):
            if comfyui.place_of(prompt_id, await _get(call, "/queue")) == "running":
                request = UpstreamRequest("/interrupt", (msgspec.json.encode({"prompt_id": prompt_id}),))
            else:
                request = UpstreamRequest("/queue", (msgspec.json.encode({"delete": [prompt_id]}),))
            await _ask(call, request)


# What becomes of it


@dataclass(slots=True)
class _Follower:
    """Follows one prompt to its end."""

    call: Call
    prompt_id: str
    tracker: Tracker
    progress: RisingProgress
    _shown: int = 0
    _found: Outcome | None = None

    async def listen(self, socket: aiohttp.ClientWebSocketResponse) -> AsyncGenerator[Event, None]:
        """Yield progress until the prompt has ended, or the socket has."""
        receiving = asyncio.create_task(socket.receive())
        pause = self.call.target.provider.options.get("look_seconds", _LOOK_SECONDS)
        try:
            while not self.tracker.ended:
                done, _ = await asyncio.wait({receiving}, timeout=pause)
                if not done:
                    if await self._outcome() is not None:
                        return
                    continue
                message = receiving.result()
                if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    log.warning("`%s` closed its web socket; its history is asked instead", self.call.target.name)
                    return
                for event in self._read(message):
                    yield event
                receiving = asyncio.create_task(socket.receive())
        except aiohttp.ClientError as error:
            log.warning("the web socket of `%s` broke: %s", self.call.target.name, type(error).__name__)
        finally:
            receiving.cancel()
            with suppress(asyncio.CancelledError, aiohttp.ClientError):
                await receiving

    async def outcome(self) -> Outcome:
        """Return what became of the prompt, as soon as the history holds it.

        Raises `UpstreamBroken` when the upstream knows nothing of it, `UpstreamTimeout` when nothing moves.
        """
        pause, place, waited = _FIRST_PAUSE, None, 0.0
        while (outcome := await self._outcome()) is None:
            now = await self._place()
            waited = waited + pause if now == place else 0.0
            if waited > (_GONE_SECONDS if now == _GONE else self.call.means.upstream.timeout):
                raise UpstreamTimeout(f"nothing moved at `{self.call.target.provider.name}` for {waited:.0f} s")
            place = now
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LAST_PAUSE)
        return outcome

    async def _outcome(self) -> Outcome | None:
        """Look into the history; who can't be reached just now is asked again."""
        with suppress(UpstreamUnavailable):
            history = await _get(self.call, f"/history/{self.prompt_id}")
            self._found = self._found or comfyui.outcome_of(history, self.prompt_id)
        return self._found

    async def _place(self) -> Any:
        """Return where in the queue the prompt is. Raises `UpstreamBroken` when it is nowhere."""
        try:
            place = comfyui.place_of(self.prompt_id, await _get(self.call, "/queue"))
        except UpstreamUnavailable:
            return _GONE
        # Between the two looks it may have ended.
        if place is None and await self._outcome() is None:
            raise UpstreamBroken("the upstream does not know the prompt any more: it may have been restarted")
        return place

    def _read(self, message: aiohttp.WSMessage) -> Sequence[Event]:
        if message.type is aiohttp.WSMsgType.BINARY:
            return self._preview(message.data)
        try:
            return self.tracker.take(msgspec.json.decode(message.data))
        except (msgspec.DecodeError, RecursionError):
            return ()

    def _preview(self, frame: bytes) -> Sequence[Event]:
        """Show as many unfinished pictures as were asked for, at equal distances."""
        asked = image_params(self.call.whole.params).partial_images
        if self._shown >= asked or self.progress.percent * (asked + 1) < 100 * (self._shown + 1):
            return ()
        if (picture := comfyui.preview_of(frame)) is None:
            return ()
        self._shown += 1
        return (PartialProduced(_lifted(picture, self.call.lifts), self._shown - 1),)


def _lifted(picture: bytes, lifts: Lifts) -> Lifted:
    run = lifts.open()
    run.feed(pybase64.b64encode(picture))
    return lifts.take(run.placeholder)


async def _results(call: Call, outcome: Outcome, progress: RisingProgress) -> AsyncGenerator[Event, None]:
    """Yield what a workflow saved."""
    if outcome.error is not None:
        raise outcome.error
    if not outcome.files:
        raise UpstreamBroken("the workflow ended and saved nothing; it needs a node like SaveImage")
    for event in progress.done():
        yield event
    for file in outcome.files:
        yield await _fetched(call, file)
    yield Finished("stop", True)


async def _fetched(call: Call, file: File) -> MediaProduced:
    request = UpstreamRequest(file.path, method="GET", headers={})
    spool = call.means.storage.spools.new()
    arrived = await call.means.upstream.save(call.target, request, comfyui.decode_error, spool)
    mime = sniff(arrived.head)
    return MediaProduced(kind_of(mime) if mime else file.kind, arrived=arrived)
