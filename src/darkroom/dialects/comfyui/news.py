"""What comes over ComfyUI's web socket while a prompt runs: JSON `{"type", "data"}`, and previews as binary frames.

Only progress and the end are learnt from it; what was made stands in the history.
Format: `server.py`, `execution.py` and `comfy_execution/progress.py` of ComfyUI; `protocol.py` for the binary frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from darkroom.dialects.comfyui.workflow import Workflow
from darkroom.dialects.single_turn import RisingProgress
from darkroom.events import Progress

_ENDS = {"execution_success", "execution_error", "execution_interrupted"}


class Tracker:
    """Follows one prompt. `ended`: its outcome is in the history, or will be in a moment."""

    def __init__(self, prompt_id: str, workflow: Workflow, progress: RisingProgress) -> None:
        self._id = prompt_id
        self._progress = progress
        self._samplers = {id for id, node in workflow.items() if _samples(node["class_type"])}
        self._done: dict[str, float] = {}
        self.ended = False

    def take(self, message: Any) -> list[Progress]:
        """Take a message; those about other prompts say nothing."""
        kind = message.get("type") if isinstance(message, Mapping) else None
        data = message.get("data") if isinstance(message, Mapping) else None
        if not isinstance(data, Mapping):
            return []
        if kind == "status":
            return self._queued(data)
        return self._ours(kind, data) if data.get("prompt_id") == self._id else []

    def _ours(self, kind: Any, data: Mapping[str, Any]) -> list[Progress]:
        self.ended = self.ended or kind in _ENDS or (kind == "executing" and data.get("node") is None)
        match kind:
            case "execution_start":
                return self._progress.at(0)
            case "progress":
                return self._measured({str(data.get("node") or ""): data})
            case "progress_state" if isinstance(data.get("nodes"), Mapping):
                return self._measured(data["nodes"])
            case _:
                return []

    def _queued(self, data: Mapping[str, Any]) -> list[Progress]:
        status = data.get("status")
        queue = status.get("exec_info") if isinstance(status, Mapping) else None
        remaining = queue.get("queue_remaining") if isinstance(queue, Mapping) else None
        return self._progress.queued(remaining - 1) if isinstance(remaining, int) and remaining > 1 else []

    def _measured(self, nodes: Mapping[str, Any]) -> list[Progress]:
        """Sampling takes nearly all of the time: the whole is the mean of what samples."""
        for id, data in nodes.items():
            value, most = (data.get("value"), data.get("max")) if isinstance(data, Mapping) else (None, None)
            if isinstance(value, int | float) and isinstance(most, int | float) and most > 1:
                self._done[id] = min(value / most, 1.0)
        counted = {id: part for id, part in self._done.items() if id in self._samplers} or self._done
        if not counted:
            return []
        return self._progress.at(sum(counted.values()) / max(len(self._samplers), len(counted)))


def _samples(class_type: str) -> bool:
    return "Sampler" in class_type and "Select" not in class_type


def preview_of(frame: bytes) -> bytes | None:
    """Return the JPEG or PNG of a binary frame that holds a preview; None for any other."""
    if len(frame) < 8:
        return None
    kind, number = int.from_bytes(frame[:4], "big"), int.from_bytes(frame[4:8], "big")
    match kind:
        case 1:
            return frame[8:] or None  # the number is the format: 1 JPEG, 2 PNG
        case 4:
            return frame[8 + number :] or None  # the number is the length of the JSON before the picture
        case _:
            return None
