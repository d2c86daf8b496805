"""Workflows in ComfyUI's API format, as people export them."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def node(kind: str, title: str = "", **inputs: Any) -> Json:
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": title or kind}}


def _sampler(latent: str, **more: Any) -> Json:
    given = {
        "seed": 156680208700286,
        "steps": 4,
        "cfg": 8,
        "sampler_name": "euler",
        "scheduler": "normal",
        "denoise": 1,
    }
    links = {"model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": [latent, 0]}
    return node("KSampler", **{**given, **links, **more})


def _sd15() -> Json:
    return {
        "4": node("CheckpointLoaderSimple", "Load Checkpoint", ckpt_name="v1-5-pruned-emaonly.safetensors"),
        "6": node("CLIPTextEncode", "CLIP Text Encode (Prompt)", text="a photo", clip=["4", 1]),
        "7": node("CLIPTextEncode", "CLIP Text Encode (Prompt)", text="text, watermark", clip=["4", 1]),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", filename_prefix="ComfyUI", images=["8", 0]),
    }


def txt2img() -> Json:
    """ComfyUI's default workflow."""
    latent = node("EmptyLatentImage", width=512, height=512, batch_size=1)
    return {"3": _sampler("5"), "5": latent, **_sd15()}


def img2img() -> Json:
    return {
        "3": _sampler("11", denoise=0.75),
        **_sd15(),
        "10": node("LoadImage", "Load Image", image="example.png"),
        "11": node("VAEEncode", pixels=["10", 0], vae=["4", 2]),
    }


def inpaint() -> Json:
    return {
        "3": _sampler("11"),
        **_sd15(),
        "10": node("LoadImage", "Load Image", image="example.png"),
        "12": node("LoadImageMask", "Load Image (as Mask)", image="mask.png", channel="alpha"),
        "11": node("VAEEncodeForInpaint", pixels=["10", 0], vae=["4", 2], mask=["12", 0], grow_mask_by=6),
    }


def sdxl() -> Json:
    """Two encoders, each with two texts; the size stands in a node of its own."""
    sizes = {"width": 1024, "height": 1024, "crop_w": 0, "crop_h": 0, "target_width": 1024, "target_height": 1024}
    return {
        **txt2img(),
        "4": node("CheckpointLoaderSimple", ckpt_name="sd_xl_base_1.0.safetensors"),
        "5": node("EmptyLatentImage", width=["20", 0], height=1024, batch_size=1),
        "6": node("CLIPTextEncodeSDXL", text_g="a photo", text_l="a photo", clip=["4", 1], **sizes),
        "7": node("CLIPTextEncodeSDXL", text_g="blurry", text_l="blurry", clip=["4", 1], **sizes),
        "20": node("PrimitiveInt", "side", value=1024),
    }


def flux() -> Json:
    """Flux with a guider of one side, its prompt in a node of its own; there is no negative."""
    return {
        "6": node("CLIPTextEncode", clip=["11", 0], text=["30", 0]),
        "8": node("VAEDecode", samples=["13", 0], vae=["10", 0]),
        "9": node("SaveImage", filename_prefix="flux", images=["8", 0]),
        "10": node("VAELoader", vae_name="ae.safetensors"),
        "11": node("DualCLIPLoader", clip_name1="t5xxl_fp16.safetensors", clip_name2="clip_l.safetensors", type="flux"),
        "12": node("UNETLoader", unet_name="flux1-dev.safetensors", weight_dtype="default"),
        "13": node(
            "SamplerCustomAdvanced",
            noise=["25", 0],
            guider=["22", 0],
            sampler=["16", 0],
            sigmas=["17", 0],
            latent_image=["27", 0],
        ),
        "16": node("KSamplerSelect", sampler_name="euler"),
        "17": node("BasicScheduler", scheduler="simple", steps=20, denoise=1.0, model=["12", 0]),
        "22": node("BasicGuider", model=["12", 0], conditioning=["26", 0]),
        "25": node("RandomNoise", noise_seed=219670278747233),
        "26": node("FluxGuidance", guidance=3.5, conditioning=["6", 0]),
        "27": node("EmptySD3LatentImage", width=1024, height=768, batch_size=1),
        "30": node("PrimitiveStringMultiline", "Prompt", value="a photo"),
    }


def flux_checkpoint() -> Json:
    """Flux as a checkpoint: one text, and a negative that is nothing but the positive zeroed out."""
    return {
        **txt2img(),
        "3": _sampler("5", cfg=1, positive=["35", 0], negative=["36", 0]),
        "4": node("CheckpointLoaderSimple", ckpt_name="flux1-dev-fp8.safetensors"),
        "7": node("PreviewImage", images=["8", 0]),
        "35": node("FluxGuidance", guidance=3.5, conditioning=["6", 0]),
        "36": node("ConditioningZeroOut", conditioning=["6", 0]),
    }


def video() -> Json:
    saved = node("VHS_VideoCombine", images=["8", 0], frame_rate=8, filename_prefix="film", format="video/h264-mp4")
    return {**txt2img(), "9": node("PreviewImage", images=["8", 0]), "40": saved}


def preview_only() -> Json:
    return {**txt2img(), "9": node("PreviewImage", images=["8", 0])}
