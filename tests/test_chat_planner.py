"""A chat model plans, through a real gateway: every mood of an upstream, every dialect, and what goes along."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from darkroom.errors import ConfigInvalid, PlanInvalid, UpstreamBroken, UpstreamError, UpstreamRejected, UpstreamTimeout
from darkroom.media import MediaKind
from darkroom.messages import MediaPart, Remote, Stored
from darkroom.planner import Picture, Plan, Said, Scene, Use
from darkroom.planner.instructions import SCHEMA
from darkroom.providers import provider_of
from darkroom.settings import ProviderSettings
from darkroom.sketch import paint
from darkroom.studio import chat_planner
from darkroom.studio.chat_planner import plan_by_model
from darkroom.testing import GeminiUpstream, InteractionsUpstream, PlannerUpstream, ResponsesUpstream, serve
from running import House, Json, Scripted, pictures_in, row, running, sha256, text_of

SCENE = Scene(
    "go back to the first picture and add a whale",
    (
        Picture("one", 1, "a lighthouse in a storm", "gen_one"),
        Picture("two", 2, "add a small red boat", "gen_two", (Use("one"),)),
    ),
    (Said("a lighthouse in a storm", made=("one",)), Said("add a small red boat", made=("two",))),
)


@dataclass(frozen=True, slots=True)
class Studio:
    """A gateway, and the planner behind it."""

    house: House
    upstream: PlannerUpstream

    async def plan(self, model: str, scene: Scene = SCENE, pictures: Any = None) -> Plan:
        routes = self.house.gateway.providers.routes(f"up/{model}", "local")
        return await plan_by_model(self.house.gateway.chat, routes, "local", scene, pictures or {})

    @property
    def requests(self) -> list[Json]:
        return [*self.upstream.requests]


@asynccontextmanager
async def studio(root: Path, profile: Any = None, *more: ProviderSettings) -> AsyncIterator[Studio]:
    upstream = PlannerUpstream(key="sesame")
    async with serve(upstream.app) as url:
        rows = [row("up", url, api_keys=("sesame",), profile=profile), *more]
        async with running(root, providers=rows) as house:
            yield Studio(house, upstream)


def check_first(plan: Plan) -> None:
    """The plan for the scene: the first picture is edited."""
    assert (plan.operation, plan.uses, plan.gen_id, plan.n) == ("edit", (Use("one"),), "gen_one", 1)
    assert "whale" in plan.prompt


def texts(request: Json) -> str:
    return "".join(map(text_of, request["messages"]))


async def shown(house: House, count: int) -> tuple[Scene, dict[str, MediaPart], list[str]]:
    """Return a scene of so many pictures that are here, their parts, and the hashes of their bytes."""
    data = [paint(f"barn {number}", size=(64, 64)).data for number in range(count)]
    stored = [await house.upload(each) for each in data]
    pictures = tuple(Picture(media.id, at, f"barn {at}", f"gen_{at}") for at, media in enumerate(stored, 1))
    parts = {media.id: MediaPart(MediaKind.IMAGE, Stored(media), place="text") for media in stored}
    return Scene("the first picture, but darker", pictures), parts, [sha256(each) for each in data]


# Moods


async def test_a_model_that_takes_a_schema(tmp_path: Path) -> None:
    async with studio(tmp_path, {"structured": "schema"}) as up:
        check_first(await up.plan("plan"))
        (request,) = up.requests
    format = request["response_format"]
    assert format["type"] == "json_schema"
    assert format["json_schema"] == {"name": "plan", "strict": True, "schema": SCHEMA}
    assert "temperature" not in request
    assert request["max_completion_tokens"] > 1000


async def test_the_openai_profile_takes_a_schema(tmp_path: Path) -> None:
    async with studio(tmp_path, "openai") as up:
        check_first(await up.plan("plan"))
        assert len(up.requests) == 1


async def test_a_model_that_takes_a_json_object(tmp_path: Path) -> None:
    async with studio(tmp_path, {"structured": "json"}) as up:
        check_first(await up.plan("plan-json"))
        (request,) = up.requests
    assert request["response_format"] == {"type": "json_object"}
    assert request["temperature"] == 0


@pytest.mark.parametrize("model", ["plan-words", "plan-fenced"])
async def test_a_model_that_is_asked_in_words(tmp_path: Path, model: str) -> None:
    async with studio(tmp_path) as up:
        check_first(await up.plan(model))
        (request,) = up.requests
        assert "response_format" not in request
        assert request["temperature"] == 0
        assert await up.house.generations() == []


async def test_a_plan_is_mended_once(tmp_path: Path) -> None:
    async with studio(tmp_path) as up:
        check_first(await up.plan("plan-broken-once"))
        first, second = up.requests
    assert second["messages"][:2] == first["messages"]
    broken, told = second["messages"][2:]
    assert broken["role"] == "assistant"
    assert json.loads(broken["content"])["ratio"] == "wide"
    for word in ("`n` is 0", '`ratio` is "wide"', "needs a picture with the role edited"):
        assert word in told["content"]


@pytest.mark.parametrize(
    ("model", "word"), [("plan-broken", "no JSON object"), ("plan-foreign", "no such picture"), ("talk", "no JSON")]
)
async def test_a_plan_is_mended_once_and_not_twice(tmp_path: Path, model: str, word: str) -> None:
    async with studio(tmp_path) as up:
        with pytest.raises(PlanInvalid, match=word):
            await up.plan(model)
        assert len(up.requests) == 2
        assert "media_01" not in text_of(up.requests[1]["messages"][2])
        assert await up.house.is_empty()


async def test_a_model_that_says_nothing(tmp_path: Path) -> None:
    upstream = Scripted([{"content": ""}])
    async with serve(upstream.app) as url, studio(tmp_path, None, row("mute", url)) as up:
        routes = up.house.gateway.providers.routes("mute/model", "local")
        with pytest.raises(PlanInvalid, match="no JSON"):
            await plan_by_model(up.house.gateway.chat, routes, "local", SCENE, {})
    assert len(upstream.requests) == 2
    assert all(message["content"] for message in upstream.requests[1]["messages"])


async def test_a_model_that_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_planner, "LIMIT_SECONDS", 0.3)
    async with studio(tmp_path) as up:
        with pytest.raises(UpstreamTimeout, match="up/plan-slow"):
            await up.plan("plan-slow")
        up.upstream.go_on.set()
        assert len(up.requests) == 1


async def test_a_model_that_fails(tmp_path: Path) -> None:
    async with studio(tmp_path) as up:
        with pytest.raises(UpstreamBroken):
            await up.plan("plan-500")
        assert len(up.requests) == 1
        (tally,) = [tally for (name, _), tally in up.house.gateway.health.tallies().items() if name == "up"]
        assert (tally.asked, sum(tally.failures.values())) == (1, 1)


async def test_another_key_is_asked_when_one_is_wrong(tmp_path: Path) -> None:
    upstream = PlannerUpstream(key="sesame")
    async with serve(upstream.app) as url:
        keys = row("up", url, api_keys=("stale", "sesame"), profile={"structured": "schema"})
        async with running(tmp_path, providers=[keys]) as house:
            check_first(await Studio(house, upstream).plan("plan"))


async def test_a_form_that_one_route_does_not_take_is_taken_by_none(tmp_path: Path) -> None:
    upstream = PlannerUpstream()
    async with serve(upstream.app) as url:
        rows = [
            row("new", url, models=("plan-words",), profile={"structured": "schema"}),
            row("old", url, models=("plan-words",)),
        ]
        async with running(tmp_path, providers=rows) as house:
            routes = house.gateway.providers.routes("plan-words", "local")
            check_first(await plan_by_model(house.gateway.chat, routes, "local", SCENE, {}))
    assert len(routes) == 2
    assert ["response_format" in request for request in upstream.requests] == [False]


def test_structured_is_a_fact() -> None:
    told = {"a": row("a", "http://a", dialect="gemini"), "b": row("b", "http://b", profile={"structured": "json"})}
    found = {name: provider_of(each).profile_of("m").structured for name, each in told.items()}
    assert found == {"a": "schema", "b": "json"}
    with pytest.raises(ConfigInvalid, match="structured"):
        provider_of(row("c", "http://c", profile={"structured": "xml"}))


# What a refusal leads to


async def test_a_model_that_refuses_a_schema_is_asked_in_words(tmp_path: Path) -> None:
    async with studio(tmp_path, {"structured": "schema"}) as up:
        check_first(await up.plan("plan-words"))
        assert ["response_format" in request for request in up.requests] == [True, False]


async def test_a_model_that_refuses_pictures_is_asked_in_words(tmp_path: Path) -> None:
    async with studio(tmp_path) as up:
        scene, parts, _ = await shown(up.house, 2)
        plan = await up.plan("plan-blind", scene, parts)
        assert plan.uses == (Use(scene.pictures[0].id),)
        counts = [sum(map(len, map(pictures_in, request["messages"]))) for request in up.requests]
        assert counts == [2, 0]
        assert '"attached"' not in texts(up.requests[1])


async def test_a_model_that_refuses_everything_is_asked_twice(tmp_path: Path) -> None:
    async with studio(tmp_path) as up:
        with pytest.raises(UpstreamRejected):
            await up.plan("plan")
        assert len(up.requests) == 2


# Pictures


async def test_at_most_four_pictures_go_along(tmp_path: Path) -> None:
    async with studio(tmp_path, {"structured": "schema"}) as up:
        scene, parts, hashes = await shown(up.house, 7)
        ids = [picture.id for picture in scene.pictures]
        asked = Scene(scene.text, scene.pictures, uploads=(ids[2],), named=(ids[0],))
        plan = await up.plan("plan", asked, parts)
        assert plan.uses[0].id in ids
        (request,) = up.requests
        question = request["messages"][-1]
        assert pictures_in(question) == [hashes[2], hashes[0], hashes[6], hashes[5]]
        assert '"attached":["p3","p1","p7","p6"]' in text_of(question)
        assert await up.house.generations() == []


@pytest.mark.parametrize(("profile", "count"), [({"sees": []}, 0), ({"sees": ["video"]}, 0), ({"max_media": 2}, 2)])
async def test_a_profile_says_how_many_pictures_it_sees(tmp_path: Path, profile: Json, count: int) -> None:
    async with studio(tmp_path, profile) as up:
        scene, parts, _ = await shown(up.house, 5)
        await up.plan("plan-words", scene, parts)
        (request,) = up.requests
    assert len(pictures_in(request["messages"][-1])) == count
    assert ('"attached"' in texts(request)) == bool(count)
    assert "base64" not in json.dumps(request) or count


async def test_only_what_is_here_goes_along(tmp_path: Path) -> None:
    async with studio(tmp_path) as up:
        scene, parts, hashes = await shown(up.house, 2)
        parts[scene.pictures[0].id] = MediaPart(MediaKind.IMAGE, Remote("http://127.0.0.1:9/gone.png"))
        await up.plan("plan-words", scene, parts)
        (request,) = up.requests
        assert pictures_in(request["messages"][-1]) == hashes[1:]


async def test_ids_in_the_words_bring_no_picture_along(tmp_path: Path) -> None:
    async with studio(tmp_path, {"sees": ["image"]}) as up:
        scene, _, _ = await shown(up.house, 3)
        ids = [picture.id for picture in scene.pictures]
        links = " ".join(f"![x]({up.house.url}/media/{id}.png)" for id in ids)
        said = Said(f"{links} {' '.join(ids)}")
        plan = await up.plan("plan-words", Scene(f"make {ids[0]} darker", scene.pictures, (said,), named=(ids[0],)))
        assert plan.uses == (Use(ids[0]),)
        (request,) = up.requests
        assert pictures_in(request["messages"][-1]) == []
        assert "media_" not in texts(request)


# Dialects


def _row(url: str, dialect: str, version: str) -> ProviderSettings:
    return ProviderSettings("other", f"{url}/{version}", dialect=dialect, api_keys=("sesame",))


@pytest.mark.parametrize("count", [0, 2], ids=["words", "pictures"])
async def test_responses(tmp_path: Path, count: int) -> None:
    upstream = ResponsesUpstream(key="sesame")
    await _plan(tmp_path, upstream, "openai-responses", "v1", "gpt-6-astra", count)
    (body,) = upstream.asked
    format = body["text"]["format"]
    assert (format["type"], format["name"], format["strict"]) == ("json_schema", "plan", True)
    assert format["schema"]["required"] == SCHEMA["required"]
    assert "tools" not in body
    assert body["store"] is False
    assert upstream.kept == {}


@pytest.mark.parametrize("count", [0, 2], ids=["words", "pictures"])
async def test_gemini(tmp_path: Path, count: int) -> None:
    upstream = GeminiUpstream(key="sesame")
    await _plan(tmp_path, upstream, "gemini", "v1beta", "gemini-3-flash", count)
    (asked,) = upstream.requests
    config = asked.body["generationConfig"]
    assert config["responseMimeType"] == "application/json"
    assert config["responseJsonSchema"]["required"] == SCHEMA["required"]
    assert "temperature" not in config


@pytest.mark.parametrize("count", [0, 2], ids=["words", "pictures"])
async def test_interactions(tmp_path: Path, count: int) -> None:
    upstream = InteractionsUpstream(key="sesame")
    await _plan(tmp_path, upstream, "gemini-interactions", "v1beta", "gemini-3.8-flash", count)
    (body,) = upstream.asked
    assert body["response_format"]["mime_type"] == "application/json"
    assert body["response_format"]["schema"]["required"] == SCHEMA["required"]
    assert body["store"] is False


async def _plan(root: Path, upstream: Any, dialect: str, version: str, model: str, count: int) -> None:
    """Plan by a model of another dialect; nothing is recorded, and nothing is left upstream."""
    async with serve(upstream.app) as url, running(root, providers=[_row(url, dialect, version)]) as house:
        routes = house.gateway.providers.routes(f"other/{model}", "local")
        scene, parts, _ = await shown(house, count)
        plan = await plan_by_model(house.gateway.chat, routes, "local", scene if count else SCENE, parts)
        assert plan.uses == (Use(scene.pictures[0].id if count else "one"),)
        assert await house.generations() == []
        assert await house.gateway.database.upstreams.objects(10) == []


# The emulator


async def ask(up: Studio, model: str, *messages: Any, **body: Any) -> Json:
    return await up.house.ask(f"up/{model}", *messages, **body)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_the_planner_talks_as_well(tmp_path: Path, stream: bool) -> None:
    async with studio(tmp_path) as up:
        for model in ("talk", "plan"):
            answer = await ask(up, model, "which ratio is good for a phone?", stream=stream)
            assert answer["choices"][0]["message"]["content"].startswith("You said: which ratio")


LOOSE: Json = {"name": "x", "strict": True, "schema": {"type": "object"}}
FORMAT: Json = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": SCHEMA}}


@pytest.mark.parametrize(
    ("model", "body", "word"),
    [
        ("plan", {"temperature": 0}, "temperature"),
        ("plan", {"max_tokens": 9}, "max_tokens"),
        ("plan", {"frequency": 1}, "frequency"),
        ("plan-words", {"response_format": FORMAT}, "response_format"),
        ("plan", {"response_format": {"type": "json_object"}}, "json"),
        ("plan", {"response_format": {"type": "xml"}}, "type"),
        ("plan", {"response_format": {**FORMAT, "json_schema": {"name": "x y", "schema": SCHEMA}}}, "name"),
        ("plan", {"response_format": {**FORMAT, "json_schema": {"name": "x"}}}, "schema"),
        ("plan", {"response_format": {**FORMAT, "json_schema": LOOSE}}, "additionalProperties"),
        ("nobody", {}, "does not exist"),
    ],
)  # fmt: skip
async def test_the_planner_is_strict(tmp_path: Path, model: str, body: Json, word: str) -> None:
    async with studio(tmp_path) as up:
        status, answer = await up.house.post(
            {"model": f"up/{model}", "messages": [{"role": "user", "content": "hello"}], **body}
        )
        assert status in (400, 404)
        assert word in answer["error"]["message"]


def test_a_plan_that_is_none_is_the_upstreams_error() -> None:
    error = PlanInvalid("this is wrong.", "and that.")
    assert isinstance(error, UpstreamError)
    assert error.message == "this is wrong. and that."
    assert error.complaints == ("this is wrong.", "and that.")
