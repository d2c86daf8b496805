"""The frames of an answer that may be one JSON document or a stream of events, whichever the upstream chose to send.

The first character tells. Base64 is lifted out of both while it arrives; the same however the bytes are cut.
"""

from __future__ import annotations

from darkroom.codecs.json_lift import JsonLifter
from darkroom.codecs.sse import Sse, SseDecoder
from darkroom.errors import UpstreamBroken
from darkroom.lifted import Lifts

_BOM = b"\xef\xbb\xbf"
_MAX_ANSWER = 64 * 1024 * 1024


class Framing:
    """Bytes in, frames out. `is_json` is None until something came; of JSON there are no frames, but a `body`.

    `most`: the bytes that a document may have without its media.
    """

    def __init__(self, lifts: Lifts, most: int = _MAX_ANSWER) -> None:
        self.is_json: bool | None = None
        self._most = most
        self._lifter = JsonLifter(lifts)
        self._sse = SseDecoder()
        self._body: list[bytes] = []
        self._size = 0

    @property
    def body(self) -> bytes:
        return b"".join(self._body)

    def decode(self, chunk: bytes) -> list[Sse]:
        """Take the next bytes. Raises `UpstreamBroken` for a document without end, `TooLarge` for large media."""
        return self._read(self._lifter.decode(chunk))

    def flush(self) -> list[Sse]:
        """Take the end. Raises as `decode` does."""
        frames = self._read(self._lifter.flush())
        return frames if self.is_json else [*frames, *self._sse.flush()]

    def _read(self, skeleton: bytes) -> list[Sse]:
        if self.is_json is None and (first := skeleton.removeprefix(_BOM).lstrip()[:1]):
            skeleton = skeleton.removeprefix(_BOM)
            self.is_json = first in (b"{", b"[")
        if not self.is_json:
            return [*self._sse.decode(skeleton)]
        self._size += len(skeleton)
        if self._size > self._most:
            raise UpstreamBroken(f"the upstream's answer is longer than {self._most} bytes without its media")
        self._body.append(skeleton)
        return []
