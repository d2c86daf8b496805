"""Darkrooms in front of upstreams that make films, and how the tests look at what became of a film."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from darkroom.generation import Generation
from darkroom.settings import JobSettings, ProviderSettings
from darkroom.sketch import paint
from darkroom.testing import VideosUpstream, serve
from running import House, Json, running

KEY = "sk-of-the-films"
POLL: dict[str, Any] = {"poll_seconds": 0.02}
PNG = paint("a cat", size=(96, 96)).data
OTHER_PNG = paint("a dog", size=(96, 96)).data
PROFILES = {
    "openai": "sora-video",
    "vllm-omni": "vllm-omni-video",
    "sglang": "sglang-video",
    "new-api": "video-chat",
    "relay": "relay-video",
    "create-query": "relay-video",
    "localai": "localai-video",
    "sketch": "video-chat",
}
"""The profile of each kind of server that the emulator plays."""


def films_row(upstream: VideosUpstream, url: str, name: str = "films", **fields: Any) -> ProviderSettings:
    """Return the row for an emulator at this URL."""
    server = "openai" if upstream.variant == "sketch" else upstream.variant
    options = {"server": server, **POLL, **fields.pop("options", {})}
    told: dict[str, Any] = {
        "api_keys": (KEY,),
        "models": upstream.row.models,
        "profile": PROFILES[upstream.variant],
        "cleanup": "after_response",
        **fields,
    }
    base_url = url if upstream.variant == "localai" else f"{url}/v1"
    return ProviderSettings(name, base_url, "openai-videos", options=options, **told)


def model_of(upstream: VideosUpstream, name: str = "films") -> str:
    return f"{name}/{upstream.row.models[0]}"


@asynccontextmanager
async def filming(
    root: Path,
    upstream: VideosUpstream,
    *more: ProviderSettings,
    jobs: JobSettings | None = None,
    **fields: Any,
) -> AsyncIterator[House]:
    """Run a gateway with an emulator of the Videos API as the provider `films`; `fields` go into its row."""
    upstream.key = KEY
    async with serve(upstream.app) as url:
        rows: Sequence[ProviderSettings] = (films_row(upstream, url, **fields), *more)
        async with running(root, providers=rows, allow=["127.0.0.1"], jobs=jobs) as house:
            yield house


async def until(holds: Callable[[], bool], what: str = "") -> None:
    """Wait for something that must come soon."""
    for _ in range(1500):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"it never came to {what or holds}")


async def over(house: House, id: str, owner: str = "local") -> Generation:
    """Wait for the end of a generation, and return it."""
    for _ in range(1500):
        found = await house.gateway.database.generation(owner, id)
        if found is not None and found.status not in ("queued", "running"):
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"{id} never ended")


def configure(root: Path, url: str, key: str, options: Json) -> None:
    """Write the configuration of a gateway in a process of its own, whose films an upstream makes."""
    words = ", ".join(f"{name} = {json.dumps(value)}" for name, value in options.items())
    rows = f"""
sketch = false
[[providers]]
name = "films"
base_url = "{url}/v1"
dialect = "openai-videos"
api_key = "{key}"
models = ["sora-2"]
profile = "video-chat"
cleanup = "after_response"
options = {{ {words} }}
"""
    (root / "darkroom.toml").write_text(rows, "utf-8")
