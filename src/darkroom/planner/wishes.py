"""What a turn wishes for: a new picture or a change, words about pictures, or only talk.

Each function looks for one kind of wish in folded text whose quotations are blanked; rows of patterns, no scene.
"""

from __future__ import annotations

import re

from darkroom.planner import vocabulary as v

_QUOTED = re.compile(
    r"“[^”]{0,200}”|\"[^\"]{0,200}\"|「[^」]{0,200}」|『[^』]{0,200}』|《[^》]{0,200}》|"
    r"(?<!\w)'[^'\n]{2,80}'(?!\w)|‘[^’]{0,200}’|«[^»]{0,200}»"
)

_QUESTION_MARK = re.compile(r"[?？]")
_SENTENCE = re.compile(r"(?<=[.!?。！？…])\s+|\n")
_LOOKING = frozenset(
    (
        "see tell read recognise recognize spot count describe make_out say explain identify know guess "
        "recommend suggest use print send"
    ).split()
)


def without_quotes(text: str) -> str:
    """Blank what is quoted: it is to stand in a picture, and says nothing about pictures. The length stays."""
    return _QUOTED.sub(lambda match: " " * len(match[0]), text)


def is_question(text: str) -> bool:
    """Tell whether a folded text asks something, and does not wish something politely."""
    return asks(text) and not is_polite_wish(text)


def asks(text: str) -> bool:
    """Tell whether a folded text has the form of a question."""
    sentences = [each for each in _SENTENCE.split(v.PRAISE.sub(" ", text)) if each.strip()]
    last = re.split(r",\s|\s-+\s|，", text)[-1]
    if last != text and v.WH.search(last) and not v.EDIT.search(text):
        return True
    marked = bool(_QUESTION_MARK.search(text))
    return (
        any(v.WH.search(each) for each in sentences)
        or bool(v.ASKING.search(text))
        or (marked and bool(v.INSIDE.search(text)))
    )


def is_polite_wish(text: str) -> bool:
    """Tell whether a question is a wish: `can you make it brighter?`"""
    for match in v.POLITE_EN.finditer(v.ASKED.sub(" ", text)):
        verb = match["verb"] or match["verb2"] or match["verb3"]
        if verb is None or verb not in _LOOKING:
            return True
    return bool(v.POLITE.search(text))


def draws_something(text: str) -> bool:
    """Tell whether a folded text has a verb of making a picture."""
    return any(pattern.search(text) for pattern in (v.DRAW, v.ZH_DRAW, v.JA_DRAW, v.ES_DRAW))


def wishes_something(text: str) -> bool:
    """Tell whether anything is left to do of a folded text, without thanks and praise."""
    rest = v.PRAISE.sub(" ", v.THANKS.sub(" ", text))
    return bool(v.EDIT.search(rest)) or draws_something(rest)


def is_only_praise(text: str) -> bool:
    """Tell whether nothing is left of a text but thanks and praise."""
    rest = v.PRAISE.sub(" ", v.THANKS.sub(" ", text))
    return not re.search(r"[^\W_]", v.PRAISE_FILLER.sub("", rest))
