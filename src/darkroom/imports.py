"""Generations that were made elsewhere: learnt from a relay's transcript that a client sends back.

Each becomes a row once, with the parent that the transcript's JSON block names, so that the lineage of a chat that
began at another gateway goes on here.
"""

from __future__ import annotations

from dataclasses import dataclass

from darkroom.clock import new_id, now
from darkroom.database import Database
from darkroom.dialects.relay_text import Transcript
from darkroom.generation import Generation, Input
from darkroom.providers import Target


@dataclass(frozen=True, slots=True)
class Importer:
    database: Database
    owner: str
    target: Target

    async def learn(self, transcript: Transcript, prompt: str) -> Generation | None:
        """Return the generation of a transcript, recording it if it is new; None if it names none."""
        if transcript.gen_id is None:
            return None
        known = await self._find(transcript.gen_id)
        if known is not None:
            return known
        ids = {"gen_id": transcript.gen_id, **({"task_id": transcript.task_id} if transcript.task_id else {})}
        generation = Generation(
            new_id("gen"),
            self.owner,
            "imported",
            self.target.provider.name,
            self.target.model,
            transcript.prompt or prompt,
            now(),
            params={**transcript.params, **({"url": transcript.media[-1]} if transcript.media else {})},
            inputs=await self._inputs(transcript.edits),
            upstream_ids=ids,
            finished=now(),
        )
        await self.database.add_generation(generation)
        return generation

    async def _find(self, gen_id: str) -> Generation | None:
        """Our own transcripts carry our ids, a relay's its own."""
        own = await self.database.generation(self.owner, gen_id)
        return own or await self.database.generation_by_upstream_id(self.owner, "gen_id", gen_id)

    async def _inputs(self, gen_id: str | None) -> tuple[Input, ...]:
        return (await edited(self.database, self.owner, gen_id),) if gen_id else ()


async def edited(database: Database, owner: str, gen_id: str) -> Input:
    """Return the input that an upstream's `gen_id` means: the picture if it is here, else the generation's id."""
    parent = await database.generation(owner, gen_id) or await database.generation_by_upstream_id(
        owner, "gen_id", gen_id
    )
    if parent is None:
        return Input("edited")
    media = parent.outputs[0].id if parent.outputs else None
    return Input("edited", media, parent.id)
