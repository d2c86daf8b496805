"""The servers that speak OpenAI's Videos API, as the emulator plays them: what each takes, and how it tells of a job.

Sources: OpenAI `types/video*.py`; vLLM-Omni `entrypoints/openai/api_server.py` and `protocol/videos.py`; SGLang
`multimodal_gen/runtime/entrypoints/openai/`; new-api `dto/openai_video.go`; LocalAI's `POST /video`; relays as their
documents show them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from darkroom.testing.emulation import Fields

Stage = Literal["queued", "running", "completed", "failed", "cancelled", "expired"]

_OPENAI = frozenset({"prompt", "model", "seconds", "size", "input_reference"})
_DIFFUSERS = frozenset("fps num_frames seed num_inference_steps guidance_scale negative_prompt".split())


@dataclass(frozen=True, slots=True)
class Variant:
    """One kind of server. `told` is where it says that a film is: `content` is its own path, and nothing in the answer.

    `words` are its names for the stages that differ from OpenAI's; `takes` the fields that it knows, `files` those of a
    form's files; `json` and `form` tell which bodies it reads. `missing` is what it answers for the content of a job
    that is not done.
    """

    models: tuple[str, ...]
    takes: frozenset[str] = _OPENAI
    files: tuple[str, ...] = ("input_reference",)
    json: bool = True
    form: bool = True
    told: Literal["content", "video_url", "url", "metadata.url"] = "content"
    words: Mapping[Stage, str] = field(default_factory=dict)
    prefix: str = "video_"
    fraction: bool = False
    remixes: bool = True
    lists: bool = True
    deletes: bool = True
    missing: int = 404
    strict: bool = False
    """Whether lengths and sizes are OpenAI's."""


VARIANTS: Mapping[str, Variant] = {
    "openai": Variant(("sora-2", "sora-2-pro"), strict=True),
    "vllm-omni": Variant(
        ("Wan-AI/Wan2.2-TI2V-5B-Diffusers",),
        _OPENAI | _DIFFUSERS | {"image_reference", "video_reference", "width", "height", "aspect_ratio", "user"},
        json=False,
        prefix="video_gen_",
        remixes=False,
    ),
    "sglang": Variant(
        ("Wan-AI/Wan2.2-T2V-A14B-Diffusers",),
        _OPENAI | _DIFFUSERS | {"reference_url"},
        told="url",
        prefix="",
        remixes=False,
    ),
    "new-api": Variant(
        ("kling-v2-1", "veo-3.1"),
        _OPENAI | {"duration", "images", "image", "metadata", "width", "height", "fps", "seed", "n"},
        told="metadata.url",
        words={"running": "unknown"},
        prefix="task_",
        lists=False,
        deletes=False,
    ),
    "relay": Variant(
        ("sora-2", "sora_video2"),
        _OPENAI | {"aspect_ratio"},
        told="video_url",
        words={"queued": "pending", "running": "pending"},
        prefix="sora-2:task_",
        fraction=True,
        lists=False,
        deletes=False,
    ),
    "create-query": Variant(
        ("sora-2", "veo3.1-fast"),
        frozenset("model prompt images aspect_ratio orientation size duration watermark".split()),
        (),
        form=False,
        told="video_url",
        words={"queued": "pending", "running": "processing", "failed": "error"},
        prefix="sora-2:task_",
        lists=False,
        deletes=False,
        remixes=False,
    ),
    "localai": Variant(
        ("wan2.2-ti2v", "ltx-2"),
        _OPENAI | {"start_image", "end_image", "width", "height", "num_frames", "fps", "negative_prompt", "seed"}
        | {"response_format", "cfg_scale", "step", "quality"},
        (),
        form=False,
        told="url",
        lists=False,
        deletes=False,
        remixes=False,
    ),
    "sketch": Variant(("sketch-video",), _OPENAI | {"seed", "fps", "negative_prompt"}),
}  # fmt: skip
"""By name; `sketch` takes any size and length, and is for the embedded painter."""


@dataclass(frozen=True, slots=True)
class Told:
    """What there is to say of a job. Times in Unix seconds, `percent` from 0 to 100, `url` where its film is."""

    id: str
    model: str
    prompt: str
    stage: Stage
    percent: int
    created: int
    seconds: str
    size: str
    done: int | None = None
    expires: int | None = None
    remixed: str | None = None
    error: Fields | None = None
    url: str | None = None


def shape(name: str, variant: Variant, told: Told) -> Fields:
    """Return a job as this kind of server shows it."""
    words = {"running": "in_progress", "cancelled": "failed", **variant.words}
    shown: Fields = {
        "id": told.id,
        "object": "video",
        "model": told.model,
        "status": words.get(told.stage, told.stage),
        "progress": told.percent,
        "created_at": told.created,
        "seconds": told.seconds,
        "size": told.size,
    }
    match name:
        case "relay" | "create-query":
            return _of_relay(shown, told)
        case "new-api":
            shown |= {"task_id": told.id, "metadata": {"url": told.url} if told.url else {}}
            return {**shown, "error": told.error} if told.error else shown
        case "sglang":
            shown |= {"quality": "standard", "url": told.url, "file_path": f"outputs/{told.id}.mp4"}
        case "vllm-omni":
            shown |= {"prompt": told.prompt, "media_type": "video/mp4", "file_name": f"{told.id}.mp4"}
            shown |= {"inference_time_s": None, "quality": "default"}
        case _:
            shown |= {"prompt": told.prompt}
    rest = {"completed_at": told.done, "expires_at": told.expires, "remixed_from_video_id": told.remixed}
    return {**shown, **rest, "error": told.error}


def _of_relay(shown: Fields, told: Told) -> Fields:
    """Return a job as relays show it: the task while it is worked on, the film when it is there."""
    if told.stage == "completed":
        return {**shown, "video_url": told.url, "status_update_time": told.done}
    pending: dict[str, Any] = {
        "progress_pct": told.percent / 100,
        "failure_reason": told.error["code"] if told.error else None,
        "moderation_result": {"type": "passed"},
    }
    rest = {"status_update_time": told.created * 1000, "detail": {"pending_info": pending}}
    return {"id": told.id, "status": shown["status"], **rest}
