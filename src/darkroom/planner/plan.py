"""A plan: what one turn asks for, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from darkroom.planner.scene import Kind, Use

Operation = Literal["generate", "edit", "compose", "describe", "answer"]
"""`generate`: a new picture from words. `edit`: each picture whose role is `edited` is changed, on its own.
`compose`: a new picture with others as material. `describe`: a question about pictures. `answer`: talk, which may show
pictures again. A film is made in the same three ways; one that sets a picture in motion composes, with that picture as
its `first_frame`."""

OPERATIONS: tuple[Operation, ...] = get_args(Operation)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done. `n` is how many pictures (of each that is edited or set in motion); `gen_id` the generation
    that is edited. `kind` is what is made, and `seconds` how long a film is to be, if that was said.

    `uses` are the pictures with their roles; for `describe` and `answer` those that are talked about or shown, as
    `reference`. `confidence` is 0 to 1, and how sure it is of `uses`; `reason` says in English why they were chosen.
    """

    operation: Operation
    prompt: str = ""
    uses: tuple[Use, ...] = ()
    ratio: str | None = None
    n: int = 1
    gen_id: str | None = None
    confidence: float = 1.0
    reason: str = ""
    kind: Kind = "image"
    seconds: int | None = None

    @property
    def makes(self) -> bool:
        """Whether it asks for a picture or a film."""
        return self.operation in ("generate", "edit", "compose")
