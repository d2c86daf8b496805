"""The sweep: what is left over goes, what is referenced stays, what can't be mended is said."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, nullcontext
from pathlib import Path

import pytest

from darkroom.clock import now
from darkroom.database import Database
from darkroom.gateway import _sweep_once
from darkroom.media import Media
from darkroom.storage import Storage
from darkroom.sweep import Sweeper
from doors import Door, command, running, stored

HOUR_MS = 3_600_000


@pytest.fixture
async def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    """A gateway that leaves the sweeping to the test: its own first sweep would take from the counts."""
    monkeypatch.setattr("darkroom.gateway._sweeping", nullcontext)
    async with running(tmp_path) as door:
        yield door


def plant(root: Path, data: bytes, *, age_ms: int = 0) -> str:
    """Put a blob into the store without a row, as a crash between the two does."""
    sha256 = hashlib.sha256(data).hexdigest()
    path = root / "media" / "blobs" / sha256[:2] / sha256
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    grow_old(path, age_ms)
    return sha256


def plant_part(root: Path, name: str, *, age_ms: int = 0) -> None:
    """Leave a temporary file, as a crash while bytes arrive does."""
    path = root / "media" / "tmp" / f"{name}.part"
    path.write_bytes(b"half a picture")
    grow_old(path, age_ms)


def grow_old(path: Path, age_ms: int) -> None:
    seconds = (now() - age_ms) / 1000
    os.utime(path, (seconds, seconds))


def blob_of(root: Path, id: str) -> Path:
    sha256 = stored(root).media[id]
    return root / "media" / "blobs" / sha256[:2] / sha256


async def test_what_is_left_over_goes_and_what_is_referenced_stays(door: Door) -> None:
    media = await door.picture()
    planted = plant(door.root, b"bytes without a row")
    plant_part(door.root, "left")
    thumbnail = door.root / "media" / "thumbs" / planted / "64.webp"
    thumbnail.parent.mkdir(parents=True)
    thumbnail.write_bytes(b"small")

    ended = await command(door.root, "media", "sweep", "--grace", "0")
    assert (ended.code, ended.err) == (0, "")
    assert "spools: 1" in ended.out
    assert "orphans: 1" in ended.out
    assert f"bytes: {len(b'bytes without a row')}" in ended.out
    assert "missing: []" in ended.out
    on_disk = stored(door.root)
    assert on_disk.parts == ()
    assert set(on_disk.blobs) == {on_disk.media[media["id"]]}
    assert not thumbnail.exists()
    assert (await door.get(media["url"])).status == 200


async def test_a_dry_run_only_counts(door: Door) -> None:
    planted = plant(door.root, b"bytes without a row")
    plant_part(door.root, "left")
    ended = await command(door.root, "media", "sweep", "--grace", "0", "--dry-run")
    assert ended.code == 0
    assert "orphans: 1" in ended.out
    assert "spools: 1" in ended.out
    assert planted in stored(door.root).blobs
    assert stored(door.root).parts


async def test_what_is_young_is_spared(door: Door) -> None:
    young, old = plant(door.root, b"young"), plant(door.root, b"old", age_ms=2 * HOUR_MS)
    plant_part(door.root, "young")
    plant_part(door.root, "old", age_ms=2 * HOUR_MS)
    swept = await door.gateway.sweeper.sweep(grace_ms=HOUR_MS)
    assert (swept.orphans, swept.spools) == (1, 1)
    on_disk = stored(door.root)
    assert set(on_disk.blobs) == {young}
    assert old not in on_disk.blobs
    assert on_disk.parts == ("young.part",)
    ended = await command(door.root, "media", "sweep")
    assert "orphans: 0" in ended.out
    assert young in stored(door.root).blobs


async def test_what_a_deletion_left_goes_in_one_sweep(door: Door) -> None:
    """A crash between the row and the bytes."""
    gone, kept = await door.picture("a red boat"), await door.picture("a blue boat")
    path = blob_of(door.root, gone["id"])
    size = path.stat().st_size
    await door.gateway.database.delete_media("local", gone["id"], now())
    assert path.exists()
    swept = await door.gateway.sweeper.sweep(grace_ms=0)
    assert (swept.unreferenced, swept.bytes) == (1, size)
    assert not path.exists()
    on_disk = stored(door.root)
    assert set(on_disk.media) == {kept["id"]}
    assert on_disk.rows == set(on_disk.blobs) == {on_disk.media[kept["id"]]}


async def test_bytes_that_come_back_after_their_deletion_stay(door: Door) -> None:
    first = await door.picture("a red boat")
    await door.send("DELETE", f"/v1/media/{first['id']}")
    second = await door.picture("a red boat")
    await door.gateway.sweeper.sweep(grace_ms=0)
    answer = await door.get(second["url"])
    assert (answer.status, answer.sha256) == (200, stored(door.root).media[second["id"]])


async def test_a_row_without_bytes_is_named_and_fails_the_command(door: Door) -> None:
    media = await door.picture()
    path = blob_of(door.root, media["id"])
    path.unlink()
    ended = await command(door.root, "media", "sweep")
    assert ended.code == 1
    assert path.name in ended.out
    assert "Traceback" not in ended.err
    assert (await door.get(media["url"])).status == 404


async def test_a_sweep_of_nothing(tmp_path: Path) -> None:
    ended = await command(tmp_path, "media", "sweep", "--grace", "0")
    assert ended.code == 0
    assert "orphans: 0" in ended.out


async def test_a_grace_below_nothing_is_refused(tmp_path: Path) -> None:
    ended = await command(tmp_path, "media", "sweep", "--grace", "-1")
    assert ended.code == 2
    assert "--grace" in ended.err


async def test_an_unchecked_sweep_asks_for_no_blob(door: Door) -> None:
    media = await door.picture()
    path = blob_of(door.root, media["id"])
    path.unlink()
    assert (await door.gateway.sweeper.sweep()).missing == [path.name]
    assert (await door.gateway.sweeper.sweep(check=False)).missing == []


@pytest.mark.parametrize(("url", "said"), [("file:{root}/media", 1), ("memory:", 0)])
async def test_the_hourly_sweep_checks_a_disk_and_no_bucket(
    tmp_path: Path, url: str, said: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with AsyncExitStack() as stack:
        database = await Database.open("sqlite::memory:")
        stack.push_async_callback(database.close)
        storage = await Storage.open(url.format(root=tmp_path))
        stack.push_async_callback(storage.close)
        await database.add_media(Media("media_1", "local", "0" * 64, "image/png", 5, "uploaded", now()), now())
        await _sweep_once(Sweeper(database, storage))
    assert [record.levelname for record in caplog.records] == ["ERROR"] * said
