"""Composition through the studio: seed 000's second page of a comic, and references that survive a long chat."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from darkroom.sketch import paint, read_ancestry
from running import House, Json, content_of, data_uri, links_in, message_of, picture, row, running, sha256, user
from test_studio import studio

PAGE_TWO = """生成第 2 页漫画，使用之前生成的主角参考图：

全局要求：
- 漫画风格：日式校园全彩漫画，干净线条，轻微网点阴影
- 所有格子保持角色外观一致
- 对白框文字清晰，不溢出

页面结构：
- 分镜数量：4 格
- 阅读方向：从左到右

第 1 格：
- 镜头：中景
- 画面：主角身边坐下一个同学，手里拿着作业本
- 对白（同学说）：「嘿，你看过老师布置的作业吗？」

第 2 格：
- 镜头：近景
- 画面：主角看向作业本，手指轻点书页
- 对白（主角说）：「还没呢，让我看看……」

补充说明：
- 保持与第 1 页完全一致的画风、线条、角色比例与视觉风格
- 对白框字体清晰可读"""
"""Seed 000's turn, somewhat shortened."""

SHEET = "主角参考图：黑发男高中生，校服，正面、侧面、背面"
PAGE_ONE = "生成第 1 页漫画，使用刚才的主角参考图：清晨的教室，主角推门进来"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with running(tmp_path, models=[studio()]) as house:
        yield house


class Client:
    """A client of the studio that sends back nothing but its answers."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.messages: list[Any] = []
        self.pictures: list[bytes] = []
        self.answers: list[Json] = []

    async def say(self, *content: Any) -> Json:
        self.messages.append(user(*content))
        answer = await self.house.ask("studio", *self.messages)
        self.messages.append(message_of(answer))
        self.answers.append(answer)
        for link in links_in(content_of(answer)):
            self.pictures.append(await self.house.download(link))
        return answer

    def made_from(self, answer: Json) -> dict[str, str]:
        """Return the inputs of an answer's generation: the generation or the media of each, and its role."""
        (generation,) = answer["darkroom"]["generations"]
        return {item["generation"] or item["media"]: item["role"] for item in generation["inputs"]}

    def id(self, number: int) -> str:
        return self.answers[number]["darkroom"]["generations"][0]["id"]


def parents_of(picture: bytes) -> set[str]:
    return set(read_ancestry(picture)[-1].parents)


async def test_the_second_page_of_a_comic(house: House) -> None:
    client = Client(house)
    for turn in (SHEET, PAGE_ONE, PAGE_TWO):
        await client.say(turn)
    sheet, first, second = client.pictures
    assert parents_of(first) == {sha256(sheet)}
    assert parents_of(second) == {sha256(sheet), sha256(first)}
    assert client.made_from(client.answers[2]) == {client.id(0): "character", client.id(1): "style"}
    planned = client.answers[2]["darkroom"]["plan"]
    assert (planned["operation"], planned["n"], planned["prompt"]) == ("compose", 1, PAGE_TWO)
    legend = house.painter.requests[-1]["messages"][-1]["content"][-1]["text"]
    assert legend.strip() == "图1：角色参考；图2：风格参考。"


async def test_the_second_page_with_its_references_attached(house: House) -> None:
    """As the seed's client does it: the pictures lie in the turn itself, as base64, and their rows are found again."""
    client = Client(house)
    for turn in (SHEET, PAGE_ONE):
        await client.say(turn)
    sheet, first = client.pictures
    other = Client(house)
    answer = await other.say(PAGE_TWO, picture(data_uri(first)), picture(data_uri(sheet)))
    assert parents_of(other.pictures[0]) == {sha256(sheet), sha256(first)}
    assert set(client.made_from(answer)) == {client.id(0), client.id(1)}


async def test_references_survive_a_long_chat(house: House) -> None:
    client = Client(house)
    sheet = paint("a girl with a blue coat", size=(320, 320)).data
    kept = await client.say("from now on use this as the character in every picture", picture(data_uri(sheet)))
    assert kept["darkroom"]["generations"] == []
    for number in range(1, 8):
        await client.say(f"page {number}: she opens door number {number}")
        assert parents_of(client.pictures[-1]) == {sha256(sheet)}
        assert list(client.made_from(client.answers[-1]).values()) == ["character"]
    await client.say("make the door green")
    assert parents_of(client.pictures[-1]) == {sha256(client.pictures[-2])}
    await client.say("forget the reference. draw an empty street")
    assert parents_of(client.pictures[-1]) == set()
    await client.say("draw a lighthouse in a storm")
    assert parents_of(client.pictures[-1]) == set()


async def test_a_model_with_little_room_gets_what_matters_most(tmp_path: Path) -> None:
    """The edited picture comes before the character, the character before the style; what is left out is told."""
    small = row("small", "{painter}", profile={"base": "image-chat", "max_media": 1})
    async with running(tmp_path, providers=[small], models=[studio("small/images")]) as house:
        client = Client(house)
        for turn in (SHEET, PAGE_ONE, PAGE_TWO):
            await client.say(turn)
        assert parents_of(client.pictures[2]) == {sha256(client.pictures[0])}
        omitted = client.answers[2]["darkroom"]["omitted"]
        assert any("at most 1" in each["reason"] for each in omitted)
