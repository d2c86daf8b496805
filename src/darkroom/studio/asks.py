"""From a plan to the questions that the image model is asked: words, pictures in their order, parameters.

Pure. Each picture that is edited is a question of its own; everything else that is meant goes along with it. A model
that sees no pictures, or a picture that can't be had any more, is told in words: all that was said along its branch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from darkroom.dialects.image_params import image_params, nearest_ratio, picture_params
from darkroom.dialects.json_values import table
from darkroom.dialects.relay_vocabulary import Language
from darkroom.generation import Input, InputRole
from darkroom.messages import Conversation, MediaPart, Message, Part, Stored, Text
from darkroom.planner import Picture, Plan, Scene, Use
from darkroom.profiles import Profile
from darkroom.replay import Omitted, Wanted, by_importance, within
from darkroom.studio.scenes import Stage

MOST_PICTURES = 10
"""How many pictures one turn can make."""

_TALK = frozenset(
    "temperature top_p top_k max_tokens max_completion_tokens stop presence_penalty frequency_penalty tools n "
    "tool_choice parallel_tool_calls response_format reasoning_effort logprobs top_logprobs".split()
)
"""Parameters that are about text, and the number of pictures, which the plan decides."""

_SIZES = frozenset({"size", "width", "height", "ratio", "aspect_ratio"})
_PLAIN = "openai-chat"
"""The dialect of a request that is written here: nothing but `params`, in the words of Chat Completions."""
_USUAL_RATIO = "1:1"

_WRITTEN: dict[Language, str] = {"zh": "图{}：{}", "en": "Picture {}: {}"}
_BETWEEN: dict[Language, str] = {"zh": "；", "en": "; "}
_END: dict[Language, str] = {"zh": "。", "en": "."}
_ROLES: dict[Language, dict[InputRole, str]] = {
    "zh": {"edited": "要修改的图", "character": "角色参考", "style": "风格参考", "reference": "参考图"},
    "en": {"edited": "the one to change", "character": "character", "style": "style", "reference": "reference"},
}


@dataclass(frozen=True, slots=True)
class Ask:
    """One question. `prompt` and `inputs` are what is recorded, `parts` what is sent; `n` is how many pictures it is to
    make. `shown` is what the client sees of the plan, and `ratio` what was asked for, if anything was."""

    prompt: str
    parts: tuple[Part, ...]
    inputs: tuple[Input, ...]
    n: int
    shown: Mapping[str, Any]
    ratio: str | None = None
    edited: str | None = None
    omitted: tuple[Omitted, ...] = ()


def asks(plan: Plan, stage: Stage, asked: Conversation, profile: Profile, language: Language) -> list[Ask]:
    """Return the questions that a plan comes to, one after the other; no more pictures than `MOST_PICTURES` in all.

    A picture of the plan whose part is not stored is told in words.
    """
    writer = _Writer(plan, stage, asked, profile, language)
    groups = [*_groups(plan)]
    wanted = plan.n if plan.n > 1 else image_params(asked.params).n
    n = max(1, min(wanted, MOST_PICTURES // len(groups)))
    *first, last = [writer.ask(group, n) for group in groups[:MOST_PICTURES]]
    left = [
        Omitted(group[0].id, f"at most {MOST_PICTURES} pictures are made at once") for group in groups[MOST_PICTURES:]
    ]
    return [*first, replace(last, omitted=(*last.omitted, *left))]


def conversation_of(ask: Ask, asked: Conversation, profile: Profile, number: int, left: int) -> Conversation:
    """Return what the image model is asked: `left` pictures of it, in its request of this `number`, from 0."""
    params = {name: value for name, value in asked.params.items() if name not in _TALK}
    dialect, native = asked.dialect, asked.native
    if ask.ratio is not None and ask.ratio != image_params(asked.params).ratio:
        params = _with_ratio(params, ask.ratio)
        dialect, native = _PLAIN, {}
    if left > 1:
        params["n"] = left
    if number and isinstance(seed := params.get("seed"), int):
        params["seed"] = seed + number  # The same seed would make the same picture again.
    parts = ask.parts
    if ask.ratio is not None and profile.replay == "transcript":
        parts = (*parts, Text(f"\n\n{ask.ratio}"))  # A relay reads all that it is to know in the words.
    message = Message("user", parts, is_string=not any(isinstance(part, MediaPart) for part in parts))
    return Conversation(asked.model, (message,), asked.stream, asked.include_usage, params, dialect, native)


def params_of(ask: Ask, plan: Plan, asked: Conversation, left: int) -> dict[str, Any]:
    """Return what is recorded of a question: the picture that the request describes, and the plan."""
    told = {"operation": plan.operation, "ratio": ask.ratio, "n": left if left > 1 else None, "gen_id": ask.edited}
    params = {name: value for name, value in picture_params(asked.params).items() if name != "n"}
    return params | {name: value for name, value in told.items() if value is not None}


def branch(scene: Scene, id: str) -> list[Picture]:
    """Return the pictures that were changed into one another up to this one, the root first."""
    known = {picture.id: picture for picture in scene.pictures}
    found: dict[str, Picture] = {}
    at: str | None = id
    while at is not None and at in known and at not in found:
        found[at] = known[at]
        at = next((use.id for use in known[at].parents if use.role == "edited"), None)
    return [*found.values()][::-1]


def _groups(plan: Plan) -> Iterator[tuple[Use, ...]]:
    """Yield the pictures of each question."""
    edited = [use for use in plan.uses if use.role == "edited"]
    if plan.operation != "edit" or len(edited) < 2:
        yield plan.uses
        return
    others = [use for use in plan.uses if use.role != "edited"]
    for use in edited:
        yield (use, *others)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the questions of one plan."""

    plan: Plan
    stage: Stage
    asked: Conversation
    profile: Profile
    language: Language

    def ask(self, uses: tuple[Use, ...], n: int) -> Ask:
        kept, omitted = self._kept(uses)
        sent = {uses[item.place[1]] for item in kept}
        base = next((use for use in uses if use.role == "edited"), None)
        told = {base} if base is not None and base not in sent else set()
        story = [*_story(self.stage.scene, base.id)] if base in told and base is not None else []
        picture = self.stage.scene.picture(base.id) if base is not None else None
        gen_id = picture.generation if picture is not None else None
        ratio = self.plan.ratio or image_params(self.asked.params).ratio
        return Ask(
            self.plan.prompt,
            (*_pictures(kept), Text("\n".join([*story, self.plan.prompt])), *_legend(kept, self.language)),
            tuple(self._input(use) for use in uses if use in sent | told),
            n,
            _shown(self.plan.prompt, ratio or _ratio_of(picture), gen_id, n),
            ratio,
            gen_id,
            tuple(omitted),
        )

    def _kept(self, uses: tuple[Use, ...]) -> tuple[list[Wanted], list[Omitted]]:
        """Return the pictures that go along, in the order that the model wants, and those that don't."""
        here = [(at, use, self.stage.parts[use.id]) for at, use in enumerate(uses)]
        wanted = by_importance(
            Wanted((0, at), part, use.role) for at, use, part in here if isinstance(part.source, Stored)
        )
        kept, omitted = within(wanted, self.profile)
        order: dict[InputRole | None, int] = {role: rank for rank, role in enumerate(self.profile.order)}
        return sorted(kept, key=lambda item: (order.get(item.role, len(order)), item.place)), omitted

    def _input(self, use: Use) -> Input:
        source = self.stage.parts[use.id].source
        media = source.media.id if isinstance(source, Stored) else None
        return Input(use.role, media, self.stage.scene.picture(use.id).generation)


def _pictures(kept: Sequence[Wanted]) -> Iterator[MediaPart]:
    return (replace(item.part, place="part", role=item.role) for item in kept)


def _legend(kept: Sequence[Wanted], language: Language) -> Iterator[Text]:
    """Yield what says which picture is which, where that is a question. A mask goes beside its picture."""
    roles = [item.role or "reference" for item in kept if item.role != "mask"]
    if len(roles) < 2:
        return
    words, written = _ROLES[language], _WRITTEN[language]
    told = (written.format(at, words.get(role, words["reference"])) for at, role in enumerate(roles, 1))
    yield Text(f"\n\n{_BETWEEN[language].join(told)}{_END[language]}")


def _story(scene: Scene, id: str) -> Iterator[str]:
    """Yield what was said along a picture's branch; of an upload nobody knows in words what is on it."""
    return (picture.words for picture in branch(scene, id) if picture.is_made and picture.words)


def _shown(prompt: str, ratio: str, gen_id: str | None, n: int) -> dict[str, Any]:
    told = {"prompt": prompt, "ratio": ratio, "gen_id": gen_id, "n": n if n > 1 else None}
    return {name: value for name, value in told.items() if value is not None}


def _ratio_of(picture: Picture | None) -> str:
    """Return the ratio that a picture keeps when it is changed, or the usual one."""
    if picture is None or not picture.width or not picture.height:
        return _USUAL_RATIO
    return nearest_ratio(picture.width, picture.height)


def _with_ratio(params: Mapping[str, Any], ratio: str) -> dict[str, Any]:
    """Return parameters that ask for a ratio and for no other size; where it stands, every dialect reads it first."""
    kept = {name: value for name, value in params.items() if name not in _SIZES}
    return {**kept, "image_config": {**table(params.get("image_config")), "aspect_ratio": ratio}}
