"""Chat models that plan, asked through a gateway of their own; and what that costs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from darkroom.chat import Answer, Brief, Chat
from darkroom.events import Event, UsageReported
from darkroom.gateway import Gateway
from darkroom.jobs.answer import JobAnswer
from darkroom.keys import LOCAL
from darkroom.lifted import Lifts
from darkroom.messages import Conversation
from darkroom.planner import Plan, Scene
from darkroom.providers import Target
from darkroom.settings import Settings, StorageSettings
from darkroom.studio.chat_planner import plan_by_model


@dataclass(slots=True)
class Cost:
    """What asking a model cost so far. A repair is a request too; `seconds` are those of all plans, added up.

    Tokens are the upstream's own count, and Darkroom's estimate where it gives none.
    """

    plans: int = 0
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False
    """Whether some of the tokens are an estimate."""
    seconds: float = 0.0

    def told(self) -> str:
        """Say it in a line."""
        each = self.seconds / self.plans if self.plans else 0.0
        about = "about " if self.estimated else ""
        tokens = f"{about}{self.prompt_tokens} tokens asked and {self.completion_tokens} answered"
        return f"{self.plans} plans in {self.requests} requests, {tokens}, {each:.1f} s for each plan"


@dataclass(slots=True)
class Counting(Chat):
    """A chat whose answers are counted."""

    cost: Cost = field(default_factory=Cost)

    async def answer(
        self,
        conversation: Conversation,
        lifts: Lifts,
        owner: str,
        routes: Sequence[Target],
        brief: Brief | None = None,
    ) -> Answer | JobAnswer:
        # A dataclass with slots is made anew, and `super()` would still mean the first one.
        answer = await Chat.answer(self, conversation, lifts, owner, routes, brief)
        self.cost.requests += 1
        answer.hearers.append(self._hear)
        return answer

    async def _hear(self, event: Event) -> None:
        if isinstance(event, UsageReported):
            self.cost.estimated = self.cost.estimated or event.estimated
            self.cost.prompt_tokens += event.usage.get("prompt_tokens") or 0
            self.cost.completion_tokens += event.usage.get("completion_tokens") or 0


@dataclass(frozen=True, slots=True)
class ByModel:
    """A chat model that plans."""

    name: str
    chat: Counting
    routes: Sequence[Target]

    async def plan(self, scene: Scene) -> Plan:
        """Return the model's plan, from words alone. Raises `PlanInvalid` and the upstream's errors."""
        began = time.perf_counter()
        try:
            return await plan_by_model(self.chat, self.routes, LOCAL, scene, {})
        finally:
            self.cost.plans += 1
            self.cost.seconds += time.perf_counter() - began

    @property
    def cost(self) -> Cost:
        return self.chat.cost


@asynccontextmanager
async def opened(settings: Settings, models: Sequence[str]) -> AsyncIterator[list[ByModel]]:
    """Open a gateway with the providers of `settings` and a store that is gone afterwards; yield the models' planners.

    Raises `UnknownModel`, `ConfigInvalid`.
    """
    if not models:
        yield []
        return
    with tempfile.TemporaryDirectory(prefix="darkroom-evals-") as store:
        storage = StorageSettings(f"file:{store}/media", f"sqlite:{store}/darkroom.db")
        async with Gateway.open(replace(settings, storage=storage)) as gateway:
            yield [ByModel(model, _counting(gateway.chat), gateway.providers.routes(model, LOCAL)) for model in models]


def _counting(chat: Chat) -> Counting:
    return Counting(chat.means, chat.ingest, chat.resolver, chat.health, chat.public_url, chat.metrics)
