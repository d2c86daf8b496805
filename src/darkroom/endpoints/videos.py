"""`/v1/videos`: OpenAI's Videos API, whatever makes the films.

What is created is a generation, and its id is the video's. A model that works in jobs makes a job; any other that can
make films makes it in a task of this process. Format: OpenAI `resources/videos.py`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from typing import get_args

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from darkroom.database.files import Order
from darkroom.dialects.openai_videos import (
    NAME,
    AskedFor,
    decode_form,
    decode_json,
    decode_remix,
    encode_deleted,
    encode_list,
    encode_video,
    field_kind,
    film_of,
    with_files,
)
from darkroom.endpoints.body import number, read_lifted
from darkroom.endpoints.errors import error_response
from darkroom.endpoints.media import serve_bytes, serve_thumbnail
from darkroom.endpoints.multipart import FormFile, read_form
from darkroom.errors import DarkroomError, MalformedRequest, NotFound
from darkroom.events import Event, Failed, PartialProduced
from darkroom.gateway import Gateway
from darkroom.generation import Generation
from darkroom.jobs.watchers import OVER
from darkroom.lifted import Lifts
from darkroom.media import Media, MediaKind
from darkroom.messages import Conversation, MediaPart, Message, Named, Part, Source, Stored, Text
from darkroom.repeats import HEADER
from darkroom.reply import Reply
from darkroom.stills import spritesheet

_FORM = "multipart/form-data"
_MOST = 100
_POSTER = 512
_VARIANTS = ("video", "thumbnail", "spritesheet")


class CreateVideo:
    """`POST /v1/videos`, as JSON or as a form."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        gateway: Gateway = request.app.state.gateway
        try:
            generation = await self._create(request, gateway)
            response: Response = JSONResponse(await _described(gateway, generation))
        except DarkroomError as error:
            response = error_response(error)
        await response(scope, receive, send)

    async def _create(self, request: Request, gateway: Gateway) -> Generation:
        lifts = gateway.lifts()
        try:
            return await begin(gateway, request, await self._read(request, gateway, lifts))
        except RecursionError:
            raise MalformedRequest("the body is nested too deeply") from None
        finally:
            lifts.close()

    async def _read(self, request: Request, gateway: Gateway, lifts: Lifts) -> AskedFor:
        if not request.headers.get("content-type", "").strip().lower().startswith(_FORM):
            return decode_json(await read_lifted(request, lifts, gateway.settings.limits), lifts)
        form = await read_form(request, gateway.storage.spools.new, gateway.settings.limits)
        try:
            asked = decode_form(form.fields, lifts)
            for file in form.files:
                field_kind(file.name)
            gateway.check_model(asked.model, request.state.owner)
            kept = [(each.name, await _kept(each, gateway, request), each.filename or None) for each in form.files]
            return with_files(asked, kept)
        finally:
            form.discard()


async def _kept(file: FormFile, gateway: Gateway, request: Request) -> Source:
    owner: str = request.state.owner
    return Stored(await gateway.chat.ingest.keep_once(file.data, owner, filename=file.filename or None))


async def remix_video(request: Request) -> Response:
    """`POST /v1/videos/{id}/remix`: the film once more, changed, by the model that made it."""
    gateway: Gateway = request.app.state.gateway
    lifts = gateway.lifts()
    try:
        prompt = decode_remix(await read_lifted(request, lifts, gateway.settings.limits))
    except RecursionError:
        raise MalformedRequest("the body is nested too deeply") from None
    finally:
        lifts.close()
    known = await _generation(request)
    film = film_of(known)
    if film is None:
        raise MalformedRequest(f"`{known.id}` has no video to remix; it is {known.status}")
    part = MediaPart(MediaKind.VIDEO, Named(film.id), role="edited")
    asked = AskedFor(f"{known.provider}/{known.model}", prompt, {}, (part,))
    return JSONResponse(await _described(gateway, await begin(gateway, request, asked)))


async def begin(gateway: Gateway, request: Request, asked: AskedFor) -> Generation:
    """Begin what is asked for, and return its generation as soon as there is one.

    Raises `MalformedRequest` for a model that makes no films, and why nothing was begun.
    """
    owner: str = request.state.owner
    content: tuple[Part, ...] = (*asked.media, Text(asked.prompt))
    message = Message("user", content, is_string=not asked.media)
    conversation = Conversation(asked.model, (message,), params=asked.params, dialect=NAME)
    key = request.headers.get(HEADER)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(gateway.place(owner))
        answer = await gateway.answer(conversation, owner, key)
        if key is not None:
            stack.push_async_callback(gateway.repeats.settle, owner, key, answer)
        if MediaKind.VIDEO not in answer.makes:
            raise MalformedRequest(f"`{asked.model}` makes no videos", param="model")
        id = await answer.begin()
        if id is None:
            async with aclosing(gateway.chat.watch(answer, stack)) as events:
                id = await _shown(answer, events)
        elif answer.outlives:
            gateway.chat.leave(answer, stack)
    found = await gateway.database.generation(owner, id)
    if found is None:
        raise NotFound(f"you have no video `{id}`")
    return found


async def _shown(answer: Reply, events: AsyncGenerator[Event, None]) -> str:
    """Return the id of what is made, once it shows that something is. Raises why nothing is."""
    async for event in events:
        if isinstance(event, Failed):
            raise event.error
        if isinstance(event, PartialProduced):
            event.lifted.discard()
        if (id := answer.generation()) is not None:
            return id
    raise MalformedRequest("the model made nothing of this prompt", param="prompt")


async def get_video(request: Request) -> Response:
    """`GET /v1/videos/{id}`."""
    return JSONResponse(await _described(request.app.state.gateway, await _generation(request)))


async def list_videos(request: Request) -> Response:
    """`GET /v1/videos?after&limit&order`: one's own, newest first."""
    gateway: Gateway = request.app.state.gateway
    query = request.query_params
    limit = number(query.get("limit", "20"), "limit", 1, _MOST)
    order: Order | None = next((word for word in get_args(Order) if word == query.get("order", "desc")), None)
    if order is None:
        raise MalformedRequest("`order` must be asc or desc", param="order")
    rows = await gateway.database.videos(
        request.state.owner, limit=limit + 1, last=query.get("after"), newest_first=order == "desc"
    )
    page = [await _described(gateway, row) for row in rows[:limit]]
    return JSONResponse(encode_list(page, more=len(rows) > limit))


async def video_content(request: Request) -> Response:
    """`GET /v1/videos/{id}/content?variant`: the film's bytes with ranges, or its first frame."""
    gateway: Gateway = request.app.state.gateway
    variant = request.query_params.get("variant", "video")
    if variant not in _VARIANTS:
        raise MalformedRequest(f"`variant` must be one of {', '.join(_VARIANTS)}", param="variant")
    known = await _generation(request)
    film = film_of(known)
    if film is None:
        raise NotFound(f"`{known.id}` has no video yet; it is {known.status}")
    if variant == "spritesheet":
        return await _spritesheet(gateway, film)
    if variant == "thumbnail":
        return await serve_thumbnail(gateway, request, film, str(_POSTER))
    return await serve_bytes(gateway, request, film)


async def delete_video(request: Request) -> Response:
    """`DELETE /v1/videos/{id}`: the film and all that is known of it; one in the making is cancelled first."""
    gateway: Gateway = request.app.state.gateway
    known = await _generation(request)
    if known.status not in OVER:
        await gateway.cancel(known.owner, known.id)
    await gateway.deletion.generation(known.owner, known.id)
    return JSONResponse(encode_deleted(known.id))


async def _spritesheet(gateway: Gateway, film: Media) -> Response:
    data = await spritesheet(gateway.storage, film, gateway.settings.limits.pixels)
    return Response(data, 200, {"x-content-type-options": "nosniff"}, "image/jpeg")


async def _generation(request: Request) -> Generation:
    gateway: Gateway = request.app.state.gateway
    id = request.path_params["id"]
    generation = await gateway.database.generation(request.state.owner, id)
    if generation is None or (generation.outputs and film_of(generation) is None):  # A picture is no video.
        raise NotFound(f"you have no video `{id[:64]}`")
    return generation


async def _described(gateway: Gateway, generation: Generation) -> dict[str, object]:
    changed = next((item.generation for item in generation.inputs if item.role == "edited" and item.generation), None)
    return encode_video(generation, gateway.settings.public_url, remixed_from=changed)
