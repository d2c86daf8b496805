"""What an upstream is shown again of the conversation: by its profile, within its limits, and nothing silently."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from darkroom.sketch import paint, read_ancestry
from darkroom.testing import serve
from running import (
    House,
    Json,
    Scripted,
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

ONE, TWO, THREE = (paint(words, size=(128, 128)).data for words in ("one", "two", "three"))
STRICT_FORMS = ("sketch", "markdown-base64", "images", "parts", "reasoning", "html")


async def two_turns(house: House, model: str, second: str | None = None, prompt: str = "make it blue") -> Json:
    """Make a picture with one model, and ask another one on."""
    first = await house.ask(model, "a red lighthouse")
    return await house.ask(second or model, user("a red lighthouse"), message_of(first), user(prompt))


def asked_last(house: House) -> list[Json]:
    found: list[Json] = house.painter.requests[-1]["messages"]
    return found


@pytest.mark.parametrize("form", STRICT_FORMS)
async def test_user(house: House, form: str) -> None:
    """A strict upstream: pictures in user turns alone, and where one stood a note with its id."""
    answer = await two_turns(house, f"painter/{form}-strict")
    made = (await house.media())[0]
    first, second, third = asked_last(house)
    assert first == user("a red lighthouse")
    assert f"[image {made.id}]" in second["content"]
    assert set(second) == {"role", "content"}
    assert pictures_in(third) == [made.blob]
    assert text_of(third) == "make it blue"
    assert answer["darkroom"]["omitted"] == []
    assert answer["darkroom"]["generations"][0]["inputs"] == [
        {"role": "edited", "media": made.id, "generation": made.generation}
    ]
    parents = read_ancestry(await house.download(answer["darkroom"]["media"][0]["url"]))[-1].parents
    assert parents == (made.blob,)


TRANSCRIPT = (
    '```\n{"prompt": "a red lighthouse", "ratio": "1:1"}\n```\n\n> ID: `task_01jqwtd9rvev28cr2kechxszq1`\n'
    "> Queuing.\n> Progress 44%.\n> Generation complete ✅\n\n> gen_id: `gen_01jqwte8yjf7haxqc521b7z2wf`\n\n"
    "![gen_01jqwte8yjf7haxqc521b7z2wf]({cdn}/one.png?sig=1dmC3Xhm%2BdH)"
)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_transcript(tmp_path: Path, stream: bool) -> None:
    """A relay is shown its own words, as it wrote them: its ids, and its own URL."""
    relay = Scripted([{"content": TRANSCRIPT}], files={"one.png": ONE})
    async with serve(relay.app) as url, running(tmp_path, providers=[row("relay", url)]) as house:
        first = await house.ask("relay/gpt-4o-image", "a red lighthouse", stream=stream)
        (link,) = links_in(message_of(first))
        assert url not in str(first)
        assert await house.download(link) == ONE
        kept = {"role": "assistant", "content": content_of(first)}
        second = await house.ask("relay/gpt-4o-image", user("a red lighthouse"), kept, user("bluer"), stream=stream)
        asked = relay.requests[-1]["messages"]
        assert asked == [
            user("a red lighthouse"),
            assistant(TRANSCRIPT.replace("{cdn}", f"{url}/cdn")),
            user("bluer"),
        ]
        assert second["darkroom"]["omitted"] == []


async def test_transcript_of_base64_holds_a_link(house: House, tmp_path: Path) -> None:
    """What the relay wrote as base64 is shown to it as our link: text never holds base64."""
    relay = Scripted([{"content": f"> Generation complete ✅\n\n![gen]({data_uri(ONE)})"}])
    async with serve(relay.app) as url, running(tmp_path / "b", providers=[row("relay", url)]) as other:
        first = await other.ask("relay/gpt-4o-image", "a red lighthouse")
        await other.ask("relay/gpt-4o-image", user("a red lighthouse"), message_of(first), user("bluer"))
        said = text_of(relay.requests[-1]["messages"][1])
        assert "base64" not in said
        assert links_in(said) == links_in(message_of(first))


DETAILS = [{"type": "reasoning.encrypted", "data": "c2lnbmF0dXJl" * 30, "index": 0}]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_images(tmp_path: Path, stream: bool) -> None:
    """The picture stands in `images[]` where it was made, with the signature unchanged."""
    images = [{"type": "image_url", "image_url": {"url": data_uri(ONE)}, "index": 0}]
    relay = Scripted([{"content": "Here you go"}, {"images": images}, {"reasoning_details": DETAILS}])
    async with serve(relay.app) as url, running(tmp_path, providers=[row("open", url, profile="openrouter")]) as house:
        first = await house.ask("open/some-model", "a red lighthouse", stream=stream)
        assert message_of(first)["reasoning_details"] == DETAILS
        for kept in (message_of(first), {"role": "assistant", "content": content_of(first)}):
            await house.ask("open/some-model", user("a red lighthouse"), kept, user("bluer"), stream=stream)
            _, second, third = relay.requests[-1]["messages"]
            assert second["images"] == images
            assert second["reasoning_details"] == DETAILS
            assert second["role"] == "assistant"
            assert second["content"].startswith("Here you go")
            assert "base64" not in second["content"]
            assert "reasoning_content" not in second
            assert third == user("bluer")


async def test_images_of_another_model_are_no_forgery(tmp_path: Path) -> None:
    """What another model made is a picture of the user's turn: no foreign signature is sent."""
    images = [{"type": "image_url", "image_url": {"url": data_uri(ONE)}, "index": 0}]
    relay = Scripted([{"images": images}, {"reasoning_details": DETAILS}])
    async with serve(relay.app) as url, running(tmp_path, providers=[row("open", url, profile="openrouter")]) as house:
        first = await house.ask("open/some-model", "a red lighthouse")
        await house.ask("open/other-model", user("a red lighthouse"), message_of(first), user("bluer"))
        _, second, third = relay.requests[-1]["messages"]
        assert "images" not in second
        assert third["content"][0]["image_url"]["url"] == data_uri(ONE)


async def test_last_user(tmp_path: Path) -> None:
    """Every picture that is sent stands in the last user turn."""
    relay = Scripted([{"content": f"![a]({data_uri(ONE)})"}, {"content": ""}])
    async with serve(relay.app) as url, running(tmp_path, providers=[row("last", url, profile="last-user")]) as house:
        first = await house.ask("last/gpt-image", user("like this", picture(data_uri(TWO))))
        question = user("now with this hat", picture(data_uri(THREE)))
        answer = await house.ask(
            "last/gpt-image", user("like this", picture(data_uri(TWO))), message_of(first), question
        )
        first_turn, second_turn, third_turn = relay.requests[-1]["messages"]
        assert pictures_in(first_turn) == pictures_in(second_turn) == []
        assert pictures_in(third_turn) == [data_uri(ONE), data_uri(THREE)]
        uploads = [media.id for media in await house.media() if media.blob == sha256(TWO)]
        assert f"[image {uploads[0]}]" in text_of(first_turn)
        assert answer["darkroom"]["omitted"] == [{"id": uploads[0], "reason": "not needed for this turn"}]


async def test_made_here_and_continued_there(tmp_path: Path) -> None:
    """A relay's picture goes on at another provider as a picture; its transcript stays with the relay."""
    async with running(tmp_path, providers=[row("other", "{painter}", profile="image-chat")]) as house:
        answer = await two_turns(house, "painter/relay", "other/images-strict")
        made = (await house.media())[0]
        _, second, third = asked_last(house)
        assert pictures_in(third) == [made.blob]
        assert f"[image {made.id}]" in text_of(second)
        assert "gen_id" not in text_of(second)
        rows = await house.generations()
        assert rows[1].inputs[0].generation == rows[0].id
        back = await house.ask(
            "painter/relay",
            user("a red lighthouse"),
            message_of(answer),
            user("back to the relay"),
        )
        assert pictures_in(asked_last(house)[-1]) == [(await house.media())[1].blob]
        assert back["darkroom"]["generations"][0]["inputs"][0]["generation"] == rows[1].id


async def test_a_reading_model_gets_everything_in_its_place(house: House) -> None:
    made = await house.ask("painter/images", "a red lighthouse")
    answer = await house.ask(
        "painter/text-strict",
        user("like this", picture(data_uri(ONE))),
        assistant("I see."),
        user("a red lighthouse"),
        message_of(made),
        user("what changed?"),
    )
    asked = asked_last(house)
    blob = (await house.media())[0].blob
    assert [pictures_in(message) for message in asked] == [[sha256(ONE)], [], [], [], [blob]]
    assert content_of(answer).startswith("You said: what changed? I see 1 picture: 1024x1024.")
    assert answer["darkroom"]["omitted"] == []


async def test_turn_ten_costs_what_turn_two_costs(house: House) -> None:
    history: list[Json] = [user("a red lighthouse", picture(data_uri(ONE)))]
    for turn in range(10):
        answer = await house.ask("painter/images-strict", *history)
        history += [message_of(answer), user(f"variation number {turn}")]
    sent = [[pictures_in(message) for message in request["messages"]] for request in house.painter.requests]
    assert sent[0] == [[sha256(ONE)]]
    assert all([len(found) for found in request] == [0] * (len(request) - 1) + [1] for request in sent[1:])
    newest = (await house.media())[-2]
    assert sent[-1][-1] == [newest.blob]
    assert len(answer["darkroom"]["omitted"]) == 9


@pytest.mark.parametrize("word", ["the first one", "最开始的那张"])
async def test_what_the_turn_names_goes_along(house: House, word: str) -> None:
    first = await house.ask("painter/images-strict", "a red lighthouse")
    second = await house.ask("painter/images-strict", user("a red lighthouse"), message_of(first), user("at night"))
    history = [user("a red lighthouse"), message_of(first), user("at night"), message_of(second)]
    await house.ask("painter/images-strict", *history, user(f"{word}, with snow"))
    assert pictures_in(asked_last(house)[-1]) == [(await house.media())[0].blob]
    await house.ask("painter/images-strict", *history, user("with snow"))
    assert pictures_in(asked_last(house)[-1]) == [(await house.media())[1].blob]


async def test_an_upload_is_a_reference_beside_what_is_edited(house: House) -> None:
    first = await house.ask("painter/images-strict", "a red lighthouse")
    answer = await house.ask(
        "painter/images-strict",
        user("a red lighthouse"),
        message_of(first),
        user("give it this hat", picture(data_uri(ONE))),
    )
    made, hat = (await house.media())[:2]
    assert pictures_in(asked_last(house)[-1]) == [made.blob, hat.blob]
    inputs = answer["darkroom"]["generations"][0]["inputs"]
    assert [(item["role"], item["media"]) for item in inputs] == [("edited", made.id), ("reference", hat.id)]


def limited(**facts: Any) -> Any:
    return row("limited", "{painter}", profile={"base": "chat", **facts})


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"max_media": 2}, "the model takes at most 2"),
        ({"max_media_bytes": len(TWO) + len(THREE)}, f"the model takes at most {len(TWO) + len(THREE)} bytes"),
    ],
    ids=["count", "bytes"],
)
async def test_limits_keep_the_newest(tmp_path: Path, facts: Json, reason: str) -> None:
    async with running(tmp_path, providers=[limited(**facts)]) as house:
        history = [
            user("one", picture(data_uri(ONE))),
            assistant("ok"),
            user("two", picture(data_uri(TWO))),
            assistant("ok"),
            user("three", picture(data_uri(THREE))),
        ]
        answer = await house.ask("limited/text-strict", *history)
        asked = asked_last(house)
        assert [sha for message in asked for sha in pictures_in(message)] == [sha256(TWO), sha256(THREE)]
        left = next(media for media in await house.media() if media.blob == sha256(ONE))
        assert answer["darkroom"]["omitted"] == [{"id": left.id, "reason": reason}]
        assert text_of(asked[0]) == f"one[image {left.id}]"


async def test_what_the_model_does_not_take(tmp_path: Path) -> None:
    async with running(tmp_path, providers=[limited(sees=["audio"])]) as house:
        answer = await house.ask("limited/text-strict", user("what is it?", picture(data_uri(ONE))))
        (media,) = await house.media()
        assert asked_last(house)[0]["content"][1] == {"type": "text", "text": f"[image {media.id}]"}
        assert answer["darkroom"]["omitted"] == [{"id": media.id, "reason": "the model takes no image"}]


async def test_form_link(tmp_path: Path) -> None:
    async with running(tmp_path, providers=[limited(forms=["link"])]) as house:
        answer = await house.ask("limited/text-strict", user("what is it?", picture(data_uri(ONE))))
        (media,) = await house.media()
        assert pictures_in(asked_last(house)[0]) == [f"{house.url}/media/{media.id}.png"]
        assert "I see 1 picture: 128x128" in content_of(answer)


async def test_form_url(tmp_path: Path) -> None:
    """A public URL goes as it came, and is not fetched; what has none goes inline."""
    elsewhere = Scripted([{"content": ""}], files={"two.png": TWO})
    async with serve(elsewhere.app) as url, running(tmp_path, providers=[limited(forms=["url", "inline"])]) as house:
        shown = user("which?", picture(data_uri(ONE)), picture(f"{url}/cdn/two.png"))
        answer = await house.ask("limited/text-strict", shown)
        assert pictures_in(asked_last(house)[0]) == [sha256(ONE), f"{url}/cdn/two.png"]
        assert "I see 2 pictures" in content_of(answer)
        assert len(await house.media()) == 1


async def test_a_url_is_fetched_for_its_own_turn_and_kept_for_later_ones(tmp_path: Path) -> None:
    """The chat goes on although the URL has died since."""
    elsewhere = Scripted([{"content": ""}], files={"two.png": TWO})
    async with serve(elsewhere.app) as url, running(tmp_path, allow=["127.0.0.1"]) as house:
        question = user("which?", picture(f"{url}/cdn/two.png"))
        await house.ask("painter/text-strict", question)
        elsewhere.files.clear()
        await house.ask("painter/text-strict", question, assistant("a two"), user("sure?"))
        assert pictures_in(asked_last(house)[0]) == [sha256(TWO)]
        (media,) = await house.media()
        assert (media.origin, media.source_url) == ("fetched", f"{url}/cdn/two.png")


async def test_what_darkroom_added_for_the_client_stays_here(house: House) -> None:
    first = await house.ask("painter/sketch", "a red lighthouse")
    kept = {**message_of(first), "darkroom": first["darkroom"]}
    assert "reasoning_content" in kept
    await house.ask("painter/sketch-strict", user("a red lighthouse"), kept, user("bluer"))
    assert set(asked_last(house)[1]) == {"role", "content"}


async def test_unknown_fields_ride_along(house: House) -> None:
    await house.ask("painter/text", user("hello"), temperature=0.5, seed=7, sketch={"n": 1}, made_up={"a": [1]})
    asked = house.painter.requests[-1]
    assert (asked["temperature"], asked["seed"], asked["made_up"]) == (0.5, 7, {"a": [1]})
    assert asked["model"] == "text"
