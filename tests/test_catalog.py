"""The menu of models: what rows name, and what providers list for themselves."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from darkroom.settings import ProviderSettings
from darkroom.testing import serve
from running import running


class Lister:
    """An upstream that lists models, and counts how often it is asked and with which key."""

    def __init__(self, body: object, status: int = 200) -> None:
        self.keys: list[str] = []
        self._body, self._status = body, status
        self.app = Starlette(routes=[Route("/v1/models", self._models)])

    async def _models(self, request: Request) -> Response:
        self.keys.append(request.headers.get("authorization", ""))
        return JSONResponse(self._body, self._status)


async def test_a_provider_lists_what_its_patterns_let_through(tmp_path: Path) -> None:
    lister = Lister({"data": [{"id": "gpt-9"}, {"id": "whisper"}, {"id": "gpt-image-9"}]})
    broken = Lister({"error": "no"}, 500)
    async with serve(lister.app) as url, serve(broken.app) as broken_url:
        rows = (
            ProviderSettings("patterns", f"{url}/v1", models=("gpt-*", "own"), api_keys=("one", "two")),
            ProviderSettings("all", f"{url}/v1"),
            ProviderSettings("silent", f"{broken_url}/v1"),
            ProviderSettings("named", f"{broken_url}/v1", models=("just-this",)),
        )
        async with running(tmp_path, providers=rows) as house:
            for _ in range(2):
                names = [model.id async for model in house.client.models.list()]
    found = [name for name in names if not name.startswith("painter/")]
    assert found == [
        *("patterns/own", "patterns/gpt-9", "patterns/gpt-image-9"),
        *("all/gpt-9", "all/whisper", "all/gpt-image-9"),
        "named/just-this",
    ]
    assert len(lister.keys) == 2, "asked once each, and remembered"
    assert len(broken.keys) == 1
