"""Fixtures for tests of a running gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from running import House, running


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A gateway over a fresh store, with a fake upstream as provider `painter`."""
    async with running(tmp_path) as house:
        yield house
