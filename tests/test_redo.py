"""A generation once more: what it was asked with is on record, and goes to the same model or to another one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from darkroom.clock import new_id, now
from darkroom.dialects.image_params import picture_params
from darkroom.errors import DarkroomError, MalformedRequest, NotFound, UnknownModel, UpstreamBroken
from darkroom.generation import Generation, Input
from darkroom.generations import Recorder
from darkroom.ids import is_typeid
from darkroom.keys import Keys
from darkroom.redo import Redo, Redone
from darkroom.sketch import paint, read_ancestry
from darkroom.testing import serve
from dialects import DIALECTS, KEY, Emulated
from doors import Ended, command
from running import (
    PROFILES,
    House,
    Json,
    Scripted,
    content_of,
    links_in,
    message_of,
    pictures_in,
    row,
    running,
    sha256,
    text_of,
    user,
)

PHOTO = paint("a red barn", size=(640, 480)).data


def mask() -> bytes:
    """Return a mask of that size, transparent everywhere."""
    file = BytesIO()
    Image.new("RGBA", (640, 480)).save(file, "PNG")
    return file.getvalue()


async def redo(house: House, id: str, model: str | None = None) -> Redone:
    gateway = house.gateway
    return await Redo(gateway.database, gateway.providers, gateway.chat, gateway.lifts).run(id, model)


async def generation_of(house: House, answer: Json) -> Generation:
    (made,) = answer["darkroom"]["generations"]
    found = await house.gateway.database.generation("local", made["id"])
    assert found is not None
    return found


async def bytes_of(house: House, generation: Generation) -> bytes:
    (media,) = generation.outputs
    return await house.download(f"{house.url}/media/{media.id}.{media.extension}")


async def told(house: House, id: str) -> Json:
    async with house.http.get(f"/v1/generations/{id}") as response:
        found: Json = await response.json()
        return found


# What is recorded


async def test_what_the_picture_should_be_like_is_recorded(house: House) -> None:
    asked: Json = {
        "size": "1024x1536",
        "n": 2,
        "seed": 7,
        "image_config": {"aspect_ratio": "2:3", "colour": "no parameter"},
        "extra_body": {"google": {"image_config": {"image_size": "2K"}}, "secret": "x"},
        "temperature": 0.5,
        "sketch": {"delay": 0},
    }
    made = await generation_of(house, await house.ask("painter/images", "two boats", **asked))
    expected = {
        "size": "1024x1536",
        "n": 2,
        "seed": 7,
        "image_config": {"aspect_ratio": "2:3"},
        "extra_body": {"google": {"image_config": {"image_size": "2K"}}},
    }
    assert made.params == expected
    assert (await told(house, made.id))["params"] == expected


async def test_an_edit_through_another_door_is_recorded_too(house: House) -> None:
    """The Images API says some things in words of its own."""
    answer = await house.client.images.generate(
        model="painter/sketch", prompt="a boat", size="1024x1024", quality="high"
    )
    assert answer.data
    (made,) = await house.generations()
    assert {name: made.params[name] for name in ("size", "quality")} == {"size": "1024x1024", "quality": "high"}


async def test_what_the_upstream_says_of_it_counts_more(house: House) -> None:
    made = await generation_of(house, await house.ask("painter/relay", "a boat, 2:3", ratio="1:1", seed=3))
    assert made.params["seed"] == 3
    assert made.params["ratio"] == "2:3"
    assert made.params["prompt"]


async def test_a_crash_keeps_what_was_asked(house: House) -> None:
    target = house.gateway.providers.find("painter/sketch")
    recorder = Recorder(house.gateway.database, "local", target, "a boat", (), None, {"seed": 3})
    id = await recorder.begin()
    assert await house.gateway.database.fail_running_generations(now() + 1, {"code": "interrupted"}) == 1
    found = await house.gateway.database.generation("local", id)
    assert found is not None
    assert (found.status, found.params) == ("failed", {"seed": 3})


@pytest.mark.parametrize(
    ("params", "kept"),
    [
        ({}, {}),
        ({"size": None, "n": 0}, {"n": 0}),
        ({"image_config": "wide", "extra_body": ["x"], "google": None}, {}),
        ({"extra_body": {"extra_body": {"width": 5}}}, {"extra_body": {"extra_body": {"width": 5}}}),
        ({"model": "x", "tools": [1], "prompt": "y", "redo_of": "gen_x", "gen_id": "gen_y"}, {}),
        (
            {"generationConfig": {"imageConfig": {"aspectRatio": "1:1"}, "topP": 1}},
            {"generationConfig": {"imageConfig": {"aspectRatio": "1:1"}}},
        ),
    ],
)
def test_which_parameters_are_a_pictures(params: Json, kept: Json) -> None:
    assert picture_params(params) == kept


# Once more


async def test_a_picture_is_made_again(house: House) -> None:
    asked = {"size": "1024x1536", "image_config": {"aspect_ratio": "2:3"}, "seed": 7}
    first = await generation_of(house, await house.ask("painter/images", "a lighthouse in a storm", **asked))
    before = house.painter.requests[-1]
    again = (await redo(house, first.id)).generation
    after = house.painter.requests[-1]
    assert {name: after[name] for name in asked} == {name: before[name] for name in asked}
    assert text_of(after["messages"][0]) == "a lighthouse in a storm"
    assert len(after["messages"]) == 1
    assert again.id != first.id
    assert is_typeid(again.id, "gen")
    assert (again.status, again.prompt, again.provider, again.model) == ("completed", first.prompt, "painter", "images")
    assert again.params == {**asked, "redo_of": first.id}
    assert (again.outputs[0].width, again.outputs[0].height) == (first.outputs[0].width, first.outputs[0].height)
    assert again.outputs[0].id != first.outputs[0].id
    # And once more: it says what it was made again from, and no more than that.
    third = (await redo(house, again.id)).generation
    assert third.params == {**asked, "redo_of": again.id}
    assert "redo_of" not in house.painter.requests[-1]


async def test_an_edit_is_made_again_from_the_same_pixels(house: House) -> None:
    root = await house.ask("painter/sketch", "a lighthouse")
    boat = await house.ask("painter/sketch", user("a lighthouse"), message_of(root), user("add a boat"))
    await house.ask("painter/sketch", "something newer, which is not meant")
    made = await generation_of(house, boat)
    again = (await redo(house, made.id)).generation
    assert again.inputs == made.inputs
    parent = sha256(await bytes_of(house, await generation_of(house, root)))
    assert pictures_in(house.painter.requests[-1]["messages"][0]) == [parent]
    assert read_ancestry(await bytes_of(house, again))[-1].parents == (parent,)


async def test_several_inputs_keep_their_roles_and_their_order(house: House) -> None:
    media = [await house.upload(paint(name, size=(64, 64)).data) for name in ("base", "hero", "manner", "thing")]
    roles: Any = ("edited", "character", "style", "reference")
    inputs = tuple(Input(role, each.id) for role, each in zip(roles, media, strict=True))
    given = Generation(new_id("gen"), "local", "completed", "painter", "images", "all of it", now(), inputs=inputs)
    await house.gateway.database.add_generation(given)
    again = (await redo(house, given.id)).generation
    assert set(again.inputs) == set(inputs)
    assert pictures_in(house.painter.requests[-1]["messages"][0]) == [each.blob for each in media]


async def test_a_mask_stays_a_mask(tmp_path: Path) -> None:
    async with beside(tmp_path, DIALECTS["openai-images"]) as (house, upstream):
        made = await house.client.images.edit(
            model="up/gpt-image-2", prompt="a hat", image=("a.png", PHOTO), mask=("m.png", mask())
        )
        assert made.data
        (first,) = await house.generations()
        again = (await redo(house, first.id)).generation
        assert [item.role for item in again.inputs] == [item.role for item in first.inputs] == ["edited", "mask"]
        assert upstream.requests[-1].path == "/v1/images/edits"


@asynccontextmanager
async def beside(root: Path, upstream: Emulated) -> AsyncIterator[tuple[House, Any]]:
    """Run a gateway with the painter, and with the emulator of a dialect as `up`."""
    emulator = upstream.make(KEY)
    async with upstream.serve(emulator) as url, running(root, providers=[upstream.row(url, [KEY])]) as house:
        yield house, emulator


@pytest.mark.parametrize("name", DIALECTS)
async def test_another_backend_makes_it_from_the_same_pixels(tmp_path: Path, name: str) -> None:
    upstream = DIALECTS[name]
    async with beside(tmp_path, upstream) as (house, emulator):
        root = await house.ask("painter/images", "a lighthouse", size="1024x1536")
        boat = await house.ask("painter/images", f"add a boat to {root['darkroom']['generations'][0]['id']}")
        parent = await generation_of(house, root)
        again = (await redo(house, (await generation_of(house, boat)).id, upstream.model)).generation
        assert f"{again.provider}/{again.model}" == upstream.model
        assert again.params["redo_of"] == boat["darkroom"]["generations"][0]["id"]
        assert [(item.role, item.generation) for item in again.inputs] == [("edited", parent.id)]
        assert read_ancestry(await bytes_of(house, again))[-1].parents == (sha256(await bytes_of(house, parent)),)
        plain = (await redo(house, parent.id, upstream.model)).generation
        assert (plain.inputs, plain.prompt) == ((), "a lighthouse")
        assert emulator.requests


async def test_a_relays_generation_goes_to_another_backend(house: House) -> None:
    """What the relay said of it (its own ids, the prompt in its words) stays behind; the ratio goes along."""
    first = await house.ask("painter/relay", "a lighthouse, 2:3")
    boat = await house.ask("painter/relay", user("a lighthouse, 2:3"), message_of(first), user("add a boat"))
    made = await generation_of(house, boat)
    again = (await redo(house, made.id, "painter/images")).generation
    sent = house.painter.requests[-1]
    assert not {"prompt", "gen_id", "redo_of"} & set(sent)
    assert text_of(sent["messages"][0]) == "add a boat"
    assert len(pictures_in(sent["messages"][0])) == 1
    assert [item.role for item in again.inputs] == ["edited"]
    relayed = (await redo(house, made.id)).generation
    assert (relayed.status, [item.generation for item in relayed.inputs]) == (
        "completed",
        [(await generation_of(house, first)).id],
    )


@pytest.mark.parametrize("form", ["{link} at night", "![it]({link}) at night", "{id} at night", "{gen} at night"])
async def test_a_prompt_that_names_its_picture_sends_it_once(house: House, form: str) -> None:
    root = await house.ask("painter/images", "a lighthouse")
    link, gen = links_in(content_of(root))[0], root["darkroom"]["generations"][0]["id"]
    prompt = form.format(link=link, gen=gen, id=root["darkroom"]["media"][0]["id"])
    made = await generation_of(house, await house.ask("painter/images", prompt))
    again = (await redo(house, made.id)).generation
    assert (again.prompt, again.inputs) == (made.prompt, made.inputs)
    sent = house.painter.requests[-1]["messages"][0]
    assert len(pictures_in(sent)) == 1
    assert "at night" in text_of(sent)
    assert "/media/" not in text_of(sent)


async def test_a_prompt_that_names_something_else_is_not_read_again(house: House) -> None:
    """The row says what was meant: an id in the text, of a picture that was not taken, changes nothing."""
    one = await house.ask("painter/images", "a lighthouse")
    other = await generation_of(house, await house.ask("painter/images", "a barn"))
    given = replace(await generation_of(house, one), id=new_id("gen"), prompt=f"not like {other.id}", outputs=())
    await house.gateway.database.add_generation(given)
    again = (await redo(house, given.id)).generation
    assert again.inputs == ()
    assert pictures_in(house.painter.requests[-1]["messages"][0]) == []


async def test_it_belongs_to_whom_the_first_one_did(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        house.client.api_key = (await Keys(house.gateway.database).create("anna", None))[1]
        root = await house.ask("painter/images", "a lighthouse")
        boat = await house.ask("painter/images", f"add a boat to {root['darkroom']['generations'][0]['id']}")
        again = (await redo(house, boat["darkroom"]["generations"][0]["id"])).generation
        assert (again.owner, again.outputs[0].owner) == ("anna", "anna")
        assert len(again.inputs) == 1
        assert await house.generations("local") == []


async def test_unfinished_versions_leave_nothing(house: House) -> None:
    made = await generation_of(house, await house.ask("painter/images-partials", "a boat", partial_images=2))
    again = (await redo(house, made.id)).generation
    assert len(again.outputs) == 1
    assert house.parts() == []


# What can't be done again


async def refused(house: House, id: str, kind: type[DarkroomError], *words: str, model: str | None = None) -> None:
    """Check that nothing is asked and nothing recorded, and that the error says these words."""
    asked, known = len(house.painter.requests), await house.generations()
    with pytest.raises(kind) as caught:
        await redo(house, id, model)
    assert type(caught.value) is kind
    assert all(word in caught.value.message for word in words), caught.value.message
    assert len(house.painter.requests) == asked
    assert await house.generations() == known


async def test_what_is_not_known_is_not_made_again(house: House) -> None:
    for id in ("gen_unknown", "", "media_x", "gen_" + "0" * 9000):
        await refused(house, id, NotFound, id[:64])
    made = await generation_of(house, await house.ask("painter/images", "a boat"))
    await refused(house, made.id, UnknownModel, "nobody/here", model="nobody/here")


async def test_a_model_that_makes_nothing_is_not_asked(house: House) -> None:
    made = await generation_of(house, await house.ask("painter/images", "a boat"))
    await refused(house, made.id, MalformedRequest, "painter/text", model="painter/text")


async def test_a_deleted_input_is_named(house: House) -> None:
    photo = await house.upload(PHOTO)
    made = await generation_of(house, await house.ask("painter/images", f"make {photo.id} blue"))
    assert await house.gateway.database.delete_media("local", photo.id, now())
    await refused(house, made.id, NotFound, photo.id, "deleted")


async def test_a_parent_that_was_made_elsewhere_is_named(house: House) -> None:
    """A transcript of another gateway: its second picture was made from one that never was here."""
    database = house.gateway.database
    rows = [
        Generation(new_id("gen"), "local", "imported", "painter", "relay", "a cow", now()),
        Generation(new_id("gen"), "local", "imported", "painter", "relay", "a cloth over its face", now()),
        Generation(new_id("gen"), "local", "imported", "painter", "relay", "a hat", now(), inputs=(Input("edited"),)),
    ]
    rows[1] = replace(rows[1], inputs=(Input("edited", generation=rows[0].id),))
    for each in rows:
        await database.add_generation(each)
    await refused(house, rows[1].id, NotFound, rows[0].id, "not here")
    await refused(house, rows[2].id, NotFound, rows[2].id, "not here")
    # The first one was made from nothing: its prompt is all that it takes. Then the second can be made, too.
    assert (await redo(house, rows[0].id)).generation.status == "completed"


async def test_words_instead_of_a_picture_are_an_error(tmp_path: Path) -> None:
    script = Scripted([{"content": "I would rather talk about it."}])
    async with (
        serve(script.app) as url,
        running(tmp_path, providers=[row("talker", url, profile="image-chat")]) as house,
    ):
        made = await generation_of(house, await house.ask("painter/images", "a boat"))
        with pytest.raises(UpstreamBroken, match="I would rather talk about it"):
            await redo(house, made.id, "talker/image")


async def test_a_refusal_of_the_upstream_is_told(house: House) -> None:
    made = await generation_of(house, await house.ask("painter/images", "a boat"))
    with pytest.raises(DarkroomError) as caught:
        await redo(house, made.id, "painter/fail-policy")
    assert caught.value.fault == "upstream"
    assert len(await house.generations()) == 1


# The command


async def run(house: House, *words: str) -> Ended:
    """Run `darkroom media redo` in a process of its own, beside the running gateway."""
    profiles = ", ".join(f'"{pattern}" = "{name}"' for pattern, name in PROFILES.items())
    config = f"""
        sketch = false
        [server]
        public_url = "{house.url}"
        [[providers]]
        name = "painter"
        base_url = "{house.painter_url}/v1"
        api_key = "sesame"
        profiles = {{ {profiles} }}
    """
    (house.root / "darkroom.toml").write_text(config, "utf-8")
    return await command(house.root, "media", "redo", *words)


async def test_the_command_runs_beside_a_server(house: House) -> None:
    made = await generation_of(house, await house.ask("painter/images", "a boat", seed=3))
    busy = Generation(new_id("gen"), "local", "running", "painter", "images", "in the making", now() - 1000)
    await house.gateway.database.add_generation(busy)
    done = await run(house, made.id)
    assert (done.code, done.err) == (0, "")
    id, link = done.out.split()
    assert link.startswith(f"{house.url}/media/media_")
    again = await house.gateway.database.generation("local", id)
    assert again is not None
    assert again.params == {"seed": 3, "redo_of": made.id}
    assert sha256(await house.download(link)) == again.outputs[0].blob
    # What the server is making is not ended by somebody who only came by.
    assert await house.gateway.database.generation("local", busy.id) == busy


async def test_the_command_prints_json(house: House) -> None:
    made = await generation_of(house, await house.ask("painter/images", "a boat"))
    done = await run(house, made.id, "--model", "painter/markdown-base64", "--output", "json")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert (found["model"], found["params"]) == ("painter/markdown-base64", {"redo_of": made.id})
    assert found == await told(house, found["id"])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("gen_unknown",), 1, "gen_unknown"),
        (("{id}", "--model", "nobody/here"), 1, "nobody/here"),
        (("{id}", "--model", "painter/text"), 1, "painter/text"),
        (("{id}", "--model", "painter/fail-policy"), 1, ""),
        (("{id}", "--output", "xml"), 2, "xml"),
        ((), 2, "ID"),
    ],
)
async def test_the_command_fails_in_one_line(house: House, words: tuple[str, ...], code: int, said: str) -> None:
    made = await generation_of(house, await house.ask("painter/images", "a boat"))
    done = await run(house, *(word.format(id=made.id) for word in words))
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert "Traceback" not in done.err
    assert code == 2 or len(done.err.splitlines()) == 1


async def test_a_picture_that_can_not_be_copied_is_told(tmp_path: Path) -> None:
    script = Scripted([{"content": "![it](http://10.0.0.1/it.png)"}])
    async with serve(script.app) as url, running(tmp_path, providers=[row("far", url, profile="image-chat")]) as house:
        made = await generation_of(house, await house.ask("painter/images", "a boat"))
        redone = await redo(house, made.id, "far/image")
        assert (redone.lost, redone.generation.outputs) == (("http://10.0.0.1/it.png",), ())


async def test_a_picture_that_the_other_model_does_not_take_is_told(house: House) -> None:
    root = await house.ask("painter/sketch", "a lighthouse")
    boat = await house.ask("painter/sketch", user("a lighthouse"), message_of(root), user("add a boat"))
    made = await generation_of(house, boat)
    config = f"""
        sketch = false
        [server]
        public_url = "{house.url}"
        [[providers]]
        name = "blind"
        base_url = "{house.painter_url}/v1"
        api_key = "sesame"
        profile = {{ base = "image-chat", sees = [] }}
    """
    (house.root / "darkroom.toml").write_text(config, "utf-8")
    done = await command(house.root, "media", "redo", made.id, "--model", "blind/images", "--output", "json")
    assert done.code == 0
    assert json.loads(done.out)["inputs"] == []
    (line,) = done.err.splitlines()
    assert line.startswith(f"`{made.inputs[0].media}` was not sent: ")
