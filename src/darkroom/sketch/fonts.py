"""Fonts for captions: for every character one that has it, whatever the machine has.

Each character is drawn by the first font that covers it: Pillow's built-in face, so that Latin captions look
the same everywhere, then the machine's fonts, best known first. A character that no font has is spelled in
ASCII, or dropped when it is a pictogram: there is never an empty box. Files are looked at one by one, only
until every character has a font, and each once per process.
"""

from __future__ import annotations

import io
import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from anyascii import anyascii
from PIL import ImageFont

from darkroom.sketch.cmap import Coverage, read_coverage

Face = str
"""A font file's path; empty for the built-in face."""

BUILT_IN: Face = ""

_SUFFIXES = {".ttf", ".ttc", ".otf", ".otc"}
_MAX_FILES = 4000
# Faces that claim every character, and draw a box or nothing for it.
_LIARS = ("lastresort", "adobeblank", "blank", "notdef")
# What a caption looks good in, best first, as parts of a file's name in lower case.
_PREFERRED = (
    "notosanscjk-regular",
    "notosanssc-regular",
    "notosansjp-regular",
    "sourcehansans",
    "pingfang",
    "hiragino sans gb",
    "hiraginosans",
    "msyh.ttc",
    "yugothm",
    "malgun.ttf",
    "applesdgothicneo",
    "wqy-microhei",
    "wqy-zenhei",
    "droidsansfallback",
    "notosans-regular",
    "dejavusans.ttf",
    "arial unicode",
    "arial.ttf",
    "segoeui.ttf",
    "seguisym",
)
_AVOIDED = ("bold", "italic", "oblique", "mono", "serif", "light", "black", "thin", "condensed", "math")
# Pictograms, private and unassigned characters, controls: worth nothing in ASCII.
_WORTHLESS = {"So", "Sk", "Co", "Cn", "Cs", "Cc", "Cf", "Me", "Mn", "Zl", "Zp"}
# Also what ends a paragraph: the layout engine fails on it.
_NEVER = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def usual_dirs() -> tuple[str, ...]:
    """Return the directories where this system keeps its fonts."""
    home = str(Path.home())
    if sys.platform == "darwin":
        return ("/System/Library/Fonts", "/Library/Fonts", f"{home}/Library/Fonts")
    if sys.platform == "win32":
        windows = os.environ.get("WINDIR", "C:\\Windows")
        return (f"{windows}\\Fonts", f"{home}\\AppData\\Local\\Microsoft\\Windows\\Fonts")
    return ("/usr/share/fonts", "/usr/local/share/fonts", f"{home}/.local/share/fonts", f"{home}/.fonts")


@lru_cache(maxsize=8)
def font_files(dirs: tuple[str, ...]) -> tuple[Face, ...]:
    """List the font files under some directories, the preferred ones first; at most 4,000."""
    found: list[str] = []
    for root in dirs:
        for folder, _, names in os.walk(root):
            found += (os.path.join(folder, name) for name in names if Path(name).suffix.lower() in _SUFFIXES)
            if len(found) > _MAX_FILES:
                break
    return tuple(sorted((path for path in found[:_MAX_FILES] if not _lies(path)), key=_rank))


def _lies(path: str) -> bool:
    name = Path(path).name.lower()
    return any(liar in name for liar in _LIARS)


def _rank(path: str) -> tuple[int, int, str]:
    name = Path(path).name.lower()
    preferred = next((at for at, part in enumerate(_PREFERRED) if part in name), len(_PREFERRED))
    return preferred, sum(word in name for word in _AVOIDED), path


@lru_cache(maxsize=512)
def coverage(face: Face) -> Coverage:
    """Return which characters a face has; none if its file can't be read."""
    if face == BUILT_IN:
        return read_coverage(io.BytesIO(_built_in_bytes()))
    try:
        with open(face, "rb") as file:
            return read_coverage(file)
    except OSError:
        return Coverage()


@lru_cache(maxsize=1)
def _built_in_bytes() -> bytes:
    default = ImageFont.load_default(16)
    if not isinstance(default, ImageFont.FreeTypeFont):  # pragma: no cover - every wheel of Pillow has FreeType
        raise TypeError("this Pillow was built without FreeType")
    return default.font_bytes


@lru_cache(maxsize=64)
def font(face: Face, size: int) -> ImageFont.FreeTypeFont:
    """Open a face at a size in pixels."""
    if face == BUILT_IN:
        return ImageFont.truetype(io.BytesIO(_built_in_bytes()), size, layout_engine=ImageFont.Layout.BASIC)
    return ImageFont.truetype(face, size)


class Fonts:
    """The fonts of some directories; those of the system when none are given."""

    def __init__(self, dirs: Sequence[str] | None = None) -> None:
        self.dirs = usual_dirs() if dirs is None else tuple(dirs)
        self._faces: dict[str, Face | None] = {}

    def runs(self, text: str) -> list[tuple[Face, str]]:
        """Split text into runs of one face each; what no face can show is respelled or dropped."""
        self._find(text)
        runs: list[tuple[Face, str]] = []
        for char in text:
            for face, piece in self._shown(char):
                if runs and runs[-1][0] == face:
                    runs[-1] = (face, runs[-1][1] + piece)
                else:
                    runs.append((face, piece))
        return runs

    def readable(self, text: str) -> str:
        """Return the text as it will be shown, with one space for every run of white space."""
        plain = " ".join("".join(" " if char.isspace() else char for char in text).split())
        return " ".join("".join(piece for _, piece in self.runs(plain)).split())

    def _shown(self, char: str) -> Iterable[tuple[Face, str]]:
        face = self._faces[char]
        if face is not None:
            return ((face, char),)
        if unicodedata.category(char) in _WORTHLESS:
            return ()
        return ((BUILT_IN, anyascii(char)),)

    def _find(self, text: str) -> None:
        """Find a face for every character that has none yet: the best ranked that covers it."""
        missing = {char for char in text if char not in self._faces}
        for char in [char for char in missing if unicodedata.category(char) in _NEVER]:
            self._faces[char] = None
            missing.discard(char)
        for face in (BUILT_IN, *(font_files(self.dirs) if not _covers_all(BUILT_IN, missing) else ())):
            if not missing:
                return
            covered = {char for char in missing if coverage(face).has(char)}
            if covered and _opens(face):
                self._faces.update(dict.fromkeys(covered, face))
                missing -= covered
        self._faces.update(dict.fromkeys(missing, None))


def _covers_all(face: Face, chars: set[str]) -> bool:
    return all(coverage(face).has(char) for char in chars)


@lru_cache(maxsize=512)
def _opens(face: Face) -> bool:
    try:
        font(face, 16)
    except OSError:
        return False
    return True
