"""What Discovery Engine is asked: sessions, files for them, and one question.

A question is one text. In a session that goes on it is the new turn; in a new session what came before is told in it,
as a transcript, since the API takes no history. What it is about is uploaded to the session, and named by its file ids.
Formats: google.cloud.discoveryengine.v1, and
https://cloud.google.com/gemini/enterprise/docs/reference/rest/v1alpha/projects.locations.collections.engines.sessions
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from darkroom.dialects.relay_text import language_of
from darkroom.dialects.relay_vocabulary import Language
from darkroom.dialects.wire import JsonWriter, UpstreamRequest
from darkroom.media import Media, MediaKind
from darkroom.messages import Conversation, MediaPart, Message, Remote, Stored, Text
from darkroom.profiles import Profile

FILES_VERSION = "v1alpha"
"""The version of the API whose reference has everything about files: `v1` has no `fileIds` for `streamAssist`."""

ASSISTANT_MODELS = frozenset({"gemini-enterprise", "default", "auto"})
"""Names that stand for the model that the assistant itself is set to."""

_SYSTEM = {"system", "developer"}
_VERSION = re.compile(r"/v1(?:alpha|beta)?(?=/projects/)")
_TOOLS = {MediaKind.IMAGE: "imageGenerationSpec", MediaKind.VIDEO: "videoGenerationSpec"}
_LABELS: dict[Language, dict[str, str]] = {
    "en": {"user": "User", "assistant": "Assistant", "before": "Our conversation so far:", "now": "Now:"},
    "zh": {"user": "用户", "assistant": "助手", "before": "到目前为止的对话：", "now": "现在："},
}


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine and how it is asked: the provider's base URL and options.

    `assistant` names its assistant, `files_version` the version of the API for what has to do with files, `tools` are
    further entries of `toolsSpec` (`webGroundingSpec`, `vertexAiSearchSpec`).
    """

    base_url: str
    assistant: str = "default_assistant"
    files_version: str = FILES_VERSION
    time_zone: str = "UTC"
    language: str | None = None
    tools: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, base_url: str, options: Mapping[str, Any]) -> Engine:
        known = {name: options[name] for name in _OPTIONS if options.get(name) is not None}
        return cls(base_url, **known)

    def session_name(self, id: str) -> str:
        """Return a session's resource name: `projects/…/sessions/{id}`."""
        return f"projects/{self.base_url.partition('/projects/')[2]}{session_path(id)}"

    def with_files(self, path: str) -> str:
        """Return the URL of a path in the version that knows files."""
        return _VERSION.sub(f"/{self.files_version}", self.base_url, count=1) + path


_OPTIONS = ("assistant", "files_version", "time_zone", "language", "tools")


@dataclass(frozen=True, slots=True)
class ContextFile:
    """Media that a question is about, and its name for the assistant."""

    media: Media
    name: str


def session_path(id: str) -> str:
    """Return the path of a session, by its id or its resource name."""
    return f"/sessions/{quote(id.rpartition('/')[2], safe='')}"


def download_path(session: str, file_id: str) -> str:
    """Return the path at which a file of a session is; without `alt=media` the answer is empty."""
    return f"{session}:downloadFile?fileId={quote(file_id, safe='')}&alt=media"


def encode_session(id: str) -> UpstreamRequest:
    """Create a session under an id of our own: 1 to 63 of `a-z0-9_-`."""
    return UpstreamRequest(f"/sessions?sessionId={id}", JsonWriter().pieces({"displayName": "Darkroom"}))


def encode_file(engine: Engine, session: str, file: ContextFile) -> UpstreamRequest:
    """Upload media to a session, base64 in JSON."""
    writer = JsonWriter()
    body = {
        "fileName": file.name,
        "mimeType": file.media.mime,
        "fileContents": writer.inline(file.media, uri=False),
    }
    return UpstreamRequest(engine.with_files(f"{session_path(session)}:addContextFile"), writer.pieces(body))


def encode_download(engine: Engine, path: str) -> UpstreamRequest:
    return UpstreamRequest(engine.with_files(path), method="GET", headers={})


def encode_ask(
    engine: Engine, conversation: Conversation, profile: Profile, session: str, file_ids: Sequence[str]
) -> UpstreamRequest:
    """Ask a question in a session, by its resource name; `file_ids` are what it is about."""
    text = _question(conversation)
    body: dict[str, Any] = {
        "query": {"text": text},
        "session": session,
        "toolsSpec": {**{_TOOLS[kind]: {} for kind in _TOOLS if kind in profile.makes}, **engine.tools},
        "userMetadata": {"timeZone": engine.time_zone, "preferredLanguageCode": engine.language or language_of(text)},
    }
    if conversation.model not in ASSISTANT_MODELS:
        body["generationSpec"] = {"modelId": conversation.model}
    path = f"/assistants/{quote(engine.assistant, safe='')}:streamAssist"
    if file_ids:
        body["fileIds"] = list(file_ids)
        path = engine.with_files(path)
    return UpstreamRequest(path, JsonWriter().pieces(body))


def context_files(messages: Sequence[Message]) -> list[ContextFile]:
    """Return the media of messages, each once, in their order."""
    parts = [part for message in messages for part in message.media if isinstance(part.source, Stored)]
    found: dict[str, ContextFile] = {}
    for part in parts:
        if isinstance(part.source, Stored) and part.source.media.blob not in found:
            found[part.source.media.blob] = ContextFile(part.source.media, _name(part))
    return list(found.values())


def _question(conversation: Conversation) -> str:
    """Return the turn at hand, behind the instructions and what was said before it."""
    turns = [message for message in conversation.messages if message.role not in _SYSTEM]
    rules = [message.text for message in conversation.messages if message.role in _SYSTEM and message.text.strip()]
    last = turns.pop() if turns and turns[-1].role == "user" else None
    now = _said(last, named=False) if last is not None else ""
    told = list(_told(turns, _LABELS[language_of(now)]))
    labels = _LABELS[language_of(now)]
    lead = [labels["now"]] if told and now else []
    head = [labels["before"], *told] if told else []
    return "\n\n".join([*rules, *head, "\n".join([*lead, now])]).strip()


def _told(turns: Sequence[Message], labels: Mapping[str, str]) -> Iterator[str]:
    for message in turns:
        if words := _said(message, named=True):
            yield f"{labels.get(message.role, message.role.capitalize())}: {words}"


def _said(message: Message, *, named: bool) -> str:
    """Return a turn's words; `named`: with the names of the files in it, which stand beside the question."""
    words: list[str] = []
    for part in message.parts:
        match part:
            case Text(text):
                words.append(text)
            case MediaPart(_, Remote(url)):
                words.append(url)
            case MediaPart() if named:
                words.append(f"[{_name(part)}]")
    return "\n".join(word.strip() for word in words if word.strip())


def _name(part: MediaPart) -> str:
    media = part.source.media if isinstance(part.source, Stored) else None
    if part.filename:
        return part.filename
    return f"{media.id}.{media.extension}" if media is not None else part.kind.value
