"""Asks an AUTOMATIC1111 or Forge: the answer comes in one piece, so its progress is asked for beside it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from darkroom.dialects import a1111
from darkroom.dialects.single_turn import RisingProgress, single_turn
from darkroom.dialects.wire import UpstreamRequest
from darkroom.errors import DarkroomError, UpstreamNotFound
from darkroom.events import Event, Finished, MediaProduced, Planned
from darkroom.exchanges.call import Call
from darkroom.exchanges.masks import is_cut_out

_POLL_SECONDS = 1.0
_ASK_SECONDS = 10.0
_INTERRUPT_SECONDS = 5.0
log = logging.getLogger("darkroom")


async def exchange(call: Call) -> AsyncGenerator[Event, None]:
    """Yield progress while the picture is made, then what was made of which parameters, and the pictures.

    Raises `UpstreamError`s, `MalformedRequest` for a turn without words.
    """
    conversation, options = call.whole, call.target.provider.options
    turn = single_turn(conversation)
    cut_out = turn.mask is not None and await is_cut_out(call.means.storage, turn.mask)
    task = f"task(darkroom-{secrets.token_hex(8)})"
    loaded = ("default", call.target.provider.name)
    request = a1111.encode(conversation, turn, options, task, loaded=loaded, cut_out=cut_out)
    progress = RisingProgress(turn.prompt)
    making = call.read(request, a1111.AnswerDecoder(call.lifts), a1111.decode_error)
    whole = False
    try:
        async with aclosing(_beside(making, _watch(call, task, progress))) as events:
            async for event in events:
                if not whole and isinstance(event, Planned | MediaProduced | Finished):
                    whole = True
                    for last in progress.done():
                        yield last
                yield event
    except (asyncio.CancelledError, GeneratorExit):
        if not whole:
            await asyncio.shield(_interrupt(call, task))
        raise


async def _beside(main: AsyncGenerator[Event, None], side: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
    """Yield the events of both as they come, until the main one ends. Raises what that raises."""
    news: asyncio.Queue[Event | None] = asyncio.Queue()

    async def pump(source: AsyncGenerator[Event, None]) -> None:
        async with aclosing(source):
            async for event in source:
                news.put_nowait(event)

    making, watching = asyncio.create_task(pump(main)), asyncio.create_task(pump(side))
    making.add_done_callback(lambda _: news.put_nowait(None))
    try:
        while (event := await news.get()) is not None:
            yield event
        await making
    finally:
        making.cancel()
        watching.cancel()
        await asyncio.gather(making, watching, return_exceptions=True)


async def _watch(call: Call, task: str, progress: RisingProgress) -> AsyncGenerator[Event, None]:
    """Yield the progress until nobody wants to know it any more, or the server has none to tell."""
    pause = call.target.provider.options.get("poll_seconds", _POLL_SECONDS)
    while True:
        await asyncio.sleep(pause)
        try:
            state = await _progress(call, task)
        except UpstreamNotFound:
            return
        except (DarkroomError, TimeoutError) as error:
            log.debug("the progress at `%s` is not known (%s)", call.target.name, type(error).__name__)
            continue
        match state:
            case float():
                for event in progress.at(state):
                    yield event
            case str():
                for event in progress.queued():
                    yield event


async def _progress(call: Call, task: str) -> float | str | None:
    async with asyncio.timeout(_ASK_SECONDS):
        request = UpstreamRequest(a1111.PROGRESS, method="GET", headers={})
        reply = await call.means.upstream.call(call.target, request, a1111.decode_error)
    return a1111.decode_progress(reply.body, task)


async def _interrupt(call: Call, task: str) -> None:
    """Stop what runs, unless it is known to be somebody else's."""
    with suppress(DarkroomError, TimeoutError):
        async with asyncio.timeout(_INTERRUPT_SECONDS):
            if isinstance(await _progress(call, task), str):
                return
            request = UpstreamRequest(a1111.INTERRUPT)
            await call.means.upstream.call(call.target, request, a1111.decode_error)
