"""A door: what every endpoint that answers a conversation has in common, whatever its dialect.

A door reads a request into a conversation, and says who writes the answer. The rest is here: the owner's place, the way
through the pipeline, streaming or whole, and what happens when the client leaves.
"""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from darkroom import usage
from darkroom.codecs.links import generation_link
from darkroom.dialects.relay_vocabulary import Language
from darkroom.dialects.wire import Piece, length_of
from darkroom.endpoints.errors import error_response
from darkroom.endpoints.streaming import EVENTS, HEARTBEAT, PiecesResponse, SseStream, until_gone
from darkroom.errors import DarkroomError, MalformedRequest
from darkroom.events import Event, Failed, Finished, PartialProduced, Started, TextDelta, UsageReported
from darkroom.gateway import Gateway
from darkroom.lifted import Lifts
from darkroom.messages import Conversation
from darkroom.repeats import HEADER
from darkroom.reply import Reply, Then
from darkroom.settings import OUTPUTS, Output
from darkroom.storage import Storage
from darkroom.upstream import render

OUTPUT_HEADER = "x-darkroom-output"
_PATIENCE_SECONDS = 10.0
"""After this long an answer begins without a first event, so that heartbeats can keep its connection alive."""


class Encoder(Protocol):
    """Writes a stream in a client's dialect."""

    def encode(self, event: Event) -> list[Piece]:
        """Return what a stream says of an event; the last one ends it."""


Assemble = Callable[[Sequence[Event]], tuple[Piece, ...]]
"""Writes a whole answer. Raises the error of a `Failed`."""


@dataclass(slots=True)
class Writer:
    """Writes one answer in a client's dialect: as a stream, whose encoder begins with its first event, or whole."""

    begin: Callable[[], Encoder]
    assemble: Assemble
    _encoder: Encoder | None = None

    def encode(self, event: Event) -> list[Piece]:
        if self._encoder is None:
            self._encoder = self.begin()
        return self._encoder.encode(event)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, read: the conversation, and who writes its answer. `then` is done when the answer is complete."""

    conversation: Conversation
    writer: Callable[[Reply], Writer]
    then: Then | None = None


class Door(ABC):
    """An endpoint as an ASGI app, since it stops working when its client leaves."""

    content_type = EVENTS
    heartbeat = HEARTBEAT
    """What a stream sends when there is nothing to say; it must be nothing to the client too."""

    @abstractmethod
    async def read(self, request: Request, gateway: Gateway, lifts: Lifts) -> Asked:
        """Read a request. `lifts` take its base64, and are closed when it is resolved."""

    def refuse(self, error: DarkroomError, report: Mapping[str, Any] | None = None) -> Response:
        """Return an error as this dialect writes it."""
        return error_response(error, report)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        gateway: Gateway = request.app.state.gateway
        async with AsyncExitStack() as stack:
            try:
                owner = scope["state"]["owner"]
                await stack.enter_async_context(gateway.place(owner))
                patience = patience_of(request, gateway.settings.jobs.wait)
                asked, answer = await self._begin(gateway, request, owner, stack)
                writer = asked.writer(answer)
            except DarkroomError as error:
                await self.refuse(error)(scope, receive, send)
                return
            if await request.is_disconnected():
                return  # Nobody waits, and nothing has been asked for yet.
            events = gateway.chat.watch(answer, stack)
            sending = _Sending(self, writer, answer, gateway.storage, events, patience, gateway.settings.public_url)
            work = sending.stream if asked.conversation.stream else sending.whole
            await until_gone(receive, work(scope, receive, send))

    async def _begin(
        self, gateway: Gateway, request: Request, owner: str, stack: AsyncExitStack
    ) -> tuple[Asked, Reply]:
        lifts, key = gateway.lifts(), request.headers.get(HEADER)
        try:
            output_of(request, "markdown")  # A wrong shape is refused before anything is asked, and paid.
            asked = await self.read(request, gateway, lifts)
            answer = await gateway.answer(asked.conversation, owner, key)
            if key is not None:
                stack.push_async_callback(gateway.repeats.settle, owner, key, answer)
            if asked.then is not None:
                answer.then.append(asked.then)
        except RecursionError:
            raise MalformedRequest("the body is nested too deeply") from None
        finally:
            lifts.close()
        return asked, answer


def output_of(request: Request, default: Output) -> Output:
    """Return the shape that a request's header asks for. Raises `MalformedRequest`."""
    wanted = request.headers.get(OUTPUT_HEADER)
    if wanted is None:
        return default
    for output in OUTPUTS:
        if output == wanted.strip().lower():
            return output
    raise MalformedRequest(f"{OUTPUT_HEADER} must be one of {', '.join(OUTPUTS)}", param=OUTPUT_HEADER)


def patience_of(request: Request, usual: float) -> float:
    """Return how many seconds an answer may take that does not stream: `Prefer: wait=30` (RFC 7240) asks for less."""
    found = _WAIT.search(request.headers.get("prefer", ""))
    return min(float(found[1]), usual) if found is not None else usual


_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})")


@dataclass(frozen=True, slots=True)
class _Sending:
    """One answer on its way to its client, as a stream or whole. `patience` is in seconds."""

    door: Door
    writer: Writer
    answer: Reply
    storage: Storage
    events: AsyncGenerator[Event, None]
    patience: float
    public_url: str

    async def stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream; but what fails soon, before there is anything to show, is a plain error with its status."""
        first = asyncio.ensure_future(self._first())
        try:
            done, _ = await asyncio.wait({first}, timeout=_PATIENCE_SECONDS)
            if done and isinstance(event := first.result(), Failed):
                await self.door.refuse(event.error)(scope, receive, send)
                return
            async with aclosing(self._frames(first)) as frames:
                await SseStream(frames, self.door.content_type, self.door.heartbeat).send(send)
        finally:
            first.cancel()
            with suppress(asyncio.CancelledError):
                await first
            await self.events.aclose()

    async def _first(self) -> Event | None:
        """Return the first event that shows anything."""
        while isinstance(event := await anext(self.events, None), Started):
            pass
        return event

    async def whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the stream, assembled; of what takes too long, with where to look."""
        collected: list[Event] = []
        collecting = asyncio.ensure_future(self._collect(collected))
        try:
            done, _ = await asyncio.wait({collecting}, timeout=self.patience)
            while not done and self.answer.generation() is None:  # There is nothing yet that could be looked up.
                done, _ = await asyncio.wait({collecting}, timeout=1)
        finally:
            collecting.cancel()
            with suppress(asyncio.CancelledError):
                await collecting
        if not done:
            collected += self._unfinished()
        try:
            pieces = self.writer.assemble(collected)
        except DarkroomError as error:
            # What was stored before things went wrong is the client's, and was paid for.
            report = self.answer.report() if self.answer.stored else None
            await self.door.refuse(error, report)(scope, receive, send)
            return
        body = render(pieces, self.storage)
        await PiecesResponse(body, length_of(pieces), {"content-type": "application/json"})(scope, receive, send)

    async def _collect(self, collected: list[Event]) -> None:
        async with aclosing(self.events) as events:
            async for event in events:
                collected += () if _is_draft(event) else (event,)

    def _unfinished(self) -> list[Event]:
        id = self.answer.generation() or ""
        words = _UNFINISHED[self.answer.language].format(id=id, url=generation_link(self.public_url, id))
        return [TextDelta(words), UsageReported(usage.counted(0, 0), estimated=True), Finished()]

    async def _frames(self, first: asyncio.Future[Event | None]) -> AsyncGenerator[bytes, None]:
        if (event := await first) is not None:
            async for frame in self._rendered(event):
                yield frame
        async for event in self.events:
            async for frame in self._rendered(event):
                yield frame

    async def _rendered(self, event: Event) -> AsyncIterator[bytes]:
        """Yield an event's pieces as bytes, small ones in one go; a draft is gone when it has been shown."""
        pieces = self.writer.encode(event)
        small = [piece for piece in pieces if isinstance(piece, bytes)]
        if len(small) < len(pieces):
            async for chunk in render(pieces, self.storage):
                yield chunk
        elif small:
            yield b"".join(small)
        _is_draft(event)


_UNFINISHED: Mapping[Language, str] = {
    "zh": "仍在生成中:`{id}`。稍后在这里查看:{url}",
    "en": "Still in the making: `{id}`. Look here in a while: {url}",
}


def _is_draft(event: Event) -> bool:
    """Tell an unfinished picture from the rest, and let go of its bytes."""
    if isinstance(event, PartialProduced):
        event.lifted.discard()
        return True
    return False
