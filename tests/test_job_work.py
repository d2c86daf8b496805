"""What becomes of a job when something goes wrong: at its upstream, in the store, in Darkroom, or with its owner."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from darkroom.clock import new_id, now
from darkroom.errors import ConfigInvalid
from darkroom.generation import Generation
from darkroom.job import JOB_ID, Job, JobState
from darkroom.jobs.watchers import Watchers
from darkroom.settings import JobSettings, ProviderSettings
from darkroom.testing import VideosUpstream, serve
from darkroom.testing.films import make
from darkroom.testing.videos_reading import Wanted
from darkroom.testing.videos_upstream import VideoJob
from film_houses import KEY, filming, films_row, model_of, over, until
from running import House, running, sha256

HOUR = 3600.0


async def begun(house: House, model: str, prompt: str = "a boat", **headers: str) -> str:
    """Ask for a film; return the generation's id."""
    body = {"model": model, "prompt": prompt}
    async with house.http.post("/v1/videos", json=body, headers=headers) as response:
        answer = await response.json()
        assert response.status == 200, answer
        return str(answer["id"])


async def job_of(house: House, id: str) -> Job:
    job = await house.gateway.database.jobs.job(id)
    assert job is not None
    return job


async def in_state(house: House, id: str, state: JobState) -> Job:
    """Wait until a job is in a state."""
    for _ in range(1500):
        if (job := await job_of(house, id)).state == state:
            return job
        await asyncio.sleep(0.005)
    raise AssertionError(f"{id} is {job.state}, not {state}")


async def until_refused(house: House, id: str) -> None:
    """Wait until a job is queued again; that it was being submitted may be over sooner than anybody looks."""
    for _ in range(1500):
        job = await job_of(house, id)
        if job.attempts and job.state == "queued":
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"{id} is {job.state} after {job.attempts} attempts")


async def done_with(house: House) -> None:
    """Wait until nothing is left to do, here and upstream."""
    for _ in range(1500):
        if not await house.gateway.database.jobs.under_way() and not await house.gateway.database.upstreams.next_due():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(await house.gateway.database.jobs.under_way())


async def film_in(house: House, generation: Generation) -> bytes:
    (media,) = generation.outputs
    async with house.http.get(f"/v1/videos/{generation.id}/content") as response:
        data = await response.read()
    assert sha256(data) == media.blob
    return data


async def assert_failed(house: House, id: str, code: str, words: str) -> None:
    ended = await over(house, id)
    assert ended.status == "failed"
    assert ended.error is not None
    assert (ended.error["code"], words in ended.error["message"]) == (code, True), ended.error
    assert not ended.outputs


def other(upstream: VideosUpstream, number: int, prompt: str = "somebody else's") -> VideoJob:
    """Have somebody else begin a job at an upstream."""
    wanted = Wanted(upstream.row.models[0], prompt)
    job = VideoJob(f"video_other{number}", wanted, 0.0, len(upstream.jobs))
    upstream.jobs[job.id] = job
    return job


# Submissions of which nothing was heard


async def test_a_lost_answer_is_found_in_the_list(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=2, lost=1)
    async with filming(tmp_path, upstream) as house:
        ended = await over(house, await begun(house, model_of(upstream)))
        assert ended.status == "completed"
        assert sha256(await film_in(house, ended)) == make("a boat").sha256
        assert upstream.made == {"a boat": 1}
        await done_with(house)
        assert upstream.jobs == {}


async def test_each_of_several_with_the_same_words_finds_his_own(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=2, lost=3)
    async with filming(tmp_path, upstream) as house:
        ids = await asyncio.gather(*(begun(house, model_of(upstream)) for _ in range(5)))
        ended = [await over(house, id) for id in ids]
        assert {each.status for each in ended} == {"completed"}
        assert len({each.upstream_ids[JOB_ID] for each in ended}) == 5
        assert upstream.made == {"a boat": 5}


async def test_it_is_found_behind_many_newer_ones(tmp_path: Path) -> None:
    """The list comes in pages, and what others asked for meanwhile fills the first."""
    upstream = VideosUpstream(polls=2, lost=1, gate=asyncio.Event())
    async with filming(tmp_path, upstream) as house:
        id = await begun(house, model_of(upstream))
        await until(lambda: upstream.made.total() == 1)
        for number in range(230):
            other(upstream, number)
        assert upstream.gate is not None
        upstream.gate.set()
        assert (await over(house, id)).status == "completed"
        assert upstream.made == {"a boat": 1}


async def test_what_is_too_old_is_not_ours(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=2, lost=1, gate=asyncio.Event())
    async with filming(tmp_path, upstream) as house:
        id = await begun(house, model_of(upstream))
        await until(lambda: upstream.made.total() == 1)
        upstream.jobs.clear()  # It never arrived after all.
        stranger = other(upstream, 1, "a boat")
        stranger.created -= 3600
        assert upstream.gate is not None
        upstream.gate.set()
        ended = await over(house, id)
        assert ended.status == "completed"
        assert ended.upstream_ids[JOB_ID] != stranger.id
        assert upstream.made == {"a boat": 2}


async def test_an_upstream_that_knows_the_key_is_asked_again(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=2, lost=1, idempotent=True, lists=False)
    async with filming(tmp_path, upstream, options={"idempotency_key": True, "list": ""}) as house:
        assert (await over(house, await begun(house, model_of(upstream)))).status == "completed"
        assert upstream.made == {"a boat": 1}
        assert len({each.headers["idempotency-key"] for each in upstream.requests if each.method == "POST"}) == 1


async def test_where_nobody_can_tell_it_is_given_up(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=2, lost=1, lists=False)
    async with filming(tmp_path, upstream, options={"list": ""}) as house:
        id = await begun(house, model_of(upstream))
        await assert_failed(house, id, "upstream_broken", "may have been made and paid")
        assert upstream.made == {"a boat": 1}
        # The next one is a job like any other.
        assert (await over(house, await begun(house, model_of(upstream)))).status == "completed"


async def test_a_list_that_does_not_answer_is_waited_for(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=2, lost=1)
    upstream.refuse_on("GET", "/videos", 503, 3)
    async with filming(tmp_path, upstream) as house:
        assert (await over(house, await begun(house, model_of(upstream)))).status == "completed"
        assert upstream.made == {"a boat": 1}


# Refusals


async def test_a_busy_upstream_is_asked_later(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=2)
    upstream.refuse_on("POST", "/videos", 429, 2)
    async with filming(tmp_path, upstream) as house:
        id = await begun(house, model_of(upstream))
        assert (await over(house, id)).status == "completed"
        assert (upstream.made, (await job_of(house, id)).attempts) == ({"a boat": 1}, 3)


async def test_another_provider_is_asked(tmp_path: Path) -> None:
    """Whoever refuses has made nothing, and the next one that has the model is asked."""
    first, second = VideosUpstream(polls=2), VideosUpstream(polls=2, key=KEY)
    first.refuse_on("POST", "/videos", 500, 20)
    async with serve(second.app) as url:
        row = films_row(second, url, "others")
        async with filming(tmp_path, first, row) as house:
            ended = await over(house, await begun(house, first.row.models[0]))
            assert (ended.status, ended.provider) == ("completed", "others")
            assert (first.made, second.made) == ({}, {"a boat": 1})
            await done_with(house)
            assert second.jobs == {}


async def test_another_key_is_tried(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=2)
    async with filming(tmp_path, upstream, api_keys=("sk-of-nobody", KEY)) as house:
        for _ in range(3):
            assert (await over(house, await begun(house, model_of(upstream)))).status == "completed"
        assert upstream.made == {"a boat": 3}


async def test_what_is_refused_for_its_words_stays_refused(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=2)
    async with filming(tmp_path, upstream) as house:
        id = await begun(house, model_of(upstream), "an unsafe boat")
        await assert_failed(house, id, "content_policy_violation", "moderation")
        assert len([each for each in upstream.requests if each.method == "POST"]) == 1


# The way home


async def test_a_link_that_dies_in_the_middle(tmp_path: Path) -> None:
    """The rest comes by a new link, not all of it again."""
    upstream = VideosUpstream(variant="relay", polls=1, film_bytes=2_000_000, link_bytes=700_000)
    async with filming(tmp_path, upstream) as house:
        ended = await over(house, await begun(house, model_of(upstream)))
        assert ended.status == "completed"
        film = make("a boat", size=2_000_000)
        assert sha256(await film_in(house, ended)) == film.sha256
        starts = [start for _, start, _ in upstream.downloads.served]
        assert (len(starts), starts[0]) == (2, 0)
        assert starts[1] >= 600_000


async def test_a_disk_that_fails_is_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    upstream = VideosUpstream(seconds=0.3)
    async with filming(tmp_path, upstream) as house:
        id = await begun(house, model_of(upstream))
        await in_state(house, id, "running")
        blobs, away = tmp_path / "media" / "blobs", tmp_path / "away"
        blobs.rename(away)
        blobs.write_text("no directory")
        await until(lambda: f"{id} waits in `download`" in caplog.text)
        blobs.unlink()
        away.rename(blobs)
        ended = await over(house, id)
        assert ended.status == "completed"
        assert sha256(await film_in(house, ended)) == make("a boat").sha256
        assert upstream.made == {"a boat": 1}


async def test_what_was_swept_meanwhile_is_downloaded_again(tmp_path: Path) -> None:
    """Bytes without a row may go while Darkroom is down for long; the film is fetched once more."""
    upstream = VideosUpstream(polls=1)
    async with filming(tmp_path, upstream, jobs=JobSettings(run=False)) as house:
        id = await begun(house, model_of(upstream))
        rows, theirs = house.gateway.database.jobs, other(upstream, 1, "a boat")
        await rows.claim(id, "gone", None)
        await rows.move(id, "gone", "submitting", now(), submitted=now())
        await rows.move(id, "gone", "running", now(), upstream_id=theirs.id)
        lost = {"id": new_id("media"), "blob": "0" * 64, "size": 7, "mime": "video/mp4"}
        await rows.move(id, "gone", "storing", now(), products=[lost])
        async with aclosing(house.gateway.jobs.watchers.watch("local", id)) as states:
            task = asyncio.create_task(_run(house))
            shown = [each.status async for each in states]
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert shown[-1] == "completed"
        assert sha256(await film_in(house, await over(house, id))) == make("a boat").sha256
        assert upstream.made == {}


async def _run(house: House) -> None:
    """Work on jobs at a gateway that was opened to leave them to others."""
    async with house.gateway.jobs.working(runs=True):
        await asyncio.Event().wait()


async def test_the_deadline(tmp_path: Path) -> None:
    upstream = VideosUpstream(seconds=HOUR)
    async with filming(tmp_path, upstream, jobs=JobSettings(deadline=0.5)) as house:
        ended = await over(house, await begun(house, model_of(upstream)))
        assert (ended.status, (ended.error or {})["code"]) == ("expired", "upstream_timeout")
        await done_with(house)
        assert upstream.jobs == {}


async def test_the_deadline_comes_while_it_waits_for_the_disk(tmp_path: Path) -> None:
    upstream = VideosUpstream(seconds=0.3)
    async with filming(tmp_path, upstream, jobs=JobSettings(deadline=1.5)) as house:
        id = await begun(house, model_of(upstream))
        await in_state(house, id, "running")
        blobs = tmp_path / "media" / "blobs"
        blobs.rename(tmp_path / "away")
        blobs.write_text("no directory")
        assert (await over(house, id)).status == "expired"
        await done_with(house)
        blobs.unlink()
        (tmp_path / "away").rename(blobs)


# Owners who change their minds


@pytest.mark.parametrize("state", ["queued", "submitting", "running", "storing"])
async def test_it_is_cancelled_wherever_it_is(tmp_path: Path, state: JobState) -> None:
    upstream = VideosUpstream(polls=1, film_bytes=40_000_000)
    match state:
        case "queued":
            upstream.refuse_on("POST", "/videos", 429, 1)
        case "submitting":
            upstream.gate = asyncio.Event()
        case "running":
            upstream.polls, upstream.seconds = None, HOUR
        case _:
            upstream.downloads.pause = 1.0
    options = {"poll_seconds": 5.0} if state == "queued" else {"cancel": "/videos/{id}/cancel"}
    async with filming(tmp_path, upstream, options=options) as house:
        id = await begun(house, model_of(upstream))
        await in_state(house, id, state)
        if state == "queued":  # It was asked for, refused, and waits.
            await until_refused(house, id)
        elif state == "storing":
            await until(lambda: any(each.path.endswith("/content") for each in upstream.requests))
        cancelling = asyncio.create_task(house.gateway.cancel("local", id))
        if upstream.gate is not None:
            await asyncio.sleep(0.1)
            upstream.gate.set()
        cancelled = await cancelling
        assert cancelled is not None
        assert (cancelled.status, (cancelled.error or {})["code"]) == ("cancelled", "cancelled")
        assert upstream.made == ({} if state == "queued" else {"a boat": 1})
        if state in ("submitting", "running"):
            assert any(each.path.endswith("/cancel") for each in upstream.requests)
        await done_with(house)
        assert upstream.jobs == {}
        assert not await house.media()
        assert house.parts() == []


async def test_it_is_cancelled_while_nobody_knows_whether_it_arrived(tmp_path: Path) -> None:
    """What is found upstream is deleted there; nothing is begun for it any more."""
    upstream = VideosUpstream(seconds=HOUR)
    async with filming(tmp_path, upstream, jobs=JobSettings(run=False)) as house:
        rows, ids = house.gateway.database.jobs, []
        for prompt in ("arrived", "lost"):
            ids.append(await begun(house, model_of(upstream), prompt))
            await rows.claim(ids[-1], "gone", None)
            await rows.move(ids[-1], "gone", "submitting", now(), submitted=now())
            await rows.ask_to_cancel("local", ids[-1])
        other(upstream, 1, "arrived")
        task = asyncio.create_task(_run(house))
        assert [(await over(house, id)).status for id in ids] == ["cancelled", "cancelled"]
        await done_with(house)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (upstream.jobs, upstream.made) == ({}, {})


# Darkroom stops, and goes on


@asynccontextmanager
async def rooms(root: Path, upstream: VideosUpstream) -> AsyncIterator[ProviderSettings]:
    """Serve an upstream that outlives Darkrooms; gives its row."""
    upstream.key = KEY
    async with serve(upstream.app) as url:
        yield films_row(upstream, url)


def threads() -> set[str]:
    return {each.name for each in threading.enumerate() if "dbos" in each.name.lower() or "darkroom" in each.name}


async def test_it_stops_in_the_middle_and_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Closing says nothing of errors, leaves no thread behind, and the next one goes on where this one was."""
    upstream = VideosUpstream(seconds=HOUR)
    before, quiet = threading.active_count(), threads()
    async with rooms(tmp_path, upstream) as row:
        async with running(tmp_path, providers=[row]) as house:
            ids = [await begun(house, model_of(upstream), f"boat {number}") for number in range(4)]
            for id in ids:
                await in_state(house, id, "running")
            assert house.gateway.jobs.engine.running == set(ids)
        assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []
        await until(lambda: threads() == quiet, "no threads of the engine")
        assert threading.active_count() <= before + 2
        for _ in range(2):  # And once more, by runs that are no first ones.
            async with running(tmp_path, providers=[row]) as house:
                await until(lambda: house.gateway.jobs.engine.running == set(ids))
        upstream.seconds = 0.0
        async with running(tmp_path, providers=[row]) as house:
            assert {(await over(house, id)).status for id in ids} == {"completed"}
            await done_with(house)
        assert upstream.made == {f"boat {number}": 1 for number in range(4)}
        assert upstream.jobs == {}
        assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


async def test_what_the_upstream_finished_meanwhile_is_fetched(tmp_path: Path) -> None:
    upstream = VideosUpstream(seconds=HOUR)
    async with rooms(tmp_path, upstream) as row:
        async with running(tmp_path, providers=[row]) as house:
            id = await begun(house, model_of(upstream))
            await in_state(house, id, "running")
        upstream.seconds = 0.0
        async with running(tmp_path, providers=[row]) as house:
            assert sha256(await film_in(house, await over(house, id))) == make("a boat").sha256


async def test_what_the_upstream_has_no_more_has_expired(tmp_path: Path) -> None:
    upstream = VideosUpstream(seconds=HOUR)
    async with rooms(tmp_path, upstream) as row:
        async with running(tmp_path, providers=[row]) as house:
            id = await begun(house, model_of(upstream))
            await in_state(house, id, "running")
        upstream.jobs.clear()
        async with running(tmp_path, providers=[row]) as house:
            ended = await over(house, id)
            assert (ended.status, (ended.error or {})["code"]) == ("expired", "upstream_not_found")


@pytest.mark.parametrize("what", ["provider", "key"])
async def test_what_is_not_configured_any_more(tmp_path: Path, what: str) -> None:
    upstream = VideosUpstream(seconds=HOUR)
    async with rooms(tmp_path, upstream) as row:
        async with running(tmp_path, providers=[row]) as house:
            id = await begun(house, model_of(upstream))
            await in_state(house, id, "running")
        left = [replace(row, api_keys=("sk-another",))] if what == "key" else []
        async with running(tmp_path, providers=left) as house:
            await assert_failed(house, id, ConfigInvalid.code, "is not configured any more")
            for _ in range(500):
                if not await house.gateway.database.jobs.under_way():
                    return
                await asyncio.sleep(0.02)
            raise AssertionError("it is still under way")


async def test_what_was_to_be_deleted_upstream_is_deleted_by_the_next(tmp_path: Path) -> None:
    """A process that dies right after the end leaves a film upstream, of which its row still tells."""
    upstream = VideosUpstream(polls=1)
    async with filming(tmp_path, upstream, jobs=JobSettings(run=False)) as house:
        rows, theirs = house.gateway.database.jobs, other(upstream, 1)
        id = await begun(house, model_of(upstream))
        await rows.claim(id, "gone", None)
        await rows.move(id, "gone", "submitting", now(), submitted=now())
        await rows.move(id, "gone", "running", now(), upstream_id=theirs.id)
        await rows.move(id, "gone", "failed", now(), error={"code": "x", "message": "y"})
        task = asyncio.create_task(_run(house))
        await done_with(house)
        await until(lambda: upstream.deleted == [theirs.id])
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_two_gateways_in_one_process(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The second one says that it can't, and its jobs wait until it can."""
    upstream = VideosUpstream(seconds=HOUR)
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    async with rooms(tmp_path, upstream) as row, running(first, providers=[row]) as house:
        await in_state(house, await begun(house, model_of(upstream)), "running")
        async with running(second, providers=[row]) as other_house:
            id = await begun(other_house, model_of(upstream), "another boat")
            await until(lambda: "another gateway runs jobs in this process" in caplog.text)
            waiting = await job_of(other_house, id)
            assert (waiting.state, waiting.runner) == ("queued", None)
            await house.gateway.jobs.engine.close()
            upstream.seconds = 0.0
            assert (await over(other_house, id)).status == "completed"


async def test_a_run_that_fell_over_is_begun_again(tmp_path: Path) -> None:
    """What this replica has claimed and does not work on, it works on again."""
    upstream = VideosUpstream(polls=2)
    async with filming(tmp_path, upstream, jobs=JobSettings(run=False)) as house:
        id = await begun(house, model_of(upstream))
        await house.gateway.database.jobs.claim(id, house.gateway.jobs.replica, None)
        task = asyncio.create_task(_run(house))
        assert (await over(house, id)).status == "completed"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_keys_of_a_process_that_is_gone_are_free_again(tmp_path: Path) -> None:
    """Killed between a key and its job: who asks again under the key gets a film, not a long wait."""
    upstream = VideosUpstream(polls=1)
    async with rooms(tmp_path, upstream) as row:
        async with running(tmp_path, providers=[row]) as house:
            await house.gateway.database.jobs.reserve("local", "k1", "digest", "gone", now())
        async with running(tmp_path, providers=[row]) as house:
            for _ in range(500):
                if await house.gateway.database.jobs.reserved("local", "k1") is None:
                    break
                await asyncio.sleep(0.02)
            id = await begun(house, model_of(upstream), **{"idempotency-key": "k1"})
            assert await begun(house, model_of(upstream), **{"idempotency-key": "k1"}) == id
            assert (await over(house, id)).status == "completed"


# Watchers


async def test_watchers_see_it_from_the_queue_to_the_end(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=8)
    async with filming(tmp_path, upstream) as house:
        id = await begun(house, model_of(upstream))
        watchers = house.gateway.jobs.watchers

        async def seen(owner: str) -> list[tuple[str, int | None]]:
            async with aclosing(watchers.watch(owner, id)) as states:
                return [(each.status, each.progress) async for each in states]

        all_seen = await asyncio.gather(*(seen("local") for _ in range(20)))
        for each in all_seen:
            assert each[-1] == ("completed", 100)
            percents = [percent or 0 for _, percent in each]
            assert percents == sorted(percents)
        assert max(len(each) for each in all_seen) > 2
        # Who comes late is told the end alone.
        assert await seen("local") == [("completed", 100)]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.8):
                await seen("eve")
        assert watchers._watched == {}


async def test_watchers_of_what_is_not_there_yet(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=1)
    async with filming(tmp_path, upstream) as house:
        watchers, id = Watchers(house.gateway.database), new_id("gen")
        async with aclosing(watchers.watch("local", id)) as states:
            first = asyncio.ensure_future(anext(states))
            await asyncio.sleep(0.1)
            assert not first.done()
            await house.gateway.database.add_generation(
                Generation(id, "local", "completed", "films", "m", "a boat", now())
            )
            assert (await first).status == "completed"
        await watchers.close()
