"""Histories as clients in the wild really send them: quoted data, dead links, foreign pictures, edited turns."""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from darkroom.sketch import paint
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

pytestmark = pytest.mark.asyncio(loop_scope="module")

CAT, DOG, COW = (paint(words, size=(128, 128)).data for words in ("a cat", "a dog", "a cow"))
TEXT_MODEL, IMAGE_MODEL, RELAY_MODEL = "relay/some-model", "relay/some-image-model", "relay/gpt-4o-image"
STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
BOTH_MODELS = pytest.mark.parametrize("model", [TEXT_MODEL, IMAGE_MODEL], ids=["text", "image"])
GONE = "media_01jqwte8yjf7haxqc521b7z2wf"


@dataclass(frozen=True, slots=True)
class Wild:
    """A gateway that may fetch from loopback, and an upstream that remembers what it was asked."""

    house: House
    relay: Scripted
    url: str

    async def ask(self, model: str, *messages: Json, stream: bool = False) -> tuple[list[Json], Json]:
        """Return the messages that the upstream was sent, and the answer."""
        answer = await self.house.ask(model, *messages, stream=stream)
        return self.relay.requests[-1]["messages"], answer

    async def refused(self, model: str, *messages: Json, stream: bool = False) -> tuple[int, str]:
        """Return status and code of an error for which nobody was asked."""
        before = len(self.relay.requests)
        status, body = await self.house.post({"model": model, "messages": messages, "stream": stream})
        assert len(self.relay.requests) == before
        return status, body["error"]["code"]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running_wild(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Wild]:
    relay = Scripted(b"", files={"cat.png": CAT, "page.png": b"<html>no cat</html>"})
    async with (
        serve(relay.app) as url,
        running(
            tmp_path_factory.mktemp("wild"),
            providers=[row("relay", url)],
            allow=["127.0.0.1"],
        ) as house,
    ):
        yield Wild(house, relay, url)


@pytest.fixture
def wild(running_wild: Wild) -> Wild:
    running_wild.relay.script = deque([[{"content": "Well said."}, {"images": [picture(data_uri(COW))]}]])
    return running_wild


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


# What a text only quotes.

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="4"/></svg>'
QUOTED: dict[str, str] = {
    "an icon": f"a {{ background: url(data:image/svg+xml;base64,{encoded(SVG)}); }}",
    "a large icon": f"<img src='data:image/svg+xml;base64,{encoded(SVG * 60)}'>",
    "a shown icon": f"![icon](data:image/svg+xml;base64,{encoded(SVG)})",
    "a text": f"Decode data:text/plain;base64,{encoded(b'Hello, world, how do you do?')} please.",
    "a large text": f"Decode data:text/plain;base64,{encoded(b'Hello, world. ' * 400)} please.",
    "a PNG of 8 bytes": f"A PNG begins with data:image/png;base64,{encoded(CAT[:8])} always.",
    "a shown PNG of 8 bytes": f"![start](data:image/png;base64,{encoded(CAT[:8])})",
    "a font": f"@font-face {{ src: url(data:font/woff2;base64,{encoded(b'wOF2' + bytes(range(60)))}) }}",
    "a large font": f"@font-face {{ src: url(data:font/woff2;base64,{encoded(b'wOF2' + bytes(range(256)) * 20)}) }}",
    "an example": "Write data:image/png;base64,... and so on.",
    "JSON": f'{{"b64_json": "{encoded(b"no picture, " * 9)}"}}',
}


@BOTH_MODELS
@pytest.mark.parametrize("text", QUOTED.values(), ids=QUOTED)
async def test_quoted_data_passes_untouched(wild: Wild, text: str, model: str) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    history: list[Json] = [
        {"role": "system", "content": text},
        user(text),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": text},
        {"role": "user", "content": [{"type": "text", "text": text}]},
    ]
    before = len(await wild.house.media())
    for stream in (False, True):
        asked, answer = await wild.ask(model, *history, stream=stream)
        assert asked == history
        assert answer["darkroom"]["omitted"] == []
    made = [media for media in (await wild.house.media())[before:] if media.origin != "generated"]
    assert made == []


# Pictures that can't be had.


def broken_parts(wild: Wild) -> dict[str, Json]:
    return {
        "no picture": picture(data_uri(b"no picture at all" * 9)),
        "broken base64": picture(data_uri(CAT)[:-9] + "*" * 9),
        "broken bare base64": {"type": "image", "image": {"base64": encoded(CAT)[:-9] + "*" * 9}},
        "broken data": {"inline_data": {"mime_type": "image/png", "data": encoded(CAT)[:-9] + "*" * 9}},
        "a dead URL": picture(f"{wild.url}/cdn/dog.png"),
        "a page": picture(f"{wild.url}/cdn/page.png"),
        "a private address": picture("http://192.168.7.7/cat.png"),
        "a link of ours that is gone": picture(f"{wild.house.url}/media/{GONE}.png"),
        "an id that is gone": picture(GONE),
    }


BROKEN = [
    "no picture",
    "broken base64",
    "broken bare base64",
    "broken data",
    "a dead URL",
    "a page",
    "a private address",
    "a link of ours that is gone",
    "an id that is gone",
]


@STREAM
@BOTH_MODELS
@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_picture_of_an_old_turn_is_no_obstacle(wild: Wild, name: str, model: str, stream: bool) -> None:
    part = broken_parts(wild)[name]
    good = picture(data_uri(CAT))
    history = [user("what is it?", part), assistant("I can't see it."), user("and this?", good)]
    asked, _ = await wild.ask(model, *history, stream=stream)
    assert [pictures_in(message) for message in asked] == [[], [], [data_uri(CAT)]]
    assert text_of(asked[0]).startswith("what is it?[image ")


@BOTH_MODELS
@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_picture_of_the_last_turn_is_refused(wild: Wild, name: str, model: str) -> None:
    last = user("what is it?", broken_parts(wild)[name])
    for stream in (False, True):
        status, code = await wild.refused(model, user("hello"), assistant("hi"), last, stream=stream)
        assert (status, code) in {
            (400, "invalid_media"),
            (400, "url_unreachable"),
            (400, "url_refused"),
            (404, "not_found"),
        }


@STREAM
@BOTH_MODELS
@pytest.mark.parametrize(
    "uri",
    [data_uri(b"no picture at all" * 9), data_uri(CAT)[:-9] + "*" * 9, data_uri(CAT[:900])],
    ids=["no picture", "broken base64", "cut short"],
)
async def test_broken_data_in_the_text_of_an_old_turn(wild: Wild, uri: str, model: str, stream: bool) -> None:
    for old in (user(f"what is ![this]({uri})?"), assistant(f"Here: ![this]({uri})"), assistant(f"Here: {uri}")):
        asked, _ = await wild.ask(model, user("hello"), old, user("and now?"), stream=stream)
        assert not any(pictures_in(message) for message in asked)
        assert "[image lost: " in text_of(asked[1])
        assert encoded(CAT)[:300] not in text_of(asked[1])


@BOTH_MODELS
async def test_a_link_of_ours_that_never_was_is_fetched_from_nobody(wild: Wild, model: str) -> None:
    """Were it fetched, it would be a URL that can't be reached: loopback is allowed here."""
    for name in (f"{wild.house.url}/media/{GONE}.png", f"/media/{GONE}.png"):
        assert await wild.refused(model, user("what is it?", picture(name))) == (404, "not_found")


MALFORMED = ["http://[bad/x.png", f"http://{'a' * 70}.example/x.png", "http://a..b/x.png", "http://a:99999/x.png"]


@BOTH_MODELS
@pytest.mark.parametrize("url", MALFORMED)
async def test_a_malformed_url(wild: Wild, url: str, model: str) -> None:
    for stream in (False, True):
        status, code = await wild.refused(model, user("what is it?", picture(url)), stream=stream)
        assert (status, code) in {(400, "url_refused"), (400, "malformed_request"), (400, "url_unreachable")}
        for message in (
            assistant("Here", images=[picture(url)]),
            assistant([{"type": "text", "text": "Here"}, picture(url)]),
            assistant(f"Here ![it]({url})"),
            user("Here", picture(url)),
        ):
            asked, _ = await wild.ask(model, user("a cat"), message, user("make it blue"), stream=stream)
            assert not any(pictures_in(each) for each in asked)
            assert text_of(asked[1]).startswith("Here")
            assert url in text_of(asked[1])


@STREAM
@BOTH_MODELS
async def test_a_deleted_link_is_named(wild: Wild, model: str, stream: bool) -> None:
    made = await wild.house.ask(IMAGE_MODEL, "a cow", stream=stream)
    (link,) = links_in(message_of(made))
    id = made["darkroom"]["media"][0]["id"]
    async with wild.house.http.delete(f"/v1/media/{id}") as response:
        assert response.status == 200
    kept = assistant(f"Here: ![cow]({link})")
    asked, answer = await wild.ask(model, user("a cow"), kept, user("make it blue"), stream=stream)
    assert not any(pictures_in(each) for each in asked)
    assert {"id": id, "reason": "it is not here any more"} in answer["darkroom"]["omitted"]


# A relay is shown its own words, and nobody else's as its own.

TRANSCRIPT = "> 进度 44%.\n> 生成完成 ✅\n\n> gen_id: `gen_01jqwte8yjf7haxqc521b7z2wf`\n\n![a cow]({uri})\n"


async def made_by_the_relay(wild: Wild) -> Json:
    wild.relay.script = deque([[{"content": TRANSCRIPT.replace("{uri}", data_uri(COW))}]])
    return message_of(await wild.house.ask(RELAY_MODEL, "a cow"))


async def test_a_relay_is_shown_its_own_words(wild: Wild) -> None:
    """The turn as it was: also where the client kept nothing but the picture."""
    made = await made_by_the_relay(wild)
    for kept in (made, assistant(links_in(made)[0]), assistant(f"![x]({links_in(made)[0]})")):
        asked, _ = await wild.ask(RELAY_MODEL, user("a cow"), kept, user("bluer"))
        assert text_of(asked[1]).startswith("> 进度 44%.\n> 生成完成 ✅")
        assert "base64" not in text_of(asked[1])


OTHER_WORDS = [
    "I looked at LINK, and it is a fine brown cow.",
    "![a cow](LINK)\n\nMy own version: the cow stands in a meadow.",
    "EDITED: no progress here.\n\n![a cow](LINK)",
]


@pytest.mark.parametrize("words", OTHER_WORDS)
async def test_a_relay_is_shown_the_words_of_others_about_its_picture(wild: Wild, words: str) -> None:
    """Another model's words, or the user's edit of the relay's turn."""
    made = await made_by_the_relay(wild)
    said = assistant(words.replace("LINK", links_in(made)[0]))
    for history in ([user("a cow"), said], [user("a cow"), made, user("look at it"), said]):
        asked, _ = await wild.ask(RELAY_MODEL, *history, user("bluer"))
        shown = text_of(asked[len(history) - 1])
        assert all(piece.strip() in shown for piece in words.replace("![a cow](LINK)", "LINK").split("LINK"))
        assert "44%" not in shown


# Pictures of elsewhere.


@STREAM
async def test_a_picture_that_another_gateway_showed_can_be_edited(wild: Wild, stream: bool) -> None:
    shown = assistant(f"Here it is: ![a cat]({wild.url}/cdn/cat.png)")
    asked, answer = await wild.ask(IMAGE_MODEL, user("a cat"), shown, user("make it blue"), stream=stream)
    assert [pictures_in(message) for message in asked] == [[], [], [data_uri(CAT)]]
    assert [each["role"] for each in answer["darkroom"]["generations"][0]["inputs"]] == ["edited"]


@STREAM
async def test_one_that_cant_be_fetched_is_a_note(wild: Wild, stream: bool) -> None:
    url = f"{wild.url}/cdn/dog.png"
    shown = assistant(f"Here it is: ![a dog]({url})")
    asked, answer = await wild.ask(IMAGE_MODEL, user("a dog"), shown, user("make it blue"), stream=stream)
    assert not any(pictures_in(message) for message in asked)
    assert text_of(asked[1]) == f"Here it is: [image {url}]"
    (omitted,) = answer["darkroom"]["omitted"]
    assert omitted["id"] == url
    assert "404" in omitted["reason"]


async def test_a_reading_model_is_not_sent_what_another_text_links_to(wild: Wild) -> None:
    shown = assistant(f"Here it is: ![a cat]({wild.url}/cdn/cat.png?never=fetched)")
    asked, _ = await wild.ask(TEXT_MODEL, user("a cat"), shown, user("what is it?"))
    assert asked[1] == shown


@STREAM
@pytest.mark.parametrize("head", ["data:image/png;BASE64,", "DATA:IMAGE/PNG;BASE64,", "data:image/png;Base64,"])
async def test_upper_case_base64_is_lifted(wild: Wild, head: str, stream: bool) -> None:
    for message in (user(f"look: ![dog]({head}{encoded(DOG)}) nice"), user(f"look: {head}{encoded(DOG)} nice")):
        asked, _ = await wild.ask(TEXT_MODEL, message, stream=stream)
        assert pictures_in(asked[0]) == [data_uri(DOG)]
        assert text_of(asked[0]) == "look:  nice"
    assert sha256(DOG) in await wild.house.blobs()


@STREAM
async def test_a_tools_picture_at_the_end_reaches_a_reading_model(wild: Wild, stream: bool) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    tool: dict[str, Any] = {
        "role": "tool",
        "tool_call_id": "1",
        "content": [{"type": "text", "text": "It shows:"}, picture(data_uri(DOG))],
    }
    history = [user("look"), {"role": "assistant", "content": None, "tool_calls": [call]}, tool]
    asked, answer = await wild.ask(TEXT_MODEL, *history, stream=stream)
    assert [message["role"] for message in asked] == ["user", "assistant", "tool", "user"]
    assert [pictures_in(message) for message in asked] == [[], [], [], [data_uri(DOG)]]
    assert "It shows:" in text_of(asked[2])
    assert content_of(answer).startswith("Well said.")
