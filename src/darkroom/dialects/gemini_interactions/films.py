"""Films by the Interactions API: an interaction in the background, which is looked at until it is done.

It is asked as any other interaction of one user turn, and read as any other; that it works in the background, and is
therefore stored, makes a job of it. It is cancelled and deleted by its id.
"""

from __future__ import annotations

from urllib.parse import quote

from darkroom.dialects.gemini_interactions.answer import EventDecoder
from darkroom.dialects.gemini_interactions.failures import decode_error
from darkroom.dialects.gemini_interactions.request import HEADERS, PATH, encode_request
from darkroom.dialects.job_wire import JobReport, JobRequest, JobWire, Product
from darkroom.dialects.wire import UpstreamRequest
from darkroom.errors import DarkroomError, UpstreamRejected
from darkroom.events import Event, Failed, MediaProduced, Progress, TextDelta, ThreadNamed
from darkroom.lifted import Lifts
from darkroom.messages import Conversation, MediaPart, Message, Stored, Text
from darkroom.providers import Target

_WORDS = 1000


def _submit(request: JobRequest, target: Target) -> UpstreamRequest:
    media = [
        MediaPart(each.media.kind, Stored(each.media, each.url), role=each.role)
        for each in request.given
        if each.role != "mask"
    ]
    turn = Message("user", (*media, Text(request.prompt)), is_string=False)
    conversation = Conversation(target.model, (turn,), params=request.params, dialect=request.dialect)
    written = encode_request(conversation, target.profile)
    key = {"idempotency-key": request.key} if request.key else {}
    return UpstreamRequest(written.path, written.pieces, headers={**written.headers, **key})


def _path(id: str) -> str:
    return f"{PATH}/{quote(id, safe='')}"


def _look(id: str, target: Target) -> UpstreamRequest:
    return UpstreamRequest(_path(id), method="GET", headers=HEADERS)


def _cancel(id: str, target: Target) -> UpstreamRequest:
    return UpstreamRequest(f"{_path(id)}/cancel", headers=HEADERS)


def _deletion(id: str, target: Target) -> str:
    return _path(id)


def _looked(body: bytes, lifts: Lifts, target: Target) -> JobReport:
    """Read an interaction. Raises `UpstreamBroken` for what is none."""
    decoder = EventDecoder(lifts, target.profile)
    events = [*decoder.decode(body), *decoder.flush()]
    id = next((event.value for event in events if isinstance(event, ThreadNamed)), None)
    products = tuple(
        Product(event.kind, event.url, event.lifted) for event in events if isinstance(event, MediaProduced)
    )
    if products:
        return JobReport("completed", id, 100, products)
    if decoder.pending:
        waits = any(isinstance(event, Progress) and event.stage == "queued" for event in events)
        return JobReport("queued" if waits else "running", id)
    if decoder.cancelled:
        return JobReport("cancelled", id)
    return JobReport("failed", id, error=_error(events))


def _error(events: list[Event]) -> DarkroomError:
    failed = next((event.error for event in events if isinstance(event, Failed)), None)
    words = "".join(event.text for event in events if isinstance(event, TextDelta)).strip()[:_WORDS]
    return failed or UpstreamRejected(f"the model made no film; it answered: {words or 'nothing'}")


FILMS = JobWire(_submit, _looked, _look, _looked, decode_error, _cancel, _deletion)
