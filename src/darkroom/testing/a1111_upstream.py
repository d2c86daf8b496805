"""An emulator of AUTOMATIC1111's web UI with `--api`: `/sdapi/v1`, the painter behind it.

It refuses what the real one refuses, with its statuses and bodies, and unknown fields too, which the real one would
drop without a word. Format: `modules/api` of stable-diffusion-webui 1.10.
"""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from darkroom.errors import DarkroomError
from darkroom.sketch import paint
from darkroom.sketch.ancestry import open_picture
from darkroom.testing.emulation import Notes, draw

Json = dict[str, Any]

CHECKPOINTS = ("v1-5-pruned-emaonly.safetensors", "sd_xl_base_1.0.safetensors")
SAMPLERS = ("Euler", "Euler a", "DPM++ 2M", "DPM++ 2M SDE", "DDIM")

_NUMBER = (int, float)
_FIELDS: dict[str, type | tuple[type, ...]] = {
    "prompt": str, "negative_prompt": str, "width": int, "height": int, "steps": int, "cfg_scale": _NUMBER,
    "seed": int, "batch_size": int, "n_iter": int, "sampler_name": str, "sampler_index": str, "scheduler": str,
    "override_settings": dict, "override_settings_restore_afterwards": bool, "force_task_id": str,
    "send_images": bool, "save_images": bool, "denoising_strength": _NUMBER, "styles": list, "clip_skip": int,
    "alwayson_scripts": dict, "restore_faces": bool, "tiling": bool, "subseed": int, "subseed_strength": _NUMBER,
}  # fmt: skip
_TXT2IMG = {**_FIELDS, "enable_hr": bool, "hr_scale": _NUMBER, "hr_upscaler": str}
_IMG2IMG: dict[str, type | tuple[type, ...]] = {
    **_FIELDS, "init_images": list, "mask": str, "mask_blur": int, "inpainting_fill": int,
    "inpainting_mask_invert": int, "inpaint_full_res": bool, "inpaint_full_res_padding": int, "resize_mode": int,
    "include_init_images": bool,
}  # fmt: skip
_SIZES = range(64, 2049)


class _Refused(Exception):
    """`HTTPException` of the real one; a list of details is what pydantic finds wrong."""

    def __init__(self, status: int, detail: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(slots=True)
class _State:
    """What runs: only one picture is made at a time, and all see its progress."""

    task: str | None = None
    step: int = 0
    steps: int = 0
    interrupted: bool = False


@dataclass
class A1111Upstream:
    """`app` is the ASGI app, `requests` what it was asked.

    `key` is `user:password` as in `--api-auth`, a bearer token as a proxy may want it, or empty for none. `paced`: a
    step is only made when the progress was asked for since the last one. `gate` holds every picture back before its
    first step. `grid`: a grid of all pictures stands before them. `named`: the progress says which task runs, as only
    some versions do.
    """

    key: str = ""
    paced: bool = False
    gate: asyncio.Event | None = None
    grid: bool = False
    named: bool = True
    failure: str = ""
    """The exception that a picture ends with, as `OutOfMemoryError: CUDA out of memory`."""
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    interrupted: asyncio.Event = field(default_factory=asyncio.Event)
    notes: Notes = field(default_factory=Notes)
    _state: _State = field(default_factory=_State)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _looked: asyncio.Event = field(default_factory=asyncio.Event)
    _seed: int = 1000
    app: Starlette = field(init=False)

    def __post_init__(self) -> None:
        self.app = Starlette(
            routes=[
                Route("/sdapi/v1/txt2img", self._guarded(self._txt2img), methods=["POST"]),
                Route("/sdapi/v1/img2img", self._guarded(self._img2img), methods=["POST"]),
                Route("/sdapi/v1/progress", self._guarded(self._progress), methods=["GET"]),
                Route("/sdapi/v1/interrupt", self._guarded(self._interrupt), methods=["POST"]),
                Route("/sdapi/v1/sd-models", self._guarded(self._models), methods=["GET"]),
            ]
        )

    @property
    def requests(self) -> Any:
        return self.notes.requests

    def _guarded(self, endpoint: Callable[[Json, Mapping[str, str]], Any]) -> Callable[[Request], Any]:
        async def guarded(request: Request) -> Response:
            body = self.notes.note(request.method, request.url.path, raw := await request.body(), dict(request.headers))
            try:
                self._check_key(request)
                if raw and not isinstance(body, dict):
                    raise _Refused(422, [{"loc": ["body"], "msg": "value is not a valid dict", "type": "type_error"}])
                return JSONResponse(await endpoint(body or {}, request.query_params))
            except _Refused as refused:
                return _error(refused)
            except DarkroomError as error:
                return _error(_Refused(500, error.message))

        return guarded

    def _check_key(self, request: Request) -> None:
        basic = f"Basic {base64.b64encode(self.key.encode()).decode()}"
        expected = basic if ":" in self.key else f"Bearer {self.key}"
        if self.key and request.headers.get("authorization") != expected:
            raise _Refused(401, "Incorrect username or password")

    async def _txt2img(self, body: Json, _: Mapping[str, str]) -> Json:
        _check(body, _TXT2IMG)
        return await self._answer(body, None)

    async def _img2img(self, body: Json, _: Mapping[str, str]) -> Json:
        _check(body, _IMG2IMG)
        if not body.get("init_images"):
            raise _Refused(404, "Init image not found")
        if "mask" in body:
            open_picture(_image(body["mask"]))
        return await self._answer(body, _image(body["init_images"][0]))

    async def _answer(self, body: Json, base: bytes | None) -> Json:
        _check_values(body)
        if self._lock.locked():
            self.waiting.set()
        async with self._lock:
            seeds = await self._work(body)
            pictures = [await asyncio.to_thread(_picture, body, base, seed) for seed in seeds]
        images = [base64.b64encode(data).decode() for data in pictures]
        grids = images[:1] if self.grid and len(images) > 1 else []
        info = _info(body, seeds, len(grids))
        kept = {name: value for name, value in body.items() if name not in ("init_images", "mask")}
        return {"images": [*grids, *images], "parameters": kept, "info": json.dumps(info)}

    async def _work(self, body: Json) -> list[int]:
        """Go through the steps as a sampler does, and return the seeds."""
        self._state = _State(body.get("force_task_id") or f"task(txt2img-{self._seed})", 0, body.get("steps", 50))
        self.begun.set()
        try:
            if self.gate is not None:
                await self.gate.wait()
            while self._state.step < self._state.steps and not self._state.interrupted:
                if self.paced:
                    self._looked.clear()
                    await self._looked.wait()
                self._state.step += 1
            if self.failure:
                raise _Refused(500, self.failure)
        finally:
            self._state = _State()
        self._seed += 10
        first = body["seed"] if body.get("seed", -1) >= 0 else self._seed
        return [first + at for at in range(body.get("batch_size", 1))]

    async def _progress(self, _: Json, query: Mapping[str, str]) -> Json:
        if query.get("skip_current_image", "false") not in ("true", "false"):
            raise _Refused(422, [{"loc": ["query", "skip_current_image"], "msg": "value could not be parsed"}])
        state = self._state
        progress = min(0.01 + state.step / state.steps, 1) if state.task else 0
        self._looked.set()
        return {
            "progress": progress,
            "eta_relative": 1.0,
            "state": {"job_count": int(state.task is not None), "sampling_step": state.step},
            "current_image": None,
            "textinfo": None,
            "current_task": state.task if self.named else None,
        }

    async def _interrupt(self, _: Json, __: Mapping[str, str]) -> Json:
        self._state.interrupted = True
        self.interrupted.set()
        if self.gate is not None:
            self.gate.set()
        return {}

    async def _models(self, _: Json, __: Mapping[str, str]) -> list[Json]:
        return [dict(zip(("title", "model_name", "filename"), _aliases(name), strict=True)) for name in CHECKPOINTS]


def _aliases(checkpoint: str) -> tuple[str, str, str]:
    return f"{checkpoint} [abcdef]", checkpoint.rpartition(".")[0], checkpoint


def _error(refused: _Refused) -> Response:
    if isinstance(refused.detail, list):
        return JSONResponse({"detail": refused.detail}, 422)
    name, known, words = refused.detail.partition(": ")
    if refused.status == 500 and known:
        return JSONResponse({"error": name, "detail": "", "body": "", "errors": words}, 500)
    body = {"error": "HTTPException", "detail": refused.detail, "body": "", "errors": ""}
    return JSONResponse(body, refused.status)


def _check(body: Json, known: Mapping[str, type | tuple[type, ...]]) -> None:
    wrong = []
    for name, value in body.items():
        if name not in known:
            wrong.append({"loc": ["body", name], "msg": "extra fields not permitted", "type": "value_error.extra"})
        elif not isinstance(value, known[name]) or (isinstance(value, bool) and known[name] is not bool):
            wrong.append({"loc": ["body", name], "msg": "value has the wrong type", "type": "type_error"})
    if wrong:
        raise _Refused(422, wrong)


def _check_values(body: Json) -> None:
    if body.get("sampler_name", "Euler") not in SAMPLERS:
        raise _Refused(404, "Sampler not found")
    checkpoint = body.get("override_settings", {}).get("sd_model_checkpoint")
    if checkpoint is not None and checkpoint not in {alias for name in CHECKPOINTS for alias in _aliases(name)}:
        raise _Refused(404, "Model not found")
    for name in ("width", "height"):
        if body.get(name, 512) not in _SIZES or body.get(name, 512) % 8:
            raise _Refused(500, f"RuntimeError: {name} must be a multiple of 8 from 64 to 2048")


def _image(text: Any) -> bytes:
    try:
        data = base64.b64decode(text.partition("base64,")[2] if text.startswith("data:") else text, validate=True)
        open_picture(data)
    except (ValueError, AttributeError, DarkroomError) as error:
        raise _Refused(500, "Invalid encoded image") from error
    return data


def _picture(body: Json, base: bytes | None, seed: int) -> bytes:
    prompt = body.get("prompt", "")
    if base is not None:
        data = draw(prompt, [base]).data
    else:
        data = paint(prompt, size=(body.get("width", 512), body.get("height", 512))).data
    return with_text(data, "parameters", f"{prompt}\nSteps: {body.get('steps', 50)}, Seed: {seed}")


def with_text(png: bytes, name: str, text: str) -> bytes:
    """Return a PNG with a text chunk more: how these programs write down what a picture was made of."""
    data = b"tEXt" + name.encode() + b"\x00" + text.encode("latin-1", "replace")
    chunk = struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
    return png[:33] + chunk + png[33:]  # behind the header, whose size is fixed


def _info(body: Json, seeds: list[int], first: int) -> Json:
    return {
        "prompt": body.get("prompt", ""),
        "negative_prompt": body.get("negative_prompt", ""),
        "seed": seeds[0],
        "all_seeds": seeds,
        "steps": body.get("steps", 50),
        "cfg_scale": body.get("cfg_scale", 7.0),
        "sampler_name": body.get("sampler_name", "Euler"),
        "width": body.get("width", 512),
        "height": body.get("height", 512),
        "batch_size": len(seeds),
        "denoising_strength": body.get("denoising_strength", 0.75) if "init_images" in body else None,
        "sd_model_name": body.get("override_settings", {}).get("sd_model_checkpoint", CHECKPOINTS[0]),
        "index_of_first_image": first,
    }
