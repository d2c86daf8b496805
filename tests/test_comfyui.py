"""ComfyUI: a strict emulator behind the gateway, and its workflows, messages and errors by themselves."""

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

from chats import check_five_turns
from darkroom.dialects import comfyui
from darkroom.dialects.comfyui import File, Tracker, checked, decode_error, files_of, fill, outcome_of, slots_of
from darkroom.dialects.single_turn import RisingProgress
from darkroom.errors import ConfigInvalid, UpstreamBroken, UpstreamNotFound, UpstreamRejected
from darkroom.events import Event, Finished, PartialProduced
from darkroom.exchanges.comfyui import check
from darkroom.media import MediaKind
from darkroom.messages import Conversation, MediaPart, Message, Stored, Text
from darkroom.providers import provider_of
from darkroom.settings import ProviderSettings
from darkroom.sketch import paint
from darkroom.testing import ComfyUpstream, serve
from running import House, content_of, data_uri, links_in, message_of, picture, running, sha256, user
from test_a1111 import mask_of
from workflows import flux, flux_checkpoint, img2img, inpaint, node, preview_only, sdxl, txt2img, video

OPTIONS = {"workflow": txt2img(), "workflow_edit": img2img(), "workflow_mask": inpaint()}
PNG = paint("a hill", size=(64, 64)).data


@asynccontextmanager
async def house_with(
    tmp_path: Path, upstream: ComfyUpstream, facts: Any = None, **options: Any
) -> AsyncIterator[House]:
    async with serve(upstream.app, sockets=True) as url:
        keys = (upstream.key,) if upstream.key else ()
        row = ProviderSettings("comfy", url, "comfyui", api_keys=keys, options=options or OPTIONS, profile=facts)
        async with running(tmp_path, providers=[row]) as house:
            yield house


def asked(upstream: ComfyUpstream, path: str, method: str = "POST") -> list[Any]:
    return [each for each in upstream.requests if each.path.startswith(path) and each.method == method]


def graphs(upstream: ComfyUpstream) -> list[Any]:
    return [each.body["prompt"] for each in asked(upstream, "/prompt")]


def inputs_of(graph: Any, id: str) -> Any:
    return graph[id]["inputs"]


async def events_of(house: House, *parts: Any, **params: Any) -> list[Event]:
    """Ask past the doors; return all events, those included that a client of chat never sees."""
    gateway = house.gateway
    conversation = Conversation("comfy/default", (Message("user", parts, is_string=False),), params=params)
    routes = gateway.providers.routes("comfy/default", "local")
    answer = await gateway.chat.answer(conversation, gateway.lifts(), "local", routes)
    return [event async for event in answer.events()]


# In the house


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_five_turns(tmp_path: Path, stream: bool) -> None:
    upstream = ComfyUpstream(key="sesame")
    async with house_with(tmp_path, upstream) as house:
        await check_five_turns(house, "comfy/default", stream=stream)
    assert len(graphs(upstream)) == 5
    # The first picture is edited twice, and was uploaded once.
    assert len(asked(upstream, "/upload/image")) == 3
    assert upstream.ended == ["success"] * 5
    assert ["10" in graph for graph in graphs(upstream)] == [False, True, True, True, True]


async def test_a_workflow_in_a_file_is_read_anew_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps(txt2img()))
    upstream = ComfyUpstream()
    async with house_with(tmp_path, upstream, workflow=str(file)) as house:
        await house.ask("comfy/default", "a cat")
        file.write_text(json.dumps({**txt2img(), "5": node("EmptyLatentImage", width=256, height=128, batch_size=1)}))
        await house.ask("comfy/default", "a cat")
    assert [inputs_of(graph, "5")["width"] for graph in graphs(upstream)] == [512, 256]


async def test_parameters_and_what_is_remembered_of_them(tmp_path: Path) -> None:
    upstream = ComfyUpstream()
    async with house_with(tmp_path, upstream) as house:
        body = {"size": "640x320", "seed": 7, "steps": 2, "cfg_scale": 4.5, "negative_prompt": "dogs", "n": 2}
        answer = await house.ask("comfy/default", "a cat", **body, strength=0.3)
        await house.ask("comfy/default", "a cat", aspect_ratio="16:9")
        assert len(links_in(content_of(answer))) == 2
        first, second = await house.generations()
        assert first.params == {
            **body, "strength": 0.3,
            "negative": "dogs", "width": 640, "height": 320, "cfg": 4.5, "batch": 2,
        }  # fmt: skip
        assert (first.outputs[0].width, first.outputs[0].height) == (640, 320)
        assert second.params["seed"] == inputs_of(graphs(upstream)[1], "3")["seed"] != 7
        assert (second.params["width"], second.params["height"]) == (704, 384)
        assert first.upstream_ids["prompt_id"] == asked(upstream, "/prompt")[0].body["prompt_id"]
    graph = graphs(upstream)[0]
    assert inputs_of(graph, "3")["denoise"] == 1
    assert inputs_of(graph, "6")["text"] == "a cat"
    assert inputs_of(graph, "7")["text"] == "dogs"


async def test_the_same_question_is_painted_anew(tmp_path: Path) -> None:
    upstream = ComfyUpstream()
    async with house_with(tmp_path, upstream) as house:
        answers = [await house.ask("comfy/default", "a cat") for _ in range(2)]
        links = [links_in(content_of(answer))[0] for answer in answers]
        assert sha256(await house.download(links[0])) != sha256(await house.download(links[1]))


async def test_strength_is_for_pictures(tmp_path: Path) -> None:
    upstream = ComfyUpstream()
    async with house_with(tmp_path, upstream) as house:
        await house.ask("comfy/default", user("add snow", picture(data_uri(PNG))), strength=0.3)
    (graph,) = graphs(upstream)
    assert inputs_of(graph, "3")["denoise"] == 0.3
    assert inputs_of(graph, "10")["image"] == f"darkroom/{sha256(PNG)}.png"
    (upload,) = asked(upstream, "/upload/image")
    assert upload.body == {
        "type": "input", "subfolder": "darkroom", "overwrite": "true", "image": f"{sha256(PNG)}.png",
    }  # fmt: skip
    assert upload.size == len(PNG)


async def test_half_an_upload_is_uploaded_again(tmp_path: Path) -> None:
    upstream = ComfyUpstream()
    upstream.put(f"{sha256(PNG)}.png", PNG[:100], "darkroom")
    async with house_with(tmp_path, upstream) as house:
        await house.ask("comfy/default", user("add snow", picture(data_uri(PNG))))
    assert len(asked(upstream, "/upload/image")) == 1


@pytest.mark.parametrize("cut_out", [False, True], ids=["white", "transparent"])
async def test_mask(tmp_path: Path, cut_out: bool) -> None:
    upstream = ComfyUpstream()
    async with house_with(tmp_path, upstream) as house:
        base, mask = await house.upload(PNG), await house.upload(mask_of(cut_out=cut_out))
        shown = MediaPart(MediaKind.IMAGE, Stored(base)), MediaPart(MediaKind.IMAGE, Stored(mask), role="mask")
        events = await events_of(house, Text("a red roof"), *shown)
        assert isinstance(events[-1], Finished)
        (row,) = await house.generations()
        assert [item.role for item in row.inputs] == ["edited", "mask"]
    (graph,) = graphs(upstream)
    assert inputs_of(graph, "10")["image"] == f"darkroom/{base.blob}.png"
    assert inputs_of(graph, "12") == {"image": f"darkroom/{mask.blob}.png", "channel": "alpha" if cut_out else "red"}


async def test_progress_rises_in_a_stream(tmp_path: Path) -> None:
    upstream = ComfyUpstream()
    async with house_with(tmp_path, upstream) as house:
        answer = await house.ask("comfy/default", "a lighthouse", stream=True)
        reasoning = message_of(answer)["reasoning_content"]
        told = [int(percent) for percent in re.findall(r"(\d+)%", reasoning)]
        assert told == [0, 25, 50, 75, 99]
        (row,) = await house.generations()
        assert row.progress == 100


async def test_it_waits_in_the_queue(tmp_path: Path) -> None:
    upstream = ComfyUpstream(gate=asyncio.Event())
    async with house_with(tmp_path, upstream) as house:
        first = asyncio.create_task(house.ask("comfy/default", "a dog"))
        await upstream.begun.wait()
        second = asyncio.create_task(house.ask("comfy/default", "a cat", stream=True))
        await upstream.queued.wait()
        assert upstream.gate
        upstream.gate.set()
        await first
        reasoning = message_of(await second)["reasoning_content"]
    assert reasoning.startswith("> Queu")


async def test_drafts_for_those_who_ask(tmp_path: Path) -> None:
    upstream = ComfyUpstream(previews=True)
    async with house_with(tmp_path, upstream) as house:
        events = await events_of(house, Text("a cat"), partial_images=2)
        drafts = [event for event in events if isinstance(event, PartialProduced)]
        assert [draft.index for draft in drafts] == [0, 1]
        assert all(b"".join(draft.lifted.chunks()).startswith(b"\x89PNG") for draft in drafts)
        assert not [e for e in await events_of(house, Text("a dog")) if isinstance(e, PartialProduced)]
        assert len(await house.media()) == 2


@pytest.mark.parametrize("trouble", ["sockets", "breaks", "old"])
async def test_without_what_newer_versions_have(tmp_path: Path, trouble: str) -> None:
    upstream = ComfyUpstream(**{trouble: trouble != "sockets"})
    async with house_with(tmp_path, upstream) as house:
        answer = await house.ask("comfy/default", "a cat", stream=True)
        assert len(links_in(content_of(answer))) == 1
    assert len(graphs(upstream)) == 1


async def test_a_socket_that_breaks_in_the_middle_costs_only_the_progress(tmp_path: Path) -> None:
    upstream = ComfyUpstream(breaks=True, gate=asyncio.Event())
    async with house_with(tmp_path, upstream) as house:
        asking = asyncio.create_task(house.ask("comfy/default", "a cat"))
        await upstream.broken.wait()
        while not asked(upstream, "/history/", "GET"):  # noqa: ASYNC110 (it now asks for the history instead)
            await asyncio.sleep(0.001)
        assert upstream.gate
        upstream.gate.set()
        assert len(links_in(content_of(await asking))) == 1
    assert len(graphs(upstream)) == 1


async def test_a_silent_socket_is_not_believed(tmp_path: Path) -> None:
    upstream = ComfyUpstream(gate=asyncio.Event())
    async with house_with(tmp_path, upstream, look_seconds=0.01, **OPTIONS) as house:
        asking = asyncio.create_task(house.ask("comfy/default", "a cat"))
        while len(asked(upstream, "/history/", "GET")) < 2:  # noqa: ASYNC110 (it looks while nothing is said)
            await asyncio.sleep(0.001)
        assert upstream.gate
        upstream.gate.set()
        assert len(links_in(content_of(await asking))) == 1


async def test_a_prompt_that_is_lost_is_not_made_twice(tmp_path: Path) -> None:
    upstream = ComfyUpstream(forgets=True)
    async with house_with(tmp_path, upstream) as house:
        with pytest.raises(openai.APIStatusError, match="does not know the prompt any more"):
            await house.ask("comfy/default", "a cat")
        (row,) = await house.generations()
        assert row.status == "failed"
    assert len(graphs(upstream)) == 1


async def test_videos_and_previews(tmp_path: Path) -> None:
    async with house_with(tmp_path / "a", ComfyUpstream(), workflow=video()) as house:
        await house.ask("comfy/default", "a cat")
        assert [media.mime for media in await house.media()] == ["video/mp4"]
    async with house_with(tmp_path / "b", ComfyUpstream(), workflow=preview_only()) as house:
        answer = await house.ask("comfy/default", "a cat")
        assert len(links_in(content_of(answer))) == 1


@pytest.mark.parametrize("make", [sdxl, flux, flux_checkpoint], ids=lambda make: make.__name__)
async def test_other_workflows_run(tmp_path: Path, make: Any) -> None:
    upstream = ComfyUpstream()
    async with house_with(tmp_path, upstream, workflow=make()) as house:
        answer = await house.ask("comfy/default", "a cat", size="64x64", negative_prompt="dogs", steps=2)
        assert len(links_in(content_of(answer))) == 1


async def test_a_node_that_is_wrong_is_named(tmp_path: Path) -> None:
    wrong = {**txt2img(), "4": node("CheckpointLoaderSimple", ckpt_name="gone.safetensors")}
    async with house_with(tmp_path, ComfyUpstream(), workflow=wrong) as house:
        with pytest.raises(openai.BadRequestError, match=r"CheckpointLoaderSimple \(node 4\): Value not in list"):
            await house.ask("comfy/default", "a cat")
        assert await house.generations() == []


async def test_a_node_that_fails_is_named(tmp_path: Path) -> None:
    async with house_with(tmp_path, ComfyUpstream(failure="CUDA out of memory")) as house:
        with pytest.raises(openai.APIStatusError, match=r"KSampler \(node 3\): CUDA out of memory") as caught:
            await house.ask("comfy/default", "a cat")
        assert caught.value.status_code == 502
        assert await house.is_empty()


async def test_a_picture_for_a_workflow_that_takes_none(tmp_path: Path) -> None:
    upstream = ComfyUpstream()
    shown = user("add snow", picture(data_uri(PNG)))
    async with house_with(tmp_path / "a", upstream, workflow=txt2img()) as house:
        with pytest.raises(openai.InternalServerError, match="workflow_edit"):
            await house.ask("comfy/default", shown)
    async with house_with(tmp_path / "b", upstream, {"sees": []}, workflow=txt2img()) as house:
        answer = await house.ask("comfy/default", shown)
        assert answer["darkroom"]["omitted"]
    (graph,) = graphs(upstream)
    assert inputs_of(graph, "6")["text"] == "add snow"
    assert asked(upstream, "/upload/image") == []


@pytest.mark.parametrize("running_already", [True, False], ids=["runs", "waits"])
async def test_a_gateway_that_stops_takes_back_its_own_prompt_only(tmp_path: Path, running_already: bool) -> None:
    upstream = ComfyUpstream(gate=asyncio.Event())
    async with house_with(tmp_path, upstream) as house, aiohttp.ClientSession() as other:
        if not running_already:
            url = house.gateway.providers.rows[1].base_url
            assert (await other.post(f"{url}/prompt", json={"prompt": txt2img()})).status == 200
            await upstream.begun.wait()
        asking = asyncio.create_task(house.ask("comfy/default", "a cat"))
        await (upstream.begun if running_already else upstream.queued).wait()
        while not await house.generations():  # noqa: ASYNC110 (the prompt's id is known when its row is there)
            await asyncio.sleep(0.001)
        await house.gateway.chat.close(0)
        await asyncio.gather(asking, return_exceptions=True)
        assert len(asked(upstream, "/interrupt")) == int(running_already)
        await upstream.over.wait()
        assert upstream.ended == (["interrupted"] if running_already else ["deleted"])
        (row,) = await house.generations()
        assert row.status == "failed"


# Workflows by themselves


def slots(workflow: Any, **named: Any) -> Any:
    return slots_of(checked(workflow, "it"), named, "it")


@pytest.mark.parametrize(
    ("workflow", "places"),
    [
        (txt2img(), {
            "prompt": [("6", "text")], "negative": [("7", "text")], "seed": [("3", "seed")], "steps": [("3", "steps")],
            "cfg": [("3", "cfg")], "denoise": [("3", "denoise")], "width": [("5", "width")],
            "height": [("5", "height")], "batch": [("5", "batch_size")],
        }),
        (img2img(), {
            "prompt": [("6", "text")], "negative": [("7", "text")], "seed": [("3", "seed")], "steps": [("3", "steps")],
            "cfg": [("3", "cfg")], "denoise": [("3", "denoise")], "image": [("10", "image")],
        }),
        (inpaint(), {
            "prompt": [("6", "text")], "negative": [("7", "text")], "seed": [("3", "seed")], "steps": [("3", "steps")],
            "cfg": [("3", "cfg")], "denoise": [("3", "denoise")], "image": [("10", "image")],
            "mask": [("12", "image")], "mask_channel": [("12", "channel")],
        }),
        (sdxl(), {
            "prompt": [("6", "text_g"), ("6", "text_l")], "negative": [("7", "text_g"), ("7", "text_l")],
            "seed": [("3", "seed")], "steps": [("3", "steps")], "cfg": [("3", "cfg")], "denoise": [("3", "denoise")],
            "width": [("20", "value")], "height": [("5", "height")], "batch": [("5", "batch_size")],
        }),
        (flux(), {
            "prompt": [("30", "value")], "seed": [("25", "noise_seed")], "steps": [("17", "steps")],
            "cfg": [("26", "guidance")], "denoise": [("17", "denoise")], "width": [("27", "width")],
            "height": [("27", "height")], "batch": [("27", "batch_size")],
        }),
        (flux_checkpoint(), {
            "prompt": [("6", "text")], "seed": [("3", "seed")], "steps": [("3", "steps")], "cfg": [("35", "guidance")],
            "denoise": [("3", "denoise")], "width": [("5", "width")], "height": [("5", "height")],
            "batch": [("5", "batch_size")],
        }),
    ],
    ids=["txt2img", "img2img", "inpaint", "sdxl", "flux", "flux_checkpoint"],
)  # fmt: skip
def test_slots_are_found(workflow: Any, places: Any) -> None:
    assert {slot: list(found) for slot, found in slots(workflow).items()} == places


def test_titles_win_over_the_graph_and_the_operator_over_both() -> None:
    workflow = {
        **txt2img(),
        "7": node("CLIPTextEncode", "Prompt", text="x", clip=["4", 1]),
        "50": node("LoadImage", "mask", image="m.png"),
        "51": node("LoadImage", "style", image="s.png"),
    }
    found = slots(workflow, seed=["3.seed", "3.steps"])
    assert found["prompt"] == (("7", "text"),)
    assert found["mask"] == (("50", "image"),)
    assert found["image"] == (("51", "image"),)
    assert found["seed"] == (("3", "seed"), ("3", "steps"))
    assert slots(workflow, prompt="6.text")["prompt"] == (("6", "text"),)


def test_several_pictures_have_their_slots_in_order() -> None:
    loaders = {id: node("LoadImage", image="x.png") for id in ("100", "20", "3a")}
    found = slots({**txt2img(), **loaders})
    assert [found[slot] for slot in ("image", "image2", "image3")] == [
        (("20", "image"),), (("3a", "image"),), (("100", "image"),),
    ]  # fmt: skip


def test_fill_leaves_the_template_alone() -> None:
    workflow = txt2img()
    filled = fill(workflow, slots(workflow), {"prompt": "a cat", "seed": 5, "batch": 3})
    assert (inputs_of(filled, "6")["text"], inputs_of(filled, "3")["seed"]) == ("a cat", 5)
    assert workflow == txt2img()
    assert {id: each for id, each in filled.items() if id not in "356"} == {
        id: each for id, each in workflow.items() if id not in "356"
    }


def test_what_has_no_slot_is_left_out_where_that_does_no_harm() -> None:
    workflow = flux()
    assert fill(workflow, slots(workflow), {"negative": "dogs"}) == workflow
    with pytest.raises(ConfigInvalid, match="has no slot `image`"):
        fill(workflow, slots(workflow), {"image": "x.png"})


@pytest.mark.parametrize(
    ("workflow", "words"),
    [
        ({"nodes": [], "links": []}, "Export"),
        ({}, "API format"),
        ([], "API format"),
        ("text", "API format"),
        ({"1": 5}, "node `1` has no class_type"),
        ({"1": {"inputs": {}}}, "node `1` has no class_type"),
        ({"1": {"class_type": "X"}}, "node `1` has no table of inputs"),
        ({"1": node("X", a=["9", 0])}, "input `a` of node `1` comes from node `9`"),
        ({"1": node("X", text="a")}, "where the prompt belongs"),
    ],
)
def test_what_is_no_workflow(workflow: Any, words: str) -> None:
    with pytest.raises(ConfigInvalid, match=words):
        slots(workflow)


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"prmpt": "6.text"}, "there is no slot `prmpt`; known: prompt"),
        ({"prompt": "60.text"}, "there is no node `60`"),
        ({"prompt": "6"}, "there is no node `6`"),
        ({"prompt": "6.txt"}, "the node's inputs are: text, clip"),
        ({"prompt": "3.positive"}, "comes from node `6`"),
        ({"prompt": 6}, "must be a place"),
        ({"prompt": [6]}, "must be a place"),
    ],
)
def test_wrong_slots(named: Any, words: str) -> None:
    with pytest.raises(ConfigInvalid, match=words):
        slots(txt2img(), **named)


def test_a_graph_that_goes_in_circles_ends() -> None:
    workflow = {**txt2img(), "6": node("X", conditioning=["7", 0]), "7": node("X", conditioning=["6", 0])}
    with pytest.raises(ConfigInvalid, match="where the prompt belongs"):
        slots(workflow)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "options.workflow is missing"),
        ({"workflow": "/nowhere/x.json"}, "can't be read"),
        ({"workflow": txt2img(), "workflow_edit": {}}, "options.workflow_edit is no workflow"),
        ({"workflow": txt2img(), "slots": "6.text"}, "options.slots must be a table"),
        ({"workflow": txt2img(), "workflw_edit": 1}, "options have no `workflw_edit`"),
    ],
)
def test_the_row_is_checked(options: Any, words: str) -> None:
    with pytest.raises(ConfigInvalid, match=words):
        check(provider_of(ProviderSettings("comfy", "http://127.0.0.1:1", "comfyui", options=options)))


def test_a_good_row_passes(tmp_path: Path) -> None:
    file = tmp_path / "w.json"
    file.write_text(json.dumps(txt2img()))
    options = {**OPTIONS, "workflow": str(file), "slots": {"prompt": "6.text"}}
    check(provider_of(ProviderSettings("comfy", "http://127.0.0.1:1", "comfyui", options=options)))
    file.write_text("{")
    with pytest.raises(ConfigInvalid, match="is no JSON"):
        check(provider_of(ProviderSettings("comfy", "http://127.0.0.1:1", "comfyui", options=options)))


# Messages by themselves


def told(*messages: Any, workflow: Any = None) -> tuple[list[tuple[str, int | None]], bool]:
    tracker = Tracker("mine", workflow or txt2img(), RisingProgress("a cat"))
    events = [event for message in messages for event in tracker.take(message)]
    return [(event.stage, event.percent) for event in events], tracker.ended


def news(kind: str, **data: Any) -> Any:
    return {"type": kind, "data": {"prompt_id": "mine", **data}}


def status(remaining: Any) -> Any:
    return {"type": "status", "data": {"status": {"exec_info": {"queue_remaining": remaining}}}}


def test_progress_of_one_sampler() -> None:
    messages = (
        status(3), status(3), status(2), news("execution_start"), status(2),
        news("progress", value=1, max=4, node="3"), news("progress", value=1, max=4, node="3"),
        news("progress", value=4, max=4, node="9"), news("progress", value=2, max=4, node="3"),
        news("progress_state", nodes={"3": {"value": 3, "max": 4}, "8": {"value": 1, "max": 1}, "x": None}),
    )  # fmt: skip
    stages, ended = told(*messages)
    assert stages == [
        ("queued", None), ("queued", None), ("running", 0), ("running", 25), ("running", 50), ("running", 75),
    ]  # fmt: skip
    assert not ended


def test_progress_of_two_samplers() -> None:
    workflow = {**txt2img(), "60": node("KSampler")}
    stages, _ = told(
        news("progress", value=5, max=10, node="3"),
        news("progress", value=10, max=10, node="3"),
        news("progress", value=5, max=10, node="60"),
        workflow=workflow,
    )
    assert stages == [("running", 25), ("running", 50), ("running", 75)]


@pytest.mark.parametrize(
    ("message", "ended"),
    [
        (news("execution_success"), True),
        (news("execution_error"), True),
        (news("execution_interrupted"), True),
        (news("executing", node=None), True),
        (news("executing", node="3"), False),
        ({"type": "execution_success", "data": {"prompt_id": "theirs"}}, False),
        ({"type": "executing", "data": {"node": None, "prompt_id": "theirs"}}, False),
    ],
)
def test_the_end(message: Any, ended: bool) -> None:
    assert told(message)[1] is ended


@pytest.mark.parametrize(
    "message", [None, 5, [], {}, {"type": "status"}, status("x"), status(None), {"type": "progress", "data": []}]
)
def test_strange_messages(message: Any) -> None:
    assert told(message) == ([], False)


@pytest.mark.parametrize(
    ("frame", "preview"),
    [
        (b"\0\0\0\x01\0\0\0\x01JPEG", b"JPEG"),
        (b"\0\0\0\x04\0\0\0\x02{}PNG", b"PNG"),
        (b"\0\0\0\x03\0\0\0\x01text", None),
        (b"\0\0\0\x04\0\0\0\x09{}", None),
        (b"\0\0\0\x01\0\0\0\x01", None),
        (b"", None),
    ],
)
def test_previews(frame: bytes, preview: bytes | None) -> None:
    assert comfyui.preview_of(frame) == preview


def shown(*names: str, type: str = "output") -> list[Any]:
    return [{"filename": name, "subfolder": "", "type": type} for name in names]


def test_files() -> None:
    outputs = {
        "9": {"images": shown("a.png", "b.png"), "animated": [False]},
        "10": {"images": shown("t.png", type="temp"), "text": ["words"]},
        "11": {"gifs": shown("f.mp4"), "images": shown("a.png")},
        "12": None,
    }
    assert [file.name for file in files_of(outputs)] == ["a.png", "b.png", "f.mp4"]
    assert [file.name for file in files_of({"10": outputs["10"]})] == ["t.png"]
    assert (
        files_of(None)
        == files_of({"1": {"images": "x"}})
        == files_of({"1": {"images": shown("x", type="input")}})
        == ()
    )
    assert [file.kind.value for file in files_of(outputs)] == ["image", "image", "video"]


def test_a_file_with_a_strange_name() -> None:
    assert File("a b&c.png", "x/y", "output").path == "/view?filename=a+b%26c.png&subfolder=x%2Fy&type=output"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"status_str": "error", "messages": [["execution_interrupted", {}]]}, "stopped"),
        ({"status_str": "error", "messages": [["execution_error", {"exception_message": "boom\n"}]]}, "boom"),
        ({"status_str": "error", "messages": None}, "does not say why"),
        ({"status_str": "error", "messages": [5, ["x"], ["execution_error", {}]]}, "does not say why"),
    ],
)
def test_failures_in_the_history(status: Any, words: str) -> None:
    outcome = outcome_of({"p": {"outputs": {}, "status": status}}, "p")
    assert outcome
    assert type(outcome.error) is UpstreamBroken
    assert words in outcome.error.message


def test_what_is_not_in_the_history_yet() -> None:
    assert outcome_of({}, "p") is outcome_of(None, "p") is outcome_of({"p": None}, "p") is None


def test_places_in_the_queue() -> None:
    queue = {"queue_running": [[1, "a", {}, {}, []]], "queue_pending": [[5, "c", {}], [3, "b", {}]]}
    assert [comfyui.place_of(id, queue) for id in "abcd"] == ["running", 1, 2, None]
    assert comfyui.place_of("a", None) is comfyui.place_of("a", {"queue_running": [5, []]}) is None


NO = {"message": "no", "type": "prompt_outputs_failed_validation"}
WRONG = {"class_type": "K", "errors": [{"message": "m", "details": "d"}]}


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (400, {"error": NO, "node_errors": {"3": WRONG}}, UpstreamRejected, "K (node 3): m: d"),
        (400, {"error": NO, "node_errors": {"3": None, "4": {"errors": None}}}, UpstreamRejected, "a node (node 3)"),
        (400, {"error": {"message": "Cannot execute"}, "node_errors": {}}, UpstreamRejected, "Cannot execute"),
        (404, "", UpstreamNotFound, "404"),
        (500, "Traceback", UpstreamBroken, "Traceback"),
    ],
)
def test_error_bodies(status: int, body: Any, kind: type[Exception], words: str) -> None:
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    error = decode_error(status, raw, None)
    assert type(error) is kind
    assert words in error.message


async def test_the_emulator_is_strict(tmp_path: Path) -> None:
    upstream = ComfyUpstream()
    wrong = {
        "Required input is missing": {**txt2img(), "8": node("VAEDecode", samples=["3", 0])},
        "Return type mismatch": {**txt2img(), "8": node("VAEDecode", samples=["4", 0], vae=["4", 2])},
        "smaller than min": {**txt2img(), "5": node("EmptyLatentImage", width=8, height=512, batch_size=1)},
        "does not exist": {**txt2img(), "99": node("Nonsense")},
        "no outputs": {id: each for id, each in txt2img().items() if id != "9"},
        "Invalid image file": img2img(),
    }
    async with serve(upstream.app, sockets=True) as url, aiohttp.ClientSession() as client:
        for words, graph in wrong.items():
            async with client.post(f"{url}/prompt", json={"prompt": graph}) as response:
                assert response.status == 400
                assert words in await response.text()
