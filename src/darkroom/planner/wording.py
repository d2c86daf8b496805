"""The words for the painter: a turn without those that only say which picture is meant.

Only what stands by itself is taken away: a clause that does nothing but point (`最开始的图片改一下吧，`), and a pointer
at the start or the end of a clause (`in the pink hair pic`). What is in the middle of a sentence stays.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from darkroom.planner.vocabulary import ANNOUNCE, EDIT, NOT_THAT, PRAISE, START_OVER, THANKS, UNDO
from darkroom.planner.words import features, fold

Span = tuple[int, int]

_BREAK = re.compile(
    r"(?:[,，。;；!！?？\n…]|[:：](?!\d))+\s*|\.+(?=\s|$)\s*|\s+-+\s+|\s+—\s+|"
    r"\s+(?:and then|and|then|but|y)\s+(?=(?:make|add|put|give|turn|change|have|let|do|crop|place|set|"
    r"remove|draw|paint|just|now|try|write|use|show|paste|letter|stick|"
    r"\w+ (?:it|him|her|them|the|a|an|my|his)\b|pon|hazl|anad|agreg|quit|cambi|the |a |"
    r"on |in |with |without |slightly|only|then|more|less|zoom|close|also|this|keep|replace|swap|turn|"
    r"take)\w*\b)|(?<=[版张个幅稿])\s+"
)
_FILLER = re.compile(
    r"\b(?:go(?:ing)?|let'?s|let|us|get|take|use|using|grab|fetch|pick|choose|return|revert|back|from|to|"
    r"with|on|in|the|of|again|it|its|that|this|one|ones|was|is|were|better|nice|good|great|closest|works|"
    r"wins|has|had|legs|potential|i|we|you|please|pls|just|now|so|then|and|but|actually|instead|rather|"
    r"prefer(?:red)?|like|liked|love|want|wanted|mean|meant|no|not|edit|change|modify|work|working|start|"
    r"starting|continue|go on|do|something|else|version|picture|pic|image|photo|sorry|hm+|ok|okay|can|"
    r"could|would|u|my|me|for|at|as|how|by|kinda|tbh|more|was|too|much|dark|still|wait|hold|off|thing|"
    r"same|drawing|base|here|there|time|stay|step|undo|round|hm|mistake|a|an|them|these|those|all|nah|ugh|"
    r"meh)\b"
    r"|修改(?:一下)?|改(?:一)?(?:下|改|了)|调整(?:一下)?|处理(?:一下)?|继续|回到|退回到?|退到|恢复到?|返回|换回|用回?|拿|取|选|挑|要|想要|就|还是|在|基于|"
    r"以|为|基础|上面|上|里面|里|中|的|那|这|张|版|个|幅|图片|图|照片|吧|呗|嘛|了|呢|啊|呀|我|你|请|麻烦|帮|给|把|好|不错|可以|喜欢|更|最|太|也|再|又|先|说|是|"
    r"不|对|没|觉得|感觉|比较|好看|顺眼|行|一|下|来|做|找|出来|调|发|看|从|到|让"
    r"|やっぱり?|のほう|ほう|方|使|戻|して|って|で|に|を|の|が|は|も|と|から|やつ|絵|画像|写真|お願い|ください|\b(?:volvamos|vuelve|volver|volve|"
    r"toma|coge|usa|agarra|la|el|a|de|en|con|y|mejor|imagen|foto|version|esa|ese|esta|este|los|las)\b"
)
_LEAD = re.compile(
    r"(?:\b(?:so|ok|okay|and|now|then|please|actually|well|hm+|also|but|on|in|to|for|from|with|take|use|"
    r"go back to|back to|return to|fetch|edit|the|of|at|let'?s|can you|could you|wait|just|at|grab|"
    r"that)\b|那|就|请|把|用|拿|取|以|在|给|对|还是|麻烦|再|回到|退回到?|让|嗯|好|然后|a|al|en|y|de|del|la|el|las|los|,|，|\s)*\s*"
)
_TRAIL = re.compile(
    r"(?:\s|[,，、:：]|\b(?:one|ones|pic|picture|image|version|photo|of (?:those|these|them|the (?:three|"
    r"four|two|five|six)|that)|but|is|please|and|then|instead|should|can|could|needs to|has to|there|"
    r"here)\b(?=\s|[,:]|$)|(?:图片|图|照片|画面?)(?:上面?|里面?|中)(?=[再也都加添放写戴改补挂贴画来多盖])|的时候|里面的?|里头的?|里的?|中的?|上的?|的(?=[^,，]{2})|这(?:张|个|版|幅)|那(?:张|个|版|幅)|就|那|这|"
    r"给我(?=，)|(?:の|に|を|は|も|で|だけ|、)(?=.{2}))*"
)
_TAIL_NOUN = re.compile(r"(?:\s+(?:one|pic|picture|image|version|photo|imagen|foto)\b)?")
_TAIL_PREPOSITION = re.compile(
    r"(?:\s|,|\b(?:in|on|to|for|from|of|at|with|onto|into)(?:\s+(?:the|my|your))?\b|"
    r"\b(?:a|en|de|sobre)\s+(?:la|el)\b|\b(?:al|del)\b|在|对|给|于)*$"
)
_LEADING = re.compile(r"^(?:[\s,，.。;；:：!！…、\-—]|(?:and|but|then|so|y|pero)\b)+|^(?:让(?=.{2}))")


def essence(text: str, spans: Sequence[Span]) -> str:
    """Return a turn's wish without the words at `spans`, which only point; all of it where nothing would be left."""
    folded = fold(text)
    breaks = [0, *(match.end() for match in _BREAK.finditer(folded)), len(folded)]
    pieces = [_clause(text, folded, start, end, spans) for start, end in pairwise(breaks) if start < end]
    wishes = [piece for piece, only_points in pieces if not only_points]
    joined = "".join(wishes if _says_anything(wishes) else [piece for piece, _ in pieces])
    joined = re.sub(r"[\s,，;；:：、\-—]+$", "", _LEADING.sub("", joined).strip())
    return joined if _says_anything([joined]) else text.strip()


def _says_anything(pieces: Sequence[str]) -> bool:
    return any(features(fold(piece)) or re.search(r"\w{2}", PRAISE.sub(" ", fold(piece))) for piece in pieces)


def _clause(text: str, folded: str, start: int, end: int, spans: Sequence[Span]) -> tuple[str, bool]:
    """Return what a clause says to the painter, and whether it does nothing but point."""
    inside = sorted((max(a, start), min(b, end)) for a, b in spans if a < end and b > start)
    rest = "".join(" " if any(a <= at < b for a, b in inside) else folded[at] for at in range(start, end))
    bare = rest
    for pattern in (NOT_THAT, UNDO, START_OVER, ANNOUNCE):
        bare = pattern.sub(" ", bare)
    pointed = bool(inside) or bare != rest
    if not pointed:
        return text[start:end], not re.search(r"\w", _FILLER.sub(" ", PRAISE.sub(" ", THANKS.sub(" ", rest))))
    said = _FILLER.sub(" ", PRAISE.sub(" ", bare))
    if not re.search(r"\w", said):
        return text[start:end], True
    return _cut(text, folded, start, end, inside), not EDIT.search(bare)


def _cut(text: str, folded: str, start: int, end: int, inside: Sequence[Span]) -> str:
    """Return a clause without the pointer at its start or its end."""
    for a, b in inside:
        if not re.search(r"\w", _LEAD.sub("", folded[start:a], count=1)):
            tail = b + len(_TRAIL.match(folded[b:end])[0])  # type: ignore[index]
            relative = _RELATIVE.match(folded[tail:end])
            return text[tail + (len(relative[0]) if relative else 0) : end]
        noun = b + len(_TAIL_NOUN.match(folded[b:end])[0])  # type: ignore[index]
        if len(inside) == 1 and not re.search(r"\w", folded[noun:end]):
            return text[start : start + len(_TAIL_PREPOSITION.sub("", folded[start:a]))] + text[noun:end]
    return text[start:end]


_RELATIVE = re.compile(
    r"(?:with|that|where|which|we|you|i|of|in|who)\b[^,.;:!?]{0,40}?(?=\b(?:make|add|put|give|turn|change|"
    r"remove|have|let|crop|set|write|needs?|should)\b)"
)
