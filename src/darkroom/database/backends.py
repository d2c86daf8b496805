"""The port to a database, and its two drivers: aiosqlite and asyncpg.

Both run the same SQL files. A backend gives out connections in three ways: `reader` for queries, `writer`
for one statement that is its own transaction, `transaction` for several that belong together. Whatever a
driver raises inside leaves as `StorageFailed`, here and nowhere else, and without the driver's words: they
can hold values.

SQLite: one connection writes, under a lock, since SQLite has one writer anyway; another reads, so that no
read waits for an fsync. Every call to aiosqlite is a queue to its thread and back, and that hop is most of
the cost: the adapter below makes one hop per statement where aiosql's own makes three, and what is asked
for every link is looked up without one (`glance`). The queue is also why cancellation is safe: what was
queued runs in order, so a rollback queued after a cancelled statement follows it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import aiosql
import aiosqlite
import asyncpg
from aiosql.adapters.asyncpg import AsyncPGAdapter

from darkroom.database import schema
from darkroom.database.rows import Row, storable
from darkroom.errors import ConfigInvalid, StorageFailed

_SQL = Path(__file__).parent.parent / "sql"
_BUSY_SECONDS = 10.0
_COMMAND_SECONDS = 60.0
_POOL_SIZE = 10
_FOREIGN = (
    sqlite3.Error,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)
_INTEGRITY = (sqlite3.IntegrityError, asyncpg.IntegrityConstraintViolationError)
_memory_names = count()


class Conflict(StorageFailed):
    """A row that is there, or is not, stands against the statement."""


class Backend(Protocol):
    """A database: its queries, and connections to run them on. Errors raised: `StorageFailed`."""

    queries: Any

    def reader(self) -> AbstractAsyncContextManager[Any]:
        """Give a connection for queries that change nothing."""

    async def glance(self, query: str, **params: Any) -> Any:
        """Return one row by its key, or None, the quickest way there is: for what is asked very often."""

    def writer(self) -> AbstractAsyncContextManager[Any]:
        """Give a connection for one statement, durable when it returns."""

    def transaction(self) -> AbstractAsyncContextManager[Any]:
        """Give a connection whose statements all happen, durably, or none does."""

    async def close(self) -> None:
        """Close every connection; idempotent."""


class Rows:
    """Runs the queries of a backend by their names; the tables' own classes are made of it."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._queries = backend.queries

    async def _value(self, query: str, **params: Any) -> Any:
        async with self._backend.reader() as connection:
            return await getattr(self._queries, query)(connection, **params)

    _row = _value

    async def _glance(self, query: str, **params: Any) -> Row | None:
        row: Row | None = await self._backend.glance(query, **params)
        return row

    async def _rows(self, query: str, **params: Any) -> list[Row]:
        async with self._backend.reader() as connection:
            return await self._fetch(connection, query, **params)

    async def _fetch(self, connection: Any, query: str, **params: Any) -> list[Row]:
        return [row async for row in getattr(self._queries, query)(connection, **params)]

    async def _write(self, query: str, **params: Any) -> bool:
        """Run one statement; tell whether it returned a row."""
        async with self._backend.writer() as connection:
            return await getattr(self._queries, query)(connection, **params) is not None


async def open_backend(url: str) -> Backend:
    """Open and migrate the database of a URL: `sqlite:./file`, `sqlite::memory:` or `postgresql://…`."""
    scheme, _, rest = url.partition(":")
    if scheme in {"postgresql", "postgres"} and rest.startswith("//"):
        return await PostgresBackend.open(url)
    if scheme == "sqlite" and rest and not rest.startswith("//"):
        return await SqliteBackend.open(rest)
    raise ConfigInvalid(
        "The database must be sqlite:./relative/path, sqlite:/absolute/path, sqlite::memory: or postgresql://…."
    )


class SqliteBackend:
    """A file, or memory that lives as long as the backend."""

    def __init__(
        self,
        writer: aiosqlite.Connection,
        reader: aiosqlite.Connection | None,
        glancer: sqlite3.Connection | None = None,
    ) -> None:
        self.queries = _queries(_SqliteAdapter)
        self._writer = writer
        self._reader = reader
        self._glancer = glancer
        self._lock = asyncio.Lock()
        self._closed = False

    @classmethod
    async def open(cls, path: str) -> SqliteBackend:
        with translated("The database can't be opened"):
            return await (cls._open_memory() if path == ":memory:" else cls._open_file(path))

    @classmethod
    async def _open_file(cls, path: str) -> SqliteBackend:
        await asyncio.to_thread(schema.prepare_sqlite_file, path)
        writer = await _connect_sqlite(path)
        try:
            reader = await _connect_sqlite(path)
        except BaseException:
            await writer.close()
            raise
        return cls(writer, reader, _connect_glancer(path))

    @classmethod
    async def _open_memory(cls) -> SqliteBackend:
        # By its name the migration's own connection finds the same memory; it lives while any does.
        name = f"file:/darkroom-{next(_memory_names)}?vfs=memdb"
        writer = await _connect_sqlite(name)
        try:
            await asyncio.to_thread(schema.prepare_sqlite, name)
        except BaseException:
            await writer.close()
            raise
        return cls(writer, None)

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[Any]:
        if self._reader is None:
            # Memory has no second connection: a read must not see a transaction half done.
            async with self.writer() as connection:
                yield connection
            return
        with translated():
            self._check_open()
            yield self._reader

    async def glance(self, query: str, **params: Any) -> Any:
        if self._glancer is not None and not self._closed:
            with suppress(sqlite3.Error):
                values = {name: storable(value) for name, value in params.items()}
                return self._glancer.execute(getattr(self.queries, query).sql, values).fetchone()
        # It is memory, or another process holds a lock for a moment; or the other connection says what is wrong.
        async with self.reader() as connection:
            return await getattr(self.queries, query)(connection, **params)

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[Any]:
        async with self._lock:
            with translated():
                self._check_open()
                yield self._writer

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        async with self.writer() as connection:
            try:
                # IMMEDIATE takes the write lock first: a lock taken later can't wait for its turn, it fails.
                await connection.execute_fetchall("BEGIN IMMEDIATE")
                yield connection
                await connection.commit()
            except BaseException:
                await connection.rollback()
                raise

    async def close(self) -> None:
        async with self._lock:
            self._closed = True
            with translated():
                if self._glancer is not None:
                    self._glancer.close()
                if self._reader is not None:
                    await self._reader.close()
                await self._writer.close()

    def _check_open(self) -> None:
        if self._closed:
            raise StorageFailed("The database is closed.")


class PostgresBackend:
    """A pool of connections."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self.queries = _queries(_PostgresAdapter)
        self._pool = pool

    @classmethod
    async def open(cls, url: str) -> PostgresBackend:
        with translated("The database can't be opened"):
            await schema.prepare_postgres(url)
            pool = asyncpg.create_pool(
                url, min_size=1, max_size=_POOL_SIZE, command_timeout=_COMMAND_SECONDS, reset=_reset_nothing
            )
            return cls(await pool)

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[Any]:
        with translated():
            async with self._pool.acquire() as connection:
                yield connection

    writer = reader

    async def glance(self, query: str, **params: Any) -> Any:
        async with self.reader() as connection:
            return await getattr(self.queries, query)(connection, **params)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                yield connection

    async def close(self) -> None:
        with translated():
            await self._pool.close()


@contextmanager
def translated(what: str = "The database failed") -> Iterator[None]:
    """Turn a driver's exception into `StorageFailed`, naming its kind and code only."""
    try:
        yield
    except _FOREIGN as error:
        code = getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None)
        kind = type(error).__name__ if code is None else f"{type(error).__name__}, {code}"
        failure = Conflict if isinstance(error, _INTEGRITY) else StorageFailed
        # `from None`: a log that prints the cause would print the values in it.
        raise failure(f"{what} ({kind}).") from None


async def _connect_sqlite(name: str) -> aiosqlite.Connection:
    connection = await aiosqlite.connect(
        name, uri=name.startswith("file:"), isolation_level=None, timeout=_BUSY_SECONDS, cached_statements=256
    )
    connection.row_factory = sqlite3.Row
    try:
        # FULL: a commit in the write-ahead log is on the disk when it returns; only then may a link leave.
        await connection.execute_fetchall("PRAGMA synchronous = FULL")
        await connection.execute_fetchall("PRAGMA foreign_keys = ON")
    except BaseException:
        await connection.close()
        raise
    return connection


def _connect_glancer(path: str) -> sqlite3.Connection:
    """Connect for looking up single rows in the event loop's own thread: microseconds, and the way to another thread
    and back takes ten times as long. It waits for no lock."""
    connection = sqlite3.connect(
        path, uri=path.startswith("file:"), isolation_level=None, timeout=0, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    return connection


async def _reset_nothing(_connection: Any) -> None:
    """Spare the round trip that resets a session: no statement here changes one."""


@cache
def _queries(adapter: Any) -> Any:
    return aiosql.from_path(_SQL, adapter)


class _SqliteAdapter:
    """aiosql's port to aiosqlite, with one hop to the thread per statement."""

    is_aio_driver = True

    def process_sql(self, _query: str, _kind: Any, sql: str) -> str:
        """Keep `:name`, which SQLite reads itself."""
        return sql.replace("json_values(", "json_each(")

    async def select(self, conn: Any, _query: str, sql: str, params: dict[str, Any], _class: Any) -> AsyncIterator[Row]:
        for row in await self._fetch(conn, sql, params):
            yield row

    async def select_one(self, conn: Any, _query: str, sql: str, params: dict[str, Any], _class: Any) -> Row | None:
        rows = await self._fetch(conn, sql, params)
        return rows[0] if rows else None

    async def select_value(self, conn: Any, _query: str, sql: str, params: dict[str, Any]) -> Any:
        rows = await self._fetch(conn, sql, params)
        return rows[0][0] if rows else None

    async def insert_update_delete(self, conn: Any, _query: str, sql: str, params: dict[str, Any]) -> None:
        await self._fetch(conn, sql, params)

    async def _fetch(self, conn: Any, sql: str, params: dict[str, Any]) -> list[Any]:
        rows: list[Any] = await conn.execute_fetchall(sql, {name: storable(value) for name, value in params.items()})
        return rows


class _PostgresAdapter:
    """aiosql's port to asyncpg; the parameters' order comes from aiosql's own."""

    is_aio_driver = True

    def __init__(self) -> None:
        adapter: Any = AsyncPGAdapter
        self._numbered = adapter()

    def process_sql(self, query: str, kind: Any, sql: str) -> str:
        """Write `:name` as `$1`."""
        numbered: str = self._numbered.process_sql(query, kind, sql)
        return numbered.replace("json_values(", "json_array_elements_text(")

    async def select(self, conn: Any, query: str, sql: str, params: dict[str, Any], _class: Any) -> AsyncIterator[Row]:
        for row in await conn.fetch(sql, *self._values(query, params)):
            yield row

    async def select_one(self, conn: Any, query: str, sql: str, params: dict[str, Any], _class: Any) -> Row | None:
        row: Row | None = await conn.fetchrow(sql, *self._values(query, params))
        return row

    async def select_value(self, conn: Any, query: str, sql: str, params: dict[str, Any]) -> Any:
        return await conn.fetchval(sql, *self._values(query, params))

    async def insert_update_delete(self, conn: Any, query: str, sql: str, params: dict[str, Any]) -> None:
        await conn.execute(sql, *self._values(query, params))

    def _values(self, query: str, params: dict[str, Any]) -> list[Any]:
        return [storable(value) for value in self._numbered.maybe_order_params(query, params)]
