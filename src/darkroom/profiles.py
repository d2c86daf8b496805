"""Profiles: what Darkroom must know of a model, as data.

A profile is chosen by name in the provider's row, or by the first pattern in `BY_NAME` that the model's name fits; a
table of facts in the configuration changes single fields of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from darkroom.generation import InputRole
from darkroom.media import MediaKind

Replay = Literal["user", "transcript", "images", "last_user", "parts", "previous"]
"""How the upstream is reminded of what it made.

`user`: as an image part of the next user turn (strict OpenAI-style servers refuse pictures in assistant turns).
`transcript`: its own text, verbatim, with the ids and links that it wrote (the `gpt-4o-image` relays).
`images`: `images[]` and `reasoning_details[]` on the assistant turn (OpenRouter and its kin).
`last_user`: image parts of the last user turn alone (relays that ignore every earlier picture, and image APIs).
`parts`: the parts of its own turn, each with the signature that it gave it (Gemini).
`previous`: the id under which it keeps the conversation, or the picture (Responses, Interactions, sessions).
"""

Form = Literal["inline", "url", "link"]
"""How a picture travels: base64 in the body, the public URL that it came from, or a link to this gateway."""

Structured = Literal["schema", "json"]
"""How an answer in JSON is asked for: by a JSON schema that it then keeps to, or as some JSON object."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Facts about one model. Counts of media and bytes are limits per request; None is no limit."""

    name: str = "chat"
    makes: frozenset[MediaKind] = frozenset()
    sees: frozenset[MediaKind] = frozenset({MediaKind.IMAGE, MediaKind.VIDEO, MediaKind.AUDIO, MediaKind.FILE})
    replay: Replay = "user"
    forms: tuple[Form, ...] = ("inline",)
    by_name: bool = False
    """Whether what it makes and sees is told by the model's name: a row for a whole service, whose models differ."""
    modalities: tuple[str, ...] = ()
    """What a request must name in `modalities` so that a model that makes pictures does."""
    partials: bool = False
    """Whether it streams unfinished versions of a picture before the last one."""
    upload_above: int | None = None
    """Bytes above which media is uploaded first, where the dialect has an upload; None uploads nothing."""
    frames: int = 0
    """How many frames stand for a video, where it sees pictures and no videos; 0 leaves the video out."""
    max_media: int | None = None
    max_media_bytes: int | None = None
    order: tuple[InputRole, ...] = ("edited", "character", "style", "reference", "mask")
    """In which order it wants what a new picture is made from, by what each of it is for; a role that is not named
    comes last."""
    streams: bool = False
    """Whether its Images API streams, as OpenAI's does; of others the whole answer is asked for."""
    response_format: str | None = None
    """What its Images API must be told, so that it answers with the picture and not with a URL. OpenAI's takes none."""
    sizes: tuple[str, ...] = ()
    """The only sizes that its Images API makes (`1024x1536`); none is any."""
    durations: tuple[int, ...] = ()
    """The only lengths in seconds that it makes films of; none is any."""
    structured: Structured | None = None
    """What it takes in `response_format`, when it plans for a studio; None is asked for JSON in words alone."""
    words: tuple[tuple[str, str], ...] = ()
    """Pairs: a parameter that OpenAI's Images API does not have (`seed`, `steps`), and its name in this one's."""

    @property
    def makes_media(self) -> bool:
        return bool(self.makes)


_IMAGE = frozenset({MediaKind.IMAGE})
_VIDEO = frozenset({MediaKind.VIDEO})
_BOTH = _IMAGE | _VIDEO
_STANDARD = ("1024x1024", "1536x1024", "1024x1536")
_DIFFUSERS = (
    ("negative_prompt", "negative_prompt"),
    ("seed", "seed"),
    ("steps", "num_inference_steps"),
    ("cfg_scale", "guidance_scale"),
)
_FILMS = (("fps", "fps"), ("frames", "num_frames"), *_DIFFUSERS)
_FILMS_LOCALAI = (
    ("fps", "fps"),
    ("frames", "num_frames"),
    ("negative_prompt", "negative_prompt"),
    ("steps", "step"),
    ("cfg_scale", "cfg_scale"),
)
_SORA = ("720x1280", "1280x720", "1024x1792", "1792x1024")
_LOCALAI = (("negative_prompt", "negative_prompt"), ("steps", "step"))

PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("chat"),
        Profile("image-chat", makes=_IMAGE, sees=_IMAGE),
        Profile("video-chat", makes=_BOTH, sees=_BOTH),
        Profile("relay-text", makes=_BOTH, sees=_IMAGE, replay="transcript"),
        Profile("openai", by_name=True, forms=("url", "inline"), structured="schema"),
        Profile("openrouter", by_name=True, replay="images", forms=("url", "inline"), modalities=("image", "text")),
        Profile("litellm", by_name=True, replay="images", modalities=("image", "text")),
        Profile("vllm-omni", makes=_IMAGE, modalities=("image",), words=_DIFFUSERS),
        Profile("codex", makes=_IMAGE, sees=_IMAGE, partials=True),
        Profile("last-user", makes=_IMAGE, sees=_IMAGE, replay="last_user", max_media=16),
        Profile("gpt-image", makes=_IMAGE, sees=_IMAGE, max_media=16, streams=True),
        Profile("gpt-image-1", makes=_IMAGE, sees=_IMAGE, max_media=16, streams=True, sizes=_STANDARD),
        Profile("sglang", makes=_IMAGE, sees=_IMAGE, response_format="b64_json", words=_DIFFUSERS),
        Profile("localai", makes=_IMAGE, sees=_IMAGE, response_format="b64_json", words=_LOCALAI),
        Profile("sora-video", makes=_VIDEO, sees=_BOTH, max_media=1, sizes=_SORA, durations=(4, 8, 12)),
        Profile("vllm-omni-video", makes=_VIDEO, sees=_BOTH, words=_FILMS),
        Profile("sglang-video", makes=_VIDEO, sees=_BOTH, max_media=1, words=_FILMS),
        Profile("localai-video", makes=_VIDEO, sees=_BOTH, max_media=1, words=_FILMS_LOCALAI),
        Profile("relay-video", makes=_VIDEO, sees=_BOTH, forms=("url", "inline"), words=(("ratio", "aspect_ratio"),)),
    )
}

# Model names that make media, in order: the first pattern that fits wins. Patterns are matched against the lower-case
# model name without its provider.
BY_NAME: tuple[tuple[str, str], ...] = (
    ("*vision*", "chat"),
    ("sketch", "image-chat"),
    ("*embed*", "chat"),
    ("gpt-4o-image*", "relay-text"),
    ("sora_image*", "relay-text"),
    ("sora-image*", "relay-text"),
    ("gpt-4o-all*", "relay-text"),
    ("sora*", "relay-text"),
    ("gpt-image*-all*", "last-user"),
    ("gpt-image*-vip*", "last-user"),
    ("gpt-image-1*", "gpt-image-1"),
    ("gpt-image*", "gpt-image"),
    ("chatgpt-image*", "gpt-image-1"),
    ("*video*", "video-chat"),
    ("*veo*", "video-chat"),
    ("gemini-omni*", "video-chat"),
    ("*kling*", "video-chat"),
    ("*runway*", "video-chat"),
    ("*luma*", "video-chat"),
    ("*pika*", "video-chat"),
    ("*hailuo*", "video-chat"),
    ("*seedance*", "video-chat"),
    ("*wan[0-9]*", "video-chat"),
    ("*codex*", "codex"),
    ("*-image*", "image-chat"),
    ("*image-*", "image-chat"),
    ("*imagen*", "image-chat"),
    ("*imagine*", "image-chat"),
    ("*nano-banana*", "image-chat"),
    ("*dall-e*", "image-chat"),
    ("*flux*", "image-chat"),
    ("*stable-diffusion*", "image-chat"),
    ("*sdxl*", "image-chat"),
    ("sd3*", "image-chat"),
    ("*midjourney*", "image-chat"),
    ("mj[_-]*", "image-chat"),
    ("*seedream*", "image-chat"),
    ("*ideogram*", "image-chat"),
    ("*recraft*", "image-chat"),
    ("*jimeng*", "image-chat"),
)


def profile_for(model: str) -> Profile:
    """Return the profile that a model's name suggests; a plain chat model when nothing does."""
    name = model.lower().rpartition("/")[2]
    for pattern, profile in BY_NAME:
        if fnmatchcase(name, pattern):
            return PROFILES[profile]
    return PROFILES["chat"]
