"""`POST /v1/responses`, and what was stored of earlier ones.

Strategy. A response is stored as it was given, with the ids of its pictures in the place of their base64, and beside it
the turns that it adds, as items that the dialect's own reader reads. A request that goes on from it is those turns,
from the first response on, and its own. What is stored is built by the answer itself and not by the one who watches it,
so that it is there also for a client who left.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from darkroom.clock import now
from darkroom.database import StoredResponse
from darkroom.dialects.openai_responses.asked import AskedFor, decode_request, picture_id, read_items
from darkroom.dialects.openai_responses.items import Item, items_of
from darkroom.dialects.openai_responses.output import Output
from darkroom.dialects.openai_responses.writer import AnswerHead, Answering, EventEncoder, assemble, named, placed
from darkroom.dialects.wire import JsonWriter, length_of
from darkroom.endpoints.body import read_lifted
from darkroom.endpoints.door import Asked, Door, Writer
from darkroom.endpoints.streaming import PiecesResponse
from darkroom.errors import MalformedRequest, NotFound
from darkroom.events import Event, Finished
from darkroom.gateway import Gateway
from darkroom.ids import is_typeid
from darkroom.lifted import Lifts
from darkroom.media import Media, MediaKind
from darkroom.messages import Conversation, MediaPart, Message, Named, Remote, Stored, Text
from darkroom.replay import ITEM_ID, note
from darkroom.reply import Reply
from darkroom.upstream import render

_PAGE = 20
_MOST = 100
_ID_BYTES = 24


class Responses(Door):
    async def read(self, request: Request, gateway: Gateway, lifts: Lifts) -> Asked:
        limits = gateway.settings.limits
        asked = decode_request(await read_lifted(request, lifts, limits), lifts, limits.parts)
        earlier = await _earlier(gateway, request.state.owner, asked.previous, lifts)
        kept = _Kept(gateway, request.state.owner, asked, _new_id(), now())
        return Asked(_joined(asked, earlier), kept.writer)


def _joined(asked: AskedFor, earlier: Sequence[Message]) -> Conversation:
    """Return the whole conversation; instructions are for this turn alone, and come first."""
    told = (Message("system", (Text(asked.instructions),)),) if asked.instructions else ()
    return replace(asked.conversation, messages=(*told, *earlier, *asked.conversation.messages))


async def _earlier(gateway: Gateway, owner: str, previous: str | None, lifts: Lifts) -> tuple[Message, ...]:
    """Return the turns that led to a stored response, and its own. Raises `NotFound`."""
    if previous is None:
        return ()
    return read_items(_all_items(await _chain(gateway, owner, previous, "previous_response_id")), lifts)


async def _chain(gateway: Gateway, owner: str, id: str, param: str | None = None) -> list[StoredResponse]:
    chain = await gateway.database.upstreams.response_chain(owner, id)
    if not chain:
        raise _missing(id, param)
    if chain[0].previous is not None:
        raise NotFound(f"`{id}` went on from `{chain[0].previous}`, which was deleted", param=param)
    return chain


def _missing(id: str, param: str | None = None) -> NotFound:
    return NotFound(f"there is no response `{id}`; it was never stored, or it was deleted", param=param)


def _all_items(chain: Sequence[StoredResponse]) -> list[Item]:
    items: list[Item] = []
    for response in chain:
        turns = msgspec.json.decode(response.turns)
        items += [*turns["input"], *turns["output"]]
    return items


def _new_id() -> str:
    return f"resp_{secrets.token_hex(_ID_BYTES)}"


@dataclass(slots=True)
class _Kept:
    """One response on its way to its client, and into the store."""

    gateway: Gateway
    owner: str
    asked: AskedFor
    id: str
    created: int

    def writer(self, answer: Reply) -> Writer:
        if self.asked.store:
            own = self._answering(answer)

            async def hear(event: Event) -> None:
                for _ in own.take(event):
                    pass
                if isinstance(event, Finished):
                    await self._store(own, answer)

            answer.hearers.append(hear)
        shown = self._answering(answer)
        return Writer(lambda: EventEncoder(shown), lambda events: assemble(shown, events))

    def _answering(self, answer: Reply) -> Answering:
        def draws() -> bool:
            return answer.makes == frozenset({MediaKind.IMAGE})

        stem = self.id.removeprefix("resp_")
        output = Output(stem, self.gateway.settings.public_url, answer.generation, draws)
        head = AnswerHead(self.id, self.asked.conversation.model, self.created // 1000, self.asked.echo)
        return Answering(head, output, answer.report)

    async def _store(self, own: Answering, answer: Reply) -> None:
        body = named(own.response())
        count = len(self.asked.conversation.messages)
        said = _stored_items(answer.asked.messages[-count:], self.id.removeprefix("resp_"))
        turns = {"input": said, "output": body["output"]}
        await self.gateway.database.upstreams.add_response(
            StoredResponse(self.id, self.owner, self.asked.previous, _json(body), _json(turns), self.created)
        )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


# What is stored of the input


def _stored_items(messages: Sequence[Message], stem: str) -> list[Item]:
    """Return messages as items with ids, their media named."""
    items = [item for message in messages for item in items_of(_with_ids(message), _named_part)]
    prefixes = {"message": "msg", "function_call": "fc", "function_call_output": "fco"}
    for at, item in enumerate(items):
        if "id" not in item:
            item["id"] = f"{prefixes[item['type']]}_{stem}i{at:02x}"
        item["status"] = "completed"
        if item["type"] == "image_generation_call":
            item["result"] = None
        for part in item.get("content", ()):
            if part["type"] == "output_text":
                part |= {"annotations": [], "logprobs": []}
    return items


def _with_ids(message: Message) -> Message:
    """Give the pictures of an assistant the ids under which clients know them."""
    if message.role != "assistant":
        return message
    parts = [
        replace(part, extra={**part.extra, ITEM_ID: picture_id(part.source.media.id)})
        if isinstance(part, MediaPart) and isinstance(part.source, Stored)
        else replace(part, extra={**part.extra, ITEM_ID: picture_id(part.source.id)})
        if isinstance(part, MediaPart) and isinstance(part.source, Named)
        else part
        for part in message.parts
    ]
    return replace(message, parts=tuple(parts))


def _named_part(part: MediaPart) -> Item:
    match part.source:
        case Stored(media):
            name = {"file_id": media.id}
        case Remote(url):
            name = {"image_url" if part.kind is MediaKind.IMAGE else "file_url": url}
        case Named(id):
            name = {"file_id": id}
        case _:
            return {"type": "input_text", "text": note(part)}
    if part.kind is MediaKind.IMAGE:
        return {"type": "input_image", "detail": part.extra.get("detail") or "auto", **name}
    return {"type": "input_file", **name, **({"filename": part.filename} if part.filename else {})}


# What was stored


async def get_response(request: Request) -> PiecesResponse:
    """`GET /v1/responses/{id}`, with its pictures."""
    gateway: Gateway = request.app.state.gateway
    if request.query_params.get("stream") == "true":
        raise MalformedRequest("a stored response is not streamed", param="stream")
    found = await _found(gateway, request)
    body = msgspec.json.decode(found.body)
    body["output"] = [await _with_picture(gateway, found.owner, item) for item in body["output"]]
    return _sent(gateway, body)


async def list_input_items(request: Request) -> PiecesResponse:
    """`GET /v1/responses/{id}/input_items`: what a response was made from, earlier turns included."""
    gateway: Gateway = request.app.state.gateway
    found = await _found(gateway, request)
    *before, last = await _chain(gateway, found.owner, found.id)
    items = [*_all_items(before), *msgspec.json.decode(last.turns)["input"]]
    page, more = _page(items, request)
    data = [await _with_picture(gateway, found.owner, item) for item in page]
    ids = {"first_id": data[0]["id"] if data else "", "last_id": data[-1]["id"] if data else ""}
    return _sent(gateway, {"object": "list", "data": data, "has_more": more, **ids})


async def delete_response(request: Request) -> Response:
    """`DELETE /v1/responses/{id}`: its pictures stay."""
    gateway: Gateway = request.app.state.gateway
    id = request.path_params["id"]
    if not await gateway.database.upstreams.delete_response(request.state.owner, id):
        raise _missing(id)
    return JSONResponse({"id": id, "object": "response", "deleted": True})


async def _found(gateway: Gateway, request: Request) -> StoredResponse:
    id = request.path_params["id"]
    found = await gateway.database.upstreams.response(request.state.owner, id)
    if found is None:
        raise _missing(id)
    return found


async def _with_picture(gateway: Gateway, owner: str, item: Item) -> Item:
    """Return an item with its picture as media, where it is still here."""
    if item["type"] != "image_generation_call":
        return item
    name = str(item.get("result") or "")
    media: Media | None = None
    if is_typeid(name, "media"):
        media = await gateway.database.media(owner, name)
    return {**item, "result": media}


def _page(items: Sequence[Item], request: Request) -> tuple[list[Item], bool]:
    """Return the items that were asked for, and whether there are more of them; the newest come first."""
    query = request.query_params
    limit, order, after = query.get("limit", str(_PAGE)), query.get("order", "desc"), query.get("after")
    if not (limit.isascii() and limit.isdecimal()) or not 1 <= int(limit[:9]) <= _MOST:
        raise MalformedRequest(f"`limit` must be from 1 to {_MOST}", param="limit")
    if order not in ("asc", "desc"):
        raise MalformedRequest("`order` must be asc or desc", param="order")
    ordered = [*items] if order == "asc" else [*items][::-1]
    at = next((at for at, item in enumerate(ordered) if item["id"] == after), None)
    if after and at is None:
        raise MalformedRequest(f"there is no item `{after}` here", param="after")
    start = 0 if at is None else at + 1
    return ordered[start : start + int(limit)], len(ordered) > start + int(limit)


def _sent(gateway: Gateway, body: Any) -> PiecesResponse:
    """Return JSON whose pictures are encoded while it is sent."""
    writer = JsonWriter()
    pieces = writer.pieces(placed(body, writer))
    return PiecesResponse(render(pieces, gateway.storage), length_of(pieces), {"content-type": "application/json"})
