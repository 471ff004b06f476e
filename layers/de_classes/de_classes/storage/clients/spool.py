"""A local file that holds an object until it is whole."""

from __future__ import annotations

import io
import tempfile
from typing import TYPE_CHECKING, BinaryIO

from de_classes.errors import InvalidInputError
from de_classes.storage.clients.checksums import ContentMeter
from de_classes.storage.clients.measured_file import DirectoryStore, MeasuredFile, open_nameless
from de_classes.storage.clients.os_errors import errors_from_os
from de_classes.utils.temporary_files import close_unread

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Self

    from _typeshed import ReadableBuffer

    from de_classes.storage.clients.checksums import Content
    from de_classes.storage.clients.object_store import ObjectStore


class Spool(io.RawIOBase):
    """A nameless temporary file, written once from the front, measured on the way, then read.

    It has no name from the start (POSIX), so that not even ``kill -9`` leaves it behind.

    Args:
        directory: Where to put it; None for the system's temporary directory.
        beside: Where to put it rather, if it can be given a name there.

    Raises:
        InvalidInputError: The directory does not exist.
        StorageUnavailableError: The disk is full; also raised by ``write``.
        PermissionDeniedError: The directory may not be written to.
    """

    def __init__(self, directory: Path | None = None, *, beside: Path | None = None) -> None:
        super().__init__()
        if directory is not None and not directory.is_dir():
            raise InvalidInputError(f"spool_dir {directory} is no directory: create it, or name another")
        self._directory, self._beside = directory, beside
        self._begin()

    @classmethod
    def bound_for(cls, client: ObjectStore, bucket: str, directory: Path | None = None) -> Self:
        """A spool in the place from which the store takes it without a copy, unless another is asked for."""
        if directory is None and isinstance(client, DirectoryStore):
            return cls(beside=client.directory(bucket))
        return cls(directory)

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
        with self._errors():
            self._file.write(view)
        self._meter.add(view)
        return len(view)

    def set_aside(self) -> BinaryIO:
        """Give up the file, which is the caller's to close, and begin another."""
        file = self.reader()
        self._begin()
        return file

    def reader(self) -> BinaryIO:
        """The file itself, at its beginning, for reading once nothing more is written."""
        with self._errors():
            self._file.seek(0)
        return self._file

    def measured(self) -> MeasuredFile:
        """The same, for a store that takes it; the spool still closes it."""
        return MeasuredFile(self.reader(), self.content)

    def close(self) -> None:
        """Delete the file."""
        close_unread(self._file)
        super().close()

    def _begin(self) -> None:
        self._meter = ContentMeter()
        with self._errors():
            self._file = open_nameless(self._directory, beside=self._beside)

    def _errors(self) -> AbstractContextManager[None]:
        return errors_from_os(self._directory or self._beside or tempfile.gettempdir())
