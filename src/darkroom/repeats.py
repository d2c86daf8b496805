"""Requests that are sent again: under the same idempotency key, a client is given what came of the first.

Strategy. A key is reserved before anything is asked. A job is recorded with its key in one transaction; what is made
otherwise is noted as soon as it is on record. A request that made nothing leaves its key free at its end.
Format: https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from darkroom.clock import now
from darkroom.database import Database
from darkroom.errors import KeyReused, MalformedRequest, TooManyRequests
from darkroom.events import Event
from darkroom.jobs.answer import JobAnswer
from darkroom.messages import Conversation, Inline, MediaPart, Named, Opaque, Part, Remote, Stored, Text
from darkroom.reply import Reply

HEADER = "idempotency-key"
_LONGEST = 255
_STALE_MS = 15 * 60_000
"""After so long, a request that has made nothing is not waited for any more: its process is gone."""
_PATIENCE_SECONDS = 30.0
_LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Repeats:
    """`replica` is this process, with which the requests end that it has read."""

    database: Database
    replica: str

    async def first(self, owner: str, key: str, conversation: Conversation) -> str | None:
        """Return the generation that came of the first request under a key; None: this is the first.

        Raises `KeyReused` where that was another request, `TooManyRequests` while nothing has come of it yet.
        """
        if not 0 < len(key) <= _LONGEST:
            raise MalformedRequest(f"{HEADER} must have 1 to {_LONGEST} characters", param=HEADER)
        digest = _digest(conversation)
        for _ in range(int(_PATIENCE_SECONDS / _LOOK_SECONDS)):
            known = await self.database.jobs.reserve(owner, key, digest, self.replica, now())
            if known is None:
                return None
            if known.digest != digest:
                raise KeyReused(f"the {HEADER} belongs to another request of yours; choose a new one", param=HEADER)
            if known.generation is not None:
                return known.generation
            if known.created < now() - _STALE_MS:
                await self.database.jobs.release(owner, key)
            await asyncio.sleep(_LOOK_SECONDS)
        raise TooManyRequests("the first request with this key is under way, and has made nothing yet", retry_after=5)

    def note(self, owner: str, key: str, answer: Reply) -> None:
        """Have what comes of an answer noted under its key."""
        if isinstance(answer, JobAnswer):
            answer.key = key
            return
        noted: list[str] = []

        async def hear(event: Event) -> None:
            id = answer.generation()
            if id is not None and not noted:
                noted.append(id)
                await self.database.jobs.settle(owner, key, id)

        answer.hearers.append(hear)

    async def settle(self, owner: str, key: str, answer: Reply) -> None:
        """Free a key under which nothing was made; an answer has ended."""
        if (id := answer.generation()) is None:
            await self.database.jobs.release(owner, key)
        else:
            await self.database.jobs.settle(owner, key, id)


def _digest(conversation: Conversation) -> str:
    """Return a hash of what is asked, however the JSON around it is written."""
    turns = [[message.role, *map(_named, message.parts)] for message in conversation.messages]
    asked = [conversation.model, turns, dict(conversation.params), dict(conversation.native)]
    return sha256(msgspec.json.encode(asked, order="deterministic")).hexdigest()


def _named(part: Part) -> list[object]:
    match part:
        case Text(text):
            return ["text", text]
        case MediaPart(kind, source):
            return [kind.value, part.role, *_source(source)]
        case Opaque(value):
            return ["opaque", dict(value)]


def _source(source: Inline | Remote | Named | Stored) -> Iterator[str]:
    match source:
        case Inline(lifted):
            yield lifted.sha256
        case Remote(url):
            yield url
        case Named(id):
            yield id
        case Stored(media):
            yield media.blob
