"""Doing it again: a generation's prompt, inputs and parameters, at the model that made it or at another one.

It goes the way of any request. What it was asked with stands in its row; what stands in the texts of the chat around it
does not matter any more, since the row says which media were meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from darkroom.chat import Answer, Brief, Chat
from darkroom.codecs.links import references
from darkroom.database import Database
from darkroom.dialects.image_params import picture_params
from darkroom.dialects.video_params import video_params_kept
from darkroom.errors import GatewayError, MalformedRequest, NotFound, UpstreamBroken
from darkroom.events import Failed, PartialProduced
from darkroom.generation import Generation, Input
from darkroom.jobs.answer import JobAnswer
from darkroom.lifted import Lifts
from darkroom.media import Media
from darkroom.messages import Conversation, MediaPart, Message, Part, Stored, Text
from darkroom.providers import Providers
from darkroom.replay import Omitted

REDO_OF = "redo_of"
"""The parameter of a generation that says which one it is again."""

_SAID = 300
_SHOWN = ("link", "media")


@dataclass(frozen=True, slots=True)
class Redone:
    """What was made, the URLs of what could not be copied, and which pictures the model did not take."""

    generation: Generation
    lost: tuple[str, ...] = ()
    omitted: tuple[Omitted, ...] = ()


@dataclass(frozen=True, slots=True)
class Redo:
    """Runs generations again, of every owner: for the operator. `lifts` are for an answer's own media."""

    database: Database
    providers: Providers
    chat: Chat
    lifts: Callable[[], Lifts]

    async def run(self, id: str, model: str | None = None) -> Redone:
        """Make a generation again, for its owner, and return what it became; `model` may be another one.

        Raises `NotFound` for one that is not here, or whose inputs are not here any more; `UnknownModel`;
        `MalformedRequest` for a model that makes nothing; and what asking a model raises.
        """
        known = await self._known(id)
        name = model or f"{known.provider}/{known.model}"
        routes = self.providers.routes(name, known.owner)
        if not any(route.profile.makes_media for route in routes):
            raise MalformedRequest(f"`{name}` makes no pictures; name another model", param="model")
        inputs = [(item, await self._media(known, item)) for item in known.inputs]
        params = {**picture_params(known.params), **video_params_kept(known.params)}
        message = Message("user", tuple(_parts(known.prompt, inputs)), is_string=not inputs)
        used = tuple(Input(item.role, media.id, media.generation) for item, media in inputs)
        answer = await self.chat.answer(
            Conversation(name, (message,), params=params),
            self.lifts(),
            known.owner,
            routes,
            Brief(known.prompt, used, {**params, REDO_OF: known.id}),
        )
        return await self._made(answer)

    async def _known(self, id: str) -> Generation:
        owner = await self.database.owner_of_generation(id)
        known = await self.database.generation(owner, id) if owner is not None else None
        if known is None:
            raise NotFound(f"there is no generation `{id[:64]}`")
        return known

    async def _media(self, known: Generation, item: Input) -> Media:
        """Return what an input is. Raises `NotFound`, naming it."""
        if item.media is not None:
            media = await self.database.media(known.owner, item.media)
            if media is None:
                raise NotFound(f"`{known.id}` was made from `{item.media}`, which was deleted")
            return media
        parent = await self.database.generation(known.owner, item.generation) if item.generation else None
        if parent is None or not parent.outputs:
            what = f"the picture of `{item.generation}`" if item.generation else "a picture"
            raise NotFound(f"`{known.id}` was made from {what}, which is not here")
        return parent.outputs[0]

    async def _made(self, answer: Answer | JobAnswer) -> Redone:
        """Wait for the end of an answer, and return what was made. Raises the error that it ended with."""
        async with aclosing(answer.events()) as events:
            async for event in events:
                match event:
                    case PartialProduced(lifted=lifted):
                        lifted.discard()
                    case Failed(error):
                        raise error
        id = answer.generation()
        made = await self.database.generation(answer.owner, id) if id is not None else None
        if isinstance(answer, JobAnswer):
            if made is None:
                raise GatewayError("what was made is not on record")
            return Redone(made, (), tuple(answer.omitted))
        if made is None:
            said = "".join(answer.said).strip()[:_SAID]
            raise UpstreamBroken(f"`{answer.target.name}` made nothing, and said: {said}")
        lost = tuple(lost.url for lost in answer.capture.lost if lost.url)
        return Redone(made, lost, answer.resolved.omitted)


def _parts(prompt: str, inputs: Sequence[tuple[Input, Media]]) -> Iterator[Part]:
    """Yield a prompt with its pictures: each where the text shows it, or else behind the text."""
    waiting = [(media.id, MediaPart(media.kind, Stored(media), role=item.role)) for item, media in inputs]
    position = 0
    for reference in references(prompt):
        shown = next((each for each in waiting if reference.what in _SHOWN and each[0] == reference.value), None)
        if shown is not None:
            if before := prompt[position : reference.start]:
                yield Text(before)
            yield shown[1]
            waiting.remove(shown)
            position = reference.end
    if rest := prompt[position:]:
        yield Text(rest)
    yield from (part for _, part in waiting)
