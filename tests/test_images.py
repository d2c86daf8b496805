"""Pictures: facts from headers, cut files, bombs, thumbnails."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import GifImagePlugin, Image, ImageFile, PngImagePlugin

from darkroom.errors import InvalidMedia, TooLarge
from darkroom.images import WIDTHS, facts, looks_like, snap_width, thumbnail
from darkroom.media import HEAD_BYTES, Facts
from darkroom.spool import Spool, Spools

FORMATS = ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"]
WALKED = ["PNG", "JPEG", "GIF", "WEBP"]
ORIENTATION = 0x0112


def picture(width: int = 60, height: int = 40, mode: str = "RGB") -> Image.Image:
    """Return a picture whose left half is red and whose right half is blue."""
    made = Image.new("RGB", (width, height), "red")
    made.paste("blue", (width // 2, 0, width, height))
    return made.convert(mode)


def encoded(kind: str, image: Image.Image | None = None, **options: Any) -> bytes:
    target = io.BytesIO()
    (image or picture()).save(target, kind, **options)
    return target.getvalue()


def noisy(kind: str) -> bytes:
    """Return a picture that fills many blocks, above what a spool keeps in memory."""
    return encoded(
        kind, Image.effect_noise((900, 700), 90).convert("RGB"), **({"quality": 95} if kind == "JPEG" else {})
    )


def turned(kind: str, orientation: int, width: int = 60, height: int = 40) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encoded(kind, picture(width, height), exif=exif)


def spooled(directory: Path, data: bytes) -> Spool:
    spool = Spools(directory).new()
    spool.write(data)
    return spool


def judge(directory: Path, data: bytes, max_pixels: int = 10_000_000) -> Facts:
    spool = spooled(directory, data)
    try:
        return facts(spool, data[:HEAD_BYTES], max_pixels)
    finally:
        spool.discard()


def reopened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=["WEBP"])


def png(width: int, height: int) -> bytes:
    """Return the smallest PNG that claims this size; its pixels are missing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


# Facts


@pytest.mark.parametrize("kind", FORMATS)
def test_type_and_size_are_read(tmp_path: Path, kind: str) -> None:
    assert judge(tmp_path, encoded(kind)) == Facts(f"image/{kind.lower()}", 60, 40)


@pytest.mark.parametrize("kind", WALKED)
def test_type_and_size_are_read_from_a_file(tmp_path: Path, kind: str) -> None:
    data = noisy(kind)
    assert len(data) > 256 * 1024
    assert judge(tmp_path, data) == Facts(f"image/{kind.lower()}", 900, 700)


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 50}, {"exact": True, "lossless": True}])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("size", [(1, 1), (127, 300), (256, 129)])
def test_every_kind_of_webp(tmp_path: Path, options: dict[str, Any], mode: str, size: tuple[int, int]) -> None:
    image = picture(*size, mode)
    if mode == "RGBA":
        image.putalpha(100)
    assert judge(tmp_path, encoded("WEBP", image, **options)) == Facts("image/webp", *size)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
def test_animated_pictures(tmp_path: Path, kind: str) -> None:
    frames = [Image.new("RGB", (50, 30), colour) for colour in ("red", "green", "blue")]
    data = encoded(kind, frames[0], save_all=True, append_images=frames[1:], duration=50)
    assert judge(tmp_path, data) == Facts(f"image/{kind.lower()}", 50, 30)
    assert reopened(thumbnail(data, 64, f"image/{kind.lower()}")).size == (50, 30)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_size_is_the_one_that_is_shown(tmp_path: Path, kind: str, orientation: int) -> None:
    expected = (40, 60) if orientation >= 5 else (60, 40)
    data = turned(kind, orientation)
    assert judge(tmp_path, data) == Facts(f"image/{kind.lower()}", *expected)
    assert reopened(thumbnail(data, 64, f"image/{kind.lower()}")).size == expected


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        (b"\x00\x00\x00\x18ftypmp42" + b"\x00" * 40, "video/mp4"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"ID3\x04" + b"\x00" * 40, "audio/mpeg"),
        (b"\x00\x00\x00\x18ftypheic" + b"\x00" * 40, "image/heic"),
    ],
)
def test_other_media_are_taken_by_their_type(tmp_path: Path, data: bytes, mime: str) -> None:
    assert judge(tmp_path, data) == Facts(mime)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"  \r\n", "empty"),
        (b"<!DOCTYPE html><html></html>", "an HTML page"),
        (b"\xef\xbb\xbf\n<html lang=en>", "an HTML page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "XML"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"<?xml version='1.0'?>\n<svg/>", "an SVG drawing"),
        (b'{"error": "expired"}', "JSON"),
        ("图片已过期".encode(), "text"),
        ("图片已过期".encode()[:-1], "text"),
        (b"\x00\x01\x02\x03", "unknown binary data"),
        (b"\xff\xfe\xfd" * 20, "unknown binary data"),
    ],
)
def test_what_is_no_media_is_named(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(InvalidMedia, match=words):
        judge(tmp_path, data)


def test_long_markup_is_described_quickly() -> None:
    assert looks_like(b"<?xml " + b" " * 500) == "XML"


@pytest.mark.parametrize("kind", WALKED)
@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_a_cut_picture_is_refused(tmp_path: Path, kind: str, share: float) -> None:
    data = noisy(kind)
    cut = int(len(data) * share)
    with pytest.raises(InvalidMedia, match=f"broken {kind}: cut off after {cut} bytes"):
        judge(tmp_path, data[:cut])


@pytest.mark.parametrize("kind", WALKED)
def test_every_cut_of_a_small_picture_is_refused(tmp_path: Path, kind: str) -> None:
    data = encoded(kind)
    for cut in range(len(data) - 1):
        with pytest.raises(InvalidMedia):
            judge(tmp_path, data[:cut])


@pytest.mark.parametrize("kind", WALKED)
def test_junk_after_the_end_does_no_harm(tmp_path: Path, kind: str) -> None:
    assert judge(tmp_path, encoded(kind) + b"\x00" * 200_000 + b"junk").width == 60


def test_the_end_of_an_embedded_thumbnail_is_not_the_end(tmp_path: Path) -> None:
    inner = encoded("JPEG")
    exif = b"\xff\xe1" + struct.pack(">H", len(inner) + 8) + b"Exif\x00\x00" + inner
    whole = encoded("JPEG")
    data = whole[:2] + exif + whole[2:]
    assert judge(tmp_path, data).width == 60
    with pytest.raises(InvalidMedia, match="cut off"):
        judge(tmp_path, data[:-2])


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match="60000×50000 = 3000000000 pixels, over the limit of 10000000"):
        judge(tmp_path, png(60_000, 50_000))
    with pytest.raises(TooLarge, match="pixels"):
        thumbnail(png(60_000, 50_000), 64, "image/png")


@pytest.mark.parametrize("kind", FORMATS)
def test_facts_do_not_decode(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[object] = []

    def note(picture: ImageFile.ImageFile) -> None:
        decoded.append(picture)

    data = encoded(kind)
    for plugin in (ImageFile.ImageFile, PngImagePlugin.PngImageFile, GifImagePlugin.GifImageFile):
        monkeypatch.setattr(plugin, "load", note)
    assert judge(tmp_path, data).mime == f"image/{kind.lower()}"
    assert decoded == []


@pytest.mark.parametrize("kind", FORMATS)
def test_the_limit_on_pixels_holds_for_every_format(tmp_path: Path, kind: str) -> None:
    assert judge(tmp_path, encoded(kind), max_pixels=2400).width == 60
    with pytest.raises(TooLarge):
        judge(tmp_path, encoded(kind), max_pixels=2399)


@pytest.mark.parametrize(
    "magic",
    [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"RIFF\x10\x00\x00\x00WEBP", b"BM", b"II*\x00"],
)
def test_a_magic_number_alone_is_no_picture(tmp_path: Path, magic: bytes) -> None:
    for rest in (b"", b"\x00" * 100, b"<html>" * 100):
        with pytest.raises(InvalidMedia, match="broken"):
            judge(tmp_path, magic + rest)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(data=st.data())
def test_damaged_pictures_are_judged_without_a_crash(tmp_path: Path, data: st.DataObject) -> None:
    broken = bytearray(encoded(data.draw(st.sampled_from(FORMATS))))
    for _ in range(data.draw(st.integers(1, 8))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    try:
        judged = judge(tmp_path, bytes(broken))
        thumbnail(bytes(broken), 64, judged.mime, 1_000_000)
    except (InvalidMedia, TooLarge):
        return
    assert judged.mime.startswith("image/")


# Thumbnails


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("as_file", [True, False])
def test_thumbnails_are_webp_of_the_width(tmp_path: Path, kind: str, as_file: bool) -> None:
    data = encoded(kind, picture(600, 300))
    (tmp_path / "picture").write_bytes(data)
    made = reopened(thumbnail(tmp_path / "picture" if as_file else data, 128, f"image/{kind.lower()}"))
    assert made.size == (128, 64)
    left, right = made.convert("RGB").getpixel((20, 30)), made.convert("RGB").getpixel((100, 30))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert left[0] > 200 > 60 > left[2]
    assert right[2] > 200 > 60 > right[0]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_of_png(mode: str) -> None:
    image = picture(mode=mode) if mode != "I;16" else Image.new("I;16", (60, 40), 32768)
    made = reopened(thumbnail(encoded("PNG", image), 32, "image/png"))
    assert made.size == (32, 21)
    if mode == "I;16":
        assert made.convert("L").getpixel((5, 5)) == pytest.approx(128, abs=4)


def test_cmyk_and_grey_jpeg() -> None:
    for mode in ("CMYK", "L"):
        assert reopened(thumbnail(encoded("JPEG", picture(mode=mode)), 32, "image/jpeg")).size == (32, 21)


def test_transparency_stays() -> None:
    image = picture(mode="RGBA")
    image.putalpha(0)
    made = reopened(thumbnail(encoded("PNG", image), 32, "image/png"))
    assert made.convert("RGBA").getchannel("A").getextrema() == (0, 0)


def test_a_turned_picture_is_upright_and_of_the_width() -> None:
    made = reopened(thumbnail(turned("JPEG", 6, 800, 400), 64, "image/jpeg"))
    assert made.size == (64, 128)
    top, bottom = made.convert("RGB").getpixel((32, 20)), made.convert("RGB").getpixel((32, 110))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert top[0] > 200 > 60 > top[2]
    assert bottom[2] > 200 > 60 > bottom[0]


def test_pictures_are_never_enlarged_and_never_empty() -> None:
    assert reopened(thumbnail(encoded("PNG"), 1024, "image/png")).size == (60, 40)
    assert reopened(thumbnail(encoded("PNG", picture(3000, 2)), 64, "image/png")).size == (64, 1)


@pytest.mark.parametrize("mime", ["video/mp4", "image/heic", "image/svg+xml", "text/html"])
def test_what_pillow_does_not_decode_has_no_thumbnail(mime: str) -> None:
    with pytest.raises(InvalidMedia, match="no thumbnail"):
        thumbnail(b"bytes", 64, mime)


def test_a_picture_without_pixels_has_no_thumbnail() -> None:
    with pytest.raises(InvalidMedia, match="can't be decoded"):
        thumbnail(png(100, 100), 64, "image/png")


@pytest.mark.parametrize(
    ("asked", "given_width"), [(1, 64), (64, 64), (65, 128), (500, 512), (1024, 1024), (9999, 1024)]
)
def test_widths_snap(asked: int, given_width: int) -> None:
    assert snap_width(asked) == given_width
    assert given_width in WIDTHS
