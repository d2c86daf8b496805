"""Jobs: a generation that outlives a request, and the one table of its states.

queued → submitting → running → storing → completed, and from everywhere but the end to failed, cancelled or expired.
`submitting` is the moment that costs money: whoever finds a job in it after a crash does not submit it again before he
knows that the first submission did not arrive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from darkroom.errors import GatewayError
from darkroom.generation import InputRole, Status

JobState = Literal["queued", "submitting", "running", "storing", "completed", "failed", "cancelled", "expired"]

TRANSITIONS: Mapping[JobState, frozenset[JobState]] = {
    # To `queued` again: the upstream refused it, so that nothing was made, and another may be asked.
    "queued": frozenset({"submitting", "failed", "cancelled", "expired"}),
    "submitting": frozenset({"queued", "running", "storing", "failed", "cancelled", "expired"}),
    # From `storing` back to `running`: a link died before the film was here, and the upstream is asked for another.
    "running": frozenset({"storing", "failed", "cancelled", "expired"}),
    "storing": frozenset({"running", "completed", "failed", "cancelled", "expired"}),
    "completed": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
    "expired": frozenset(),
}

STATUS: Mapping[JobState, Status] = {
    "queued": "queued",
    "submitting": "queued",
    "running": "running",
    "storing": "running",
    "completed": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
    "expired": "expired",
}
"""What a client is told of each state."""

JOB_ID = "job_id"
"""The kind of upstream id under which a generation has the name that its upstream gave the job."""


def is_over(state: JobState) -> bool:
    return not TRANSITIONS[state]


def check_move(old: JobState, new: JobState) -> None:
    """Raise `GatewayError` for a step that the table does not have."""
    if new not in TRANSITIONS[old]:
        raise GatewayError(f"a job that is {old} can't become {new}")


@dataclass(frozen=True, slots=True)
class JobInput:
    """Media that a job is made from, by its id."""

    role: InputRole
    media: str


@dataclass(frozen=True, slots=True)
class Job:
    """One job: the generation's id, what is asked, and how far it is. Times in Unix ms, `percent` from 0 to 100.

    `params` are the request's fields in the words of the client's `dialect`. `routes` are the ways that are left,
    (provider, model, alias of the key), the one under way first. `upstream_id` is what that upstream calls it.
    """

    id: str
    owner: str
    state: JobState
    prompt: str
    routes: tuple[tuple[str, str, str], ...]
    created: int
    deadline: int
    params: Mapping[str, Any] = field(default_factory=dict)
    dialect: str = "openai-chat"
    inputs: tuple[JobInput, ...] = ()
    upstream_id: str | None = None
    attempts: int = 0
    submitted: int | None = None
    percent: int | None = None
    cancel: bool = False
    """Whether its owner wants it to end."""
    runner: str | None = None
    """The replica that works on it."""
    error: Mapping[str, Any] | None = None
