"""The health of keys, told by a clock that the test turns: who is asked first, who not at all, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom import errors, health
from darkroom.errors import DarkroomError
from darkroom.health import Health
from darkroom.profiles import PROFILES
from darkroom.providers import Key, Provider, Target


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A clock that stands still until its one entry is changed."""
    time = [1_000_000]
    monkeypatch.setattr(health, "now", lambda: time[0])
    return time


def route(key: str = "one", provider: str = "up", model: str = "m") -> Target:
    return Target(Provider(provider, "http://127.0.0.1:1/v1"), model, PROFILES["chat"], Key(key))


ONE, TWO, THREE = (route(key) for key in ("one", "two", "three"))


def told(kind: type[DarkroomError] = errors.UpstreamRateLimited, seconds: float | None = None) -> DarkroomError:
    return kind("no", retry_after=seconds)


def fail(known: Health, target: Target, error: DarkroomError) -> None:
    with suppress(DarkroomError), known.asking(target):
        raise error


def succeed(known: Health, target: Target) -> None:
    with known.asking(target):
        pass


def secrets_of(routes: Sequence[Target]) -> list[str]:
    return [route.key.secret for route in routes]


def test_keys_of_a_provider_take_turns() -> None:
    known = Health()
    firsts = [known.ordered((ONE, TWO, THREE))[0].key.secret for _ in range(6)]
    assert sorted(firsts) == ["one", "one", "three", "three", "two", "two"]


def test_the_least_busy_key_is_first() -> None:
    known = Health()
    with known.asking(ONE), known.asking(ONE), known.asking(TWO):
        for _ in range(4):
            assert secrets_of(known.ordered((ONE, TWO, THREE))) == ["three", "two", "one"]


def test_a_key_is_as_busy_as_it_is_with_all_models() -> None:
    known = Health()
    with known.asking(route("one", model="another")):
        assert {known.ordered((ONE, TWO))[0].key.secret for _ in range(4)} == {"two"}


def test_the_provider_that_stands_first_is_preferred_and_its_keys_take_turns() -> None:
    known = Health()
    routes = (route("a", "first"), route("b", "first"), route("c", "second"))
    orders = [secrets_of(known.ordered(routes)) for _ in range(6)]
    assert {order[2] for order in orders} == {"c"}
    assert {order[0] for order in orders} == {"a", "b"}


def test_a_guessed_pause_puts_a_key_last_and_refuses_nobody(clock: list[int]) -> None:
    known = Health()
    fail(known, ONE, told())
    assert secrets_of(known.ordered((ONE, TWO))) == ["two", "one"]
    assert secrets_of(known.ordered((ONE,))) == ["one"]
    assert known.ready((ONE, TWO)) == (TWO,)
    assert known.ready((ONE,)) == (ONE,)
    clock[0] += 2_000
    assert known.ready((ONE, TWO)) == (ONE, TWO)


def test_a_guessed_pause_doubles_up_to_a_minute_and_ends_with_a_success(clock: list[int]) -> None:
    known = Health()
    waits = []
    for _ in range(8):
        fail(known, ONE, told(errors.UpstreamBroken))
        waits.append(known.wait((ONE,)))
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]
    succeed(known, ONE)
    assert known.wait((ONE,)) == 0
    fail(known, ONE, told(errors.UpstreamBroken))
    assert known.wait((ONE,)) == 2


@pytest.mark.parametrize(
    "kind", [errors.UpstreamRateLimited, errors.UpstreamUnavailable, errors.UpstreamBroken], ids=lambda kind: kind.code
)
def test_the_upstreams_word_is_kept(kind: type[DarkroomError], clock: list[int]) -> None:
    known = Health()
    fail(known, ONE, told(kind, 30))
    assert secrets_of(known.ordered((ONE, TWO))) == ["two"], "it is not even a last resort"
    fail(known, TWO, told(kind, 10))
    with pytest.raises(errors.UpstreamRateLimited) as refused:
        known.ordered((ONE, TWO))
    assert refused.value.retry_after == 10
    clock[0] += 10_000
    assert secrets_of(known.ordered((ONE, TWO))) == ["two"]
    clock[0] += 20_000
    assert len(known.ordered((ONE, TWO))) == 2


@pytest.mark.parametrize(("seconds", "wait"), [(0, 0), (-5, 0), (0.25, 0.25), (10**12, 3600)])
def test_an_odd_word_is_bounded(seconds: float, wait: float) -> None:
    known = Health()
    fail(known, ONE, told(seconds=seconds))
    assert known.wait((ONE,)) == wait


def test_a_refused_key_rests_for_minutes() -> None:
    known = Health()
    fail(known, ONE, told(errors.UpstreamAuthFailed))
    assert known.wait((ONE,)) == 300
    assert secrets_of(known.ordered((ONE, TWO))) == ["two", "one"]


def test_a_pause_is_for_one_model() -> None:
    known = Health()
    fail(known, ONE, told(seconds=60))
    assert known.ordered((route("one", model="another"),))


BLAMELESS = [
    errors.ContentPolicyViolation,
    errors.UpstreamRejected,
    errors.UpstreamForgot,
    errors.UpstreamNotFound,
    errors.MalformedRequest,
    errors.TooManyRequests,
    errors.Cancelled,
    errors.StorageFailed,
]


@pytest.mark.parametrize("kind", BLAMELESS, ids=lambda kind: kind.code)
def test_what_is_not_the_keys_fault_costs_it_nothing(kind: type[DarkroomError]) -> None:
    known = Health()
    fail(known, ONE, told(kind))
    assert known.wait((ONE,)) == 0
    (tally,) = known.tallies().values()
    assert (tally.asked, tally.busy, dict(tally.failures)) == (1, 0, {})


def test_a_failure_within_a_good_answer_counts() -> None:
    known = Health()
    with known.asking(ONE) as trial:
        trial.error = told(seconds=7)
    assert known.wait((ONE,)) == 7


def test_an_older_success_does_not_end_a_pause(clock: list[int]) -> None:
    known = Health()
    with known.asking(ONE):
        clock[0] += 100
        fail(known, ONE, told(seconds=60))
        clock[0] += 100
    assert known.wait((ONE,)) == 59.9


def test_who_leaves_says_nothing_about_the_key() -> None:
    known = Health()
    fail(known, ONE, told(errors.UpstreamBroken))
    with suppress(KeyboardInterrupt), known.asking(ONE):
        raise KeyboardInterrupt
    assert known.wait((ONE,)) == 2
    (tally,) = known.tallies().values()
    assert tally.busy == 0


def test_memory_is_bounded_though_clients_choose_the_names() -> None:
    known = Health()
    fail(known, ONE, told(seconds=3600))
    for number in range(3000):
        fail(known, route(model=f"m{number}"), told(errors.UpstreamBroken))
    assert len(known.conditions()) <= 1000
    assert len(known.tallies()) == 1
    assert known.wait((ONE,)) == 3600, "the longest pause is the last to be forgotten"


def test_the_end_is_told() -> None:
    seen = []
    known = Health(lambda target, trial, ms: seen.append((target.key.secret, trial.ended, trial.error, ms)))
    succeed(known, ONE)
    error = told()
    fail(known, TWO, error)
    assert seen == [("one", True, None, 0), ("two", False, error, 0)]


ACTS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["ok", "guess", "told", "auth", "wait"])), max_size=40)


@given(ACTS)
def test_whatever_happens_nobody_is_asked_who_was_told_to_wait(acts: list[tuple[int, str]]) -> None:
    """And everybody else is among those to ask, the ones that cool down behind the ones that don't."""
    known, routes = Health(), (ONE, TWO, THREE)
    time = [1_000_000]
    until = [0, 0, 0]
    original, health.now = health.now, lambda: time[0]
    try:
        for number, act in acts:
            if act == "wait":
                time[0] += 1_700
            elif act == "ok":
                succeed(known, routes[number])
                until[number] = 0
            else:
                kind = errors.UpstreamAuthFailed if act == "auth" else errors.UpstreamRateLimited
                fail(known, routes[number], told(kind, 5 if act == "told" else None))
                until[number] = time[0] + 5_000 if act == "told" else 0
            allowed = {route.key.secret for route, end in zip(routes, until, strict=True) if end <= time[0]}
            if not allowed:
                with pytest.raises(errors.UpstreamRateLimited):
                    known.ordered(routes)
                continue
            order = known.ordered(routes)
            assert set(secrets_of(order)) == allowed
            pauses = [known.wait((target,)) for target in order]
            assert pauses == sorted(pauses)
    finally:
        health.now = original
