"""The evaluation set and what measures with it; and that the rules reach what was promised of them.

No assertion prints a case of the test half: it is for measuring, and nobody looks at it.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from darkroom.errors import UpstreamBroken
from darkroom.ids import is_typeid
from darkroom.planner import Plan, Scene, Use
from darkroom.settings import Settings
from darkroom.testing import serve
from evals.__main__ import DOCUMENTS, main
from evals.cases import LANGUAGES, TAGS, Case, CaseInvalid, Expected, load, read
from evals.models import opened
from evals.planners import PURE, RULES
from evals.play import History, Played, play
from evals.report import BEGIN, END, failures, table, write
from evals.run import Run, measured, run
from evals.score import Scores, judge, scores
from evals.split import SPLITS, sort, split_of
from evals.split import main as sort_command
from running import Scripted, row

HALVES = {split: load(split) for split in SPLITS}
ALL = [case for cases in HALVES.values() for case in cases]

FOX: dict[str, Any] = {
    "id": "fox",
    "language": "en",
    "turns": [
        {"user": "two foxes, 16:9", "expect": {"operation": "generate", "n": 2, "ratio": "16:9"}, "tag": "count"},
        {
            "user": "put {link:1.2} and {gen:1.1} beside this",
            "uploads": ["IMG_1.jpg|a badger"],
            "expect": {"operation": ["edit", "compose"], "media": ["1.1", "1.2", "u2"], "roles": {"u2": "edited"}},
            "tag": "compose",
        },
        {"user": "all three darker", "expect": {"operation": "edit", "media": ["2", "1.1"]}, "tag": "both"},
        {"user": "what is on {media:u2}?", "expect": {"operation": "describe", "media": ["u2"]}, "tag": "describe"},
        {
            "user": "the second, with a hat",
            "expect": {"operation": "edit", "media": ["3.2"], "prompt": "with a hat"},
            "tag": "ordinal",
        },
    ],
}


class Recording:
    """A planner that says the same of every scene, and keeps what it was shown."""

    name = "recording"

    def __init__(self, plan: Plan | None = None) -> None:
        self._plan = plan
        self.scenes: list[Scene] = []

    async def plan(self, scene: Scene) -> Plan:
        self.scenes.append(scene)
        if self._plan is None:
            raise UpstreamBroken("no plan today")
        return self._plan


def case_of(tmp_path: Path, document: Any) -> Case:
    file = tmp_path / "some.jsonl"
    file.write_text(json.dumps(document), "utf-8")
    (case,) = read(file)
    return case


def changed(turn: int, **expect: Any) -> dict[str, Any]:
    """Return the fox with another expectation at a turn, counted from 1."""
    fox: dict[str, Any] = json.loads(json.dumps(FOX))
    fox["turns"][turn - 1]["expect"] |= expect
    return fox


def perfect(case: Case) -> list[Played]:
    """Play a case as somebody who knows what is expected."""
    history, found = History(case), []
    for number, turn in enumerate(case.turns, 1):
        scene, expect = history.scene(number), turn.expect
        uses = tuple(Use(history.ids[name], expect.role_of(name)) for name in expect.media)
        plan = Plan(expect.operations[0], expect.prompt or scene.text, uses, expect.ratio, expect.n)
        found.append(Played(case, number, scene, plan, history.ids))
        history.go_on(number, scene, plan)
    return found


@pytest.fixture(scope="module")
def rules() -> Run:
    """The rules' run over everything."""
    return asyncio.run(run(RULES, HALVES))


@pytest.fixture(scope="module")
def by_rules(rules: Run) -> dict[str, Scores]:
    return {**rules.scores()}


# The data


def test_there_are_enough_cases_in_every_language_and_of_every_kind() -> None:
    assert len(ALL) >= 300
    languages = Counter(case.language for case in ALL)
    assert languages.keys() == set(LANGUAGES)
    for half in ("en", "zh"):
        assert 0.35 <= languages[half] / len(ALL) <= 0.55
    for cases in HALVES.values():
        tags = Counter(turn.tag for case in cases for turn in case.turns)
        assert min(tags[tag] for tag in TAGS) >= 10


def test_every_case_is_in_its_half_once() -> None:
    assert [case.id for split, cases in HALVES.items() for case in cases if split_of(case.id) != split] == []
    assert max(Counter(case.id for case in ALL).values()) == 1
    assert 0.3 <= len(HALVES["test"]) / len(ALL) <= 0.5


def test_the_seed_is_among_them() -> None:
    (seed,) = (case for case in ALL if case.id == "seed-001")
    assert seed.turns[0].user == "画个牛马"
    assert [turn.expect.media for turn in seed.turns] == [(), ("1",), ("1",), ("2",), ("4",)]


def test_a_file_is_sorted_into_its_halves(tmp_path: Path) -> None:
    ids = [f"case-{number}" for number in range(50)]
    file = tmp_path / "new.jsonl"
    for _ in range(2):
        file.write_text("\n".join(json.dumps({"id": id}) for id in ids), "utf-8")
        counted = sort(file, tmp_path)
    found = {split: (tmp_path / split / "new.jsonl").read_text("utf-8").splitlines() for split in SPLITS}
    assert {split: len(lines) for split, lines in found.items()} == counted
    assert sorted(json.loads(line)["id"] for lines in found.values() for line in lines) == sorted(ids)
    assert all(split_of(json.loads(line)["id"]) == split for split, lines in found.items() for line in lines)
    file.write_text('{"name": "nobody"}', "utf-8")
    with pytest.raises(ValueError, match=r"new.jsonl:1: .*`id`"):
        sort(file, tmp_path)


@pytest.mark.parametrize(
    ("document", "word"),
    [
        (changed(1, colour="red"), "turn 1, expect: there is no `colour`"),
        (changed(3, media=["7"]), "turn 3: there is no picture 7; known: 1.1, 1.2, u2, 2"),
        (changed(3, media=["3.1"]), "turn 3: there is no picture 3.1"),
        (changed(3, media=[]), "turn 3: `edit` needs media"),
        (changed(3, media=["2", "2"]), "turn 3: a picture stands twice"),
        (changed(1, n=11), "turn 1: n is 1 to 10"),
        (changed(1, ratio="wide"), "turn 1: wide is no ratio"),
        (changed(5, operation="paint"), "paint"),
        (changed(5, operation=[]), "length >= 1"),
        (changed(5, operation="generate"), "turn 5: `generate` has no media"),
        (changed(5, roles={"2": "style"}), "turn 5: 2 has a role, and is not among the media"),
        ({**FOX, "turns": FOX["turns"][:2]}, "2 turns; a case has 3 to 12"),
        ({**FOX, "language": "tlh"}, "tlh"),
        ({**FOX, "author": "me"}, "there is no `author`"),
        ({**FOX, "turns": [*FOX["turns"][:4], {**FOX["turns"][4], "user": "{gen:u2}"}]}, "no generation made it"),
        ({**FOX, "turns": [*FOX["turns"][:4], {**FOX["turns"][4], "tag": "odd"}]}, "odd"),
        ({**FOX, "turns": [*FOX["turns"][:4], {**FOX["turns"][4], "mood": "odd"}]}, "turn 5: there is no `mood`"),
        ("fox", "Expected `object`"),
    ],
)
def test_a_wrong_case_is_complained_about(tmp_path: Path, document: Any, word: str) -> None:
    with pytest.raises(CaseInvalid) as error:
        case_of(tmp_path, document)
    assert "some.jsonl:1: " in str(error.value)
    assert word in str(error.value)


def test_all_complaints_about_a_file_come_at_once(tmp_path: Path) -> None:
    file = tmp_path / "some.jsonl"
    file.write_text(f"{json.dumps(FOX)}\n{{\n\n{json.dumps(FOX)}\n", "utf-8")
    with pytest.raises(CaseInvalid) as error:
        read(file)
    assert [line.partition(":")[2][:1] for line in str(error.value).splitlines()] == ["2", "4"]


# What a planner is shown


async def test_a_planner_sees_what_a_studio_would_know(tmp_path: Path) -> None:
    planner = Recording(Plan("edit", "darkened"))
    case = case_of(tmp_path, FOX)
    played = await play(case, planner)
    first, second, third, fourth, fifth = planner.scenes
    ids = played[-1].ids
    names = {id: name for name, id in ids.items()}
    assert (first.text, first.pictures, first.past) == ("two foxes, 16:9", (), ())
    assert [names[picture.id] for picture in fifth.pictures] == ["1.1", "1.2", "u2", "2", "3.1", "3.2"]
    assert [picture.turn for picture in fifth.pictures] == [1, 1, 2, 2, 3, 3]
    assert all(is_typeid(picture.id, "media") for picture in fifth.pictures)
    made = [picture for picture in fifth.pictures if picture.is_made]
    assert len({picture.generation for picture in made}) == len(made) == 5
    assert all(is_typeid(picture.generation or "", "gen") for picture in made)
    assert (made[0].width, made[0].height) == (1024, 576)

    assert second.text == f"put and {made[0].generation} beside this"
    assert second.named == (ids["1.2"], ids["1.1"])
    assert second.uploads == (ids["u2"],) == (second.pictures[-1].id,)
    assert (second.pictures[-1].caption, second.pictures[-1].words) == ("IMG_1.jpg", second.text)
    assert [(names[use.id], use.role) for use in third.pictures[-1].parents] == [
        ("1.1", "reference"),
        ("1.2", "reference"),
        ("u2", "edited"),
    ]
    assert [[names[use.id] for use in picture.parents] for picture in fifth.pictures[-2:]] == [["2"], ["1.1"]]
    assert fifth.picture(ids["3.2"]).width == 1024
    assert fifth.picture(ids["3.2"]).height == 576
    assert fourth.text == f"what is on {ids['u2']}?"
    assert fourth.named == (ids["u2"],)
    assert [[names[id] for id in said.made] for said in fifth.past] == [["1.1", "1.2"], ["2"], ["3.1", "3.2"], []]
    assert [[names[id] for id in said.shown] for said in fifth.past] == [[], [], [], ["u2"]]
    assert fifth.past[1].uploads == (ids["u2"],)
    assert fifth.past[1].text == second.text
    assert {picture.words for picture in made} == {"darkened"}


async def test_words_are_the_expected_prompt_or_the_users_where_no_plan_was_made(tmp_path: Path) -> None:
    planner = Recording(None)
    played = await play(case_of(tmp_path, changed(2, prompt="side by side")), planner)
    words = [picture.words for picture in planner.scenes[-1].pictures if picture.is_made]
    assert words == ["two foxes, 16:9", "two foxes, 16:9", "side by side", "all three darker", "all three darker"]
    assert {each.failure for each in played} == {"no plan today"}
    assert scores([judge(each) for each in played]).failed == len(played) == 5


def test_ids_are_of_their_case(tmp_path: Path) -> None:
    mine = perfect(case_of(tmp_path, FOX))[-1].ids
    theirs = perfect(case_of(tmp_path, {**FOX, "id": "vixen"}))[-1].ids
    assert mine == perfect(case_of(tmp_path, FOX))[-1].ids
    assert mine.keys() == theirs.keys()
    assert set(mine.values()) & set(theirs.values()) == set()


# What is right


def test_whoever_knows_the_answers_has_all_right() -> None:
    verdicts = [judge(played) for case in ALL for played in perfect(case)]
    total = scores(verdicts)
    for share in (total.all_turns, total.exact, total.prompts, total.roles, total.cases):
        assert share.right == share.of > 0
    assert total.turns.of < total.all_turns.of == len(verdicts)
    assert sum(share.of for share in total.tags.values()) == total.turns.of
    assert sum(share.of for share in total.languages.values()) == total.turns.of


@pytest.mark.parametrize(
    ("turn", "expect"),
    [
        (1, {"n": 1}),
        (1, {"ratio": "9:16"}),
        (1, {"operation": "answer"}),
        (3, {"media": ["2"]}),
        (3, {"media": ["2", "1.1", "1.2"]}),
        (3, {"operation": "answer"}),
        (4, {"operation": "answer"}),
        (4, {"media": ["2"]}),
        (5, {"media": ["3.1"]}),
        (5, {"operation": "compose"}),
        (5, {"n": 3}),
        (5, {"ratio": "1:1"}),
    ],
)
def test_a_planted_wrong_expectation_is_found_wrong(tmp_path: Path, turn: int, expect: dict[str, Any]) -> None:
    played = perfect(case_of(tmp_path, FOX))[turn - 1]
    assert judge(played).right
    turns = list(played.case.turns)
    turns[turn - 1] = replace(turns[turn - 1], expect=replace(turns[turn - 1].expect, **expect))
    assert not judge(replace(played, case=replace(played.case, turns=tuple(turns)))).right


def test_with_several_pictures_each_or_all_in_one_is_right_but_not_exact(tmp_path: Path) -> None:
    played = perfect(case_of(tmp_path, FOX))[2]
    assert played.plan is not None
    verdict = judge(replace(played, plan=replace(played.plan, operation="compose")))
    assert (verdict.right, verdict.exact) == (True, False)


def test_prompts_and_roles_are_told_apart(tmp_path: Path) -> None:
    _, second, _, _, fifth = perfect(case_of(tmp_path, FOX))
    assert second.plan is not None
    assert fifth.plan is not None
    assert (judge(second).roles, judge(fifth).prompt, judge(fifth).roles) == (True, True, None)
    other = replace(second.plan, uses=tuple(replace(use, role="style") for use in second.plan.uses))
    assert (judge(replace(second, plan=other)).right, judge(replace(second, plan=other)).roles) == (True, False)
    for prompt, same in (("With a  HAT!", True), ("with a cat", False)):
        verdict = judge(replace(fifth, plan=replace(fifth.plan, prompt=prompt)))
        assert (verdict.right, verdict.prompt) == (True, same)


def test_the_first_wish_is_nothing_to_decide_and_sureness_is_counted(tmp_path: Path) -> None:
    fox = changed(1)
    fox["turns"][0] |= {"user": "a fox", "tag": "new", "expect": {"operation": "generate", "n": 2}}
    played = perfect(case_of(tmp_path, fox))
    last = played[-1]
    assert last.plan is not None
    played[-1] = replace(last, plan=replace(last.plan, uses=(), confidence=0.4))
    total = scores([judge(each) for each in played])
    assert (total.turns.right, total.turns.of, total.all_turns.of) == (3, 4, 5)
    assert (total.sure.right, total.sure.of, total.unsure.right, total.unsure.of) == (3, 3, 0, 1)
    assert (total.cases.right, total.cases.of) == (0, 1)


def test_a_list_of_operations_edits_one_picture_or_uses_all() -> None:
    one, two = Expected(("edit", "compose"), ("1",)), Expected(("edit", "compose"), ("1", "2"))
    assert (one.role_of("1"), two.role_of("1")) == ("edited", "reference")
    assert Expected("edit", ("1", "u2"), roles={"u2": "style"}).edits == ("1",)


# The rules


def test_a_run_is_the_same_each_time(rules: Run) -> None:
    first, second = rules, asyncio.run(run(RULES, HALVES))
    assert first.scores() == second.scores()
    differing = sum(
        one != other for split in SPLITS for one, other in zip(first.turns[split], second.turns[split], strict=True)
    )
    assert differing == 0


@pytest.mark.parametrize(("split", "wanted"), [("dev", 95.5), ("test", 87.0)])
def test_the_rules_keep_what_they_have_reached(by_rules: dict[str, Scores], split: str, wanted: float) -> None:
    percent = by_rules[split].turns.percent
    assert percent is not None
    assert percent >= wanted


def test_the_rules_get_all_of_the_seed_right() -> None:
    (seed,) = (case for case in ALL if case.id == "seed-001")
    played = asyncio.run(play(seed, RULES))
    assert {each.number: judge(each).faults for each in played if judge(each).faults} == {}


def test_the_documents_hold_the_figures(rules: Run) -> None:
    """After a change to the rules or the cases: `make eval EVAL=--write`."""
    others = [asyncio.run(run(planner, HALVES)) for planner in PURE if planner is not RULES]
    found = measured([*others, rules])
    for document, words in DOCUMENTS:
        assert f"{BEGIN}\n{table(found, words)}\n{END}" in document.read_text("utf-8"), document.name


# Chat models


PLAN = {"reason": "it said so", "operation": "generate", "prompt": "a fox", "ratio": "16:9", "n": 2, "media": []}


async def test_a_chat_model_is_asked_through_a_gateway_and_its_cost_counted(tmp_path: Path) -> None:
    case = case_of(tmp_path, FOX)
    usage = {"prompt_tokens": 700, "completion_tokens": 50, "total_tokens": 750}
    answer = {"role": "assistant", "content": json.dumps({**PLAN, "confidence": 0.3})}
    whole = {"id": "c", "choices": [{"index": 0, "message": answer, "finish_reason": "stop"}], "usage": usage}
    upstream = Scripted(json.dumps(whole).encode())
    async with serve(upstream.app) as url:
        told = Settings(providers=(row("planner", url, models=("wise",), profile="chat"),), sketch=False)
        async with opened(told, ["planner/wise"]) as (model,):
            found = await run(model, {"dev": [case, replace(case, id="other")]}, concurrency=2)
    assert upstream.requests[0]["model"] == "wise"
    assert "two foxes, 16:9" in json.dumps(upstream.requests[0]["messages"])
    cost = model.cost
    assert (cost.plans, cost.requests, cost.estimated) == (10, 10, False)
    assert (cost.prompt_tokens, cost.completion_tokens) == (7000, 500)
    assert "10 plans in 10 requests, 7000 tokens asked and 500 answered" in cost.told()
    total = found.scores()["dev"]
    assert (total.turns.right, total.turns.of, total.failed) == (2, 10, 0)
    assert (total.unsure.right, total.unsure.of) == (2, 10)
    assert "| `planner/wise` |" in table(measured([found]))


async def test_a_model_that_cannot_plan_has_failed_turns(tmp_path: Path) -> None:
    upstream = Scripted([{"content": "I would rather not."}])
    async with serve(upstream.app) as url:
        told = Settings(providers=(row("planner", url, models=("shy",), profile="chat"),), sketch=False)
        async with opened(told, ["planner/shy"]) as (model,):
            found = await run(model, {"dev": [case_of(tmp_path, FOX)]})
    total = found.scores()["dev"]
    assert (total.failed, total.all_turns.right, model.cost.requests, model.cost.plans) == (5, 0, 10, 5)
    assert model.cost.estimated
    told_of = [told.partition("    failed   ")[2] for told in failures(found.turns["dev"], 9)]
    assert [told.startswith("There is no JSON object in the answer") for told in told_of] == [True] * 5


def test_an_unknown_model_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--planner", "nobody/nothing", "--sample", "1"]) == 2
    assert "there is no model `nobody/nothing`" in capsys.readouterr().err


# The command


def test_nothing_prints_a_case_of_the_test_half(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--show", "100000", "--planner", "rules"]) == 0
    printed = capsys.readouterr().out
    assert main(["--json", "--sample", "20"]) == 0
    printed += capsys.readouterr().out
    public = {turn.user for case in HALVES["dev"] for turn in case.turns}
    secret = [turn.user for case in HALVES["test"] for turn in case.turns if turn.user not in public]
    leaked = sum(f"{case.id}, " in printed for case in HALVES["test"])
    leaked += sum(f": {words}\n" in printed for words in secret)
    assert leaked == 0
    assert any(f"{case.id}, turn" in printed for case in HALVES["dev"])
    with pytest.raises(SystemExit):
        main(["--split", "test", "--show", "1"])


def test_failures_of_dev_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    turns = asyncio.run(run(PURE[0], {"dev": HALVES["dev"]})).turns["dev"]
    wrong = sum(not verdict.right or False in (verdict.prompt, verdict.roles) for _, verdict in turns)
    assert main(["--split", "dev", "--show", "3", "--planner", "newest"]) == 0
    told = capsys.readouterr().out
    assert told.count("    expected ") == told.count("    planned  edit; ") == told.count("    because  ") == 3
    assert f"… and {wrong - 3} more" in told


def test_json_has_every_figure(capsys: pytest.CaptureFixture[str], by_rules: dict[str, Scores]) -> None:
    assert main(["--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    turns = by_rules["test"].turns
    assert told["planners"]["rules"]["test"]["turns"] == {"right": turns.right, "of": turns.of}
    assert told["planners"].keys() == {"newest", "choose", "rules"}
    assert told["costs"] == {}


def test_a_sample_is_smaller(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "--sample", "10", "--split", "dev"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["planners"]["rules"].keys() == {"dev"}
    assert told["planners"]["rules"]["dev"]["cases"]["of"] == 10


@pytest.mark.parametrize(
    "wrong",
    [
        ["--write", "--split", "dev"],
        ["--write", "--sample", "3"],
        ["--sample", "0"],
        ["--sample", "1", "--show", "-1"],
        ["--sample", "1", "--show", "1", "--json"],
    ],
)
def test_what_makes_no_sense_is_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(wrong)


def test_a_file_that_can_not_be_sorted_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "odd.jsonl").write_text("{", "utf-8")
    for wrong, said in (
        (["odd.jsonl"], "odd.jsonl:1: this is not JSON"),
        (["none.jsonl"], "none.jsonl"),
        ([], "usage"),
    ):
        assert sort_command([str(tmp_path / name) for name in wrong]) == 2
        assert said in capsys.readouterr().err


def test_a_table_is_written_between_its_marks(tmp_path: Path) -> None:
    document = tmp_path / "README.md"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", "utf-8")
    write(document, "| new |")
    assert document.read_text("utf-8") == f"before\n{BEGIN}\n| new |\n{END}\nafter\n"
    document.write_text("nothing", "utf-8")
    with pytest.raises(ValueError, match="no place"):
        write(document, "| new |")
