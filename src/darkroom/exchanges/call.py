"""What an exchange with an upstream is handed: the question in every form that may do, and the means to ask it."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from darkroom.cleanup import Cleanup
from darkroom.database import Database
from darkroom.dialects.wire import Decoder, ErrorDecoder, UpstreamRequest, Wire
from darkroom.errors import UpstreamForgot
from darkroom.events import Event
from darkroom.fetch import Fetcher
from darkroom.lifted import Lifts
from darkroom.messages import Conversation
from darkroom.providers import Target
from darkroom.storage import Storage
from darkroom.uploads import Uploads
from darkroom.upstream import Upstream

log = logging.getLogger("darkroom")


@dataclass(frozen=True, slots=True)
class Means:
    """The parts of the gateway that exchanges use."""

    upstream: Upstream
    database: Database
    storage: Storage
    fetcher: Fetcher
    cleanup: Cleanup
    uploads: Uploads
    replica: str = ""
    """This process's name among those that share a database."""


@dataclass(frozen=True, slots=True)
class Call:
    """One question to one upstream.

    `attempts` are the same question, the one that sends least first; each later one relies less on what the upstream
    remembers, and the last one on nothing. `lifts` take the base64 of the answer.
    """

    means: Means
    target: Target
    owner: str
    attempts: tuple[Conversation, ...]
    lifts: Lifts

    @property
    def whole(self) -> Conversation:
        """The question as somebody must read it who remembers nothing."""
        return self.attempts[-1]

    async def read(
        self, request: UpstreamRequest, decoder: Decoder, decode_error: ErrorDecoder
    ) -> AsyncGenerator[Event, None]:
        """Send one request and yield the events of its answer. Raises `UpstreamError`s."""
        async with aclosing(self.means.upstream.send(self.target, request, decode_error)) as chunks:
            async for chunk in chunks:
                for event in decoder.decode(chunk):
                    yield event
        for event in decoder.flush():
            yield event

    async def try_each(self, ask: Callable[[Conversation], AsyncGenerator[Event, None]]) -> AsyncGenerator[Event, None]:
        """Ask with one attempt after the other, until the upstream remembers what the attempt relies on.

        Only what fails before its first event with `UpstreamForgot` is followed by another attempt.
        """
        for conversation in self.attempts:
            begun = False
            try:
                async with aclosing(ask(conversation)) as events:
                    async for event in events:
                        begun = True
                        yield event
                return
            except UpstreamForgot as error:
                if begun or conversation is self.attempts[-1]:
                    raise
                log.info("`%s` forgot what came before, and is told again: %s", self.target.name, error.message)
                if conversation.previous is not None:
                    await self.means.database.upstreams.forget_thread(
                        self.target.provider.name, self.target.key.alias, conversation.previous
                    )


Exchange = Callable[[Call], AsyncGenerator[Event, None]]
"""Asks an upstream of one dialect, in as many requests as that takes, and yields its answer's events."""


def one_request(wire: Wire) -> Exchange:
    """Return the exchange of a dialect that needs one request."""

    def exchange(call: Call) -> AsyncGenerator[Event, None]:
        def ask(conversation: Conversation) -> AsyncGenerator[Event, None]:
            request = wire.encode(conversation, call.target.profile)
            return call.read(request, wire.decoder(call.lifts, call.target.profile), wire.error)

        return call.try_each(ask)

    return exchange
