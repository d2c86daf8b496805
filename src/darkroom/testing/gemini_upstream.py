"""The Gemini API, emulated: models, `generateContent`, `streamGenerateContent`, and the Files API.

`gemini-3-flash` talks and sees; `gemini-3-pro-image` and its kin draw too, think in words and pictures before they do,
and sign what they make. They know a picture of theirs only by the signature that they gave it: for that key, that model
and those bytes. A suffix of the model's name makes it fail: see `ENDS` and `TROUBLES`.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from darkroom.sketch import paint
from darkroom.testing.emulation import Answer, Asked, Notes, described, draw, meant, wants_words
from darkroom.testing.gemini_files import Fields, Files, Refused
from darkroom.testing.gemini_reading import Question, Reader, Signer
from darkroom.testing.planning import planned_for

DRAWING = (
    "gemini-3-pro-image",
    "gemini-3-pro-image-preview",
    "gemini-3.1-flash-image",
    "gemini-3.1-flash-image-preview",
    "gemini-2.5-flash-image",
)
TALKING = ("gemini-3-pro-preview", "gemini-3-flash", "gemini-2.5-flash")
ENDS = {
    "safety": "IMAGE_SAFETY",
    "prohibited": "PROHIBITED_CONTENT",
    "recitation": "IMAGE_RECITATION",
    "no-image": "NO_IMAGE",
    "other": "IMAGE_OTHER",
    "malformed": "MALFORMED_RESPONSE",
    "long": "MAX_TOKENS",
}
"""Suffixes of models that end without a picture, and with which `finishReason`; one that talks ends after its text."""
TROUBLES = ("blocked", "forgets", "misses", "quota", "busy", "cut")
"""`blocked`: the prompt is; `forgets`: every signature is missing; `misses`: that is told in a `finishReason`; `quota`:
429 with a delay; `busy`: 503; `cut`: the stream ends in the middle."""
_KEY_INVALID = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    "reason": "API_KEY_INVALID",
    "domain": "googleapis.com",
    "metadata": {"service": "generativelanguage.googleapis.com"},
}
_RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17s"}


class GeminiUpstream:
    """A fake Gemini API. `requests` is what it received, newest last, with long strings hashed.

    `key`: the one that it takes, or several; None takes any. `signature_bytes`: how long its signatures are. `web`:
    what it finds at URLs that are not its own. Knobs of the Files API are on `files`.
    """

    def __init__(
        self,
        *,
        key: str | Sequence[str] | None = None,
        signature_bytes: int = 120,
        web: Mapping[str, bytes] | None = None,
    ) -> None:
        self.keys = (key,) if isinstance(key, str) else tuple(key or ())
        self.files = Files()
        self.signature_bytes = signature_bytes
        self.web = web or {}
        self._notes = Notes()
        self._ids = itertools.count(1)
        routes: list[tuple[str, str, Answer]] = [
            ("GET", "/{version}/models", self._models),
            ("GET", "/{version}/models/{model}", self._model),
            ("POST", "/{version}/models/{call}", self._generate),
            ("POST", "/upload/{version}/files", self._upload),
            ("GET", "/{version}/files", self._list_files),
            ("GET", "/{version}/files/{id}", self._look),
            ("DELETE", "/{version}/files/{id}", self._delete),
        ]
        self.app = Starlette(routes=[Route(path, self._guarded(do), methods=[how]) for how, path, do in routes])

    @property
    def requests(self) -> deque[Asked]:
        return self._notes.requests

    def _guarded(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def guarded(request: Request) -> Response:
            body = await self._noted(request)
            try:
                if request.path_params["version"] not in ("v1", "v1beta"):
                    raise Refused(404, "The requested URL was not found on this server.")
                return await answer(request, self._key(request), body)
            except Refused as refused:
                listed = "stream" in request.url.path and request.query_params.get("alt") != "sse"
                return JSONResponse([refused.body] if listed else refused.body, refused.code)

        return guarded

    def _key(self, request: Request) -> str:
        key = request.headers.get("x-goog-api-key") or request.query_params.get("key") or ""
        if not self.keys or key in self.keys or "upload_id" in request.query_params:
            return key
        if not key:
            raise Refused(403, "Method doesn't allow unregistered callers. Please use API Key.")
        raise Refused(400, "API key not valid. Please pass a valid API key.", _KEY_INVALID)

    async def _noted(self, request: Request) -> Any:
        headers = {name.lower(): value for name, value in request.headers.items()}
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return self._notes.note(request.method, path, await request.body(), headers)

    async def _models(self, request: Request, key: str, body: Any) -> Response:
        return JSONResponse({"models": [_described(name) for name in (*DRAWING, *TALKING)]})

    async def _model(self, request: Request, key: str, body: Any) -> Response:
        name, _ = _known_model(request.path_params["model"])
        return JSONResponse(_described(name))

    async def _upload(self, request: Request, key: str, body: Any) -> Response:
        base, version = str(request.base_url).rstrip("/"), request.path_params["version"]
        id = request.query_params.get("upload_id")
        if id is not None:
            command, offset = (request.headers.get(f"x-goog-upload-{name}", "") for name in ("command", "offset"))
            headers, file = self.files.go_on(id, command, offset, await request.body())
            return JSONResponse(file, headers=headers)
        id = self.files.start(key, request.headers, await request.body(), base, version)
        url = f"{base}/upload/{version}/files?upload_id={id}&upload_protocol=resumable"
        return JSONResponse({}, headers={"x-goog-upload-url": url, "x-goog-upload-status": "active"})

    async def _list_files(self, request: Request, key: str, body: Any) -> Response:
        size = request.query_params.get("pageSize", "10")
        return JSONResponse(self.files.listed(key, int(size), request.query_params.get("pageToken", "0")))

    async def _look(self, request: Request, key: str, body: Any) -> Response:
        return JSONResponse(self.files.look(key, f"files/{request.path_params['id']}"))

    async def _delete(self, request: Request, key: str, body: Any) -> Response:
        return JSONResponse(self.files.delete(key, f"files/{request.path_params['id']}"))

    async def _generate(self, request: Request, key: str, body: Any) -> Response:
        name, _, method = request.path_params["call"].partition(":")
        base, trouble = _known_model(name)
        if method not in ("generateContent", "streamGenerateContent"):
            raise Refused(404, f"{method} is not found.")
        draws = base in DRAWING
        signer = Signer(key, name, self.signature_bytes)
        question = Reader(signer, self.files, self.web, draws, trouble == "forgets").read(body)
        if trouble == "quota":
            raise Refused(429, "You exceeded your current quota, please check your plan and billing details.", _RETRY)
        if trouble == "busy":
            raise Refused(503, "The model is overloaded. Please try again later.")
        stream = method == "streamGenerateContent"
        parts, finish = await asyncio.to_thread(_answered, question, signer, draws, trouble, stream)
        frames = self._frames(name, question, parts, finish, stream=stream)
        if trouble == "cut" and stream:
            frames = frames[:-1]
        if not stream:
            return JSONResponse(frames[0])
        if request.query_params.get("alt") == "sse":
            return StreamingResponse(_sse(frames), media_type="text/event-stream")
        return StreamingResponse(_array(frames), media_type="application/json")

    def _frames(
        self, model: str, question: Question, parts: list[Fields], finish: str | None, *, stream: bool
    ) -> list[Fields]:
        """Return the responses: one with everything in it, or one for each part."""
        around = {"modelVersion": model, "responseId": f"response-{next(self._ids)}"}
        usage = _usage(question, parts)
        if finish is None:
            return [{"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": usage, **around}]
        groups = [[part] for part in parts] if stream and parts else [parts]
        frames: list[Fields] = [
            {"candidates": [{**_content(group), "index": 0}], "usageMetadata": usage, **around} for group in groups
        ]
        last = frames[-1]["candidates"][0]
        last["finishReason"] = finish
        if finish not in ("STOP", "MAX_TOKENS"):
            last["finishMessage"] = f"The answer ended with {finish}."
        return frames


def _content(parts: list[Fields]) -> Fields:
    return {"content": {"role": "model", "parts": parts}} if parts else {"content": {"role": "model"}}


def _known_model(name: str) -> tuple[str, str]:
    """Return a model's name without its suffix, and the suffix. Raises `Refused`."""
    for base in sorted((*DRAWING, *TALKING), key=len, reverse=True):
        suffix = name.removeprefix(f"{base}-")
        if name == base or (suffix != name and suffix in (*ENDS, *TROUBLES)):
            return base, "" if name == base else suffix
    words = "or is not supported for generateContent. Call ListModels to see the list of available models."
    raise Refused(404, f"models/{name} is not found for API version v1beta, {words}")


def _described(name: str) -> Fields:
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name,
        "inputTokenLimit": 65536,
        "outputTokenLimit": 32768,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }


def _answered(
    question: Question, signer: Signer, draws: bool, trouble: str, stream: bool
) -> tuple[list[Fields], str | None]:
    """Return the parts of the answer and its `finishReason`; None for a prompt that is blocked."""
    if trouble == "blocked":
        return [], None
    if trouble == "misses" and question.of_model:
        return [], "MISSING_THOUGHT_SIGNATURE"
    if draws and trouble in ENDS:
        return [], ENDS[trouble]
    end = ENDS.get(trouble, "STOP")
    if not draws or wants_words(question.prompt):
        return _spoken(question, signer), end
    return [*_thoughts(), *_drawn(question, signer, stream)], end


def _spoken(question: Question, signer: Signer) -> list[Fields]:
    if question.answered is not None:
        return _signed_text(f"The tool said: {question.answered}", signer)
    if question.functions:
        name = question.functions[0]
        call = {"functionCall": {"name": name, "args": {"prompt": question.prompt}}}
        return [{**call, "thoughtSignature": signer.sign(name.encode())}]
    if question.config.get("responseMimeType") == "application/json":
        return _signed_text(json.dumps(planned_for(question.prompt) or {"said": question.prompt}), signer)
    pictures = question.shown or [each.data for each in question.seen]
    return _signed_text(described(pictures) if pictures else f"You said: {question.prompt}", signer)


def _drawn(question: Question, signer: Signer, stream: bool) -> Iterator[Fields]:
    chosen = None if question.shown else meant(question.prompt, question.seen)
    bases = question.shown or ([chosen.data] if chosen is not None else [])
    made = draw(question.prompt, bases, question.config["imageConfig"].get("aspectRatio", "1:1")).data
    if stream:
        yield from _signed_text("Here is", signer)
        yield {"text": " the picture."}
    else:
        yield from _signed_text("Here is the picture.", signer)
    yield {**_inline(made), "thoughtSignature": signer.sign(made)}
    if stream:
        yield from _signed_text("", signer)


def _signed_text(text: str, signer: Signer) -> list[Fields]:
    return [{"text": text, "thoughtSignature": signer.sign(text.encode())}]


def _thoughts() -> list[Fields]:
    return [
        {"text": "Let me think about the picture.", "thought": True},
        {**_inline(_draft()), "thought": True},
    ]


def _inline(data: bytes) -> Fields:
    return {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(data).decode()}}


@cache
def _draft() -> bytes:
    """Return a picture that was only thought of."""
    return paint("a draft that nobody should see", size=(256, 256)).data


def _usage(question: Question, parts: list[Fields]) -> Fields:
    made = sum("inlineData" in part and not part.get("thought") for part in parts)
    thoughts = 200 if any(part.get("thought") for part in parts) else 0
    words, shown = len(question.prompt.split()), 258 * len(question.seen)
    said = 10 + 1120 * made
    usage: Fields = {
        "promptTokenCount": words + shown,
        "candidatesTokenCount": said,
        "totalTokenCount": words + shown + said + thoughts,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": words}],
    }
    if shown:
        usage["promptTokensDetails"].append({"modality": "IMAGE", "tokenCount": shown})
    if made:
        usage["candidatesTokensDetails"] = [{"modality": "IMAGE", "tokenCount": 1120 * made}]
    if thoughts:
        usage["thoughtsTokenCount"] = thoughts
    return usage


async def _sse(frames: list[Fields]) -> Any:
    for frame in frames:
        yield b"data: " + json.dumps(frame).encode() + b"\r\n\r\n"


async def _array(frames: list[Fields]) -> Any:
    for number, frame in enumerate(frames):
        yield (b",\r\n" if number else b"[") + json.dumps(frame, indent=2).encode()
    yield b"]"
