"""The database: one suite on a SQLite file, on SQLite memory and on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import re
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from darkroom.database import BlobRow, Database, KeyRow, schema
from darkroom.errors import ConfigInvalid, NotFound, StorageFailed
from darkroom.generation import Generation, Input
from darkroom.media import Media
from postgres import Postgres, running_postgres

OTHER = "someone else"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["file", "memory", "postgres"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    match request.param:
        case "file":
            return f"sqlite:{tmp_path}/new/directory/darkroom.db"
        case "memory":
            return "sqlite::memory:"
    server: Postgres = request.getfixturevalue("postgres")
    return await server.fresh()


@pytest.fixture(params=["file", "postgres"])
async def lasting_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file":
        return f"sqlite:{tmp_path}/new/directory/darkroom.db"
    server: Postgres = request.getfixturevalue("postgres")
    return await server.fresh()


@pytest.fixture
async def db(url: str) -> AsyncIterator[Database]:
    database = await Database.open(url)
    yield database
    await database.close()


def sha(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def picture(name: str = "a", **fields: Any) -> Media:
    media = Media(f"media_{name}", "local", sha(name), "image/png", 1234, "generated", created=1000)
    return replace(media, **fields)


def making(name: str = "a", **fields: Any) -> Generation:
    generation = Generation(f"gen_{name}", "local", "running", "relay", "gpt-4o-image-vip", "a cat", created=1000)
    return replace(generation, **fields)


async def kept(db: Database, generation: Generation, *outputs: Media) -> Generation:
    """Record a generation and its outputs; return it as it should come back."""
    await db.add_generation(generation)
    placed = tuple(
        replace(media, generation=generation.id, position=position) for position, media in enumerate(outputs)
    )
    for media in placed:
        await db.add_media(media, 1000)
    return replace(generation, outputs=placed)


# Keys


async def test_a_key_is_found_by_its_digest_until_it_is_revoked(db: Database) -> None:
    assert not await db.has_keys()
    await db.add_key("key_1", "anna's laptop", sha("secret 1"), 5)
    await db.add_key("key_2", "phone", sha("secret 2"), 6, "parts")
    assert await db.output_of_key(sha("secret 1")) is None
    assert await db.output_of_key(sha("secret 2")) == "parts"
    assert await db.has_keys()
    assert await db.owner_of_key(sha("secret 1")) == "anna's laptop"
    assert await db.owner_of_key(sha("secret 3")) is None

    assert await db.revoke_key("key_1", 7)
    assert not await db.revoke_key("key_1", 8)
    assert not await db.revoke_key("key_9", 8)
    assert await db.owner_of_key(sha("secret 1")) is None
    assert await db.owner_of_key(sha("secret 2")) == "phone"
    assert await db.list_keys() == [KeyRow("key_1", "anna's laptop", 5, 7), KeyRow("key_2", "phone", 6, None)]

    # Once keyed, always keyed: revoking the last key opens nothing.
    assert await db.revoke_key("key_2", 9)
    assert await db.has_keys()


async def test_a_digest_belongs_to_one_key(db: Database) -> None:
    await db.add_key("key_1", "local", sha("secret"), 5)
    with pytest.raises(StorageFailed):
        await db.add_key("key_2", "local", sha("secret"), 5)


# Generations


async def test_a_generation_comes_back_as_it_was_given(db: Database) -> None:
    await db.add_media(picture("source", origin="uploaded", filename="猫.png"), 900)
    given = making(
        status="completed",
        prompt="把猫变成蓝色 🐈 'quoted' \"twice\" :name $1 %s",
        params={"size": "1024x1024", "n": 2, "deep": {"list": [1, 2.5, None, True], "空": "\x00"}},
        inputs=(
            Input("edited", "media_source"),
            Input("reference", generation="gen_elsewhere"),
            Input("mask", "media_source", "gen_elsewhere"),
        ),
        upstream_ids={"task_id": "task_1", "gen_id": "gen_01jqwte8yjf7haxqc521b7z2wf"},
        replay={"message": {"role": "assistant", "images": [{"media": "media_one"}]}},
        progress=100,
        finished=2_000_000_000_000,
        error={"error": {"message": "oops", "code": None}},
    )
    expected = await kept(db, given, picture("one"), picture("two", width=1408, height=768, mime="video/mp4"))
    assert await db.generation("local", "gen_a") == expected


async def test_the_smallest_generation_comes_back_as_it_was_given(db: Database) -> None:
    await db.add_generation(making())
    assert await db.generation("local", "gen_a") == making()


async def test_outputs_are_ordered_by_position(db: Database) -> None:
    await db.add_generation(making())
    for position in (2, 0, 1):
        await db.add_media(picture(str(position), generation="gen_a", position=position), 1)
    found = await db.generation("local", "gen_a")
    assert found is not None
    assert [media.id for media in found.outputs] == ["media_0", "media_1", "media_2"]


async def test_adding_a_generation_again_changes_nothing(db: Database) -> None:
    given = making(inputs=(Input("edited", generation="gen_0"),), upstream_ids={"task_id": "1"})
    await db.add_generation(given)
    await db.add_generation(replace(given, prompt="another", inputs=(Input("mask"),), upstream_ids={"x": "y"}))
    assert await db.generation("local", "gen_a") == given


async def test_finishing_writes_what_is_given_and_keeps_the_rest(db: Database) -> None:
    given = making(params={"n": 1}, replay={"text": "early"}, progress=40, upstream_ids={"task_id": "1", "x": "y"})
    await db.add_generation(given)
    await db.finish_generation("gen_a", status="completed", finished=2000)
    kept_all = replace(given, status="completed", finished=2000)
    assert await db.generation("local", "gen_a") == kept_all

    changes: dict[str, Any] = {
        "progress": 100,
        "error": {"code": "x"},
        "replay": {"text": "late"},
        "params": {"n": 2},
        "prompt": "a dog",
    }
    await db.finish_generation(
        "gen_a", status="failed", finished=3000, upstream_ids={"x": "z", "gen_id": "g"}, **changes
    )
    ids = {"task_id": "1", "x": "z", "gen_id": "g"}
    expected = replace(kept_all, status="failed", finished=3000, upstream_ids=ids, **changes)
    assert await db.generation("local", "gen_a") == expected


async def test_small_changes_of_a_generation(db: Database) -> None:
    await db.add_generation(making(inputs=(Input("edited", generation="gen_0"),)))
    await db.set_progress("gen_a", 37)
    await db.set_replay("gen_a", {"text": "![…](…)"})
    await db.set_upstream_ids("gen_a", {"task_id": "t"})
    await db.add_inputs("gen_a", [Input("reference", generation="gen_2"), Input("mask", generation="gen_1")])
    found = await db.generation("local", "gen_a")
    assert found == making(
        progress=37,
        replay={"text": "![…](…)"},
        upstream_ids={"task_id": "t"},
        inputs=(
            Input("edited", generation="gen_0"),
            Input("reference", generation="gen_2"),
            Input("mask", generation="gen_1"),
        ),
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda db: db.finish_generation("gen_no", status="failed", finished=1),
        lambda db: db.set_progress("gen_no", 1),
        lambda db: db.set_replay("gen_no", {}),
        lambda db: db.set_upstream_ids("gen_no", {"a": "b"}),
    ],
)
async def test_changing_an_unknown_generation_is_an_error(
    db: Database, change: Callable[[Database], Awaitable[None]]
) -> None:
    with pytest.raises(NotFound):
        await change(db)


async def test_the_newest_generation_is_found_by_what_the_upstream_called_it(db: Database) -> None:
    for name, created in (("old", 1), ("new", 3), ("middle", 2)):
        await db.add_generation(making(name, created=created, upstream_ids={"gen_id": "g" * 9000}))
    await db.add_generation(making("other", created=9, upstream_ids={"task_id": "g" * 9000}))
    found = await db.generation_by_upstream_id("local", "gen_id", "g" * 9000)
    assert found is not None
    assert found.id == "gen_new"
    assert await db.generation_by_upstream_id("local", "gen_id", "h") is None


async def test_pages_of_generations_join_without_gap_or_repeat(db: Database) -> None:
    # Several in one millisecond, and ids that do not follow time.
    everything = [making(f"{number * 7 % 10}", created=number // 4) for number in range(10)]
    for generation in everything:
        await kept(db, generation, picture(generation.id))
        await db.add_generation(replace(generation, id=f"{generation.id}x", owner=OTHER))
    newest_first = [g.id for g in sorted(everything, key=lambda g: (g.created, g.id), reverse=True)]

    seen: list[str] = []
    for _ in range(5):
        page = await db.generations("local", limit=3, before=seen[-1] if seen else None)
        seen += [generation.id for generation in page]
        assert all(generation.outputs[0].id == f"media_{generation.id}" for generation in page)
    assert seen == newest_first
    assert await db.generations("local", limit=3, before="gen_unknown") == []
    assert await db.generations(OTHER, limit=3, before="gen_1") == []


async def test_what_a_crash_left_running_is_failed(db: Database) -> None:
    await db.add_generation(making("crashed", created=10))
    await db.add_generation(making("ended", created=10, status="completed"))
    await db.add_generation(making("begun since", created=20))
    assert await db.fail_running_generations(20, {"code": "interrupted"}) == 1
    assert await db.fail_running_generations(20, {"code": "interrupted"}) == 0
    crashed = making("crashed", created=10, status="failed", finished=20, error={"code": "interrupted"})
    assert await db.generation("local", "gen_crashed") == crashed
    found = await db.generations("local", limit=9)
    assert {g.id: g.status for g in found if g != crashed} == {
        "gen_ended": "completed",
        "gen_begun since": "running",
    }


# Media


async def test_media_comes_back_as_it_was_given(db: Database) -> None:
    await db.add_generation(making())
    given = picture(
        size=5_000_000_000,
        width=1408,
        height=768,
        filename="naïve 猫.png",
        source_url="https://cdn.example/" + "signature" * 1000,
        generation="gen_a",
        position=3,
    )
    await db.add_media(given, 7)
    await db.add_media(picture("plain"), 7)
    assert await db.media("local", "media_a") == given
    assert await db.media_by_id("media_a") == given
    assert await db.media_by_blob("local", given.blob) == given
    assert await db.media_by_source_url("local", str(given.source_url)) == given
    assert await db.media("local", "media_plain") == picture("plain")


async def test_bytes_are_known_as_what_was_generated_first_and_then_as_the_newest(db: Database) -> None:
    blob = sha("same")
    rows = (
        ("old", "uploaded", 1),
        ("new", "fetched", 9),
        ("made", "generated", 2),
        ("made_later", "generated", 3),
    )
    order = []
    for name, origin, created in rows:
        url = "https://cdn.example/a.png"
        await db.add_media(picture(name, blob=blob, origin=origin, created=created, source_url=url), 1)
        found = await db.media_by_blob("local", blob)
        order.append(found and found.id)
    assert order == ["media_old", "media_new", "media_made", "media_made_later"]
    found = await db.media_by_source_url("local", "https://cdn.example/a.png")
    assert found is not None
    assert found.id == "media_new"


async def test_pages_of_media(db: Database) -> None:
    for number in range(5):
        await db.add_media(picture(f"m{number}", created=number // 2), 1)
        await db.add_media(picture(f"o{number}", created=number // 2, owner=OTHER), 1)
    await db.delete_media("local", "media_m3", 5)
    page = await db.list_media("local", 2)
    assert [media.id for media in page] == ["media_m4", "media_m2"]
    page = await db.list_media("local", 9, before="media_m2")
    assert [media.id for media in page] == ["media_m1", "media_m0"]
    page = await db.list_media(None, 3)
    assert [media.id for media in page] == ["media_o4", "media_m4", "media_o3"]
    page = await db.list_media(None, 2, before="media_o3")
    assert [media.id for media in page] == ["media_o2", "media_m2"]
    assert await db.list_media("local", 9, before="media_o2") == []


async def test_deleted_media_is_gone_everywhere(db: Database) -> None:
    url = "https://cdn.example/a.png"
    await kept(db, making(), picture(source_url=url), picture("b"))
    assert not await db.delete_media(OTHER, "media_a", 5)
    assert await db.delete_media("local", "media_a", 5)
    assert not await db.delete_media("local", "media_a", 6)
    assert await db.media("local", "media_a") is None
    assert await db.media_by_id("media_a") is None
    assert await db.media_by_blob("local", sha("a")) is None
    assert await db.media_by_source_url("local", url) is None
    assert [media.id for media in await db.list_media("local", 9)] == ["media_b"]
    found = await db.generation("local", "gen_a")
    assert found is not None
    assert [media.id for media in found.outputs] == ["media_b"]


async def test_media_and_its_blob_are_one_transaction(db: Database) -> None:
    with pytest.raises(StorageFailed) as caught:
        await db.add_media(picture(generation="gen_unknown"), 1)
    assert await db.known_blobs([sha("a")]) == set()
    assert "gen_unknown" not in str(caught.value)
    assert "INSERT" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    await db.add_media(picture(), 1)


# Owners

GETTERS: list[Callable[[Database, str], Awaitable[Any]]] = [
    lambda db, owner: db.media(owner, "media_one"),
    lambda db, owner: db.media_by_blob(owner, sha("one")),
    lambda db, owner: db.media_by_source_url(owner, "https://cdn.example/one.png"),
    lambda db, owner: db.list_media(owner, 9),
    lambda db, owner: db.list_media(owner, 9, before="media_last"),
    lambda db, owner: db.generation(owner, "gen_root"),
    lambda db, owner: db.generation_by_upstream_id(owner, "task_id", "1"),
    lambda db, owner: db.generations(owner, limit=9),
    lambda db, owner: db.generations(owner, limit=9, before="gen_last"),
    lambda db, owner: db.lineage.above(owner, "gen_child", 9),
    lambda db, owner: db.lineage.below(owner, ["gen_root"], 9),
    lambda db, owner: db.lineage.beside(owner, "gen_child", 9),
    lambda db, owner: db.lineage.of_upload(owner, "media_one", 9),
    lambda db, owner: db.lineage.sketches(owner, ["gen_root"]),
    lambda db, owner: db.lineage.media(owner, ["media_one"]),
    lambda db, owner: db.delete_media(owner, "media_one", 5),
]


@pytest.mark.parametrize("get", GETTERS)
async def test_an_owner_sees_nothing_of_another(db: Database, get: Callable[[Database, str], Awaitable[Any]]) -> None:
    root = making("root", upstream_ids={"task_id": "1"})
    await kept(db, root, picture("one", source_url="https://cdn.example/one.png"))
    for name in ("child", "sibling"):
        await db.add_generation(making(name, inputs=(Input("edited", "media_one", "gen_root"),)))
    await kept(db, making("last", created=2000), picture("last", created=2000))
    assert not await get(db, OTHER)
    assert await get(db, "local")


async def test_another_owners_media_is_no_output(db: Database) -> None:
    await db.add_generation(making())
    await db.add_media(picture(owner=OTHER, generation="gen_a"), 1)
    found = await db.generation("local", "gen_a")
    assert found is not None
    assert found.outputs == ()


# Blobs


async def test_a_blob_is_forgotten_with_its_last_media(db: Database) -> None:
    await db.add_media(picture("one", blob=sha("x")), 1)
    await db.add_media(picture("two", blob=sha("x"), owner=OTHER), 2)
    assert await db.blobs(limit=9) == [BlobRow(sha("x"), 1234, 1)]
    await db.delete_media("local", "media_one", 5)
    assert await db.unreferenced_blobs() == {}
    assert not await db.forget_blob(sha("x"))

    await db.delete_media(OTHER, "media_two", 5)
    assert await db.unreferenced_blobs() == {sha("x"): 1234}
    assert await db.forget_blob(sha("x"))
    assert not await db.forget_blob(sha("x"))
    assert await db.unreferenced_blobs() == {}
    assert await db.blobs(limit=9) == []

    await db.add_media(picture("three", blob=sha("x")), 3)
    assert await db.blobs(limit=9) == [BlobRow(sha("x"), 1234, 3)]


async def test_rows_and_bytes_can_be_compared(db: Database) -> None:
    hashes = sorted(sha(str(number)) for number in range(5))
    for number, sha256 in enumerate(hashes):
        await db.add_media(picture(str(number), blob=sha256, owner=f"owner {number % 2}"), number)
    first = await db.blobs(limit=3)
    rest = await db.blobs(limit=3, after=first[-1].sha256)
    assert [blob.sha256 for blob in first + rest] == hashes
    assert await db.known_blobs([hashes[3], sha("left over"), hashes[0]]) == {hashes[3], hashes[0]}
    assert await db.known_blobs([]) == set()

    await db.add_media(picture("again", blob=hashes[0], owner="owner 1"), 9)
    assert sorted(await db.lose_blob(hashes[0], 5)) == ["media_0", "media_again"]
    assert await db.known_blobs(hashes) == set(hashes[1:])
    assert await db.media_by_id("media_0") is None
    assert await db.lose_blob(hashes[0], 5) == []


async def test_who_stores_the_bytes_that_are_being_erased_waits(db: Database) -> None:
    await db.add_media(picture("old", blob=sha("x")), 1)
    await db.delete_media("local", "media_old", 5)
    order = []
    adding: list[asyncio.Task[None]] = []

    async def add() -> None:
        await db.add_media(picture("new", blob=sha("x")), 2)
        order.append("added")

    async def erase(sha256: str) -> None:
        adding.append(asyncio.create_task(add()))
        await asyncio.wait(adding, timeout=0.2)
        order.append(f"erased {sha256}")

    assert await db.forget_blob(sha("x"), erase)
    await adding[0]
    assert order == [f"erased {sha('x')}", "added"]
    assert await db.blobs(limit=9) == [BlobRow(sha("x"), 1234, 2)]


async def test_a_failed_erasure_keeps_the_row(db: Database) -> None:
    await db.add_media(picture(), 1)
    await db.delete_media("local", "media_a", 5)

    async def erase(sha256: str) -> None:
        raise StorageFailed("The bucket is away.")

    with pytest.raises(StorageFailed, match="bucket"):
        await db.forget_blob(sha("a"), erase)
    assert await db.unreferenced_blobs() == {sha("a"): 1234}


async def test_media_that_is_being_added_keeps_its_blob(db: Database) -> None:
    await db.add_media(picture("old", blob=sha("x")), 1)
    await db.delete_media("local", "media_old", 5)
    from_within = db._backend
    async with from_within.transaction() as connection:
        columns = {name: getattr(picture("new", blob=sha("x")), name) for name in Media.__slots__}
        await from_within.queries.add_media(connection, **columns)
        forgetting = asyncio.create_task(db.forget_blob(sha("x")))
        await asyncio.wait([forgetting], timeout=0.2)
    assert not await forgetting
    assert await db.media_by_blob("local", sha("x")) == picture("new", blob=sha("x"))


# Concurrency and failures


async def test_fifty_tasks_write_at_once(db: Database) -> None:
    async def work(number: int) -> Generation:
        generation = making(f"{number:02}", upstream_ids={"task_id": str(number)})
        expected = await kept(db, generation, picture(f"{number:02}", blob=sha(str(number % 3))))
        await db.set_progress(generation.id, number)
        await db.finish_generation(generation.id, status="completed", finished=2000)
        return replace(expected, progress=number, status="completed", finished=2000)

    expected = await asyncio.gather(*(work(number) for number in range(50)))
    assert await db.generations("local", limit=99) == expected[::-1]
    assert len(await db.blobs(limit=99)) == 3


async def test_cancelled_writes_happen_whole_or_not_at_all(db: Database) -> None:
    tasks = []
    for number in range(40):
        inputs = tuple(Input("edited", generation=f"gen_{index}") for index in range(3))
        tasks.append(asyncio.create_task(db.add_generation(making(f"c{number}", inputs=inputs))))
    # Each at another moment of its life: the loop turns once between two of them.
    for task in tasks:
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await db.add_generation(making("after"))
    found = await db.generations("local", limit=99)
    assert all(len(generation.inputs) in ({0} if generation.id == "gen_after" else {3}) for generation in found)
    assert "gen_after" in {generation.id for generation in found}


async def test_text_that_a_database_can_not_hold_is_mended(db: Database) -> None:
    await db.add_generation(making(prompt="a\x00b \ud83d\ude00 \ud800", params={"deep": [{"x\udfff": "\ud800"}]}))
    found = await db.generation("local", "gen_a")
    assert found is not None
    assert found.prompt == "a\ufffdb \U0001f600 \ufffd"
    assert found.params == {"deep": [{"x\ufffd": "\ufffd"}]}
    assert await db.media_by_id("media_\x00\ud800") is None


async def test_after_closing_every_call_is_an_error(url: str) -> None:
    database = await Database.open(url)
    await database.close()
    await database.close()
    for call in (database.has_keys(), database.add_generation(making()), database.revoke_key("key_1", 1)):
        with pytest.raises(StorageFailed):
            await call


# Opening


@pytest.mark.parametrize("bad", ["", "sqlite:", "sqlite:///a.db", "mysql://u:hidden@h/d", "/a.db", "postgresql:x"])
async def test_a_url_of_another_kind_is_a_wrong_setting(bad: str) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        await Database.open(bad)
    assert "hidden" not in str(caught.value)


async def test_what_can_not_be_opened_is_a_storage_failure(tmp_path: Path, postgres: Postgres) -> None:
    (tmp_path / "text.db").write_text("This is no database. " * 100)
    (tmp_path / "file").touch()
    for bad in (
        f"sqlite:{tmp_path}",
        f"sqlite:{tmp_path}/text.db",
        f"sqlite:{tmp_path}/file/darkroom.db",
        f"postgresql://postgres:hidden@/none?host={tmp_path}",
        postgres.url("no_such_database"),
    ):
        with pytest.raises(StorageFailed) as caught:
            await Database.open(bad)
        assert "hidden" not in str(caught.value)
        assert caught.value.__cause__ is None


async def test_what_was_written_is_there_when_opened_again(lasting_url: str) -> None:
    for number in range(3):
        database = await Database.open(lasting_url)
        try:
            assert len(await database.generations("local", limit=9)) == number
            await database.add_generation(making(str(number)))
        finally:
            await database.close()


async def test_memory_is_private(tmp_path: Path) -> None:
    one, two = await Database.open("sqlite::memory:"), await Database.open("sqlite::memory:")
    try:
        await one.add_generation(making())
        assert await two.generations("local", limit=9) == []
    finally:
        await one.close()
        await two.close()


async def test_a_sqlite_commit_is_on_the_disk_when_it_returns(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite:{tmp_path}/darkroom.db")
    try:
        async with database._backend.writer() as connection:
            found = [
                (await connection.execute_fetchall(f"PRAGMA {name}"))[0][0]
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
    finally:
        await database.close()
    assert found == ["wal", 2, 1]


async def test_a_schema_of_the_future_is_refused(lasting_url: str) -> None:
    database = await Database.open(lasting_url)
    try:
        async with database._backend.writer() as connection:
            await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    finally:
        await database.close()
    with pytest.raises(StorageFailed, match="newer"):
        await Database.open(lasting_url)


async def test_a_migration_happens_whole_or_not_at_all(lasting_url: str) -> None:
    # A table of the same name stands in the way of the last one; the others come first.
    if lasting_url.startswith("sqlite:"):
        path = Path(lasting_url.removeprefix("sqlite:"))
        path.parent.mkdir(parents=True)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE upstream_ids (theirs TEXT)")
            with pytest.raises(StorageFailed, match="newest schema"):
                await Database.open(lasting_url)
            assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("upstream_ids",)]
        return
    server = await asyncpg.connect(lasting_url)
    await server.execute("CREATE TABLE upstream_ids (theirs TEXT)")
    with pytest.raises(StorageFailed, match="newest schema"):
        await Database.open(lasting_url)
    tables = await server.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    await server.close()
    assert [table[0] for table in tables] == ["upstream_ids"]


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(schema._MIGRATIONS))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


async def test_many_open_one_new_database_at_once(lasting_url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "darkroom")
    opened = await asyncio.gather(*(Database.open(lasting_url) for _ in range(8)))
    for number, database in enumerate(opened):
        await database.add_generation(making(str(number)))
    assert len(await opened[0].generations("local", limit=99)) == 8
    for database in opened:
        await database.close()
    assert caplog.text.count("brought to schema") == 1


async def test_who_opens_waits_for_him_who_migrates(tmp_path: Path) -> None:
    with (tmp_path / "darkroom.db-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        opening = asyncio.create_task(Database.open(f"sqlite:{tmp_path}/darkroom.db"))
        await asyncio.wait([opening], timeout=0.2)
        assert not opening.done()
        assert not (tmp_path / "darkroom.db").exists()
    await (await opening).close()


_OPEN = """
import asyncio, logging, sys
from darkroom.database import Database
logging.basicConfig(level="INFO", format="%(message)s")
async def main():
    sys.stdin.read()
    database = await Database.open(sys.argv[1])
    print("keys:", await database.has_keys())
    print("alembic:", "alembic" in sys.modules)
    await database.close()
asyncio.run(main())
"""


def _open_in_processes(url: str, count: int) -> list[str]:
    """Open a database in several processes at one moment; return what each printed."""
    pipe = subprocess.PIPE
    command = (sys.executable, "-W", "error", "-c", _OPEN, url)
    running = [
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True) for _ in range(count)
    ]
    for process in running:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    return [process.communicate(timeout=120)[0] for process in running]


def test_many_processes_open_one_new_database_at_once(lasting_url: str) -> None:
    printed = _open_in_processes(lasting_url, 8)
    assert [text.count("keys: False") for text in printed] == [1] * 8, printed
    assert sum(text.count("brought to schema") for text in printed) == 1, printed


def test_opening_a_database_of_today_does_not_load_the_migrations(lasting_url: str) -> None:
    assert "alembic: True" in _open_in_processes(lasting_url, 1)[0]
    assert "alembic: False" in _open_in_processes(lasting_url, 1)[0]


async def test_no_question_of_a_request_reads_a_whole_table(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite:{tmp_path}/darkroom.db")
    queries = database._backend.queries
    await database.close()
    whole = {"has_keys", "list_keys", "unreferenced_blobs"}
    with closing(sqlite3.connect(tmp_path / "darkroom.db")) as connection:
        plans = {
            name: _plan(connection, getattr(queries, name).sql)
            for name in set(queries.available_queries) - whole
            if not name.endswith("_cursor")
        }
    assert len(plans) > 25
    assert {name: plan for name, plan in plans.items() if _scans(plan)} == {}
    pages = {name: plan for name, plan in plans.items() if re.search("newest|_before|_after", name)}
    assert len(pages) == 14
    # A page is read in the order of an index: what it costs does not grow with what lies behind it.
    assert {name: plan for name, plan in pages.items() if "ORDER BY" in " ".join(plan)} == {}


def _plan(connection: sqlite3.Connection, sql: str) -> list[str]:
    params = dict.fromkeys(re.findall(r":(\w+)", sql), "[]") | {"count": 1}
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", params)]


def _scans(plan: list[str]) -> bool:
    tables = r"SCAN (keys|blobs|media|generations|generation_inputs|upstream_ids)\b(?! USING INDEX)"
    return any(re.match(tables, step) for step in plan)
