"""Jobs that outlive requests, who works on them, and under which keys clients asked for them; what a film is like; what
is kept on purpose; uploads that are resumed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    _jobs()
    _requests()
    _replicas()
    op.add_column("generations", sa.Column("runner", _ID))
    for name in ("duration", "pinned"):
        op.add_column("media", sa.Column(name, sa.BigInteger))
    op.add_column("media", sa.Column("codec", sa.Text))
    op.add_column("uploads", sa.Column("purpose", sa.Text))
    for name in ("expires", "lasts"):
        op.add_column("uploads", sa.Column(name, sa.BigInteger))


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", _ID, sa.ForeignKey("generations.id"), primary_key=True),
        sa.Column("owner", _ID, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("prompt", sa.Text, nullable=False),
        sa.Column("params", sa.Text, nullable=False),
        sa.Column("dialect", sa.Text, nullable=False),
        sa.Column("inputs", sa.Text, nullable=False),
        sa.Column("routes", sa.Text, nullable=False),
        sa.Column("upstream_id", sa.Text),
        sa.Column("products", sa.Text),
        sa.Column("attempts", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("submitted", sa.BigInteger),
        sa.Column("percent", sa.BigInteger),
        sa.Column("cancel", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("runner", _ID),
        sa.Column("error", sa.Text),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("deadline", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
    )
    going = sa.text("state IN ('queued', 'submitting', 'running', 'storing')")
    op.create_index("jobs_under_way", "jobs", ["created"], sqlite_where=going, postgresql_where=going)
    op.create_index("jobs_by_owner", "jobs", ["owner", "created", "id"])
    # A job upstream belongs to one of ours: two can't find the same in its list.
    op.create_index("jobs_by_upstream", "jobs", ["upstream_id"])


def _requests() -> None:
    op.create_table(
        "requests",
        sa.Column("owner", _ID, primary_key=True),
        sa.Column("key", _ID, primary_key=True),
        sa.Column("digest", _ID, nullable=False),
        sa.Column("generation", _ID, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    op.create_index("requests_by_age", "requests", ["created"])


def _replicas() -> None:
    op.create_table("replicas", sa.Column("id", _ID, primary_key=True), sa.Column("seen", sa.BigInteger, nullable=False))
