"""The way into the store: many pictures in one body, and bytes that were lost and come again, or are needed."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import msgspec
import pytest

from cuts import MemorySink, new_lifts
from darkroom.codecs.json_lift import JsonLifter
from darkroom.dialects.wire import Base64Of, UpstreamRequest
from darkroom.errors import DarkroomError, StorageFailed
from darkroom.ingest import Arrived
from darkroom.lifted import PLACEHOLDER, Lifted, Lifts
from darkroom.media import Media
from darkroom.providers import Target, provider_of
from darkroom.settings import ProviderSettings
from darkroom.spool import Spools
from running import House, data_uri, picture, pictures_in, sha256, user

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def padded(size: int, seed: int = 0) -> bytes:
    """Return a whole PNG with bytes behind its end."""
    return PNG + bytes([seed % 251]) * (size - len(PNG))


def open_parts() -> int:
    links = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    return sum(os.readlink(link).endswith(".part") for link in links if os.path.islink(link))


# Many pictures in one body


def lift(body: bytes, lifts: Lifts) -> tuple[list[str], int]:
    """Lift a body; return the placeholders and the most spool files that were open between two chunks."""
    lifter, out, most = JsonLifter(lifts), b"", 0
    for start in range(0, len(body), 65536):
        out += lifter.decode(body[start : start + 65536])
        most = max(most, open_parts())
    text = (out + lifter.flush()).decode().replace("\\u001a", "\x1a")
    return [match[0] for match in PLACEHOLDER.finditer(text)], most


def test_many_pictures_of_one_body_keep_few_files_open(tmp_path: Path) -> None:
    pictures = [padded(270_000, number) for number in range(40)]
    lifts = Lifts(Spools(tmp_path).new, "n")
    found, most = lift(msgspec.json.encode([base64.b64encode(each).decode() for each in pictures]), lifts)
    assert len(found) == len(list(tmp_path.iterdir())) == 40
    assert most <= 1
    assert open_parts() == 0
    taken = [lifts.take(placeholder) for placeholder in found]
    assert open_parts() == 0
    assert [lifted.sha256 for lifted in taken] == [sha256(each) for each in pictures]
    assert [b"".join(lifted.chunks()) for lifted in taken] == pictures


def test_many_mid_sized_pictures_stay_within_the_memory_of_all(tmp_path: Path) -> None:
    pictures = [padded(188_000, number) for number in range(20)]
    spools = Spools(tmp_path, memory_budget=1_000_000)
    lifts = Lifts(spools.new, "n")
    found, _ = lift(msgspec.json.encode([base64.b64encode(each).decode() for each in pictures]), lifts)
    in_files = len(list(tmp_path.iterdir()))
    assert in_files >= 15
    assert spools.budget.left >= 0
    assert [b"".join(lifts.take(placeholder).chunks()) for placeholder in found] == pictures
    lifts.close()


@pytest.mark.parametrize("end", [b'"', b""])
def test_a_run_rests_where_the_json_ends_it_and_may_be_fed_on(end: bytes) -> None:
    lifts = new_lifts()
    lifter = JsonLifter(lifts)
    out = lifter.decode(b'"' + b"A" * 6000 + end) + lifter.flush()
    (match,) = PLACEHOLDER.finditer(out.decode().replace("\\u001a", "\x1a"))
    lifted = lifts.get(match[0])
    assert lifted is not None
    sink = lifted.sink
    assert isinstance(sink, MemorySink)
    states = [sink.rests]
    lifted.feed(b"B" * 80_000)
    states.append(sink.rests)
    assert lifts.take(match[0]) is lifted
    assert [*states, sink.rests] == [True, False, True]
    assert lifted.restore() == "A" * 6000 + "B" * 80_000


@pytest.mark.parametrize("chars", [b"A" * 80_000, b"A" * 80_001, b"(" * 80_000, b"A" * 79_998 + b"=="])
def test_a_finished_run_rests_whole_or_broken(chars: bytes) -> None:
    sink = MemorySink()
    lifted = Lifted(sink, "placeholder")
    lifted.feed(chars)
    lifted.finish()
    assert sink.rests


# Lost bytes


async def lose(house: House, media: Media) -> None:
    path = house.gateway.storage.local_path(media.blob)
    assert path is not None
    path.unlink()


@pytest.mark.parametrize("damage", ["gone", "cut"])
async def test_lost_bytes_are_put_back_when_they_come_again(house: House, damage: str) -> None:
    data = padded(300_000)
    media = await house.upload(data)
    path = house.gateway.storage.local_path(media.blob)
    assert path is not None
    if damage == "gone":
        path.unlink()
    else:
        os.truncate(path, 1000)
    await house.ask("painter/text", user("what is it?", picture(data_uri(data))))
    assert await house.media() == [media]
    assert await house.download(f"{house.url}/media/{media.id}.png") == data
    assert not house.parts()


async def test_known_bytes_that_are_here_are_not_written_again(house: House) -> None:
    data = padded(300_000)
    media = await house.upload(data)
    path = house.gateway.storage.local_path(media.blob)
    assert path is not None
    os.utime(path, (1, 1))
    spool = house.gateway.storage.spools.new()
    spool.write(data)
    arrived = Arrived(spool, sha256(data), len(data), data[:512])
    assert await house.gateway.chat.ingest.keep_once(arrived, "local") == media
    assert path.stat().st_mtime == 1
    assert not house.parts()


async def test_a_picture_whose_bytes_are_gone_is_said_before_the_upstream_is_asked(house: House) -> None:
    media = await house.upload(padded(300_000))
    await lose(house, media)
    link = f"{house.url}/media/{media.id}.png"
    status, answer = await house.post({"model": "painter/text", "messages": [user("what is it?", picture(link))]})
    assert (status, answer["error"]["code"]) == (500, "storage_failed")
    assert f"the bytes of {media.id} are gone" in answer["error"]["message"]
    assert not house.painter.requests


async def test_a_picture_that_is_here_is_sent(house: House) -> None:
    data = padded(300_000)
    media = await house.upload(data)
    await house.ask("painter/text", user("what is it?", picture(f"{house.url}/media/{media.id}.png")))
    (request,) = house.painter.requests
    assert pictures_in(request["messages"][-1]) == [sha256(data)]


async def test_damaged_bytes_are_not_sent(house: House) -> None:
    """A shorter file would end the body too early, and the upstream would be blamed for it."""
    media = await house.upload(padded(300_000))
    path = house.gateway.storage.local_path(media.blob)
    assert path is not None
    os.truncate(path, 1000)
    upstream = house.gateway.chat.means.upstream
    provider = provider_of(ProviderSettings("nobody", "http://127.0.0.1:9/v1"))
    target = Target(provider, "m", provider.profile_of("m"))
    request = UpstreamRequest("/x", (b"{", Base64Of(media), b"}"))
    with pytest.raises(StorageFailed, match=f"{media.id} are damaged"):
        await anext(upstream.send(target, request, lambda status, body, after: DarkroomError("no")))
