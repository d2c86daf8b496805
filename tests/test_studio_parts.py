"""The parts of the studio: the scene that a history is, what is told while pictures are made, what it says itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom import planner
from darkroom.dialects.openai_chat import decode_request
from darkroom.events import Event, Planned, Progress, TextDelta
from darkroom.generation import Generation, Input, InputRole
from darkroom.media import Media, MediaKind
from darkroom.messages import Conversation, MediaPart, Message, Named, Remote, Stored, Text
from darkroom.planner import Picture, Plan, Said, Scene, Use
from darkroom.profiles import PROFILES, Profile
from darkroom.replay import Turn
from darkroom.sketch import paint
from darkroom.studio import replies
from darkroom.studio.asks import Ask, asks, conversation_of
from darkroom.studio.painting import paced
from darkroom.studio.scenes import Known, Stage, stage
from darkroom.studio.studio import Studio
from darkroom.studio.telling import Teller
from running import House, Json, assistant, data_uri, picture, running, user
from test_studio import studio


@asynccontextmanager
async def opened(root: Path) -> AsyncIterator[tuple[House, Studio]]:
    async with running(root, models=[studio()]) as house:
        yield house, house.gateway.studios["studio"]


async def staged(house: House, *messages: Json, owner: str = "local") -> Stage:
    """Return the stage of a history, read as the door reads it."""
    gateway = house.gateway
    body = msgspec.json.encode({"model": "studio", "messages": messages})
    conversation = decode_request(body, gateway.lifts(), 2000)
    return (await gateway.studios["studio"].answer(conversation, owner)).stage


async def drawn(house: House, prompt: str, *inputs: Input, owner: str = "local", id: str = "") -> Media:
    """Record a picture as one that was made."""
    gen = id or f"gen_01kb0x7f3ze6r8t1v5m2q4w{len(await house.generations(owner)):03d}"
    await house.gateway.database.add_generation(
        Generation(gen, owner, "completed", "painter", "images", prompt, 1, inputs=inputs)
    )
    data = paint(f"{prompt} {gen}", size=(96, 64)).data
    return await house.upload(data, owner, "generated", generation=gen)


def link(house: House, media: Media) -> str:
    return f"{house.url}/media/{media.id}.png"


# Scenes


async def test_a_scene_of_a_short_chat(tmp_path: Path) -> None:
    async with opened(tmp_path) as (house, _):
        cat = await drawn(house, "a cat")
        hat = await drawn(house, "add a hat", Input("edited", cat.id, cat.generation))
        photo = paint("photo", size=(80, 64)).data
        part = {"type": "file", "file": {"file_data": data_uri(photo), "filename": "IMG_2041.png"}}
        found = await staged(
            house,
            {"role": "system", "content": f"you paint {link(house, hat)}"},
            user("a cat"),
            assistant(f"![x]({link(house, cat)})"),
            user("now add a hat"),
            assistant("here", images=[picture(link(house, hat))]),
            user("use my photo for it", part),
        )
        (upload,) = (media for media in await house.media() if media.origin == "uploaded")
        assert found.scene == Scene(
            "use my photo for it",
            (
                Picture(cat.id, 1, "a cat", cat.generation, width=96, height=64),
                Picture(hat.id, 2, "add a hat", hat.generation, (Use(cat.id),), width=96, height=64),
                Picture(upload.id, 3, "use my photo for it", caption="IMG_2041.png", width=80, height=64),
            ),
            (Said("a cat", made=(cat.id,)), Said("now add a hat", made=(hat.id,))),
            uploads=(upload.id,),
        )
        assert {*found.parts} == {cat.id, hat.id, upload.id}


async def test_names_in_a_turn(tmp_path: Path) -> None:
    """Ids stay in the text, links do not; all are named in their order, also those of other conversations."""
    async with opened(tmp_path) as (house, _):
        cat, dog, cow = [await drawn(house, prompt) for prompt in ("a cat", "a dog", "a cow")]
        text = f"mix {dog.generation} with ![it]({link(house, cow)}) and {cat.id} please"
        found = await staged(house, user("a cat"), assistant(f"![x]({link(house, cat)})"), user(text))
        scene = found.scene
        assert scene.named == (dog.id, cow.id, cat.id)
        assert scene.text == f"mix {dog.generation} with and {cat.id} please"
        assert {each.id: each.turn for each in scene.pictures} == {dog.id: 0, cow.id: 0, cat.id: 1}
        assert scene.pictures[-1].id == cat.id
        assert scene.uploads == ()


async def test_what_is_another_owners_is_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as (house, _):
        secret = await drawn(house, "a secret", owner="ann", id="gen_01kb0x7f3ze6r8t1v5m2q4w9ac")
        names = (secret.id, secret.generation, link(house, secret))
        found = await staged(house, user(f"take {' and '.join(map(str, names))}"), owner="bob")
        assert found.scene.pictures == found.scene.named == ()
        assert "/media/" not in found.scene.text


async def test_a_made_picture_that_is_attached_is_named(tmp_path: Path) -> None:
    """By its link or by its bytes: who shows a picture that was made says which one he means."""
    async with opened(tmp_path) as (house, _):
        cat, dog = await drawn(house, "a cat"), await drawn(house, "a dog")
        data = data_uri(await house.download(link(house, dog)))
        history = [user("a cat"), assistant(f"![x]({link(house, cat)})")]
        found = await staged(house, *history, user("a hat", picture(link(house, cat)), picture(data)))
        assert (found.scene.named, found.scene.uploads) == ((cat.id, dog.id), ())
        assert [(each.id, each.turn) for each in found.scene.pictures] == [(dog.id, 0), (cat.id, 1)]


async def test_what_an_answer_shows_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as (house, _):
        cat, hat = await drawn(house, "a cat"), await drawn(house, "a hat")
        found = await staged(
            house,
            user("a cat"),
            assistant(f"![x]({link(house, cat)})"),
            user("a hat"),
            assistant(f"![x]({link(house, hat)})"),
            user("the first one?"),
            assistant(f"that was {cat.generation}"),
            user("both?"),
            assistant(f"![x]({link(house, cat)}) ![x]({link(house, hat)})"),
            user("thanks"),
        )
        assert found.scene.past == (
            Said("a cat", made=(cat.id,)),
            Said("a hat", made=(hat.id,)),
            Said("the first one?", shown=(cat.id,)),
            Said("both?", shown=(cat.id, hat.id)),
        )


async def test_an_answer_that_names_without_showing(tmp_path: Path) -> None:
    """A client that keeps no pictures: the id in the answer's text is enough."""
    async with opened(tmp_path) as (house, _):
        cat = await drawn(house, "a cat")
        found = await staged(house, user("a cat"), assistant(f"made: {cat.generation}"), user("a hat"))
        assert found.scene.past == (Said("a cat", made=(cat.id,)),)
        assert found.scene.picture(cat.id).generation == cat.generation


async def test_what_a_picture_was_made_from_is_known_though_not_shown(tmp_path: Path) -> None:
    """A client that cut its history off, and a picture of another conversation: its parent is one as well."""
    async with opened(tmp_path) as (house, _):
        cat = await drawn(house, "a cat")
        hat = await drawn(house, "add a hat", Input("edited", cat.id, cat.generation))
        found = await staged(house, user("add a hat"), assistant(f"![x]({link(house, hat)})"), user("undo"))
        assert [(each.id, each.turn, each.words) for each in found.scene.pictures] == [
            (cat.id, 0, "a cat"),
            (hat.id, 1, "add a hat"),
        ]
        assert found.scene.picture(hat.id).parents == (Use(cat.id),)
        await house.gateway.database.delete_media("local", cat.id, 1)
        gone = await staged(house, user("add a hat"), assistant(f"![x]({link(house, hat)})"), user("undo"))
        assert [each.id for each in gone.scene.pictures] == [hat.id]


async def test_what_is_not_shown_has_parents_too(tmp_path: Path) -> None:
    """A client that cut out the middle: the newest picture still goes back to the first."""
    async with opened(tmp_path) as (house, _):
        cat = await drawn(house, "a cat")
        hat = await drawn(house, "add a hat", Input("edited", cat.id, cat.generation))
        scarf = await drawn(house, "add a scarf", Input("edited", hat.id, hat.generation))
        shown = [assistant(f"![x]({link(house, each)})") for each in (cat, scarf)]
        found = await staged(house, user("a cat"), shown[0], user("add a scarf"), shown[1], user("undo"))
        parents = {each.id: each.parents for each in found.scene.pictures}
        assert parents == {cat.id: (), hat.id: (Use(cat.id),), scarf.id: (Use(hat.id),)}


async def test_pictures_sent_without_a_word_belong_to_what_follows(tmp_path: Path) -> None:
    async with opened(tmp_path) as (house, _):
        photo = data_uri(paint("photo", size=(64, 64)).data)
        other = data_uri(paint("other", size=(64, 64)).data)
        messages = [user(picture(photo)), user("look at it", picture(other)), user("make it blue")]
        found = await staged(house, *messages)
        first, second = (media.id for media in await house.media())
        assert found.scene.past == (Said("look at it", uploads=(first, second)),)
        assert {each.turn for each in found.scene.pictures} == {1}
        assert {each.words for each in found.scene.pictures} == {"look at it"}


async def test_an_upload_sent_again(tmp_path: Path) -> None:
    """It came with this turn, and is still older than what was made from it."""
    async with opened(tmp_path) as (house, _):
        cat = await drawn(house, "a cat")
        photo = picture(data_uri(paint("photo", size=(64, 64)).data))
        messages = [user("a cat", photo), assistant(f"![x]({link(house, cat)})"), user("this one", photo)]
        found = await staged(house, *messages)
        (upload,) = (media.id for media in await house.media() if media.origin == "uploaded")
        assert found.scene.uploads == found.scene.past[0].uploads == (upload,)
        assert [(each.id, each.turn) for each in found.scene.pictures] == [(upload, 1), (cat.id, 1)]


async def test_videos_and_tools_are_no_pictures(tmp_path: Path) -> None:
    async with opened(tmp_path) as (house, _):
        cat = await drawn(house, "a cat")
        found = await staged(
            house,
            user("a cat"),
            {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": {}}]},
            {"role": "tool", "tool_call_id": "c", "content": f"![x]({link(house, cat)})"},
            user("a video", {"type": "video_url", "video_url": {"url": "https://h.example/a.mp4"}}),
        )
        assert found.scene.pictures == ()


GENS = [
    Generation(
        f"gen_01kb{at}x7f3ze6r8t1v5m2q4w9ac",
        "local",
        "completed",
        "painter",
        "images",
        ("a cat", "add a hat", "", "画个牛马")[at],
        1,
        inputs=(Input("edited", f"m{at - 1}", None), Input("style", None, f"gen_01kb{at}x7f3ze6r8t1v5m2q4w9ac")),
        outputs=(Media(f"m{at}", "local", "b" * 64, "image/png", 1, "generated", 1),),
    )
    for at in range(4)
]
PIECES = st.one_of(
    st.sampled_from(("make the first one blue", "再来一张", "", "undo", "both", "what is it?", "横屏", "[")).map(Text),
    st.sampled_from([Text(f"use {each.id} ") for each in GENS]),
    st.builds(
        lambda at, made, place: MediaPart(
            MediaKind.IMAGE,
            Stored(
                Media(f"m{at}", "local", "b", "image/png", 1, "generated", 1, generation=GENS[at].id if made else None)
            ),
            place=place,
        ),
        st.integers(0, 3),
        st.booleans(),
        st.sampled_from(("part", "text", "images")),
    ),
    st.sampled_from(("https://h.example/a.png", "https://h.example/b.png")).map(
        lambda url: MediaPart(MediaKind.IMAGE, Remote(url))
    ),
    st.just(MediaPart(MediaKind.VIDEO, Remote("https://h.example/a.mp4"))),
    st.just(MediaPart(MediaKind.IMAGE, Named("media_1"))),
)
TOLD = st.builds(
    lambda role, parts, generation, named, verbatim: Turn(
        Message(role, tuple(parts)), generation, verbatim=verbatim, named=tuple(named)
    ),
    st.sampled_from(("user", "assistant", "tool", "system")),
    st.lists(PIECES, max_size=4),
    st.none() | st.sampled_from(GENS),
    st.lists(st.sampled_from(GENS), max_size=2),
    st.booleans(),
)


@given(st.lists(TOLD, max_size=8), st.lists(PIECES, max_size=3))
def test_any_history_is_a_scene_that_can_be_planned_for(turns: list[Turn], last: list[Any]) -> None:
    turns = [*turns, Turn(Message("user", tuple(last)))]
    found = stage([turn.message for turn in turns], turns, Known({each.id: each for each in GENS}))
    known, told = {*found.parts}, found.scene
    assert {each.id for each in told.pictures} == known
    assert len(told.pictures) == len(known)
    assert [each.turn for each in told.pictures] == sorted(each.turn for each in told.pictures)
    assert {*told.uploads} <= known
    assert {use.id for each in told.pictures for use in each.parents} <= known
    for said in told.past:
        assert {*said.uploads, *said.made, *said.shown} <= known
        assert not {*said.made} & {*said.shown}
    plan = planner.plan(told)
    assert {use.id for use in plan.uses} | {*told.named} <= known
    if plan.makes and plan.prompt:
        asked = Conversation("studio", ())
        for ask in asks(plan, found, asked, PROFILES["image-chat"], "en"):
            assert {item.media for item in ask.inputs if item.media} <= known
            assert conversation_of(ask, asked, PROFILES["image-chat"], 0, ask.n).messages[0].text


# Questions


def stored(id: str, size: int = 1, kind: str = "image/png") -> MediaPart:
    return MediaPart(MediaKind.IMAGE, Stored(Media(id, "local", "b" * 64, kind, size, "generated", 1)))


def questions(plan: Plan, *pictures: Picture, profile: Profile = PROFILES["image-chat"], **params: Any) -> list[Ask]:
    told = Stage(Scene("", pictures), {picture.id: stored(picture.id) for picture in pictures})
    return asks(plan, told, Conversation("studio", (), params=params), profile, "en")


def test_a_change_of_many_is_many_questions() -> None:
    pictures = [Picture(f"m{at}", at, "x", f"gen_{at}") for at in range(12)]
    style = Picture("s", 12)
    plan = Plan("edit", "greyer", (*(Use(each.id) for each in pictures), Use("s", "style")))
    found = questions(plan, *pictures, style)
    assert [[item.media for item in ask.inputs] for ask in found] == [[f"m{at}", "s"] for at in range(10)]
    assert [ask.shown["gen_id"] for ask in found] == [f"gen_{at}" for at in range(10)]
    assert [item.id for item in found[-1].omitted] == ["m10", "m11"]
    assert {ask.n for ask in found} == {1}


def test_what_is_put_together_is_one_question() -> None:
    one, other = Picture("m", 1, "x", "gen_m"), Picture("n", 2, "y", "gen_n")
    (ask,) = questions(Plan("compose", "both", (Use("m", "reference"), Use("n", "character"))), one, other)
    assert [(item.role, item.media) for item in ask.inputs] == [("reference", "m"), ("character", "n")]
    media, legend = [part for part in ask.parts if isinstance(part, MediaPart)], ask.parts[-1]
    assert [part.role for part in media] == ["character", "reference"]
    assert legend == Text("\n\nPicture 1: character; Picture 2: reference.")
    assert ask.shown == {"prompt": "both", "ratio": "1:1"}


@pytest.mark.parametrize(
    ("facts", "kept"),
    [
        ({"max_media": 2}, ["edited", "character"]),
        ({"max_media": 3}, ["edited", "character", "reference"]),
        ({"max_media": 0}, []),
    ],
)
def test_the_most_important_go_along(facts: dict[str, Any], kept: list[str]) -> None:
    roles: tuple[InputRole, ...] = ("style", "reference", "character", "edited")
    pictures = [Picture(role, 1, f"the {role}", f"gen_{role}") for role in roles]
    plan = Plan("edit", "go", tuple(Use(role, role) for role in roles))
    (ask,) = questions(plan, *pictures, profile=replace(PROFILES["image-chat"], **facts))
    sent = [str(part.role) for part in ask.parts if isinstance(part, MediaPart)]
    assert sorted(sent) == sorted(kept)
    assert {item.role for item in ask.inputs} == {*kept, "edited"}, "what is told in words counts too"
    assert len(ask.omitted) == 4 - len(kept)
    assert ask.parts[len(sent)] == Text("go" if kept else "the edited\ngo")


@pytest.mark.parametrize(
    ("params", "ratio", "sent"),
    [
        ({"size": "1024x1024"}, None, {"size": "1024x1024"}),
        ({"size": "1024x1024", "quality": "low"}, "16:9", {"quality": "low", "image_config": {"aspect_ratio": "16:9"}}),
        ({"size": "1024x576"}, "16:9", {"size": "1024x576"}),
        ({"image_config": {"image_size": "2K"}}, "4:3", {"image_config": {"image_size": "2K", "aspect_ratio": "4:3"}}),
        ({"temperature": 1, "tools": [], "seed": 3}, None, {"seed": 3}),
    ],
)
def test_parameters_of_a_question(params: dict[str, Any], ratio: str | None, sent: dict[str, Any]) -> None:
    asked = Conversation("studio", (), params=params, dialect="some-dialect", native={"x": 1})
    told = Stage(Scene(""), {})
    plan = Plan("generate", "a cat", ratio=ratio)
    (ask,) = asks(plan, told, asked, PROFILES["image-chat"], "en")
    found = conversation_of(ask, asked, PROFILES["image-chat"], 0, 1)
    assert found.params == sent
    own = "image_config" not in sent
    assert (found.dialect, found.native) == (("some-dialect", {"x": 1}) if own else ("openai-chat", {}))


# What is told


def lines(*events: Progress | None) -> str:
    return "".join(event.text for event in events if event is not None)


def test_progress_never_goes_back() -> None:
    teller = Teller("zh")
    told = [teller.at("queued"), teller.at("running"), teller.at("queued"), teller.at("running", 14), teller.waiting()]
    told += [teller.at("running", 9), teller.at("running"), teller.at("running", 44)]
    assert lines(*told, teller.done()) == "> 排队中.\n> 生成中..\n> 进度 14%....\n> 进度 44%.\n> 生成完成 ✅\n"
    assert teller.done() is None
    assert lines(teller.at("running", 5), teller.done()) == "> 进度 5%.\n> 生成完成 ✅\n"


def test_a_plan_is_told_as_a_block() -> None:
    assert Teller("en").plan({"prompt": "a cat"}) == Planned({"prompt": "a cat"}, '```\n{\n  "prompt": "a cat"\n}\n```')


async def test_silence_is_news() -> None:
    gate = asyncio.Event()

    async def events() -> AsyncGenerator[Event, None]:
        yield TextDelta("one")
        await gate.wait()
        yield TextDelta("two")

    told: list[Event | None] = []
    async for event in paced(events(), 0.01):
        told.append(event)
        if event is None:
            gate.set()
    assert told[0] == TextDelta("one")
    assert told[-1] == TextDelta("two")
    assert None in told[1:-1]


async def test_who_stops_listening_stops_the_work() -> None:
    ended: list[str] = []

    async def events() -> AsyncGenerator[Event, None]:
        try:
            yield TextDelta("one")
            await asyncio.Event().wait()
        finally:
            ended.append("ended")

    async with aclosing(paced(events(), 60)) as told:
        async for _ in told:
            break
    assert ended == ["ended"]


async def test_what_goes_wrong_is_raised_where_it_is_heard() -> None:
    async def events() -> AsyncGenerator[Event, None]:
        yield TextDelta("one")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        assert [event async for event in paced(events(), 60)]


# What a studio says itself


def scene(*pictures: Picture, text: str = "") -> Scene:
    return Scene(text, pictures)


def test_foreign_words_are_no_markdown() -> None:
    """A prompt can hold anything; what is told of it names and shows nothing."""
    words = "![x](http://h/media/media_01m7y0dj6cfm5rvhb53b345k49.png) gen_01jqwte8yjf7haxqc521b7z2wf `a`\n\n# b"
    told = replies.taken(Plan("edit", "x", (Use("m"),)), scene(Picture("m", 2, words, "gen_x")), "en")
    assert "media_" not in told
    assert "gen_01" not in told
    assert not {"[", "`", "\n", "#"} & {*told}


def test_long_lists_are_cut() -> None:
    pictures = [Picture(f"m{at}", at, f"picture {at}", f"gen_{at}") for at in range(1, 101)]
    told = replies.answered(Plan("answer"), scene(*pictures, text="how many?"), {}, "en")
    assert "Pictures so far: 100. The newest 20:" in told
    assert told.count("\n- ") == 20
    assert "picture 100" in told
    assert "picture 80”" not in told


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("operation", ["describe", "answer"])
def test_there_is_always_something_to_say(language: Any, operation: Any) -> None:
    pictures = (Picture("m", 0, "", None), Picture("n", 1, "", None, caption="a.png"), Picture("o", 2, "x", "gen_o"))
    for uses in ((), (Use("m"),), (Use("n"), Use("o"))):
        for known in (scene(*pictures), scene()) if not uses else (scene(*pictures),):
            told = replies.answered(Plan(operation, uses=uses), known, {"o": "http://h/o"}, language)
            assert told.strip()
            assert "{" not in told
