"""Retention: media goes by itself when it is too old, or its owner has too much, as the configuration says.

Rows stay where a lineage needs them, as those of deleted media. Any number of replicas may sweep at a time: each finds
the same media first, and what one has deleted the others do not find.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from darkroom.clock import now
from darkroom.database import Database, Holding
from darkroom.deletion import Deletion
from darkroom.quotas import Going, freed, going, may_bind, rules_for
from darkroom.settings import RetentionSettings


@dataclass(frozen=True, slots=True)
class Retired:
    """What went of one owner and kind: media, the bytes that the owner has no more, and the limit that says so."""

    owner: str
    kind: str
    why: str
    media: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Retention:
    database: Database
    deletion: Deletion
    rules: Sequence[RetentionSettings] = ()

    async def sweep(self, grace_ms: int, *, dry: bool = False) -> list[Retired]:
        """Delete what has to go and is older than `grace_ms`; with `dry` only say what would."""
        retired: list[Retired] = []
        for owner, rules in await self._bound():
            retired += await self._sweep_owner(owner, rules, now() - grace_ms, dry)
        return retired

    async def _bound(self) -> list[tuple[str, list[RetentionSettings]]]:
        """Return the owners who may have too much, each with the rules."""
        if not self.rules:
            return []
        found = []
        for owner, rows in groupby(await self.database.retention.stock(), key=lambda row: row.owner):
            stock = [(row.mime, row.oldest, row.bytes) for row in rows]
            rules = rules_for(self.rules, owner)
            if any(may_bind(rule, stock, now()) for rule in rules):
                found.append((owner, rules))
        return found

    async def _sweep_owner(
        self, owner: str, rules: Sequence[RetentionSettings], before: int, dry: bool
    ) -> list[Retired]:
        held = await self.database.retention.holdings(owner, now(), before)
        gone = going(rules, held, now())
        if not dry:
            gone = [item for item in gone if await self._retire(owner, item, before)]
        return list(_told(owner, gone, held))

    async def _retire(self, owner: str, item: Going, before: int) -> bool:
        """Delete media, unless something has come to need it since it was looked at; tell whether it is gone."""
        blob = await self.database.retention.retire(owner, item.id, now(), before)
        if blob is None:
            return False
        await self.deletion.let_go(owner, [blob])
        return True


def _told(owner: str, gone: Sequence[Going], held: Sequence[Holding]) -> Iterator[Retired]:
    """Add up what went, by kind and limit; bytes count where the last of the media that had them went."""
    sizes = dict(freed(gone, held))
    sums: dict[tuple[str, str], list[int]] = {}
    for item in reversed(gone):
        found = sums.setdefault((item.kind, _limit(item)), [0, 0])
        found[0] += 1
        found[1] += sizes.pop(item.blob, 0)
    for (kind, why), (media, size) in sorted(sums.items()):
        yield Retired(owner, kind, why, media, size)


def _limit(item: Going) -> str:
    rule = item.rule
    limit = f"max_age {rule.max_age} s" if item.why == "age" else f"max_bytes {rule.max_bytes}"
    return f"{limit} of {rule.owner}/{rule.kind}"
