"""Bodies for the bench, made once: a head that all share, and a short tail of the picture's own.

Answers are whole HTTP responses, since nothing must be left to do when a request comes: JSON with its length, SSE with
one HTTP chunk per frame, as servers send it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from bench.pictures import TAIL, Pictures, pictures_of
from bench.scenarios import DELTAS, PIECE, TEXT, Answer

_MARK = "@picture@"
_URI = f"data:image/png;base64,{_MARK}"
_CREATED = 1_760_000_000
_USAGE = {"prompt_tokens": 60, "completion_tokens": 40, "total_tokens": 100}
_TAIL_BASE64 = TAIL // 3 * 4


@dataclass(frozen=True, slots=True)
class Body:
    """`head`, then what `tail` returns: different each time, of the same length."""

    head: bytes
    tail: Callable[[], bytes]

    def pieces(self) -> Iterator[bytes]:
        yield self.head
        yield self.tail()


def answer(wanted: Answer) -> Body:
    """Return an HTTP response."""
    pictures = pictures_of(wanted.picture) if wanted.picture else None
    if wanted.form == "deltas":
        return _response_of_frames(_delta_frames(_picture_of(pictures)), pictures)
    if wanted.stream:
        return _response_of_frames(_frames(wanted, pictures), pictures)
    return _response_of_json(_json(_completion(_message(wanted))), pictures)


def request(model: str, stream: bool, asked: int) -> Body:
    """Return the JSON of a request; `asked` is the size of the picture in its history, in bytes."""
    document: dict[str, Any] = {"model": model, "stream": stream, "messages": _messages(asked)}
    if stream:
        document["stream_options"] = {"include_usage": True}
    if not asked:
        body = _json(document)
        return Body(body, lambda: b"")
    pictures = pictures_of(asked)
    before, after = _around(_json(document))
    return Body(before + pictures.head_base64, lambda: pictures.next_tail_base64() + after)


def _messages(asked: int) -> list[dict[str, Any]]:
    question = {"role": "user", "content": "Tell me about the lighthouse in one paragraph, please."}
    if not asked:
        return [question]
    shown = [{"type": "text", "text": "Look."}, {"type": "image_url", "image_url": {"url": _URI}}]
    return [
        {"role": "user", "content": shown},
        {"role": "assistant", "content": "A lighthouse on a rock."},
        question,
    ]


def _message(wanted: Answer) -> dict[str, Any]:
    match wanted.form:
        case "text":
            return {"role": "assistant", "content": TEXT}
        case "images":
            image = {"type": "image_url", "index": 0, "image_url": {"url": _URI}}
            return {"role": "assistant", "content": "Here is your picture.", "images": [image]}
        case _:
            return {"role": "assistant", "content": f"Here is your picture.\n\n![image]({_URI})\n"}


def _completion(message: dict[str, Any]) -> dict[str, Any]:
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": _CREATED,
        "model": "bench",
        "choices": [choice],
        "usage": _USAGE,
    }


def _chunk_of(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    return _frame(
        {
            "id": "chatcmpl-bench",
            "object": "chat.completion.chunk",
            "created": _CREATED,
            "model": "bench",
            "choices": [choice],
        }
    )


def _frame(document: dict[str, Any]) -> bytes:
    return b"data: " + _json(document) + b"\n\n"


def _ending() -> list[bytes]:
    usage = {
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": _CREATED,
        "model": "bench",
        "choices": [],
        "usage": _USAGE,
    }
    return [_chunk_of({}, "stop"), _frame(usage), b"data: [DONE]\n\n"]


def _frames(wanted: Answer, pictures: Pictures | None) -> list[bytes]:
    if pictures is None:
        texts = [TEXT[at : at + PIECE] for at in range(0, len(TEXT), PIECE)]
        return [
            _chunk_of({"role": "assistant", "content": ""}),
            *(_chunk_of({"content": text}) for text in texts),
            *_ending(),
        ]
    return [_chunk_of({"role": "assistant", "content": ""}), _chunk_of(_message(wanted)), *_ending()]


def _delta_frames(pictures: Pictures) -> list[bytes]:
    """A data URI in the text, cut into about `DELTAS` pieces; small pictures into pieces of the same size."""
    payload = pictures.head_base64
    step = max(len(payload) // DELTAS, 64)
    before, after = _around(_chunk_of({"content": _MARK}))
    pieces = [before + payload[at : at + step] + after for at in range(0, len(payload), step)]
    start = _chunk_of({"role": "assistant", "content": "Here is your picture.\n\n![image](data:image/png;base64,"})
    return [start, *pieces, _chunk_of({"content": _MARK}), _chunk_of({"content": ")\n"}), *_ending()]


def _response_of_json(body: bytes, pictures: Pictures | None) -> Body:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    if pictures is None:
        return Body(head % len(body) + body, lambda: b"")
    before, after = _around(body)
    payload = pictures.head_base64
    length = len(before) + len(payload) + _TAIL_BASE64 + len(after)
    return Body(head % length + before + payload, lambda: pictures.next_tail_base64() + after)


def _response_of_frames(frames: list[bytes], pictures: Pictures | None) -> Body:
    """Write one HTTP chunk per frame. The tail begins in the middle of the frame that ends the picture."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    if pictures is None:
        body = head + b"".join(_http_chunk(frame) for frame in frames) + b"0\r\n\r\n"
        return Body(body, lambda: b"")
    last = next(index for index, frame in enumerate(frames) if _MARK.encode() in frame)
    before, after = _around(frames[last])
    rest = after + b"\r\n" + b"".join(_http_chunk(frame) for frame in frames[last + 1 :]) + b"0\r\n\r\n"
    payload = b"" if last > 1 else pictures.head_base64
    size = len(before) + len(payload) + _TAIL_BASE64 + len(after)
    chunks = b"".join(_http_chunk(frame) for frame in frames[:last])
    return Body(b"".join((head, chunks, b"%x\r\n" % size, before, payload)), lambda: pictures.next_tail_base64() + rest)


def _http_chunk(frame: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(frame), frame)


def _picture_of(pictures: Pictures | None) -> Pictures:
    if pictures is None:
        raise ValueError("deltas need a picture")
    return pictures


def _around(document: bytes) -> tuple[bytes, bytes]:
    before, _, after = document.partition(_MARK.encode())
    return before, after


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
