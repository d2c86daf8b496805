"""The sketch upstream: an image model to test against, speaking every form in which real ones answer.

One app serves `/v1/chat/completions`, `/v1/models`, and under `/cdn/…` the pictures that it answers with by
URL. The name of the model chooses the form (`forms.FORMS`), with the suffix `-strict` for a server that
refuses what strict ones refuse; the request's field `sketch` sets the knobs (`rendering.Knobs`). Nothing is
painted before it is asked for.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

import aiohttp
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from darkroom.dialects.image_params import image_params
from darkroom.errors import ClientError
from darkroom.ids import typeid
from darkroom.media import HEAD_BYTES, sniff
from darkroom.sketch import Picture, compose, edit, film, paint, size_for, steps
from darkroom.sketch.ancestry import open_picture
from darkroom.testing.asking import (
    Refused,
    Turn,
    check_strictly,
    decode_data_uri,
    input_urls,
    prompt_of,
    ratio_of,
    shortened,
    turns_of,
)
from darkroom.testing.choosing import Earlier, choose, earlier_in, essence
from darkroom.testing.forms import (
    CLOSE,
    FORMS,
    OPEN,
    PICTURELESS,
    RELAYS,
    VIDEOS,
    Fields,
    Made,
    Shown,
    Written,
)
from darkroom.testing.keeping import Bounded, padded
from darkroom.testing.rendering import CREATED, Knobs, Renderer, coalesced, knobs_from
from darkroom.testing.sending import Sent, body, headers_for, paced, rendered

MAX_REQUESTS = 100
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_FETCH_BYTES = 64 << 20
_KEPT_FILES, _KEPT_BYTES = 512, 256 << 20
_KEPT_BODIES = 128 << 20
_SAFETY = "Your request was rejected by the safety system. If you believe this is an error, contact us."
_HTML = b"<!DOCTYPE html>\n<html><head><title>Expired</title></head><body>This link has expired.</body></html>\n"
_SPOILED = {"bad-html": _HTML, "bad-magic": b"This is not a picture, whatever its name says.\n" * 40}
_REFUSALS: dict[str, Callable[[], Refused]] = {
    "fail-500": lambda: Refused(500, _SAFETY, code="internal_error"),
    "fail-429": lambda: Refused(
        429, "Rate limit reached, try again later.", code="rate_limit_exceeded", Retry_After="7"
    ),
}


@dataclass(frozen=True, slots=True)
class _File:
    """A file of the cdn."""

    data: bytes
    mime: str


@dataclass(frozen=True, slots=True)
class _Ask:
    """A request, read."""

    model: str
    form: str
    stream: bool
    with_usage: bool
    knobs: Knobs
    turns: tuple[Turn, ...]
    prompt: str
    ratio: str
    inputs: tuple[bytes, ...]
    host: str

    @property
    def cache_key(self) -> tuple[object, ...]:
        digests = tuple(hashlib.sha256(data).digest() for data in self.inputs)
        return (
            self.model,
            self.stream,
            self.with_usage,
            self.knobs,
            self.prompt,
            self.ratio,
            digests,
            self.host,
        )


class SketchUpstream:
    """A fake upstream. `app` is its ASGI app; `requests` what it received, newest last, base64 hashed. `several`: it
    paints as many pictures as the field `n` says, which most upstreams of chat completions do not."""

    def __init__(self, *, key: str | None = None, several: bool = False) -> None:
        self.key = key
        self.several = several
        self.requests: deque[Fields] = deque(maxlen=MAX_REQUESTS)
        self._files: Bounded[_File] = Bounded(_KEPT_FILES, _KEPT_BYTES)
        self._made: Bounded[bytes] = Bounded(_KEPT_FILES, _KEPT_BYTES)
        self._bodies: Bounded[tuple[bytes, ...]] = Bounded(8, _KEPT_BODIES)
        self._count = 0
        self.app = Starlette(
            routes=[
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
                Route("/v1/models", self._models, methods=["GET"]),
                Route("/cdn/{path:path}", self._cdn, methods=["GET"]),
            ]
        )

    # Doors

    async def _models(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        names = [*FORMS, *_REFUSALS]
        data = [{"id": name, "object": "model", "created": CREATED, "owned_by": "sketch"} for name in names]
        return JSONResponse({"object": "list", "data": data})

    async def _cdn(self, request: Request) -> Response:
        path = request.path_params["path"].removeprefix("download/")
        file = self._files.get(path)
        if file is None:
            return Response("<Error><Code>NotFound</Code></Error>", 404, media_type="application/xml")
        return Sent(coalesced([file.data]), {"content-type": file.mime, "content-length": str(len(file.data))})

    async def _chat(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        try:
            ask = await self._read(request)
            return await self._answer(ask)
        except Refused as refused:
            return JSONResponse(refused.body, refused.status, refused.headers)
        except ClientError as error:
            return JSONResponse(error.body(), error.status)

    def _refusal(self, request: Request) -> Response | None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.key is None or hmac.compare_digest(given.encode(), self.key.encode()):
            return None
        refused = Refused(401, "Incorrect API key provided.", code="invalid_api_key")
        return JSONResponse(refused.body, 401)

    # Reading

    async def _read(self, request: Request) -> _Ask:
        try:
            content = json.loads(await request.body())
        except ValueError as error:
            raise Refused(400, "The body is not JSON.") from error
        if not isinstance(content, dict) or not isinstance(content.get("model"), str):
            raise Refused(400, "The body must be an object with a model.", param="model")
        # Megabytes of base64 are hashed for the record; the loop has others to serve meanwhile.
        self.requests.append(await asyncio.to_thread(shortened, content))
        form, strict = _form_of(content["model"])
        turns = turns_of(content)
        try:
            knobs = knobs_from(content.get("sketch"), strict=strict)
            if self.several and (n := image_params(content).n) > 1:
                knobs = replace(knobs, n=n)
        except (ValueError, TypeError) as error:
            raise Refused(400, str(error), param="sketch") from error
        if knobs.strict:
            check_strictly(content)
        stream = content.get("stream") is True
        options = content.get("stream_options")
        wanted = not stream or (isinstance(options, dict) and options.get("include_usage") is True)
        return _Ask(
            model=content["model"],
            form=form,
            stream=stream,
            with_usage=wanted if knobs.usage is None else knobs.usage,
            knobs=knobs,
            turns=tuple(turns),
            prompt=prompt_of(turns),
            ratio=ratio_of(content, turns),
            inputs=tuple([await _input(url) for url in input_urls(turns)]),
            host=f"{request.url.scheme}://{request.url.netloc}",
        )

    # Making

    async def _answer(self, ask: _Ask) -> Response:
        plain = ask.form not in RELAYS and not ask.knobs.delay
        pieces = self._bodies.get(ask.cache_key) if plain else None
        cut = ask.form == "dies"
        if pieces is not None and self._still_served(ask):
            return body(pieces, stream=ask.stream, cut=cut)
        renderer, written = await asyncio.to_thread(self._make, ask)
        if ask.stream and ask.knobs.delay:
            return Sent(paced(renderer.frames(written), ask.knobs.delay), headers_for(stream=ask.stream))
        pieces = await asyncio.to_thread(rendered, renderer, written, stream=ask.stream)
        if plain:
            self._bodies.put(ask.cache_key, pieces, sum(map(len, pieces)))
        return body(pieces, stream=ask.stream, cut=cut)

    def _still_served(self, ask: _Ask) -> bool:
        """Tell whether an answer that was kept may be given again: not if it names files that may be gone."""
        return ask.form not in _BY_URL

    def _make(self, ask: _Ask) -> tuple[Renderer, Written]:
        blobs: list[bytes] = []
        made = self._picture(ask, blobs)
        written = FORMS[ask.form](made)
        usage = _usage(ask, len(made.pictures)) if ask.with_usage else None
        return Renderer(ask.model, ask.knobs, blobs, usage), written

    def _picture(self, ask: _Ask, blobs: list[bytes]) -> Made:
        """Paint what is asked for, and put it where the answer's links point to."""
        meant = choose(ask.prompt, earlier_in(list(ask.turns))) if ask.form in RELAYS else None
        prompt = essence(ask.prompt) if meant else ask.prompt
        seen = tuple("{}x{}".format(*open_picture(data).size) for data in ask.inputs) if ask.form == "text" else ()
        made = Made(
            prompt=prompt,
            pictures=(),
            steps=steps(ask.prompt),
            ratio=ask.ratio,
            size=size_for(ask.ratio),
            task_id=self._id("task"),
            edited=meant.gen_id if meant else None,
            seen=seen,
        )
        if ask.form in PICTURELESS:
            return made
        bases = ask.inputs or ((self._base(meant),) if meant else ())
        pictures = tuple(
            self._shown(ask, self._paint(ask, prompt, bases, number), blobs) for number in range(ask.knobs.n)
        )
        partial = video = None
        if ask.form == "images-partials":
            partial = self._shown(ask, paint(f"{prompt} …", size=(256, 256)).data, blobs)
        if ask.form in VIDEOS:
            video = self._shown(ask, film(prompt).data, blobs)
        return replace(made, pictures=pictures, partial=partial, video=video)

    def _base(self, earlier: Earlier) -> bytes:
        """Return an earlier picture; one that was made before this process is painted anew from its words."""
        return self._made.get(earlier.gen_id) or paint(essence(earlier.prompt)).data

    def _paint(self, ask: _Ask, prompt: str, bases: tuple[bytes, ...], number: int) -> bytes:
        if ask.form in _SPOILED:
            return _SPOILED[ask.form]
        words = prompt if number == 0 else f"{prompt} ({number + 1})"
        picture = _drawn(words, bases, ask.ratio)
        return padded(picture.data, ask.knobs.bytes)

    def _shown(self, ask: _Ask, data: bytes, blobs: list[bytes]) -> Shown:
        """Keep a file, and return how the answer's forms may show it."""
        mime = _mime_of(data)
        gen_id = self._id("gen")
        day = datetime.fromtimestamp(CREATED, UTC).strftime("%Y%m%d")
        suffix = "webp" if mime == "image/webp" else "mp4" if mime == "video/mp4" else "png"
        path = f"{day}/{hashlib.sha256(data).hexdigest()[:30]}.{suffix}"
        self._files.put(path, _File(data, mime), len(data))
        self._made.put(gen_id, data, len(data))
        blobs.append(data)
        shown_mime = "image/png" if mime == "text/html" else mime
        mark = f"{OPEN}{len(blobs) - 1}{CLOSE}"
        return Shown(mark, shown_mime, f"{ask.host}/cdn/{path}", f"{ask.host}/cdn/download/{path}", gen_id)

    def _id(self, prefix: str) -> str:
        self._count += 1
        entropy = hashlib.sha256(f"{prefix}:{self._count}".encode()).digest()[:10]
        return typeid(prefix, CREATED * 1000 + self._count, entropy)


_BY_URL = VIDEOS | {"markdown-url", "bare-url", "html", "bad-html", "image-data"}


def _form_of(model: str) -> tuple[str, bool]:
    """Return the form that a model's name chooses, and whether it is strict."""
    name = model.rpartition("/")[2]
    form = name.removesuffix("-strict")
    if form in _REFUSALS:
        raise _REFUSALS[form]()
    if form not in FORMS:
        raise Refused(404, f"The model `{model[:80]}` does not exist.", code="model_not_found", param="model")
    return form, name != form


def _drawn(prompt: str, bases: tuple[bytes, ...], ratio: str) -> Picture:
    if not bases:
        return paint(prompt, ratio=ratio)
    return edit(bases[0], prompt) if len(bases) == 1 else compose(bases, prompt, ratio=ratio)


def _mime_of(data: bytes) -> str:
    if data in _SPOILED.values():
        return "text/html"
    return sniff(data[:HEAD_BYTES]) or "application/octet-stream"


def _usage(ask: _Ask, pictures: int) -> Fields:
    prompt = sum(len(turn.text) for turn in ask.turns) // 4 + 1 + 258 * len(ask.inputs)
    drawn = 1290 * pictures
    return {
        "prompt_tokens": prompt,
        "completion_tokens": drawn + 9,
        "total_tokens": prompt + drawn + 9,
        "completion_tokens_details": {"image_tokens": drawn},
    }


async def _input(url: str) -> bytes:
    """Return an input picture's bytes, out of a data URI or from an address on this machine."""
    if url.startswith("data:"):
        return decode_data_uri(url)
    try:
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            return await _fetch(session, url)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise Refused(400, "Error while downloading the image.", code="invalid_image_url") from error


async def _fetch(session: aiohttp.ClientSession, url: str) -> bytes:
    async with session.get(_on_loopback(url), allow_redirects=False) as response:
        data = await response.content.read(_FETCH_BYTES) if response.status == 200 else b""
        while data and (more := await response.content.read(_FETCH_BYTES)):
            data += more
            if len(data) > _FETCH_BYTES:
                data = b""
    if not data:
        raise ValueError("no picture, or too large a one")
    return data


def _on_loopback(url: str) -> str:
    host = urlsplit(url).hostname
    if host not in _LOOPBACK:
        raise ValueError("the sketch upstream fetches from this machine alone")
    return url
