-- Media. A deleted one keeps its row while something names it, so that lineage stays whole, and nothing that says what
-- it was.

-- name: add_media(id, owner, blob, mime, size, origin, created, width, height, duration, codec, pinned, filename, source_url, generation, position)!
INSERT INTO media (
    id, owner, blob, mime, size, origin, created, width, height, duration, codec, pinned, filename, source_url,
    generation, position
) VALUES (
    :id, :owner, :blob, :mime, :size, :origin, :created, :width, :height, :duration, :codec, :pinned, :filename,
    :source_url, :generation, :position
);

-- name: media(owner, id)^
SELECT id, owner, blob, mime, size, origin, created, width, height, duration, codec, pinned, filename, source_url,
    generation, position
FROM media WHERE id = :id AND owner = :owner AND deleted IS NULL;

-- name: media_by_id(id)^
-- For links: the id itself is the permission.
SELECT id, owner, blob, mime, size, origin, created, width, height, duration, codec, pinned, filename, source_url,
    generation, position
FROM media WHERE id = :id AND deleted IS NULL;

-- name: media_by_blob(owner, sha256)^
-- What was generated says more than what was uploaded: it has a lineage.
SELECT id, owner, blob, mime, size, origin, created, width, height, duration, codec, pinned, filename, source_url,
    generation, position
FROM media WHERE blob = :sha256 AND owner = :owner AND deleted IS NULL
ORDER BY CASE origin WHEN 'generated' THEN 0 ELSE 1 END, created DESC, id DESC LIMIT 1;

-- name: media_by_source_url(owner, url)^
SELECT id, owner, blob, mime, size, origin, created, width, height, duration, codec, pinned, filename, source_url,
    generation, position
FROM media WHERE source_url = :url AND owner = :owner AND deleted IS NULL
ORDER BY created DESC, id DESC LIMIT 1;

-- name: newest_media(owner, count)
SELECT id, owner, blob, mime, size, origin, created, width, height, duration, codec, pinned, filename, source_url,
    generation, position
FROM media WHERE owner = :owner AND deleted IS NULL
ORDER BY created DESC, id DESC LIMIT :count;

-- name: media_before(owner, before, count)
SELECT id, owner, blob, mime, size, origin, created, width, height, duration, codec, pinned, filename, source_url,
    generation, position
FROM media WHERE owner = :owner AND deleted IS NULL
AND (created, id) < (SELECT last.created, last.id FROM media AS last WHERE last.id = :before AND last.owner = :owner)
ORDER BY created DESC, id DESC LIMIT :count;

-- name: newest_media_of_all(count)
-- For the operator alone.
SELECT id, owner, blob, mime, size, origin, created, width, height, duration, codec, pinned, filename, source_url,
    generation, position
FROM media WHERE deleted IS NULL
ORDER BY created DESC, id DESC LIMIT :count;

-- name: media_of_all_before(before, count)
-- For the operator alone.
SELECT id, owner, blob, mime, size, origin, created, width, height, duration, codec, pinned, filename, source_url,
    generation, position
FROM media WHERE deleted IS NULL
AND (created, id) < (SELECT last.created, last.id FROM media AS last WHERE last.id = :before)
ORDER BY created DESC, id DESC LIMIT :count;

-- name: outputs(generations)
-- An owner's generation has only the owner's media.
SELECT media.id, media.owner, blob, mime, size, origin, media.created, width, height, duration, codec, pinned,
    filename, source_url, generation,
    position
FROM media JOIN generations ON generations.id = media.generation AND generations.owner = media.owner
WHERE generation IN (SELECT value FROM json_values(:generations)) AND deleted IS NULL
ORDER BY position, media.created, media.id;

-- name: blob_of_media(owner, id)$
SELECT blob FROM media WHERE id = :id AND owner = :owner AND deleted IS NULL;

-- name: delete_media(owner, id, now)$
UPDATE media SET deleted = :now, blob = NULL, filename = NULL, source_url = NULL, pinned = NULL
WHERE id = :id AND owner = :owner AND deleted IS NULL RETURNING id;
