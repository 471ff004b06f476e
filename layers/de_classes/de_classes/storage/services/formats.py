"""Which format an object has."""

from __future__ import annotations

from pathlib import PurePosixPath

from de_classes.errors import UnsupportedFormatError
from de_classes.storage.format.registry import canonical_format


def format_of_key(key: str, name: str | None = None) -> str:
    """The format that was named, or else the one that the key's extension tells; no codec is loaded.

    Raises:
        UnsupportedFormatError: There is no such format, or neither says anything.
    """
    found = name or PurePosixPath(key).suffix.removeprefix(".").lower()
    if not found:
        raise UnsupportedFormatError(f"{key!r} has no extension: name the format, or add one to the key")
    return canonical_format(found)
