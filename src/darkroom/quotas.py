"""How long media stays, and how much of it: which of an owner's media has to go. Pure.

Strategy. The rows of the configuration that name an owner replace those for everybody (`*`); all that are left bind.
First goes what is too old. Then, where a sum of bytes is over its limit, the oldest bytes go until the rest fits. The
same bytes count once, under however many ids, and are as old as the newest of these: deleting an older one would free
nothing. What is kept counts, and stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from darkroom.media import kind_of
from darkroom.settings import RetentionSettings

ANY = "*"
_SECOND_MS = 1000


class Held(Protocol):
    """Media of one owner; `created` in Unix ms, `kept` where something needs it."""

    @property
    def id(self) -> str: ...
    @property
    def blob(self) -> str: ...
    @property
    def mime(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def created(self) -> int: ...
    @property
    def kept(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Going:
    """Media that has to go, and the rule that says so; `why` names its limit: `age` or `bytes`."""

    id: str
    blob: str
    size: int
    kind: str
    rule: RetentionSettings
    why: str


def rules_for(rules: Sequence[RetentionSettings], owner: str) -> list[RetentionSettings]:
    """Return the rules that an owner is under."""
    own = [rule for rule in rules if rule.owner == owner]
    return own or [rule for rule in rules if rule.owner == ANY]


def may_bind(rule: RetentionSettings, stock: Iterable[tuple[str, int, int]], now: int) -> bool:
    """Tell whether a rule could ask for something to go: `stock` has a row for each type, with the time of its oldest
    and the sum of its bytes."""
    rows = [(oldest, size) for mime, oldest, size in stock if _fits(rule, mime)]
    too_old = rule.max_age is not None and any(oldest < now - rule.max_age * _SECOND_MS for oldest, _ in rows)
    return too_old or (rule.max_bytes is not None and sum(size for _, size in rows) > rule.max_bytes)


def going(rules: Sequence[RetentionSettings], held: Sequence[Held], now: int) -> list[Going]:
    """Return what has to go of an owner's media, in the order in which it goes."""
    found: dict[str, Going] = {}
    for rule in rules:
        if rule.max_age is not None:
            before = now - rule.max_age * _SECOND_MS
            for item in held:
                if item.created < before and not item.kept and _fits(rule, item.mime):
                    found.setdefault(item.id, _going(item, rule, "age"))
    for rule in rules:
        if rule.max_bytes is not None:
            left = [item for item in held if item.id not in found and _fits(rule, item.mime)]
            for item in _surplus(left, rule.max_bytes):
                found[item.id] = _going(item, rule, "bytes")
    return list(found.values())


def _surplus(held: Iterable[Held], most: int) -> list[Held]:
    """Return the oldest media without which the rest has at most this many bytes, or all that may go."""
    blobs: dict[str, list[Held]] = {}
    for item in held:
        blobs.setdefault(item.blob, []).append(item)
    total = sum(items[0].size for items in blobs.values())
    found: list[Held] = []
    for items in sorted(blobs.values(), key=lambda each: max((item.created, item.id) for item in each)):
        if total <= most:
            break
        if not any(item.kept for item in items):
            found += items
            total -= items[0].size
    return found


def freed(gone: Iterable[Going], held: Iterable[Held]) -> Mapping[str, int]:
    """Return the bytes of which an owner has nothing left when these are gone, by their hash."""
    gone_ids = {item.id for item in gone}
    left = {item.blob for item in held if item.id not in gone_ids}
    return {item.blob: item.size for item in held if item.id in gone_ids and item.blob not in left}


def _going(item: Held, rule: RetentionSettings, why: str) -> Going:
    return Going(item.id, item.blob, item.size, kind_of(item.mime).value, rule, why)


def _fits(rule: RetentionSettings, mime: str) -> bool:
    return rule.kind in {ANY, kind_of(mime).value}
