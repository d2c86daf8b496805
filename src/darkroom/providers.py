"""Providers: the table of rows, and which row a client's model name means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, get_args

from darkroom.errors import ConfigInvalid, UnknownModel
from darkroom.media import MediaKind
from darkroom.profiles import PROFILES, Form, Profile, Replay, profile_for
from darkroom.settings import Output, ProviderSettings

DIALECTS = ("openai-chat",)


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

    def profile_of(self, model: str) -> Profile:
        """Return the profile that the row gives to this model, else the one that its name suggests."""
        named = next((profile for pattern, profile in self.profiles if fnmatchcase(model, pattern)), None)
        profile = named or self.profile or profile_for(model)
        return replace(profile, **self.facts) if self.facts else profile

    def has(self, model: str) -> bool:
        return any(fnmatchcase(model, pattern) for pattern in self.models)

    @property
    def listed(self) -> tuple[str, ...]:
        """The models that have a name, without the patterns."""
        return tuple(model for model in self.models if not set(model) & set("*?["))


@dataclass(frozen=True, slots=True)
class Target:
    """What a request goes to: a provider, its own name for the model, and that model's profile."""

    provider: Provider
    model: str
    profile: Profile


@dataclass(frozen=True, slots=True)
class Providers:
    rows: tuple[Provider, ...]

    def find(self, model: str) -> Target:
        """Return the target of `model` or `provider/model`. Raises `UnknownModel`, naming what there is."""
        name, slash, rest = model.partition("/")
        if slash:
            for row in self.rows:
                if row.name == name and rest and (not row.models or row.has(rest)):
                    return Target(row, rest, row.profile_of(rest))
        for row in self.rows:
            if row.has(model):
                return Target(row, model, row.profile_of(model))
        raise UnknownModel(f"there is no model `{model}`; {self._offer()}", param="model")

    def models(self) -> list[tuple[str, Provider]]:
        """Return every name that a client can ask for, with its row."""
        return [(f"{row.name}/{model}", row) for row in self.rows for model in row.listed]

    def _offer(self) -> str:
        names = [name for name, _ in self.models()][:12]
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
    )


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


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("neither true nor false")
    return value


def _limit(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("a limit is a whole number from 0")
    return value


_FACTS: dict[str, Callable[[Any], Any]] = {
    "makes": _kinds,
    "sees": _kinds,
    "replay": partial(_one_of, get_args(Replay)),
    "forms": _forms,
    "partials": _yes_or_no,
    "max_media": _limit,
    "max_media_bytes": _limit,
}
