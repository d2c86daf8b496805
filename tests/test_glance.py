"""What is looked up for every link: in the event loop's own thread, never an old answer, never a wait for a lock."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from darkroom.database import Database
from darkroom.errors import StorageFailed
from darkroom.media import Media


def picture(name: str) -> Media:
    digest = hashlib.sha256(name.encode()).hexdigest()
    return Media(f"media_{name}", "local", digest, "image/png", 1234, "generated", created=1000)


@pytest.fixture
async def replicas(tmp_path: Path) -> AsyncIterator[tuple[Database, Database]]:
    """Two processes' worth of one database, both of which have looked into it already."""
    url = f"sqlite:{tmp_path}/darkroom.db"
    one, two = await Database.open(url), await Database.open(url)
    assert await two.media_by_id("media_none") is None
    yield one, two
    await one.close()
    await two.close()


async def test_what_another_process_stores_and_deletes_is_seen_at_once(replicas: tuple[Database, Database]) -> None:
    one, two = replicas
    for name in map(str, range(20)):
        media = picture(name)
        await one.add_media(media, 1000)
        assert await two.media_by_id(media.id) == media
        await one.delete_media("local", media.id, 2000)
        assert await two.media_by_id(media.id) is None


async def test_a_row_is_found_while_somebody_writes(replicas: tuple[Database, Database], tmp_path: Path) -> None:
    one, two = replicas
    await one.add_media(picture("a"), 1000)
    other = sqlite3.connect(tmp_path / "darkroom.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("UPDATE media SET filename = 'other'")
    try:
        assert await two.media_by_id("media_a") == picture("a")
    finally:
        other.execute("ROLLBACK")
        other.close()


async def test_where_a_lock_stands_in_the_way_the_other_connection_is_asked(
    replicas: tuple[Database, Database], tmp_path: Path
) -> None:
    """A lock that shuts readers out is rare with a write-ahead log; here it is on a file of its own."""
    one, _ = replicas
    await one.add_media(picture("a"), 1000)
    locked = sqlite3.connect(tmp_path / "locked.db", isolation_level=None)
    locked.execute("CREATE TABLE media (id TEXT)")
    locked.execute("BEGIN EXCLUSIVE")
    backend: Any = one._backend
    backend._glancer.close()
    backend._glancer = sqlite3.connect(tmp_path / "locked.db", timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        backend._glancer.execute("SELECT id FROM media")
    assert await one.media_by_id("media_a") == picture("a")
    locked.close()


async def test_a_closed_database_says_so(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite:{tmp_path}/darkroom.db")
    await database.close()
    with pytest.raises(StorageFailed):
        await database.media_by_id("media_a")
