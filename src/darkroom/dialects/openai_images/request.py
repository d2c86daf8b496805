"""Images API requests, written to upstreams: `/images/generations` for words alone, `/images/edits` with pictures.

What a client of the same dialect asked for goes along as it wrote it; what comes from another one is told in the words
that OpenAI has for it, and in those of other servers that the profile names. Sizes are brought into the form that
OpenAI takes: sides that are multiples of 16, ratios from 1:3 to 3:1, at most 3840×2160.
Format: https://platform.openai.com/docs/api-reference/images
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log, sqrt
from typing import Any

from darkroom.dialects.image_params import ImageParams, image_params
from darkroom.dialects.multipart import FormFile, form
from darkroom.dialects.single_turn import SingleTurn, single_turn
from darkroom.dialects.wire import JsonWriter, UpstreamRequest
from darkroom.messages import Conversation
from darkroom.profiles import PROFILES, Profile

NAME = "openai-images"
GENERATIONS, EDITS = "/images/generations", "/images/edits"

_DECIDED_HERE = frozenset({"model", "prompt", "stream", "partial_images", "response_format"})
_WORDS = ("quality", "background", "output_format", "output_compression", "moderation")
_STEP = 16
_STEEPEST = 3.0
_LONGEST, _MOST = 3840, 3840 * 2160
_UNSTREAMED = frozenset({"gif", "svg"})


def encode_request(conversation: Conversation, profile: Profile = PROFILES["gpt-image"]) -> UpstreamRequest:
    """Return the request for the last user turn. Raises `MalformedRequest` for one without words."""
    turn = single_turn(conversation)
    fields = {"model": conversation.model, "prompt": turn.prompt, **_fields(conversation, profile, turn)}
    if not turn.pictures:
        return UpstreamRequest(GENERATIONS, JsonWriter().pieces(fields))
    # One picture is `image` everywhere; the brackets are for several, and not every server knows them.
    name = "image[]" if len(turn.pictures) > 1 else "image"
    files = [FormFile(name, media) for media in turn.pictures]
    files += [FormFile("mask", turn.mask)] if turn.mask is not None else []
    written = form(fields, files)
    return UpstreamRequest(EDITS, written.pieces, headers={"content-type": written.content_type})


def _fields(conversation: Conversation, profile: Profile, turn: SingleTurn) -> dict[str, Any]:
    params, wanted = conversation.params, image_params(conversation.params)
    if conversation.dialect == NAME:
        asked = {**conversation.native, **params}
        fields = {name: value for name, value in asked.items() if name not in _DECIDED_HERE and value is not None}
    else:
        fields = _told(wanted, params, profile, edits=bool(turn.pictures))
    if size := _size(params.get("size"), wanted, profile, own=conversation.dialect == NAME):
        fields["size"] = size
    # Events do not say which of several pictures they are about.
    if conversation.stream and profile.streams and wanted.n == 1 and wanted.output_format not in _UNSTREAMED:
        fields["stream"] = True
        fields |= {"partial_images": wanted.partial_images} if wanted.partial_images else {}
    return fields | ({"response_format": profile.response_format} if profile.response_format else {})


def _told(wanted: ImageParams, params: Mapping[str, Any], profile: Profile, *, edits: bool) -> dict[str, Any]:
    """Return what another dialect's client wants, in the words of this one."""
    fields = {name: getattr(wanted, name) for name in _WORDS}
    fields |= {word: getattr(wanted, name, None) for name, word in profile.words}
    fields["n"] = wanted.n if "n" in params and wanted.n > 1 else None
    fields["input_fidelity"] = wanted.input_fidelity if edits else None
    fields["user"] = params.get("user")
    return {name: value for name, value in fields.items() if value is not None}


def _size(written: Any, wanted: ImageParams, profile: Profile, *, own: bool) -> str | None:
    """Return the size to ask for; None leaves it to the upstream."""
    if own and isinstance(written, str) and (written == "auto" or (wanted.width and wanted.height)):
        return written
    if wanted.ratio is None and wanted.size is None:
        return None
    width, height = wanted.pixels(step=_STEP)
    if profile.sizes:
        return min(profile.sizes, key=lambda size: _unlike(size, width, height))
    width, height = _within(width, height)
    return f"{width}x{height}"


def _within(width: int, height: int) -> tuple[int, int]:
    """Return the size that is most like this one, of those that OpenAI takes."""
    wide, high = min(float(width), height * _STEEPEST), min(float(height), width * _STEEPEST)
    shrink = min(1.0, sqrt(_MOST / (wide * high)), _LONGEST / max(wide, high))
    wide, high = _sixteenths(wide * shrink), _sixteenths(high * shrink)
    # What was rounded may be over a limit by one step again.
    while wide * high > _MOST or wide > high * _STEEPEST:
        wide -= _STEP
    while high > wide * _STEEPEST:
        high -= _STEP
    return int(wide), int(high)


def _sixteenths(side: float) -> int:
    return max(_STEP, round(side / _STEP) * _STEP)


def _unlike(size: str, width: int, height: int) -> tuple[float, int]:
    wide, high = map(int, size.split("x"))
    return abs(log(wide / high) - log(width / height)), abs(wide * high - width * height)
