"""The bench's own pieces, at tiny sizes: that its pictures are pictures, and that what it measures happens."""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from random import Random

import pybase64
import pytest
from PIL import Image

from bench import bodies, floor, reader, report
from bench.__main__ import main, parser
from bench.measure import Bench, Block, Results
from bench.pictures import TAIL, pictures_of
from bench.processes import Process, free_port, lives
from bench.reader import Read, Reading
from bench.scenarios import MIB, SCENARIOS, TEXT, Answer, Form, Scenario
from bench.servers import Server
from bench.serving import Served, Serving, ServingBench, ServingResults, nginx
from bench.serving_report import served_row, serving_page
from bench.stock import Stock
from bench.watcher import Heard
from bench.watching import Watched, Watching, WatchingBench, timed
from bench.watching_report import watching_page

_URI = b"data:image/png;base64,"
_SIZE = 50_001


def _unchunked(body: bytes) -> bytes:
    """Undo HTTP's chunks."""
    joined = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        joined += body[: int(size, 16)]
        assert body[int(size, 16) :][:2] == b"\r\n"
        body = body[int(size, 16) + 2 :]
    return joined


def _body_of(wanted: Answer) -> bytes:
    head, _, body = b"".join(bodies.answer(wanted).pieces()).partition(b"\r\n\r\n")
    if b"chunked" in head:
        return _unchunked(body)
    assert f"content-length: {len(body)}".encode() in head
    return body


def _frames(body: bytes) -> list[dict[str, object]]:
    events = [line.removeprefix(b"data: ") for line in body.split(b"\n\n") if line]
    assert events.pop() == b"[DONE]"
    return [json.loads(event) for event in events]


def _text_of(wanted: Answer) -> str:
    """Return everything that an answer says, in one JSON text."""
    body = _body_of(wanted)
    if not wanted.stream:
        return json.dumps(json.loads(body))
    deltas = [choice["delta"] for frame in _frames(body) for choice in frame["choices"]]  # type: ignore[attr-defined]
    contents = "".join(delta.get("content") or "" for delta in deltas)
    return contents + json.dumps([delta.get("images") for delta in deltas])


@pytest.mark.parametrize("size", [4096, 5000, _SIZE, 1 << 20])
def test_pictures_are_whole_and_differ(size: int) -> None:
    pictures = pictures_of(size)
    first, second = (pictures.head + pictures.next_tail() for _ in range(2))
    assert len(first) == len(second) == pictures.size == size - size % 3
    assert first != second
    assert first[:-TAIL] == second[:-TAIL]
    for data in (first, second):
        Image.open(BytesIO(data)).verify()
        Image.open(BytesIO(data)).load()


@pytest.mark.parametrize(
    ("form", "stream"),
    [("images", False), ("images", True), ("markdown", False), ("markdown", True), ("deltas", True)],
)
def test_answers_hold_their_picture(form: Form, stream: bool) -> None:
    text = _text_of(Answer(form, stream, _SIZE)).encode()
    payload = text.partition(_URI)[2].split(b'"')[0].split(b")")[0]
    data = pybase64.b64decode(payload, validate=True)
    assert len(data) == _SIZE // 3 * 3
    Image.open(BytesIO(data)).load()


def test_a_picture_in_deltas_comes_in_many() -> None:
    assert len(_frames(_body_of(Answer("deltas", True, _SIZE)))) > _SIZE // 100


def test_text_answers_are_the_text() -> None:
    assert TEXT in _text_of(Answer("text"))
    assert _text_of(Answer("text", True)).startswith(TEXT)
    assert len(TEXT) == 200


def test_requests_hold_their_picture() -> None:
    first, second = (json.loads(b"".join(bodies.request("m", False, _SIZE).pieces())) for _ in range(2))
    url = first["messages"][0]["content"][1]["image_url"]["url"]
    assert len(pybase64.b64decode(url.encode().removeprefix(_URI), validate=True)) == _SIZE // 3 * 3
    assert first != second
    assert "stream_options" in json.loads(b"".join(bodies.request("m", True, 0).pieces()))


@pytest.mark.parametrize("form", ["images", "markdown", "deltas"])
def test_the_floor_finds_the_picture_however_it_is_cut(form: Form, tmp_path: Path) -> None:
    wanted = Answer(form, form == "deltas", _SIZE)
    body, random = _body_of(wanted), Random(form)
    path = tmp_path / "picture"
    with path.open("wb", buffering=0) as file:
        span = floor.Span(file)
        reader = floor.Deltas(span) if form == "deltas" else span
        while body:
            cut = random.randint(1, 3000)
            reader.feed(body[:cut])
            body = body[cut:]
    data = path.read_bytes()
    assert len(data) == span.size == _SIZE // 3 * 3
    assert span.digest() == sha256(data).hexdigest().encode()
    Image.open(BytesIO(data)).load()


_SMALL = (
    Scenario("text", "text", Answer("text"), requests=3),
    Scenario("text-stream", "text, streamed", Answer("text", True), concurrency=2, requests=3),
    Scenario("json", "JSON", Answer("images", False, _SIZE), requests=2),
    Scenario("markdown", "in the text", Answer("markdown", False, _SIZE), requests=2),
    Scenario("delta", "delta", Answer("images", True, _SIZE), requests=2),
    Scenario("deltas", "deltas", Answer("deltas", True, _SIZE), requests=2),
    Scenario("history", "history", Answer("text"), asked=_SIZE, requests=2),
    Scenario("many", "many", Answer("images", False, _SIZE), concurrency=4, requests=8),
)


def test_a_run_measures_every_server(tmp_path: Path) -> None:
    names = ["direct", "darkroom", "floor"]
    said: list[str] = []
    with Bench.open(tmp_path, names, tmp_path / "no-litellm", ([], [])) as bench:
        results = bench.run(_SMALL, 1, said.append)
        processes = [bench.load, *(server.process for server in bench.servers if server.process is not None)]
        stored = list((tmp_path / "floor").iterdir())
    assert results.errors == {}
    assert {key: len(blocks) for key, blocks in results.blocks.items()} == {
        (scenario.name, name): 1 for scenario in _SMALL for name in names
    }
    assert all(len(blocks[0].seconds) in {2, 3, 8} for blocks in results.blocks.values())
    assert len(said) == len(_SMALL)
    assert stored == []
    assert all(process.popen.poll() is not None for process in processes)
    page = report.page(_SMALL, results, 1, ["a machine"])
    assert page.count("| darkroom |") == page.count("| floor |") == len(_SMALL)
    assert "JSON: throughput" in page


def test_a_wrong_answer_is_an_error_and_no_measurement(tmp_path: Path) -> None:
    scenario = Scenario("json", "JSON", Answer("images", False, _SIZE), requests=2)
    with Bench.open(tmp_path, ["direct"], tmp_path / "no-litellm", ([], [])) as bench:
        bench.servers[0].links = True
        bench.servers.append(Server("nobody", free_port()))
        results = bench.run([scenario], 1, lambda _: None)
    assert results.blocks == {}
    assert "has no '/media/media_'" in results.errors["json", "direct"]
    assert ("json", "nobody") in results.errors
    assert "failed: " in report.page([scenario], results, 1, [])


def test_an_upstream_without_the_picture_is_noticed(tmp_path: Path) -> None:
    scenario = Scenario("history", "history", Answer("text"), asked=_SIZE)
    with Bench.open(tmp_path, ["direct"], tmp_path / "no-litellm", ([], [])) as bench:
        small = bench.ask(bench.servers[0], SCENARIOS[0], 1)
        assert "can't hold the picture" in bench._untrue(bench.servers[0], scenario, small)
        whole = bench.ask(bench.servers[0], scenario, 1)
        assert bench._untrue(bench.servers[0], scenario, whole) == ""


def test_rows_are_told_against_the_direct_upstream() -> None:
    scenario = Scenario("json", "JSON", Answer("images", False, 3_000_000), concurrency=2)
    direct = [Block([0.010, 0.010, 0.012], [], 0.03, 0, 0), Block([0.020], [], 0.02, 0, 0)]
    ours = [
        Block([0.030, 0.040, 0.050], [], 0.12, 0.06, 8 * MIB),
        Block([0.070], [], 0.07, 0.01, 20 * MIB),
    ]
    row = report.row_of(scenario, ours, direct)
    assert row.p50 == pytest.approx(55)
    assert row.added_p50 == pytest.approx(40)
    assert row.added_p99 == pytest.approx(50)
    assert row.cpu == pytest.approx(15)
    assert row.peak == pytest.approx(20)
    assert row.per_picture == pytest.approx(10)
    assert row.rate == pytest.approx(3.0 / 0.055)
    assert report.row_of(scenario, direct, direct).added_p50 is None


def test_targets_say_what_was_missed() -> None:
    scenario = Scenario("json", "JSON", Answer("images", False, 3_000_000))
    block = Block([0.1], [0.1], 0.1, 0.01, 9 * MIB)
    results = Results({("json", "darkroom"): [block], ("json", "floor"): [Block([0.04], [0.04], 0.04, 0.01, 0)]})
    results.servers = {"darkroom": Server("darkroom", 1), "floor": Server("floor", 2)}
    memory, throughput = report.targets([scenario], report.rows_of([scenario], results))
    assert memory.startswith("**missed**: JSON: memory 9.00 MiB")
    assert throughput.startswith("**missed**: JSON: throughput 0.40")
    results.blocks["json", "darkroom"] = [Block([0.05], [0.05], 0.05, 0.01, 7 * MIB)]
    reached = report.targets([scenario], report.rows_of([scenario], results))
    assert all(line.startswith("reached") for line in reached)


_PARENT = """
import subprocess, sys
child = subprocess.Popen(["sleep", "60"])
large = bytearray(b"x") * (64 << 20)
del large
print("up", flush=True)
sys.stdin.read()
"""


def test_a_process_is_watched_and_ended_with_what_it_started(tmp_path: Path) -> None:
    process = Process.start("parent", [sys.executable, "-c", _PARENT], tmp_path, pipes=True)
    try:
        assert process.first_line() == "up"
        parent, child = process.pids()
        assert process.memory("VmHWM") - process.memory("VmRSS") > 48 * MIB
        process.forget_peak()
        assert process.memory("VmHWM") - process.memory("VmRSS") < 16 * MIB
    finally:
        process.stop()
    process.stop()
    assert process.popen.poll() is not None
    assert not lives(parent)
    assert not lives(child)


def test_what_cannot_run_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--only", "text", "--without", "darkroom", "--without", "floor", "--litellm", str(tmp_path / "none")]
    assert main(options) == 2
    assert "make bench" in capsys.readouterr().err
    for wrong in (["--rounds", "0"], ["--only", "nothing"]):
        with pytest.raises(SystemExit):
            parser().parse_args(wrong)
    assert "between 1 and 50" in capsys.readouterr().err


_STOCK = Stock(small=2, large=1, picture=60_000, video=300_000)
_SERVED = (
    Serving("thumbnails", "thumbnails", "small", connections=2, seconds=0.1),
    Serving("pictures", "pictures", "large", connections=2, seconds=0.1),
    Serving("ranges", "ranges", "video", span=10_000, connections=2, seconds=0.1),
)


def test_serving_is_measured_beside_nginx(tmp_path: Path) -> None:
    names = ["darkroom", *(["nginx"] if nginx() else [])]
    with ServingBench.open(tmp_path, names, ([], []), _STOCK) as bench:
        assert [media.size for media in bench.stock["large"] + bench.stock["video"]] == [60_000, 300_000]
        results = bench.run(_SERVED, 2, lambda _: None)
        processes = [bench.reader, *(server.process for server in bench.servers if server.process is not None)]
    assert results.errors == {}
    assert {key: len(rounds) for key, rounds in results.rounds.items()} == {
        (serving.name, name): 2 for serving in _SERVED for name in names
    }
    assert all(each.read.size == each.read.answers * 10_000 for each in results.rounds["ranges", "darkroom"])
    assert all(process.popen.poll() is not None for process in processes)
    page = serving_page(_SERVED, results, 2, ["a machine"], ["nothing was left out"])
    assert all(page.count(f"| {name} |") == len(_SERVED) for name in names)


def test_wrong_bytes_are_an_error_and_no_measurement(tmp_path: Path) -> None:
    with ServingBench.open(tmp_path, ["darkroom"], ([], []), _STOCK) as bench:
        (darkroom,), pictures = bench.servers, _SERVED[1]
        assert bench.untrue(darkroom, pictures) == ""
        darkroom.links = False  # It is asked for the paths of nginx, which it does not have.
        bench.servers.append(Server("nobody", free_port(), process=darkroom.process))
        results = bench.run([pictures], 1, lambda _: None)
        measured = bench.read(darkroom, pictures, 0)
    assert results.rounds == {}
    assert "is not the file" in results.errors["pictures", "darkroom"]
    assert "can't be read" in results.errors["pictures", "nobody"]
    assert "401" in measured.error
    assert serving_page([pictures], results, 1, []).count("failed: ") == 2


def test_a_reader_that_can_not_connect_says_so() -> None:
    assert reader.run(Reading(free_port(), [("/", "")], 1, 0)).error


def test_servings_are_told_against_nginx() -> None:
    serving = _SERVED[1]
    ours = [Served(Read(100, 2_000_000_000, 2.0, 0.01, 0.02), 1.0, MIB), Served(Read(50, 1_000_000_000, 1.0), 0.5, 0)]
    theirs = [Served(Read(400, 8_000_000_000, 2.0, 0.001, 0.002), 0.8, 0)]
    row = served_row(ours)
    assert (row.rate, row.bytes_rate, row.cpu, row.added) == (50, 1e9, 0.01, MIB)
    assert row.cpu_per_gb == pytest.approx(0.5)
    results = ServingResults({("pictures", "darkroom"): ours, ("pictures", "nginx"): theirs})
    results.servers = {"darkroom": Server("darkroom", 1), "nginx": Server("nginx", 2)}
    line = next(line for line in serving_page([serving], results, 2, []).splitlines() if "| darkroom |" in line)
    assert [cell.strip() for cell in line.split("|")][-3:-1] == ["0.25", "5.00"]


def test_watchers_are_counted_and_timed(tmp_path: Path) -> None:
    with WatchingBench.open(tmp_path, ([], []), seconds=1.0) as bench:
        (result,) = bench.run([Watching("few", 4, 2)], lambda _: None)
    assert result.error == ""
    assert result.deliveries >= 4
    assert result.memory > MIB
    assert result.cpu > 0
    assert len(result.last) <= len(result.delays)
    assert "| 4 |" in watching_page([result], [])


def test_a_delay_is_from_the_upstream_to_the_watcher() -> None:
    watched = Watched(Watching("few", 2, 1), memory=3 * MIB, wall=2.0, cpu=1.0)
    heard = Heard(
        [("g", 10, "running", 5.0), ("g", 20, "running", 7.5), ("g", 20, "running", 8.0), ("g", 100, "completed", 9.0)]
    )
    result = timed(watched, heard, {"g": {10: 4.0, 20: 7.0}}, since=6.0)
    assert result.delays == [0.5, 1.0]
    assert result.last == [1.0]
    alone = Watched(Watching("none", 0, 1), memory=2 * MIB, wall=1.0)
    (line,) = [line for line in watching_page([alone, result], []).splitlines() if line.startswith("| 2 |")]
    assert [cell.strip() for cell in line.split("|")[4:7]] == ["50.0", "3.00", "512"]
    assert "failed: no" in watching_page([Watched(Watching("few", 2, 1), error="no")], [])


def test_a_part_of_the_page_is_replaced_and_the_others_stay() -> None:
    page = report.merged("# One\n\na\n\n## more\n\n# Two\n\nb\n", ["# Two\n\nc\n", "# Three\n\nd\n"])
    assert page == "# One\n\na\n\n## more\n\n# Two\n\nc\n\n# Three\n\nd\n"
    assert report.merged("", ["# One\n"]) == "# One\n"
