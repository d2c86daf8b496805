"""Spools: bytes that wait."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darkroom.clock import new_id, nonce, now
from darkroom.errors import StorageFailed
from darkroom.ids import is_typeid, millis_of
from darkroom.spool import CHUNK, MEMORY_LIMIT, Spools


def test_few_bytes_stay_in_memory(tmp_path: Path) -> None:
    spool = Spools(tmp_path / "tmp").new()
    spool.write(b"a" * MEMORY_LIMIT)
    assert spool.path is None
    assert spool.size == MEMORY_LIMIT
    assert b"".join(spool.chunks()) == b"a" * MEMORY_LIMIT
    assert not (tmp_path / "tmp").exists()


def test_many_bytes_go_to_a_private_file(tmp_path: Path) -> None:
    spool = Spools(tmp_path / "tmp").new()
    data = os.urandom(MEMORY_LIMIT + 1)
    spool.write(data[:1000])
    spool.write(bytearray(data[1000:]))
    assert spool.path is not None
    assert spool.path.stat().st_mode & 0o777 == 0o600
    assert spool.path.suffix == ".part"
    assert b"".join(spool.chunks()) == data
    spool.discard()
    assert list((tmp_path / "tmp").iterdir()) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.binary(max_size=50)), limit=st.integers(0, 200))
def test_what_is_written_is_read_however_it_was_cut(tmp_path: Path, pieces: list[bytes], limit: int) -> None:
    spool = Spools(tmp_path, limit).new()
    for piece in pieces:
        spool.write(memoryview(piece))
    whole = b"".join(pieces)
    assert b"".join(spool.chunks()) == whole
    spool.write(b"more")
    assert b"".join(spool.chunks()) == whole + b"more"
    assert spool.size == len(whole) + 4
    assert (spool.path is None) is (spool.size <= limit)
    spool.discard()


def test_chunks_are_whole_quanta_of_base64(tmp_path: Path) -> None:
    spool = Spools(tmp_path).new()
    spool.write(b"x" * (3 * CHUNK + 7))
    sizes = [len(chunk) for chunk in spool.chunks()]
    assert sizes == [CHUNK, CHUNK, CHUNK, 7]
    assert CHUNK % 3 == 0


def test_discard_is_idempotent_and_final(tmp_path: Path) -> None:
    spool = Spools(tmp_path, 0).new()
    spool.write(b"bytes")
    spool.discard()
    spool.discard()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="takes no more"):
        spool.write(b"more")


def test_a_sealed_spool_can_be_read_but_not_written(tmp_path: Path) -> None:
    spool = Spools(tmp_path, 0).new()
    spool.write(b"bytes")
    spool.seal()
    assert open_files(tmp_path) == 0
    assert b"".join(spool.chunks()) == b"bytes"
    with pytest.raises(ValueError, match="takes no more"):
        spool.write(b"more")


def open_files(directory: Path) -> int:
    """Return how many files of a directory this process holds open."""
    links = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    return sum(os.readlink(link).startswith(str(directory)) for link in links if os.path.islink(link))


def test_a_spool_that_rests_holds_no_file_open_and_goes_on(tmp_path: Path) -> None:
    spools = Spools(tmp_path, 0)
    many = [spools.new() for _ in range(50)]
    for turn in (b"first", b"second"):
        for spool in many:
            spool.write(turn)
            spool.rest()
            spool.rest()
        assert open_files(tmp_path) == 0
    assert {b"".join(spool.chunks()) for spool in many} == {b"firstsecond"}
    assert {spool.size for spool in many} == {11}
    assert len(list(tmp_path.iterdir())) == 50


def test_a_spool_in_memory_may_rest_too(tmp_path: Path) -> None:
    spool = Spools(tmp_path).new()
    spool.write(b"few ")
    spool.rest()
    spool.write(b"bytes")
    assert spool.path is None
    assert b"".join(spool.chunks()) == b"few bytes"


def test_a_rested_spool_whose_file_is_gone_does_not_begin_again(tmp_path: Path) -> None:
    spool = Spools(tmp_path, 0).new()
    spool.write(b"the start")
    spool.rest()
    assert spool.path is not None
    spool.path.unlink()
    with pytest.raises(StorageFailed):
        spool.write(b"the end")


def test_all_spools_share_a_budget_of_memory(tmp_path: Path) -> None:
    spools = Spools(tmp_path, 100, memory_budget=250)
    first, second, third = (spools.new() for _ in range(3))
    first.write(b"a" * 100)
    second.write(b"b" * 100)
    third.write(b"c" * 50)
    assert [spool.path for spool in (first, second, third)] == [None] * 3
    assert spools.budget.left == 0
    third.write(b"c")
    assert third.path is not None
    assert b"".join(third.chunks()) == b"c" * 51
    assert spools.budget.left == 50
    first.discard()
    first.discard()
    assert spools.budget.left == 150
    second.write(b"b")
    assert second.path is not None
    assert spools.budget.left == 250


def test_what_nobody_holds_is_given_back(tmp_path: Path) -> None:
    spools = Spools(tmp_path, 100, memory_budget=100)
    for _ in range(10):
        spool = spools.new()
        spool.write(b"a" * 100)
        assert spool.path is None
        del spool
    assert spools.budget.left == 100


def test_a_spool_that_nobody_holds_leaves_nothing(tmp_path: Path) -> None:
    spool = Spools(tmp_path, 0).new()
    spool.write(b"bytes")
    assert len(list(tmp_path.iterdir())) == 1
    del spool
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fails_is_said_to_fail(tmp_path: Path) -> None:
    blocker = tmp_path / "tmp"
    blocker.write_text("not a directory")
    with pytest.raises(StorageFailed):
        Spools(blocker, 0).new().write(b"bytes")


def test_the_sweep_takes_abandoned_files_alone(tmp_path: Path) -> None:
    spools = Spools(tmp_path)
    old, young, foreign = tmp_path / "a.part", tmp_path / "b.part", tmp_path / "c.txt"
    for path in (old, young, foreign):
        path.write_bytes(b"bytes")
    os.utime(old, (1, 1))
    os.utime(foreign, (1, 1))
    written = int(young.stat().st_mtime * 1000)
    assert spools.sweep(60_000, written + 59_000) == 1
    assert sorted(tmp_path.iterdir()) == [young, foreign]
    assert spools.sweep(60_000, written + 61_000) == 1
    assert Spools(tmp_path / "nowhere").sweep(0, now()) == 0


def test_the_clock_makes_ids_of_its_time() -> None:
    before = now()
    made = new_id("media")
    assert is_typeid(made, "media")
    assert before <= millis_of(made) <= now()
    assert len({nonce() for _ in range(100)}) == 100
    assert len(nonce()) == 12
