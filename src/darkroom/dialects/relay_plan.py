"""The JSON at the start of an answer: a plan of what will be made, or an image API's answer that leaked into chat."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from darkroom.dialects.relay_vocabulary import PLAN_KEYS

MAX_PLAN = 65536
"""A block longer than this, in characters, is text."""

_PAYLOADS = ("b64_json", "url")
_FENCED_JSON = re.compile(r"\s*+(?>(?:```[ \t]{0,4}+[A-Za-z]{0,8}+\s{0,16}+)?)")
_CLOSING_FENCE = re.compile(r"\s{0,16}+(`{0,3})")
_JSON_STEP = re.compile(r'["{}\\]')
_STRING_STEP = re.compile(r'["\\]')


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan that stands at `text[start:end]`."""

    params: dict[str, Any]
    start: int
    end: int


class PlanReader:
    """Reads a plan from the start of a text that grows; each character is looked at once."""

    def __init__(self) -> None:
        self._start = 0
        self._brace: int | None = None
        self._at = 0
        self._end: int | None = None
        self._depth = 0
        self._in_string = False

    def read(self, text: str, *, final: bool) -> Plan | bool:
        """Return the plan, True when more text is needed, False when there is none."""
        if self._brace is None and not self._open(text):
            return not final and self._may_open(text)
        end = self._find(text)
        if end is None:
            return not final and len(text) <= MAX_PLAN
        brace = self._brace or 0
        params = _params(text[brace:end]) if end <= MAX_PLAN else None
        if params is None:
            return False
        close = _CLOSING_FENCE.match(text, end) if brace > self._start else None
        if close and close.end() == len(text) and close[1] != "```" and not final:
            return True
        return Plan(params, self._start, close.end() if close and close[1] == "```" else end)

    def _open(self, text: str) -> bool:
        """Find the opening brace."""
        head = _FENCED_JSON.match(text)
        if head is None or not text.startswith("{", head.end()):
            return False
        self._start = len(text) - len(text.lstrip())
        self._brace = self._at = head.end()
        return True

    def _may_open(self, text: str) -> bool:
        head = _FENCED_JSON.match(text)
        return "```".startswith(text.lstrip()) or (head is not None and head.end() == len(text))

    def _find(self, text: str) -> int | None:
        """Return the end of the object, or None when it has not arrived."""
        while self._end is None and (match := (_STRING_STEP if self._in_string else _JSON_STEP).search(text, self._at)):
            if match[0] == "\\" and match.end() == len(text):
                self._at = match.start()
                return None
            self._at = match.end() + (match[0] == "\\")
            self._in_string ^= match[0] == '"'
            self._depth += {"{": 1, "}": -1}.get(match[0], 0)
            if self._depth == 0:
                self._end = self._at
        self._at = max(self._at, len(text))
        return self._end


def _params(block: str) -> dict[str, Any] | None:
    """Return the parameters in a JSON block, or None when it is no plan."""
    try:
        value = json.loads(block, strict=False)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and (PLAN_KEYS & value.keys() or leaked(value)) else None


def leaked(block: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the media in an image API's answer: pairs of `b64_json` or `url`, and its value."""
    items = block["data"] if isinstance(block.get("data"), list) else [block] if "b64_json" in block else []
    pairs = [(name, item.get(name)) for item in items if isinstance(item, dict) for name in _PAYLOADS]
    return [(name, value) for name, value in pairs if isinstance(value, str) and value]
