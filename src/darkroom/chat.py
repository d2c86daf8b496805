"""A chat: the request's way through resolve, the upstream and capture, as one stream of events.

Strategy. `Answer.events` is the only path, streaming or not. A model that makes media runs in a task of its own, which
the response only watches: when the client leaves, what has begun is finished and stored. A text model's answer ends
with its reader. Every way out writes the end of the generation and lets go of its bytes.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from darkroom import usage
from darkroom.capture import Capture
from darkroom.clock import now
from darkroom.codecs.links import make_link
from darkroom.dialects.image_params import picture_params
from darkroom.dialects.job_wires import wire_of
from darkroom.dialects.media_text import MediaText
from darkroom.dialects.relay_text import classify
from darkroom.dialects.relay_vocabulary import Language
from darkroom.errors import (
    Cancelled,
    ContentPolicyViolation,
    DarkroomError,
    GatewayError,
    StorageFailed,
    TooLarge,
    UpstreamBadMedia,
    UpstreamBroken,
    UpstreamRateLimited,
)
from darkroom.events import (
    Event,
    Failed,
    Finished,
    MediaLost,
    MediaProduced,
    PartialProduced,
    Passthrough,
    Planned,
    Progress,
    ReasoningDelta,
    Remembered,
    TextDelta,
    ThreadNamed,
    UpstreamNamed,
    UsageReported,
)
from darkroom.exchanges import EXCHANGES, Call, Means
from darkroom.generation import Input, Status
from darkroom.generations import Recorder, describe_input, describe_media
from darkroom.health import Health
from darkroom.ingest import Ingest
from darkroom.jobs.answer import JobAnswer
from darkroom.jobs.jobs import Jobs
from darkroom.lifted import PLACEHOLDER, Lifts
from darkroom.media import Media, MediaKind
from darkroom.messages import Conversation
from darkroom.metrics import Metrics
from darkroom.providers import Target
from darkroom.replay import Omitted
from darkroom.reply import Hear, Reply, Then
from darkroom.resolve import Resolved, Resolver
from darkroom.settings import Output
from darkroom.threads import SESSION, Thread, digest
from darkroom.watch import Watch, pump

_REASONING_KEPT = 2000
_URI_HEAD = r"(?:data:[^,\s()<>\x1a]{0,600}+,)?"

INTERNAL = "something went wrong inside Darkroom; its log says what"
log = logging.getLogger("darkroom")


@dataclass(slots=True)
class Chat:
    """Answers conversations."""

    means: Means
    ingest: Ingest
    resolver: Resolver
    health: Health
    public_url: str
    metrics: Metrics = field(default_factory=Metrics)
    jobs: Jobs | None = None
    """What makes that which outlives a request."""
    _running: dict[asyncio.Task[None], Reply] = field(default_factory=dict)

    async def answer(
        self,
        conversation: Conversation,
        lifts: Lifts,
        owner: str,
        routes: Sequence[Target],
        brief: Brief | None = None,
    ) -> Answer | JobAnswer:
        """Resolve a conversation and return its answer, not yet begun. `lifts` are for the answer's own media; a
        conversation with a `brief` was written here, and names nothing in its texts.

        Raises the `ClientError`s of `Resolver.resolve`, and `UpstreamRateLimited` when every route is to be left alone.
        """
        allowed = self.health.ordered(routes)
        settled = brief is not None
        resolved = await self.resolver.resolve(conversation, owner, self.health.ready(allowed), settled=settled)
        others = [route for route in allowed if route is not resolved.target]
        if self.jobs is not None and wire_of(resolved.target) is not None:
            lifts.close()
            if brief is None:
                return self.jobs.answer(resolved, owner, others)
            told = brief.without(resolved.omitted)
            return self.jobs.answer(resolved, owner, others, told.inputs, told.params)
        return Answer(self, owner, lifts, others, self.attempt(resolved, owner, brief), routes, brief)

    def attempt(self, resolved: Resolved, owner: str, brief: Brief | None = None) -> Attempt:
        """Return what is needed to ask one upstream, and to keep what it makes."""
        for omitted in resolved.omitted:
            log.debug("%s was not sent to %s: %s", omitted.id, resolved.target.name, omitted.reason)
        target, ended = resolved.target, self.metrics.ended
        own = Brief(resolved.prompt, resolved.inputs, picture_params(resolved.asked.params))
        told = brief.without(resolved.omitted) if brief else own
        recorder = Recorder(
            self.means.database, owner, target, told.prompt, told.inputs, ended, told.params, self.means.replica
        )
        return Attempt(resolved, recorder, Capture(self.ingest, self.means.fetcher, owner, target.provider))

    def watch(self, answer: Reply, ended: AsyncExitStack) -> AsyncGenerator[Event, None]:
        """Return the events of an answer; those of a model that makes media go on without a reader.

        What `ended` holds (the owner's place) is held until such a task ends, or else until its caller lets go.
        """
        return self._pumped(answer, ended).drain() if answer.outlives else answer.events()

    def leave(self, answer: Reply, ended: AsyncExitStack) -> None:
        """Let an answer that goes on without a reader do so from the start."""
        self._pumped(answer, ended).leave()

    def _pumped(self, answer: Reply, ended: AsyncExitStack) -> Watch:
        ended = ended.pop_all()
        watch = Watch()
        task = asyncio.create_task(pump(answer.events(), watch, ended))
        self._running[task] = answer
        task.add_done_callback(lambda done: self._running.pop(done, None))
        return watch

    def cancel(self, id: str) -> bool:
        """Stop what makes this generation, if that is under way here."""
        for task, answer in self._running.items():
            if answer.generation() == id:
                if isinstance(answer, Answer):
                    answer.unwanted = True
                return task.cancel()
        return False

    async def close(self, grace: float) -> None:
        """Let what has begun finish, for at most `grace` seconds."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One upstream that is asked, and what becomes of it; another one is asked only while nothing has come of it."""

    resolved: Resolved
    recorder: Recorder
    capture: Capture


@dataclass(frozen=True, slots=True)
class Brief:
    """What is recorded of a generation whose question was written here, and not by the client: the prompt, what it is
    made from, and its parameters."""

    prompt: str
    inputs: tuple[Input, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)

    def without(self, omitted: Sequence[Omitted]) -> Brief:
        """Return the brief without the media that did not go along after all."""
        left = {item.id for item in omitted}
        return replace(self, inputs=tuple(item for item in self.inputs if item.media not in left))


@dataclass(slots=True)
class Answer:
    """One answer: its events, and what there is to say about it at the end.

    `others` are the routes to ask when the first fails before its first byte, `routes` all that there are; `then` is
    done when the answer is complete, before its client is told so.
    """

    chat: Chat
    owner: str
    lifts: Lifts
    others: list[Target]
    attempt: Attempt
    routes: Sequence[Target] = ()
    brief: Brief | None = None
    then: list[Then] = field(default_factory=list)
    hearers: list[Hear] = field(default_factory=list)
    """They are told of every event before it leaves, whether or not anybody watches."""
    said: list[str] = field(default_factory=list)
    """The answer's text, in pieces, without its media."""
    unwanted: bool = False
    """Whether its owner wants it to end before it is done."""
    _texts: int = 0
    _said: bool = False
    _estimated: bool = False
    _usage: bool = False
    _called: bool = False
    _reasoning: str = ""
    _text: MediaText | None = None
    _thread: ThreadNamed | None = None

    @property
    def resolved(self) -> Resolved:
        return self.attempt.resolved

    @property
    def target(self) -> Target:
        return self.attempt.resolved.target

    @property
    def recorder(self) -> Recorder:
        return self.attempt.recorder

    @property
    def capture(self) -> Capture:
        return self.attempt.capture

    @property
    def asked(self) -> Conversation:
        return self.resolved.asked

    @property
    def language(self) -> Language:
        return self.resolved.language

    @property
    def output(self) -> Output | None:
        return self.target.provider.output

    @property
    def makes(self) -> frozenset[MediaKind]:
        return self.target.profile.makes

    @property
    def stored(self) -> Sequence[Media]:
        return self.capture.stored

    @property
    def outlives(self) -> bool:
        return any(route.profile.makes_media for route in (self.target, *self.others))

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

    async def begin(self) -> str | None:
        """Record what is to be made before the upstream shows that it makes something. Raises `StorageFailed`."""
        return await self.recorder.begin()

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield the events, ending with `Finished` or `Failed`; it never raises a `DarkroomError`."""
        try:
            async with aclosing(self._read()) as events:
                async for event in events:
                    async for result in self._work(event):
                        for hear in self.hearers:
                            await hear(result)
                        yield result
                        if isinstance(result, Failed):
                            return
        except DarkroomError as error:
            yield await self._failed(error)
        except (RecursionError, UnicodeDecodeError):
            yield await self._failed(UpstreamBroken("the upstream's answer is nested too deeply, or not UTF-8"))
        except Exception:
            log.exception("an answer of %s failed", self.target.provider.name)
            yield await self._failed(GatewayError(INTERNAL))
        except (asyncio.CancelledError, GeneratorExit):
            why = "it was cancelled" if self.unwanted else "the client left, or the gateway stopped"
            ended: Status = "cancelled" if self.unwanted else "failed"
            await asyncio.shield(self.recorder.fail(Cancelled(why), ended))
            raise
        finally:
            self.lifts.close()

    async def _failed(self, error: DarkroomError) -> Failed:
        if isinstance(error, TooLarge):  # The client asked for a picture, not for its size.
            error = UpstreamBadMedia(f"the upstream sent too much: {error.message}")
        error.hide(key.secret for key in self.target.provider.keys if key.secret)
        try:
            await self.recorder.fail(error)
        except DarkroomError as second:  # The client hears of the first.
            log.warning("the end of %s could not be recorded: %s", self.recorder.id, second.message)
        return Failed(error)

    async def _read(self) -> AsyncGenerator[Event, None]:
        """Yield what the upstream says; another route is asked when this one fails before its first byte."""
        while True:
            begun = False
            try:
                async with aclosing(self._ask()) as events:
                    async for event in events:
                        begun = True
                        yield event
                return
            except DarkroomError as error:
                other = None if begun or not error.elsewhere else self._other()
                if other is None:
                    self._tell_when(error)
                    raise
                log.warning("`%s` failed (%s); `%s` is asked instead", self.target.name, error.code, other.name)
                await self._turn_to(other)

    def _other(self) -> Target | None:
        """Return the route to ask next, if there is one that may be asked."""
        try:
            self.others = list(self.chat.health.ordered(self.others))
        except UpstreamRateLimited:
            return None
        return self.others.pop(0) if self.others else None

    def _tell_when(self, error: DarkroomError) -> None:
        """Tell a client whom no key could serve when the first of them will be ready again."""
        if isinstance(error, UpstreamRateLimited):
            error.retry_after = self.chat.health.wait(self.routes)

    async def _turn_to(self, target: Target) -> None:
        settled = self.brief is not None
        resolved = await self.chat.resolver.resolve(self.resolved.asked, self.owner, (target,), settled=settled)
        self.attempt = self.chat.attempt(resolved, self.owner, self.brief)

    async def _ask(self) -> AsyncGenerator[Event, None]:
        """Yield what one upstream says, with the media in its text taken out."""
        target = self.target
        text = self._text = MediaText(self.lifts, target.profile.makes)
        call = Call(self.chat.means, target, self.owner, self.resolved.attempts, self.lifts)
        with self.chat.health.asking(target) as trial:
            async with aclosing(EXCHANGES[target.provider.dialect](call)) as events:
                async for event in events:
                    for result in text.decode((event,)):
                        if isinstance(result, Failed):
                            trial.error = result.error
                        yield result

    async def _work(self, event: Event) -> AsyncIterator[Event]:
        """Do what an event asks for, and yield what the client is told."""
        match event:
            case TextDelta(text):
                self._texts += usage.estimate(text)
                self._said = self._said or bool(text.strip())
                self.said.append(text)
                yield event
            case ReasoningDelta(text):
                self._reasoning = (self._reasoning + text)[-_REASONING_KEPT:]
                yield event
            case MediaProduced():
                yield await self.capture.capture(event, await self.recorder.begin())
            case Planned() | Progress() | UpstreamNamed() | PartialProduced():
                await self.recorder.note(event)
                yield event
            case Remembered() | ThreadNamed():
                self._note(event)
            case Finished():
                async for last in self._finished(event):
                    yield last
            case Failed(error):
                yield await self._failed(error)
            case _:
                self._overhear(event)
                yield event

    def _overhear(self, event: Event) -> None:
        """Note what says something without text: a tool's call, a refusal, a count."""
        self._usage = self._usage or isinstance(event, UsageReported)
        if isinstance(event, Passthrough):
            self._called = self._called or bool(event.delta.get("tool_calls"))
            self._said = self._said or self._called or bool(event.delta.get("refusal"))

    def _note(self, event: Remembered | ThreadNamed) -> None:
        """Keep for the next turn what the client has no use for."""
        match event:
            case Remembered(fields):
                _append(self.recorder.fields, fields)
            case ThreadNamed():
                self._thread = event

    async def _finished(self, event: Finished) -> AsyncIterator[Event]:
        error = self._emptiness(event)
        if error is not None:
            self.chat.health.learn(self.target, error)
            yield await self._failed(error)
            return
        if self._thread is not None and self.recorder.id is not None:
            self.recorder.upstream_ids[self._thread.what] = self._thread.value
        await self.recorder.finish(self._replay())
        await self._remember()
        for then in self.then:
            await then(self)
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

    async def _remember(self) -> None:
        """Record under which name the upstream keeps the conversation as it stands now."""
        if self._thread is None or self.resolved.state is None or self._called:
            return
        shown = [media.blob for media in self.capture.stored]
        state = digest(self.resolved.state, "assistant", "".join(self.said), shown)
        target, thread = self.target, self._thread
        known = Thread(state, target.provider.name, target.model, target.key.alias, thread.what, thread.value)
        only = thread.what == SESSION
        try:
            await self.chat.means.database.upstreams.add_thread(
                self.owner, known, now(), only=only, generation=self.recorder.id
            )
        except StorageFailed as error:  # The next turn is told whole then.
            log.warning("what `%s` remembers could not be recorded: %s", target.name, error.message)

    def _replay(self) -> dict[str, Any] | None:
        """Return what this upstream must be shown again, its media replaced by our links."""
        replay: dict[str, Any] = {}
        if self.target.profile.replay == "transcript" and self._text is not None:
            runs = re.compile(f"{_URI_HEAD}({PLACEHOLDER.pattern})")
            replay["text"] = runs.sub(self._linked, "".join(self._text.raw))
        if self.recorder.fields:
            replay["fields"] = self._referring(self.recorder.fields)
        return replay or None

    def _referring(self, value: Any) -> Any:
        """Return what is remembered with the runs in it replaced by the ids of the media that they became."""
        match value:
            case str():
                media = self.capture.by_placeholder.get(value)
                return value if media is None else media.id
            case dict():
                return {key: self._referring(item) for key, item in value.items()}
            case list():
                return [self._referring(item) for item in value]
            case _:
                return value

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


def _is_shown(lost: MediaLost) -> bool:
    """Tell whether the client can do something with the URL: what was read and is no picture is of no use."""
    return lost.url is not None and not isinstance(lost.error, UpstreamBadMedia)


def _append(fields: dict[str, Any], news: Any) -> None:
    """Add what the upstream wants to see again; lists grow while they stream."""
    for name, value in news.items():
        old = fields.get(name)
        fields[name] = [*old, *value] if isinstance(old, list) and isinstance(value, list) else value
