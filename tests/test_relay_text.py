"""The transcript dialect: every variant that relays are known to write, some that nobody has seen, at any cut."""

from __future__ import annotations

import io
import random
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import transcripts
from darkroom.dialects.relay_text import (
    TranscriptDecoder,
    TranscriptWriter,
    classify,
    language_of,
    merge,
    read_transcript,
)
from darkroom.errors import ContentPolicyViolation, UpstreamRateLimited
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
from darkroom.lifted import Lifts
from darkroom.media import MediaKind

IMAGE = frozenset({MediaKind.IMAGE})
BOTH = frozenset({MediaKind.IMAGE, MediaKind.VIDEO})
NONE: frozenset[MediaKind] = frozenset()
PNG = b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
DATA = "data:image/png;base64,\x1alift:n:0\x1a"


class Memory:
    def __init__(self) -> None:
        self.data = io.BytesIO()

    def write(self, data: bytes | bytearray | memoryview) -> object:
        return self.data.write(data)

    def chunks(self) -> Iterator[bytes]:
        yield self.data.getvalue()

    def rest(self) -> None:
        pass

    def discard(self) -> None:
        self.data = io.BytesIO()


def new_lifts(runs: int = 3) -> Lifts:
    lifts = Lifts(Memory, "n")
    for _ in range(runs):
        lifts.open().feed(PNG)
    return lifts


def decode(pieces: Iterable[str], makes: frozenset[MediaKind] = BOTH) -> list[Event]:
    decoder = TranscriptDecoder(new_lifts(), makes)
    events = [event for piece in pieces for event in decoder.decode(piece)]
    return merge([*events, *decoder.flush()])


def plain(event: Event) -> object:
    """Return an event as something that compares by value."""
    if isinstance(event, MediaProduced):
        data = event.lifted and (event.lifted.size, event.lifted.error)
        return (event.kind, event.url, event.alt, event.shown, event.poster, data)
    if isinstance(event, Failed):
        return (type(event.error), event.error.message)
    return event


def cuts(text: str) -> Iterator[list[str]]:
    yield list(text)
    yield [text[at : at + 2] for at in range(0, len(text), 2)]
    yield [text[at : at + 7] for at in range(0, len(text), 7)]
    chance = random.Random(len(text))
    for _ in range(3):
        places = sorted(chance.randrange(len(text) + 1) for _ in range(6))
        yield [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
    for at in range(0, len(text), max(1, len(text) // 60)):
        yield [text[:at], text[at:]]


def read(text: str, makes: frozenset[MediaKind] = BOTH) -> list[Event]:
    """Decode a text whole, and check that it comes out the same at other cuts."""
    whole = decode([text], makes)
    expected = [plain(event) for event in whole]
    for pieces in cuts(text):
        assert [plain(event) for event in decode(pieces, makes)] == expected, pieces
    return whole


def media(events: list[Event]) -> list[MediaProduced]:
    return [event for event in events if isinstance(event, MediaProduced)]


def text_of(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


@pytest.mark.parametrize("number", range(5))
def test_a_turn_of_the_conversation(number: int) -> None:
    events = read(transcripts.TURNS[number])
    plan, task, *progress, gen, picture = events
    assert isinstance(plan, Planned)
    assert plan.text == transcripts.plan(number)
    assert plan.params["prompt"] == transcripts.PROMPTS[number]
    assert task == UpstreamNamed("task_id", transcripts.TASKS[number])
    assert gen == UpstreamNamed("gen_id", transcripts.GENS[number])
    assert isinstance(picture, MediaProduced)
    assert (picture.url, picture.alt) == (transcripts.URLS[number], transcripts.GENS[number])
    assert picture.shown == f"![{picture.alt}]({picture.url})"
    assert all(isinstance(event, Progress) for event in progress)
    assert "".join(event.text for event in progress if isinstance(event, Progress)) == transcripts.LINES[number]


def test_stages_and_percentages() -> None:
    progress = [event for event in read(transcripts.TURNS[0]) if isinstance(event, Progress)]
    assert [(event.stage, event.percent) for event in progress] == [
        ("queued", None), ("running", None), ("running", 14), ("running", 44), ("running", 74), ("running", 83),
        ("done", None),
    ]  # fmt: skip


def test_progress_is_told_before_its_line_ends() -> None:
    decoder = TranscriptDecoder(new_lifts(), BOTH)
    decoder.decode(transcripts.plan(0) + f"\n\n> ID: `{transcripts.TASKS[0]}`\n")
    assert decoder.decode("> 生成中") == [Progress("running", None, "> 生成中")]
    assert decoder.decode(".") == [Progress("running", None, ".")]
    assert decoder.decode(".\n> 进度 4") == [Progress("running", None, ".\n")]
    assert decoder.decode("4%") == [Progress("running", 44, "> 进度 44%")]


@pytest.mark.parametrize(
    ("line", "stage", "percent"),
    [
        ("> 进度 **34%**", "running", 34),
        ("> ⏳ 渲染 44%...", "running", 44),
        ("> **Progress**: 40% (processing)", "running", 40),
        ("> 🚀 Brewing 7 %", "running", 7),
        ("**Video Generation Progress**: 40% (processing)", "running", 40),
        ("生成进度: 40%", "running", 40),
        ("Generation in progress: 41.5% completed...", "running", 41),
        ("> 🎨 生成中...", "running", None),
        ("> 生成中 44%...", "running", 44),
        ("> Queuing.", "queued", None),
        ("> 🎉 生成完成", "done", None),
    ],
)
def test_lines_that_show_progress_by_themselves(line: str, stage: str, percent: int | None) -> None:
    (event,) = read(line + "\n")
    assert event == Progress(stage, percent, line + "\n")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "> To be, or not to be\n> that is the question\n",
        "> Sales grew by 40% in a year.\n",
        "Hello! A [note] and a [link](https://example.com/page) < 3 & data.\n\n`code` 40% of it\n",
        "Progress has been made.\nGenerating pictures is fun.\nError handling matters.\n",
        "```python\nprint('x')\n```\n",
        '{"answer": 42} is JSON, and no plan.',
        "![x](not a url)",
        "**Bold** words\n**More** words and so on\n",
        "生成失败的原因有很多。\n",
        "https://example.com/page\n",
        "d\nda\ndata\ndata: x\n<\n<im\n!\n",
        "",
    ],
)
def test_what_is_only_text_stays_text(text: str) -> None:
    assert text_of(read(text)) == text


def test_prose_passes_at_once() -> None:
    decoder = TranscriptDecoder(new_lifts(), BOTH)
    assert decoder.decode("Sure, here is a ") == [TextDelta("Sure, here is a ")]
    assert decoder.decode("cow") == [TextDelta("cow")]


def test_english() -> None:
    events = read(transcripts.ENGLISH)
    assert [event.stage for event in events if isinstance(event, Progress)] == [
        "queued",
        "running",
        "running",
        "done",
    ]
    assert media(events)[0].url == transcripts.URLS[2]
    assert not text_of(events)


def test_a_bare_plan_and_a_download_link() -> None:
    events = read(transcripts.ALL)
    assert isinstance(events[0], Planned)
    assert Progress("running", 34, "> 进度 **34%**\n") in events
    assert [found.url for found in media(events)] == ["https://filesystem.site/cdn/20260301/Qw.png"]
    assert not text_of(events).strip()


def test_the_download_of_what_was_shown_vanishes() -> None:
    events = read(transcripts.EMOJI)
    assert [found.url for found in media(events)] == ["https://pro.filesystem.site/cdn/20260430/demo.png"]
    assert "下载" not in text_of(events)


def test_a_video_with_its_poster() -> None:
    events = read(transcripts.SORA)
    (video,) = media(events)
    assert (video.kind, video.url, video.poster) == (MediaKind.VIDEO, transcripts.MOVIE, None)
    assert video.shown.startswith("![poster.webp]")
    assert Progress("running", None, "> 视频信息 480x854\n") in events
    (video,) = media(read(f"![cover](https://h.example/c.webp)\n\n[Play ▶️]({transcripts.MOVIE})"))
    assert (video.kind, video.poster) == (MediaKind.VIDEO, "https://h.example/c.webp")


def test_a_poster_without_a_video_is_text() -> None:
    assert text_of(read("![poster.webp](poster.webp)\n\nno video")) == "![poster.webp](poster.webp)\n\nno video"


@pytest.mark.parametrize(
    ("text", "kind", "url"),
    [
        (transcripts.NUMBER, "image", transcripts.URLS[0]),
        (transcripts.FENCED_VIDEO, "video", "https://h.example/v/a.mp4"),
        (transcripts.BARE_VIDEO, "video", "https://h.example/v/a.mp4"),
        (
            "<video controls><source src='https://h.example/v/b.webm'></video>",
            "video",
            "https://h.example/v/b.webm",
        ),
        ('<img alt="x" src="https://h.example/p.png" />', "image", "https://h.example/p.png"),
        ("https://h.example/v/a.mp4", "video", "https://h.example/v/a.mp4"),
        ("https://filesystem.site/cdn/20260101/abc\n", "image", "https://filesystem.site/cdn/20260101/abc"),
        ("![x](/generated-images/x.png)", "image", "/generated-images/x.png"),
        ("![x](https://h.example/a?b=1\\u0026c=2)", "image", "https://h.example/a?b=1&c=2"),
        ("![x](https://h.example/a?b=1&amp;c=2)", "image", "https://h.example/a?b=1&c=2"),
        ('![x](https://h.example/a_(1).png "A title")', "image", "https://h.example/a_(1).png"),
        ("[![x](https://h.example/a.png)](https://h.example/page)", "image", "https://h.example/a.png"),
        ("[在线观看](https://h.example/watch?v=1)", "video", "https://h.example/watch?v=1"),
    ],
)
def test_media_at_a_url(text: str, kind: str, url: str) -> None:
    events = read(text)
    (found,) = media(events)
    assert (found.kind, found.url) == (kind, url)
    assert found.shown in text
    assert not text_of(events).strip()


def test_the_same_picture_twice_comes_twice() -> None:
    shown = "![a](https://h.example/a.png)"
    assert [found.shown for found in media(read(f"{shown}\n{shown}"))] == [shown, shown]


def test_a_text_models_links_are_its_text() -> None:
    text = f"{transcripts.TURNS[0]}\n[100]({transcripts.MOVIE}) {transcripts.FENCED_VIDEO}"
    assert read(text, NONE) == [TextDelta(text)]


@pytest.mark.parametrize("makes", [NONE, IMAGE])
def test_inline_data(makes: frozenset[MediaKind]) -> None:
    events = read(f"Here:\n\n![Generated Image]({DATA})\n\nDone.", makes)
    assert [type(event) for event in events] == [TextDelta, MediaProduced, TextDelta]
    (found,) = media(events)
    assert found.lifted is not None
    assert (found.alt, found.lifted.size, found.lifted.error) == ("Generated Image", 68, None)
    assert text_of(events) == "Here:\n\n\n\nDone."


def test_several_data_uris_joined_by_newlines() -> None:
    events = read("\n".join(f"![a](data:image/png;base64,\x1alift:n:{n}\x1a)" for n in range(3)))
    assert [found.lifted and found.lifted.size for found in media(events)] == [68, 68, 68]


def test_data_cut_short_is_media_with_an_error() -> None:
    (found,) = media(read(f"![Generated Image]({DATA}………………)"))
    assert found.lifted is not None
    assert found.lifted.error
    (found,) = media(read(f"![Generated Image]({DATA}"))
    assert found.lifted is not None
    assert found.lifted.error is None
    (found,) = media(read("![Generated Image](data:image/png;base64,\n    ……… +5lN=)"))
    assert found.lifted is not None
    assert found.lifted.error


def test_the_json_of_an_image_api_that_leaked_into_chat() -> None:
    events = read('{"created": 1, "data": [{"b64_json": "\x1alift:n:0\x1a"}, {"url": "https://h/x"}]}')
    assert [found.url or (found.lifted and found.lifted.size) for found in media(events)] == [68, "https://h/x"]
    assert not text_of(events)
    (found,) = media(read('```json\n{"b64_json": "\x1alift:n:1\x1a"}\n```\nDone.'))
    assert found.lifted is not None
    (broken,) = media(read('{"b64_json": "no base64 at all"}'))
    assert broken.lifted is not None
    assert broken.lifted.error


def test_a_url_behind_a_word_of_progress() -> None:
    (found,) = media(read("生成中https://h.example/a.png"))
    assert found.url == "https://h.example/a.png"


def test_data_that_stands_alone() -> None:
    assert len(media(read(DATA))) == 1
    assert len(media(read("\x1alift:n:1\x1a"))) == 1
    assert len(media(read(f'<img src="{DATA}">'))) == 1


@pytest.mark.parametrize(
    "around", ["![x]({}……)", "a{{background:url({})}}", "```\n![x]({})\n```", "![x]({}", "<b>{}</b>"]
)
def test_a_text_models_own_data_is_put_back(around: str) -> None:
    written = around.format("data:image/png;base64," + PNG.decode())
    assert read(around.format(DATA), NONE) == [TextDelta(written)]


def test_a_foreign_placeholder_is_text() -> None:
    assert text_of(read("![x](data:image/png;base64,\x1alift:m:0\x1a) \x1alift:n:9\x1a", NONE)).count("\x1a") == 4


def test_reasoning_and_response() -> None:
    events = read(f"**Reasoning:**\n**Looking**\n\nI look.\n\n\n**Response:**\n![x]({DATA})\nDone")
    assert events[0] == ReasoningDelta("**Looking**\n\nI look.")
    assert isinstance(events[1], MediaProduced)
    assert events[2:] == [TextDelta("\nDone")]


def test_reasoning_without_a_response_keeps_the_picture() -> None:
    events = read(f"**Reasoning:**\nI look. ![x]({DATA})\nDone")
    assert [type(event) for event in events] == [ReasoningDelta, MediaProduced, TextDelta]


def test_a_second_response_heading_goes() -> None:
    events = read("**Reasoning:**\na\n**Response:**\nb\n**Response:**\nc")
    assert events == [ReasoningDelta("a"), TextDelta("b\nc")]


def test_a_heading_elsewhere_is_text() -> None:
    text = "See:\n**Reasoning:**\na\n**Response:**\nb"
    assert read(text) == [TextDelta(text)]


@pytest.mark.parametrize(("text", "code"), transcripts.FAILURES.items())
def test_failures(text: str, code: str) -> None:
    failed = read(text)[-1]
    assert isinstance(failed, Failed)
    assert failed.error.code == code
    assert any(word in failed.error.message for word in text.split())


def test_the_reason_is_in_the_message() -> None:
    for text in (
        "> 生成失败 ❌\n失败原因：input_moderation",
        "> 生成失败 ❌\n\n原因: input_moderation\n\nmore",
    ):
        failed = read(text)[-1]
        assert isinstance(failed, Failed)
        assert "input_moderation" in failed.error.message


def test_a_long_answer_about_policies_is_no_failure() -> None:
    assert not any(isinstance(event, Failed) for event in read("违反政策。" + "我们谈谈别的。" * 100))
    picture = "![x](https://h.example/a.png)\n图片可能违反政策"
    assert not any(isinstance(event, Failed) for event in read(picture))


def test_a_plan_that_never_ends_becomes_text() -> None:
    text = '{"prompt": "' + "a" * 70_000
    assert decode([text[at : at + 4000] for at in range(0, len(text), 4000)]) == [TextDelta(text)]


def test_inputs_named_in_a_plan_are_no_outputs() -> None:
    plan = '```json\n{"prompt": "x", "image": ["https://h.example/in.png"]}\n```\n'
    events = read(plan + "![y](https://h.example/out.png)")
    assert [found.url for found in media(events)] == ["https://h.example/out.png"]


@pytest.mark.parametrize(
    "line", ["> 生成完成 {}", "> 进度 99% {}", "> 马上 {}", "生成进度: 100% {}", "> ID: `task_0abcd` {}"]
)
@pytest.mark.parametrize(
    "shown", [f"![x]({DATA})", DATA, "![x](https://h.example/a.png)", "<img src='https://h.example/a.png'>"]
)
def test_no_picture_is_lost_in_a_line(line: str, shown: str) -> None:
    assert len(media(read(f"> ID: `{transcripts.TASKS[0]}`\n{line.format(shown)}\n"))) == 1


def test_another_order_and_other_words() -> None:
    events = read(
        f"> 🔖 gen_id: `{transcripts.GENS[0]}`\n> 🧭 编号：`{transcripts.TASKS[0]}`\n> 🌈 上色 99%\n> 马上好了\n"
        f"![x]({transcripts.URLS[2]})\n\n> 祝好\n"
    )
    assert [type(event) for event in events] == [UpstreamNamed] * 2 + [Progress] * 2 + [
        MediaProduced,
        TextDelta,
    ]
    assert events[2] == Progress("running", 99, "> 🌈 上色 99%\n")
    assert events[3] == Progress("running", None, "> 马上好了\n")


def test_a_picture_in_a_quoted_line_is_kept() -> None:
    lines = f"> ID: `{transcripts.TASKS[0]}`\n> 生成完成 ![x]({transcripts.URLS[2]})\n"
    events = read(lines + f"> [播放]({transcripts.MOVIE})")
    assert [found.url for found in media(events)] == [transcripts.URLS[2], transcripts.MOVIE]


@pytest.mark.parametrize(
    "opener", [" " * 20_000, "![", "[", "<img ", "![x](", "https://", "> ", "```html\n<video ", "<video>", "d"]
)
def test_no_opener_holds_text_for_ever(opener: str) -> None:
    decoder = TranscriptDecoder(new_lifts(), BOTH)
    told = 0
    for number in range(4000):
        piece = opener if number == 0 else "abcdefghij"
        told += sum(len(event.text) for event in decoder.decode(piece) if isinstance(event, TextDelta))
    assert told > 40_000 - 16_384, "more than 16 KiB was held"


def test_read_transcript() -> None:
    found = read_transcript(transcripts.TURNS[3])
    assert found is not None
    assert (found.prompt, found.ratio, found.edits) == (transcripts.PROMPTS[3], "1:1", transcripts.GENS[1])
    assert (found.task_id, found.gen_id) == (transcripts.TASKS[3], transcripts.GENS[3])
    assert found.media == (transcripts.URLS[3],)
    assert read_transcript("Hello ![x](https://h.example/a.png)") is None
    assert read_transcript('{"prompt": "x"} no picture') is None


def test_classify() -> None:
    assert isinstance(classify("Your request was rejected by the safety system."), ContentPolicyViolation)
    assert isinstance(classify("moderation_blocked"), ContentPolicyViolation)
    assert isinstance(classify("PUBLIC_ERROR_SEXUAL"), ContentPolicyViolation)
    assert isinstance(classify("Rate limit reached for images"), UpstreamRateLimited)
    assert classify("the cat sat on the mat") is None


def test_language_of() -> None:
    assert (language_of("画个牛马"), language_of("ねこ"), language_of("a cow")) == ("zh", "zh", "en")


def test_the_writer_writes_what_relays_write() -> None:
    writer = TranscriptWriter("zh")
    running = Progress("running")
    pieces = [
        writer.plan({"prompt": "画个牛马", "ratio": "1:1"}), writer.task(transcripts.TASKS[0]),
        writer.progress(Progress("queued")), writer.progress(running), writer.progress(running),
        *(writer.progress(Progress("running", percent)) for percent in (14, 44, 74)),
        writer.progress(Progress("running", 83, "\n> 进度 83%\n")), writer.progress(Progress("done")),
        writer.generation(transcripts.GENS[0]), writer.picture(transcripts.GENS[0], transcripts.URLS[0]),
    ]  # fmt: skip
    assert "".join(pieces).replace("\n\n> 进度 83", "\n> 进度 83") == transcripts.TURNS[0]


ids = st.text("0123456789abcdefghjkmnpqrstvwxyz", min_size=26, max_size=26)
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30)
urls = st.text("abcXYZ019-_.~%&=+", max_size=40).map(lambda path: f"https://h.example/{path}")
percents = st.integers(0, 100).map(lambda percent: Progress("running", percent))
steps = st.lists(st.one_of(st.just(Progress("queued")), st.just(Progress("running")), percents), max_size=6)


@given(st.sampled_from(["zh", "en"]), words, ids, ids, urls, steps, st.lists(st.integers(0, 2000), max_size=12))
def test_what_is_written_can_be_read(
    language: str, prompt: str, task: str, gen: str, url: str, progress: list[Progress], places: list[int]
) -> None:
    writer = TranscriptWriter("zh" if language == "zh" else "en")
    text = writer.plan({"prompt": prompt, "ratio": "1:1"}) + writer.task(f"task_{task}")
    text += "".join(map(writer.progress, [*progress, Progress("done")]))
    text += writer.generation(f"gen_{gen}") + writer.picture(f"gen_{gen}", url)
    bounds = sorted(min(place, len(text)) for place in places)
    events = decode(text[a:b] for a, b in zip([0, *bounds], [*bounds, len(text)], strict=True))
    states = [step for at, step in enumerate(progress) if at == 0 or progress[at - 1] != step]
    told = [event for event in events if isinstance(event, Progress)]
    assert [(event.stage, event.percent) for event in told] == [
        *((step.stage, step.percent) for step in states), ("done", None)
    ]  # fmt: skip
    assert isinstance(events[0], Planned)
    assert events[0].params == {"prompt": prompt, "ratio": "1:1"}
    assert events[1] == UpstreamNamed("task_id", f"task_{task}")
    assert events[-2] == UpstreamNamed("gen_id", f"gen_{gen}")
    assert [found.url for found in media(events)] == [url.replace("&amp;", "&")]
    assert events[-1] == media(events)[0]


@given(st.sampled_from(["zh", "en"]), st.sampled_from(["input_moderation", "rate limit", "it broke"]))
def test_a_written_failure_can_be_read(language: str, reason: str) -> None:
    failed = decode(list(TranscriptWriter("zh" if language == "zh" else "en").failed(reason)))[-1]
    assert isinstance(failed, Failed)
    assert reason in failed.error.message


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("poster", [None, "https://h.example/c.webp"])
def test_a_written_video_can_be_read(language: str, poster: str | None) -> None:
    writer = TranscriptWriter("zh" if language == "zh" else "en")
    events = read(writer.task(transcripts.TASKS[0]) + writer.video("gen_1", "https://h.example/v", poster))
    assert [(found.kind, found.url, found.poster) for found in media(events)] == [
        (MediaKind.VIDEO, "https://h.example/v", poster)
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 11, 12, 40])
def test_an_address_inside_a_word_is_text_wherever_it_is_cut(size: int) -> None:
    text = "poster.webphttps://h.example/a.png"
    events = [plain(each) for each in decode((text[at : at + size] for at in range(0, len(text), size)), BOTH)]
    assert events == [TextDelta(text)]


SCRAPS = [
    "> ", ">", "生成中", "进度", " 44%", ".", "\n", "\n\n", "![x](", ")", "[", "]", "](", "https://h.example/a.png",
    "```",
    "html", "json", '{"prompt": 1}', "<video src='https://h.example/a.mp4'>", "</video>", "<img", ">", DATA, "data:",
    "…",
    "**", "**Reasoning:**", "**Response:**", "Progress", "❌ ", "生成失败", "失败原因：", "`", "gen_id: `gen_0abc`",
    "🎨",
    "poster.webp", "下载", "完成", "word ", "\\u0026",
]  # fmt: skip


@given(st.lists(st.sampled_from(SCRAPS), max_size=14), st.sampled_from([NONE, BOTH]), st.integers(1, 5))
def test_any_text_comes_out_the_same_at_any_cut(scraps: list[str], makes: frozenset[MediaKind], size: int) -> None:
    text = "".join(scraps)
    whole = [plain(event) for event in decode([text], makes)]
    assert [
        plain(event) for event in decode((text[at : at + size] for at in range(0, len(text), size)), makes)
    ] == whole
