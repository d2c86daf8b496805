"""A strict reader of DOT: the part of its grammar that Darkroom writes, and nothing else.

Grammar: https://graphviz.org/doc/info/lang.html. What a label says is read as the layout programs do it: escapes, then
entities.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r'\s*(?:(?P<quoted>"(?:[^"\\\n]|\\[^\n])*")|(?P<word>[A-Za-z_]\w*)|(?P<mark>->|[{}\[\],;=]))', re.ASCII
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_KINDS = {"graph", "node", "edge"}


@dataclass
class Drawn:
    """A graph as it was read: nodes and edges with their attributes, unescaped; labels as their lines."""

    nodes: dict[str, dict[str, str]] = field(default_factory=dict)
    edges: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    defaults: dict[str, dict[str, str]] = field(default_factory=dict)

    def lines(self, name: str) -> list[str]:
        return [html.unescape(line) for line in self.nodes[name]["label"].split("\n")]


def read_dot(text: str) -> Drawn:
    """Read a whole document. Raises `ValueError` where it is no DOT, or defines a node twice."""
    tokens = list(_tokens(text))
    drawn = Drawn()
    if tokens[0] != "digraph" or tokens[2] != "{" or tokens[-1] != "}":
        raise ValueError("not a digraph")
    _string(tokens[1])
    rest = tokens[3:-1]
    while rest:
        rest = _statement(rest, drawn)
    for tail, head, _ in drawn.edges:
        if not {tail, head} <= set(drawn.nodes):
            raise ValueError(f"{tail} -> {head} leads nowhere")
    return drawn


def _tokens(text: str) -> Iterator[str]:
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"no DOT: {text[position : position + 40]!r}")
        yield match[0].strip() if match["quoted"] is None else match["quoted"]
        position = match.end()


def _statement(tokens: list[str], drawn: Drawn) -> list[str]:
    name, *rest = tokens
    if name in _KINDS:
        drawn.defaults[name], rest = _attributes(rest)
    elif rest[0] == "->":
        attributes, left = _attributes(rest[2:])
        drawn.edges.append((_string(name), _string(rest[1]), attributes))
        rest = left
    else:
        if _string(name) in drawn.nodes:
            raise ValueError(f"{name} is there twice")
        drawn.nodes[_string(name)], rest = _attributes(rest)
    if rest[0] != ";":
        raise ValueError(f"a statement does not end: {rest[:3]}")
    return rest[1:]


def _attributes(tokens: list[str]) -> tuple[dict[str, str], list[str]]:
    found: dict[str, str] = {}
    if tokens[0] != "[":
        return found, tokens
    while tokens[0] != "]":
        _, name, equals, value, *tokens = tokens
        if equals != "=" or not name.isidentifier() or tokens[0] not in {",", "]"}:
            raise ValueError(f"no attribute: {name}{equals}{value}")
        found[name] = _string(value)
    return found, tokens[1:]


def _string(token: str) -> str:
    """Return what a quoted string means; an escape that names something of the graph would be a leak of ours."""
    if token[:1] != '"':
        raise ValueError(f"not quoted: {token}")
    return _ESCAPE.sub(_unescaped, token[1:-1])


def _unescaped(match: re.Match[str]) -> str:
    known = {"\\": "\\", '"': '"', "n": "\n"}
    if match[1] not in known:
        raise ValueError(f"an escape that means something else: {match[0]}")
    return known[match[1]]
