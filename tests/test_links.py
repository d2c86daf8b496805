"""Links and references: what in a text names media, found exactly, in linear time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom import ids
from darkroom.codecs.links import kind_by_name, make_link, media_id_of, references
from darkroom.lifted import Lifts
from darkroom.media import Media, MediaKind

ID = "media_01kb0x7f3ze6r8t1v5m2q4w9ac"
GEN = "gen_01kb0x7f3ze6r8t1v5m2q4w9ac"
LINK = f"http://127.0.0.1:8000/media/{ID}.png"


def row(media_id: str, mime: str = "image/png") -> Media:
    return Media(media_id, "local", "0" * 64, mime, 3, "generated", 0)


@pytest.mark.parametrize(
    ("base", "mime"), [("http://127.0.0.1:8000", "image/png"), ("https://h.example/p/", "video/mp4")]
)
def test_a_link_gives_its_id_back(base: str, mime: str) -> None:
    link = make_link(base, row(ID, mime))
    assert link == f"{base.rstrip('/')}/media/{ID}.{'png' if mime == 'image/png' else 'mp4'}"
    assert media_id_of(link) == ID


@pytest.mark.parametrize("url", [f"/media/{ID}.png", f"/media/{ID}", f"{LINK}?w=300", f"{LINK}#x", f" {LINK} "])
def test_other_spellings_of_a_link(url: str) -> None:
    assert media_id_of(url) == ID


@pytest.mark.parametrize(
    "url",
    [f"media/{ID}.png", f"/media/{ID[:-1]}.png", f"/media/{GEN}.png", f"/media/{ID}u.png", f"ftp://h{LINK[7:]}", "",
     f"https://h.example/?u=/media/{ID}.png", f"/media/media_{'u' * 26}.png"],
)  # fmt: skip
def test_what_is_no_link(url: str) -> None:
    assert media_id_of(url) is None


def found(text: str) -> list[tuple[str, str, str, bool]]:
    """Return what, value, construct and image of each reference, and check order and overlap."""
    result = references(text)
    ends = [0, *(reference.end for reference in result)]
    assert all(end <= reference.start <= reference.end for end, reference in zip(ends, result, strict=False))
    return [(ref.what, ref.value, text[ref.start : ref.end], ref.image) for ref in result]


@pytest.mark.parametrize(
    ("construct", "what", "value", "image"),
    [
        (f"![alt]({LINK})", "link", ID, True),
        (f'![a [b] c]({LINK} "title")', "link", ID, True),
        (f"![a](<{LINK}>)", "link", ID, True),
        (f"[text]({LINK}?w=3)", "link", ID, False),
        (f"[![a]({LINK}?w=3)](https://h.example/page)", "link", ID, True),
        (f"[![a](https://h.example/a.png)]({LINK})", "url", "https://h.example/a.png", True),
        (f"<{LINK}>", "link", ID, False),
        (LINK, "link", ID, False),
        (f"/media/{ID}.png", "link", ID, False),
        (f"<img alt='x' src='{LINK}'/>", "link", ID, True),
        (f'<video controls src="/media/{ID}.mp4"></video>', "link", ID, True),
        (f"<video controls>\n<source src={LINK}>\n</video>", "link", ID, True),
        (f"```html\n<video src='{LINK}'></video>\n```", "link", ID, True),
        ("![x](https://h.example/a)", "url", "https://h.example/a", True),
        ("![x](https://h.example/a_(1)?x=1\\u0026y=2)", "url", "https://h.example/a_(1)?x=1&y=2", True),
        ("[x](https://h.example/a.mp4?sig=1)", "url", "https://h.example/a.mp4?sig=1", False),
        ("https://h.example/a.png", "url", "https://h.example/a.png", False),
        ("![x](data:image/png;base64,\x1alift:n:0\x1a)", "data", "data:image/png;base64,\x1alift:n:0\x1a", True),
        ("![x](data:image/png;base64,\x1alift:n:0\x1a………)", "data", "data:image/png;base64,\x1alift:n:0\x1a", True),
        (f"![x](data:image/png;base64,iVBO………{'A' * 900}=)", "data", "data:image/png;base64,iVBO", True),
        ("![x](data:image/png;base64,iVBO\nRw0K==)", "data", "data:image/png;base64,iVBO\nRw0K==", True),
        ("data:image/png;base64,\x1alift:n:0\x1a", "data", "data:image/png;base64,\x1alift:n:0\x1a", False),
        ("data:image/jpg;base64,_9j-4AA=", "data", "data:image/jpg;base64,_9j-4AA=", False),
        ("<img src='data:image/png;base64,iVBO'>", "data", "data:image/png;base64,iVBO", True),
        (ID, "media", ID, False),
        (GEN, "generation", GEN, False),
        (f"`{GEN}`", "generation", GEN, False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("around", ["{}", "see {} now", "（{}），好", "[ ] {} ]", "one\n{}\ntwo"])
def test_each_construct(construct: str, what: str, value: str, image: bool, around: str) -> None:
    assert found(around.format(construct)) == [(what, value, construct, image)]


def test_a_sentence_around_a_bare_link_is_not_part_of_it() -> None:
    for text in (f"({LINK}).", f"**{LINK}**", f"{LINK}，好看吗？", f"{LINK}, and", f"“{LINK}”"):
        assert [(what, value, span) for what, value, span, _ in found(text)] == [("link", ID, LINK)]


def test_a_gen_id_in_a_foreign_construct_comes_first() -> None:
    text = f"x ![{GEN}](https://h.example/a.png)"
    first, second = references(text)
    assert (first.what, first.value, first.start, first.end) == ("generation", GEN, 2, 2)
    assert (second.what, second.alt, text[second.start : second.end]) == ("url", GEN, text[2:])
    assert [kind for kind, *_ in found(f"![{GEN}]({LINK})")] == ["link"]


@pytest.mark.parametrize(
    "text",
    ["", "plain", "[a](https://h.example/page)", "https://h.example/", "user-x_gen_01kb0x7f3ze6r8t1v5m2q4w9ac.mp4",
     "![x](poster.webp)", "data: nothing", "data:text;base64", "<video>", "<img>", "gen_123"],
)  # fmt: skip
def test_what_names_nothing(text: str) -> None:
    assert found(text) == []


def test_what_a_lifted_text_names() -> None:
    lifts = Lifts(lambda: pytest.fail("no sink is needed"), "ab")
    text = f"![x](data:image/png;base64,{lifts.prefix}7\x1a)"
    (reference,) = references(text)
    assert reference.value == f"data:image/png;base64,{lifts.prefix}7\x1a"


def test_kinds_by_name() -> None:
    assert kind_by_name("https://h.example/a.JPEG?x=.mp4") is MediaKind.IMAGE
    assert kind_by_name("https://h.example/a%2Fmd.mp4#t") is MediaKind.VIDEO
    assert kind_by_name("https://h.example/a.pdf") is None
    assert kind_by_name("https://h.example/png") is None


@pytest.mark.parametrize(
    "unit",
    ["![", "<", "(", "[", "](", "![](", "[](<", "<img ", "<img src=a ", "<video>", "data:", "data:a/b;base64,",
     "](data:a/b;base64,A",
     "https://", "```html\n", "```<video ", "gen_0", "/media/media_0", "](a ", "[]",
     "\\u0026", "![a](b", "<source ", "[![", "`"],
)  # fmt: skip
def test_hostile_text_is_linear_work(unit: str) -> None:
    # A quadratic pattern would take hours here; nothing is timed.
    for text in (unit * (1_000_000 // len(unit)), unit + "a" * 1_000_000, "a " * 300_000 + unit * 50_000):
        assert len(references(text)) <= len(text) // 12


media_ids = st.builds(ids.typeid, st.just("media"), st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
prose = st.text(st.characters(codec="utf-8", exclude_characters="[]()<>`/:\\_"), max_size=40)


@given(
    prose, prose, media_ids, st.sampled_from(["image/png", "video/mp4"]), st.sampled_from(["{}", "![a]({})", "[a]({})"])
)
def test_a_link_in_any_text_is_found_exactly(before: str, after: str, media_id: str, mime: str, form: str) -> None:
    link = make_link("https://h.example", row(media_id, mime))
    construct = form.format(link)
    text = f"{before} {construct} {after}"
    (reference,) = references(text)
    assert (reference.what, reference.value, reference.image) == ("link", media_id, form.startswith("!"))
    assert text[reference.start : reference.end] == construct


@given(st.text("![]()<>`ab:/\x1a\n", max_size=60))
def test_references_are_in_order_whatever_the_text(text: str) -> None:
    found(text + LINK + text)
