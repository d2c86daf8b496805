"""ComfyUI: workflows as templates, and the words of its HTTP and web socket API."""

from darkroom.dialects.comfyui.news import Tracker, preview_of
from darkroom.dialects.comfyui.results import File, Outcome, decode_error, files_of, outcome_of, place_of
from darkroom.dialects.comfyui.workflow import SLOTS, Workflow, checked, fill, slots_of, value_of

__all__ = [
    "SLOTS",
    "File",
    "Outcome",
    "Tracker",
    "Workflow",
    "checked",
    "decode_error",
    "files_of",
    "fill",
    "outcome_of",
    "place_of",
    "preview_of",
    "slots_of",
    "value_of",
]
