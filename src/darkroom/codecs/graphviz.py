"""Graphs as Graphviz reads them, whatever stands in their labels.

A quoted string of DOT ends at the first `"` that has no backslash before it; the layout programs then read escapes
(`\\N`, `\\n`) and, in labels, entities (`&lt;`). So every name and value is quoted, its backslashes are doubled, a
label's `&` is written as an entity, and what no picture can show (control characters, half surrogates) is a space.
Format: https://graphviz.org/doc/info/lang.html, https://graphviz.org/docs/attr-types/escString/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from unicodedata import category

_UNSHOWN = {"Cc", "Cs"}


@dataclass(frozen=True, slots=True)
class Node:
    """A node: its name, the lines of its label, and other attributes by name."""

    name: str
    lines: tuple[str, ...]
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Arrow:
    """An edge between two nodes, by their names."""

    tail: str
    head: str
    attributes: Mapping[str, str] = field(default_factory=dict)


def write_digraph(name: str, nodes: Iterable[Node], arrows: Iterable[Arrow], **defaults: Mapping[str, str]) -> str:
    """Return a directed graph as DOT. `defaults` are attributes of every `graph`, `node` or `edge`."""
    lines = [f"  {kind}{_list(attributes)};" for kind, attributes in defaults.items()]
    lines += [f"  {quoted(node.name)}{_list({'label': node.lines, **node.attributes})};" for node in nodes]
    lines += [f"  {quoted(arrow.tail)} -> {quoted(arrow.head)}{_list(arrow.attributes)};" for arrow in arrows]
    return "\n".join([f"digraph {quoted(name)} {{", *lines, "}", ""])


def quoted(text: str) -> str:
    """Return a text as a quoted string that means exactly it, save for what can't be shown."""
    shown = "".join(" " if category(char) in _UNSHOWN else char for char in text)
    return '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _list(attributes: Mapping[str, str | tuple[str, ...]]) -> str:
    if not attributes:
        return ""
    return f" [{', '.join(f'{name}={_value(value)}' for name, value in attributes.items())}]"


def _value(value: str | tuple[str, ...]) -> str:
    """Return an attribute's value; that of a label is lines."""
    if isinstance(value, str):
        return quoted(value)
    return '"' + "\\n".join(quoted(line.replace("&", "&amp;"))[1:-1] for line in value) + '"'
