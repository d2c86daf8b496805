"""A studio's answer: planned, made by the image model or put into words, and told as one stream of events.

Strategy. Everything happens inside `events`, so that the client hears that it goes on. What is made is asked of `Chat`,
one question after the other. What fails there fails the answer, and what was stored before stays. A planning model that
fails costs nothing but its time: the rules plan then, and the report says so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from darkroom import planner
from darkroom.chat import INTERNAL, Brief, Chat
from darkroom.codecs.links import make_link
from darkroom.dialects.image_params import picture_params
from darkroom.dialects.openai_images.request import NAME as IMAGES
from darkroom.dialects.relay_vocabulary import Language
from darkroom.errors import DarkroomError, GatewayError, MalformedRequest
from darkroom.events import Event, Failed, Finished, MediaStored, Started, TextDelta, UsageReported
from darkroom.generations import describe_media
from darkroom.lifted import Lifts
from darkroom.media import Media, MediaKind
from darkroom.messages import Conversation, MediaPart, Message, Remote, Stored, Text
from darkroom.planner import Picture, Plan, Use
from darkroom.planner.instructions import talk
from darkroom.providers import Target
from darkroom.replay import Omitted, last_user, name_of, rewrite
from darkroom.reply import Hear, Reply, Then
from darkroom.resolve import Read
from darkroom.settings import RULES, ModelSettings, Output
from darkroom.studio import replies
from darkroom.studio.asks import asks
from darkroom.studio.chat_planner import plan_by_model
from darkroom.studio.counting import Count
from darkroom.studio.painting import Painting
from darkroom.studio.scenes import Stage, id_of, media_in, spoken

PICTURES_ONLY = frozenset({IMAGES})
"""Doors through which nothing but a picture is an answer."""

log = logging.getLogger("darkroom")


@dataclass(slots=True)
class StudioAnswer:
    """One answer of a studio: its events, and what there is to say about it at the end.

    `routes` lead to the image model, `films` to the video model and `planners` to the chat model, where there are such.
    """

    chat: Chat
    lifts: Callable[[], Lifts]
    row: ModelSettings
    owner: str
    routes: Sequence[Target]
    planners: Sequence[Target]
    read: Read
    stage: Stage
    films: Sequence[Target] = ()
    then: list[Then] = field(default_factory=list)
    hearers: list[Hear] = field(default_factory=list)
    plan: Plan | None = None
    _fallback: DarkroomError | None = None
    """Why the planning model did not plan."""
    _answers: list[Reply] = field(default_factory=list)
    """What was asked of other models, the last one under way."""
    _shown: list[Media] = field(default_factory=list)
    """Earlier pictures that it shows again."""
    _lost: list[Omitted] = field(default_factory=list)
    _count: Count = field(default_factory=Count)
    _reason: str = "stop"

    @property
    def asked(self) -> Conversation:
        return self.read.asked

    @property
    def language(self) -> Language:
        return spoken(self.read.turns)

    @property
    def output(self) -> Output | None:
        return self.row.output

    @property
    def makes(self) -> frozenset[MediaKind]:
        film = self.plan is not None and self.plan.kind == "video"
        return frozenset({MediaKind.VIDEO if film else MediaKind.IMAGE})

    @property
    def stored(self) -> Sequence[Media]:
        return [media for answer in self._answers for media in answer.stored]

    @property
    def outlives(self) -> bool:
        return True

    def generation(self) -> str | None:
        return self._answers[-1].generation() if self._answers else None

    async def begin(self) -> str | None:
        return None  # What it makes, and whether, is planned on the way.

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield the events, ending with `Finished` or `Failed`; it never raises a `DarkroomError`."""
        try:
            async with aclosing(self._work()) as events:
                async for event in events:
                    if isinstance(event, UsageReported):
                        self._count.add(event)
                        continue
                    await self._tell(event)
                    yield event
            for then in self.then:
                await then(self)
            for last in (self._count.reported(self.asked), Finished(self._reason)):
                await self._tell(last)
                yield last
        except DarkroomError as error:
            yield Failed(error)
        except Exception:
            log.exception("an answer of the studio `%s` failed", self.row.name)
            yield Failed(GatewayError(INTERNAL))

    async def _tell(self, event: Event) -> None:
        if isinstance(event, TextDelta):
            self._count.say(event.text)
        for hear in self.hearers:
            await hear(event)

    async def _work(self) -> AsyncGenerator[Event, None]:
        plan = self.plan = await self._planned()
        async with aclosing(self._make(plan) if plan.makes else self._talk(plan)) as events:
            async for event in events:
                yield event
        if plan.operation != "describe" and plan.uses and plan.confidence < self.row.threshold:
            yield TextDelta(f"\n\n{replies.taken(plan, self.stage.scene, self.language)}")
        for name in self.stage.unknown:
            yield TextDelta(f"\n\n{replies.unknown(name, self.language)}")

    # Planning

    async def _planned(self) -> Plan:
        """Return the plan, with pictures of the scene alone, each once. Raises `MalformedRequest` without a prompt."""
        plan = self._given() or await self._by_model()
        if plan is None:
            plan = await asyncio.to_thread(planner.plan, self.stage.scene)
        if self.asked.dialect in PICTURES_ONLY:
            plan = replace(plan, n=1)  # Such a request says itself how many it wants.
            if not plan.makes:
                plan = Plan("generate", self.stage.scene.text, reason="only a picture is an answer here")
        uses: dict[str, Use] = {}
        for use in plan.uses:
            if use.id in self.stage.parts:
                uses.setdefault(use.id, use)
        if plan.makes and not plan.prompt.strip():
            raise MalformedRequest("there is no prompt: the last user message has no text", param="messages")
        return replace(plan, uses=tuple(uses.values()))

    def _given(self) -> Plan | None:
        """Return the plan of a request that says itself what its pictures are for."""
        parts = [*media_in(self.read.turns[last_user(self.read.turns)])]
        if not any(part.role not in (None, "mask") for part in parts):
            return None
        uses = tuple(Use(id_of(part), part.role or "reference") for part in parts)
        edited = next((self.stage.scene.picture(use.id) for use in uses if use.role == "edited"), None)
        operation: planner.Operation = "compose" if edited is None else "edit"
        gen_id = edited.generation if edited is not None else None
        return Plan(operation, self.stage.scene.text, uses, gen_id=gen_id, reason="the request says so")

    async def _by_model(self) -> Plan | None:
        """Return the planning model's plan; None without one, and when it fails."""
        if not self.planners:
            return None
        if _all_see(self.planners, MediaKind.IMAGE):
            await self._bring(self.stage.scene.uploads)
        try:
            scene, parts = self.stage.scene, self.stage.parts
            return await plan_by_model(self.chat, self.planners, self.owner, scene, parts, self._count)
        except DarkroomError as error:
            log.warning("`%s` did not plan (%s: %s); the rules do", self.row.planner, error.code, error.message)
            self._fallback = error
            return None

    # Making

    async def _make(self, plan: Plan) -> AsyncGenerator[Event, None]:
        await self._bring(use.id for use in plan.uses)
        routes = self.films if plan.kind == "video" else self.routes
        painting = Painting(
            self.chat, self.lifts, self.owner, routes, plan, self.asked, self.language, self._answers, self._lost
        )
        for ask in asks(plan, self.stage, self.asked, routes[0].profile, self.language):
            async with aclosing(painting.paint(ask)) as events:
                async for event in events:
                    yield event
        self._reason = painting.reason
        for picture in self._out_of_reach(plan):
            yield TextDelta(f"\n\n{replies.retold(picture, self.language)}")

    async def _bring(self, ids: Iterable[str]) -> None:
        """Fetch those of these pictures that are only known by their URL; one that can't be had stays at it.

        Raises why that is one which the user just sent.
        """
        parts = dict(self.stage.parts)
        for id in ids:
            part, fresh = parts[id], id in self.stage.scene.uploads
            if not isinstance(part.source, Remote):
                continue
            try:
                parts[id] = await self.chat.resolver.bring(part, self.owner, fresh=fresh)
            except DarkroomError as error:
                if fresh:
                    raise
                self._lost.append(Omitted(name_of(part), error.message))
        self.stage = replace(self.stage, parts=parts)

    def _out_of_reach(self, plan: Plan) -> Iterator[Picture]:
        for use in plan.uses:
            if use.role in ("edited", "first_frame") and not isinstance(self.stage.parts[use.id].source, Stored):
                yield self.stage.scene.picture(use.id)

    # Talking

    async def _talk(self, plan: Plan) -> AsyncGenerator[Event, None]:
        """Answer in words, and show again what is asked for."""
        if self.planners and self._fallback is None:
            async with aclosing(self._said(plan)) as events:
                async for event in events:
                    yield event
        else:
            yield TextDelta(replies.answered(plan, self.stage.scene, self._links(), self.language))
        if plan.operation == "answer" and plan.uses:
            await self._bring(use.id for use in plan.uses)
            for use in plan.uses:
                yield self._again(self.stage.parts[use.id])

    async def _said(self, plan: Plan) -> AsyncGenerator[Event, None]:
        """Yield what the planning model says, without its end. Raises what it failed with."""
        routes = [_talker(route) for route in self.planners]
        if _all_see(routes, MediaKind.IMAGE):
            await self._bring(use.id for use in plan.uses)
        asked = self._told(plan, routes)
        answer = await self.chat.answer(asked, self.lifts(), self.owner, routes, Brief(self.stage.scene.text))
        self._answers.append(answer)
        async with aclosing(answer.events()) as events:
            async for event in events:
                match event:
                    case Failed(error):
                        raise error
                    case Finished(reason):
                        self._reason = reason
                    case Started():
                        pass
                    case _:
                        yield event

    def _told(self, plan: Plan, routes: Sequence[Target]) -> Conversation:
        """Return the conversation as the planning model is told it: pictures are notes, save those that are meant."""
        messages = [*rewrite(self.read.turns, {}, routes[0])]
        at = last_user(self.read.turns)
        meant = [self.stage.parts[use.id] for use in plan.uses]
        here = [part for part in meant if isinstance(part.source, Stored) and _all_see(routes, part.kind)]
        shown = [replace(part, place="part", role=None) for part in here]
        if shown:
            messages[at] = replace(messages[at], parts=(*messages[at].parts, *shown), is_string=False)
        system = Message("system", (Text(talk(self.stage.scene, plan)),))
        left = {*picture_params(self.asked.params), "n", "modalities"}
        params = {name: value for name, value in self.asked.params.items() if name not in left}
        return replace(self.asked, messages=(system, *messages), params=params)

    def _again(self, part: MediaPart) -> Event:
        match part.source:
            case Stored(media):
                self._shown.append(media)
                return MediaStored(media, part.alt)
            case _:
                return TextDelta(f"\n\n![]({id_of(part)})")

    def _links(self) -> dict[str, str]:
        return {id: self._link(part) for id, part in self.stage.parts.items()}

    def _link(self, part: MediaPart) -> str:
        return make_link(self.chat.public_url, part.source.media) if isinstance(part.source, Stored) else id_of(part)

    # The report

    def report(self) -> dict[str, Any]:
        """Return the `darkroom` field: what was planned, made and stored, what was lost, what was not sent."""
        reports = [answer.report() for answer in self._answers]
        shown = [describe_media(media, self.chat.public_url) for media in self._shown]
        report: dict[str, Any] = {
            "generations": _joined(reports, "generations"),
            "media": [*_joined(reports, "media"), *shown],
            "omitted": [*_joined(reports, "omitted"), *map(asdict, dict.fromkeys(self._omitted()))],
        }
        if lost := _joined(reports, "lost"):
            report["lost"] = lost
        if self._count.is_estimated:
            report["usage"] = "estimated"
        if self.plan is not None:
            report["plan"] = self._described(self.plan)
        return report

    def _described(self, plan: Plan) -> dict[str, Any]:
        scene = self.stage.scene
        media = [{"id": use.id, "role": use.role, "generation": scene.picture(use.id).generation} for use in plan.uses]
        told: dict[str, Any] = {
            "operation": plan.operation,
            "kind": plan.kind,
            "prompt": plan.prompt,
            "ratio": plan.ratio,
            "seconds": plan.seconds,
            "n": plan.n,
            "gen_id": plan.gen_id,
            "media": media,
            "confidence": plan.confidence,
            "reason": plan.reason,
            "planner": self.row.planner if self.planners and self._fallback is None else RULES,
        }
        if self._fallback is not None:
            told["fallback"] = {"planner": self.row.planner, **self._fallback.body()["error"]}
        return told

    def _omitted(self) -> Iterator[Omitted]:
        """Yield what was not sent to the model that makes it, or is not here."""
        yield from self.read.missing
        yield from self._lost
        if self.plan is not None and self.plan.makes:
            used = {use.id for use in self.plan.uses}
            for id, part in self.stage.parts.items():
                if id not in used:
                    yield Omitted(name_of(part), "not needed for this turn")


def _talker(route: Target) -> Target:
    """Return a route to the planning model as one that talks, and is told in notes what it did not draw itself."""
    return replace(route, profile=replace(route.profile, makes=frozenset(), replay="user"))


def _all_see(routes: Sequence[Target], kind: MediaKind) -> bool:
    return all(kind in route.profile.sees for route in routes)


def _joined(reports: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    return [item for report in reports for item in report.get(name, ())]
