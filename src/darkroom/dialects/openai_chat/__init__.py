"""The Chat Completions dialect, in all four directions."""

from darkroom.dialects.openai_chat.answer import EventDecoder
from darkroom.dialects.openai_chat.failures import decode_error
from darkroom.dialects.openai_chat.request import decode_request, encode_request
from darkroom.dialects.openai_chat.writer import AnswerHead, EventEncoder, assemble
from darkroom.dialects.wire import Wire

WIRE = Wire(
    encode_request,
    lambda lifts, profile: EventDecoder(lifts, partials=profile.partials),
    decode_error,
)

__all__ = [
    "WIRE",
    "AnswerHead",
    "EventDecoder",
    "EventEncoder",
    "assemble",
    "decode_error",
    "decode_request",
    "encode_request",
]
