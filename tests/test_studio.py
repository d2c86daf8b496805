"""The studio, through its doors: what each turn means arrives at the image model as pixels, and the client sees how."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import openai
import pytest
from PIL import Image

from darkroom.doctor import Doctor
from darkroom.errors import ConfigInvalid
from darkroom.gateway import Gateway
from darkroom.providers import provider_of
from darkroom.settings import Limits, ModelSettings, ProviderSettings, Server
from darkroom.sketch import paint, read_ancestry
from darkroom.testing import ImagesUpstream, PlannerUpstream, serve
from dialects import DIALECTS, KEY, Emulated
from doors import free_port, settings_of
from running import (
    House,
    Json,
    Scripted,
    as_json,
    assistant,
    content_of,
    data_uri,
    links_in,
    message_of,
    picture,
    pictures_in,
    row,
    running,
    sha256,
    text_of,
    user,
)
from test_matrix import CLIENTS, EDIT, FIRST, parents
from test_seeds import GENS, TURNS, serving, transcript
from test_staying_alive import until
from transcripts import turn as relay_turn

SHAPES = ("markdown", "parts", "images", "inline", "transcript")
CROWD = 200
PARENTS = [None, 0, 0, 1, 3]
"""Which of the pictures of seed 001 each is made from."""
INLINE = re.compile(r"\((data:[a-z]+/[a-z0-9]+;base64,[^)]+)\)")


def studio(image: str = "painter/images", **fields: Any) -> ModelSettings:
    return ModelSettings("studio", "studio", image, **fields)


@asynccontextmanager
async def opened(root: Path, row: ModelSettings | None = None, **told: Any) -> AsyncIterator[House]:
    """Run a gateway with a studio over the test's painter."""
    async with running(root, models=[row or studio()], **told) as house:
        yield house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path) as house:
        yield house


async def play(house: House, *turns: str | Json, **told: Any) -> list[Json]:
    """Say one thing after the other, as a client that keeps the whole messages; return the answers."""
    history: list[Json] = []
    answers: list[Json] = []
    for turn in turns:
        history.append(turn if isinstance(turn, dict) else user(turn))
        answers.append(await house.ask("studio", *history, **told))
        history.append(message_of(answers[-1]))
    return answers


async def made(house: House, answers: list[Json]) -> list[bytes]:
    """Return the bytes of each answer's one picture."""
    return [await house.download(answer["darkroom"]["media"][0]["url"]) for answer in answers]


def base_of(data: bytes, pictures: list[bytes]) -> int | None:
    """Return which picture another one was made from, by its own pixels' word."""
    found = [[sha256(each) for each in pictures].index(parent) for parent in parents(data)]
    return found[0] if found else None


def plan_of(answer: Json) -> Json:
    found: Json = answer["darkroom"]["plan"]
    return found


# Seed 001


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("output", SHAPES)
async def test_seed_001_on_a_fresh_gateway(tmp_path: Path, output: str, stream: bool) -> None:
    """With nothing configured at all, in every shape; the client sends back what it was given."""
    async with running(tmp_path, sketch=True) as house:
        answers = await play(house, *TURNS, output=output, stream=stream)
        pictures = await made(house, answers)
        assert [base_of(data, pictures) for data in pictures] == PARENTS
        ids = [answer["darkroom"]["generations"][0]["id"] for answer in answers]
        rows: list[Any] = [await house.gateway.database.generation("local", id) for id in ids]
        assert [ids.index(each.inputs[0].generation) if each.inputs else None for each in rows] == PARENTS
        assert [each.prompt for each in rows] == [plan_of(answer)["prompt"] for answer in answers]
        assert len(await house.media()) == 5


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("upstream", DIALECTS.values(), ids=lambda each: each.name)
async def test_seed_001_on_every_upstream(tmp_path: Path, upstream: Emulated, stream: bool) -> None:
    async with (
        upstream.serve(emulator := upstream.make(KEY)) as url,
        opened(tmp_path, studio(upstream.model), providers=[upstream.row(url, (KEY,))]) as house,
    ):
        pictures = await made(house, await play(house, *TURNS, stream=stream))
        assert [base_of(data, pictures) for data in pictures] == PARENTS
        assert len(emulator.requests) >= 5


SEED = re.compile(
    r"```\n(?P<plan>\{\n(?:  .*\n)+\})\n```\n\n\n\n"
    r"> ID: `task_[0-9a-z]{26}`\n"
    r"> 排队中\.+\n"
    r"> 生成中\.+\n"
    r"(?:> 进度 \d{1,2}%\.*\n)+"
    r"> 生成完成 ✅\n\n"
    r"> gen_id: `(?P<gen>gen_[0-9a-z]{26})`\n\n"
    r"!\[(?P=gen)\]\((?P<link>http://127\.0\.0\.1:\d+/media/media_[0-9a-z]{26}\.png)\)"
)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_a_transcript_is_the_text_of_the_seed(tmp_path: Path, stream: bool) -> None:
    async with opened(tmp_path, studio("painter/sketch", output="transcript")) as house:
        answers = await play(house, *TURNS, stream=stream)
    gens = []
    for answer, parent in zip(answers, PARENTS, strict=True):
        told = SEED.fullmatch(content_of(answer))
        assert told, content_of(answer)
        assert "reasoning_content" not in message_of(answer)
        lines = [f'  "prompt": "{plan_of(answer)["prompt"]}"', '  "ratio": "1:1"']
        lines += [] if parent is None else [f'  "gen_id": "{gens[parent]}"']
        assert told["plan"] == "{\n" + ",\n".join(lines) + "\n}"
        gens.append(told["gen"])
    assert gens == [answer["darkroom"]["generations"][0]["id"] for answer in answers]


async def test_progress_is_seen_in_every_shape(house: House) -> None:
    for output in ("markdown", "parts", "images", "inline"):
        message = message_of(await house.ask("studio", "a lighthouse", output=output, stream=True))
        told = message["reasoning_content"]
        assert told.startswith('```\n{\n  "prompt": "a lighthouse",\n  "ratio": "1:1"\n}\n```\n\n> Queuing')
        assert told.rstrip().endswith("> Generation complete ✅\nHere you go"), "the model's own words come last"


async def test_a_studio_has_a_shape_of_its_own(tmp_path: Path) -> None:
    async with opened(tmp_path, studio(output="parts")) as house:
        assert isinstance(content_of(await house.ask("studio", "a cat")), list)
        assert "> gen_id" in content_of(await house.ask("studio", "a cat", output="transcript"))


# Histories from elsewhere


async def test_another_services_transcripts_go_on_here(tmp_path: Path) -> None:
    """Seed 001 as its client has it: the pictures lie elsewhere, and the one that is meant is fetched."""
    drawn = {f"p{number}": paint(f"picture {number}").data for number in range(4)}
    async with serve(serving(**drawn)) as cdn, opened(tmp_path, allow=["127.0.0.1"]) as house:
        history: list[Json] = []
        for number in range(4):
            said = re.sub(r"\(https://\S+\)$", f"({cdn}/p{number}.png)", transcript(number))
            history += [user(TURNS[number]), assistant(said)]
        answer = await house.ask("studio", *history, user(TURNS[4]))
        (data,) = await made(house, [answer])
        assert parents(data) == (sha256(drawn["p3"]),)
        rows = {each.upstream_ids.get("gen_id", each.id): each for each in await house.generations()}
        assert [rows[gen].status for gen in GENS] == ["imported"] * 4
        (item,) = (await house.generations())[-1].inputs
        assert (item.role, item.generation) == ("edited", rows[GENS[3]].id)
        assert [media.origin for media in await house.media()] == ["fetched", "generated"]

        kept = [*history, user(TURNS[4]), message_of(answer)]
        again = await house.ask("studio", *kept, user("最开始的图片改一下吧，加一个太阳"))
        assert parents((await made(house, [again]))[0]) == (sha256(drawn["p0"]),)


async def test_a_picture_that_is_gone_is_told_in_words(tmp_path: Path) -> None:
    async with serve(serving()) as cdn, opened(tmp_path, allow=["127.0.0.1"]) as house:
        history: list[Json] = []
        for number in range(2):
            said = re.sub(r"\(https://\S+\)$", f"({cdn}/p{number}.png)", relay_turn(number))
            history += [user(TURNS[number]), assistant(said)]
        answer = await house.ask("studio", *history, user("再加一顶帽子"))
        asked = house.painter.requests[-1]["messages"][-1]
        assert text_of(asked) == "画个牛马\n牛的脸上遮个布\n再加一顶帽子"
        assert content_of(answer).endswith("所以是按文字重新画的。")
        omitted = [item["id"] for item in answer["darkroom"]["omitted"]]
        assert f"{cdn}/p1.png" in omitted
        new = (await house.generations())[-1]
        assert [(item.role, item.media) for item in new.inputs] == [("edited", None)]
        assert new.inputs[0].generation == (await house.generations())[1].id
        assert new.prompt == "再加一顶帽子"


async def test_old_histories_full_of_base64(house: House) -> None:
    """Pictures that another gateway made count as made, whatever form they are kept in."""
    cat, dog = paint("a cat").data, paint("a dog").data
    history = [user("a cat"), assistant(f"![x]({data_uri(cat)})"), user("a dog"), assistant("", images=[data_uri(dog)])]
    answer = await house.ask("studio", *history, user("go back to the first picture and add a hat"))
    assert parents((await made(house, [answer]))[0]) == (sha256(cat),)


# Which picture


async def test_an_upload_is_what_is_changed(house: House) -> None:
    photo = paint("my photo", size=(640, 480)).data
    answer = await house.ask("studio", user("make this a cartoon", picture(data_uri(photo))))
    assert parents((await made(house, [answer]))[0]) == (sha256(photo),)
    assert plan_of(answer)["media"][0]["generation"] is None
    assert plan_of(answer)["gen_id"] is None


async def test_an_upload_in_a_message_of_its_own(house: House) -> None:
    photo = paint("my photo", size=(640, 480)).data
    history = [user(picture(data_uri(photo))), user("make this a cartoon")]
    answer = await house.ask("studio", *history)
    assert parents((await made(house, [answer]))[0]) == (sha256(photo),)


@pytest.mark.parametrize("name", ["generation", "media", "link"])
async def test_a_picture_is_named_in_a_new_conversation(house: House, name: str) -> None:
    first, second = await play(house, "a cat", "a dog on a hill, a new picture")
    media = first["darkroom"]["media"][0]
    named = {"generation": media["generation"], "media": media["id"], "link": media["url"]}[name]
    answer = await house.ask("studio", f"take {named} and add a hat")
    pictures = await made(house, [first, second, answer])
    assert base_of(pictures[2], pictures) == 0
    assert media["url"] not in text_of(house.painter.requests[-1]["messages"][-1])


async def test_an_id_wins_in_a_long_chat(house: House) -> None:
    answers = await play(house, "a cat", "add a hat", "make it night")
    history: list[Json] = []
    for turn, answer in zip(("a cat", "add a hat", "make it night"), answers, strict=True):
        history += [user(turn), message_of(answer)]
    gen = answers[1]["darkroom"]["generations"][0]["id"]
    answer = await house.ask("studio", *history, user(f"{gen} but with a red scarf"))
    assert plan_of(answer)["gen_id"] == gen
    assert base_of((await made(house, [answer]))[0], await made(house, answers)) == 1


async def test_only_what_is_meant_is_sent(house: House) -> None:
    """Turn five costs what turn two costs: one turn, one picture; the rest is told as left out."""
    answers = await play(house, *TURNS)
    for request in [*house.painter.requests][1:]:
        (message,) = request["messages"]
        assert len(pictures_in(message)) == 1
    assert len(answers[4]["darkroom"]["omitted"]) == 3
    assert {item["reason"] for item in answers[4]["darkroom"]["omitted"]} == {"not needed for this turn"}


@pytest.mark.parametrize("output", SHAPES)
async def test_a_picture_is_shown_again(house: House, output: str) -> None:
    """Nothing is made, and what is said next is about that picture."""
    said = ("a cat", "add a hat", "show me the first picture again", "add a red scarf")
    answers = await play(house, *said, output=output)
    shown = answers[2]["darkroom"]
    assert shown["plan"]["operation"] == "answer"
    assert shown["generations"] == []
    assert shown["media"] == answers[0]["darkroom"]["media"]
    content = content_of(answers[2])
    if output == "inline":
        assert INLINE.search(content)
    else:
        assert links_in(message_of(answers[2])) == links_in(message_of(answers[0]))
    if output == "transcript":
        gen = shown["media"][0]["generation"]
        assert content.endswith(f"\n\n> gen_id: `{gen}`\n\n![{gen}]({shown['media'][0]['url']})")
        assert "complete" not in content
    assert len(await house.generations()) == 3
    pictures = await made(house, answers)
    assert base_of(pictures[3], pictures) == 0


async def test_low_confidence_is_told(tmp_path: Path) -> None:
    async with opened(tmp_path, studio(threshold=1.0)) as house:
        _, answer = await play(house, "a cat in the snow", "add a hat")
        link = links_in(content_of(answer))[0]
        assert content_of(answer) == (
            f"![image]({link})\n\nI took the picture of turn 1 “a cat in the snow”. If you meant another one, name its "
            "gen_id, or say for example “the first picture”."
        )
        _, answer = await play(house, "雪地里的猫", "加一顶帽子", output="transcript")
        assert content_of(answer).endswith(
            ")\n\n用的是第 1 轮画的图“雪地里的猫”。如果不是这一张，请说出要用那张的 gen_id，或者说“第一张图”之类。"
        )
        (made_anew,) = await play(house, "a dog")
        assert "I took" not in content_of(made_anew)
    async with opened(tmp_path, studio(threshold=0.0)) as house:
        _, answer = await play(house, "a cat", "add a hat")
        assert "I took" not in content_of(answer)


async def test_a_transcript_with_a_note_can_be_sent_back(tmp_path: Path) -> None:
    async with opened(tmp_path, studio(threshold=1.0, output="transcript")) as house:
        answers = await play(house, "a cat", "add a hat", "make the sky green")
        pictures = await made(house, answers)
        assert [base_of(data, pictures) for data in pictures] == [None, 0, 1]


# Several


@pytest.mark.parametrize("output", ["markdown", "transcript"])
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_several_at_once_from_a_painter_that_counts(tmp_path: Path, output: str, stream: bool) -> None:
    async with running(tmp_path, sketch=True) as house:
        answer = await house.ask("studio", "draw four pictures of a cat", output=output, stream=stream)
        media = answer["darkroom"]["media"]
        assert (len(media), len(links_in(content_of(answer)))) == (4, 4)
        assert len({each["generation"] for each in media}) == 1
        assert len({await house.download(each["url"]) for each in media}) == 4
        if output == "transcript":
            assert content_of(answer).count("> gen_id: ") == 4
            assert '"n": 4' in content_of(answer)
        history = ["draw four pictures of a cat", message_of(answer)]
        again = await house.ask("studio", *history, "add a hat to the third one")
        assert plan_of(again)["media"][0]["id"] == media[2]["id"]


async def test_a_painter_that_makes_one_is_asked_again(house: House) -> None:
    answer = await house.ask("studio", "a cat", n=3, output="transcript")
    asked = [request.get("n") for request in house.painter.requests]
    assert asked == [3, 2, None]
    media = answer["darkroom"]["media"]
    assert len({each["generation"] for each in media}) == 3
    for each in media:
        gen = each["generation"]
        assert f"\n\n> gen_id: `{gen}`\n\n![{gen}]({each['url']})" in content_of(answer)
    assert [row.params["n"] for row in await house.generations() if "n" in row.params] == [3, 2]
    again = await house.ask("studio", "a cat", message_of(answer), "add a hat", output="transcript")
    assert plan_of(again)["media"][0]["id"] in {each["id"] for each in media}


async def test_a_seed_is_not_used_twice(house: House) -> None:
    await house.ask("studio", "a cat", n=2, seed=7)
    assert [request["seed"] for request in house.painter.requests] == [7, 8]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("output", ["markdown", "transcript"])
async def test_two_pictures_are_changed_on_their_own(house: House, output: str, stream: bool) -> None:
    said = ("a cat", "draw a dog", "make both black and white", "add a hat to the cat")
    answers = await play(house, *said, output=output, stream=stream)
    first, second = await made(house, answers[:2])
    media = answers[2]["darkroom"]["media"]
    assert [parents(await house.download(each["url"])) for each in media] == [(sha256(first),), (sha256(second),)]
    ids = [each["id"] for each in answers[2]["darkroom"]["generations"]]
    assert [each["generation"] for each in media] == ids
    rows: list[Any] = [await house.gateway.database.generation("local", id) for id in ids]
    bases = [answer["darkroom"]["generations"][0]["id"] for answer in answers[:2]]
    assert [each.params["gen_id"] for each in rows] == bases
    assert links_in(content_of(answers[2])) == [each["url"] for each in media]
    if output == "transcript":
        assert content_of(answers[2]).count("> ID: `task_") == 2
        assert f"![{ids[0]}]({media[0]['url']})\n\n```\n{{" in content_of(answers[2])
    assert base_of((await made(house, answers[3:]))[0], [await house.download(each["url"]) for each in media]) == 0


# What the image model is told


async def test_a_ratio_goes_along_only_when_it_was_asked_for(house: House) -> None:
    _, answer = await play(house, "a cat", "make it 16:9 and add a moon")
    plain, wide = house.painter.requests
    assert "image_config" not in plain
    assert wide["image_config"] == {"aspect_ratio": "16:9"}
    assert plan_of(answer)["ratio"] == "16:9"
    rows = await house.generations()
    assert "ratio" not in rows[0].params
    assert rows[1].params["ratio"] == "16:9"
    wider = await house.ask("studio", "a dog, 16:9", size="1024x1024")
    size = wider["darkroom"]["media"][0]
    assert size["width"] > size["height"], "the turn's own words count more than the client's usual size"
    assert "size" not in house.painter.requests[-1]


async def test_a_relay_is_told_the_ratio_in_words(tmp_path: Path) -> None:
    async with opened(tmp_path, studio("painter/relay")) as house:
        answer = await house.ask("studio", "a cat", size="16:9")
        assert text_of(house.painter.requests[-1]["messages"][-1]) == "a cat\n\n16:9"
        media = answer["darkroom"]["media"][0]
        assert media["width"] > media["height"]


async def test_an_images_api_behind_is_asked_in_its_own_words(tmp_path: Path) -> None:
    upstream = ImagesUpstream(key=KEY)
    provider = DIALECTS["openai-images"]
    async with (
        serve(upstream.app) as url,
        opened(tmp_path, studio("up/gpt-image-2"), providers=[provider.row(url, (KEY,))]) as house,
    ):
        generate = house.client.images.generate
        await generate(model="studio", prompt="a cat", quality="low", n=2, size="1536x1024", user="ann")
        asked = upstream.requests[-1].body
        assert (asked["prompt"], asked["n"], asked["size"], asked["quality"]) == ("a cat", 2, "1536x1024", "low")
        await house.ask("studio", "draw four pictures of a cat, 9:16")
        asked = upstream.requests[-1].body
        wide, tall = map(int, asked["size"].split("x"))
        assert (asked["n"], wide < tall) == (4, True)
        assert "image_config" not in asked


async def test_the_requests_parameters_go_along(house: House) -> None:
    await house.ask("studio", "a cat", quality="low", temperature=0.5, max_tokens=9, user="ann")
    request = house.painter.requests[-1]
    assert (request["quality"], request["user"]) == ("low", "ann")
    assert not {"temperature", "max_tokens"} & request.keys()
    (row,) = await house.generations()
    assert row.params == {"quality": "low", "operation": "generate"}


async def test_a_model_that_sees_nothing_is_told_the_story(tmp_path: Path) -> None:
    blind = row("blind", "{painter}", profile={"base": "image-chat", "sees": []})
    async with opened(tmp_path, studio("blind/images"), providers=[blind]) as house:
        answers = await play(house, *TURNS[:2], TURNS[2], "add a red boat")
        said = [text_of(request["messages"][-1]) for request in house.painter.requests]
        prompts = [plan_of(answer)["prompt"] for answer in answers]
        assert said == [prompts[0], f"{prompts[0]}\n{prompts[1]}", f"{prompts[0]}\n{prompts[2]}", "\n".join(
            (prompts[0], *prompts[2:]))]  # fmt: skip
        assert not any(pictures_in(request["messages"][-1]) for request in house.painter.requests)
        rows = await house.generations()
        assert [row.prompt for row in rows] == prompts
        ids = [row.id for row in rows]
        assert [ids.index(row.inputs[0].generation or "") for row in rows[1:]] == [0, 0, 2]
        assert {item["reason"] for item in answers[1]["darkroom"]["omitted"]} == {"the model takes no image"}


async def test_pictures_stand_in_the_order_that_the_model_wants(tmp_path: Path) -> None:
    """With what each is for; that is no part of the prompt that is recorded."""
    last = row("last", "{painter}", profile={"base": "image-chat", "order": ["reference", "edited"]})
    cow, cat = paint("a cow", size=(64, 64)).data, paint("a cat", size=(64, 64)).data
    async with opened(tmp_path, studio("last/images"), providers=[last]) as house:
        edit = house.client.images.edit
        await edit(model="studio", prompt="the cow with the cat", image=[("cow.png", cow), ("cat.png", cat)])
        (message,) = house.painter.requests[-1]["messages"]
        assert pictures_in(message) == [sha256(cat), sha256(cow)]
        assert text_of(message) == "the cow with the cat\n\nPicture 1: reference; Picture 2: the one to change."
        (row_,) = await house.generations()
        assert row_.prompt == "the cow with the cat"
        assert [item.role for item in row_.inputs] == ["edited", "reference"]


async def test_what_is_too_much_for_the_model_is_left_out(tmp_path: Path) -> None:
    one = row("one", "{painter}", profile={"base": "image-chat", "max_media": 1})
    cow, cat = paint("a cow", size=(64, 64)).data, paint("a cat", size=(64, 64)).data
    async with opened(tmp_path, studio("one/images"), providers=[one]) as house:
        await house.client.images.edit(model="studio", prompt="both", image=[("cow.png", cow), ("cat.png", cat)])
        (message,) = house.painter.requests[-1]["messages"]
        assert pictures_in(message) == [sha256(cow)]
        assert text_of(message) == "both"
        (row_,) = await house.generations()
        assert [item.role for item in row_.inputs] == ["edited"]


async def test_a_mask_goes_along(tmp_path: Path) -> None:
    upstream = ImagesUpstream(key=KEY)
    cow = paint("a cow", size=(64, 64)).data
    Image.new("RGBA", (64, 64), (0, 0, 0, 0)).save(file := BytesIO(), "PNG")
    hole = file.getvalue()
    async with (
        serve(upstream.app) as url,
        opened(tmp_path, studio("up/gpt-image-2"), providers=[DIALECTS["openai-images"].row(url, (KEY,))]) as house,
    ):
        await house.client.images.edit(
            model="studio", prompt="a hat", image=("cow.png", cow), mask=("mask.png", hole), size="1024x1024"
        )
        (row_,) = await house.generations()
        assert [item.role for item in row_.inputs] == ["edited", "mask"]
        assert row_.params["size"] == "1024x1024"


# Talk


async def test_what_is_known_is_told_without_a_model(house: House) -> None:
    answers = await play(house, "a cat", "add a hat", "what is in the first picture?", "thanks!", "how many pictures?")
    media = [answer["darkroom"]["media"][0] for answer in answers[:2]]
    described = content_of(answers[2])
    assert "turn 1 “a cat”, 1024×1024" in described
    assert f"[{media[0]['generation']}]({media[0]['url']})" in described
    assert media[1]["url"] not in described
    assert "planner" in described
    assert content_of(answers[3]).startswith("You're welcome")
    assert all(each["url"] in content_of(answers[4]) for each in media)
    assert "made from the picture of turn 1" in content_of(answers[4])
    assert [plan_of(answer)["operation"] for answer in answers[2:]] == ["describe", "answer", "answer"]
    assert len(house.painter.requests) == 2
    assert answers[2]["darkroom"]["usage"] == "estimated"


async def test_a_studio_with_nothing_to_show(house: House) -> None:
    assert content_of(await house.ask("studio", "谢谢")).startswith("不客气")
    assert not house.painter.requests


@asynccontextmanager
async def planned(root: Path, model: str, **facts: Any) -> AsyncIterator[tuple[House, PlannerUpstream]]:
    """Run a studio whose planner is a chat model."""
    upstream = PlannerUpstream(key="sesame")
    async with serve(upstream.app) as url:
        provider = row("up", url, api_keys=("sesame",), profile=facts or None)
        told = studio(planner=f"up/{model}")
        async with opened(root, told, providers=[provider]) as house:
            yield house, upstream


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_a_chat_model_plans_and_talks(tmp_path: Path, stream: bool) -> None:
    async with planned(tmp_path, "plan", structured="schema") as (house, upstream):
        said = ("a cat", "add a hat", "go back to the first picture and add a whale", "what is in it?")
        answers = await play(house, *said, stream=stream)
        pictures = await made(house, answers[:3])
        assert [base_of(data, pictures) for data in pictures] == [None, 0, 0]
        assert {plan_of(answer)["planner"] for answer in answers} == {"up/plan"}
        assert plan_of(answers[3])["operation"] == "describe"
        talk = upstream.requests[-1]
        assert talk["messages"][0]["role"] == "system"
        assert pictures_in(talk["messages"][-1]) == [sha256(pictures[2])]
        assert content_of(answers[3])
        assert not any("base64," in text_of(each) for request in upstream.requests for each in request["messages"])
        assert answers[3]["darkroom"]["generations"] == []


async def test_a_chat_model_that_sees_nothing_is_shown_nothing(tmp_path: Path) -> None:
    async with planned(tmp_path, "plan-blind", sees=[]) as (house, upstream):
        await play(house, "a cat", "what is in it?")
        assert len(upstream.requests) == 3
        assert not any(pictures_in(each) for request in upstream.requests for each in request["messages"])


@pytest.mark.parametrize(("model", "code"), [("plan-500", "upstream_broken"), ("plan-broken", "plan_invalid")])
async def test_the_rules_plan_when_the_model_fails(tmp_path: Path, model: str, code: str) -> None:
    async with planned(tmp_path, model) as (house, _):
        answers = await play(house, "a cat", "go back to the first picture and add a whale", "thanks")
        pictures = await made(house, answers[:2])
        assert base_of(pictures[1], pictures) == 0
        for answer in answers:
            assert plan_of(answer)["planner"] == "rules"
            fallback = plan_of(answer)["fallback"]
            assert (fallback["planner"], fallback["code"]) == (f"up/{model}", code)
        assert content_of(answers[2]).startswith("You're welcome")


# Doors


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("client", CLIENTS)
async def test_every_door(house: House, client: str, stream: bool) -> None:
    talk = CLIENTS[client](house, "studio", stream=stream)
    first = (await talk.say(FIRST)).picture
    edited = (await talk.say(EDIT)).picture
    back = (await talk.back()).picture
    assert first
    assert edited
    assert back
    assert parents(edited) == parents(back) == (sha256(first),)


async def test_the_other_doors_carry_the_plan(house: House) -> None:
    images = as_json(await house.client.images.generate(model="studio", prompt="a cat"))
    assert plan_of(images)["operation"] == "generate"
    responses = as_json(await house.client.responses.create(model="studio", input="a cat"))
    assert plan_of(responses)["operation"] == "generate"
    url = "/v1beta/models/studio:generateContent"
    async with house.http.post(url, json={"contents": [{"role": "user", "parts": [{"text": "a cat"}]}]}) as response:
        assert plan_of(await response.json())["operation"] == "generate"


async def test_a_door_for_pictures_alone_always_draws(house: House) -> None:
    answer = await house.client.images.generate(model="studio", prompt="thanks")
    assert answer.data
    assert text_of(house.painter.requests[-1]["messages"][-1]) == "thanks"
    answer = await house.client.images.generate(model="studio", prompt="draw four pictures of a cat")
    assert len(answer.data or ()) == 1, "how many it wants, such a request says itself"


async def test_it_is_listed_by_its_name(house: House) -> None:
    listed = as_json(await house.client.models.list())["data"]
    assert {"id": "studio", "object": "model", "owned_by": "darkroom", "created": listed[0]["created"]} in listed
    assert (await house.client.models.retrieve("studio")).owned_by == "darkroom"
    async with house.http.get("/v1beta/models/studio") as response:
        assert (await response.json())["name"] == "models/studio"
    async with house.http.get("/v1beta/models") as response:
        assert "models/studio" in {each["name"] for each in (await response.json())["models"]}


# What goes wrong


async def test_without_words_there_is_nothing_to_draw(house: House) -> None:
    status, body = await house.post({"model": "studio", "messages": [assistant("hello")]})
    assert (status, body["error"]["code"]) == (400, "malformed_request")
    photo = [("cow.png", paint("a cow", size=(64, 64)).data)]
    with pytest.raises(openai.BadRequestError):
        await house.client.images.edit(model="studio", prompt=" ", image=photo)
    assert not house.painter.requests


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_what_fails_at_once_is_a_plain_error(tmp_path: Path, stream: bool) -> None:
    async with opened(tmp_path, studio("painter/fail-429")) as house:
        with pytest.raises(openai.RateLimitError):
            await house.ask("studio", "a cat", stream=stream)
        assert await house.is_empty()


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_a_failure_of_the_painter_is_the_answers(tmp_path: Path, stream: bool) -> None:
    async with opened(tmp_path, studio("painter/fail-reason")) as house:
        with pytest.raises(openai.APIStatusError if not stream else openai.APIError):
            await house.ask("studio", "a cat", stream=stream)
        assert [row.status for row in await house.generations()] in ([], ["failed"])


async def test_what_was_stored_before_a_failure_stays(tmp_path: Path) -> None:
    drawn = paint("a cat", size=(64, 64)).data
    broken = b'{"error": {"message": "the worker fell over", "type": "server_error"}}'
    upstream = Scripted([{"content": f"![x]({data_uri(drawn)})"}], broken)
    async with serve(upstream.app) as url:
        provider = row("up", url, profile="image-chat")
        async with opened(tmp_path, studio("up/one-by-one"), providers=[provider]) as house:
            status, body = await house.post({"model": "studio", "messages": [user("a cat")], "n": 2})
            assert status == 502, body
            (media,) = body["darkroom"]["media"]
            assert await house.download(media["url"]) == drawn
            assert [each.status for each in await house.generations()] == ["completed"]


async def test_what_was_begun_ends_without_its_client(tmp_path: Path) -> None:
    gate = asyncio.Event()
    drawn = paint("a cat", size=(64, 64)).data
    upstream = Scripted([{"content": "> ID: `task_1234`\n"}, {"content": f"![x]({data_uri(drawn)})"}], gate=gate)
    async with serve(upstream.app) as url:
        provider = row("up", url, profile="image-chat")
        async with opened(tmp_path, studio("up/one-by-one"), providers=[provider]) as house:
            body = {"model": "studio", "messages": [user("a cat")], "stream": True}
            async with house.http.post("/v1/chat/completions", json=body) as response:
                await response.content.readany()
            gate.set()

            async def is_done() -> bool:
                return [each.status for each in await house.generations()] == ["completed"]

            await until(is_done)
            assert [media.blob for media in await house.media()] == [sha256(drawn)]


async def test_a_refusal_in_words_is_the_answer(tmp_path: Path) -> None:
    words = row("words", "{painter}", profile="image-chat")
    async with opened(tmp_path, studio("words/text"), providers=[words]) as house:
        answer = await house.ask("studio", "a cat")
        assert content_of(answer).startswith("You said: a cat")
        assert answer["darkroom"]["media"] == []
        told = content_of(await house.ask("studio", "a cat", output="transcript"))
        assert "> Generating.\n\nYou said: a cat" in told


async def test_another_owners_pictures_are_not_there(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        keys = {owner: (await house.gateway.keys.create(owner, None))[1] for owner in ("ann", "bob")}
        ann, bob = (openai.AsyncOpenAI(base_url=f"{house.url}/v1", api_key=key, max_retries=0) for key in keys.values())
        async with ann, bob:
            first = as_json(
                await ann.chat.completions.create(model="studio", messages=[{"role": "user", "content": "a cat"}])
            )
            media = first["darkroom"]["media"][0]
            for named in (media["id"], media["generation"], media["url"]):
                answer = as_json(
                    await bob.chat.completions.create(
                        model="studio", messages=[{"role": "user", "content": f"add a hat to {named}"}]
                    )
                )
                assert plan_of(answer)["media"] == []
                assert not pictures_in(house.painter.requests[-1]["messages"][-1])
                assert media["id"] not in str(answer["darkroom"]["generations"])


@pytest.mark.parametrize(
    ("row", "word"),
    [
        (studio("nobody/images"), "nobody/images"),
        (studio("painter/text"), "makes no pictures"),
        (studio(planner="nobody/plan"), "nobody/plan"),
    ],
)
async def test_a_studio_of_what_is_not_there_does_not_open(tmp_path: Path, row: ModelSettings, word: str) -> None:
    painter = ProviderSettings("painter", "http://127.0.0.1:1/v1", profiles={"text*": "chat", "*": "image-chat"})
    with pytest.raises(ConfigInvalid, match=word):
        async with Gateway.open(settings_of(tmp_path, painter, models=(row,))):
            pass


@pytest.mark.parametrize("order", [["hat"], ["edited", "edited"], "edited", 3])
def test_a_wrong_order_is_named(order: Any) -> None:
    with pytest.raises(ConfigInvalid, match="order"):
        provider_of(ProviderSettings("up", "http://x", profile={"order": order}))


async def test_the_doctor_looks_at_studios(tmp_path: Path) -> None:
    rows = (studio("nobody/images"), ModelSettings("other", "studio", "sketch/sketch"))
    settings = settings_of(tmp_path, models=rows, sketch=True, server=Server(port=free_port()))
    found = {each.check: each async for each in Doctor(settings).examine()}
    assert (found["model studio"].status, found["model other"].status) == ("fail", "ok")
    assert "nobody/images" in found["model studio"].message


async def test_a_row_of_its_name_replaces_the_default(tmp_path: Path) -> None:
    async with running(tmp_path, sketch=True, models=[studio()]) as house:
        await house.ask("studio", "a cat")
        assert len(house.painter.requests) == 1


async def test_two_hundred_chats_at_once_mix_nothing_up(tmp_path: Path) -> None:
    """On the default studio: each chat goes on with its own picture."""
    many = Limits(per_owner=CROWD, per_provider=CROWD)
    async with running(tmp_path, sketch=True, limits=many) as house:
        words = [f"a house number {number}" for number in range(CROWD)]
        chats = await asyncio.gather(*(play(house, word, "add a hat") for word in words))
        for word, answers in zip(words, chats, strict=True):
            pictures = await made(house, answers)
            assert [step.prompt for step in read_ancestry(pictures[1])] == [word, "add a hat"]
            assert [base_of(picture, pictures) for picture in pictures] == [None, 0]
