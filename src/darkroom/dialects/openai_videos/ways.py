"""How the servers that speak OpenAI's Videos API differ, as rows.

A provider's option `server` names a row; its other options change single fields of it:

    options = { server = "relay", content = "/video/{id}/raw", idempotency_key = true }

Sources: OpenAI `types/video*.py`; vLLM-Omni `entrypoints/openai/protocol/videos.py`; SGLang
`multimodal_gen/runtime/entrypoints/openai/protocol.py`; new-api `dto/openai_video.go`; LocalAI's `POST /video`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal
from urllib.parse import quote

from darkroom.errors import ConfigInvalid

Body = Literal["form", "json", "either"]
"""In which form is asked: always as a form, always as JSON, or as a form only where a file goes along."""


@dataclass(frozen=True, slots=True)
class Ways:
    """One kind of server. Paths lie below the provider's base URL, `{id}` in them is the job's; "" is: it has none.

    `picture` and `film` say where a link or a data URI goes, as a path (`input_reference.image_url`, `images[]`);
    `picture_file` and `film_file` name the fields of a form that take files.
    """

    create: str = "/videos"
    look: str = "/videos/{id}"
    content: str = "/videos/{id}/content"
    remix: str = "/videos/{id}/remix"
    list: str = "/videos?limit=100&order=desc"
    cancel: str = ""
    delete: str = "/videos/{id}"
    body: Body = "form"
    picture: str = "input_reference.image_url"
    picture_file: str = "input_reference"
    film: str = ""
    film_file: str = ""
    tables: Literal["brackets", "json"] = "brackets"
    """How a form writes what JSON would nest: `input_reference[image_url]`, or the table as JSON."""
    bare: bool = False
    """Whether media in JSON is base64 alone, not a data URI."""
    seconds: str = "seconds"
    numbers: bool = False
    """Whether lengths are numbers in JSON; OpenAI's are text."""
    idempotency_key: bool = False
    """Whether the header `Idempotency-Key` makes the same job of two submissions."""


WAYS: Mapping[str, Ways] = {
    "openai": Ways(film_file="input_reference"),
    "vllm-omni": Ways(
        remix="",
        picture="image_reference.image_url",
        film="video_reference.video_url",
        tables="json",
    ),
    "sglang": Ways(remix="", body="either", picture="reference_url"),
    "new-api": Ways(list="", delete="", picture="images[]", body="either"),
    "relay": Ways(list="", delete="", picture="input_reference"),
    "create-query": Ways(
        create="/video/create",
        look="/video/query?id={id}",
        content="",
        remix="",
        list="",
        delete="",
        body="json",
        picture="images[]",
        picture_file="",
        seconds="duration",
        numbers=True,
    ),
    "localai": Ways(
        create="/video",
        look="",
        content="",
        remix="",
        list="",
        delete="",
        body="json",
        picture="start_image",
        picture_file="",
        bare=True,
    ),
}
"""By the option `server`. `localai` answers when the film is there, and has no jobs."""

_NAMES = {item.name for item in fields(Ways)}


def ways(options: Mapping[str, Any]) -> Ways:
    """Return how a provider's server is asked. Raises `ConfigInvalid` for one that is not known."""
    server = options.get("server", "openai")
    if server not in WAYS:
        raise ConfigInvalid(f"there is no video server `{server}`; known: {', '.join(WAYS)}")
    row = WAYS[server]
    changed = {name: value for name, value in options.items() if name in _NAMES}
    for name, value in changed.items():
        if type(value) is not type(getattr(row, name)):
            raise ConfigInvalid(f"the option `{name}` of a video server can't be {value!r}")
    return replace(row, **changed)


def path_of(pattern: str, id: str) -> str:
    """Return a path with a job's id in it. Ids of relays have colons, which a path may hold as they are."""
    return pattern.replace("{id}", quote(id, safe=":"))
