"""What the gateway remembers: keys, media, generations and blobs, in SQLite or PostgreSQL."""

from darkroom.database.database import Database
from darkroom.database.files import File, FileRows, Freed, Upload, UploadPiece
from darkroom.database.lineage import PROMPT_CHARS, Kept, LineageRows
from darkroom.database.retention import Emptied, Holding, RetentionRows, Stock
from darkroom.database.rows import BlobRow, KeyRow, ObjectCount, StoredResponse, UpstreamObject
from darkroom.database.upstreams import UpstreamRows

__all__ = [
    "PROMPT_CHARS",
    "BlobRow",
    "Database",
    "Emptied",
    "File",
    "FileRows",
    "Freed",
    "Holding",
    "Kept",
    "KeyRow",
    "LineageRows",
    "ObjectCount",
    "RetentionRows",
    "Stock",
    "StoredResponse",
    "Upload",
    "UploadPiece",
    "UpstreamObject",
    "UpstreamRows",
]
