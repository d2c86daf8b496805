"""A chat model that plans for a studio, emulated behind Chat Completions: strict, and in moods.

A question for a plan is answered with one (`planning`), everything else with a few words. The name of the model chooses
how: see `MODELS`. It is strict as OpenAI's models that reason are: parameters that they do not have are refused, and so
are a schema that strict mode does not take and base64 in a text.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from darkroom.errors import ClientError
from darkroom.sketch.ancestry import open_picture
from darkroom.testing.asking import Refused, Turn, check_strictly, decode_data_uri, shortened, turns_of
from darkroom.testing.emulation import Fields, described
from darkroom.testing.planning import planned_for
from darkroom.testing.strict_schema import fault_of_strict

MODELS = {
    "plan": "wants a JSON schema, and no temperature",
    "plan-json": "wants a JSON object",
    "plan-words": "takes no `response_format`",
    "plan-blind": "takes no `response_format`, and no pictures",
    "plan-fenced": "answers in a fence, with words around it",
    "plan-broken-once": "gives a plan that can't be used, and mends it when it is told what is wrong",
    "plan-broken": "never gives a plan that can be used",
    "plan-foreign": "names pictures that it was not told of",
    "plan-slow": "answers when `go_on` is set",
    "plan-500": "always fails",
    "talk": "never plans",
}
MAX_REQUESTS = 400

_CREATED = 1_790_000_000
_REPAIR = "This plan can't be used:"
_KNOWN = frozenset(
    "model messages stream stream_options response_format max_completion_tokens max_tokens temperature top_p n stop "
    "seed user metadata tools tool_choice reasoning_effort verbosity".split()
)
_STRICT = ("plan",)
_NO_FORMAT = ("plan-words", "plan-blind")


@dataclass(frozen=True, slots=True)
class _Ask:
    """A request, read. `plan` is the plan for the first user turn that asks for one, `told` the text of the last user
    turn, `pictures` the bytes of all that users sent along."""

    body: Fields
    turns: list[Turn]
    plan: Fields | None = None
    told: str = ""
    pictures: list[bytes] = field(default_factory=list)

    @property
    def model(self) -> str:
        return str(self.body["model"])


class PlannerUpstream:
    """A fake chat model. `app` is its ASGI app; `requests` what it received, newest last, base64 hashed."""

    def __init__(self, *, key: str | None = None) -> None:
        self.key = key
        self.requests: deque[Fields] = deque(maxlen=MAX_REQUESTS)
        self.go_on = asyncio.Event()
        self.app = Starlette(
            routes=[
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
                Route("/v1/models", self._models, methods=["GET"]),
            ]
        )

    async def _models(self, request: Request) -> Response:
        data = [{"id": name, "object": "model", "created": _CREATED, "owned_by": "planner"} for name in MODELS]
        return JSONResponse({"object": "list", "data": data})

    async def _chat(self, request: Request) -> Response:
        try:
            self._enter(request)
            ask = self._read(await request.body())
            text = await self._answer(ask)
        except Refused as refused:
            return JSONResponse(refused.body, refused.status, refused.headers)
        except ClientError as error:
            return JSONResponse(error.body(), error.status)
        if ask.body.get("stream"):
            return StreamingResponse(_frames(ask.model, text), media_type="text/event-stream")
        return JSONResponse(_whole(ask.model, text))

    def _enter(self, request: Request) -> None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.key is not None and not hmac.compare_digest(given.encode(), self.key.encode()):
            raise Refused(401, "Incorrect API key provided.", code="invalid_api_key")

    def _read(self, data: bytes) -> _Ask:
        try:
            body = json.loads(data)
        except ValueError as error:
            raise Refused(400, "The body is not JSON.") from error
        if not isinstance(body, dict) or not isinstance(body.get("model"), str):
            raise Refused(400, "The body must be an object with a model.", param="model")
        self.requests.append(shortened(body))
        if body["model"] not in MODELS:
            raise Refused(
                404, f"The model `{body['model'][:80]}` does not exist.", code="model_not_found", param="model"
            )
        turns = turns_of(body)
        check_strictly(body)
        users = [turn for turn in turns if turn.role == "user"]
        if not users or turns[-1].role != "user":
            raise Refused(400, "The last message must be a user's.", param="messages")
        pictures = [_picture(url) for turn in users for url in turn.pictures]
        plan = None if body["model"] == "talk" else next(filter(None, (planned_for(turn.text) for turn in users)), None)
        ask = _Ask(body, turns, plan, users[-1].text, pictures)
        _check(ask)
        return ask

    async def _answer(self, ask: _Ask) -> str:
        if ask.plan is None:
            shown = f" {described(ask.pictures)}" if ask.pictures else ""
            return f"You said: {ask.told[:200]}{shown}"
        plan = json.dumps(ask.plan, ensure_ascii=False)
        mending = ask.told.startswith(_REPAIR)
        match ask.model:
            case "plan-500":
                raise Refused(500, "The server had an error while processing your request.", code="server_error")
            case "plan-slow":
                await self.go_on.wait()
            case "plan-fenced":
                return f'The user wants {{something}}. Say {{"a": 1}}?\n\n```json\n{plan}\n```\nI hope that helps!'
            case "plan-broken":
                return "I would rather not."
            case "plan-broken-once" if not mending:
                return json.dumps({**ask.plan, "operation": "edit", "media": [], "n": 0, "ratio": "wide"})
            case "plan-foreign":
                return json.dumps({**ask.plan, "operation": "edit", "media": [{"id": _FOREIGN, "role": "edited"}]})
        return plan


_FOREIGN = "media_01jqwte8yjf7haxqc521b7z2wf"


def _check(ask: _Ask) -> None:
    """Refuse what a model of this kind does not take."""
    if unknown := sorted(set(ask.body) - _KNOWN):
        raise Refused(400, f"Unrecognized request argument supplied: {unknown[0]}", param=unknown[0])
    if ask.pictures and ask.model == "plan-blind":
        raise Refused(400, "Invalid content type. image_url is only supported by certain models.", param="messages")
    _check_format(ask)
    if ask.model not in _STRICT:
        return
    for name in ("max_tokens", "temperature"):
        if name in ask.body:
            words = f"Unsupported parameter: '{name}' is not supported with this model."
            raise Refused(400, words, code="unsupported_parameter", param=name)


def _check_format(ask: _Ask) -> None:
    format = ask.body.get("response_format", {"type": "text"})
    kind = format.get("type") if isinstance(format, dict) else None
    if "response_format" in ask.body and ask.model in _NO_FORMAT:
        raise Refused(400, "Unknown parameter: 'response_format'.", code="unknown_parameter", param="response_format")
    if kind not in ("text", "json_object", "json_schema"):
        raise Refused(400, "Invalid value for 'response_format.type'.", param="response_format.type")
    if kind == "json_schema" and (fault := fault_of_strict(format.get("json_schema"))):
        words = f"Invalid schema for response_format 'plan': In context=(), {fault}"
        raise Refused(400, words, code="invalid_json_schema", param="response_format")
    if kind == "json_object" and not any("json" in turn.text.lower() for turn in ask.turns):
        words = "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
        raise Refused(400, words, param="messages")
    wanted = {"plan": "json_schema", "plan-json": "json_object"}.get(ask.model)
    if ask.plan is not None and wanted is not None and kind != wanted:
        raise Refused(400, f"This model plans with a response_format of type {wanted}.", param="response_format")


def _picture(url: str) -> bytes:
    """Return the bytes of a picture that was sent along. Raises `Refused` for what is none."""
    if not url.startswith("data:"):
        raise Refused(400, "Error while downloading the image.", code="invalid_image_url")
    data = decode_data_uri(url)
    open_picture(data)
    return data


def _usage(text: str) -> Fields:
    return {"prompt_tokens": 900, "completion_tokens": len(text) // 4, "total_tokens": 900 + len(text) // 4}


def _whole(model: str, text: str) -> Fields:
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    head = {"id": "chatcmpl-planner", "object": "chat.completion", "created": _CREATED, "model": model}
    return {**head, "choices": [choice], "usage": _usage(text)}


def _frames(model: str, text: str) -> Iterator[bytes]:
    head = {"id": "chatcmpl-planner", "object": "chat.completion.chunk", "created": _CREATED, "model": model}
    deltas: list[tuple[Any, str | None]] = [({"role": "assistant", "content": ""}, None)]
    deltas += [({"content": text[at : at + 12]}, None) for at in range(0, len(text), 12)]
    for delta, reason in [*deltas, ({}, "stop")]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        yield b"data: " + json.dumps({**head, "choices": [choice]}).encode() + b"\n\n"
    yield b"data: [DONE]\n\n"
