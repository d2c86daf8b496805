"""Every upstream dialect with its emulator: what the suites that hold for all of them are run over."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.types import ASGIApp

from darkroom.settings import ProviderSettings
from darkroom.testing import (
    A1111Upstream,
    ComfyUpstream,
    EnterpriseUpstream,
    GeminiUpstream,
    ImagesUpstream,
    InteractionsUpstream,
    ResponsesUpstream,
    SketchUpstream,
    serve,
)
from darkroom.testing.enterprise_tokens import service_account
from darkroom.testing.enterprise_upstream import ENGINE
from workflows import img2img, txt2img

KEY = "sesame"
OTHER_KEY = "key-two"
"""One that an upstream may know as well."""


class Emulator(Protocol):
    """What an emulator offers: its app, and what it was asked, newest last."""

    @property
    def app(self) -> ASGIApp: ...

    @property
    def requests(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Emulated:
    """One upstream dialect. `row` makes the provider `up` at the emulator's URL, with these keys.

    `making` is a pattern for the path of the request that makes a picture; `describes` a model that puts into words
    what it is shown; `uploads` a pattern for the path of an upload, where the dialect has one; `serve` gives the
    emulator's URL.
    """

    name: str
    make: Callable[[str], Emulator]
    row: Callable[[str, Sequence[str]], ProviderSettings]
    model: str
    making: str
    describes: str | None = None
    uploads: str | None = None
    serve: Callable[[Any], AbstractAsyncContextManager[str]] = lambda emulator: serve(emulator.app)


def _chat_row(url: str, keys: Sequence[str]) -> ProviderSettings:
    return ProviderSettings("up", f"{url}/v1", api_keys=tuple(keys), profiles={"text*": "chat", "*": "image-chat"})


def _interactions_row(url: str, keys: Sequence[str]) -> ProviderSettings:
    return ProviderSettings("up", f"{url}/v1beta", dialect="gemini-interactions", api_keys=tuple(keys))


def _responses_row(url: str, keys: Sequence[str]) -> ProviderSettings:
    return ProviderSettings("up", f"{url}/v1", dialect="openai-responses", api_keys=tuple(keys))


def _relay_row(url: str, keys: Sequence[str]) -> ProviderSettings:
    return ProviderSettings("up", f"{url}/v1", api_keys=tuple(keys), profile="relay-text")


def _images_row(url: str, keys: Sequence[str]) -> ProviderSettings:
    return ProviderSettings("up", f"{url}/v1", dialect="openai-images", api_keys=tuple(keys))


def _gemini_row(url: str, keys: Sequence[str]) -> ProviderSettings:
    return ProviderSettings("up", f"{url}/v1beta", dialect="gemini", api_keys=tuple(keys))


def _enterprise_row(url: str, keys: Sequence[str]) -> ProviderSettings:
    accounts = tuple(json.dumps(service_account(key, f"{url}/token")) for key in keys)
    return ProviderSettings("up", f"{url}/v1/{ENGINE}", dialect="gemini-enterprise", api_keys=accounts)


def _a1111_row(url: str, keys: Sequence[str]) -> ProviderSettings:
    return ProviderSettings("up", url, dialect="a1111", api_keys=tuple(keys), auth="bearer")


def _comfyui_row(url: str, keys: Sequence[str]) -> ProviderSettings:
    workflows = {"workflow": txt2img(), "workflow_edit": img2img()}
    return ProviderSettings("up", url, dialect="comfyui", api_keys=tuple(keys), options=workflows)


DIALECTS = {
    each.name: each
    for each in (
        Emulated(
            "openai-chat",
            lambda key: SketchUpstream(key=key),
            _chat_row,
            "up/images-strict",
            r"/v1/chat/completions",
            describes="up/text-strict",
        ),
        Emulated(
            "gemini-interactions",
            lambda key: InteractionsUpstream(key=key),
            _interactions_row,
            "up/gemini-3.1-flash-image",
            r"/v1beta/interactions",
            describes="up/gemini-3.8-flash",
        ),
        Emulated(
            "openai-images",
            lambda key: ImagesUpstream(key=key),
            _images_row,
            "up/gpt-image-2",
            r"/v1/images/(?:generations|edits)",
        ),
        Emulated(
            "openai-responses",
            lambda key: ResponsesUpstream(key=key),
            _responses_row,
            "up/gpt-6-astra",
            r"/v1/responses",
            describes="up/gpt-6-astra",
        ),
        Emulated("relay", lambda key: SketchUpstream(key=key), _relay_row, "up/relay-strict", r"/v1/chat/completions"),
        Emulated(
            "gemini",
            lambda key: GeminiUpstream(key=key),
            _gemini_row,
            "up/gemini-3-pro-image",
            r"/v1beta/models/[^:]+:(?:streamG|g)enerateContent",
            describes="up/gemini-3-flash",
            uploads=r"/upload/v1beta/files",
        ),
        Emulated(
            "gemini-enterprise",
            lambda key: EnterpriseUpstream(key=key, keys=(OTHER_KEY,)),
            _enterprise_row,
            "up/gemini-3-pro-preview",
            r".*:streamAssist",
            describes="up/gemini-3-pro-preview",
            uploads=r".*:addContextFile",
        ),
        Emulated(
            "a1111",
            lambda key: A1111Upstream(key=key),
            _a1111_row,
            "up/default",
            r"/sdapi/v1/(?:txt|img)2img",
        ),
        Emulated(
            "comfyui",
            lambda key: ComfyUpstream(key=key),
            _comfyui_row,
            "up/default",
            r"/prompt",
            uploads=r"/upload/image",
            serve=lambda emulator: serve(emulator.app, sockets=True),
        ),
    )
}
