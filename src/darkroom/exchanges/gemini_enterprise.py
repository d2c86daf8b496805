"""Asking Gemini Enterprise: a session, the files that the question is about, the question, and what was made.

Strategy. A session is recorded for the cleanup under an id of our own before it is created, so that a crash at any
point leaves it known; whatever way an answer ends, its session is let go of, and the provider's policy decides: deleted
at once, after some idle time, or never. Files go with their session.

A session that is kept has one state, its newest, and one question at a time: whoever goes on from it takes its thread,
and leaves the thread of the new state when all went well. For an older state (an edit, a branch), for a session that
somebody else has taken, or one that is gone, there is no other way than to tell the whole story in a new session. What
a session was shown or has made is noted with its row, so that only what is new to it is uploaded.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from darkroom.clock import new_id
from darkroom.dialects.gemini_enterprise import (
    ContextFile,
    Engine,
    EventDecoder,
    context_files,
    decode_error,
    encode_ask,
    encode_download,
    encode_file,
    encode_session,
    is_forgotten,
    session_path,
)
from darkroom.dialects.wire import UpstreamRequest
from darkroom.errors import (
    DarkroomError,
    TooLarge,
    UpstreamBroken,
    UpstreamError,
    UpstreamForgot,
    UpstreamNotFound,
    UpstreamTimeout,
    UpstreamUnavailable,
    UrlRefused,
)
from darkroom.events import Event, Failed, Finished, MediaProduced, ThreadNamed, UpstreamNamed
from darkroom.exchanges.call import Call
from darkroom.messages import Conversation
from darkroom.threads import SESSION

_PAUSES = (0.2, 1.0, 3.0)
"""Seconds before a download is tried again: what was made has been paid for, and goes with the session."""
_PASSING = (UpstreamBroken, UpstreamNotFound, UpstreamTimeout, UpstreamUnavailable)
_MOST_NOTES = 200
log = logging.getLogger("darkroom")


def exchange(call: Call) -> AsyncGenerator[Event, None]:
    """Ask, going on from the session that came before where its newest state is meant. Raises `UpstreamError`s."""

    def ask(conversation: Conversation) -> AsyncGenerator[Event, None]:
        return _Session(
            call, conversation, Engine.of(call.target.provider.base_url, call.target.provider.options)
        ).ask()

    return call.try_each(ask)


@dataclass(slots=True)
class _Session:
    """One question, and the session that it is asked in. `notes`: what is in it, hash → file id."""

    call: Call
    conversation: Conversation
    engine: Engine
    name: str = ""
    row: str | None = None
    notes: dict[str, str] = field(default_factory=dict)
    _begun: bool = False
    _file_id: str = ""

    async def ask(self) -> AsyncGenerator[Event, None]:
        try:
            await self._open()
            file_ids = await self._shown()
            request = encode_ask(self.engine, self.conversation, self.call.target.profile, self.name, file_ids)
            decoder = EventDecoder(self.call.lifts, session_path(self.name), self.conversation.model)
            async with aclosing(self.call.read(request, decoder, decode_error)) as events:
                async for event in events:
                    for told in await self._told(event):
                        yield told
        except UpstreamError as error:
            if (forgot := self._forgotten(error)) is error:
                raise
            raise forgot from error
        finally:
            if self.row is not None:
                await asyncio.shield(self.call.means.cleanup.release(self.call.target, self.row))

    async def _told(self, event: Event) -> Sequence[Event]:
        match event:
            case Failed(error) if (forgot := self._forgotten(error)) is not error:
                raise forgot
            case UpstreamNamed(_, id):
                self._file_id = id
            case MediaProduced(url=str(path)):
                event = await self._downloaded(event, path)
            case Finished(_, True) if self._keeps:
                await self._remember()
                return ThreadNamed(SESSION, self.name), event
        self._begun = True
        return (event,)

    def _forgotten(self, error: DarkroomError) -> DarkroomError:
        """Return the error, or that the upstream does not know the session that the question goes on from."""
        if self.conversation.previous is None or self._begun or not is_forgotten(error):
            return error
        return UpstreamForgot(error.message)

    # The session

    @property
    def _keeps(self) -> bool:
        """Whether the session outlives the answer."""
        return self.call.target.provider.idle_seconds != 0

    async def _open(self) -> None:
        if self.conversation.previous is not None:
            await self._take(self.conversation.previous)
        else:
            await self._create()

    async def _create(self) -> None:
        id = new_id("session")
        path = session_path(id)
        self.row = await self.call.means.cleanup.hold(self.call.target, self.call.owner, "session", path)
        created = await self._call(encode_session(id))
        # Google answers with the project's number where we know its name.
        name = created.get("name")
        self.name = name if isinstance(name, str) and name.endswith(path) else self.engine.session_name(id)

    async def _take(self, name: str) -> None:
        """Take a session's newest state, which only one question can go on from. Raises `UpstreamForgot`."""
        target, database = self.call.target, self.call.means.database.upstreams
        if not await database.take_thread(self.call.owner, target.provider.name, target.key.alias, name):
            raise UpstreamForgot("somebody else goes on from this session")
        known = await self.call.means.cleanup.hold_again(target, self.call.owner, session_path(name))
        if known is None:
            raise UpstreamForgot("this session was deleted")
        self.name, self.row, self.notes = name, known.id, _read_notes(known.uri)

    async def _remember(self) -> None:
        """Note what the session holds, for the question that comes next."""
        if self.row is not None:
            newest = dict(list(self.notes.items())[-_MOST_NOTES:])
            text = msgspec.json.encode(newest).decode()
            await self.call.means.database.upstreams.set_object(self.row, text, None)

    # Its files

    async def _shown(self) -> list[str]:
        """Return the ids of the files that the question is about, uploaded where the session has not seen them."""
        new = context_files(self.conversation.messages)
        seen = {file.media.blob for file in new}
        last = self.call.whole.last_user
        meant = context_files([last] if last is not None else [])
        # What is meant was perhaps shown to another session; what this one has needs no reminder.
        missing = [file for file in meant if file.media.blob not in seen and file.media.blob not in self.notes]
        return [await self._file_id_of(file) for file in (*missing, *new)]

    async def _file_id_of(self, file: ContextFile) -> str:
        if file.media.blob not in self.notes:
            self.notes[file.media.blob] = await self._upload(file)
        return self.notes[file.media.blob]

    async def _upload(self, file: ContextFile) -> str:
        answer = await self._call(encode_file(self.engine, self.name, file))
        id = answer.get("fileId")
        if not isinstance(id, str) or not id:
            raise UpstreamBroken("the upstream took a file, and did not say under which id")
        return id

    async def _call(self, request: UpstreamRequest) -> dict[str, Any]:
        reply = await self.call.means.upstream.call(self.call.target, request, decode_error)
        try:
            answer = msgspec.json.decode(reply.body)
        except msgspec.DecodeError:
            answer = None
        if not isinstance(answer, dict):
            raise UpstreamBroken("the upstream's answer is not a JSON object")
        return answer

    # What was made

    async def _downloaded(self, event: MediaProduced, path: str) -> MediaProduced:
        """Return what was made with its bytes, of which there is no other copy once the session is deleted."""
        for pause in (*_PAUSES, None):
            try:
                return await self._download(event, path)
            except _PASSING as error:
                if pause is None or isinstance(error.__cause__, TooLarge | UrlRefused):
                    raise
                log.info("`%s` did not give what it made: %s", self.call.target.name, error.message)
                await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    async def _download(self, event: MediaProduced, path: str) -> MediaProduced:
        means = self.call.means
        request = encode_download(self.engine, path)
        arrived = await means.upstream.save(self.call.target, request, decode_error, means.storage.spools.new())
        if not arrived.size:
            arrived.sink.discard()
            raise UpstreamBroken("the upstream gave an empty file")
        self.notes[arrived.sha256] = self._file_id
        return replace(event, arrived=arrived, url=None)


def _read_notes(text: str | None) -> dict[str, str]:
    """Read what `_remember` wrote; a session whose last answer failed has none."""
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, str])
    except msgspec.DecodeError:
        return {}
