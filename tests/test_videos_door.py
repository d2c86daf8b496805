"""`/v1/videos`, asked by the official SDK and by hand, before every upstream that makes films."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from openai import APIStatusError, AsyncOpenAI, BadRequestError, NotFoundError
from openai.types import Video
from PIL import Image

from darkroom import gateway
from darkroom.clock import new_id
from darkroom.media import sniff
from darkroom.settings import ProviderSettings
from darkroom.sketch import Step, film, read_film_ancestry
from darkroom.testing import (
    EnterpriseUpstream,
    InteractionsUpstream,
    OpenRouterVideosUpstream,
    VeoUpstream,
    VideosUpstream,
    serve,
)
from darkroom.testing.enterprise_tokens import service_account
from darkroom.testing.enterprise_upstream import ENGINE
from darkroom.testing.films import make
from darkroom.testing.videos_variants import VARIANTS
from film_houses import KEY, OTHER_PNG, PNG, POLL, PROFILES, filming, films_row, model_of, over, until
from running import LINK, House, Json, data_uri, message_of, running, sha256, user

# The SDK warns of OpenAI's own service; the dialect lives on elsewhere.
pytestmark = pytest.mark.filterwarnings("ignore:The Sora API is scheduled:DeprecationWarning")

CAT = ("cat.png", PNG, "image/png")
MP4 = film("a dog", 2, size=(96, 96)).data


async def made(house: House, model: str, prompt: str = "it runs", **fields: Any) -> tuple[Video, bytes]:
    """Have a film made by the SDK; return it and its bytes."""
    told: dict[str, Any] = {"prompt": prompt, "model": model, **fields}
    video = await house.client.videos.create_and_poll(poll_interval_ms=20, **told)
    assert video.status == "completed", video
    return video, (await house.client.videos.download_content(video.id)).content


async def created(house: House, body: Json, **headers: str) -> tuple[int, Any]:
    """Ask for a film with a JSON body; return status and answer."""
    async with house.http.post("/v1/videos", json=body, headers=headers) as response:
        return response.status, await response.json()


async def refused(house: House, method: str, path: str, **options: Any) -> tuple[int, str]:
    async with house.http.request(method, path, **options) as response:
        error = (await response.json())["error"]
        return response.status, error["code"]


def roles(generation: Any) -> list[tuple[str, str]]:
    return [(item.role, item.media) for item in generation.inputs]


def url_of(video: Video) -> str:
    """Return the link that stands in a video, which OpenAI's own has not."""
    return str((video.model_extra or {})["url"])


# Every upstream


@pytest.mark.parametrize("variant", VARIANTS)
async def test_a_film_of_a_picture_at_every_server(tmp_path: Path, variant: str) -> None:
    upstream = VideosUpstream(variant=variant, polls=2, redirects=variant == "openai")
    async with filming(tmp_path, upstream) as house:
        video, data = await made(house, model_of(upstream), seconds="4", input_reference=CAT)
        assert (video.object, video.progress, video.prompt, video.error) == ("video", 100, "it runs", None)
        assert (video.model, video.size, video.seconds) == (model_of(upstream), "192x112", "1")
        assert video.completed_at is not None
        # The bytes are the upstream's own, and the link is ours.
        assert sha256(data) == make("it runs", first=PNG).sha256
        assert read_film_ancestry(data) == [Step("a cat"), Step("it runs", (sha256(PNG),))]
        assert LINK.fullmatch(url_of(video))
        assert await house.download(url_of(video)) == data
        assert upstream.made == {"it runs": 1}
        asked = next(each.body for each in upstream.requests if each.method == "POST")
        assert (asked.get("seconds") or str(asked.get("duration"))) == "4"
        # What it was made from is known, and what the upstream had is gone.
        row = await over(house, video.id)
        assert [role for role, _ in roles(row)] == ["first_frame"]
        given = await house.gateway.database.media("local", str(row.inputs[0].media))
        assert given is not None
        assert (given.blob, given.filename) == (sha256(PNG), "cat.png")
        if upstream.row.deletes:
            await until(lambda: len(upstream.deleted) == 1)
            assert not upstream.jobs
        assert not house.parts()


@pytest.mark.parametrize("first", [PNG, None], ids=["of a picture", "of words"])
async def test_veo(tmp_path: Path, first: bytes | None) -> None:
    upstream = VeoUpstream(KEY)
    async with serve(upstream.app) as url:
        row = ProviderSettings("google", f"{url}/v1beta", "veo", api_keys=(KEY,), options=POLL)
        async with running(tmp_path, providers=[row], allow=["127.0.0.1"]) as house:
            given = {"input_reference": CAT} if first else {}
            video, data = await made(house, "google/veo-3.1-generate-preview", seconds="7", size="720x1280", **given)  # type: ignore[arg-type]
            assert sha256(data) == make("it runs", first=first).sha256
            asked = next(each.body for each in upstream.requests if each.method == "POST")
            assert asked["parameters"]["aspectRatio"] == "9:16"
            assert asked["parameters"]["durationSeconds"] in (6, 8)
            assert upstream.made == {"it runs": 1}
            assert (await over(house, video.id)).upstream_ids["job_id"] in upstream.operations


async def test_openrouter(tmp_path: Path) -> None:
    upstream = OpenRouterVideosUpstream(KEY)
    async with serve(upstream.app) as url:
        row = ProviderSettings("router", f"{url}/api/v1", "openrouter-videos", api_keys=(KEY,), options=POLL)
        async with running(tmp_path, providers=[row], allow=["127.0.0.1"]) as house:
            _, data = await made(house, "router/google/veo-3.1", seconds="8", input_reference=CAT)
            assert sha256(data) == make("it runs", first=PNG).sha256
            assert upstream.made == {"it runs": 1}
            # A signed link that has died is no loss: the job is looked at again, or its own host asked.
            upstream.link_seconds = 0.0
            _, again = await made(house, "router/google/veo-3.1", "it sits", seconds="8")
            assert sha256(again) == make("it sits").sha256


@pytest.mark.parametrize("profile", [{"makes": ["video"]}, None], ids=["as a job", "as a chat"])
async def test_an_interaction(tmp_path: Path, profile: Json | None) -> None:
    upstream = InteractionsUpstream(KEY)
    async with serve(upstream.app) as url:
        row = ProviderSettings(
            "google",
            f"{url}/v1beta",
            "gemini-interactions",
            api_keys=(KEY,),
            profile=profile,
            cleanup="after_response",
            options=POLL,
        )
        async with running(tmp_path, providers=[row], allow=["127.0.0.1"]) as house:
            video, data = await made(house, "google/gemini-omni-1.1-flash", "a fox", input_reference=CAT)
            assert sniff(data[:64]) == "video/mp4"
            assert LINK.fullmatch(url_of(video))
            assert [role for role, _ in roles(await over(house, video.id))] in (["first_frame"], ["edited"])


async def test_gemini_enterprise(tmp_path: Path) -> None:
    upstream = EnterpriseUpstream(key=KEY)
    async with serve(upstream.app) as url:
        account = json.dumps(service_account(KEY, f"{url}/token"))
        row = ProviderSettings("google", f"{url}/v1/{ENGINE}", "gemini-enterprise", api_keys=(account,))
        async with running(tmp_path, providers=[row], allow=["127.0.0.1"]) as house:
            video, data = await made(house, "google/gemini-3-pro-preview", "make a video of a paper boat")
            assert sniff(data[:64]) == "video/mp4"
            assert await house.download(url_of(video)) == data


@pytest.mark.parametrize("form", ["relay-video", "video-html", "video-url"])
async def test_a_model_that_chats(tmp_path: Path, form: str) -> None:
    """Its film is the film, and not the poster that its transcript shows first."""
    async with running(tmp_path, allow=["127.0.0.1"]) as house:
        video, data = await made(house, f"painter/{form}", "a fox", input_reference=CAT)
        assert sniff(data[:64]) == "video/mp4"
        assert url_of(video).endswith(".mp4")
        listed = [each.id async for each in house.client.videos.list()]
        assert listed == [video.id]
        row = await over(house, video.id)
        given = await house.gateway.database.media("local", str(row.inputs[0].media))
        assert given is not None
        assert given.blob == sha256(PNG)


async def test_a_chat_that_makes_nothing_fails(tmp_path: Path) -> None:
    async with running(tmp_path, providers=[painter_row("fail-policy")]) as house:
        begun = await house.client.videos.create(prompt="a fox", model="more/fail-policy")
        await over(house, begun.id)
        failed = await house.client.videos.retrieve(begun.id)
        assert failed.status == "failed"
        assert failed.error is not None
        assert failed.error.code == "content_policy_violation"
        with pytest.raises(NotFoundError):
            await house.client.videos.download_content(begun.id)


def painter_row(model: str) -> ProviderSettings:
    return ProviderSettings("more", "{painter}/v1", models=(model,), profile="video-chat")


async def test_the_painter_of_a_fresh_gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It makes films of any length, by its own name and for the studio."""
    monkeypatch.setattr(gateway, "_FILM_SECONDS", 0.3)
    async with running(tmp_path, sketch=True) as house:
        video, data = await made(house, "sketch-video", "waves at dusk", seconds="1", size="640x352")
        assert (video.seconds, video.size) == ("1", "640x352")
        assert sniff(data[:64]) == "video/mp4"
        drawn = await house.ask("studio", "a fox in the snow")
        moved = await house.ask("studio", "a fox in the snow", message_of(drawn), "make it move, 1 second")
        (told,) = moved["darkroom"]["media"]
        assert (told["mime"], moved["darkroom"]["plan"]["seconds"]) == ("video/mp4", 1)
        row = await over(house, told["generation"])
        assert roles(row) == [("first_frame", drawn["darkroom"]["media"][0]["id"])]
        assert row.provider == "sketch-video"


async def test_a_studios_film_need_not_be_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "_FILM_SECONDS", 3.0)
    async with running(tmp_path, sketch=True) as house:
        asked = {"model": "studio", "messages": [user("a 1 second video of a fox")]}
        status, answer = await house.post(asked, Prefer="wait=0")
        assert status == 200, answer
        (told,) = answer["darkroom"]["generations"]
        assert f"{house.url}/v1/generations/{told['id']}" in answer["choices"][0]["message"]["content"]
        assert (await over(house, told["id"])).status == "completed"


# What a client may do with a film


async def test_one_looks_at_a_film_and_at_its_parts(tmp_path: Path) -> None:
    upstream = VideosUpstream(film_bytes=300_000)
    async with filming(tmp_path, upstream) as house:
        video, data = await made(house, model_of(upstream))
        assert len(data) == 300_000
        videos = house.client.videos
        poster = (await videos.download_content(video.id, variant="thumbnail")).content
        sheet = (await videos.download_content(video.id, variant="spritesheet")).content
        with Image.open(io.BytesIO(poster)) as image:
            assert (image.format, image.size) == ("WEBP", (192, 112))
        with Image.open(io.BytesIO(sheet)) as image:
            assert image.format == "JPEG"
            assert image.width > 192
        path = f"/v1/videos/{video.id}/content"
        async with house.http.get(path, headers={"range": "bytes=100-199"}) as response:
            assert (response.status, await response.read()) == (206, data[100:200])
            assert response.headers["content-range"] == "bytes 100-199/300000"
            etag = response.headers["etag"]
        async with house.http.head(path) as response:
            assert (response.status, response.headers["content-length"]) == (200, "300000")
        async with house.http.get(path, headers={"if-none-match": etag}) as response:
            assert response.status == 304
        async with house.http.get(path, headers={"range": "bytes=300000-"}) as response:
            assert response.status == 416
        assert await refused(house, "GET", f"{path}?variant=poster") == (400, "malformed_request")


async def test_films_are_listed_from_both_ends(tmp_path: Path) -> None:
    upstream = VideosUpstream(variant="sketch")
    async with filming(tmp_path, upstream) as house:
        await house.ask("painter/images", "a picture, which is no film")
        ids = [(await made(house, model_of(upstream), f"film {number}"))[0].id for number in range(3)]
        videos = house.client.videos
        assert [each.id async for each in videos.list(limit=2)] == ids[::-1]
        assert [each.id async for each in videos.list(limit=2, order="asc")] == ids
        page = await videos.list(limit=2)
        assert (page.has_more, page.last_id, [each.id for each in page.data]) == (True, ids[1], ids[:0:-1])
        rest = await videos.list(after=ids[1])
        assert (rest.has_more, [each.id for each in rest.data]) == (False, ids[:1])
        assert (await videos.list(after=new_id("gen"))).data == []
        for query in ("limit=0", "limit=101", "limit=x", "order=up"):
            assert await refused(house, "GET", f"/v1/videos?{query}") == (400, "malformed_request")


async def test_a_remix_is_the_upstreams_own(tmp_path: Path) -> None:
    """Where the upstream made the film and can remix, it is told so, and sent no film."""
    upstream = VideosUpstream()
    async with filming(tmp_path, upstream, cleanup="keep") as house:
        first, data = await made(house, model_of(upstream), "a fox")
        begun = await house.client.videos.remix(first.id, prompt="at night")
        assert begun.remixed_from_video_id == first.id
        video = await house.client.videos.poll(begun.id, poll_interval_ms=20)
        assert (video.status, video.model, video.remixed_from_video_id) == ("completed", first.model, first.id)
        remixed = await house.download(url_of(video))
        assert read_film_ancestry(remixed)[-1] == Step("at night", (sha256(data),))
        asked = next(each for each in upstream.requests if each.path.endswith("/remix"))
        assert asked.body == {"prompt": "at night"}
        (known,) = (await over(house, video.id)).inputs
        assert (known.role, known.generation) == ("edited", first.id)


async def test_a_remix_where_the_server_has_none_sends_the_film(tmp_path: Path) -> None:
    upstream = VideosUpstream(variant="vllm-omni")
    async with filming(tmp_path, upstream) as house:
        first, data = await made(house, model_of(upstream), "a fox")
        begun = await house.client.videos.remix(first.id, prompt="at night")
        video = await house.client.videos.poll(begun.id, poll_interval_ms=20)
        remixed = await house.download(url_of(video))
        assert read_film_ancestry(remixed)[-1] == Step("at night", (sha256(data),))


async def test_what_can_not_be_remixed(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=1000)
    async with filming(tmp_path, upstream) as house:
        begun = await house.client.videos.create(prompt="a fox", model=model_of(upstream))
        with pytest.raises(BadRequestError, match="no video"):
            await house.client.videos.remix(begun.id, prompt="at night")
        with pytest.raises(BadRequestError, match="prompt"):
            await house.client.videos.remix(begun.id, prompt="")
        with pytest.raises(NotFoundError):
            await house.client.videos.remix(new_id("gen"), prompt="at night")
        drawn = await house.ask("painter/images", "a boat")
        picture = drawn["darkroom"]["generations"][0]["id"]
        for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
            assert await refused(house, method, f"/v1/videos/{picture}{path}") == (404, "not_found")
        assert len(await house.media()) == 1


async def test_a_film_is_deleted(tmp_path: Path) -> None:
    upstream = VideosUpstream()
    async with filming(tmp_path, upstream, cleanup="idle:1h") as house:
        video, _ = await made(house, model_of(upstream), input_reference=CAT)
        told = await house.client.videos.delete(video.id)
        assert (told.id, told.object, told.deleted) == (video.id, "video.deleted", True)
        for act in (house.client.videos.retrieve, house.client.videos.delete, house.client.videos.download_content):
            with pytest.raises(NotFoundError):
                await act(video.id)
        async with house.http.get(url_of(video)) as response:
            assert response.status == 404
        assert (await house.client.videos.list()).data == []
        assert await house.blobs() == [sha256(PNG)]
        await until(lambda: len(upstream.deleted) == 1)


async def test_a_film_in_the_making_is_cancelled_and_deleted(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=100_000)
    async with filming(tmp_path, upstream, options={"cancel": "/videos/{id}/cancel"}) as house:
        video = await house.client.videos.create(prompt="a fox", model=model_of(upstream))
        assert (video.status, video.progress) == ("queued", 0)
        with pytest.raises(NotFoundError, match="no video yet"):
            await house.client.videos.download_content(video.id)
        await until(lambda: len(upstream.jobs) == 1)
        (job,) = upstream.jobs.values()
        assert (await house.client.videos.delete(video.id)).deleted
        assert job.cancelled
        with pytest.raises(NotFoundError):
            await house.client.videos.retrieve(video.id)
        await until(lambda: upstream.deleted == [job.id])
        assert await house.is_empty()


# What a film is made from


async def test_a_first_frame_in_every_spelling(tmp_path: Path) -> None:
    upstream = VideosUpstream(variant="sketch")
    async with filming(tmp_path, upstream) as house:
        model = model_of(upstream)
        file = await house.client.files.create(file=CAT, purpose="vision")
        known = await house.upload(PNG)
        link = f"{house.url}/media/{known.id}.png"
        spellings: list[Any] = [
            {"input_reference": {"image_url": data_uri(PNG)}},
            {"input_reference": data_uri(PNG)},
            {"input_reference": {"file_id": file.id}},
            {"input_reference": {"image_url": link}},
            {"input_reference": known.id},
            {"input_reference": link},
            {"images": [data_uri(PNG)]},
            {"image_url": {"url": link}},
            {"start_image": data_uri(PNG)},
            {"extra_body": {"input_reference": known.id}},
        ]
        ids = []
        for fields in spellings:
            status, video = await created(house, {"model": model, "prompt": "it runs", "seconds": 4, **fields})
            assert status == 200, (fields, video)
            ids.append(video["id"])
        for id, fields in zip(ids, spellings, strict=True):
            row = await over(house, id)
            assert row.status == "completed", (fields, row.error)
            assert [role for role, _ in roles(row)] == ["first_frame"], fields
            assert row.outputs[0].blob == make("it runs", first=PNG).sha256, fields
        form = {"prompt": "it runs", "model": model, "input_reference[file_id]": file.id}
        async with house.http.post("/v1/videos", data=form_of(form)) as response:
            row = await over(house, (await response.json())["id"])
        assert row.outputs[0].blob == make("it runs", first=PNG).sha256


def form_of(fields: Json) -> aiohttp.FormData:
    """Return a form without a file, as it comes from clients that send nothing else."""
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        form.add_field(name, value)
    return form


async def test_a_film_of_a_film_and_of_several_pictures(tmp_path: Path) -> None:
    upstream = VideosUpstream(variant="vllm-omni")
    many = VideosUpstream(variant="new-api", key=KEY)
    async with serve(many.app) as url, filming(tmp_path, upstream, films_row(many, url, "many")) as house:
        reference = {"video_reference": {"video_url": data_uri(MP4, "video/mp4")}}
        status, video = await created(house, {"model": model_of(upstream), "prompt": "slower", **reference})
        assert status == 200, video
        row = await over(house, video["id"])
        assert row.status == "completed", row.error
        assert [role for role, _ in roles(row)] == ["edited"]
        assert row.outputs[0].blob == make("slower", parents=(sha256(MP4),)).sha256
        body = {"model": model_of(many, "many"), "prompt": "both", "images": [data_uri(PNG), data_uri(OTHER_PNG)]}
        status, video = await created(house, body)
        row = await over(house, video["id"])
        assert row.status == "completed", row.error
        assert [role for role, _ in roles(row)] == ["first_frame", "reference"]


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"prompt": ""}, 400, "malformed_request"),
        ({"prompt": 7}, 400, "malformed_request"),
        ({"model": ""}, 400, "malformed_request"),
        ({"model": "films/nothing-of-the-kind"}, 404, "model_not_found"),
        ({"model": "painter/images"}, 400, "malformed_request"),
        ({"model": "painter/text"}, 400, "malformed_request"),
        ({"seconds": "soon"}, 400, "malformed_request"),
        ({"size": "large"}, 400, "malformed_request"),
        ({"input_reference": {"colour": "red"}}, 400, "malformed_request"),
        ({"input_reference": {"file_id": "file_unknown"}}, 404, "not_found"),
        ({"input_reference": "data:image/png;base64,AAAA"}, 400, "invalid_media"),
        ({"input_reference": "http://10.0.0.1/cat.png"}, 400, "url_refused"),
        ({"images": ["media_1"] * 17}, 400, "malformed_request"),
    ],
)
async def test_what_is_refused_before_anything_is_asked(
    house_of_refusals: tuple[House, VideosUpstream], fields: Json, status: int, code: str
) -> None:
    house, upstream = house_of_refusals
    answer = await created(house, {"model": model_of(upstream), "prompt": "a fox", **fields})
    assert (answer[0], answer[1]["error"]["code"]) == (status, code), answer
    assert not upstream.made
    assert not await house.generations()


@pytest.fixture
async def house_of_refusals(tmp_path: Path) -> Any:
    upstream = VideosUpstream()
    async with serve(upstream.app) as url, running(tmp_path, providers=[films_row(upstream, url)]) as house:
        yield house, upstream


async def test_a_body_that_is_none(house_of_refusals: tuple[House, VideosUpstream]) -> None:
    house, upstream = house_of_refusals
    for data, kind in ((b"{", "application/json"), (b"[" * 100_000, "application/json"), (b"x", "multipart/form-data")):
        told = {"data": data, "headers": {"content-type": kind}}
        assert await refused(house, "POST", "/v1/videos", **told) == (400, "malformed_request")
        assert await refused(house, "POST", f"/v1/videos/{new_id('gen')}/remix", **told) in {
            (400, "malformed_request"),
            (404, "not_found"),
        }
    form = aiohttp.FormData({"prompt": "a fox", "model": model_of(upstream)})
    form.add_field("colour", PNG, filename="cat.png")
    assert await refused(house, "POST", "/v1/videos", data=form) == (400, "malformed_request")
    assert await house.is_empty()


# What goes wrong


@pytest.mark.parametrize("failing", ["submit", "queued", "running", "content"])
async def test_a_film_that_fails_says_so(tmp_path: Path, failing: Any) -> None:
    upstream = VideosUpstream(polls=2, failing=failing)
    async with filming(tmp_path, upstream) as house:
        begun = await house.client.videos.create(prompt="a fox", model=model_of(upstream))
        row = await over(house, begun.id)
        failed = await house.client.videos.retrieve(begun.id)
        assert (row.status, failed.status, failed.completed_at) == ("failed", "failed", None)
        assert failed.error is not None
        assert failed.error.code in ("upstream_broken", "upstream_unavailable", "upstream_rejected", "upstream_error")
        assert KEY not in failed.error.message
        assert upstream.made["a fox"] <= 1
        assert not await house.media()
        assert not house.parts()


@pytest.mark.parametrize("variant", ["openai", "vllm-omni"])
async def test_moderation_is_a_policy_violation(tmp_path: Path, variant: str) -> None:
    """At once, or while it is being made."""
    upstream = VideosUpstream(variant=variant, polls=1)
    async with filming(tmp_path, upstream) as house:
        begun = await house.client.videos.create(prompt="something unsafe", model=model_of(upstream))
        await over(house, begun.id)
        failed = await house.client.videos.retrieve(begun.id)
        assert failed.error is not None
        assert (failed.status, failed.error.code) == ("failed", "content_policy_violation")


async def test_the_same_key_is_the_same_film(tmp_path: Path) -> None:
    upstream = VideosUpstream(polls=3)
    async with filming(tmp_path, upstream) as house:
        told: dict[str, Any] = {"prompt": "a fox", "model": model_of(upstream), "input_reference": CAT}
        key = {"Idempotency-Key": "one"}
        first, *others = await asyncio.gather(
            *(house.client.videos.create(**told, extra_headers=key) for _ in range(5))
        )
        assert {each.id for each in others} == {first.id}
        await over(house, first.id)
        assert (await house.client.videos.create(**told, extra_headers=key)).id == first.id
        with pytest.raises(APIStatusError) as reused:
            await house.client.videos.create(**{**told, "prompt": "a hen"}, extra_headers=key)
        assert (reused.value.status_code, reused.value.code) == (422, "idempotency_key_reused")
        other = await house.client.videos.create(**told, extra_headers={"Idempotency-Key": "two"})
        assert other.id != first.id
        await over(house, other.id)
        assert upstream.made == {"a fox": 2}


# Whose it is


async def test_owners_see_only_their_own(tmp_path: Path) -> None:
    upstream = VideosUpstream(variant="sketch")
    async with filming(tmp_path, upstream) as house:
        secrets = [(await house.gateway.keys.create(owner))[1] for owner in ("ann", "bob")]
        base = f"{house.url}/v1"
        async with (
            AsyncOpenAI(base_url=base, api_key=secrets[0], max_retries=0) as ann,
            AsyncOpenAI(base_url=base, api_key=secrets[1], max_retries=0) as bob,
        ):
            told: dict[str, Any] = {"prompt": "a fox", "model": model_of(upstream), "poll_interval_ms": 20}
            key = {"Idempotency-Key": "one"}
            hers = await ann.videos.create_and_poll(**told, extra_headers=key)
            his = await bob.videos.create_and_poll(**told, extra_headers=key)
            assert his.id != hers.id
            assert [each.id for each in (await bob.videos.list()).data] == [his.id]
            assert (await bob.videos.list(after=hers.id)).data == []
            unknown = new_id("gen")
            for act in (bob.videos.retrieve, bob.videos.delete, bob.videos.download_content):
                with pytest.raises(NotFoundError) as theirs:
                    await act(hers.id)
                with pytest.raises(NotFoundError) as nobodys:
                    await act(unknown)
                assert theirs.value.message.replace(hers.id, "…") == nobodys.value.message.replace(unknown, "…")
            with pytest.raises(NotFoundError):
                await bob.videos.remix(hers.id, prompt="at night")
            media = (await over(house, hers.id, "ann")).outputs[0].id
            with pytest.raises(NotFoundError):
                await bob.videos.create(
                    prompt="a fox", model=model_of(upstream), extra_body={"input_reference": {"file_id": media}}
                )
            assert (await ann.videos.retrieve(hers.id)).status == "completed"
        assert await refused(house, "GET", "/v1/videos") == (401, "invalid_api_key")


def test_every_variant_has_a_profile() -> None:
    assert set(PROFILES) == set(VARIANTS)
