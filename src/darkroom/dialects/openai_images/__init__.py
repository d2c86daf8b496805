"""The Images API dialect, in all four directions."""

from darkroom.dialects.openai_chat.failures import decode_error
from darkroom.dialects.openai_images.answer import EventDecoder
from darkroom.dialects.openai_images.asked import AskedFor, decode_json, field_of, read_fields, with_pictures
from darkroom.dialects.openai_images.request import encode_request
from darkroom.dialects.openai_images.writer import AnswerHead, EventEncoder, assemble
from darkroom.dialects.wire import Wire

WIRE = Wire(encode_request, lambda lifts, profile: EventDecoder(lifts), decode_error)

__all__ = [
    "WIRE",
    "AnswerHead",
    "AskedFor",
    "EventDecoder",
    "EventEncoder",
    "assemble",
    "decode_error",
    "decode_json",
    "encode_request",
    "field_of",
    "read_fields",
    "with_pictures",
]
