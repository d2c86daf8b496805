"""What a client wants a picture to be like, read from the many places where clients say it.

All of them use the words of OpenAI's APIs and of what grew around them: `size` (`1024x1536`, `16:9`, `2K`),
`aspect_ratio`, `image_config` (OpenRouter: `aspect_ratio`, `image_size`), `extra_body.google.image_config`, `n`, …
A door of another dialect writes its own words into these, and an upstream's encoder reads them from here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd, sqrt
from typing import Any

from darkroom.dialects.json_values import string, table
from darkroom.messages import Conversation
from darkroom.profiles import Profile

_PIXELS = re.compile(r"(\d{2,5})\s*[x×*]\s*(\d{2,5})", re.IGNORECASE)
_RATIO = re.compile(r"(\d{1,2}):(\d{1,2})")
_CLASS = re.compile(r"(512|1k|2k|4k)", re.IGNORECASE)
_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
_CLOSE = 0.02
_PIXELS_OF = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}
_STEP = 64

IMAGE_FIELDS = frozenset(
    "size aspect_ratio ratio image_size image_config quality background output_format output_compression moderation "
    "input_fidelity partial_images negative_prompt seed steps strength cfg_scale guidance_scale style".split()
)
"""The parameters of a picture, by the names that image APIs give them."""

_TABLES = ("image_config", "imageConfig", "generation_config", "generationConfig", "google", "extra_body")
_SPELLINGS = "n width height aspectRatio imageSize resolution num_inference_steps denoising_strength"
_PICTURES = IMAGE_FIELDS.union(_SPELLINGS.split()).difference(_TABLES)

_CHAT_FIELDS = frozenset(
    "temperature top_p max_tokens max_completion_tokens stop seed presence_penalty frequency_penalty tools tool_choice "
    "parallel_tool_calls response_format reasoning_effort user metadata n modalities stream_options logprobs".split()
)


@dataclass(frozen=True, slots=True)
class ImageParams:
    """What was asked for; None where nothing was. `width` and `height` in pixels, `ratio` like `16:9`, `size` one of
    `512`, `1K`, `2K`, `4K`."""

    width: int | None = None
    height: int | None = None
    ratio: str | None = None
    size: str | None = None
    n: int = 1
    quality: str | None = None
    background: str | None = None
    output_format: str | None = None
    output_compression: int | None = None
    moderation: str | None = None
    input_fidelity: str | None = None
    partial_images: int = 0
    negative_prompt: str | None = None
    seed: int | None = None
    steps: int | None = None
    strength: float | None = None
    cfg_scale: float | None = None

    def pixels(self, side: int = 1024, step: int = _STEP) -> tuple[int, int]:
        """Return width and height: as asked for, else of this ratio with the area of a square of `side`."""
        if self.width and self.height:
            return self.width, self.height
        side = _PIXELS_OF.get(self.size or "", side)
        wide, high = map(int, (self.ratio or "1:1").split(":"))
        area = sqrt(side * side * wide / high)
        width = max(step, round(area / step) * step)
        return width, max(step, round(side * side / width / step) * step)

    def openai_size(self) -> str | None:
        """Return the size as OpenAI's APIs write it, or None where nothing was said."""
        if self.width and self.height:
            return f"{self.width}x{self.height}"
        if self.ratio is None and self.size is None:
            return None
        width, height = self.pixels(step=16)
        return f"{width}x{height}"


def image_params(params: Mapping[str, Any]) -> ImageParams:
    """Read what a request says of the picture that it wants; what can't be read is left out."""
    places = [*_nested(params), params]
    size = _first(places, "size", "image_size", "imageSize")
    width, height = _of_pixels(size)
    if not width:
        width, height = _int(_first(places, "width")), _int(_first(places, "height"))
    ratio = _ratio(_first(places, "aspect_ratio", "aspectRatio", "ratio")) or _ratio(size)
    if ratio is None and width and height:
        ratio = nearest_ratio(width, height)
    return ImageParams(
        width if width and height else None,
        height if width and height else None,
        ratio,
        _class(_first(places, "image_size", "imageSize", "resolution") or size),
        min(max(_int(params.get("n")) or 1, 1), 10),
        string(params.get("quality")),
        string(params.get("background")),
        string(params.get("output_format")),
        _int(params.get("output_compression")),
        string(params.get("moderation")),
        string(params.get("input_fidelity")),
        min(max(_int(params.get("partial_images")) or 0, 0), 3),
        string(params.get("negative_prompt")),
        _int(_first(places, "seed")),
        _int(_first(places, "steps", "num_inference_steps")),
        _float(_first(places, "strength", "denoising_strength")),
        _float(_first(places, "cfg_scale", "guidance_scale")),
    )


def picture_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return those parameters of a request that say what the picture is to be like, in the client's own words: what is
    recorded of a generation, and what it is run again with."""
    kept = {name: value for name, value in params.items() if name in _PICTURES and value is not None}
    nested = {name: picture_params(table(params[name])) for name in _TABLES if name in params}
    return kept | {name: inner for name, inner in nested.items() if inner}


def chat_params(conversation: Conversation, profile: Profile) -> dict[str, Any]:
    """Return the parameters of Chat Completions for a request that came in another dialect."""
    params = {name: value for name, value in conversation.params.items() if name in _CHAT_FIELDS}
    wanted = image_params(conversation.params)
    if not profile.makes_media:
        params.pop("n", None)
        return params
    params.pop("response_format", None)
    if profile.replay == "images":
        config = {"aspect_ratio": wanted.ratio, "image_size": wanted.size}
        params["modalities"] = ["image", "text"]
        params["image_config"] = {name: value for name, value in config.items() if value}
    elif size := conversation.params.get("size") or wanted.openai_size():
        params["size"] = size
    return params


def nearest_ratio(width: int, height: int) -> str:
    """Return the usual ratio that a size has or nearly has, else the exact one."""
    for ratio in _RATIOS:
        wide, high = map(int, ratio.split(":"))
        if abs(width / height - wide / high) <= _CLOSE * wide / high:
            return ratio
    divisor = gcd(width, height)
    return f"{width // divisor}:{height // divisor}"


def _nested(params: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the tables in which clients put what a picture is to be like, the most particular first."""
    extra = table(params.get("extra_body"))
    google = table(params.get("google")) or table(extra.get("google"))
    config = table(params.get("generation_config")) or table(params.get("generationConfig"))
    tables = [
        table(each.get(name)) for each in (params, extra, google, config) for name in ("image_config", "imageConfig")
    ]
    return [table for table in (*tables, extra, google) if table]


def _first(places: list[Mapping[str, Any]], *names: str) -> Any:
    return next((place[name] for place in places for name in names if place.get(name) is not None), None)


def _of_pixels(value: Any) -> tuple[int | None, int | None]:
    match = _PIXELS.fullmatch(value.strip()) if isinstance(value, str) else None
    return (int(match[1]), int(match[2])) if match and int(match[1]) and int(match[2]) else (None, None)


def _ratio(value: Any) -> str | None:
    match = _RATIO.fullmatch(value.strip()) if isinstance(value, str) else None
    return value.strip() if match and int(match[1]) and int(match[2]) else None


def _class(value: Any) -> str | None:
    match = _CLASS.fullmatch(str(value).strip()) if isinstance(value, str | int) else None
    return match[1].upper() if match else None


def _int(value: Any) -> int | None:
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _float(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
