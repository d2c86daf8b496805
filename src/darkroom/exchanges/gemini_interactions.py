"""Asking Gemini's Interactions API: one stream, or work in the background that is asked for until it is done.

Strategy. An interaction that the API keeps is written to the cleanup's table as soon as its id is seen, and let go of
at the end; going on from one starts its idle time anew. Where the provider's policy is to keep nothing, nothing is
stored there, and every turn is told whole; only work in the background has to be stored, and is deleted at once. A
failed look at background work is no failed work, and a stream that breaks off is resumed: only many failures in a row
are one.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

import msgspec

from darkroom.dialects.gemini_interactions import (
    HEADERS,
    INTERACTION,
    PATH,
    EventDecoder,
    decode_error,
    encode_request,
    is_background,
    is_forgotten,
)
from darkroom.dialects.wire import UpstreamRequest
from darkroom.errors import (
    DarkroomError,
    UpstreamBadMedia,
    UpstreamBroken,
    UpstreamError,
    UpstreamForgot,
    UpstreamRateLimited,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from darkroom.events import Event, Failed, Finished, MediaProduced, Progress, Started, ThreadNamed
from darkroom.exchanges.call import Call
from darkroom.fetch import is_at
from darkroom.media import Arrived
from darkroom.messages import Conversation

_LEAST_SECONDS = 0.01
_FIRST_SECONDS = 2.0
_LAST_SECONDS = 15.0
_GROWTH = 1.5
_LONGEST_SECONDS = 3600.0
_FAILURES = 5
"""How often in a row may fail what can be tried again: looks at background work, downloads, streams."""
_PASSING = (UpstreamBroken, UpstreamRateLimited, UpstreamTimeout, UpstreamUnavailable)
_SYSTEM = {"system", "developer"}
_FILE = re.compile(r"/files/([A-Za-z0-9_-]{1,200})(?::download)?(?:\?|\Z)")
log = logging.getLogger("darkroom")


def exchange(call: Call) -> AsyncGenerator[Event, None]:
    """Ask, going on from the interaction that came before where it is still known."""

    def ask(conversation: Conversation) -> AsyncGenerator[Event, None]:
        return _Interaction(call, _instructed(conversation, call.whole)).events()

    return call.try_each(ask)


def _instructed(conversation: Conversation, whole: Conversation) -> Conversation:
    """Put the instructions, which the API does not keep, before new turns."""
    if conversation.previous is None:
        return conversation
    rules = [message for message in whole.messages if message.role in _SYSTEM]
    news = [message for message in conversation.messages if message.role not in _SYSTEM]
    return replace(conversation, messages=(*rules, *news))


def _path(id: str) -> str:
    return f"{PATH}/{quote(id, safe='')}"


@dataclass(slots=True)
class _Interaction:
    """One interaction, from its request to its end."""

    call: Call
    conversation: Conversation
    id: str | None = None
    pending: bool = False
    _held: list[str] = field(default_factory=list)
    _started: Started | None = None
    _begun: bool = False
    _stage: str = ""

    @property
    def _pause(self) -> float:
        """Seconds until the first look at work in the background (the provider's option `poll_seconds`)."""
        return max(float(self.call.target.provider.options.get("poll_seconds", _FIRST_SECONDS)), _LEAST_SECONDS)

    @property
    def _keeps(self) -> bool:
        """Whether what the API stores outlives the answer."""
        return self.call.target.provider.idle_seconds != 0

    async def events(self) -> AsyncGenerator[Event, None]:
        try:
            await self._hold_previous()
            async with aclosing(self._work()) as events:
                async for event in events:
                    yield event
        except (asyncio.CancelledError, GeneratorExit):
            await asyncio.shield(self._left())
            raise
        finally:
            for id in self._held:
                await asyncio.shield(self.call.means.cleanup.release(self.call.target, id))

    async def _work(self) -> AsyncGenerator[Event, None]:
        async with aclosing(self._answered()) as events:
            async for event in events:
                yield event
        if not self.pending:
            return
        if self.id is None:
            raise UpstreamBroken("the upstream began to work, and did not say under which id")
        async with aclosing(self._polled()) as events:
            async for event in events:
                yield event

    async def _answered(self) -> AsyncGenerator[Event, None]:
        """Send the request; a stream that breaks off is gone on with behind the last event that came whole."""
        request = encode_request(self.conversation, self.call.target.profile, store=self._keeps)
        decoder = EventDecoder(self.call.lifts, self.call.target.profile)
        for left in reversed(range(_FAILURES)):
            try:
                async with aclosing(self._read(request, decoder)) as events:
                    async for event in events:
                        if isinstance(event, Finished) and not event.whole and self._can_resume(decoder, left):
                            break
                        yield event
                    else:
                        return
            except (UpstreamBroken, UpstreamTimeout):
                if not self._can_resume(decoder, left):
                    raise
            await asyncio.sleep(self._pause)
            request = self._get(f"?stream=true&last_event_id={quote(decoder.position or '', safe='')}")
            decoder.resume()

    def _can_resume(self, decoder: EventDecoder, left: int) -> bool:
        return bool(left and self._keeps and self.id is not None and decoder.position is not None)

    def _get(self, query: str = "") -> UpstreamRequest:
        return UpstreamRequest(_path(self.id or "") + query, method="GET", headers=HEADERS)

    async def _polled(self) -> AsyncGenerator[Event, None]:
        """Ask for the interaction until it is done."""
        pause, waited, failed = self._pause, 0.0, 0
        while self.pending:
            if waited > _LONGEST_SECONDS:
                raise UpstreamTimeout(f"the upstream was not done after {waited:.0f} s")
            await asyncio.sleep(pause)
            waited += pause
            pause = min(pause * _GROWTH, max(pause, _LAST_SECONDS))
            decoder = EventDecoder(self.call.lifts, self.call.target.profile)
            try:
                async with aclosing(self._read(self._get(), decoder)) as events:
                    async for event in events:
                        yield event
                failed = 0
            except _PASSING as error:
                failed += 1
                if failed >= _FAILURES or not self.pending:
                    raise
                pause = max(pause, error.retry_after or 0.0)
                log.info("`%s` did not tell how its work gets on: %s", self.call.target.name, error.message)

    async def _read(self, request: UpstreamRequest, decoder: EventDecoder) -> AsyncGenerator[Event, None]:
        """Send a request, and yield of its answer what is new."""
        try:
            async with aclosing(self.call.read(request, decoder, decode_error)) as events:
                async for event in events:
                    async for told in self._told(event, decoder):
                        yield told
        except UpstreamError as error:
            raise self._forgotten(error) from error
        self.pending = decoder.pending

    async def _told(self, event: Event, decoder: EventDecoder) -> AsyncGenerator[Event, None]:
        match event:
            case Started():
                self._started = self._started or event
                return
            case ThreadNamed(_, id):
                await self._created(id)
                return
            case Progress(stage) if stage == self._stage:
                return
            case Failed(error) if (forgot := self._forgotten(error)) is not error:
                raise forgot
        if self._started is not None and not self._begun:
            yield self._started
        self._begun = True
        self.pending = decoder.pending
        match event:
            case Progress(stage):
                self._stage = stage
                yield event
            case MediaProduced(url=str(url)) if is_at(url, self.call.target.provider.base_url):
                yield await self._downloaded(event, url)
            case Finished() if self.id is not None and self._keeps:
                yield ThreadNamed(INTERACTION, self.id)
                yield event
            case _:
                yield event

    def _forgotten(self, error: DarkroomError) -> DarkroomError:
        """Return the error, or that the upstream does not know what came before."""
        if self.conversation.previous is None or self._begun or not is_forgotten(error):
            return error
        return UpstreamForgot(error.message)

    # What is kept there

    async def _hold_previous(self) -> None:
        """Hold the interaction that this one goes on from: its idle time begins anew."""
        if self.conversation.previous is None:
            return
        path = _path(self.conversation.previous)
        known = await self.call.means.cleanup.hold_again(self.call.target, self.call.owner, path)
        if known is not None:
            self._held.append(known.id)

    async def _created(self, id: str) -> None:
        if self.id is None:
            self.id = id
            if self._keeps or is_background(self.conversation, self.call.target.profile):
                await self._hold("interaction", _path(id))

    async def _hold(self, kind: str, path: str) -> None:
        self._held.append(await self.call.means.cleanup.hold(self.call.target, self.call.owner, kind, path))

    async def _left(self) -> None:
        """Stop the work of a model whose answer nobody reads any more; a film is waited for, or had later."""
        if not self.pending or self.id is None or self.call.target.profile.makes_media:
            return
        request = UpstreamRequest(f"{_path(self.id)}/cancel", headers=HEADERS)
        with suppress(DarkroomError):
            await self.call.means.upstream.call(self.call.target, request, decode_error)

    # Films

    async def _downloaded(self, event: MediaProduced, url: str) -> Event:
        """Return media that lies at the provider, downloaded with the key."""
        if (found := _FILE.search(url)) is not None:
            path = f"/files/{found[1]}"
            if not self._keeps:
                await self._hold("file", path)
            await self._ready(path)
            url = f"{path}:download?alt=media"
        return MediaProduced(event.kind, arrived=await self._saved(url), alt=event.alt)

    async def _saved(self, url: str) -> Arrived:
        """Download a file; it is made and paid, so what fails in passing is tried again."""
        request = UpstreamRequest(url, method="GET", headers={})
        for attempt in range(1, _FAILURES + 1):
            spool = self.call.means.storage.spools.new()
            try:
                return await self.call.means.upstream.save(self.call.target, request, decode_error, spool)
            except _PASSING:
                if attempt == _FAILURES:
                    raise
            await asyncio.sleep(self._pause)
        raise AssertionError("unreachable")

    async def _ready(self, path: str) -> None:
        """Wait until a file can be had. Raises `UpstreamBadMedia` where it never can."""
        waited = 0.0
        while (state := await self._state(path)) == "PROCESSING" and waited < _LONGEST_SECONDS:
            await asyncio.sleep(self._pause)
            waited += self._pause
        if state == "FAILED":
            raise UpstreamBadMedia("the upstream failed to process the film that it made")

    async def _state(self, path: str) -> Any:
        """Return what is told of a file; where that is nothing, the download will show."""
        request = UpstreamRequest(path, method="GET", headers={})
        try:
            reply = await self.call.means.upstream.call(self.call.target, request, decode_error)
            told = msgspec.json.decode(reply.body)
        except _PASSING:
            return "PROCESSING"
        except (UpstreamError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return told.get("state") if isinstance(told, dict) else None
