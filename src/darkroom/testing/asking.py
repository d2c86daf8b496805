"""Asking: what a chat request wants of the sketch upstream, and what a strict upstream would refuse of it.

Pure. The prompt is the last user message's text. The pictures are those of the last user turn; when it has
none, those in `images[]` of the last assistant turn.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pybase64

from darkroom.errors import MalformedRequest
from darkroom.testing.forms import CLOSE, OPEN, Fields

# 200 characters of base64 in one piece, or in lines.
_BASE64 = re.compile(r"[A-Za-z0-9+/_=-]{200,}|(?:[A-Za-z0-9+/_=-]{60,199}\s+){3,}")
_DATA_URI = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w.+=-]+)*;base64,([A-Za-z0-9+/_=\s-]+)")
_RATIO = re.compile(r"(?<![\d:.])(1:1|16:9|9:16|3:2|2:3|4:3|3:4|5:4|4:5|21:9|9:21)(?![\d:])")


class Refused(Exception):
    """The upstream answers with an error: a status, a body in OpenAI's shape, headers."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, param: str | None = None, **headers: str
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        kind = "invalid_request_error" if status < 429 else "rate_limit_error" if status == 429 else "server_error"
        self.body: Fields = {"error": {"message": message, "type": kind, "param": param, "code": code}}


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a history: who said what, and the pictures' URLs in it."""

    role: str
    text: str
    pictures: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


def turns_of(body: Fields) -> list[Turn]:
    """Read the messages of a request; raises `Refused` when they are none."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(each, dict) for each in messages):
        raise Refused(400, "messages must be a list of messages, and not empty.", param="messages")
    return [
        Turn(
            str(each.get("role")),
            "".join(_texts(each)),
            tuple(_urls(each.get("content"))),
            tuple(_urls(each.get("images"))),
        )
        for each in messages
    ]


def _texts(message: Fields) -> Iterator[str]:
    content = message.get("content")
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        yield from (part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str))


def _urls(parts: Any) -> Iterator[str]:
    for part in parts if isinstance(parts, list) else ():
        value = part.get("image_url") if isinstance(part, dict) else None
        url = value.get("url") if isinstance(value, dict) else value
        if isinstance(url, str):
            yield url


def last_user(turns: list[Turn]) -> Turn:
    """Return the turn that asks; an empty one when no user spoke."""
    return next((turn for turn in reversed(turns) if turn.role == "user"), Turn("user", ""))


def input_urls(turns: list[Turn]) -> tuple[str, ...]:
    """Return the URLs of the pictures that this turn is about."""
    asked = last_user(turns).pictures
    answered = next((turn.images for turn in reversed(turns) if turn.role == "assistant"), ())
    return asked or answered


def prompt_of(turns: list[Turn]) -> str:
    """Return the prompt, without the private characters that rendering uses as marks."""
    return last_user(turns).text.replace(OPEN, "").replace(CLOSE, "").strip()


def ratio_of(body: Fields, turns: list[Turn]) -> str:
    """Find the ratio that is asked for: in a field, else in the prompt or a system message, else 1:1."""
    config = body.get("image_config")
    named = body.get("aspect_ratio") or (config.get("aspect_ratio") if isinstance(config, dict) else None)
    system = " ".join(turn.text for turn in turns if turn.role == "system" and "aspect_ratio=" in turn.text)
    for text in (named, last_user(turns).text.replace("：", ":"), system):
        if isinstance(text, str) and (found := _RATIO.search(text)):
            return found[1]
    return "1:1"


def decode_data_uri(url: str) -> bytes:
    """Decode a data URI; raises `MalformedRequest`."""
    try:
        return _decoded(url.partition(",")[2])
    except ValueError as error:
        raise MalformedRequest("The image data you provided is not valid base64.") from error


def _decoded(text: str) -> bytes:
    """Decode base64 in any spelling, the usual one (which may be large) first; raises `ValueError`."""
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        plain = "".join(text.split()).rstrip("=").replace("-", "+").replace("_", "/")
        return pybase64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


def check_strictly(body: Fields) -> None:
    """Refuse what strict OpenAI-style servers refuse, and base64 in text, which no gateway may send."""
    for at, message in enumerate(body["messages"]):
        content = message.get("content")
        if any(_BASE64.search(text) for text in _texts(message)):
            problem = "A text holds base64 of media, which would be counted as tokens."
            raise Refused(400, problem, code="base64_in_text", param=f"messages[{at}].content")
        if message.get("role") != "assistant":
            continue
        if "images" in message:
            raise Refused(400, f"Unknown parameter: 'messages[{at}].images'.", code="unknown_parameter")
        for number, part in enumerate(content if isinstance(content, list) else ()):
            if part.get("type") not in ("text", "refusal", "output_text"):
                problem = f"Invalid value: '{part.get('type')}'. Supported values are: 'output_text' and 'refusal'."
                raise Refused(400, problem, code="invalid_value", param=f"messages[{at}].content[{number}].type")


def shortened(value: Any) -> Any:
    """Return a JSON value with every base64 run replaced by the SHA-256 of what it holds: `sha256:…`."""
    if isinstance(value, dict):
        return {key: shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shortened(item) for item in value]
    if not isinstance(value, str) or len(value) < 64:
        return value
    return _BASE64.sub(lambda run: _digest(run[0]), _DATA_URI.sub(_short_uri, value))


def _short_uri(match: re.Match[str]) -> str:
    return f"data:{match[1] or ''};base64,{_digest(match[2])}"


def _digest(text: str) -> str:
    try:
        data = _decoded(text)
    except ValueError:
        data = text.encode()
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
