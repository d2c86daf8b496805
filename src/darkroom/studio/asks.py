"""From a plan to the questions that the image or the video model is asked: words, pictures in their order, parameters.

Pure. Each picture that is edited or set in motion is a question of its own; everything else that is meant goes along
with it. A model that sees no pictures, or a picture that can't be had any more, is told in words: all that was said
along its branch. A film whose model takes none is made anew: from the picture that it set in motion, and its words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from darkroom.dialects.image_params import image_params, nearest_ratio, picture_params
from darkroom.dialects.json_values import table
from darkroom.dialects.relay_vocabulary import Language
from darkroom.dialects.video_params import video_params_kept
from darkroom.generation import Input, InputRole
from darkroom.media import MediaKind
from darkroom.messages import Conversation, MediaPart, Message, Part, Stored, Text
from darkroom.planner import Kind, Picture, Plan, Scene, Use
from darkroom.profiles import Profile
from darkroom.replay import Omitted, Wanted, by_importance, within
from darkroom.studio.scenes import Stage

MOST_PICTURES = 10
"""How many pictures one turn can make."""

MOST_FILMS = 4
"""How many films: each takes minutes, and costs as much as many pictures."""

_TALK = frozenset(
    "temperature top_p top_k max_tokens max_completion_tokens stop presence_penalty frequency_penalty tools n "
    "tool_choice parallel_tool_calls response_format reasoning_effort logprobs top_logprobs".split()
)
"""Parameters that are about text, and the number of pictures, which the plan decides."""

_SIZES = frozenset({"size", "width", "height", "ratio", "aspect_ratio"})
_TIMES = frozenset("seconds duration duration_seconds durationSeconds duration_s num_frames".split())
_PLAIN = "openai-chat"
"""The dialect of a request that is written here: nothing but `params`, in the words of Chat Completions."""
_USUAL_RATIO = "1:1"

_WRITTEN: dict[Language, dict[MediaKind, str]] = {
    "zh": {MediaKind.IMAGE: "图{}：{}", MediaKind.VIDEO: "视频{}：{}"},
    "en": {MediaKind.IMAGE: "Picture {}: {}", MediaKind.VIDEO: "Video {}: {}"},
}
_BETWEEN: dict[Language, str] = {"zh": "；", "en": "; "}
_END: dict[Language, str] = {"zh": "。", "en": "."}
_ROLES: dict[Language, dict[InputRole, str]] = {
    "zh": {
        "edited": "要修改的图",
        "first_frame": "第一帧",
        "character": "角色参考",
        "style": "风格参考",
        "reference": "参考图",
    },
    "en": {
        "edited": "the one to change",
        "first_frame": "the first frame",
        "character": "character",
        "style": "style",
        "reference": "reference",
    },
}
_BASES: frozenset[InputRole] = frozenset({"edited", "first_frame"})
"""What a picture is of which something of its own is made."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One question. `prompt` and `inputs` are what is recorded, `parts` what is sent; `n` is how many pictures it is to
    make. `shown` is what the client sees of the plan; `ratio` and `seconds` are what was asked for, if anything was."""

    prompt: str
    parts: tuple[Part, ...]
    inputs: tuple[Input, ...]
    n: int
    shown: Mapping[str, Any]
    ratio: str | None = None
    edited: str | None = None
    omitted: tuple[Omitted, ...] = ()
    kind: Kind = "image"
    seconds: int | None = None
    anew: Ask | None = None
    """What is asked instead where it turns out that the film which is to be changed can't be given to the model: not
    every server takes films, or still has those that it made."""


def asks(plan: Plan, stage: Stage, asked: Conversation, profile: Profile, language: Language) -> list[Ask]:
    """Return the questions that a plan comes to, one after the other; no more than `MOST_PICTURES` or `MOST_FILMS` in
    all.

    A picture of the plan whose part is not stored is told in words.
    """
    writer = _Writer(plan, stage, asked, profile, language)
    groups = [*_groups(plan)]
    most, things = (MOST_FILMS, "videos") if plan.kind == "video" else (MOST_PICTURES, "pictures")
    wanted = plan.n if plan.n > 1 else image_params(asked.params).n
    n = max(1, min(wanted, most // len(groups)))
    *first, last = [writer.ask(group, n) for group in groups[:most]]
    left = [Omitted(group[0].id, f"at most {most} {things} are made at once") for group in groups[most:]]
    return [*first, replace(last, omitted=(*last.omitted, *left))]


def conversation_of(ask: Ask, asked: Conversation, profile: Profile, number: int, left: int) -> Conversation:
    """Return what the model is asked: `left` pictures of it, in its request of this `number`, from 0; films one by
    one."""
    params = {name: value for name, value in asked.params.items() if name not in _TALK}
    dialect, native = asked.dialect, asked.native
    if ask.ratio is not None and ask.ratio != image_params(asked.params).ratio:
        params = _with_ratio(params, ask.ratio, ask.kind)
        dialect, native = _PLAIN, {}
    if ask.seconds is not None:
        params = {name: value for name, value in params.items() if name not in _TIMES} | {"seconds": str(ask.seconds)}
        dialect, native = _PLAIN, {}
    if left > 1 and ask.kind == "image":
        params["n"] = left
    if number and isinstance(seed := params.get("seed"), int):
        params["seed"] = seed + number  # The same seed would make the same picture again.
    parts = ask.parts
    if profile.replay == "transcript" and (told := _told(ask)):
        parts = (*parts, Text(f"\n\n{told}"))  # A relay reads all that it is to know in the words.
    message = Message("user", parts, is_string=not any(isinstance(part, MediaPart) for part in parts))
    return Conversation(asked.model, (message,), asked.stream, asked.include_usage, params, dialect, native)


def params_of(ask: Ask, plan: Plan, asked: Conversation, left: int) -> dict[str, Any]:
    """Return what is recorded of a question: the picture or film that the request describes, and the plan."""
    told = {
        "operation": plan.operation,
        "ratio": ask.ratio,
        "seconds": ask.seconds,
        "n": left if left > 1 and ask.kind == "image" else None,
        "gen_id": ask.edited,
    }
    kept = video_params_kept(asked.params) if ask.kind == "video" else picture_params(asked.params)
    params = {name: value for name, value in kept.items() if name != "n"}
    return params | {name: value for name, value in told.items() if value is not None}


def branch(scene: Scene, id: str) -> list[Picture]:
    """Return the pictures that were changed into one another up to this one, the root first; of a film the one that it
    set in motion with them."""
    known = {picture.id: picture for picture in scene.pictures}
    found: dict[str, Picture] = {}
    at: str | None = id
    while at is not None and at in known and at not in found:
        found[at] = known[at]
        at = next((use.id for use in known[at].parents if use.role in _BASES), None)
    return [*found.values()][::-1]


def _groups(plan: Plan) -> Iterator[tuple[Use, ...]]:
    """Yield the pictures of each question."""
    bases = [use for use in plan.uses if use.role in _BASES]
    if (plan.operation != "edit" and plan.kind == "image") or len(bases) < 2:
        yield plan.uses
        return
    others = [use for use in plan.uses if use.role not in _BASES]
    for use in bases:
        yield (use, *others)


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the questions of one plan."""

    plan: Plan
    stage: Stage
    asked: Conversation
    profile: Profile
    language: Language
    anew: bool = False
    """Whether the film that is to be changed stays here."""

    def ask(self, uses: tuple[Use, ...], n: int) -> Ask:
        wanted, base = uses, next((use for use in uses if use.role in _BASES), None)
        uses = (*uses, *self._start(base))
        kept, omitted = self._kept(uses)
        sent = {uses[item.place[1]] for item in kept}
        told = {base} if base is not None and base not in sent else set()
        story = [*self._story(base.id, sent)] if base in told and base is not None else []
        picture = self.stage.scene.picture(base.id) if base is not None else None
        gen_id = picture.generation if picture is not None else None
        ratio = self.plan.ratio or image_params(self.asked.params).ratio
        return Ask(
            self.plan.prompt,
            (*_pictures(kept), Text("\n".join([*story, self.plan.prompt])), *_legend(kept, self.language)),
            tuple(self._input(use, is_sent=use in sent) for use in uses if use in sent | told),
            n,
            self._shown(ratio, picture, n),
            ratio,
            gen_id,
            tuple(omitted),
            self.plan.kind,
            self.plan.seconds,
            replace(self, anew=True).ask(wanted, n) if self._sends_film(base) else None,
        )

    def _sends_film(self, base: Use | None) -> bool:
        return base is not None and base.role == "edited" and self.plan.kind == "video" and self._takes(base)

    def _start(self, base: Use | None) -> Iterator[Use]:
        """Yield the first frame of a film that is not here, or whose model takes no films."""
        if base is None or base.role != "edited" or self.plan.kind == "image" or self._takes(base):
            return
        for film in branch(self.stage.scene, base.id):
            for use in film.parents:
                if use.role == "first_frame" and use.id in self.stage.parts and self._takes(use):
                    yield use
                    return

    def _takes(self, use: Use) -> bool:
        part = self.stage.parts[use.id]
        stays = self.anew and use.role == "edited"
        return part.kind in self.profile.sees and isinstance(part.source, Stored) and not stays

    def _story(self, id: str, sent: Set[Use]) -> Iterator[str]:
        """Yield what was said along a picture's branch, save what is seen on the first frame; of an upload nobody knows
        in words what is on it."""
        for picture in branch(self.stage.scene, id):
            seen = any(use.id == picture.id for use in sent)
            if picture.is_made and picture.words and not seen:
                yield picture.words

    def _shown(self, ratio: str | None, base: Picture | None, n: int) -> dict[str, Any]:
        """Return what the client sees of the plan. A film has the shape that its model gives it, if nobody said."""
        usual = _ratio_of(base) if self.plan.kind == "image" or base is not None else None
        told = {
            "prompt": self.plan.prompt,
            "ratio": ratio or usual,
            "seconds": self.plan.seconds,
            "gen_id": base.generation if base is not None else None,
            "n": n if n > 1 else None,
        }
        return {name: value for name, value in told.items() if value is not None}

    def _kept(self, uses: tuple[Use, ...]) -> tuple[list[Wanted], list[Omitted]]:
        """Return the pictures that go along, in the order that the model wants, and those that don't."""
        here = [(at, use, self.stage.parts[use.id]) for at, use in enumerate(uses)]
        left = [use for use in uses if self.anew and use.role == "edited"]
        here = [(at, use, part) for at, use, part in here if use not in left]
        wanted = by_importance(
            Wanted((0, at), part, use.role) for at, use, part in here if isinstance(part.source, Stored)
        )
        kept, omitted = within(wanted, self.profile)
        roles: tuple[InputRole, ...] = ("first_frame", *self.profile.order)
        order: dict[InputRole | None, int] = {role: rank for rank, role in enumerate(roles)}
        ordered = sorted(kept, key=lambda item: (order.get(item.role, len(order)), item.place))
        return ordered, [*omitted, *(Omitted(use.id, "the model could not be given it") for use in left)]

    def _input(self, use: Use, *, is_sent: bool) -> Input:
        """Return what is recorded of a picture. Of a film that is only told in words it is the generation alone: a job
        gives to its upstream all the media that is recorded."""
        source, picture = self.stage.parts[use.id].source, self.stage.scene.picture(use.id)
        is_here = isinstance(source, Stored) and (is_sent or picture.kind == "image")
        media = source.media.id if isinstance(source, Stored) and is_here else None
        return Input(use.role, media, picture.generation)


def _pictures(kept: Sequence[Wanted]) -> Iterator[MediaPart]:
    return (replace(item.part, place="part", role=item.role) for item in kept)


def _legend(kept: Sequence[Wanted], language: Language) -> Iterator[Text]:
    """Yield what says which picture is which, where that is a question. A mask goes beside its picture."""
    items = [item for item in kept if item.role != "mask"]
    if len(items) < 2:
        return
    words, written = _ROLES[language], _WRITTEN[language]
    told = (
        written[item.part.kind].format(at, words.get(item.role or "reference", words["reference"]))
        for at, item in enumerate(items, 1)
    )
    yield Text(f"\n\n{_BETWEEN[language].join(told)}{_END[language]}")


def _told(ask: Ask) -> str:
    """Return the shape and the length that were asked for, in words."""
    return ", ".join(filter(None, (ask.ratio, f"{ask.seconds}s" if ask.seconds is not None else None)))


def _ratio_of(picture: Picture | None) -> str:
    """Return the ratio that a picture keeps when it is changed, or the usual one."""
    if picture is None or not picture.width or not picture.height:
        return _USUAL_RATIO
    return nearest_ratio(picture.width, picture.height)


def _with_ratio(params: Mapping[str, Any], ratio: str, kind: Kind) -> dict[str, Any]:
    """Return parameters that ask for a ratio and for no other size; where it stands, every dialect reads it first."""
    kept = {name: value for name, value in params.items() if name not in _SIZES}
    if kind == "video":
        kept.pop("image_config", None)
        return {**kept, "aspect_ratio": ratio}
    return {**kept, "image_config": {**table(params.get("image_config")), "aspect_ratio": ratio}}
