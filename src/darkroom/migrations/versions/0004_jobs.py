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
    op.drop_index("generations_running", "generations")
    unfinished = sa.text("status IN ('queued', 'running')")
    op.create_index(
        "generations_unfinished",
        "generations",
        ["runner", "created"],
        sqlite_where=unfinished,
        postgresql_where=unfinished,
    )
    for name in ("duration", "pinned"):
        op.add_column("media", sa.Column(name, sa.BigInteger))
    op.add_column("media", sa.Column("codec", sa.Text))
    _uploads()
    _remembered()
    op.create_index("files_by_media", "files", ["media"])
    deleted = sa.text("deleted IS NOT NULL")
    op.create_index("media_by_deletion", "media", ["deleted"], sqlite_where=deleted, postgresql_where=deleted)


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
        sa.Column("cleaned", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("runner", _ID),
        sa.Column("error", sa.Text),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("deadline", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
    )
    going = sa.text("cleaned = 0")
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
        sa.Column("runner", _ID, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    op.create_index("requests_by_age", "requests", ["created"])


def _replicas() -> None:
    op.create_table(
        "replicas",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("seen", sa.BigInteger, nullable=False),
    )


def _uploads() -> None:
    # An upload lasts an hour or a day, and whoever is in the midst of one begins anew. A piece's blob now has a row, so
    # that no sweep takes it.
    op.drop_table("upload_pieces")
    op.drop_table("uploads")
    op.create_table(
        "uploads",
        sa.Column("digest", _ID, primary_key=True),
        sa.Column("owner", _ID, nullable=False),
        sa.Column("name", _ID),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("lasts", sa.BigInteger),
        sa.Column("metadata", sa.Text),
        sa.Column("file", _ID),
        sa.Column("done", sa.BigInteger),
    )
    op.create_index("uploads_by_expiry", "uploads", ["expires"])
    op.create_table(
        "upload_pieces",
        sa.Column("upload", _ID, sa.ForeignKey("uploads.digest", ondelete="CASCADE"), primary_key=True),
        sa.Column("start", sa.BigInteger, primary_key=True),
        sa.Column("blob", _ID, sa.ForeignKey("blobs.sha256"), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
    )
    op.create_index("upload_pieces_by_blob", "upload_pieces", ["blob"])


def _remembered() -> None:
    # Which generations a name upstream stands for: a response has one, a session many.
    op.create_table(
        "remembered",
        sa.Column("generation", _ID, sa.ForeignKey("generations.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("provider", _ID, primary_key=True),
        sa.Column("key", _ID, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
    )
