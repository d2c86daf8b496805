"""The emulators of video APIs, asked over sockets: by the official SDK, and by the wires that the gateway asks with."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import aiohttp
import av
import pytest
from openai import APIConnectionError, APIStatusError, AsyncOpenAI, BadRequestError, NotFoundError
from PIL import Image, ImageChops, ImageStat

from darkroom.dialects.job_wire import JobReport
from darkroom.errors import (
    ContentPolicyViolation,
    DarkroomError,
    UpstreamAuthFailed,
    UpstreamBroken,
    UpstreamNotFound,
    UpstreamRejected,
)
from darkroom.media import MediaKind
from darkroom.profiles import Profile
from darkroom.sketch import Step, film, paint, read_film_ancestry
from darkroom.testing import (
    InteractionsUpstream,
    OpenRouterVideosUpstream,
    VeoUpstream,
    VideosUpstream,
    serve,
)
from darkroom.testing.films import filled, make
from darkroom.testing.videos_variants import VARIANTS
from video_jobs import Driver, asked, shown, target

# The SDK warns of OpenAI's own service; the dialect lives on elsewhere.
pytestmark = pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")

KEY = "sk-films"
PNG = paint("a cat", size=(96, 96)).data
MP4 = film("a dog", 2, size=(96, 96)).data
PROFILES_OF = {
    "openai": "sora-video",
    "vllm-omni": "vllm-omni-video",
    "sglang": "sglang-video",
    "new-api": "video-chat",
    "relay": "relay-video",
    "create-query": "relay-video",
    "localai": "localai-video",
    "sketch": "video-chat",
}
JOBS = [name for name in VARIANTS if name != "localai"]
"""The servers that have jobs."""


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


@asynccontextmanager
async def driving(upstream: VideosUpstream, **options: Any) -> AsyncIterator[Driver]:
    """Serve an emulator, and give what asks it with the wire."""
    upstream.key = KEY
    async with serve(upstream.app) as url, aiohttp.ClientSession() as client:
        base = url if upstream.variant == "localai" else f"{url}/v1"
        server = "openai" if upstream.variant == "sketch" else upstream.variant
        profile = PROFILES_OF[upstream.variant]
        model = upstream.row.models[0]
        yield Driver(
            target("openai-videos", model, base_url=base, profile=profile, key=KEY, server=server, **options), client
        )


@asynccontextmanager
async def client_of(upstream: VideosUpstream) -> AsyncIterator[AsyncOpenAI]:
    async with serve(upstream.app) as url, AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1", max_retries=0) as client:
        yield client


def plays(data: bytes) -> bool:
    with av.open(io.BytesIO(data)) as container:
        return len(list(container.decode(video=0))) > 1


# The official SDK


async def test_the_sdk_makes_a_film_of_a_picture() -> None:
    upstream = VideosUpstream(KEY, polls=2)
    async with client_of(upstream) as client:
        begun = await client.videos.create(
            prompt="it runs",
            model="sora-2",
            seconds="4",
            size="1280x720",
            input_reference=("cat.png", PNG, "image/png"),
        )
        assert (begun.status, begun.progress, begun.object) == ("queued", 0, "video")
        done = await client.videos.poll(begun.id)
        assert (done.status, done.seconds, done.size, done.prompt) == ("completed", "4", "1280x720", "it runs")
        data = (await client.videos.download_content(done.id)).content
        poster = (await client.videos.download_content(done.id, variant="thumbnail")).content
    assert plays(data)
    assert read_film_ancestry(data) == [Step("a cat"), Step("it runs", (digest(PNG),))]
    assert poster[8:12] == b"WEBP"
    assert upstream.made == {"it runs": 1}


async def test_the_sdk_remixes_lists_and_deletes() -> None:
    upstream = VideosUpstream(KEY)
    async with client_of(upstream) as client:
        first = await client.videos.create_and_poll(prompt="a fox", model="sora-2")
        data = (await client.videos.download_content(first.id)).content
        second = await client.videos.remix(first.id, prompt="at night")
        assert second.remixed_from_video_id == first.id
        remixed = (await client.videos.download_content(second.id)).content
        assert read_film_ancestry(remixed)[-1] == Step("at night", (digest(data),))
        assert [video.id async for video in client.videos.list(limit=1)] == [second.id, first.id]
        assert (await client.videos.delete(first.id)).deleted
        with pytest.raises(NotFoundError):
            await client.videos.retrieve(first.id)


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"seconds": "5"}, 400),
        ({"size": "640x480"}, 400),
        ({"model": "sora-9"}, 404),
        ({"prompt": ""}, 400),
        ({"extra_body": {"fps": 24}}, 400),
        ({"prompt": "something unsafe"}, 400),
        ({"extra_body": {"input_reference": {"colour": "red"}}}, 400),
    ],
)
async def test_it_is_as_strict_as_openai(wrong: dict[str, Any], status: int) -> None:
    upstream = VideosUpstream(KEY)
    async with client_of(upstream) as client:
        with pytest.raises(APIStatusError) as refused:
            await client.videos.create(**{"prompt": "a fox", "model": "sora-2", **wrong})
    assert refused.value.status_code == status
    assert not upstream.made


async def test_the_content_is_not_there_before_it_is_done() -> None:
    upstream = VideosUpstream(KEY, polls=3)
    async with client_of(upstream) as client:
        begun = await client.videos.create(prompt="a fox", model="sora-2")
        with pytest.raises(NotFoundError):
            await client.videos.download_content(begun.id)
        with pytest.raises(BadRequestError):
            await client.videos.remix(begun.id, prompt="no")
        upstream.failing = "running"
        failed = await client.videos.poll(begun.id)
        assert failed.status == "failed"
        assert failed.error is not None
        with pytest.raises(APIStatusError) as refused:
            await client.videos.download_content(begun.id)
        assert refused.value.status_code == 422


async def test_a_lost_answer_is_a_job_all_the_same() -> None:
    upstream = VideosUpstream(KEY, idempotent=True, lost=1)
    async with client_of(upstream) as client:
        with pytest.raises(APIConnectionError):
            await client.videos.create(prompt="a fox", model="sora-2", extra_headers={"idempotency-key": "1"})
        again = await client.videos.create(prompt="a fox", model="sora-2", extra_headers={"idempotency-key": "1"})
        other = await client.videos.create(prompt="a fox", model="sora-2", extra_headers={"idempotency-key": "2"})
    assert again.id != other.id
    assert upstream.made == {"a fox": 2}


# The wires


@pytest.mark.parametrize("variant", VARIANTS)
async def test_every_server_makes_a_film(variant: str) -> None:
    upstream = VideosUpstream(variant=variant, polls=3)
    async with driving(upstream) as driver:
        data = await driver.film(asked("it runs", shown(PNG), seconds=4, aspect_ratio="16:9", key="gen_1"))
    assert plays(data)
    assert read_film_ancestry(data) == [Step("a cat"), Step("it runs", (digest(PNG),))]
    assert upstream.made == {"it runs": 1}
    assert upstream.requests[0].headers["idempotency-key"] == "gen_1"


@pytest.mark.parametrize("variant", JOBS)
async def test_every_server_tells_how_it_gets_on(variant: str) -> None:
    async with driving(VideosUpstream(variant=variant, polls=4)) as driver:
        await driver.made(asked("a fox"))
    assert driver.reports[0].id
    assert [report.percent for report in driver.reports] == [0, 25, 50, 75, 100]
    assert {report.stage for report in driver.reports[:-1]} <= {"queued", "running"}


@pytest.mark.parametrize("variant", JOBS)
async def test_every_server_says_why_it_failed(variant: str) -> None:
    upstream = VideosUpstream(variant=variant, polls=2, failing="running")
    async with driving(upstream) as driver:
        report = await driver.made(asked("a fox"))
        assert report.stage == "failed"
        assert isinstance(report.error, UpstreamBroken)
        upstream.failing = ""
        try:
            error = (await driver.made(asked("something unsafe"))).error
        except DarkroomError as refused:
            error = refused
    assert isinstance(error, ContentPolicyViolation)


async def test_a_film_is_made_of_a_film() -> None:
    for variant in ("openai", "vllm-omni"):
        async with driving(VideosUpstream(variant=variant)) as driver:
            data = await driver.film(asked("at night", shown(MP4, "edited")))
        assert read_film_ancestry(data) == [Step("at night", (digest(MP4),))]


async def test_what_it_made_is_remixed() -> None:
    upstream = VideosUpstream()
    async with driving(upstream) as driver:
        report = await driver.made(asked("a fox"))
        data = await driver.download(report)
        remixed = await driver.film(asked("at night", shown(data, "edited", upstream_id=report.id)))
    assert read_film_ancestry(remixed) == [Step("at night", (digest(data),))]


async def test_a_wrong_key_is_told() -> None:
    upstream = VideosUpstream()
    async with driving(upstream) as driver:
        upstream.key = "another"
        with pytest.raises(UpstreamAuthFailed):
            await driver.submit(asked("a fox"))


async def test_a_lost_job_is_found_in_the_list() -> None:
    upstream = VideosUpstream(polls=5)
    async with driving(upstream) as driver:
        begun = await driver.submit(asked("a fox"))
        listing = driver.wire.listing(driver.aim, None)
        assert listing is not None
        body, _ = await driver.send(listing)
        (found,) = driver.wire.listed(body, driver.aim)
        assert (found.id, found.prompt) == (begun.id, "a fox")
        upstream.lists = False
        with pytest.raises(UpstreamNotFound):
            await driver.send(listing)


async def test_a_job_is_cancelled_and_deleted() -> None:
    upstream = VideosUpstream(polls=5)
    async with driving(upstream, cancel="/videos/{id}/cancel") as driver:
        begun = await driver.submit(asked("a fox"))
        cancel = driver.wire.cancel(begun.id or "", driver.aim)
        assert cancel is not None
        await driver.send(cancel)
        assert upstream.stage(upstream.jobs[begun.id or ""]) == "cancelled"
        path = driver.wire.deletion(begun.id or "", driver.aim)
        async with driver.client.delete(f"{driver.aim.provider.base_url}{path}", headers=driver.headers()) as response:
            assert response.status == 200
    assert upstream.deleted == [begun.id]


async def test_a_clock_instead_of_looks() -> None:
    async with driving(VideosUpstream(seconds=0.05)) as driver:
        report = await driver.made(asked("a fox"))
    assert report.stage == "completed"
    assert len(driver.reports) > 1


# What goes wrong with films


async def test_a_download_goes_on_where_it_broke_off() -> None:
    upstream = VideosUpstream(film_bytes=900_000)
    upstream.downloads.breaks, upstream.downloads.break_at = 1, 400_000
    async with driving(upstream) as driver:
        report = await driver.made(asked("a fox"))
        with pytest.raises(aiohttp.ClientPayloadError):
            await driver.download(report)
        rest = await driver.download(report, 400_000)
        whole = await driver.download(report)
    assert len(whole) == 900_000
    assert whole[400_000:] == rest
    assert plays(whole)
    assert [(start, sent) for _, start, sent in upstream.downloads.served] == [
        (0, 400_000), (400_000, 500_000), (0, 900_000)
    ]  # fmt: skip


async def test_a_server_without_ranges_begins_anew() -> None:
    upstream = VideosUpstream(film_bytes=300_000)
    upstream.downloads.ranges = False
    async with driving(upstream) as driver:
        report = await driver.made(asked("a fox"))
        assert len(await driver.download(report, 200_000)) == 300_000


async def test_a_link_dies_in_the_middle_and_there_is_another() -> None:
    upstream = VideosUpstream(variant="relay", film_bytes=300_000, link_bytes=100_000)
    async with driving(upstream) as driver:
        report = await driver.made(asked("a fox"))
        with pytest.raises(aiohttp.ClientPayloadError):
            await driver.download(report)
        with pytest.raises(UpstreamAuthFailed):
            await driver.download(report, 100_000)
        fresh = await driver.look(report.id or "")
        assert fresh.products != report.products
        assert len(await driver.download(fresh, 100_000)) == 200_000


async def test_links_and_jobs_expire() -> None:
    upstream = VideosUpstream(variant="relay", link_seconds=0.0)
    async with driving(upstream) as driver:
        report = await driver.made(asked("a fox"))
        await asyncio.sleep(0.01)
        with pytest.raises(UpstreamAuthFailed):
            await driver.download(report)
        upstream.expires = 0.0
        assert (await driver.look(report.id or "")).stage == "expired"
    kept = VideosUpstream(expires=0.0)
    async with driving(kept) as driver:
        begun = await driver.submit(asked("a fox"))
        await asyncio.sleep(0.01)
        with pytest.raises(UpstreamNotFound):
            await driver.look(begun.id or "")


async def test_a_redirect_must_not_be_shown_the_key() -> None:
    upstream = VideosUpstream(redirects=True)
    async with driving(upstream) as driver:
        report = await driver.made(asked("a fox"))
        assert plays(await driver.download(report))
        url = f"{driver.aim.provider.base_url}{report.products[0].url}"
        async with driver.client.get(url, headers=driver.headers(), allow_redirects=False) as response:
            where = response.headers["location"]
        async with driver.client.get(where, headers=driver.headers()) as response:
            assert response.status == 400


async def test_what_is_refused_once_is_taken_the_next_time() -> None:
    upstream = VideosUpstream()
    async with driving(upstream) as driver:
        upstream.refuse_on("POST", "/videos", 429)
        with pytest.raises(DarkroomError, match="not now"):
            await driver.submit(asked("a fox"))
        assert (await driver.submit(asked("a fox"))).id
    assert upstream.made == {"a fox": 1}


def test_a_large_film_is_never_in_memory_whole() -> None:
    large = filled(make("a fox").head, 5 << 30)
    tail = b"".join(large.chunks((5 << 30) - 1_000_000))
    assert (large.size, len(tail)) == (5 << 30, 1_000_000)
    small = filled(make("a fox").head, 2_000_000)
    whole = b"".join(small.chunks())
    for start, stop in ((0, 10), (190_000, 200_000), (1_000_000, 2_000_000), (1_999_999, 2_000_000)):
        assert b"".join(small.chunks(start, stop)) == whole[start:stop]
    assert digest(whole) == small.sha256
    assert plays(whole)


async def test_a_film_to_be_looked_at() -> None:
    upstream = VideosUpstream(variant="sketch", nice=True)
    async with driving(upstream) as driver:
        data = await driver.film(asked("a fox", shown(PNG), seconds=2, size="640x360"))
    with av.open(io.BytesIO(data)) as container:
        video = container.streams.video[0]
        assert (video.width, video.height) == (640, 352)
        assert container.duration is not None
        assert 1_900_000 <= container.duration <= 2_100_000
    assert read_film_ancestry(data) == [Step("a cat"), Step("a fox", (digest(PNG),))]


def test_a_film_is_the_same_for_the_same_words() -> None:
    one, two = (film("waves", seconds=0.5, size=(128, 96)) for _ in range(2))
    assert one.data == two.data
    assert one.data != film("hills", seconds=0.5, size=(128, 96)).data
    assert plays(one.data)


def test_a_film_begins_with_its_picture() -> None:
    one, other = (paint(words, size=(256, 256)).data for words in ("a cat", "a desert at noon"))
    with av.open(io.BytesIO(film("it runs", seconds=0.5, size=(256, 256), first=one).data)) as container:
        first = next(container.decode(video=0)).to_image()

    def unlike(picture: bytes) -> float:
        with Image.open(io.BytesIO(picture)) as image:
            return max(ImageStat.Stat(ImageChops.difference(first, image.convert("RGB"))).mean)

    assert unlike(one) < 8 < unlike(other)


@pytest.mark.parametrize(
    "head", [b"", b"darkroom:ancestry ", b"darkroom:ancestry [", b"darkroom:ancestry {}", MP4[:40]]
)
def test_a_film_without_an_ancestry_has_none(head: bytes) -> None:
    assert read_film_ancestry(head) == []


# The other APIs


@asynccontextmanager
async def asking(app: Any, dialect: str, model: str, base: str, **more: Any) -> AsyncIterator[Driver]:
    async with serve(app) as url, aiohttp.ClientSession() as client:
        yield Driver(target(dialect, model, base_url=f"{url}{base}", key=KEY, **more), client)


async def test_openrouter_makes_a_film() -> None:
    upstream = OpenRouterVideosUpstream(KEY)
    async with asking(upstream.app, "openrouter-videos", "google/veo-3.1", "/api/v1") as driver:
        data = await driver.film(asked("it runs", shown(PNG), seconds=8, size="1280x720"))
        referred = await driver.film(asked("two of them", shown(PNG, "character"), shown(MP4, "reference")))
    assert plays(data)
    assert read_film_ancestry(data) == [Step("a cat"), Step("it runs", (digest(PNG),))]
    assert read_film_ancestry(referred) == [Step("two of them", (digest(PNG), digest(MP4)))]
    assert upstream.made == {"it runs": 1, "two of them": 1}


async def test_openrouter_refuses() -> None:
    upstream = OpenRouterVideosUpstream(KEY)
    async with asking(upstream.app, "openrouter-videos", "google/veo-3.1", "/api/v1") as driver:
        with pytest.raises(UpstreamRejected, match="duration"):
            await driver.submit(asked("a fox", seconds=5))
        report = await driver.made(asked("something unsafe"))
        assert isinstance(report.error, ContentPolicyViolation)
        begun = await driver.submit(asked("a fox"))
        upstream.expired = True
        assert (await driver.look(begun.id or "")).stage == "expired"


async def test_openrouters_signed_links_expire() -> None:
    upstream = OpenRouterVideosUpstream(KEY, polls=0, link_seconds=0.0)
    async with asking(upstream.app, "openrouter-videos", "google/veo-3.1", "/api/v1") as driver:
        report: JobReport = await driver.submit(asked("a fox"))
        assert report.expires is not None
        (job,) = upstream.jobs.values()
        origin = driver.aim.provider.base_url.removesuffix("/api/v1")
        await asyncio.sleep(0.01)
        async with driver.client.get(f"{origin}/signed/{next(iter(job.links))}") as response:
            assert response.status == 403
        assert plays(await driver.download(report))


async def test_veo_makes_a_film() -> None:
    upstream = VeoUpstream(KEY)
    async with asking(upstream.app, "veo", "veo-3.1-generate-preview", "/v1beta") as driver:
        data = await driver.film(asked("it runs", shown(PNG), seconds=5, size="720x1280", negative_prompt="dogs"))
        longer = await driver.film(asked("it goes on", shown(MP4, "edited")))
        report = await driver.made(asked("something unsafe"))
        assert isinstance(report.error, ContentPolicyViolation)
        assert isinstance((await driver.made(asked("broken"))).error, UpstreamBroken)
    assert plays(data)
    assert read_film_ancestry(data) == [Step("a cat"), Step("it runs", (digest(PNG),))]
    assert read_film_ancestry(longer) == [Step("it goes on", (digest(MP4),))]
    assert upstream.made["it runs"] == 1


async def test_veo_refuses_what_the_api_does_not_take() -> None:
    upstream = VeoUpstream(KEY)
    async with asking(upstream.app, "veo", "veo-9", "/v1beta") as driver:
        with pytest.raises(UpstreamNotFound):
            await driver.submit(asked("a fox"))
        model = f"{driver.aim.provider.base_url}/models/veo-3.1-generate-preview:predictLongRunning"
        for body in (
            {"instances": [{"prompt": "x"}], "parameters": {"seed": 1}},
            {"instances": [{"prompt": "x"}], "parameters": {"durationSeconds": 4, "resolution": "1080p"}},
            {"instances": [{"prompt": "x", "image": {"data": ""}}]},
            {"instances": []},
        ):
            async with driver.client.post(model, json=body, headers=driver.headers()) as response:
                assert response.status == 400
    assert not upstream.made


async def test_an_interaction_makes_a_film() -> None:
    upstream = InteractionsUpstream(KEY)
    profile = Profile("films", makes=frozenset({MediaKind.VIDEO}))
    aim = "gemini-omni-1.1-flash"
    async with asking(upstream.app, "gemini-interactions", aim, "/v1beta", profile=profile) as driver:
        report = await driver.made(asked("a fox", shown(PNG), seconds=5))
        # The film can't be had at once; whoever downloads it asks again.
        for _ in range(2):
            with pytest.raises(UpstreamRejected, match="ACTIVE"):
                await driver.download(report)
        assert upstream.made == {"a fox": 1}
        data = await driver.download(report)
        assert plays(data)
        assert read_film_ancestry(data) == [Step("a cat"), Step("a fox", (digest(PNG),))]
        failed = await driver.made(asked("something unsafe"))
        assert isinstance(failed.error, ContentPolicyViolation)
        begun = await driver.submit(asked("another"))
        cancel = driver.wire.cancel(begun.id or "", driver.aim)
        assert cancel is not None
        await driver.send(cancel)
        assert (await driver.look(begun.id or "")).stage == "cancelled"
