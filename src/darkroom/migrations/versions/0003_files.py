"""Files that clients upload once and name in any chat, and uploads on their way to becoming one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    _files()
    _uploads()
    _pieces()


def _files() -> None:
    op.create_table(
        "files",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("owner", _ID, nullable=False),
        sa.Column("media", _ID, sa.ForeignKey("media.id"), nullable=False),
        sa.Column("name", _ID, nullable=False),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger),
    )
    op.create_index("files_by_name", "files", ["owner", "name"], unique=True)
    op.create_index("files_by_owner", "files", ["owner", "id"])
    op.create_index("files_by_expiry", "files", ["expires"])


def _uploads() -> None:
    op.create_table(
        "uploads",
        sa.Column("digest", _ID, primary_key=True),
        sa.Column("owner", _ID, nullable=False),
        sa.Column("name", _ID),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger),
        sa.Column("created", sa.BigInteger, nullable=False),
    )
    op.create_index("uploads_by_age", "uploads", ["created"])


def _pieces() -> None:
    # The bytes of a piece are a blob without a row, which a sweep removes in time.
    op.create_table(
        "upload_pieces",
        sa.Column("upload", _ID, sa.ForeignKey("uploads.digest", ondelete="CASCADE"), primary_key=True),
        sa.Column("start", sa.BigInteger, primary_key=True),
        sa.Column("blob", _ID, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
    )
