"""Which upstream key to ask: the least busy one that is not cooling down.

A key cools down per model after a 429, a used-up quota or a 5xx. The upstream's `Retry-After` is its word: until then
nobody is asked, and where that holds for every key, the client is told how long. Without one the pause is a guess, and
doubles with every failure in a row; a guess is never a reason to refuse: the key is asked last.

The state is this process's own and may be lost at any time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from darkroom.clock import now
from darkroom.errors import (
    ContentPolicyViolation,
    DarkroomError,
    UpstreamAuthFailed,
    UpstreamError,
    UpstreamNotFound,
    UpstreamRateLimited,
    UpstreamRejected,
)
from darkroom.providers import Target

_FIRST_MS = 2_000
_LAST_MS = 60_000
_AUTH_MS = 5 * 60_000
_TOLD_MS = 60 * 60_000
"""The longest pause that an upstream can ask for: after it, one request sees whether the quota is there again."""
_MOST = 1000
"""Conditions that are remembered: clients choose the models' names."""
_BLAMELESS = (ContentPolicyViolation, UpstreamRejected, UpstreamNotFound)
"""What says nothing about the key that was used."""

Route = tuple[str, str, str]
"""A provider's name, a key's alias, a model."""


@dataclass(slots=True)
class Condition:
    """How one key does with one model, from its first failure to its next success. Times in Unix ms."""

    failed: int = 0
    """Failures in a row."""
    since: int = 0
    """When the last of them was."""
    until: int = 0
    told: bool = False
    """Whether the upstream itself said how long to wait."""
    error: str | None = None


@dataclass(slots=True)
class Tally:
    """What one key was used for since the start; `failures` counts by the code of the error."""

    busy: int = 0
    asked: int = 0
    turn: int = 0
    """When it was chosen last, as a number that grows."""
    failures: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Trial:
    """One request to an upstream: `error` is why it failed, also where it said so within a good answer."""

    error: DarkroomError | None = None
    ended: bool = False


Ended = Callable[[Target, Trial, int], None]
"""Is told of each request that ended, with the milliseconds that it took."""


@dataclass(slots=True)
class Health:
    """Knows how the keys do."""

    ended: Ended | None = None
    _conditions: dict[Route, Condition] = field(default_factory=dict)
    _tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)
    _turn: int = 0

    def ordered(self, routes: Sequence[Target]) -> tuple[Target, ...]:
        """Return the routes that may be asked, the first one at the head.

        A pause counts most, then how busy the key is, then the order of the providers, then who was not asked longest.
        Raises `UpstreamRateLimited` when every route was told to wait.
        """
        time = now()
        allowed = [route for route in routes if not self._is_told(route, time)]
        if routes and not allowed:
            wait = self.wait(routes)
            raise UpstreamRateLimited(f"the upstream asked to be left alone for another {wait:.0f} s", retry_after=wait)
        names = list(dict.fromkeys(route.provider.name for route in allowed))
        order = sorted(
            range(len(allowed)),
            key=lambda at: (
                self._pause(allowed[at], time),
                self._tally(allowed[at]).busy,
                names.index(allowed[at].provider.name),
                self._tally(allowed[at]).turn,
            ),
        )
        if order:
            self._take_turn(allowed[order[0]])  # Before it is asked, or all that come at once would go there.
        return tuple(allowed[at] for at in order)

    def ready(self, routes: Sequence[Target]) -> tuple[Target, ...]:
        """Return the routes that are not cooling down; all of them when every one is."""
        time = now()
        return tuple(route for route in routes if not self._pause(route, time)) or tuple(routes)

    def wait(self, routes: Sequence[Target]) -> float:
        """Return the seconds until the first of these routes has cooled down."""
        time = now()
        return min((self._pause(route, time) for route in routes), default=0) / 1000

    @contextmanager
    def asking(self, route: Target) -> Iterator[Trial]:
        """Count a request while it runs, and learn from how it ends."""
        tally, trial, began = self._tally(route), Trial(), now()
        tally.busy += 1
        tally.asked += 1
        self._take_turn(route)
        try:
            yield trial
            trial.ended = True
        except DarkroomError as error:
            trial.error = error
            raise
        finally:
            tally.busy -= 1
            if trial.error is not None:
                self.learn(route, trial.error)
            elif trial.ended:
                self._recover(route, began)
            if self.ended is not None:
                self.ended(route, trial, now() - began)

    def learn(self, route: Target, error: DarkroomError) -> None:
        """Let a key cool down after a failure that may be its own."""
        if not isinstance(error, UpstreamError) or isinstance(error, _BLAMELESS):
            return
        self._tally(route).failures[error.code] += 1
        self._forget()
        condition = self._conditions.setdefault(_name(route), Condition())
        condition.failed += 1
        condition.error = error.code
        condition.since = now()
        condition.told = error.retry_after is not None
        condition.until = condition.since + _pause_after(error, condition.failed)

    def conditions(self) -> Mapping[Route, Condition]:
        """Return how the keys do that have failed and not answered since."""
        return self._conditions

    def tallies(self) -> Mapping[tuple[str, str], Tally]:
        """Return what the keys were used for, by provider and alias."""
        return self._tallies

    def _is_told(self, route: Target, time: int) -> bool:
        condition = self._conditions.get(_name(route))
        return condition is not None and condition.told and condition.until > time

    def _pause(self, route: Target, time: int) -> int:
        condition = self._conditions.get(_name(route))
        return 0 if condition is None else max(condition.until - time, 0)

    def _tally(self, route: Target) -> Tally:
        return self._tallies.setdefault((route.provider.name, route.key.alias), Tally())

    def _take_turn(self, route: Target) -> None:
        self._turn += 1
        self._tally(route).turn = self._turn

    def _recover(self, route: Target, began: int) -> None:
        """A good answer ends a pause, unless it was asked for before the failure."""
        condition = self._conditions.get(_name(route))
        if condition is not None and began >= condition.since:
            del self._conditions[_name(route)]

    def _forget(self) -> None:
        """Make room for one more, at the cost of the one whose pause ends first."""
        if len(self._conditions) >= _MOST:
            del self._conditions[min(self._conditions, key=lambda name: self._conditions[name].until)]


def _name(route: Target) -> Route:
    return route.provider.name, route.key.alias, route.model


def _pause_after(error: DarkroomError, failed: int) -> int:
    """Return how many milliseconds a key is spared after so many failures in a row."""
    if error.retry_after is not None:
        return min(int(max(error.retry_after, 0) * 1000), _TOLD_MS)
    if isinstance(error, UpstreamAuthFailed):
        return _AUTH_MS
    return int(min(_FIRST_MS << min(failed - 1, 10), _LAST_MS))
