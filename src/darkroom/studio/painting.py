"""Pictures and films as they are made: a model is asked, and what it tells is told in the studio's words."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

from darkroom.chat import Brief, Chat
from darkroom.clock import new_id
from darkroom.dialects.relay_lines import What, judge_plain
from darkroom.dialects.relay_vocabulary import Language
from darkroom.errors import UnsupportedPart, UpstreamNotFound, UpstreamRejected
from darkroom.events import (
    Event,
    Failed,
    Finished,
    MediaLost,
    MediaStored,
    Planned,
    Progress,
    ReasoningDelta,
    Started,
    TextDelta,
    UpstreamNamed,
    UsageReported,
)
from darkroom.lifted import Lifts
from darkroom.messages import Conversation
from darkroom.planner import Plan
from darkroom.providers import Target
from darkroom.replay import Omitted
from darkroom.reply import Reply
from darkroom.studio.asks import Ask, conversation_of, params_of
from darkroom.studio.telling import Teller

log = logging.getLogger("darkroom")

_CANT_BE_GIVEN = (UnsupportedPart, UpstreamNotFound, UpstreamRejected)
"""What a server says that takes no films, or has forgotten the one that it is to change."""

QUIET_SECONDS = 4.0
"""After so long without news, the client is told that it still goes on."""


@dataclass(slots=True)
class Painting:
    """What one plan makes. `routes` lead to the model that makes it; `answers` are that model's, the one that is under
    way last."""

    chat: Chat
    lifts: Callable[[], Lifts]
    owner: str
    routes: Sequence[Target]
    plan: Plan
    asked: Conversation
    language: Language
    answers: list[Reply] = field(default_factory=list)
    lost: list[Omitted] = field(default_factory=list)
    """What was not sent."""
    reason: str = "stop"
    """Why the last of them ended."""

    async def paint(self, ask: Ask) -> AsyncGenerator[Event, None]:
        """Yield the events of one question, asked again for what is still missing; a film that the model can't be given
        is made anew.

        Raises what `Chat.answer` does, and what an answer failed with.
        """
        self.lost += ask.omitted
        telling, before, made = _Telling(Teller(self.language), ask.shown), len(self.answers), False
        try:
            async with aclosing(self._paint(ask, telling)) as events:
                async for event in events:
                    made = made or isinstance(event, MediaStored | MediaLost)
                    yield event
            return
        except _CANT_BE_GIVEN as error:
            if ask.anew is None or made:
                raise
            log.info("a film is made anew, since `%s` can't change it: %s", self.routes[0].name, error.message)
        del self.answers[before:]
        self.lost += ask.anew.omitted
        async with aclosing(self._paint(ask.anew, telling)) as events:
            async for event in events:
                yield event

    async def _paint(self, ask: Ask, telling: _Telling) -> AsyncGenerator[Event, None]:
        left = ask.n
        for number in range(ask.n):
            made = 0
            async with aclosing(self._ask(ask, number, left, telling)) as events:
                async for event in events:
                    made += isinstance(event, MediaStored | MediaLost)
                    yield event
            left -= made
            if not made or left < 1:
                return

    async def _ask(self, ask: Ask, number: int, left: int, telling: _Telling) -> AsyncGenerator[Event, None]:
        """Yield the events of one request, without its end."""
        profile = self.routes[0].profile
        brief = Brief(ask.prompt, ask.inputs, params_of(ask, self.plan, self.asked, left))
        conversation = conversation_of(ask, self.asked, profile, number, left)
        answer = await self.chat.answer(conversation, self.lifts(), self.owner, self.routes, brief)
        self.answers.append(answer)
        said, made = [], False
        async with aclosing(paced(answer.events(), QUIET_SECONDS)) as events:
            async for event in events:
                for told in telling.before(event):
                    yield told
                match event:
                    case TextDelta(text):
                        said.append(text)
                    case Failed(error):
                        raise error
                    case Finished(reason):
                        self.reason = reason
                    case None | Progress() | Planned() | UpstreamNamed() | Started():
                        pass
                    case ReasoningDelta(text):
                        if kept := _without_progress(text):
                            yield ReasoningDelta(kept)
                    case _:
                        made = made or isinstance(event, MediaStored | MediaLost)
                        yield event
        if words := "".join(said).strip():
            # Beside a picture the model's words are no part of the answer; without one they are all of it.
            yield ReasoningDelta(f"{words}\n") if made else TextDelta(words)


@dataclass(slots=True)
class _Telling:
    """One task, as it is told: its plan with the first sign of life, so that what fails at once can still be a plain
    error; then its name, the upstream's own where it gives one."""

    teller: Teller
    shown: Mapping[str, Any]
    _is_planned: bool = False
    _is_named: bool = False

    def before(self, event: Event | None) -> Iterator[Event]:
        """Yield what is told before an event, or in its place; None is that nothing comes."""
        match event:
            case Started() | UsageReported() | Finished() | Failed():
                return
            case TextDelta(text) if not text.strip():
                return
            case Planned() | UpstreamNamed():
                yield from self._plan()
            case _:
                yield from self._name(None)
        match event:
            case UpstreamNamed("task_id", value):
                yield from self._name(value)
            case None:
                yield self.teller.waiting()
            case Progress("queued" | "running" as stage, percent):
                yield self.teller.at(stage, percent)
            case MediaStored() | MediaLost() if (done := self.teller.done()) is not None:
                yield done

    def _plan(self) -> Iterator[Event]:
        if not self._is_planned:
            self._is_planned = True
            yield self.teller.plan(self.shown)

    def _name(self, value: str | None) -> Iterator[Event]:
        yield from self._plan()
        if not self._is_named:
            self._is_named = True
            yield UpstreamNamed("task_id", value or new_id("task"))
            yield self.teller.at("queued")
            yield self.teller.at("running")


def _without_progress(text: str) -> str:
    """Return a thought without the lines in which a relay tells how far it is: that is told already."""
    lines = text.splitlines(keepends=True)
    return "".join(
        line for line in lines if judge_plain(line.strip(), ended=True, waiting=False).what is not What.STAGE
    )


async def paced(events: AsyncGenerator[Event, None], seconds: float) -> AsyncGenerator[Event | None, None]:
    """Yield events as they come, and None whenever nothing came for so long. One task runs them from first to last."""
    news: asyncio.Queue[Event | None] = asyncio.Queue(1)

    async def pump() -> None:
        async with aclosing(events):
            async for event in events:
                await news.put(event)

    task = asyncio.create_task(pump())
    task.add_done_callback(lambda _: None if news.full() else news.put_nowait(None))
    try:
        while not (task.done() and news.empty()):
            try:
                async with asyncio.timeout(seconds):
                    event = await news.get()
            except TimeoutError:
                yield None
                continue
            if event is not None:
                yield event
        await task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
