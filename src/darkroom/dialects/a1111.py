"""The `/sdapi/v1` of AUTOMATIC1111's web UI, of Forge, and of `sd-server`: one request, its pictures as base64.

Format: `modules/api/models.py` and `modules/api/api.py` of stable-diffusion-webui.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from darkroom.codecs import data_uri
from darkroom.codecs.json_lift import JsonLifter
from darkroom.dialects.image_params import ImageParams, image_params
from darkroom.dialects.openai_chat.failures import error_of
from darkroom.dialects.single_turn import SingleTurn, size_of
from darkroom.dialects.wire import JsonWriter, UpstreamRequest
from darkroom.errors import (
    DarkroomError,
    InvalidMedia,
    UpstreamAuthFailed,
    UpstreamBadMedia,
    UpstreamBroken,
    UpstreamNotFound,
)
from darkroom.events import Event, Failed, Finished, MediaProduced, Planned
from darkroom.lifted import Lifted, Lifts
from darkroom.media import MediaKind
from darkroom.messages import Conversation

TXT2IMG, IMG2IMG = "/sdapi/v1/txt2img", "/sdapi/v1/img2img"
PROGRESS, INTERRUPT = "/sdapi/v1/progress?skip_current_image=true", "/sdapi/v1/interrupt"

OWN_OPTIONS = frozenset({"poll_seconds", "max_pixels"})
"""Options of a provider that are for the gateway; all others are fields of its requests."""

_USUAL = 512
_MOST_PIXELS = 1536 * 1024
_SMALL = 16 * 1024 * 1024
_RECORDED = (
    "seed steps cfg_scale sampler_name scheduler width height denoising_strength negative_prompt sd_model_name"
).split()


def encode(
    conversation: Conversation,
    turn: SingleTurn,
    options: Mapping[str, Any],
    task: str,
    *,
    loaded: Collection[str] = ("default",),
    cut_out: bool = False,
) -> UpstreamRequest:
    """Return the request for a turn: `img2img` where it has a picture.

    `options` are the operator's defaults for its fields; a model that is one of `loaded` is whichever is loaded;
    `cut_out`: the mask marks by transparency, where the web UI would mark what is opaque.
    """
    writer = JsonWriter()
    wanted = image_params(conversation.params)
    body = {name: value for name, value in options.items() if name not in OWN_OPTIONS}
    body |= {"prompt": turn.prompt, "force_task_id": task, **_asked(wanted, turn, options)}
    if "n" in conversation.params:
        body["batch_size"] = wanted.n
    if conversation.model not in loaded:
        # To restore afterwards is to load two models for every picture.
        body["override_settings_restore_afterwards"] = False
        body["override_settings"] = {
            **body.get("override_settings", {}),
            "sd_model_checkpoint": conversation.model,
        }
    if turn.pictures:
        body["init_images"] = [writer.inline(turn.pictures[0], uri=False)]
    if turn.mask is not None:
        body["mask"] = writer.inline(turn.mask, uri=False)
        body["inpainting_mask_invert"] = int(cut_out)
    return UpstreamRequest(IMG2IMG if turn.pictures else TXT2IMG, writer.pieces(body))


def _asked(wanted: ImageParams, turn: SingleTurn, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields for what the client asked for."""
    usual = (options.get("width", _USUAL), options.get("height", _USUAL))
    picture = turn.pictures[0] if turn.pictures else None
    size = size_of(wanted, usual, picture=picture, most=options.get("max_pixels", _MOST_PIXELS))
    fields = {
        "width": size[0] if size else None,
        "height": size[1] if size else None,
        "negative_prompt": wanted.negative_prompt,
        "seed": wanted.seed,
        "steps": wanted.steps,
        "cfg_scale": wanted.cfg_scale,
        "denoising_strength": wanted.strength if picture is not None else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


class AnswerDecoder:
    """Reads `{"images": [base64, …], "parameters": {…}, "info": "{…}"}`; all is said at the end."""

    def __init__(self, lifts: Lifts) -> None:
        self._lifts = lifts
        self._lifter = JsonLifter(lifts)
        self._small = bytearray()

    def decode(self, chunk: bytes) -> list[Event]:
        """Take bytes. Raises `UpstreamBroken` for an answer that is large without its pictures."""
        self._take(self._lifter.decode(chunk))
        return []

    def flush(self) -> list[Event]:
        self._take(self._lifter.flush())
        try:
            document = msgspec.json.decode(bytes(self._small))
        except (msgspec.DecodeError, RecursionError):
            return [Failed(UpstreamBroken("the upstream's answer is no JSON, or ended too early"))]
        images = document.get("images") if isinstance(document, dict) else None
        if not isinstance(images, list):
            return [Failed(UpstreamBroken("the upstream's answer holds no list of images"))]
        info = _info(document.get("info"))
        found, broken = self._lifted(_results(images, info))
        if broken is not None and not found:
            return [Failed(broken)]
        planned: list[Event] = [Planned(recorded)] if (recorded := _recorded(info)) else []
        return [*planned, *(MediaProduced(MediaKind.IMAGE, lifted) for lifted in found), Finished("stop", True)]

    def _take(self, data: bytes) -> None:
        self._small += data
        if len(self._small) > _SMALL:
            raise UpstreamBroken("the upstream sent far more than pictures")

    def _lifted(self, images: list[Any]) -> tuple[list[Lifted], UpstreamBadMedia | None]:
        """Return the pictures, and what is wrong with one that can't be read."""
        found: list[Lifted] = []
        broken: UpstreamBadMedia | None = None
        for image in images:
            try:
                found.append(self._lift(image))
            except InvalidMedia as error:
                broken = UpstreamBadMedia(f"the upstream sent something that is no picture: {error.message}")
        return found, broken

    def _lift(self, image: Any) -> Lifted:
        if not isinstance(image, str):
            raise InvalidMedia("it is not even a string")
        return data_uri.lift_any(image, self._lifts)


def _info(value: Any) -> Mapping[str, Any]:
    """Read `info`: JSON in a string, an object, or nothing."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value.encode())
        except (msgspec.DecodeError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def _results(images: list[Any], info: Mapping[str, Any]) -> list[Any]:
    """Leave out the grid that may stand before the pictures, and what extensions put behind them."""
    first, seeds = info.get("index_of_first_image"), info.get("all_seeds")
    start = first if isinstance(first, int) and 0 <= first < len(images) else 0
    count = len(seeds) if isinstance(seeds, list) and seeds else len(images)
    return images[start : start + count]


def _recorded(info: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: info[name] for name in _RECORDED if info.get(name) not in (None, "")}
    seeds = info.get("all_seeds")
    if isinstance(seeds, list) and len(seeds) > 1:
        found["seeds"] = seeds
    return found


def decode_progress(body: bytes, task: str) -> float | str | None:
    """Return how far our task is, 0 to 1; the name of the task that runs instead; None where nothing can be told.

    Only some versions name the task (`current_task`); what others say of the one that runs is taken for ours.
    """
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    running = document.get("current_task")
    if isinstance(running, str) and running and running != task:
        return running
    progress = document.get("progress")
    return float(progress) if isinstance(progress, int | float) and progress > 0 else None


def decode_error(status: int, body: bytes, retry_after: float | None) -> DarkroomError:
    """Read `{"error", "detail", "errors"}`, where only one of them may say something."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        document = body.decode("utf-8", "replace").strip()
    fields = document if isinstance(document, dict) else {"detail": document}
    if status == 404 and fields.get("detail") == "Not Found":
        return UpstreamNotFound("the upstream has no /sdapi/v1; the web UI must be started with --api")
    words = _words(fields.get("detail")) or _words(fields.get("errors")) or _words(fields.get("error"))
    if status == 401:
        return UpstreamAuthFailed(f"the upstream said: {words or 'not authenticated'}")
    return error_of({"message": words or f"HTTP {status} without a word"}, status, retry_after)


def _words(value: Any) -> str:
    """Return an error in words; FastAPI lists the fields that it does not like as `{"loc": […], "msg": …}`."""
    if isinstance(value, list):
        return "; ".join(filter(None, map(_words, value)))
    if isinstance(value, dict):
        where = ".".join(str(step) for step in value.get("loc", ()) if step != "body")
        return f"{where}: {value.get('msg', '')}" if where else str(value.get("msg") or value.get("message") or "")
    return value if isinstance(value, str) else ""
