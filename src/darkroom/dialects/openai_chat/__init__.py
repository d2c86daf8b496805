"""The Chat Completions dialect, in all four directions."""

from darkroom.dialects.openai_chat.answer import EventDecoder
from darkroom.dialects.openai_chat.failures import decode_error
from darkroom.dialects.openai_chat.request import decode_request, encode_request
from darkroom.dialects.openai_chat.writer import AnswerHead, EventEncoder, assemble

__all__ = [
    "AnswerHead",
    "EventDecoder",
    "EventEncoder",
    "assemble",
    "decode_error",
    "decode_request",
    "encode_request",
]
