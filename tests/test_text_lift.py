from __future__ import annotations

import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cuts import NONCE, new_lifts, same_for_all_cuts
from darkroom.codecs.text_lift import TextLifter
from darkroom.errors import TooLarge
from darkroom.lifted import Lifts

Result = tuple[str, list[str]]

PNG = base64.b64encode(random.Random(1).randbytes(70)).decode()
LONG = base64.b64encode(random.Random(2).randbytes(3000)).decode()
URI = "data:image/png;base64,"


def lift(chunks: list[str], lifts: Lifts) -> str:
    lifter = TextLifter(lifts)
    return "".join(lifter.decode(chunk) for chunk in chunks) + lifter.flush()


def result(chunks: list[str]) -> Result:
    """Return the text with readable placeholders, and what each run restores."""
    lifts = new_lifts()
    text = lift(chunks, lifts)
    runs = ["".join(chunk.decode() for chunk in run.restored()) for run in lifts._runs.values()]
    assert lifts.restore(text) == "".join(chunks)
    return text.replace(f"\x1alift:{NONCE}:", "<").replace("\x1a", ">"), runs


def wrapped(chars: str, width: int = 76, line_end: str = "\n") -> str:
    return line_end.join(chars[at : at + width] for at in range(0, len(chars), width))


@pytest.mark.parametrize(
    ("text", "lifted", "runs"),
    [
        ("", "", []),
        ("no picture: here", "no picture: here", []),
        (f"![x]({URI}{PNG})", f"![x]({URI}<0>)", [PNG]),
        (f"a ![x]({URI}{PNG}) b\n![y]({URI}{LONG})", f"a ![x]({URI}<0>) b\n![y]({URI}<1>)", [PNG, LONG]),
        (f'<img src="{URI}{PNG}">', f'<img src="{URI}<0>">', [PNG]),
        (f"![x]({URI}{PNG} 'a title')", f"![x]({URI}<0> 'a title')", [PNG]),
        (URI + LONG, f"{URI}<0>", [LONG]),
        (f"DATA:Image/PNG;Base64,{PNG}.", "DATA:Image/PNG;Base64,<0>.", [PNG]),
        (f"(data:a/b+c;charset=utf-8;base64,{PNG})", "(data:a/b+c;charset=utf-8;base64,<0>)", [PNG]),
        (f"dada:data:{URI}{PNG}", f"dada:data:{URI}<0>", [PNG]),
        (f"metadata:d,{URI}QQ==", f"metadata:d,{URI}<0>", ["QQ=="]),
        (f"({URI}iVBORw0…………)", f"({URI}<0>…………)", ["iVBORw0"]),
        (f"({URI})", f"({URI})", []),
        (f"{URI}...", f"{URI}...", []),
        (URI, URI, []),
        (f"{URI}{URI}{PNG}", f"{URI}<0>:image/png;base64,{PNG}", ["data"]),
        ("data:image/png;base64", "data:image/png;base64", []),
        ("data:;base64,AAAA", "data:;base64,AAAA", []),
        (f'{{"b64_json": "{PNG}"}}', '{"b64_json": "<0>"}', [PNG]),
        (
            f'{{"data":[{{"b64_json":"{LONG}"}},{{"b64_json" : "{PNG}"}}]}}',
            '{"data":[{"b64_json":"<0>"},{"b64_json" : "<1>"}]}',
            [LONG, PNG],
        ),
        ('the "b64_json" field', 'the "b64_json" field', []),
        ("data:text/plain,hello", "data:text/plain,hello", []),
        ("the data: it is", "the data: it is", []),
        (f"({URI}QQ===)", f"({URI}<0>=)", ["QQ=="]),
        (f"({URI}QQ==QQ==)", f"({URI}<0>QQ==)", ["QQ=="]),
        (f"({URI}=QQ)", f"({URI}=QQ)", []),
        (f"({URI}A-B_)", f"({URI}<0>)", ["A-B_"]),
        (f"({URI}\n{wrapped(LONG)}\n)", f"({URI}<0>\n)", ["\n" + wrapped(LONG)]),
        (f"({URI}{wrapped(LONG, 76, chr(13) + chr(10))})", f"({URI}<0>)", [wrapped(LONG, 76, "\r\n")]),
        (f"({URI}AA AA\tAA\nA=)", f"({URI}<0>)", ["AA AA\tAA\nA="]),
        (f"({URI}AAAA{' ' * 65}AAAA)", f"({URI}<0>{' ' * 65}AAAA)", ["AAAA"]),
        (f"({URI}AAAA{' ' * 64}AAAA)", f"({URI}<0>)", [f"AAAA{' ' * 64}AAAA"]),
        (f"{URI}{wrapped(PNG, 64)}\nHere it is.", f"{URI}<0>\nHere it is.", [wrapped(PNG, 64)]),
        (f"{URI}{PNG[:64]} Here it is", f"{URI}<0> Here it is", [PNG[:64]]),
        (f"{URI}{PNG[:64]}\nand {PNG}", f"{URI}<0>\nand {PNG}", [PNG[:64]]),
        (f"{URI}{PNG[:64]}\n{PNG[:20]}", f"{URI}<0>", [PNG[:64] + "\n" + PNG[:20]]),
        (f"{URI} goes before the base64", f"{URI} goes before the base64", []),
        (f"{URI}AAAA图", f"{URI}<0>图", ["AAAA"]),
        (f"\x1alift:{NONCE}:7\x1a", "<7>", []),
        (f"({URI}\x1alift:{NONCE}:7\x1a)", f"({URI}<7>)", []),
        (f"({URI}QUJD\x1alift:{NONCE}:7\x1aQUJD)", f"({URI}<0><7>QUJD)", ["QUJD"]),
        (f"({URI}QUJD\x1alift:n0", f"({URI}<0>>lift:n0", ["QUJD"]),
        (f"({URI}QUJD \x1alift:other:0\x1a)", f"({URI}<0> >lift:other:0>)", ["QUJD"]),
    ],
)  # fmt: skip
def test_texts(text: str, lifted: str, runs: list[str]) -> None:
    assert same_for_all_cuts(text, result) == (lifted, runs)


TOKENS = st.sampled_from(
    [URI, "data:", "data:image/", ";base64,", "d", "da", "DATA", ":", "(", ")", '"', " ", "\n", "\r\n", "=",
     "==", "…", PNG, LONG[:400], wrapped(LONG[:400]), "words and more", "AAAA", "-", "_", "\x1a",
     f"\x1alift:{NONCE}:9\x1a"]
)  # fmt: skip


@given(st.lists(TOKENS, max_size=25).map("".join), st.integers(0, 99))
def test_the_cut_does_not_matter_and_all_is_restored(text: str, seed: int) -> None:
    same_for_all_cuts(text, result, seed, every=len(text) < 1500)


PARTS = st.lists(st.tuples(st.integers(4, 300), st.booleans()), min_size=1, max_size=6)


@given(PARTS, st.sampled_from([64, 10_000]), st.integers(0, 99))
def test_placeholders_are_pieces_of_the_payload(parts: list[tuple[int, bool]], width: int, seed: int) -> None:
    data = random.Random(seed).randbytes(sum(size for size, _ in parts))
    chars = wrapped(base64.b64encode(data).decode(), width)
    before, rest, text = list[str](), chars, f"![x]({URI}"
    for size, as_run in parts:
        piece, rest = rest[:size], rest[size:]
        if as_run:
            text += f"\x1alift:{NONCE}:{len(before)}\x1a"
            before.append(piece)
        else:
            text += piece

    def run(chunks: list[str]) -> tuple[str, bytes, str]:
        lifts = new_lifts()
        for piece in before:
            lifts.open().feed(piece.encode())
        out = lift(chunks, lifts)
        (placeholder,) = lifts._runs
        taken = lifts.take(placeholder)
        assert taken.error is None
        return out.replace(placeholder, "<>"), b"".join(taken.chunks()), taken.restore()

    out, decoded, restored = same_for_all_cuts(text + rest + ") d", run, seed)
    assert out == f"![x]({URI}<>) d"
    assert decoded == data
    assert restored == chars


def test_text_comes_as_soon_as_it_can_be_no_data_uri() -> None:
    lifter = TextLifter(new_lifts())
    assert lifter.decode("Here ![x](da") == "Here ![x]("
    assert lifter.decode("y and dat") == "day and "
    assert lifter.decode("a:image/png;base64,") == ""
    assert lifter.decode("AAAA") == ""
    assert lifter.decode(") more") == f"data:image/png;base64,\x1alift:{NONCE}:0\x1a) more"
    assert lifter.decode("data:" + "x" * 600) == ""
    assert lifter.decode("x" * 600) == "data:" + "x" * 1200
    assert lifter.flush() == ""


def test_little_is_held_back() -> None:
    lifter = TextLifter(new_lifts())
    lifter.decode(f"{URI}AAAA")
    for delta in ["BBBB", " ", "\n", "CC", "=="] * 200:
        lifter.decode(delta)
        assert len(lifter._held) < 200


def test_a_payload_over_the_limit_is_refused() -> None:
    with pytest.raises(TooLarge):
        lift([f"({URI}", *["AAAA" * 100] * 20], new_lifts(limit=1000))


def test_a_placeholder_is_no_continuation_of_itself() -> None:
    lifts = new_lifts()
    run = lifts.open()
    run.feed(b"QUJD")
    text = f"({URI}{run.placeholder * 2})"
    assert lift([text], lifts) == text


def test_the_runs_that_were_appended_are_let_go_of() -> None:
    lifts = new_lifts()
    first, second = lifts.open(), lifts.open()
    first.feed(b"QUJD")
    second.feed(b"REVG")
    out = lift([f"({URI}", first.placeholder, second.placeholder, ")"], lifts)
    assert out == f"({URI}{first.placeholder})"
    assert list(lifts._runs) == [first.placeholder]
    assert second.sink.discarded  # type: ignore[attr-defined]
