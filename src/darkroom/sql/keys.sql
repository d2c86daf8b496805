-- Bearer keys. `digest` is the SHA-256 of a 256-bit random key: it can't be guessed back, so it needs no salt.

-- name: add_key(id, owner, digest, created, output)!
INSERT INTO keys (id, owner, digest, created, output) VALUES (:id, :owner, :digest, :created, :output);

-- name: owner_of_key(digest)$
SELECT owner FROM keys WHERE digest = :digest AND revoked IS NULL;

-- name: output_of_key(digest)$
SELECT output FROM keys WHERE digest = :digest AND revoked IS NULL;

-- name: has_keys()$
SELECT EXISTS (SELECT 1 FROM keys);

-- name: list_keys()
SELECT id, owner, created, revoked FROM keys ORDER BY created, id;

-- name: revoke_key(id, now)$
UPDATE keys SET revoked = :now WHERE id = :id AND revoked IS NULL RETURNING id;
