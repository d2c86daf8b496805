"""An answer that is made by a job, or by somebody else's request: it is told by watching the generation.

It holds nothing: who leaves it leaves the job alone, and who comes back is told what there is by then.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from typing import Any

from darkroom import usage
from darkroom.codecs.links import generation_link
from darkroom.dialects.relay_vocabulary import Language
from darkroom.dialects.single_turn import RisingProgress
from darkroom.errors import DarkroomError, GatewayError, NotFound
from darkroom.events import Event, Failed, Finished, MediaStored, Progress, UpstreamNamed, UsageReported
from darkroom.generation import Generation
from darkroom.generations import describe_input, describe_media
from darkroom.jobs.watchers import OVER, Watchers
from darkroom.media import Media, MediaKind
from darkroom.messages import Conversation
from darkroom.replay import Omitted
from darkroom.reply import Hear, Then
from darkroom.settings import Output

log = logging.getLogger("darkroom")


@dataclass(slots=True)
class JobAnswer:
    """The answer of a job. `create` records it, under the `key` of the request if it has one, and returns its id; a job
    that is there already has one."""

    watchers: Watchers
    owner: str
    asked: Conversation
    prompt: str
    language: Language
    public_url: str
    create: Callable[[str | None], Awaitable[str]]
    output: Output | None = None
    makes: frozenset[MediaKind] = frozenset({MediaKind.VIDEO})
    omitted: Sequence[Omitted] = ()
    then: list[Then] = field(default_factory=list)
    hearers: list[Hear] = field(default_factory=list)
    id: str | None = None
    key: str | None = None
    _generation: Generation | None = None

    @property
    def stored(self) -> Sequence[Media]:
        return self._generation.outputs if self._generation is not None else ()

    @property
    def outlives(self) -> bool:
        return False  # The job does, and needs no task here.

    def generation(self) -> str | None:
        return self.id

    async def begin(self) -> str:
        """Record the job, if that was not done, and return its id. Raises `StorageFailed`."""
        if self.id is None:
            self.id = await self.create(self.key)
        return self.id

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield the events, ending with `Finished` or `Failed`; it never raises a `DarkroomError`."""
        try:
            async with aclosing(self._told()) as events:
                async for event in events:
                    for hear in self.hearers:
                        await hear(event)
                    yield event
        except DarkroomError as error:
            yield Failed(error)

    async def _told(self) -> AsyncGenerator[Event, None]:
        id = await self.begin()
        progress, named = RisingProgress(self.prompt), set[str]()
        async with aclosing(self.watchers.watch(self.owner, id)) as states:
            async for generation in states:
                self._generation = generation
                for what, value in generation.upstream_ids.items():
                    if what not in named:
                        named.add(what)
                        yield UpstreamNamed(what, value)
                for event in _progress(progress, generation):
                    yield event
        if self._generation is None or self._generation.status not in OVER:
            raise NotFound(f"`{id}` was deleted before it was done")
        if self._generation.status not in ("completed", "imported"):
            raise error_of(self._generation)
        for event in progress.done():
            yield event
        for media in self._generation.outputs:
            yield MediaStored(media)
        for then in self.then:
            await then(self)
        yield UsageReported(usage.counted(usage.prompt_tokens(self.asked), 0), estimated=True)
        yield Finished()

    def report(self) -> dict[str, Any]:
        """Return the `darkroom` field."""
        return {
            "generations": [self._described()] if self.id is not None else [],
            "media": [describe_media(media, self.public_url) for media in self.stored],
            "omitted": [asdict(item) for item in self.omitted],
            "usage": "estimated",
        }

    def _described(self) -> dict[str, Any]:
        made = self._generation
        return {
            "id": self.id,
            "status": made.status if made is not None else "queued",
            "inputs": [describe_input(item) for item in made.inputs] if made is not None else [],
            "upstream_ids": dict(made.upstream_ids) if made is not None else {},
            "url": generation_link(self.public_url, self.id or ""),
        }


def _progress(progress: RisingProgress, generation: Generation) -> list[Progress]:
    if generation.status == "queued":
        return progress.queued()
    return progress.at((generation.progress or 0) / 100) if generation.status == "running" else []


def _kinds(kind: type[DarkroomError]) -> Iterator[type[DarkroomError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _kinds(each)


_ERRORS: Mapping[str, type[DarkroomError]] = {kind.code: kind for kind in _kinds(DarkroomError)}


def error_of(generation: Generation) -> DarkroomError:
    """Return why a generation came to nothing, as it was when it did."""
    told = generation.error or {}
    error = _ERRORS.get(str(told.get("code")), GatewayError)
    return error(str(told.get("message") or "it came to nothing"))
