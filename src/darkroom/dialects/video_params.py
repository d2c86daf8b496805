"""What a client wants a film to be like, read from the many places where clients say it.

`seconds` and `size` are OpenAI's words; `duration`, `resolution`, `aspect_ratio`, `generate_audio` OpenRouter's;
`durationSeconds`, `aspectRatio`, `negativePrompt` Veo's; `num_frames`, `fps`, `num_inference_steps` those of the
servers that run diffusers. What can't be read is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from typing import Any

from darkroom.dialects.image_params import IMAGE_FIELDS, image_params, nearest_ratio
from darkroom.dialects.json_values import string, table

_RESOLUTION = re.compile(r"(\d{3,4}p|1k|2k|4k)", re.IGNORECASE)
_LINES_OF = {"1k": 1024, "2k": 1440, "4k": 2160}
_SECONDS = re.compile(r"(\d{1,4}(?:\.\d{1,3})?)\s*(?:s|sec|seconds)?", re.IGNORECASE)
_TABLES = ("extra_body", "video_config", "videoConfig", "parameters", "metadata", "video_params")
_SPELLINGS = (
    "seconds duration duration_seconds durationSeconds duration_s aspectRatio resolution fps framesPerSecond "
    "num_frames negativePrompt generate_audio generateAudio generate_sound width height orientation personGeneration "
    "enhancePrompt num_inference_steps guidance_scale"
)
VIDEO_FIELDS = (IMAGE_FIELDS - {"partial_images", "image_config", "moderation"}) | frozenset(_SPELLINGS.split())
"""The parameters of a film, by the names that video APIs give them."""

_LINES, _RATIO = 720, "16:9"
_STEP = 16


@dataclass(frozen=True, slots=True)
class VideoParams:
    """What was asked for; None where nothing was. `width` and `height` in pixels, `ratio` like `16:9`, `resolution`
    like `720p` or `4k`, `audio`: whether there is to be sound."""

    width: int | None = None
    height: int | None = None
    ratio: str | None = None
    resolution: str | None = None
    seconds: float | None = None
    fps: int | None = None
    frames: int | None = None
    seed: int | None = None
    negative_prompt: str | None = None
    steps: int | None = None
    cfg_scale: float | None = None
    audio: bool | None = None

    @property
    def lines(self) -> int | None:
        """The shorter side in pixels, where it is known."""
        if self.width and self.height:
            return min(self.width, self.height)
        return lines_of(self.resolution) if self.resolution else None

    @property
    def whole_seconds(self) -> int | None:
        return None if self.seconds is None else max(round(self.seconds), 1)

    def size(self) -> tuple[int, int] | None:
        """Return width and height, sides in multiples of 16; None where nothing was said of either."""
        if self.width and self.height:
            return self.width, self.height
        if self.ratio is None and self.resolution is None:
            return None
        lines, (wide, high) = self.lines or _LINES, map(int, (self.ratio or _RATIO).split(":"))
        longer = max(_STEP, round(lines * max(wide, high) / min(wide, high) / _STEP) * _STEP)
        return (longer, lines) if wide >= high else (lines, longer)


def video_params(params: Mapping[str, Any]) -> VideoParams:
    """Read what a request says of the film that it wants."""
    places = [params, *(inner for name in _TABLES if (inner := table(params.get(name))))]
    wanted = image_params({**(places[-1] if len(places) > 1 else {}), **params})

    def first(*names: str) -> Any:
        return next((place[name] for place in places for name in names if place.get(name) is not None), None)

    return VideoParams(
        wanted.width,
        wanted.height,
        wanted.ratio,
        _resolution(first("resolution")) or _resolution(params.get("size")),
        _seconds(first("seconds", "duration", "duration_seconds", "durationSeconds", "duration_s")),
        _whole(first("fps", "framesPerSecond")),
        _whole(first("num_frames")),
        wanted.seed,
        string(first("negative_prompt", "negativePrompt")),
        wanted.steps,
        wanted.cfg_scale,
        _flag(first("generate_audio", "generateAudio", "generate_sound")),
    )


def video_params_kept(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return those parameters of a request that say what the film is to be like, in the client's own words: what is
    recorded of a generation, and what it is run again with."""
    kept = {name: value for name, value in params.items() if name in VIDEO_FIELDS and value is not None}
    nested = {name: video_params_kept(table(params[name])) for name in _TABLES if name in params}
    return kept | {name: inner for name, inner in nested.items() if inner}


def lines_of(resolution: str) -> int:
    """Return the shorter side of `720p` or `4k`, in pixels."""
    return _LINES_OF.get(resolution.lower()) or int(resolution.lower().removesuffix("p"))


def nearest(value: float, known: tuple[int, ...]) -> int:
    """Return the known number that is the most like a value, the larger of two; `known` must not be empty."""
    return min(known, key=lambda each: (abs(each - value), -each))


def nearest_size(width: int, height: int, known: tuple[str, ...]) -> str:
    """Return the known size (`1280x720`) of the most similar shape, and then area."""

    def unlike(size: str) -> tuple[float, int]:
        wide, high = map(int, size.split("x"))
        return abs(log(wide / high) - log(width / height)), abs(wide * high - width * height)

    return min(known, key=unlike)


def ratio_among(wanted: VideoParams, known: tuple[str, ...]) -> str | None:
    """Return the ratio that was asked for, or the one of those known that is the most like it."""
    ratio = wanted.ratio or (nearest_ratio(*size) if (size := wanted.size()) and wanted.width else None)
    if ratio is None or ratio in known:
        return ratio
    return min(known, key=lambda each: abs(log(_share(each)) - log(_share(ratio))))


def resolution_among(wanted: VideoParams, known: tuple[str, ...]) -> str | None:
    """Return the known resolution that is the nearest to what was asked for."""
    lines = wanted.lines
    return None if lines is None else min(known, key=lambda each: abs(lines_of(each) - lines))


def _share(ratio: str) -> float:
    wide, high = map(int, ratio.split(":"))
    return wide / high


def _resolution(value: Any) -> str | None:
    match = _RESOLUTION.fullmatch(value.strip()) if isinstance(value, str) else None
    return match[1].lower() if match else None


def _seconds(value: Any) -> float | None:
    if isinstance(value, str):
        match = _SECONDS.fullmatch(value.strip())
        value = float(match[1]) if match else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None


def _whole(value: Any) -> int | None:
    seconds = _seconds(value)
    return None if seconds is None else round(seconds)


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value))
