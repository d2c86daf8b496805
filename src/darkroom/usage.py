"""Tokens, estimated where the upstream does not count them. Media is never counted as text."""

from __future__ import annotations

import re
from typing import Any

from darkroom.messages import Conversation

_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_PER_MESSAGE = 4
_CHARS_PER_TOKEN = 4


def estimate(text: str) -> int:
    """Return roughly how many tokens a text is: one for each CJK character, one for four of any other."""
    wide = len(_WIDE.findall(text))
    return wide + (len(text) - wide + _CHARS_PER_TOKEN - 1) // _CHARS_PER_TOKEN


def prompt_tokens(conversation: Conversation) -> int:
    return sum(estimate(message.text) + _PER_MESSAGE for message in conversation.messages)


def counted(prompt: int, completion: int) -> dict[str, Any]:
    """Return the estimate in OpenAI's shape."""
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
