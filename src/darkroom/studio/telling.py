"""What the client is told while pictures are made: the plan, the task, its progress. Said in one language, and once.

Progress comes with its line written out, so that an answer of any shape can show it; the lines are a relay's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from darkroom.dialects.relay_text import TranscriptWriter
from darkroom.dialects.relay_vocabulary import Language
from darkroom.events import Planned, Progress

Stage = Literal["queued", "running"]


class Teller:
    """Tells of one task after the other. What is no news is a dot behind the line that is open."""

    def __init__(self, language: Language) -> None:
        self._writer = TranscriptWriter(language)
        self._told: Progress | None = None

    def plan(self, params: Mapping[str, Any]) -> Planned:
        return Planned(params, self._writer.plan(params).strip())

    def at(self, stage: Stage, percent: int | None = None) -> Progress:
        """Return how far it is; nothing ever goes backwards."""
        if _rank(event := Progress(stage, percent)) <= _rank(self._told):
            return self.waiting()
        return self._line(event)

    def waiting(self) -> Progress:
        """Return that it still goes on."""
        return self._line(self._told or Progress("queued"))

    def done(self) -> Progress | None:
        """Return the end of what was begun, if anything was; what comes then is another task."""
        if self._told is None:
            return None
        self._told = None
        return Progress("done", 100, self._writer.progress(Progress("done")))

    def _line(self, event: Progress) -> Progress:
        self._told = event
        return Progress(event.stage, event.percent, self._writer.progress(event))


def _rank(event: Progress | None) -> tuple[int, int]:
    if event is None:
        return (-1, 0)
    return (0 if event.stage == "queued" else 1, -1 if event.percent is None else event.percent)
