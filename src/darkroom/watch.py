"""An answer runs in a task, and its client watches: who leaves, or does not keep up, stops nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field

from darkroom.errors import Overloaded
from darkroom.events import Event, Failed

_WATCH_EVENTS = 256
_WATCH_SECONDS = 60


@dataclass(slots=True)
class Watch:
    """The way from a task to the one who watches it; a watcher who does not keep up is as good as gone."""

    _events: asyncio.Queue[Event | None] = field(default_factory=lambda: asyncio.Queue(_WATCH_EVENTS))
    _gone: bool = False

    async def tell(self, event: Event | None) -> None:
        if self._gone:
            return
        try:
            async with asyncio.timeout(_WATCH_SECONDS):
                await self._events.put(event)
        except TimeoutError:
            self._gone = True

    def cut(self, event: Event) -> None:
        """End at once with this event, in place of what the watcher has not read if need be."""
        while self._events.qsize() > _WATCH_EVENTS - 2:
            self._events.get_nowait()
        self._events.put_nowait(event)
        self._events.put_nowait(None)
        self._gone = True

    def leave(self) -> None:
        """Watch no more."""
        self._gone = True
        while not self._events.empty():
            self._events.get_nowait()

    async def drain(self) -> AsyncGenerator[Event, None]:
        try:
            while (event := await self._events.get()) is not None:
                yield event
        finally:
            self.leave()


async def pump(events: AsyncGenerator[Event, None], watch: Watch, ended: AsyncExitStack) -> None:
    """Run an answer to its end, whoever watches, and let go of what `ended` holds."""
    async with ended:
        try:
            async with aclosing(events):
                async for event in events:
                    await watch.tell(event)
        except asyncio.CancelledError:
            watch.cut(Failed(Overloaded("Darkroom is shutting down; ask again")))
            raise
        finally:
            await watch.tell(None)
