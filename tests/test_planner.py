"""The rules: seed 001 turn by turn, the ways of pointing, and that no conversation whatever breaks them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darkroom.generation import InputRole
from darkroom.planner import OPERATIONS, Picture, Plan, Said, Scene, Use, plan
from darkroom.planner.lines import lines_told
from darkroom.planner.measures import count_of, ratio_of
from darkroom.planner.reading import Reading
from darkroom.planner.story import Story, pieces_of
from darkroom.planner.words import features, fold, hit, stem
from evals.cases import load


def chat(*turns: str | tuple[str, list[str]]) -> tuple[Scene, list[Plan]]:
    """Hold a conversation with the rules, in which every plan is carried out; return its last scene and all plans.

    The picture made in turn 2 is `2`, those of a turn that makes several `2.1`, `2.2`; uploads are `u2`, or `u2.1`.
    """
    pictures: list[Picture] = []
    past: list[Said] = []
    plans: list[Plan] = []
    scene = Scene("")
    for at, turn in enumerate(turns, 1):
        text, files = turn if isinstance(turn, tuple) else (turn, [])
        names = [f"u{at}"] if len(files) == 1 else [f"u{at}.{number}" for number in range(1, len(files) + 1)]
        sent = [Picture(name, at, text, None, (), file) for name, file in zip(names, files, strict=True)]
        known = {picture.id for picture in (*pictures, *sent)}
        named = tuple(name for name in re.findall(r"<(\S+)>", text) if name in known)
        text = re.sub(r"<\S+>", "", text).strip()
        scene = Scene(text, (*pictures, *sent), tuple(past), tuple(names), named)
        found = plan(scene)
        plans.append(found)
        pictures += sent
        made = _made(found, at)
        pictures += made
        shown = () if found.makes else tuple(use.id for use in found.uses)
        past.append(Said(text, tuple(names), tuple(picture.id for picture in made), shown))
    return scene, plans


def _made(found: Plan, at: int) -> list[Picture]:
    if not found.makes:
        return []
    edited = [use for use in found.uses if use.role == "edited"]
    groups = [(use, *[each for each in found.uses if each.role != "edited"]) for use in edited] or [found.uses]
    count = found.n * len(groups)
    names = [str(at)] if count == 1 else [f"{at}.{number}" for number in range(1, count + 1)]
    return [
        Picture(name, at, found.prompt, f"gen{name}", groups[number % len(groups)]) for number, name in enumerate(names)
    ]


def last(*turns: str | tuple[str, list[str]]) -> tuple[str, list[str]]:
    """Return the operation and the pictures of the last turn of a conversation."""
    _, plans = chat(*turns)
    return plans[-1].operation, sorted(use.id for use in plans[-1].uses)


def test_seed_001() -> None:
    turns = (
        "画个牛马",
        "牛的脸上遮个布",
        "最开始的图片改一下吧，让马的脸上遮个布",
        "我又改了，刚才牛遮布的那一条修改一下，让牛的头上顶着锅盖",
        "锅盖上再加根筷子",
    )
    _, plans = chat(*turns)
    assert [each.operation for each in plans] == ["generate", "edit", "edit", "edit", "edit"]
    assert [each.gen_id for each in plans] == [None, "gen1", "gen1", "gen2", "gen4"]
    prompts = ["画个牛马", "牛的脸上遮个布", "马的脸上遮个布", "牛的头上顶着锅盖", "锅盖上再加根筷子"]
    assert [each.prompt for each in plans] == prompts


ZOO = ("draw a cat on a sofa", "draw a dog on the beach", "give it a red hat")
"""1 is a cat, 2 a dog, 3 the dog with a hat."""

CHAIN = ("a castle at dawn", "add a dragon", "make it snow")
FOUR = ("four logo ideas for a bakery",)


@pytest.mark.parametrize(
    ("turns", "operation", "media"),
    [
        ((*ZOO, "make it darker"), "edit", ["3"]),
        ((*ZOO, "give the cat a bow tie"), "edit", ["1"]),
        ((*ZOO, "go back to the first picture and add a lamp"), "edit", ["1"]),
        ((*ZOO, "the last but one: add waves"), "edit", ["2"]),
        ((*ZOO, "undo"), "answer", ["2"]),
        ((*ZOO, "put the cat and the dog side by side in one picture"), "compose", ["1", "3"]),
        ((*ZOO, "show me the first one again"), "answer", ["1"]),
        ((*ZOO, "what colour is the sofa?"), "describe", ["1"]),
        ((*ZOO, "none of these, start over"), "generate", []),
        ((*ZOO, "again"), "edit", ["2"]),
        ((*ZOO, "thank you so much!"), "answer", []),
        ((*ZOO, "draw a horse in a field"), "generate", []),
        ((*ZOO, "make both of them black and white"), "edit", ["1", "3"]),
        ((*ZOO, "how many pictures have we made?"), "answer", []),
        ((*CHAIN, "go back to before the dragon and add a moon"), "edit", ["1"]),
        ((*CHAIN, "the one with the dragon but without snow, make it red"), "edit", ["2"]),
        ((*CHAIN, "the original, but at night"), "edit", ["1"]),
        ((*FOUR, "the third one, in blue"), "edit", ["1.3"]),
        ((*FOUR, "the second one is nice", "undo"), "answer", ["1.2"]),
        (("画一只猫", "画一只狗", "给猫戴个帽子"), "edit", ["1"]),
        (("画一只猫", "戴个帽子", "倒数第二张背景换成夜晚"), "edit", ["1"]),
        (("画一只猫", "戴个帽子", "没戴帽子的那张改成水彩"), "edit", ["1"]),
        (("画一只猫", "画一只狗", "把猫和狗放到同一张图里"), "compose", ["1", "2"]),
        (("画一只猫", "戴个帽子", "撤销"), "answer", ["1"]),
        (("画一只猫", "再来一张"), "generate", []),
        (("畫一隻貓", "戴個帽子", "原圖改成夜晚"), "edit", ["1"]),
        (("猫を描いて", "帽子をかぶせて", "最初の絵を夜にして"), "edit", ["1"]),
        (("dibuja un gato", "ponle un sombrero", "vuelve a la primera imagen y añade una luna"), "edit", ["1"]),
        ((("make this a cartoon", ["me.jpg"]), "now take my photo and make it a pencil drawing"), "edit", ["u1"]),
        ((("which of these is sharper?", ["a.jpg", "b.jpg"]),), "describe", ["u1.1", "u1.2"]),
        ((*ZOO, "<1> and <3> as one collage"), "compose", ["1", "3"]),
        ((*ZOO, "<1> add a moon"), "edit", ["1"]),
    ],
)
def test_what_is_meant(turns: tuple[Any, ...], operation: str, media: list[str]) -> None:
    assert last(*turns) == (operation, media)


@pytest.mark.parametrize(
    ("turn", "prompt"),
    [
        ("在最开始的那张图上加一顶草帽", "加一顶草帽"),
        ("第一张图里面再画一只鸟", "再画一只鸟"),
        ("最开始的图片改一下吧，给牛戴顶草帽", "给牛戴顶草帽"),
        ("go back to the first one and add a red hat", "add a red hat"),
        ("add a red hat to the first one", "add a red hat"),
        ("put the hat of the first one on the table", "put the hat of the first one on the table"),
        ("draw a moon on the original", "draw a moon"),
        ("agrega una luna en la primera imagen", "agrega una luna"),
        ("put the cat of the first one beside the dog of the last one",) * 2,
    ],
)
def test_the_prompt_has_no_pointer_at_its_ends(turn: str, prompt: str) -> None:
    _, plans = chat("画个牛马", turn)
    assert plans[-1].prompt == prompt


def test_a_reference_stays_until_it_is_released() -> None:
    pages = [f"page {number}: she finds another clue in room {number}" for number in range(1, 13)]
    _, plans = chat(
        ("from now on use this as the character in every picture", ["sheet.png"]),
        *pages,
        "make the lamp brighter",
        "forget the reference. draw an empty street",
    )
    assert plans[0].operation == "answer"
    for page in plans[1:-2]:
        assert (page.operation, page.uses) == ("compose", (Use("u1", "character"),))
    assert (plans[-2].operation, plans[-2].uses) == ("edit", (Use("13", "edited"),))
    assert (plans[-1].operation, plans[-1].uses) == ("generate", ())


@pytest.mark.parametrize("turn", ["the blue one", "somehow different", "🙂", "?", "hmm"])
def test_it_says_how_sure_it_is(turn: str) -> None:
    _, plans = chat(*ZOO, turn)
    assert 0 <= plans[-1].confidence <= 1
    assert plans[-1].reason


def test_what_names_nothing_is_less_sure() -> None:
    _, plans = chat(*ZOO, "<1> add a moon", "green", "add a lamp")
    named, nothing = plans[3], plans[4]
    assert named.confidence > nothing.confidence


@pytest.mark.parametrize(
    ("text", "ratio"),
    [
        ("make it 16:9", "16:9"),
        ("as a phone wallpaper", "9:16"),
        ("横屏", "16:9"),
        ("crop it square", "1:1"),
        ("三比四的竖图", "3:4"),
        ("at 10:30 in the town square", None),
        ("meet me at 5", None),
    ],
)
def test_ratios(text: str, ratio: str | None) -> None:
    assert ratio_of(fold(text)) == ratio


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("give me three versions", 3),
        ("四种颜色，各出一张", 4),
        ("3パターンください", 3),
        ("tres opciones de logo", 3),
        ("three cats on a wall", 1),
        ("those two pictures", 1),
        ("第3张", 1),
        ("1000000 versions", 1),
    ],
)
def test_counts(text: str, count: int) -> None:
    assert count_of(fold(text)) == count


def test_lists_name_the_pictures_of_one_turn() -> None:
    assert pieces_of("four backgrounds: marble, linen, moss, driftwood", 4) == [" marble", "linen", "moss", "driftwood"]
    assert pieces_of("no list here", 3) is None


def test_words_are_compared_by_stems_and_forgiven_a_slip() -> None:
    assert stem("knitting") == stem("knits") == stem("knit")
    assert hit("lantern", {"lantren"}) > 0
    assert hit("cat", {"car"}) == 0
    assert set(features(fold("把猫的帽子换掉"))) >= {"cat"} or "猫" in features(fold("把猫的帽子换掉"))


@given(st.text())
def test_folding_keeps_the_length(text: str) -> None:
    assert len(fold(text)) == len(text)


def test_each_word_counts_for_one_line() -> None:
    scene, _ = chat(*ZOO, "and now?")
    story = Story(scene, focus="3")
    assert sorted(lines_told(story, "the cat next to the dog")) == ["1", "3"]
    assert lines_told(story, "a horse") == []


# Whatever is said


WORDS = (
    "the first second last but one before undo again show me draw make add remove cat dog hat both all other not "
    "without with from now on use this as style character forget reference original previous photo picture start over "
    "what is 4 versions 16:9 <1> <u1> gen_ media_ 第一张 最开始 上一张 倒数第二张 撤销 再来一张 都 不是 那张 改 加 画 "
    '一只 猫 没有 之前 用 风格 以后 不用 参考 吗 ？ , . ， 。 ! \n « " “ ” [ ] ( ) * ? \\ | さっき の絵 を もう一度 '
    "描いて deshaz la primera otra vez"
).split(" ")
SAID = [turn.user for case in load("dev") for turn in case.turns]
"""What people say, of the half of the cases that may be read."""

TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join),
    st.sampled_from(SAID),
    st.lists(st.sampled_from(SAID), min_size=2, max_size=3).map(", ".join),
)
ROLES: tuple[InputRole, ...] = ("edited", "reference", "style", "character", "mask")


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Conversations of any kind, with lineages that a client's history may leave in pieces."""
    count = draw(st.integers(0, 7))
    ids = [f"m{number}" for number in range(count)]
    turns = draw(st.integers(0, 5))
    pictures = []
    for number, id in enumerate(ids):
        of = st.sampled_from([*ids[:number], "elsewhere", id])
        parents = draw(st.lists(st.builds(Use, of, st.sampled_from(ROLES)), max_size=3))
        made = draw(st.booleans())
        pictures.append(
            Picture(
                id,
                draw(st.integers(0, turns + 1)),
                draw(TEXTS),
                f"g{number}" if made else None,
                tuple(parents),
                draw(st.sampled_from(["", "cat.jpg", "(", "a.b.c", "我.png"])),
            )
        )
    some = st.lists(st.sampled_from([*ids, "elsewhere"]), max_size=3).map(tuple)
    past = tuple(Said(draw(TEXTS), draw(some), draw(some), draw(some)) for _ in range(turns))
    mine = st.lists(st.sampled_from(ids), max_size=2, unique=True).map(tuple) if ids else st.just(())
    return Scene(draw(TEXTS), tuple(pictures), past, draw(mine), draw(some))


def test_none_was_left_as_it_is() -> None:
    """A batch of which nothing is left over is no reason for a change of nothing."""
    pictures = (Picture("m0", 0, ""), Picture("m1", 0, "", parents=(Use("m0", "edited"),)))
    wish = "The remaining look, the one we haven't touched yet, gets a grey backdrop."
    found = plan(Scene(wish, pictures, (Said("", made=("m0", "m0")), Said(""))))
    assert found.operation != "edit" or found.uses


@settings(max_examples=600, deadline=None)
@given(scenes())
def test_any_conversation_gives_a_valid_plan(scene: Scene) -> None:
    found = plan(scene)
    known = {picture.id for picture in scene.pictures}
    assert found.operation in OPERATIONS
    assert {use.id for use in found.uses} <= known, "an id from outside of the conversation"
    assert all(use.role in ROLES for use in found.uses)
    assert 1 <= found.n <= 10
    assert found.ratio is None or re.fullmatch(r"\d{1,2}:\d{1,2}", found.ratio)
    assert 0 <= found.confidence <= 1
    assert found.reason
    assert found.gen_id is None or found.gen_id in {picture.generation for picture in scene.pictures}
    if found.operation == "edit":
        assert any(use.role == "edited" for use in found.uses)
    if found.operation == "generate":
        assert not found.uses


@pytest.mark.parametrize(
    "text",
    [
        "a" * 20000,
        "的" * 20000,
        "the one with " * 2000,
        "first second third " * 1500,
        "不是不是不是" * 3000,
        ", " * 9000,
        "((((" * 5000,
        "once more " * 2000,
        "gen_" * 5000,
        "“" * 9000,
        "没有加" * 4000 + "的那张",
        "I didn't mean " * 1500,
        "16:9 " * 4000,
        "それの" * 5000,
        "\n".join(f"- point {number}: a thing" for number in range(3000)),
    ],
)
def test_long_and_strange_texts_come_to_an_end(text: str) -> None:
    scene, _ = chat(*ZOO)
    assert plan(Scene(text, scene.pictures, scene.past)).operation in OPERATIONS


def test_a_reading_blanks_what_is_quoted() -> None:
    turn = Reading(Story(Scene('write "undo the first one" on it')))
    assert "undo" not in turn.bare
    assert len(turn.bare) == len(turn.raw)
