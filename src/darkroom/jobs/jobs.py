"""Jobs, as the rest of Darkroom sees them: begun, found again, cancelled; and which replica works on which.

Strategy. A job is a row before anybody works on it. A replica that runs jobs claims the rows that nobody has, and those
of replicas that show no sign of life any more, and hands them to its engine; only whoever has claimed a row can move
it. A replica is dead when its sign of life has not changed for a while, by the clock of whoever watches it: the clocks
of machines differ. After an outage of the database all are watched anew, and given the time to show one. On SQLite
there is one process, so that at its start everything that is left is its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from darkroom.clock import new_id, now
from darkroom.database.jobs import UnderWay
from darkroom.dialects.job_wires import wire_of
from darkroom.dialects.relay_text import language_of
from darkroom.dialects.single_turn import single_turn
from darkroom.dialects.video_params import video_params_kept
from darkroom.errors import DarkroomError, NotFound, StorageFailed, TooManyRequests
from darkroom.exchanges import Means
from darkroom.generation import Generation, Input
from darkroom.job import Job, JobInput
from darkroom.jobs.answer import JobAnswer
from darkroom.jobs.engine import Engine
from darkroom.jobs.watchers import OVER, Watchers
from darkroom.jobs.work import Work
from darkroom.media import MediaKind
from darkroom.messages import Conversation
from darkroom.providers import Target
from darkroom.resolve import Resolved

_ALONE_SECONDS, _SHARED_SECONDS = 5.0, 1.0
_BEAT_SECONDS = 4.0
_DEAD_MS = 20_000
_TIDY_MS = 3_600_000
_KEPT_MS = 24 * 3_600_000
"""How long keys of requests, and the engine's own records, are of use."""
_GONE = {
    "message": "the process that was making this is gone",
    "type": "server_error",
    "param": None,
    "code": "interrupted",
}
log = logging.getLogger("darkroom")


@dataclass(slots=True)
class Jobs:
    """`alone`: no other process shares the database. `deadline` is in seconds from a job's beginning; an owner has
    `per_owner` jobs at the same time."""

    means: Means
    work: Work
    engine: Engine
    watchers: Watchers
    public_url: str
    deadline: float
    per_owner: int
    alone: bool = True
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _signs: dict[str, tuple[int, float]] = field(default_factory=dict)
    """The sign of life of each replica, and since when it is the same, by our own clock."""
    _tidied: int = 0

    @property
    def replica(self) -> str:
        return self.engine.replica

    def answer(
        self,
        resolved: Resolved,
        owner: str,
        others: Sequence[Target],
        inputs: Sequence[Input] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> JobAnswer:
        """Return the answer that a job will make, not yet begun.

        `inputs` are what it is made from, and `params` what is recorded, where the caller knows better than the
        conversation.
        """
        prompt = single_turn(resolved.conversation).prompt
        used = resolved.inputs if inputs is None else inputs
        routes = [resolved.target, *(route for route in others if wire_of(route) is not None)]

        async def create(key: str | None) -> str:
            return await self._create(resolved.asked, owner, routes, prompt, used, params, key)

        return JobAnswer(
            self.watchers,
            owner,
            resolved.asked,
            prompt,
            resolved.language,
            self.public_url,
            create,
            resolved.target.provider.output,
            resolved.target.profile.makes,
            resolved.omitted,
        )

    def attach(self, asked: Conversation, owner: str, generation: Generation) -> JobAnswer:
        """Return the answer of a generation that is made already, by a job or otherwise."""

        async def create(key: str | None) -> str:
            return generation.id

        return JobAnswer(
            self.watchers,
            owner,
            asked,
            generation.prompt,
            language_of(generation.prompt),
            self.public_url,
            create,
            id=generation.id,
        )

    async def cancel(self, owner: str, id: str) -> Generation | None:
        """End a job, upstream too where that can be, and return its generation; None where there is no such job under
        way. What is paid by then stays paid."""
        if not await self.means.database.jobs.ask_to_cancel(owner, id):
            return None
        self.work.moves.nudge(id)
        self._wake.set()
        return await self.ended(owner, id)

    async def ended(self, owner: str, id: str) -> Generation:
        """Wait a while for a generation to end, and return it. Raises `NotFound`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_DEAD_MS / 1000), aclosing(self.watchers.watch(owner, id)) as states:
                async for generation in states:
                    if generation.status in OVER:
                        return generation
        found = await self.means.database.generation(owner, id)
        if found is None:
            raise NotFound(f"you have no generation `{id}`")
        return found

    async def _create(
        self,
        asked: Conversation,
        owner: str,
        routes: Sequence[Target],
        prompt: str,
        inputs: Sequence[Input],
        recorded: Mapping[str, Any] | None,
        key: str | None,
    ) -> str:
        busy = await self.means.database.jobs.count(owner)
        if busy >= self.per_owner:
            raise TooManyRequests(f"you have {busy} jobs under way already; wait for one to end", retry_after=10)
        time, target = now(), routes[0]
        params = {**asked.native, **asked.params}
        inputs = [item async for item in self._used(owner, inputs)]
        generation = Generation(
            new_id("gen"),
            owner,
            "queued",
            target.provider.name,
            target.model,
            prompt,
            time,
            params=video_params_kept(params) if recorded is None else recorded,
            inputs=tuple(inputs),
            key=target.key.alias,
        )
        job = Job(
            generation.id,
            owner,
            "queued",
            prompt,
            tuple((route.provider.name, route.model, route.key.alias) for route in routes),
            time,
            time + int(self.deadline * 1000),
            params,
            asked.dialect,
            tuple(JobInput(item.role, item.media) for item in inputs if item.media is not None),
        )
        await self.means.database.jobs.add(job, generation, key)
        self._wake.set()
        return generation.id

    async def _used(self, owner: str, inputs: Sequence[Input]) -> AsyncIterator[Input]:
        """Yield what a film is made from, with the roles that things have for a film: the first picture that is to be
        changed becomes its first frame."""
        has_first = any(item.role == "first_frame" for item in inputs)
        for item in inputs:
            if item.role == "mask" or not (item.media or item.generation):
                continue
            media = await self.means.database.media(owner, item.media) if item.media is not None else None
            if item.role == "edited" and not has_first and media is not None and media.kind is MediaKind.IMAGE:
                has_first = True
                yield replace(item, role="first_frame")
            else:
                yield item

    # Who works on what

    @asynccontextmanager
    async def working(self, *, runs: bool) -> AsyncIterator[None]:
        """Show that this replica lives while the block runs, and, if it `runs` jobs, work on them."""
        await self.means.database.jobs.beat(self.replica, now())
        tasks = [asyncio.create_task(self._beat())]
        if runs:
            tasks.append(asyncio.create_task(self._dispatch()))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.watchers.close()
            await self.engine.close()
            with suppress(DarkroomError):  # Others need not wait until it shows no sign of life.
                await self.means.database.jobs.forget_replica(self.replica)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            with suppress(DarkroomError):
                await self.means.database.jobs.beat(self.replica, now())

    async def _dispatch(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._claim_all()
                await self._tidy()
            except DarkroomError as error:
                if isinstance(error, StorageFailed):
                    self._signs.clear()
                log.warning("jobs can't be worked on: %s", error.message)
            except Exception:
                log.exception("jobs can't be worked on")
            with suppress(TimeoutError):
                async with asyncio.timeout(_ALONE_SECONDS if self.alone else _SHARED_SECONDS):
                    await self._wake.wait()

    async def _claim_all(self) -> None:
        rows, running = self.means.database.jobs, self.engine.running
        live = await self._live()
        for job in await rows.under_way():
            if job.runner == self.replica and job.id in running:
                if job.cancel:  # It may have been asked for at another replica.
                    self.work.moves.nudge(job.id)
            elif job.runner in (None, self.replica) or job.runner not in live:
                await self._claim(job)
        await rows.release_all_but(live)
        # A command beside the server makes things too, and has no job.
        beating = live | self._beating(await rows.beats()) if self.alone else live
        for runner in await rows.runners():
            if runner not in beating:
                await rows.fail_generations_of(runner, now(), _GONE)

    async def _claim(self, job: UnderWay) -> None:
        # What this replica has no key for is left to those who have, until nobody need try any more.
        if not (self.work.knows(job.route) or self.alone or now() > job.deadline):
            return
        await self.engine.open()  # Who can't run it leaves it to those who can.
        if await self.means.database.jobs.claim(job.id, self.replica, job.runner):
            await self.engine.run(job.id, again=job.runner is not None)

    async def _live(self) -> set[str]:
        """Return the replicas that may be working."""
        if self.alone:
            return {self.replica}
        return {self.replica, *self._beating(await self.means.database.jobs.beats())}

    def _beating(self, beats: Mapping[str, int]) -> set[str]:
        """Return the replicas that show signs of life, or have not been watched for long enough."""
        time, signs = asyncio.get_running_loop().time(), self._signs
        self._signs = {
            id: signs[id] if id in signs and signs[id][0] == beat else (beat, time) for id, beat in beats.items()
        }
        return {id for id, (_, since) in self._signs.items() if time - since < _DEAD_MS / 1000}

    async def _tidy(self) -> None:
        """Drop what is of no use any more, now and then."""
        if now() - self._tidied < _TIDY_MS:
            return
        self._tidied = now()
        rows, before = self.means.database.jobs, now() - _KEPT_MS
        await rows.forget_requests(before)
        await rows.forget_replicas(before)
        await self.engine.forget(before)
