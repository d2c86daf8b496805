"""`darkroom media tree`: the forest of what was made, as text, as JSON and for Graphviz."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from darkroom.cli.tree import drawn
from darkroom.database import Database
from darkroom.errors import NotFound
from darkroom.forest import Forest, newest_trees, tree_of
from darkroom.generation import Generation, Input
from darkroom.media import Media
from doors import command
from dot import read_dot
from running import House, content_of, links_in, picture, user
from test_database import OTHER, db, postgres, sha, url

__all__ = ["db", "postgres", "url"]


async def grow(db: Database, name: str, *inputs: Input, created: int = 0, **fields: Any) -> None:
    """Record a generation with one picture of its own."""
    owner = fields.get("owner", "local")
    whole = Generation(f"gen_{name}", owner, "completed", "relay", "image", f"prompt of {name}", created, inputs=inputs)
    await db.add_generation(replace(whole, **fields))
    await upload(db, name, owner=owner, generation=f"gen_{name}", origin="generated")


async def upload(db: Database, name: str, **fields: Any) -> None:
    media = Media(f"media_{name}", "local", sha(name), "image/png", 9, "uploaded", 0, 64, 48)
    await db.add_media(replace(media, **fields), 1)


def of(name: str, role: Any = "edited") -> Input:
    return Input(role, f"media_{name}")


def shape(forest: Forest) -> list[str]:
    """Return the trees without anything but branches and names."""
    lines = []
    for line in drawn(forest, "http://x"):
        head, _, rest = line.partition("gen_") if "gen_" in line.split("+")[0] else line.partition("media_")
        lines.append(head + rest.split()[0])
    return lines


async def orchard(db: Database) -> None:
    """Grow two trees, one of them from a photo; the newest picture of the first is also material in the second."""
    await upload(db, "photo", filename="我的 photo.png")
    await grow(db, "a", created=1)
    await grow(db, "b", of("a"), created=2)
    await grow(db, "c", of("b"), created=3)
    await grow(db, "d", of("a"), created=4)
    await grow(db, "p", of("photo"), created=5)
    await grow(db, "q", of("d", "style"), of("p"), created=6)
    await grow(db, "r", of("p", "reference"), of("c", "character"), created=7)


async def test_the_newest_trees_come_first_and_each_node_once(db: Database) -> None:
    await orchard(db)
    forest = await newest_trees(db, 20)
    assert shape(forest) == [
        "photo",
        "└─ p",
        "   ├─ q",
        "   └─ (reference) r",
        "a",
        "├─ b",
        "│  └─ c",
        "└─ d",
    ]
    assert shape(await newest_trees(db, 1)) == ["photo", "└─ p", "   ├─ q", "   └─ (reference) r"]


async def test_a_limit_counts_trees(db: Database) -> None:
    for number in range(5):
        await grow(db, f"{number}", created=number)
        await grow(db, f"{number}x", of(f"{number}"), created=10 + number)
    assert shape(await newest_trees(db, 2)) == ["4", "└─ 4x", "3", "└─ 3x"]


@pytest.mark.parametrize("name", ["gen_a", "gen_b", "gen_c", "gen_d", "media_c"])
async def test_the_tree_in_which_something_stands(db: Database, name: str) -> None:
    await orchard(db)
    forest = await tree_of(db, name)
    assert forest.roots == ("gen_a",)
    # What used the tree's pictures as material hangs on them here, since what it edits is not in this tree.
    assert shape(forest) == [
        "a",
        "├─ b",
        "│  └─ c",
        "│     └─ (character) r",
        "└─ d",
        "   └─ (style) q",
    ]
    assert forest.node_of(name) == name.replace("media", "gen")


@pytest.mark.parametrize("name", ["media_photo", "gen_p", "gen_q", "media_r"])
async def test_a_tree_may_begin_with_an_upload(db: Database, name: str) -> None:
    await orchard(db)
    await grow(db, "p2", of("photo"), created=8)
    forest = await tree_of(db, name)
    assert forest.roots == ("media_photo",)
    assert shape(forest) == ["photo", "├─ p", "│  ├─ q", "│  └─ (reference) r", "└─ p2"]


async def test_an_upload_of_which_nothing_was_made_stands_alone(db: Database) -> None:
    await orchard(db)
    await upload(db, "unused")
    assert shape(await tree_of(db, "media_unused")) == ["unused"]


@pytest.mark.parametrize("name", ["gen_no", "media_no", "", "x" * 9000])
async def test_what_is_not_there_has_no_tree(db: Database, name: str) -> None:
    await orchard(db)
    with pytest.raises(NotFound, match=f"`{name[:64]}`"):
        await tree_of(db, name)


async def test_further_inputs_and_states_are_told(db: Database) -> None:
    await orchard(db)
    await grow(db, "s", of("p"), of("photo", "mask"), Input("style"), created=8, status="running", progress=40)
    await grow(db, "t", of("p"), created=9, status="failed", prompt="bad\x1b[31m\nnews " + "x" * 99)
    await db.delete_media("local", "media_photo", 7)
    lines = {
        line.partition("gen_")[2].partition(" ")[0]: line for line in drawn(await tree_of(db, "gen_p"), "http://x")
    }
    assert "(reference)" in lines["r"]
    assert lines["r"].endswith("http://x/media/media_r.png + character media_c")
    assert lines["q"].endswith("+ style media_d")
    assert " running 40% " in lines["s"]
    assert lines["s"].endswith("+ mask media_photo + style of something that is not here")
    assert " failed " in lines["t"]
    assert '"bad [31m news xxx' in lines["t"]
    assert "\x1b" not in "".join(lines.values())
    # What it was called is gone with it.
    assert lines[""].startswith("media_photo uploaded 64x48 ")
    assert lines[""].endswith("deleted local")


async def test_the_operator_sees_everybodys_trees_and_whose_they_are(db: Database) -> None:
    await orchard(db)
    await grow(db, "o", created=9, owner=OTHER)
    first, *_ = drawn(await newest_trees(db, 9), "http://x")
    assert first.startswith("gen_o ")
    assert first.endswith(OTHER)
    assert shape(await tree_of(db, "media_o")) == ["o"]


async def test_a_large_tree_is_cut_but_not_at_what_was_asked_for(db: Database) -> None:
    for number in range(30):
        await grow(db, f"{number:02}", *((of(f"{number - 1:02}"),) if number else ()), created=number)
        await grow(db, f"{number:02}x", of(f"{number:02}"), created=100 + number)
    forest = await tree_of(db, "gen_20", 25)
    assert (len(forest.graph.generations), forest.graph.truncated) == (25, True)
    assert {f"gen_{number:02}" for number in range(21)} <= set(forest.graph.generations)
    deep = await tree_of(db, "gen_29", 10)
    assert (len(deep.graph.generations), deep.graph.truncated) == (10, True)
    assert "gen_29" in deep.graph.generations
    assert (await newest_trees(db, 5, 7)).graph.truncated
    assert not (await newest_trees(db, 5, 60)).graph.truncated


async def test_a_deep_tree_can_be_drawn(db: Database) -> None:
    for number in range(999):
        await db.add_generation(
            Generation(
                f"gen_{number:04}",
                "local",
                "completed",
                "relay",
                "image",
                "",
                number,
                inputs=(Input("edited", generation=f"gen_{number - 1:04}"),) if number else (),
            )
        )
    assert len(list(drawn(await tree_of(db, "gen_0500"), "http://x"))) == 999


async def test_a_circle_ends(db: Database) -> None:
    await grow(db, "one", Input("edited", generation="gen_two"))
    await grow(db, "two", of("one"))
    assert set((await tree_of(db, "gen_one")).graph.generations) == {"gen_one", "gen_two"}


# The command


async def chat(house: House) -> dict[str, str]:
    """Make a lighthouse, a boat into it, a whale into it with a photo beside; return the ids by these words."""
    root = await house.ask("painter/sketch", "a lighthouse in a storm")
    gen = root["darkroom"]["generations"][0]["id"]
    boat = await house.ask("painter/sketch", f"add a boat to {gen}")
    photo = await house.upload((await house.download(links_in(content_of(boat))[0])) + b"\0", filename="whale.png")
    shown = picture(f"{house.url}/media/{photo.id}.png")
    whale = await house.ask("painter/sketch", user("add a whale", picture(links_in(content_of(root))[0]), shown))
    answers = {"root": root, "boat": boat, "whale": whale}
    found = {name: str(answer["darkroom"]["generations"][0]["id"]) for name, answer in answers.items()}
    return {**found, "photo": photo.id, "link": links_in(content_of(boat))[0]}


async def test_the_command_prints_trees(house: House) -> None:
    known = await chat(house)
    done = await command(house.root, "media", "tree", DARKROOM_SERVER_PUBLIC_URL=house.url)
    assert (done.code, done.err) == (0, "")
    root, boat, whale = done.out.splitlines()
    assert root.startswith(f'{known["root"]} "a lighthouse in a storm" painter/sketch 1024x1024 20')
    assert root.endswith(" local")
    assert links_in(root)
    assert boat.startswith(f"├─ {known['boat']} ")
    assert whale.startswith(f'└─ {known["whale"]} "add a whale" painter/sketch 1024x1024 20')
    assert whale.endswith(f"+ reference {known['photo']}")
    for name in (known["boat"], known["link"], known["link"].rpartition("/")[2].partition(".")[0]):
        marked = await command(house.root, "media", "tree", name, DARKROOM_SERVER_PUBLIC_URL=house.url)
        assert [line.endswith(" ◀") for line in marked.out.splitlines()] == [False, True, False], marked.out


async def test_the_command_prints_json_and_dot(house: House) -> None:
    known = await chat(house)
    told = json.loads((await command(house.root, "media", "tree", known["whale"], "--format", "json")).out)
    assert (told["object"], told["roots"], told["truncated"]) == ("forest", [known["root"]], False)
    assert {node["id"]: node["owner"] for node in told["generations"]} == dict.fromkeys(
        (known["root"], known["boat"], known["whale"]), "local"
    )
    assert [each["id"] for each in told["uploads"]] == [known["photo"]]
    roles = {(edge["from"], edge["to"]): edge["role"] for edge in told["edges"]}
    assert roles[known["photo"], known["whale"]] == "reference"
    done = await command(house.root, "media", "tree", known["whale"], "--format", "dot")
    graph = read_dot(done.out)
    assert {(tail, head): attributes["style"] for tail, head, attributes in graph.edges} == {
        (known["root"], known["boat"]): "solid",
        (known["root"], known["whale"]): "solid",
        (known["photo"], known["whale"]): "dashed",
    }


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("gen_unknown",), 1, "gen_unknown"),
        (("--limit", "0"), 2, "limit"),
        (("--format", "svg"), 2, "svg"),
    ],
)
async def test_the_command_says_what_is_wrong(tmp_path: Path, words: tuple[str, ...], code: int, said: str) -> None:
    done = await command(tmp_path, "media", "tree", *words)
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize("form", ["text", "json", "dot"])
async def test_an_empty_forest(tmp_path: Path, form: str) -> None:
    done = await command(tmp_path, "media", "tree", "--format", form)
    assert (done.code, done.err) == (0, "")
    match form:
        case "text":
            assert done.out == ""
        case "json":
            assert json.loads(done.out)["roots"] == []
        case _:
            assert read_dot(done.out).nodes == {}
