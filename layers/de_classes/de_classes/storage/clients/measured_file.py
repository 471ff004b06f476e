"""Files that hold an object before a store has it."""

from __future__ import annotations

import io
import os
import tempfile
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol, cast, runtime_checkable

if TYPE_CHECKING:
    from pathlib import Path

    from de_classes.storage.clients.checksums import Content

_MODE: Final = 0o666


class MeasuredFile(io.BufferedReader):
    """A file that was written to its end and measured on the way, for reading from its beginning.

    A store may take it as it is, without reading it: that it holds this content is for the owner to see to.

    Args:
        file: The file, with nothing left in a buffer; it stays open, and its owner's.
        content: What is in it.

    Attributes:
        content: The same.
    """

    def __init__(self, file: BinaryIO, content: Content) -> None:
        super().__init__(io.FileIO(file.fileno(), closefd=False))
        self.content = content
        self.seek(0)


@runtime_checkable
class DirectoryStore(Protocol):
    """An object store whose objects are files, and that gives a ``MeasuredFile`` a name if it has none."""

    def directory(self, bucket: str) -> Path:
        """Where a file has to be begun that is to become an object without being copied.

        Raises:
            BucketNotFoundError: There is no such bucket.
        """
        ...


def open_nameless(directory: Path | None, *, beside: Path | None = None) -> BinaryIO:
    """Open a file that has no name from the start, so that not even ``kill -9`` leaves it behind.

    Args:
        directory: Where to; None for the system's temporary directory.
        beside: Where to rather, if the file can be given a name there later.

    Raises:
        OSError: The file system says no.
    """
    nameable = _open_nameable(beside) if beside else None
    return nameable or cast("BinaryIO", tempfile.TemporaryFile(dir=directory))


def _open_nameable(directory: Path) -> BinaryIO | None:
    """What Linux has on most file systems: ``tempfile`` forbids that such a file ever gets a name."""
    if not hasattr(os, "O_TMPFILE"):
        return None
    try:
        return os.fdopen(os.open(directory, os.O_TMPFILE | os.O_RDWR, _MODE), "w+b")
    except OSError:
        return None
