"""DOT: whatever stands in a name, a label or a link, the graph is read back as it was meant."""

from __future__ import annotations

from unicodedata import category

import pydot
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.codecs.graphviz import Arrow, Node, quoted, write_digraph
from dot import read_dot

NASTY = [
    'a "quoted" word',
    "ends with a backslash \\",
    'a backslash before a quote \\" and \\\\"',
    "\\N \\G \\n \\l \\L",
    "&lt;b&gt; &amp;amp; & < >",
    "<b>no HTML</b>",
    "画个牛马 🐈‍⬛ \u202e",
    "{a|b} -> [c]; // no /* comment */ #",
    "digraph",
    "",
]


def shown(text: str) -> str:
    """What of a text a picture can show."""
    return "".join(" " if category(char) in {"Cc", "Cs"} else char for char in text)


@pytest.mark.parametrize("text", NASTY)
def test_a_text_means_itself(text: str) -> None:
    graph = read_dot(write_digraph(text, [Node(text, (text, "below"), {"URL": text})], [Arrow(text, text)]))
    assert list(graph.nodes) == [text]
    assert graph.lines(text) == [text, "below"]
    assert graph.nodes[text]["URL"] == text
    assert graph.edges == [(text, text, {})]


@given(st.lists(st.text(st.characters(), max_size=40), min_size=1, max_size=4))
def test_any_text_means_itself(texts: list[str]) -> None:
    graph = read_dot(write_digraph("x", [Node("n", tuple(texts), {"URL": texts[0]})], []))
    assert graph.lines("n") == [shown(text) for text in texts]
    assert graph.nodes["n"]["URL"] == shown(texts[0])


def test_lines_are_lines_of_the_label_alone() -> None:
    graph = read_dot(write_digraph("x", [Node("n", ("one\ntwo\x00\x1b", "three"))], []))
    assert graph.lines("n") == ["one two  ", "three"]


def test_defaults_and_attributes() -> None:
    arrows = [Arrow("a", "b", {"style": "dashed", "label": "mask"}), Arrow("a", "b")]
    nodes = [Node("a", ("a",)), Node("b", ("b",))]
    graph = read_dot(write_digraph("x", nodes, arrows, graph={"rankdir": "LR"}, node={"shape": "box"}))
    assert graph.defaults == {"graph": {"rankdir": "LR"}, "node": {"shape": "box"}}
    assert graph.edges == [("a", "b", {"style": "dashed", "label": "mask"}), ("a", "b", {})]


@pytest.mark.parametrize("text", ['"a"b"', '"a\\', "a", '"\\N"'])
def test_the_reader_is_strict(text: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        read_dot(f"digraph {quoted('x')} {{ {text} [label={text}]; }}")


@pytest.mark.filterwarnings("ignore::DeprecationWarning:pydot")  # of pyparsing's older names
@pytest.mark.parametrize("text", NASTY)
def test_another_reader_reads_the_same(text: str) -> None:
    written = write_digraph("x", [Node("n", (text, "below"), {"URL": f"http://x/{text}"})], [Arrow("n", "n")])
    (graph,) = pydot.graph_from_dot_data(written) or []
    (node,) = graph.get_nodes()
    assert (node.get_name(), node.get_attributes()["URL"]) == (quoted("n"), quoted(f"http://x/{text}"))
    assert [(edge.get_source(), edge.get_destination()) for edge in graph.get_edges()] == [(quoted("n"),) * 2]
