"""What the gateway remembers: keys, media, generations and blobs, in SQLite or PostgreSQL."""

from darkroom.database.database import Database
from darkroom.database.files import File, FileRows, Upload, UploadPiece
from darkroom.database.rows import BlobRow, KeyRow, ObjectCount, StoredResponse, UpstreamObject
from darkroom.database.upstreams import UpstreamRows

__all__ = [
    "BlobRow",
    "Database",
    "File",
    "FileRows",
    "KeyRow",
    "ObjectCount",
    "StoredResponse",
    "Upload",
    "UploadPiece",
    "UpstreamObject",
    "UpstreamRows",
]
