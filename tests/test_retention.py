"""Retention: what is too old or too much goes, oldest first; what something needs stays; a dry run tells the truth."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from darkroom.clock import now
from darkroom.database import Database, File
from darkroom.errors import ConfigInvalid
from darkroom.gateway import Gateway
from darkroom.generation import Generation, Input
from darkroom.job import Job, JobInput
from darkroom.media import Media
from darkroom.quotas import freed, going, may_bind, rules_for
from darkroom.retention import Retired
from darkroom.settings import RetentionSettings, Settings, StorageSettings, load
from darkroom.sketch import film
from darkroom.storage import Storage
from darkroom.sweep import Sweeper, Swept
from doors import WAIT, command
from running import House, picture, sha256, user
from test_database import db, postgres, url
from test_ingest import padded

__all__ = ["db", "postgres", "url"]
DAY = 86_400_000
NOW = 1000 * DAY
ALL = RetentionSettings()


@dataclass(frozen=True, slots=True)
class Item:
    """Media of a test: `age` in days."""

    id: str
    age: float
    size: int = 10
    mime: str = "image/png"
    kept: bool = False
    same: str = ""

    @property
    def blob(self) -> str:
        return self.same or self.id

    @property
    def created(self) -> int:
        return NOW - int(self.age * DAY)


def gone(rules: list[RetentionSettings], *items: Item) -> list[str]:
    return [item.id for item in going(rules, sorted(items, key=lambda item: item.created), NOW)]


def days(number: int, **fields: Any) -> RetentionSettings:
    return RetentionSettings(max_age=number * 86_400, **fields)


# The rules


def test_what_is_too_old_goes() -> None:
    items = Item("a", 3), Item("b", 2), Item("c", 1), Item("v", 3, mime="video/mp4"), Item("k", 9, kept=True)
    assert gone([days(2)], *items) == ["a", "v"]
    assert gone([days(2, kind="video")], *items) == ["v"]
    assert gone([days(2, kind="video"), days(1, kind="image")], *items) == ["v", "a", "b"]
    assert gone([ALL], *items) == []
    assert gone([], *items) == []


def test_the_oldest_go_until_the_rest_fits() -> None:
    items = [Item(name, age) for age, name in enumerate("edcba")]
    assert gone([RetentionSettings(max_bytes=50)], *items) == []
    assert gone([RetentionSettings(max_bytes=49)], *items) == ["a"]
    assert gone([RetentionSettings(max_bytes=20)], *items) == ["a", "b", "c"]
    assert gone([RetentionSettings(max_bytes=0)], *items) == ["a", "b", "c", "d", "e"]


def test_what_is_kept_counts_and_stays() -> None:
    items = Item("a", 3, kept=True), Item("b", 2), Item("c", 1)
    assert gone([RetentionSettings(max_bytes=20)], *items) == ["b"]
    assert gone([RetentionSettings(max_bytes=5)], *items) == ["b", "c"]


def test_the_same_bytes_count_once_and_are_as_old_as_the_newest() -> None:
    items = Item("a", 9, same="x"), Item("b", 5), Item("c", 1, same="x"), Item("d", 0)
    assert gone([RetentionSettings(max_bytes=30)], *items) == []
    assert gone([RetentionSettings(max_bytes=20)], *items) == ["b"]
    assert gone([RetentionSettings(max_bytes=10)], *items) == ["b", "a", "c"]
    pinned = Item("a", 9, same="x", kept=True)
    assert gone([RetentionSettings(max_bytes=10)], pinned, *items[1:]) == ["b", "d"]


def test_age_comes_before_size_and_all_rules_bind() -> None:
    items = Item("a", 9), Item("b", 5), Item("v", 3, mime="video/mp4"), Item("d", 1)
    assert gone([days(7), RetentionSettings(max_bytes=30)], *items) == ["a"]
    assert gone([RetentionSettings(max_bytes=20), days(2, kind="video")], *items) == ["v", "a"]


def test_an_owners_own_rules_replace_those_for_everybody() -> None:
    everybody, hers = [days(1), days(2, kind="video")], [RetentionSettings("ann", max_bytes=7)]
    assert rules_for([*everybody, *hers], "ann") == hers
    assert rules_for([*everybody, *hers], "bob") == everybody


def test_bytes_are_freed_with_the_last_that_has_them() -> None:
    items = Item("a", 9, same="x"), Item("b", 5), Item("c", 1, same="x")
    assert freed(going([days(3)], items, NOW), items) == {"b": 10}
    assert freed(going([days(0)], items, NOW), items) == {"x": 10, "b": 10}


def test_a_rule_that_can_not_bind_is_not_looked_into() -> None:
    stock = [("image/png", NOW - 2 * DAY, 100), ("video/mp4", NOW - DAY, 1000)]
    assert may_bind(days(1), stock, NOW)
    assert not may_bind(days(2), stock, NOW)
    assert not may_bind(days(1, kind="video"), stock, NOW)
    assert may_bind(RetentionSettings(max_bytes=1099), stock, NOW)
    assert not may_bind(RetentionSettings(max_bytes=1100), stock, NOW)
    assert not may_bind(RetentionSettings(kind="image", max_bytes=100), stock, NOW)


# The configuration


def test_ages_and_sizes_are_written_with_units() -> None:
    rows = [
        {"kind": "video", "max_age": "30d", "max_bytes": "50GiB"},
        {"owner": "ann", "max_age": "2 w", "max_bytes": "5MB"},
        {"max_age": "90s", "max_bytes": "7B"},
        {"owner": "bob"},
    ]
    assert load({"retention": rows}, {}).retention == (
        RetentionSettings("*", "video", 30 * 86_400, 50 * 1024**3),
        RetentionSettings("ann", "*", 14 * 86_400, 5_000_000),
        RetentionSettings("*", "*", 90, 7),
        RetentionSettings("bob"),
    )
    assert load({}, {}).retention == ()


@pytest.mark.parametrize(
    "row",
    [
        {"max_age": "30"},
        {"max_age": 30},
        {"max_age": "1 year"},
        {"max_age": "-1d"},
        {"max_bytes": "1d"},
        {"max_bytes": 100},
        {"max_bytes": "1.5GiB"},
        {"kind": "picture"},
        {"max_agee": "30d"},
    ],
)
def test_a_row_that_is_wrong_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(ConfigInvalid, match=r"retention|max_age"):
        load({"retention": [row]}, {})


# On every database


def bytes_of(name: str) -> bytes:
    return padded(1000) + name.encode()


@dataclass(slots=True)
class Keeper:
    """A database and a store in memory, and what is in them."""

    db: Database
    storage: Storage

    async def add(
        self, name: str, age: float, *, owner: str = "local", data: bytes | None = None, **fields: Any
    ) -> str:
        """Store media that came some days ago; return its id."""
        data = data or bytes_of(name)
        spool = self.storage.spools.new()
        spool.write(data)
        await self.storage.put(spool, sha256(data), len(data))
        created = now() - int(age * DAY)
        columns = {"mime": "image/png", "origin": "uploaded"} | fields
        columns |= {"id": f"media_{name}", "owner": owner, "blob": sha256(data), "size": len(data)}
        await self.db.add_media(Media(created=created, **columns), created)
        return f"media_{name}"

    async def sweep(self, *rules: RetentionSettings, dry: bool = False) -> Swept:
        return await Sweeper(self.db, self.storage, rules).sweep(grace_ms=3_600_000, dry=dry)

    async def left(self) -> list[str]:
        return [media.id.removeprefix("media_") for media in await self.db.list_media(None, 99)][::-1]

    async def blobs(self) -> int:
        return len([blob async for blob in self.storage.list_blobs()])


@pytest.fixture
async def keeper(db: Database) -> AsyncIterator[Keeper]:
    storage = await Storage.open("memory:")
    yield Keeper(db, storage)
    await storage.close()


async def test_a_dry_run_says_just_what_goes(keeper: Keeper) -> None:
    for age, name in enumerate(("e", "d", "c", "b", "a")):
        await keeper.add(name, age + 1)
    await keeper.add("theirs", 9, owner="ann", mime="video/mp4", origin="generated")
    await keeper.add("shared", 9, owner="ann", data=bytes_of("a"))
    rules = [days(5, kind="video"), RetentionSettings(max_bytes=2500)]
    told = await keeper.sweep(*rules, dry=True)
    assert len(await keeper.left()) == 7
    assert [(row.owner, row.kind, row.media, row.bytes) for row in told.retired] == [
        ("ann", "video", 1, 1006),
        ("local", "image", 3, 3003),
    ]
    assert "max_bytes 2500 of */*" in told.retired[1].why
    assert await keeper.sweep(*rules) == told
    assert await keeper.left() == ["shared", "d", "e"]
    assert await keeper.blobs() == 3  # Ann has the bytes of `a` as well.
    assert (await keeper.sweep(*rules)).retired == []


async def test_without_a_rule_everything_stays(keeper: Keeper) -> None:
    await keeper.add("a", 9999)
    assert (await keeper.sweep()).retired == []
    assert (await keeper.sweep(RetentionSettings("ann", max_bytes=0))).retired == []
    assert await keeper.left() == ["a"]


async def test_what_something_needs_stays(keeper: Keeper) -> None:
    names = ("pinned", "filed", "expired", "input", "made", "queued", "done", "free")
    running, queued, done = (
        Generation(f"gen_{status}", "local", status, "up", "m", "a cat", 1, params={})  # type: ignore[arg-type]
        for status in ("running", "queued", "completed")
    )
    for name in names:
        if name == "made":
            await keeper.db.add_generation(running)
        await keeper.add(name, 9, generation="gen_running" if name == "made" else None)
    await keeper.add("young", 0)
    assert await keeper.db.retention.pin("local", "media_pinned", 5)
    for name, expires in (("filed", now() + DAY), ("expired", 5)):
        media = await keeper.db.media("local", f"media_{name}")
        assert media is not None
        await keeper.db.files.add(File(f"file_{name}", media, f"files/{name}", name, "vision", 5, expires))
    await keeper.db.add_inputs("gen_running", [Input("edited", media="media_input")])
    await keeper.db.add_generation(replace(done, inputs=(Input("edited", media="media_done"),)))
    job = Job("gen_queued", "local", "queued", "p", (("up", "m", "k"),), 1, now() + DAY)
    await keeper.db.jobs.add(replace(job, inputs=(JobInput("first_frame", "media_queued"),)), queued)
    await keeper.sweep(days(1))
    assert set(await keeper.left()) == {"pinned", "filed", "input", "made", "queued", "young"}
    await keeper.db.retention.unpin("local", "media_pinned")
    assert await keeper.db.jobs.claim("gen_queued", "replica", None)
    assert await keeper.db.jobs.move("gen_queued", "replica", "cancelled", now())
    await keeper.sweep(days(1))
    assert set(await keeper.left()) == {"filed", "input", "made", "young"}


async def test_what_comes_to_be_needed_meanwhile_stays(keeper: Keeper) -> None:
    id = await keeper.add("a", 9)
    await keeper.db.retention.pin("local", id, 5)
    assert await keeper.db.retention.retire("local", id, now(), now()) is None
    await keeper.db.retention.unpin("local", id)
    assert await keeper.db.retention.retire("local", id, now(), 5) is None
    assert await keeper.db.retention.retire("ann", id, now(), now()) is None
    assert await keeper.db.retention.retire("local", id, now(), now()) is not None
    assert await keeper.db.retention.retire("local", id, now(), now()) is None


async def test_two_that_sweep_at_once_take_no_more_than_one(keeper: Keeper) -> None:
    for age in range(20):
        await keeper.add(f"{age:02}", age + 1)
    rule = RetentionSettings(max_bytes=10_020)
    swept = await asyncio.gather(keeper.sweep(rule), keeper.sweep(rule))
    assert sum(row.media for each in swept for row in each.retired) == 10
    assert await keeper.left() == [f"{age:02}" for age in reversed(range(10))]


async def test_a_row_that_nothing_names_goes_after_a_day(keeper: Keeper) -> None:
    named, free = await keeper.add("named", 9), await keeper.add("free", 9)
    generation = Generation("gen_a", "local", "completed", "up", "m", "p", 1, inputs=(Input("edited", media=named),))
    await keeper.db.add_generation(generation)
    for id in (named, free):
        await keeper.db.delete_media("local", id, now() - 2 * DAY)
    assert (await keeper.sweep(dry=True)).rows == 1
    assert (await keeper.sweep()).rows == 1
    kept = await keeper.db.lineage.media("local", [named, free])
    assert [each.media.id for each in kept] == [named]
    assert (kept[0].media.filename, kept[0].media.source_url) == (None, None)


# At the door and the command


async def test_a_pin_is_set_and_taken_away(house: House) -> None:
    media = await house.upload(padded(1000))
    path = f"/v1/media/{media.id}/pin"
    async with house.http.post(path) as response:
        assert (response.status, (await response.json())["pinned"]) == (200, True)
    async with house.http.get(f"/v1/media/{media.id}") as response:
        assert (await response.json())["pinned"] is True
    sweeper = Sweeper(house.gateway.database, house.gateway.storage, [days(0)])
    assert (await sweeper.sweep(grace_ms=0)).retired == []
    async with house.http.delete(path) as response:
        assert (await response.json())["pinned"] is False
    async with house.http.post("/v1/media/media_nobodys/pin") as response:
        assert response.status == 404
    swept = await sweeper.sweep(grace_ms=-1000)
    assert swept.retired == [Retired("local", "image", "max_age 0 s of */*", 1, 1000)]
    assert await house.is_empty()
    async with house.http.get(f"/media/{media.id}.png") as response:
        assert response.status == 404


async def test_lineage_outlives_what_retention_took(house: House) -> None:
    barn = (await house.ask("painter/images-strict", "a red barn"))["darkroom"]
    question = user("make it blue", picture(barn["media"][0]["url"]))
    (edit,) = (await house.ask("painter/images-strict", question))["darkroom"]["generations"]
    sweeper = Sweeper(house.gateway.database, house.gateway.storage, [RetentionSettings(max_bytes=0)])
    await sweeper.sweep(grace_ms=-1000)
    assert await house.is_empty()
    async with house.http.get(f"/v1/generations/{edit['id']}/lineage") as response:
        told = await response.json()
    assert [row["prompt"] for row in told["ancestors"]] == ["a red barn"]
    assert told["edges"][0]["media"] == barn["media"][0]["id"]


async def test_the_command_says_what_would_go_and_does_just_that(house: House) -> None:
    old, pinned = await house.upload(film("a storm").data), await house.upload(padded(2000, seed=3))
    with closing(sqlite3.connect(house.root / "darkroom.db")) as database:
        database.execute("UPDATE media SET created = 1")
        database.commit()
    config = house.root / "darkroom.toml"
    config.write_text('[[retention]]\nmax_age = "30d"\n[[retention]]\nkind = "video"\nmax_age = "1d"\n')
    assert (await command(house.root, "media", "pin", pinned.id)).code == 0
    dry = await command(house.root, "media", "sweep", "--dry-run", "--output", "json")
    told = json.loads(dry.out)
    assert told["dry_run"] is True
    assert [(row["owner"], row["kind"], row["media"], row["bytes"]) for row in told["retired"]] == [
        ("local", "video", 1, old.size)
    ]
    assert len(await house.media()) == 2
    ended = await command(house.root, "media", "sweep")
    assert f"retired: 1 video of local, {old.size} bytes, by max_age 2592000 s of */*" in ended.out
    assert [media.id for media in await house.media()] == [pinned.id]
    assert (await command(house.root, "media", "unpin", f"http://x/media/{pinned.id}.png")).code == 0
    await command(house.root, "media", "sweep")
    assert await house.is_empty()
    lost = await command(house.root, "media", "pin", pinned.id)
    assert (lost.code, "there is no media" in lost.err) == (1, True)


async def test_a_gateway_keeps_to_its_configuration(tmp_path: Path) -> None:
    store = StorageSettings(f"file:{tmp_path}/media", f"sqlite:{tmp_path}/darkroom.db")
    database = await Database.open(store.database)
    storage = await Storage.open(store.media)
    keeper = Keeper(database, storage)
    await keeper.add("old", 2)
    await keeper.add("new", 0.5)
    async with Gateway.open(Settings(storage=store, retention=(days(1),), sketch=False)), asyncio.timeout(WAIT):
        while await keeper.blobs() > 1:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert await keeper.left() == ["new"]
    await database.close()
    await storage.close()
