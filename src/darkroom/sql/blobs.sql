-- Blobs: which bytes the store must have. A blob is let go of once no media and no piece of an upload names it; deleted
-- media name none.
-- `json_values` is written as the function that each driver's database has for it (see backends.py).

-- name: add_blob(sha256, size, created)!
-- One that is there is locked until what names it is there as well: whoever lets go of it meanwhile has to wait.
INSERT INTO blobs (sha256, size, created) VALUES (:sha256, :size, :created)
ON CONFLICT (sha256) DO UPDATE SET sha256 = excluded.sha256;

-- name: blobs_after(sha256, count)
SELECT sha256, size, created FROM blobs WHERE sha256 > :sha256 ORDER BY sha256 LIMIT :count;

-- name: known_blobs(hashes)
SELECT sha256 FROM blobs WHERE sha256 IN (SELECT value FROM json_values(:hashes));

-- name: unreferenced_blobs()
SELECT sha256, size FROM blobs
WHERE NOT EXISTS (SELECT 1 FROM media WHERE media.blob = blobs.sha256)
AND NOT EXISTS (SELECT 1 FROM upload_pieces WHERE upload_pieces.blob = blobs.sha256)
ORDER BY sha256;

-- name: forget_blob(sha256)$
DELETE FROM blobs
WHERE sha256 = :sha256 AND NOT EXISTS (SELECT 1 FROM media WHERE media.blob = blobs.sha256)
AND NOT EXISTS (SELECT 1 FROM upload_pieces WHERE upload_pieces.blob = blobs.sha256)
RETURNING sha256;

-- name: delete_media_of_blob(sha256, now)
UPDATE media SET deleted = :now, blob = NULL WHERE blob = :sha256 RETURNING id;
