"""Owners see only their own: what is another's looks exactly like what never was."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from darkroom.clock import new_id
from doors import Answer, Door, id_of, running, stored

Headers = dict[str, str]


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with running(tmp_path) as door:
        yield door


@pytest.fixture
async def ann(door: Door) -> Headers:
    return await key(door, "ann")


@pytest.fixture
async def bob(door: Door, ann: Headers) -> Headers:
    return await key(door, "bob")


async def key(door: Door, owner: str) -> Headers:
    _, secret = await door.gateway.keys.create(owner)
    return {"authorization": f"Bearer {secret}"}


def same(answer: Answer, unknown: Answer, id: str, other: str) -> None:
    """Check that an answer about another's thing is that about a thing that never was, but for the name."""
    assert answer.status == unknown.status == 404
    assert answer.text.replace(id, "…") == unknown.text.replace(other, "…")
    assert set(answer.headers) == set(unknown.headers)


async def test_media_is_its_owners(door: Door, ann: Headers, bob: Headers) -> None:
    media = await door.picture(headers=ann)
    unknown = new_id("media")
    assert (await door.get(f"/v1/media/{media['id']}", headers=ann)).json == media
    for method in ("GET", "DELETE"):
        theirs = await door.send(method, f"/v1/media/{media['id']}", headers=bob)
        same(theirs, await door.send(method, f"/v1/media/{unknown}", headers=bob), media["id"], unknown)
    assert (await door.get(f"/v1/media/{media['id']}", headers=ann)).status == 200


async def test_generations_are_their_owners(door: Door, ann: Headers, bob: Headers) -> None:
    media = await door.picture("a red boat", headers=ann)
    id, unknown = media["generation"], new_id("gen")
    assert (await door.get(f"/v1/generations/{id}", headers=ann)).json["prompt"] == "a red boat"
    theirs = await door.get(f"/v1/generations/{id}", headers=bob)
    same(theirs, await door.get(f"/v1/generations/{unknown}", headers=bob), id, unknown)
    assert [row["id"] for row in (await door.get("/v1/generations", headers=ann)).json["data"]] == [id]
    assert (await door.get("/v1/generations", headers=bob)).json["data"] == []
    assert (await door.get(f"/v1/generations?after={id}", headers=bob)).json["data"] == []


@pytest.mark.parametrize("field", ["file_id", "generation", "link", "relative"])
async def test_anothers_media_in_a_chat_is_unknown(door: Door, ann: Headers, bob: Headers, field: str) -> None:
    media = await door.picture(headers=ann)
    id = media["generation"] if field == "generation" else media["id"]
    unknown = new_id(id.partition("_")[0])

    def part(id: str) -> dict[str, Any]:
        if field in ("file_id", "generation"):
            return {"type": "file", "file": {"file_id": id}}
        host = door.url if field == "link" else ""
        return {"type": "image_url", "image_url": {"url": f"{host}/media/{id}.png"}}

    async def ask(part: Any, headers: Headers) -> Answer:
        prompt = [{"type": "text", "text": "in blue"}, part]
        return await door.chat("sketch", prompt, headers=headers)

    same(await ask(part(id), bob), await ask(part(unknown), bob), id, unknown)
    assert (await ask(part(id), ann)).status == 200


@pytest.mark.parametrize("kind", ["link", "media"])
async def test_anothers_name_in_text_stays_text(door: Door, ann: Headers, bob: Headers, kind: str) -> None:
    media = await door.picture("a red boat", headers=ann)
    name = f"![boat]({media['url']})" if kind == "link" else media["id"]
    history = [
        {"role": "user", "content": "a boat"},
        {"role": "assistant", "content": "here"},
        {"role": "user", "content": f"make this blue: {name}"},
    ]
    mine = await door.chat("sketch", messages=history, headers=ann)
    assert mine.json["darkroom"]["generations"][0]["inputs"]
    theirs = await door.chat("sketch", messages=history, headers=bob)
    assert theirs.status == 200
    assert theirs.json["darkroom"]["generations"][0]["inputs"] == []
    sent = door.sketch.requests[-1]
    assert "sha256:" not in str(sent["messages"])
    report = theirs.json["darkroom"]
    # Of a link that leads nowhere for him he is told just that; it says no more than he wrote himself.
    gone = [{"id": media["id"], "reason": "it is not here any more"}] if kind == "link" else []
    assert [item for item in report["omitted"] if item["id"] == media["id"]] == gone
    assert media["id"] not in str({**report, "omitted": []})


async def test_the_same_bytes_of_another_give_nothing_away(door: Door, ann: Headers, bob: Headers) -> None:
    media = await door.picture("a red boat", headers=ann)
    data = (await door.get(media["url"])).data
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64.b64encode(data).decode()}"}}
    answer = await door.chat("sketch", [{"type": "text", "text": "in blue"}, part], headers=bob)
    generation = answer.json["darkroom"]["generations"][0]
    (used,) = generation["inputs"]
    assert used["media"] != media["id"]
    assert used["generation"] is None
    assert media["id"] not in answer.text
    assert media["generation"] not in answer.text
    theirs = (await door.get(f"/v1/media/{used['media']}", headers=bob)).json
    assert (theirs["origin"], theirs["generation"]) == ("uploaded", None)

    on_disk = stored(door.root)
    assert on_disk.media[used["media"]] == on_disk.media[media["id"]]
    assert len(on_disk.media) == 3
    assert len(on_disk.blobs) == 2


async def test_deleting_ones_own_leaves_the_others(door: Door, ann: Headers, bob: Headers) -> None:
    mine, theirs = await door.picture(headers=ann), await door.picture(headers=bob)
    assert mine["id"] != theirs["id"]
    assert len(stored(door.root).blobs) == 1
    assert (await door.send("DELETE", f"/v1/media/{mine['id']}", headers=ann)).json["deleted"] is True
    await door.gateway.sweeper.sweep(grace_ms=0)
    assert (await door.get(mine["url"])).status == 404
    assert (await door.get(theirs["url"])).status == 200


async def test_two_keys_of_one_owner_see_the_same(door: Door, ann: Headers) -> None:
    media = await door.picture(headers=ann)
    assert (await door.get(f"/v1/media/{media['id']}", headers=await key(door, "ann"))).status == 200
    assert id_of(media["url"]) == media["id"]
