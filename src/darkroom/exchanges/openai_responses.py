"""How a Responses upstream is asked: one request, and its answer is kept there for the next turn to go on from.

Strategy. The id of an answer is known from its first event on; from then it is in the cleanup's table, and deleted by
the provider's policy. An answer that is gone on from is in use again, so its time starts anew. Where nothing may be
kept (`after_response`, or a client that says `store: false`), the upstream is told so, and every turn is told whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from urllib.parse import quote

from darkroom.dialects.openai_responses import EventDecoder, decode_error, encode_request, wants_partials
from darkroom.errors import UpstreamForgot
from darkroom.events import Event, Started
from darkroom.exchanges.call import Call
from darkroom.messages import Conversation


async def exchange(call: Call) -> AsyncGenerator[Event, None]:
    """Ask, and yield the events of the answer. Raises `UpstreamError`s."""
    kept = _Kept(call)
    try:
        async with aclosing(call.try_each(kept.ask)) as events:
            async for event in events:
                if isinstance(event, Started):
                    await kept.note(event.id)
                yield event
    finally:
        await asyncio.shield(kept.release())


@dataclass(slots=True)
class _Kept:
    """The answers that the upstream keeps for one exchange: what it goes on from, and its own; held until it ends."""

    call: Call
    _held: dict[str, str] = field(default_factory=dict)
    """Ids of rows by their path."""

    @property
    def _stores(self) -> bool:
        refused = self.call.whole.native.get("store") is False
        return not refused and self.call.target.provider.idle_seconds != 0

    async def ask(self, conversation: Conversation) -> AsyncGenerator[Event, None]:
        """Ask with one form of the question."""
        request = encode_request(conversation, self.call.target.profile, store=self._stores)
        decoder = EventDecoder(self.call.lifts, partials=wants_partials(conversation), kept=self._stores)
        await self._again(conversation.previous)
        try:
            async with aclosing(self.call.read(request, decoder, decode_error)) as events:
                async for event in events:
                    yield event
        except UpstreamForgot:
            await self._forget(conversation.previous)
            raise

    async def note(self, id: str | None) -> None:
        """Record an answer that the upstream is making."""
        if id is not None and self._stores:
            path = _path(id)
            self._held[path] = await self.call.means.cleanup.hold(self.call.target, self.call.owner, "response", path)

    async def release(self) -> None:
        """Let go: the provider's policy decides what becomes of them."""
        while self._held:
            _, id = self._held.popitem()
            await self.call.means.cleanup.release(self.call.target, id)

    async def _again(self, previous: str | None) -> None:
        """Use once more what an earlier turn left there."""
        if previous is None:
            return
        path = _path(previous)
        item = await self.call.means.cleanup.hold_again(self.call.target, self.call.owner, path)
        if item is not None:
            self._held[path] = item.id

    async def _forget(self, previous: str | None) -> None:
        """Drop the row of an answer that the upstream does not know any more."""
        id = self._held.pop(_path(previous), None) if previous is not None else None
        if id is not None:
            await self.call.means.cleanup.forget(id)


def _path(id: str) -> str:
    return f"/responses/{quote(id, safe='')}"
