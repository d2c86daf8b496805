"""The Responses dialect, in all four directions."""

from darkroom.dialects.openai_responses.answer import RESPONSE_ID, EventDecoder
from darkroom.dialects.openai_responses.failures import decode_error
from darkroom.dialects.openai_responses.request import encode_request, wants_partials
from darkroom.dialects.wire import Wire

WIRE = Wire(encode_request, lambda lifts, profile: EventDecoder(lifts), decode_error)

__all__ = [
    "RESPONSE_ID",
    "WIRE",
    "EventDecoder",
    "decode_error",
    "encode_request",
    "wants_partials",
]
