"""Lineage: what a generation was made from, and what was made from it.

Strategy. The database walks the edges and yields ids, the nearest first; then all that is known of those generations is
read at once, so that the number of queries does not grow with the graph. A graph is bounded: what lies farthest is
left out, and it says so. Nodes are generations, and the media that no generation made (uploads).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from darkroom.codecs.graphviz import Arrow, Node, write_digraph
from darkroom.codecs.links import make_link
from darkroom.database import Database, Kept
from darkroom.errors import NotFound
from darkroom.generation import Generation, Input, InputRole
from darkroom.generations import describe, describe_media
from darkroom.media import Media

MOST = 1000
"""Nodes of one graph."""

_LABEL = 60
_TOLD = ("id", "object", "status", "model", "prompt", "inputs", "media", "created_at")
"""What a graph says of a generation, of all that there is to say."""
_SIBLING = 2
"""How far a sibling is: up to a parent, and down again."""
_DEFAULTS = {
    "graph": {"rankdir": "TB"},
    "node": {"shape": "box", "style": "rounded", "fontname": "sans-serif", "fontsize": "10"},
    "edge": {"fontname": "sans-serif", "fontsize": "9"},
}


@dataclass(frozen=True, slots=True)
class Edge:
    """That something went into a generation (`target`): the `media` of a generation, or an upload."""

    source: str
    target: str
    role: InputRole
    media: str | None = None

    @property
    def is_upload(self) -> bool:
        return self.source == self.media


@dataclass(frozen=True, slots=True)
class Graph:
    """Generations and uploads by their ids, oldest first, and the edges between them in the order of each generation's
    inputs; `truncated` where something that belongs here was left out."""

    generations: Mapping[str, Generation]
    uploads: Mapping[str, Kept]
    edges: tuple[Edge, ...]
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Lineage:
    """One generation in its graph. `ancestors` and `descendants` are ids with their distance from it, the nearest
    first; `siblings` were made from something that it was made from."""

    graph: Graph
    id: str
    ancestors: Mapping[str, int]
    descendants: Mapping[str, int]
    siblings: tuple[str, ...]


async def lineage_of(database: Database, owner: str, id: str, most: int = MOST) -> Lineage:
    """Return the lineage of an owner's generation, of at most `most` nodes. Raises `NotFound`."""
    rows = database.lineage
    above = await rows.above(owner, id, most + 1)
    if not above:
        raise NotFound(f"you have no generation `{id[:64]}`")
    below = await rows.below(owner, [id], most + 1)
    beside = await rows.beside(owner, id, most + 1)
    found = await rows.sketches(owner, [*dict.fromkeys(chain(above, below, beside))])
    edges = edges_to(found)
    up = distances([id], [(edge.target, edge.source) for edge in edges], above)
    down = distances([id], [(edge.source, edge.target) for edge in edges], below)
    near = {each: min(up.get(each, _SIBLING), down.get(each, _SIBLING)) for each in beside}
    graph = await bounded(database, owner, found, {**up, **down, **near}, most)
    return Lineage(
        graph,
        id,
        {other: far for other, far in up.items() if far and other in graph.generations},
        {other: far for other, far in down.items() if far and other in graph.generations},
        tuple(each for each in graph.generations if each in near),
    )


def edges_to(generations: Iterable[Generation]) -> list[Edge]:
    """Return all edges that lead to generations, in the order of their inputs."""
    return [
        Edge(source, generation.id, item.role, item.media)
        for generation in generations
        for item in generation.inputs
        if (source := _source(item)) is not None
    ]


def _source(item: Input) -> str | None:
    return item.generation or item.media


def distances(starts: Sequence[str], steps: Iterable[tuple[str, str]], among: Iterable[str]) -> dict[str, int]:
    """Return how many of the `steps` each of the nodes `among` is away from the nearest start, which is 0 away; the
    nearest come first."""
    ways: defaultdict[str, list[str]] = defaultdict(list)
    for here, there in steps:
        ways[here].append(there)
    reachable = set(among)
    found = dict.fromkeys(starts, 0)
    queue = [*starts]
    for here in queue:  # It grows while it is read.
        for there in ways[here]:
            if there in reachable and there not in found:
                found[there] = found[here] + 1
                queue.append(there)
    return found


async def bounded(
    database: Database, owner: str | None, found: Sequence[Generation], near: Mapping[str, int], most: int
) -> Graph:
    """Return the graph of the `most` nearest of the generations that were found, and of the uploads that went into
    them; `near` are distances."""
    edges = edges_to(found)
    far = {each.id: near.get(each.id, most) for each in found}
    for edge in edges:
        if edge.is_upload:
            known = far.get(edge.source, near.get(edge.source, most))
            far[edge.source] = min(known, far[edge.target] + 1)
    kept = set(sorted(far, key=far.__getitem__)[:most])
    generations = {each.id: each for each in found if each.id in kept}
    ids = [edge.source for edge in edges if edge.is_upload and edge.source in kept]
    uploads = {each.media.id: each for each in await database.lineage.media(owner, [*dict.fromkeys(ids)])}
    here = generations.keys() | uploads.keys()
    between = tuple(edge for edge in edges if edge.source in here and edge.target in here)
    return Graph(generations, uploads, between, truncated=len(far) > most)


def describe_lineage(lineage: Lineage, public_url: str) -> dict[str, Any]:
    """Return a lineage as clients see it."""
    nodes = {id: describe_node(each, public_url) for id, each in lineage.graph.generations.items()}
    descendants = [{**nodes[id], "depth": depth} for id, depth in lineage.descendants.items()]
    return {
        "id": lineage.id,
        "object": "lineage",
        "generation": nodes[lineage.id],
        "ancestors": [{**nodes[id], "depth": depth} for id, depth in lineage.ancestors.items()],
        "children": [node for node in descendants if node["depth"] == 1],
        "descendants": descendants,
        "siblings": [nodes[id] for id in lineage.siblings],
        **describe_edges(lineage.graph, public_url),
    }


def describe_node(generation: Generation, public_url: str) -> dict[str, Any]:
    """Return what a graph says of a generation; the rest stands in `/v1/generations/{id}`."""
    whole = describe(generation, public_url)
    return {name: whole[name] for name in _TOLD}


def describe_edges(graph: Graph, public_url: str) -> dict[str, Any]:
    """Return what a graph says besides its generations."""
    edges = [{"from": edge.source, "to": edge.target, "role": edge.role, "media": edge.media} for edge in graph.edges]
    uploads = [_describe_upload(upload, public_url) for upload in graph.uploads.values()]
    return {"uploads": uploads, "edges": edges, "truncated": graph.truncated}


def _describe_upload(upload: Kept, public_url: str) -> dict[str, Any]:
    described = {**describe_media(upload.media, public_url), "filename": upload.media.filename, "deleted": False}
    return described if upload.deleted is None else {**described, "deleted": True, "url": None}


def as_dot(graph: Graph, public_url: str, marked: str | None = None) -> str:
    """Return a graph as Graphviz draws it: solid arrows from what was edited, dashed ones from what was looked at."""
    nodes = [_upload_node(each, public_url) for each in graph.uploads.values()]
    nodes += [_generation_node(each, public_url) for each in graph.generations.values()]
    shown = (Node(node.name, node.lines, {**node.attributes, **_mark(node.name == marked)}) for node in nodes)
    return write_digraph("lineage", shown, map(_arrow, graph.edges), **_DEFAULTS)


def shortened(text: str, most: int) -> str:
    """Return a text as one line of at most `most` characters, without what a terminal might obey."""
    shown = "".join(char if char.isprintable() else " " for char in text[: most * 8])
    line = " ".join(shown.split())
    return line if len(line) <= most and len(text) <= most * 8 else f"{line[: most - 1]}…"


def size_of(media: Media) -> str:
    return f"{media.width}x{media.height}" if media.width else media.mime


def _generation_node(generation: Generation, public_url: str) -> Node:
    facts = [f"{generation.provider}/{generation.model}", *map(size_of, generation.outputs)]
    if generation.status != "completed":
        facts.append(generation.status)
    lines = (shortened(generation.prompt, _LABEL), shortened(" ".join(facts), _LABEL), generation.id)
    url = {"URL": make_link(public_url, generation.outputs[0])} if generation.outputs else {}
    return Node(generation.id, lines, url)


def _upload_node(upload: Kept, public_url: str) -> Node:
    media, shape = upload.media, {"shape": "note", "style": "solid"}
    name = shortened(media.filename or media.origin, _LABEL)
    if upload.deleted is not None:
        return Node(media.id, (name, "deleted", media.id), shape)
    return Node(media.id, (name, size_of(media), media.id), {**shape, "URL": make_link(public_url, media)})


def _mark(marked: bool) -> dict[str, str]:
    return {"penwidth": "2.5"} if marked else {}


def _arrow(edge: Edge) -> Arrow:
    if edge.role == "edited":
        return Arrow(edge.source, edge.target, {"style": "solid"})
    return Arrow(edge.source, edge.target, {"style": "dashed", "label": edge.role})
