"""Which half a case belongs to, for good; `python -m evals.split FILE…` sorts files of cases into the halves.

The half follows from the case's id alone, so that nobody chooses it, and no new case moves an old one.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import msgspec

Split = Literal["dev", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
CASES = Path(__file__).parent / "cases"

_OF = 5
_TEST = 2


def split_of(id: str) -> Split:
    """Return the half that a case belongs to: two fifths of all ids are for the test."""
    return "test" if zlib.crc32(id.encode()) % _OF < _TEST else "dev"


def sort(file: Path, directory: Path = CASES) -> dict[Split, int]:
    """Write the cases of a file into `dev/` and `test/` under its own name; what stood there is replaced.

    Return how many went where. Raises `ValueError` where a line is no JSON object with an `id`.
    """
    lines = [line for line in file.read_text("utf-8").splitlines() if line.strip()]
    halves: dict[Split, list[str]] = {split: [] for split in SPLITS}
    for number, line in enumerate(lines, 1):
        halves[split_of(_id_of(line, f"{file.name}:{number}"))].append(line)
    for split, kept in halves.items():
        target = directory / split / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        if kept:
            target.write_text("".join(f"{line}\n" for line in kept), "utf-8")
    return {split: len(kept) for split, kept in halves.items()}


def _id_of(line: str, where: str) -> str:
    try:
        document = msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        raise ValueError(f"{where}: this is not JSON: {error}") from error
    id = document.get("id") if isinstance(document, dict) else None
    if not isinstance(id, str):
        raise ValueError(f"{where}: a case is an object with an `id`")
    return id


def main(arguments: Sequence[str]) -> int:
    """Sort files; the exit status is 2 when one can't be."""
    if not arguments:
        print("usage: python -m evals.split FILE…", file=sys.stderr)
        return 2
    try:
        for file in map(Path, arguments):
            counted = sort(file)
            print(f"{file.name}: {', '.join(f'{count} {split}' for split, count in counted.items())}")
    except (OSError, ValueError) as error:
        print(f"evals.split: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
