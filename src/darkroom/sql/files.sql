-- Files: media that a client uploaded under a name, and uploads that are not complete.

-- name: add_file(id, owner, media, name, filename, purpose, created, expires)!
INSERT INTO files (id, owner, media, name, filename, purpose, created, expires)
VALUES (:id, :owner, :media, :name, :filename, :purpose, :created, :expires);

-- name: file(owner, id, now)^
-- By its id (`file_…`), or by its name (`files/…`).
SELECT files.id AS file, files.name, files.filename AS called, files.purpose, files.created AS begun, files.expires,
    media.id, media.owner, blob, mime, size, origin, media.created, width, height, duration, codec, pinned,
    media.filename, source_url, generation,
    position
FROM files JOIN media ON media.id = files.media AND media.owner = files.owner
WHERE files.owner = :owner AND (files.id = :id OR files.name = :id) AND deleted IS NULL
AND (files.expires IS NULL OR files.expires > :now);

-- name: newest_files(owner, purpose, now, count)
-- Ids begin with the time. The next page is found by the last id alone: its file may be deleted by then.
SELECT files.id AS file, files.name, files.filename AS called, files.purpose, files.created AS begun, files.expires,
    media.id, media.owner, blob, mime, size, origin, media.created, width, height, duration, codec, pinned,
    media.filename, source_url, generation,
    position
FROM files JOIN media ON media.id = files.media AND media.owner = files.owner
WHERE files.owner = :owner AND (files.purpose = :purpose OR :purpose = '') AND deleted IS NULL
AND (files.expires IS NULL OR files.expires > :now)
ORDER BY files.id DESC LIMIT :count;

-- name: files_before(owner, purpose, now, before, count)
SELECT files.id AS file, files.name, files.filename AS called, files.purpose, files.created AS begun, files.expires,
    media.id, media.owner, blob, mime, size, origin, media.created, width, height, duration, codec, pinned,
    media.filename, source_url, generation,
    position
FROM files JOIN media ON media.id = files.media AND media.owner = files.owner
WHERE files.owner = :owner AND (files.purpose = :purpose OR :purpose = '') AND deleted IS NULL
AND (files.expires IS NULL OR files.expires > :now) AND files.id < :before
ORDER BY files.id DESC LIMIT :count;

-- name: oldest_files(owner, purpose, now, count)
SELECT files.id AS file, files.name, files.filename AS called, files.purpose, files.created AS begun, files.expires,
    media.id, media.owner, blob, mime, size, origin, media.created, width, height, duration, codec, pinned,
    media.filename, source_url, generation,
    position
FROM files JOIN media ON media.id = files.media AND media.owner = files.owner
WHERE files.owner = :owner AND (files.purpose = :purpose OR :purpose = '') AND deleted IS NULL
AND (files.expires IS NULL OR files.expires > :now)
ORDER BY files.id LIMIT :count;

-- name: files_after(owner, purpose, now, after, count)
SELECT files.id AS file, files.name, files.filename AS called, files.purpose, files.created AS begun, files.expires,
    media.id, media.owner, blob, mime, size, origin, media.created, width, height, duration, codec, pinned,
    media.filename, source_url, generation,
    position
FROM files JOIN media ON media.id = files.media AND media.owner = files.owner
WHERE files.owner = :owner AND (files.purpose = :purpose OR :purpose = '') AND deleted IS NULL
AND (files.expires IS NULL OR files.expires > :now) AND files.id > :after
ORDER BY files.id LIMIT :count;

-- name: delete_file(owner, id)^
DELETE FROM files WHERE owner = :owner AND (id = :id OR name = :id) RETURNING id, owner, media;

-- name: delete_files_of_media(owner, media)!
DELETE FROM files WHERE owner = :owner AND media = :media;

-- name: clear_file_name(owner, name, now)
-- What nobody sees any more must not keep its name.
DELETE FROM files WHERE owner = :owner AND name = :name AND (
    expires <= :now OR EXISTS (SELECT 1 FROM media WHERE media.id = files.media AND media.deleted IS NOT NULL)
)
RETURNING id, owner, media;

-- name: delete_expired_files(now)
DELETE FROM files WHERE expires <= :now RETURNING id, owner, media;

-- name: count_expired_files(now)$
SELECT COUNT(*) FROM files WHERE expires <= :now;

-- name: add_upload(digest, owner, name, filename, purpose, size, created, expires, lasts, metadata, file)!
INSERT INTO uploads (digest, owner, name, filename, purpose, size, created, expires, lasts, metadata, file)
VALUES (:digest, :owner, :name, :filename, :purpose, :size, :created, :expires, :lasts, :metadata, :file);

-- name: upload(digest, now)^
SELECT digest, owner, name, filename, purpose, size, created, expires, lasts, metadata, file, done
FROM uploads WHERE digest = :digest AND expires > :now;

-- name: size_upload(digest, size)$
-- How large it is may be said later, and once.
UPDATE uploads SET size = :size WHERE digest = :digest AND (size IS NULL OR size = :size) RETURNING digest;

-- name: prolong_upload(digest, expires)!
UPDATE uploads SET expires = :expires WHERE digest = :digest AND expires < :expires;

-- name: end_upload(digest, now)$
UPDATE uploads SET done = :now WHERE digest = :digest RETURNING digest;

-- name: delete_upload(digest)$
DELETE FROM uploads WHERE digest = :digest RETURNING digest;

-- name: delete_expired_uploads(now)
DELETE FROM uploads WHERE expires <= :now RETURNING digest;

-- name: count_expired_uploads(now)$
SELECT COUNT(*) FROM uploads WHERE expires <= :now;

-- name: add_upload_piece(upload, start, blob, size)!
INSERT INTO upload_pieces (upload, start, blob, size) VALUES (:upload, :start, :blob, :size);

-- name: upload_pieces(upload)
SELECT start, blob, size FROM upload_pieces WHERE upload = :upload ORDER BY start;

-- name: pieces_of_expired_uploads(now)
SELECT DISTINCT blob FROM upload_pieces WHERE upload IN (SELECT digest FROM uploads WHERE expires <= :now);

-- name: delete_upload_pieces(upload)
DELETE FROM upload_pieces WHERE upload = :upload RETURNING blob;
