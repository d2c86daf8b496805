"""Trees of generations as lines of text, with branches drawn in front."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from darkroom.codecs.links import make_link
from darkroom.database import Kept
from darkroom.forest import Forest
from darkroom.generation import Generation, Input
from darkroom.lineage import Edge, shortened, size_of

_PROMPT = 48
_MARK = "◀"


def drawn(forest: Forest, public_url: str, marked: str | None = None) -> Iterator[str]:
    """Yield the trees, a line for each node, roots with their owner; `marked` is a generation or an upload."""
    waiting = [(root, "", "") for root in reversed(forest.roots)]
    while waiting:
        id, head, indent = waiting.pop()
        yield head + " ".join([*_words(forest, id, public_url), *([_MARK] if id == marked else [])])
        branches = [edge.target for edge in forest.branches.get(id, ())]
        for child in reversed(branches):
            last = child == branches[-1]
            waiting.append((child, f"{indent}{'└─' if last else '├─'} ", f"{indent}{'  ' if last else '│ '} "))


def _words(forest: Forest, id: str, public_url: str) -> Iterator[str]:
    if (upload := forest.graph.uploads.get(id)) is not None:
        yield from _upload(upload, public_url)
        return
    generation = forest.graph.generations[id]
    hanging = forest.hanging.get(id)
    if hanging is not None and hanging.role != "edited":
        yield f"({hanging.role})"
    yield from _generation(generation, public_url)
    yield from (f"+ {_named(item)}" for item in _further(generation, hanging))
    if hanging is None:
        yield generation.owner


def _upload(upload: Kept, public_url: str) -> Iterator[str]:
    media = upload.media
    yield media.id
    yield shortened(media.filename or media.origin, _PROMPT)
    yield size_of(media)
    yield _time(media.created)
    yield "deleted" if upload.deleted is not None else make_link(public_url, media)
    yield media.owner


def _generation(generation: Generation, public_url: str) -> Iterator[str]:
    yield generation.id
    yield f'"{shortened(generation.prompt, _PROMPT)}"'
    yield f"{generation.provider}/{generation.model}"
    yield from dict.fromkeys(map(size_of, generation.outputs))
    yield _time(generation.created)
    match generation.status:
        case "completed":
            pass
        case "running" if generation.progress is not None:
            yield f"running {generation.progress}%"
        case status:
            yield status
    yield from (make_link(public_url, media) for media in generation.outputs)


def _further(generation: Generation, hanging: Edge | None) -> Iterator[Input]:
    """Yield the inputs besides the one that a generation hangs on."""
    shown = hanging is None
    for item in generation.inputs:
        if shown or hanging is None or (item.role, item.media) != (hanging.role, hanging.media):
            yield item
        else:
            shown = True


def _named(item: Input) -> str:
    return f"{item.role} {item.media or item.generation or 'of something that is not here'}"


def _time(ms: int) -> str:
    """Return a time of this machine's clock, to the minute."""
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
