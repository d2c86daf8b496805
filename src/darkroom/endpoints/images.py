"""`POST /v1/images/generations` and `/v1/images/edits`: OpenAI's Images API, whatever makes the pictures.

Edits are a form, whose files go to the store as they arrive, or JSON that names pictures by URL, data URI or file id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from starlette.requests import Request

from darkroom.clock import now
from darkroom.dialects.openai_images import AnswerHead, AskedFor, EventEncoder, assemble, decode_json
from darkroom.dialects.openai_images.asked import check_counts, field_of, read_fields, with_pictures
from darkroom.endpoints.body import read_lifted
from darkroom.endpoints.door import Asked, Door, Writer
from darkroom.endpoints.multipart import Form, FormFile, read_form
from darkroom.gateway import Gateway
from darkroom.lifted import Lifts
from darkroom.messages import Stored
from darkroom.reply import Reply

_FORM = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Images(Door):
    """One of the two doors; `what` is also how the events of its streams are called."""

    what: Literal["image_generation", "image_edit"]

    async def read(self, request: Request, gateway: Gateway, lifts: Lifts) -> Asked:
        edits = self.what == "image_edit"
        if edits and request.headers.get("content-type", "").strip().lower().startswith(_FORM):
            asked = await _read_form(request, gateway)
        else:
            asked = decode_json(await read_lifted(request, lifts, gateway.settings.limits), lifts, edits=edits)
        return Asked(asked.conversation, lambda answer: _writer(self._head(gateway, asked), answer))

    def _head(self, gateway: Gateway, asked: AskedFor) -> AnswerHead:
        return AnswerHead(
            self.what,
            now() // 1000,
            gateway.settings.public_url,
            asked.response_format,
            asked.count,
            asked.partials,
            asked.conversation.params,
        )


async def _read_form(request: Request, gateway: Gateway) -> AskedFor:
    form = await read_form(request, gateway.storage.spools.new, gateway.settings.limits)
    try:
        return await _stored(form, gateway, request.state.owner)
    finally:
        form.discard()


async def _stored(form: Form, gateway: Gateway, owner: str) -> AskedFor:
    """Return a form's request with its files stored, which happens only when all else is right with it."""
    asked = read_fields(form.fields)
    pictures = [file for file in form.files if field_of(file.name) == "image"]
    masks = [file for file in form.files if field_of(file.name) == "mask"]
    check_counts(len(pictures), len(masks))
    gateway.check_model(asked.conversation.model, owner)
    kept = [await _kept(file, gateway, owner) for file in (*pictures, *masks)]
    names = [file.filename or None for file in (*pictures, *masks)]
    return with_pictures(asked, kept[: len(pictures)], kept[len(pictures) :], names)


async def _kept(file: FormFile, gateway: Gateway, owner: str) -> Stored:
    return Stored(await gateway.chat.ingest.keep_once(file.data, owner, filename=file.filename or None))


def _writer(head: AnswerHead, answer: Reply) -> Writer:
    return Writer(lambda: EventEncoder(head, answer.report), lambda events: assemble(head, events, answer.report))
