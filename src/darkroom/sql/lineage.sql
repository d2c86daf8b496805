-- The graph that generations make of media: an edge leads from `generation_inputs.parent` to its `generation`, or from
-- an upload's media where it has no parent. Each walk follows the edges of one owner, meets every generation once (so
-- that a circle ends it), and yields the nearest first.
-- An `owner` of NULL is anybody, for the operator alone.

-- name: generations_above(owner, id, count)
WITH RECURSIVE above(id, owner) AS (
    SELECT id, owner FROM generations WHERE id = :id AND owner = COALESCE(CAST(:owner AS TEXT), owner)
    UNION
    SELECT parent.id, parent.owner
    FROM above
    JOIN generation_inputs ON generation_inputs.generation = above.id
    JOIN generations AS parent ON parent.id = generation_inputs.parent AND parent.owner = above.owner
)
SELECT id FROM above LIMIT :count;

-- name: generations_below(owner, ids, count)
WITH RECURSIVE below(id, owner) AS (
    SELECT id, owner FROM generations
    WHERE id IN (SELECT value FROM json_values(:ids)) AND owner = COALESCE(CAST(:owner AS TEXT), owner)
    UNION
    SELECT child.id, child.owner
    FROM below
    JOIN generation_inputs ON generation_inputs.parent = below.id
    JOIN generations AS child ON child.id = generation_inputs.generation AND child.owner = below.owner
)
SELECT id FROM below LIMIT :count;

-- name: generations_beside(owner, id, count)
-- Made from something that this one was made from; ids grow with time.
SELECT sibling.id
FROM generation_inputs AS mine
JOIN generation_inputs AS its ON its.parent = mine.parent
JOIN generations AS sibling ON sibling.id = its.generation AND sibling.owner = :owner AND sibling.id <> mine.generation
WHERE mine.generation = :id
UNION
SELECT sibling.id
FROM generation_inputs AS mine
JOIN generation_inputs AS its ON its.media = mine.media
JOIN generations AS sibling ON sibling.id = its.generation AND sibling.owner = :owner AND sibling.id <> mine.generation
WHERE mine.generation = :id AND mine.parent IS NULL
ORDER BY id DESC LIMIT :count;

-- name: generations_of_upload(owner, media, count)
SELECT generations.id
FROM generation_inputs
JOIN generations ON generations.id = generation_inputs.generation
WHERE generation_inputs.media = :media AND generations.owner = COALESCE(CAST(:owner AS TEXT), generations.owner)
GROUP BY generations.id ORDER BY generations.id DESC LIMIT :count;

-- name: newest_roots(count)
-- Made from no other generation. For the operator alone; ids grow with time.
SELECT generations.id
FROM generations
WHERE NOT EXISTS (
    SELECT 1
    FROM generation_inputs
    JOIN generations AS parent ON parent.id = generation_inputs.parent AND parent.owner = generations.owner
    WHERE generation_inputs.generation = generations.id
)
ORDER BY generations.id DESC LIMIT :count;

-- name: generation_sketches(owner, ids, prompt)
-- Without what only an upstream needs, and of a prompt no more than its beginning.
SELECT id, owner, status, provider, model, SUBSTR(prompt, 1, CAST(:prompt AS INTEGER)) AS prompt, progress, created,
    finished, key
FROM generations
WHERE id IN (SELECT value FROM json_values(:ids)) AND owner = COALESCE(CAST(:owner AS TEXT), owner)
ORDER BY created, id;

-- name: media_ever(owner, ids)
-- Deleted media too: lineage outlives it.
SELECT id, owner, COALESCE(blob, '') AS blob, mime, size, origin, created, width, height, duration, codec, pinned,
    filename, source_url,
    generation, position, deleted
FROM media
WHERE id IN (SELECT value FROM json_values(:ids)) AND owner = COALESCE(CAST(:owner AS TEXT), owner)
ORDER BY created, id;
