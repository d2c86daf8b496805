"""Jobs, the replicas that work on them, and the keys under which clients asked for them. Times are Unix ms."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from darkroom.database.backends import Rows
from darkroom.database.rows import Row, from_json, generation_params, to_json
from darkroom.generation import Generation
from darkroom.job import JOB_ID, STATUS, TRANSITIONS, Job, JobInput, JobState, is_over


@dataclass(frozen=True, slots=True)
class Seen:
    """How far a generation is."""

    id: str
    status: str
    progress: int | None


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A job that is not done with: which replica works on it, the route that it takes, whether it is to end."""

    id: str
    runner: str | None
    route: tuple[str, ...]
    deadline: int
    cancel: bool = False


@dataclass(frozen=True, slots=True)
class Reserved:
    """What a client asked for under a key: the request's hash, when, and the generation that came of it so far."""

    digest: str
    generation: str | None
    created: int


class JobRows(Rows):
    """The tables of `sql/jobs.sql`. Every error is `StorageFailed`."""

    async def add(self, job: Job, generation: Generation, key: str | None = None) -> None:
        """Record a job with its generation, and that it came of the request under a `key`, in one transaction."""
        async with self._backend.transaction() as connection:
            if await self._queries.add_generation(connection, **generation_params(generation)) is not None:
                for item in generation.inputs:
                    await self._queries.add_input(
                        connection, generation=generation.id, role=item.role, media=item.media, parent=item.generation
                    )
            await self._queries.add_job(
                connection,
                id=job.id,
                owner=job.owner,
                state=job.state,
                prompt=job.prompt,
                params=to_json(job.params),
                dialect=job.dialect,
                inputs=_json([[item.role, item.media] for item in job.inputs]),
                routes=_json(job.routes),
                created=job.created,
                deadline=job.deadline,
            )
            if key is not None:
                await self._queries.set_request(connection, owner=job.owner, key=key, generation=job.id)

    async def job(self, id: str) -> Job | None:
        """Return a job, whoever owns it: for the engine alone."""
        row = await self._row("job", id=id)
        return None if row is None else _job(row)

    async def products(self, id: str) -> Any:
        """Return where the results of a job lie, as `move` was told."""
        row = await self._row("job", id=id)
        return None if row is None else from_json(row["products"])

    async def move(
        self,
        id: str,
        runner: str,
        new: JobState,
        now: int,
        *,
        routes: Sequence[Sequence[str]] | None = None,
        upstream_id: str | None = None,
        products: Any = None,
        attempts: int | None = None,
        submitted: int | None = None,
        error: Mapping[str, Any] | None = None,
    ) -> bool:
        """Bring a job into a state, and its generation with it, which learns the `upstream_id` as well.

        False where the table of states has no such step, or another replica than `runner` works on it by now.
        """
        old = [state for state, steps in TRANSITIONS.items() if new in steps]
        async with self._backend.transaction() as connection:
            moved = await self._queries.move_job(
                connection,
                id=id,
                runner=runner,
                old=_json(old),
                new=new,
                updated=now,
                routes=None if routes is None else _json(routes),
                upstream_id=upstream_id,
                products=None if products is None else _json(products),
                attempts=attempts,
                submitted=submitted,
                error=to_json(error),
            )
            if moved is None:
                return False
            if upstream_id is not None:
                await self._queries.set_upstream_id(connection, generation=id, what=JOB_ID, value=upstream_id)
            if routes:
                provider, model, key = routes[0]
                await self._queries.turn_job(connection, id=id, provider=provider, model=model, key=key)
            await self._queries.show_job(
                connection,
                id=id,
                status=STATUS[new],
                finished=now if is_over(new) else None,
                progress=100 if new == "completed" else None,
                error=to_json(error) if is_over(new) else None,
            )
            return True

    async def set_products(self, id: str, runner: str, products: Any) -> bool:
        """Record where the results of a job lie by now; False when another replica works on it."""
        return await self._write("set_job_products", id=id, runner=runner, products=_json(products))

    async def set_percent(self, id: str, percent: int) -> None:
        """Record how far a job is."""
        async with self._backend.transaction() as connection:
            await self._queries.set_job_percent(connection, id=id, percent=percent)
            await self._queries.set_progress(connection, id=id, progress=percent)

    async def count(self, owner: str) -> int:
        """Return how many jobs of an owner have not ended."""
        return int(await self._value("count_jobs", owner=owner))

    async def ask_to_cancel(self, owner: str, id: str) -> bool:
        """Record that an owner wants a job to end; False where it has ended, or is not his."""
        return await self._write("cancel_job", owner=owner, id=id)

    async def known_upstream(self, ids: Sequence[str]) -> set[str]:
        """Return which of an upstream's jobs are known to be ours already."""
        return {row["upstream_id"] for row in await self._rows("known_upstream_jobs", ids=_json(ids))}

    async def progress_of(self, ids: Sequence[str]) -> list[Seen]:
        """Return how far generations are; those without a row are left out."""
        return [Seen(**row) for row in await self._rows("progress_of", ids=_json(ids))]

    # Who works on what

    async def under_way(self) -> list[UnderWay]:
        """Return the jobs that are not done with, oldest first."""
        return [
            UnderWay(row["id"], row["runner"], tuple(from_json(row["routes"])[0]), row["deadline"], bool(row["cancel"]))
            for row in await self._rows("jobs_under_way")
        ]

    async def claim(self, id: str, runner: str, former: str | None) -> bool:
        """Take a job over from nobody, or from a replica that is gone; False when another was quicker."""
        return await self._write("claim_job", id=id, runner=runner, former=former or "")

    async def close(self, id: str) -> None:
        """Record that a job is done with, at its upstream too."""
        await self._write("close_job", id=id)

    async def runners(self) -> list[str]:
        """Return the replicas that began generations which have not ended."""
        return [row["runner"] for row in await self._rows("runners")]

    async def fail_generations_of(self, runner: str, now: int, error: Mapping[str, Any]) -> None:
        """Fail what a replica that is gone was making without a job."""
        await self._write("fail_generations_of", runner=runner, finished=now, error=to_json(error))

    async def beat(self, replica: str, now: int) -> None:
        """Record that a replica lives."""
        await self._write("beat", id=replica, seen=now)

    async def beats(self) -> dict[str, int]:
        """Return when each replica was last known to live, by its own clock."""
        return {row["id"]: row["seen"] for row in await self._rows("replicas")}

    async def forget_replica(self, replica: str) -> None:
        await self._write("forget_replica", id=replica)

    async def forget_replicas(self, before: int) -> None:
        await self._write("forget_replicas", before=before)

    # Keys of requests

    async def reserve(self, owner: str, key: str, digest: str, runner: str, now: int) -> Reserved | None:
        """Reserve a key for a request that this replica has read; return what it was reserved for before, if it was."""
        if await self._write("reserve_request", owner=owner, key=key, digest=digest, runner=runner, created=now):
            return None
        return await self.reserved(owner, key)

    async def reserved(self, owner: str, key: str) -> Reserved | None:
        row = await self._row("request", owner=owner, key=key)
        return None if row is None else Reserved(row["digest"], row["generation"] or None, row["created"])

    async def settle(self, owner: str, key: str, generation: str) -> None:
        """Record what came of a request."""
        await self._write("set_request", owner=owner, key=key, generation=generation)

    async def release(self, owner: str, key: str) -> None:
        """Let go of a key under which nothing was made."""
        await self._write("forget_request", owner=owner, key=key)

    async def release_all_but(self, live: Collection[str]) -> None:
        """Let go of the keys under which replicas that are gone have made nothing."""
        await self._write("abandoned_requests", live=_json(sorted(live)))

    async def forget_requests(self, before: int) -> None:
        await self._write("forget_requests", before=before)


def _job(row: Row) -> Job:
    return Job(
        row["id"],
        row["owner"],
        row["state"],
        row["prompt"],
        tuple((provider, model, key) for provider, model, key in from_json(row["routes"])),
        row["created"],
        row["deadline"],
        params=from_json(row["params"]),
        dialect=row["dialect"],
        inputs=tuple(JobInput(role, media) for role, media in from_json(row["inputs"])),
        upstream_id=row["upstream_id"],
        attempts=row["attempts"],
        submitted=row["submitted"],
        percent=row["percent"],
        cancel=bool(row["cancel"]),
        runner=row["runner"],
        error=from_json(row["error"]),
    )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
