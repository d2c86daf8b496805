"""The rules: from a scene to a plan, without a model.

Strategy. A turn is read once, from what says most to what says least. First which kind of turn it is: talk, a reference
to keep or to release (`keeping`), to begin anew, undo, once more (`rewinding`), to show again, a question (`talking`);
what is left wishes for a picture (`making`), a new one or a change (`newness`). Which pictures it means is told by ids
and file names, by words that point (`pointing`), by words that only one line of pictures knows (`lines`), else by what
the talk was about last. That is found by reading the turns before in the same way (`story`).

Where films can be made, `films` looks first whether the turn is about one.

The words are in `vocabulary`, by language; how they are compared is in `words`, what is left of a turn for the painter
in `wording`, numbers and ratios in `measures`.
"""

from __future__ import annotations

from darkroom.planner.films import read_with_films
from darkroom.planner.keeping import kept_after, read_keeping
from darkroom.planner.making import read_wish
from darkroom.planner.plan import Plan
from darkroom.planner.reading import Reading
from darkroom.planner.rewinding import read_again, read_begged_again, read_start_over, read_undo
from darkroom.planner.scene import Scene
from darkroom.planner.story import Story, before_turn
from darkroom.planner.talking import read_question, read_shown, read_talk

_KINDS = (
    read_talk,
    read_keeping,
    read_start_over,
    read_undo,
    read_again,
    read_shown,
    read_begged_again,
    read_question,
)


def plan(scene: Scene) -> Plan:
    """Return what the turn asks for. It never fails: where nothing can be told, it takes the newest and says so."""
    story = Story(scene)
    for at in range(len(scene.past)):
        _live_through(story, at)
    return _read(Reading(story))


def _read(turn: Reading) -> Plan:
    return read_with_films(turn, _read_pictures) if turn.scene.films else _read_pictures(turn)


def _read_pictures(turn: Reading) -> Plan:
    for read in _KINDS:
        if (found := read(turn)) is not None:
            return found
    return read_wish(turn)


def _live_through(story: Story, at: int) -> None:
    """Move the story on by one turn of the past: what the talk was about after it, and what is kept since."""
    said = story.scene.past[at]
    turn = Reading(Story(before_turn(story.scene, at), story.focus, story.kept))
    story.kept = kept_after(turn)
    if seen := said.made or said.shown or said.uploads:
        story.focus = seen[-1]
    elif said.text and story.focus is not None:
        told = _read(turn)
        if told.uses and not told.makes:
            story.focus = told.uses[-1].id
