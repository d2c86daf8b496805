"""The Gemini dialect: `generateContent` and `streamGenerateContent`."""

from darkroom.dialects.gemini.answer import EventDecoder
from darkroom.dialects.gemini.failures import decode_error
from darkroom.dialects.gemini.request import encode_request
from darkroom.dialects.wire import Wire

WIRE = Wire(encode_request, EventDecoder, decode_error)

__all__ = ["WIRE", "EventDecoder", "decode_error", "encode_request"]
