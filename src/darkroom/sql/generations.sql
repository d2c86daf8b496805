-- Generations, what they were made from, and what the upstream called them.
-- `json_values` is written as the function that each driver's database has for it (see backends.py).

-- name: add_generation(id, owner, status, provider, model, prompt, params, replay, error, progress, created, finished, key, runner)$
INSERT INTO generations (
    id, owner, status, provider, model, prompt, params, replay, error, progress, created, finished, key, runner
) VALUES (
    :id, :owner, :status, :provider, :model, :prompt, :params, :replay, :error, :progress, :created, :finished, :key,
    :runner
)
ON CONFLICT (id) DO NOTHING RETURNING id;

-- name: add_input(generation, role, media, parent)!
-- Media that was generated leads to its generation, whether or not that is named: lineage follows `parent` alone.
INSERT INTO generation_inputs (generation, position, role, media, parent)
SELECT CAST(:generation AS TEXT), COALESCE(MAX(position) + 1, 0), CAST(:role AS TEXT), CAST(:media AS TEXT),
    COALESCE(CAST(:parent AS TEXT), (SELECT media.generation FROM media WHERE media.id = :media))
FROM generation_inputs WHERE generation = :generation;

-- name: set_upstream_id(generation, what, value)$
INSERT INTO upstream_ids (owner, what, value, generation)
SELECT owner, CAST(:what AS TEXT), CAST(:value AS TEXT), id FROM generations WHERE id = :generation
ON CONFLICT (generation, what) DO UPDATE SET value = excluded.value
RETURNING generation;

-- name: finish_generation(id, status, finished, progress, error, replay, params, prompt)$
UPDATE generations SET
    status = :status,
    finished = :finished,
    progress = COALESCE(:progress, progress),
    error = COALESCE(:error, error),
    replay = COALESCE(:replay, replay),
    params = COALESCE(:params, params),
    prompt = COALESCE(:prompt, prompt)
WHERE id = :id RETURNING id;

-- name: set_progress(id, progress)$
UPDATE generations SET progress = :progress WHERE id = :id RETURNING id;

-- name: set_replay(id, replay)$
UPDATE generations SET replay = :replay WHERE id = :id RETURNING id;

-- name: fail_running_generations(before, error)
-- A job goes on instead.
UPDATE generations SET status = 'failed', finished = :before, error = :error
WHERE status IN ('queued', 'running') AND created < :before
AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = generations.id) RETURNING id;

-- name: generation(owner, id)^
SELECT id, owner, status, provider, model, prompt, params, replay, error, progress, created, finished, key
FROM generations WHERE id = :id AND owner = :owner AND status <> 'deleted';

-- name: owner_of_generation(id)$
-- For the operator alone.
SELECT owner FROM generations WHERE id = :id;

-- name: generation_by_upstream_id(owner, what, value)^
SELECT generations.id, generations.owner, status, provider, model, prompt, params, replay, error, progress, created,
    finished, key
FROM upstream_ids JOIN generations ON generations.id = upstream_ids.generation
WHERE upstream_ids.value = :value AND upstream_ids.owner = :owner AND upstream_ids.what = :what
ORDER BY created DESC, generations.id DESC LIMIT 1;

-- name: newest_generations(owner, count)
SELECT id, owner, status, provider, model, prompt, params, replay, error, progress, created, finished, key
FROM generations WHERE owner = :owner AND status <> 'deleted'
ORDER BY created DESC, id DESC LIMIT :count;

-- name: generations_before(owner, before, count)
SELECT id, owner, status, provider, model, prompt, params, replay, error, progress, created, finished, key
FROM generations WHERE owner = :owner AND status <> 'deleted'
AND (created, id) < (
    SELECT last.created, last.id FROM generations AS last WHERE last.id = :before AND last.owner = :owner
)
ORDER BY created DESC, id DESC LIMIT :count;

-- name: inputs(generations)
SELECT generation, role, media, parent FROM generation_inputs
WHERE generation IN (SELECT value FROM json_values(:generations)) ORDER BY generation, position;

-- name: upstream_ids(generations)
SELECT generation, what, value FROM upstream_ids
WHERE generation IN (SELECT value FROM json_values(:generations)) ORDER BY generation, what;
