"""The graph of generations, on every database."""

from __future__ import annotations

from typing import Any

import pytest

from darkroom.database import PROMPT_CHARS, Database
from darkroom.generation import Generation, Input
from test_database import OTHER, db, kept, making, picture, postgres, url

__all__ = ["db", "postgres", "url"]


async def family(db: Database, owner: str = "local", mark: str = "") -> None:
    """Record a photo, a root made from it, two children, a grandchild of both, and somebody who has nothing to do
    with them."""
    await db.add_media(picture(f"photo{mark}", origin="uploaded", owner=owner), 1)
    rows: dict[str, tuple[Input, ...]] = {
        "root": (Input("edited", f"media_photo{mark}"),),
        "left": (Input("edited", f"media_root{mark}", f"gen_root{mark}"),),
        "right": (Input("edited", f"media_root{mark}"),),  # Without the generation: its media leads to it.
        "both": (Input("edited", f"media_left{mark}"), Input("style", f"media_right{mark}")),
        "alone": (),
    }
    for created, (name, inputs) in enumerate(rows.items()):
        made = making(f"{name}{mark}", owner=owner, status="completed", created=created, inputs=inputs)
        await kept(db, made, picture(f"{name}{mark}", owner=owner))


def names(ids: list[str]) -> list[str]:
    return [id.removeprefix("gen_") for id in ids]


async def test_above_are_all_that_it_was_made_from_the_nearest_first(db: Database) -> None:
    await family(db)
    above = names(await db.lineage.above("local", "gen_both", 9))
    assert above[0] == "both"
    assert set(above[1:3]) == {"left", "right"}
    assert above[3:] == ["root"]
    assert names(await db.lineage.above("local", "gen_root", 9)) == ["root"]
    assert await db.lineage.above("local", "gen_unknown", 9) == []


async def test_below_are_all_that_were_made_from_it_the_nearest_first(db: Database) -> None:
    await family(db)
    below = names(await db.lineage.below("local", ["gen_root"], 9))
    assert below[0] == "root"
    assert set(below[1:3]) == {"left", "right"}
    assert below[3:] == ["both"]
    assert set(names(await db.lineage.below("local", ["gen_left", "gen_alone"], 9))) == {"left", "alone", "both"}
    assert await db.lineage.below("local", [], 9) == []


async def test_beside_are_the_other_children_of_its_parents(db: Database) -> None:
    await family(db)
    assert names(await db.lineage.beside("local", "gen_left", 9)) == ["right"]
    assert await db.lineage.beside("local", "gen_both", 9) == []
    assert await db.lineage.beside("local", "gen_alone", 9) == []
    again = making("again", inputs=(Input("style", "media_photo"), Input("mask", "media_photo")))
    await db.add_generation(again)
    assert names(await db.lineage.beside("local", "gen_root", 9)) == ["again"]


async def test_a_walk_is_bounded(db: Database) -> None:
    await family(db)
    assert len(await db.lineage.above("local", "gen_both", 2)) == 2
    assert len(await db.lineage.below("local", ["gen_root"], 3)) == 3
    for number in range(5):
        await db.add_generation(making(f"x{number}", inputs=(Input("edited", "media_photo"),)))
    assert len(await db.lineage.beside("local", "gen_root", 3)) == 3
    assert len(await db.lineage.of_upload("local", "media_photo", 4)) == 4
    assert len(await db.lineage.roots(2)) == 2


async def test_a_circle_ends(db: Database) -> None:
    """Nothing here makes one, but a walk must end whatever the rows say."""
    await db.add_generation(making("one", inputs=(Input("edited", generation="gen_two"),)))
    await db.add_generation(making("two", inputs=(Input("edited", generation="gen_one"),)))
    assert names(await db.lineage.above("local", "gen_one", 9)) == ["one", "two"]
    assert names(await db.lineage.below("local", ["gen_one"], 9)) == ["one", "two"]


async def test_a_ladder_is_walked_once(db: Database) -> None:
    """Each is made from the two before it: the number of ways grows with Fibonacci, the nodes do not."""
    for number in range(60):
        before = [number - 1, number - 2]
        inputs = tuple(Input("reference", generation=f"gen_{each:02}") for each in before if each >= 0)
        await db.add_generation(making(f"{number:02}", inputs=inputs))
    assert len(await db.lineage.above("local", "gen_59", 1000)) == 60
    assert len(await db.lineage.below("local", ["gen_00"], 1000)) == 60


async def test_a_generation_that_is_not_here_is_no_parent(db: Database) -> None:
    await db.add_generation(making("child", inputs=(Input("edited", generation="gen_elsewhere"), Input("mask"))))
    assert names(await db.lineage.above("local", "gen_child", 9)) == ["child"]
    assert names(await db.lineage.roots(9)) == ["child"]


async def test_a_walk_stays_with_its_owner(db: Database) -> None:
    await family(db)
    stolen = making("stolen", owner=OTHER, inputs=(Input("edited", "media_root", "gen_root"),))
    await db.add_generation(stolen)
    for owner in ("local", None):
        assert "gen_stolen" not in await db.lineage.below(owner, ["gen_root"], 9)
    for owner in (OTHER, None):
        assert names(await db.lineage.above(owner, "gen_stolen", 9)) == ["stolen"]
    assert await db.lineage.beside("local", "gen_left", 9) == ["gen_right"]
    assert await db.lineage.of_upload(OTHER, "media_root", 9) == ["gen_stolen"]


async def test_the_operator_sees_every_owners(db: Database) -> None:
    await family(db)
    await family(db, OTHER, "s")
    assert set(names(await db.lineage.roots(9))) == {"root", "alone", "roots", "alones"}
    assert len(await db.lineage.below(None, ["gen_root", "gen_roots"], 99)) == 8
    assert [each.owner for each in await db.lineage.sketches(None, ["gen_root", "gen_roots"])] == ["local", OTHER]
    assert await db.owner_of_generation("gen_roots") == OTHER
    assert await db.owner_of_generation("gen_unknown") is None


async def test_roots_are_the_newest_first(db: Database) -> None:
    for number in (2, 0, 1):
        await db.add_generation(making(f"{number}"))
    assert names(await db.lineage.roots(2)) == ["2", "1"]


async def test_a_sketch_is_the_generation_without_what_a_graph_does_not_show(db: Database) -> None:
    await family(db)
    long = "长" * (PROMPT_CHARS + 1)
    full: dict[str, Any] = {"params": {"n": 1}, "replay": {"text": "x"}, "upstream_ids": {"gen_id": "g"}}
    await db.add_generation(making("long", prompt=long, created=9, progress=40, error={"code": "x"}, **full))
    await db.add_generation(making("just", prompt=long[1:], created=9))
    both, just, cut = await db.lineage.sketches("local", ["gen_long", "gen_both", "gen_just", "gen_unknown"])
    assert both == await db.generation("local", "gen_both")
    assert just.prompt == long[1:]
    assert cut == making("long", prompt=f"{long[1:]}…", created=9, progress=40)
    assert both.inputs == (
        Input("edited", "media_left", "gen_left"),
        Input("style", "media_right", "gen_right"),
    )


async def test_lineage_outlives_deletion(db: Database) -> None:
    await family(db)
    for id in ("media_photo", "media_root"):
        assert await db.delete_media("local", id, 77)
    assert names(await db.lineage.above("local", "gen_left", 9)) == ["left", "root"]
    photo, root = await db.lineage.media("local", ["media_photo", "media_root"])
    assert (photo.media.id, photo.media.blob, photo.deleted) == ("media_photo", "", 77)
    assert root.media.generation == "gen_root"
    (left,) = await db.lineage.media("local", ["media_left"])
    assert left.media == picture("left", generation="gen_left")
    assert left.deleted is None


@pytest.mark.parametrize("given", [None, "gen_other"])
async def test_media_leads_to_its_generation_unless_another_is_named(db: Database, given: str | None) -> None:
    await kept(db, making("root"), picture("one"))
    generation = making("child", inputs=(Input("edited", "media_one", given), Input("edited")))
    await db.add_generation(generation)
    found: Generation | None = await db.generation("local", "gen_child")
    assert found is not None
    assert found.inputs == (Input("edited", "media_one", given or "gen_root"), Input("edited"))
