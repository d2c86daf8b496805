"""An emulator of OpenAI's Responses API, with the sketch painter behind it.

Strict: it takes what `responses_request` describes and nothing else, its ids belong to the key that made them, and what
was not stored, or was deleted, can't be gone on from. A response remembers the pictures of its chain, those that it was
shown included, and finds the one that a prompt means.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from darkroom.testing.emulation import Answer, Asked, Fields, Notes, Remembered, described, draw, meant, wants_words
from darkroom.testing.planning import planned_for
from darkroom.testing.responses_request import Named, Refused, Said, Wanted, picture_of, read

MODELS = ("gpt-6-astra", "gpt-6-astra-moderated", "gpt-6-astra-fails")
"""The second one's pictures are always blocked, the third one always fails."""
BLOCKED = "unsafe"
"""A prompt with this word is refused before anything is made."""

_TIME = 1_790_000_000
_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "9:16", "16:9")
_ENCRYPTED = base64.b64encode(b"thought " * 1000).decode()
_MODERATED = {
    "code": "moderation_blocked",
    "message": "Your request was rejected by the safety system.",
    "param": None,
    "type": "image_generation_user_error",
    "moderation_details": {"categories": ["violence"], "moderation_stage": "output"},
}


@dataclass(slots=True)
class Kept:
    """One response. `seen` are the pictures that its chain knows, oldest first."""

    id: str
    key: str
    wanted: Wanted
    seen: list[Remembered] = field(default_factory=list)
    output: list[Fields] = field(default_factory=list)
    partials: list[str] = field(default_factory=list)
    status: str = "in_progress"
    error: Fields | None = None
    incomplete: Fields | None = None

    def resource(self, *, done: bool = True) -> Fields:
        """Return the response as the API shows it."""
        body = self.wanted.body
        text = {"format": {"type": "text"}, **(body.get("text") or {})}
        reasoning = {"effort": None, "summary": None, **(body.get("reasoning") or {})}
        return {
            "id": self.id,
            "object": "response",
            "created_at": _TIME,
            "status": self.status if done else "in_progress",
            "background": False,
            "error": self.error if done else None,
            "incomplete_details": self.incomplete if done else None,
            "instructions": body.get("instructions"),
            "max_output_tokens": body.get("max_output_tokens"),
            "model": self.wanted.model,
            "output": self.output if done else [],
            "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
            "previous_response_id": self.wanted.previous,
            "reasoning": reasoning,
            "store": self.wanted.store,
            "temperature": body.get("temperature", 1.0),
            "text": text,
            "tool_choice": body.get("tool_choice", "auto"),
            "tools": body.get("tools", []),
            "top_p": body.get("top_p", 1.0),
            "truncation": "disabled",
            "usage": _usage(self.output) if done and self.status == "completed" else None,
            "metadata": body.get("metadata") or {},
        }


class ResponsesUpstream:
    """Serves `/v1/responses`. `keys` are further keys that are let in; `refusals` are given to the next requests in
    place of an answer, one each; `gate` holds every picture back until it is set."""

    def __init__(self, key: str | None = None, keys: tuple[str, ...] = (), gate: asyncio.Event | None = None) -> None:
        self.keys = {*keys, *([key] if key else [])}
        self.refusals: list[Refused] = []
        self.gate = gate
        self.kept: dict[str, Kept] = {}
        self._notes = Notes()
        self.app = Starlette(
            routes=[
                Route("/v1/models", self._told(self._models)),
                Route("/v1/responses", self._told(self._create), methods=["POST"]),
                Route("/v1/responses/{id}", self._told(self._get), methods=["GET"]),
                Route("/v1/responses/{id}", self._told(self._delete), methods=["DELETE"]),
                Route("/v1/responses/{id}/input_items", self._told(self._input_items), methods=["GET"]),
            ]
        )

    @property
    def requests(self) -> list[Asked]:
        return list(self._notes.requests)

    @property
    def asked(self) -> list[Any]:
        """The bodies of the requests that create, oldest first."""
        return self._notes.bodies("POST", "/v1/responses")

    def forget(self) -> None:
        """Lose every response."""
        self.kept.clear()

    def _told(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        return self._notes.endpoint(self._enter, answer)

    def _enter(self, request: Request) -> str:
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.keys and key not in self.keys:
            raise Refused(401, f"Incorrect API key provided: {key[:8]}.", code="invalid_api_key")
        if self.refusals:
            raise self.refusals.pop(0)
        return key

    async def _models(self, request: Request, key: str, body: Any) -> Response:
        data = [{"id": name, "object": "model", "created": _TIME, "owned_by": "openai"} for name in MODELS]
        return JSONResponse({"object": "list", "data": data})

    async def _create(self, request: Request, key: str, body: Any) -> Response:
        wanted = read(body)
        if wanted.model not in MODELS:
            raise Refused(
                400, f"The requested model '{wanted.model}' does not exist.", "model", "model_not_found"
            )  # fmt: skip
        kept = Kept(f"resp_{secrets.token_hex(24)}", key, wanted)
        self._recall(kept)
        if BLOCKED in _prompt(wanted):
            raise Refused(400, "Your request was rejected by the safety system.", code="moderation_blocked")
        if wanted.store:
            self.kept[kept.id] = kept
        if wanted.stream:
            return StreamingResponse(self._stream(kept), media_type="text/event-stream")
        await self._work(kept)
        return JSONResponse(kept.resource())

    def _recall(self, kept: Kept) -> None:
        """Gather the pictures that a request is about: its chain's, those that it names, those that it shows."""
        wanted = kept.wanted
        if wanted.previous is not None:
            before = self.kept.get(wanted.previous)
            if before is None or before.key != kept.key:
                message = f"Previous response with id '{wanted.previous}' not found."
                raise Refused(400, message, "previous_response_id", "previous_response_not_found")
            kept.seen += before.seen
        for said in wanted.said:
            match said:
                case Named(id):
                    kept.seen.append(self._picture(id, kept.key))
                case Said(_, text, pictures):
                    kept.seen += [Remembered(data, text) for data in pictures]

    def _picture(self, id: str, key: str) -> Remembered:
        for kept in self.kept.values():
            for seen in kept.seen if kept.key == key else ():
                if seen.id == id:
                    return seen
        message = f"Item with id '{id}' not found. Items are not persisted when `store` is set to false."
        raise Refused(404, message, "input")

    def _mine(self, request: Request, key: str) -> Kept:
        id = request.path_params["id"]
        kept = self.kept.get(id)
        if kept is None or kept.key != key:
            raise Refused(404, f"Response with id '{id}' not found.")
        return kept

    async def _get(self, request: Request, key: str, body: Any) -> Response:
        return JSONResponse(self._mine(request, key).resource())

    async def _delete(self, request: Request, key: str, body: Any) -> Response:
        id = self._mine(request, key).id
        del self.kept[id]
        return JSONResponse({"id": id, "object": "response", "deleted": True})

    async def _input_items(self, request: Request, key: str, body: Any) -> Response:
        kept = self._mine(request, key)
        data = [
            {"id": f"msg_{kept.id[5:]}{at}", "type": "message", **item} for at, item in enumerate(kept.wanted.items)
        ]
        ids = {"first_id": data[0]["id"], "last_id": data[-1]["id"]}
        return JSONResponse({"object": "list", "data": data, "has_more": False, **ids})

    # Work

    async def _stream(self, kept: Kept) -> AsyncIterator[bytes]:
        number = 0
        begun = [{"type": f"response.{word}", "response": kept.resource(done=False)} for word in _BEGUN]
        for event in begun:
            yield _frame(event, number)
            number += 1
        await self._work(kept)
        for event in _events(kept):
            yield _frame(event, number)
            number += 1

    async def _work(self, kept: Kept) -> None:
        """Do what a request asks for."""
        wanted, prompt = kept.wanted, _prompt(kept.wanted)
        kept.status = "completed"
        if (wanted.body.get("reasoning") or {}).get("summary"):
            kept.output.append(_reasoning())
        if wanted.model.endswith("-fails"):
            kept.status, kept.error = "failed", {"code": "server_error", "message": "The model failed to answer."}
        elif wanted.outputs:
            kept.output.append(_message(f"The tool said: {wanted.outputs[-1]}"))
        elif wanted.functions and "call" in prompt:
            kept.output.append(_call(wanted.functions[0], prompt))
        elif wanted.is_json:
            self._speak(kept, json.dumps(planned_for(prompt) or {"said": prompt}))
        elif wants_words(prompt) or wanted.image is None:
            self._speak(kept, described(_shown(wanted) or [each.data for each in kept.seen]))
        elif wanted.model.endswith("-moderated"):
            kept.output.append({**_item("failed"), "error": _MODERATED})
        else:
            await self._draw(kept, prompt, wanted.image)

    def _speak(self, kept: Kept, text: str) -> None:
        if kept.wanted.body.get("max_output_tokens") == 16:
            kept.status, kept.incomplete = "incomplete", {"reason": "max_output_tokens"}
            text = text[:8]
        kept.output.append(_message(text))

    async def _draw(self, kept: Kept, prompt: str, tool: Fields) -> None:
        if self.gate is not None:
            await self.gate.wait()
        found = None if tool.get("action") == "generate" else meant(prompt, kept.seen)
        bases = _shown(kept.wanted) or ([found.data] if found else [])
        if mask := tool.get("input_image_mask"):
            picture_of(mask.get("image_url") or "", "tools")
        picture = await asyncio.to_thread(draw, prompt, bases, _ratio(tool.get("size")))
        data = base64.b64encode(picture.data).decode()
        size = "{}x{}".format(*Image.open(io.BytesIO(picture.data)).size)
        item = _item("completed")
        item |= {"result": data, "revised_prompt": f"{prompt}, in detail", "size": size, "output_format": "png"}
        item |= {"quality": "high", "background": "opaque", "action": "edit" if bases else "generate"}
        kept.partials = [data] * (tool.get("partial_images") or 0)
        kept.seen.append(Remembered(picture.data, prompt, item["id"]))
        kept.output += [item, _message("Here it is.")]


_BEGUN = ("created", "in_progress")


def _prompt(wanted: Wanted) -> str:
    texts = [said.text for said in wanted.said if isinstance(said, Said) and said.role == "user"]
    return texts[-1] if texts else ""


def _shown(wanted: Wanted) -> list[bytes]:
    """Return the pictures of the last user message."""
    users = [said for said in wanted.said if isinstance(said, Said) and said.role == "user"]
    return [*users[-1].pictures] if users else []


def _ratio(size: Any) -> str:
    """Return the ratio that comes nearest to `1536x1024`."""
    wide, _, high = str(size).partition("x")
    if not (wide.isdecimal() and high.isdecimal()):
        return "1:1"
    asked = int(wide) / int(high)
    return min(_RATIOS, key=lambda each: abs(int(each.partition(":")[0]) / int(each.partition(":")[2]) - asked))


def _item(status: str) -> Fields:
    return {"id": f"ig_{secrets.token_hex(25)}", "type": "image_generation_call", "status": status, "result": None}


def _message(text: str) -> Fields:
    content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
    id = f"msg_{secrets.token_hex(25)}"
    return {"id": id, "type": "message", "role": "assistant", "status": "completed", "content": content}


def _call(name: str, prompt: str) -> Fields:
    arguments = json.dumps({"about": prompt})
    id, call = f"fc_{secrets.token_hex(25)}", f"call_{secrets.token_hex(8)}"
    return {"id": id, "type": "function_call", "status": "completed", "call_id": call, "name": name,
            "arguments": arguments}  # fmt: skip


def _reasoning() -> Fields:
    summary = [{"type": "summary_text", "text": text} for text in ("Thinking of it.", "Done.")]
    return {"id": f"rs_{secrets.token_hex(25)}", "type": "reasoning", "summary": summary,
            "encrypted_content": _ENCRYPTED}  # fmt: skip


def _usage(output: list[Fields]) -> Fields:
    made = 1056 if any(item["type"] == "image_generation_call" for item in output) else 12
    return {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": 4},
        "total_tokens": 9 + made,
    }


def _events(kept: Kept) -> Iterator[Fields]:
    """Yield what a stream says of a response after its beginning."""
    for index, item in enumerate(kept.output):
        at = {"item_id": item["id"], "output_index": index}
        yield {"type": "response.output_item.added", "output_index": index, "item": _empty(item)}
        match item["type"]:
            case "message":
                yield from _text_events(item["content"][0], at)
            case "image_generation_call":
                yield from _picture_events(kept, item, at)
            case "function_call":
                half = len(item["arguments"]) // 2
                for piece in (item["arguments"][:half], item["arguments"][half:]):
                    yield {"type": "response.function_call_arguments.delta", **at, "delta": piece}
                yield {"type": "response.function_call_arguments.done", **at, "arguments": item["arguments"]}
            case "reasoning":
                yield from _thought_events(item["summary"], at)
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{kept.status}", "response": kept.resource()}


def _empty(item: Fields) -> Fields:
    """Return an item as it is announced."""
    bare: Fields = {"status": "in_progress", "content": [], "summary": [], "arguments": "", "result": None}
    kept = ("id", "type", "role", "name", "call_id")
    named = {name: item[name] for name in kept if name in item}
    return {**named, **{name: value for name, value in bare.items() if name in item}}


def _text_events(part: Fields, at: Fields) -> Iterator[Fields]:
    at, text = {**at, "content_index": 0}, part["text"]
    yield {"type": "response.content_part.added", **at, "part": {**part, "text": ""}}
    for start in range(0, len(text), 5):
        yield {"type": "response.output_text.delta", **at, "delta": text[start : start + 5], "logprobs": []}
    yield {"type": "response.output_text.done", **at, "text": text, "logprobs": []}
    yield {"type": "response.content_part.done", **at, "part": part}


def _picture_events(kept: Kept, item: Fields, at: Fields) -> Iterator[Fields]:
    start = "response.image_generation_call"
    yield {"type": f"{start}.in_progress", **at}
    yield {"type": f"{start}.generating", **at}
    for index, data in enumerate(kept.partials):
        yield {"type": f"{start}.partial_image", **at, "partial_image_index": index, "partial_image_b64": data}
    if item["status"] == "completed":
        yield {"type": f"{start}.completed", **at}


def _thought_events(summary: list[Fields], at: Fields) -> Iterator[Fields]:
    for index, part in enumerate(summary):
        where, start = {**at, "summary_index": index}, "response.reasoning_summary"
        yield {"type": f"{start}_part.added", **where, "part": {**part, "text": ""}}
        yield {"type": f"{start}_text.delta", **where, "delta": part["text"]}
        yield {"type": f"{start}_text.done", **where, "text": part["text"]}
        yield {"type": f"{start}_part.done", **where, "part": part}


def _frame(event: Fields, number: int) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps({**event, 'sequence_number': number})}\n\n".encode()
