"""What a run prints: one table with the planners side by side, failures of the half that may be looked at, JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evals.cases import LANGUAGES, TAGS, Language, Tag
from evals.play import Played
from evals.score import Scores, Share, Verdict
from evals.split import Split

BEGIN = "<!-- make eval: begin -->"
END = "<!-- make eval: end -->"
"""Between these lines of a document stands the table."""


@dataclass(frozen=True, slots=True)
class Words:
    """The table's words in one language."""

    headings: Mapping[str, str]
    tags: Mapping[Tag, str]
    languages: Mapping[Language, str]
    share: str
    """A share with its turns: each planner is sure of others."""


ENGLISH = Words(
    {
        "row": "right, %",
        "of": "turns",
        "newest": "always the newest",
        "choose": "id, “first”, likest words",
        "rules": "rules",
        "turns": "**turns with something to decide**",
        "all_turns": "all turns",
        "cases": "whole conversations",
        "exact": "with the very operation",
        "sure": "where it was sure",
        "unsure": "where it was not",
        "prompts": "the prompt, word by word",
        "roles": "the roles of pictures",
    },
    {
        "new": "a new picture",
        "newest": "a plain wish",
        "pronoun": "“give it a scarf”",
        "first": "“the first one”, “the original”",
        "ordinal": "“the second one”",
        "last": "“the last one”",
        "last-but-one": "“the one before that”",
        "before": "“before that change”",
        "undo": "“undo”",
        "start-over": "“start over”",
        "again": "“again”",
        "content": "“the one with the hat”",
        "definite": "a thing that only an older one has",
        "negation": "“not that one”",
        "both": "“both”, “the other”",
        "upload": "“my photo”",
        "compose": "several in one",
        "reference-kept": "“use this character from now on”",
        "reference-released": "“forget the reference”",
        "describe": "a question about a picture",
        "answer": "talk",
        "id": "ids and links",
        "typo": "typing errors",
        "ratio": "“9:16”, “for my phone”",
        "count": "“four of them”",
        "focus": "what was just talked about",
    },
    {"en": "English", "zh": "Chinese", "mixed": "mixed", "ja": "Japanese", "es": "Spanish"},
    "{} of {}",
)
CHINESE = Words(
    {
        "row": "正确率 %",
        "of": "轮数",
        "newest": "总是最新一张",
        "choose": "id、“第一张”、字面最像",
        "rules": "规则",
        "turns": "**需要判断的轮次**",
        "all_turns": "全部轮次",
        "cases": "整段对话",
        "exact": "操作也完全一致",
        "sure": "有把握时",
        "unsure": "没把握时",
        "prompts": "提示词逐字一致",
        "roles": "图片的角色",
    },
    {
        "new": "新画一张",
        "newest": "直接提要求",
        "pronoun": "“给它戴条围巾”",
        "first": "“第一张”“原图”",
        "ordinal": "“第二张”",
        "last": "“上一张”“刚才那张”",
        "last-but-one": "“倒数第二张”",
        "before": "“改之前的”",
        "undo": "“撤销”",
        "start-over": "“都不要，重来”",
        "again": "“再来一张”",
        "content": "“戴帽子的那张”",
        "definite": "只有旧图里才有的东西",
        "negation": "“不是那张”",
        "both": "“两张都”“另一张”",
        "upload": "“我发的照片”",
        "compose": "几张合成一张",
        "reference-kept": "“以后都用这个角色”",
        "reference-released": "“不用参考了”",
        "describe": "问图里有什么",
        "answer": "聊天",
        "id": "id 和链接",
        "typo": "错别字",
        "ratio": "“9:16”“手机壁纸”",
        "count": "“来四张”",
        "focus": "刚说到的那张",
    },
    {"en": "英文", "zh": "中文", "mixed": "中英混合", "ja": "日文", "es": "西班牙文"},
    "{}（{} 轮）",
)

Measured = Mapping[str, Mapping[Split, Scores]]
"""By planner's name, by half."""

_TOTALS = ("turns", "all_turns", "cases", "exact", "sure", "unsure", "prompts", "roles")


def table(measured: Measured, words: Words = ENGLISH) -> str:
    """Return the table as markdown: a row for each phenomenon, a column for each planner, halves as `dev / test`."""
    splits = list(next(iter(measured.values())))
    halves = " / ".join(splits)
    columns = [f"{words.headings['row']} ({halves})", words.headings["of"]]
    columns += [words.headings.get(name, f"`{name}`") for name in measured]
    lines = [_line(columns), "|---" * len(columns) + "|"]
    for title, key, name in _rows(words):
        shares = [[_share_of(scores, key, name) for scores in by_split.values()] for by_split in measured.values()]
        if key in ("sure", "unsure"):
            lines.append(
                _line([title, "", *(" / ".join(_percent_of(share, words) for share in each) for each in shares)])
            )
            continue
        counts = " / ".join(str(share.of) for share in shares[0])
        lines.append(_line([title, counts, *(" / ".join(map(_percent, each)) for each in shares)]))
    return "\n".join(lines)


def details(measured: Measured) -> dict[str, Any]:
    """Return every figure, for JSON."""
    return {name: {split: asdict(scores) for split, scores in by_split.items()} for name, by_split in measured.items()}


def failures(turns: Sequence[tuple[Played, Verdict]], most: int) -> Iterator[str]:
    """Yield up to `most` turns that went wrong, if only in prompt or roles, as a person can read them.

    Only for the half that may be looked at.
    """
    wrong = [(played, verdict) for played, verdict in turns if verdict.faults]
    for played, verdict in wrong[:most]:
        yield _told(played, verdict)
    if len(wrong) > most:
        yield f"… and {len(wrong) - most} more"


def write(document: Path, text: str) -> None:
    """Put a table into a document, between its two marks. Raises `ValueError` where it has none."""
    before, begin, rest = document.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{document.name} has no place for the table: {BEGIN} … {END}")
    document.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", "utf-8")


def _rows(words: Words) -> Iterator[tuple[str, str, str]]:
    """Yield each row's title, the field of `Scores`, and the key in it."""
    for total in _TOTALS:
        yield words.headings[total], total, ""
    for tag in TAGS:
        yield words.tags[tag], "tags", tag
    for language in LANGUAGES:
        yield words.languages[language], "languages", language


def _share_of(scores: Scores, key: str, name: str) -> Share:
    found = getattr(scores, key)
    share: Share = found[name] if name else found
    return share


def _percent(share: Share) -> str:
    return "–" if share.percent is None else f"{share.percent:.1f}"


def _percent_of(share: Share, words: Words) -> str:
    return words.share.format(_percent(share), share.of) if share.of else "–"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _told(played: Played, verdict: Verdict) -> str:
    turn, plan, names = played.turn, played.plan, {id: name for name, id in played.ids.items()}
    expect = turn.expect
    head = f"{played.case.id}, turn {played.number} ({turn.tag}), wrong {', '.join(verdict.faults)}: {turn.user}"
    media = [_with_role(name, expect.roles.get(name)) for name in expect.media]
    wanted = _listed("/".join(expect.operations), media, expect.n, expect.ratio, expect.prompt)
    if plan is None:
        return f"{head}\n    expected {wanted}\n    failed   {played.failure}"
    media = [_with_role(names.get(use.id, use.id), use.role) for use in plan.uses]
    given = _listed(plan.operation, media, plan.n, plan.ratio, plan.prompt)
    return f"{head}\n    expected {wanted}\n    planned  {given}\n    because  {plan.reason} ({plan.confidence:.2f})"


def _with_role(name: str, role: str | None) -> str:
    return name if role is None else f"{name} ({role})"


def _listed(operation: str, media: Sequence[str], n: int, ratio: str | None, prompt: str | None) -> str:
    facts = [operation, ", ".join(media), f"n {n}" if n > 1 else "", ratio or "", f"“{prompt}”" if prompt else ""]
    return "; ".join(fact for fact in facts if fact)
