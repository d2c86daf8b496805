"""What the steps of a job do: submit it, ask how it is, download what it made, store that, and clean up behind it.

Strategy. Each step reads the job's row, does its part, and moves the row on; so it can be cut off anywhere and done
again, by another replica as well. Only `submit` costs money (`submission.py`). Looking, downloading and storing cost
nothing and go on until the job's deadline, whatever fails in between.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any

from darkroom.dialects.job_wire import JobReport
from darkroom.errors import (
    Cancelled,
    ContentPolicyViolation,
    DarkroomError,
    GatewayError,
    StorageFailed,
    UpstreamBadMedia,
    UpstreamBroken,
    UpstreamNotFound,
)
from darkroom.ingest import Ingest
from darkroom.job import Job, is_over
from darkroom.jobs.asking import PASSING, ask
from darkroom.jobs.moves import Moves, pause_of, wire_to
from darkroom.jobs.products import Kept, Products
from darkroom.jobs.submission import Submission
from darkroom.providers import Target

_FIRST_SECONDS, _LAST_SECONDS, _GROWTH = 2.0, 15.0, 1.5
_MISSING = 3
"""How often in a row an upstream must not know a job, until it is believed."""
_REFUSALS = 8
"""How often in a row an upstream may refuse to say how a job is, for other reasons than its state."""
log = logging.getLogger("darkroom")

Does = Callable[[Job], Awaitable[bool]]


@dataclass(slots=True)
class Work:
    """Does the steps of jobs."""

    moves: Moves
    submission: Submission
    ingest: Ingest

    def knows(self, route: Sequence[str]) -> bool:
        """Tell whether a route's provider and key are configured here."""
        row = self.moves.providers.row(route[0])
        return row is not None and any(key.alias == route[2] for key in row.keys)

    def steps(self) -> dict[str, Callable[[str], Awaitable[bool]]]:
        """Return the steps by name: each is told a job's id, and says whether the next one is to follow."""
        steps: tuple[Does, ...] = (self.submit, self.poll, self.download, self.store, self.clean_up)
        return {step.__name__: self._patiently(step) for step in steps}

    def _patiently(self, step: Does) -> Callable[[str], Awaitable[bool]]:
        """Return a step that waits while the database or the disk fails, and ends its job for what can't be mended."""

        @wraps(step)
        async def patient(id: str) -> bool:
            pause = _FIRST_SECONDS
            while True:
                try:
                    return await self._one(step, id)
                except StorageFailed as error:
                    log.warning("%s waits in `%s`: %s", id, step.__name__, error.message)
                await asyncio.sleep(pause)
                if await self._given_up(id):
                    return False
                pause = min(pause * 2, _LAST_SECONDS)

        return patient

    async def _given_up(self, id: str) -> bool:
        """End a job that has waited too long, or that is to end, as far as the database lets us."""
        try:
            job = await self.moves.means.database.jobs.job(id)
            if job is None or is_over(job.state) or not self.moves.owns(job):
                return False
            return await self.moves.ends(job, self.moves.target(job.routes[0]))
        except DarkroomError:
            return False

    async def _one(self, step: Does, id: str) -> bool:
        job = await self.moves.means.database.jobs.job(id)
        if job is None or not self.moves.owns(job):
            return False
        try:
            return await step(job)
        except StorageFailed:
            raise
        except Cancelled as error:
            await self.moves.end(job, "cancelled", error)
        except DarkroomError as error:
            await self.moves.end(job, "failed", error)
        except Exception:
            log.exception("the step `%s` of %s failed", step.__name__, id)
            await self.moves.end(job, "failed", GatewayError("something went wrong inside Darkroom; its log says what"))
        return False

    async def submit(self, job: Job) -> bool:
        """Have the upstream begin, once."""
        report = await self.submission.submit(job)
        if report is not None and report.stage == "completed":
            return await self._made(job, self.moves.target((await self.moves.newest(job)).routes[0]), report)
        return not is_over((await self.moves.newest(job)).state)

    # Waiting

    async def poll(self, job: Job) -> bool:
        """Ask how the job is until it is done."""
        target = self.moves.target(job.routes[0])
        if job.upstream_id is not None:  # Whoever worked on it before may not have come so far.
            await self.moves.record(job, target, job.upstream_id)
        pause, failures, missing = pause_of(target.provider), 0, 0
        while (job := await self.moves.newest(job)).state == "running" and self.moves.owns(job):
            if await self.moves.ends(job, target):
                return False
            try:
                report = await self._looked(job, target)
                missing = 0
                if not await self._heard(job, target, report):
                    return False
                failures = 0
            except UpstreamNotFound as error:
                missing += 1
                if missing >= _MISSING:
                    await self.moves.end(job, "expired", error)
                    return False
            except DarkroomError as error:
                failures += not isinstance(error, PASSING)
                if failures >= _REFUSALS or isinstance(error, GatewayError | ContentPolicyViolation):
                    raise
                log.info("`%s` did not tell how %s gets on: %s", target.name, job.id, error.message)
                pause = max(pause, min(error.retry_after or 0.0, 60.0))
            if (await self.moves.newest(job)).state == "running":
                await self.moves.pause(job, pause)
                pause = min(pause * _GROWTH, max(pause_of(target.provider), _LAST_SECONDS))
        return job.state == "storing"

    async def _looked(self, job: Job, target: Target) -> JobReport:
        wire = wire_to(target)
        look = wire.look(job.upstream_id or "", target)
        return await ask(self.moves.means.upstream, target, look, wire.looked, self.submission.lifts, wire.error)

    async def _heard(self, job: Job, target: Target, report: JobReport) -> bool:
        """Do what a report asks for; False: the job is over."""
        match report.stage:
            case "completed":
                return await self._made(job, target, report)
            case "failed":
                error = report.error or UpstreamBroken("the upstream failed, and did not say why")
                await self.moves.end(job, "failed", error)
                return False
            case "cancelled":
                await self.moves.end(job, "cancelled", Cancelled("the upstream cancelled it"))
                return False
            case "expired":
                await self.moves.end(job, "expired", report.error or UpstreamNotFound("the upstream let go of it"))
                return False
            case _:
                if report.percent is not None and report.percent > (job.percent or 0):
                    await self.moves.means.database.jobs.set_percent(job.id, report.percent)
                    self.moves.changed(job.id)
                return True

    async def _made(self, job: Job, target: Target, report: JobReport) -> bool:
        if not report.products:
            raise UpstreamBadMedia("the upstream says that it is done, and shows nothing")
        kept = [await self._products(target).begun(product) for product in report.products]
        return await self.moves.move(job, "storing", products=[item.told() for item in kept])

    # Storing

    async def download(self, job: Job) -> bool:
        """Bring what was made into the store, one after the other."""
        if job.state != "storing":
            return not is_over(job.state)
        rows, target = self.moves.means.database.jobs, self.moves.target(job.routes[0])
        products = self._products(target)
        kept = [Kept.read(item) for item in await rows.products(job.id)]
        for at, item in enumerate(kept):
            if await self._is_stored(item):
                continue
            download = products.downloaded(item, partial(self._fresh, job, target, at))
            fetched = await self._unless_ended(job, target, download)
            if fetched is None:
                return False
            kept[at] = fetched
            if not await rows.set_products(job.id, self.moves.replica, [each.told() for each in kept]):
                return False
        return True

    async def _unless_ended(self, job: Job, target: Target, download: Coroutine[Any, Any, Kept]) -> Kept | None:
        """Return what a download brought; None when its job has ended before, or is another replica's by now."""
        fetching = asyncio.create_task(download)
        try:
            while True:
                newest = await self.moves.newest(job)
                if not self.moves.owns(newest) or await self.moves.ends(newest, target):
                    return None
                waiting = asyncio.create_task(self.moves.pause(job, _LAST_SECONDS))
                await asyncio.wait({fetching, waiting}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                if fetching.done():
                    return await fetching
        finally:
            fetching.cancel()
            await asyncio.gather(fetching, return_exceptions=True)

    async def _is_stored(self, item: Kept) -> bool:
        """Tell whether a product is in the store: what has no row yet is swept when nobody comes back for long."""
        return item.blob is not None and await self.moves.means.storage.head(item.blob) == item.size

    async def _fresh(self, job: Job, target: Target, at: int) -> str | None:
        """Ask once more where a result lies; None where the upstream does not say any more."""
        if job.upstream_id is None:
            return None
        report = await self._looked(job, target)
        return report.products[at].url if at < len(report.products) else None

    async def store(self, job: Job) -> bool:
        """Write the rows of what is in the store, and end the job."""
        if job.state != "storing":
            return not is_over(job.state)
        kept = [Kept.read(item) for item in await self.moves.means.database.jobs.products(job.id)]
        for at, item in enumerate(kept):
            media = item.media(job, at)
            if await self.moves.means.database.media(job.owner, media.id) is None:
                await self.ingest.record(media)
        # Whoever deleted the same bytes before there was a row took these along.
        if not all([await self._is_stored(item) for item in kept]) and not await self.download(job):
            return False
        await self.moves.end(job, "completed")
        return True

    async def clean_up(self, job: Job) -> bool:
        """Let go of what the upstream holds of the job; with that, it is done with."""
        if not is_over(job.state):
            return False
        try:
            await self._let_go(job)
        except StorageFailed:
            raise
        except DarkroomError as error:
            log.warning("what `%s` holds of %s stays there: %s", job.routes[0][0], job.id, error.message)
        self.moves.forget(job.id)
        await self.moves.means.database.jobs.close(job.id)
        return True

    async def _let_go(self, job: Job) -> None:
        if job.upstream_id is None:
            return
        target = self.moves.target(job.routes[0])
        path = wire_to(target).deletion(job.upstream_id, target)
        if path is not None:
            await self.moves.record(job, target, job.upstream_id)
            await self.moves.means.cleanup.let_go(target, job.owner, path, at_once=job.state != "completed")

    def _products(self, target: Target) -> Products:
        return Products(self.moves.means, self.ingest, target, wire_to(target), pause_of(target.provider))
