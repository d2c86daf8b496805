"""What the gateway remembers: keys, media, generations and blobs, in SQLite or PostgreSQL."""

from darkroom.database.database import Database
from darkroom.database.rows import BlobRow, KeyRow

__all__ = ["BlobRow", "Database", "KeyRow"]
