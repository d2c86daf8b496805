"""What bytes are, told by the bytes."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from darkroom.media import EXTENSIONS, HEAD_BYTES, Media, MediaKind, kind_of, sniff


@pytest.mark.parametrize(
    ("format", "mime"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("GIF", "image/gif"),
        ("WEBP", "image/webp"),
        ("AVIF", "image/avif"),
        ("BMP", "image/bmp"),
        ("TIFF", "image/tiff"),
        ("PDF", "application/pdf"),
    ],
)
def test_real_files_are_known(format: str, mime: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(file, format)
    assert sniff(file.getvalue()[:HEAD_BYTES]) == mime


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00", "video/mp4"),
        (b"\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00", "video/quicktime"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "image/heic"),
        (b"\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00", "audio/mp4"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "video/webm"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska", "video/x-matroska"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"ID3\x04\x00", "audio/mpeg"),
        (b"\xff\xfb\x90\x64", "audio/mpeg"),
        (b"OggS\x00\x02", "audio/ogg"),
        (b"fLaC\x00\x00", "audio/flac"),
    ],
)
def test_heads_are_known(head: bytes, mime: str) -> None:
    assert sniff(head) == mime
    assert mime in EXTENSIONS


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"hello",
        b"<!DOCTYPE html><html>",
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        b"<?xml version='1.0'?>",
        b'{"error": 1}',
        b"\x89PNG\n\x1a\n",
        b"XXXX\x24\x00\x00\x00WAVEfmt ",
        b"RIFF\x24\x00\x00\x00AVI LIST",
        b" \x89PNG\r\n\x1a\n",
        b"MZ\x90\x00",
        b"PK\x03\x04",
        b"#!/bin/sh",
    ],
)
def test_what_is_no_media_is_unknown(head: bytes) -> None:
    assert sniff(head) is None


@given(st.binary(max_size=HEAD_BYTES))
def test_any_bytes_have_a_type_with_a_name_or_none(head: bytes) -> None:
    assert sniff(head) is None or sniff(head) in EXTENSIONS


def test_extensions_tell_types_apart() -> None:
    assert len(set(EXTENSIONS.values())) == len(EXTENSIONS)


@pytest.mark.parametrize(
    ("mime", "kind", "extension"),
    [
        ("image/png", MediaKind.IMAGE, "png"),
        ("video/webm", MediaKind.VIDEO, "webm"),
        ("audio/mpeg", MediaKind.AUDIO, "mp3"),
        ("application/pdf", MediaKind.FILE, "pdf"),
        ("text/html", MediaKind.FILE, "bin"),
    ],
)
def test_media_has_the_kind_and_the_extension_of_its_type(mime: str, kind: MediaKind, extension: str) -> None:
    media = Media("media_x", "local", "0" * 64, mime, 1, "uploaded", 0)
    assert (media.kind, media.extension) == (kind, extension)
    assert kind_of(mime) is kind
