"""What became of a prompt: `GET /history/{id}`, its files, and what ComfyUI says when it refuses.

Format: `GET /history/{id}` → `{id: {"outputs": {node: {"images": [{"filename", "subfolder", "type"}]}}, "status":
{"status_str", "completed", "messages": [[type, data]]}}}`; errors of `POST /prompt` → `{"error", "node_errors"}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec

from darkroom.dialects.openai_chat.failures import decode_error as decode_any
from darkroom.dialects.openai_chat.failures import error_of
from darkroom.errors import DarkroomError, UpstreamBroken, UpstreamRejected
from darkroom.media import MediaKind

_KINDS = {
    **dict.fromkeys(("mp4", "webm", "mkv", "mov"), MediaKind.VIDEO),
    **dict.fromkeys(("mp3", "wav", "flac", "ogg", "opus", "m4a"), MediaKind.AUDIO),
}


@dataclass(frozen=True, slots=True)
class File:
    """A file as ComfyUI names it."""

    name: str
    subfolder: str = ""
    type: str = "output"

    @property
    def path(self) -> str:
        """Where it is downloaded from."""
        query = {"filename": self.name, "subfolder": self.subfolder, "type": self.type}
        return f"/view?{urlencode(query)}"

    @property
    def kind(self) -> MediaKind:
        return _KINDS.get(self.name.rpartition(".")[2].lower(), MediaKind.IMAGE)

    @property
    def in_workflow(self) -> str:
        """How a node names it."""
        return f"{self.subfolder}/{self.name}" if self.subfolder else self.name


@dataclass(frozen=True, slots=True)
class Outcome:
    files: tuple[File, ...] = ()
    error: DarkroomError | None = None


def outcome_of(history: Any, prompt_id: str) -> Outcome | None:
    """Return how a prompt ended, or None while its history holds nothing."""
    entry = history.get(prompt_id) if isinstance(history, Mapping) else None
    if not isinstance(entry, Mapping):
        return None
    status = entry.get("status")
    if isinstance(status, Mapping) and status.get("status_str") == "error":
        return Outcome(error=_failure(status.get("messages")))
    return Outcome(files_of(entry.get("outputs")))


def files_of(outputs: Any) -> tuple[File, ...]:
    """Return the files that a workflow saved; its previews only if it saved nothing else."""
    found = tuple(dict.fromkeys(_files(outputs)))
    saved = tuple(file for file in found if file.type == "output")
    return saved or tuple(file for file in found if file.type == "temp")


def _files(outputs: Any) -> Iterator[File]:
    for shown in outputs.values() if isinstance(outputs, Mapping) else ():
        for listed in shown.values() if isinstance(shown, Mapping) else ():
            for item in listed if isinstance(listed, list) else ():
                if isinstance(item, Mapping) and isinstance(item.get("filename"), str):
                    yield File(item["filename"], str(item.get("subfolder") or ""), str(item.get("type") or "output"))


def place_of(prompt_id: str, queue: Any) -> Literal["running"] | int | None:
    """Return whether a prompt runs, how many are before it, or None where the queue does not hold it.

    Format: `GET /queue` → `{"queue_running": [[number, id, …]], "queue_pending": […]}`.
    """
    running, pending = (_ids(queue, name) for name in ("queue_running", "queue_pending"))
    if prompt_id in {id for _, id in running}:
        return "running"
    mine = next((number for number, id in pending if id == prompt_id), None)
    return None if mine is None else len(running) + sum(number < mine for number, _ in pending)


def _ids(queue: Any, name: str) -> list[tuple[float, str]]:
    items = queue.get(name) if isinstance(queue, Mapping) else None
    return [(item[0], item[1]) for item in items or () if isinstance(item, list) and len(item) > 1]


def _failure(messages: Any) -> DarkroomError:
    for message in messages if isinstance(messages, list) else ():
        match message:
            case ["execution_error", {"exception_message": str(words), **rest}]:
                node = f"{rest.get('node_type')} (node {rest.get('node_id')})"
                return error_of({"message": f"{node}: {words.strip()}"})
            case ["execution_interrupted", _]:
                return UpstreamBroken("somebody stopped it at the upstream")
    return UpstreamBroken("the upstream failed, and does not say why")


def decode_error(status: int, body: bytes, retry_after: float | None) -> DarkroomError:
    """Read the answer of a request that failed; one about nodes names each of them with what is wrong there."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        document = None
    nodes = document.get("node_errors") if isinstance(document, dict) else None
    if isinstance(nodes, dict) and nodes:
        return UpstreamRejected(f"the upstream said: {'; '.join(_refusals(nodes))}")
    return decode_any(status, body, retry_after)


def _refusals(nodes: Mapping[str, Any]) -> Iterator[str]:
    for id, node in nodes.items():
        fields = node if isinstance(node, Mapping) else {}
        errors: list[Any] = fields.get("errors") or [{}]
        for error in errors:
            told = error if isinstance(error, Mapping) else {}
            words = ": ".join(str(told[name]) for name in ("message", "details") if told.get(name))
            yield f"{fields.get('class_type', 'a node')} (node {id}): {words or 'it is wrong'}"
