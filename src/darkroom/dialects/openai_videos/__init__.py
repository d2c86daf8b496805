"""The Videos API dialect: jobs that make films, at upstreams and at the door."""

from __future__ import annotations

from collections.abc import Sequence

from darkroom.dialects.job_answers import read_list, read_report
from darkroom.dialects.job_wire import JobReport, JobWire, Listed
from darkroom.dialects.openai_chat.failures import decode_error
from darkroom.dialects.openai_videos.asked import (
    AskedFor,
    decode_form,
    decode_json,
    decode_remix,
    field_kind,
    with_files,
)
from darkroom.dialects.openai_videos.request import (
    NAME,
    cancel,
    deletion,
    idempotent,
    listing,
    look,
    submit,
)
from darkroom.dialects.openai_videos.ways import WAYS, Ways, ways
from darkroom.dialects.openai_videos.writer import encode_deleted, encode_list, encode_video, film_of
from darkroom.lifted import Lifts
from darkroom.providers import Target


def looked(body: bytes, lifts: Lifts, target: Target) -> JobReport:
    """Read how a job is. Raises `UpstreamBroken`."""
    content = ways(target.provider.options).content
    return read_report(body, lifts, target.provider.base_url, content or None)


def listed(body: bytes, target: Target) -> Sequence[Listed]:
    """Read the list of jobs. Raises `UpstreamBroken`."""
    return read_list(body)


WIRE = JobWire(
    submit=submit,
    submitted=looked,
    look=look,
    looked=looked,
    error=decode_error,
    cancel=cancel,
    deletion=deletion,
    listing=listing,
    listed=listed,
    idempotent=idempotent,
)

__all__ = [
    "NAME",
    "WAYS",
    "WIRE",
    "AskedFor",
    "Ways",
    "decode_form",
    "decode_json",
    "decode_remix",
    "encode_deleted",
    "encode_list",
    "encode_video",
    "field_kind",
    "film_of",
    "ways",
    "with_files",
]
