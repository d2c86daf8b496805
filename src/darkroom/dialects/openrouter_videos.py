"""OpenRouter's video API: jobs that are asked for as JSON, with pictures as links or data URIs.

`frame_images` are what a film begins or ends with, `input_references` what it is made after; where there are frames,
the references are ignored. Lengths are whole seconds, and each model takes its own: a profile's `durations` says which.
A finished job has `urls`, which are signed and expire, and `unsigned_urls`, which want the key.
Format: https://openrouter.ai/docs/api/api-reference/video-generation/create-videos
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from darkroom.dialects.job_answers import read_report
from darkroom.dialects.job_wire import Given, JobReport, JobRequest, JobWire
from darkroom.dialects.openai_chat.failures import decode_error
from darkroom.dialects.video_params import nearest, ratio_among, resolution_among, video_params
from darkroom.dialects.wire import JsonWriter, UpstreamRequest
from darkroom.lifted import Lifts
from darkroom.media import MediaKind
from darkroom.profiles import Profile
from darkroom.providers import Target

_PATH = "/videos"
_CONTENT = "/videos/{id}/content?index=0"
_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9", "9:21")
_RESOLUTIONS = ("480p", "720p", "1080p", "1k", "2k", "4k")
_UPPER = {"1k": "1K", "2k": "2K", "4k": "4K"}
_FIRST = ("first_frame", "edited")


def _submit(request: JobRequest, target: Target) -> UpstreamRequest:
    writer = JsonWriter()
    body = {
        "model": target.model,
        "prompt": request.prompt,
        **_wanted(request.params, target.profile),
        **_media(request.given, writer),
    }
    key = {"idempotency-key": request.key} if request.key else {}
    return UpstreamRequest(_PATH, writer.pieces(body), headers={"content-type": "application/json", **key})


def _wanted(params: Mapping[str, Any], profile: Profile) -> dict[str, Any]:
    wanted = video_params(params)
    seconds = wanted.whole_seconds
    if seconds is not None and profile.durations:
        seconds = nearest(seconds, profile.durations)
    resolution = resolution_among(wanted, _RESOLUTIONS)
    found = {
        "duration": seconds,
        "aspect_ratio": ratio_among(wanted, _RATIOS),
        "resolution": _UPPER.get(resolution or "", resolution),
        "seed": wanted.seed,
        "generate_audio": wanted.audio,
        "provider": params.get("provider"),
    }
    return {name: value for name, value in found.items() if value is not None}


def _media(given: Sequence[Given], writer: JsonWriter) -> dict[str, Any]:
    """Return what the film is made from: one picture to begin with, else references."""
    pictures = [each for each in given if each.media.kind is MediaKind.IMAGE and each.role != "mask"]
    first = next((each for role in _FIRST for each in pictures if each.role == role), None)
    if first is not None:
        return {"frame_images": [{**_part(first, "image_url", writer), "frame_type": "first_frame"}]}
    films = [each for each in given if each.media.kind is MediaKind.VIDEO]
    parts = [*(_part(each, "image_url", writer) for each in pictures), *(_part(e, "video_url", writer) for e in films)]
    return {"input_references": parts} if parts else {}


def _part(given: Given, kind: str, writer: JsonWriter) -> dict[str, Any]:
    return {"type": kind, kind: {"url": given.url or writer.inline(given.media)}}


def _look(id: str, target: Target) -> UpstreamRequest:
    return UpstreamRequest(f"{_PATH}/{quote(id, safe=':')}", method="GET", headers={})


def _looked(body: bytes, lifts: Lifts, target: Target) -> JobReport:
    return read_report(body, lifts, target.provider.base_url, _CONTENT)


WIRE = JobWire(_submit, _looked, _look, _looked, decode_error)
