"""The media type that a key's extension tells, as the formats have it, without loading one of them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

_BY_EXTENSION: Final = {
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".ndjson": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
}


def media_type_of(key: str) -> str | None:
    """The media type of what is stored at a key, or None where the extension tells none."""
    return _BY_EXTENSION.get(PurePosixPath(key).suffix.lower())
