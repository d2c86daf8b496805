"""The tokens of an answer that several models had a part in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from darkroom import usage
from darkroom.events import UsageReported
from darkroom.messages import Conversation


@dataclass(slots=True)
class Count:
    """Adds up what the models report; where none was asked, what was said here is estimated."""

    is_estimated: bool = False
    _usage: dict[str, Any] = field(default_factory=dict)
    _said: int = 0

    def add(self, reported: UsageReported) -> None:
        self._usage = _sum(self._usage, reported.usage)
        self.is_estimated = self.is_estimated or reported.estimated

    def say(self, text: str) -> None:
        self._said += usage.estimate(text)

    def reported(self, asked: Conversation) -> UsageReported:
        if not self._usage:
            self.is_estimated = True
            self._usage = usage.counted(usage.prompt_tokens(asked), self._said)
        return UsageReported(self._usage, self.is_estimated)


def _sum(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Add numbers up, tables by their names; of anything else the first counts."""
    found = dict(one)
    for name, value in other.items():
        match found.get(name), value:
            case None, _:
                found[name] = value
            case Mapping() as table, Mapping():
                found[name] = _sum(table, value)
            case (bool(), _) | (_, bool()):
                pass
            case int() | float() as number, int() | float():
                found[name] = number + value
    return found
