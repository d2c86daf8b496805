"""Bringing a database to the newest schema when it is opened, once, however many replicas open it at once.

A database at `HEAD` costs one SELECT. Any other is migrated by Alembic, whose import alone takes longer
than all else at start and is therefore not made before it is needed. Who migrates holds a lock that a dead
process loses: on SQLite a lock on a file beside the database (the change to a write-ahead log can't wait
its turn by SQLite's own locks), on PostgreSQL an advisory lock of the session that migrates. All that is
missing runs in one transaction: a migration happens or doesn't.

Alembic keeps its context in module globals; so within the process one migration runs at a time, each in a
thread.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

from darkroom.errors import StorageFailed

if TYPE_CHECKING:
    from sqlalchemy import Connection

HEAD = "0004"
"""The newest file in `migrations/versions`."""

_MIGRATIONS = Path(__file__).parent.parent / "migrations"
_VERSION = "SELECT version_num FROM alembic_version"
_WAIT_SECONDS = 60.0
# Any constant that no other program locks: "darkroom" in ASCII.
_ADVISORY_KEY = int.from_bytes(b"darkroom", "big")
_alembic = threading.Lock()
_log = logging.getLogger(__name__)


def prepare_sqlite_file(path: str) -> None:
    """Make the directory and the file, set its write-ahead log, and migrate it. Blocking."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with _file_lock(f"{path}-lock"):
        prepare_sqlite(path, "PRAGMA journal_mode = WAL")


def prepare_sqlite(name: str, *pragmas: str) -> None:
    """Migrate the SQLite database of this name or `file:` URI. Blocking."""
    connection = sqlite3.connect(
        name,
        uri=name.startswith("file:"),
        isolation_level=None,
        timeout=_WAIT_SECONDS,
        check_same_thread=False,
    )
    with closing(connection):
        for pragma in pragmas:
            connection.execute(pragma)
        if _sqlite_version(connection) != HEAD:
            _migrate_sqlite(connection)


async def prepare_postgres(url: str) -> None:
    """Migrate the PostgreSQL database of this URL."""
    connection = await asyncpg.connect(url)
    try:
        version = await _postgres_version(connection)
    finally:
        await connection.close()
    if version != HEAD:
        await asyncio.to_thread(_migrate_postgres, url)


@contextmanager
def _file_lock(path: str) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sqlite_version(connection: sqlite3.Connection) -> Any:
    table = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    row = connection.execute(_VERSION).fetchone() if table else None
    return row[0] if row else None


async def _postgres_version(connection: asyncpg.Connection[Any]) -> Any:
    try:
        return await connection.fetchval(_VERSION)
    except asyncpg.UndefinedTableError:
        return None


def _migrate_sqlite(raw: sqlite3.Connection) -> None:
    from sqlalchemy import StaticPool, create_engine

    engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)
    with _alembic, engine.begin() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        _run_alembic(connection)


def _migrate_postgres(url: str) -> None:
    with _alembic:
        asyncio.run(_migrate_postgres_alone(url))


async def _migrate_postgres_alone(url: str) -> None:
    """Wait for the lock, look again, and migrate if nobody did meanwhile; the lock ends with the connection."""
    raw = await asyncpg.connect(url)
    try:
        await raw.execute(f"SELECT pg_advisory_lock({_ADVISORY_KEY})")
        if await _postgres_version(raw) != HEAD:
            await _migrate_asyncpg(raw)
    finally:
        await raw.close()


async def _migrate_asyncpg(raw: asyncpg.Connection[Any]) -> None:
    from sqlalchemy import NullPool
    from sqlalchemy.ext.asyncio import create_async_engine

    async def connect() -> asyncpg.Connection[Any]:
        return raw

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(_run_alembic)
    await engine.dispose()


def _run_alembic(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError
    from sqlalchemy.exc import DBAPIError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, HEAD)
    except CommandError:
        # It found a version that none of its files has.
        raise StorageFailed(
            "The database has a schema that this version does not know; it was written by a newer one."
        ) from None
    except DBAPIError as error:
        kind = type(error).__name__
        raise StorageFailed(f"The database can't be brought to the newest schema ({kind}).") from None
    _log.info("The database was brought to schema %s.", HEAD)
