"""What a chat model answered, read as a plan: JSON wherever it stands, and every field checked.

Nothing is believed: an id that is not of the scene, a role, a number or a ratio out of its range is a complaint, in
words that the model can act upon. All complaints are collected, so that one repair can mend them all. What a model left
out is filled in where there is only one thing that it can mean.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from darkroom.errors import PlanInvalid
from darkroom.generation import InputRole
from darkroom.planner.plan import OPERATIONS, Operation, Plan
from darkroom.planner.retold import Handles, shortened
from darkroom.planner.scene import KINDS, Kind, Scene, Use

MOST_MADE = 10
"""Pictures that one turn makes at most."""

LONGEST = 600
"""Seconds that a film has at most."""

FILM_ROLES: tuple[InputRole, ...] = get_args(InputRole)
ROLES: tuple[InputRole, ...] = tuple(role for role in FILM_ROLES if role != "first_frame")
"""What a picture can be to another one; a first frame belongs to a film."""

_MOST_MEDIA = 16
_READ = 64_000
"""Characters of an answer that are looked through, from its end: what a model thinks aloud comes first."""
_STARTS = 200
_QUOTED = 60
_REASON = 300
_SURE = 0.8
"""The confidence of a plan that tells none."""
_RATIO = re.compile(r"[1-9]\d?:[1-9]\d?")
_NO_RATIO = frozenset({"", "null", "none", "auto"})
_HANDLE = re.compile(r"\b[pux][1-9]\d*\b")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_decode = json.JSONDecoder().raw_decode


def read(text: str, scene: Scene) -> Plan:
    """Return the plan that an answer holds, its pictures by the scene's own ids.

    Raises `PlanInvalid` with everything that is wrong with it.
    """
    found = _object_in(text)
    if found is None:
        raise PlanInvalid("There is no JSON object in the answer: return the plan as one.")
    return _Reading(found, scene, Handles.of(scene)).plan()


def _object_in(text: str) -> Mapping[str, Any] | None:
    """Return the last JSON object that says what it does, else the last one: before it, models think aloud."""
    last: Mapping[str, Any] | None = None
    for value in _objects(text[-_READ:]):
        if "operation" in value or last is None or "operation" not in last:
            last = value
    return last


def _objects(text: str) -> Iterator[dict[str, Any]]:
    at = text.find("{")
    for _ in range(_STARTS):
        if at < 0:
            return
        try:
            value, end = _decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            yield value
        at = text.find("{", end)


@dataclass(slots=True)
class _Reading:
    """One plan on its way from JSON; collects what is wrong with it."""

    given: Mapping[str, Any]
    scene: Scene
    handles: Handles
    complaints: list[str] = field(default_factory=list)

    def plan(self) -> Plan:
        operation = self._operation()
        makes = operation in ("generate", "edit", "compose")
        uses = self._uses(operation)
        n = self._n() if makes else 1
        kind = self._kind(uses) if makes and self.scene.films else "image"
        if kind == "video":
            operation, uses = self._moving(operation, uses)
        self._check(operation, uses, n)
        plan = Plan(
            operation,
            self._prompt(makes),
            uses,
            self._ratio() if makes else None,
            n,
            self._edited(uses),
            self._confidence(),
            self._reason(),
            kind,
            self._seconds() if kind == "video" else None,
        )
        if self.complaints:
            raise PlanInvalid(*self.complaints)
        return plan

    def _operation(self) -> Operation:
        value = self.given.get("operation")
        for operation in OPERATIONS:
            if isinstance(value, str) and value.strip().lower() == operation:
                return operation
        # What else is wrong can't be told without it.
        raise PlanInvalid(f"`operation` is {_quoted(value)}; it must be one of {', '.join(OPERATIONS)}.")

    def _uses(self, operation: Operation) -> tuple[Use, ...]:
        value = self.given.get("media")
        items = [] if value is None else value if isinstance(value, list) else [value]
        if len(items) > _MOST_MEDIA:
            self.complaints.append(f"`media` names {len(items)} pictures; name at most {_MOST_MEDIA}.")
        uses: dict[str, Use] = {}
        for item in items[:_MOST_MEDIA]:
            use = self._use(item, operation)
            if use is not None:
                uses.setdefault(use.id, use)
        return tuple(uses.values())

    def _use(self, item: Any, operation: Operation) -> Use | None:
        table: Mapping[str, Any] = item if isinstance(item, dict) else {"id": item}
        name = table.get("id")
        id = self.handles.find(name) if isinstance(name, str) else None
        if id is None:
            known = "take one from the list" if self.scene.pictures else "there are no pictures yet, so leave it out"
            self.complaints.append(f"`media` names {_quoted(name)}, and there is no such picture; {known}.")
            return None
        return Use(id, self._role(table.get("role"), operation))

    def _role(self, value: Any, operation: Operation) -> InputRole:
        if operation in ("describe", "answer"):
            return "reference"
        if value is None:
            return "edited" if operation == "edit" else "reference"
        roles = FILM_ROLES if self.scene.films else ROLES
        for role in roles:
            if isinstance(value, str) and value.strip().lower() == role:
                return role
        self.complaints.append(f"a role in `media` is {_quoted(value)}; it must be one of {', '.join(roles)}.")
        return "reference"

    def _kind(self, uses: tuple[Use, ...]) -> Kind:
        """Return what is made: what the plan says, else what its pictures are for."""
        value = self.given.get("kind")
        changes = {self.scene.picture(use.id).kind for use in uses if use.role == "edited"}
        for kind in KINDS:
            if isinstance(value, str) and value.strip().lower() == kind:
                if kind == "image" and "video" in changes:
                    self.complaints.append('a film that is changed becomes a film: `kind` must be "video".')
                return kind
        if value is not None:
            self.complaints.append(f"`kind` is {_quoted(value)}; it must be one of {', '.join(KINDS)}.")
        return "video" if "video" in changes or any(use.role == "first_frame" for use in uses) else "image"

    def _moving(self, operation: Operation, uses: tuple[Use, ...]) -> tuple[Operation, tuple[Use, ...]]:
        """Return a plan for a film in which a picture that is to become one is its first frame, whatever it was called:
        there is nothing else that changing a picture into a film can mean."""
        moving = [use.role == "edited" and self.scene.picture(use.id).kind == "image" for use in uses]
        uses = tuple(
            replace(use, role="first_frame") if moves else use for use, moves in zip(uses, moving, strict=True)
        )
        starts = [self.scene.picture(use.id).kind for use in uses if use.role == "first_frame"]
        if "video" in starts:
            self.complaints.append("a first frame is a picture; a film that is changed has the role edited.")
        return ("compose" if starts and operation in ("edit", "generate") else operation), uses

    def _seconds(self) -> int | None:
        value = self.given.get("seconds")
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is None or (type(value) is int and 1 <= value <= LONGEST):
            return value
        self.complaints.append(
            f"`seconds` is {_quoted(value)}; it must be a whole number from 1 to {LONGEST}, or null."
        )
        return None

    def _check(self, operation: Operation, uses: tuple[Use, ...], n: int) -> None:
        """Complain where the operation and its pictures don't fit each other."""
        edited = sum(use.role == "edited" for use in uses)
        match operation:
            case "generate" if uses:
                self.complaints.append("generate takes no media: leave them out, or make it edit or compose.")
            case "edit" if not edited:
                self.complaints.append("edit needs a picture with the role edited in `media`.")
            case "edit" if edited * n > MOST_MADE:
                self.complaints.append(f"{edited} pictures edited {n} times each are more than {MOST_MADE} in all.")
            case "compose" if edited:
                self.complaints.append("compose changes no picture: make it edit, or give each the role of material.")
            case "compose" if not uses:
                self.complaints.append("compose needs pictures in `media`; a new picture from words is generate.")

    def _prompt(self, makes: bool) -> str:
        value = self.given.get("prompt")
        if not makes:
            return ""
        if not isinstance(value, str | None):
            self.complaints.append("`prompt` must be a text.")
            return ""
        prompt = self.handles.unnamed(_SURROGATE.sub("", self.scene.text if value is None else value))
        if not prompt:
            self.complaints.append("`prompt` is empty; say what the picture model is to be told.")
        return prompt

    def _ratio(self) -> str | None:
        value = self.given.get("ratio")
        written = value.replace("：", ":").replace(" ", "") if isinstance(value, str) else value
        if written is None or (isinstance(written, str) and written.lower() in _NO_RATIO):
            return None
        if isinstance(written, str) and _RATIO.fullmatch(written):
            return written
        self.complaints.append(f"`ratio` is {_quoted(value)}; it must be width:height such as 16:9, or null.")
        return None

    def _n(self) -> int:
        value = self.given.get("n")
        if value is None:
            return 1
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if type(value) is int and 1 <= value <= MOST_MADE:
            return value
        self.complaints.append(f"`n` is {_quoted(value)}; it must be a whole number from 1 to {MOST_MADE}.")
        return 1

    def _confidence(self) -> float:
        value = self.given.get("confidence")
        if value is None:
            return _SURE
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
            return float(value)
        self.complaints.append(f"`confidence` is {_quoted(value)}; it must be a number from 0 to 1.")
        return 0.0

    def _reason(self) -> str:
        """Return the reason, with ids that somebody else can read as well."""
        value = self.given.get("reason")
        text = _SURROGATE.sub("", value) if isinstance(value, str) else ""
        return _HANDLE.sub(lambda match: self.handles.names.get(match[0], match[0]), shortened(text, _REASON))

    def _edited(self, uses: tuple[Use, ...]) -> str | None:
        """Return the generation of the first picture that is edited and was made here."""
        generations = [self.scene.picture(use.id).generation for use in uses if use.role == "edited"]
        return next((generation for generation in generations if generation is not None), None)


def _quoted(value: Any) -> str:
    """Return a value as a complaint quotes it: short, on one line, and nothing that can't be encoded."""
    written = json.dumps(value, ensure_ascii=True, default=str)
    return "missing" if value is None else shortened(written, _QUOTED)
