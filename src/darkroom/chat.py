"""A chat: the request's way through resolve, the upstream and capture, as one stream of events.

Strategy. `Answer.events` is the only path, streaming or not. A model that makes media runs in a task of its own, which
the response only watches: when the client leaves, what has begun is finished and stored. A text model's answer ends
with its reader. Every way out writes the end of the generation and lets go of its bytes.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import asdict, dataclass, field
from typing import Any

from darkroom import usage
from darkroom.capture import Capture
from darkroom.codecs.links import make_link
from darkroom.database import Database
from darkroom.dialects.media_text import MediaText
from darkroom.dialects.openai_chat import EventDecoder, decode_error, encode_request
from darkroom.dialects.relay_text import classify
from darkroom.errors import (
    Cancelled,
    ContentPolicyViolation,
    DarkroomError,
    GatewayError,
    Overloaded,
    TooLarge,
    UpstreamBadMedia,
    UpstreamBroken,
)
from darkroom.events import (
    Event,
    Failed,
    Finished,
    MediaLost,
    MediaProduced,
    Planned,
    Progress,
    ReasoningDelta,
    Remembered,
    TextDelta,
    UpstreamNamed,
    UsageReported,
)
from darkroom.fetch import Fetcher
from darkroom.generations import Recorder, describe_input, describe_media
from darkroom.ingest import Ingest
from darkroom.lifted import PLACEHOLDER, Lifts
from darkroom.messages import Conversation
from darkroom.providers import Provider, Target
from darkroom.resolve import Resolved, Resolver
from darkroom.upstream import Upstream

_REASONING_KEPT = 2000
_WATCH_EVENTS = 256
_WATCH_SECONDS = 60
_URI_HEAD = r"(?:data:[^,\s()<>\x1a]{0,600}+,)?"

INTERNAL = "something went wrong inside Darkroom; its log says what"
log = logging.getLogger("darkroom")


@dataclass(slots=True)
class Chat:
    """Answers conversations."""

    database: Database
    ingest: Ingest
    fetcher: Fetcher
    upstream: Upstream
    resolver: Resolver
    public_url: str
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    async def answer(self, conversation: Conversation, lifts: Lifts, owner: str, target: Target) -> Answer:
        """Resolve a conversation and return its answer, not yet begun. `lifts` are for the answer's own media."""
        resolved = await self.resolver.resolve(conversation, owner, target)
        for omitted in resolved.omitted:
            log.debug("%s was not sent to %s: %s", omitted.id, target.model, omitted.reason)
        recorder = Recorder(self.database, owner, target, resolved.prompt, resolved.inputs)
        capture = Capture(self.ingest, self.fetcher, owner, target.provider)
        return Answer(self, resolved, target, lifts, recorder, capture)

    def watch(self, answer: Answer, ended: AsyncExitStack) -> AsyncGenerator[Event, None]:
        """Return the events of an answer; those of a model that makes media go on without a reader.

        What `ended` holds (the owner's place) is held until such a task ends, or else until its caller lets go.
        """
        if not answer.target.profile.makes_media:
            return answer.events()
        ended = ended.pop_all()
        watch = _Watch()
        task = asyncio.create_task(_pump(answer, watch, ended))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return watch.drain()

    async def close(self, grace: float) -> None:
        """Let what has begun finish, for at most `grace` seconds."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


@dataclass(slots=True)
class Answer:
    """One answer: its events, and what there is to say about it at the end."""

    chat: Chat
    resolved: Resolved
    target: Target
    lifts: Lifts
    recorder: Recorder
    capture: Capture
    _texts: int = 0
    _said: bool = False
    _estimated: bool = False
    _usage: bool = False
    _reasoning: str = ""
    _text: MediaText | None = None

    def report(self) -> dict[str, Any]:
        """Return the `darkroom` field: what was made and stored, what was lost, what was not sent."""
        stored = [describe_media(media, self.chat.public_url) for media in self.capture.stored]
        report: dict[str, Any] = {
            "generations": self._generations(),
            "media": stored,
            "omitted": self._omitted(),
        }
        if self.capture.lost:
            report["lost"] = [
                {
                    "kind": lost.kind.value,
                    "url": lost.url,
                    "code": lost.error.code,
                    "message": lost.error.message,
                }
                for lost in self.capture.lost
            ]
        if self._estimated:
            report["usage"] = "estimated"
        return report

    def generation(self) -> str | None:
        return self.recorder.id

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield the events, ending with `Finished` or `Failed`; it never raises a `DarkroomError`."""
        try:
            async with aclosing(self._read()) as events:
                async for event in events:
                    async for result in self._work(event):
                        yield result
                        if isinstance(result, Failed):
                            return
        except DarkroomError as error:
            yield await self._failed(error)
        except Exception:
            log.exception("an answer of %s failed", self.target.provider.name)
            yield await self._failed(GatewayError(INTERNAL))
        except (asyncio.CancelledError, GeneratorExit):
            await asyncio.shield(self.recorder.fail(Cancelled("the client left, or the gateway stopped")))
            raise
        finally:
            self.lifts.close()

    async def _failed(self, error: DarkroomError) -> Failed:
        if isinstance(error, TooLarge):  # The client asked for a picture, not for its size.
            error = UpstreamBadMedia(f"the upstream sent too much: {error.message}")
        error.hide(self.target.provider.api_keys)
        await self.recorder.fail(error)
        return Failed(error)

    async def _read(self) -> AsyncGenerator[Event, None]:
        """Yield what the upstream says, with the media in its text taken out."""
        request = encode_request(self.resolved.conversation)
        decoder = EventDecoder(self.lifts, partials=self.target.profile.partials)
        text = self._text = MediaText(self.lifts, self.target.profile.makes)
        provider: Provider = self.target.provider
        async with aclosing(self.chat.upstream.send(provider, request, decode_error)) as chunks:
            async for chunk in chunks:
                for event in text.decode(decoder.decode(chunk)):
                    yield event
        for event in text.decode(decoder.flush()):
            yield event

    async def _work(self, event: Event) -> AsyncIterator[Event]:
        """Do what an event asks for, and yield what the client is told."""
        match event:
            case TextDelta(text):
                self._texts += usage.estimate(text)
                self._said = self._said or bool(text.strip())
                yield event
            case ReasoningDelta(text):
                self._reasoning = (self._reasoning + text)[-_REASONING_KEPT:]
                yield event
            case MediaProduced():
                yield await self.capture.capture(event, await self.recorder.begin())
            case Planned() | Progress() | UpstreamNamed():
                await self.recorder.note(event)
                yield event
            case Remembered(fields):
                _append(self.recorder.fields, fields)
            case UsageReported():
                self._usage = True
                yield event
            case Finished():
                async for last in self._finished(event):
                    yield last
            case Failed(error):
                yield await self._failed(error)
            case _:
                yield event

    async def _finished(self, event: Finished) -> AsyncIterator[Event]:
        error = self._emptiness(event)
        if error is not None:
            yield await self._failed(error)
            return
        await self.recorder.finish(self._replay())
        if not self._usage:
            self._estimated = True
            prompt = usage.prompt_tokens(self.resolved.conversation)
            yield UsageReported(usage.counted(prompt, self._texts), estimated=True)
        yield event

    def _emptiness(self, end: Finished) -> DarkroomError | None:
        """Return what is wrong with an answer that should hold a picture and holds nothing."""
        if self.capture.stored or any(_is_shown(lost) for lost in self.capture.lost):
            return None
        if self.capture.lost:
            return self.capture.lost[0].error
        if not end.whole:
            return UpstreamBroken("the upstream's answer ended too early")
        if self._said or not self.target.profile.makes_media:
            return None
        if end.reason == "content_filter":
            return ContentPolicyViolation(self._reasoning.strip() or "the upstream's filter kept the picture back")
        return classify(self._reasoning) or UpstreamBroken("the upstream answered with neither media nor text")

    def _replay(self) -> dict[str, Any] | None:
        """Return what this upstream must be shown again, its media replaced by our links."""
        replay: dict[str, Any] = {}
        if self.target.profile.replay == "transcript" and self._text is not None:
            runs = re.compile(f"{_URI_HEAD}({PLACEHOLDER.pattern})")
            replay["text"] = runs.sub(self._linked, "".join(self._text.raw))
        if self.recorder.fields:
            replay["fields"] = self.recorder.fields
        return replay or None

    def _linked(self, run: re.Match[str]) -> str:
        media = self.capture.by_placeholder.get(run[1])
        return make_link(self.chat.public_url, media) if media is not None else ""

    def _generations(self) -> list[dict[str, Any]]:
        if self.recorder.id is None:
            return []
        inputs = [describe_input(item) for item in self.recorder.inputs]
        return [{"id": self.recorder.id, "inputs": inputs, "upstream_ids": self.recorder.upstream_ids}]

    def _omitted(self) -> list[dict[str, Any]]:
        return [asdict(item) for item in self.resolved.omitted]


@dataclass(slots=True)
class _Watch:
    """The way from a task to the one who watches it; a watcher who does not keep up is as good as gone."""

    _events: asyncio.Queue[Event | None] = field(default_factory=lambda: asyncio.Queue(_WATCH_EVENTS))
    _gone: bool = False

    async def tell(self, event: Event | None) -> None:
        if self._gone:
            return
        try:
            async with asyncio.timeout(_WATCH_SECONDS):
                await self._events.put(event)
        except TimeoutError:
            self._gone = True

    def cut(self, event: Event) -> None:
        """End at once with this event, in place of what the watcher has not read if need be."""
        while self._events.qsize() > _WATCH_EVENTS - 2:
            self._events.get_nowait()
        self._events.put_nowait(event)
        self._events.put_nowait(None)
        self._gone = True

    async def drain(self) -> AsyncGenerator[Event, None]:
        try:
            while (event := await self._events.get()) is not None:
                yield event
        finally:
            self._gone = True
            while not self._events.empty():
                self._events.get_nowait()


async def _pump(answer: Answer, watch: _Watch, ended: AsyncExitStack) -> None:
    """Run an answer to its end, whoever watches."""
    async with ended:
        try:
            async for event in answer.events():
                await watch.tell(event)
        except asyncio.CancelledError:
            watch.cut(Failed(Overloaded("Darkroom is shutting down; ask again")))
            raise
        finally:
            await watch.tell(None)


def _is_shown(lost: MediaLost) -> bool:
    """Tell whether the client can do something with the URL: what was read and is no picture is of no use."""
    return lost.url is not None and not isinstance(lost.error, UpstreamBadMedia)


def _append(fields: dict[str, Any], news: Any) -> None:
    """Add what the upstream wants to see again; lists grow while they stream."""
    for name, value in news.items():
        old = fields.get(name)
        fields[name] = [*old, *value] if isinstance(old, list) and isinstance(value, list) else value
