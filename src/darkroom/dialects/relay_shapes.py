"""The shapes in which a text shows media: markdown, HTML, a data URI, a URL alone on its line.

Strategy. Each reader looks at one place of a text that is still arriving and answers `Verdict.MORE` (it may
become a shape), `Verdict.NO` (it never will), or a `Shape`. An answer other than MORE holds however the text goes
on, so what a decoder makes of a text does not depend on how it was cut. Every wait is bounded: a shape that grows
too long is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from darkroom.codecs.links import alt_of, kind_by_name, source_of
from darkroom.lifted import PLACEHOLDER


class Verdict(Enum):
    MORE = auto()
    NO = auto()


@dataclass(frozen=True, slots=True)
class Shape:
    """A construct that may show media, and `end`, where it ends in the text.

    `form` is how it was written (`image`, `link`, `img`, `video`, `line`, `data`, `bare`); `target` its URL, or
    what stood in a URL's place. `lift` is the placeholder of inline data, whose type is `mime`; `clean` is false
    where the data was followed by something that is no base64 (`junk`), or was not closed.
    """

    form: str
    target: str
    end: int
    alt: str = ""
    lift: str | None = None
    mime: str = ""
    clean: bool = True
    junk: bool = False


Read = Shape | Verdict

_ALT = re.compile(r"!?\[((?>(?:[^\[\]\n]++|\[[^\[\]\n]*+\])*))")
_NESTED = re.compile(r"\[[^\[\]\n]*+")
_TARGET = re.compile(r"\s{0,16}+((?>(?:[^()\n]++|\([^()\n]*+\))*))")
_BROKEN_DATA = re.compile(r"\s{0,16}+(data:[^()]*+)", re.IGNORECASE)
_UNCLOSED = re.compile(r"\([^()\n]*+")
_TITLED = re.compile(r"<?([^\s<>]+)>?(?:\s+[\"'(].*)?\s*\Z", re.DOTALL)
_DATA = re.compile(r"\s{0,16}+data:([\w.+-]{0,64}/?[\w.+-]{0,64})[;=\w.+-]{0,200}+,\s{0,16}+", re.IGNORECASE)
_TO_CLOSE = re.compile(r"[^)]{0,4096}+")
_BARE_DATA = re.compile(r"data:([\w.+/-]{0,128}+)[;=\w.+-]{0,200}+(,?+)\s{0,16}+", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\x1a[^\x1a\s]{0,120}+")
_TAG = re.compile(r"<(img|video)\b([^<>]{0,8192}+)", re.IGNORECASE)
_SOURCE = re.compile(r"<source\b([^<>]*+)>", re.IGNORECASE)
_VIDEO_END = re.compile(r"</video\s{0,8}+>", re.IGNORECASE)
_FENCE = re.compile(r"```[ \t]{0,4}+(?:html)?[ \t]{0,4}+\s{1,16}+", re.IGNORECASE)
_FENCE_HEAD = re.compile(r"`{1,3}[ \t]{0,4}+(?:html|htm|ht|h)?[ \t]{0,4}+\s{0,16}+", re.IGNORECASE)
_FENCE_END = re.compile(r"\s{0,16}+(`{0,3})")
_URL = re.compile(r"<?(https?://[^\s<>\"'`|\\^]{1,8192}+(?>(?:\\u0026[^\s<>\"'`|\\^]{0,8192}+){0,64}))>?[ \t]{0,16}+")
_SCHEMES = ("http://", "https://")
_INLINE_URL = re.compile(r"https?://[^\s<>\"'`\[\]{}|\\^，。；：！？、（）【】《》]++", re.IGNORECASE)
_MAX_ALT = 2000
_MAX_TARGET = 8192
_MAX_INNER = 1024


def read(text: str, at: int, *, final: bool) -> Read:
    """Read the shape that begins at `at`: markdown, a tag, or data. `final`: no more text will come."""
    match text[at]:
        case "!" | "[":
            result = _markdown(text, at, final=final)
        case "<":
            result = _element(text, at, final=final)
        case "h" | "H":
            result = _url(text, at, final=final)
        case _:
            result = _data(text, at)
    return Verdict.NO if final and result is Verdict.MORE else result


def read_fence(text: str, at: int, *, final: bool) -> Read:
    """Read a fence of HTML that holds a video or a picture."""
    head = _FENCE.match(text, at)
    if head is None or head.end() == len(text):
        partial = _FENCE_HEAD.match(text, at)
        waits = partial is not None and partial.end() == len(text) and not final
        return Verdict.MORE if waits else Verdict.NO
    if text[head.end()] != "<":
        return Verdict.NO
    shape = _element(text, head.end(), final=final)
    if isinstance(shape, Verdict):
        return Verdict.NO if final else shape
    close = _FENCE_END.match(text, shape.end)
    if close and close.end() == len(text) and close[1] != "```" and not final:
        return Verdict.MORE
    if close is None or close[1] != "```":
        return Verdict.NO
    return Shape(shape.form, shape.target, close.end(), shape.alt, shape.lift, shape.mime)


def read_url_line(text: str, at: int, *, final: bool) -> Read:
    """Read a URL that stands alone on the line that begins at `at`; the newline is not part of it."""
    head = text[at : at + 9].lstrip("<").lower()
    if len(head) < 8 and ("http://".startswith(head) or "https://".startswith(head)):
        return Verdict.NO if final else Verdict.MORE
    match = _URL.match(text, at)
    if match is None:
        short = len(text) - at < 16 and head.startswith(("http://", "https://"))
        return Verdict.MORE if short and not final and not text[at:].strip("<")[7:].strip("/") else Verdict.NO
    if match.end() == len(text):
        return Shape("line", match[1], len(text)) if final else Verdict.MORE
    # A relay that escapes ampersands may be cut within an escape.
    if text[match.end()] == "\\" and len(text) - match.end() < 6 and not final:
        return Verdict.MORE
    return Shape("line", match[1], match.end()) if text[match.end()] in "\r\n" else Verdict.NO


def _markdown(text: str, at: int, *, final: bool) -> Read:
    """Read `![alt](target)`, `[text](target)`, or a picture that is a link: `[![alt](target)](url)`."""
    if text.startswith("[![", at):
        return _linked(text, at, final=final)
    match = _ALT.match(text, at)
    if match is None:
        return Verdict.MORE if _ends_with("!", text, at) else Verdict.NO
    end = match.end()
    if end - at > _MAX_ALT or (len(text) - at > _MAX_ALT and _may_go_on(text, end, _NESTED)):
        return Verdict.NO
    if _may_go_on(text, end, _NESTED) or _ends_with("]", text, end):
        return Verdict.MORE
    if not text.startswith("](", end):
        return Verdict.NO
    form = "image" if text[at] == "!" else "link"
    return _target(text, end + 2, (form, match[1]), final=final)


def _ends_with(char: str, text: str, at: int) -> bool:
    """Tell whether this character stands at `at`, and is the last; no slice, since much may follow."""
    return at + 1 == len(text) and text[at] == char


def _may_go_on(text: str, end: int, nested: re.Pattern[str]) -> bool:
    """Tell whether a text in brackets, matched up to `end`, may just not have arrived whole."""
    if end == len(text):
        return True
    partial = nested.match(text, end)
    return partial is not None and partial.end() == len(text)


def _linked(text: str, at: int, *, final: bool) -> Read:
    inner = _markdown(text, at + 1, final=final)
    if isinstance(inner, Verdict):
        return inner
    if inner.end == len(text) or _ends_with("]", text, inner.end):
        return Verdict.MORE
    if not text.startswith("](", inner.end):
        return Verdict.NO
    outer = _target(text, inner.end + 2, ("link", ""), final=final)
    if isinstance(outer, Verdict):
        return outer
    return Shape(inner.form, inner.target, outer.end, inner.alt, inner.lift, inner.mime, inner.clean, inner.junk)


def _target(text: str, at: int, named: tuple[str, str], *, final: bool) -> Read:
    """Read what stands in the parentheses that open before `at`; `named` is the form and the alternative text."""
    form, alt = named
    data = _DATA.match(text, at)
    lift = PLACEHOLDER.match(text, data.end()) if data else None
    if data and lift:
        return _closed(text, lift, (form, alt, data[1].lower()), final=final)
    # Broken data may run over several lines; nothing else does.
    match = (_BROKEN_DATA if data else _TARGET).match(text, at)
    if match is None or match.end() - at > _MAX_TARGET:
        return Verdict.NO
    if _may_go_on(text, match.end(), _UNCLOSED):
        return Verdict.NO if len(text) - at > _MAX_TARGET else Verdict.MORE
    if text[match.end()] != ")":
        return Verdict.NO
    titled = _TITLED.match(match[1])
    target = titled[1] if titled and not data else match[1].strip()
    return Shape(form, target, match.end() + 1, alt)


def _closed(text: str, lift: re.Match[str], named: tuple[str, str, str], *, final: bool) -> Read:
    """Read from a placeholder to the parenthesis that closes its construct."""
    form, alt, mime = named
    tail = _TO_CLOSE.match(text, lift.end())
    end = tail.end() if tail else lift.end()
    if end == len(text) and end - lift.end() < 4096 and not final:
        return Verdict.MORE
    if text[end : end + 1] == ")":
        after = text[lift.end() : end]
        junk = bool(after.strip()) and not re.match(r"\s+[\"']", after)
        return Shape(form, "", end + 1, alt, lift[0], mime, clean=not junk, junk=junk)
    return Shape(form, "", lift.end(), alt, lift[0], mime, clean=False)


def _url(text: str, at: int, *, final: bool) -> Read:
    """Read a URL in the middle of a line; it is a shape if its path says that it is media."""
    head = text[at : at + 8].lower()
    if at + len(head) == len(text) and any(scheme.startswith(head) for scheme in _SCHEMES):
        return Verdict.MORE
    match = _INLINE_URL.match(text, at)
    if match is None or len(match[0]) > _MAX_TARGET:
        return Verdict.NO
    if match.end() == len(text) and not final:
        return Verdict.MORE
    url = match[0].rstrip(".,;:!?*_~")
    if url.count(")") > url.count("("):
        url = url[: url.rindex(")")].rstrip(".,;:!?*_~)")
    return Shape("line", url, at + len(url)) if kind_by_name(url) else Verdict.NO


def _data(text: str, at: int) -> Read:
    """Read a data URI that stands in no construct, or a placeholder alone."""
    mime, start = "", at
    if text[at] != "\x1a":
        head = _BARE_DATA.match(text, at)
        if head is None:
            return Verdict.MORE if "data:".startswith(text[at : at + 5].lower()) else Verdict.NO
        if head.end() == len(text):
            return Verdict.MORE
        if head[2] != ",":
            return Verdict.NO
        mime, start = head[1].lower(), head.end()
    lift = PLACEHOLDER.match(text, start)
    if lift is None:
        partial = _PLACEHOLDER.match(text, start)
        return Verdict.MORE if partial and partial.end() == len(text) else Verdict.NO
    return Shape("bare" if start == at else "data", "", lift.end(), "", lift[0], mime)


def _element(text: str, at: int, *, final: bool) -> Read:
    """Read an `<img>` or a `<video>` with what belongs to it."""
    tag = _TAG.match(text, at)
    if tag is None or tag.end() == len(text):
        start = text[at : at + 6].lower()
        short = at + len(start) == len(text) and ("<img".startswith(start) or "<video".startswith(start))
        return Verdict.MORE if (tag or short) and len(text) - at <= _MAX_TARGET else Verdict.NO
    if text[tag.end()] != ">":
        return Verdict.NO
    end, source, form = tag.end() + 1, source_of(tag[2]), tag[1].lower()
    if form == "video":
        close = _VIDEO_END.search(text, end, end + _MAX_INNER)
        if close is None and len(text) < end + _MAX_INNER and not final:
            return Verdict.MORE
        if close is not None:
            inner = _SOURCE.search(text, end, close.start())
            source = source or (source_of(inner[1]) if inner else None)
            end = close.end()
    return _sourced(source, end, (form, alt_of(tag[2]))) if source else Verdict.NO


def _sourced(source: str, end: int, named: tuple[str, str]) -> Read:
    form, alt = named
    data = _DATA.match(source)
    lift = PLACEHOLDER.match(source, data.end()) if data else None
    if data and lift:
        return Shape(form, "", end, alt, lift[0], data[1].lower(), clean=lift.end() == len(source))
    return Shape(form, source, end, alt)
