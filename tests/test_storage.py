"""One conformance suite for every kind of store, and what a crash leaves on a disk."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from darkroom.clock import now
from darkroom.errors import ConfigInvalid, NotFound, StorageFailed
from darkroom.spool import Spool
from darkroom.storage import CHUNK, FileStorage, ObjectStorage, Storage
from s3 import S3, running_s3

ABSENT = "0" * 64
KINDS = ["file", "memory", "s3"]
SIZES = [0, 1, 1000, 256 * 1024 + 1, 6 * 1024 * 1024 + 5]


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with running_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server


async def opened(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Storage:
    if kind == "s3":
        server: S3 = request.getfixturevalue("s3")
        return await Storage.open(f"{server.url}/{tmp_path.name}", server.options())
    return await Storage.open(f"file:{tmp_path}/media" if kind == "file" else "memory:")


@pytest.fixture(params=KINDS)
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    opening = await opened(request.param, tmp_path, request)
    yield opening
    await opening.close()


def bytes_of(size: int, seed: str = "") -> bytes:
    return hashlib.shake_128(f"{seed}{size}".encode()).digest(size)


def spooled(storage: Storage, data: bytes) -> tuple[Spool, str]:
    spool = storage.spools.new()
    spool.write(data)
    return spool, hashlib.sha256(data).hexdigest()


async def keep(storage: Storage, data: bytes) -> str:
    spool, sha256 = spooled(storage, data)
    await storage.put(spool, sha256, len(data))
    spool.discard()
    return sha256


async def read(storage: Storage, sha256: str, start: int = 0, stop: int | None = None) -> bytes:
    return b"".join([piece async for piece in await storage.read(sha256, start, stop)])


async def listed(storage: Storage) -> dict[str, tuple[int, int]]:
    return {sha256: (size, modified) async for sha256, size, modified in storage.list_blobs()}


# The conformance suite


@pytest.mark.parametrize("size", SIZES)
async def test_what_is_put_is_read(storage: Storage, size: int) -> None:
    data = bytes_of(size)
    sha256 = await keep(storage, data)
    assert await read(storage, sha256) == data
    assert await storage.head(sha256) == size


async def test_ranges_are_read(storage: Storage) -> None:
    size = 2 * CHUNK + 100
    data = bytes_of(size)
    sha256 = await keep(storage, data)
    for start, stop in [
        (0, 1),
        (1, 2),
        (CHUNK - 1, CHUNK + 1),
        (size - 1, size),
        (0, size),
        (5, None),
        (0, None),
    ]:
        assert await read(storage, sha256, start, stop) == data[start:stop]
    for start, stop in [(0, 0), (7, 7), (size, size), (size, None), (size + 5, size + 9)]:
        assert await read(storage, sha256, start, stop) == b""
    assert await read(storage, sha256, size - 3, size + 50) == data[-3:]


async def test_pieces_are_of_moderate_size(storage: Storage) -> None:
    sha256 = await keep(storage, bytes_of(5 * CHUNK))
    pieces = [len(piece) async for piece in await storage.read(sha256)]
    assert max(pieces) <= CHUNK
    assert sum(pieces) == 5 * CHUNK


async def test_a_read_may_be_left_early(storage: Storage) -> None:
    sha256 = await keep(storage, bytes_of(3 * CHUNK))
    stream = await storage.read(sha256)
    assert await anext(stream) == bytes_of(3 * CHUNK)[:CHUNK]
    del stream
    unread = await storage.read(sha256)
    del unread
    assert await storage.delete(sha256)


@pytest.mark.parametrize(("start", "stop"), [(0, None), (0, 5), (3, 3), (3, None)])
async def test_what_is_absent_is_said_before_the_first_piece(storage: Storage, start: int, stop: int | None) -> None:
    with pytest.raises(NotFound):
        await storage.read(ABSENT, start, stop)
    assert await storage.head(ABSENT) is None
    assert await storage.delete(ABSENT)


@pytest.mark.parametrize(
    "name", ["", "..", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 65, "0" * 64 + "\n", "0" * 60 + "/../"]
)
async def test_only_a_hash_is_a_name(storage: Storage, name: str) -> None:
    spool = storage.spools.new()
    for attempt in (
        storage.read(name),
        storage.head(name),
        storage.delete(name),
        storage.put(spool, name, 0),
    ):
        with pytest.raises(NotFound):
            await attempt


async def test_the_same_bytes_are_put_again_and_at_once(storage: Storage) -> None:
    data = bytes_of(300_000)
    shas = await asyncio.gather(*(keep(storage, data) for _ in range(8)))
    assert len(set(shas)) == 1
    assert await read(storage, shas[0]) == data
    assert {sha: size for sha, (size, _) in (await listed(storage)).items()} == {shas[0]: len(data)}


async def test_blobs_are_listed_with_their_age(storage: Storage) -> None:
    assert await listed(storage) == {}
    before = now()
    small, large = await keep(storage, bytes_of(10)), await keep(storage, bytes_of(400_000))
    await storage.put_extra(f"thumbs/{small}/64.webp", b"thumb")
    found = await listed(storage)
    assert {sha: size for sha, (size, _) in found.items()} == {small: 10, large: 400_000}
    # Buckets count in whole seconds.
    assert all(before - 2000 <= modified <= now() + 2000 for _, modified in found.values())


async def test_what_is_deleted_is_gone(storage: Storage) -> None:
    sha256, other = await keep(storage, bytes_of(10)), await keep(storage, bytes_of(11))
    assert await storage.delete(sha256)
    assert await storage.delete(sha256)
    assert await storage.head(sha256) is None
    assert set(await listed(storage)) == {other}
    assert await read(storage, await keep(storage, bytes_of(10))) == bytes_of(10)


async def test_a_young_blob_survives_a_sweep(storage: Storage) -> None:
    sha256 = await keep(storage, bytes_of(10))
    assert not await storage.delete(sha256, modified_before=now() - 60_000)
    assert await storage.head(sha256) == 10
    assert await storage.delete(sha256, modified_before=now() + 60_000)
    assert await storage.head(sha256) is None


async def test_a_short_spool_is_not_kept(storage: Storage) -> None:
    spool, sha256 = spooled(storage, bytes_of(10))
    with pytest.raises(StorageFailed, match="10 bytes"):
        await storage.put(spool, sha256, 11)
    assert await storage.head(sha256) is None


async def test_a_spool_can_be_read_after_its_put(storage: Storage) -> None:
    data = bytes_of(500_000)
    spool, sha256 = spooled(storage, data)
    await storage.put(spool, sha256, len(data))
    assert b"".join(spool.chunks()) == data
    with pytest.raises(ValueError, match="takes no more"):
        spool.write(b"would change the blob")
    spool.discard()
    assert await read(storage, sha256) == data


async def test_derived_things_are_kept_replaced_and_removed(storage: Storage) -> None:
    key = f"thumbs/{ABSENT}/64.webp"
    assert await storage.get_extra(key) is None
    await storage.put_extra(key, b"first")
    await storage.put_extra(key, b"second")
    await storage.put_extra(f"thumbs/{'1' * 64}/64.webp", b"other")
    assert await storage.get_extra(key) == b"second"
    await storage.delete_extra_prefix(f"thumbs/{ABSENT}")
    await storage.delete_extra_prefix(f"thumbs/{ABSENT}")
    assert await storage.get_extra(key) is None
    assert await storage.get_extra(f"thumbs/{'1' * 64}/64.webp") == b"other"


@pytest.mark.parametrize("key", ["", "..", "thumbs/../x", "/etc/passwd", "blobs/00/" + ABSENT, "tmp/x", "a//b", "a\n"])
async def test_derived_things_stay_in_their_place(storage: Storage, key: str) -> None:
    for attempt in (storage.put_extra(key, b"x"), storage.get_extra(key), storage.delete_extra_prefix(key)):
        with pytest.raises(NotFound):
            await attempt


async def test_nothing_temporary_is_left(storage: Storage) -> None:
    for size in SIZES:
        await keep(storage, bytes_of(size))
    await storage.put_extra("thumbs/x", b"x")
    directory = storage.spools.directory
    assert not directory.exists() or list(directory.iterdir()) == []


# Opening


@pytest.mark.parametrize(
    "url", ["", "ftp://host/x", "file:", "file://host/x", "s3://", "media", "https://example.com/x"]
)
async def test_a_meaningless_url_is_a_wrong_configuration(url: str) -> None:
    with pytest.raises(ConfigInvalid):
        await Storage.open(url)


@pytest.mark.parametrize("name", ["aws_nonsense", "nonsense", "bucket"])
async def test_a_meaningless_option_is_a_wrong_configuration(name: str) -> None:
    with pytest.raises(ConfigInvalid):
        await Storage.open("s3://bucket/x", {name: "top secret"})


async def test_file_urls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for url, directory in [
        ("file:./one", "one"),
        ("file:two", "two"),
        (f"file://{tmp_path}/three", "three"),
        (f"file:{tmp_path}/four", "four"),
        (f"file://localhost{tmp_path}/fi%20ve", "fi ve"),
    ]:
        storage = await Storage.open(url)
        await keep(storage, b"bytes")
        assert (tmp_path / directory / "blobs").is_dir()


async def test_a_directory_that_cannot_be_made_is_a_failed_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageFailed):
        await Storage.open(f"file:{tmp_path}/file")


async def test_a_wrong_key_is_a_failed_store_and_tells_no_secret(s3: S3) -> None:
    storage = await Storage.open(s3.url, s3.options(secret="a wrong secret"))
    spool, sha256 = spooled(storage, b"bytes")
    with pytest.raises(StorageFailed) as failure:
        await storage.put(spool, sha256, 5)
    assert "wrong secret" not in failure.value.message
    await storage.close()


async def test_a_bucket_is_configured_by_the_environment(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.options().items():
        monkeypatch.setenv(name, value)
    storage = await Storage.open(f"{s3.url}/environment")
    assert await read(storage, await keep(storage, b"bytes")) == b"bytes"
    await storage.close()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory for temporary files of this test alone."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


async def test_the_spools_of_all_buckets_of_a_user_lie_in_one_private_directory(temporary: Path) -> None:
    first, second = await Storage.open("memory:"), await Storage.open("memory:")
    spool, _ = spooled(first, bytes_of(400_000))
    assert first.spools.directory == second.spools.directory == temporary / f"darkroom-spools-{os.getuid()}"
    assert first.spools.directory.stat().st_mode & 0o777 == 0o700
    await second.close()
    await second.close()
    assert b"".join(spool.chunks()) == bytes_of(400_000)
    await first.close()
    assert os.listdir(temporary) == [first.spools.directory.name]


async def test_what_a_killed_process_left_for_its_bucket_is_swept_by_the_next(temporary: Path) -> None:
    assert crash(BUCKET_CRASH, str(temporary)) == -signal.SIGKILL
    storage = await Storage.open("memory:")
    assert [path.suffix for path in storage.spools.directory.iterdir()] == [".part"]
    assert storage.spools.sweep(60_000, now() + 61_000) == 1
    assert os.listdir(storage.spools.directory) == []
    await storage.close()


@pytest.mark.parametrize("trap", ["link", "file", "open"])
async def test_a_spool_directory_that_others_could_reach_into_is_not_used(temporary: Path, trap: str) -> None:
    path, elsewhere = temporary / f"darkroom-spools-{os.getuid()}", temporary / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    if trap == "link":
        path.symlink_to(elsewhere)
    elif trap == "file":
        path.write_text("in the way")
    else:
        path.mkdir()
        path.chmod(0o777)
    storage = await Storage.open("memory:")
    spool, _ = spooled(storage, bytes_of(400_000))
    assert spool.path is not None
    own = spool.path.parent
    assert own not in {path, elsewhere}
    assert own.stat().st_mode & 0o777 == 0o700
    assert list(elsewhere.iterdir()) == []
    await storage.close()
    await storage.close()
    assert not own.exists()


BUCKET_CRASH = """
import asyncio, os, signal, sys, tempfile
from darkroom.storage import Storage
tempfile.tempdir = sys.argv[1]
async def main():
    storage = await Storage.open("memory:")
    spool = storage.spools.new()
    spool.write(b"x" * 400_000)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


# A bucket


@pytest.mark.parametrize(("grace_ms", "rewritten"), [(0, True), (3_600_000, False)])
async def test_a_put_writes_an_old_object_again_to_make_it_young(grace_ms: int, rewritten: bool) -> None:
    store = MemoryStore()
    storage = ObjectStorage(store, grace_ms)
    sha256 = await keep(storage, b"bytes")
    store.put(f"blobs/{sha256[:2]}/{sha256}", b"BYTES")
    await keep(storage, b"bytes")
    assert await read(storage, sha256) == (b"bytes" if rewritten else b"BYTES")
    await storage.close()


async def test_a_damaged_object_is_mended_by_the_next_put() -> None:
    store = MemoryStore()
    storage = ObjectStorage(store)
    sha256 = await keep(storage, b"bytes")
    store.put(f"blobs/{sha256[:2]}/{sha256}", b"cut")
    await keep(storage, b"bytes")
    assert await read(storage, sha256) == b"bytes"
    await storage.close()


# The disk


@pytest.fixture
async def disk(tmp_path: Path) -> FileStorage:
    storage = await Storage.open(f"file:{tmp_path}")
    assert isinstance(storage, FileStorage)
    return storage


@pytest.mark.parametrize("size", [10, 400_000])
async def test_a_blob_is_private_to_this_user(disk: FileStorage, size: int) -> None:
    path = disk.local_path(await keep(disk, bytes_of(size)))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_nlink == 1


async def test_a_put_makes_an_old_blob_young(disk: FileStorage) -> None:
    sha256 = await keep(disk, bytes_of(10))
    os.utime(disk.local_path(sha256), (1, 1))
    assert (await listed(disk))[sha256] == (10, 1000)
    before = now()
    await keep(disk, bytes_of(10))
    assert not await disk.delete(sha256, modified_before=before)


async def test_a_damaged_blob_is_mended_by_the_next_put(disk: FileStorage) -> None:
    for size in (10, 400_000):
        sha256 = await keep(disk, bytes_of(size))
        disk.local_path(sha256).write_bytes(b"cut")
        await keep(disk, bytes_of(size))
        assert await read(disk, sha256) == bytes_of(size)
    assert list(disk.spools.directory.iterdir()) == []


async def test_strangers_files_are_not_listed(disk: FileStorage, tmp_path: Path) -> None:
    sha256 = await keep(disk, bytes_of(10))
    (tmp_path / "blobs" / "README").write_text("hello")
    (disk.local_path(sha256).parent / "note.txt").write_text("hello")
    assert set(await listed(disk)) == {sha256}


async def test_puts_and_sweeps_at_once_lose_nothing(disk: FileStorage) -> None:
    """A put that has returned is never undone by a sweep that judged the blob by its age before."""
    data = bytes_of(1000)
    sha256 = await keep(disk, data)
    for _ in range(50):
        os.utime(disk.local_path(sha256), (1, 1))
        await asyncio.gather(keep(disk, data), disk.delete(sha256, modified_before=now() - 60_000))
        assert await disk.head(sha256) == len(data)


CRASH = """
import asyncio, hashlib, os, signal, sys
from darkroom.storage import Storage

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    storage = await Storage.open("file:" + sys.argv[1])
    spool = storage.spools.new()
    data = b"x" * int(sys.argv[2])
    spool.write(data)
    setattr(os, sys.argv[3], die)
    await storage.put(spool, hashlib.sha256(data).hexdigest(), len(data))

asyncio.run(main())
"""


def crash(script: str, *arguments: str) -> int:
    return subprocess.run([sys.executable, "-c", script, *arguments], check=False).returncode


@pytest.mark.parametrize("size", [10, 400_000])
@pytest.mark.parametrize("moment", ["fsync", "link"])
async def test_a_crash_before_the_link_leaves_a_temporary_file_alone(
    disk: FileStorage, tmp_path: Path, size: int, moment: str
) -> None:
    assert crash(CRASH, str(tmp_path), str(size), moment) == -signal.SIGKILL
    assert await listed(disk) == {}
    assert [path.suffix for path in disk.spools.directory.iterdir()] == [".part"]
    assert disk.spools.sweep(60_000, now()) == 0
    assert disk.spools.sweep(60_000, now() + 61_000) == 1
    assert list(disk.spools.directory.iterdir()) == []


async def test_a_crash_after_the_link_leaves_the_blob_and_a_second_name(disk: FileStorage, tmp_path: Path) -> None:
    script = CRASH.replace("setattr(os, sys.argv[3], die)", "link = os.link; os.link = lambda *a: (link(*a), die())")
    assert crash(script, str(tmp_path), "400000", "-") == -signal.SIGKILL
    data = b"x" * 400_000
    sha256 = hashlib.sha256(data).hexdigest()
    assert await read(disk, sha256) == data
    assert disk.spools.sweep(60_000, now() + 61_000) == 1
    assert await read(disk, sha256) == data
    assert await keep(disk, data) == sha256
