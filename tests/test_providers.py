"""The table of providers: which row a model's name means, and what is known of the model."""

from __future__ import annotations

from typing import Any

import pytest

from darkroom.errors import ConfigInvalid, UnknownModel
from darkroom.media import MediaKind
from darkroom.providers import Providers, provider_of, table
from darkroom.settings import ProviderSettings


def row(name: str, *models: str, **more: Any) -> ProviderSettings:
    return ProviderSettings(name, f"http://{name}.example/v1/", models=models, **more)


@pytest.fixture
def providers() -> Providers:
    return table(
        [
            row("first", "draw", "shared", "vendor/model"),
            row("second", "shared", "gpt-*"),
            row("any"),
            row("router", "*/*"),
        ]
    )


@pytest.mark.parametrize(
    ("asked", "provider", "model"),
    [
        ("draw", "first", "draw"),
        ("first/draw", "first", "draw"),
        ("shared", "first", "shared"),
        ("second/shared", "second", "shared"),
        ("gpt-5", "second", "gpt-5"),
        ("second/gpt-5", "second", "gpt-5"),
        ("vendor/model", "first", "vendor/model"),
        ("any/whatever", "any", "whatever"),
        ("any/a/b", "any", "a/b"),
        ("router/google/gemini-image", "router", "google/gemini-image"),
        ("google/gemini-image", "router", "google/gemini-image"),
    ],
)
def test_a_name_means_a_row(providers: Providers, asked: str, provider: str, model: str) -> None:
    target = providers.find(asked)
    assert (target.provider.name, target.model) == (provider, model)


@pytest.mark.parametrize("asked", ["nothing", "", "DRAW", "any", "gpt"])
def test_an_unknown_name_says_what_there_is(providers: Providers, asked: str) -> None:
    with pytest.raises(UnknownModel, match="first/draw") as raised:
        providers.find(asked)
    assert raised.value.param == "model"


def test_with_no_names_at_all_the_form_is_told() -> None:
    with pytest.raises(UnknownModel, match="provider/model"):
        table([row("any")]).find("x")


def test_the_list_has_every_name_and_no_pattern(providers: Providers) -> None:
    names = [name for name, _ in providers.models()]
    assert names == ["first/draw", "first/shared", "first/vendor/model", "second/shared"]
    assert all(providers.find(name).provider is provider for name, provider in providers.models())


def test_the_base_url_has_no_slash_at_its_end() -> None:
    assert provider_of(row("a")).base_url == "http://a.example/v1"


def test_a_profile_by_name_by_pattern_and_by_guess() -> None:
    provider = provider_of(row("a", profile="openrouter", profiles={"draw-*": "codex"}))
    assert provider.profile_of("draw-1").name == "codex"
    assert provider.profile_of("other").name == "openrouter"
    assert provider_of(row("a")).profile_of("gpt-4o-image-vip").name == "relay-text"
    assert provider_of(row("a")).profile_of("gpt-5").name == "chat"


def test_a_table_of_facts_changes_single_fields() -> None:
    facts = {"makes": ["image"], "replay": "images", "forms": ["url", "inline"], "max_media": 3, "partials": True}
    profile = provider_of(row("a", profile=facts)).profile_of("gpt-5")
    assert profile.makes == frozenset({MediaKind.IMAGE})
    assert (profile.replay, profile.forms, profile.max_media, profile.partials) == (
        "images",
        ("url", "inline"),
        3,
        True,
    )
    assert profile.sees == provider_of(row("a")).profile_of("gpt-5").sees


def test_facts_stand_on_a_base() -> None:
    profile = provider_of(row("a", profile={"base": "relay-text", "max_media": 1})).profile_of("gpt-5")
    assert (profile.replay, profile.max_media) == ("transcript", 1)


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"dialect": "esperanto"}, "openai-chat"),
        ({"profile": "novel"}, "relay-text"),
        ({"profiles": {"*": "novel"}}, "novel"),
        ({"profile": {"base": "novel"}}, "novel"),
        ({"profile": {"max_medai": 1}}, "max_medai"),
        ({"profile": {"makes": ["pictures"]}}, "makes"),
        ({"profile": {"makes": 3}}, "makes"),
        ({"profile": {"replay": "never"}}, "replay"),
        ({"profile": {"forms": ["paper"]}}, "forms"),
        ({"profile": {"forms": []}}, "forms"),
        ({"profile": {"forms": "inline"}}, "forms"),
        ({"profile": {"partials": "no"}}, "partials"),
        ({"profile": {"max_media": "many"}}, "max_media"),
        ({"profile": {"max_media": -1}}, "max_media"),
    ],
)
def test_a_mistake_names_the_row_and_the_word(more: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigInvalid, match=f"provider `a`.*{word}"):
        provider_of(row("a", **more))


@pytest.mark.parametrize("url", ["", "relay.example/v1", "ftp://relay.example", "file:///etc"])
def test_a_base_url_is_http(url: str) -> None:
    with pytest.raises(ConfigInvalid, match="base_url"):
        provider_of(ProviderSettings("a", url))
