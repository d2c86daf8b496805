"""What a studio says of itself: the tokens that an answer cost, the names that it does not know, its own name."""

from __future__ import annotations

from pathlib import Path

import openai
import pytest

from darkroom.sketch import paint
from running import Json, assistant, content_of, message_of, pictures_in, running, sha256, user
from test_studio import opened, planned, play
from test_studio_parts import drawn, link, staged


async def test_a_stream_counts_what_the_painter_counts(tmp_path: Path) -> None:
    """A studio's stream has the count of the model that paints, as that model's own stream has, and no estimate."""
    async with running(tmp_path, sketch=True) as house:
        direct = await house.ask("sketch/sketch", "a cat", stream=True)
        answer = await house.ask("studio", "a cat", stream=True)
    assert "usage" not in answer["darkroom"]
    assert answer["usage"]["total_tokens"] == direct["usage"]["total_tokens"]


@pytest.mark.parametrize("model", ["plan", "plan-broken-once", "plan-broken"])
async def test_the_tokens_of_planning_count(tmp_path: Path, model: str) -> None:
    """Those of a plan that could not be used too: they were paid for."""
    async with opened(tmp_path / "rules") as house:
        (painted,) = await play(house, "a cat")
    async with planned(tmp_path / "model", model, structured="schema") as (house, upstream):
        (answer,) = await play(house, "a cat")
        asked = len(upstream.requests)
    spent = answer["usage"]["total_tokens"] - painted["usage"]["total_tokens"]
    assert asked == (1 if model == "plan" else 2)
    assert spent > 100 * asked


async def test_who_misspells_a_model_is_told_of_the_studios(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        with pytest.raises(openai.NotFoundError, match="one of: studio"):
            await house.ask("studoi", "a cat")
        with pytest.raises(openai.NotFoundError, match="one of: studio"):
            await house.client.models.retrieve("studoi")


NOWHERE = "gen_01kb0x7f3ze6r8t1v5m2q4w9ac"
GONE = "media_01kb0x7f3ze6r8t1v5m2q4w9ac"


@pytest.mark.parametrize("output", ["markdown", "transcript"])
async def test_a_name_that_leads_nowhere_is_told(tmp_path: Path, output: str) -> None:
    """Else who mistypes an id gets another picture, and does not learn why."""
    async with opened(tmp_path) as house:
        answer = await house.ask("studio", f"add a hat to {NOWHERE}", output=output)
        assert content_of(answer).endswith(f")\n\nThere is no picture {NOWHERE} here, so it was not used.")
        answer = await house.ask("studio", f"给 {house.url}/media/{GONE}.png 加一顶帽子", output=output)
        assert content_of(answer).endswith(f")\n\n这里没有叫 {GONE} 的图，所以没有用到它。")
        history: list[Json] = [user("a cat"), message_of(await house.ask("studio", "a cat", output=output))]
        answer = await house.ask("studio", *history, user("add a hat"), output=output)
        assert "There is no" not in content_of(answer)


async def test_names_that_lead_somewhere_are_known(tmp_path: Path) -> None:
    """Those of this turn alone: what was named before has been told."""
    async with opened(tmp_path) as house:
        cat = await drawn(house, "a cat")
        named = f"{cat.generation} and {cat.id} and {link(house, cat)}"
        assert (await staged(house, user(f"mix {named}"))).unknown == ()
        assert (await staged(house, user(f"mix {NOWHERE} and {named} and {GONE}"))).unknown == (NOWHERE, GONE)
        found = await staged(house, user(f"mix {NOWHERE}"), assistant("no"), user("a cat"))
        assert found.unknown == ()


async def test_a_picture_sent_twice_stands_where_it_was_first(tmp_path: Path) -> None:
    """Else the second picture of the words is not the second one that the model sees."""
    cow, cat, dog = (paint(name, size=(64, 64)).data for name in ("a cow", "a cat", "a dog"))
    async with opened(tmp_path) as house:
        files = [("cow.png", cow), ("cat.png", cat), ("dog.png", dog), ("cat.png", cat)]
        await house.client.images.edit(model="studio", prompt="the cow with the rest", image=files)
        (message,) = house.painter.requests[-1]["messages"]
    assert pictures_in(message) == [sha256(cow), sha256(cat), sha256(dog)]
