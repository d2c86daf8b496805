"""The nodes that the ComfyUI emulator knows: what they take and give, and what they do with the painter.

Written after `nodes.py` and `comfy_extras` of ComfyUI. A value is what flows over a link: a text for a conditioning,
`Latent` for a latent, a list of PNGs for images, an object of no meaning for models.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from darkroom.sketch import paint
from darkroom.testing.a1111_upstream import with_text
from darkroom.testing.emulation import draw, make_film

Json = dict[str, Any]

SAMPLERS, SCHEDULERS = ["euler", "euler_ancestral", "dpmpp_2m"], ["normal", "karras", "simple"]
CHECKPOINTS = ["v1-5-pruned-emaonly.safetensors", "sd_xl_base_1.0.safetensors", "flux1-dev-fp8.safetensors"]
CHANNELS = ["alpha", "red", "green", "blue"]


@dataclass(frozen=True, slots=True)
class Whole:
    """A number of a range."""

    least: float = 0
    most: float = 2**64 - 1
    kind: type = int


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The name of a file that was uploaded."""


Input = str | list[str] | Whole | Uploaded
"""A type that comes over a link (in capitals), `text`, a choice, a number, or an uploaded file."""


@dataclass(frozen=True, slots=True)
class Latent:
    """A picture that is not there yet."""

    size: tuple[int, int] | None = None
    batch: int = 1
    base: bytes | None = None
    prompt: str = ""
    seed: int = 0


Inputs = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Node:
    """One class of nodes. `run` gets its inputs' values and gives its outputs'; `saves` as which kind of file."""

    inputs: Mapping[str, Input]
    gives: tuple[str, ...] = ()
    run: Callable[[Inputs], tuple[Any, ...]] = lambda inputs: (None, None, None)
    saves: str = ""
    samples: bool = False


def _sampled(inputs: Inputs, seed: str = "seed") -> tuple[Latent]:
    before: Latent = inputs["latent_image"]
    return (Latent(before.size, before.batch, before.base, inputs["positive"], int(inputs[seed])),)


def _custom(inputs: Inputs) -> tuple[Latent, Latent]:
    before: Latent = inputs["latent_image"]
    made = Latent(before.size, before.batch, before.base, inputs["guider"], inputs["noise"])
    return made, made


def _decoded(inputs: Inputs) -> tuple[list[bytes]]:
    latent: Latent = inputs["samples"]
    pictures = []
    for at in range(latent.batch):
        size = latent.size or (512, 512)
        made = draw(latent.prompt, [latent.base]) if latent.base else paint(latent.prompt, size=size)
        pictures.append(with_text(made.data, "prompt", f"{latent.prompt} {latent.seed} {at}"))
    return (pictures,)


def _encoded(inputs: Inputs) -> tuple[Latent]:
    return (Latent(base=inputs["pixels"][0]),)


_SIZE: Mapping[str, Input] = {"width": Whole(16, 16384), "height": Whole(16, 16384), "batch_size": Whole(1, 4096)}
_SDXL: Mapping[str, Input] = {
    **dict.fromkeys(("width", "height", "crop_w", "crop_h", "target_width", "target_height"), Whole(0, 16384)),
    "text_g": "text",
    "text_l": "text",
    "clip": "CLIP",
}
_EMPTY = Node(_SIZE, ("LATENT",), lambda each: (Latent((each["width"], each["height"]), each["batch_size"]),))
_SAMPLING: Mapping[str, Input] = {
    "model": "MODEL",
    "seed": Whole(),
    "steps": Whole(1, 10000),
    "cfg": Whole(0, 100, float),
    "sampler_name": SAMPLERS,
    "scheduler": SCHEDULERS,
    "positive": "CONDITIONING",
    "negative": "CONDITIONING",
    "latent_image": "LATENT",
    "denoise": Whole(0, 1, float),
}

NODES: Mapping[str, Node] = {
    "CheckpointLoaderSimple": Node({"ckpt_name": CHECKPOINTS}, ("MODEL", "CLIP", "VAE")),
    "UNETLoader": Node({"unet_name": ["flux1-dev.safetensors"], "weight_dtype": ["default"]}, ("MODEL",)),
    "DualCLIPLoader": Node(
        {"clip_name1": ["t5xxl_fp16.safetensors"], "clip_name2": ["clip_l.safetensors"], "type": ["flux", "sdxl"]},
        ("CLIP",),
    ),
    "VAELoader": Node({"vae_name": ["ae.safetensors"]}, ("VAE",)),
    "CLIPTextEncode": Node({"text": "text", "clip": "CLIP"}, ("CONDITIONING",), lambda each: (each["text"],)),
    "CLIPTextEncodeSDXL": Node(_SDXL, ("CONDITIONING",), lambda each: (each["text_g"],)),
    "FluxGuidance": Node(
        {"conditioning": "CONDITIONING", "guidance": Whole(0, 100, float)},
        ("CONDITIONING",),
        lambda each: (each["conditioning"],),
    ),
    "ConditioningZeroOut": Node({"conditioning": "CONDITIONING"}, ("CONDITIONING",), lambda each: ("",)),
    "PrimitiveStringMultiline": Node({"value": "text"}, ("STRING",), lambda each: (each["value"],)),
    "PrimitiveInt": Node({"value": Whole(-(2**63), 2**63)}, ("INT",), lambda each: (each["value"],)),
    "EmptyLatentImage": _EMPTY,
    "EmptySD3LatentImage": _EMPTY,
    "KSampler": Node(_SAMPLING, ("LATENT",), _sampled, samples=True),
    "RandomNoise": Node({"noise_seed": Whole()}, ("NOISE",), lambda each: (each["noise_seed"],)),
    "BasicGuider": Node(
        {"model": "MODEL", "conditioning": "CONDITIONING"}, ("GUIDER",), lambda each: (each["conditioning"],)
    ),
    "KSamplerSelect": Node({"sampler_name": SAMPLERS}, ("SAMPLER",)),
    "BasicScheduler": Node(
        {"model": "MODEL", "scheduler": SCHEDULERS, "steps": Whole(1, 10000), "denoise": Whole(0, 1, float)},
        ("SIGMAS",),
    ),
    "SamplerCustomAdvanced": Node(
        {"noise": "NOISE", "guider": "GUIDER", "sampler": "SAMPLER", "sigmas": "SIGMAS", "latent_image": "LATENT"},
        ("LATENT", "LATENT"),
        _custom,
        samples=True,
    ),
    "VAEDecode": Node({"samples": "LATENT", "vae": "VAE"}, ("IMAGE",), _decoded),
    "VAEEncode": Node({"pixels": "IMAGE", "vae": "VAE"}, ("LATENT",), _encoded),
    "VAEEncodeForInpaint": Node(
        {"pixels": "IMAGE", "vae": "VAE", "mask": "MASK", "grow_mask_by": Whole(0, 64)}, ("LATENT",), _encoded
    ),
    "LoadImage": Node({"image": Uploaded()}, ("IMAGE", "MASK"), lambda each: ([each["image"]], each["image"])),
    "LoadImageMask": Node({"image": Uploaded(), "channel": CHANNELS}, ("MASK",), lambda each: (each["image"],)),
    "SaveImage": Node(
        {"images": "IMAGE", "filename_prefix": "text"}, run=lambda each: (each["images"],), saves="output"
    ),
    "PreviewImage": Node({"images": "IMAGE"}, run=lambda each: (each["images"],), saves="temp"),
    "VHS_VideoCombine": Node(
        {"images": "IMAGE", "frame_rate": Whole(1, 120), "filename_prefix": "text", "format": ["video/h264-mp4"]},
        run=lambda each: ([make_film("a film")],),
        saves="video",
    ),
}
