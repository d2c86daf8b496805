"""What the emulator of the Videos API is asked, read as strictly as the real servers read it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request

from darkroom.testing.emulation import Asked, Fields, Notes, Refusal, shortened
from darkroom.testing.videos_variants import Variant

_SIZE = re.compile(r"(\d{2,4})x(\d{2,4})")
_SIZES = ("720x1280", "1280x720", "1024x1792", "1792x1024")
_SECONDS = ("4", "8", "12")
_DATA = re.compile(r"data:[\w/+.-]+;base64,")


class Refused(Refusal):
    """An error in OpenAI's shape."""

    def __init__(self, status: int, message: str, code: str | None = None, param: str | None = None) -> None:
        super().__init__(status, message)
        self.code, self.param = code, param

    @property
    def body(self) -> Fields:
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A film that is asked for. `picture` is what it begins with; `parents` are the hashes of all media that came
    along, `links` the URLs that were named instead."""

    model: str
    prompt: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    picture: bytes | None = None
    parents: tuple[str, ...] = ()
    links: tuple[str, ...] = ()

    @property
    def seconds(self) -> str:
        return str(self.fields.get("seconds") or self.fields.get("duration") or "4")

    @property
    def size(self) -> str:
        found = str(self.fields.get("size") or "")
        return found if _SIZE.fullmatch(found) else "720x1280"


async def read(request: Request, variant: Variant, notes: Notes) -> Wanted:
    """Read and check the body of a request that creates. Raises `Refused`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind == "multipart/form-data" and variant.form:
        fields, files = await _form(request, variant, notes)
    elif kind == "application/json" and variant.json:
        fields, files = notes.note("POST", request.url.path, await request.body(), dict(request.headers)), []
        if not isinstance(fields, dict):
            raise Refused(400, "We could not parse the JSON body of your request.")
    else:
        raise Refused(400, f"Unsupported content type: '{kind}'.", "unsupported_content_type")
    unknown = [name for name in fields if name not in variant.takes]
    if unknown:
        raise Refused(400, f"Unknown parameter: '{unknown[0]}'.", "unknown_parameter", unknown[0])
    _check(fields, variant)
    links, found = _references(fields)
    media = [*files, *found]
    parents = tuple(hashlib.sha256(data).hexdigest() for data in media)
    picture = next((data for data in media if data[4:8] != b"ftyp"), None)
    return Wanted(str(fields["model"]), str(fields["prompt"]), fields, picture, parents, tuple(links))


async def _form(request: Request, variant: Variant, notes: Notes) -> tuple[Fields, list[bytes]]:
    if "content-length" not in request.headers:
        raise Refused(411, "The request has no length.")
    async with request.form(max_files=16) as form:
        items = form.multi_items()
        files = [(name, await each.read()) for name, each in items if isinstance(each, UploadFile)]
    fields: Fields = {}
    for name, value in items:
        if isinstance(value, str):
            _put(fields, name, value)
    named = {name: [hashlib.sha256(data).hexdigest() for of, data in files if of == name] for name, _ in files}
    size, headers = int(request.headers["content-length"]), dict(request.headers)
    notes.requests.append(Asked("POST", request.url.path, shortened({**fields, **named}), size, headers))
    unknown = [name for name, _ in files if name not in variant.files]
    if unknown:
        raise Refused(400, f"Unknown parameter: '{unknown[0]}'.", "unknown_parameter", unknown[0])
    return fields, [data for _, data in files]


def _put(fields: Fields, name: str, text: str) -> None:
    """Put a form's text where JSON would have it: `a[b]` is in a table, `a[]` in a list, and JSON is read."""
    stem, bracket, key = name.partition("[")
    value: Any = text
    if stem.endswith("_reference") and text.startswith("{"):
        try:
            value = json.loads(text)
        except ValueError:
            raise Refused(400, f"'{stem}' is not JSON.", "invalid_value", stem) from None
    if not bracket:
        fields[stem] = value
    elif key == "]":
        fields.setdefault(stem, []).append(value)
    else:
        fields.setdefault(stem, {})[key.removesuffix("]")] = value


def _check(fields: Fields, variant: Variant) -> None:
    prompt, model = fields.get("prompt"), fields.get("model")
    if not isinstance(prompt, str) or not prompt:
        raise Refused(400, "Missing required parameter: 'prompt'.", "missing_required_parameter", "prompt")
    if model not in variant.models:
        raise Refused(404, f"The model '{str(model)[:80]}' does not exist.", "model_not_found", "model")
    seconds, size = fields.get("seconds"), fields.get("size")
    if variant.strict and seconds is not None and seconds not in _SECONDS:
        raise _invalid("seconds", seconds, _SECONDS)
    if variant.strict and size is not None and size not in _SIZES:
        raise _invalid("size", size, _SIZES)
    if not variant.strict and seconds is not None and not re.fullmatch(r"[1-9]\d*", str(seconds)):
        raise Refused(422, f"'seconds' can't be '{seconds}'.", "invalid_value", "seconds")


def _invalid(name: str, value: Any, known: tuple[str, ...]) -> Refused:
    words = f"Invalid value: '{value}'. Supported values are: {', '.join(known)}."
    return Refused(400, words, "invalid_value", name)


def _references(fields: Fields) -> tuple[list[str], list[bytes]]:
    """Return the links and the media that stand in the fields themselves."""
    links: list[str] = []
    found: list[bytes] = []
    for name in ("input_reference", "image_reference", "video_reference", "reference_url", "images", "start_image"):
        for text in _texts(fields.get(name), name):
            if text.startswith(("http://", "https://")):
                links.append(text)
            else:
                found.append(_decoded(text, name))
    return links, found


def _texts(value: Any, name: str) -> list[str]:
    match value:
        case None:
            return []
        case str():
            return [value]
        case list():
            return [text for item in value for text in _texts(item, name)]
        case dict() if value and value.keys() <= {"image_url", "video_url", "file_id"}:
            return [str(item) for item in value.values()]
    raise Refused(400, f"Invalid type for '{name}'.", "invalid_type", name)


def _decoded(text: str, name: str) -> bytes:
    try:
        return base64.b64decode(_DATA.sub("", text, count=1), validate=True)
    except ValueError:
        raise Refused(400, f"'{name}' is neither a URL nor base64.", "invalid_value", name) from None
