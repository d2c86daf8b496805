"""The rules where films can be made: which pictures move, which films change, and what stays with pictures."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom.errors import PlanInvalid
from darkroom.planner import KINDS, OPERATIONS, Picture, Plan, Said, Scene, Use, plan
from darkroom.planner.films import as_pictures
from darkroom.planner.instructions import EXAMPLE_SCENE, FILM_EXAMPLES, asked, read, schema
from darkroom.planner.measures import seconds_of
from darkroom.planner.words import fold
from darkroom.testing.strict_schema import fault_of_strict
from test_planner import scenes

Turn = str | tuple[str, ...]


def chat(*turns: Turn, films: bool = True) -> list[Plan]:
    """Hold a conversation in which every plan is carried out. What turn 3 makes is called `3`, of several `3.1`; what
    is sent with it `u3`, a film where its name says so."""
    pictures: list[Picture] = []
    past: list[Said] = []
    plans: list[Plan] = []
    for number, turn in enumerate(turns, 1):
        text, *files = (turn,) if isinstance(turn, str) else turn
        sent = names(f"u{number}", len(files))
        for id, file in zip(sent, files, strict=True):
            pictures.append(Picture(id, number, text, caption=file, kind="video" if file.endswith("mp4") else "image"))
        found = plan(Scene(text, tuple(pictures), tuple(past), sent, films=films))
        made = carried_out(found, number)
        pictures += made
        shown = () if made else tuple(use.id for use in found.uses)
        past.append(Said(text, sent, tuple(each.id for each in made), shown))
        plans.append(found)
    return plans


def names(stem: str, count: int) -> tuple[str, ...]:
    return (stem,) * count if count < 2 else tuple(f"{stem}.{at}" for at in range(1, count + 1))


def carried_out(found: Plan, number: int) -> list[Picture]:
    if not found.makes:
        return []
    bases = [use for use in found.uses if use.role in ("edited", "first_frame")]
    groups = [(use,) for use in bases] if len(bases) > 1 else [found.uses]
    parents = [group for group in groups for _ in range(found.n)]
    ids = names(str(number), len(parents))
    return [
        Picture(id, number, found.prompt, f"gen{id}", uses, kind=found.kind)
        for id, uses in zip(ids, parents, strict=True)
    ]


def told(found: Plan) -> str:
    """Return a plan in short: `video compose 1=first_frame`."""
    return " ".join((found.kind, found.operation, *(f"{use.id}={use.role}" for use in found.uses)))


ANIMALS = {
    "en": ("a fox in the snow", "a castle at dawn"),
    "zh": ("画一只狐狸", "画一座城堡"),
    "ja": ("キツネを描いて", "お城を描いて"),
    "es": ("un zorro en la nieve", "dibuja un castillo"),
}
MOVES = "video compose 2=first_frame"
FIRST = "video compose 1=first_frame"
NEW = "video generate"


@pytest.mark.parametrize(
    ("language", "said", "expected"),
    [
        ("en", "make it move", MOVES),
        ("en", "animate it, slowly", MOVES),
        ("en", "animate the first picture", FIRST),
        ("en", "bring the first picture to life", FIRST),
        ("en", "could you make a video out of this?", MOVES),
        ("en", "turn it into a 5 second clip", MOVES),
        ("en", "animate the fox", FIRST),
        ("en", "a video of the fox running away", FIRST),
        ("en", "set the last picture in motion", MOVES),
        ("en", "animate both", "video compose 1=first_frame 2=first_frame"),
        ("en", "make one video out of both pictures", "video compose 1=first_frame 2=reference"),
        ("en", "a video of a fox in the rain", NEW),
        ("en", "now a short film about a lonely robot", NEW),
        ("en", "start over: a video of a whale", NEW),
        ("en", "not a video, just draw a badger", "image generate"),
        ("en", "a movie poster of a badger in a hat", "image generate"),
        ("en", "move the castle to the left", "image edit 2=edited"),
        ("en", "can you make videos?", "image answer"),
        ("en", "add a hat", "image edit 2=edited"),
        ("zh", "让它动起来", MOVES),
        ("zh", "把第一张做成视频", FIRST),
        ("zh", "能不能让狐狸动起来？", FIRST),
        ("zh", "用第一张图生成一个8秒的视频", FIRST),
        ("zh", "来段视频", MOVES),
        ("zh", "生成一个视频", MOVES),
        ("zh", "狐狸奔跑的视频", FIRST),
        ("zh", "把两张图都做成视频", "video compose 1=first_frame 2=first_frame"),
        ("zh", "生成一个下雨街道的视频，竖屏", NEW),
        ("zh", "不要视频，画一只狗", "image generate"),
        ("zh", "你会做视频吗？", "image answer"),
        ("zh", "画成动画风格", "image edit 2=edited"),
        ("ja", "動かして", MOVES),
        ("ja", "最初の画像を動画にして", FIRST),
        ("ja", "これをアニメーションにして", MOVES),
        ("ja", "雨の街の動画を作って", NEW),
        ("es", "haz que se mueva", MOVES),
        ("es", "anima la primera imagen", FIRST),
        ("es", "conviértelo en un vídeo", MOVES),
        ("es", "un vídeo de un perro bajo la lluvia", NEW),
    ],
)
def test_wishes_for_a_film(language: str, said: str, expected: str) -> None:
    assert told(chat(*ANIMALS[language], said)[-1]) == expected


MOVED = {"en": "make it move", "zh": "让它动起来", "ja": "動かして", "es": "haz que se mueva"}
AGAIN = {
    "en": "animate the first picture",
    "zh": "把第一张做成视频",
    "ja": "最初の画像を動画にして",
    "es": "anima la primera imagen",
}
DRAWN = {"en": "draw a badger", "zh": "再画一只獾", "ja": "アナグマを描いて", "es": "dibuja un tejón"}


@pytest.mark.parametrize(
    ("language", "said", "expected"),
    [
        ("en", "make the video slower", "video edit 4=edited"),
        ("en", "make the last video 10 seconds long", "video edit 4=edited"),
        ("en", "make the first video black and white", "video edit 3=edited"),
        ("en", "the video of the castle, but at night", "video edit 3=edited"),
        ("en", "make the video of the fox longer", "video edit 4=edited"),
        ("en", "add rain to the castle video", "video edit 3=edited"),
        ("en", "add a hat to the picture", "image edit 5=edited"),
        ("en", "add a hat to the first picture", "image edit 1=edited"),
        ("en", "what happens in the first video?", "image describe 3=reference"),
        ("en", "show me the first video again", "image answer 3=reference"),
        ("en", "another video", "video compose 1=first_frame"),
        ("en", "animate it", "video compose 5=first_frame"),
        ("en", "make it darker", "image edit 5=edited"),
        ("zh", "把视频放慢一点", "video edit 4=edited"),
        ("zh", "第一个视频改成黑白的", "video edit 3=edited"),
        ("zh", "城堡的视频改成夜晚", "video edit 3=edited"),
        ("zh", "狐狸的视频再快一点", "video edit 4=edited"),
        ("zh", "视频里有什么？", "image describe 4=reference"),
        ("zh", "再来一个视频", "video compose 1=first_frame"),
        ("zh", "第一张图加个帽子", "image edit 1=edited"),
        ("ja", "動画をもっとゆっくりにして", "video edit 4=edited"),
        ("ja", "1つ目の動画を夜にして", "video edit 3=edited"),
        ("ja", "動画には何が映っていますか？", "image describe 4=reference"),
        ("es", "haz el vídeo más largo", "video edit 4=edited"),
        ("es", "pon el primer vídeo en blanco y negro", "video edit 3=edited"),
        ("es", "otro vídeo", "video compose 1=first_frame"),
    ],
)
def test_films_among_pictures(language: str, said: str, expected: str) -> None:
    """After two pictures, a film of each, and a third picture."""
    turns = (*ANIMALS[language], MOVED[language], AGAIN[language], DRAWN[language], said)
    assert told(chat(*turns)[-1]) == expected


@pytest.mark.parametrize(
    "said",
    ["make it slower", "again but at night", "longer, please", "慢一点", "再快一点", "もっとゆっくり", "más lento"],
)
def test_a_plain_wish_is_about_the_film_in_focus(said: str) -> None:
    found = chat("a fox", "make it move", said)[-1]
    assert told(found) == "video edit 2=edited"
    assert found.gen_id == "gen2"


def test_a_film_once_more_and_undone() -> None:
    assert told(chat("a fox", "make it move", "again")[-1]) == "video compose 1=first_frame"
    assert chat("a fox", "make it move, 8 seconds", "again")[-1].seconds == 8
    assert told(chat("a fox", "make it move", "undo")[-1]) == "image answer 1=reference"
    assert told(chat("a fox", "make it move", "make it slower", "undo")[-1]) == "image answer 2=reference"


def test_what_is_sent() -> None:
    assert told(chat(("make it move", "cat.jpg"))[-1]) == "video compose u1=first_frame"
    assert told(chat(("make it slower", "cat.mp4"))[-1]) == "video edit u1=edited"
    assert told(chat(("what happens here?", "cat.mp4"))[-1]) == "image describe u1=reference"
    assert told(chat("a fox", ("turn this into a cartoon film", "cat.mp4"))[-1]) == "video edit u2=edited"
    assert told(chat(("animate these", "a.jpg", "b.jpg"))[-1]) == "video compose u1.1=first_frame u1.2=first_frame"
    assert told(chat(("a video of these two", "a.jpg", "b.jpg"))[-1]) == "video compose u1.1=first_frame u1.2=reference"
    assert told(chat(("a video in this style: a harbour", "a.jpg"))[-1]) == "video compose u1=style"
    styled = chat("a fox", "make it move", ("make the video look like this", "a.jpg"))[-1]
    assert told(styled) == "video edit 2=edited u3=style"


def test_a_character_that_is_kept_plays_in_films() -> None:
    said = ("draw a cat", "from now on use this cat as the character", "a video of a bakery")
    assert told(chat(*said)[-1]) == "video compose 1=character"
    said = ("draw a cat", "make it move", "from now on use this cat as the character", "draw her on a boat")
    assert told(chat(*said)[-1]) == "image compose 1=character"


def test_the_words_that_only_point_are_left_out() -> None:
    assert chat(*ANIMALS["zh"], "把第一张做成视频")[-1].prompt == "做成视频"
    assert chat(*ANIMALS["en"], "animate the first picture")[-1].prompt == "animate"
    assert chat("a video of a fox, 16:9")[-1].prompt == "a video of a fox, 16:9"


@pytest.mark.parametrize("said", [turn for turns in ANIMALS.values() for turn in turns] + ["add a hat", "谢谢", "undo"])
def test_who_never_speaks_of_films_is_understood_as_before(said: str) -> None:
    with_films, without = (chat("a fox", "draw a dog", said, films=films) for films in (True, False))
    assert with_films == without


@pytest.mark.parametrize("said", ["make it move", "a video of a fox", "把第一张做成视频", "動画にして", "haz un vídeo"])
def test_where_no_films_can_be_made_none_is_planned(said: str) -> None:
    (_, found) = chat("a fox", said, films=False)
    assert (found.kind, found.seconds) == ("image", None)
    assert all(use.role != "first_frame" for use in found.uses)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("a 5 second video", 5),
        ("an eight-second clip", 8),
        ("10s, please", 10),
        ("half a minute of rain", 30),
        ("a minute long", None),
        ("one minute", 60),
        ("10秒的视频", 10),
        ("十秒", 10),
        ("两分钟", 120),
        ("半分钟", 30),
        ("5秒間の動画", 5),
        ("un vídeo de 8 segundos", 8),
        ("un vídeo de cinco segundos", 5),
        ("make it 5 seconds longer", None),
        ("加长5秒", None),
        ("延长到10秒", 10),
        ("第5秒的时候", None),
        ("10秒長くして", None),
        ("an 80s look", None),
        ("the second one", None),
        ("2000 seconds", None),
        ("a fox", None),
    ],
)
def test_how_long_it_is_to_be(said: str, seconds: int | None) -> None:
    assert seconds_of(fold(said)) == seconds


def test_a_film_says_how_long_of_what_shape_and_how_many() -> None:
    found = chat("two videos of a fox, 8 seconds, 9:16")[-1]
    assert (found.kind, found.n, found.seconds, found.ratio) == ("video", 2, 8, "9:16")
    found = chat("生成三个视频：一只猫，5秒，横屏")[-1]
    assert (found.kind, found.n, found.seconds, found.ratio) == ("video", 3, 5, "16:9")


# Whatever is said


@given(st.text(st.sampled_from("the video clip 视频动画ビデオ第二个段 5s秒 película the first vídeos,.")))
def test_reading_films_as_pictures_moves_no_word(text: str) -> None:
    folded = fold(text)
    assert len(as_pictures(folded)) == len(folded)


@given(scenes(), st.data())
def test_any_conversation_with_films_gives_a_valid_plan(scene: Scene, data: st.DataObject) -> None:
    kinds = st.sampled_from(KINDS)
    words = st.sampled_from(["make it move", "the video", "slower", "把第二个视频做成", "another video", "la película"])
    pictures = tuple(replace(each, kind=data.draw(kinds)) for each in scene.pictures)
    scene = replace(scene, pictures=pictures, films=True, text=f"{scene.text} {data.draw(words)}")
    found = plan(scene)
    kind_of = {each.id: each.kind for each in pictures}
    assert found.operation in OPERATIONS
    assert {use.id for use in found.uses} <= kind_of.keys()
    assert found.makes or found.kind == "image"
    for use in found.uses:
        if use.role == "first_frame":
            assert (kind_of[use.id], found.kind) == ("image", "video")
        if use.role == "edited" and found.makes:
            assert found.kind == kind_of[use.id]


# A chat model's plans

PICTURE = Picture("a", 1, "a fox", "one")
FILM = Picture("b", 2, "make it move", "two", (Use("a", "first_frame"),), kind="video")
SCENE = Scene("slower", (PICTURE, FILM), films=True)


def answer(**fields: object) -> str:
    return json.dumps({"operation": "edit", "prompt": "x", **fields})


def uses(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"id": id, "role": role} for id, role in pairs]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"media": uses(("p2", "edited")), "kind": "video", "seconds": 8}, "video edit b=edited"),
        ({"media": uses(("p2", "edited"))}, "video edit b=edited"),
        ({"media": uses(("p1", "edited"))}, "image edit a=edited"),
        ({"media": uses(("p1", "edited")), "kind": "video"}, "video compose a=first_frame"),
        ({"operation": "compose", "media": uses(("p1", "first_frame"))}, "video compose a=first_frame"),
        ({"operation": "generate", "kind": "video"}, "video generate"),
        ({"operation": "describe", "kind": "video", "media": uses(("p2", "reference"))}, "image describe b=reference"),
    ],
)
def test_a_plan_for_a_film_is_read(given: dict[str, object], expected: str) -> None:
    found = read(answer(**given), SCENE)
    assert told(found) == expected
    assert found.seconds == given.get("seconds")


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"media": uses(("p2", "edited")), "kind": "image"}, "film that is changed"),
        ({"operation": "generate", "kind": "gif"}, "`kind`"),
        ({"operation": "generate", "kind": "video", "seconds": 0}, "`seconds`"),
        ({"operation": "generate", "kind": "video", "seconds": "long"}, "`seconds`"),
        ({"operation": "generate", "media": uses(("p2", "first_frame"))}, "first frame is a picture"),
    ],
)
def test_a_wrong_plan_for_a_film_is_told(given: dict[str, object], word: str) -> None:
    with pytest.raises(PlanInvalid) as raised:
        read(answer(**given), SCENE)
    assert word in raised.value.message


def test_only_a_studio_with_films_speaks_of_them() -> None:
    """To the others the question, the schema and what is read are what they always were."""
    with_films, without = (asked(replace(SCENE, films=films)) for films in (True, False))
    assert "first_frame" in with_films[0].text
    assert "first_frame" not in without[0].text
    assert '"makes"' not in without[1].text
    assert fault_of_strict({"name": "plan", "strict": True, "schema": schema(SCENE)}) is None
    assert "kind" not in schema(replace(SCENE, films=False))["properties"]
    plain = replace(SCENE, films=False, pictures=(PICTURE,))
    assert read(answer(kind="video", seconds=5, media=uses(("p1", "edited"))), plain).kind == "image"
    with pytest.raises(PlanInvalid):
        read(answer(operation="compose", media=uses(("p1", "first_frame"))), plain)


@pytest.mark.parametrize(("said", "fields"), FILM_EXAMPLES, ids=[said for said, _ in FILM_EXAMPLES])
def test_the_examples_with_films_are_plans(said: str, fields: dict[str, object]) -> None:
    found = read(json.dumps(fields), replace(EXAMPLE_SCENE, text=said, films=True))
    assert (found.operation, found.kind) == (fields["operation"], fields["kind"])
    assert [*fields] == schema(replace(EXAMPLE_SCENE, films=True))["required"]
