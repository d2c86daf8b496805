"""Forms: every way in which an upstream puts a picture into a chat answer, as pure functions in one table.

A writer turns what was made into deltas and the message that they add up to. Base64 does not pass through
here: a picture's `base64` is a short mark between two private characters, and `rendering` puts the bytes in
its place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Fields = dict[str, Any]
OPEN, CLOSE = "\ue000", "\ue001"


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture as a form shows it: a mark for its base64, its type, and where it can be downloaded."""

    base64: str
    mime: str
    url: str
    download: str
    gen_id: str = ""

    @property
    def data_uri(self) -> str:
        return f"data:{self.mime};base64,{self.base64}"


@dataclass(frozen=True, slots=True)
class Made:
    """What was made, and of what: everything that a form may tell."""

    prompt: str
    pictures: tuple[Shown, ...]
    steps: tuple[int, ...] = ()
    partial: Shown | None = None
    video: Shown | None = None
    ratio: str = "1:1"
    size: tuple[int, int] = (1024, 1024)
    task_id: str = ""
    edited: str | None = None
    seen: tuple[str, ...] = ()

    @property
    def first(self) -> Shown:
        return self.pictures[0]


@dataclass(frozen=True, slots=True)
class Delta:
    """The fields of one chunk's delta; `pause` when time passes before it."""

    fields: Mapping[str, Any]
    pause: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """An answer. `raw` stands in place of chat completions, `error` of a message; `cut`: it ends half-way."""

    deltas: tuple[Delta, ...] = ()
    message: Fields = field(default_factory=dict)
    finish: str = "stop"
    finishes_with_last: bool = False
    comment: str = ""
    raw: tuple[Fields, ...] = ()
    error: Fields | None = None
    cut: bool = False


Writer = Callable[[Made], Written]


def _text(text: str) -> Fields:
    return {"content": text}


def _thought(text: str) -> Fields:
    return {"reasoning_content": text}


def _progress(made: Made, line: str = "**Processing**\n\nGeneration in progress: {}% completed...\n") -> list[Delta]:
    return [Delta(_thought(line.format(step)), pause=True) for step in made.steps]


def merged(deltas: tuple[Delta, ...]) -> Fields:
    """Add deltas up to a message: text to text, list to list; anything else is the last one's."""
    message: Fields = {"role": "assistant", "content": ""}
    for delta in deltas:
        for key, value in delta.fields.items():
            message[key] = _sum(message.get(key), value)
    return message


def _sum(held: Any, value: Any) -> Any:
    if isinstance(held, str) and isinstance(value, str):
        return held + value
    return [*held, *value] if isinstance(held, list) and isinstance(value, list) else value


def _written(deltas: list[Delta], **more: Any) -> Written:
    return Written(tuple(deltas), merged(tuple(deltas)), **more)


def _said(*texts: str, **more: Any) -> Written:
    return _written([Delta(_text(text)) for text in texts], **more)


def _markdown_base64(made: Made) -> Written:
    text = "\n".join(f"![Generated Image]({picture.data_uri})" for picture in made.pictures)
    return _written([*_progress(made), Delta(_text(text))], finishes_with_last=True)


def _markdown_url(made: Made) -> Written:
    return _said(*(f"![Generated Image]({picture.url})\n" for picture in made.pictures))


def _bare_url(made: Made) -> Written:
    return _said("Here is your picture:\n\n", *(f"{picture.url}\n" for picture in made.pictures))


def _html(made: Made) -> Written:
    return _said(*(f'<img src="{picture.url}" alt="picture">\n' for picture in made.pictures))


_THOUGHTS = (
    "**Planning the Composition**\n\nI am weighing how “{}” should look.\n\n\n",
    "**Drawing It**\n\nThe shapes sit well.\n\n\n\n\n",
)


def _reasoning(made: Made) -> Written:
    thoughts = (thought.format(made.prompt) for thought in _THOUGHTS)
    pictures = "\n".join(f"![Generated Image]({picture.data_uri})" for picture in made.pictures)
    return _said("**Reasoning:**\n", *thoughts, "**Response:**\n", pictures)


# The transcripts of the gpt-4o-image relays.


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of one relay's transcript."""

    queued: str
    running: str
    progress: str
    done: str


ZH = Vocabulary("> 排队中", "> 生成中", "> 进度 {}%", "> 生成完成 ✅")
EN = Vocabulary("> Queuing", "> Generating", "> Progress {}%", "> Generation complete ✅")
ZH_2026 = Vocabulary("> ⏳ 排队中", "> 🎨 生成中", "> 🎨 进度 {}%", "> ✅ 生成完成 ✅")
ZH_BOLD = Vocabulary("> 排队中", "> 生成中", "> 进度 **{}%**", "> 生成完成 ✅")


def _plan(made: Made) -> str:
    plan = {"prompt": made.prompt, "ratio": made.ratio}
    return json.dumps(plan if made.edited is None else {**plan, "gen_id": made.edited}, ensure_ascii=False, indent=2)


def _told(made: Made, words: Vocabulary) -> list[Delta]:
    """Tell how a task goes, line by line; the dots come one by one while it lasts."""
    deltas = [Delta(_text(f"> ID: `{made.task_id}`\n"))]
    for line in (words.queued, words.running, *(words.progress.format(step) for step in made.steps)):
        deltas.append(Delta(_text(line), pause=True))
        deltas += [Delta(_text(dot)) for dot in "." * (1 + len(line) % 3)]
        deltas.append(Delta(_text("\n")))
    return [*deltas, Delta(_text(f"{words.done}\n\n"), pause=True)]


def _result(picture: Shown) -> list[Delta]:
    return [
        Delta(_text(f"> gen_id: `{picture.gen_id}`\n\n")),
        Delta(_text(f"![{picture.gen_id}]({picture.url})\n")),
    ]


def _relay(words: Vocabulary) -> Writer:
    def write(made: Made) -> Written:
        head = [Delta(_text(piece)) for piece in ("```\n", f"{_plan(made)}\n", "```\n\n\n\n")]
        results = [delta for picture in made.pictures for delta in _result(picture)]
        return _written([*head, *_told(made, words), *results])

    return write


def _relay_2026(made: Made) -> Written:
    links = (f"![{picture.url}]({picture.url})\n\n[点击下载]({picture.download})\n" for picture in made.pictures)
    head = Delta(_text(f"```json\n{_plan(made)}\n```\n\n"))
    return _written([head, *_told(made, ZH_2026), *(Delta(_text(link)) for link in links)])


def _relay_4o_all(made: Made) -> Written:
    plan = json.dumps({"prompt": made.prompt, "size": "{}x{}".format(*made.size)}, ensure_ascii=False)
    told = [Delta(_text("> " + ZH_BOLD.running[2:] + "...\n"))]
    told += [Delta(_text(f"{ZH_BOLD.progress.format(step)}\n"), pause=True) for step in made.steps]
    links = (
        f"\n![file_{picture.gen_id.removeprefix('gen_')}]({picture.url})\n[下载⏬]({picture.download})\n"
        for picture in made.pictures
    )
    return _written([Delta(_text(f"{plan}\n\n")), *told, *(Delta(_text(link)) for link in links)])


def _film(made: Made) -> Shown:
    return made.video or made.first


def _relay_video(made: Made) -> Written:
    plan = json.dumps({"user_prompt": made.prompt, "image_url": None}, ensure_ascii=False, indent=2)
    head = [Delta(_text(f"```json\n{plan}\n```\n\n")), Delta(_text("> 视频信息 {}x{}\n".format(*made.size)))]
    links = f"![poster.png]({made.first.url})\n\n[在线播放▶️]({_film(made).url})\n"
    return _written([*head, *_told(made, ZH), Delta(_text(links))])


def _video_html(made: Made) -> Written:
    start = Delta(_thought("**Generation Process Begins**\n\nInitializing generation request...\n"))
    lines = _progress(made, "\n**Video Generation Progress**: {}% (processing)\n")
    text = f"```html\n<video src='{_film(made).url}' controls></video>\n```"
    return _written([start, *lines, Delta(_text(text))], finish="STOP", finishes_with_last=True)


def _video_url(made: Made) -> Written:
    return _said(_film(made).url)


# Fields of the message.


def _item(picture: Shown, index: int = 0) -> Fields:
    return {"type": "image_url", "image_url": {"url": picture.data_uri}, "index": index}


def _images(made: Made) -> Written:
    deltas = [Delta(_text("Here you go"))]
    deltas += [Delta({"content": "", "images": [_item(picture)]}) for picture in made.pictures]
    return _written(deltas, comment="OPENROUTER PROCESSING")


def _sketch(made: Made) -> Written:
    lines = _progress(made, "Generation progress: {}%\n")
    return _written([*lines, *(Delta({"images": [_item(picture)]}) for picture in made.pictures)])


def _image(made: Made) -> Written:
    shown = {"url": made.first.data_uri, "detail": "auto"}
    return _written([Delta(_text("Here you go")), Delta({"image": shown})])


def _images_partials(made: Made) -> Written:
    """Write as the Codex proxy does: each partial picture is an entry of its own, and the last one counts."""
    partial = made.partial or made.first
    deltas = [Delta({"images": [_item(picture)]}, pause=True) for picture in (partial, made.first)]
    return Written(tuple(deltas), {"role": "assistant", "content": None, "images": [_item(made.first)]})


def _parts(made: Made) -> Written:
    parts: list[Fields] = [{"type": "text", "text": "Here you go"}]
    parts += ({**_item(picture), "stage_durations": {}, "peak_memory_mb": 0.0} for picture in made.pictures)
    deltas = tuple(Delta({"content": [part]}) for part in parts)
    return Written(deltas, {"role": "assistant", "content": parts})


def _multi_mod(data_key: str, type_key: str) -> Writer:
    def write(made: Made) -> Written:
        parts: list[Fields] = [{"text": "Here you go"}]
        parts += ({data_key: {type_key: picture.mime, "data": picture.base64}} for picture in made.pictures)
        return _written([Delta({"content": "Here you go", "multi_mod_content": parts})])

    return write


def _image_data(made: Made) -> Written:
    text = "".join(f"![one-hub-gemini-image]({picture.url})" for picture in made.pictures)
    return _written([Delta({"content": text, "image": [{"data": picture.base64} for picture in made.pictures]})])


def _b64_json(made: Made) -> Written:
    items = [{"b64_json": picture.base64} for picture in made.pictures]
    return _said(json.dumps(items[0] if len(items) == 1 else {"data": items}, ensure_ascii=False))


def _b64_json_field(made: Made) -> Written:
    return _written([Delta({"content": "Here you go", "b64_json": made.first.base64})])


def _gemini_leak(made: Made) -> Written:
    parts = [{"text": "Here you go"}]
    media = [{"inlineData": {"mimeType": picture.mime, "data": picture.base64}} for picture in made.pictures]
    return Written(raw=(_candidate(parts, None), _candidate(media, "STOP")))


def _candidate(parts: list[Any], finish: str | None) -> Fields:
    candidate: Fields = {"content": {"role": "model", "parts": parts}, "index": 0}
    return {
        "candidates": [candidate if finish is None else {**candidate, "finishReason": finish}],
        "usageMetadata": {"promptTokenCount": 6, "candidatesTokenCount": 1290, "totalTokenCount": 1296},
        "modelVersion": "sketch",
    }


def _answer(made: Made) -> Written:
    """Answer as a model that only reads; asked for a link, it gives one to a picture that it did not make."""
    pieces = [f"You said: {made.prompt} "]
    if made.seen:
        pieces.append(f"I see {len(made.seen)} picture{'s' * (len(made.seen) != 1)}: {', '.join(made.seen)}. ")
    if "link" in made.prompt.lower():
        pieces.append("See ![a harbour](https://example.com/harbour.png) for one. ")
    return _said(*pieces, "That is all.")


# Failures that look like answers.


def _fail_policy(made: Made) -> Written:
    thought = Delta(_thought("**Content Policy Violation**\n\nThe prompt was refused.\n"))
    text = "Your request may contain content that is not allowed by our safety system."
    return _written([thought, Delta(_text(f"❌ Generation failed: {text}"))])


def _fail_policy_zh(made: Made) -> Written:
    return _said("该任务的输入或者输出可能违反了OpenAI的相关服务政策，", "请重新发起请求或调整提示词进行重试")


def _fail_reason(made: Made) -> Written:
    head = Delta(_text(f"```\n{_plan(made)}\n```\n\n\n\n"))
    told = [delta for delta in _told(made, ZH) if ZH.done not in str(delta.fields["content"])]
    return _written([head, *told, Delta(_text("> 生成失败 ❌\n")), Delta(_text("失败原因：input_moderation\n"))])


def _fail_rate(made: Made) -> Written:
    words = "I wasn't able to generate the image because there's a rate limit in place. Please wait a while."
    return _said(_plan(made), words)


def _fail_sse_error(made: Made) -> Written:
    error = {
        "message": "The generation stopped: the worker went away.",
        "type": "server_error",
        "param": None,
        "code": None,
    }
    return Written(tuple(_progress(made)[:1]), error=error)


def _empty(made: Made) -> Written:
    return _said("")


def _bad_base64(made: Made) -> Written:
    return _said(f"![Generated Image](data:image/png;base64,iVBORw0KGgo*?%{made.first.base64})")


def _dies(made: Made) -> Written:
    return _said(f"![Generated Image]({made.first.data_uri})", cut=True)


def _one_hub_error(made: Made) -> Written:
    return _said("![one-hub-gemini-image](image upload err)")


FORMS: dict[str, Writer] = {
    "sketch": _sketch,
    "markdown-base64": _markdown_base64,
    "markdown-url": _markdown_url,
    "bare-url": _bare_url,
    "html": _html,
    "reasoning": _reasoning,
    "relay": _relay(ZH),
    "relay-en": _relay(EN),
    "relay-2026": _relay_2026,
    "relay-4o-all": _relay_4o_all,
    "relay-video": _relay_video,
    "images": _images,
    "image": _image,
    "images-partials": _images_partials,
    "parts": _parts,
    "multi-mod": _multi_mod("inline_data", "mime_type"),
    "multi-mod-camel": _multi_mod("inlineData", "mimeType"),
    "image-data": _image_data,
    "b64-json": _b64_json,
    "b64-json-field": _b64_json_field,
    "video-html": _video_html,
    "video-url": _video_url,
    "gemini-leak": _gemini_leak,
    "text": _answer,
    "fail-policy": _fail_policy,
    "fail-policy-zh": _fail_policy_zh,
    "fail-reason": _fail_reason,
    "fail-rate": _fail_rate,
    "fail-sse-error": _fail_sse_error,
    "empty": _empty,
    "bad-html": _markdown_url,
    "bad-base64": _bad_base64,
    "bad-magic": _markdown_base64,
    "dies": _dies,
    "one-hub-error": _one_hub_error,
}
RELAYS = frozenset(name for name in FORMS if name.startswith("relay")) | {"fail-reason", "fail-rate"}
VIDEOS = frozenset({"relay-video", "video-html", "video-url"})
# Forms for which nothing has to be painted.
PICTURELESS = frozenset(
    {
        "text",
        "fail-policy",
        "fail-policy-zh",
        "fail-reason",
        "fail-rate",
        "fail-sse-error",
        "empty",
        "one-hub-error",
    }
)
