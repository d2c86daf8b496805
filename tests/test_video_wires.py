"""The wires of long work by themselves: what an upstream is asked, and every way in which one says how a job is."""

from __future__ import annotations

import base64
import json
from email import message_from_bytes
from typing import Any

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from cuts import cuttings, new_lifts
from darkroom.dialects import openai_videos
from darkroom.dialects.job_answers import millis
from darkroom.dialects.job_wire import JobReport
from darkroom.dialects.job_wires import JOB_WIRES, wire_of
from darkroom.dialects.openai_videos import (
    WAYS,
    decode_form,
    decode_json,
    decode_remix,
    encode_deleted,
    encode_list,
    encode_video,
    with_files,
)
from darkroom.dialects.video_params import video_params, video_params_kept
from darkroom.dialects.wire import UpstreamRequest, length_of
from darkroom.errors import (
    ConfigInvalid,
    ContentPolicyViolation,
    DarkroomError,
    MalformedRequest,
    UnsupportedPart,
    UpstreamAuthFailed,
    UpstreamBroken,
    UpstreamNotFound,
    UpstreamRateLimited,
    UpstreamRejected,
)
from darkroom.generation import Generation
from darkroom.lifted import Lifts
from darkroom.media import Media, MediaKind
from darkroom.messages import Inline, MediaPart, Named, Remote, Stored
from darkroom.profiles import PROFILES, Profile
from darkroom.providers import Target
from darkroom.sketch import film, paint
from video_jobs import asked, body_of, json_of, lift, media, read, shown, target

WIRE = openai_videos.WIRE
PNG = paint("a cat", size=(96, 96)).data
MP4 = film("a cat", 2, size=(96, 96)).data
LINK = "https://elsewhere.test/cat.png"


def form_of(request: UpstreamRequest) -> dict[str, list[bytes]]:
    """Return the fields of a form, files as their bytes."""
    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
    found: dict[str, list[bytes]] = {}
    for part in message_from_bytes(head + body_of(request)).get_payload():
        name = part.get_param("name", header="content-disposition")  # type: ignore[union-attr]
        found.setdefault(str(name), []).append(part.get_payload(decode=True))  # type: ignore[union-attr, arg-type]
    return found


def texts(request: UpstreamRequest) -> dict[str, str]:
    return {name: values[0].decode() for name, values in form_of(request).items()}


# What is asked


def test_a_film_of_words_is_a_form() -> None:
    request = WIRE.submit(asked("a fox", key="gen_1"), target(profile="sora-video"))
    assert (request.method, request.path) == ("POST", "/videos")
    assert texts(request) == {"model": "sora-2", "prompt": "a fox"}
    assert request.headers["idempotency-key"] == "gen_1"
    assert len(body_of(request)) == length_of(request.pieces)


def test_what_a_client_of_the_dialect_says_goes_along_untouched() -> None:
    asks = asked("a fox", dialect="openai-videos", seconds="12", size="1792x1024", mood="grim", model="x")
    assert texts(WIRE.submit(asks, target(profile="sora-video"))) == {
        "model": "sora-2", "prompt": "a fox", "seconds": "12", "size": "1792x1024", "mood": "grim"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"seconds": 5}, {"seconds": "4"}),
        ({"duration": "11s"}, {"seconds": "12"}),
        ({"duration": 6}, {"seconds": "8"}),
        ({"aspect_ratio": "16:9"}, {"size": "1280x720"}),
        ({"aspect_ratio": "9:16", "resolution": "1080p"}, {"size": "720x1280"}),
        ({"size": "1920x1080"}, {"size": "1280x720"}),
        ({"temperature": 1, "seed": 7, "n": 3}, {}),
    ],
)
def test_other_clients_wishes_are_told_in_what_the_model_makes(params: dict[str, Any], told: dict[str, str]) -> None:
    fields = texts(WIRE.submit(asked("a fox", **params), target(profile="sora-video")))
    assert {name: text for name, text in fields.items() if name not in ("model", "prompt")} == told


def test_words_are_the_profiles() -> None:
    asks = asked("a fox", seed=7, fps=16, negative_prompt="dogs", steps=20, seconds=3, size="832x480")
    fields = texts(WIRE.submit(asks, target(profile="vllm-omni-video", server="vllm-omni")))
    assert fields["num_inference_steps"] == "20"
    assert (fields["seed"], fields["fps"], fields["negative_prompt"]) == ("7", "16", "dogs")
    assert (fields["seconds"], fields["size"]) == ("3", "832x480")


def test_a_first_frame_is_a_file() -> None:
    request = WIRE.submit(asked("it runs", shown(PNG)), target())
    assert form_of(request)["input_reference"] == [PNG]
    assert len(body_of(request)) == length_of(request.pieces)


def test_a_link_goes_as_the_server_takes_it() -> None:
    asks = asked("it runs", shown(PNG, url=LINK))
    assert texts(WIRE.submit(asks, target()))["input_reference[image_url]"] == LINK
    omni = texts(WIRE.submit(asks, target(server="vllm-omni")))
    assert json.loads(omni["image_reference"]) == {"image_url": LINK}
    assert json_of(WIRE.submit(asks, target(server="sglang")))["reference_url"] == LINK
    assert json_of(WIRE.submit(asks, target(server="create-query")))["images"] == [LINK]
    assert texts(WIRE.submit(asks, target(server="relay")))["input_reference"] == LINK
    assert json_of(WIRE.submit(asks, target(server="new-api")))["images"] == [LINK]


def test_bytes_go_as_the_server_takes_them() -> None:
    asks = asked("it runs", shown(PNG))
    uri = "data:image/png;base64," + base64.b64encode(PNG).decode()
    assert form_of(WIRE.submit(asks, target(server="sglang")))["input_reference"] == [PNG]
    assert json_of(WIRE.submit(asks, target(server="create-query")))["images"] == [uri]
    bare = WIRE.submit(asks, target(server="localai"))
    assert (bare.path, json_of(bare)["start_image"]) == ("/video", uri.partition(",")[2])
    assert json_of(WIRE.submit(asks, target(body="json")))["input_reference"] == {"image_url": uri}


def test_a_film_goes_to_servers_that_take_one() -> None:
    asks = asked("at night", shown(MP4, "edited"))
    assert form_of(WIRE.submit(asks, target()))["input_reference"] == [MP4]
    request = WIRE.submit(asks, target(server="vllm-omni"))
    reference = json.loads(texts(request)["video_reference"])
    assert reference == {"video_url": "data:video/mp4;base64," + base64.b64encode(MP4).decode()}
    assert len(body_of(request)) == length_of(request.pieces)
    with pytest.raises(UnsupportedPart, match="no video"):
        WIRE.submit(asks, target(server="sglang"))


def test_a_form_that_can_not_hold_bytes_is_json() -> None:
    body = json_of(WIRE.submit(asked("it runs", shown(PNG)), target(server="relay", picture_file="")))
    assert body["input_reference"].startswith("data:image/png;base64,")


def test_the_picture_that_matters_most_goes_where_one_goes() -> None:
    other = paint("a dog", size=(96, 96)).data
    request = WIRE.submit(asked("x", shown(other, "reference"), shown(PNG, "first_frame")), target())
    assert form_of(request)["input_reference"] == [PNG]
    several = WIRE.submit(asked("x", shown(other, "reference"), shown(PNG)), target(server="create-query"))
    assert len(json_of(several)["images"]) == 2
    masked = WIRE.submit(asked("x", shown(PNG, "mask")), target())
    assert "input_reference" not in form_of(masked)


def test_what_the_upstream_made_is_remixed() -> None:
    asks = asked("at night", shown(MP4, "edited", upstream_id="sora-2:task_1"), key="gen_2")
    request = WIRE.submit(asks, target())
    assert (request.path, json_of(request)) == ("/videos/sora-2:task_1/remix", {"prompt": "at night"})
    assert request.headers["idempotency-key"] == "gen_2"
    # A server without remixes is given the film, and a picture that it made is none to remix.
    assert WIRE.submit(asks, target(server="vllm-omni")).path == "/videos"
    assert WIRE.submit(asked("x", shown(PNG, "edited", upstream_id="video_1")), target()).path == "/videos"


def test_the_create_and_query_relays_have_paths_of_their_own() -> None:
    aim = target(server="create-query", profile="relay-video")
    request = WIRE.submit(asked("a fox", aspect_ratio="9:16", seconds=10), aim)
    assert request.path == "/video/create"
    assert json_of(request) == {"model": "sora-2", "prompt": "a fox", "aspect_ratio": "9:16", "duration": 10}
    assert WIRE.look("sora-2:task_1", aim).path == "/video/query?id=sora-2:task_1"
    assert WIRE.listing(aim, None) is None
    assert WIRE.deletion("x", aim) is None


def test_ids_stand_in_paths_safely() -> None:
    assert WIRE.look("sora-2:task_01k", target()).path == "/videos/sora-2:task_01k"
    assert WIRE.look("a/../b?c", target()).path == "/videos/a%2F..%2Fb%3Fc"
    assert WIRE.deletion("video_1", target()) == "/videos/video_1"


def test_options_change_a_server() -> None:
    aim = target(server="relay", cancel="/videos/{id}/cancel", idempotency_key=True, list="/tasks")
    cancel = WIRE.cancel("video_1", aim)
    listing = WIRE.listing(aim, None)
    assert cancel is not None
    assert listing is not None
    assert (cancel.method, cancel.path, listing.path) == ("POST", "/videos/video_1/cancel", "/tasks")
    assert WIRE.idempotent(aim)
    assert not WIRE.idempotent(target())
    assert WIRE.cancel("video_1", target()) is None
    for wrong in ({"server": "nobody"}, {"create": 3}, {"idempotency_key": "yes"}):
        with pytest.raises(ConfigInvalid):
            WIRE.submit(asked("a fox"), target(**wrong))


@pytest.mark.parametrize("server", WAYS)
def test_every_server_is_asked_for_a_film_of_words(server: str) -> None:
    request = WIRE.submit(asked("a fox", seconds=4), target(server=server))
    assert b"a fox" in body_of(request)


# What is answered

STAGES = {
    "queued": "queued pending submitted NOT_START",
    "running": "in_progress processing running IN_PROGRESS unknown video_generating something_new",
    "completed": "completed succeeded success SUCCESS done",
    "failed": "failed error FAILURE",
    "cancelled": "cancelled canceled",
    "expired": "expired",
}


@pytest.mark.parametrize(
    ("stage", "word"), [(stage, word) for stage, words in STAGES.items() for word in words.split()]
)
def test_every_word_for_a_stage(stage: str, word: str) -> None:
    report = read(WIRE, {"id": "video_1", "status": word})
    assert (report.stage, report.id) == (stage, "video_1")
    assert (report.error is not None) == (stage == "failed")


@pytest.mark.parametrize(
    ("told", "percent"),
    [
        ({"progress": 40}, 40),
        ({"progress": "40%"}, 40),
        ({"progress": "40"}, 40),
        ({"progress": 0.4}, 40),
        ({"progress": "0.4"}, 40),
        ({"progress": 1}, 1),
        ({"progress": 1.0}, 100),
        ({"progress": 250}, 100),
        ({"progress": -3}, 0),
        ({"progress": True}, None),
        ({"progress": "soon"}, None),
        ({"progress": None, "progress_pct": 0.93}, 93),
        ({"detail": {"pending_info": {"progress_pct": 0.93, "failure_reason": None}}}, 93),
        ({}, None),
    ],
)
def test_every_spelling_of_progress(told: dict[str, Any], percent: int | None) -> None:
    assert read(WIRE, {"id": "video_1", "status": "in_progress", **told}).percent == percent


FILM = "https://cdn.test/a.mp4"


@pytest.mark.parametrize(
    "place",
    [
        {"video_url": FILM},
        {"url": FILM},
        {"urls": [FILM]},
        {"unsigned_urls": [FILM], "urls": ["https://signed.test/a.mp4"]},
        {"metadata": {"url": FILM}},
        {"data": [{"url": FILM}]},
        {"output": [{"url": FILM, "type": "video"}]},
        {"output": FILM},
        {"output": {"video_url": FILM}},
        {"video": {"url": FILM}},
        {"result": {"video_url": FILM}},
        {"url": "//cdn.test/a.mp4"},
    ],
)
def test_every_place_of_a_film(place: dict[str, Any]) -> None:
    aim = target(base_url="https://films.test/v1")
    report = read(WIRE, {"id": "video_1", "status": "completed", **place}, aim)
    assert [product.url for product in report.products] == [FILM]
    assert (report.percent, report.products[0].kind) == (100, MediaKind.VIDEO)


def test_without_a_place_it_is_the_content() -> None:
    report = read(WIRE, {"id": "sora-2:task_1", "status": "completed", "url": None, "metadata": {}})
    assert [product.url for product in report.products] == ["/videos/sora-2:task_1/content"]
    none = read(WIRE, {"id": "x", "status": "completed"}, target(server="create-query"))
    assert none.products == ()


def test_a_relative_url_is_at_the_providers_origin() -> None:
    aim = target(server="localai", base_url="http://films.test:8080")
    report = read(WIRE, {"created": 1, "id": "x", "data": [{"url": "/generated-videos/x.mp4"}]}, aim)
    assert (report.stage, report.products[0].url) == ("completed", "http://films.test:8080/generated-videos/x.mp4")
    below = read(WIRE, {"id": "x", "status": "completed", "url": "/files/x.mp4"})
    assert below.products[0].url == "http://films.test/files/x.mp4"


@pytest.mark.parametrize("place", ["b64_json", "url"])
def test_a_film_in_the_answer_is_lifted_however_it_is_cut(place: str) -> None:
    text = base64.b64encode(MP4).decode()
    answer = {"id": "x", "data": [{place: text if place == "b64_json" else f"data:video/mp4;base64,{text}"}]}
    data = json.dumps(answer).encode()
    for cut in cuttings(data, every=False):
        report = WIRE.submitted(*lift(data, cut), target())
        assert report.stage == "completed"
        assert report.products[0].lifted is not None
        assert b"".join(report.products[0].lifted.chunks()) == MP4


def test_a_film_that_is_not_done_has_no_place_yet() -> None:
    assert read(WIRE, {"id": "x", "status": "queued", "url": "https://cdn.test/poster.webp"}).products == ()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"error": {"code": "moderation_blocked", "message": "blocked"}}, ContentPolicyViolation),
        ({"error": {"code": "video_generation_failed", "message": "no luck"}}, UpstreamBroken),
        ({"fail_reason": "此内容可能违反了我们的内容政策。"}, ContentPolicyViolation),
        ({"detail": {"failure_reason": "input_moderation"}}, ContentPolicyViolation),
        ({"detail": {"pending_info": {"failure_reason": "output_moderation"}}}, ContentPolicyViolation),
        ({"detail": {"pending_info": {"moderation_result": {"type": "sexual"}}}}, ContentPolicyViolation),
        ({"error": "out of memory"}, UpstreamBroken),
        ({}, UpstreamBroken),
    ],
)  # fmt: skip
def test_why_a_job_failed(answer: dict[str, Any], kind: type[DarkroomError]) -> None:
    report = read(WIRE, {"id": "x", "status": "failed", **answer})
    assert type(report.error) is kind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, {"error": {"message": "Video not found"}}, UpstreamNotFound),
        (401, {"error": {"message": "Incorrect API key provided."}}, UpstreamAuthFailed),
        (400, {"error": {"message": "blocked", "code": "moderation_blocked"}}, ContentPolicyViolation),
        (429, {"error": {"message": "slow down"}}, UpstreamRateLimited),
        (422, {"detail": "field required"}, UpstreamRejected),
    ],
)
def test_refusals(status: int, body: dict[str, Any], kind: type[DarkroomError]) -> None:
    assert type(WIRE.error(status, json.dumps(body).encode(), None)) is kind


def test_relays_wrap_a_job() -> None:
    answer = {"code": "success", "data": {"task_id": "task_1", "status": "IN_PROGRESS", "progress": "30%"}}
    assert read(WIRE, answer) == JobReport("running", "task_1", 30)


@pytest.mark.parametrize("answer", [{}, {"message": "hello"}, {"id": ""}])
def test_what_is_no_job(answer: dict[str, Any]) -> None:
    with pytest.raises(UpstreamBroken):
        read(WIRE, answer)


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"id":'])
def test_what_is_no_answer(body: bytes) -> None:
    with pytest.raises(UpstreamBroken):
        WIRE.looked(body, new_lifts(), target())


def test_the_list_of_jobs() -> None:
    data = [{"id": "video_1", "prompt": "a fox", "model": "sora-2", "created_at": 1_780_000_000}, {"object": "video"}]
    (found,) = WIRE.listed(json.dumps({"object": "list", "data": data}).encode(), target())
    assert (found.id, found.prompt, found.model, found.created) == ("video_1", "a fox", "sora-2", 1_780_000_000_000)


def test_the_list_has_pages() -> None:
    paged = WIRE.listing(target(), "sora-2:task_1")
    bare = WIRE.listing(target(list="/tasks"), "a b")
    assert paged is not None
    assert bare is not None
    assert paged.path == "/videos?limit=100&order=desc&after=sora-2:task_1"
    assert bare.path == "/tasks?after=a%20b"


def test_times() -> None:
    assert read(WIRE, {"id": "x", "status": "completed", "expires_at": 1_780_000_000}).expires == 1_780_000_000_000
    assert millis(1_780_000_000_123) == 1_780_000_000_123
    assert millis("2026-05-28T20:26:40Z") == 1_780_000_000_000
    assert [millis(value) for value in (None, 0, True, "soon")] == [None] * 4


names = "id status progress error data output metadata url urls detail pending_info expires_at".split()
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(names), inner, max_size=4),
    max_leaves=12,
)


@forall(
    st.dictionaries(st.sampled_from("id status progress data output url detail error expires_at".split()), json_values)
)
def test_no_answer_is_more_than_broken(answer: dict[str, Any]) -> None:
    try:
        report = read(WIRE, answer)
    except UpstreamBroken:
        return
    assert report.percent is None or 0 <= report.percent <= 100


# OpenRouter

ROUTED = JOB_WIRES["openrouter-videos"]


def routed(**facts: Any) -> Target:
    return target("openrouter-videos", "google/veo-3.1", base_url="https://openrouter.test/api/v1", **facts)


def test_openrouter_is_asked_in_its_words() -> None:
    asks = asked("a fox", shown(PNG, url=LINK), seconds="8", size="1280x720", generate_audio=False, seed=3)
    request = ROUTED.submit(asks, routed())
    assert request.path == "/videos"
    assert json_of(request) == {
        "model": "google/veo-3.1",
        "prompt": "a fox",
        "duration": 8,
        "aspect_ratio": "16:9",
        "resolution": "720p",
        "generate_audio": False,
        "seed": 3,
        "frame_images": [{"type": "image_url", "image_url": {"url": LINK}, "frame_type": "first_frame"}],
    }


def test_openrouter_takes_references_where_there_is_no_frame() -> None:
    asks = asked("a fox", shown(PNG, "character"), shown(MP4, "reference"))
    references = json_of(ROUTED.submit(asks, routed()))["input_references"]
    assert [each["type"] for each in references] == ["image_url", "video_url"]
    assert references[1]["video_url"]["url"].startswith("data:video/mp4;base64,")


def test_openrouters_lengths_are_the_profiles() -> None:
    profile = Profile("films", durations=(4, 6, 8))
    assert json_of(ROUTED.submit(asked("a fox", seconds=5), routed(profile=profile)))["duration"] == 6


def test_openrouters_film_is_the_one_that_wants_the_key() -> None:
    ours = "https://openrouter.test/api/v1/videos/job-1/content?index=0"
    answer = {"id": "job-1", "status": "completed", "urls": ["https://signed.test/1"], "unsigned_urls": [ours]}
    assert [each.url for each in read(ROUTED, answer, routed()).products] == [ours]
    bare = read(ROUTED, {"id": "job-1", "status": "completed"}, routed())
    assert [each.url for each in bare.products] == ["/videos/job-1/content?index=0"]
    failed = read(ROUTED, {"id": "job-1", "status": "failed", "error": "rejected by the safety system"}, routed())
    assert isinstance(failed.error, ContentPolicyViolation)


# Veo

VEO = JOB_WIRES["veo"]


def veo(**more: Any) -> Target:
    return target("veo", "veo-3.1-generate-preview", base_url="https://google.test/v1beta", **more)


def test_veo_is_asked_in_its_words() -> None:
    asks = asked("a fox", shown(PNG), seconds="5", size="720x1280", negative_prompt="dogs")
    request = VEO.submit(asks, veo())
    assert request.path == "/models/veo-3.1-generate-preview:predictLongRunning"
    image = {"bytesBase64Encoded": base64.b64encode(PNG).decode(), "mimeType": "image/png"}
    parameters = {"aspectRatio": "9:16", "resolution": "720p", "durationSeconds": 6, "negativePrompt": "dogs"}
    assert json_of(request) == {
        "instances": [{"prompt": "a fox", "image": image}],
        "parameters": {**parameters, "sampleCount": 1},
    }


def test_veo_keeps_its_limits() -> None:
    whole = json_of(VEO.submit(asked("a fox", resolution="1080p", duration=4), veo()))
    assert whole["parameters"]["durationSeconds"] == 8
    many = json_of(VEO.submit(asked("x", *(shown(PNG, "reference") for _ in range(5)), duration=4), veo()))
    assert len(many["instances"][0]["referenceImages"]) == 3
    assert many["parameters"]["durationSeconds"] == 8
    longer = json_of(VEO.submit(asked("x", shown(MP4, "edited")), veo()))["instances"][0]["video"]
    assert longer == {"encodedVideo": base64.b64encode(MP4).decode(), "encoding": "video/mp4"}


NAME = "models/veo-3.1-generate-preview/operations/op-1"
URI = "https://google.test/v1beta/files/abc:download?alt=media"


def test_veos_operation() -> None:
    assert VEO.look(NAME, veo()).path == f"/{NAME}"
    assert read(VEO, {"name": NAME}, veo()) == JobReport("running", NAME)
    assert read(VEO, {"name": NAME, "metadata": {"progressPercent": 30}}, veo()).percent == 30
    response = {"generateVideoResponse": {"generatedSamples": [{"video": {"uri": URI}}]}}
    report = read(VEO, {"name": NAME, "done": True, "response": response}, veo())
    assert (report.stage, [each.url for each in report.products]) == ("completed", [URI])


def test_veos_film_may_stand_in_the_answer() -> None:
    data = base64.b64encode(MP4).decode()
    answer = {
        "name": NAME,
        "done": True,
        "response": {"videos": [{"bytesBase64Encoded": data, "mimeType": "video/mp4"}]},
    }
    (product,) = read(VEO, answer, veo()).products
    assert product.lifted is not None
    assert b"".join(product.lifted.chunks()) == MP4


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"error": {"code": 13, "message": "internal"}}, UpstreamBroken),
        ({"error": {"code": 8, "message": "quota"}}, UpstreamRateLimited),
        ({"error": {"code": 3, "message": "bad"}}, UpstreamRejected),
        ({"error": {"code": 7, "message": "no", "status": "PERMISSION_DENIED"}}, UpstreamAuthFailed),
        ({"response": {"generateVideoResponse": {"raiMediaFilteredCount": 1}}}, ContentPolicyViolation),
        ({"response": {"generateVideoResponse": {"raiMediaFilteredReasons": ["no"]}}}, ContentPolicyViolation),
        ({"response": {}}, UpstreamBroken),
    ],
)
def test_why_veo_failed(told: dict[str, Any], kind: type[DarkroomError]) -> None:
    report = read(VEO, {"name": NAME, "done": True, **told}, veo())
    assert (report.stage, type(report.error)) == ("failed", kind)
    assert "no" not in told or "no" in str(report.error)


# Interactions

FILMS = JOB_WIRES["gemini-interactions"]


def interacting(profile: Profile | None = None) -> Target:
    makes = profile or Profile("films", makes=frozenset({MediaKind.VIDEO}))
    return target("gemini-interactions", "gemini-omni-1.1-flash", base_url="https://google.test/v1beta", profile=makes)


def test_an_interaction_in_the_background() -> None:
    body = json_of(FILMS.submit(asked("a fox", shown(PNG), seconds="5", aspect_ratio="9:16"), interacting()))
    assert (body["background"], body["store"]) == (True, True)
    assert body["response_format"] == {"type": "video", "delivery": "uri", "aspect_ratio": "9:16", "duration": "5s"}
    (turn,) = body["input"]
    assert [part["type"] for part in turn["content"]] == ["image", "text"]
    cancel = FILMS.cancel("v1_x", interacting())
    assert cancel is not None
    assert (cancel.path, FILMS.deletion("v1_x", interacting())) == ("/interactions/v1_x/cancel", "/interactions/v1_x")


def test_an_interactions_answers() -> None:
    head = {"id": "v1_x", "object": "interaction", "model": "gemini-omni-1.1-flash"}
    assert read(FILMS, {**head, "status": "queued"}, interacting()) == JobReport("queued", "v1_x")
    assert read(FILMS, {**head, "status": "in_progress"}, interacting()) == JobReport("running", "v1_x")
    assert read(FILMS, {**head, "status": "cancelled"}, interacting()).stage == "cancelled"
    content = [{"type": "video", "uri": URI, "mime_type": "video/mp4"}]
    done = {**head, "status": "completed", "steps": [{"type": "model_output", "content": content}]}
    assert [each.url for each in read(FILMS, done, interacting()).products] == [URI]
    failed = {**head, "status": "failed", "errors": [{"code": "image_safety", "message": "blocked"}]}
    assert isinstance(read(FILMS, failed, interacting()).error, ContentPolicyViolation)
    talk = [{"type": "model_output", "content": [{"type": "text", "text": "What kind of fox?"}]}]
    only = read(FILMS, {**head, "status": "completed", "steps": talk}, interacting())
    assert only.stage == "failed"
    assert "What kind of fox?" in str(only.error)


def test_an_interactions_film_in_the_answer_is_lifted() -> None:
    content = [{"type": "video", "data": base64.b64encode(MP4).decode(), "mime_type": "video/mp4"}]
    steps = [{"type": "model_output", "content": content}]
    (product,) = read(FILMS, {"id": "v1_x", "status": "completed", "steps": steps}, interacting()).products
    assert product.lifted is not None
    assert b"".join(product.lifted.chunks()) == MP4


def test_which_targets_are_jobs() -> None:
    assert wire_of(target()) is WIRE
    assert wire_of(veo()) is VEO
    assert wire_of(interacting()) is FILMS
    both = Profile("both", makes=frozenset({MediaKind.VIDEO, MediaKind.IMAGE}))
    assert wire_of(interacting(both)) is None
    assert wire_of(interacting(PROFILES["chat"])) is None
    assert wire_of(target("openai-chat", "gpt")) is None


# The door's side


def ask(document: Any) -> Any:
    return decode_json(*lift(json.dumps(document).encode()))


def test_a_client_asks_for_a_film() -> None:
    found = ask({"model": "sora-2", "prompt": "a fox", "seconds": 8, "size": "1280x720", "mood": "grim"})
    assert (found.model, found.prompt, found.media) == ("sora-2", "a fox", ())
    assert found.params == {"seconds": "8", "size": "1280x720", "mood": "grim"}


@pytest.mark.parametrize(
    ("field", "kind", "role"),
    [
        ({"input_reference": {"image_url": LINK}}, MediaKind.IMAGE, "first_frame"),
        ({"input_reference": LINK}, MediaKind.IMAGE, "first_frame"),
        ({"image_reference": {"image_url": {"url": LINK}}}, MediaKind.IMAGE, "first_frame"),
        ({"reference_url": LINK}, MediaKind.IMAGE, "first_frame"),
        ({"images": [LINK]}, MediaKind.IMAGE, "first_frame"),
        ({"video_reference": {"video_url": LINK}}, MediaKind.VIDEO, "edited"),
        ({"input_reference": {"video_url": LINK}}, MediaKind.VIDEO, "edited"),
        ({"extra_body": {"image_url": LINK}}, MediaKind.IMAGE, "first_frame"),
    ],
)
def test_where_clients_put_what_a_film_is_made_from(field: dict[str, Any], kind: MediaKind, role: str) -> None:
    found = ask({"model": "m", "prompt": "x", **field})
    assert found.media == (MediaPart(kind, Remote(LINK), role=role),)
    assert found.params == {}


def test_a_reference_may_be_a_file_or_the_bytes() -> None:
    named = ask({"model": "m", "prompt": "x", "input_reference": {"file_id": "file_01jqwte8yjf7haxqc521b7z2wf"}})
    assert named.media[0].source == Named("file_01jqwte8yjf7haxqc521b7z2wf")
    uri = "data:video/mp4;base64," + base64.b64encode(MP4).decode()
    (part,) = ask({"model": "m", "prompt": "x", "input_reference": {"image_url": uri}}).media
    assert (part.kind, part.role) == (MediaKind.VIDEO, "edited")
    assert isinstance(part.source, Inline)
    assert b"".join(part.source.lifted.chunks()) == MP4


def test_one_picture_is_the_first_frame() -> None:
    found = ask({"model": "m", "prompt": "x", "images": [LINK, LINK, LINK]})
    assert [part.role for part in found.media] == ["first_frame", "reference", "reference"]


def test_a_form_is_read_as_json_is() -> None:
    fields = {"model": "sora-2", "prompt": "x", "seconds": "4", "input_reference[image_url]": LINK}
    found = decode_form(fields, new_lifts())
    assert (found.params, found.media[0].source) == ({"seconds": "4"}, Remote(LINK))
    omni = decode_form({"model": "m", "prompt": "x", "image_reference": json.dumps({"image_url": LINK})}, new_lifts())
    assert omni.media[0].source == Remote(LINK)
    assert decode_form({"prompt": "x"}, new_lifts(), "sora-2").model == "sora-2"


def test_a_forms_files() -> None:
    asks = decode_form({"model": "m", "prompt": "x"}, new_lifts())
    found = with_files(asks, [("input_reference", Stored(media(PNG)), "cat.png"), ("video", Stored(media(MP4)), None)])
    assert [(part.kind, part.role, part.filename) for part in found.media] == [
        (MediaKind.IMAGE, "first_frame", "cat.png"),
        (MediaKind.VIDEO, "edited", None),
    ]
    with pytest.raises(MalformedRequest, match="no file"):
        with_files(asks, [("attachment", Stored(media(PNG)), None)])


@pytest.mark.parametrize(
    ("document", "param"),
    [
        ({"prompt": "x"}, "model"),
        ({"model": "m"}, "prompt"),
        ({"model": "m", "prompt": " "}, "prompt"),
        ({"model": "m", "prompt": "x", "seconds": "soon"}, "seconds"),
        ({"model": "m", "prompt": "x", "seconds": True}, "seconds"),
        ({"model": "m", "prompt": "x", "size": "large"}, "size"),
        ({"model": "m", "prompt": "x", "input_reference": {"colour": "red"}}, "input_reference"),
        ({"model": "m", "prompt": "x", "images": [LINK] * 17}, "input_reference"),
        ({"model": "m", "prompt": "x", "images": [7]}, "images[0]"),
    ],
)
def test_what_a_client_gets_wrong_is_named(document: dict[str, Any], param: str) -> None:
    with pytest.raises(MalformedRequest) as refused:
        ask(document)
    assert refused.value.param == param


def test_a_remix_has_a_prompt() -> None:
    assert decode_remix(b'{"prompt": "at night"}') == "at night"
    with pytest.raises(MalformedRequest):
        decode_remix(b'{"prompt": 3}')


def generated(**changes: Any) -> Generation:
    fields = {
        "status": "queued",
        "created": 1_780_000_000_500,
        "params": {"seconds": "8", "size": "1280x720"},
        **changes,
    }
    return Generation("gen_1", "local", provider="films", model="sora-2", prompt="a fox", **fields)


def test_a_video_object_on_its_way() -> None:
    assert encode_video(generated(), "http://here") == {
        "id": "gen_1",
        "object": "video",
        "model": "films/sora-2",
        "status": "queued",
        "progress": 0,
        "created_at": 1_780_000_000,
        "completed_at": None,
        "expires_at": None,
        "seconds": "8",
        "size": "1280x720",
        "prompt": "a fox",
        "remixed_from_video_id": None,
        "error": None,
    }
    running = encode_video(generated(status="running", progress=40), "http://here", remixed_from="gen_0")
    assert (running["status"], running["progress"], running["remixed_from_video_id"]) == ("in_progress", 40, "gen_0")


def test_a_video_object_that_is_done() -> None:
    made = Media("media_1", "local", "0" * 64, "video/mp4", 5, "generated", 0, 1920, 1080, duration=8040)
    done = generated(status="completed", outputs=(made,), finished=1_780_000_009_000)
    found = encode_video(done, "http://here/", expires=1_780_000_100_000)
    assert (found["status"], found["progress"], found["completed_at"]) == ("completed", 100, 1_780_000_009)
    assert (found["seconds"], found["size"], found["expires_at"]) == ("8", "1920x1080", 1_780_000_100)
    assert found["url"] == "http://here/media/media_1.mp4"


@pytest.mark.parametrize("status", ["failed", "cancelled", "expired"])
def test_a_video_object_that_came_to_nothing(status: Any) -> None:
    bare = encode_video(generated(status=status), "http://here")
    assert (bare["status"], bare["error"]["code"]) == ("failed", status)
    assert bare["error"]["message"]
    why = {"code": "content_policy_violation", "message": "no"}
    assert encode_video(generated(status=status, error=why), "http://here")["error"] == why


def test_lists_and_deletions() -> None:
    pages = encode_list([encode_video(generated(), "http://here")], more=True)
    assert (pages["first_id"], pages["last_id"], pages["has_more"]) == ("gen_1", "gen_1", True)
    assert encode_list([], more=False)["first_id"] is None
    assert encode_deleted("gen_1") == {"id": "gen_1", "object": "video.deleted", "deleted": True}


def test_what_a_client_asked_is_what_an_upstream_is_asked() -> None:
    """The two directions of the dialect agree: what one writes, the other reads."""
    asks = asked("a fox", shown(PNG), dialect="openai-videos", seconds="8", size="1280x720", mood="grim")
    for server in ("sglang", "localai", "create-query"):
        body = body_of(WIRE.submit(asks, target(server=server, body="json")))
        found = decode_json(*lift(body))
        assert (found.model, found.prompt) == ("sora-2", "a fox")
        length = {"duration": 8} if server == "create-query" else {"seconds": "8"}
        assert found.params == {**length, "size": "1280x720", "mood": "grim"}
        (part,) = found.media
        assert isinstance(part.source, Inline)
        assert b"".join(part.source.lifted.chunks()) == PNG


# What a film is to be like


def test_parameters_of_films_from_everywhere() -> None:
    wanted = video_params(
        {"durationSeconds": "8s", "aspectRatio": "9:16", "resolution": "1080P", "generateAudio": True}
    )
    assert (wanted.seconds, wanted.ratio, wanted.resolution, wanted.audio) == (8, "9:16", "1080p", True)
    assert wanted.size() == (1080, 1920)
    nested = video_params({"extra_body": {"seconds": 5, "negative_prompt": "dogs", "fps": 24}})
    assert (nested.seconds, nested.negative_prompt, nested.fps) == (5, "dogs", 24)
    assert video_params({"size": "720p"}).resolution == "720p"
    assert video_params({}).size() is None
    assert video_params({"seconds": "soon", "fps": [], "duration": -1}).seconds is None


def test_what_is_recorded_of_a_film() -> None:
    params = {
        "seconds": "8",
        "size": "1280x720",
        "temperature": 1,
        "user": "me",
        "extra_body": {"fps": 24, "user": "me"},
    }
    assert video_params_kept(params) == {"seconds": "8", "size": "1280x720", "extra_body": {"fps": 24}}


def test_nothing_lifted_is_left_behind() -> None:
    """A job's answer may quote base64 that is no film; it is let go of with the lifts."""
    rest, lifts = lift(json.dumps({"id": "x", "status": "queued", "poster": base64.b64encode(PNG).decode()}).encode())
    assert isinstance(lifts, Lifts)
    assert WIRE.looked(rest, lifts, target()).products == ()
    lifts.close()
