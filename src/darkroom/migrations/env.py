"""Alembic's entry: runs the migrations on the connection that `darkroom.database.schema` hands over.

The connection is in a transaction already, which holds the lock. Logging stays as it is.
"""

from __future__ import annotations

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection)
with context.begin_transaction():
    context.run_migrations()
