"""Cases: conversations with what a careful person would do at each turn; read from JSON Lines, and checked.

The format is told in `README.md`. A picture has a name: `3` was made in turn 3 (`3.1`, `3.2` where several were), `u2`
was sent with turn 2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec

from darkroom.generation import InputRole
from darkroom.planner import Operation
from evals.split import CASES, Split

Language = Literal["en", "zh", "mixed", "ja", "es"]
Tag = Literal[
    "new",
    "newest",
    "pronoun",
    "first",
    "ordinal",
    "last",
    "last-but-one",
    "before",
    "undo",
    "start-over",
    "again",
    "content",
    "definite",
    "negation",
    "both",
    "upload",
    "compose",
    "reference-kept",
    "reference-released",
    "describe",
    "answer",
    "id",
    "typo",
    "ratio",
    "count",
    "focus",
]
"""The phenomenon that makes a turn interesting."""

TAGS: tuple[Tag, ...] = get_args(Tag)
LANGUAGES: tuple[Language, ...] = get_args(Language)
REFERENCE = re.compile(r"\{(gen|media|link):([^}]*)\}")
"""How a turn names a picture by its id or link: the kind, and the picture's name."""

_TURNS = range(3, 13)
_COUNTS = range(1, 11)
_RATIO = re.compile(r"[1-9]\d*:[1-9]\d*")


class CaseInvalid(ValueError):
    """A file of cases is wrong; the message has one line for each complaint, with its place."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a careful person would do. Several operations: any of them is right.

    `media` and the keys of `roles` are names of pictures. `n` is how many pictures are made (of each that is edited).
    `ratio`, `roles` and `prompt` are empty where the case says nothing of them.
    """

    operation: Operation | Annotated[tuple[Operation, ...], msgspec.Meta(min_length=1)]
    media: tuple[str, ...] = ()
    n: int = 1
    ratio: str | None = None
    roles: Mapping[str, InputRole] = field(default_factory=dict)
    prompt: str | None = None

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The acceptable ones, the likeliest first."""
        return (self.operation,) if isinstance(self.operation, str) else self.operation

    def role_of(self, name: str) -> InputRole:
        """Return what one of `media` is to what is made: what the case says, else what goes without saying."""
        alone = self.operations[0] == "edit" and (len(self.media) == 1 or len(self.operations) == 1)
        return self.roles.get(name, "edited" if alone else "reference")

    @property
    def edits(self) -> tuple[str, ...]:
        """The pictures of which each is changed on its own; none where one picture is made of all."""
        if self.operations != ("edit",):
            return ()
        return tuple(name for name in self.media if self.role_of(name) == "edited")


@dataclass(frozen=True, slots=True)
class Turn:
    """What the user says and sends, and what is expected. An upload is `name`, or `name|what a person sees on it`."""

    user: str
    expect: Expected
    tag: Tag
    uploads: tuple[str, ...] = ()

    def sent(self, number: int) -> tuple[str, ...]:
        """Return the names of the pictures sent with this turn."""
        return _numbered(f"u{number}", len(self.uploads))

    def made(self, number: int) -> tuple[str, ...]:
        """Return the names of the pictures that this turn makes."""
        if self.expect.operations[0] in ("describe", "answer"):
            return ()
        return _numbered(str(number), self.expect.n * max(1, len(self.expect.edits)))


@dataclass(frozen=True, slots=True)
class Case:
    id: str
    language: Language
    turns: tuple[Turn, ...]


def load(split: Split, directory: Path = CASES) -> tuple[Case, ...]:
    """Return the cases of one half, in the order of their files. Raises `CaseInvalid`."""
    return tuple(case for file in sorted((directory / split).glob("*.jsonl")) for case in read(file))


def read(file: Path) -> tuple[Case, ...]:
    """Return the cases of a file. Raises `CaseInvalid` with everything that is wrong in it."""
    cases: list[Case] = []
    complaints: list[str] = []
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        where = f"{file.parent.name}/{file.name}:{number}"
        try:
            case = _parsed(line)
        except msgspec.DecodeError as error:
            complaints.append(f"{where}: {error}")
            continue
        complaints += (f"{where}: {wrong}" for wrong in check(case))
        complaints += [f"{where}: the id stands above already"] if case.id in {each.id for each in cases} else []
        cases.append(case)
    if complaints:
        raise CaseInvalid("\n".join(complaints))
    return tuple(cases)


def _parsed(line: str) -> Case:
    document = msgspec.json.decode(line)
    case = msgspec.convert(document, Case)
    _refuse_unknown(document, Case, "")
    for number, turn in enumerate(document["turns"], 1):
        _refuse_unknown(turn, Turn, f"turn {number}: ")
        _refuse_unknown(turn["expect"], Expected, f"turn {number}, expect: ")
    return case


def _refuse_unknown(document: Mapping[str, Any], shape: type[Case | Turn | Expected], where: str) -> None:
    """Say which key is misspelt, which a default would hide."""
    known = [item.name for item in fields(shape)]
    for key in document:
        if key not in known:
            raise msgspec.ValidationError(f"{where}there is no `{key}`; known: {', '.join(known)}")


def check(case: Case) -> Iterator[str]:
    """Yield what is wrong with a case, beyond its types."""
    if len(case.turns) not in _TURNS:
        yield f"{len(case.turns)} turns; a case has {_TURNS[0]} to {_TURNS[-1]}"
    known: list[str] = []
    for number, turn in enumerate(case.turns, 1):
        known += turn.sent(number)
        for wrong in (*_check_names(turn, known), *_check_expected(turn.expect)):
            yield f"turn {number}: {wrong}"
        known += turn.made(number)


def _check_names(turn: Turn, known: list[str]) -> Iterator[str]:
    named = REFERENCE.findall(turn.user)
    for name in (*turn.expect.media, *(name for _, name in named)):
        if name not in known:
            yield f"there is no picture {name}; known: {', '.join(known) or 'none'}"
    for kind, name in named:
        if kind == "gen" and name.startswith("u"):
            yield f"{name} was sent, so no generation made it"
    for name in turn.expect.roles:
        if name not in turn.expect.media:
            yield f"{name} has a role, and is not among the media"


def _check_expected(expect: Expected) -> Iterator[str]:
    first, media = expect.operations[0], expect.media
    if first in ("edit", "compose") and not media:
        yield f"`{first}` needs media"
    if first == "generate" and media:
        yield "`generate` has no media"
    if len(set(media)) < len(media):
        yield "a picture stands twice among the media"
    if expect.n not in _COUNTS:
        yield f"n is {_COUNTS[0]} to {_COUNTS[-1]}"
    if expect.ratio is not None and not _RATIO.fullmatch(expect.ratio):
        yield f"{expect.ratio} is no ratio; write it like 16:9"


def _numbered(name: str, count: int) -> tuple[str, ...]:
    return (name,) if count == 1 else tuple(f"{name}.{at}" for at in range(1, count + 1))
