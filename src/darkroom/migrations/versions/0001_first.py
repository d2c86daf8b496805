"""Keys, blobs, media, generations, their inputs and their upstream ids."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Ids and hashes are compared byte by byte, whatever the language of the server.
_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    _keys()
    _blobs()
    _generations()
    _media()
    _inputs()
    _upstream_ids()


def _keys() -> None:
    op.create_table(
        "keys",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("owner", _ID, nullable=False),
        sa.Column("digest", _ID, nullable=False, unique=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("revoked", sa.BigInteger),
        sa.Column("output", sa.Text),
    )


def _blobs() -> None:
    op.create_table(
        "blobs",
        sa.Column("sha256", _ID, primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
    )


def _generations() -> None:
    op.create_table(
        "generations",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("owner", _ID, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("prompt", sa.Text, nullable=False),
        sa.Column("params", sa.Text, nullable=False),
        sa.Column("replay", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("progress", sa.BigInteger),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("finished", sa.BigInteger),
    )
    op.create_index("generations_by_owner", "generations", ["owner", "created", "id"])
    running = sa.text("status = 'running'")
    op.create_index("generations_running", "generations", ["created"], sqlite_where=running, postgresql_where=running)


def _media() -> None:
    op.create_table(
        "media",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("owner", _ID, nullable=False),
        sa.Column("blob", _ID, sa.ForeignKey("blobs.sha256")),
        sa.Column("mime", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("width", sa.BigInteger),
        sa.Column("height", sa.BigInteger),
        sa.Column("filename", sa.Text),
        sa.Column("source_url", sa.Text),
        sa.Column("generation", _ID, sa.ForeignKey("generations.id")),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("deleted", sa.BigInteger),
        sa.CheckConstraint("(blob IS NULL) = (deleted IS NOT NULL)", name="live_media_has_blob"),
    )
    op.create_index("media_by_owner", "media", ["owner", "created", "id"])
    op.create_index("media_by_age", "media", ["created", "id"])
    op.create_index("media_by_blob", "media", ["blob"])
    op.create_index("media_by_generation", "media", ["generation", "position"])
    # PostgreSQL's B-tree refuses values over 2.7 kB, and signed URLs can be longer; a hash takes any length.
    op.create_index("media_by_source", "media", ["source_url"], postgresql_using="hash")


def _inputs() -> None:
    op.create_table(
        "generation_inputs",
        sa.Column("generation", _ID, sa.ForeignKey("generations.id"), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("media", _ID, sa.ForeignKey("media.id")),
        # No foreign key: a history can name a generation whose row is not here.
        sa.Column("parent", _ID),
    )
    op.create_index("inputs_by_media", "generation_inputs", ["media"])
    op.create_index("inputs_by_parent", "generation_inputs", ["parent"])


def _upstream_ids() -> None:
    op.create_table(
        "upstream_ids",
        sa.Column("owner", _ID, nullable=False),
        sa.Column("what", _ID, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("generation", _ID, sa.ForeignKey("generations.id"), nullable=False),
        sa.PrimaryKeyConstraint("generation", "what"),
    )
    op.create_index("upstream_ids_by_value", "upstream_ids", ["value"], postgresql_using="hash")
