"""What a door knows of an answer, whoever gives it: one model's, or a studio's."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, Protocol

from darkroom.dialects.relay_vocabulary import Language
from darkroom.events import Event
from darkroom.media import Media, MediaKind
from darkroom.messages import Conversation
from darkroom.settings import Output

Then = Callable[["Reply"], Awaitable[None]]
Hear = Callable[[Event], Awaitable[None]]


class Reply(Protocol):
    """One answer, not yet begun.

    `then` is done when it is complete, before its client is told so; `hearers` are told of every event before it
    leaves, whether or not anybody watches.
    """

    then: list[Then]
    hearers: list[Hear]

    @property
    def asked(self) -> Conversation:
        """What the client sent, its bytes stored."""

    @property
    def language(self) -> Language:
        """The language that the gateway itself speaks in it."""

    @property
    def output(self) -> Output | None:
        """The shape that the model's row asks for."""

    @property
    def makes(self) -> frozenset[MediaKind]:
        """What the model makes."""

    @property
    def stored(self) -> Sequence[Media]:
        """The media that it has stored so far."""

    @property
    def outlives(self) -> bool:
        """Whether it goes on when its reader has left."""

    def events(self) -> AsyncGenerator[Event, None]:
        """Yield the events, ending with `Finished` or `Failed`; it never raises a `DarkroomError`."""

    def report(self) -> dict[str, Any]:
        """Return the `darkroom` field: what was made and stored, what was lost, what was not sent."""

    def generation(self) -> str | None:
        """Return the id of what is being made, once there is one."""

    async def begin(self) -> str | None:
        """Record what is to be made, and return its id; None where that shows only on the way."""
