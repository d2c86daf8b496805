"""Planning as a chat model would: the scene is read out of the question, and a plan for it given as JSON.

What understands the turn is the planner's own rules, which read no more than what the question tells.
"""

from __future__ import annotations

import json
from typing import Any

from darkroom.planner import Kind, Picture, Plan, Said, Scene, Use, plan
from darkroom.testing.emulation import Fields

_PICTURES = "Pictures, oldest first:"
_PAST = "Turns before, oldest first:"
_NEW = "The new turn:"


def planned_for(question: str) -> Fields | None:
    """Return the plan for a question, its pictures by the names that it gives them; None if it asks for no plan."""
    scene = scene_in(question)
    if scene is None:
        return None
    found = plan(scene)
    more = {"kind": found.kind, "seconds": found.seconds} if scene.films else {}
    return {**fields_of(found), **more}


def scene_in(question: str) -> Scene | None:
    """Read a scene out of a question; a picture that was made is its own generation. None if there is none."""
    head, found, rest = question.partition(f"\n{_NEW}\n")
    told, between, past = head.partition(f"\n{_PAST}")
    if not found or not between or not told.startswith(_PICTURES):
        return None
    new = json.loads(rest.partition("\n")[0])
    pictures = [_picture(line) for line in _lines(told) if "id" in line]
    return Scene(
        new["said"],
        tuple(pictures),
        tuple(_said(line) for line in _lines(past)),
        tuple(new.get("sent", ())),
        tuple(new.get("named", ())),
        "makes" in new,
    )


def fields_of(plan: Plan) -> Fields:
    """Return a plan as the fields of its JSON."""
    return {
        "reason": plan.reason,
        "operation": plan.operation,
        "prompt": plan.prompt,
        "ratio": plan.ratio,
        "n": plan.n,
        "media": [{"id": use.id, "role": use.role} for use in plan.uses],
        "confidence": plan.confidence,
    }


def _lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.split("\n") if line.startswith("{")]


def _picture(line: Fields) -> Picture:
    # Older pictures are told in brief: their parents by name alone, and what they are by the first letter of theirs.
    parents = [Use(each) if isinstance(each, str) else Use(each["id"], each["role"]) for each in line.get("from", ())]
    made = line.get("kind", "made" if line["id"].startswith("p") else "uploaded") == "made"
    caption = line.get("caption", "")
    kind: Kind = "video" if line.get("film") else "image"
    generation = line["id"] if made else None
    return Picture(line["id"], line["turn"], line["words"], generation, tuple(parents), caption, kind=kind)


def _said(line: Fields) -> Said:
    return Said(line["said"], *(tuple(line.get(name, ())) for name in ("sent", "made", "shown")))
