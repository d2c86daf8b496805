"""The rows of files and of uploads, on every database."""

from __future__ import annotations

from typing import Any

from darkroom.database import Database, File, Freed, Upload, UploadPiece
from test_database import OTHER, db, picture, postgres, sha, url

__all__ = ["db", "postgres", "url"]


async def filed(database: Database, key: str, **fields: Any) -> File:
    media = picture(key, owner=fields.pop("owner", "local"), origin="uploaded", filename="barn.png")
    await database.add_media(media, 1000)
    columns = {"created": 1000, "purpose": "vision", "expires": None, "name": f"files/{key}"} | fields
    return File(f"file_{key}", media, columns.pop("name"), "barn.png", **columns)


async def test_a_file_is_found_by_its_id_and_its_name(db: Database) -> None:
    file = await filed(db, "a")
    assert await db.files.add(file)
    for id in ("file_a", "files/a"):
        assert await db.files.find("local", id, 2000) == file
        assert await db.files.find(OTHER, id, 2000) is None
    assert await db.files.find("local", "media_a", 2000) is None


async def test_a_name_is_its_owners_once(db: Database) -> None:
    assert await db.files.add(await filed(db, "a", name="files/x"))
    assert not await db.files.add(await filed(db, "b", name="files/x"))
    assert await db.files.add(await filed(db, "c", name="files/x", owner=OTHER))
    found = await db.files.find("local", "files/x", 2000)
    assert found is not None
    assert found.id == "file_a"


async def test_a_name_is_free_again_when_its_file_is_gone(db: Database) -> None:
    await db.files.add(await filed(db, "a", name="files/x", expires=1500))
    assert await db.files.add(await filed(db, "b", name="files/x", created=1500))
    assert await db.media("local", "media_a") is None
    assert await db.delete_media("local", "media_b", 1600)
    assert await db.files.add(await filed(db, "c", name="files/x", created=1700))


async def test_pages_go_both_ways(db: Database) -> None:
    for number in range(5):
        purpose = "vision" if number % 2 else "batch"
        await db.files.add(await filed(db, str(number), created=1000 + number // 2, purpose=purpose))
    await db.files.add(await filed(db, "old", expires=1500))
    await db.files.add(await filed(db, "theirs", owner=OTHER))

    async def ids(**options: Any) -> list[str]:
        return [file.id[-1] for file in await db.files.page("local", 2000, **options)]

    assert await ids(count=9) == ["4", "3", "2", "1", "0"]
    assert await ids(count=2, after="file_3") == ["2", "1"]
    assert await ids(count=9, order="asc") == ["0", "1", "2", "3", "4"]
    assert await ids(count=2, after="file_1", order="asc") == ["2", "3"]
    assert await ids(count=9, purpose="vision") == ["3", "1"]
    assert await ids(count=9, after="file_3", purpose="vision", order="desc") == ["1"]
    assert await ids(count=9, after="file_theirs") == ["4", "3", "2", "1", "0"]
    assert await ids(count=9, after="file_theirs", order="asc") == []


async def test_a_page_goes_on_behind_a_file_that_was_deleted(db: Database) -> None:
    for number in range(4):
        await db.files.add(await filed(db, str(number)))
    for gone in ("file_1", "file_2"):
        await db.files.delete("local", gone, 2000)
    assert [file.id for file in await db.files.page("local", 2000, count=9, after="file_2")] == ["file_0"]
    assert [file.id for file in await db.files.page("local", 2000, count=9, after="file_1", order="asc")] == ["file_3"]


async def test_a_deleted_file_takes_its_media_along(db: Database) -> None:
    await db.files.add(await filed(db, "a"))
    assert await db.files.delete(OTHER, "file_a", 2000) is None
    assert await db.files.delete("local", "files/a", 2000) == Freed("file_a", "local", sha("a"))
    assert await db.files.delete("local", "file_a", 2000) is None
    assert await db.media("local", "media_a") is None
    assert await db.unreferenced_blobs() == {sha("a"): 1234}


async def test_what_has_expired_is_deleted(db: Database) -> None:
    await db.files.add(await filed(db, "a", expires=1500))
    await db.files.add(await filed(db, "b", expires=3000))
    await db.files.add(await filed(db, "c"))
    assert await db.files.count_expired(1500) == 1
    assert await db.files.delete_expired(1500) == [Freed("file_a", "local", sha("a"))]
    assert await db.files.delete_expired(1500) == []
    assert await db.files.count_expired(1500) == 0
    assert [media.id for media in await db.list_media(None, 9)] == ["media_c", "media_b"]


async def test_an_upload_and_its_pieces(db: Database) -> None:
    upload = Upload(
        sha("secret"), "local", None, "barn.png", None, 1000, 5000, lasts=3600, metadata="a b", file="file_x"
    )
    await db.files.add_upload(upload)
    assert await db.files.upload(sha("secret"), 4999) == upload
    assert await db.files.upload(sha("secret"), 5000) is None
    assert await db.files.upload(sha("guess"), 1000) is None
    assert await db.files.size_upload(upload.digest, 30)
    assert await db.files.size_upload(upload.digest, 30)
    assert not await db.files.size_upload(upload.digest, 31)
    first, second = UploadPiece(0, sha("a"), 10), UploadPiece(10, sha("b"), 20)
    assert await db.files.add_piece(upload.digest, first, 1000)
    assert await db.files.add_piece(upload.digest, second, 1000)
    assert not await db.files.add_piece(upload.digest, UploadPiece(10, sha("c"), 5), 1000)
    assert not await db.files.add_piece(sha("guess"), first, 1000)
    assert await db.files.pieces(upload.digest) == [first, second]
    assert await db.unreferenced_blobs() == {}
    assert not await db.forget_blob(sha("a"))
    assert sorted(await db.files.end_upload(upload.digest, 2000)) == sorted([sha("a"), sha("b")])
    ended = await db.files.upload(upload.digest, 2000)
    assert ended is not None
    assert (ended.done, ended.size) == (2000, 30)
    assert await db.unreferenced_blobs() == {sha("a"): 10, sha("b"): 20}
    assert await db.forget_blob(sha("a"))
    assert await db.files.delete_upload(upload.digest) == []
    assert await db.files.delete_upload(upload.digest) is None


async def test_old_uploads_are_forgotten(db: Database) -> None:
    await db.files.add_upload(Upload(sha("old"), "local", "files/x", "a", None, 1000, 2000))
    await db.files.add_piece(sha("old"), UploadPiece(0, sha("a"), 10), 1000)
    await db.files.add_upload(Upload(sha("new"), "local", None, "a", None, 1000, 2000))
    await db.files.prolong_upload(sha("new"), 2001)
    assert await db.files.count_expired_uploads(2000) == 1
    assert await db.files.delete_expired_uploads(2000) == (1, [sha("a")])
    assert await db.files.count_expired_uploads(2000) == 0
    assert await db.files.pieces(sha("old")) == []
    assert await db.files.upload(sha("new"), 2000) is not None
