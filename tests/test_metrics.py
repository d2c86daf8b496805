"""`GET /metrics`: it counts what happened, names nobody, and stays small whatever clients send."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from darkroom.clock import new_id, now
from darkroom.database import UpstreamObject
from darkroom.settings import ProviderSettings
from darkroom.sketch import paint
from darkroom.testing import SketchUpstream, serve
from darkroom.testing.faults import Answers, Fault, Faulty, Waits
from running import House, data_uri, picture, running, user

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


class Scrape:
    """One reading of the metrics; the value of a sample by its name and labels, 0 where there is none."""

    def __init__(self, text: str) -> None:
        self.text = text
        families = list(text_string_to_metric_families(text))
        self.samples = [sample for family in families for sample in family.samples]
        assert len({family.name for family in families}) == len(families)

    def __call__(self, name: str, **labels: str) -> float:
        return sum(
            sample.value
            for sample in self.samples
            if sample.name == name and all(sample.labels.get(key) == value for key, value in labels.items())
        )

    def labels(self, name: str, label: str) -> set[str]:
        return {sample.labels[label] for sample in self.samples if sample.name == name}


async def scrape(house: House, **headers: str) -> Scrape:
    async with house.http.get("/metrics", headers=headers) as response:
        assert response.status == 200
        assert response.content_type == "text/plain"
        return Scrape((await response.read()).decode())


def provider(url: str, *keys: str, **fields: Any) -> ProviderSettings:
    return ProviderSettings("up", f"{url}/v1", api_keys=keys, profiles={"text*": "chat", "*": "image-chat"}, **fields)


@STREAM
async def test_a_picture_is_counted_once_everywhere(house: House, stream: bool) -> None:
    shown = paint("a barn", size=(64, 64)).data
    await house.ask("painter/images-strict", user("make it red", picture(data_uri(shown))), stream=stream)
    (uploaded, made) = await house.media()
    found = await scrape(house)
    chat = {"door": "/v1/chat/completions"}
    assert found("darkroom_requests_total", **chat, status="200") == 1
    assert found("darkroom_request_seconds_count", **chat) == 1
    assert found("darkroom_upstream_requests_total", provider="painter", model="images-strict", outcome="ok") == 1
    assert found("darkroom_upstream_seconds_count", provider="painter") == 1
    assert found("darkroom_upstream_sent_bytes_total", provider="painter") > len(shown)
    assert found("darkroom_upstream_received_bytes_total", provider="painter") > made.size
    assert found("darkroom_media_stored_total", kind="image", origin="generated") == 1
    assert found("darkroom_media_stored_bytes_total", origin="generated") == made.size
    assert found("darkroom_media_stored_bytes_total", origin="uploaded") == uploaded.size
    assert found("darkroom_generations_total", provider="painter", outcome="completed") == 1
    assert found("darkroom_generations_total") == 1
    assert found("darkroom_key_requests_total", provider="painter") == 1
    assert found("darkroom_key_busy") == found("darkroom_key_failures_total") == 0
    assert found("darkroom_build_info") == 1
    assert found("process_resident_memory_bytes") > 0
    assert found("darkroom_requests_in_flight") == 1, "this one"
    again = await scrape(house)
    assert again("darkroom_requests_total", door="/metrics", status="200") == 1


async def test_failures_are_counted_by_key_and_code(tmp_path: Path) -> None:
    plan = Fault("/chat/completions", Answers(429, headers={"retry-after": "60"}), times=None)
    upstream = Faulty(SketchUpstream(key="sesame").app, plan, accepted="sesame")
    async with (
        serve(upstream) as url,
        running(tmp_path, providers=[provider(url, "secret-one", "secret-two")]) as house,
    ):
        body = {"model": "up/images", "messages": [user("a barn")]}
        assert [(await house.post(body))[0] for _ in range(2)] == [429, 429]
        found = await scrape(house)
    assert found("darkroom_key_failures_total", provider="up", code="rate_limit") == 2
    assert len(found.labels("darkroom_key_failures_total", "key")) == 2
    waits = [sample.value for sample in found.samples if sample.name == "darkroom_key_cooling_seconds"]
    assert len(waits) == 2
    assert all(50 < wait <= 60 for wait in waits)
    assert found("darkroom_upstream_requests_total", outcome="rate_limit") == 2
    assert found("darkroom_requests_total", status="429") == 2
    assert found("darkroom_upstream_received_bytes_total", provider="up") > 0
    assert "secret" not in found.text


async def test_a_failed_generation_is_counted(house: House) -> None:
    body = {"model": "painter/fail-reason", "messages": [user("a barn")]}
    assert (await house.post(body))[0] != 200
    found = await scrape(house)
    outcomes = found.labels("darkroom_upstream_requests_total", "outcome")
    assert outcomes
    assert "ok" not in outcomes
    assert found("darkroom_generations_total", outcome="failed") == len(await house.generations())


async def test_what_is_under_way_is_seen(tmp_path: Path) -> None:
    plan = Fault("/chat/completions", Waits())
    upstream = Faulty(SketchUpstream(key="one").app, plan)
    async with serve(upstream) as url, running(tmp_path, providers=[provider(url, "one")]) as house:
        body = {"model": "up/text", "messages": [user("hello")]}
        hanging = asyncio.create_task(house.post(body))
        await upstream.until(lambda: upstream.count("/chat/completions") == 1)
        found = await scrape(house)
        assert found("darkroom_requests_in_flight") == 2
        assert found("darkroom_upstream_in_flight", provider="up") == 1
        assert found("darkroom_key_busy", provider="up") == 1
        hanging.cancel()
        await asyncio.gather(hanging, return_exceptions=True)
        async with asyncio.timeout(30):
            while (await scrape(house))("darkroom_upstream_in_flight"):
                pass
        found = await scrape(house)
    assert found("darkroom_upstream_requests_total", outcome="left") == 1
    assert found("darkroom_requests_total", status="499") == 1


async def test_what_upstreams_hold_is_shown(house: House) -> None:
    rows = house.gateway.database.upstreams
    for number in range(3):
        item = UpstreamObject(new_id("obj"), "alice", "painter", "alias", "file", f"/files/{number}", now() - 60_000)
        await rows.add_object(item)
    await rows.fail_object(item.id, now() + 3_600_000, "upstream_broken")
    found = await scrape(house)
    assert found("darkroom_upstream_objects", provider="painter", kind="file") == 3
    assert found("darkroom_upstream_objects_failing", provider="painter", kind="file") == 1
    assert found("darkroom_upstream_objects_oldest_seconds") >= 60
    assert "alice" not in found.text


async def test_clients_can_not_make_it_grow(house: House) -> None:
    async def odd(number: int) -> None:
        async with house.http.get(f"/odd/{number}", headers={"host": "127.0.0.1"}) as response:
            assert response.status == 404
        async with house.http.patch("/health") as response:
            assert response.status == 405
        body = {"model": f"painter/novel-{number}", "messages": [user("hello")]}
        assert (await house.post(body))[0] == 404

    for number in range(80):
        await odd(number)
    found = await scrape(house)
    assert len(found.labels("darkroom_upstream_requests_total", "model")) == 51
    assert found("darkroom_upstream_requests_total", model="other") == 30
    assert found.labels("darkroom_requests_total", "door") == {"other", "/health", "/v1/chat/completions"}
    assert "odd" not in found.text
    assert "PATCH" not in found.text
    assert len(found.text) < 100_000


async def test_it_wants_a_key_where_there_are_keys(house: House) -> None:
    _, secret = await house.gateway.keys.create("alice")
    async with house.http.get("/metrics") as response:
        assert response.status == 401
    async with house.http.get("/metrics", headers={"authorization": "Bearer wrong"}) as response:
        assert response.status == 401
    found = await scrape(house, authorization=f"Bearer {secret}")
    assert found("darkroom_requests_total", status="401") == 2
    assert secret not in found.text
    assert "alice" not in found.text


async def test_a_foreign_page_can_not_read_it(house: House) -> None:
    for headers in ({"origin": "https://evil.example"}, {"host": "evil.example"}):
        async with house.http.get("/metrics", headers=headers) as response:
            assert response.status == 403


async def test_two_gateways_count_for_themselves(tmp_path: Path) -> None:
    async with running(tmp_path / "a") as one, running(tmp_path / "b") as other:
        await one.ask("painter/text", "hello")
        assert (await scrape(one))("darkroom_upstream_requests_total") == 1
        assert (await scrape(other))("darkroom_upstream_requests_total") == 0
