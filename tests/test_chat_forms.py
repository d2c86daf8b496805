"""Every form in which upstreams answer with a picture, through the main door, with the official client."""

from __future__ import annotations

import asyncio
from pathlib import Path

import openai
import pytest

from darkroom.sketch import film, paint
from darkroom.testing import serve
from darkroom.testing.forms import FORMS, PICTURELESS, VIDEOS
from darkroom.testing.keeping import padded
from running import (
    BASE64,
    LINK,
    House,
    Json,
    Scripted,
    content_of,
    data_uri,
    links_in,
    message_of,
    row,
    running,
    sha256,
)

PROMPT = "画个牛马"
PICTURE = paint(PROMPT).data
SECOND = paint(f"{PROMPT} (2)").data
MAKING = [name for name in FORMS if name not in PICTURELESS and not name.startswith(("bad-", "dies"))]
SEVERAL = [name for name in MAKING if name not in VIDEOS and name not in {"image", "images-partials", "b64-json-field"}]

# What the client reads: the text of the upstream with our link in the picture's place. A picture that came beside the
# text stands behind it, in a paragraph of its own.
SHOWN = {
    "sketch": "![image](LINK)",
    "markdown-base64": "![Generated Image](LINK)",
    "markdown-url": "![Generated Image](LINK)\n",
    "bare-url": "Here is your picture:\n\n![image](LINK)\n",
    "html": "![picture](LINK)\n",
    "reasoning": "![Generated Image](LINK)",
    "relay": "![GEN](LINK)\n",
    "relay-en": "![GEN](LINK)\n",
    "relay-2026": "![image](LINK)\n\n\n",
    "relay-video": "[在线播放▶️](LINK)\n",
    "images": "Here you go\n\n![image](LINK)",
    "image": "Here you go\n\n![image](LINK)",
    "images-partials": "![image](LINK)",
    "parts": "Here you go\n\n![image](LINK)",
    "multi-mod": "Here you go\n\n![image](LINK)",
    "multi-mod-camel": "Here you go\n\n![image](LINK)",
    "image-data": "![one-hub-gemini-image](LINK)",
    "b64-json-field": "Here you go\n\n![image](LINK)",
    "video-html": "[video](LINK)",
    "video-url": "[video](LINK)",
    "gemini-leak": "Here you go\n\n![image](LINK)",
}

KNOBS: dict[str, Json] = {
    "deltas of 1 character": {"chunk": 1, "bytes": 0},
    "deltas of 7 characters": {"chunk": 7},
    "deltas of 1000 characters": {"chunk": 1000},
    "escaped slashes and equals": {"escape": True},
    "url-safe": {"urlsafe": True},
    "no padding": {"nopad": True},
    "url-safe without padding": {"urlsafe": True, "nopad": True},
    "in lines": {"wrap": True},
    "in lines, in deltas": {"wrap": True, "chunk": 50},
    "escaped, in lines": {"escape": True, "wrap": True},
    "no terminator": {"terminator": "none"},
    "escaped terminator": {"terminator": "escaped"},
    "large": {"bytes": 3_000_001},
}

FAILURES: dict[str, tuple[int, str, str]] = {
    "fail-policy": (400, "content_policy_violation", "safety system"),
    "fail-policy-zh": (400, "content_policy_violation", "相关服务政策"),
    "fail-reason": (400, "content_policy_violation", "input_moderation"),
    "fail-rate": (429, "rate_limit", "rate limit in place"),
    "fail-sse-error": (502, "upstream_broken", "the worker went away"),
    "fail-500": (400, "content_policy_violation", "rejected by the safety system"),
    "fail-429": (429, "rate_limit", "Rate limit reached"),
    "empty": (502, "upstream_broken", "neither media nor text"),
    "bad-html": (502, "upstream_bad_media", "HTML page"),
    "bad-base64": (502, "upstream_bad_media", "base64 is broken"),
    "bad-magic": (502, "upstream_bad_media", "no picture"),
    "dies": (502, "upstream_broken", "broke off"),
    "one-hub-error": (502, "upstream_bad_media", "image upload err"),
}


def expected(form: str) -> list[bytes]:
    return [film(PROMPT).data] if form in VIDEOS else [PICTURE]


def test_every_form_is_asked_for() -> None:
    assert set(FORMS) == set(MAKING) | set(FAILURES) - {"fail-500", "fail-429"} | {"text"}


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("form", MAKING)
async def test_a_form(house: House, form: str, stream: bool) -> None:
    answer = await house.ask(f"painter/{form}", PROMPT, stream=stream)
    links = links_in(message_of(answer))
    assert [await house.download(link) for link in links] == expected(form)
    assert not BASE64.search(str(answer))
    assert house.painter_url not in str(answer)

    report = answer["darkroom"]
    (generation,) = report["generations"]
    (described,) = report["media"]
    assert described["url"] == links[0]
    assert described["generation"] == generation["id"]
    assert described["kind"] == ("video" if form in VIDEOS else "image")
    assert report["omitted"] == []
    assert "lost" not in report

    (media,) = await house.media()
    assert (media.id, media.blob, media.origin) == (described["id"], sha256(expected(form)[0]), "generated")
    (recorded,) = await house.generations()
    assert (recorded.id, recorded.status, recorded.prompt) == (generation["id"], "completed", PROMPT)
    assert (recorded.provider, recorded.model, recorded.progress) == ("painter", form, 100)
    assert [output.id for output in recorded.outputs] == [media.id]
    assert not house.parts()


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("form", SHOWN)
async def test_the_text_around_it(house: House, form: str, stream: bool) -> None:
    answer = await house.ask(f"painter/{form}", PROMPT, stream=stream)
    (generation,) = await house.generations()
    shown = LINK.sub("LINK", content_of(answer)).replace(generation.upstream_ids.get("gen_id", "GEN"), "GEN")
    assert shown == SHOWN[form]


@pytest.mark.parametrize("form", ["relay", "relay-en", "relay-2026", "relay-4o-all"])
async def test_a_relay_tells_its_progress_and_its_ids(house: House, form: str) -> None:
    answer = await house.ask(f"painter/{form}", PROMPT, stream=True)
    thoughts = message_of(answer)["reasoning_content"]
    assert PROMPT in thoughts
    assert "%" in thoughts
    (generation,) = await house.generations()
    assert generation.params["prompt"] == PROMPT
    if form in {"relay", "relay-en"}:
        assert set(generation.upstream_ids) == {"gen_id", "task_id"}
        assert answer["darkroom"]["generations"][0]["upstream_ids"] == generation.upstream_ids


async def test_reasoning_before_a_response_is_no_content(house: House) -> None:
    message = message_of(await house.ask("painter/reasoning", PROMPT))
    assert message["reasoning_content"].startswith("**Planning the Composition**")
    assert "Reasoning" not in message["content"]
    assert "Response" not in message["content"] + message["reasoning_content"]


SPELLINGS = [
    pytest.param(form, knobs, stream, id=f"{form}, {name}, {'stream' if stream else 'plain'}")
    for form in ("markdown-base64", "b64-json", "images")
    for name, knobs in KNOBS.items()
    for stream in (False, True)
    if "chunk" not in knobs or (form == "markdown-base64" and stream)
]


@pytest.mark.parametrize(("form", "knobs", "stream"), SPELLINGS)
async def test_a_spelling(house: House, form: str, knobs: Json, stream: bool) -> None:
    answer = await house.ask(f"painter/{form}", PROMPT, stream=stream, sketch=knobs)
    (link,) = links_in(message_of(answer))
    assert await house.download(link) == padded(PICTURE, knobs.get("bytes", 0))
    assert not BASE64.search(str(answer))
    assert not house.parts()


@pytest.mark.parametrize("chunk", [7, 50, 2000])
async def test_b64_json_in_small_deltas(house: House, chunk: int) -> None:
    answer = await house.ask("painter/b64-json", PROMPT, stream=True, sketch={"chunk": chunk})
    assert not BASE64.search(content_of(answer))
    assert [await house.download(link) for link in links_in(content_of(answer))] == [PICTURE]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("form", SEVERAL)
async def test_several_pictures(house: House, form: str, stream: bool) -> None:
    answer = await house.ask(f"painter/{form}", PROMPT, stream=stream, sketch={"n": 2})
    found = [await house.download(link) for link in links_in(content_of(answer))]
    assert found == [PICTURE, SECOND]
    assert [media["url"] for media in answer["darkroom"]["media"]] == links_in(content_of(answer))
    assert len(answer["darkroom"]["generations"]) == 1
    assert [image["index"] for image in message_of(answer)["images"]] == [0, 1]
    assert [media.position for media in await house.media()] == [0, 1]


async def one_of_ours(house: House, relay: Scripted, stream: bool) -> Json:
    async with serve(relay.app) as url, running(house.root / "second", providers=[row("relay", url)]) as second:
        answer = await second.ask("relay/gpt-image-x", PROMPT, stream=stream)
        assert len(await second.media()) == len(await second.blobs()) == 1
        assert await second.download(links_in(answer)[0]) == PICTURE
        return answer


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_the_same_picture_twice_in_the_text_is_shown_twice_and_stored_once(house: House, stream: bool) -> None:
    uri = data_uri(PICTURE)
    relay = Scripted([{"content": f"One: ![a]({uri}) and again: ![b]({uri}). Done."}])
    answer = await one_of_ours(house, relay, stream)
    assert LINK.sub("LINK", content_of(answer)) == "One: ![a](LINK) and again: ![b](LINK). Done."
    assert len(answer["darkroom"]["media"]) == 1


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_the_same_picture_in_the_text_and_beside_it_is_shown_once(house: House, stream: bool) -> None:
    uri = data_uri(PICTURE)
    beside = {"images": [{"type": "image_url", "image_url": {"url": uri}}]}
    answer = await one_of_ours(house, Scripted([{"content": f"Look: ![a]({uri})\n"}, beside]), stream)
    assert LINK.sub("LINK", content_of(answer)) == "Look: ![a](LINK)\n"
    assert len(message_of(answer)["images"]) == 1


async def test_a_text_model_keeps_its_foreign_links(house: House) -> None:
    """What a model that reads merely links to is none of ours."""
    answer = await house.ask("painter/text", "give me a link")
    assert content_of(answer) == (
        "You said: give me a link See ![a harbour](https://example.com/harbour.png) for one. That is all."
    )
    assert answer["darkroom"] == {"generations": [], "media": [], "omitted": []}
    assert await house.is_empty()


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_a_url_that_cant_be_mirrored_goes_to_the_client(tmp_path: Path, stream: bool) -> None:
    """The guard refuses a private address that is not the provider's own."""
    foreign = "http://192.168.7.7/cow.png?sig=1"
    relay = Scripted([{"content": f"Here: ![cow]({foreign}) Bye."}])
    async with serve(relay.app) as url, running(tmp_path, providers=[row("relay", url)]) as house:
        answer = await house.ask("relay/some-image-model", PROMPT, stream=stream)
        assert content_of(answer) == f"Here: ![cow]({foreign}) Bye."
        (lost,) = answer["darkroom"]["lost"]
        assert (lost["url"], lost["code"]) == (foreign, "url_refused")
        assert "192.168.7.7" in lost["message"]
        assert answer["darkroom"]["media"] == []
        assert await house.is_empty()


@pytest.mark.parametrize("form", FAILURES)
async def test_a_failure_is_an_error(house: House, form: str) -> None:
    status, code, words = FAILURES[form]
    found, body = await house.post({"model": f"painter/{form}", "messages": [{"role": "user", "content": PROMPT}]})
    assert (found, body["error"]["code"]) == (status, code)
    assert words in body["error"]["message"]
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert set(body) == {"error"}
    assert await house.is_empty()
    assert {generation.status for generation in await house.generations()} <= {"failed"}


@pytest.mark.parametrize("form", FAILURES)
async def test_a_failure_while_streaming(house: House, form: str) -> None:
    """An error with its status before the stream begins, and afterwards an event and a clean end."""
    status, code, words = FAILURES[form]
    body = {"model": f"painter/{form}", "messages": [{"role": "user", "content": PROMPT}]}
    async with house.http.post("/v1/chat/completions", json={**body, "stream": True}) as response:
        text = await response.text()
    if response.status == 200:
        assert text.endswith("data: [DONE]\n\n")
        assert '"finish_reason":"stop"' not in text
    else:
        assert response.status == status
        assert response.content_type == "application/json"
    assert f'"code":"{code}"' in text
    assert words in text
    assert await house.is_empty()
    assert {generation.status for generation in await house.generations()} <= {"failed"}


@pytest.mark.parametrize(
    ("form", "kind"),
    [("fail-policy", openai.BadRequestError), ("fail-429", openai.RateLimitError), ("empty", openai.APIStatusError)],
)
async def test_the_official_client_understands_failures(house: House, form: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        await house.ask(f"painter/{form}", PROMPT)
    with pytest.raises(openai.APIError) as caught:
        await house.ask(f"painter/{form}", PROMPT, stream=True)
    assert caught.value.code == FAILURES[form][1]


async def test_when_to_come_again_is_handed_on(house: House) -> None:
    body = {"model": "painter/fail-429", "messages": [{"role": "user", "content": PROMPT}]}
    async with house.http.post("/v1/chat/completions", json=body) as response:
        assert response.headers["retry-after"] == "7"


async def test_one_bad_picture_of_two_is_lost_and_the_other_kept(tmp_path: Path) -> None:
    bad = data_uri(b"this is no picture at all, whatever its type says")
    images = [{"image_url": {"url": data_uri(PICTURE)}}, {"image_url": {"url": bad}}]
    async with (
        serve(Scripted([{"images": images}]).app) as url,
        running(tmp_path, providers=[row("relay", url)]) as house,
    ):
        answer = await house.ask("relay/some-image-model", PROMPT)
        assert len(answer["darkroom"]["media"]) == 1
        (lost,) = answer["darkroom"]["lost"]
        assert (lost["code"], lost["url"]) == ("upstream_bad_media", None)
        assert await house.blobs() == [sha256(PICTURE)]


async def test_progress_comes_as_it_happens(tmp_path: Path) -> None:
    """The first line reaches the client while the upstream still works."""
    gate = asyncio.Event()
    relay = Scripted([{"content": "> 排队中.\n> 进度 5%.\n"}, {"content": f"![a]({data_uri(PICTURE)})"}], gate=gate)
    async with serve(relay.app) as url, running(tmp_path, providers=[row("relay", url)]) as house:
        stream = await house.client.chat.completions.create(
            model="relay/gpt-4o-image", messages=[{"role": "user", "content": PROMPT}], stream=True
        )
        first = await anext(aiter(stream))
        assert not gate.is_set()
        assert "排队中" in first.choices[0].delta.model_dump()["reasoning_content"]
        gate.set()
        rest = [chunk async for chunk in stream]
        assert links_in(str(rest))


async def wait_until(happened: asyncio.Event) -> None:
    async with asyncio.timeout(30):
        await happened.wait()


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_a_picture_is_finished_although_its_client_leaves(tmp_path: Path, stream: bool) -> None:
    gate = asyncio.Event()
    relay = Scripted([{"content": "> 进度 5%.\n"}, {"content": f"![a]({data_uri(PICTURE)})"}], gate=gate)
    async with serve(relay.app) as url, running(tmp_path, providers=[row("relay", url)]) as house:
        await leave_in_the_middle(house, relay, "relay/gpt-4o-image", stream)
        gate.set()
        await settled(house)
        (generation,) = await house.generations()
        assert generation.status == "completed"
        (media,) = await house.media()
        assert media.blob == sha256(PICTURE)
        assert media.generation == generation.id


async def test_a_text_answer_ends_with_its_reader(tmp_path: Path) -> None:
    gate = asyncio.Event()
    relay = Scripted([{"content": "Once upon a time"}, {"content": " there was an end"}], gate=gate)
    async with serve(relay.app) as url, running(tmp_path, providers=[row("relay", url)]) as house:
        await leave_in_the_middle(house, relay, "relay/some-model", stream=True)
        await wait_until(relay.left)
        assert not gate.is_set()


async def leave_in_the_middle(house: House, relay: Scripted, model: str, stream: bool) -> None:
    """Ask, and go when the upstream is at work."""
    messages = [{"role": "user", "content": PROMPT}]
    body = {"model": model, "messages": messages, "stream": stream}
    if stream:
        async with house.http.post("/v1/chat/completions", json=body) as response:
            await response.content.readany()
            response.close()
        return
    asking = asyncio.ensure_future(house.post(body))
    async with asyncio.timeout(30):
        while not relay.requests:  # noqa: ASYNC110 - the upstream is another server
            await asyncio.sleep(0.01)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


async def settled(house: House) -> None:
    """Wait until no generation runs any more."""
    async with asyncio.timeout(30):
        while {each.status for each in await house.generations()} != {"completed"}:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
