"""What the gateway remembers: keys, media, generations and blobs, in SQLite or PostgreSQL."""

from darkroom.database.database import Database
from darkroom.database.files import File, FileRows, Upload, UploadPiece
from darkroom.database.lineage import PROMPT_CHARS, Kept, LineageRows
from darkroom.database.rows import BlobRow, KeyRow, ObjectCount, StoredResponse, UpstreamObject
from darkroom.database.upstreams import UpstreamRows

__all__ = [
    "PROMPT_CHARS",
    "BlobRow",
    "Database",
    "File",
    "FileRows",
    "Kept",
    "KeyRow",
    "LineageRows",
    "ObjectCount",
    "StoredResponse",
    "Upload",
    "UploadPiece",
    "UpstreamObject",
    "UpstreamRows",
]
