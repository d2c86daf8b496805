"""What upstreams remember and hold for us: the key of a generation, threads, and what is to be cleaned up; and what
our own Responses door remembers for its clients."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("generations", sa.Column("key", _ID, nullable=False, server_default=""))
    _threads()
    _upstream_objects()
    _responses()


def _threads() -> None:
    op.create_table(
        "threads",
        sa.Column("owner", _ID, primary_key=True),
        sa.Column("digest", _ID, primary_key=True),
        sa.Column("provider", _ID, primary_key=True),
        sa.Column("model", _ID, primary_key=True),
        sa.Column("key", _ID, primary_key=True),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    op.create_index("threads_by_age", "threads", ["created"])


def _upstream_objects() -> None:
    op.create_table(
        "upstream_objects",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("owner", _ID, nullable=False),
        sa.Column("provider", _ID, nullable=False),
        sa.Column("key", _ID, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("blob", _ID),
        sa.Column("uri", sa.Text),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger),
        sa.Column("due", sa.BigInteger),
        sa.Column("attempts", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("error", sa.Text),
    )
    op.create_index("upstream_objects_due", "upstream_objects", ["due"])
    op.create_index("upstream_objects_by_blob", "upstream_objects", ["blob", "provider", "key"])
    op.create_index("upstream_objects_by_path", "upstream_objects", ["provider", "key", "path"])


def _responses() -> None:
    op.create_table(
        "responses",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("owner", _ID, nullable=False),
        sa.Column("previous", _ID),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("turns", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    op.create_index("responses_by_owner", "responses", ["owner", "created"])
