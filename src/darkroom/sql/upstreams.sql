-- What upstreams remember of conversations, and what they hold for us until it is deleted.

-- name: add_thread(owner, digest, provider, model, key, what, value, created)!
INSERT INTO threads (owner, digest, provider, model, key, what, value, created)
VALUES (:owner, :digest, :provider, :model, :key, :what, :value, :created)
ON CONFLICT (owner, digest, provider, model, key)
DO UPDATE SET what = excluded.what, value = excluded.value, created = excluded.created;

-- name: move_thread(owner, provider, key, what, value)!
-- A session has one state, its newest: earlier ones can't be gone on from.
DELETE FROM threads
WHERE owner = :owner AND provider = :provider AND key = :key AND what = :what AND value = :value;

-- name: threads(owner, digests)
SELECT digest, provider, model, key, what, value FROM threads
WHERE owner = :owner AND digest IN (SELECT value FROM json_values(:digests));

-- name: forget_threads(before)!
DELETE FROM threads WHERE created < :before;

-- name: forget_thread(provider, key, value)!
DELETE FROM threads WHERE provider = :provider AND key = :key AND value = :value;

-- name: take_thread(owner, provider, key, value)$
DELETE FROM threads WHERE owner = :owner AND provider = :provider AND key = :key AND value = :value RETURNING value;

-- name: add_upstream_object(id, owner, provider, key, kind, path, blob, uri, created, expires, due)!
INSERT INTO upstream_objects (id, owner, provider, key, kind, path, blob, uri, created, expires, due)
VALUES (:id, :owner, :provider, :key, :kind, :path, :blob, :uri, :created, :expires, :due);

-- name: set_upstream_object(id, uri, expires)!
UPDATE upstream_objects SET uri = :uri, expires = :expires WHERE id = :id;

-- name: set_upstream_object_due(id, due)!
UPDATE upstream_objects SET due = :due WHERE id = :id;

-- name: push_upstream_object_due(id, due)!
UPDATE upstream_objects SET due = :due WHERE id = :id AND due IS NOT NULL;

-- name: uploaded(owner, provider, key, blob, now)^
SELECT id, owner, provider, key, kind, path, blob, uri, created, expires, due, attempts, error FROM upstream_objects
WHERE blob = :blob AND provider = :provider AND key = :key AND owner = :owner AND uri IS NOT NULL
AND (expires IS NULL OR expires > :now) AND attempts = 0
ORDER BY created DESC LIMIT 1;

-- name: forget_upload(owner, provider, key, uri)!
DELETE FROM upstream_objects WHERE owner = :owner AND provider = :provider AND key = :key AND uri = :uri;

-- name: upstream_object_by_path(owner, provider, key, path)^
SELECT id, owner, provider, key, kind, path, blob, uri, created, expires, due, attempts, error FROM upstream_objects
WHERE provider = :provider AND key = :key AND path = :path AND owner = :owner LIMIT 1;

-- name: claim_upstream_objects(now, lease, count)
UPDATE upstream_objects SET due = :lease
WHERE due <= :now AND id IN (SELECT id FROM upstream_objects WHERE due <= :now ORDER BY due LIMIT :count)
RETURNING id, owner, provider, key, kind, path, blob, uri, created, expires, due, attempts, error;

-- name: fail_upstream_object(id, due, error)!
UPDATE upstream_objects SET due = :due, error = :error, attempts = attempts + 1 WHERE id = :id;

-- name: forget_upstream_object(id)!
DELETE FROM upstream_objects WHERE id = :id;

-- name: forget_expired_objects(now)!
DELETE FROM upstream_objects WHERE expires <= :now;

-- name: upstream_objects(count)
SELECT id, owner, provider, key, kind, path, blob, uri, created, expires, due, attempts, error FROM upstream_objects
ORDER BY created DESC, id DESC LIMIT :count;

-- name: count_upstream_objects()
SELECT provider, kind, COUNT(*) AS objects,
    COALESCE(SUM(CASE WHEN attempts > 0 THEN 1 ELSE 0 END), 0) AS failing, MIN(created) AS oldest
FROM upstream_objects GROUP BY provider, kind ORDER BY provider, kind;

-- name: next_upstream_object()$
SELECT MIN(due) FROM upstream_objects;

-- name: add_response(id, owner, previous, body, turns, created)!
INSERT INTO responses (id, owner, previous, body, turns, created)
VALUES (:id, :owner, :previous, :body, :turns, :created);

-- name: response(owner, id)^
SELECT id, owner, previous, body, turns, created FROM responses WHERE owner = :owner AND id = :id;

-- name: response_chain(owner, id)
-- A response and all that it went on from, the first one first.
WITH RECURSIVE chain (id, owner, previous, body, turns, created, depth) AS (
    SELECT id, owner, previous, body, turns, created, 0 FROM responses WHERE owner = :owner AND id = :id
    UNION ALL
    SELECT responses.id, responses.owner, responses.previous, responses.body, responses.turns, responses.created,
        chain.depth + 1
    FROM responses JOIN chain ON responses.id = chain.previous AND responses.owner = chain.owner
)
SELECT id, owner, previous, body, turns, created FROM chain ORDER BY depth DESC;

-- name: delete_response(owner, id)$
DELETE FROM responses WHERE owner = :owner AND id = :id RETURNING id;

-- name: forget_responses(before)!
DELETE FROM responses WHERE created < :before;
