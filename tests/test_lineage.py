"""The lineage door: from where a picture came and what became of it, as JSON and for Graphviz."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from darkroom.database import Database
from darkroom.database.backends import Rows
from darkroom.generation import Generation, Input
from darkroom.keys import Keys
from darkroom.lineage import MOST, lineage_of, shortened
from darkroom.sketch import paint
from dot import read_dot
from running import House, Json, content_of, data_uri, links_in, message_of, picture, running, user

DOT = "text/vnd.graphviz"
PHOTO = paint("a red barn", size=(640, 480)).data


async def asked(house: House, id: str, query: str = "", **headers: str) -> tuple[int, str, str]:
    """Return status, type and body of the lineage of a generation."""
    async with house.http.get(f"/v1/generations/{id}/lineage{query}", headers=headers) as response:
        return response.status, response.content_type, await response.text()


async def lineage(house: House, id: str, **headers: str) -> Json:
    async with house.http.get(f"/v1/generations/{id}/lineage", headers=headers) as response:
        assert response.status == 200, await response.text()
        found: Json = await response.json()
        return found


def ids(nodes: list[Json]) -> list[str]:
    return [node["id"] for node in nodes]


def made_by(answer: Json) -> str:
    (generation,) = answer["darkroom"]["generations"]
    id: str = generation["id"]
    return id


async def made(database: Database, name: str, *inputs: Input, **fields: Any) -> str:
    """Record a generation without a request."""
    id = f"gen_{name}"
    whole = Generation(id, "local", "completed", "painter", "sketch", f"prompt of {name}", 1000, inputs=inputs)
    await database.add_generation(replace(whole, **fields))
    return id


def edits(name: str) -> Input:
    return Input("edited", generation=f"gen_{name}")


async def test_a_chat_becomes_a_tree(house: House) -> None:
    """A lighthouse, a boat into it, a whale into the lighthouse again, the night over the whale."""
    root = await house.ask("painter/sketch", "a lighthouse in a storm")
    boat = await house.ask("painter/sketch", f"add a boat to {made_by(root)}")
    whale = await house.ask("painter/sketch", f"add a whale to {made_by(root)}")
    night = await house.ask("painter/sketch", f"{made_by(whale)} at night")

    told = await lineage(house, made_by(whale))
    assert (told["id"], told["object"], told["truncated"]) == (made_by(whale), "lineage", False)
    assert told["generation"]["prompt"] == f"add a whale to {made_by(root)}"
    assert [(node["id"], node["depth"]) for node in told["ancestors"]] == [(made_by(root), 1)]
    assert [(node["id"], node["depth"]) for node in told["children"]] == [(made_by(night), 1)]
    assert told["descendants"] == told["children"]
    assert ids(told["siblings"]) == [made_by(boat)]
    assert told["uploads"] == []
    (edge,) = [edge for edge in told["edges"] if edge["to"] == made_by(night)]
    (shown,) = whale["darkroom"]["media"]
    assert edge == {"from": made_by(whale), "to": made_by(night), "role": "edited", "media": shown["id"]}
    assert told["generation"]["media"] == [shown]
    assert await house.download(told["ancestors"][0]["media"][0]["url"]) == await house.download(
        links_in(content_of(root))[0]
    )

    far = await lineage(house, made_by(night))
    assert [(node["id"], node["depth"]) for node in far["ancestors"]] == [(made_by(whale), 1), (made_by(root), 2)]
    assert [(node["id"], node["depth"]) for node in (await lineage(house, made_by(root)))["descendants"]] == [
        (made_by(boat), 1),
        (made_by(whale), 1),
        (made_by(night), 2),
    ]


async def test_uploads_and_roles_are_shown(house: House) -> None:
    root = await house.ask("painter/sketch", "a knight")
    both = await house.ask(
        "painter/sketch", user("put him there", picture(links_in(content_of(root))[0]), picture(data_uri(PHOTO)))
    )
    told = await lineage(house, made_by(both))
    (upload,) = told["uploads"]
    assert (upload["kind"], upload["width"], upload["height"], upload["deleted"]) == ("image", 640, 480, False)
    roles = {edge["from"]: edge["role"] for edge in told["edges"]}
    assert roles == {made_by(root): "edited", upload["id"]: "reference"}
    async with house.http.get(f"/v1/generations/{made_by(both)}") as response:
        inputs = (await response.json())["inputs"]
    assert inputs == told["generation"]["inputs"]
    assert {item["role"]: (item["media"], item["generation"]) for item in inputs} == {
        "edited": (root["darkroom"]["media"][0]["id"], made_by(root)),
        "reference": (upload["id"], None),
    }

    await house.http.delete(f"/v1/media/{upload['id']}")
    (gone,) = (await lineage(house, made_by(both)))["uploads"]
    assert gone == {**upload, "deleted": True, "url": None}


async def test_what_was_made_from_one_upload_are_siblings(house: House) -> None:
    shown = picture(data_uri(PHOTO))
    one = await house.ask("painter/sketch", user("make it blue", shown))
    other = await house.ask("painter/sketch", user("make it green", shown))
    assert ids((await lineage(house, made_by(one)))["siblings"]) == [made_by(other)]


@pytest.mark.parametrize(
    ("query", "accept", "kind"),
    [
        ("", "*/*", "application/json"),
        ("", DOT, DOT),
        ("", f"text/html, {DOT};q=0.9, */*;q=0.1", DOT),
        ("", f"application/json, {DOT};q=0.5", "application/json"),
        ("", f"{DOT};q=0", "application/json"),
        ("", f"{DOT};q=²", "application/json"),
        ("?format=dot", "application/json", DOT),
        ("?format=json", DOT, "application/json"),
    ],
)
async def test_the_form_is_chosen_by_query_or_header(house: House, query: str, accept: str, kind: str) -> None:
    id = await made(house.gateway.database, "a")
    status, found, body = await asked(house, id, query, accept=accept)
    assert (status, found) == (200, kind)
    assert body.startswith("digraph" if kind == DOT else "{")


async def test_a_form_that_nobody_knows_is_refused(house: House) -> None:
    id = await made(house.gateway.database, "a")
    assert (await asked(house, id, "?format=svg"))[0] == 400


async def test_the_graph_for_graphviz(house: House) -> None:
    prompt = 'a "quoted" cow\nwith a \\backslash\\ & <b>a cloth</b> 画个牛马 ' + "over its face " * 40
    root = await house.ask("painter/sketch", prompt)
    both = await house.ask(
        "painter/sketch", user("put it there", picture(links_in(content_of(root))[0]), picture(data_uri(PHOTO)))
    )
    _, _, body = await asked(house, made_by(both), "?format=dot")
    drawn = read_dot(body)
    (upload,) = (await lineage(house, made_by(both)))["uploads"]
    assert set(drawn.nodes) == {made_by(root), made_by(both), upload["id"]}
    assert drawn.nodes[made_by(root)]["URL"] == links_in(content_of(root))[0]
    assert drawn.nodes[upload["id"]]["URL"] == upload["url"]
    first, facts, id = drawn.lines(made_by(root))
    assert first == shortened(prompt, 60)
    assert first.startswith('a "quoted" cow with a \\backslash\\ & <b>a cloth</b> 画个牛马 ')
    assert (facts.split()[0], id) == ("painter/sketch", made_by(root))
    assert sorted((tail, head, attributes["style"]) for tail, head, attributes in drawn.edges) == sorted(
        [(made_by(root), made_by(both), "solid"), (upload["id"], made_by(both), "dashed")]
    )


@pytest.mark.parametrize(
    "prompt", ["", "\\", '"', '\\"', "\x00\x1b[31m", "a" * 100_000, "🐈" * 200, "</script>&lt;", "\\N\\G\n\r\t"]
)
async def test_a_graph_is_valid_whatever_is_in_a_prompt(house: House, prompt: str) -> None:
    database = house.gateway.database
    await made(database, "root", prompt=prompt)
    id = await made(database, "child", edits("root"), prompt=prompt)
    drawn = read_dot((await asked(house, id, "?format=dot"))[2])
    assert set(drawn.nodes) == {"gen_root", "gen_child"}
    assert len(drawn.lines("gen_root")[0]) <= 60
    told = await lineage(house, id)
    assert len(told["ancestors"][0]["prompt"]) <= 4001
    assert told["ancestors"][0]["prompt"][:4000] == prompt.replace("\x00", "\ufffd")[:4000]


async def test_a_large_lineage_is_cut_where_it_is_farthest(house: House) -> None:
    database = house.gateway.database
    long = 600
    for number in range(2 * long + 1):
        inputs = (edits(f"{number - 1:04}"),) if number else ()
        await made(database, f"{number:04}", *inputs, created=number)
    told = await lineage(house, f"gen_{long:04}")
    assert told["truncated"] is True
    assert 1 + len(told["ancestors"]) + len(told["descendants"]) == MOST
    for nodes, step in ((told["ancestors"], -1), (told["descendants"], 1)):
        assert abs(len(nodes) - MOST // 2) <= 1
        assert ids(nodes) == [f"gen_{long + step * depth:04}" for depth in range(1, len(nodes) + 1)]
        assert [node["depth"] for node in nodes] == list(range(1, len(nodes) + 1))
    near = await lineage(house, "gen_0000")
    assert (len(near["descendants"]), near["truncated"]) == (MOST - 1, True)


async def test_bounds_count_uploads_too(house: House) -> None:
    database = house.gateway.database
    for number in range(4):
        await house.upload(paint(f"sheet {number}", size=(64, 64)).data)
    sheets = [media.id for media in await house.media()]
    await made(database, "root", *(Input("character", id) for id in sheets))
    await made(database, "child", edits("root"))
    whole = await lineage_of(database, "local", "gen_root")
    assert (len(whole.graph.generations), len(whole.graph.uploads), whole.graph.truncated) == (2, 4, False)
    assert not (await lineage_of(database, "local", "gen_root", 6)).graph.truncated
    less = await lineage_of(database, "local", "gen_root", 5)
    assert (len(less.graph.generations) + len(less.graph.uploads), less.graph.truncated) == (5, True)
    only = await lineage_of(database, "local", "gen_root", 1)
    assert (list(only.graph.generations), only.graph.uploads, only.graph.edges) == (["gen_root"], {}, ())


async def test_a_circle_and_a_parent_elsewhere_do_no_harm(house: House) -> None:
    database = house.gateway.database
    await made(database, "one", edits("two"))
    await made(database, "two", edits("one"), edits("elsewhere"), Input("style"))
    told = await lineage(house, "gen_one")
    assert ids(told["ancestors"]) == ids(told["descendants"]) == ["gen_two"]
    assert {(edge["from"], edge["to"]) for edge in told["edges"]} == {("gen_one", "gen_two"), ("gen_two", "gen_one")}
    read_dot((await asked(house, "gen_one", "?format=dot"))[2])


async def test_a_diamond_has_its_nodes_once(house: House) -> None:
    database = house.gateway.database
    await made(database, "a", created=1)
    await made(database, "b", edits("a"), created=2)
    await made(database, "c", edits("a"), edits("b"), created=3)
    told = await lineage(house, "gen_c")
    assert [(node["id"], node["depth"]) for node in told["ancestors"]] == [("gen_a", 1), ("gen_b", 1)]
    assert ids((await lineage(house, "gen_b"))["siblings"]) == ["gen_c"]
    assert len(read_dot((await asked(house, "gen_b", "?format=dot"))[2]).nodes) == 3


async def test_the_number_of_queries_does_not_grow(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    database, asked = house.gateway.database, []
    for number in range(40):
        await made(database, f"{number:04}", *((edits(f"{number - 1:04}"),) if number else ()))
    await made(database, "pair", edits("0039"))
    await made(database, "child", edits("elsewhere"))
    fetch = Rows._fetch

    async def counted(rows: Rows, connection: Any, query: str, **params: Any) -> Any:
        asked.append(query)
        return await fetch(rows, connection, query, **params)

    monkeypatch.setattr(Rows, "_fetch", counted)
    counts = []
    for id, nodes in (("gen_child", 1), ("gen_0020", 41)):
        asked.clear()
        assert len((await lineage_of(database, "local", id)).graph.generations) == nodes
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 8


@pytest.mark.parametrize("id", ["gen_unknown", "gen_" + "0" * 5000, "media_x", "%00", "é"])
async def test_what_is_not_there_is_not_found(house: House, id: str) -> None:
    for query in ("", "?format=dot"):
        status, kind, body = await asked(house, id, query)
        assert (status, kind) == (404, "application/json"), body
        assert "not_found" in body


async def test_another_owners_lineage_is_not_found(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        keys = Keys(house.gateway.database)
        secrets = {owner: (await keys.create(owner, None))[1] for owner in ("anna", "bert")}
        headers = {owner: {"authorization": f"Bearer {secret}"} for owner, secret in secrets.items()}
        house.client.api_key = secrets["anna"]
        root = await house.ask("painter/sketch", "a lighthouse")
        child = await house.ask("painter/sketch", f"add a boat to {made_by(root)}")
        for id in (made_by(root), made_by(child)):
            assert (await asked(house, id, **headers["bert"]))[0] == 404
            assert (await asked(house, id))[0] == 401
            assert ids((await lineage(house, id, **headers["anna"]))["ancestors"]) in ([], [made_by(root)])
        # Naming it in a chat of one's own gives nothing away, and makes no edge.
        house.client.api_key = secrets["bert"]
        mine = await house.ask("painter/sketch", f"add a boat to {made_by(root)}")
        assert (await lineage(house, made_by(mine), **headers["bert"]))["ancestors"] == []
        assert made_by(mine) not in ids((await lineage(house, made_by(root), **headers["anna"]))["descendants"])


# Branching by naming any node, in a conversation that knows nothing of it


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", ["generation", "media", "link", "markdown", "part"])
async def test_a_new_conversation_branches_from_any_node(house: House, name: str, stream: bool) -> None:
    """The one in the middle of a chat is named in a chat of its own: its pixels go there, and its lineage goes on."""
    messages: list[Any] = []
    answers: list[Json] = []
    for prompt in ("a lighthouse in a storm", "add a small red boat", "make the sky green"):
        answers.append(await house.ask("painter/sketch", *messages, prompt))
        messages += [user(prompt), message_of(answers[-1])]
    middle = answers[1]
    (shown,) = middle["darkroom"]["media"]
    url = shown["url"]
    said: dict[str, Any] = {
        "generation": f"add a whale to {made_by(middle)}, please",
        "media": f"add a whale to {shown['id']}, please",
        "link": f"add a whale to {url} please",
        "markdown": f"![the boat]({url}) add a whale",
        "part": user("add a whale", picture(url)),
    }
    house.painter.requests.clear()
    branch = await house.ask("painter/sketch", said[name], stream=stream)
    (sent,) = house.painter.requests
    assert len([part for part in sent["messages"][-1]["content"] if part["type"] == "image_url"]) == 1
    told = await lineage(house, made_by(branch))
    assert ids(told["ancestors"]) == [made_by(middle), made_by(answers[0])]
    assert ids(told["siblings"]) == [made_by(answers[2])]
    (edge,) = [edge for edge in told["edges"] if edge["to"] == made_by(branch)]
    assert (edge["role"], edge["media"]) == ("edited", shown["id"])


async def test_two_nodes_are_named_at_once(house: House) -> None:
    one = await house.ask("painter/sketch", "a knight")
    other = await house.ask("painter/sketch", "a dragon")
    both = await house.ask("painter/sketch", f"{made_by(one)} fights {made_by(other)}")
    assert set(ids((await lineage(house, made_by(both)))["ancestors"])) == {made_by(one), made_by(other)}


async def test_several_branches_at_once_stay_apart(house: House) -> None:
    roots = [await house.ask("painter/sketch", f"a house with {number} windows") for number in range(4)]
    asking = [house.ask("painter/sketch", f"paint {made_by(root)} red") for root in roots for _ in range(3)]
    answers = await asyncio.gather(*asking)
    for number, answer in enumerate(answers):
        assert ids((await lineage(house, made_by(answer)))["ancestors"]) == [made_by(roots[number // 3])]
    assert len(ids((await lineage(house, made_by(answers[0])))["siblings"])) == 2


async def test_the_door_serves_a_plain_client(house: House) -> None:
    """No header at all, and HEAD."""
    id = await made(house.gateway.database, "a")
    async with aiohttp.ClientSession(skip_auto_headers=("accept", "user-agent")) as client:
        async with client.get(f"{house.url}/v1/generations/{id}/lineage") as response:
            assert (response.status, response.content_type) == (200, "application/json")
        async with client.head(f"{house.url}/v1/generations/{id}/lineage?format=dot") as response:
            assert (response.status, response.content_type) == (200, DOT)
