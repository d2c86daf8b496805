"""The conversations that Darkroom was made for: pictures as base64 in a history, a relay's transcript, a video."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from darkroom.sketch import film, paint, read_ancestry
from darkroom.testing import serve
from running import (
    BASE64,
    House,
    Json,
    assistant,
    content_of,
    data_uri,
    links_in,
    message_of,
    picture,
    pictures_in,
    running,
    sha256,
    text_of,
    user,
)

REFERENCE, PAGE_ONE, PAGE_TWO = (paint(words).data for words in ("主角参考图", "第 1 页漫画", "第 2 页漫画"))

FIRST_PROMPT = "生成第 1 页漫画，使用之前生成的主角参考图：\n\n全局要求：\n- 漫画风格：日式校园全彩漫画"
SECOND_PROMPT = "生成第 2 页漫画，保持与第 1 页完全一致的画风、线条、角色比例与视觉风格"
REASONED = (
    "**Reasoning:**\n**Analyzing Consistency of Style**\n\nI am now focused on ensuring the second page of the manga "
    "mirrors the first.\n\n\n**Confirming Visual Elements**\n\nText and its arrangement also match.\n\n\n\n\n"
    "**Response:**\n![Generated Image]({})"
)


def comic() -> list[Json]:
    """Return the history of a two-page comic as a client has it that knows nothing of Darkroom."""
    return [
        user(FIRST_PROMPT, picture(data_uri(REFERENCE))),
        assistant(f"![Generated Image]({data_uri(PAGE_ONE)})"),
        user(SECOND_PROMPT, picture(data_uri(PAGE_ONE))),
        assistant(REASONED.format(data_uri(PAGE_TWO))),
        user("再来第 3 页"),
    ]


def cut_out(uri: str) -> str:
    """Return a data URI as people paste it: the middle is left out."""
    return f"{uri[:600]}………………{uri[-600:]}"


@pytest.mark.parametrize("model", ["painter/markdown-base64-strict", "painter/text-strict", "painter/relay-strict"])
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_a_history_full_of_base64(house: House, model: str, stream: bool) -> None:
    """A strict upstream, which refuses base64 in text, takes it; and each picture is stored once."""
    for _ in range(2):
        await house.ask(model, *comic(), stream=stream)
    asked = house.painter.requests[-1]["messages"]
    for message in asked:
        assert not BASE64.search(text_of(message))
    assert SECOND_PROMPT in text_of(asked[2])
    assert "Analyzing Consistency of Style" in text_of(asked[3])
    uploaded = [media.blob for media in await house.media() if media.origin == "uploaded"]
    assert uploaded == [sha256(REFERENCE), sha256(PAGE_ONE), sha256(PAGE_TWO)]
    assert not house.parts()


async def test_a_reading_model_sees_the_whole_comic(house: House) -> None:
    answer = await house.ask("painter/text-strict", *comic())
    asked = house.painter.requests[-1]["messages"]
    assert [sha for message in asked for sha in pictures_in(message)] == [
        sha256(data) for data in (REFERENCE, PAGE_ONE, PAGE_ONE, PAGE_TWO)
    ]
    assert {message["role"] for message in asked if pictures_in(message)} == {"user"}
    assert answer["darkroom"]["omitted"] == []


async def test_a_painting_model_gets_the_newest_page(house: House) -> None:
    answer = await house.ask("painter/markdown-base64-strict", *comic())
    asked = house.painter.requests[-1]["messages"]
    assert [pictures_in(message) for message in asked] == [[], [], [], [], [sha256(PAGE_TWO)]]
    (step, *_) = read_ancestry(await house.download(links_in(answer)[0]))[-1:]
    assert step.parents == (sha256(PAGE_TWO),)
    named = {media.id for media in await house.media() if media.origin == "uploaded"}
    assert {item["id"] for item in answer["darkroom"]["omitted"]} < named


@pytest.mark.parametrize("model", ["painter/images-strict", "painter/text-strict"])
@pytest.mark.parametrize("whole", ["![Generated Image]({})", REASONED], ids=["markdown", "reasoned"])
async def test_a_picture_with_its_middle_left_out(house: House, model: str, whole: str) -> None:
    """What is left of it is no picture and is not sent as text; the chat goes on."""
    await house.ask(model, user(FIRST_PROMPT), assistant(whole.format(cut_out(data_uri(PAGE_ONE)))), user("第 2 页"))
    asked = house.painter.requests[-1]["messages"]
    assert not BASE64.search(text_of(asked[1]))
    assert not pictures_in(asked[-1])
    assert not [media for media in await house.media() if media.origin == "uploaded"]


# A relay's transcript.

TURNS = (
    "画个牛马",
    "牛的脸上遮个布",
    "最开始的图片改一下吧，让马的脸上遮个布",
    "我又改了，刚才牛遮布的那一条修改一下，让牛的头上顶着锅盖",
    "锅盖上再加根筷子",
)
GENS = (
    "gen_01jqwte8yjf7haxqc521b7z2wf",
    "gen_01jqwtksnne8mtahpxcdyzna0m",
    "gen_01jqwtrwp4eq1brqdfasvft8nm",
    "gen_01jqwtvfgkea98036y6gbb345v",
)
TASKS = (
    "task_01jqwtd9rvev28cr2kechxszq1",
    "task_01jqwthpjaf3kap2dkqnhxfvpr",
    "task_01jqwtprjhftnvgthhtr9q6j5p",
    "task_01jqwtse1gex29ab7ecnsc7066",
)
DRAWN = ("画个牛马", "牛的脸上遮个布", "马的脸上遮个布", "牛的头上顶着锅盖")
PARENTS = (None, 0, 0, 1)
URL = "https://videos.example.com/vg-assets/assets%2F{}%2Fsrc_0.png?st=2025-04-03T01%3A55%3A56Z&sig=1dmC3Xhm%2BdH%3D"


def transcript(turn: int) -> str:
    plan = {"prompt": DRAWN[turn], "ratio": "1:1"}
    parent = PARENTS[turn]
    if parent is not None:
        plan["gen_id"] = GENS[parent]
    block = json.dumps(plan, ensure_ascii=False, indent=2)
    return (
        f"```\n{block}\n```\n\n\n\n> ID: `{TASKS[turn]}`\n> 排队中.\n> 生成中..\n> 进度 14%.\n> 进度 83%\n"
        "> 生成完成 ✅\n\n"
        f"> gen_id: `{GENS[turn]}`\n\n![{GENS[turn]}]({URL.format(TASKS[turn])})"
    )


def relayed() -> list[Json]:
    messages: list[Json] = []
    for turn in range(4):
        asked = user(TURNS[turn])
        messages += [{**asked, "model": "gpt-4o-image"} if turn % 2 else asked, assistant(transcript(turn))]
    return [*messages, user(TURNS[4])]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_a_relays_history(house: House, stream: bool) -> None:
    """Its own words go back verbatim; its generations are learnt with their lineage; the new one hangs on the last."""
    history = relayed()
    answer = await house.ask("painter/relay-strict", *history, stream=stream)
    assert house.painter.requests[-1]["messages"] == history

    generations = await house.generations()
    assert [each.status for each in generations] == ["imported"] * 4 + ["completed"]
    imported = {each.upstream_ids["gen_id"]: each for each in generations[:4]}
    assert [imported[gen].prompt for gen in GENS] == list(DRAWN)
    assert [imported[gen].upstream_ids["task_id"] for gen in GENS] == list(TASKS)
    assert [[item.generation for item in imported[gen].inputs] for gen in GENS] == [
        [] if parent is None else [imported[GENS[parent]].id] for parent in PARENTS
    ]
    new = generations[-1]
    assert [(item.role, item.generation) for item in new.inputs] == [("edited", imported[GENS[3]].id)]
    assert answer["darkroom"]["generations"][0]["inputs"] == [
        {"role": "edited", "media": None, "generation": imported[GENS[3]].id}
    ]
    assert len(links_in(message_of(answer))) == 1


async def test_a_relays_history_is_learnt_once(house: House) -> None:
    for _ in range(2):
        await house.ask("painter/relay-strict", *relayed())
    assert [each.status for each in await house.generations()].count("imported") == 4


async def play(house: House, model: str, output: str | None, stream: bool) -> list[Json]:
    """Play the five turns as a client that keeps what Darkroom answers, and nothing else."""
    history: list[Json] = []
    answers: list[Json] = []
    for turn in TURNS:
        answer = await house.ask(model, *history, user(turn), output=output, stream=stream)
        kept = {"role": "assistant", "content": content_of(answer)}
        history += [user(turn), kept]
        answers.append(answer)
    return answers


async def parents_of(house: House, answers: list[Json]) -> list[int | None]:
    """Return for each answer the number of the answer whose generation its own hangs on."""
    ids = [answer["darkroom"]["generations"][0]["id"] for answer in answers]
    rows: list[Any] = [await house.gateway.database.generation("local", id) for id in ids]
    return [ids.index(row.inputs[0].generation) if row.inputs else None for row in rows]


@pytest.mark.parametrize("output", [None, "transcript", "parts"])
@pytest.mark.parametrize("model", ["painter/relay-strict", "painter/relay-en-strict", "painter/images-strict"])
async def test_five_turns_make_a_tree(house: House, model: str, output: str | None) -> None:
    """The third turn goes back to the first picture, the fourth to the second."""
    answers = await play(house, model, output, stream=output is None)
    assert await parents_of(house, answers) == [None, 0, 0, 1, 3]


@pytest.mark.parametrize("model", ["painter/images-strict", "painter/relay-strict"])
async def test_the_pixels_of_the_tree(house: House, model: str) -> None:
    """The ancestry that the painter writes into its pictures proves which ones it was given."""
    answers = await play(house, model, None, stream=False)
    pictures = [await house.download(answer["darkroom"]["media"][0]["url"]) for answer in answers]
    hashes = [sha256(data) for data in pictures]
    steps = [read_ancestry(data)[-1] for data in pictures]
    assert [[hashes.index(parent) for parent in step.parents] for step in steps] == [[], [0], [0], [1], [3]]


@pytest.mark.parametrize("turn", [1, 2, 3, 4])
async def test_an_image_model_is_sent_one_picture(house: House, turn: int) -> None:
    await play(house, "painter/images-strict", None, stream=False)
    asked = house.painter.requests[turn]["messages"]
    assert [len(pictures_in(message)) for message in asked] == [0] * (2 * turn) + [1]


# Videos by URL, pictures as parts, pictures described.


def serving(**files: bytes) -> Starlette:
    async def file(request: Request) -> Response:
        data = files.get(request.path_params["name"].partition(".")[0])
        return Response(data or b"", 200 if data else 404, media_type="application/octet-stream")

    return Starlette(routes=[Route("/{name}", file)])


async def test_a_video_by_url(tmp_path: Path) -> None:
    clip = film("a short clip").data
    async with serve(serving(clip=clip)) as elsewhere, running(tmp_path, allow=["127.0.0.1"]) as house:
        question = user("请你完整反推这个视频", {"type": "file", "file_url": f"{elsewhere}/clip.mp4"})
        answer = await house.ask("painter/text-strict", question, stream=True, temperature=0)
        assert content_of(answer).startswith("You said: 请你完整反推这个视频")
        asked = house.painter.requests[-1]
        assert asked["temperature"] == 0
        assert asked["messages"][0]["content"] == [
            {"type": "text", "text": "请你完整反推这个视频"},
            {"type": "video_url", "video_url": {"url": f"data:video/mp4;base64,sha256:{sha256(clip)}"}},
        ]
        (media,) = await house.media()
        assert (media.mime, media.origin, media.source_url) == ("video/mp4", "fetched", f"{elsewhere}/clip.mp4")


async def test_the_guard_refuses_a_private_video(house: House) -> None:
    async with serve(serving(clip=b"x")) as elsewhere:
        question = user("what is it?", {"type": "file", "file_url": f"{elsewhere}/clip.mp4"})
        status, body = await house.post({"model": "painter/text", "messages": [question]})
    assert (status, body["error"]["code"]) == (400, "url_refused")
    assert not house.painter.requests


async def test_a_picture_as_a_list_of_parts(house: House) -> None:
    prompt = "視覺風格: 超現實主義\n構圖與焦點: 特寫鏡頭，聚焦於蓮花牢籠的中心。\n封面文字: 靈性陷阱"
    answer = await house.ask("painter/sketch-strict", prompt, output="parts")
    (choice,) = answer["choices"]
    assert (choice["finish_reason"], choice["index"]) == ("stop", 0)
    assert choice["message"]["content"] == [{"type": "image_url", "image_url": {"url": links_in(answer)[0]}}]
    assert await house.download(links_in(answer)[0]) == paint(prompt).data


async def test_a_picture_described(house: House) -> None:
    data = paint("x", size=(320, 256)).data
    answer = await house.ask("painter/text-strict", user("描述这张图片", picture(data_uri(data))))
    assert content_of(answer) == "You said: 描述这张图片 I see 1 picture: 320x256. That is all."
    assert [media.blob for media in await house.media()] == [sha256(data)]
