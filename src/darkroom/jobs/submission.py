"""Submitting a job, once: the only step that costs.

Strategy. The row says `submitting` before the upstream is asked, and the upstream's name for the job right after. Who
finds a job in between does not know whether it arrived: he looks into the upstream's own list, asks again where the
upstream takes the same key for the same job, and else gives the job up, since what was paid once must not be paid
twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from darkroom.clock import now
from darkroom.codecs.links import make_link
from darkroom.dialects.job_wire import Given, JobReport, JobRequest, Listed
from darkroom.errors import (
    Cancelled,
    ContentPolicyViolation,
    DarkroomError,
    NotFound,
    TooManyRequests,
    UpstreamBroken,
    UpstreamError,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from darkroom.generation import InputRole
from darkroom.health import Health
from darkroom.job import JOB_ID, Job
from darkroom.jobs.asking import PASSING, ask
from darkroom.jobs.moves import Moves, pause_of, wire_to
from darkroom.lifted import Lifts
from darkroom.media import Media
from darkroom.providers import Target

_SUBMISSIONS = 5
"""How often a job is submitted when the upstream says that it can't take it now."""
_SEARCHES, _MOST_SEARCHES = 3, 30
"""How often an upstream's list is looked at until it is believed that something never arrived, and at most."""
_PAGES = 50
"""How much of an upstream's list is looked through."""
_SKEW_MS = 120_000
"""How far the clocks of an upstream may be off."""
_LATER = (TooManyRequests, UpstreamRateLimited, UpstreamUnavailable)
_INTERRUPTED = (
    "Darkroom stopped while it submitted this, and the upstream can't tell whether it arrived; it is not submitted "
    "again, since it may have been made and paid"
)
log = logging.getLogger("darkroom")


@dataclass(slots=True)
class Submission:
    """Submits jobs."""

    moves: Moves
    health: Health
    lifts: Callable[[], Lifts]
    public_url: str
    _same: WeakValueDictionary[tuple[str, str], asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def submit(self, job: Job) -> JobReport | None:
        """Have the upstream begin; return what it says, or None where there is nothing to submit any more.

        Raises why it was not begun.
        """
        if job.state not in ("queued", "submitting") or (job.state == "queued" and await self.moves.ends(job)):
            return None
        routes = list(job.routes)
        again = job.state == "submitting"
        for attempt in range(1, _SUBMISSIONS + 1):
            target = self.moves.target(routes[0])
            try:
                return await self._submitted(job, target, attempt, again=again)
            except DarkroomError as error:
                if not _made_nothing(error) or (await self.moves.newest(job)).cancel:
                    raise
                another = error.elsewhere and len(routes) > 1
                if not another and (attempt == _SUBMISSIONS or not isinstance(error, _LATER)):
                    raise
                if another:
                    log.warning("`%s` failed (%s); another is asked for %s", target.name, error.code, job.id)
                    routes.pop(0)
                await self.moves.move(job, "queued", routes=routes)
                if not another:
                    await self.moves.pause(job, max(error.retry_after or 0.0, pause_of(target.provider) * 2**attempt))
            again = False
        raise AssertionError("unreachable")

    async def _submitted(self, job: Job, target: Target, attempt: int, *, again: bool) -> JobReport:
        """Submit, or find what was submitted before a crash, and note its name."""
        request = await self._request(job, target)
        # Of two with the same words, one must have its name before the other looks for his in the upstream's list.
        async with self._alone(target, request):
            report = await self._found(job, target, request) if again else None
            if report is None:
                report = await self._asked(job, target, request, attempt, again=again)
            return await self._begun(job, target, report)

    async def _asked(self, job: Job, target: Target, request: JobRequest, attempt: int, *, again: bool) -> JobReport:
        if await self.moves.ends(await self.moves.newest(job)):
            raise Cancelled("it is not wanted any more")
        # What is `submitting` already was not found upstream; its time stays, by which it would be found.
        if not again and not await self.moves.move(job, "submitting", attempts=attempt, submitted=now()):
            raise Cancelled("it was cancelled")
        job, wire = await self.moves.newest(job), wire_to(target)
        submit = wire.submit(request, target)
        try:
            with self.health.asking(target):
                return await ask(self.moves.means.upstream, target, submit, wire.submitted, self.lifts, wire.error)
        except (UpstreamBroken, UpstreamTimeout) as error:
            if error.elsewhere:
                raise
            found = await self._found(job, target, request)
            if found is None:
                raise UpstreamUnavailable(error.message) from error
            return found

    async def _begun(self, job: Job, target: Target, report: JobReport) -> JobReport:
        if report.stage == "failed":
            raise report.error or UpstreamBroken("the upstream failed, and did not say why")
        if report.id is None and report.stage != "completed":
            raise UpstreamBroken("the upstream took the job, and did not say under which id")
        if report.id is not None:
            await self.moves.name(job, target, report.id)
        return report

    # Looking for what may have arrived

    def _alone(self, target: Target, request: JobRequest) -> AbstractAsyncContextManager[None]:
        if wire_to(target).listing(target, None) is None:
            return nullcontext()
        return self._same.setdefault((target.provider.name, request.prompt), asyncio.Lock())

    async def _found(self, job: Job, target: Target, request: JobRequest) -> JobReport | None:
        """Look for a submission of which it is not known whether it arrived; None: it may be submitted again.

        Raises `UpstreamBroken` where nobody can tell.
        """
        wire = wire_to(target)
        if wire.idempotent(target):
            return None
        if wire.listing(target, None) is None:
            raise UpstreamBroken(_INTERRUPTED)
        seen: Sequence[str] = ()
        for search in range(_MOST_SEARCHES):
            if search:  # It may still be on its way through the upstream.
                await asyncio.sleep(pause_of(target.provider))
            nobodys = await self._nobodys(job, target, request)
            # Another replica may be about to name what it has just submitted, with the same words.
            if (id := next((id for id in nobodys if id in seen), None)) is not None:
                return JobReport("queued", id)
            if search + 1 >= _SEARCHES and not nobodys:
                return None
            seen = nobodys
        raise UpstreamBroken(_INTERRUPTED)

    async def _nobodys(self, job: Job, target: Target, request: JobRequest) -> Sequence[str]:
        """Return the upstream's jobs that may be this one, and are none that is known."""
        since = (job.submitted or job.created) - _SKEW_MS
        listed = await self._listed(job, target, since)
        fits = [item.id for item in _by_time(listed, job) if item.prompt == request.prompt]
        known = await self.moves.means.database.jobs.known_upstream(fits)
        return [id for id in fits if id not in known]

    async def _listed(self, job: Job, target: Target, since: int) -> Sequence[Listed]:
        """Return what the upstream has listed since a time. Raises `UpstreamBroken` where nobody can tell."""
        found: dict[str, Listed] = {}
        after: str | None = None
        for _ in range(_PAGES):
            page = await self._page(job, target, after)
            new = [item for item in page if item.id not in found]
            found |= {item.id: item for item in new if item.created is None or item.created >= since}
            if not new or (new[-1].created is not None and new[-1].created < since):
                return list(found.values())
            after = new[-1].id
        raise UpstreamBroken(_INTERRUPTED)

    async def _page(self, job: Job, target: Target, after: str | None) -> Sequence[Listed]:
        """Return a page of the upstream's list, however long it takes to get it."""
        wire = wire_to(target)
        request = wire.listing(target, after)
        while request is not None:
            try:
                reply = await self.moves.means.upstream.call(target, request, wire.error)
                return wire.listed(reply.body, target)
            except PASSING as error:
                if now() > job.deadline:
                    raise UpstreamBroken(_INTERRUPTED) from error
                await asyncio.sleep(max(error.retry_after or 0.0, pause_of(target.provider)))
            except UpstreamError as error:
                raise UpstreamBroken(_INTERRUPTED) from error
        return ()

    # What is asked

    async def _request(self, job: Job, target: Target) -> JobRequest:
        given = [await self._given(job, item.role, item.media, target) for item in job.inputs]
        return JobRequest(job.prompt, job.params, tuple(given), job.dialect, job.id)

    async def _given(self, job: Job, role: InputRole, id: str, target: Target) -> Given:
        database = self.moves.means.database
        media = await database.media(job.owner, id)
        if media is None:
            raise NotFound(f"there is no media `{id}` any more, which this was to be made from")
        made = await database.generation(job.owner, media.generation) if media.generation else None
        its_own = made is not None and made.provider == target.provider.name and made.key == target.key.alias
        upstream_id = made.upstream_ids.get(JOB_ID) if made is not None and its_own else None
        return Given(role, media, _url(media, target, self.public_url), upstream_id)


def _by_time(listed: Sequence[Listed], job: Job) -> list[Listed]:
    """Order an upstream's jobs: those that were created when ours was submitted come first."""
    submitted = job.submitted or job.created
    return sorted(listed, key=lambda item: abs((item.created or submitted) - submitted))


def _made_nothing(error: DarkroomError) -> bool:
    """Tell whether a failed submission can't have begun anything."""
    refused = isinstance(error, UpstreamRejected | ContentPolicyViolation | UpstreamUnavailable | UpstreamRateLimited)
    return error.elsewhere or refused


def _url(media: Media, target: Target, public_url: str) -> str | None:
    """Return the address under which this upstream is to fetch media; None: it is sent the bytes."""
    match target.profile.forms[0]:
        case "link":
            return make_link(public_url, media)
        case "url" if media.source_url and media.origin == "fetched":
            return media.source_url
        case _:
            return None
