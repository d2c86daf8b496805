"""What all steps of a job have in common: its row is moved on by whoever works on it, those who wait for it are told,
and one of its routes leads to an upstream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from darkroom.clock import now
from darkroom.dialects.job_wire import JobWire
from darkroom.dialects.job_wires import wire_of
from darkroom.errors import Cancelled, ConfigInvalid, DarkroomError, StorageFailed, UpstreamTimeout
from darkroom.exchanges import Means
from darkroom.generation import Status
from darkroom.job import STATUS, Job, JobState
from darkroom.providers import Provider, Providers, Target

_FIRST_SECONDS = 2.0
_LEAST_SECONDS = 0.01
_LAST_SECONDS = 15.0


@dataclass(slots=True)
class Moves:
    """Moves the jobs that this `replica` works on. `changed` is told of every job that has moved, `ended` of every
    end."""

    means: Means
    providers: Providers
    replica: str
    changed: Callable[[str], None] = lambda _: None
    ended: Callable[[str, Status], None] | None = None
    _nudges: dict[str, asyncio.Event] = field(default_factory=dict)

    def nudge(self, id: str) -> None:
        """Let the step under way look at its job now, if it is under way here."""
        if (event := self._nudges.get(id)) is not None:
            event.set()

    def forget(self, id: str) -> None:
        """Nobody waits for this job any more."""
        self._nudges.pop(id, None)

    async def pause(self, job: Job, seconds: float) -> None:
        """Wait, but no longer than until somebody asks for something."""
        nudge = self._nudges.setdefault(job.id, asyncio.Event())
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await nudge.wait()
        nudge.clear()

    async def newest(self, job: Job) -> Job:
        """Return a job as it is now."""
        return await self.means.database.jobs.job(job.id) or job

    def owns(self, job: Job) -> bool:
        """Tell whether it is this replica that works on a job: one that was thought dead may have lost it."""
        return job.runner == self.replica

    async def move(self, job: Job, state: JobState, **values: Any) -> bool:
        """Bring a job into a state; False where that can't be, or another works on it by now."""
        moved = await self.means.database.jobs.move(job.id, self.replica, state, now(), **values)
        self.changed(job.id)
        return moved

    async def end(self, job: Job, state: JobState, error: DarkroomError | None = None) -> None:
        if error is not None:
            for route in job.routes:
                if (row := self.providers.row(route[0])) is not None:
                    error.hide(key.secret for key in row.keys if key.secret)
        body = None if error is None else error.body()["error"]
        if await self.move(job, state, error=body) and self.ended is not None:
            self.ended(job.routes[0][0], STATUS[state])

    async def ends(self, job: Job, target: Target | None = None) -> bool:
        """End a job whose owner wants that, or whose time is over, upstream too where that can be."""
        late = now() > job.deadline
        if not job.cancel and not late:
            return False
        if target is not None:
            await self._withdraw(job, target)
        if job.cancel:
            await self.end(job, "cancelled", Cancelled("it was cancelled"))
        else:
            await self.end(job, "expired", UpstreamTimeout("the upstream was not done in time"))
        return True

    async def _withdraw(self, job: Job, target: Target) -> None:
        if job.upstream_id is None:
            return
        wire = wire_to(target)
        if (request := wire.cancel(job.upstream_id, target)) is not None:
            with suppress(DarkroomError):
                await self.means.upstream.call(target, request, wire.error)

    async def name(self, job: Job, target: Target, id: str) -> None:
        """Record what the upstream calls a job, and what is to be deleted there some day.

        It is known here alone, and what it names is paid: a database that fails is waited for.
        """
        pause = _FIRST_SECONDS
        while True:
            try:
                if not await self.move(job, "running", upstream_id=id):
                    return
                break
            except StorageFailed:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LAST_SECONDS)
        await self.record(job, target, id)

    async def record(self, job: Job, target: Target, id: str) -> None:
        """Note what the upstream holds of a job, once."""
        path = wire_to(target).deletion(id, target)
        if path is not None:
            await self.means.cleanup.record(target, job.owner, "video", path)

    def target(self, route: Sequence[str]) -> Target:
        """Return where a route leads. Raises `ConfigInvalid` when it is not configured any more."""
        row = self.providers.row(route[0])
        if row is None:
            raise ConfigInvalid(f"`{route[0]}` is not configured any more")
        key = next((key for key in row.keys if key.alias == route[2]), None)
        if key is None:
            raise ConfigInvalid(f"the key that `{row.name}` was asked with is not configured any more")
        return Target(row, route[1], row.profile_of(route[1]), key)


def wire_to(target: Target) -> JobWire:
    """Return how a target is spoken to. Raises `ConfigInvalid`."""
    wire = wire_of(target)
    if wire is None:
        raise ConfigInvalid(f"`{target.name}` does not work in jobs any more")
    return wire


def pause_of(provider: Provider) -> float:
    """Seconds until the first look at a job (the provider's option `poll_seconds`)."""
    return max(float(provider.options.get("poll_seconds", _FIRST_SECONDS)), _LEAST_SECONDS)
