"""The chats that every upstream must be able to hold, told by what arrives there and by what the pictures say of
their own ancestry."""

from __future__ import annotations

from typing import Any

from darkroom.sketch import paint, read_ancestry
from running import House, Json, content_of, data_uri, links_in, message_of, picture, sha256, user

FIVE = (
    "a lighthouse in a storm",
    "add a small red boat",
    "make the sky green",
    "go back to the first picture and add a whale",
    "now make it night",
)
TREE = [[], [0], [1], [0], [3]]
"""Which of the five pictures each is made from."""


async def chat(house: House, model: str, *prompts: str, stream: bool = False, **body: Any) -> list[Json]:
    """Say one thing after the other, sending back nothing but the gateway's own answers; return those."""
    messages: list[Any] = []
    answers: list[Json] = []
    for prompt in prompts:
        messages.append(user(prompt))
        answers.append(await house.ask(model, *messages, stream=stream, **body))
        messages.append(message_of(answers[-1]))
    return answers


async def pictures_of(house: House, answers: list[Json]) -> list[bytes]:
    """Return the bytes of each answer's one picture."""
    found = []
    for answer in answers:
        (link,) = links_in(content_of(answer))
        found.append(await house.download(link))
    return found


async def check_five_turns(house: House, model: str, *, stream: bool = False) -> list[Json]:
    """Hold the five-turn chat, and check that each picture was made from the right one: by its pixels, and by the
    gateway's own record."""
    answers = await chat(house, model, *FIVE, stream=stream)
    pictures = await pictures_of(house, answers)
    hashes = [sha256(data) for data in pictures]
    steps = [read_ancestry(data)[-1] for data in pictures]
    assert [[hashes.index(parent) for parent in step.parents] for step in steps] == TREE
    ids = [answer["darkroom"]["generations"][0]["id"] for answer in answers]
    rows = [await house.gateway.database.generation("local", id) for id in ids]
    assert [[ids.index(i.generation or "") for i in row.inputs if i.role == "edited"] for row in rows if row] == TREE
    return answers


async def check_description(house: House, model: str, *, stream: bool = False) -> Json:
    """Upload a picture and ask what it is; a model that sees says its size."""
    shown = paint("a red barn", size=(640, 480)).data
    question = user("describe this picture", picture(data_uri(shown)))
    answer = await house.ask(model, question, stream=stream)
    assert "640x480" in content_of(answer), content_of(answer)
    return answer
