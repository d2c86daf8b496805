"""The engine: working on a job is a workflow of DBOS Transact, whose steps are recorded as they end.

Strategy. Where a job is stands in its own row, and every step begins by reading that. So whoever takes a job over
begins a run of his own, which passes over what is done and goes on with the rest, at once and in his own process: DBOS
itself would put the old run into a queue, for whichever process looks first, though it may lack the key that the job
needs. The run of the one before is cancelled: should he be alive after all, his next step is refused.

DBOS puts its own thread pool into the loop that it is called from, and closes it at its end; so it gets a loop of its
own, in a thread of its own, and the steps hop back to the gateway's. A process has one DBOS, so that one gateway at a
time runs jobs in it. Nothing of it is loaded before there is a job: it takes most of a second.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import CancelledError as Stopped
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, urlencode

from darkroom.clock import new_id
from darkroom.errors import ConfigInvalid, StorageFailed

T = TypeVar("T")
Step = Callable[[str], Awaitable[bool]]
"""Does one step of the job with this id; False ends it."""

STEPS = ("submit", "poll", "download", "store")
LAST = "clean_up"
"""Is done whatever came of the others."""

_VERSION = "1"
"""Of the steps, for those who look into the engine's tables."""

_LIBPQ = frozenset(
    "host port dbname database user password passfile service sslmode sslnegotiation sslcert sslkey sslpassword "
    "sslrootcert sslcrl ssl_min_protocol_version ssl_max_protocol_version target_session_attrs krbsrvname "
    "gsslib".split()
)
"""The parameters that both drivers read; asyncpg's `connect_utils._parse_connect_dsn_and_args` lists them."""

_UNENDED = ["PENDING", "ENQUEUED"]
_ENDED = ["SUCCESS", "ERROR", "CANCELLED"]
_PAGE = 500
_STOP_SECONDS = 5.0

log = logging.getLogger("darkroom")
_one = threading.Lock()


def engine_url(database: str) -> str:
    """Return where the engine keeps what it records: beside a SQLite file, or in the same PostgreSQL."""
    scheme, _, rest = database.partition(":")
    if scheme != "sqlite":
        return _postgres_url(rest)
    if rest == ":memory:":  # Nothing of it is to last, but threads can't share memory.
        return f"sqlite:///{tempfile.mkdtemp(prefix='darkroom-')}/jobs.db"
    path = Path(rest).resolve()
    return f"sqlite:///{path.with_name(path.stem + '-jobs.db')}"


def _postgres_url(rest: str) -> str:
    """Return the URL of the same PostgreSQL for the engine's driver, which is another one: what asyncpg takes for a
    setting of the session stands under `options` there."""
    place, _, query = rest.partition("?")
    told = parse_qsl(query)
    settings = " ".join(f"-c {name}={value}" for name, value in told if name not in _LIBPQ)
    known = [("dbname" if name == "database" else name, value) for name, value in told if name in _LIBPQ]
    words = urlencode([*known, *([("options", settings)] if settings else [])], quote_via=quote)
    return f"postgresql:{place}{'?' if words else ''}{words}"


@dataclass(slots=True)
class Engine:
    """Runs the steps of jobs. `replica` is this process's name among those that share a database."""

    url: str
    replica: str
    steps: dict[str, Step]
    _loop: asyncio.AbstractEventLoop | None = None
    _home: asyncio.AbstractEventLoop | None = None
    _thread: threading.Thread | None = None
    _launching: asyncio.Lock = field(default_factory=asyncio.Lock)
    _running: set[str] = field(default_factory=set)
    _doing: set[Future[Any]] = field(default_factory=set)
    _closing: bool = False

    @property
    def running(self) -> frozenset[str]:
        """The jobs that are worked on here."""
        return frozenset(self._running)

    async def open(self) -> None:
        """Be ready to run jobs. Raises `ConfigInvalid` when another gateway of this process does that."""
        async with self._launching:
            if self._loop is None and not self._closing:
                await self._launch()

    async def run(self, job: str, *, again: bool) -> None:
        """Work on a job from where it is; `again`: it has been worked on before, by a process that is gone."""
        await self.open()
        await self._call(self._run(job, again=again))

    async def forget(self, before: int) -> None:
        """Drop the records of runs that ended before a time (Unix ms), if this engine is open."""
        if self._loop is not None:
            await self._call(_forget(before))

    async def close(self) -> None:
        """Stop: what is under way is gone on with by whoever comes next."""
        self._closing = True
        for future in list(self._doing):
            future.cancel()
        async with self._launching:
            loop, self._loop = self._loop, None
        if loop is not None and self._thread is not None:
            await asyncio.to_thread(_stop, loop, self._thread)
            _one.release()

    async def perform(self, step: str, job: str) -> bool:
        """Do a step in the gateway's own loop; called from the engine's."""
        if self._closing or self._home is None:
            raise asyncio.CancelledError
        future: Future[bool] = asyncio.run_coroutine_threadsafe(_as_coroutine(self.steps[step](job)), self._home)
        self._doing.add(future)
        future.add_done_callback(self._doing.discard)
        try:
            return await asyncio.wrap_future(future)
        except Stopped:
            raise asyncio.CancelledError from None

    def ended(self, job: str) -> None:
        """Note that nobody works on a job here any more."""
        self._running.discard(job)

    async def _call(self, act: Coroutine[Any, Any, T]) -> T:
        if self._loop is None or self._closing:
            act.close()
            raise StorageFailed("the engine of the jobs is closed")
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(act, self._loop))

    async def _launch(self) -> None:
        if not _one.acquire(blocking=False):
            raise ConfigInvalid("another gateway runs jobs in this process already; give each a process of its own")
        self._home = asyncio.get_running_loop()
        loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=_turn, args=(loop,), name="darkroom-jobs", daemon=True)
        self._thread.start()
        try:
            await asyncio.to_thread(_library)
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._open(), loop))
        except BaseException:
            await asyncio.to_thread(_stop, loop, self._thread)
            _one.release()
            raise
        self._loop = loop

    async def _open(self) -> None:
        """Open DBOS in the engine's loop, which it then takes for its main one."""
        from dbos import DBOS

        _Current.engine = self
        DBOS(
            config={
                "name": "darkroom",
                "system_database_url": self.url,
                "executor_id": self.replica,
                "application_version": _VERSION,
                "log_level": "ERROR",
                "scheduler_polling_interval_sec": 3600.0,
            }
        )
        DBOS.launch()

    async def _run(self, job: str, *, again: bool) -> None:
        from dbos import DBOS, SetWorkflowID

        if again:
            before = await DBOS.list_workflows_async(
                workflow_id_prefix=job, status=_UNENDED, load_input=False, load_output=False
            )
            await DBOS.cancel_workflows_async([run.workflow_id for run in before])
        self._running.add(job)
        try:
            with SetWorkflowID(f"{job}/{new_id('run')}"):
                await DBOS.start_workflow_async(_library(), job)
        except BaseException:
            self.ended(job)
            raise


class _Current:
    """Whose jobs this process's DBOS runs: it registers functions, and knows of no objects."""

    engine: Engine | None = None
    workflow: Callable[[str], Coroutine[Any, Any, None]] | None = None


def _library() -> Callable[[str], Coroutine[Any, Any, None]]:
    """Load DBOS, tell it once what a run is, and return that."""
    if _Current.workflow is None:
        from dbos import DBOS

        @DBOS.step(name="step")
        async def step(name: str, job: str) -> bool:
            return await _current().perform(name, job)

        @DBOS.workflow(name="job", max_recovery_attempts=None)
        async def run(job: str) -> None:
            engine = _current()
            try:
                for name in STEPS:
                    if not await step(name, job):
                        break
                await step(LAST, job)
            finally:
                engine.ended(job)

        _Current.workflow = run
    return _Current.workflow


def _current() -> Engine:
    if _Current.engine is None:
        raise asyncio.CancelledError
    return _Current.engine


async def _forget(before: int) -> None:
    from dbos import DBOS

    until = datetime.fromtimestamp(before / 1000, UTC).isoformat()
    while runs := await DBOS.list_workflows_async(
        status=_ENDED, completed_before=until, limit=_PAGE, load_input=False, load_output=False
    ):
        await DBOS.delete_workflows_async([run.workflow_id for run in runs])


def _turn(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
    loop.close()


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    """Close DBOS, and end its loop. Blocking, for about a second."""
    from dbos import DBOS

    with suppress(Exception):  # It was half open at most.
        asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result(_STOP_SECONDS)
    DBOS.destroy()
    _Current.engine = None
    loop.call_soon_threadsafe(loop.stop)
    thread.join(_STOP_SECONDS)


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _as_coroutine(awaitable: Awaitable[T]) -> T:
    return await awaitable
