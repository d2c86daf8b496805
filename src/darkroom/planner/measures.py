"""How many pictures a turn wants, of what shape, and how long a film is to be."""

from __future__ import annotations

import re

from darkroom.planner import vocabulary as v

_NUMBERS = {
    **{word: at for at, word in enumerate("one two three four five six seven eight nine ten".split(), 1)},
    **{word: at for at, word in enumerate("un dos tres cuatro cinco seis".split(), 1)},
    **{char: at for at, char in enumerate("一二三四五六七八九十", 1)},
    "两": 2,
    "una": 1,
    "uno": 1,
    "twelve": 12,
    "pair": 2,
}
_TIMES: dict[str, float] = {
    **_NUMBERS,
    **dict(zip("siete ocho nueve diez".split(), range(7, 11), strict=True)),
    **dict(zip("fifteen twenty thirty".split(), (15, 20, 30), strict=True)),
    **dict(zip("quince veinte treinta".split(), (15, 20, 30), strict=True)),
    **dict(zip("十二 十五 二十 三十".split(), (12, 15, 20, 30), strict=True)),
    **dict.fromkeys(("half a", "半", "medio"), 0.5),
}
_MOST = 10
_LONGEST = 600

_RATIO = re.compile(
    r"(?<![\d.:：])(?P<w>\d{1,2})\s?(?:[:：比/]|by|x|×|\sto\s)\s?(?P<h>\d{1,2})(?![\d:：%]|\s?(?:px|pm|am|点|分))"
)
_CLOCK = re.compile(r"\b(?:at|by|until|from|since|around) $")
_DIGIT = {**{char: at for at, char in enumerate("一二三四五六七八九", 1)}, "十六": 16, "二十一": 21}
_CHINESE_RATIO = re.compile(r"(十六|二十一|[一二三四五六七八九])比(十六|二十一|[一二三四五六七八九])")


def ratio_of(text: str) -> str | None:
    """Return the ratio that a folded text asks for, such as `16:9`; None where it says nothing of it."""
    found = None
    for match in _RATIO.finditer(_CHINESE_RATIO.sub(lambda each: f"{_DIGIT[each[1]]}:{_DIGIT[each[2]]}", text)):
        wide, high = int(match["w"]), int(match["h"])
        if (
            1 <= wide <= 32
            and 1 <= high <= 32
            and not _CLOCK.search(text[: match.start()])
            and 1 / 4 <= wide / high <= 4
        ):
            found = f"{wide}:{high}"
    if found is not None:
        return found
    for pattern, ratio in ((v.SQUARE, "1:1"), (v.TALL, "9:16"), (v.WIDE, "16:9")):
        if pattern.search(text):
            return ratio
    return None


def count_of(text: str) -> int:
    """Return how many pictures a folded text asks for, 1 to 10."""
    for pattern, known in ((v.WANTED_EN, v.KNOWN_EN), (v.WANTED_ZH, v.KNOWN_ZH)):
        for match in pattern.finditer(text):
            if known.search(text[: match.start()]):
                continue
            word = next(group for group in match.groups() if group)
            number = _NUMBERS.get(word) or (int(word) if word.isdigit() else 1)
            if 1 < number <= _MOST:
                return number
    return 1


def seconds_of(text: str) -> int | None:
    """Return how many seconds long a folded text wants a film to be, 1 to 600; None where it says nothing of it."""
    for match in v.DURATION.finditer(text):
        number, is_minutes = _part(match, "n"), bool(_part(match, "m"))
        value = float(number) if number.isdigit() else _TIMES.get(number, 0.0)
        seconds = round(value * (60 if is_minutes else 1))
        added = v.LONGER_BY_BEFORE.search(text[: match.start()]) or v.LONGER_BY.match(text[match.end() :])
        if 1 <= seconds <= _LONGEST and not added:
            return seconds
    return None


def _part(match: re.Match[str], letter: str) -> str:
    """Return what the one of a pattern's groups says whose name begins with a letter."""
    return next((said for name, said in match.groupdict().items() if said and name[0] == letter), "")


def number_in(text: str) -> int | None:
    """Return how many pictures a group has that a folded text speaks of (`the three of them`), if it says so."""
    match = v.COUNTED.search(text)
    if match is None:
        return None
    if match["both"]:
        return 2
    word = match["en"] or match["zh"] or match["es"]
    return _NUMBERS.get(word) or (int(word) if word.isdigit() else None)
