"""Generations: one act of making, and how it hangs on earlier ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from darkroom.media import Media

Status = Literal["queued", "running", "completed", "failed", "cancelled", "expired", "imported", "deleted"]
"""`expired`: it took too long, or the upstream let go of it; `imported`: made elsewhere, and learnt of from a history
that a client sent; `deleted`: nothing is left but its place in the lineage of others."""

InputRole = Literal["edited", "character", "style", "reference", "mask", "first_frame"]
"""What media is to what is made from it: changed, or looked at for a figure, a manner, or anything else."""


@dataclass(frozen=True, slots=True)
class Input:
    """What a generation was made from: media, or (when its bytes are not here) the generation that made it."""

    role: InputRole
    media: str | None = None
    generation: str | None = None


@dataclass(frozen=True, slots=True)
class Generation:
    """One act of making. Times in Unix ms, `progress` in percent.

    `upstream_ids` are the ids that the upstream gave (`gen_id`, `task_id`); `replay` is what it must be shown again:
    its own message, with media replaced by references (`{"text": …}`, `{"fields": …}`). `key` is the alias of the key
    that it was made with, and that signatures, files and stored answers are bound to. `runner` is written alone: the
    process that makes it, which ends with it unless it is a job.
    """

    id: str
    owner: str
    status: Status
    provider: str
    model: str
    prompt: str
    created: int
    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Media, ...] = ()
    upstream_ids: Mapping[str, str] = field(default_factory=dict)
    replay: Mapping[str, Any] | None = None
    progress: int | None = None
    finished: int | None = None
    error: Mapping[str, Any] | None = None
    key: str = ""
    runner: str | None = None
