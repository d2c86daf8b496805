"""Videos API requests, written to upstreams: a new film, a remix, and the questions about a job.

What a client of the same dialect asked for goes along as it wrote it; what comes from another one is told in OpenAI's
two words, `seconds` and `size`, and in those that the profile names. Several pictures go where a server takes a list;
elsewhere the one that matters most.
Format: https://platform.openai.com/docs/api-reference/videos
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from darkroom.dialects.job_wire import Given, JobRequest
from darkroom.dialects.multipart import FormFile, FormText, form
from darkroom.dialects.openai_videos.ways import Ways, path_of, ways
from darkroom.dialects.video_params import VideoParams, nearest, nearest_size, video_params
from darkroom.dialects.wire import JsonWriter, UpstreamRequest
from darkroom.errors import UnsupportedPart
from darkroom.media import MediaKind
from darkroom.profiles import Profile
from darkroom.providers import Target

NAME = "openai-videos"

_ROLES = ("first_frame", "edited", "character", "style", "reference")
_DECIDED_HERE = frozenset({"model", "prompt", "input_reference", "image_reference", "video_reference", "stream"})
_GET: dict[str, str] = {}


def submit(request: JobRequest, target: Target) -> UpstreamRequest:
    """Write the request that begins a film. Raises `UnsupportedPart` for media that the server can't be given."""
    way = ways(target.provider.options)
    if (edited := _remixed(request, way)) is not None:
        written = UpstreamRequest(path_of(way.remix, edited), JsonWriter().pieces({"prompt": request.prompt}))
    else:
        written = _created(request, target, way)
    key = {"idempotency-key": request.key} if request.key else {}
    return UpstreamRequest(written.path, written.pieces, headers={**written.headers, **key})


def look(id: str, target: Target) -> UpstreamRequest:
    return UpstreamRequest(path_of(ways(target.provider.options).look, id), method="GET", headers=_GET)


def cancel(id: str, target: Target) -> UpstreamRequest | None:
    way = ways(target.provider.options)
    return UpstreamRequest(path_of(way.cancel, id), headers=_GET) if way.cancel else None


def deletion(id: str, target: Target) -> str | None:
    way = ways(target.provider.options)
    return path_of(way.delete, id) if way.delete else None


def listing(target: Target, after: str | None = None) -> UpstreamRequest | None:
    way = ways(target.provider.options)
    if not way.list:
        return None
    page = f"{'&' if '?' in way.list else '?'}after={quote(after, safe=':')}" if after else ""
    return UpstreamRequest(f"{way.list}{page}", method="GET", headers=_GET)


def idempotent(target: Target) -> bool:
    return ways(target.provider.options).idempotency_key


def _remixed(request: JobRequest, way: Ways) -> str | None:
    """Return the upstream's id of the film that is to be changed, where the upstream made it and can do that."""
    films = (each for each in request.given if each.role == "edited" and each.media.kind is MediaKind.VIDEO)
    return next((each.upstream_id for each in films if each.upstream_id), None) if way.remix else None


def _created(request: JobRequest, target: Target, way: Ways) -> UpstreamRequest:
    fields = {"model": target.model, "prompt": request.prompt, **_fields(request, target.profile, way)}
    chosen = _chosen(request.given, way)
    files = [] if way.body == "json" else [FormFile(name, each.media) for each, name in _files(chosen, way)]
    linked = [each for each in chosen if all(file.media is not each.media for file in files)]
    if way.body == "json" or (way.body == "either" and not files) or not all(_fits_form(each, way) for each in linked):
        return _as_json(way, fields, linked)
    written = form({**fields, **_linked_fields(linked, way)}, [*files, *_tables(linked, way)])
    return UpstreamRequest(way.create, written.pieces, headers={"content-type": written.content_type})


def _fits_form(given: Given, way: Ways) -> bool:
    return given.url is not None or (way.tables == "json" and "." in _place(given, way))


def _fields(request: JobRequest, profile: Profile, way: Ways) -> dict[str, Any]:
    wanted = video_params(request.params)
    if request.dialect == NAME:
        asked = {name: value for name, value in request.params.items() if name not in _DECIDED_HERE}
        if "seconds" in asked and (way.seconds != "seconds" or way.numbers):
            del asked["seconds"]
            asked[way.seconds] = _seconds(wanted, profile, way)
        return {name: value for name, value in asked.items() if value is not None}
    words = dict(profile.words)
    fields: dict[str, Any] = {word: getattr(wanted, name, None) for name, word in words.items()}
    fields[way.seconds] = _seconds(wanted, profile, way)
    fields["size"] = _size(wanted, profile, told="ratio" in words or "resolution" in words)
    return {name: value for name, value in fields.items() if value is not None}


def _seconds(wanted: VideoParams, profile: Profile, way: Ways) -> int | str | None:
    if wanted.seconds is None:
        return None
    seconds = nearest(wanted.seconds, profile.durations) if profile.durations else wanted.whole_seconds
    return seconds if way.numbers else str(seconds)


def _size(wanted: VideoParams, profile: Profile, *, told: bool) -> str | None:
    """Return the size to ask for; None leaves it to the upstream. `told`: its shape stands in other words already."""
    size = wanted.size()
    if size is None or (told and not wanted.width):
        return None
    return nearest_size(*size, profile.sizes) if profile.sizes else "{}x{}".format(*size)


# What a film is made from


def _chosen(given: Sequence[Given], way: Ways) -> list[Given]:
    """Return the media that goes along: one film, and as many pictures as there is room for."""
    ordered = sorted((each for each in given if each.role in _ROLES), key=lambda each: _ROLES.index(each.role))
    pictures = [each for each in ordered if each.media.kind is MediaKind.IMAGE]
    films = [each for each in ordered if each.media.kind is MediaKind.VIDEO]
    if films and not (way.film or way.film_file):
        raise UnsupportedPart("this model takes pictures, and no video, to make a video from")
    if pictures and not (way.picture or way.picture_file):
        raise UnsupportedPart("this model makes videos of words alone")
    if films and way.film_file and way.film_file == way.picture_file:
        pictures = []  # One place for one of both; the film is what is to be changed.
    return films[:1] + (pictures if way.picture.endswith("[]") else pictures[:1])


def _files(chosen: Sequence[Given], way: Ways) -> list[tuple[Given, str]]:
    """Return the media that goes as files, with the names of their fields."""
    found: list[tuple[Given, str]] = []
    for each in chosen:
        film = each.media.kind is MediaKind.VIDEO
        name, link = (way.film_file, way.film) if film else (way.picture_file, way.picture)
        if name and not (each.url and link):
            found.append((each, name))
    return found


def _as_json(way: Ways, fields: Mapping[str, Any], given: Sequence[Given]) -> UpstreamRequest:
    writer = JsonWriter()
    body = dict(fields)
    for each in given:
        _put(body, _place(each, way), each.url or writer.inline(each.media, uri=not way.bare))
    return UpstreamRequest(way.create, writer.pieces(body))


def _linked_fields(given: Sequence[Given], way: Ways) -> dict[str, Any]:
    """Return the fields of a form that are links, or tables in brackets."""
    fields: dict[str, Any] = {}
    for each in given:
        if "." not in _place(each, way) or way.tables == "brackets":
            _put(fields, _place(each, way), each.url)
    return fields


def _tables(given: Sequence[Given], way: Ways) -> list[FormText]:
    """Return the fields of a form that are JSON: a link, or the media itself as a data URI."""
    found = []
    for each in given:
        name, _, key = _place(each, way).partition(".")
        if key and way.tables == "json":
            writer = JsonWriter()
            found.append(FormText(name, writer.pieces({key: each.url or writer.inline(each.media)})))
    return found


def _place(given: Given, way: Ways) -> str:
    return way.film if given.media.kind is MediaKind.VIDEO else way.picture


def _put(body: dict[str, Any], place: str, value: Any) -> None:
    """Put a value at a place: `images[]`, `input_reference.image_url`, `start_image`."""
    name, _, key = place.partition(".")
    if place.endswith("[]"):
        body.setdefault(place.removesuffix("[]"), []).append(value)
    else:
        body[name] = {key: value} if key else value
