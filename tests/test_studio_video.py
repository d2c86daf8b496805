"""The studio's films, through its door: pictures that move, films that change, and pictures beside them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import openai
import pytest
from PIL import Image

from darkroom.doctor import Doctor
from darkroom.errors import ConfigInvalid
from darkroom.media import sniff
from darkroom.planner.instructions import SCHEMA
from darkroom.settings import ModelSettings, Server, load
from darkroom.sketch import film, paint
from darkroom.testing import PlannerUpstream, VideosUpstream, serve
from doors import free_port, settings_of
from film_houses import KEY as FILMS_KEY
from film_houses import films_row, model_of
from running import (
    House,
    Json,
    as_json,
    content_of,
    data_uri,
    links_in,
    message_of,
    picture,
    row,
    running,
    text_of,
    user,
)
from test_matrix import parents
from test_studio import plan_of, play

SHAPES = ("markdown", "parts", "images", "inline", "transcript")
STORY = ("a fox in the snow", "a castle at dawn", "animate picture one", "draw a badger", "make the video slower")
STORY_ZH = ("画一只狐狸", "画一座城堡", "把第一张做成视频", "再画一只獾", "把视频放慢一点")
"""Two pictures, a film of the first, another picture, and the film once more, changed."""


def studio(video: str | None = "painter/video-url", **fields: object) -> ModelSettings:
    return ModelSettings("studio", "studio", "painter/images", video=video, **fields)  # type: ignore[arg-type]


@asynccontextmanager
async def opened(root: Path, row: ModelSettings | None = None, **told: object) -> AsyncIterator[House]:
    async with running(root, models=[row or studio()], allow=["127.0.0.1"], **told) as house:  # type: ignore[arg-type]
        yield house


async def fetched(house: House, answers: list[Json]) -> list[bytes]:
    return [await house.download(answer["darkroom"]["media"][-1]["url"]) for answer in answers]


def is_film(data: bytes) -> bool:
    return sniff(data[:64]) == "video/mp4"


def roles(answer: Json) -> list[tuple[str, str]]:
    return [(item["role"], item["id"]) for item in plan_of(answer)["media"]]


def media_id(answer: Json) -> str:
    found: str = answer["darkroom"]["media"][-1]["id"]
    return found


@pytest.mark.parametrize("said", [STORY, STORY_ZH], ids=["en", "zh"])
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("output", SHAPES)
async def test_a_picture_moves_and_the_talk_goes_on(
    tmp_path: Path, output: str, stream: bool, said: tuple[str, ...]
) -> None:
    """The client keeps whole messages, in every shape, and what it keeps is enough to go on with."""
    async with opened(tmp_path) as house:
        answers = await play(house, *said, output=output, stream=stream)
        data = await fetched(house, answers)
        assert [is_film(each) for each in data] == [False, False, True, False, True]
        assert [plan_of(answer)["kind"] for answer in answers] == ["image", "image", "video", "image", "video"]
        assert roles(answers[2]) == [("first_frame", media_id(answers[0]))]
        assert roles(answers[3]) == []
        assert roles(answers[4]) == [("edited", media_id(answers[2]))]
        rows = await house.generations()
        assert [[(item.role, item.media) for item in each.inputs] for each in rows] == list(map(roles, answers))
        assert [each.model for each in rows] == ["images", "images", "video-url", "images", "video-url"]
        assert [each.prompt for each in rows] == [plan_of(answer)["prompt"] for answer in answers]


@pytest.mark.parametrize("form", ["video-html", "video-url", "relay-video"])
@pytest.mark.parametrize("output", ["markdown", "transcript"])
async def test_films_of_every_form(tmp_path: Path, form: str, output: str) -> None:
    async with opened(tmp_path, studio(f"painter/{form}")) as house:
        answers = await play(house, *STORY, output=output, stream=True)
        data = await fetched(house, answers)
        assert [is_film(each) for each in data] == [False, False, True, False, True]
        link = answers[2]["darkroom"]["media"][-1]["url"]
        assert link in links_in(content_of(answers[2]))
        message = message_of(answers[2])
        told = content_of(answers[2]) if output == "transcript" else message["reasoning_content"]
        gen = answers[0]["darkroom"]["generations"][0]["id"]
        assert told.startswith('```\n{\n  "prompt": "animate')
        assert f'"gen_id": "{gen}"' in told
        assert "> Generation complete ✅" in told


async def test_what_the_video_model_is_sent(tmp_path: Path) -> None:
    """The first frame as a picture, the film that is changed as a film; length and shape as parameters."""
    async with opened(tmp_path) as house:
        said = ("a fox", "make it move, 8 seconds, 16:9", "again but at night", "a 5 second video of a dog on a beach")
        answers = await play(house, *said)
        first, moved, changed, new = [*house.painter.requests]
        kinds = [[part["type"] for part in request["messages"][0]["content"]] for request in (moved, changed)]
        assert kinds == [["image_url", "text"], ["video_url", "text"]]
        assert (moved["seconds"], moved["aspect_ratio"]) == ("8", "16:9")
        assert "seconds" not in first
        assert "seconds" not in changed
        assert (new["seconds"], new["messages"][0]["content"]) == ("5", said[3])
        assert [plan_of(answer)["seconds"] for answer in answers] == [None, 8, None, 5]
        rows = await house.generations()
        assert rows[1].params == {"operation": "compose", "ratio": "16:9", "seconds": 8, "gen_id": rows[0].id}
        assert rows[2].params == {"operation": "edit", "gen_id": rows[1].id}


async def test_the_requests_own_length_goes_along(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        await house.ask("studio", "a video of a dog", seconds="12", size="720x1280")
        await house.ask("studio", "a 5 second video of a dog", seconds="12", size="720x1280")
        asked = [(each["seconds"], each["size"]) for each in house.painter.requests]
        assert asked == [("12", "720x1280"), ("5", "720x1280")]
        rows = await house.generations()
        assert rows[0].params == {"operation": "generate", "ratio": "9:16", "seconds": "12", "size": "720x1280"}


async def test_a_model_that_takes_no_films_makes_them_anew(tmp_path: Path) -> None:
    """From the picture that moved, and all that was said of the film."""
    facts = {"base": "video-chat", "sees": ["image"]}
    blind = row("pictures-only", "{painter}", profile=facts, models=["video-html"])
    async with opened(tmp_path, studio("pictures-only/video-html"), providers=[blind]) as house:
        answers = await play(house, "a fox", "make it move", "make it slower", "a hat for the fox too")
        parts = house.painter.requests[2]["messages"][0]["content"]
        assert [part["type"] for part in parts] == ["image_url", "text"]
        assert parts[1]["text"] == "make it move\nmake it slower"
        inputs = [(item.role, item.media) for item in (await house.generations())[2].inputs]
        assert inputs == [("edited", None), ("first_frame", media_id(answers[0]))]
        assert "no video" in str(answers[2]["darkroom"]["omitted"])
        parts = house.painter.requests[3]["messages"][0]["content"]
        assert parts[1]["text"] == "make it move\nmake it slower\na hat for the fox too"


async def test_each_of_two_pictures_moves(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        answers = await play(house, "a fox", "draw a castle", "animate both", "show me the first video again")
        media = answers[2]["darkroom"]["media"]
        assert [each["mime"] for each in media] == ["video/mp4", "video/mp4"]
        rows = (await house.generations())[2:]
        assert [[(item.role, item.media) for item in each.inputs] for each in rows] == [
            [("first_frame", media_id(answers[0]))],
            [("first_frame", media_id(answers[1]))],
        ]
        assert answers[3]["darkroom"]["media"] == media[:1]
        assert plan_of(answers[3])["operation"] == "answer"


async def test_no_turn_makes_too_many_films(tmp_path: Path) -> None:
    async with opened(tmp_path, studio("painter/video-html")) as house:
        answer = await house.ask("studio", "ten videos of a fox in the rain, 10 videos please", n=9)
        assert len(answer["darkroom"]["media"]) == 4
        assert all("n" not in each for each in house.painter.requests)


async def test_films_that_were_sent(tmp_path: Path) -> None:
    """A film of the user's is changed, or asked about; a photo of his moves."""
    clip, photo = film("my clip").data, paint("my photo", size=(640, 480)).data
    shown = {"type": "video_url", "video_url": {"url": data_uri(clip, "video/mp4")}}
    async with opened(tmp_path) as house:
        answer = await house.ask("studio", user("make it slower", shown))
        sent = (await house.media())[0]
        assert roles(answer) == [("edited", sent.id)]
        assert plan_of(answer)["kind"] == "video"
        answer = await house.ask("studio", user("what happens in this video?", shown))
        assert (plan_of(answer)["operation"], roles(answer)) == ("describe", [("reference", sent.id)])
        assert "the video that you sent in turn 1" in content_of(answer).lower()
        answer = await house.ask("studio", user("bring this photo to life", picture(data_uri(photo))))
        assert [role for role, _ in roles(answer)] == ["first_frame"]
        data = (await fetched(house, [answer]))[0]
        assert is_film(data)


async def test_pictures_go_on_beside_films(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        said = ("a fox", "make it move", "add a hat to the picture", "add a scarf to the first picture", "thanks", "?")
        answers = await play(house, *said)
        data = await fetched(house, answers[:4])
        assert [is_film(each) for each in data] == [False, True, False, False]
        assert parents(data[2]) == parents(data[3])
        Image.open(BytesIO(data[3])).verify()
        assert content_of(answers[5]).startswith("Pictures and videos so far: 4.")


async def test_it_says_which_film_it_took(tmp_path: Path) -> None:
    async with opened(tmp_path, studio(threshold=1.0)) as house:
        _, _, answer = await play(house, "a fox", "make it move", "slower please")
        assert "I took the video of turn 2 “make it move”." in content_of(answer)
        _, _, answer = await play(house, "画一只狐狸", "让它动起来", "慢一点")
        assert "用的是第 2 轮做的视频" in content_of(answer)


async def test_without_a_video_model_nothing_changes(tmp_path: Path) -> None:
    """A wish for a film is then one like any other, as it always was."""
    async with opened(tmp_path, studio(None)) as house:
        answers = await play(house, *STORY[:3])
        assert {plan_of(answer)["kind"] for answer in answers} == {"image"}
        assert {each["model"] for each in house.painter.requests} == {"images"}


async def test_doors_for_pictures_make_pictures(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        images = await house.client.images.generate(
            model="studio", prompt="a video of a fox", response_format="b64_json"
        )
        assert len(as_json(images)["data"]) == 1
        assert {each["model"] for each in house.painter.requests} == {"images"}


async def test_an_owner_without_an_identity_has_pictures(tmp_path: Path) -> None:
    other = row("films", "{painter}", identities={"alice": "sesame"}, profile="video-chat", models=["video-url"])
    async with opened(tmp_path, studio("films/video-url"), providers=[other]) as house:
        (answer,) = await play(house, "a video of a fox")
        assert plan_of(answer)["kind"] == "image"


# A chat model plans


@pytest.mark.parametrize("model", ["plan", "plan-json", "plan-broken-once"])
async def test_a_chat_model_plans_films(tmp_path: Path, model: str) -> None:
    structured = {"plan": "schema", "plan-json": "json"}.get(model)
    async with serve((upstream := PlannerUpstream()).app) as url:
        chat = row("up", url, profile={"base": "chat", "structured": structured} if structured else "chat")
        told = studio(planner=f"up/{model}")
        async with opened(tmp_path, told, providers=[chat]) as house:
            answers = await play(house, *STORY)
            assert {plan_of(answer)["planner"] for answer in answers} == {f"up/{model}"}
            assert [plan_of(answer)["kind"] for answer in answers] == ["image", "image", "video", "image", "video"]
            assert roles(answers[2]) == [("first_frame", media_id(answers[0]))]
            assert roles(answers[4]) == [("edited", media_id(answers[2]))]
            question = text_of(upstream.requests[-1]["messages"][1])
            assert question.count('"film":true') == 1
            assert '"makes":["image","video"]' in question


async def test_a_chat_model_is_not_told_of_films_that_cant_be_made(tmp_path: Path) -> None:
    async with serve((upstream := PlannerUpstream()).app) as url:
        chat = row("up", url, profile={"base": "chat", "structured": "schema"})
        async with opened(tmp_path, studio(None, planner="up/plan"), providers=[chat]) as house:
            await play(house, "a fox")
            (asked,) = upstream.requests
            assert asked["response_format"]["json_schema"]["schema"] == SCHEMA
            assert "first_frame" not in str(asked)


# Configured


async def test_the_configuration_names_it() -> None:
    document = {"models": [{"name": "studio", "type": "studio", "image": "a/b", "video": "c/d"}]}
    assert load(document, {}).models[0].video == "c/d"


@pytest.mark.parametrize("video", ["painter/images", "nobody/nothing"])
async def test_what_makes_no_videos_is_refused(tmp_path: Path, video: str) -> None:
    with pytest.raises(ConfigInvalid, match="studio"):
        async with opened(tmp_path, studio(video)):
            pass


async def test_the_doctor_names_it(tmp_path: Path) -> None:
    model = ModelSettings("studio", "studio", "sketch/sketch", video="sketch/video-html")
    settings = settings_of(tmp_path, models=(model,), sketch=True, server=Server(port=free_port()))
    found = [each async for each in Doctor(settings).examine() if each.check == "model studio"]
    assert [(each.status, each.message) for each in found] == [
        ("ok", "`sketch/sketch` paints, `sketch/video-html` makes videos, planned by rules")
    ]


# A video model whose work outlives the request


@asynccontextmanager
async def filmed(root: Path, variant: str, cleanup: str = "keep") -> AsyncIterator[tuple[House, VideosUpstream]]:
    """Run a studio whose films are made by jobs."""
    upstream = VideosUpstream(key=FILMS_KEY, variant=variant)
    async with serve(upstream.app) as url:
        row = films_row(upstream, url, cleanup=cleanup)
        async with opened(root, studio(model_of(upstream)), providers=[row]) as house:
            yield house, upstream


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("output", SHAPES)
async def test_films_that_jobs_make(tmp_path: Path, output: str, stream: bool) -> None:
    """The film that is changed is the upstream's own: it remixes that."""
    async with filmed(tmp_path, "openai") as (house, upstream):
        answers = await play(house, *STORY, output=output, stream=stream)
        data = await fetched(house, answers)
        assert [is_film(each) for each in data] == [False, False, True, False, True]
        rows = await house.generations()
        assert [[(item.role, item.media) for item in each.inputs] for each in rows] == list(map(roles, answers))
        assert roles(answers[2]) == [("first_frame", media_id(answers[0]))]
        assert roles(answers[4]) == [("edited", media_id(answers[2]))]
        (first, second) = upstream.jobs.values()
        assert (second.remixed, second.wanted.prompt) == (first.id, "make the video slower")


@pytest.mark.parametrize(("variant", "cleanup"), [("openai", "after_response"), ("sglang", "keep")])
@pytest.mark.parametrize("output", ["markdown", "transcript"])
async def test_what_cant_be_changed_is_made_anew(tmp_path: Path, variant: str, cleanup: str, output: str) -> None:
    """Where the film is deleted upstream, or the server takes none: from its first frame, and all that was said."""
    async with filmed(tmp_path, variant, cleanup) as (house, upstream):
        answers = await play(house, *STORY, output=output, stream=True)
        assert is_film((await fetched(house, answers))[4])
        *_, refused, last = await house.generations()
        assert (refused.status, last.status) == ("failed", "completed")
        assert last.prompt == "animate\nmake the video slower"
        assert [(item.role, item.media) for item in last.inputs if item.media] == roles(answers[2])
        told = answers[4]["darkroom"]
        assert [each["status"] for each in told["generations"]] == ["completed"]
        assert {"id": media_id(answers[2]), "reason": "the model could not be given it"} in told["omitted"]
        assert sum(upstream.made.values()) == 2
        if output == "transcript":
            assert content_of(answers[4]).count('"prompt"') == 1


async def test_a_film_that_fails_fails_the_answer(tmp_path: Path) -> None:
    """Nothing is asked again that was refused for its content."""
    async with filmed(tmp_path, "openai") as (house, upstream):
        with pytest.raises(openai.APIError, match="moderation"):
            await house.ask("studio", "a video of something unsafe")
        assert not upstream.made
