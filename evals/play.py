"""Playing a case: every turn is planned in the history that *should* have been, whatever was planned before it.

So one mistake costs one turn. Only words are the planner's own: a made picture's are the prompt that the planner gave
for it, as in a real chat.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from darkroom.errors import DarkroomError
from darkroom.ids import ENTROPY_BYTES, typeid
from darkroom.planner import Picture, Plan, Said, Scene, Use
from evals.cases import REFERENCE, Case, Turn

_BEGAN = 1_760_000_000_000
"""When the first turn of every case was said, Unix ms; each turn takes a minute."""
_SIDE = 1024
_SPACES = re.compile(r"[ \t]{2,}")


class Planner(Protocol):
    """Whatever plans. `plan` may raise a `DarkroomError`, which is a turn without a plan."""

    @property
    def name(self) -> str: ...

    async def plan(self, scene: Scene) -> Plan: ...


@dataclass(frozen=True, slots=True)
class Played:
    """One turn, what the planner was shown, and what it planned; `plan` is None where it failed."""

    case: Case
    number: int
    scene: Scene
    plan: Plan | None
    ids: Mapping[str, str]
    """The ids of pictures by their names in the case."""
    failure: str = ""

    @property
    def turn(self) -> Turn:
        return self.case.turns[self.number - 1]


async def play(case: Case, planner: Planner) -> list[Played]:
    """Return all turns of a case, played in their order."""
    history = History(case)
    found: list[Played] = []
    for number in range(1, len(case.turns) + 1):
        scene = history.scene(number)
        try:
            plan, failure = await planner.plan(scene), ""
        except DarkroomError as error:
            plan, failure = None, error.message
        found.append(Played(case, number, scene, plan, history.ids, failure))
        history.go_on(number, scene, plan)
    return found


class History:
    """What has happened in a case so far, as a planner sees it. Ids are made up, and the same in every run."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._pictures: dict[str, Picture] = {}
        self._past: list[Said] = []
        self.ids: dict[str, str] = {}

    def scene(self, number: int) -> Scene:
        """Return what a planner sees at a turn, and take in what was sent with it."""
        turn = self._case.turns[number - 1]
        text = REFERENCE.sub(lambda found: self._written(found[1], found[2]), turn.user)
        text = _SPACES.sub(" ", text).strip()
        for name, upload in zip(turn.sent(number), turn.uploads, strict=True):
            self._keep(name, Picture(self._id("media", name), number, text, caption=upload.partition("|")[0]))
        uploads = tuple(self.ids[name] for name in turn.sent(number))
        named = tuple(dict.fromkeys(self.ids[name] for _, name in REFERENCE.findall(turn.user)))
        return Scene(text, tuple(self._pictures.values()), tuple(self._past), uploads, named)

    def go_on(self, number: int, scene: Scene, plan: Plan | None) -> None:
        """Take in what was expected of a turn as what has happened."""
        turn = self._case.turns[number - 1]
        words = plan.prompt if plan is not None and plan.makes and plan.prompt else turn.expect.prompt or scene.text
        made = turn.made(number)
        for at, name in enumerate(made):
            self._keep(name, self._made(number, name, at, words))
        shown = () if made else tuple(self.ids[name] for name in turn.expect.media)
        self._past.append(Said(scene.text, scene.uploads, tuple(self.ids[name] for name in made), shown))

    def _made(self, number: int, name: str, at: int, words: str) -> Picture:
        expect = self._case.turns[number - 1].expect
        alone = expect.edits[at // expect.n : at // expect.n + 1]
        material = tuple(each for each in expect.media if each not in expect.edits)
        parents = tuple(Use(self.ids[each], expect.role_of(each)) for each in (*alone, *material))
        width, height = self._size(expect.ratio, parents)
        id, generation = self._id("media", name), self._id("gen", name)
        return Picture(id, number, words, generation, parents, width=width, height=height)

    def _size(self, ratio: str | None, parents: tuple[Use, ...]) -> tuple[int, int]:
        """Return the size in pixels: of the ratio that was asked for, else of what was edited, else a square."""
        if ratio is not None:
            across, down = map(int, ratio.split(":"))
            return across * _SIDE // max(across, down), down * _SIDE // max(across, down)
        for picture in self._pictures.values():
            if picture.width and picture.height and Use(picture.id, "edited") in parents:
                return picture.width, picture.height
        return _SIDE, _SIDE

    def _keep(self, name: str, picture: Picture) -> None:
        self._pictures[name] = picture
        self.ids[name] = picture.id

    def _written(self, kind: str, name: str) -> str:
        """Return what stands in the text for a picture that is named: ids stay, links are taken out."""
        return "" if kind == "link" else self._id(kind, name)

    def _id(self, kind: str, name: str) -> str:
        number = int(name.lstrip("u").partition(".")[0])
        entropy = sha256(f"{kind} {self._case.id} {name}".encode()).digest()[:ENTROPY_BYTES]
        return typeid(kind, _BEGAN + number * 60_000, entropy)
