"""Settings: the file, the environment, and what is said about mistakes."""

from __future__ import annotations

import tomllib
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from darkroom.errors import ConfigInvalid
from darkroom.providers import table
from darkroom.settings import ENV_PROVIDERS, ModelSettings, ProviderSettings, Settings, load, variables

EXAMPLE = """
[server]
host = "127.0.0.1"
port = 8000
public_url = "http://127.0.0.1:8000"
[storage]
media = "file:./darkroom-data/media"            # or s3://bucket/prefix, gs://…, az://…
database = "sqlite:./darkroom-data/darkroom.db" # or postgresql://…
[fetch]
allow = []                                      # hosts or networks that the guard lets through
[[providers]]
name = "relay"
dialect = "openai-chat"
base_url = "https://relay.example/v1"
api_key = "env:RELAY_KEY"                       # or several: api_keys = […]
models = ["gpt-4o-image-vip"]
profile = "relay-text"                          # optional: a profile's name, or a table of facts
output = "markdown"                             # optional
"""

STUDIO = {"name": "atelier", "type": "studio", "image": "up/image"}


def scalars() -> dict[str, Any]:
    """Every setting that is no list of rows: dotted path → its type."""
    found: dict[str, Any] = {}
    for item in fields(Settings):
        kind = get_type_hints(Settings)[item.name]
        if is_dataclass(kind):
            found |= {f"{item.name}.{name}": inner for name, inner in get_type_hints(kind).items()}
        elif item.name not in ("providers", "models", "retention"):
            found[item.name] = kind
    return found


def at(settings: Settings, path: str) -> Any:
    value: Any = settings
    for name in path.split("."):
        value = getattr(value, name)
    return value


def sample(kind: Any) -> tuple[str, Any]:
    """A value of a type that no default has: as the environment spells it, and as it is read."""
    if kind is bool:
        return "false", False
    if kind is int:
        return "1234", 1234
    if kind is float:
        return "12.5", 12.5
    if get_origin(kind) is tuple:
        return "one, two,", ("one", "two")
    if choices := get_args(kind):
        return choices[-1], choices[-1]
    return "file:elsewhere", "file:elsewhere"


def test_the_defaults_need_nothing() -> None:
    settings = load({}, {})
    assert settings == Settings()
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.storage.media.startswith("file:./darkroom-data")
    assert settings.sketch
    assert settings.providers == settings.models == ()


def test_every_setting_has_a_variable() -> None:
    assert set(variables().values()) == set(scalars())
    assert variables()["DARKROOM_SERVER_PORT"] == "server.port"
    assert len(variables()) >= 15


@pytest.mark.parametrize(("variable", "path"), variables().items())
def test_a_variable_sets_its_setting_and_nothing_else(variable: str, path: str) -> None:
    text, value = sample(scalars()[path])
    settings = load({}, {variable: text})
    assert at(settings, path) == value
    assert at(Settings(), path) != value
    assert all(at(settings, other) == at(Settings(), other) for other in scalars() if other != path)


def test_the_environment_wins_over_the_file() -> None:
    settings = load({"server": {"port": 1, "host": "localhost"}}, {"DARKROOM_SERVER_PORT": "2"})
    assert (settings.server.port, settings.server.host) == (2, "localhost")


def test_the_example_loads() -> None:
    settings = load(tomllib.loads(EXAMPLE), {"RELAY_KEY": "sk-1"})
    row = settings.providers[0]
    assert (row.name, row.api_keys, row.models, row.profile) == (
        "relay",
        ("sk-1",),
        ("gpt-4o-image-vip",),
        "relay-text",
    )
    target = table(settings.providers).find("gpt-4o-image-vip")
    assert (target.provider.name, target.profile.name) == ("relay", "relay-text")
    assert table(settings.providers).find("relay/gpt-4o-image-vip") == target


def test_a_studio_is_a_row() -> None:
    document = {"models": [{**STUDIO, "planner": "up/chat", "output": "parts", "threshold": 0.25}]}
    assert load(document, {}).models == (ModelSettings("atelier", "studio", "up/image", "up/chat", "parts", 0.25),)
    (plain,) = load({"models": [STUDIO]}, {}).models
    assert (plain.planner, plain.output, plain.threshold) == ("rules", None, 0.5)


def test_several_keys_and_keys_from_the_environment() -> None:
    document = {
        "providers": [{"name": "a", "base_url": "http://x", "api_key": "one", "api_keys": ["env:TWO", "three"]}]
    }
    assert set(load(document, {"TWO": "two"}).providers[0].api_keys) == {"one", "two", "three"}


def test_a_key_that_is_not_in_the_environment_is_named() -> None:
    document = {"providers": [{"name": "a", "base_url": "http://x", "api_key": "env:NO_SUCH"}]}
    with pytest.raises(ConfigInvalid, match=r"provider `a`.*\$NO_SUCH"):
        load(document, {})


@pytest.mark.parametrize(("variable", "name", "base_url"), ENV_PROVIDERS)
def test_a_key_in_the_environment_adds_its_provider(variable: str, name: str, base_url: str) -> None:
    settings = load({}, {variable: "sk-1"})
    found = {row.name: row for row in settings.providers}
    assert (found[name].base_url, found[name].api_keys) == (base_url, ("sk-1",))
    assert found.keys() == {row[1] for row in ENV_PROVIDERS if row[0] == variable}
    assert all(row.models for row in table(settings.providers).rows)


@pytest.mark.parametrize(
    ("model", "dialect"),
    [
        ("gpt-5.5", "openai-chat"),
        ("gpt-image-2", "openai-images"),
        ("openai/gpt-4o", "openai-chat"),
        ("openai-images/gpt-image-2", "openai-images"),
        ("gemini-3-pro-image-preview", "gemini"),
    ],
)
def test_a_model_of_the_environments_providers_goes_where_it_is_spoken(model: str, dialect: str) -> None:
    found = table(load({}, {"OPENAI_API_KEY": "one", "GEMINI_API_KEY": "two"}).providers)
    assert found.find(model).provider.dialect == dialect


def test_a_row_of_that_name_comes_first() -> None:
    document = {"providers": [{"name": "openai", "base_url": "http://127.0.0.1:1/v1", "api_key": "mine"}]}
    rows = load(document, {"OPENAI_API_KEY": "theirs"}).providers
    assert [(row.name, row.api_keys) for row in rows if row.name == "openai"] == [("openai", ("mine",))]


def test_an_empty_key_adds_nothing() -> None:
    assert load({}, {"OPENAI_API_KEY": ""}).providers == ()


@pytest.mark.parametrize(
    ("document", "word"),
    [
        ({"sever": {}}, "sever"),
        ({"server": {"prot": 1}}, r"server\.prot"),
        ({"limits": {"bodies": 1}}, r"limits\.bodies"),
        ({"providers": [{"name": "a", "base_url": "http://x", "modles": []}]}, r"providers\.modles"),
        ({"server": {"port": "many"}}, "port"),
        ({"server": 3}, "server"),
        ({"server": {"cors": "x"}}, "cors"),
        ({"output": "xml"}, "output"),
        ({"providers": {"name": "a"}}, "providers"),
        ({"providers": [{"name": "a"}]}, "base_url"),
        ({"providers": ["a"]}, "providers"),
        ({"providers": [{"name": "sketch", "base_url": "http://x"}]}, "sketch"),
        ({"providers": [{"name": "a", "base_url": "http://x"}] * 2}, "name of its own"),
        ({"models": [{**STUDIO, "planer": "rules"}]}, r"models\.planer"),
        ({"models": [{**STUDIO, "type": "circus"}]}, "circus"),
        ({"models": [{**STUDIO, "output": "xml"}]}, "xml"),
        ({"models": [{**STUDIO, "threshold": 1.5}]}, "threshold of model `atelier`"),
        ({"models": [{**STUDIO, "name": ""}]}, "name of its own"),
        ({"models": [STUDIO, STUDIO]}, "name of its own"),
        ({"models": [{"name": "atelier", "type": "studio"}]}, "image"),
        ({"models": STUDIO}, "models"),
    ],
)
def test_a_mistake_is_named(document: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigInvalid, match=word):
        load(document, {})


@pytest.mark.parametrize(
    ("variable", "value"),
    [("DARKROOM_SERVER_PORT", "eighty"), ("DARKROOM_SKETCH", "perhaps"), ("DARKROOM_OUTPUT", "xml")],
)
def test_a_wrong_variable_is_refused(variable: str, value: str) -> None:
    with pytest.raises(ConfigInvalid, match="configuration is wrong"):
        load({}, {variable: value})


def test_a_variable_can_not_fill_a_section_that_is_none() -> None:
    with pytest.raises(ConfigInvalid, match="server"):
        load({"server": 3}, {"DARKROOM_SERVER_PORT": "1"})


def test_a_mistake_does_not_show_a_key() -> None:
    row = {"name": "a", "base_url": "http://x", "api_key": "sk-secret", "models": 3}
    with pytest.raises(ConfigInvalid) as raised:
        load({"providers": [row]}, {})
    assert "sk-secret" not in str(raised.value)


def test_a_row_does_not_show_its_keys() -> None:
    row = ProviderSettings("a", "http://x", api_key="sk-secret", api_keys=("sk-other",))
    assert "sk-secret" not in repr(row)
    assert "sk-other" not in repr(row)
    assert "sk-" not in repr(table([row]))


@pytest.mark.parametrize(
    ("server", "url"),
    [
        ({"host": "::1"}, "http://[::1]:8000"),
        ({"port": 9}, "http://127.0.0.1:9"),
        ({"public_url": "https://pictures.example/"}, "https://pictures.example"),
    ],
)
def test_the_public_url(server: dict[str, Any], url: str) -> None:
    assert load({"server": server}, {}).public_url == url
