"""The documents: whatever a user can set, run or be told stands in README.md or docs/."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from darkroom import errors
from darkroom.app import ROUTES
from darkroom.cli import main
from darkroom.endpoints.door import OUTPUT_HEADER
from darkroom.errors import DarkroomError
from darkroom.profiles import PROFILES
from darkroom.settings import ENV_PROVIDERS, OUTPUTS, ModelSettings, ProviderSettings, variables

ROOT = Path(__file__).parent.parent


def documents() -> str:
    """Everything that a user can read, as one text."""
    files = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return "\n".join(path.read_text("utf-8") for path in files if path.exists())


def missing(words: list[str]) -> list[str]:
    """Return the words that no document holds, whole."""
    text = documents()
    return [word for word in words if not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text)]


def subcommands(group: click.Group, path: str = "darkroom") -> Iterator[str]:
    for name, item in group.commands.items():
        if isinstance(item, click.Group):
            yield from subcommands(item, f"{path} {name}")
        else:
            yield f"{path} {name}"


def codes(kind: type[DarkroomError] = DarkroomError) -> set[str]:
    return {kind.code} | {code for child in kind.__subclasses__() for code in codes(child)}


WORDS: dict[str, list[str]] = {
    "settings": [path.rpartition(".")[2] for path in variables().values()],
    "sections": sorted({f"[{path.partition('.')[0]}]" for path in variables().values() if "." in path}),
    "fields of a provider": [f"{name}" for name in ProviderSettings.__dataclass_fields__],
    "fields of a model": [f"{name}" for name in ModelSettings.__dataclass_fields__],
    "variables": [*variables(), *(variable for variable, _, _ in ENV_PROVIDERS)],
    "commands": list(subcommands(main)),
    "error codes": sorted(codes() - {errors.ClientError.code, errors.UpstreamError.code}),
    "profiles": list(PROFILES),
    "output shapes": [*OUTPUTS],
    "doors": sorted({re.sub(r":\w+}", "}", route.path) for route in ROUTES} - {"/"}),
}


@pytest.mark.parametrize("kind", WORDS)
def test_everything_is_documented(kind: str) -> None:
    assert missing(WORDS[kind]) == []


def test_the_header_is_documented() -> None:
    assert OUTPUT_HEADER in documents().lower()


def test_the_check_notices_what_is_missing() -> None:
    assert missing(["a word that nobody would write here 7351"]) != []


def test_no_list_is_empty() -> None:
    assert all(len(words) >= 3 for words in WORDS.values())
