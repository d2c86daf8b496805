"""The OpenAPI document: it names every route and no other, and the running server keeps to it."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from darkroom.app import ROUTES
from darkroom.endpoints.openapi import document
from doors import WAIT, Door, running

_CONVERTER = re.compile(r":\w+}")
EXAMPLES = 20


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with running(tmp_path, sketch=True) as door:
        yield door


def methods(route: Route) -> set[str]:
    """What a route takes; HEAD comes with every GET and is not told apart."""
    return {method.lower() for method in route.methods or {"GET"}} - {"head"}


def routes() -> set[tuple[str, str]]:
    return {(_CONVERTER.sub("}", route.path), method) for route in ROUTES for method in methods(route)}


def operations() -> dict[tuple[str, str], Any]:
    return {
        (path, method): operation for path, item in document()["paths"].items() for method, operation in item.items()
    }


def test_every_route_is_in_the_document_and_the_other_way_round() -> None:
    assert routes() == set(operations())
    assert len(routes()) >= 12


@pytest.mark.parametrize("operation", list(operations()), ids=" ".join)
def test_an_operation_is_described(operation: tuple[str, str]) -> None:
    path, _ = operation
    told = operations()[operation]
    assert told["summary"]
    assert any(status.startswith("2") for status in told["responses"])
    named = {parameter["name"] for parameter in told.get("parameters", []) if parameter["in"] == "path"}
    assert named == set(re.findall(r"{(\w+)}", path))


def test_every_reference_leads_somewhere() -> None:
    references = set(re.findall(r"'#/components/schemas/(\w+)'", str(document())))
    assert references == set(document()["components"]["schemas"])


async def test_the_document_is_served_with_its_address(door: Door) -> None:
    answer = await door.get("/openapi.json")
    assert (answer.status, answer.json["servers"]) == (200, [{"url": door.url}])
    assert answer.json["paths"] == document()["paths"]
    page = await door.get("/docs")
    assert all(path in page.text for path, _ in operations())


async def test_schemathesis_finds_nothing(door: Door) -> None:
    """No 5xx, and no answer outside the document: status, type, shape. The painter's pictures are real."""
    await door.picture()
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{door.url}/openapi.json"),
        *("--checks", checks, "--max-examples", str(EXAMPLES), "--seed", "1", "--generation-database", "none"),
        *("--phases", "examples,coverage,fuzzing", "--request-timeout", "20", "--no-color", "--warnings", "off"),
        *("--suppress-health-check", "all"),
        cwd=door.root,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONWARNINGS": "ignore", "SCHEMATHESIS_HOOKS": ""},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), 8 * WAIT)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    report = said.decode()
    assert process.returncode == 0, report
    assert re.search(r"[1-9]\d* generated", report), report
    assert (await door.get("/health")).status == 200
