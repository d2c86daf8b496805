"""What was created at upstreams is deleted there: through refusals, outages, crashes, and by one gateway at a time."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from darkroom.cleanup import Cleanup
from darkroom.clock import now
from darkroom.database import Database, UpstreamObject
from darkroom.fetch import Fetcher
from darkroom.providers import Providers, Target, provider_of
from darkroom.settings import ProviderSettings
from darkroom.storage import Storage
from darkroom.testing import EnterpriseUpstream, serve, serve_in_thread
from darkroom.upstream import Upstream
from doors import CHAT, free_port, serving
from postgres import Postgres, running_postgres

WAIT = 60
"""Seconds after which a test gives up."""


class Holder:
    """An upstream that is asked to delete things, and answers from a script: the last answer again and again.

    `gate` holds every answer back; `asked` is set with the first request.
    """

    def __init__(self, *script: Response) -> None:
        self.script = list(script)
        self.deleted: list[str] = []
        self.gate: asyncio.Event | None = None
        self.asked = asyncio.Event()
        self.app = Starlette(routes=[Route("/{path:path}", self._delete, methods=["DELETE"])])

    async def _delete(self, request: Request) -> Response:
        self.asked.set()
        if self.gate is not None:
            await self.gate.wait()
        self.deleted.append(f"/{request.path_params['path']}")
        return (self.script.pop(0) if len(self.script) > 1 else self.script[0]) if self.script else Response(b"{}")


@dataclass(slots=True)
class Bench:
    """Gateways' cleanups over one database, as `Cleanup`s without their workers, and the upstream."""

    holder: Holder
    url: str
    database_url: str
    root: Path
    stack: AsyncExitStack
    databases: list[Database] = field(default_factory=list)

    def row(self, **fields: Any) -> ProviderSettings:
        return ProviderSettings("up", self.url, **{"api_keys": ("k",), **fields})

    async def cleanup(self, *rows: ProviderSettings, **fields: Any) -> Cleanup:
        """Return one gateway's cleanup, with a database connection of its own."""
        database = await Database.open(self.database_url)
        self.stack.push_async_callback(database.close)
        storage = await Storage.open(f"file:{self.root}/media")
        fetcher = Fetcher()
        self.stack.push_async_callback(fetcher.close)
        upstream = Upstream(storage, 30, 100, fetcher, 1000)
        self.stack.push_async_callback(upstream.close)
        providers = Providers(tuple(map(provider_of, rows or (self.row(),))))
        return Cleanup(database, upstream, providers, **fields)


def target(cleanup: Cleanup) -> Target:
    return cleanup.providers.find("up/m")


async def objects(cleanup: Cleanup) -> list[UpstreamObject]:
    return await cleanup.database.upstreams.objects(1000)


async def only(cleanup: Cleanup) -> UpstreamObject:
    (item,) = await objects(cleanup)
    return item


async def created(cleanup: Cleanup, path: str = "/sessions/a") -> str:
    """Hold something, and let go of it."""
    id = await cleanup.hold(target(cleanup), "local", "session", path)
    await cleanup.release(target(cleanup), id)
    return id


async def due_now(cleanup: Cleanup, id: str) -> None:
    """Let the time pass until something is due."""
    await cleanup.database.upstreams.set_due(id, 1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@asynccontextmanager
async def a_bench(root: Path, database_url: str, *script: Response) -> AsyncIterator[Bench]:
    holder = Holder(*script)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serve(holder.app))
        yield Bench(holder, url, database_url, root, stack)


@pytest.fixture(params=["sqlite", "postgres"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """A bench over either database."""
    url = f"sqlite:{tmp_path}/darkroom.db"
    if request.param == "postgres":
        url = await request.getfixturevalue("postgres").fresh()
    async with a_bench(tmp_path, url) as bench:
        yield bench


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[Bench]:
    """A bench over SQLite, for what the database has no part in."""
    async with a_bench(tmp_path, f"sqlite:{tmp_path}/darkroom.db") as bench:
        yield bench


# When


async def test_what_is_in_use_is_not_deleted(bench: Bench) -> None:
    cleanup = await bench.cleanup()
    id = await cleanup.hold(target(cleanup), "local", "session", "/sessions/a")
    assert (await only(cleanup)).due is not None
    assert await cleanup.run_due() == 0
    await cleanup.release(target(cleanup), id)
    assert await cleanup.run_due() == 1
    assert bench.holder.deleted == ["/sessions/a"]
    assert await objects(cleanup) == []


@pytest.mark.parametrize(("policy", "idle"), [("after_response", 0), ("idle:15m", 900_000), ("keep", None)])
async def test_the_policy_decides(small: Bench, policy: str, idle: int | None) -> None:
    cleanup = await small.cleanup(small.row(cleanup=policy))
    before = now()
    await created(cleanup)
    due = (await only(cleanup)).due
    if idle is None:
        assert due is None
    else:
        assert due is not None
        assert before + idle <= due <= now() + idle


async def test_who_uses_it_twice_lets_go_of_it_twice(small: Bench) -> None:
    cleanup = await small.cleanup()
    id = await cleanup.hold(target(cleanup), "local", "file", "/files/a")
    await cleanup.again(target(cleanup), await only(cleanup))
    await cleanup.release(target(cleanup), id)
    assert await cleanup.run_due() == 0
    await cleanup.release(target(cleanup), id)
    assert await cleanup.run_due() == 1


async def test_a_lease_is_renewed_while_it_is_needed(small: Bench) -> None:
    cleanup = await small.cleanup(lease_ms=400)
    async with cleanup.working():
        id = await cleanup.hold(target(cleanup), "local", "session", "/sessions/a")
        first = (await only(cleanup)).due or 0
        async with asyncio.timeout(WAIT):
            while ((await only(cleanup)).due or 0) < first + 800:  # noqa: ASYNC110  (its clock is the wall's)
                await asyncio.sleep(0.02)
        assert small.holder.deleted == []
        await cleanup.release(target(cleanup), id)
        async with asyncio.timeout(WAIT):
            while await objects(cleanup):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    assert small.holder.deleted == ["/sessions/a"]


async def test_the_lease_of_a_gateway_that_died_ends(bench: Bench) -> None:
    dead, other = await bench.cleanup(lease_ms=0), await bench.cleanup()
    await dead.hold(target(dead), "local", "session", "/sessions/a")
    assert await other.run_due() == 1
    assert bench.holder.deleted == ["/sessions/a"]


async def test_what_expired_by_itself_is_only_forgotten(small: Bench) -> None:
    cleanup = await small.cleanup()
    id = await created(cleanup, "/files/a")
    await cleanup.database.upstreams.set_object(id, "files/a", now() - 1)
    assert await cleanup.run_due() == 1
    assert small.holder.deleted == []


# Refusals


async def test_an_outage_is_waited_out_with_growing_pauses(bench: Bench) -> None:
    bench.holder.script = [Response(b"down", 503)]
    cleanup = await bench.cleanup(first_ms=1000)
    id = await created(cleanup)
    for attempt in range(12):
        before = now()
        assert await cleanup.run_due() == 0
        item = await only(cleanup)
        assert (item.attempts, item.error) == (attempt + 1, "upstream_unavailable")
        pause = min(1000 * 2**attempt, 600_000)
        assert before + pause <= (item.due or 0) <= now() + pause
        assert await cleanup.run_due() == 0  # Until then it is left alone.
        await due_now(cleanup, id)
    assert len(bench.holder.deleted) == 12
    (count,) = await cleanup.database.upstreams.count_objects()
    assert (count.objects, count.failing) == (1, 1)
    bench.holder.script = []
    assert await cleanup.run_due() == 1
    assert await objects(cleanup) == []


async def test_the_upstream_says_when_to_come_back(small: Bench) -> None:
    small.holder.script = [Response(b"slow down", 429, {"retry-after": "120"})]
    cleanup = await small.cleanup()
    await created(cleanup)
    before = now()
    await cleanup.run_due()
    assert before + 120_000 <= ((await only(cleanup)).due or 0) <= now() + 120_000


async def test_a_deletion_that_hangs_is_given_up(small: Bench) -> None:
    small.holder.gate = asyncio.Event()
    cleanup = await small.cleanup(patience=0.05)
    await created(cleanup)
    assert await cleanup.run_due() == 0
    assert (await only(cleanup)).error == "upstream_timeout"
    small.holder.gate.set()


IAM = b"Permission 'discoveryengine.sessions.delete' denied on resource '//x/sessions/a' (or it may not exist)."


@pytest.mark.parametrize(
    ("status", "body", "gone"),
    [
        (200, b"{}", True),
        (204, b"", True),
        (404, b"{}", True),
        (410, b"", True),
        (403, b"You do not have permission to access the File a or it may not exist.", True),
        (403, IAM, False),
        (403, b"Session is not owned by the provided user.", False),
        (401, b"{}", False),
        (400, b"{}", False),
        (500, b"", False),
    ],
)
async def test_what_counts_as_gone(small: Bench, status: int, body: bytes, gone: bool) -> None:
    small.holder.script = [Response(body, status)]
    cleanup = await small.cleanup()
    await created(cleanup)
    assert await cleanup.run_due() == gone
    assert len(await objects(cleanup)) == (not gone)


async def test_without_its_key_it_is_kept_and_reported(bench: Bench) -> None:
    cleanup = await bench.cleanup()
    await created(cleanup)
    others = [
        await bench.cleanup(bench.row(api_keys=("another",))),
        await bench.cleanup(replace(bench.row(), name="x")),
    ]
    for attempt, other in enumerate(others, 1):
        item = await only(other)
        await due_now(other, item.id)
        assert await other.run_due() == 0
        item = await only(other)
        assert (item.attempts, item.error) == (attempt, "config_invalid")
    assert bench.holder.deleted == []
    await due_now(cleanup, item.id)
    assert await cleanup.run_due() == 1


# Several gateways


async def test_two_gateways_delete_nothing_twice(bench: Bench) -> None:
    gateways = [await bench.cleanup() for _ in range(3)]
    paths = [f"/sessions/{number}" for number in range(60)]
    for path in paths:
        await created(gateways[0], path)
    gone = 0
    async with asyncio.timeout(WAIT):
        while await objects(gateways[0]):
            gone += sum(await asyncio.gather(*(gateway.run_due() for gateway in gateways)))
    assert Counter(bench.holder.deleted) == Counter(paths)
    assert gone == len(paths)


async def test_a_claim_is_somebody_elses_until_its_lease_ends(bench: Bench) -> None:
    cleanup = await bench.cleanup()
    for number in range(5):
        await created(cleanup, f"/sessions/{number}")
    rows = cleanup.database.upstreams
    time = now() + 1
    first = await rows.claim_due(time, time + 1000, 3)
    second = await rows.claim_due(time, time + 1000, 3)
    assert len(first) == 3
    assert sorted(item.path for item in (*first, *second)) == [f"/sessions/{number}" for number in range(5)]
    assert await rows.claim_due(time, time + 1000, 3) == []
    assert len(await rows.claim_due(time + 1000, time + 2000, 10)) == 5


# Ends


async def test_a_gateway_that_stops_ends_what_it_began(small: Bench) -> None:
    small.holder.gate = asyncio.Event()
    cleanup = await small.cleanup()
    async with cleanup.working():
        await created(cleanup, "/sessions/a")
        await small.holder.asked.wait()
        await created(cleanup, "/sessions/b")
        asyncio.get_running_loop().call_later(0.05, small.holder.gate.set)
    assert sorted(small.holder.deleted) == ["/sessions/a", "/sessions/b"]
    assert await objects(cleanup) == []


def configure(root: Path, upstream: EnterpriseUpstream, url: str, policy: str = "after_response") -> None:
    (root / "owner.json").write_text(upstream.credential(url, "alice"), "utf-8")
    (root / "darkroom.toml").write_text(
        f"""
sketch = false
[[providers]]
name = "google"
dialect = "gemini-enterprise"
base_url = "{upstream.base_url(url)}"
api_key = "file:{root}/owner.json"
cleanup = "{policy}"
""",
        "utf-8",
    )


def rows(root: Path) -> list[tuple[str, str, int]]:
    """Read the table past the gateway: kind, path, due."""
    with closing(sqlite3.connect(f"file:{root}/darkroom.db?mode=ro", uri=True)) as database:
        return database.execute("SELECT kind, path, due FROM upstream_objects").fetchall()


def two_minutes_pass(root: Path) -> None:
    with closing(sqlite3.connect(root / "darkroom.db")) as database, database:
        database.execute("UPDATE upstream_objects SET due = due - 120000")


async def ask(url: str) -> None:
    question = {
        "model": "google/gemini-3-pro-preview",
        "stream": True,
        "messages": [{"role": "user", "content": "a lighthouse"}],
    }
    with suppress(aiohttp.ClientError, ConnectionError):
        async with aiohttp.ClientSession() as session, session.post(url + CHAT, json=question) as response:
            await response.read()


async def until(true: Any) -> None:
    async with asyncio.timeout(WAIT):
        while not true():  # noqa: ASYNC110  (the emulator lives in another thread)
            await asyncio.sleep(0.02)


async def test_killed_in_the_middle_of_a_conversation(tmp_path: Path) -> None:
    """The session of a gateway that was killed is deleted by the next one, within the lease's two minutes."""
    upstream = EnterpriseUpstream()
    upstream.gate = asyncio.Event()  # Nobody opens it: every answer stops after its first words.
    with serve_in_thread(upstream.app) as url:
        configure(tmp_path, upstream, url)
        async with serving(tmp_path) as served:
            asking = asyncio.create_task(ask(served.url))
            await until(upstream.waiting.is_set)
            assert (await served.end(SIGKILL)).code == -SIGKILL
            await asking
        (session,) = upstream.sessions
        ((kind, path, due),) = rows(tmp_path)
        assert (kind, path) == ("session", f"/sessions/{session}")
        assert due <= now() + 120_000
        two_minutes_pass(tmp_path)
        async with serving(tmp_path, port=free_port()):
            await until(lambda: not upstream.sessions)
            await until(lambda: not rows(tmp_path))
        assert upstream.deleted == [session]


async def test_an_outage_across_a_restart(tmp_path: Path) -> None:
    upstream = EnterpriseUpstream()
    upstream.refusing_deletes = True
    with serve_in_thread(upstream.app) as url:
        configure(tmp_path, upstream, url)
        async with serving(tmp_path) as served:
            await ask(served.url)
            await until(lambda: any(each.method == "DELETE" for each in upstream.requests))
            assert (await served.end(SIGTERM)).code == 0
        assert len(upstream.sessions) == 1
        upstream.refusing_deletes = False
        two_minutes_pass(tmp_path)
        async with serving(tmp_path, port=free_port()):
            await until(lambda: not rows(tmp_path))
    assert upstream.sessions == {}


async def test_a_gateway_that_is_told_to_stop_leaves_nothing(tmp_path: Path) -> None:
    upstream = EnterpriseUpstream()
    with serve_in_thread(upstream.app) as url:
        configure(tmp_path, upstream, url)
        async with serving(tmp_path) as served:
            await ask(served.url)
            assert (await served.end(SIGTERM)).code == 0
    assert upstream.sessions == {}
    assert rows(tmp_path) == []
