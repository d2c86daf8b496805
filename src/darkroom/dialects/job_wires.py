"""The wires of long work, by the dialect of the upstream that does it."""

from __future__ import annotations

from collections.abc import Mapping

from darkroom.dialects import openai_videos, openrouter_videos, veo
from darkroom.dialects.gemini_interactions import FILMS
from darkroom.dialects.job_wire import JobWire
from darkroom.media import MediaKind
from darkroom.providers import Target

JOB_WIRES: Mapping[str, JobWire] = {
    "openai-videos": openai_videos.WIRE,
    "openrouter-videos": openrouter_videos.WIRE,
    "veo": veo.WIRE,
    "gemini-interactions": FILMS,
}

_FILMS_ALONE = frozenset({"gemini-interactions"})
"""Dialects that speak another way to what makes pictures or words: a job is what makes films and no pictures."""


def wire_of(target: Target) -> JobWire | None:
    """Return how a target is asked for work that takes minutes; None where it is asked in one request."""
    dialect, makes = target.provider.dialect, target.profile.makes
    if dialect in _FILMS_ALONE and (MediaKind.VIDEO not in makes or MediaKind.IMAGE in makes):
        return None
    return JOB_WIRES.get(dialect)
