"""Letting go of temporary files."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO


def close_unread(file: BinaryIO) -> None:
    """Close a file that nobody will read: what a full disk left in its buffer goes with it."""
    with suppress(OSError):
        file.close()
