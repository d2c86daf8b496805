"""Films: what their containers say, cut and hostile ones, posters and frames; and how a stored film is described."""

from __future__ import annotations

import io
import struct
from contextlib import suppress
from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from darkroom.errors import InvalidMedia, TooLarge
from darkroom.films import LONGER_SIDE, facts, frames, poster
from darkroom.media import Facts
from darkroom.sketch import film as sketched
from darkroom.spool import MEMORY_LIMIT, Spool, Spools
from films import MIMES, sound, video
from running import House, links_in, sha256, user

KINDS = sorted(MIMES)


def spooled(directory: Path, data: bytes, memory: int = MEMORY_LIMIT) -> Spool:
    spool = Spools(directory, memory).new()
    spool.write(data)
    return spool


def told(directory: Path, data: bytes, mime: str = "video/mp4", **limits: int) -> Facts | None:
    spool = spooled(directory, data)
    try:
        return facts(spool, mime, **limits)
    finally:
        spool.discard()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def redness(picture: Image.Image) -> int:
    pixel = picture.getpixel((picture.width // 2, picture.height // 2))
    assert isinstance(pixel, tuple)
    return int(pixel[0])


def corners(picture: Image.Image) -> list[bool]:
    """Tell of each corner (top left, top right, bottom left, bottom right) whether it is white."""
    wide, high = picture.size
    points = ((3, 3), (wide - 4, 3), (3, high - 4), (wide - 4, high - 4))
    return [min(picture.getpixel(point)) > 200 for point in points]  # type: ignore[type-var, arg-type]


# What a container says


@pytest.mark.parametrize("kind", KINDS)
def test_size_duration_and_codec_of_every_container(tmp_path: Path, kind: str) -> None:
    codec = "vp9" if kind == "webm" else "h264"
    assert told(tmp_path, video(kind), MIMES[kind]) == Facts(MIMES[kind], 128, 64, 2000, codec)


def test_the_painters_film_is_one(tmp_path: Path) -> None:
    assert told(tmp_path, sketched("a cat").data) == Facts("video/mp4", 512, 288, 1200, "h264")


def test_in_memory_on_disk_and_by_path_are_the_same(tmp_path: Path) -> None:
    whole = facts(spooled(tmp_path, video()), "video/mp4")
    on_disk = spooled(tmp_path, video(), memory=0)
    assert on_disk.path is not None
    assert whole == facts(on_disk, "video/mp4") == facts(on_disk.path, "video/mp4")


@pytest.mark.parametrize(("turn", "size"), [(90, (64, 128)), (270, (64, 128)), (180, (128, 64))])
def test_the_size_is_the_one_that_is_shown(tmp_path: Path, turn: int, size: tuple[int, int]) -> None:
    found = told(tmp_path, video(turn=turn))
    assert found is not None
    assert (found.width, found.height) == size


def test_pixels_that_are_wider_than_high(tmp_path: Path) -> None:
    found = told(tmp_path, video(aspect=2))
    assert found is not None
    assert (found.width, found.height) == (256, 64)


def test_a_film_in_fragments_and_one_with_sound(tmp_path: Path) -> None:
    for data in (video(fragments=True), video(sound=True)):
        assert told(tmp_path, data) == Facts("video/mp4", 128, 64, 2000, "h264")


def test_an_mp4_without_a_picture_is_sound(tmp_path: Path) -> None:
    found = told(tmp_path, sound())
    assert found is not None
    assert (found.mime, found.width, found.codec) == ("audio/mp4", None, None)
    assert found.duration is not None
    assert 900 < found.duration < 1200


def test_a_codec_that_nobody_knows_is_a_film_all_the_same(tmp_path: Path) -> None:
    found = told(tmp_path, video().replace(b"avc1", b"zzz1"))
    assert found == Facts("video/mp4", duration=2000)


# Cut off, broken, hostile


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_a_film_that_was_cut_off_is_refused(tmp_path: Path, kind: str, part: float) -> None:
    data = video(kind)
    with pytest.raises(InvalidMedia, match="cut off after"):
        told(tmp_path, data[: int(len(data) * part)], MIMES[kind])


def test_zeros_behind_the_end_do_no_harm(tmp_path: Path) -> None:
    assert told(tmp_path, video() + bytes(1000)) == told(tmp_path, video())


@pytest.mark.parametrize("data", [b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00" + bytes(6000), b"", bytes(100)])
def test_what_can_not_be_read_says_nothing(tmp_path: Path, data: bytes) -> None:
    assert told(tmp_path, data) is None


def test_more_pixels_than_the_limit(tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match="128×64"):
        told(tmp_path, video(), max_pixels=8000)
    with pytest.raises(TooLarge):
        poster(spooled(tmp_path, video()), "video/mp4", 64, max_pixels=8000)


def test_tables_that_promise_billions_of_frames_are_refused(tmp_path: Path) -> None:
    """A decoder would make room for them before it looks."""
    data = video()
    at = data.index(b"stsz") + 8
    bomb = data[:at] + struct.pack(">II", 1, 0xF0000000) + data[at + 8 :]
    with pytest.raises(InvalidMedia, match="promise more"):
        told(tmp_path, bomb)


def test_a_frame_that_says_it_is_huge_is_not_read_whole(tmp_path: Path) -> None:
    """What is read of one frame is bounded, whatever its size says."""
    data = sketched("a cat", 1).data
    at = data.index(b"stsz") + 16
    mdat = data.index(b"mdat") - 4
    filler = 200 << 20
    huge = bytearray(data)
    huge[mdat : mdat + 4] = struct.pack(">I", len(data) - mdat + filler)
    huge[at : at + 4] = struct.pack(">I", len(data) - mdat - 8 + filler)
    path = tmp_path / "huge.mp4"
    path.write_bytes(huge)
    with path.open("r+b") as file:
        file.truncate(len(data) + filler)
    found = facts(path, "video/mp4")
    assert found is not None
    assert (found.width, found.duration) == (512, 100)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
@given(st.data())
def test_spoiled_bytes_raise_nothing_but_our_errors(tmp_path: Path, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["mp4", "matroska"]))
    spoiled = bytearray(video(kind))
    for _ in range(data.draw(st.integers(1, 8))):
        spoiled[data.draw(st.integers(0, len(spoiled) - 1))] = data.draw(st.integers(0, 255))
    spool = spooled(tmp_path, bytes(spoiled))
    for look in (lambda: facts(spool, MIMES[kind]), lambda: frames(spool, MIMES[kind], 2)):
        with suppress(InvalidMedia, TooLarge):
            look()
    spool.discard()


def test_a_file_that_refers_to_another_reads_none(tmp_path: Path) -> None:
    """A playlist is no film, whatever a decoder could make of it."""
    (tmp_path / "secret.mp4").write_bytes(video())
    playlist = f"ffconcat version 1.0\nfile {tmp_path}/secret.mp4\n".encode()
    assert told(tmp_path, playlist, "video/webm") is None
    for mime in MIMES.values():
        with pytest.raises(InvalidMedia):
            frames(spooled(tmp_path, playlist), mime, 1)


# Posters and frames


@pytest.mark.parametrize("kind", KINDS)
def test_the_poster_is_the_first_frame(tmp_path: Path, kind: str) -> None:
    data = poster(spooled(tmp_path, video(kind)), MIMES[kind], 64)
    assert data[8:12] == b"WEBP"
    picture = opened(data)
    assert picture.size == (64, 32)
    assert redness(picture) < 40
    assert corners(picture) == [True, False, False, False]


def test_the_poster_of_a_film_whose_first_frame_is_broken(tmp_path: Path) -> None:
    data = bytearray(video())
    with av.open(io.BytesIO(data)) as film:
        first = next(film.demux(video=0))
    assert first.pos is not None
    data[first.pos : first.pos + first.size] = b"\xff" * first.size
    picture = opened(poster(spooled(tmp_path, bytes(data)), "video/mp4", 64))
    assert picture.size == (64, 32)
    assert redness(picture) > 40


def test_a_poster_is_never_enlarged(tmp_path: Path) -> None:
    assert opened(poster(spooled(tmp_path, video()), "video/mp4", 1024)).size == (128, 64)


@pytest.mark.parametrize(
    ("turn", "white"),
    [
        (90, [False, False, True, False]),
        (180, [False, False, False, True]),
        (270, [False, True, False, False]),
    ],
)
def test_a_poster_is_upright(tmp_path: Path, turn: int, white: list[bool]) -> None:
    picture = opened(poster(spooled(tmp_path, video(turn=turn)), "video/mp4", 64))
    assert picture.size == ((64, 32) if turn == 180 else (64, 128))
    assert corners(picture) == white


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("every", [1, 12, 1000])
def test_frames_are_spread_evenly(tmp_path: Path, kind: str, every: int) -> None:
    stills = frames(spooled(tmp_path, video(kind, every=every)), MIMES[kind], 4)
    assert [abs(still.at - wanted) < 100 for still, wanted in zip(stills, (250, 750, 1250, 1750), strict=True)] == [
        True
    ] * 4
    reds = [redness(opened(still.data)) for still in stills]
    assert [abs(red - 255 * still.at / 2000) < 25 for red, still in zip(reds, stills, strict=True)] == [True] * 4
    assert all(still.data[:3] == b"\xff\xd8\xff" for still in stills)
    assert {(still.width, still.height) for still in stills} == {(128, 64)}


def test_more_frames_than_there_are(tmp_path: Path) -> None:
    stills = frames(spooled(tmp_path, video(count=3)), "video/mp4", 60)
    assert [still.at for still in stills] == [0, 42, 83]


def test_large_frames_are_made_smaller(tmp_path: Path) -> None:
    (still,) = frames(spooled(tmp_path, video(count=1, size=(64, 2048))), "video/mp4", 1)
    assert (still.width, still.height) == (32, LONGER_SIDE)


@pytest.mark.parametrize("data", [sound(), video().replace(b"avc1", b"zzz1")])
def test_what_shows_nothing_has_no_frames(tmp_path: Path, data: bytes) -> None:
    for take in (lambda spool: poster(spool, "video/mp4", 64), lambda spool: frames(spool, "video/mp4", 2)):
        with pytest.raises(InvalidMedia):
            take(spooled(tmp_path, data))


# In the house


async def described(house: House, id: str) -> dict[str, object]:
    async with house.http.get(f"/v1/media/{id}") as response:
        assert response.status == 200
        found: dict[str, object] = await response.json()
        return found


async def test_a_stored_film_tells_what_it_is(house: House) -> None:
    media = await house.upload(video())
    told = await described(house, media.id)
    assert told["duration_ms"] == 2000
    assert told["codec"] == "h264"
    assert (told["width"], told["height"]) == (128, 64)
    assert told["poster"] == f"{told['url']}?w=512"
    async with house.http.get(str(told["poster"])) as response:
        assert response.content_type == "image/webp"
        assert opened(await response.read()).size == (128, 64)


async def test_thumbnails_of_a_film(house: House) -> None:
    media = await house.upload(video(size=(512, 256)))
    url = f"{house.url}/media/{media.id}.mp4"
    for width in (64, 256, 4000):
        async with house.http.get(f"{url}?w={width}") as response:
            assert response.status == 200
            assert opened(await response.read()).width == min(width, 512)
    kept = list((house.root / "media" / "thumbs" / media.blob).iterdir())
    assert sorted(path.name for path in kept) == ["1024.webp", "256.webp", "64.webp"]
    async with house.http.get(url) as response:
        assert sha256(await response.read()) == media.blob


async def test_a_poster_that_was_lost_is_made_again(house: House) -> None:
    media = await house.upload(video())
    (path,) = (house.root / "media" / "thumbs" / media.blob).iterdir()
    path.unlink()
    async with house.http.get(f"/media/{media.id}.mp4?w=64") as response:
        assert opened(await response.read()).size == (64, 32)


async def test_what_a_client_sends_as_a_film_must_play(house: House) -> None:
    junk = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00" + bytes(6000)
    with pytest.raises(InvalidMedia, match="nothing in it can be played"):
        await house.upload(junk)
    assert await house.is_empty()


async def test_what_an_upstream_made_is_kept_though_it_can_not_be_read(house: House) -> None:
    junk = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00" + bytes(6000)
    media = await house.upload(junk, origin="generated")
    assert (media.mime, media.duration, media.width) == ("video/mp4", None, None)
    async with house.http.get(f"/media/{media.id}.mp4?w=64") as response:
        assert response.status == 400
        assert (await response.json())["error"]["code"] == "invalid_media"


async def test_what_an_upstream_cut_off_is_not_kept(house: House) -> None:
    with pytest.raises(InvalidMedia, match="cut off"):
        await house.upload(video()[:-100], origin="generated")


async def test_a_film_that_was_made_is_probed_too(house: House) -> None:
    answer = await house.ask("painter/video-html", user("a boat"))
    (link,) = [link for link in links_in(answer) if link.endswith(".mp4")]
    media = next(each for each in await house.media() if each.id in link)
    assert (media.duration, media.codec, media.width) == (1200, "h264", 512)
