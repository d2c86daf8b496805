"""The row of a generation while it runs: begun when the upstream first shows that it makes something, ended once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from darkroom.clock import new_id, now
from darkroom.codecs.links import make_link
from darkroom.database import Database
from darkroom.errors import DarkroomError
from darkroom.events import PartialProduced, Planned, Progress, UpstreamNamed
from darkroom.generation import Generation, Input, Status
from darkroom.imports import edited
from darkroom.media import Media, MediaKind
from darkroom.providers import Target

_STEP = 10
"""Percent between two records of the progress."""
_POSTER_WIDTH = 512


@dataclass(slots=True)
class Recorder:
    """Records one generation. Nothing is written before `begin`."""

    database: Database
    owner: str
    target: Target
    prompt: str
    inputs: tuple[Input, ...]
    ended: Callable[[str, Status], None] | None = None
    """Is told of the end, with the provider's name."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """What the picture was asked to be like; what the upstream says of it counts more."""
    runner: str | None = None
    """The process that makes it, and with which it ends."""
    id: str | None = None
    upstream_ids: dict[str, str] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    _progress: int = 0
    _is_over: bool = False

    async def begin(self) -> str:
        """Return the generation's id, recording it as running the first time."""
        if self.id is None:
            self.id = new_id("gen")
            generation = Generation(
                self.id,
                self.owner,
                "running",
                self.target.provider.name,
                self.target.model,
                self.prompt,
                now(),
                params=self.params,
                inputs=self.inputs,
                key=self.target.key.alias,
                runner=self.runner,
            )
            await self.database.add_generation(generation)
        return self.id

    async def note(self, event: Planned | Progress | UpstreamNamed | PartialProduced) -> None:
        """Record what the upstream says about its work."""
        id = await self.begin()
        match event:
            case Planned(params):
                self.params = {**self.params, **params}
                await self._note_parent(id, params.get("gen_id"))
            case UpstreamNamed(what, value):
                self.upstream_ids[what] = value
            case Progress(percent=int() as percent) if percent >= self._progress + _STEP:
                self._progress = percent
                await self.database.set_progress(id, percent)

    async def finish(self, replay: Mapping[str, Any] | None) -> None:
        if self.id is not None:
            await self._end("completed", progress=100, replay=replay)

    async def fail(self, error: DarkroomError, status: Status = "failed") -> None:
        if self.id is not None and not self._is_over:
            await self._end(status, error=error.body()["error"])

    async def _note_parent(self, id: str, gen_id: Any) -> None:
        """The upstream's own word on what it edits counts where Darkroom sent it no picture."""
        if isinstance(gen_id, str) and not self.inputs:
            self.inputs = (await edited(self.database, self.owner, gen_id),)
            await self.database.add_inputs(id, self.inputs)

    async def _end(self, status: Status, **values: Any) -> None:
        if self.id is not None:
            await self.database.finish_generation(
                self.id,
                status=status,
                finished=now(),
                upstream_ids=self.upstream_ids,
                params=self.params or None,
                **values,
            )
            self._is_over = True
            if self.ended is not None:
                self.ended(self.target.provider.name, status)


def describe_media(media: Media, public_url: str) -> dict[str, Any]:
    """Return media as clients see it; of a video also how long it is, and where its first frame is to be seen."""
    link = make_link(public_url, media)
    video = {"duration_ms": media.duration, "codec": media.codec, "poster": f"{link}?w={_POSTER_WIDTH}"}
    return {
        "id": media.id,
        "object": "media",
        "url": link,
        "kind": media.kind.value,
        "mime": media.mime,
        "size": media.size,
        "width": media.width,
        "height": media.height,
        "origin": media.origin,
        "generation": media.generation,
        "pinned": media.pinned is not None,
        "created_at": media.created // 1000,
        **(video if media.kind is MediaKind.VIDEO else {}),
    }


def describe_input(item: Input) -> dict[str, Any]:
    return {"role": item.role, "media": item.media, "generation": item.generation}


def describe(generation: Generation, public_url: str) -> dict[str, Any]:
    """Return a generation as clients see it; what it must be shown again stays inside."""
    return {
        "id": generation.id,
        "object": "generation",
        "status": generation.status,
        "progress": generation.progress,
        "model": f"{generation.provider}/{generation.model}",
        "prompt": generation.prompt,
        "params": dict(generation.params),
        "inputs": [describe_input(item) for item in generation.inputs],
        "media": [describe_media(media, public_url) for media in generation.outputs],
        "upstream_ids": dict(generation.upstream_ids),
        "error": dict(generation.error) if generation.error else None,
        "created_at": generation.created // 1000,
        "finished_at": generation.finished // 1000 if generation.finished else None,
    }
