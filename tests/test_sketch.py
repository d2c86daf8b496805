"""The painter: same words, same picture; captions are legible with any fonts; edits keep what they edit."""

from __future__ import annotations

import hashlib
import io
import itertools
import subprocess
import sys

import pytest
from PIL import Image, ImageChops, ImageStat, PngImagePlugin

from darkroom.errors import InvalidMedia, MalformedRequest
from darkroom.media import sniff
from darkroom.sketch import Fonts, animate, compose, edit, film, paint, read_ancestry, size_for, steps
from darkroom.sketch.fonts import BUILT_IN, coverage, font, font_files, usual_dirs
from darkroom.sketch.lettering import wrap
from darkroom.sketch.painter import Format
from darkroom.sketch.scene import SCENES

BARE = Fonts(dirs=[])


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def difference(one: bytes, other: bytes) -> float:
    """Return how far two pictures of one size are apart, per channel, 0 to 255."""
    stat = ImageStat.Stat(ImageChops.difference(opened(one).convert("RGB"), opened(other).convert("RGB")))
    return sum(stat.mean) / 3


def test_the_same_prompt_gives_the_same_bytes_in_another_process() -> None:
    script = "from darkroom.sketch import paint; print(paint('画个牛马').sha256)"
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == paint("画个牛马").sha256


def test_different_prompts_give_different_pictures() -> None:
    pictures = {paint(f"picture {number}", size=(256, 256)).sha256 for number in range(20)}
    assert len(pictures) == 20


@pytest.mark.parametrize(("kind", "mime"), [("png", "image/png"), ("jpeg", "image/jpeg"), ("webp", "image/webp")])
def test_each_format_is_what_it_says_and_keeps_its_ancestry(kind: Format, mime: str) -> None:
    picture = paint("a quiet harbour", size=(256, 256), format=kind)
    assert (picture.mime, sniff(picture.data)) == (mime, mime)
    assert opened(picture.data).size == (picture.width, picture.height) == (256, 256)
    changed = edit(picture.data, "add a boat", format=kind)
    first, second = read_ancestry(changed.data)
    assert (first.prompt, first.parents) == ("a quiet harbour", ())
    assert (second.prompt, second.parents) == ("add a boat", (hashlib.sha256(picture.data).hexdigest(),))
    assert changed.ancestry == ("a quiet harbour", "add a boat")


def test_an_unknown_format_and_absurd_sizes_are_refused() -> None:
    with pytest.raises(MalformedRequest):
        paint("x", size=(64, 64), format="tiff")  # type: ignore[arg-type]
    with pytest.raises(MalformedRequest):
        paint("x", size=(100_000, 64))


@pytest.mark.parametrize(
    ("ratio", "size"),
    [
        ("1:1", (1024, 1024)),
        ("16:9", (1024, 576)),
        ("9:16", (576, 1024)),
        ("3:2", (1024, 688)),
        ("21:9", (1024, 432)),
    ],
)
def test_sizes_by_ratio(ratio: str, size: tuple[int, int]) -> None:
    assert size_for(ratio) == size
    assert opened(paint("x", ratio=ratio).data).size == size


@pytest.mark.parametrize("ratio", ["", "16", "a:b", "0:1", "1:100", "-1:1", "nan:1", "inf:1"])
def test_no_ratio(ratio: str) -> None:
    with pytest.raises(MalformedRequest):
        size_for(ratio)


def test_steps_rise_and_stay_the_same() -> None:
    for number in range(50):
        percentages = steps(f"prompt {number}")
        assert percentages == steps(f"prompt {number}")
        assert list(percentages) == sorted(set(percentages))
        assert 4 <= len(percentages) <= 7
        assert percentages[0] > 0
        assert percentages[-1] < 100
    assert steps("one") != steps("two")


def test_every_scene_can_be_painted_in_every_ratio() -> None:
    hints = {"sea": "海", "town": "a city", "peaks": "mountain", "hills": "field", "geometry": "abstract"}
    assert hints.keys() == SCENES.keys()
    for word, size in itertools.product(hints.values(), [(256, 256), (512, 128), (128, 512)]):
        colours = opened(paint(word, size=size).data).convert("RGB").getcolors(1 << 20)
        assert colours is not None
        assert len(colours) > 100


# Captions


def shown(fonts: Fonts, text: str) -> str:
    return "".join(piece for _, piece in fonts.runs(text))


def test_without_fonts_every_character_is_spelled_in_ascii_or_dropped() -> None:
    assert BARE.readable("画个牛马") == "HuaGeNiuMa"
    assert BARE.readable("cow 🐮 and\thorse\n🐴\u200b!") == "cow and horse !"
    assert BARE.readable("東京 한국어 こんにちは").isascii()


@pytest.mark.parametrize(
    "text",
    [
        "画个牛马",
        "こんにちは、世界",
        "한국어",
        "naïve café",
        "мир ελληνικά",
        "a 🐮 b",
        "\x00\x07\ud800",
        "a\u2028b\u2029c\x85d",
    ],
)
@pytest.mark.parametrize("dirs", [[], usual_dirs()])
def test_nothing_is_drawn_that_its_face_has_no_glyph_for(text: str, dirs: list[str]) -> None:
    for face, piece in Fonts(dirs).runs(text):
        assert all(coverage(face).has(char) for char in piece)


def test_a_face_that_the_machine_has_is_used_before_spelling() -> None:
    covering = [face for face in font_files(usual_dirs()) if coverage(face).has("牛")]
    assert shown(Fonts(), "牛") == ("牛" if covering else "Niu")


def test_coverage_agrees_with_the_glyphs_of_the_built_in_face() -> None:
    face = font(BUILT_IN, 40)
    box = bytes(face.getmask("\U000e0100"))
    for char in map(chr, range(0x21, 0x250)):
        assert coverage(BUILT_IN).has(char) == (bytes(face.getmask(char)) != box), repr(char)


def test_a_damaged_font_file_is_passed_over(tmp_path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"\x00\x01\x00\x00\x00\xff" + b"\xff" * 100)
    (tmp_path / "short.otf").write_bytes(b"OT")
    (tmp_path / "empty.ttc").write_bytes(b"ttcf")
    fonts = Fonts([str(tmp_path)])
    assert fonts.readable("牛") == "Niu"


def test_captions_wrap_by_word_and_wide_text_by_character() -> None:
    lines = wrap(BARE, "one two three four five six", 20, 120, 3)
    assert len(lines) > 1
    assert " ".join(lines) == "one two three four five six"
    assert wrap(BARE, "word " * 100, 20, 200, 2)[-1].endswith("…")
    assert len(wrap(BARE, "x" * 500, 20, 200, 3)) == 1
    assert wrap(BARE, "", 20, 200, 3) == []


@pytest.mark.parametrize("fonts", [BARE, Fonts()], ids=["written out", "as this machine shows it"])
def test_wide_text_wraps_where_it_must_and_never_before_a_full_stop(fonts: Fonts) -> None:
    lines = wrap(fonts, "牛马牛马牛马。牛马牛马牛马。", 20, 130, 12)
    assert "".join(lines) == "牛马牛马牛马。牛马牛马牛马。"
    assert len(lines) > 1
    assert not any(line.startswith("。") for line in lines)


@pytest.mark.parametrize("prompt", ["", " \n ", "牛" * 3000, "a" * 3000, "\ud800", "👩‍👩‍👧‍👦", "\u202eabc", "العربية"])
@pytest.mark.parametrize("fonts", [BARE, Fonts()])
def test_any_prompt_can_be_a_caption(prompt: str, fonts: Fonts) -> None:
    picture = paint(prompt, size=(256, 192), fonts=fonts)
    assert opened(picture.data).size == (256, 192)


# Edits


def test_an_edit_changes_the_picture_and_keeps_it_recognisable() -> None:
    base, stranger = paint("画个牛马"), paint("a poster, abstract")
    changed = edit(base.data, "牛的脸上遮个布")
    assert difference(base.data, changed.data) > 3
    assert difference(base.data, changed.data) < difference(stranger.data, changed.data) / 2
    assert edit(base.data, "牛的脸上遮个布").data == changed.data
    assert edit(base.data, "马的脸上遮个布").data != changed.data


def test_a_chain_of_edits_names_each_parent() -> None:
    pictures = [paint("one", size=(256, 256))]
    for prompt in ("two", "three", "four", "five", "six"):
        pictures.append(edit(pictures[-1].data, prompt))
    story = read_ancestry(pictures[-1].data)
    assert [step.prompt for step in story] == ["one", "two", "three", "four", "five", "six"]
    assert [step.parents for step in story[1:]] == [(picture.sha256,) for picture in pictures[:-1]]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "LA", "1", "CMYK"])
def test_a_picture_of_any_mode_can_be_edited(mode: str) -> None:
    file = io.BytesIO()
    Image.new(mode, (300, 200)).save(file, "TIFF" if mode in {"CMYK", "LA"} else "PNG")
    changed = edit(file.getvalue(), "add a star")
    assert (changed.width, changed.height) == (304, 256)
    assert read_ancestry(changed.data)[-1].parents == (hashlib.sha256(file.getvalue()).hexdigest(),)


def test_what_is_no_picture_is_refused() -> None:
    whole = paint("x", size=(256, 256)).data
    for data in (b"", b"<html></html>", b"\x89PNG\r\n\x1a\n", whole[: len(whole) // 2]):
        with pytest.raises(InvalidMedia):
            edit(data, "add a star")


def test_a_picture_of_too_many_pixels_is_refused_unread() -> None:
    file = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(file, "PNG")
    with pytest.raises(InvalidMedia):
        edit(file.getvalue(), "add a star")
    file = io.BytesIO()
    Image.new("1", (10_000, 9_000)).save(file, "PNG")
    with pytest.raises(InvalidMedia):
        read_ancestry(file.getvalue())


def test_a_foreign_ancestry_chunk_does_no_harm() -> None:
    for text in ("", "{", "[1]", '{"a": 1}', '[{"prompt": "x"}]', "[" * 9000):
        info, file = PngImagePlugin.PngInfo(), io.BytesIO()
        info.add_itxt("darkroom:ancestry", text)
        Image.new("RGB", (256, 256)).save(file, "PNG", pnginfo=info)
        assert read_ancestry(file.getvalue()) == []


def test_a_composition_names_all_its_parents() -> None:
    pictures = [paint(f"part {number}", size=(256, 256)) for number in range(5)]
    whole = compose([picture.data for picture in pictures], "all together", ratio="16:9")
    story = read_ancestry(whole.data)
    assert story[-1].parents == tuple(picture.sha256 for picture in pictures)
    assert [step.prompt for step in story] == [*(f"part {number}" for number in range(5)), "all together"]
    assert difference(whole.data, paint("all together", ratio="16:9").data) > 3


# Moving pictures


def test_an_animation_moves_and_loops() -> None:
    moving = animate("waves on the sea", 6)
    image = opened(moving.data)
    assert (moving.mime, sniff(moving.data)) == ("image/webp", "image/webp")
    assert (image.n_frames, image.info["loop"]) == (6, 0)
    image.seek(3)
    assert ImageStat.Stat(ImageChops.difference(image.convert("RGB"), opened(moving.data).convert("RGB"))).mean[0] > 1
    assert moving.data == animate("waves on the sea", 6).data


def boxes(data: bytes) -> dict[bytes, bytes]:
    found = {}
    while data:
        size = int.from_bytes(data[:4], "big")
        assert 8 <= size <= len(data)
        found[data[4:8]] = data[8:size]
        data = data[size:]
    return found


def test_a_film_is_a_sound_mp4() -> None:
    moving = film("waves on the sea", 4, size=(128, 96))
    assert (moving.mime, sniff(moving.data)) == ("video/mp4", "video/mp4")
    top = boxes(moving.data)
    assert list(top) == [b"ftyp", b"moov", b"mdat"]
    table = boxes(boxes(boxes(boxes(boxes(top[b"moov"])[b"trak"])[b"mdia"])[b"minf"])[b"stbl"])
    count = int.from_bytes(table[b"stsz"][8:12], "big")
    sizes = [int.from_bytes(table[b"stsz"][at : at + 4], "big") for at in range(12, 12 + 4 * count, 4)]
    offset = int.from_bytes(table[b"stco"][8:12], "big")
    assert (count, sum(sizes)) == (4, len(top[b"mdat"]))
    assert moving.data[offset - 4 : offset] == b"mdat"
    for size in sizes:
        sample = moving.data[offset : offset + size]
        assert int.from_bytes(sample[:4], "big") == size - 4
        assert sample[4] == 0x65
        assert b"\x00\x00" not in sample[5:]
        assert sample[-1] == 0x80
        offset += size
