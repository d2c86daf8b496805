"""What `darkroom doctor` says of providers that make films."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from darkroom.doctor import Doctor, Finding
from darkroom.settings import ProviderSettings, Server
from darkroom.testing import OpenRouterVideosUpstream, VeoUpstream, VideosUpstream, serve
from doors import free_port, settings_of

KEY = "sk-films-0123456789"


async def examined(root: Path, row: ProviderSettings) -> list[Finding]:
    found = Doctor(settings_of(root, row, server=Server(port=free_port()))).examine()
    return [finding async for finding in found if finding.check.startswith("up ")]


@pytest.mark.parametrize(
    ("app", "dialect", "base", "model"),
    [
        (VideosUpstream(KEY).app, "openai-videos", "/v1", "sora-2"),
        (VideosUpstream(KEY, "localai").app, "openai-videos", "", "ltx-2"),
        (VeoUpstream(KEY).app, "veo", "/v1beta", "veo-3.1-generate-preview"),
        (OpenRouterVideosUpstream(KEY).app, "openrouter-videos", "/api/v1", "google/veo-3.1"),
    ],
)
async def test_a_providers_films_are_listed(tmp_path: Path, app: Any, dialect: str, base: str, model: str) -> None:
    async with serve(app) as url:
        good = ProviderSettings("up", f"{url}{base}", dialect, api_keys=(KEY,), models=(model,))
        (found,) = await examined(tmp_path, good)
        assert (found.status, found.hint) == ("ok", "")
        (refused,) = await examined(tmp_path, replace(good, api_keys=("sk-bad-0123456789",)))
        assert refused.status != "ok"


async def test_a_server_that_nobody_knows_is_named(tmp_path: Path) -> None:
    row = ProviderSettings("up", "http://127.0.0.1:9/v1", "openai-videos", options={"server": "solar"})
    (found,) = await examined(tmp_path, row)
    assert found.status == "fail"
    assert "solar" in found.message
    assert "vllm-omni" in found.message
