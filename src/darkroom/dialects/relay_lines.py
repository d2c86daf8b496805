"""What a line of a transcript means: structure first, the words of `relay_vocabulary` second.

Strategy. A line is judged while it arrives. Each judgement other than MORE is certain: it stays the same however the
line goes on. What needs the whole line (`done`, an unknown line) waits for its end; what does not (a percentage, a
stage whose dots are still to come) is told at once, with `end`, how much of the line has been used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

from darkroom.dialects.relay_vocabulary import REASONS, REFUSALS, WORDS, Idea
from darkroom.errors import UpstreamError

MAX_LINE = 120
"""A line longer than this, in characters, is prose."""


class What(Enum):
    MORE = auto()
    TEXT = auto()
    NAMED = auto()
    STAGE = auto()
    DONE = auto()
    FAILED = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Judgement:
    """`stage` and `percent` of a STAGE, `name` and `value` of a NAMED; `end` is counted from the line's start."""

    what: What
    end: int = 0
    stage: Literal["queued", "running"] = "running"
    percent: int | None = None
    name: str = ""
    value: str = ""


_MORE = Judgement(What.MORE)
_TEXT = Judgement(What.TEXT)


def vocabulary(idea: Idea) -> tuple[str, ...]:
    """Return the words for an idea in all languages, in lower case, longest first."""
    found = {word.lower() for words in WORDS[idea].values() for word in words}
    return tuple(sorted(found, key=lambda word: (-len(word), word)))


_FAILED = vocabulary("failed")
_PERCENT_WORDS = vocabulary("percent")
_RUNNING = vocabulary("running")
_QUEUED = vocabulary("queued")
_DONE = vocabulary("done")
_TASK = vocabulary("task")
_GEN = vocabulary("gen")
_REASON = vocabulary("reason")

_SYMBOL = r"\u200d\ufe0f\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
_EMOJI = re.compile(rf"[{_SYMBOL}]")
_QUOTE = re.compile(r"[ \t]{0,3}>[^\w`\n]*+")
_LEAD = re.compile(rf"[ \t*{_SYMBOL}]*+")
_ID = re.compile(r"[^\w`\n]*+([^`\n%]{0,40}?)[\s*]*[:：][\s*]*(`?)([A-Za-z][\w-]{3,63})")
PERCENT = re.compile(r"(?<![0-9.])([0-9]{1,3})(?:\.[0-9]{1,2})?\s?[%％]")
_THEN_PERCENT = re.compile(r"[^\w\n]{0,8}[0-9]{1,3}(?:\.[0-9]{1,2})?\s?[%％]")
_MAYBE_PERCENT = re.compile(r"[^\w\n]{0,8}[0-9]{0,3}(?:\.[0-9]{0,2})?\s?")
_MAX_PLAIN = 64


def percent_of(match: re.Match[str]) -> int:
    return min(int(match[1]), 100)


def judge_quoted(line: str, *, ended: bool, shown: bool) -> Judgement:
    """Judge a line that begins with `>`. `shown`: something has shown that this answer is a transcript."""
    lead = _QUOTE.match(line)
    start = lead.end() if lead else 0
    head = line[start:].lower()
    emoji = _EMOJI.search(line, 0, start) is not None
    early = _failure(head, ended=ended, marked=emoji) or _stage(head, start, ended=ended, shown=shown)
    early = early or _named(line, start, ended=ended) or _percentage(line, known=shown or emoji)
    if early is not None:
        return early
    if len(line) > MAX_LINE:
        return _TEXT
    if not ended:
        return _MORE
    if any(head.startswith(word) and (shown or len(head) < 40) for word in _DONE):
        return Judgement(What.DONE, len(line))
    return Judgement(What.UNKNOWN, len(line))


def judge_plain(line: str, *, ended: bool, waiting: bool) -> Judgement:
    """Judge any other line. `waiting`: this is a transcript whose picture has not come yet."""
    lead = _LEAD.match(line)
    start = lead.end() if lead else 0
    head = line[start:].lower()
    if not head:
        return _TEXT if ended or start > 24 else _MORE
    emoji = _EMOJI.search(line, 0, start) is not None
    if (failed := _failure(head, ended=ended, marked=emoji)) is not None:
        return failed
    if waiting or line[:start].rstrip().endswith("**"):
        found = _percentage(line, known=waiting, within=_MAX_PLAIN)
        if found or len(line) > _MAX_PLAIN:
            return found or _TEXT
        return _TEXT if ended else _MORE
    return _labelled(line, head, ended=ended)


def is_reason(text: str) -> bool | None:
    """Tell whether a text begins with a failure's reason; None when too little of it is here."""
    head = re.sub(rf"\A[\s>*{_SYMBOL}]+", "", text).lower()
    if any(head.startswith(word) for word in _REASON):
        return True
    return None if any(word.startswith(head) for word in _REASON) else False


def mentions_reason(text: str) -> bool:
    return any(word in text.lower() for word in _REASON)


def classify(text: str) -> UpstreamError | None:
    """Return the error that an upstream's words stand for, with those words as its message; None when unknown."""
    lowered = text.lower()
    refused = refusal(text)
    if refused is not None:
        return refused
    for error, words in REASONS:
        if any(word in lowered for word in words):
            return error(text.strip())
    return None


def refusal(text: str) -> UpstreamError | None:
    """Return the error of a whole answer that is a known refusal, or None."""
    lowered = text.lower().replace("’", "'")
    for error, fragments in REFUSALS:
        if all(fragment in lowered for fragment in fragments):
            return error(text.strip())
    return None


def _failure(head: str, *, ended: bool, marked: bool) -> Judgement | None:
    """Judge by a word of failure: it counts behind a symbol, or where no other word follows it directly."""
    word = next((word for word in _FAILED if head.startswith(word)), None)
    if word is None:
        return None
    rest = head[len(word) :].lstrip()
    if not rest and not ended:
        return _MORE
    if marked or not rest or not rest[0].isalnum():
        return Judgement(What.FAILED)
    return None


def _stage(head: str, start: int, *, ended: bool, shown: bool) -> Judgement | None:
    for stage, words in (("queued", _QUEUED), ("running", _RUNNING)):
        word = next((word for word in words if head.startswith(word)), None)
        if word is None:
            continue
        rest = head[len(word) :].lstrip()
        if not shown and not rest and not ended:
            return _MORE
        if shown or not rest or not rest[0].isalnum() or _THEN_PERCENT.match(rest):
            return Judgement(What.STAGE, start + len(word), "queued" if stage == "queued" else "running")
        if not ended and _MAYBE_PERCENT.fullmatch(rest):
            return _MORE
    return None


def _named(line: str, start: int, *, ended: bool) -> Judgement | None:
    """Judge `label: \\`id\\``: the id's own prefix decides, or else its label."""
    match = _ID.match(line, start)
    if match is None or match.end() > MAX_LINE:
        return None
    label, quote, value = match[1].strip(" *").lower(), match[2], match[3]
    name = _id_name(label, value)
    if name is None or (not quote and not value.startswith(("task_", "gen_"))):
        return None
    after = line[match.end() :]
    if not after and not ended:
        return _MORE
    if quote and not after.startswith("`"):
        return None
    return Judgement(What.NAMED, match.end() + len(quote), name=name, value=value)


def _id_name(label: str, value: str) -> str | None:
    if value.startswith("task_") or (label in _TASK and not value.startswith("gen_")):
        return "task_id"
    return "gen_id" if value.startswith("gen_") or label in _GEN else None


def _percentage(line: str, *, known: bool, within: int = MAX_LINE) -> Judgement | None:
    match = PERCENT.search(line, 0, within)
    if match is None:
        return None
    before = line[: match.end()].lower()
    if known or any(word in before for word in (*_PERCENT_WORDS, *_RUNNING)):
        return Judgement(What.STAGE, match.end(), percent=percent_of(match))
    return None


def _labelled(line: str, head: str, *, ended: bool) -> Judgement:
    """Judge an unmarked line: only a known word and a percentage right behind it count."""
    rests = [head[len(word) :] for word in (*_PERCENT_WORDS, *_RUNNING) if head.startswith(word)]
    if any(_THEN_PERCENT.match(rest) for rest in rests):
        return _percentage(line, known=True) or _TEXT
    if ended:
        return _TEXT
    partial = any(_MAYBE_PERCENT.fullmatch(rest) for rest in rests)
    waits = any(word.startswith(head) for word in (*_FAILED, *_PERCENT_WORDS, *_RUNNING))
    return _MORE if partial or waits else _TEXT
