"""`POST /v1/chat/completions`: the main door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from darkroom.chat import Answer
from darkroom.clock import nonce, now
from darkroom.dialects.openai_chat import AnswerHead, EventEncoder, assemble, decode_request
from darkroom.dialects.wire import Piece, length_of
from darkroom.endpoints.body import read_lifted
from darkroom.endpoints.errors import error_response
from darkroom.endpoints.streaming import PiecesResponse, SseStream, until_gone
from darkroom.errors import DarkroomError, MalformedRequest
from darkroom.events import Event, Failed, Started
from darkroom.gateway import Gateway
from darkroom.messages import Conversation
from darkroom.providers import Target
from darkroom.settings import OUTPUTS, Output
from darkroom.storage import Storage
from darkroom.upstream import render

OUTPUT_HEADER = "x-darkroom-output"
_PATIENCE_SECONDS = 10.0
"""After this long an answer begins without a first event, so that heartbeats can keep its connection alive."""


class ChatCompletions:
    """The door as an ASGI app, since it stops working when its client leaves."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        gateway: Gateway = request.app.state.gateway
        async with AsyncExitStack() as stack:
            try:
                owner = scope["state"]["owner"]
                await stack.enter_async_context(gateway.place(owner))
                conversation, target, answer = await _begin(gateway, request, owner)
                head = _head(gateway, request, conversation, target, answer)
            except DarkroomError as error:
                await error_response(error)(scope, receive, send)
                return
            if await request.is_disconnected():
                return  # Nobody waits, and nothing has been asked for yet.
            reply = _Reply(head, answer, gateway.storage, gateway.chat.watch(answer, stack))
            work = reply.stream if conversation.stream else reply.whole
            await until_gone(receive, work(scope, receive, send))


async def _begin(gateway: Gateway, request: Request, owner: str) -> tuple[Conversation, Target, Answer]:
    lifts = gateway.lifts()
    try:
        body = await read_lifted(request, lifts, gateway.settings.limits)
        conversation = decode_request(body, lifts, gateway.settings.limits.parts)
        target = gateway.providers.find(conversation.model)
        _check_choices(conversation, target)
        _output(request, "markdown")  # A wrong shape is refused before anything is asked, and paid.
        answer = await gateway.chat.answer(conversation, gateway.lifts(), owner, target)
    finally:
        lifts.close()
    return conversation, target, answer


def _head(gateway: Gateway, request: Request, conversation: Conversation, target: Target, answer: Answer) -> AnswerHead:
    return AnswerHead(
        f"chatcmpl-{nonce()}",
        conversation.model,
        now() // 1000,
        _output(request, request.state.output or target.provider.output or gateway.settings.output),
        gateway.settings.public_url,
        answer.resolved.language,
        conversation.include_usage,
    )


def _check_choices(conversation: Conversation, target: Target) -> None:
    """One message is one answer; `n` pictures go into it together, `n` texts can't."""
    if conversation.params.get("n") not in (None, 1) and not target.profile.makes_media:
        raise MalformedRequest("`n` must be 1 for a model that makes no pictures", param="n")


def _output(request: Request, default: Output) -> Output:
    wanted = request.headers.get(OUTPUT_HEADER)
    if wanted is None:
        return default
    for output in OUTPUTS:
        if output == wanted.strip().lower():
            return output
    raise MalformedRequest(f"{OUTPUT_HEADER} must be one of {', '.join(OUTPUTS)}", param=OUTPUT_HEADER)


@dataclass(frozen=True, slots=True)
class _Reply:
    """One answer on its way to its client, as a stream or whole."""

    head: AnswerHead
    answer: Answer
    storage: Storage
    events: AsyncGenerator[Event, None]

    async def stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream; but what fails soon, before there is anything to show, is a plain error with its status."""
        first = asyncio.ensure_future(self._first())
        try:
            done, _ = await asyncio.wait({first}, timeout=_PATIENCE_SECONDS)
            if done and isinstance(event := first.result(), Failed):
                await error_response(event.error)(scope, receive, send)
                return
            async with aclosing(self._frames(first)) as frames:
                await SseStream(frames).send(send)
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
        """Answer with the stream, assembled."""
        async with aclosing(self.events) as events:
            collected = [event async for event in events]
        try:
            pieces = assemble(self.head, collected, self.answer.report, self.answer.generation)
        except DarkroomError as error:
            # What was stored before things went wrong is the client's, and was paid for.
            report = self.answer.report() if self.answer.capture.stored else None
            await error_response(error, report)(scope, receive, send)
            return
        body = render(pieces, self.storage)
        await PiecesResponse(body, length_of(pieces), {"content-type": "application/json"})(scope, receive, send)

    async def _frames(self, first: asyncio.Future[Event | None]) -> AsyncGenerator[bytes, None]:
        encoder = EventEncoder(self.head, self.answer.report, self.answer.generation)
        if (event := await first) is not None:
            async for frame in self._rendered(encoder.encode(event)):
                yield frame
        async for event in self.events:
            async for frame in self._rendered(encoder.encode(event)):
                yield frame

    async def _rendered(self, pieces: list[Piece]) -> AsyncIterator[bytes]:
        """Yield pieces as bytes, small ones in one go."""
        small = [piece for piece in pieces if isinstance(piece, bytes)]
        if len(small) < len(pieces):
            async for chunk in render(pieces, self.storage):
                yield chunk
        elif small:
            yield b"".join(small)
