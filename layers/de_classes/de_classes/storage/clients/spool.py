"""A local file that holds an object until it is whole; and the file system's errors, translated once."""

from __future__ import annotations

import errno
import io
import os
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol, cast, runtime_checkable

from de_classes.errors import (
    InvalidInputError,
    InvalidKeyError,
    ObjectNotFoundError,
    PermissionDeniedError,
    StorageError,
    StorageUnavailableError,
)
from de_classes.storage.clients.object_store import ContentMeter
from de_classes.utils.temporary_files import close_unread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Self

    from _typeshed import ReadableBuffer

    from de_classes.errors import FatalError
    from de_classes.storage.clients.object_store import Content, ObjectStore

_BY_ERRNO: Final[dict[int, tuple[type[FatalError], str]]] = {
    errno.ENOENT: (ObjectNotFoundError, "there is no such file"),
    errno.EACCES: (PermissionDeniedError, "this user may not do that there"),
    errno.EPERM: (PermissionDeniedError, "this user, or this file system, may not do that there"),
    errno.EROFS: (PermissionDeniedError, "the file system is read-only"),
    errno.ENOTDIR: (InvalidKeyError, "a part of the key is a file already, so nothing can be below it"),
    errno.EISDIR: (InvalidKeyError, "there are objects below this key, so it is a directory here"),
    errno.ENOTEMPTY: (InvalidKeyError, "there are objects below this key, so it is a directory here"),
    errno.ENAMETOOLONG: (InvalidKeyError, "a part of it is longer than a file's name can be"),
    errno.EILSEQ: (InvalidKeyError, "the file system cannot write this name"),
    errno.ENOSPC: (StorageUnavailableError, "the disk is full; make room, or name another directory"),
    errno.EDQUOT: (StorageUnavailableError, "the quota is used up; make room, or name another directory"),
    errno.EFBIG: (StorageUnavailableError, "no file may grow that large there; raise the limit of sizes"),
    errno.ENOTSUP: (StorageError, "the file system has no hard links, which a conditional write needs"),
}


@contextmanager
def errors_from_os(subject: object) -> Iterator[None]:
    """Let only the library's errors out of a block that works on files.

    Args:
        subject: What it is about, for the message.

    Raises:
        StorageError: Or another ``FatalError``, as the table says; the ``OSError`` is the cause.
    """
    try:
        yield
    except OSError as error:
        kind, advice = _BY_ERRNO.get(error.errno or 0, (StorageError, error.strerror or str(error)))
        raise kind(f"{subject}: {advice}") from error


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

    @property
    def size(self) -> int:
        """Bytes that were written until now, without their checksum: it is asked for after every page."""
        return self._meter.size

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
