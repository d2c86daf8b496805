-- Jobs: generations that outlive a request, who works on them, and the keys under which clients asked for them.
-- `json_values` is written as the function that each driver's database has for it (see backends.py).

-- name: add_job(id, owner, state, prompt, params, dialect, inputs, routes, created, deadline)!
INSERT INTO jobs (id, owner, state, prompt, params, dialect, inputs, routes, created, deadline, updated)
VALUES (:id, :owner, :state, :prompt, :params, :dialect, :inputs, :routes, :created, :deadline, :created);

-- name: job(id)^
SELECT id, owner, state, prompt, params, dialect, inputs, routes, upstream_id, products, attempts, submitted, percent,
    cancel, runner, error, created, deadline
FROM jobs WHERE id = :id;

-- name: move_job(id, runner, old, new, updated, routes, upstream_id, products, attempts, submitted, error)$
-- What is NULL stays as it was. Only the replica that works on a job moves it: another may have taken it over.
UPDATE jobs SET
    state = :new,
    updated = :updated,
    routes = COALESCE(:routes, routes),
    upstream_id = COALESCE(:upstream_id, upstream_id),
    products = COALESCE(:products, products),
    attempts = COALESCE(:attempts, attempts),
    submitted = COALESCE(:submitted, submitted),
    error = COALESCE(:error, error)
WHERE id = :id AND runner = :runner AND state IN (SELECT value FROM json_values(:old)) RETURNING id;

-- name: show_job(id, status, finished, progress, error)!
-- What clients see of a job is its generation.
UPDATE generations SET
    status = :status,
    finished = COALESCE(CAST(:finished AS BIGINT), finished),
    progress = COALESCE(CAST(:progress AS BIGINT), progress),
    error = COALESCE(CAST(:error AS TEXT), error)
WHERE id = :id;

-- name: turn_job(id, provider, model, key)!
UPDATE generations SET provider = :provider, model = :model, key = :key WHERE id = :id;

-- name: set_job_products(id, runner, products)$
UPDATE jobs SET products = :products WHERE id = :id AND runner = :runner RETURNING id;

-- name: set_job_percent(id, percent)!
UPDATE jobs SET percent = :percent WHERE id = :id;

-- name: cancel_job(owner, id)$
UPDATE jobs SET cancel = 1 WHERE id = :id AND owner = :owner AND state IN ('queued', 'submitting', 'running', 'storing')
RETURNING state;

-- name: count_jobs(owner)$
SELECT COUNT(*) FROM jobs WHERE owner = :owner AND state IN ('queued', 'submitting', 'running', 'storing');

-- name: claim_job(id, runner, former)$
UPDATE jobs SET runner = :runner WHERE id = :id AND COALESCE(runner, '') = :former RETURNING id;

-- name: jobs_under_way()
-- With those that have ended, and whose upstream may still hold something.
SELECT id, runner, routes, deadline, cancel FROM jobs WHERE cleaned = 0 ORDER BY created;

-- name: close_job(id)!
UPDATE jobs SET cleaned = 1 WHERE id = :id;

-- name: known_upstream_jobs(ids)
SELECT upstream_id FROM jobs WHERE upstream_id IN (SELECT value FROM json_values(:ids));

-- name: progress_of(ids)
SELECT id, status, progress FROM generations WHERE id IN (SELECT value FROM json_values(:ids));

-- name: fail_generations_of(runner, finished, error)!
-- What has no job can't be gone on with when its process is gone.
UPDATE generations SET status = 'failed', finished = :finished, error = :error
WHERE status IN ('queued', 'running') AND runner = :runner
AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = generations.id);

-- name: runners()
SELECT DISTINCT runner FROM generations WHERE status IN ('queued', 'running') AND runner IS NOT NULL;

-- name: reserve_request(owner, key, digest, runner, created)$
-- Nothing has come of it yet.
INSERT INTO requests (owner, key, digest, generation, runner, created)
VALUES (:owner, :key, :digest, '', :runner, :created)
ON CONFLICT (owner, key) DO NOTHING RETURNING generation;

-- name: set_request(owner, key, generation)!
UPDATE requests SET generation = :generation WHERE owner = :owner AND key = :key;

-- name: request(owner, key)^
SELECT digest, generation, created FROM requests WHERE owner = :owner AND key = :key;

-- name: forget_request(owner, key)!
DELETE FROM requests WHERE owner = :owner AND key = :key;

-- name: forget_requests(before)!
DELETE FROM requests WHERE created < :before;

-- name: abandoned_requests(live)!
-- Whoever read them is gone, and made nothing of them: their clients may ask again.
DELETE FROM requests WHERE generation = '' AND runner NOT IN (SELECT value FROM json_values(:live));

-- name: beat(id, seen)!
INSERT INTO replicas (id, seen) VALUES (:id, :seen) ON CONFLICT (id) DO UPDATE SET seen = excluded.seen;

-- name: replicas()
SELECT id, seen FROM replicas;

-- name: forget_replicas(before)!
DELETE FROM replicas WHERE seen < :before;

-- name: forget_replica(id)!
DELETE FROM replicas WHERE id = :id;

-- name: newest_videos(owner, count)
SELECT id, owner, status, provider, model, prompt, params, replay, error, progress, created, finished, key
FROM generations WHERE owner = :owner
AND (EXISTS (SELECT 1 FROM jobs WHERE jobs.id = generations.id) OR EXISTS (
    SELECT 1 FROM media WHERE media.generation = generations.id AND media.deleted IS NULL AND mime LIKE 'video/%'
))
ORDER BY created DESC, id DESC LIMIT :count;

-- name: videos_before(owner, edge, count)
SELECT id, owner, status, provider, model, prompt, params, replay, error, progress, created, finished, key
FROM generations WHERE owner = :owner
AND (EXISTS (SELECT 1 FROM jobs WHERE jobs.id = generations.id) OR EXISTS (
    SELECT 1 FROM media WHERE media.generation = generations.id AND media.deleted IS NULL AND mime LIKE 'video/%'
))
AND (created, id) < (
    SELECT last.created, last.id FROM generations AS last WHERE last.id = :edge AND last.owner = :owner
)
ORDER BY created DESC, id DESC LIMIT :count;

-- name: oldest_videos(owner, count)
SELECT id, owner, status, provider, model, prompt, params, replay, error, progress, created, finished, key
FROM generations WHERE owner = :owner
AND (EXISTS (SELECT 1 FROM jobs WHERE jobs.id = generations.id) OR EXISTS (
    SELECT 1 FROM media WHERE media.generation = generations.id AND media.deleted IS NULL AND mime LIKE 'video/%'
))
ORDER BY created ASC, id ASC LIMIT :count;

-- name: videos_after(owner, edge, count)
SELECT id, owner, status, provider, model, prompt, params, replay, error, progress, created, finished, key
FROM generations WHERE owner = :owner
AND (EXISTS (SELECT 1 FROM jobs WHERE jobs.id = generations.id) OR EXISTS (
    SELECT 1 FROM media WHERE media.generation = generations.id AND media.deleted IS NULL AND mime LIKE 'video/%'
))
AND (created, id) > (
    SELECT last.created, last.id FROM generations AS last WHERE last.id = :edge AND last.owner = :owner
)
ORDER BY created ASC, id ASC LIMIT :count;
