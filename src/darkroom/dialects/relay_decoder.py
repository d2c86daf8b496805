"""Reads a transcript while it arrives: text in, events out.

Strategy. The decoder keeps the text that is not understood yet (`_held`) and walks over it in steps. Where a line
begins it asks `relay_lines` what the line means, anywhere else it looks for the next place where media may be shown
and asks `relay_shapes`. Each answer is either certain or "more text, please"; a step that waits leaves `_held` as it
is. So the events do not depend on how the text was cut, and prose passes at once. Waits are bounded: 16 KiB for a
shape, 120 characters for a line, 64 KiB for the plan.

A line of progress is told as soon as its stage or percentage is certain; what follows on it comes as further
`Progress` with the same stage and the rest of the text, so that the texts together are the line. Blank lines between
the pieces of a transcript belong to nothing and are left out.

Reasoning: after `**Reasoning:**` at the very start, text is reasoning until a `**Response:**` line. Should another
such line follow before any media, the text between the two has already been told as text; only the heading goes.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

from darkroom.dialects import relay_lines, relay_shapes
from darkroom.dialects.relay_lines import Judgement, What, classify
from darkroom.dialects.relay_media import MediaReader
from darkroom.dialects.relay_plan import Plan, PlanReader, leaked
from darkroom.dialects.relay_shapes import Shape, Verdict
from darkroom.dialects.relay_vocabulary import REASONING_HEADINGS, RESPONSE_HEADINGS
from darkroom.errors import DarkroomError, UpstreamBroken
from darkroom.events import (
    Event,
    Failed,
    MediaProduced,
    Planned,
    Progress,
    ReasoningDelta,
    TextDelta,
    UpstreamNamed,
)
from darkroom.lifted import Lifts, without_runs
from darkroom.media import MediaKind

_MAX_FAILURE = 4000
_MAX_PROSE = 600
_MAX_GAP = 64
_MAX_SPACE = 1024

_OPENERS = re.compile(
    r"\n|!(?:\[|\Z)|\[|<(?:[iv]|\Z)|d(?:ata:|ata\Z|at\Z|a\Z|\Z)|\x1a"
    r"|(?<![a-z])h(?:ttps?://|ttps?:/?\Z|ttps?\Z|tt\Z|t\Z|\Z)",
    re.IGNORECASE,
)
_TEXT_OPENERS = re.compile(r"\n|!(?:\[|\Z)|<(?:[iv]|\Z)|d(?:ata:|ata\Z|at\Z|a\Z|\Z)|\x1a", re.IGNORECASE)
_CODE_OPENERS = re.compile(r"\n|\x1a")
_LINE_END = re.compile(r"\n|!(?:\[|\Z)|<(?:[iv]|\Z)|d(?:ata:[iva]|ata:?\Z|at\Z|a\Z|\Z)|\x1a|\[", re.IGNORECASE)
_PARTIAL_END = frozenset({"!", "<", "d", "da", "dat", "data", "data:"})
_LINK_HEAD = re.compile(r"\[[^\[\]\n]{1,80}+\]\(")
_LINK_PART = re.compile(r"\[[^\[\]\n]{0,80}+\]?+\(?+")
_BLANK = re.compile(r"\s*+")
_INDENT = re.compile(r"[ \t]*+")
_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_DIGITS = re.compile(r"[0-9][0-9.]*\s?\Z")
_WAKE = re.compile(r"[\]\[()<>\s`\x1a]")
_QUOTE_MARKS = re.compile(r"^[ \t]*>[ \t]?", re.MULTILINE)

_Mode = Literal["start", "plan", "body", "progress", "after_id", "failure", "over"]


class TranscriptDecoder:
    """Turns the text of an answer into events. `makes`: the kinds of media that the model makes.

    The text has gone through a `TextLifter` with the same `lifts`. For a model that makes no media, only clean data
    URIs count, and everything else is its text.
    """

    def __init__(self, lifts: Lifts, makes: frozenset[MediaKind]) -> None:
        self._lifts = lifts
        self._makes = makes
        self._openers = _OPENERS if makes else _TEXT_OPENERS
        self._out: list[Event] = []
        self._text: list[str] = []
        self._held = ""
        self._before = ""
        self._at = 0
        self._asleep = False
        self._mode: _Mode = "start"
        self._steps = {
            "start": self._start,
            "plan": self._plan,
            "progress": self._progress,
            "after_id": self._after_id,
            "failure": self._failure,
        }
        self._media = MediaReader(lifts, makes)
        self._plan_reader = PlanReader()
        self._line_start = True
        self._skip = False
        self._in_code = False
        self._shown = False
        self._produced = 0
        self._reasoning = self._reasoned = False
        self._space = ""
        self._stage: Literal["queued", "running"] = "running"
        self._room = 0
        self._poster: MediaProduced | None = None
        self._gap = ""
        self._prose = ""

    def decode(self, text: str) -> list[Event]:
        """Take the next piece of text; return what has become certain."""
        self._held += text
        if self._asleep and len(self._held) < 8192 and not _WAKE.search(text):
            return []
        return self._run(final=False)

    def flush(self) -> list[Event]:
        """Take the end of the text."""
        events = self._let_go()
        error = self._refused()
        return events if error is None else [*events, Failed(error)]

    def pause(self) -> list[Event]:
        """Let go of what is held, since media came beside the text: what was held stood before it."""
        self._produced += 1
        return self._let_go()

    def _let_go(self) -> list[Event]:
        events = self._run(final=True)
        self._release()
        self._say_now()
        events += self._out
        self._out = []
        return events

    def _run(self, *, final: bool) -> list[Event]:
        while self._at < len(self._held) and self._step(final=final):
            pass
        self._before = self._held[self._at - 1] if self._at else self._before
        self._held, self._at = self._held[self._at :], 0
        self._asleep = self._mode == "body" and len(self._held) > 128 and self._held[-1] not in "]\\"
        self._say_now()
        events, self._out = self._out, []
        return events

    def _step(self, *, final: bool) -> bool:
        """Go on by one step; return False when more text is needed."""
        if self._mode == "over":
            self._at = len(self._held)
            return True
        if self._mode != "body":
            return self._steps[self._mode](final=final)
        if self._skip and not self._skip_space():
            return True
        return self._line(final=final) if self._line_start else self._inline(final=final)

    # What comes out.

    def _say(self, text: str) -> None:
        """Tell text, with foreign placeholders as they are and our own put back."""
        if "\x1a" in text:
            text = str(self._lifts.restore(text))
        if self._reasoning:
            whole = self._space + text
            text = whole.rstrip()
            self._space = whole[len(text) :][-_MAX_SPACE:]
            text = whole[: len(whole) - len(self._space)]
        if self._poster is not None and text:
            if text.isspace() and len(self._gap) + len(text) <= _MAX_GAP:
                self._gap += text
                return
            self._release()
        if text:
            self._text.append(text)

    def _say_now(self) -> None:
        """Turn the text that has been told into one delta."""
        if not self._text:
            return
        text = "".join(self._text)
        self._text.clear()
        if self._reasoning:
            self._out.append(ReasoningDelta(text))
            return
        if len(self._prose) <= _MAX_PROSE:
            self._prose += text[: _MAX_PROSE + 1]
        self._out.append(TextDelta(text))

    def _emit(self, event: Event) -> None:
        self._release()
        self._say_now()
        self._out.append(event)

    def _release(self) -> None:
        """Let go of a picture that might have been the poster of a video."""
        poster, gap = self._poster, self._gap
        self._poster, self._gap = None, ""
        if poster is None:
            return
        self._say_now()
        if poster.url is None:
            self._text.append(poster.shown)
        else:
            self._out.append(poster)
        if gap:
            self._text.append(gap)

    # The start: a plan, a heading, or neither.

    def _start(self, *, final: bool) -> bool:
        text = self._held.lstrip()
        if len(self._held) - len(text) > _MAX_SPACE:
            self._mode = "body"
            return True
        heading = _heading(text[:32], REASONING_HEADINGS)
        if heading is None and not final:
            return False
        if heading:
            self._at = len(self._held) - len(text) + heading
            self._reasoning = self._reasoned = self._skip = True
        elif self._makes and text.startswith(("{", "`")):
            self._mode = "plan"
            return True
        self._mode = "body"
        return True

    def _plan(self, *, final: bool) -> bool:
        """Hold the block until it has ended; it is a plan, or it is text after all."""
        plan = self._plan_reader.read(self._held, final=final)
        if plan is True:
            return False
        self._mode = "body"
        if isinstance(plan, Plan) and (media := leaked(plan.params)):
            for name, value in media:
                self._emit(self._media.leaked(name, value))
            self._at = plan.end
            self._produced += len(media)
            self._skip = True
        elif isinstance(plan, Plan):
            self._emit(Planned(without_runs(plan.params), without_runs(self._held[plan.start : plan.end])))
            self._at = plan.end
            self._shown = self._skip = True
        return True

    # Lines.

    def _skip_space(self) -> bool:
        """Leave out the blank lines between pieces; return False when everything was blank."""
        blank = _BLANK.match(self._held, self._at)
        self._at = blank.end() if blank else self._at
        self._skip = self._at == len(self._held)
        return not self._skip

    def _line(self, *, final: bool) -> bool:
        """Judge the beginning of a line."""
        if self._reasoned and not self._produced:
            heading = _heading(self._held[self._at : self._at + 32], RESPONSE_HEADINGS)
            if heading is None and not final:
                return False
            if heading:
                self._end_reasoning()
                self._at += heading
                self._skip = True
                return True
        if self._reasoning:
            return self._prose_line()
        if not self._makes:
            return self._code_line(final=final)
        return self._makers_line(final=final)

    def _end_reasoning(self) -> None:
        self._say_now()
        self._reasoning, self._space = False, ""

    def _prose_line(self) -> bool:
        self._line_start = False
        return True

    def _code_line(self, *, final: bool) -> bool:
        """Look out for fences of code, in which a text model's data URIs are its own business."""
        mark = self._held[self._at : self._at + 3]
        if "```".startswith(mark) and len(mark) < 3 and not final:
            return False
        if mark == "```":
            self._in_code = not self._in_code
            self._openers = _CODE_OPENERS if self._in_code else _TEXT_OPENERS
        return self._prose_line()

    def _makers_line(self, *, final: bool) -> bool:
        indent = _INDENT.match(self._held, self._at)
        at = indent.end() if indent else self._at
        first = self._held[at : at + 1]
        if not first:
            return self._prose_line() if final or at - self._at > _MAX_GAP else False
        if first in "`hH<":
            return self._shape_line(first, at, final=final)
        if first in "\r\n![{":
            return self._prose_line()
        end, ended = self._line_end(final=final)
        line = self._held[self._at : end]
        if first == ">":
            judged = relay_lines.judge_quoted(line, ended=ended, shown=self._shown)
        else:
            waiting = self._shown and not self._produced
            judged = relay_lines.judge_plain(line, ended=ended, waiting=waiting)
        return self._act(judged, line)

    def _shape_line(self, first: str, at: int, *, final: bool) -> bool:
        """Read a fence of HTML, or a URL that stands alone."""
        if first == "`":
            shape = relay_shapes.read_fence(self._held, at, final=final)
        else:
            shape = relay_shapes.read_url_line(self._held, at, final=final)
        if shape is Verdict.MORE:
            return False
        self._line_start = False
        if isinstance(shape, Shape):
            self._say(self._held[self._at : at])
            self._at = at
            self._show(shape)
        return True

    def _line_end(self, *, final: bool) -> tuple[int, bool]:
        """Return how far the line can be judged, and whether it ends there: at a newline, or where media begins."""
        at = self._at
        while match := _LINE_END.search(self._held, at):
            if match[0] == "\n":
                return match.start(), True
            if match[0] == "[":
                if _LINK_HEAD.match(self._held, match.start()):
                    return match.start(), True
                partial = _LINK_PART.match(self._held, match.start())
                if partial and partial.end() == len(self._held) and not final:
                    return match.start(), False
            elif match[0].lower() not in _PARTIAL_END:
                return match.start(), True
            elif not final:
                return match.start(), False
            at = match.end()
        return len(self._held), final

    def _act(self, judged: Judgement, line: str) -> bool:
        """Do what the judgement of a line says."""
        waiting = self._shown and not self._produced
        match judged.what:
            case What.MORE:
                return False
            case What.FAILED if not self._produced:
                self._release()
                self._mode = "failure"
            case What.NAMED:
                self._emit(UpstreamNamed(judged.name, judged.value))
                self._at += judged.end
                self._mode, self._shown = "after_id", True
            case What.STAGE:
                self._tell(judged.stage, judged.percent, judged.end)
            case What.DONE:
                self._tell_line("done", line)
            case What.UNKNOWN if waiting and line.strip("> \t") and "://" not in line:
                self._tell_line("running", line)
            case _:
                self._line_start = False
        return True

    def _tell_line(self, stage: Literal["running", "done"], line: str) -> None:
        self._emit(Progress(stage, None, line + self._newline(len(line))))
        self._shown = self._skip = True

    def _newline(self, length: int) -> str:
        """Move past a line of this length; return its newline, if it has one."""
        self._at += length
        newline = self._held[self._at : self._at + 1]
        if newline != "\n":
            self._line_start = False
            return ""
        self._at += 1
        return newline

    def _tell(self, stage: Literal["queued", "running"], percent: int | None, length: int) -> None:
        """Tell the beginning of a line of progress; its rest follows."""
        self._emit(Progress(stage, percent, self._held[self._at : self._at + length]))
        self._at += length
        self._mode, self._stage, self._shown = "progress", stage, True
        self._room = relay_lines.MAX_LINE - length if percent is None else 0

    def _progress(self, *, final: bool) -> bool:
        """Tell the rest of a line of progress as it comes; a percentage may still stand in it."""
        end, ended = self._line_end(final=final)
        rest = self._held[self._at : end]
        found = relay_lines.PERCENT.search(rest, 0, self._room) if self._room > 0 else None
        if found is not None:
            self._tell(self._stage, relay_lines.percent_of(found), found.end())
            return True
        if not ended and self._room > 0 and (digits := _DIGITS.search(rest)) and digits.end() < self._room:
            rest = rest[: digits.start()]
        self._room -= len(rest)
        text = rest + self._newline(len(rest)) if ended else rest
        if not ended:
            self._at += len(rest)
        if text:
            self._emit(Progress(self._stage, None, text))
        if ended:
            self._mode, self._skip = "body", True
        return ended or bool(text)

    def _after_id(self, *, final: bool) -> bool:
        """Leave out what is left of the line of an id."""
        end, ended = self._line_end(final=final)
        if not ended:
            self._at = end
            return False
        self._newline(end - self._at)
        self._mode, self._skip = "body", True
        return True

    # Failures.

    def _failure(self, *, final: bool) -> bool:
        """Collect the paragraph that tells of a failure, and the reason that may follow it."""
        text = self._held[self._at : self._at + _MAX_FAILURE]
        end = _paragraph(text, 0)
        if end is not None and not relay_lines.mentions_reason(text[:end]):
            more = relay_lines.is_reason(text[end:])
            if more or (more is None and not final and len(text) < _MAX_FAILURE):
                end = _paragraph(text, end) if more else None
        if end is None and not final and len(text) < _MAX_FAILURE:
            return False
        words = without_runs(_QUOTE_MARKS.sub("", text[:end]).strip())
        self._emit(Failed(classify(words) or UpstreamBroken(words)))
        self._mode = "over"
        return True

    def _refused(self) -> DarkroomError | None:
        """Return the error of an answer without media whose few words are a known refusal."""
        if not self._makes or self._produced or self._mode == "over" or len(self._prose) > _MAX_PROSE:
            return None
        return relay_lines.refusal(without_runs(self._prose))

    # Media.

    def _inline(self, *, final: bool) -> bool:
        """Tell text up to the next place where media may be shown, and read that place."""
        match = self._openers.search(self._held, self._at)
        if match and match.start() == 0 and match[0][0] in "hH" and self._before.isascii() and self._before.isalpha():
            match = self._openers.search(self._held, 1)  # Inside a word, whose beginning is told already.
        stop = match.start() if match else len(self._held)
        if stop > self._at:
            self._say(self._held[self._at : stop])
            self._at = stop
        if match is None:
            return True
        if match[0] == "\n":
            self._say("\n")
            self._at += 1
            self._line_start = True
            return True
        shape = relay_shapes.read(self._held, self._at, final=final)
        if shape is Verdict.MORE:
            return False
        if isinstance(shape, Shape):
            self._show(shape)
        else:
            self._say(self._held[self._at])
            self._at += 1
        return True

    def _show(self, shape: Shape) -> None:
        """Tell the media that a shape shows; or its text, where it shows none."""
        verbatim = self._held[self._at : shape.end]
        self._at = shape.end
        showing = self._media.judge(shape, verbatim)
        match showing.how:
            case "text":
                self._say(verbatim)
            case "instead":
                self._say(showing.instead)
            case "lost" if showing.error is not None:
                self._emit(Failed(showing.error))
                self._mode = "over"
        if showing.media is not None:
            self._show_media(showing.media, showing.how)

    def _show_media(self, media: MediaProduced, how: str) -> None:
        """Tell media; a picture at a URL waits until it is clear that it is not the poster of a video."""
        if self._reasoning:
            self._end_reasoning()
        if how == "link" and media.kind is MediaKind.VIDEO and self._poster is not None:
            media = self._with_poster(media, self._poster)
        waits = media.kind is MediaKind.IMAGE and media.lifted is None
        self._produced += how != "poster"
        if not waits:
            self._emit(media)
            return
        self._release()
        self._say_now()
        self._poster = media

    def _with_poster(self, video: MediaProduced, poster: MediaProduced) -> MediaProduced:
        shown = poster.shown + self._gap + video.shown
        self._produced -= poster.url is not None
        self._poster, self._gap = None, ""
        return replace(video, poster=poster.url, shown=shown)


def _heading(text: str, headings: tuple[str, ...]) -> int | None:
    """Return the length of the heading that a text begins with, 0 for none, None for not enough text."""
    lowered = text.lower()
    for heading in headings:
        if lowered.startswith(heading):
            return len(heading)
    return None if any(heading.startswith(lowered) for heading in headings) else 0


def _paragraph(text: str, at: int) -> int | None:
    """Return where the paragraph at `at` ends, with the blank line behind it; None when it has not ended."""
    begin = _BLANK.match(text, at)
    match = _PARAGRAPH.search(text, begin.end() if begin else at)
    return match.end() if match else None
