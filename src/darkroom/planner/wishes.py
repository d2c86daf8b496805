"""What a turn wishes for: a new picture or a change, words about pictures, or only talk.

Each function looks for one kind of wish in folded text whose quotations are blanked; rows of patterns, no scene.
"""

from __future__ import annotations

import re

from darkroom.planner import vocabulary as v

_QUOTED = re.compile(r"“[^”]{0,200}”|\"[^\"]{0,200}\"|「[^」]{0,200}」|『[^』]{0,200}』|《[^》]{0,200}》|(?<!\w)'[^'\n]{2,80}'(?!\w)|‘[^’]{0,200}’|«[^»]{0,200}»")

_QUESTION_MARK = re.compile(r"[?？]")
_SENTENCE = re.compile(r"(?<=[.!?。！？…])\s+|\n")
_LOOKING = frozenset("see tell read recognise recognize spot count describe make_out say explain identify know guess recommend suggest use print send".split())
_ZH_MEASURE = r"(?:只|个|張|张|幅|条|位|杯|碗|盘|朵|座|栋|辆|把|间|款|套|组|枚|棵|本|份|支|盏|双|群|家|副|头|匹|块|片|艘|架|顶|件|名|些|对|口|根|颗|束|瓶|桶|道|扇|台|段|壶|锅|笼|册|尊|场|片|幢|株|串|盆|罐|盒|卷|轮)"
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
    return any(v.WH.search(each) for each in sentences) or bool(v.ASKING.search(text)) or (marked and bool(v.INSIDE.search(text)))


_ASKED = re.compile(r"(?:^|(?<=[.!?] ))\W*(?:what|which|who|where|why|how)\b[^.!?]*")


def is_polite_wish(text: str) -> bool:
    """Tell whether a question is a wish: `can you make it brighter?`"""
    for match in v.POLITE_EN.finditer(_ASKED.sub(" ", text)):
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
    return not re.sub(r"[\W_]+|\b(?:you|so|much|very|for|the|it|this|that|a|lot|all|is|i|your|help|u|everyone|my|im|to|will|now|就|了|啊|呀|哦|呢|吧|的|我|你|亲|宝|这|太|很|真|大家|老师|すぎ|です|ます|ね|よ|y|muy|todo)\b|[了啊呀哦呢吧的我你亲宝这太很真您~]", "", rest)
