"""A reading: one turn with what its words point at, and the plans that can be made of it.

What every rule looks at is here: the turn folded, with its quotations blanked (`text`), its ids blanked too (`bare`),
and what is pointed away from cut out (`pointing`); the places that point (`found`); and the pictures that follow from
them: the one that is meant (`target`), several (`several`), a group (`group`), what is left of one (`others`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from darkroom.generation import InputRole
from darkroom.planner import vocabulary as v
from darkroom.planner.lines import line_meant, lines_told
from darkroom.planner.measures import count_of, number_in, ratio_of
from darkroom.planner.plan import Plan
from darkroom.planner.pointing import Mention, cut_negated, mentions, named_files
from darkroom.planner.scene import Scene, Use
from darkroom.planner.story import Story
from darkroom.planner.wishes import without_quotes
from darkroom.planner.wording import essence
from darkroom.planner.words import fold

SURE, FAIR, UNSURE = 0.95, 0.75, 0.4

_MOST_READ = 4000
_LONG, _MANY_LINES = 160, 4
_IDS = re.compile(r"\b(?:gen|media)_[0-9a-z]{26}\b")
_REASONS = {
    "id": "named by its id",
    "file": "named by its file",
    "last-but": "counted back from the newest",
    "before": "as it was before a change",
    "previous": "as it was before the change",
    "ordinal": "counted",
    "first": "the first one",
    "the-one": "its words say so",
    "upload": "sent by the user",
    "original": "where the branch began",
    "last": "the newest one",
}
"""Ways of pointing, what says most first, and the reason that they are."""

_RANK = {kind: at for at, kind in enumerate(_REASONS)}


def as_it_is(text: str) -> str:
    return text


class Reading:
    """One turn of a story, read. It may be read in a part of the `whole` story alone, and with other words (`told`) of
    the same length."""

    def __init__(self, story: Story, *, whole: Story | None = None, told: Callable[[str], str] = as_it_is) -> None:
        self.story = story
        self.whole = whole or story
        self.raw = story.scene.text
        self.text = told(without_quotes(fold(self.raw[:_MOST_READ])))
        self.lead = _lead(self.text)
        self.bare = _IDS.sub(lambda match: " " * len(match[0]), self.lead)
        self.pointing = cut_negated(self.bare)
        self.found = self._mentions()
        self.spans = [(each.start, each.end) for each in self.found if each.start < each.end]
        self.spans += [match.span() for match in _IDS.finditer(self.text)]

    @property
    def named(self) -> list[str]:
        """The pictures of the conversation whose ids or links stand in the turn."""
        return list(dict.fromkeys(id for id in self.story.scene.named if id in self.story.by_id))

    @property
    def scene(self) -> Scene:
        return self.story.scene

    def _mentions(self) -> list[Mention]:
        files = list(named_files(self.story, self.pointing))
        named = [Mention((id,), "id", 0, 0) for id in self.named]
        return [*named, *files, *mentions(self.story, blanked(self.pointing, files))]

    def kinds(self, *but: str) -> list[Mention]:
        """Return the mentions that are of no such kind."""
        return [mention for mention in self.found if mention.kind not in but]

    # Which pictures

    def explicit(self) -> Mention | None:
        """Return the mention that says most."""
        return min(self.found, key=lambda mention: _RANK[mention.kind], default=None)

    def target(self) -> tuple[list[str], float, str]:
        """Return the picture that is meant (with uploads, all of them), how sure that is, and why."""
        one = self.explicit()
        if one is not None:
            return [one.ids[-1]], SURE, _REASONS[one.kind]
        if self.scene.uploads:
            return list(self.scene.uploads), SURE, "sent with this turn"
        line = (
            None
            if v.HERE.search(self.bare)
            else line_meant(self.story, self.pointing, alone=bool(v.ALONE.search(self.bare)))
        )
        if line is not None:
            return [line], FAIR, "only its words fit"
        if self.story.focus is None:
            return [], 1.0, "there is no picture yet"
        sure = FAIR if v.EDIT.search(self.bare) or len(self.story.tips()) == 1 else UNSURE
        return [self.story.focus], sure, "the talk was about it last"

    def several(self) -> list[str]:
        """Return all pictures that are meant where several are: what is pointed at, and lines that words tell of."""
        found = [id for each in self.found for id in each.ids if each.kind != "last" or len(self.found) == 1]
        for told in lines_told(
            self.story, blanked(self.pointing, self.found), by_looks=bool(v.COMPOSE.search(self.bare))
        ):
            if not any(told in self.story.ancestors(id) or id in self.story.ancestors(told) for id in found):
                found.append(told)
        return list(dict.fromkeys(found))

    def consistent_with(self) -> list[str]:
        """Return the pictures that the details of a long turn want to be kept to: `保持与第 1 页一致的画风`."""
        details = self.text[len(self.lead) :].split("\n")
        wanted = (mentions(self.story, line) for line in details if v.CONSISTENT.search(line))
        return list(dict.fromkeys(id for found in wanted for each in found for id in each.ids))

    def group(self) -> list[str]:
        """Return the pictures that `both`, `all three`, `the two of them` mean."""
        story = self.story
        if len(self.scene.uploads) > 1:
            return list(self.scene.uploads)
        count = number_in(self.bare)
        several = story.newest_several()
        if several and count in (None, len(several)):
            return [story.latest(id) for id in several]
        if count is not None and count > 2 and (batch := story.batch_of(count)):
            return [story.latest(id) for id in batch]
        tips = [each for each in story.tips() if story.by_id[each].is_made] or story.tips()
        made = [picture.id for picture in story.made]
        of_pictures = bool(v.PICTURE_UNIT.search(self.bare))
        if count is not None and (len(tips) >= count or of_pictures):
            pool = next(
                (each for each in (tips, made) if len(each) >= count), [picture.id for picture in story.earlier]
            )
            return pool[:count] if v.FIRST_FEW.search(self.bare) else pool[-count:]
        return tips if len(tips) > 1 else made[-2:] if of_pictures else []

    def others(self) -> list[str]:
        """Return what is left of a group when what was just worked on, or is named, is taken away."""
        story = self.story
        group = story.batch() or story.tips()
        if v.UNTOUCHED.search(self.bare):
            return [each for each in group if each not in story.children]
        untouched = [each for each in group if each not in story.children]
        if len(untouched) < len(group) and len(untouched) == number_in(self.bare):
            return untouched
        spared = [id for mention in mentions(story, self.bare) for id in mention.ids]
        spared += self._spared()
        start = spared or ([story.focus] if story.focus else [])
        worked = {each for one in start for each in story.ancestors(one)}
        left = [
            each
            for each in group
            if each not in worked and not any(child in worked for child in story.children.get(each, ()))
        ]
        return left if len(left) < len(group) else left[:1]

    def _spared(self) -> list[str]:
        """Return what the sentences beside `the other one` speak of: those before, and those that spare something."""
        spared: list[str] = []
        before = True
        for piece in re.split(r"[.。!！;；]|[,，](?!.*[,，.。])", self.bare):
            if v.OTHER.search(piece):
                before = False
            elif (before or v.SPARES.search(piece)) and (line := line_meant(self.story, piece, strict=True)):
                spared += [line, *lines_told(self.story, piece, 0.9)]
        return spared

    # Plans

    @property
    def wish(self) -> str:
        """The turn without the words that only point; a long one as it is."""
        return essence(self.raw, self.spans) if len(self.lead) == len(self.text) else self.raw

    def new(self, words: str, kept: Sequence[Use]) -> Plan:
        """A new picture, with what is kept."""
        if not kept:
            return self.measured(Plan("generate", words, reason="a new picture"))
        uses = tuple(kept)
        return self.measured(Plan("compose", words, uses, confidence=SURE, reason="a new picture with what is kept"))

    def compose(self, ids: Sequence[str], reason: str, role: InputRole = "reference", *more: Use) -> Plan:
        """A new picture out of others."""
        uses = (*(Use(id, role) for id in ids), *more)
        return self.measured(Plan("compose", _IDS.sub("", self.raw).strip(), uses, confidence=FAIR, reason=reason))

    def edit(self, ids: Sequence[str], sure: float, reason: str, *more: Use) -> Plan:
        """Each picture changed, `more` going along."""
        uses = (*(Use(id, "edited") for id in ids), *more)
        plan = Plan("edit", self.wish, uses, gen_id=self.gen_id(uses), confidence=sure, reason=reason)
        return self.measured(plan)

    def about(self, operation: str, ids: Sequence[str], reason: str, sure: float = SURE) -> Plan:
        """Words about pictures: `describe`, or `answer` with pictures to be shown."""
        uses = tuple(Use(id, "reference") for id in ids)
        if operation == "describe":
            return Plan("describe", self.raw, uses, confidence=sure, reason=reason)
        return Plan("answer", "", uses, confidence=sure, reason=reason)

    def gen_id(self, uses: Sequence[Use]) -> str | None:
        """Return the generation that is edited: the first that was made here."""
        edited = (self.story.by_id.get(use.id) for use in uses if use.role == "edited")
        return next((picture.generation for picture in edited if picture is not None and picture.generation), None)

    def measured(self, plan: Plan) -> Plan:
        counts = len(self.scene.uploads) < 2 and (plan.operation != "compose" or not self.story.earlier)
        return replace(plan, ratio=ratio_of(self.text), n=count_of(self.lead) if counts else 1)


def _lead(text: str) -> str:
    """Return what says what is wished for: of a long turn of many lines the first, which the others only detail."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    return text[: text.find(first) + len(first)] if len(text) > _LONG and text.count("\n") >= _MANY_LINES else text


def blanked(text: str, found: Sequence[Mention]) -> str:
    """Return a text with some mentions blanked; its length stays."""
    for mention in found:
        text = text[: mention.start] + " " * (mention.end - mention.start) + text[mention.end :]
    return text
