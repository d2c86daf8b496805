"""What the Gemini emulator reads of a request, and what it refuses, as the real API does.

Field names come in both spellings (`inlineData`, `inline_data`) and base64 in both alphabets: the official SDK writes
the url-safe one. A signature is the emulator's own: it is for one key, one model, and what it came with.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from darkroom.errors import InvalidMedia
from darkroom.sketch.ancestry import open_picture
from darkroom.testing.emulation import Remembered
from darkroom.testing.gemini_files import Fields, Files, Refused
from darkroom.testing.strict_schema import fault_of_gemini

_TOP = "contents systemInstruction generationConfig tools toolConfig safetySettings cachedContent serviceTier store"
_CONFIG = (
    "candidateCount stopSequences maxOutputTokens temperature topP topK seed presencePenalty frequencyPenalty "
    "responseLogprobs logprobs responseModalities responseMimeType responseSchema responseJsonSchema speechConfig "
    "thinkingConfig imageConfig mediaResolution enableEnhancedCivicAnswers"
)
_DATA = "text inlineData fileData functionCall functionResponse executableCode codeExecutionResult"
_BESIDE = "thought thoughtSignature videoMetadata mediaResolution partMetadata"
_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
_SIZES = ("1K", "2K", "4K")
_MIMES = re.compile(r"image/(?:png|jpeg|webp|heic|heif|gif|bmp|tiff)|video/.+|audio/.+|application/pdf|text/.+")
_FILE = re.compile(r"(?:https?://[^/]+/v1(?:beta)?/)?(files/[a-z0-9-]+)")
_SECRET = b"what only this emulator knows"


@dataclass(frozen=True, slots=True)
class Signer:
    """Makes signatures of `size` bytes, and knows its own again."""

    key: str
    model: str
    size: int

    def sign(self, what: bytes) -> str:
        return base64.b64encode(self._of(what)).decode()

    def check(self, signature: Any, what: bytes) -> None:
        """Raise `Refused` for a signature that is not the one for this."""
        if not isinstance(signature, str) or _base64(signature) != self._of(what):
            raise Refused(400, "Corrupted thought signature.")

    def _of(self, what: bytes) -> bytes:
        message = b"\0".join((self.key.encode(), self.model.encode(), hashlib.sha256(what).digest()))
        return hashlib.shake_256(hmac.digest(_SECRET, message, "sha256")).digest(self.size)


@dataclass(slots=True)
class Question:
    """A request, read: what is asked, the pictures shown with it, and all that were seen before, oldest first."""

    prompt: str = ""
    shown: list[bytes] = field(default_factory=list)
    seen: list[Remembered] = field(default_factory=list)
    of_model: int = 0
    """Pictures in turns of the model."""
    answered: str | None = None
    """What a tool answered, when that is the last turn."""
    functions: list[str] = field(default_factory=list)
    config: Fields = field(default_factory=dict)


@dataclass(slots=True)
class Reader:
    """Reads one request. `web` is what lies at URLs elsewhere; `draws`: the model makes pictures; `forgets`: it never
    knows its signatures again."""

    signer: Signer
    files: Files
    web: Mapping[str, bytes]
    draws: bool
    forgets: bool = False

    def read(self, body: Any) -> Question:
        """Return the question. Raises `Refused`."""
        if not isinstance(body, dict):
            raise Refused(400, "Invalid JSON payload received.")
        asked = _known(body, _TOP, None)
        question = Question(config=self._config(asked.get("generationConfig")))
        question.functions = self._functions(asked.get("tools"))
        contents = asked.get("contents")
        if not isinstance(contents, list) or not contents:
            raise Refused(400, "* GenerateContentRequest.contents: contents is not specified\n")
        if asked.get("systemInstruction") is not None:
            for part in _parts(asked["systemInstruction"], "system_instruction"):
                if set(part) != {"text"}:
                    raise Refused(400, "System instructions hold text alone.")
        self._contents(contents, question)
        return question

    def _contents(self, contents: list[Any], question: Question) -> None:
        words = ""
        before = ""
        for at, content in enumerate(contents):
            parts = _parts(content, f"contents[{at}]")
            role = content.get("role", "user")
            if role not in ("user", "model"):
                raise Refused(400, "Please use a valid role: user, model.")
            if role == "user" and before != "user":
                words, question.shown, question.answered = "", [], None
            for number, part in enumerate(parts):
                where = f"content position {at + 1}, part position {number + 1}"
                if role == "user":
                    words += self._of_user(part, question, words)
                else:
                    self._of_model(part, question, words, where)
            before = role
        if before != "user":
            raise Refused(400, "Please ensure that the last turn is a user turn.")
        question.prompt = words

    def _of_user(self, part: Fields, question: Question, words: str) -> str:
        if "thoughtSignature" in part:
            raise Refused(400, "A thought signature belongs to a part of the model.")
        if "text" in part:
            if not part["text"]:
                raise Refused(400, "Unable to submit request because it has an empty text parameter.")
            return str(part["text"])
        if "functionResponse" in part:
            answer = _known(
                part["functionResponse"], "id name response parts willContinue scheduling", "function_response"
            )
            if not isinstance(answer.get("response"), dict) or not answer.get("name"):
                raise Refused(400, "A function response has a name, and an object as its response.")
            question.answered = str(answer["response"])
            return ""
        mime, data = self._bytes(part)
        if mime.startswith("image/"):
            question.shown.append(data)
            question.seen.append(Remembered(data, words))
        return ""

    def _of_model(self, part: Fields, question: Question, words: str, where: str) -> None:
        signature = part.get("thoughtSignature")
        if part.get("thought") is True:
            return
        if "text" in part:
            if signature is not None:
                self.signer.check(signature, str(part["text"]).encode())
            elif not part["text"]:
                raise Refused(400, "Unable to submit request because it has an empty text parameter.")
        elif "functionCall" in part:
            name = str(part["functionCall"].get("name"))
            if signature is None:
                raise Refused(
                    400, f"Function call is missing a thought_signature in functionCall parts: {name}, {where}."
                )
            self.signer.check(signature, name.encode())
        elif "inlineData" in part or "fileData" in part:
            _, data = self._bytes(part)
            if signature is None or self.forgets:
                raise Refused(400, f"Image part is missing a thought_signature in {where}.")
            self.signer.check(signature, data)
            question.seen.append(Remembered(data, words))
            question.of_model += 1

    def _bytes(self, part: Fields) -> tuple[str, bytes]:
        """Return the type and the bytes of a part's media. Raises `Refused`."""
        if "inlineData" in part:
            inline = _known(part["inlineData"], "mimeType data displayName", "inline_data")
            mime, data = str(inline.get("mimeType")), _base64(str(inline.get("data") or ""))
        elif "fileData" in part:
            mime, data = self._file(_known(part["fileData"], "mimeType fileUri displayName", "file_data"))
        else:
            raise Refused(400, "Unsupported part.")
        if not _MIMES.fullmatch(mime):
            raise Refused(400, f"Unsupported MIME type: {mime}")
        if not data:
            raise Refused(400, "Base64 decoding failed, or there is no data.")
        if mime.startswith("image/"):
            try:
                open_picture(data)
            except InvalidMedia:
                raise Refused(400, "Unable to process input image. Please retry or report.") from None
        return mime, data

    def _file(self, named: Fields) -> tuple[str, bytes]:
        uri = str(named.get("fileUri") or "")
        match = _FILE.fullmatch(uri)
        if match is None:
            data = self.web.get(uri)
            if data is None or not uri.startswith("https://"):
                raise Refused(400, "Cannot fetch content from the provided URL. Please ensure the URL is valid.")
            return str(named.get("mimeType") or "image/png"), data
        file = self.files.find(self.signer.key, match[1])
        if file.polls or file.failed:
            id = file.name.removeprefix("files/")
            words = f"The File {id} is not in an ACTIVE state and usage is not allowed."
            raise Refused(400, words, status="FAILED_PRECONDITION")
        return file.mime, file.data

    def _config(self, value: Any) -> Fields:
        config = _known(value or {}, _CONFIG, "generation_config")
        modalities = config.get("responseModalities", [])
        if not isinstance(modalities, list) or not set(modalities) <= {"TEXT", "IMAGE", "AUDIO"}:
            raise Refused(400, "Invalid value at 'generation_config.response_modalities'.")
        unable = {"AUDIO"} if self.draws else {"AUDIO", "IMAGE"}
        if unable & set(modalities):
            asked = ",".join(sorted(modalities)).lower()
            raise Refused(400, f"Model does not support the requested response modalities: {asked}")
        image = _known(config.get("imageConfig") or {}, "aspectRatio imageSize", "generation_config.image_config")
        if image and not self.draws:
            raise Refused(400, "Image generation is not enabled for this model.")
        if image.get("aspectRatio", "1:1") not in _RATIOS:
            raise Refused(400, "aspect_ratio must be one of '1:1', '2:3', '3:2', '3:4', '4:3', '9:16', '16:9', '21:9'.")
        if image.get("imageSize", "1K") not in _SIZES:
            raise Refused(400, "image_size must be one of '1K', '2K', '4K'.")
        if self.draws and config.get("responseMimeType", "text/plain") != "text/plain":
            raise Refused(400, "JSON mode is not enabled for this model.")
        if fault := fault_of_gemini(config):
            raise Refused(400, f"Invalid value at 'generation_config': {fault}")
        return {**config, "imageConfig": image}

    def _functions(self, tools: Any) -> list[str]:
        names: list[str] = []
        for tool in tools or ():
            for declared in _camel(tool).get("functionDeclarations", ()):
                known = "name description parameters parametersJsonSchema response responseJsonSchema behavior"
                names.append(str(_known(declared, known, "tools[0].function_declarations").get("name")))
        if names and self.draws:
            raise Refused(400, "Function calling is not enabled for this model.")
        return names


def _parts(content: Any, where: str) -> list[Fields]:
    content = _known(content, "role parts", where)
    parts = content.get("parts")
    if not isinstance(parts, list) or not parts:
        raise Refused(400, f"* GenerateContentRequest.{where}.parts: contents.parts must not be empty.\n")
    read = [_known(part, f"{_DATA} {_BESIDE}", f"{where}.parts") for part in parts]
    for number, part in enumerate(read):
        if len(set(part) & set(_DATA.split())) != 1:
            field_of = f"GenerateContentRequest.{where}.parts[{number}].data"
            raise Refused(400, f"* {field_of}: required oneof field 'data' must have one initialized field\n")
    return read


def _known(value: Any, names: str, where: str | None) -> Fields:
    """Return an object in camel case. Raises `Refused` for a field that the API does not have."""
    if not isinstance(value, dict):
        raise Refused(400, f"Invalid value at '{where}'.")
    found = _camel(value)
    unknown = sorted(set(found) - set(names.split()))
    if unknown:
        at = f" at '{where}'" if where else ""
        raise Refused(400, f'Invalid JSON payload received. Unknown name "{unknown[0]}"{at}: Cannot find field.')
    return found


def _camel(value: Fields) -> Fields:
    """Return an object with its own field names in camel case, not those deeper in it."""
    return {re.sub(r"_([a-z])", lambda match: match[1].upper(), name): item for name, item in value.items()}


def _base64(text: str) -> bytes | None:
    try:
        plain = text.replace("-", "+").replace("_", "/").rstrip("=")
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
