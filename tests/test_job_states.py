"""The states of a job: one table, and rows that never leave it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.clock import new_id
from darkroom.database import Database
from darkroom.errors import GatewayError
from darkroom.generation import Generation
from darkroom.job import JOB_ID, STATUS, TRANSITIONS, Job, JobInput, JobState, check_move, is_over
from postgres import Postgres, running_postgres

STATES: tuple[JobState, ...] = get_args(JobState)
OVER = {"completed", "failed", "cancelled", "expired"}
ROUTES = (("films", "sora-2", "a"), ("others", "wan", "b"))
ERROR = {"code": "upstream_broken", "message": "it fell over", "type": "server_error", "param": None}


# The table


def test_the_table_knows_every_state() -> None:
    assert set(TRANSITIONS) == set(STATUS) == set(STATES)
    assert {state for state in STATES if is_over(state)} == OVER
    assert all(set(steps) <= set(STATES) for steps in TRANSITIONS.values())


@pytest.mark.parametrize("state", [state for state in STATES if state not in OVER])
def test_from_everywhere_one_may_end(state: JobState) -> None:
    assert {"failed", "cancelled", "expired"} <= TRANSITIONS[state]
    assert "completed" not in TRANSITIONS[state] or state == "storing"


def test_what_was_begun_upstream_is_never_submitted_again() -> None:
    """From where a job has an id upstream, no way leads back to where it is submitted."""
    reached: set[JobState] = {"running"}
    while new := {step for state in reached for step in TRANSITIONS[state]} - reached:
        reached |= new
    assert reached == {"running", "storing", *OVER}


def test_what_clients_are_told() -> None:
    assert {STATUS[state] for state in STATES if not is_over(state)} == {"queued", "running"}
    assert all(STATUS[state] == state for state in STATES if is_over(state))


@given(st.lists(st.sampled_from(STATES), max_size=30))
def test_no_order_of_events_leaves_the_table(wanted: list[JobState]) -> None:
    state: JobState = "queued"
    for new in wanted:
        if new in TRANSITIONS[state]:
            check_move(state, new)
            state = new
        else:
            with pytest.raises(GatewayError, match=f"{state} can't become {new}"):
                check_move(state, new)


# The rows


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres() as postgres:
        yield postgres


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    if request.param == "sqlite":
        url = f"sqlite:{tmp_path}/darkroom.db"
    else:
        url = await request.getfixturevalue("server").fresh()
    async with opened(url) as found:
        yield found


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = await Database.open(url)
    try:
        yield database
    finally:
        await database.close()


async def added(database: Database, key: str | None = None, **fields: Any) -> Job:
    """Record a job with its generation, as a door does."""
    id = new_id("gen")
    generation = Generation(id, "ada", "queued", "films", "sora-2", "a boat", 5, key="a")
    job = replace(Job(id, "ada", "queued", "a boat", ROUTES, 5, 5000), **fields)
    await database.jobs.add(job, generation, key)
    return job


async def shown(database: Database, job: Job) -> Generation:
    found = await database.generation("ada", job.id)
    assert found is not None
    return found


async def test_a_job_is_what_was_added(database: Database) -> None:
    job = await added(database, params={"seconds": "4"}, dialect="openai-videos")
    assert await database.jobs.job(job.id) == job
    assert await database.jobs.job("gen_none") is None
    assert await database.jobs.products(job.id) is None
    assert [each.id for each in await database.jobs.under_way()] == [job.id]


async def test_its_way_to_the_end(database: Database) -> None:
    job, rows = await added(database), database.jobs
    assert await rows.claim(job.id, "r1", None)
    assert await rows.move(job.id, "r1", "submitting", 6, attempts=1, submitted=6)
    assert (await shown(database, job)).status == "queued"
    assert await rows.move(job.id, "r1", "running", 7, upstream_id="video_1")
    assert (await shown(database, job)).upstream_ids == {JOB_ID: "video_1"}
    await rows.set_percent(job.id, 40)
    assert ((await shown(database, job)).status, (await shown(database, job)).progress) == ("running", 40)
    assert await rows.move(job.id, "r1", "storing", 8, products=[{"url": "/x"}])
    assert await rows.products(job.id) == [{"url": "/x"}]
    assert await rows.set_products(job.id, "r1", [{"blob": "b"}])
    assert await rows.products(job.id) == [{"blob": "b"}]
    assert await rows.move(job.id, "r1", "completed", 9)
    done = await shown(database, job)
    assert (done.status, done.progress, done.finished, done.error) == ("completed", 100, 9, None)
    found = await rows.job(job.id)
    assert found is not None
    assert (found.state, found.upstream_id, found.attempts, found.submitted, found.percent, found.runner) == (
        "completed", "video_1", 1, 6, 40, "r1",
    )  # fmt: skip


async def test_it_is_under_way_until_it_is_cleaned_up(database: Database) -> None:
    job, rows = await added(database), database.jobs
    await rows.claim(job.id, "r1", None)
    await rows.move(job.id, "r1", "failed", 6, error=ERROR)
    assert (await shown(database, job)).error == ERROR
    (left,) = await rows.under_way()
    assert (left.id, left.runner, left.route, left.deadline, left.cancel) == (job.id, "r1", ROUTES[0], 5000, False)
    await rows.close(job.id)
    assert await rows.under_way() == []


async def test_another_route_is_shown(database: Database) -> None:
    job, rows = await added(database), database.jobs
    await rows.claim(job.id, "r1", None)
    await rows.move(job.id, "r1", "submitting", 6)
    assert await rows.move(job.id, "r1", "queued", 7, routes=ROUTES[1:])
    turned = await shown(database, job)
    assert (turned.provider, turned.model, turned.key) == ROUTES[1]


async def test_only_who_works_on_it_moves_it(database: Database) -> None:
    job, rows = await added(database), database.jobs
    assert not await rows.move(job.id, "r1", "submitting", 6)
    claims = await asyncio.gather(*(rows.claim(job.id, f"r{number}", None) for number in range(8)))
    assert sorted(claims) == [False] * 7 + [True]
    owner = f"r{claims.index(True)}"
    assert not await rows.move(job.id, "r9", "submitting", 6)
    assert await rows.move(job.id, owner, "submitting", 6)
    assert not await rows.claim(job.id, "r9", None)
    assert await rows.claim(job.id, "r9", owner)
    assert not await rows.move(job.id, owner, "running", 7, upstream_id="video_1")
    assert not await rows.set_products(job.id, owner, [])
    assert (await shown(database, job)).upstream_ids == {}
    assert await rows.move(job.id, "r9", "running", 7, upstream_id="video_1")
    assert await rows.known_upstream(["video_1", "video_2"]) == {"video_1"}


async def test_random_events_never_leave_the_table(database: Database) -> None:
    """However two replicas and an owner get into each other's way, each step is one of the table's."""
    chance, rows = random.Random(7), database.jobs
    for _ in range(12):
        job = await added(database)
        state: JobState = "queued"
        await rows.claim(job.id, "r1", None)
        for time in range(12):
            new = chance.choice(STATES)
            moved = await rows.move(job.id, "r1", new, time, error=ERROR if new == "failed" else None)
            assert moved == (new in TRANSITIONS[state])
            state = new if moved else state
            found = await rows.job(job.id)
            assert found is not None
            assert (found.state, (await shown(database, job)).status) == (state, STATUS[state])
            assert await rows.ask_to_cancel("ada", job.id) == (not is_over(state))


async def test_two_at_once_take_one_step(database: Database) -> None:
    job, rows = await added(database), database.jobs
    await rows.claim(job.id, "r1", None)
    moved = await asyncio.gather(*(rows.move(job.id, "r1", "submitting", 6) for _ in range(6)))
    assert moved.count(True) == 1


async def test_owners_cancel_their_own(database: Database) -> None:
    job, rows = await added(database), database.jobs
    assert not await rows.ask_to_cancel("eve", job.id)
    assert await rows.ask_to_cancel("ada", job.id)
    (left,) = await rows.under_way()
    assert left.cancel


async def test_inputs_come_back(database: Database) -> None:
    inputs = (JobInput("first_frame", "media_1"), JobInput("reference", "media_2"))
    job = await added(database, inputs=inputs)
    found = await database.jobs.job(job.id)
    assert found is not None
    assert found.inputs == inputs


async def test_who_lives(database: Database) -> None:
    rows = database.jobs
    await rows.beat("r1", 100)
    await rows.beat("r2", 200)
    await rows.beat("r1", 300)
    assert await rows.beats() == {"r1": 300, "r2": 200}
    await rows.forget_replicas(250)
    assert await rows.beats() == {"r1": 300}
    await rows.forget_replica("r1")
    assert await rows.beats() == {}


async def test_what_a_replica_made_without_a_job_ends_with_it(database: Database) -> None:
    job, rows = await added(database), database.jobs
    alone = Generation(new_id("gen"), "ada", "running", "films", "m", "a boat", 5, runner="r1")
    other = replace(alone, id=new_id("gen"), runner="r2")
    for each in (alone, other):
        await database.add_generation(each)
    assert sorted(await rows.runners()) == ["r1", "r2"]
    await rows.fail_generations_of("r1", 9, ERROR)
    ended = await database.generation("ada", alone.id)
    assert ended is not None
    assert (ended.status, ended.finished, ended.error) == ("failed", 9, ERROR)
    left = await database.generation("ada", other.id)
    assert left is not None
    assert (left.status, (await shown(database, job)).status) == ("running", "queued")


async def test_keys_of_requests(database: Database) -> None:
    rows = database.jobs
    assert await rows.reserve("ada", "k1", "d1", "r1", 10) is None
    known = await rows.reserve("ada", "k1", "d2", "r2", 11)
    assert known is not None
    assert (known.digest, known.generation, known.created) == ("d1", None, 10)
    assert await rows.reserve("eve", "k1", "d1", "r1", 10) is None
    job = await added(database, key="k1")
    settled = await rows.reserved("ada", "k1")
    assert settled is not None
    assert settled.generation == job.id
    # What a replica that is gone has read, and made nothing of, is free again.
    await rows.release_all_but({"r2"})
    assert await rows.reserved("eve", "k1") is None
    assert await rows.reserved("ada", "k1") == settled
    await rows.forget_requests(11)
    assert await rows.reserved("ada", "k1") is None
