"""Watchers: whoever wants to know how far a generation is, wherever it is made.

Strategy. All that is watched in this process is looked up in one query, twice a second and at once when something moves
here; what has changed is loaded once and given to all. So a thousand watchers cost what the generations that they watch
cost, and it does not matter which replica works on them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, field

from darkroom.database import Database
from darkroom.errors import DarkroomError
from darkroom.generation import Generation

_TICK_SECONDS = 0.5
_GATHER_SECONDS = 0.02
"""How long a change waits for others to come with it."""
OVER = frozenset({"completed", "failed", "cancelled", "expired", "imported"})
log = logging.getLogger("darkroom")


@dataclass(slots=True)
class _Watched:
    """One generation that is watched: its newest state, and a turnstile that opens with each newer one."""

    owner: str
    generation: Generation | None = None
    gone: bool = False
    watchers: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def show(self, generation: Generation | None) -> None:
        """Show a newer state; None: it was there, and has been deleted."""
        self.generation, self.gone = generation or self.generation, generation is None
        turnstile, self.changed = self.changed, asyncio.Event()
        turnstile.set()


@dataclass(slots=True)
class Watchers:
    database: Database
    _watched: dict[tuple[str, str], _Watched] = field(default_factory=dict)
    _task: asyncio.Task[None] | None = None
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def watch(self, owner: str, id: str) -> AsyncGenerator[Generation, None]:
        """Yield an owner's generation as it is, and whenever it has changed, until it is over or deleted.

        What is not there yet is waited for; a watcher who is slow misses what came in between.
        """
        watched = self._watched.setdefault((owner, id), _Watched(owner))
        watched.watchers += 1
        self._begin()
        try:
            shown: Generation | None = None
            while True:
                turnstile = watched.changed
                if watched.generation is not None and watched.generation is not shown:
                    shown = watched.generation
                    yield shown
                    if shown.status in OVER:
                        return
                    continue
                if watched.gone:
                    return
                await turnstile.wait()
        finally:
            watched.watchers -= 1
            if not watched.watchers:
                self._watched.pop((owner, id), None)

    def moved(self, id: str) -> None:
        """Look at once: something has changed here."""
        self._moved.set()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _begin(self) -> None:
        self._moved.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())

    async def _work(self) -> None:
        while self._watched:
            with suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._moved.wait()
                    await asyncio.sleep(_GATHER_SECONDS)
            self._moved.clear()
            try:
                await self._look()
            except DarkroomError as error:  # The database will be back.
                log.warning("what is watched can't be looked at: %s", error.message)
                await asyncio.sleep(_TICK_SECONDS)

    async def _look(self) -> None:
        ids = {id for _, id in self._watched}
        seen = {each.id: each for each in await self.database.jobs.progress_of(sorted(ids))}
        for (owner, id), watched in list(self._watched.items()):
            old, new = watched.generation, seen.get(id)
            if old is None and new is None:
                continue
            if old is not None and new is not None and (old.status, old.progress) == (new.status, new.progress):
                continue
            generation = await self.database.generation(owner, id) if new is not None else None
            if generation is not None or old is not None:
                watched.show(generation)
