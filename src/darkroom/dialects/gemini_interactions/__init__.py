"""Gemini's Interactions API, which keeps conversations under the ids of their interactions."""

from darkroom.dialects.gemini_interactions.answer import INTERACTION, EventDecoder
from darkroom.dialects.gemini_interactions.failures import decode_error, is_forgotten
from darkroom.dialects.gemini_interactions.films import FILMS
from darkroom.dialects.gemini_interactions.request import HEADERS, PATH, encode_request, is_background
from darkroom.dialects.wire import Wire

WIRE = Wire(encode_request, EventDecoder, decode_error)

__all__ = [
    "FILMS",
    "HEADERS",
    "INTERACTION",
    "PATH",
    "WIRE",
    "EventDecoder",
    "decode_error",
    "encode_request",
    "is_background",
    "is_forgotten",
]
