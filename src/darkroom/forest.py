"""The forest of all generations, for the operator: whose tree something stands in, and the newest trees.

A generation hangs on what it edits, or else on the first thing that it was made from, so that each stands in one place
although it may have been made from several. Roots are generations made from nothing, and uploads.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from darkroom.database import Database
from darkroom.errors import NotFound
from darkroom.generation import Generation
from darkroom.lineage import MOST, Edge, Graph, bounded, describe_edges, describe_node, distances, edges_to


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees by their roots, the newest first. `hanging` is the edge on which a generation hangs, `branches` are those
    that lead away from a node in its tree, oldest first."""

    graph: Graph
    roots: tuple[str, ...]
    hanging: Mapping[str, Edge]
    branches: Mapping[str, tuple[Edge, ...]]

    def node_of(self, id: str | None) -> str | None:
        """Return the node that a generation's or media's id means, if it stands in one of the trees."""
        if id is None or id in self.graph.generations or id in self.graph.uploads:
            return id
        made = (each.id for each in self.graph.generations.values() if id in {media.id for media in each.outputs})
        return next(made, None)


async def newest_trees(database: Database, roots: int, most: int = MOST) -> Forest:
    """Return the trees of the newest generations that were made from no other, of at most `most` nodes."""
    return await _grown(database, await database.lineage.roots(roots), {}, most)


async def tree_of(database: Database, id: str, most: int = MOST) -> Forest:
    """Return the tree in which a generation or media stands, of at most `most` nodes. Raises `NotFound`."""
    rows = database.lineage
    known = next(iter(await rows.media(None, [id])), None)
    if known is not None and known.media.generation is None:
        seeds = await rows.of_upload(None, id, most + 1)
        return await _grown(database, seeds, {id: -1}, most) if seeds else _planted(Graph({}, {id: known}, ()))
    start = id if known is None else known.media.generation or id
    above = await rows.above(None, start, most + 1)
    if not above:
        raise NotFound(f"there is no generation and no media `{id[:64]}`")
    way, upload = _way_up(await rows.sketches(None, above), start)
    seeds = way[-1:] if upload is None else await rows.of_upload(None, upload, most + 1)
    fixed = {each: place - len(way) - 1 for place, each in enumerate(way)}
    return await _grown(database, seeds, {**fixed, **({upload: -1} if upload else {})}, most)


def describe_forest(forest: Forest, public_url: str) -> dict[str, Any]:
    """Return trees as programs read them."""
    nodes = [{**describe_node(each, public_url), "owner": each.owner} for each in forest.graph.generations.values()]
    return {
        "object": "forest",
        "roots": list(forest.roots),
        "generations": nodes,
        **describe_edges(forest.graph, public_url),
    }


async def _grown(database: Database, seeds: Sequence[str], fixed: Mapping[str, int], most: int) -> Forest:
    """Return what grows from generations. `fixed` are nodes that stay, whatever is left out: as distances below 0."""
    below = await database.lineage.below(None, seeds, most + 1)
    found = await database.lineage.sketches(None, [*dict.fromkeys((*fixed, *below))])
    steps = [(edge.source, edge.target) for edge in edges_to(found)]
    near = {**distances(seeds, steps, below), **fixed}
    return _planted(await bounded(database, None, found, near, most))


def _planted(graph: Graph) -> Forest:
    """Return the trees of a graph."""
    sources: defaultdict[str, list[Edge]] = defaultdict(list)
    for edge in graph.edges:
        sources[edge.target].append(edge)
    hanging = {id: _hold(edges) for id, edges in sources.items()}
    branches: defaultdict[str, list[Edge]] = defaultdict(list)
    for id in graph.generations:
        if id in hanging:
            branches[hanging[id].source].append(hanging[id])
    ages = {id: each.created for id, each in graph.generations.items() if id not in hanging}
    for id in graph.uploads:
        if id in branches or not graph.generations:
            ages[id] = max((graph.generations[edge.target].created for edge in branches[id]), default=0)
    roots = [id for _, id in sorted(((age, id) for id, age in ages.items()), reverse=True)]
    return Forest(graph, tuple(roots), hanging, {id: tuple(edges) for id, edges in branches.items()})


def _hold(edges: Sequence[Edge]) -> Edge:
    """Return the one of the edges to a generation on which it hangs."""
    return next((edge for edge in edges if edge.role == "edited"), edges[0])


def _way_up(found: Sequence[Generation], start: str) -> tuple[list[str], str | None]:
    """Return the generations from one up to the root of its tree, and the upload that this one began with."""
    known = {each.id: each for each in found}
    way = [start]
    while edges := [edge for edge in edges_to([known[way[-1]]]) if edge.is_upload or edge.source in known]:
        held = _hold(edges)
        if held.is_upload:
            return way, held.source
        if held.source in way:  # A circle: only rows that somebody else wrote can make one.
            break
        way.append(held.source)
    return way, None
