"""A chat model plans: asked like any other model, its answer checked, and repaired once.

Strategy. The question is text whose size does not grow with the chat (`planner.instructions`), and at most four
pictures where the model sees. It is asked for JSON in the form that its profile knows (`structured`). A model that
refuses the question as it stands is asked once more in words alone, without pictures and parameters: many chat models
see nothing, or take no schema, and no row says so. Whatever fails then is raised: the caller can turn to the rules.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from darkroom.chat import Brief, Chat
from darkroom.clock import nonce
from darkroom.errors import PlanInvalid, UpstreamRejected, UpstreamTimeout
from darkroom.events import Failed, TextDelta, UsageReported
from darkroom.lifted import Lifts
from darkroom.media import MediaKind
from darkroom.messages import Conversation, MediaPart, Message, Stored, Text
from darkroom.planner import Plan, Scene
from darkroom.planner.instructions import asked, read, repair, schema
from darkroom.planner.retold import Handles, shortened
from darkroom.profiles import Structured
from darkroom.providers import Target
from darkroom.studio.counting import Count

LIMIT_SECONDS = 30.0
"""The time for everything, the repair included: the user waits, and the rules plan at once."""

MOST_PICTURES = 4

_MOST_TOKENS = 4000
"""A plan has about 150; the rest is room for models that think first and count that as their answer."""
_MOST_BYTES = 1 << 20
_MOST_QUOTED = 4000

_PARAMS: Mapping[Structured | None, Mapping[str, Any]] = {
    # What takes a schema is new enough to know the newer name of the bound. Of the temperature it is told nothing:
    # models that reason refuse one (OpenAI's), or do worse for it (Gemini 3 and later).
    "schema": {"max_completion_tokens": _MOST_TOKENS},
    "json": {"response_format": {"type": "json_object"}, "temperature": 0, "max_tokens": _MOST_TOKENS},
    None: {"temperature": 0, "max_tokens": _MOST_TOKENS},
}

log = logging.getLogger("darkroom")


async def plan_by_model(
    chat: Chat,
    routes: Sequence[Target],
    owner: str,
    scene: Scene,
    pictures: Mapping[str, MediaPart],
    count: Count | None = None,
) -> Plan:
    """Return the plan that a chat model makes for a scene. `pictures` are the scene's, stored, by their ids; its tokens
    go into `count`, also those of what can't be used.

    Raises `PlanInvalid` when its answer can't be used even after a repair, `UpstreamTimeout` after `LIMIT_SECONDS`, and
    what asking the upstream raises.
    """
    planning = _Planning(chat, tuple(_planner(route) for route in routes), owner, scene, pictures, count or Count())
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            return await planning.plan()
    except TimeoutError:
        name = routes[0].name
        raise UpstreamTimeout(f"`{name}` made no plan within {LIMIT_SECONDS:g} s") from None


def _planner(route: Target) -> Target:
    """Return a route to the model as one that talks: it draws nothing now, and what it planned is kept nowhere."""
    return replace(
        route,
        profile=replace(route.profile, makes=frozenset(), replay="user"),
        provider=replace(route.provider, cleanup="after_response"),
    )


@dataclass(slots=True)
class _Planning:
    """One plan in the making. `plainly`: asked in words alone."""

    chat: Chat
    routes: Sequence[Target]
    owner: str
    scene: Scene
    pictures: Mapping[str, MediaPart]
    count: Count
    plainly: bool = False

    async def plan(self) -> Plan:
        text = await self._asked()
        try:
            return read(text, self.scene)
        except PlanInvalid as error:
            log.info("`%s` is told to mend its plan: %s", self.routes[0].name, error.message)
            # Never empty, which some upstreams refuse.
            quoted = shortened(Handles.of(self.scene).unnamed(text), _MOST_QUOTED) or "…"
            said = Message("assistant", (Text(quoted),))
            again = Message("user", (Text(repair(error.complaints)),))
        return read(await self._asked(said, again), self.scene)

    async def _asked(self, *more: Message) -> str:
        """Return the model's answer to the question, and to what was said after it."""
        try:
            return await self._say((*self._question(), *more))
        except UpstreamRejected as error:
            if self.plainly:
                raise
            log.info("`%s` is asked in words alone: %s", self.routes[0].name, error.message)
            self.plainly = True
            return await self._say((*self._question(), *more))

    def _question(self) -> tuple[Message, ...]:
        shown = {} if self.plainly else self._shown()
        *rules, question = asked(self.scene, (*shown,))
        return *rules, replace(question, parts=(*question.parts, *shown.values()), is_string=not shown)

    def _shown(self) -> dict[str, MediaPart]:
        """Return the pictures that go along, by their ids: this turn's own, then the newest; only those that are here.

        None go where one of the routes leads to a model that sees none.
        """
        profiles = [route.profile for route in self.routes]
        if not all(MediaKind.IMAGE in profile.sees for profile in profiles):
            return {}
        most = min([MOST_PICTURES, *(profile.max_media for profile in profiles if profile.max_media is not None)])
        newest = [picture.id for picture in reversed(self.scene.pictures)]
        ids = dict.fromkeys((*self.scene.uploads, *self.scene.named, *newest))
        here = [id for id in ids if id in self.pictures and _is_here(self.pictures[id])]
        return {id: replace(self.pictures[id], place="part", role=None) for id in here[:most]}

    async def _say(self, messages: tuple[Message, ...]) -> str:
        """Ask, and return the text of the answer. Raises what the upstream failed with."""
        params = {} if self.plainly else self._params()
        conversation = Conversation(self.routes[0].model, messages, params=params)
        lifts = Lifts(self.chat.means.storage.spools.new, nonce(), _MOST_BYTES)
        # With a brief of its own, so that nothing in its texts is taken for the name of a picture.
        answer = await self.chat.answer(conversation, lifts, self.owner, self.routes, Brief(self.scene.text))
        said: list[str] = []
        async with aclosing(answer.events()) as events:
            async for event in events:
                match event:
                    case TextDelta(text):
                        said.append(text)
                    case UsageReported():
                        self.count.add(event)
                    case Failed(error):
                        raise error
        return "".join(said)

    def _params(self) -> Mapping[str, Any]:
        form = self._structured()
        if form != "schema":
            return _PARAMS[form]
        named = {"name": "plan", "strict": True, "schema": schema(self.scene)}
        return {"response_format": {"type": "json_schema", "json_schema": named}, **_PARAMS[form]}

    def _structured(self) -> Structured | None:
        """Return the form that every route takes: which one is asked, its health decides."""
        forms = {route.profile.structured for route in self.routes}
        return forms.pop() if len(forms) == 1 else None


def _is_here(part: MediaPart) -> bool:
    return part.kind is MediaKind.IMAGE and isinstance(part.source, Stored)
