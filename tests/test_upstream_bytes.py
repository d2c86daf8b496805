"""What a long chat costs: the fiftieth turn sends the upstream no more than the second did, and the words of the chat.

Counted where it leaves the gateway: the bytes of all request bodies, uploads included.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dialects import DIALECTS, KEY, Emulated
from running import House, message_of, running, user

TURNS = 50
PROMPT = "make the sky a little darker, step {}"
_NOTE = 700
"""Bytes that a turn may leave in the history: its prompt, and a note with a picture's id, or a relay's transcript."""


def sent(house: House) -> int:
    return house.gateway.chat.means.upstream.sent.get("up", 0)


@pytest.mark.parametrize("upstream", DIALECTS.values(), ids=lambda each: each.name)
async def test_turn_fifty_costs_what_turn_two_did(tmp_path: Path, upstream: Emulated) -> None:
    emulator = upstream.make(KEY)
    async with upstream.serve(emulator) as url, running(tmp_path, providers=[upstream.row(url, (KEY,))]) as house:
        messages: list[Any] = []
        costs: list[int] = []
        for turn in range(TURNS):
            before = sent(house)
            messages.append(user(PROMPT.format(turn)))
            answer = await house.ask(upstream.model, *messages)
            messages.append(message_of(answer))
            costs.append(sent(house) - before)
        sizes = [media.size for media in await house.media()]
        # What is edited is as large as its drawing is rich; beside it there are only words.
        richer = max(sizes) / sizes[0]
        assert costs[-1] <= costs[1] * max(richer, 1) + TURNS * _NOTE, (costs, sizes)
