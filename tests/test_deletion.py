"""Deletion is complete: no byte and no word is left on the disk, in the bucket, in the database or upstream; and what
others have is not touched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest

from darkroom.clock import now
from darkroom.database import Database, UpstreamObject
from darkroom.deletion import Deletion
from darkroom.generation import Generation, Input
from darkroom.ingest import Ingest
from darkroom.media import Arrived, Media
from darkroom.storage import Storage
from darkroom.testing import GeminiUpstream, InteractionsUpstream, ResponsesUpstream
from dialects import DIALECTS, KEY
from running import House, Json, picture, running, sha256, user
from s3 import running_s3
from test_database import OTHER, db, making, postgres, sha, url
from test_database import picture as row_of
from test_ingest import padded

__all__ = ["db", "postgres", "url"]
WAIT = 60
SECRET = "zanzibar lighthouse"
"""What nobody else would write."""


async def delete(house: House, path: str, **headers: str) -> tuple[int, Any]:
    async with house.http.delete(path, headers=headers) as response:
        return response.status, await response.json()


async def made(house: House, prompt: str = SECRET, model: str = "painter/images-strict") -> Json:
    """Have a picture made, with a thumbnail; return the answer's report."""
    report: Json = (await house.ask(model, prompt))["darkroom"]
    async with house.http.get(report["media"][0]["url"] + "?w=64") as response:
        assert response.status == 200
    return report


async def leftovers(house: House, *words: str | bytes) -> list[str]:
    """Return the files of a gateway's directory in which one of the words stands, the database's log among them."""
    database = house.gateway.database
    async with database._backend.writer() as connection:  # What was deleted is gone from the file with its pages.
        await connection.execute_fetchall("VACUUM")
        await connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
    sought = [word.encode() if isinstance(word, str) else word for word in words]
    files = [path for path in house.root.rglob("*") if path.is_file()]
    return [
        path.name for path in files if any(word in path.read_bytes() or word.decode() in path.name for word in sought)
    ]


async def empties(found: Any) -> None:
    """Wait until an upstream holds nothing."""
    async with asyncio.timeout(WAIT):
        while found:  # noqa: ASYNC110  (the emulator does not tell)
            await asyncio.sleep(0.02)


# Generations


async def test_nothing_is_left_of_a_generation(house: House) -> None:
    report = await made(house)
    (generation,), (media,) = report["generations"], report["media"]
    (row,) = await house.media()
    assert await leftovers(house, SECRET, row.blob, generation["id"])
    status, answer = await delete(house, f"/v1/generations/{generation['id']}")
    assert (status, answer) == (200, {"id": generation["id"], "object": "generation", "deleted": True})
    assert await house.is_empty()
    assert await leftovers(house, SECRET, row.blob, generation["id"]) == []
    for path in (f"/v1/generations/{generation['id']}", f"/v1/media/{media['id']}", media["url"]):
        async with house.http.get(path) as response:
            assert response.status == 404
    async with house.http.get("/v1/generations") as response:
        assert (await response.json())["data"] == []
    assert (await delete(house, f"/v1/generations/{generation['id']}"))[0] == 404


async def test_what_others_were_made_from_stands_empty_until_they_go(house: House) -> None:
    first = await made(house)
    question = user("make it blue", picture(first["media"][0]["url"]))
    second = (await house.ask("painter/images-strict", question))["darkroom"]
    one, two = first["generations"][0]["id"], second["generations"][0]["id"]
    assert (await delete(house, f"/v1/generations/{one}"))[0] == 200
    async with house.http.get(f"/v1/generations/{one}") as response:
        assert response.status == 404
    async with house.http.get(f"/v1/generations/{two}/lineage") as response:
        (parent,) = (await response.json())["ancestors"]
    assert (parent["id"], parent["status"], parent["prompt"], parent["media"]) == (one, "deleted", "", [])
    assert (await delete(house, f"/v1/generations/{one}"))[0] == 404
    # The edit's own picture still tells what it was made from: that is its own affair.
    assert (await delete(house, f"/v1/generations/{two}"))[0] == 200
    assert await leftovers(house, SECRET, one, two) == []


async def test_the_pictures_that_it_was_made_from_stay(house: House) -> None:
    mine = await house.upload(padded(3000))
    link = f"{house.url}/media/{mine.id}.png"
    report = (await house.ask("painter/images-strict", user(SECRET, picture(link))))["darkroom"]
    assert (await delete(house, f"/v1/generations/{report['generations'][0]['id']}"))[0] == 200
    assert [media.id for media in await house.media()] == [mine.id]


async def test_the_response_in_which_it_was_made_goes_and_others_stay(house: House) -> None:
    ask = house.client.responses.create
    first: Any = await ask(model="painter/images-strict", input=SECRET)
    second: Any = await ask(model="painter/images-strict", input="make it blue", previous_response_id=first.id)
    one = first.to_dict()["darkroom"]["generations"][0]["id"]
    assert second.to_dict()["darkroom"]["generations"][0]["inputs"][0]["generation"] == one
    await delete(house, f"/v1/generations/{one}")
    with pytest.raises(openai.NotFoundError):
        await house.client.responses.retrieve(first.id)
    assert (await house.client.responses.retrieve(second.id)).id == second.id
    await delete(house, f"/v1/generations/{second.to_dict()['darkroom']['generations'][0]['id']}")
    assert await leftovers(house, SECRET) == []


async def test_what_is_being_made_is_not_deleted(house: House) -> None:
    await house.gateway.database.add_generation(Generation("gen_a", "local", "running", "up", "m", SECRET, now()))
    status, answer = await delete(house, "/v1/generations/gen_a")
    assert (status, answer["error"]["code"]) == (409, "conflict")
    assert await leftovers(house, SECRET)


# Media and files


async def test_nothing_is_left_of_media(house: House) -> None:
    report = await made(house)
    (row,) = await house.media()
    assert list(house.root.rglob("64.webp"))
    assert (await delete(house, f"/v1/media/{row.id}"))[0] == 200
    assert await house.is_empty()
    assert await leftovers(house, row.blob) == []
    async with house.http.get(f"/v1/generations/{report['generations'][0]['id']}") as response:
        assert (await response.json())["media"] == []


async def test_nothing_is_left_of_a_file(house: House) -> None:
    file = await house.client.files.create(file=(f"{SECRET}.png", padded(5000, seed=9)), purpose="user_data")
    assert await leftovers(house, SECRET)
    await house.client.files.delete(file.id)
    assert await house.is_empty()
    assert await leftovers(house, SECRET, file.id) == []


async def test_media_takes_its_file_along(house: House) -> None:
    file = await house.client.files.create(file=(f"{SECRET}.png", padded(5000)), purpose="user_data")
    (media,) = await house.media()
    await delete(house, f"/v1/media/{media.id}")
    with pytest.raises(openai.NotFoundError):
        await house.client.files.retrieve(file.id)
    assert await leftovers(house, SECRET, file.id) == []


async def test_the_same_bytes_of_another_owner_stay(house: House) -> None:
    mine, theirs = [await house.upload(padded(2000), owner) for owner in ("local", "ann")]
    await house.gateway.storage.put_extra(f"thumbs/{mine.blob}/64.webp", b"small")
    await delete(house, f"/v1/media/{mine.id}")
    assert await house.download(f"/media/{theirs.id}.png") == padded(2000)
    assert await house.gateway.storage.get_extra(f"thumbs/{mine.blob}/64.webp") == b"small"
    assert (await delete(house, f"/v1/media/{theirs.id}"))[0] == 404
    assert await house.gateway.deletion.media("ann", theirs.id)
    assert await house.is_empty()
    assert await house.gateway.storage.get_extra(f"thumbs/{mine.blob}/64.webp") is None


async def test_nothing_is_left_in_a_bucket(tmp_path: Path) -> None:
    (tmp_path / "s3").mkdir()
    with running_s3(tmp_path / "s3") as s3:
        storage = await Storage.open(f"{s3.url}/media", s3.options())
        database = await Database.open("sqlite::memory:")
        ingest = Ingest(storage, database, 1_000_000)
        kept = [await ingest.keep(arrived(storage, padded(2000)), owner, "uploaded") for owner in ("local", "ann")]
        await storage.put_extra(f"thumbs/{kept[0].blob}/64.webp", b"small")
        deletion = Deletion(database, storage)
        assert await deletion.media("local", kept[0].id)
        assert await storage.head(kept[0].blob) == 2000
        assert await deletion.media("ann", kept[1].id)
        assert await storage.head(kept[0].blob) is None
        assert await storage.get_extra(f"thumbs/{kept[0].blob}/64.webp") is None
        await database.close()
        await storage.close()


def arrived(storage: Storage, data: bytes) -> Arrived:
    spool = storage.spools.new()
    spool.write(data)
    return Arrived(spool, sha256(data), len(data), data[:512])


async def test_bytes_that_are_stored_while_they_are_deleted_are_there(house: House) -> None:
    """Whoever comes between the bytes and the row puts them back."""
    for _ in range(25):
        first = await house.upload(padded(2000))
        second, gone = await asyncio.gather(house.upload(padded(2000)), house.gateway.deletion.media("local", first.id))
        assert gone
        assert await house.download(f"/media/{second.id}.png") == padded(2000)
        assert await house.gateway.deletion.media("local", second.id)
    assert await house.is_empty()


async def test_bytes_that_go_between_the_store_and_the_row_are_put_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await house.upload(padded(2000))
    add = Database.add_media

    async def late(self: Database, media: Media, created: int) -> None:
        await house.gateway.deletion.media("local", first.id)
        assert await house.blobs() == []
        await add(self, media, created)

    monkeypatch.setattr(Database, "add_media", late)
    second = await house.upload(padded(2000))
    assert await house.download(f"/media/{second.id}.png") == padded(2000)


# Upstream


@asynccontextmanager
async def upstream(tmp_path: Path, dialect: str, **fields: Any) -> AsyncIterator[tuple[House, Any]]:
    """A gateway before an emulator of this dialect, which keeps what is created there."""
    emulated = DIALECTS[dialect]
    emulator = emulated.make(KEY)
    async with emulated.serve(emulator) as url:
        row = replace(emulated.row(url, (KEY,)), cleanup="keep", **fields)
        async with running(tmp_path, providers=[row]) as house:
            yield house, emulator


async def test_the_conversation_that_an_upstream_keeps_is_deleted_there(tmp_path: Path) -> None:
    async with upstream(tmp_path, "gemini-interactions") as (house, emulator):
        assert isinstance(emulator, InteractionsUpstream)
        report = await made(house, model="up/gemini-3.1-flash-image")
        assert emulator.kept
        await delete(house, f"/v1/generations/{report['generations'][0]['id']}")
        await empties(emulator.kept)
        assert await leftovers(house, SECRET) == []
        rows = house.gateway.database.upstreams
        async with asyncio.timeout(WAIT):
            while await rows.objects(9):  # noqa: ASYNC110
                await asyncio.sleep(0.02)


async def test_the_answer_that_an_upstream_keeps_is_deleted_there(tmp_path: Path) -> None:
    async with upstream(tmp_path, "openai-responses") as (house, emulator):
        assert isinstance(emulator, ResponsesUpstream)
        report = await made(house, model="up/gpt-6-astra")
        (item,) = await house.gateway.database.upstreams.objects(9)
        assert (item.kind, item.due) == ("response", None)
        await delete(house, f"/v1/generations/{report['generations'][0]['id']}")
        await empties_rows(house)
        # The chat goes on, told whole.
        assert (await house.ask("up/gpt-6-astra", "a red barn"))["darkroom"]["media"]


async def empties_rows(house: House) -> None:
    async with asyncio.timeout(WAIT):
        while await house.gateway.database.upstreams.objects(9):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_an_upload_to_an_upstream_is_deleted_there_with_the_last_that_has_its_bytes(tmp_path: Path) -> None:
    profile = {"upload_above": 1000}
    async with upstream(tmp_path, "gemini", profile=profile) as (house, emulator):
        assert isinstance(emulator, GeminiUpstream)
        data = padded(100_000)
        first, second = [await house.upload(data) for _ in range(2)]
        await house.ask("up/gemini-3-pro-image", user("make it blue", picture(f"{house.url}/media/{first.id}.png")))
        (item,) = await house.gateway.database.upstreams.objects(9)
        assert (item.blob, item.due) == (first.blob, None)
        await delete(house, f"/v1/media/{first.id}")
        (item,) = await house.gateway.database.upstreams.objects(9)
        assert item.due is None
        await delete(house, f"/v1/media/{second.id}")
        await empties_rows(house)


# On every database


async def test_a_chain_of_deleted_generations_goes_with_its_end(db: Database) -> None:
    for number in range(4):
        inputs = (Input("edited", generation=f"gen_{number - 1}"),) if number else ()
        await db.add_generation(making(str(number), status="completed", inputs=inputs))
        await db.add_media(row_of(str(number), generation=f"gen_{number}"), 1)
    for number in (0, 1, 2):
        emptied = await db.retention.empty("local", f"gen_{number}", 5)
        assert emptied is not None
        assert (emptied.media, emptied.blobs) == ((f"media_{number}",), (sha(str(number)),))
    ids = [f"gen_{number}" for number in range(4)]
    assert [each.status for each in await db.lineage.sketches(None, ids)] == [*["deleted"] * 3, "completed"]
    assert await db.retention.empty("local", "gen_0", 5) is None
    assert await db.retention.empty(OTHER, "gen_3", 5) is None
    assert await db.retention.empty("local", "gen_3", 5) is not None
    assert await db.lineage.sketches(None, ids) == []
    assert len(await db.unreferenced_blobs()) == 4


async def test_only_what_is_named_so_is_released(db: Database) -> None:
    await db.add_generation(making("a", status="completed", key="k", upstream_ids={"interaction": "v1_a"}))
    for id, path, owner in (
        ("obj_1", "/interactions/v1_a", "local"),
        ("obj_2", "/interactions/v1xa", "local"),
        ("obj_3", "/interactions/xv1_a", "local"),
        ("obj_4", "/interactions/v1_a", OTHER),
    ):
        await db.upstreams.add_object(UpstreamObject(id, owner, "relay", "k", "interaction", path, 1))
    await db.retention.empty("local", "gen_a", 5)
    assert [item.id for item in await db.upstreams.claim_due(9, 99, 9)] == ["obj_1"]
