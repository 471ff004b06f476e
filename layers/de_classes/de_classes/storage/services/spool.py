"""A local file that holds an object until it is whole."""

from __future__ import annotations

import io
import tempfile
from typing import TYPE_CHECKING, BinaryIO

from de_classes.errors import InvalidInputError
from de_classes.storage.clients.checksums import ContentMeter
from de_classes.storage.clients.os_errors import errors_from_os

if TYPE_CHECKING:
    from pathlib import Path

    from _typeshed import ReadableBuffer

    from de_classes.storage.clients.checksums import Content


class Spool(io.RawIOBase):
    """A nameless temporary file, written once from the front, measured on the way, then read.

    It has no name from the start (POSIX), so that not even ``kill -9`` leaves it behind.

    Args:
        directory: Where to put it; None for the system's temporary directory.

    Raises:
        InvalidInputError: The directory does not exist.
        StorageUnavailableError: The disk is full; also raised by ``write``.
        PermissionDeniedError: The directory may not be written to.
    """

    def __init__(self, directory: Path | None = None) -> None:
        super().__init__()
        if directory is not None and not directory.is_dir():
            raise InvalidInputError(f"spool_dir {directory} is no directory: create it, or name another")
        self._where = directory or tempfile.gettempdir()
        self._meter = ContentMeter()
        with errors_from_os(self._where):
            self._file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 - close() closes it

    @property
    def content(self) -> Content:
        """What was written until now."""
        return self._meter.content()

    def writable(self) -> bool:
        """Always; seeking is not possible, so what passed by is what is in the file."""
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        """Append all of the data."""
        view = memoryview(data).cast("B")
        with errors_from_os(self._where):
            self._file.write(view)
        self._meter.add(view)
        return len(view)

    def reader(self) -> BinaryIO:
        """The file itself, at its beginning, for reading once nothing more is written."""
        with errors_from_os(self._where):
            self._file.seek(0)
        return self._file

    def close(self) -> None:
        """Delete the file."""
        self._file.close()
        super().close()
