"""The file system's errors, translated once into the library's own."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from de_classes.errors import (
    InvalidKeyError,
    ObjectNotFoundError,
    PermissionDeniedError,
    StorageError,
    StorageUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.errors import FatalError

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
