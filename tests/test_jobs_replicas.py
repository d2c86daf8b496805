"""Several processes over one PostgreSQL and one bucket: whoever dies, another goes on, and nothing is paid twice."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any

import aiohttp
import asyncpg
import pytest

from darkroom.testing import VideosUpstream, serve
from darkroom.testing.films import make
from doors import PROGRAM, Ended, Served, ended, environment, serving
from film_houses import configure
from postgres import Postgres, running_postgres
from s3 import S3, running_s3

KEY = "sk-of-the-films-0123456789"
FILM = 600_000
WAIT = 90
"""Seconds after which a test gives up. What is promised is 30."""

Json = dict[str, Any]


@dataclass(slots=True)
class House:
    """What the processes share: a configuration, a database, a bucket, an upstream."""

    root: Path
    variables: dict[str, str]
    upstream: VideosUpstream
    http: aiohttp.ClientSession
    stack: AsyncExitStack
    workers: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def serve(self, *, run: bool) -> Served:
        more = {**self.variables, "DARKROOM_JOBS_RUN": str(run).lower()}
        return await self.stack.enter_async_context(serving(self.root, **more))

    async def work(self) -> asyncio.subprocess.Process:
        """Start a worker; it is ended with the house."""
        process = await asyncio.create_subprocess_exec(
            *PROGRAM,
            "worker",
            cwd=self.root,
            env=environment(self.root, **self.variables),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self.stack.push_async_callback(gone, process)
        assert process.stdout is not None
        said = await asyncio.wait_for(process.stdout.readline(), WAIT)
        assert b"works on jobs" in said, (said, await ended(process))
        return process

    async def begin(self, at: Served, prompt: str) -> str:
        body = {"model": "films/sora-2", "prompt": prompt}
        async with self.http.post(f"{at.url}/v1/videos", json=body) as response:
            answer = await response.json()
            assert response.status == 200, answer
            return str(answer["id"])

    async def watch(self, at: Served, id: str) -> list[Json]:
        """Return the generation as it was told by each event, up to its end."""
        async with self.http.get(f"{at.url}/v1/generations/{id}?stream=true") as response:
            assert response.status == 200, await response.text()
            return [json.loads(line[6:]) async for line in response.content if line.startswith(b"data: {")]

    async def over(self, at: Served, id: str) -> Json:
        async with asyncio.timeout(WAIT):
            while True:
                async with self.http.get(f"{at.url}/v1/videos/{id}") as response:
                    video: Json = await response.json()
                if video["status"] not in ("queued", "in_progress"):
                    return video
                await asyncio.sleep(0.1)

    async def film(self, at: Served, id: str) -> bytes:
        async with self.http.get(f"{at.url}/v1/videos/{id}/content") as response:
            assert response.status == 200, await response.text()
            return await response.read()

    async def rows(self, query: str) -> list[Any]:
        """Ask the database past the processes."""
        connection = await asyncpg.connect(self.variables["DARKROOM_STORAGE_DATABASE"])
        try:
            return [tuple(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    async def until(self, query: str, rows: list[Any]) -> None:
        """Wait until the database says this."""
        found: list[Any] = []
        for _ in range(WAIT * 10):
            if (found := await self.rows(query)) == rows:
                return
            await asyncio.sleep(0.1)
        raise AssertionError((query, found))


async def gone(process: asyncio.subprocess.Process) -> Ended:
    if process.returncode is None:
        process.send_signal(SIGKILL)
    return await ended(process)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as found:
        yield found


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with running_s3(tmp_path_factory.mktemp("s3")) as found:
        yield found


@asynccontextmanager
async def sharing(root: Path, postgres: Postgres, s3: S3, upstream: VideosUpstream) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serve(upstream.app))
        configure(root, url, KEY, {"poll_seconds": 0.3})
        database = await postgres.fresh()
        more = {**s3.options(), "DARKROOM_STORAGE_MEDIA": f"{s3.url}/{root.name}"}
        more["DARKROOM_STORAGE_DATABASE"] = database
        http = await stack.enter_async_context(aiohttp.ClientSession())
        yield House(root, more, upstream, http, stack)


def statuses(told: list[Json]) -> list[str]:
    return list(dict.fromkeys(str(each["status"]) for each in told))


async def test_a_worker_dies_and_another_goes_on(tmp_path: Path, postgres: Postgres, s3: S3) -> None:
    """The jobs were asked for at one gateway, and are watched at both, which leave the work to others."""
    upstream = VideosUpstream(key=KEY, seconds=3600.0, film_bytes=FILM)
    async with sharing(tmp_path, postgres, s3, upstream) as house:
        one, two, first = await asyncio.gather(house.serve(run=False), house.serve(run=False), house.work())
        prompts = [f"boat {number}" for number in range(5)] + ["a fox", "a fox"]
        ids = [await house.begin(one, prompt) for prompt in prompts]
        watching = [asyncio.create_task(house.watch(at, id)) for id in ids for at in (one, two)]
        await house.until("SELECT DISTINCT state FROM jobs", [("running",)])
        (before,) = await house.rows("SELECT DISTINCT runner FROM jobs")
        second = await house.work()
        assert (await gone(first)).code == -SIGKILL
        upstream.seconds = 1.0
        told = await asyncio.wait_for(asyncio.gather(*watching), WAIT)
        assert {tuple(statuses(each))[-1] for each in told} == {"completed"}
        assert all("running" in statuses(each) for each in told)
        for id, prompt in zip(ids, prompts, strict=True):
            assert await house.film(two, id) == b"".join(make(prompt, size=FILM).chunks())
        assert upstream.made == Counter(prompts)
        await house.until("SELECT count(*) FROM jobs WHERE cleaned = 0", [(0,)])
        await house.until("SELECT count(*) FROM upstream_objects", [(0,)])
        assert upstream.jobs == {}
        # Who claimed them is who worked on them, for every job.
        (after,) = await house.rows("SELECT DISTINCT runner FROM jobs")
        assert after != before
        assert await house.rows("SELECT count(*) FROM media") == [(len(ids),)]
        second.send_signal(SIGTERM)
        stopped = await ended(second)
        assert (stopped.code, stopped.err) == (0, "")


async def test_a_gateway_dies_while_it_submits(tmp_path: Path, postgres: Postgres, s3: S3) -> None:
    """Nobody knows whether what it had asked for arrived; whoever goes on looks into the upstream's list."""
    upstream = VideosUpstream(key=KEY, seconds=0.5, film_bytes=FILM, gate=asyncio.Event())
    async with sharing(tmp_path, postgres, s3, upstream) as house:
        one = await house.serve(run=True)
        prompts = ["a fox", "a fox", "a castle"]
        ids = [await house.begin(one, prompt) for prompt in prompts[:2]]
        # The second waits for the first, since their words are the same.
        await house.until("SELECT state FROM jobs ORDER BY state", [("queued",), ("submitting",)])
        while not upstream.made:  # noqa: ASYNC110 (it comes over a socket)
            await asyncio.sleep(0.05)
        two = await house.serve(run=True)
        ids.append(await house.begin(two, prompts[2]))
        assert (await one.end(SIGKILL)).code == -SIGKILL
        assert upstream.gate is not None
        upstream.gate.set()
        assert {(await house.over(two, id))["status"] for id in ids} == {"completed"}
        assert upstream.made == Counter(prompts)
        await house.until("SELECT count(DISTINCT runner) FROM jobs", [(1,)])
        await house.until("SELECT count(*) FROM upstream_objects", [(0,)])
        assert upstream.jobs == {}


async def test_it_is_cancelled_where_it_does_not_run(tmp_path: Path, postgres: Postgres, s3: S3) -> None:
    upstream = VideosUpstream(key=KEY, seconds=3600.0)
    async with sharing(tmp_path, postgres, s3, upstream) as house:
        one, _ = await asyncio.gather(house.serve(run=False), house.work())
        id = await house.begin(one, "a boat")
        await house.until("SELECT state FROM jobs", [("running",)])
        watching = asyncio.create_task(house.watch(one, id))
        async with house.http.delete(f"{one.url}/v1/generations/{id}") as response:
            assert response.status == 200, await response.text()
        told = await asyncio.wait_for(watching, WAIT)
        assert told
        await house.until("SELECT count(*) FROM upstream_objects", [(0,)])
        assert upstream.jobs == {}
        assert upstream.made == {"a boat": 1}


async def test_who_lacks_the_key_leaves_it_to_others(tmp_path: Path, postgres: Postgres, s3: S3) -> None:
    upstream = VideosUpstream(key=KEY, seconds=3600.0)
    async with sharing(tmp_path, postgres, s3, upstream) as house:
        one = await house.serve(run=True)
        id = await house.begin(one, "a boat")
        await house.until("SELECT state FROM jobs", [("running",)])
        configured = (tmp_path / "darkroom.toml").read_text("utf-8")
        (tmp_path / "darkroom.toml").write_text(configured.replace(KEY, "sk-of-another"), "utf-8")
        poor = await house.work()
        assert (await one.end(SIGTERM)).code == 0
        await asyncio.sleep(3)  # It could have taken it by now.
        (tmp_path / "darkroom.toml").write_text(configured, "utf-8")
        upstream.seconds = 0.0
        two = await house.serve(run=True)
        assert (await house.over(two, id))["status"] == "completed"
        assert poor.returncode is None
        assert upstream.made == {"a boat": 1}


async def test_a_clock_that_is_wrong_makes_nobody_dead(tmp_path: Path, postgres: Postgres, s3: S3) -> None:
    """Whose sign of life changes lives, whatever time it tells; whose sign stays the same does not."""
    upstream = VideosUpstream(key=KEY, seconds=3600.0)
    async with sharing(tmp_path, postgres, s3, upstream) as house:
        one, _ = await asyncio.gather(house.serve(run=False), house.work())
        id = await house.begin(one, "a boat")
        await house.until("SELECT state FROM jobs", [("running",)])
        beating = asyncio.create_task(_beat_wrongly(house))
        await house.rows("UPDATE jobs SET runner = 'slow' RETURNING id")
        for _ in range(25):  # Longer than a replica may be silent.
            await asyncio.sleep(1)
            assert await house.rows("SELECT runner FROM jobs") == [("slow",)]
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        upstream.seconds = 0.0
        assert (await house.over(one, id))["status"] == "completed"
        assert upstream.made == {"a boat": 1}


async def _beat_wrongly(house: House) -> None:
    """Show signs of life as a machine does whose clock is an hour late."""
    for beat in range(1000):
        await house.rows(
            f"INSERT INTO replicas VALUES ('slow', {beat}) ON CONFLICT (id) DO UPDATE SET seen = {beat} RETURNING id"
        )
        await asyncio.sleep(2)
