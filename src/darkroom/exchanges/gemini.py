"""How a Gemini model is asked: one request, before which large or repeated media are uploaded by the Files API.

Strategy. An upload costs two requests more and is kept for two days, so it pays for what is large, and for what a chat
shows again and again: a user's picture of an earlier turn. It is uploaded once for each key, and named from then on.
What a model made itself always goes along inline: its signature is for those bytes. Where a file is gone before its
time, it is uploaded anew and the question asked once more; nothing was made until then.
Formats: https://ai.google.dev/api/files, and the resumable protocol of Google's uploads
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import msgspec

from darkroom.clock import new_id, now
from darkroom.database import UpstreamObject
from darkroom.dialects.gemini import WIRE
from darkroom.dialects.gemini.failures import is_about_file
from darkroom.dialects.wire import BytesOf, UpstreamRequest
from darkroom.errors import (
    UpstreamBroken,
    UpstreamForgot,
    UpstreamNotFound,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from darkroom.events import Event
from darkroom.exchanges.call import Call
from darkroom.media import Media
from darkroom.messages import Conversation, MediaPart, Message, Part, Stored
from darkroom.uploads import Uploaded
from darkroom.upstream import Reply

_BROKEN_OFF = (UpstreamBroken, UpstreamTimeout, UpstreamUnavailable)
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_POLLS = 60
"""How often a file is looked at until it can be used: about four minutes, which a long film takes."""


async def exchange(call: Call) -> AsyncGenerator[Event, None]:
    """Ask, and yield the events of the answer. Raises `UpstreamError`s."""
    files = _Files(call)
    try:
        async with aclosing(call.try_each(files.ask)) as events:
            async for event in events:
                yield event
    finally:
        await asyncio.shield(files.release())


@dataclass(slots=True)
class _Files:
    """The uploads of one exchange, by the hash of their bytes; held until it ends."""

    call: Call
    _held: dict[str, UpstreamObject] = field(default_factory=dict)

    async def ask(self, conversation: Conversation) -> AsyncGenerator[Event, None]:
        """Ask with one form of the question; once more where the upstream lost a file that it had."""
        for last in (False, True):
            begun = False
            try:
                async with aclosing(self._ask(await self._placed(conversation))) as events:
                    async for event in events:
                        begun = True
                        yield event
                return
            except UpstreamForgot as error:
                if begun or last or not self._held or not is_about_file(error):
                    raise
                await self._forget(error.message)

    async def release(self) -> None:
        """Let go of the uploads: the provider's policy decides what becomes of them."""
        while self._held:
            _, item = self._held.popitem()
            await self.call.means.cleanup.release(self.call.target, item.id)

    def _ask(self, conversation: Conversation) -> AsyncGenerator[Event, None]:
        profile = self.call.target.profile
        request = WIRE.encode(conversation, profile)
        return self.call.read(request, WIRE.decoder(self.call.lifts, profile), WIRE.error)

    async def _forget(self, words: str) -> None:
        """Drop the uploads that the upstream's words name; all of them where they name none."""
        named = {blob: item for blob, item in self._held.items() if item.path.rpartition("/")[2] in words}
        for blob, item in (named or dict(self._held)).items():
            del self._held[blob]
            await self.call.means.uploads.forget(self.call.target, item.uri or "", self.call.owner)
            await self.call.means.cleanup.forget(item.id)

    async def _placed(self, conversation: Conversation) -> Conversation:
        """Return the conversation with uploads in the place of what is better uploaded."""
        if self.call.target.profile.upload_above is None:
            return conversation
        messages = conversation.messages
        last = max((at for at, each in enumerate(messages) if each.role == "user"), default=0)
        said = [each.text for each in messages[:last] if each.role != "assistant"]
        placed = [await self._message(each, said, again=at < last) for at, each in enumerate(messages)]
        return replace(conversation, messages=tuple(placed))

    async def _message(self, message: Message, said: list[str], *, again: bool) -> Message:
        if message.role == "assistant" or not message.media:
            return message
        parts = [await self._part(part, said, again=again) for part in message.parts]
        return replace(message, parts=tuple(parts))

    async def _part(self, part: Part, said: list[str], *, again: bool) -> Part:
        if not isinstance(part, MediaPart) or not isinstance(part.source, Stored) or part.source.url is not None:
            return part
        media = part.source.media
        large = media.size > (self.call.target.profile.upload_above or 0)
        if not large and not await self._pays(media, said, again=again):
            return part
        return replace(part, source=Stored(media, await self._uri(media)))

    async def _pays(self, media: Media, said: list[str], *, again: bool) -> bool:
        """Tell whether small media is uploaded already, or was shown in an earlier turn and will be again.

        `said` is the text of earlier turns: where a picture stood that another turn shows, there is a note with its id.
        What is deleted after each response would be uploaded for each.
        """
        target = self.call.target
        if media.blob in self._held:
            return True
        if target.provider.idle_seconds == 0:
            return False
        if again or any(media.id in text for text in said):
            return True
        upstreams = self.call.means.database.upstreams
        known = (self.call.owner, target.provider.name, target.key.alias, media.blob)
        return await upstreams.uploaded(*known, now()) is not None

    async def _uri(self, media: Media) -> str:
        if media.blob not in self._held:
            name = f"files/dk-{new_id('file').rpartition('_')[2]}"
            upload = _Upload(self.call, media, name)
            self._held[media.blob] = await self.call.means.uploads.hold(
                self.call.target, self.call.owner, media, f"/{name}", upload.send
            )
        return self._held[media.blob].uri or ""


@dataclass(frozen=True, slots=True)
class _Upload:
    """One upload, under a name that was chosen before."""

    call: Call
    media: Media
    name: str

    async def send(self) -> Uploaded:
        """Upload, and wait until the file can be used. Raises `UpstreamError`s."""
        url = await self._start()
        file = await self._transfer(url)
        return await self._active(file)

    async def _start(self) -> str:
        """Announce the upload, and return where its bytes go; tried once more where the answer broke off."""
        media = self.media
        file = {"name": self.name, "displayName": media.id, "mimeType": media.mime, "sizeBytes": str(media.size)}
        headers = {
            "content-type": "application/json",
            "x-goog-upload-protocol": "resumable",
            "x-goog-upload-command": "start",
            "x-goog-upload-header-content-length": str(media.size),
            "x-goog-upload-header-content-type": media.mime,
        }
        root, _, version = self.call.target.provider.base_url.rpartition("/")
        where = f"{root}/upload/{version}/files"
        request = UpstreamRequest(where, (msgspec.json.encode({"file": file}),), headers=headers)
        try:
            reply = await self._call(request)
        except _BROKEN_OFF:
            reply = await self._call(request)
        url = reply.headers.get("x-goog-upload-url")
        if url is None:
            raise UpstreamBroken("the upstream did not say where to upload to")
        return url

    async def _transfer(self, url: str) -> dict[str, Any]:
        """Send the bytes; what broke off half-way is gone on with once, from where the upstream has it."""
        try:
            return _file(await self._put(url, 0))
        except _BROKEN_OFF as error:
            state = await self._call(UpstreamRequest(url, headers={"x-goog-upload-command": "query"}))
            if state.headers.get("x-goog-upload-status") == "final":
                return await self._look()
            start = state.headers.get("x-goog-upload-size-received", "")
            if not start.isdecimal() or int(start) > self.media.size:
                raise UpstreamBroken(f"an upload broke off, and can't be gone on with: {error.message}") from error
            return _file(await self._put(url, int(start)))

    async def _put(self, url: str, start: int) -> Reply:
        headers = {
            "content-type": self.media.mime,
            "x-goog-upload-command": "upload, finalize",
            "x-goog-upload-offset": str(start),
        }
        return await self._call(UpstreamRequest(url, (BytesOf(self.media, start),), headers=headers))

    async def _active(self, file: dict[str, Any]) -> Uploaded:
        """Wait until the file is `ACTIVE`. Raises `UpstreamRejected` for one that can't be read, `UpstreamTimeout`."""
        pause = _FIRST_PAUSE
        for _ in range(_POLLS):
            match file.get("state"):
                case "FAILED":
                    why = file.get("error")
                    said = why.get("message") if isinstance(why, dict) else None
                    raise UpstreamRejected(f"the upstream can't read {self.media.id}: {said or 'it says no more'}")
                case "ACTIVE" | None if isinstance(uri := file.get("uri"), str):
                    return Uploaded(uri, _milliseconds(file.get("expirationTime")))
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            file = await self._look()
        raise UpstreamTimeout(f"the upstream was not done with {self.media.id} in time; nothing was asked of it yet")

    async def _look(self) -> dict[str, Any]:
        try:
            return _file(await self._call(UpstreamRequest(f"/{self.name}", method="GET", headers={})))
        except (UpstreamForgot, UpstreamNotFound) as error:
            raise UpstreamBroken(f"the upstream lost an upload at once: {error.message}") from error

    async def _call(self, request: UpstreamRequest) -> Reply:
        return await self.call.means.upstream.call(self.call.target, request, WIRE.error)


def _file(reply: Reply) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UpstreamBroken("the upstream answered an upload with something that is no file")
    file = value.get("file", value)
    return file if isinstance(file, dict) else {}


def _milliseconds(time: Any) -> int | None:
    """Return an RFC 3339 time in Unix ms."""
    try:
        return int(datetime.fromisoformat(time).timestamp() * 1000) if isinstance(time, str) else None
    except ValueError:
        return None
