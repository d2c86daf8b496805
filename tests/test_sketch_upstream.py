"""The fake upstream: every form of its table, over a real socket, with the official client and without."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import re
from collections.abc import AsyncIterator

import aiohttp
import openai
import pytest
from PIL import Image

from darkroom.ids import PATTERN
from darkroom.media import sniff
from darkroom.sketch import film, paint, read_ancestry
from darkroom.testing import SketchUpstream, serve, serve_in_thread
from darkroom.testing.asking import Turn, shortened
from darkroom.testing.choosing import Earlier, choose, earlier_in, essence
from darkroom.testing.forms import FORMS, PICTURELESS, VIDEOS
from darkroom.testing.keeping import Bounded, padded

PROMPT = "画个牛马"
PICTURE = paint(PROMPT)
FILM = film(PROMPT)
USER = {"role": "user", "content": PROMPT}
MAKING = [name for name in FORMS if name not in PICTURELESS and not name.startswith(("bad-", "dies"))]
BASE64 = re.compile(r"base64,([A-Za-z0-9+/=_\s-]+)")
URL = re.compile(r"http://127\.0\.0\.1:\d+/cdn/[^\s)\]'\"<]+")


@pytest.fixture
async def upstream() -> SketchUpstream:
    return SketchUpstream(key="secret")


@pytest.fixture
async def url(upstream: SketchUpstream) -> AsyncIterator[str]:
    async with serve(upstream.app) as base:
        yield base


@pytest.fixture
async def http(url: str) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": "Bearer secret"}
    async with aiohttp.ClientSession(url, headers=headers, read_bufsize=1 << 20) as session:
        yield session


@pytest.fixture
async def client(url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="secret", max_retries=0) as client:
        yield client


async def asked(http: aiohttp.ClientSession, model: str, messages: list | None = None, **more: object) -> dict:
    body = {"model": model, "messages": messages or [USER], **more}
    async with http.post("/v1/chat/completions", json=body) as response:
        answer = await response.json()
        assert response.status == 200, answer
        return answer


async def streamed(http: aiohttp.ClientSession, model: str, messages: list | None = None, **more: object) -> list:
    """Return the events of a stream, `[DONE]` as a string."""
    body = {"model": model, "messages": messages or [USER], "stream": True, **more}
    async with http.post("/v1/chat/completions", json=body) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        text = (await response.read()).decode()
    lines = [event.removeprefix("data: ") for event in text.split("\n\n") if event.startswith("data: ")]
    return [line if line.startswith("[DONE]") else json.loads(line) for line in lines]


def added_up(events: list) -> dict:
    """Add the deltas of a stream up to a message."""
    pieces: dict = {}
    for event in events:
        for choice in event["choices"] if isinstance(event, dict) else ():
            for key, value in choice["delta"].items():
                pieces.setdefault(key, []).append(value)
    return {key: summed([value for value in values if value]) for key, values in pieces.items()}


def summed(values: list) -> object:
    if values and isinstance(values[0], list):
        return [item for value in values for item in value]
    return "".join(values) if all(isinstance(value, str) for value in values) else values[-1]


def strings(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


async def pictures_in(value: object, http: aiohttp.ClientSession) -> list[bytes]:
    """Find every file that an answer holds or points to, each once, in order."""
    found = []
    for text in strings(value):
        found += [base64.b64decode(run.strip()) for run in BASE64.findall(text)]
        if len(text) > 1000 and re.fullmatch(r"[A-Za-z0-9+/=]+", text):
            found.append(base64.b64decode(text))
        found += [base64.b64decode(run) for run in re.findall(r'"b64_json": ?"([A-Za-z0-9+/=]+)"', text)]
        for link in dict.fromkeys(URL.findall(text)):
            async with http.get(link) as response:
                assert response.status == 200
                found.append(await response.read())
    return list(dict.fromkeys(found))


# Forms


def expected(form: str) -> set[bytes]:
    shown = {FILM.data} if form in VIDEOS else {PICTURE.data}
    return shown | {PICTURE.data} if form == "relay-video" else shown


@pytest.mark.parametrize("form", MAKING)
async def test_every_form_holds_the_picture_whole_and_streamed(http, form: str) -> None:
    answer = await asked(http, form)
    events = await streamed(http, form)
    assert events[-1] == "[DONE]"
    for value in (answer, events if form == "gemini-leak" else added_up(events)):
        files = await pictures_in(value, http)
        assert expected(form) <= set(files)
        assert (form in VIDEOS) == any(sniff(file) == "video/mp4" for file in files)


@pytest.mark.parametrize("form", [form for form in MAKING if form != "gemini-leak"])
async def test_the_official_client_reads_every_form(client: openai.AsyncOpenAI, http, form: str) -> None:
    answer = await client.chat.completions.create(model=form, messages=[USER])
    whole = answer.choices[0].message.model_dump(exclude_none=True, warnings=False)
    assert expected(form) <= set(await pictures_in(whole, http))
    stream = await client.chat.completions.create(model=form, messages=[USER], stream=True)
    chunks = [chunk.model_dump(exclude_none=True, warnings=False) async for chunk in stream]
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert expected(form) <= set(await pictures_in(added_up(chunks), http))


async def test_forms_differ_in_the_field_that_holds_the_picture(http) -> None:
    held = {}
    for form in (
        "sketch",
        "images",
        "image",
        "parts",
        "multi-mod",
        "image-data",
        "b64-json-field",
        "markdown-base64",
    ):
        message = (await asked(http, form))["choices"][0]["message"]
        held[form] = [key for key, value in message.items() if await pictures_in(value, http)]
    assert held == {
        "sketch": ["images"],
        "images": ["images"],
        "image": ["image"],
        "parts": ["content"],
        "multi-mod": ["multi_mod_content"],
        "image-data": ["content", "image"],
        "b64-json-field": ["b64_json"],
        "markdown-base64": ["content"],
    }


async def test_partials_come_before_the_final_picture_and_only_in_a_stream(http) -> None:
    images = added_up(await streamed(http, "images-partials"))["images"]
    files = [await pictures_in(image, http) for image in images]
    assert len(files) == 2
    assert files[1] == [PICTURE.data] != files[0]
    assert await pictures_in(await asked(http, "images-partials"), http) == [PICTURE.data]


async def test_several_pictures(http) -> None:
    for form in ("sketch", "markdown-base64", "relay", "parts", "bare-url"):
        files = await pictures_in((await asked(http, form, sketch={"n": 3}))["choices"][0]["message"], http)
        assert len(files) == 3
        assert len(set(files)) == 3


async def test_a_relay_writes_a_transcript_with_well_formed_ids(http) -> None:
    text = (await asked(http, "relay"))["choices"][0]["message"]["content"]
    head, _, rest = text.removeprefix("```\n").partition("\n```\n")
    assert json.loads(head) == {"prompt": PROMPT, "ratio": "1:1"}
    assert re.search(r"^> ID: `task_\w{26}`$", rest, re.MULTILINE)
    assert re.search(r"^> 进度 \d+%\.+$", rest, re.MULTILINE)
    made = re.search(r"^> gen_id: `(gen_\w{26})`\n\n!\[\1\]\(http", rest, re.MULTILINE)
    assert made
    assert PATTERN.fullmatch(made[1])


async def test_a_text_model_answers_in_words(http) -> None:
    content = [{"type": "text", "text": "what is this? a link, please"}, part(PICTURE.data)]
    text = (await asked(http, "text", [{"role": "user", "content": content}]))["choices"][0]["message"]["content"]
    assert "1024x1024" in text
    assert "https://example.com/harbour.png" in text


# Failures


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("fail-policy", "Generation failed"),
        ("fail-policy-zh", "违反了OpenAI的相关服务政策"),
        ("fail-reason", "> 生成失败 ❌\n失败原因：input_moderation"),
        ("fail-rate", "}I wasn't able"),
        ("one-hub-error", "(image upload err)"),
        ("bad-base64", "base64,iVBORw0KGgo*?%"),
    ],
)
async def test_failures_that_look_like_answers(http, form: str, words: str) -> None:
    assert words in (await asked(http, form))["choices"][0]["message"]["content"]
    assert words in added_up(await streamed(http, form))["content"]


async def test_an_empty_answer(http) -> None:
    assert (await asked(http, "empty"))["choices"][0]["message"]["content"] == ""
    assert added_up(await streamed(http, "empty"))["content"] == ""


async def test_an_error_inside_the_stream(client, http) -> None:
    events = await streamed(http, "fail-sse-error")
    assert events[-2]["error"]["type"] == "server_error"
    with pytest.raises(openai.APIError, match="worker went away"):
        async for _ in await client.chat.completions.create(model="fail-sse-error", messages=[USER], stream=True):
            pass


async def test_errors_by_status(client) -> None:
    with pytest.raises(openai.InternalServerError, match="safety system"):
        await client.chat.completions.create(model="fail-500", messages=[USER])
    with pytest.raises(openai.RateLimitError) as limited:
        await client.chat.completions.create(model="fail-429", messages=[USER])
    assert limited.value.response.headers["retry-after"] == "7"
    with pytest.raises(openai.NotFoundError):
        await client.chat.completions.create(model="no-such-form", messages=[USER])


async def test_files_that_are_no_pictures(http) -> None:
    page = await pictures_in(await asked(http, "bad-html"), http)
    assert page[0].startswith(b"<!DOCTYPE html>")
    words = await pictures_in(await asked(http, "bad-magic"), http)
    assert sniff(words[0]) is None


@pytest.mark.parametrize("stream", [False, True])
async def test_a_connection_that_dies(http, stream: bool) -> None:
    body = {"model": "dies", "messages": [USER], "stream": stream}
    async with http.post("/v1/chat/completions", json=body) as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_keys(url: str, client) -> None:
    models = [model.id async for model in await client.models.list()]
    assert set(FORMS) < set(models)
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="wrong", max_retries=0) as stranger:
        with pytest.raises(openai.AuthenticationError):
            await stranger.chat.completions.create(model="sketch", messages=[USER])
        with pytest.raises(openai.AuthenticationError):
            await stranger.models.list()


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"model": 1}', b'{"model": "sketch"}', b'{"model": "sketch", "messages": [1]}'],
)
async def test_bodies_that_are_no_request(http, body: bytes) -> None:
    async with http.post("/v1/chat/completions", data=body) as response:
        assert response.status == 400
        assert (await response.json())["error"]["message"]


@pytest.mark.parametrize("knobs", [{"nob": 1}, {"n": 0}, {"chunk": "4"}, {"terminator": "x"}, 3, {"delay": 1000}])
async def test_knobs_that_do_not_exist(http, knobs: object) -> None:
    async with http.post(
        "/v1/chat/completions", json={"model": "sketch", "messages": [USER], "sketch": knobs}
    ) as response:
        assert response.status == 400


# Inputs


def part(data: bytes, mime: str = "image/png") -> dict:
    return {
        "type": "image_url",
        "image_url": {"url": f"data:{mime};base64,{base64.b64encode(data).decode()}"},
    }


def parents(data: bytes) -> tuple[str, ...]:
    return read_ancestry(data)[-1].parents


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def drawn(http, messages: list, model: str = "sketch", **more: object) -> bytes:
    answer = await asked(http, model, messages, **more)
    return (await pictures_in(answer["choices"][0]["message"], http))[0]


async def test_pictures_of_the_last_user_turn_are_edited(http, upstream) -> None:
    content = [{"type": "text", "text": "add a boat"}, part(PICTURE.data)]
    made = await drawn(http, [{"role": "user", "content": content}])
    assert parents(made) == (sha(PICTURE.data),)
    seen = upstream.requests[-1]["messages"][0]["content"][1]["image_url"]["url"]
    assert seen == f"data:image/png;base64,sha256:{sha(PICTURE.data)}"


async def test_pictures_of_the_last_assistant_turn_are_edited_when_the_user_gives_none(http) -> None:
    images = [{"type": "image_url", "image_url": part(PICTURE.data)["image_url"]}]
    history = [
        USER,
        {"role": "assistant", "content": "", "images": images},
        {"role": "user", "content": "add a boat"},
    ]
    assert parents(await drawn(http, history)) == (sha(PICTURE.data),)


async def test_several_pictures_are_composed_and_urls_of_this_machine_are_fetched(http, url: str) -> None:
    link = URL.findall((await asked(http, "bare-url"))["choices"][0]["message"]["content"])[0]
    other = paint("other", size=(256, 256)).data
    content = [
        {"type": "text", "text": "both"},
        {"type": "image_url", "image_url": {"url": link}},
        part(other),
    ]
    made = await drawn(http, [{"role": "user", "content": content}])
    assert parents(made) == (sha(PICTURE.data), sha(other))


@pytest.mark.parametrize(
    "address",
    ["http://192.0.2.1/a.png", "file:///etc/passwd", "data:image/png;base64,@@@", "http://127.0.0.1:1/x"],
)
async def test_addresses_that_are_not_fetched(http, address: str) -> None:
    content = [{"type": "image_url", "image_url": {"url": address}}]
    body = {"model": "sketch", "messages": [{"role": "user", "content": content}]}
    async with http.post("/v1/chat/completions", json=body) as response:
        assert response.status == 400


async def test_ratios(http) -> None:
    async def size(prompt: str, **more: object) -> tuple[int, int]:
        return Image.open(io.BytesIO(await drawn(http, [{"role": "user", "content": prompt}], **more))).size

    assert await size("a boat, 16:9") == (1024, 576)
    assert await size("一只船，比例 9：16") == (576, 1024)
    assert await size("a boat at 12:30") == (1024, 1024)
    assert await size("a boat", image_config={"aspect_ratio": "3:2"}) == (1024, 688)


# Strictness


@pytest.mark.parametrize("asked_by", [{"model": "images-strict"}, {"model": "images", "sketch": {"strict": True}}])
@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"role": "assistant", "content": [part(PICTURE.data)]}, "invalid_value"),
        ({"role": "assistant", "content": "", "images": [part(PICTURE.data)]}, "unknown_parameter"),
        ({"role": "assistant", "content": f"![x](data:image/png;base64,{'QUJD' * 60})"}, "base64_in_text"),
        ({"role": "user", "content": [{"type": "text", "text": "QUJD" * 60}]}, "base64_in_text"),
        ({"role": "user", "content": "\n".join(["QUJD" * 19] * 4)}, "base64_in_text"),
    ],
)
async def test_what_a_strict_server_refuses(http, asked_by: dict, message: dict, code: str) -> None:
    body = {**asked_by, "messages": [message, {"role": "user", "content": "add a boat"}]}
    async with http.post("/v1/chat/completions", json=body) as response:
        assert response.status == 400
        assert (await response.json())["error"]["code"] == code
    async with http.post("/v1/chat/completions", json={**body, "model": "images", "sketch": {}}) as response:
        assert response.status == 200


async def test_what_a_strict_server_takes(http) -> None:
    text = "见 https://example.com/" + "/".join(["assets"] * 20) + "?sig=1dmC3Xhm%2BdHSTQ"
    content = [{"type": "text", "text": text}, part(PICTURE.data)]
    assert parents(await drawn(http, [{"role": "user", "content": content}], "images-strict"))


# The memory of the relays

SEED = [
    ("画个牛马", "gen_01jqwte8yjf7haxqc521b7z2wf"),
    ("牛的脸上遮个布", "gen_01jqwtksnne8mtahpxcdyzna0m"),
    ("最开始的图片改一下吧，让马的脸上遮个布", "gen_01jqwtrwp4eq1brqdfasvft8nm"),
    ("我又改了，刚才牛遮布的那一条修改一下，让牛的头上顶着锅盖", "gen_01jqwtvfgkea98036y6gbb345v"),
    ("锅盖上再加根筷子", ""),
]


@pytest.mark.parametrize(("turn", "meant"), [(2, 1), (3, 1), (4, 2), (5, 4)])
def test_the_picture_that_a_turn_means(turn: int, meant: int) -> None:
    earlier = [Earlier(gen_id, prompt) for prompt, gen_id in SEED[: turn - 1]]
    chosen = choose(SEED[turn - 1][0], earlier)
    assert chosen is not None
    assert chosen.gen_id == SEED[meant - 1][1]


def test_ids_first_words_and_the_newest() -> None:
    earlier = [Earlier(gen_id, prompt) for prompt, gen_id in SEED[:4]]
    assert choose(f"change {SEED[1][1]} please", earlier) == earlier[1]
    assert choose("go back to the first picture", earlier) == earlier[0]
    assert choose("make it blue", earlier) == earlier[3]
    assert choose("make it blue", []) is None
    english = [
        Earlier("a", "a red fox in the snow"),
        Earlier("b", "a green boat on a lake"),
        Earlier("c", "add a hat"),
    ]
    assert choose("put the red fox into a forest", english) == english[0]
    assert essence(SEED[3][0]) == "牛的头上顶着锅盖"


def test_ids_are_found_in_every_relays_transcript() -> None:
    one, two = SEED[0][1], SEED[1][1]
    turns = [
        Turn("user", "a"),
        Turn("assistant", f"> gen_id: `{one}`\n\n![{one}](https://x/y.png)"),
        Turn("user", "b"),
        Turn("assistant", f"![{two}](https://x/z.png)"),
    ]
    assert earlier_in(turns) == [Earlier(one, "a"), Earlier(two, "b")]


async def test_five_turns_through_the_relay_edit_the_right_pictures(http) -> None:
    history: list = []
    made, files = [], []
    for prompt, _ in SEED:
        history.append({"role": "user", "content": prompt})
        text = (await asked(http, "relay", history))["choices"][0]["message"]["content"]
        history.append({"role": "assistant", "content": text})
        plan = json.loads(text.removeprefix("```\n").partition("\n```")[0])
        made.append((re.findall(r"> gen_id: `(\w+)`", text)[0], plan.get("gen_id")))
        files += await pictures_in(text, http)
    ids = [gen_id for gen_id, _ in made]
    assert [edited for _, edited in made] == [None, ids[0], ids[0], ids[1], ids[3]]
    assert [parents(file) for file in files[1:]] == [(sha(files[at]),) for at in (0, 0, 1, 3)]


async def test_a_history_from_elsewhere_is_edited_all_the_same(http) -> None:
    history: list = []
    for prompt, gen_id in SEED[:4]:
        history += [
            {"role": "user", "content": prompt},
            {"role": "assistant", "content": f"> gen_id: `{gen_id}`"},
        ]
    history.append({"role": "user", "content": SEED[4][0]})
    text = (await asked(http, "relay", history))["choices"][0]["message"]["content"]
    assert json.loads(text[4 : text.index("\n```\n")])["gen_id"] == SEED[3][1]
    assert parents((await pictures_in(text, http))[0])


# Knobs


SPELLINGS = [
    {"escape": True},
    {"wrap": True},
    {"wrap": True, "escape": True},
    {"chunk": 7},
    {"chunk": 1000, "escape": True},
]


@pytest.mark.parametrize("knobs", SPELLINGS)
@pytest.mark.parametrize("form", ["markdown-base64", "reasoning", "images"])
async def test_spellings_of_the_same_bytes(http, form: str, knobs: dict) -> None:
    small = {"n": 1, **knobs}
    assert PICTURE.data in await pictures_in((await asked(http, form, sketch=small))["choices"][0]["message"], http)
    assert PICTURE.data in await pictures_in(added_up(await streamed(http, form, sketch=small)), http)


async def test_escapes_stand_in_the_raw_body(http) -> None:
    async def raw(**knobs: object) -> str:
        body = {"model": "images", "messages": [USER], "sketch": knobs}
        async with http.post("/v1/chat/completions", json=body) as response:
            return (await response.read()).decode()

    plain, escaped, wrapped = await raw(), await raw(escape=True), await raw(wrap=True)
    assert "image/png" in plain
    assert "image\\/png" in escaped
    assert "\\u002b" in escaped
    assert "+" not in escaped
    assert "\\n" in wrapped
    assert json.loads(plain) == json.loads(escaped)


async def test_the_url_safe_alphabet_without_padding(http) -> None:
    message = (await asked(http, "b64-json-field", sketch={"urlsafe": True, "nopad": True}))["choices"][0]["message"]
    text = message["b64_json"]
    assert not set(text) & set("+/=")
    assert set(text) & set("-_")
    assert base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) == PICTURE.data


async def test_terminators_and_usage(http) -> None:
    assert (await streamed(http, "sketch"))[-1] == "[DONE]"
    assert (await streamed(http, "sketch", sketch={"terminator": "escaped"}))[-1] == "[DONE]\\n\\n"
    assert isinstance((await streamed(http, "sketch", sketch={"terminator": "none"}))[-1], dict)
    counted = await streamed(http, "sketch", stream_options={"include_usage": True})
    assert counted[-2]["choices"] == []
    assert counted[-2]["usage"]["total_tokens"] > 1290
    assert "usage" not in await asked(http, "sketch", sketch={"usage": False})
    assert (await asked(http, "sketch"))["usage"]["completion_tokens_details"] == {"image_tokens": 1290}


async def test_progress_arrives_before_the_picture_is_sent(http) -> None:
    body = {"model": "relay", "messages": [USER], "stream": True, "sketch": {"delay": 0.01}}
    async with http.post("/v1/chat/completions", json=body) as response:
        first = await response.content.readany()
        rest = await response.read()
    assert b"task_" in first
    assert b"![gen_" not in first
    assert b"![gen_" in rest
    assert rest.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("chunk", [0, 490])
async def test_large_pictures(http, chunk: int) -> None:
    size = 14 << 20
    events = await streamed(http, "markdown-base64", sketch={"bytes": size, "chunk": chunk})
    files = await pictures_in(added_up(events), http)
    assert len(files[0]) == size
    assert Image.open(io.BytesIO(files[0])).size == (1024, 1024)
    assert len(events) > 39_000 if chunk else len(events) < 20


def test_padding_keeps_the_picture_readable() -> None:
    for size in (0, len(PICTURE.data), len(PICTURE.data) + 12, len(PICTURE.data) + 13, 1 << 20):
        data = padded(PICTURE.data, size)
        assert len(data) == max(len(PICTURE.data), size) or size == len(PICTURE.data) + 12
        image = Image.open(io.BytesIO(data))
        image.load()
        assert image.tobytes() == Image.open(io.BytesIO(PICTURE.data)).tobytes()


# The record, the memory, the server


def test_the_record_shortens_base64_and_nothing_else() -> None:
    run = base64.b64encode(b"x" * 600).decode()
    short = f"sha256:{sha(b'x' * 600)}"
    assert shortened({"a": [run, 1, None, "text"]}) == {"a": [short, 1, None, "text"]}
    assert shortened(f"see ![x](data:image/png;base64,{run}) there") == f"see ![x](data:image/png;base64,{short}) there"
    assert shortened("字" * 500) == "字" * 500


async def test_the_record_is_bounded(http, upstream) -> None:
    for number in range(120):
        await asked(http, "empty", [{"role": "user", "content": str(number)}])
    assert len(upstream.requests) == 100
    assert upstream.requests[-1]["messages"][0]["content"] == "119"


def test_the_memory_forgets_the_oldest_by_count_and_by_bytes() -> None:
    kept: Bounded[str] = Bounded(3, 100)
    for name in "abcd":
        kept.put(name, name, 10)
    assert [kept.get(name) for name in "abcd"] == [None, "b", "c", "d"]
    kept.put("e", "e", 90)
    assert [kept.get(name) for name in "bcde"] == [None, None, "d", "e"]
    kept.put("e", "E", 1)
    assert kept.get("e") == "E"


async def test_requests_at_once(http) -> None:
    prompts = [[{"role": "user", "content": f"picture {number}"}] for number in range(6)]
    files = await asyncio.gather(*(drawn(http, prompt) for prompt in prompts))
    assert list(files) == [paint(f"picture {number}").data for number in range(6)]


def test_a_server_in_a_thread() -> None:
    with (
        serve_in_thread(SketchUpstream().app) as base,
        openai.OpenAI(base_url=f"{base}/v1", api_key="any") as client,
    ):
        answer = client.chat.completions.create(model="markdown-url", messages=[{"role": "user", "content": "hi"}])
        assert base in str(answer.choices[0].message.content)


async def test_a_served_app_is_gone_afterwards() -> None:
    async with serve(SketchUpstream().app) as base:
        pass
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(f"{base}/v1/models")
