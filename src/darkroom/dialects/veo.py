"""Veo on the Gemini API: an operation that runs for minutes, asked for until it is done.

`POST /models/{model}:predictLongRunning` begins one and answers with its name, which is the job's id. A finished one
names files; a download wants the key, and redirects to where it must not be shown. What its filters take out is missing
from the samples, with the reasons beside them.
Format: google-genai `_operations_converters.py`; google's js-genai for `instances` and `parameters`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urljoin

from darkroom.codecs import data_uri
from darkroom.dialects.gemini import failures
from darkroom.dialects.job_wire import Given, JobReport, JobRequest, JobWire, Product
from darkroom.dialects.json_values import decode_object, listed, string, table, tables
from darkroom.dialects.video_params import VideoParams, nearest, ratio_among, resolution_among, video_params
from darkroom.dialects.wire import JsonWriter, UpstreamRequest
from darkroom.errors import ContentPolicyViolation, DarkroomError, UpstreamBroken
from darkroom.lifted import Lifts, without_runs
from darkroom.media import MediaKind
from darkroom.providers import Target

_RATIOS = ("16:9", "9:16")
_RESOLUTIONS = ("720p", "1080p", "4k")
_SECONDS = (4, 6, 8)
_LONG_ALONE = frozenset({"1080p", "4k"})
"""Resolutions that films have only at their full length."""
_MOST_REFERENCES = 3
_FIRST = ("first_frame", "edited")
_STATUS = {  # https://grpc.io/docs/guides/status-codes/: an operation's error may have the number alone
    1: "CANCELLED",
    3: "INVALID_ARGUMENT",
    4: "DEADLINE_EXCEEDED",
    5: "NOT_FOUND",
    7: "PERMISSION_DENIED",
    8: "RESOURCE_EXHAUSTED",
    9: "FAILED_PRECONDITION",
    13: "INTERNAL",
    14: "UNAVAILABLE",
    16: "UNAUTHENTICATED",
}


def _submit(request: JobRequest, target: Target) -> UpstreamRequest:
    writer, wanted = JsonWriter(), video_params(request.params)
    instance = {"prompt": request.prompt, **_media(request.given, writer)}
    whole = "video" in instance or "referenceImages" in instance
    body = {"instances": [instance], "parameters": _parameters(wanted, request.params, target, whole=whole)}
    key = {"idempotency-key": request.key} if request.key else {}
    path = f"/models/{quote(target.model, safe='')}:predictLongRunning"
    return UpstreamRequest(path, writer.pieces(body), headers={"content-type": "application/json", **key})


def _parameters(wanted: VideoParams, params: Mapping[str, Any], target: Target, *, whole: bool) -> dict[str, Any]:
    """Return how the film is to be; `whole`: what it is made from takes no other length than the full one."""
    known = target.profile.durations or _SECONDS
    resolution = resolution_among(wanted, _RESOLUTIONS)
    seconds = nearest(wanted.seconds, known) if wanted.seconds is not None else None
    found = {
        "aspectRatio": ratio_among(wanted, _RATIOS),
        "resolution": resolution,
        "durationSeconds": max(known) if whole or resolution in _LONG_ALONE else seconds,
        "negativePrompt": wanted.negative_prompt,
        "personGeneration": string(params.get("personGeneration")),
        "sampleCount": 1,
    }
    return {name: value for name, value in found.items() if value is not None}


def _media(given: Sequence[Given], writer: JsonWriter) -> dict[str, Any]:
    """Return what the film is made from: another film that it goes on from, a picture that it begins with, or pictures
    of what is to be in it."""
    if film := next((each for each in given if each.media.kind is MediaKind.VIDEO), None):
        encoded = {"encodedVideo": writer.inline(film.media, uri=False), "encoding": film.media.mime}
        return {"video": {"uri": film.url} if film.url else encoded}
    pictures = [each for each in given if each.media.kind is MediaKind.IMAGE and each.role != "mask"]
    first = next((each for role in _FIRST for each in pictures if each.role == role), None)
    if first is not None:
        return {"image": _image(first, writer)}
    kept = pictures[:_MOST_REFERENCES]
    references = [{"image": _image(each, writer), "referenceType": "asset"} for each in kept]
    return {"referenceImages": references} if references else {}


def _image(given: Given, writer: JsonWriter) -> dict[str, Any]:
    return {"bytesBase64Encoded": writer.inline(given.media, uri=False), "mimeType": given.media.mime}


def _look(id: str, target: Target) -> UpstreamRequest:
    return UpstreamRequest(f"/{quote(id, safe='/:')}", method="GET", headers={})


def _looked(body: bytes, lifts: Lifts, target: Target) -> JobReport:
    """Read an operation. Raises `UpstreamBroken` for what is none."""
    operation = decode_object(body, listed=True)
    id = string(operation.get("name"))
    if error := operation.get("error"):
        return JobReport("failed", id, error=_failure(without_runs(error)))
    if not operation.get("done"):
        if id is None:
            raise UpstreamBroken("the upstream's answer is no operation")
        return JobReport("running", id, _percent(table(operation.get("metadata"))))
    products = tuple(_products(table(operation.get("response")), lifts, target.provider.base_url))
    if not products:
        return JobReport("failed", id, error=_filtered(table(operation.get("response"))))
    return JobReport("completed", id, 100, products)


def _percent(metadata: Mapping[str, Any]) -> int | None:
    percent = metadata.get("progressPercent")
    return min(max(percent, 0), 100) if type(percent) is int else None


def _failure(error: Any) -> DarkroomError:
    if isinstance(error, Mapping) and not error.get("status") and isinstance(error.get("code"), int):
        error = {**error, "status": _STATUS.get(error["code"], "")}
    return failures.decode_error_value({"error": error})


def _answered(response: Mapping[str, Any]) -> Mapping[str, Any]:
    return table(response.get("generateVideoResponse")) or response


def _products(response: Mapping[str, Any], lifts: Lifts, base_url: str) -> Iterator[Product]:
    answer = _answered(response)
    for name in ("generatedSamples", "generatedVideos", "videos"):
        for sample in tables(answer.get(name)):
            video = table(sample.get("video")) or sample
            if data := string(video.get("encodedVideo")) or string(video.get("bytesBase64Encoded")):
                yield Product(lifted=data_uri.lift_or_broken(data, lifts))
            elif uri := string(video.get("uri")):
                yield Product(url=urljoin(f"{base_url}/", uri))


def _filtered(response: Mapping[str, Any]) -> DarkroomError:
    answer = _answered(response)
    reasons = [reason for reason in listed(answer.get("raiMediaFilteredReasons")) if isinstance(reason, str)]
    if reasons or answer.get("raiMediaFilteredCount"):
        words = " ".join(reasons) or "its filters took out what was made"
        return ContentPolicyViolation(f"the upstream refused the content: {words}")
    return UpstreamBroken("the upstream finished, and made no film")


WIRE = JobWire(_submit, _looked, _look, _looked, failures.decode_error)
