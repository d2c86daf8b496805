"""Videos API answers, written for clients: a generation as OpenAI's video object.

Beyond its fields there is `url`, our link to a finished film, where many clients of relays look for it. OpenAI knows
four states; what was cancelled or has expired is `failed` there, and its error says which.
Format: OpenAI `types/video.py`, `types/video_delete_response.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from darkroom.codecs.links import make_link
from darkroom.dialects.video_params import video_params
from darkroom.generation import Generation, Status
from darkroom.media import Media, MediaKind

_STATUS: Mapping[Status, str] = {
    "queued": "queued",
    "running": "in_progress",
    "completed": "completed",
    "imported": "completed",
    "failed": "failed",
    "cancelled": "failed",
    "expired": "failed",
}
_SAID: Mapping[Status, str] = {
    "failed": "the video could not be made",
    "cancelled": "the video was cancelled before it was done",
    "expired": "the video took too long, or the upstream let go of it",
}


def film_of(generation: Generation) -> Media | None:
    """Return the film that a generation made."""
    return next((media for media in generation.outputs if media.kind is MediaKind.VIDEO), None)


def encode_video(
    generation: Generation, public_url: str, *, remixed_from: str | None = None, expires: int | None = None
) -> dict[str, Any]:
    """Return a generation as a video object; `expires` in Unix ms, `remixed_from` the generation that it changes."""
    film, status = film_of(generation), _STATUS[generation.status]
    video = {
        "id": generation.id,
        "object": "video",
        "model": f"{generation.provider}/{generation.model}",
        "status": status,
        "progress": 100 if status == "completed" else generation.progress or 0,
        "created_at": generation.created // 1000,
        "completed_at": _seconds(generation.finished) if status == "completed" else None,
        "expires_at": _seconds(expires),
        "seconds": _length(generation, film),
        "size": _size(generation, film),
        "prompt": generation.prompt,
        "remixed_from_video_id": remixed_from,
        "error": _error(generation) if status == "failed" else None,
    }
    return {**video, "url": make_link(public_url, film)} if film is not None else video


def encode_list(videos: Sequence[Mapping[str, Any]], *, more: bool) -> dict[str, Any]:
    """Return video objects as a page of a list."""
    ids = [video["id"] for video in videos]
    ends = {"first_id": ids[0] if ids else None, "last_id": ids[-1] if ids else None}
    return {"object": "list", "data": list(videos), **ends, "has_more": more}


def encode_deleted(id: str) -> dict[str, Any]:
    return {"id": id, "object": "video.deleted", "deleted": True}


def _seconds(millis: int | None) -> int | None:
    return None if millis is None else millis // 1000


def _length(generation: Generation, film: Media | None) -> str | None:
    """Return how long the film is, or is to be; a film of 8.04 s has 8."""
    if film is not None and film.duration:
        return str(max(round(film.duration / 1000), 1))
    wanted = video_params(generation.params).whole_seconds
    return None if wanted is None else str(wanted)


def _size(generation: Generation, film: Media | None) -> str | None:
    if film is not None and film.width and film.height:
        return f"{film.width}x{film.height}"
    size = video_params(generation.params).size()
    return None if size is None else "{}x{}".format(*size)


def _error(generation: Generation) -> dict[str, Any]:
    error = generation.error or {}
    message = error.get("message") or _SAID.get(generation.status, "")
    return {"code": str(error.get("code") or generation.status), "message": str(message)}
