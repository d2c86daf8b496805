"""Providers: the table of rows, and which row a client's model name means."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import partial
from hashlib import sha256
from typing import Any, get_args

from darkroom.errors import ConfigInvalid, Forbidden, UnknownModel
from darkroom.generation import InputRole
from darkroom.media import MediaKind
from darkroom.profiles import PROFILES, Form, Profile, Replay, Structured, profile_for
from darkroom.settings import Auth, Output, ProviderSettings

ANYBODY = "*"
"""The owner in `identities` who stands for everybody that has no row."""

_MOST_NAMES = 1000
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Dialect:
    """What is usual for the upstreams of a dialect: how a key is shown, facts that every model there shares, when what
    was created there is deleted, and where its models are listed."""

    auth: Auth = "bearer"
    facts: Mapping[str, Any] = field(default_factory=dict)
    cleanup: str = "after_response"
    models: str | None = "/models"
    unlisted: tuple[str, ...] = ()
    """Models that every upstream has and none lists; so has its own name."""


_MAKES_IMAGES: dict[str, Any] = {"makes": frozenset({MediaKind.IMAGE}), "sees": frozenset({MediaKind.IMAGE})}
_MAKES_FILMS: dict[str, Any] = {
    "makes": frozenset({MediaKind.VIDEO}),
    "sees": frozenset({MediaKind.IMAGE, MediaKind.VIDEO}),
    "replay": "last_user",
}
_MAKES_BOTH: dict[str, Any] = {"makes": frozenset({MediaKind.IMAGE, MediaKind.VIDEO})}

DIALECTS: dict[str, Dialect] = {
    "openai-chat": Dialect(),
    "openai-images": Dialect(facts={**_MAKES_IMAGES, "replay": "last_user", "forms": ("inline",)}),
    "openai-videos": Dialect(facts=_MAKES_FILMS, cleanup="idle:24h"),
    "openrouter-videos": Dialect(
        facts={**_MAKES_FILMS, "forms": ("url", "inline")}, cleanup="keep", models="/videos/models"
    ),
    "veo": Dialect("x-goog-api-key", {**_MAKES_FILMS, "forms": ("inline",)}, "keep", "/models?pageSize=1000"),
    "openai-responses": Dialect(
        facts={
            "makes": frozenset({MediaKind.IMAGE}),
            "sees": frozenset({MediaKind.IMAGE, MediaKind.FILE}),
            "replay": "previous",
            "structured": "schema",
        },
        cleanup="idle:24h",
    ),
    "gemini": Dialect(
        "x-goog-api-key",
        {"replay": "parts", "upload_above": 8 * 1024 * 1024, "structured": "schema"},
        "idle:1h",
        "/models?pageSize=1000",
    ),
    "gemini-interactions": Dialect(
        "x-goog-api-key",
        {"replay": "previous", "structured": "schema"},
        "idle:24h",
        "/models?pageSize=1000",
    ),
    "gemini-enterprise": Dialect(
        "google",
        {**_MAKES_BOTH, "sees": frozenset(MediaKind), "replay": "previous", "forms": ("inline",)},
        models=None,
    ),
    "a1111": Dialect(
        "basic",
        {**_MAKES_IMAGES, "replay": "last_user", "max_media": 1},
        models="/sdapi/v1/sd-models",
        unlisted=("default",),
    ),
    "comfyui": Dialect(facts={**_MAKES_IMAGES, "replay": "last_user", "max_media": 1}, models=None),
}


@dataclass(frozen=True, slots=True)
class Key:
    """One credential of a provider. The alias names it in rows, logs and metrics, and gives nothing away."""

    secret: str = field(default="", repr=False)
    alias: str = field(default="", init=False)

    def __post_init__(self) -> None:
        if self.secret:
            object.__setattr__(self, "alias", sha256(self.secret.encode()).hexdigest()[:12])


@dataclass(frozen=True, slots=True)
class Provider:
    """One row: where an upstream is, what it speaks, and what is known of its models.

    `models` are names or patterns (`gpt-*`); none at all means that any name may be asked for as `provider/model`.
    """

    name: str
    base_url: str
    dialect: str = "openai-chat"
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    models: tuple[str, ...] = ()
    profile: Profile | None = None
    profiles: tuple[tuple[str, Profile], ...] = ()
    facts: Mapping[str, Any] | None = None
    output: Output | None = None
    auth: Auth = "bearer"
    identities: Mapping[str, str] = field(default_factory=dict, repr=False)
    cleanup: str = "after_response"
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[Key, ...]:
        """All credentials that the provider has, its owners' own ones included; at least one, which may be none."""
        secrets = dict.fromkeys((*self.api_keys, *self.identities.values()))
        return tuple(map(Key, secrets)) or (Key(),)

    def keys_for(self, owner: str) -> tuple[Key, ...]:
        """Return the keys that an owner's requests may use. Raises `Forbidden` where identities leave him out."""
        if not self.identities:
            return self.keys
        secret = self.identities.get(owner) or self.identities.get(ANYBODY)
        if secret is None:
            raise Forbidden(f"`{self.name}` has no identity for you; its operator gives every owner one of his own")
        return (Key(secret),)

    @property
    def idle_seconds(self) -> float | None:
        """After how many seconds without use what was created is deleted: 0 is at once, None is never."""
        return idle_seconds(self.cleanup)

    def profile_of(self, model: str) -> Profile:
        """Return the profile that the row gives to this model, else the one that its name suggests."""
        named = next((profile for pattern, profile in self.profiles if fnmatchcase(model, pattern)), None)
        profile = named or self.profile or profile_for(model)
        if profile.by_name:
            suggested = profile_for(model)
            profile = replace(profile, makes=suggested.makes, sees=suggested.sees)
        return replace(profile, **{**DIALECTS[self.dialect].facts, **(self.facts or {})})

    def has(self, model: str) -> bool:
        """Tell whether a pattern fits; one that begins with `!` takes models out again."""
        out = any(fnmatchcase(model, pattern[1:]) for pattern in self.models if pattern.startswith("!"))
        return not out and any(fnmatchcase(model, pattern) for pattern in self.models)

    @property
    def listed(self) -> tuple[str, ...]:
        """The models that have a name, without the patterns."""
        return tuple(model for model in self.models if not set(model) & set("!*?["))


@dataclass(frozen=True, slots=True)
class Target:
    """What a request goes to: a provider, its own name for the model, that model's profile, and the key to show."""

    provider: Provider
    model: str
    profile: Profile
    key: Key = Key()

    @property
    def name(self) -> str:
        return f"{self.provider.name}/{self.model}"


@dataclass(frozen=True, slots=True)
class Providers:
    rows: tuple[Provider, ...]
    beside: tuple[str, ...] = ()
    """Models that are offered beside the rows': who asks for one that is not there is told of them too."""
    _found: dict[str, list[Target]] = field(default_factory=dict, repr=False, compare=False)
    """What names were found to mean: patterns are slow, and the same models are asked for all day."""

    def find(self, model: str) -> Target:
        """Return the first target of `model` or `provider/model`. Raises `UnknownModel`, naming what there is."""
        return self._targets(model)[0]

    def routes(self, model: str, owner: str) -> tuple[Target, ...]:
        """Return every way to a model: each provider that has it, with each key that this owner may use.

        Raises `UnknownModel`, and `Forbidden` where no provider has an identity for him.
        """
        routes: list[Target] = []
        refused: Forbidden | None = None
        for target in self._targets(model):
            try:
                routes += [replace(target, key=key) for key in target.provider.keys_for(owner)]
            except Forbidden as error:
                refused = error
        if not routes and refused is not None:
            raise refused
        return tuple(routes)

    def row(self, name: str) -> Provider | None:
        return next((row for row in self.rows if row.name == name), None)

    def _targets(self, model: str) -> list[Target]:
        found = self._found.get(model)
        if found is None:
            found = self._search(model)
            if len(self._found) < _MOST_NAMES:
                self._found[model] = found
        return found

    def _search(self, model: str) -> list[Target]:
        name, slash, rest = model.partition("/")
        if slash:
            for row in self.rows:
                if row.name == name and rest and (not row.models or row.has(rest)):
                    return [Target(row, rest, row.profile_of(rest), row.keys[0])]
        found = [Target(row, model, row.profile_of(model), row.keys[0]) for row in self.rows if row.has(model)]
        if not found:
            raise UnknownModel(f"there is no model `{model}`; {self._offer()}", param="model")
        return found

    def models(self) -> list[tuple[str, Provider]]:
        """Return every name that a client can ask for, with its row."""
        return [(f"{row.name}/{model}", row) for row in self.rows for model in row.listed]

    def _offer(self) -> str:
        names = [*self.beside, *(name for name, _ in self.models())][:12]
        return (
            f"ask for one of: {', '.join(names)}" if names else "no provider names its models; ask for `provider/model`"
        )


def provider_of(row: ProviderSettings) -> Provider:
    """Return the provider that a row of the configuration describes. Raises `ConfigInvalid`."""
    if row.dialect not in DIALECTS:
        raise ConfigInvalid(f"provider `{row.name}`: no dialect `{row.dialect}`; known: {', '.join(DIALECTS)}")
    if not row.base_url.startswith(("http://", "https://")):
        raise ConfigInvalid(f"provider `{row.name}`: base_url must begin with http:// or https://")
    profile, facts = _profile(row)
    return Provider(
        row.name,
        row.base_url.rstrip("/"),
        row.dialect,
        row.api_keys,
        row.models,
        profile,
        tuple((pattern, _named(name, row.name)) for pattern, name in row.profiles.items()),
        facts,
        row.output,
        row.auth or DIALECTS[row.dialect].auth,
        row.identities,
        _cleanup(row),
        row.options,
    )


def idle_seconds(policy: str) -> float | None:
    """Read a cleanup policy: `after_response` is 0, `idle:15m` 900, `keep` None. Raises `ValueError`."""
    if policy in ("after_response", "keep"):
        return 0.0 if policy == "after_response" else None
    word, _, time = policy.partition(":")
    if word != "idle" or time[-1:] not in _UNITS or not time[:-1].isdecimal():
        raise ValueError(f"no such policy: {policy!r}")
    return float(int(time[:-1]) * _UNITS[time[-1]])


def _cleanup(row: ProviderSettings) -> str:
    policy = row.cleanup or DIALECTS[row.dialect].cleanup
    try:
        idle_seconds(policy)
    except ValueError:
        raise ConfigInvalid(
            f"provider `{row.name}`: cleanup must be after_response, keep, or idle with a time, such as idle:15m"
        ) from None
    return policy


def table(rows: Sequence[ProviderSettings]) -> Providers:
    return Providers(tuple(provider_of(row) for row in rows))


def _profile(row: ProviderSettings) -> tuple[Profile | None, Mapping[str, Any] | None]:
    if row.profile is None:
        return None, None
    if isinstance(row.profile, str):
        return _named(row.profile, row.name), None
    facts = dict(row.profile)
    base = facts.pop("base", None)
    return (_named(base, row.name) if base else None), _facts(facts, row.name)


def _named(name: str, provider: str) -> Profile:
    if name not in PROFILES:
        raise ConfigInvalid(f"provider `{provider}`: no profile `{name}`; known: {', '.join(PROFILES)}")
    return PROFILES[name]


def _facts(facts: dict[str, Any], provider: str) -> Mapping[str, Any]:
    """Check a table of facts field by field, so that a misspelt one is named."""
    checked: dict[str, Any] = {}
    for key, value in facts.items():
        try:
            checked[key] = _FACTS[key](value)
        except (KeyError, ValueError, TypeError):
            raise ConfigInvalid(f"provider `{provider}`: profile has no `{key} = {value!r}`") from None
    return checked


def _kinds(value: Sequence[str]) -> frozenset[MediaKind]:
    return frozenset(MediaKind(item) for item in value)


def _one_of(names: tuple[str, ...], value: str) -> str:
    return names[names.index(value)]


def _forms(value: Sequence[str]) -> tuple[str, ...]:
    if not value:
        raise ValueError("media must travel in some form")
    return tuple(_one_of(get_args(Form), item) for item in value)


def _roles(value: Sequence[str]) -> tuple[str, ...]:
    if isinstance(value, str) or len(set(value)) < len(value):
        raise ValueError("an order names each role once")
    return tuple(_one_of(get_args(InputRole), item) for item in value)


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("neither true nor false")
    return value


def _limit(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("a limit is a whole number from 0")
    return value


def _sizes(value: Sequence[str]) -> tuple[str, ...]:
    if isinstance(value, str) or not all(re.fullmatch(r"[1-9]\d{1,4}x[1-9]\d{1,4}", each) for each in value):
        raise ValueError("sizes are a list of such as 1024x1536")
    return tuple(value)


def _durations(value: Sequence[int]) -> tuple[int, ...]:
    if not all(type(each) is int and 0 < each <= 3600 for each in value):
        raise ValueError("durations are a list of seconds such as 4, 8, 12")
    return tuple(value)


def _words(value: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    pairs = dict(value).items()
    if not all(isinstance(word, str) and word for _, word in pairs):
        raise ValueError("words are a table of names")
    return tuple(pairs)


_FACTS: dict[str, Callable[[Any], Any]] = {
    "makes": _kinds,
    "sees": _kinds,
    "replay": partial(_one_of, get_args(Replay)),
    "forms": _forms,
    "partials": _yes_or_no,
    "upload_above": _limit,
    "frames": _limit,
    "max_media": _limit,
    "max_media_bytes": _limit,
    "order": _roles,
    "streams": _yes_or_no,
    "response_format": partial(_one_of, ("b64_json", "url")),
    "sizes": _sizes,
    "durations": _durations,
    "structured": partial(_one_of, get_args(Structured)),
    "words": _words,
}
