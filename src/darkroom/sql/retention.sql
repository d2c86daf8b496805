-- What is kept and for how long, and what goes when something is deleted. Times are Unix ms.

-- name: pin_media(owner, id, now)$
UPDATE media SET pinned = COALESCE(pinned, :now) WHERE id = :id AND owner = :owner AND deleted IS NULL RETURNING id;

-- name: unpin_media(owner, id)$
UPDATE media SET pinned = NULL WHERE id = :id AND owner = :owner AND deleted IS NULL RETURNING id;

-- name: stock()
SELECT owner, mime, MIN(created) AS oldest, CAST(SUM(size) AS BIGINT) AS bytes
FROM media WHERE deleted IS NULL GROUP BY owner, mime ORDER BY owner, mime;

-- name: holdings(owner, id, now, before)
-- All that an owner has, or one of it, oldest first. `kept`: whatever its age, since it is pinned, a file, young, or part
-- of what is being made.
SELECT id, blob, mime, size, created, CASE WHEN
    pinned IS NOT NULL
    OR created >= :before
    OR EXISTS (SELECT 1 FROM files WHERE files.media = media.id AND (files.expires IS NULL OR files.expires > :now))
    OR EXISTS (SELECT 1 FROM generations WHERE generations.id = media.generation AND status IN ('queued', 'running'))
    OR EXISTS (
        SELECT 1 FROM generation_inputs JOIN generations ON generations.id = generation_inputs.generation
        WHERE generation_inputs.media = media.id AND status IN ('queued', 'running')
    )
    OR EXISTS (
        SELECT 1 FROM jobs
        WHERE cleaned = 0 AND state IN ('queued', 'submitting', 'running', 'storing')
        AND jobs.inputs LIKE '%' || media.id || '%'
    )
    THEN 1 ELSE 0 END AS kept
FROM media
WHERE owner = :owner AND deleted IS NULL AND (id = :id OR :id = '')
ORDER BY created, id;

-- name: retire_media(owner, id, now)$
UPDATE media SET deleted = :now, blob = NULL, filename = NULL, source_url = NULL
WHERE id = :id AND owner = :owner AND deleted IS NULL AND pinned IS NULL RETURNING id;

-- name: forgettable_media(before)
-- Deleted rows that nothing names any more.
SELECT id FROM media
WHERE deleted < :before
AND NOT EXISTS (SELECT 1 FROM generation_inputs WHERE generation_inputs.media = media.id)
AND NOT EXISTS (SELECT 1 FROM files WHERE files.media = media.id)
AND NOT EXISTS (
    SELECT 1 FROM jobs
    WHERE cleaned = 0 AND state IN ('queued', 'submitting', 'running', 'storing')
        AND jobs.inputs LIKE '%' || media.id || '%'
);

-- name: forget_media(id)!
DELETE FROM media WHERE id = :id AND deleted IS NOT NULL;

-- name: release_copies(owner, blob, now)
-- What upstreams hold of an owner's bytes, once the owner has them no more.
UPDATE upstream_objects SET due = :now
WHERE owner = :owner AND blob = :blob AND (due IS NULL OR due > :now)
AND NOT EXISTS (SELECT 1 FROM media WHERE media.blob = upstream_objects.blob AND media.owner = upstream_objects.owner)
RETURNING id;

-- name: release_object(owner, provider, key, name, path, now)
UPDATE upstream_objects SET due = :now
WHERE owner = :owner AND provider = :provider AND key = :key AND (path = :name OR path LIKE :path ESCAPE '!')
AND (due IS NULL OR due > :now)
RETURNING id;

-- name: empty_generation(owner, id)^
-- What is left is where it stands in the lineage.
UPDATE generations SET
    status = 'deleted', prompt = '', params = '{}', replay = NULL, error = NULL, progress = NULL, runner = NULL
WHERE id = :id AND owner = :owner AND status NOT IN ('queued', 'running', 'deleted')
RETURNING id, provider, key;

-- name: names_of_generation(id)
-- What upstreams call it, and the conversations in which it was made.
SELECT generations.provider, generations.key, value FROM upstream_ids
JOIN generations ON generations.id = upstream_ids.generation WHERE generation = :id
UNION
SELECT provider, key, value FROM remembered WHERE generation = :id
UNION
SELECT generations.provider, generations.key, upstream_id FROM jobs
JOIN generations ON generations.id = jobs.id WHERE jobs.id = :id AND upstream_id IS NOT NULL;

-- name: forget_names(id)!
DELETE FROM upstream_ids WHERE generation = :id;

-- name: forget_remembered(id)!
DELETE FROM remembered WHERE generation = :id;

-- name: forget_owners_thread(owner, provider, key, value)!
DELETE FROM threads WHERE owner = :owner AND provider = :provider AND key = :key AND value = :value;

-- name: forget_requests_for(owner, generation)!
DELETE FROM requests WHERE owner = :owner AND generation = :generation;

-- name: forget_job(id)!
DELETE FROM jobs WHERE id = :id;

-- name: outputs_of(owner, id)
SELECT id FROM media WHERE generation = :id AND owner = :owner AND deleted IS NULL;

-- name: responses_naming(owner, id)
SELECT id, body FROM responses WHERE owner = :owner AND body LIKE '%' || :id || '%';

-- name: is_named(id)$
-- Whether another generation was made from it.
SELECT EXISTS (SELECT 1 FROM generation_inputs WHERE parent = :id AND generation <> :id) OR EXISTS (
    SELECT 1 FROM generation_inputs JOIN media ON media.id = generation_inputs.media
    WHERE media.generation = :id AND generation_inputs.generation <> :id
);

-- name: deleted_parents(id)
SELECT DISTINCT generations.id FROM generation_inputs
JOIN generations ON generations.id = generation_inputs.parent
WHERE generation_inputs.generation = :id AND status = 'deleted';

-- name: forget_inputs(id)!
DELETE FROM generation_inputs WHERE generation = :id;

-- name: orphan_media_of(id)!
UPDATE media SET generation = NULL WHERE generation = :id;

-- name: forget_generation(id)!
DELETE FROM generations WHERE id = :id AND status = 'deleted';

-- name: remember_generation(generation, provider, key, value)!
INSERT INTO remembered (generation, provider, key, value) VALUES (:generation, :provider, :key, :value)
ON CONFLICT (generation, provider, key, value) DO NOTHING;
