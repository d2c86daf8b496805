"""An emulator of OpenAI's Images API, and of the local servers that speak it their own way; the painter behind it.

The model chooses who answers: `gpt-image-…` is as strict as OpenAI, `local-url` answers with relative URLs as LocalAI
does, `local-b64` with base64 alone and one picture whatever `n` is, and refuses to stream. Suffixes are knobs:
`-moderated` refuses every prompt, `-partials` streams unfinished pictures that nobody asked for, one of them late,
`-cut` breaks a stream off before its picture. Format: OpenAI `types/image*.py`, `resources/images.py`.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from darkroom.errors import ClientError
from darkroom.sketch import Picture, compose, edit, paint
from darkroom.sketch.ancestry import open_picture
from darkroom.testing.emulation import Asked, Fields, Notes, draw, shortened

Format = Literal["png", "webp", "jpeg"]
KNOBS = ("moderated", "partials", "cut")
MODELS = ("gpt-image-2", "gpt-image-1.5", "local-url", "local-b64")
CREATED = 1_780_000_000
_SIZE = re.compile(r"(\d{2,4})x(\d{2,4})")
_STANDARD = ("1024x1024", "1536x1024", "1024x1536", "auto")
_MAX_IMAGE, _MAX_MASK, _MAX_IMAGES, _MAX_PROMPT = 50 << 20, 4 << 20, 16, 32_000
_CHUNK = 30_000
_WORDS: dict[str, tuple[str, ...]] = {
    "quality": ("low", "medium", "high", "auto"),
    "background": ("transparent", "opaque", "auto"),
    "output_format": get_args(Format),
    "moderation": ("low", "auto"),
    "complexity": ("low", "medium", "high"),
    "input_fidelity": ("high", "low"),
}
_RANGES = {"n": (1, 10), "output_compression": (0, 100), "partial_images": (0, 3)}
_GENERATE = frozenset({*_WORDS, *_RANGES, "model", "prompt", "size", "stream", "user", "safety_identifier"}) - {
    "input_fidelity"
}
_EDIT = _GENERATE | {"input_fidelity", "image", "mask"}


class _Refused(Exception):
    """An error in OpenAI's shape."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: Fields = {"error": {"message": message, "type": kind, "param": param, "code": code}}


@dataclass(frozen=True, slots=True)
class _Ask:
    """A request, read: its fields as JSON's values, its files in order."""

    name: str
    knobs: frozenset[str]
    fields: Mapping[str, Any]
    images: tuple[bytes, ...] = ()
    mask: bytes | None = None
    edits: bool = False

    @property
    def strict(self) -> bool:
        return self.name.startswith("gpt-")

    @property
    def prompt(self) -> str:
        return str(self.fields["prompt"])

    @property
    def format(self) -> Format:
        wanted = self.fields.get("output_format")
        return next((known for known in get_args(Format) if known == wanted), "png")

    @property
    def ratio(self) -> str:
        match = _SIZE.fullmatch(str(self.fields.get("size")))
        return f"{match[1]}:{match[2]}" if match else "1:1"


@dataclass
class ImagesUpstream:
    """`app` is the ASGI app; `requests` what it was asked, a form's files as lists of their SHA-256.

    `gate` holds a stream back between its unfinished pictures and the finished one.
    """

    key: str = ""
    gate: asyncio.Event | None = None
    notes: Notes = field(default_factory=Notes)
    app: Starlette = field(init=False)
    _files: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.app = Starlette(
            routes=[
                Route("/v1/images/generations", self._guarded(self._generations), methods=["POST"]),
                Route("/v1/images/edits", self._guarded(self._edits), methods=["POST"]),
                Route("/v1/models", self._guarded(self._models), methods=["GET"]),
                Route("/generated-images/{name}", self._file, methods=["GET"]),
            ]
        )

    @property
    def requests(self) -> Any:
        return self.notes.requests

    def _guarded(self, endpoint: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def guarded(request: Request) -> Response:
            try:
                given = request.headers.get("authorization", "").removeprefix("Bearer ")
                if self.key and not hmac.compare_digest(given.encode(), self.key.encode()):
                    raise _Refused(401, "Incorrect API key provided.", "invalid_api_key")
                answer: Response = await endpoint(request)
                return answer
            except _Refused as refused:
                return JSONResponse(refused.body, refused.status)
            except ClientError as error:
                return JSONResponse(error.body(), error.status)

        return guarded

    async def _models(self, request: Request) -> Response:
        data = [{"id": name, "object": "model", "created": CREATED, "owned_by": "sketch"} for name in MODELS]
        return JSONResponse({"object": "list", "data": data})

    async def _file(self, request: Request) -> Response:
        data = self._files.get(request.path_params["name"])
        return Response(data or b"", 200 if data else 404, media_type="image/png")

    async def _generations(self, request: Request) -> Response:
        if _kind(request) != "application/json":
            raise _Refused(400, f"Unsupported content type: '{_kind(request)}'.", "unsupported_content_type")
        fields = self.notes.note("POST", request.url.path, await request.body())
        if not isinstance(fields, dict):
            raise _Refused(400, "We could not parse the JSON body of your request.")
        return await self._answer(_ask_of(fields))

    async def _edits(self, request: Request) -> Response:
        if _kind(request) != "multipart/form-data":
            raise _Refused(400, f"Unsupported content type: '{_kind(request)}'.", "unsupported_content_type")
        if "content-length" not in request.headers:
            raise _Refused(411, "The request has no length.")
        async with request.form(max_files=64) as form:
            items = form.multi_items()
            files = [(name, await each.read()) for name, each in items if isinstance(each, UploadFile)]
        fields = {name: value for name, value in items if isinstance(value, str)}
        named = {name: [_sha256(data) for of, data in files if of == name] for name, _ in files}
        size = int(request.headers["content-length"])
        self.notes.requests.append(Asked("POST", request.url.path, shortened({**fields, **named}), size))
        return await self._answer(_with_files(_ask_of(fields, form=True, edits=True), files))

    async def _answer(self, ask: _Ask) -> Response:
        _check(ask)
        if "moderated" in ask.knobs:
            words = "Your request was rejected by the safety system."
            raise _Refused(400, words, "moderation_blocked", kind="image_generation_user_error")
        if ask.strict and ask.fields.get("stream"):
            return StreamingResponse(self._stream(ask), media_type="text/event-stream")
        count = 1 if ask.name == "local-b64" else int(ask.fields.get("n") or 1)
        pictures = [await asyncio.to_thread(_draw, ask, number) for number in range(count)]
        if ask.name == "local-url" and ask.fields.get("response_format") != "b64_json":
            data: list[Fields] = [{"embedding": None, "index": 0, "url": self._kept(each)} for each in pictures]
        else:
            data = [{"b64_json": base64.b64encode(each.data).decode()} for each in pictures]
        told = {**_told(ask), "usage": _usage(ask, count)} if ask.strict else {}
        return JSONResponse({"created": CREATED, "data": data, **told})

    def _kept(self, picture: Picture) -> str:
        name = f"{picture.sha256[:24]}.png"
        self._files[name] = picture.data
        return f"/generated-images/{name}"

    async def _stream(self, ask: _Ask) -> AsyncIterator[bytes]:
        unasked = "partials" in ask.knobs
        partials = int(ask.fields.get("partial_images") or (2 if unasked else 0))
        for index in range(partials):
            for chunk in _partial(ask, index):
                yield chunk
        if self.gate is not None:
            await self.gate.wait()
        if "cut" in ask.knobs:
            return
        for number in range(int(ask.fields.get("n") or 1)):
            picture = await asyncio.to_thread(_draw, ask, number)
            for chunk in _event(ask, "completed", picture.data, usage=_usage(ask, 1)):
                yield chunk
        if unasked:
            for chunk in _partial(ask, partials):
                yield chunk


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _ask_of(fields: Fields, *, form: bool = False, edits: bool = False) -> _Ask:
    model = fields.get("model")
    if not isinstance(model, str):
        raise _Refused(400, "you must provide a model parameter")
    name, *knobs = re.split(f"-(?={'|'.join(KNOBS)})", model)
    if name not in MODELS:
        raise _Refused(404, f"The model '{model[:80]}' does not exist.", "model_not_found", "model")
    values = {key: _value(key, text) for key, text in fields.items()} if form else fields
    return _Ask(name, frozenset(knobs), values, edits=edits)


def _value(name: str, text: str) -> Any:
    """Return a form's text as JSON would have it."""
    if name in _RANGES and text.isdecimal():
        return int(text)
    return {"true": True, "false": False}.get(text, text) if name == "stream" else text


def _with_files(ask: _Ask, files: Sequence[tuple[str, bytes]]) -> _Ask:
    unknown = [name for name, _ in files if name not in ("image", "image[]", "mask")]
    if unknown:
        raise _Refused(400, f"Unknown parameter: '{unknown[0]}'.", "unknown_parameter", unknown[0])
    images = tuple(data for name, data in files if name != "mask")
    masks = [data for name, data in files if name == "mask"]
    if not images:
        raise _Refused(400, "Missing required parameter: 'image'.", "missing_required_parameter", "image")
    if [name for name, _ in files].count("image") > 1 or len(masks) > 1:
        raise _Refused(400, "Duplicate parameter: 'image'. Use 'image[]'.", "duplicate_parameter", "image")
    return _Ask(ask.name, ask.knobs, ask.fields, images, masks[0] if masks else None, edits=True)


def _check(ask: _Ask) -> None:
    """Refuse what this model's server refuses."""
    prompt = ask.fields.get("prompt")
    if not isinstance(prompt, str) or not prompt:
        raise _Refused(400, "Missing required parameter: 'prompt'.", "missing_required_parameter", "prompt")
    if ask.strict:
        _check_strictly(ask)
    elif ask.name == "local-b64":
        if ask.fields.get("stream"):
            raise _Refused(400, "streaming is not supported", param="stream")
        if ask.fields.get("response_format") not in (None, "b64_json"):
            raise _Refused(400, "only b64_json is supported", param="response_format")


def _check_strictly(ask: _Ask) -> None:
    fields = ask.fields
    for name in fields:
        if name not in (_EDIT if ask.edits else _GENERATE):
            raise _Refused(400, f"Unknown parameter: '{name}'.", "unknown_parameter", name)
    if len(ask.prompt) > _MAX_PROMPT:
        raise _Refused(400, "Invalid 'prompt': string too long.", "string_above_max_length", "prompt")
    _check_values(fields)
    _check_together(ask)
    _check_size(ask)
    _check_files(ask)


def _check_values(fields: Mapping[str, Any]) -> None:
    """Check each value for itself."""
    for name, words in _WORDS.items():
        if fields.get(name) is not None and fields[name] not in words:
            raise _invalid(name, fields[name], f"Supported values are: {', '.join(words)}.")
    for name, (least, most) in _RANGES.items():
        value = fields.get(name)
        if value is not None and not (type(value) is int and least <= value <= most):
            raise _invalid(name, value, f"It must be an integer from {least} to {most}.")
    if fields.get("stream") not in (None, True, False):
        raise _invalid("stream", fields["stream"], "It must be a boolean.")


def _check_together(ask: _Ask) -> None:
    """Check what goes with what."""
    fields = ask.fields
    if fields.get("partial_images") and not fields.get("stream"):
        raise _invalid("partial_images", fields["partial_images"], "It needs 'stream'.")
    if fields.get("output_compression") is not None and ask.format == "png":
        raise _invalid("output_compression", fields["output_compression"], "It is for webp and jpeg.")
    if fields.get("background") == "transparent" and ask.format == "jpeg":
        raise _invalid("background", "transparent", "It needs png or webp.")
    if fields.get("input_fidelity") is not None and ask.name != "gpt-image-1.5":
        raise _Refused(400, f"{ask.name} does not support 'input_fidelity'.", "unsupported_parameter", "input_fidelity")


def _invalid(name: str, value: Any, why: str) -> _Refused:
    return _Refused(400, f"Invalid value: '{value}'. {why}", "invalid_value", name)


def _check_size(ask: _Ask) -> None:
    size = ask.fields.get("size")
    if size is None or size == "auto":
        return
    match = _SIZE.fullmatch(size) if isinstance(size, str) else None
    if match is None or (ask.name == "gpt-image-1.5" and size not in _STANDARD):
        raise _invalid("size", size, f"Supported values are: {', '.join(_STANDARD)}.")
    width, height = int(match[1]), int(match[2])
    if width % 16 or height % 16:
        raise _invalid("size", size, "Width and height must be divisible by 16.")
    if max(width, height) > 3 * min(width, height):
        raise _invalid("size", size, "The ratio must be between 1:3 and 3:1.")
    if max(width, height) > 3840 or width * height > 3840 * 2160:
        raise _invalid("size", size, "The maximum is 3840x2160.")


def _check_files(ask: _Ask) -> None:
    if len(ask.images) > _MAX_IMAGES:
        raise _Refused(400, f"You can provide up to {_MAX_IMAGES} images.", "invalid_value", "image")
    for data in ask.images:
        if len(data) >= _MAX_IMAGE or not data.startswith((b"\x89PNG\r\n", b"\xff\xd8\xff", b"RIFF")):
            raise _Refused(400, "Invalid image file or mode for image.", "invalid_image_file", "image")
    if ask.mask is None:
        return
    if len(ask.mask) >= _MAX_MASK or not ask.mask.startswith(b"\x89PNG\r\n"):
        raise _Refused(400, "Invalid image file or mode for mask.", "invalid_image_file", "mask")
    mask = open_picture(ask.mask)
    if "A" not in mask.getbands():
        raise _Refused(400, "Invalid mask: it must have an alpha channel.", "invalid_image_file", "mask")
    if mask.size != open_picture(ask.images[0]).size:
        raise _Refused(400, "Invalid mask: its size must be the image's.", "invalid_image_file", "mask")


def _draw(ask: _Ask, number: int) -> Picture:
    words = ask.prompt if number == 0 else f"{ask.prompt} ({number + 1})"
    if ask.format == "png":
        return draw(words, ask.images, ask.ratio)
    if not ask.images:
        return paint(words, ratio=ask.ratio, format=ask.format)
    if len(ask.images) == 1:
        return edit(ask.images[0], words, format=ask.format)
    return compose(ask.images, words, ratio=ask.ratio, format=ask.format)


def _told(ask: _Ask) -> Fields:
    fields = ask.fields
    return {
        "background": "transparent" if fields.get("background") == "transparent" else "opaque",
        "output_format": ask.format,
        "quality": fields.get("quality") if fields.get("quality") not in (None, "auto") else "high",
        "size": fields.get("size") if fields.get("size") not in (None, "auto") else "1024x1024",
    }


def _usage(ask: _Ask, count: int) -> Fields:
    text, images, drawn = len(ask.prompt) // 4 + 1, 65 * len(ask.images), 4160 * count
    return {
        "input_tokens": text + images,
        "input_tokens_details": {"text_tokens": text, "image_tokens": images},
        "output_tokens": drawn,
        "output_tokens_details": {"text_tokens": 0, "image_tokens": drawn},
        "total_tokens": text + images + drawn,
    }


def _partial(ask: _Ask, index: int) -> list[bytes]:
    draft = paint(f"{ask.prompt} … {index}", size=(256, 256)).data
    return _event(ask, "partial_image", draft, partial_image_index=index)


def _event(ask: _Ask, what: str, data: bytes, **more: Any) -> list[bytes]:
    """Return an event in pieces, cut as a network would."""
    name = f"{'image_edit' if ask.edits else 'image_generation'}.{what}"
    frame = {"type": name, "b64_json": base64.b64encode(data).decode(), "created_at": CREATED, **_told(ask), **more}
    text = f"event: {name}\ndata: {json.dumps(frame)}\n\n".encode()
    return [text[start : start + _CHUNK] for start in range(0, len(text), _CHUNK)]
