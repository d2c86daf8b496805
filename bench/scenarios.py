"""What is measured: each scenario as one row of facts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

MIB = 1024 * 1024
MODELS = ("bench-text", "bench-image", "bench-image-deltas")
PICTURE = 14 * MIB
WARM_PICTURE = 64 * 1024

Form = Literal["text", "images", "markdown", "deltas"]
"""How the upstream answers: 200 bytes of text; a picture in `images[]`; one in the text as a data URI; the same in
40,000 deltas. Each streamed or not, but for the deltas."""

ALL_ROUNDS = 99
DELTAS = 40_000
TEXT = ("The lighthouse keeper counted the waves until the lamp went out. " * 4)[:200]
PIECE = 10
"""Characters of `TEXT` in one delta."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the upstream is told to answer; `picture` in bytes."""

    form: Form
    stream: bool = False
    picture: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row: who asks for what, how often per round, and how many at once."""

    name: str
    title: str
    answer: Answer
    asked: int = 0
    """Bytes of the picture in the request's history; 0 for none."""
    concurrency: int = 1
    requests: int = 6
    slow_requests: int = 3
    """Requests per round for a server that takes seconds for one."""
    slow_rounds: int = ALL_ROUNDS
    """Rounds in which such a server takes part."""

    @property
    def media(self) -> int:
        """Bytes of media that one request moves."""
        return self.answer.picture + self.asked

    @property
    def model(self) -> str:
        if self.answer.form == "deltas":
            return "bench-image-deltas"
        return "bench-image" if self.answer.picture else "bench-text"


SCENARIOS: tuple[Scenario, ...] = (
    Scenario("text", "200 B text, plain", Answer("text"), requests=250, slow_requests=120),
    Scenario("text-stream", "200 B text, 20 deltas", Answer("text", True), requests=250, slow_requests=120),
    Scenario(
        "text-busy", "200 B text, plain, 8 at once", Answer("text"), concurrency=8, requests=800, slow_requests=240
    ),
    Scenario(
        "text-stream-busy",
        "200 B text, 20 deltas, 8 at once",
        Answer("text", True),
        concurrency=8,
        requests=800,
        slow_requests=240,
    ),
    Scenario("json", "14 MiB picture, one JSON answer", Answer("images", False, PICTURE)),
    Scenario("json-markdown", "14 MiB picture, JSON, data URI in the text", Answer("markdown", False, PICTURE)),
    Scenario("delta", "14 MiB picture, one SSE delta", Answer("images", True, PICTURE), slow_requests=2),
    Scenario(
        "deltas",
        "14 MiB picture, 40,000 deltas",
        Answer("deltas", True, PICTURE),
        requests=3,
        slow_requests=1,
        slow_rounds=2,
    ),
    Scenario("history", "14 MiB picture in the request", Answer("text"), asked=PICTURE),
    Scenario(
        "many",
        "32 pictures of 4 MiB at once",
        Answer("images", False, 4 * MIB),
        concurrency=32,
        requests=32,
        slow_requests=32,
    ),
)

WARM_UPS: tuple[Scenario, ...] = tuple(
    replace(
        scenario,
        answer=replace(scenario.answer, picture=min(scenario.answer.picture, WARM_PICTURE)),
        asked=min(scenario.asked, WARM_PICTURE),
        concurrency=2,
        requests=60 if scenario.media == 0 else 4,
    )
    for scenario in SCENARIOS
    if "busy" not in scenario.name
)
"""Every path once, with small pictures: what is loaded late is loaded, and no large buffer has been needed yet."""
