"""Gemini Enterprise (Discovery Engine): sessions of an engine's assistant, by the official API alone.

https://cloud.google.com/gemini/enterprise/docs/reference/rest
"""

from darkroom.dialects.gemini_enterprise.answer import EventDecoder
from darkroom.dialects.gemini_enterprise.failures import decode_error, is_forgotten
from darkroom.dialects.gemini_enterprise.request import (
    ContextFile,
    Engine,
    context_files,
    encode_ask,
    encode_download,
    encode_file,
    encode_session,
    session_path,
)

__all__ = [
    "ContextFile",
    "Engine",
    "EventDecoder",
    "context_files",
    "decode_error",
    "encode_ask",
    "encode_download",
    "encode_file",
    "encode_session",
    "is_forgotten",
    "session_path",
]
