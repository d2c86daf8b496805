"""Chats that make films: progress and heartbeats, leaving and coming back, waiting a while only, and failures."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest

from darkroom.clock import new_id
from darkroom.endpoints import door, streaming
from darkroom.jobs.watchers import Watchers
from darkroom.media import sniff
from darkroom.settings import OUTPUTS, JobSettings, ProviderSettings
from darkroom.sketch import Step, read_film_ancestry
from darkroom.sketch import film as film_of
from darkroom.testing import ImagesUpstream, VideosUpstream, serve
from darkroom.testing.films import make
from film_houses import KEY, OTHER_PNG, PNG, filming, films_row, model_of, over, until
from running import (
    LINK,
    House,
    Json,
    Scripted,
    content_of,
    data_uri,
    links_in,
    message_of,
    picture,
    row,
    running,
    sha256,
    user,
)

MODEL = "films/sora-2"
HEARTBEAT = b": still working\n\n"
CANCELS = {"cancel": "/videos/{id}/cancel"}


# The SDK warns of OpenAI's own service; the dialect lives on elsewhere.
pytestmark = pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")


def body(prompt: str = "a fox", model: str = MODEL, *shown: Json, **fields: Any) -> Json:
    return {"model": model, "messages": [user(prompt, *shown)], **fields}


@asynccontextmanager
async def asking(house: House, asked: Json, **headers: str) -> AsyncIterator[aiohttp.ClientResponse]:
    async with house.http.post("/v1/chat/completions", json=asked, headers=headers) as response:
        yield response


async def until_it_says(response: aiohttp.ClientResponse, words: bytes) -> bytes:
    """Return what has come of a stream when these words are in it."""
    text = b""
    while words not in text:
        piece = await response.content.readany()
        assert piece, text
        text += piece
    return text


async def one(house: House) -> str:
    """Wait for the first generation, and return its id."""
    for _ in range(1500):
        if rows := await house.generations():
            return rows[0].id
        await asyncio.sleep(0.02)
    raise AssertionError("nothing was begun")


async def begun(upstream: VideosUpstream) -> Any:
    """Wait until the upstream has a job, and return it."""
    await until(lambda: len(upstream.jobs) >= 1)
    return next(iter(upstream.jobs.values()))


def finish(upstream: VideosUpstream) -> None:
    """Have every job be done when it is looked at next."""
    upstream.polls = 0


async def events_of(house: House, id: str) -> list[Any]:
    """Return what a generation's own stream says, to its end."""
    async with house.http.get(f"/v1/generations/{id}?stream=true") as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        text = (await response.read()).decode()
    frames = [frame.removeprefix("data: ") for frame in text.split("\n\n") if frame.startswith("data: ")]
    assert frames[-1] == "[DONE]"
    return [json.loads(frame) for frame in frames[:-1]]


# Progress


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_a_chat_makes_a_film(tmp_path: Path, stream: bool) -> None:
    """In every shape of answers."""
    upstream = VideosUpstream(polls=4)
    async with filming(tmp_path, upstream) as house:
        for output in OUTPUTS:
            answer = await house.ask(MODEL, "a fox", output=output, stream=stream, seconds="8", size="1280x720")
            await check_film(house, answer, output)
        asked = [each.body for each in upstream.requests if each.method == "POST"]
        assert [(each["seconds"], each["size"]) for each in asked] == [("8", "1280x720")] * len(OUTPUTS)


async def check_film(house: House, answer: Json, output: str) -> None:
    """See that an answer shows the film, where it comes from, and how it got on."""
    (media,) = answer["darkroom"]["media"]
    assert await house.download(media["url"]) == b"".join(make("a fox").chunks())
    assert (media["mime"], media["kind"], media["codec"]) == ("video/mp4", "video", "h264")
    if output == "inline":
        assert "data:video/mp4;base64," in json.dumps(content_of(answer))
    else:
        assert media["url"] in links_in(answer["choices"])
    (told,) = answer["darkroom"]["generations"]
    assert (told["status"], told["url"]) == ("completed", f"{house.url}/v1/generations/{told['id']}")
    assert told["upstream_ids"]["job_id"].startswith("video_")
    said = content_of(answer) if output == "transcript" else message_of(answer)["reasoning_content"]
    assert "> Generation complete ✅" in said
    assert re.search(r"> Progress \d+%", said)
    row = await over(house, told["id"])
    assert (row.status, row.progress, row.prompt) == ("completed", 100, "a fox")
    assert dict(row.params) == {"seconds": "8", "size": "1280x720"}


async def test_progress_streams_while_it_is_made(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=1000)
    async with filming(tmp_path, upstream) as house, asking(house, body(stream=True)) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        job = await begun(upstream)
        job.looks = 400
        await until_it_says(response, b"4")
        early = await until_it_says(response, b"%")
        assert not LINK.search(early.decode())
        finish(upstream)
        rest = await response.text()
        assert len(links_in(rest)) == 1
        assert rest.endswith("data: [DONE]\n\n")


async def test_a_slow_job_never_falls_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing new is known of it for a while, and still there are bytes."""
    monkeypatch.setattr(door, "_PATIENCE_SECONDS", 0.02)
    monkeypatch.setattr(streaming, "_HEARTBEAT_SECONDS", 0.05)
    upstream = VideosUpstream(polls=100_000)
    async with filming(tmp_path, upstream) as house, asking(house, body(stream=True)) as response:
        assert response.status == 200
        await begun(upstream)
        await until_it_says(response, HEARTBEAT * 5)
        finish(upstream)
        assert len(links_in(await response.text())) == 1


def test_the_heartbeats_are_often_enough() -> None:
    assert streaming._HEARTBEAT_SECONDS <= 10
    assert door._PATIENCE_SECONDS <= 10


# Leaving, and coming back


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_who_leaves_and_asks_again_finds_the_same_film(tmp_path: Path, stream: bool) -> None:
    upstream = VideosUpstream(polls=100_000)
    key = {"Idempotency-Key": "a-fox-please"}
    async with filming(tmp_path, upstream) as house:
        leaving = asyncio.ensure_future(_read(house, body(stream=True), **key))
        await begun(upstream)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        id = await one(house)
        again = asyncio.ensure_future(_read(house, body(stream=stream), **key))
        other = asyncio.ensure_future(_read(house, body(), **key))
        await asyncio.sleep(0.1)
        assert not again.done()
        finish(upstream)
        texts = [await again, await other, await _read(house, body(), **key)]
        assert upstream.made == {"a fox": 1}
        assert [each.id for each in await house.generations()] == [id]
        (link,) = {link for text in texts for link in links_in(text)}
        assert all(id in text for text in texts)
        assert sniff((await house.download(link))[:64]) == "video/mp4"


async def _read(house: House, asked: Json, **headers: str) -> str:
    async with asking(house, asked, **headers) as response:
        text = await response.text()
        assert response.status == 200, text
        return text


async def test_a_key_belongs_to_one_request(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=1)
    key = {"Idempotency-Key": "k"}
    async with filming(tmp_path, upstream) as house:
        await _read(house, body(), **key)
        shown = body("a fox", MODEL, picture(data_uri(PNG)))
        for other in (body("a hen"), body(seconds="8"), body(model="painter/images"), shown):
            status, answer = await house.post(other, **key)
            assert (status, answer["error"]["code"]) == (422, "idempotency_key_reused"), other
            assert answer["error"]["param"] == "idempotency-key"
        # How it is sent is not what is asked for.
        assert links_in(await _read(house, body(stream=True), **key))
        for wrong in ("", "x" * 256):
            status, answer = await house.post(body(), **{"Idempotency-Key": wrong})
            assert (status, answer["error"]["code"]) == (400, "malformed_request")
        assert upstream.made == {"a fox": 1}


async def test_without_a_key_two_films_are_two(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=2)
    async with filming(tmp_path, upstream) as house:
        await asyncio.gather(house.ask(MODEL, "a fox"), house.ask(MODEL, "a fox"))
        assert upstream.made == {"a fox": 2}
        assert len({each.id for each in await house.generations()}) == 2


async def test_keys_belong_to_their_owners(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=1)
    async with filming(tmp_path, upstream) as house:
        for owner in ("ann", "bob"):
            _, secret = await house.gateway.keys.create(owner)
            key = {"Authorization": f"Bearer {secret}", "Idempotency-Key": "k"}
            assert await _read(house, body(), **key)
        assert upstream.made == {"a fox": 2}


async def test_a_failed_film_is_told_again_and_not_made_again(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=2, failing="running")
    key = {"Idempotency-Key": "k"}
    async with filming(tmp_path, upstream) as house:
        answers = [await house.post(body(), **key) for _ in range(2)]
        assert [(status, answer["error"]["code"]) for status, answer in answers] == [(502, "upstream_broken")] * 2
        assert answers[0][1]["error"]["message"] == answers[1][1]["error"]["message"]
        assert upstream.made == {"a fox": 1}


# A generation's own stream


async def test_a_generation_is_watched(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=100_000)
    async with filming(tmp_path, upstream) as house:
        video = await house.client.post("/videos", cast_to=dict[str, Any], body={"prompt": "a fox", "model": MODEL})
        watching = [asyncio.ensure_future(events_of(house, video["id"])) for _ in range(3)]
        job = await begun(upstream)
        job.looks = 50_000
        await until(lambda: job.looks > 50_010)
        await asyncio.sleep(0.1)
        finish(upstream)
        for told in await asyncio.gather(*watching):
            assert all(each["id"] == video["id"] for each in told)
            statuses = list(dict.fromkeys(each["status"] for each in told))
            assert statuses in (["queued", "running", "completed"], ["running", "completed"])
            assert {each["progress"] for each in told} >= {50, 100}
            assert LINK.fullmatch(told[-1]["media"][0]["url"])
            assert not any(each["media"] for each in told[:-1])
        assert [each["status"] for each in await events_of(house, video["id"])] == ["completed"]
        async with house.http.get(f"/v1/generations/{video['id']}?stream=false") as response:
            assert response.content_type == "application/json"


async def test_a_watcher_needs_to_own_what_he_watches(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        drawn = await house.ask("painter/images", "a boat")
        id = drawn["darkroom"]["generations"][0]["id"]
        assert [each["status"] for each in await events_of(house, id)] == ["completed"]
        _, secret = await house.gateway.keys.create("bob")
        for unknown in (id, new_id("gen")):
            path = f"/v1/generations/{unknown}?stream=true"
            async with house.http.get(path, headers={"Authorization": f"Bearer {secret}"}) as response:
                assert response.status == 404
                assert (await response.json())["error"]["code"] == "not_found"


async def test_a_watched_generation_hears_heartbeats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "_HEARTBEAT_SECONDS", 0.05)
    upstream = VideosUpstream(polls=100_000)
    async with filming(tmp_path, upstream) as house:
        video = await house.client.post("/videos", cast_to=dict[str, Any], body={"prompt": "a fox", "model": MODEL})
        async with house.http.get(f"/v1/generations/{video['id']}?stream=1") as response:
            await until_it_says(response, HEARTBEAT * 3)
            finish(upstream)
            assert (await response.text()).endswith("data: [DONE]\n\n")


async def test_who_watches_a_film_that_is_deleted_hears_its_end(tmp_path: Path) -> None:
    """No watcher is left behind for good, whatever becomes of the row."""
    upstream = VideosUpstream(polls=100_000)
    async with filming(tmp_path, upstream) as house:
        video = await house.client.videos.create(prompt="a fox", model=MODEL)
        await begun(upstream)
        watching = asyncio.ensure_future(events_of(house, video.id))
        await asyncio.sleep(0.1)
        assert (await house.client.videos.delete(video.id)).deleted
        async with asyncio.timeout(20):
            told = await watching
        assert {each["status"] for each in told} <= {"queued", "running", "cancelled"}


async def test_who_watches_at_another_replica_hears_it_too(tmp_path: Path) -> None:
    """There it may be gone before anybody has seen that it was cancelled."""
    upstream = VideosUpstream(polls=100_000)
    async with filming(tmp_path, upstream) as house:
        video = await house.client.videos.create(prompt="a fox", model=MODEL)
        await begun(upstream)
        others = Watchers(house.gateway.database)

        async def watched() -> list[str]:
            return [each.status async for each in others.watch("local", video.id)]

        watching = asyncio.ensure_future(watched())
        await until(lambda: any(each.generation is not None for each in others._watched.values()))
        assert (await house.client.videos.delete(video.id)).deleted
        async with asyncio.timeout(20):
            assert set(await watching) <= {"queued", "running", "cancelled"}
        await others.close()


async def test_an_owner_has_so_many_jobs_at_a_time_and_no_more(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=100_000)
    async with filming(tmp_path, upstream, jobs=JobSettings(per_owner=2)) as house:
        first, _ = [await house.client.videos.create(prompt=f"fox {number}", model=MODEL) for number in range(2)]
        with pytest.raises(openai.RateLimitError):
            await house.client.videos.create(prompt="one more", model=MODEL)
        status, answer = await house.post(body("one more"))
        assert (status, answer["error"]["code"]) == (429, "rate_limit_exceeded")
        assert (await house.client.videos.delete(first.id)).deleted
        assert (await house.client.videos.create(prompt="one more", model=MODEL)).status == "queued"
        assert upstream.made["one more"] <= 1


# Waiting no longer than one likes


@pytest.mark.parametrize(
    ("prompt", "words"), [("a fox", "Still in the making"), ("一只狐狸", "仍在生成中")], ids=["en", "zh"]
)
async def test_a_plain_answer_says_where_to_look(tmp_path: Path, prompt: str, words: str) -> None:
    upstream = VideosUpstream(polls=100_000)
    async with filming(tmp_path, upstream) as house:
        status, answer = await house.post(body(prompt), Prefer="respond-async, wait=0")
        assert status == 200
        (told,) = answer["darkroom"]["generations"]
        assert told["status"] in ("queued", "running")
        url = f"{house.url}/v1/generations/{told['id']}"
        assert told["url"] == url
        assert content_of(answer).startswith(words)
        assert url in content_of(answer)
        assert answer["darkroom"]["media"] == []
        finish(upstream)
        assert (await over(house, told["id"])).status == "completed"
        async with house.http.get(url) as response:
            assert len(links_in(await response.json())) == 1
        assert upstream.made == {prompt: 1}


async def test_the_next_turn_names_what_was_still_in_the_making(tmp_path: Path) -> None:
    """The client sends back what it was told; by now the film is there."""
    upstream = VideosUpstream(polls=100_000)
    async with filming(tmp_path, upstream, cleanup="keep") as house:
        status, answer = await house.post(body(), Prefer="wait=0")
        assert status == 200
        finish(upstream)
        id = answer["darkroom"]["generations"][0]["id"]
        film = (await over(house, id)).outputs[0]
        history = [user("a fox"), message_of(answer), user("now at night")]
        again = await house.ask(MODEL, *history)
        row = await over(house, again["darkroom"]["generations"][0]["id"])
        assert [(item.role, item.media, item.generation) for item in row.inputs] == [("edited", film.id, id)]


async def test_the_operator_says_how_long_is_waited(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=100_000)
    async with filming(tmp_path, upstream, jobs=JobSettings(wait=0.2)) as house:
        for headers in ({}, {"Prefer": "wait=9999"}):
            status, answer = await house.post(body(), **headers)
            assert (status, content_of(answer)[:5]) == (200, "Still")
        answers = await house.client.responses.create(model=MODEL, input="a fox")
        assert "Still in the making" in answers.output_text


async def test_what_is_done_in_time_is_simply_there(tmp_path: Path) -> None:
    async with filming(tmp_path, VideosUpstream(polls=1)) as house:
        status, answer = await house.post(body(), Prefer="wait=60")
        assert (status, len(links_in(answer["choices"]))) == (200, 1)


# Ending it


async def test_a_cancelled_job_ends_here_and_there(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=100_000)
    async with filming(tmp_path, upstream, options=CANCELS) as house:
        waiting = asyncio.ensure_future(house.post(body()))
        watching = asyncio.ensure_future(_frames(house, body()))
        await until(lambda: len(upstream.jobs) == 2)
        for row in await house.generations():
            async with house.http.delete(f"/v1/generations/{row.id}") as response:
                told = await response.json()
            assert (response.status, told["deleted"], told["status"]) == (200, False, "cancelled")
        status, answer = await waiting
        assert (status, answer["error"]["code"]) == (499, "cancelled")
        assert "cancelled" in await watching
        await until(lambda: len(upstream.deleted) == 2)
        assert [each.path.rpartition("/")[2] for each in upstream.requests].count("cancel") == 2
        rows = await house.generations()
        assert [each.status for each in rows] == ["cancelled", "cancelled"]
        async with house.http.delete(f"/v1/generations/{rows[0].id}") as response:
            assert (await response.json())["deleted"] is True


async def _frames(house: House, asked: Json) -> str:
    async with asking(house, {**asked, "stream": True}) as response:
        return await response.text()


async def test_a_job_is_cancelled_where_the_upstream_can_not(tmp_path: Path) -> None:
    upstream = VideosUpstream(variant="relay", polls=100_000)
    async with filming(tmp_path, upstream) as house:
        waiting = asyncio.ensure_future(house.post(body()))
        await begun(upstream)
        async with house.http.delete(f"/v1/generations/{await one(house)}") as response:
            assert (await response.json())["status"] == "cancelled"
        assert (await waiting)[0] == 499
        assert not await house.media()


# Failures, at every stage


@pytest.mark.parametrize(
    ("failing", "status", "code"),
    [
        ({"failing": "submit"}, 502, "upstream_broken"),
        ({"failing": "queued"}, 502, "upstream_broken"),
        ({"failing": "running"}, 502, "upstream_broken"),
        ({"failing": "content"}, 502, "upstream_broken"),
        ({"expires": 0.0}, 404, "upstream_not_found"),
    ],
    ids=["submit", "queued", "running", "content", "gone"],
)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_a_failure_has_its_status(tmp_path: Path, failing: Json, status: int, code: str, stream: bool) -> None:
    upstream = VideosUpstream(polls=2, **failing)
    async with filming(tmp_path, upstream) as house:
        if stream:
            text = await _frames(house, body())
            assert f'"code":"{code}"' in text, text
        else:
            told, answer = await house.post(body())
            assert (told, answer["error"]["code"]) == (status, code), answer
        (row,) = await house.generations()
        assert row.status == ("expired" if "expires" in failing else "failed")
        assert row.error is not None
        assert row.error["code"] == code
        assert upstream.made["a fox"] <= 1
        assert not await house.media()
        assert not house.parts()


@pytest.mark.parametrize("variant", ["openai", "vllm-omni"], ids=["at once", "later"])
async def test_moderation(tmp_path: Path, variant: str) -> None:
    upstream = VideosUpstream(variant=variant, polls=2)
    async with filming(tmp_path, upstream) as house:
        status, answer = await house.post(body("something unsafe", model_of(upstream)))
        assert (status, answer["error"]["code"]) == (400, "content_policy_violation")


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_what_a_server_can_not_be_given_is_the_clients_fault(tmp_path: Path, stream: bool) -> None:
    upstream = VideosUpstream(variant="create-query")
    film = {"type": "video_url", "video_url": {"url": data_uri(film_of("a dog", 2, size=(96, 96)).data, "video/mp4")}}
    async with filming(tmp_path, upstream) as house:
        asked = body("slower", model_of(upstream), film)
        if stream:
            assert '"code":"unsupported_part"' in await _frames(house, asked)
        else:
            status, answer = await house.post(asked)
            assert (status, answer["error"]["code"]) == (400, "unsupported_part")
        assert not upstream.made


async def test_a_refused_submission_is_made_again(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=1)
    async with filming(tmp_path, upstream) as house:
        upstream.refuse_on("POST", "/videos", 429, 2)
        assert links_in(await house.ask(MODEL, "a fox"))
        upstream.refuse_on("GET", "/videos", 500, 12)
        assert links_in(await house.ask(MODEL, "a hen"))
        assert upstream.made == {"a fox": 1, "a hen": 1}


async def test_another_provider_is_asked_where_nothing_was_made(tmp_path: Path) -> None:
    down, up = VideosUpstream(failing="submit"), VideosUpstream(key=KEY, polls=1)
    async with serve(up.app) as url, filming(tmp_path, down, films_row(up, url, "more")) as house:
        down.refuse_on("POST", "/videos", 401, 10)
        answer = await house.ask("sora-2", "a fox")
        assert links_in(answer["choices"])
        (generation,) = await house.generations()
        assert (generation.provider, generation.status) == ("more", "completed")
        assert (down.made, up.made) == ({}, {"a fox": 1})


async def test_a_deadline_ends_a_job(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=100_000)
    async with filming(tmp_path, upstream, jobs=JobSettings(deadline=0.5), options=CANCELS) as house:
        status, answer = await house.post(body())
        assert (status, answer["error"]["code"]) == (504, "upstream_timeout")
        (generation,) = await house.generations()
        assert generation.status == "expired"
        assert next(iter(upstream.jobs.values()), None) is None or next(iter(upstream.jobs.values())).cancelled


# What a film is made from


async def test_make_it_move(tmp_path: Path) -> None:
    """A picture of another model in the same chat, one that the user shows, and one of long ago."""
    upstream = VideosUpstream(variant="sketch", polls=1)
    async with filming(tmp_path, upstream) as house:
        model = model_of(upstream)
        drawn = await house.ask("painter/images", "a fox")
        (fox,) = drawn["darkroom"]["media"]
        history = [user("a fox"), message_of(drawn)]
        moved = await house.ask(model, *history, user("make it move"))
        assert await parents(house, moved) == [("first_frame", fox["id"], fox["generation"])]
        data = await house.download(moved["darkroom"]["media"][0]["url"])
        original = await house.download(fox["url"])
        assert read_film_ancestry(data)[-1] == Step("make it move", (sha256(original),))
        # A film in between is what is meant now, unless the picture is named.
        history += [user("make it move"), message_of(moved)]
        back = await house.ask(model, *history, user(f"again from {fox['id']}, faster"))
        assert await parents(house, back) == [("first_frame", fox["id"], fox["generation"])]
        shown = await house.ask(model, user("it runs", picture(data_uri(OTHER_PNG))))
        (generation,) = shown["darkroom"]["generations"]
        assert [item["role"] for item in generation["inputs"]] == ["first_frame"]
        (item,) = await parents(house, shown)
        given = await house.gateway.database.media("local", str(item[1]))
        assert given is not None
        assert given.blob == sha256(OTHER_PNG)


async def parents(house: House, answer: Json) -> list[tuple[str, str | None, str | None]]:
    id = answer["darkroom"]["generations"][0]["id"]
    row = await house.gateway.database.generation("local", id)
    assert row is not None
    return [(item.role, item.media, item.generation) for item in row.inputs]


async def test_a_film_is_changed_where_it_was_made(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=1)
    async with filming(tmp_path, upstream, cleanup="keep") as house:
        first = await house.ask(MODEL, "a fox")
        second = await house.ask(MODEL, user("a fox"), message_of(first), user("now at night"))
        (film,) = first["darkroom"]["media"]
        assert await parents(house, second) == [("edited", film["id"], film["generation"])]
        assert any(each.path.endswith("/remix") for each in upstream.requests)
        async with house.http.get(f"/v1/generations/{film['generation']}/lineage") as response:
            tree = await response.json()
        assert [each["id"] for each in tree["children"]] == [second["darkroom"]["generations"][0]["id"]]


# Other doors


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_responses_and_gemini_make_films(tmp_path: Path, stream: bool) -> None:
    upstream = VideosUpstream(polls=2)
    async with filming(tmp_path, upstream) as house:
        if stream:
            create: Any = house.client.responses.create
            events = [event async for event in await create(model=MODEL, input="a fox", stream=True)]
            answer = events[-1].response
        else:
            answer = await house.client.responses.create(model=MODEL, input="a fox")
        (link,) = links_in(answer.output_text)
        assert sniff((await house.download(link))[:64]) == "video/mp4"
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        asked = {"contents": [{"role": "user", "parts": [{"text": "a hen"}]}]}
        headers = {"X-Darkroom-Output": "markdown"}
        async with house.http.post(f"/v1beta/models/{MODEL}:{method}", json=asked, headers=headers) as response:
            text = await response.text()
            assert response.status == 200, text
        assert '"video/mp4"' in text
        assert len(links_in(text)) >= 1
        async with house.http.post(f"/v1beta/models/{MODEL}:{method}", json=asked) as response:
            assert '"inlineData"' in await response.text()
        assert upstream.made == {"a fox": 1, "a hen": 2}


@pytest.mark.parametrize("path", ["responses", "gemini"])
async def test_other_doors_take_keys_too(tmp_path: Path, path: str) -> None:
    upstream = VideosUpstream(polls=2)
    async with filming(tmp_path, upstream) as house:
        url, asked = {
            "responses": ("/v1/responses", {"model": MODEL, "input": "a fox"}),
            "gemini": (f"/v1beta/models/{MODEL}:generateContent", {"contents": [{"parts": [{"text": "a fox"}]}]}),
        }[path]
        for _ in range(2):
            async with house.http.post(url, json=asked, headers={"Idempotency-Key": "k"}) as response:
                assert response.status == 200, await response.text()
        assert upstream.made == {"a fox": 1}


# Pictures, which are no jobs


PICTURE = f"![fox]({data_uri(PNG)})"


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_a_picture_in_the_making_is_found_again(tmp_path: Path, stream: bool) -> None:
    """The first request goes on without its client; who asks again is given what it makes, now or later."""
    gate = asyncio.Event()
    relay = Scripted([{"content": "> 进度 10%\n"}, {"content": PICTURE}], gate=gate)
    key = {"Idempotency-Key": "k"}
    asked = body("a fox", "slow/gpt-4o-image", stream=True)
    async with serve(relay.app) as url, running(tmp_path, providers=[row("slow", url)]) as house:
        leaving = asyncio.ensure_future(_read(house, asked, **key))
        id = await one(house)
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        again = asyncio.ensure_future(_read(house, {**asked, "stream": stream}, **key))
        await asyncio.sleep(0.1)
        assert not again.done()
        gate.set()
        (link,) = links_in(await again)
        assert await house.download(link) == PNG
        assert links_in(await _read(house, {**asked, "stream": False}, **key)) == [link]
        assert len(relay.requests) == 1
        assert [each.id for each in await house.generations()] == [id]
        status, answer = await house.post(body("a hen", "slow/gpt-4o-image"), **key)
        assert (status, answer["error"]["code"]) == (422, "idempotency_key_reused")


async def test_images_take_keys_too(tmp_path: Path) -> None:
    async with running(tmp_path) as house:
        asked: Any = {"model": "painter/images", "prompt": "a fox", "response_format": "url"}
        key = {"Idempotency-Key": "k"}
        first, again = [await house.client.images.generate(**asked, extra_headers=key) for _ in range(2)]
        assert first.data is not None
        assert again.data is not None
        assert first.data[0].url == again.data[0].url
        assert len(house.painter.requests) == 1
        with pytest.raises(openai.APIStatusError) as reused:
            await house.client.images.generate(**{**asked, "prompt": "a hen"}, extra_headers=key)
        assert (reused.value.status_code, reused.value.code) == (422, "idempotency_key_reused")


async def test_a_key_under_which_nothing_was_made_is_free(tmp_path: Path) -> None:
    """Words are no generation, and neither is what was refused."""
    async with running(tmp_path) as house:
        for _ in range(2):
            assert await _read(house, body("hello", "painter/text"), **{"Idempotency-Key": "words"})
        assert len(house.painter.requests) == 2
        for model in ("painter/fail-policy", "no/such-model", "painter/images"):
            status, _ = await house.post(body("a fox", model), **{"Idempotency-Key": "k"})
            assert (status == 200) is (model == "painter/images")


async def test_partial_pictures_reach_who_asks_and_are_not_kept(tmp_path: Path) -> None:
    upstream = ImagesUpstream(key=KEY)
    key = {"Idempotency-Key": "k"}
    async with serve(upstream.app) as url:
        images = ProviderSettings("images", f"{url}/v1", "openai-images", api_keys=(KEY,))
        async with running(tmp_path, providers=[images]) as house:
            asked = {"model": "images/gpt-image-2", "prompt": "a barn", "stream": True, "partial_images": 2}
            texts = []
            for _ in range(2):
                async with house.http.post("/v1/images/generations", json=asked, headers=key) as response:
                    texts.append(await response.text())
            assert texts[0].count("event: image_generation.partial_image") == 2
            assert all(text.count("event: image_generation.completed") == 1 for text in texts)
            assert len(await house.media()) == len(await house.blobs()) == 1
            assert not house.parts()
            assert len(upstream.requests) == 1
