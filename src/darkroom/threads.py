"""Threads: what upstreams remember of conversations, and which of them a history goes on from.

Strategy. Each state of a conversation has a name of ours, a hash of all that was said and shown up to there. When an
upstream keeps an answer under a name of its own, the two names are recorded together. A history that comes in has a
state after each of its turns; the longest one that is recorded is gone on from, whatever the client edited or cut off
behind it. Pure: the records are read and written elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from darkroom.messages import MediaPart, Remote, Stored
from darkroom.providers import Target
from darkroom.replay import Known, Turn, is_its_own, last_user, name_of, wanted

SESSION = "session"
"""The kind of thread that goes on by itself: only its newest state can be gone on from."""


@dataclass(frozen=True, slots=True)
class Thread:
    """A state of a conversation that an upstream remembers: `value` is its name for it, `what` the name's kind."""

    digest: str
    provider: str
    model: str
    key: str
    what: str
    value: str


def digests(turns: Sequence[Turn]) -> list[str]:
    """Return a name for each state of a conversation: what was said up to and with each turn, and shown.

    Clients change line breaks and where pictures stand; so only roles, letters and bytes count. A transcript counts as
    its pictures, and what was said beside it.
    """
    found: list[str] = []
    for turn in turns:
        text = turn.said if turn.verbatim or turn.retold else turn.message.text
        shown = [_shown(part) for part in turn.message.media]
        # Who says something makes a difference; what an assistant is called is the client's affair.
        names = ("tool_calls", "tool_call_id") if turn.message.role == "assistant" else ("tool_call_id", "name")
        calls = [turn.message.extra.get(name) for name in names]
        found.append(digest(found[-1] if found else "", turn.message.role, text, shown, *filter(None, calls)))
    return found


def digest(before: str, role: str, text: str, shown: Sequence[str], *more: Any) -> str:
    """Return the name of the state that a turn leads to from the one `before`; `shown` are hashes and URLs."""
    said = msgspec.json.encode([before, role, "".join(text.split()), list(shown), *more])
    return sha256(said).hexdigest()


def _shown(part: MediaPart) -> str:
    match part.source:
        case Stored(media):
            return media.blob
        case Remote(url):
            return url  # whole: what follows the `?` may be all that tells two pictures apart
        case _:
            return name_of(part)


def owner_of(
    turns: Sequence[Turn], states: Sequence[str], threads: Sequence[Thread], routes: Sequence[Target]
) -> Target:
    """Return the route that remembers most: who keeps the longest part of this history, else who made what is edited,
    else who made anything of it, the newest first; without any the route that is to be asked first."""
    for state in reversed(states[:-1]):
        for route in routes:
            if any(each.digest == state and _is_of(each, route) for each in threads):
                return route
    meant = [turns[item.place[0]] for item in wanted(turns, routes[0]) if item.role == "edited"]
    for turn in (*meant, *reversed(turns)):
        for route in routes:
            if turn.generation is not None and is_its_own(turn.generation, route):
                return route
    return routes[0]


def known_by(states: Sequence[str], threads: Sequence[Thread], target: Target, turns: Sequence[Turn]) -> Known | None:
    """Return the longest part of the history that the target keeps, if a question comes after it."""
    mine = {thread.digest: thread for thread in threads if _is_of(thread, target)}
    for at in range(len(states) - 2, -1, -1):
        thread = mine.get(states[at])
        if thread is not None and last_user(turns) > at:
            # Of a session, whose earlier states are not recorded, its exchange knows what it has seen.
            since = 0 if thread.what == SESSION else _since(states, mine, turns, at)
            return Known(thread.value, at + 1, since)
    return None


def _since(states: Sequence[str], mine: Collection[str], turns: Sequence[Turn], at: int) -> int:
    """Return the first of the turns up to `at` that were told one by one: each answer among them was kept."""
    while at > 0 and not _is_gap(turns[at - 1], states[at - 1], mine):
        at -= 1
    return at


def _is_gap(turn: Turn, state: str, mine: Collection[str]) -> bool:
    """Tell whether the upstream was told of an answer later, as a part of the whole; a tool's call is never kept."""
    return turn.message.role == "assistant" and state not in mine and not turn.message.extra.get("tool_calls")


def _is_of(thread: Thread, route: Target) -> bool:
    return (thread.provider, thread.model, thread.key) == (route.provider.name, route.model, route.key.alias)
