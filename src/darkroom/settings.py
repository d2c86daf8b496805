"""Settings: one TOML file, every scalar also an environment variable (`DARKROOM_SERVER_PORT`).

Pure: the caller reads the file and the environment and hands both over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, Literal, get_args, get_type_hints

import msgspec

from darkroom.errors import ConfigInvalid

Output = Literal["markdown", "parts", "images", "inline", "transcript"]
OUTPUTS: tuple[Output, ...] = get_args(Output)

Auth = Literal["bearer", "basic", "x-goog-api-key", "google", "none"]
"""How a key is shown: as a bearer token, as `user:password`, in Google's header, exchanged for an OAuth token by
google-auth, or not at all."""

MIB = 1024 * 1024

SKETCH, SKETCH_FILM = "sketch", "sketch-video"
"""The embedded painter's rows: for pictures and for films."""

RULES = "rules"
"""The planner that is no model."""


@dataclass(frozen=True, slots=True)
class Server:
    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str = ""
    """Where clients reach this gateway; links begin with it. Empty: `http://{host}:{port}`."""
    cors: tuple[str, ...] = ()
    """Origins of browser clients that may call the API; loopback origins always may."""


@dataclass(frozen=True, slots=True)
class StorageSettings:
    media: str = "file:./darkroom-data/media"
    database: str = "sqlite:./darkroom-data/darkroom.db"


@dataclass(frozen=True, slots=True)
class Fetch:
    allow: tuple[str, ...] = ()
    """Hosts, addresses or networks that the guard lets through although they are private."""
    timeout: float = 60.0
    """Seconds for one fetch, besides one more for every 128 KiB that it brings."""


@dataclass(frozen=True, slots=True)
class Limits:
    body: int = 256 * MIB
    """Bytes of a request body, media included."""
    text: int = 32 * MIB
    """Bytes of a request body without its media."""
    media: int = 128 * MIB
    """Bytes of one picture, video or file."""
    pixels: int = 100_000_000
    parts: int = 2000
    """Content parts of one request."""
    per_owner: int = 64
    """Requests of one owner at the same time."""
    per_provider: int = 256
    """Requests to one provider at the same time."""
    upstream_timeout: float = 900.0
    """Seconds until the upstream must have answered, from one byte to the next."""


@dataclass(frozen=True, slots=True)
class JobSettings:
    """Work that outlives a request."""

    run: bool = True
    """Whether this process works on jobs; without, it leaves them to others that share the database."""
    deadline: float = 6 * 3600.0
    """Seconds until a job is given up."""
    per_owner: int = 100
    """Jobs of one owner at the same time."""
    wait: float = 600.0
    """Seconds that an answer which does not stream waits for what it makes; then it says where to look."""


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """One row of `[[providers]]`. `api_key` may be `env:NAME`; `profile` a name or a table of facts; `profiles` names
    of profiles by model pattern, for a provider whose models differ."""

    name: str
    base_url: str
    dialect: str = "openai-chat"
    api_key: str | None = field(default=None, repr=False)
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    models: tuple[str, ...] = ()
    profile: str | Mapping[str, Any] | None = None
    profiles: Mapping[str, str] = field(default_factory=dict)
    output: Output | None = None
    auth: Auth | None = None
    """How the key is shown, where it is not the dialect's own way."""
    identities: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Keys by owner, for an upstream whose sessions belong to an identity; `*` is everybody else."""
    cleanup: str | None = None
    """When what was created upstream is deleted: `after_response`, `idle:15m`, `keep`."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What only this dialect knows (a ComfyUI workflow, the name of an assistant)."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """One row of `[[models]]`: a model that Darkroom itself offers, made of others.

    A studio lets any image model chat. `image` is the model that paints (`provider/model`), `video` the one that makes
    films, where there is one; `planner` the chat model that finds out what a turn means, or `rules`. Less sure than
    `threshold`, from 0 to 1, it says which picture it took.
    """

    name: str
    type: Literal["studio"]
    image: str
    planner: str = RULES
    output: Output | None = None
    threshold: float = 0.5
    video: str | None = None


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """One row of `[[retention]]`: what goes by itself. Without a row everything stays.

    `owner` and `kind` (`image`, `video`, `audio`, `file`) may be `*`. In the file `max_age` is written `30d` and
    `max_bytes` `50GiB`; read, they are seconds and bytes. The rows that name an owner replace those of `*` for it; all
    that are left bind. A row without a limit keeps everything.
    """

    owner: str = "*"
    kind: Literal["*", "image", "video", "audio", "file"] = "*"
    max_age: int | None = None
    max_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    server: Server = field(default_factory=Server)
    storage: StorageSettings = field(default_factory=StorageSettings)
    fetch: Fetch = field(default_factory=Fetch)
    limits: Limits = field(default_factory=Limits)
    jobs: JobSettings = field(default_factory=JobSettings)
    providers: tuple[ProviderSettings, ...] = ()
    models: tuple[ModelSettings, ...] = ()
    retention: tuple[RetentionSettings, ...] = ()
    output: Output = "markdown"
    """The shape of answers where neither the request, the key, the model nor the provider says otherwise."""
    sketch: bool = True
    """Whether the embedded painter is there."""

    @property
    def public_url(self) -> str:
        # An address that means every address is none that a client could ask for.
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.server.host, self.server.host)  # noqa: S104
        host = f"[{host}]" if ":" in host else host
        return (self.server.public_url or f"http://{host}:{self.server.port}").rstrip("/")


ENV_PROVIDERS = (
    ("OPENAI_API_KEY", "openai", "https://api.openai.com/v1"),
    ("OPENAI_API_KEY", "openai-images", "https://api.openai.com/v1"),
    ("GEMINI_API_KEY", "gemini", "https://generativelanguage.googleapis.com/v1beta"),
    ("GEMINI_API_KEY", "veo", "https://generativelanguage.googleapis.com/v1beta"),
    ("OPENROUTER_API_KEY", "openrouter", "https://openrouter.ai/api/v1"),
)
"""Providers that a key in the environment adds by itself: variable, name, base URL."""

_ENV_MODELS = {
    "openai": ("gpt-*", "chatgpt-*", "o[0-9]*", "!gpt-image-*", "!chatgpt-image-*"),
    "openai-images": ("gpt-image-*", "chatgpt-image-*"),
    "gemini": ("gemini-*",),
    "veo": ("veo-*",),
    "openrouter": ("*/*",),
}
_ENV_PROFILES = {"openai": "openai", "openrouter": "openrouter"}
_ENV_DIALECTS = {"gemini": "gemini", "openai-images": "openai-images", "veo": "veo"}


_ROWS: dict[str, type] = {"providers": ProviderSettings, "models": ModelSettings, "retention": RetentionSettings}
"""The tables that hold rows: they are no scalars, and have no variable."""


def load(document: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """Return the settings of a parsed TOML document and an environment. Raises `ConfigInvalid`, naming the field."""
    merged = _with_amounts(_with_environment(document, environment))
    try:
        settings = msgspec.convert(merged, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigInvalid(f"the configuration is wrong: {error}") from error
    _refuse_unknown(merged, Settings, "")
    rows = tuple(_resolved(row, environment) for row in settings.providers)
    names = [row.name for row in rows]
    if len(set(names)) < len(names) or {SKETCH, SKETCH_FILM} & set(names):
        raise ConfigInvalid(
            "the configuration is wrong: every provider needs a name of its own "
            f"(`{SKETCH}` and `{SKETCH_FILM}` are taken)"
        )
    _check_models(settings.models)
    added = tuple(_from_key(*row) for row in ENV_PROVIDERS if environment.get(row[0]) and row[1] not in names)
    return replace(settings, providers=rows + tuple(_resolved(row, environment) for row in added))


def variables() -> dict[str, str]:
    """Return the environment variables that set a scalar: name → dotted path (`server.port`)."""
    found = {}
    hints = get_type_hints(Settings)
    for item in fields(Settings):
        section = hints[item.name]
        if is_dataclass(section):
            for inner in fields(section):
                found[f"DARKROOM_{item.name}_{inner.name}".upper()] = f"{item.name}.{inner.name}"
        elif item.name not in _ROWS:
            found[f"DARKROOM_{item.name}".upper()] = item.name
    return found


def _with_environment(document: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    merged: dict[str, Any] = {
        key: dict(value) if isinstance(value, Mapping) else value for key, value in document.items()
    }
    for variable, path in variables().items():
        if variable not in environment:
            continue
        section, _, name = path.rpartition(".")
        target = merged.setdefault(section, {}) if section else merged
        if not isinstance(target, dict):
            raise ConfigInvalid(f"the configuration is wrong: `{section}` must be a table")
        value = environment[variable]
        target[name] = [item.strip() for item in value.split(",") if item.strip()] if _is_list(path) else value
    return merged


_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_BYTES: dict[str, int] = {"B": 1} | {
    f"{letter}{base}": factor**power
    for power, letter in enumerate("KMGT", 1)
    for base, factor in (("iB", 1024), ("B", 1000))
}
_AMOUNTS = {"max_age": _SECONDS, "max_bytes": _BYTES}
_AMOUNT = re.compile(r"([0-9]{1,15})\s*([A-Za-z]*)")


def _with_amounts(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document whose ages and sizes (`30d`, `50GiB`) are numbers of seconds and bytes."""
    rows = document.get("retention")
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        return document
    read = [{key: _amount(key, value) if key in _AMOUNTS else value for key, value in row.items()} for row in rows]
    return {**document, "retention": read}


def _amount(name: str, value: Any) -> int:
    units = _AMOUNTS[name]
    match = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2] not in units:
        known = ", ".join(unit for unit in units if unit)
        raise ConfigInvalid(f"the configuration is wrong: `retention.{name}` must be a number and a unit, of {known}")
    number: int = int(match[1]) * units[match[2]]
    return number


def _is_list(path: str) -> bool:
    return path in {"fetch.allow", "server.cors"}


def _refuse_unknown(document: Mapping[str, Any], shape: type, path: str) -> None:
    """Say which key is misspelt, which a silent default would hide."""
    hints = get_type_hints(shape)
    for key, value in document.items():
        if key not in hints:
            raise ConfigInvalid(f"the configuration is wrong: there is no `{path}{key}`; known: {', '.join(hints)}")
        if isinstance(value, Mapping) and is_dataclass(hints[key]) and isinstance(hints[key], type):
            _refuse_unknown(value, hints[key], f"{path}{key}.")
        if not path and key in _ROWS:
            for row in value:
                _refuse_unknown(row, _ROWS[key], f"{key}.")


def _check_models(rows: tuple[ModelSettings, ...]) -> None:
    names = [row.name for row in rows]
    if len(set(names)) < len(names) or not all(names):
        raise ConfigInvalid("the configuration is wrong: every row of `models` needs a name of its own")
    for row in rows:
        if not 0 <= row.threshold <= 1:
            raise ConfigInvalid(f"the configuration is wrong: the threshold of model `{row.name}` must be from 0 to 1")


def _resolved(row: ProviderSettings, environment: Mapping[str, str]) -> ProviderSettings:
    keys = tuple(
        _secret(key, row.name, environment) for key in (*row.api_keys, *((row.api_key,) if row.api_key else ()))
    )
    identities = {owner: _secret(key, row.name, environment) for owner, key in row.identities.items()}
    return replace(row, api_key=None, api_keys=keys, identities=identities)


def _secret(key: str, provider: str, environment: Mapping[str, str]) -> str:
    if not key.startswith("env:"):
        return key
    value = environment.get(key.removeprefix("env:"))
    if not value:
        raise ConfigInvalid(f"provider `{provider}` wants its key from ${key.removeprefix('env:')}, which is not set")
    return value


def _from_key(variable: str, name: str, base_url: str) -> ProviderSettings:
    return ProviderSettings(
        name,
        base_url,
        _ENV_DIALECTS.get(name, "openai-chat"),
        api_key=f"env:{variable}",
        models=_ENV_MODELS[name],
        profile=_ENV_PROFILES.get(name),
    )
