"""Profiles: what a model's name suggests."""

from __future__ import annotations

import pytest

from darkroom.media import MediaKind
from darkroom.profiles import BY_NAME, PROFILES, profile_for


@pytest.mark.parametrize(
    ("model", "profile"),
    [
        ("gpt-4o", "chat"),
        ("gpt-5.2", "chat"),
        ("claude-opus-4", "chat"),
        ("gemini-3-pro", "chat"),
        ("qwen-vl-max", "chat"),
        ("llama-3.2-vision", "chat"),
        ("text-embedding-3-large", "chat"),
        ("gpt-4o-image-vip", "relay-text"),
        ("GPT-4o-Image", "relay-text"),
        ("gpt-4o-all", "relay-text"),
        ("sora_image", "relay-text"),
        ("sora-2", "relay-text"),
        ("gpt-image-1-all", "last-user"),
        ("gpt-image-1", "gpt-image-1"),
        ("gpt-image-2", "gpt-image"),
        ("gemini-2.5-flash-image-preview", "image-chat"),
        ("google/gemini-2.5-flash-image", "image-chat"),
        ("imagen-4", "image-chat"),
        ("nano-banana-pro", "image-chat"),
        ("dall-e-3", "image-chat"),
        ("black-forest-labs/flux-1.1-pro", "image-chat"),
        ("midjourney-v7", "image-chat"),
        ("doubao-seedream-4", "image-chat"),
        ("veo-3.1", "video-chat"),
        ("kling-v2", "video-chat"),
        ("seedance-1-pro", "video-chat"),
        ("sketch", "image-chat"),
    ],
)
def test_a_name_suggests_a_profile(model: str, profile: str) -> None:
    assert profile_for(model).name == profile


def test_every_pattern_leads_to_a_profile_and_is_lower_case() -> None:
    assert {profile for _, profile in BY_NAME} <= set(PROFILES)
    assert all(pattern == pattern.lower() for pattern, _ in BY_NAME)


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_is_consistent(name: str) -> None:
    profile = PROFILES[name]
    assert profile.name == name
    assert profile.forms
    assert profile.makes_media == bool(profile.makes)
    assert MediaKind.IMAGE in profile.sees


def test_a_plain_model_makes_nothing() -> None:
    assert not profile_for("gpt-5").makes_media
    assert profile_for("sketch").makes == frozenset({MediaKind.IMAGE})
