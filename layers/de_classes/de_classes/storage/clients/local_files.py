"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, Final

from de_classes.errors import StorageError
from de_classes.storage.clients.checksums import ContentMeter
from de_classes.storage.clients.local_paths import DRAFT_PREFIX
from de_classes.storage.clients.measured_file import MeasuredFile
from de_classes.storage.clients.os_errors import errors_from_os
from de_classes.storage.clients.streams import iterate_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from de_classes.storage.clients.checksums import Content

PUBLISH_ATTEMPTS: Final = 10
"""A directory made for an object may be removed as empty by a delete at the same time."""


@contextmanager
def draft(directory: Path) -> Iterator[Path]:
    """A name for an unfinished file in the bucket, gone afterwards whatever happens."""
    draft = directory / f"{DRAFT_PREFIX}{uuid.uuid4().hex}"
    with errors_from_os(directory):
        draft.touch(exist_ok=False)
    try:
        yield draft
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def fill(draft: Path, stream: BinaryIO, part_size: int) -> Content:
    """Make a draft of what the stream holds: the very file where that can be, else a copy.

    Errors of the stream itself are its owner's and come through as they are.
    """
    if isinstance(stream, MeasuredFile) and _named(stream, draft):
        return stream.content
    return _copy(stream, draft, part_size)


def _named(file: MeasuredFile, draft: Path) -> bool:
    """Give a nameless file the draft's name; False if it is on another file system, or must stay nameless."""
    number = file.fileno()
    with errors_from_os(draft):
        if not os.fstat(number).st_nlink:
            os.utime(number)  # written is what is there; until now, nothing was
        os.fsync(number)
        draft.unlink()
    with suppress(OSError):
        # An absolute path needs no directory; but without one, Python links the link and not the file.
        os.link(f"/proc/self/fd/{number}", draft, src_dir_fd=number)
        return True
    return False


def _copy(stream: BinaryIO, draft: Path, part_size: int) -> Content:
    """Write the stream to the file and onto the disk, ``part_size`` bytes in memory at a time."""
    meter = ContentMeter()
    for part in iterate_parts(stream, part_size):
        meter.add(part)
        _append(draft, part)
    _write_through(draft)
    return meter.content()


def _append(file: Path, data: bytes) -> None:
    with errors_from_os(file), file.open("ab") as opened:
        opened.write(data)


def _write_through(file: Path) -> None:
    """Wait until it is on the disk: a name given before that may outlive the content in a power cut."""
    with errors_from_os(file), file.open("rb") as opened:
        os.fsync(opened.fileno())


def publish(draft: Path, path: Path, *, is_new: bool) -> bool:
    """Give a whole draft its name; False if the name had to be new and is not.

    Raises:
        OSError: The file system says no; for the client to translate.
    """
    for _ in range(PUBLISH_ATTEMPTS):
        try:
            _make_parents(path)
            return _link(draft, path) if is_new else _move(draft, path)
        except FileNotFoundError:
            continue  # a delete took the directory as empty in between
    raise StorageError(f"{path}: its directory keeps disappearing")


def _make_parents(path: Path) -> None:
    refuse_directory(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(errno.ENOTDIR, "is a file", str(path.parent)) from error


def _link(draft: Path, path: Path) -> bool:
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return False
    return True


def _move(draft: Path, path: Path) -> bool:
    draft.replace(path)
    return True


def remove_if(path: Path, is_meant: Callable[[Path], bool]) -> bool:
    """Remove a file, if it is the one that is meant; nobody can replace it while it is looked at.

    Args:
        path: Where it is; one that is gone counts as removed.
        is_meant: Looks at it.

    Returns:
        Whether it was removed. If not, it is where it was, or a newer one is.

    Raises:
        OSError: The file system says no; for the client to translate.
    """
    taken = path.with_name(f"{DRAFT_PREFIX}{uuid.uuid4().hex}")
    try:
        path.rename(taken)
    except FileNotFoundError:
        return True
    is_removed = False
    try:
        is_removed = is_meant(taken)
    finally:
        if not is_removed:
            _put_back(taken, path)
        taken.unlink(missing_ok=True)
    return is_removed


def _put_back(taken: Path, path: Path) -> None:
    try:
        publish(taken, path, is_new=True)
    except OSError:
        if not path.exists():  # a file system without hard links
            taken.rename(path)


def refuse_directory(path: Path) -> None:
    """Raise ``IsADirectoryError`` where objects lie below a key already."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a directory", str(path))


def remove_empty(folder: Path, stop: Path) -> None:
    """Remove directories from here upwards as long as they are empty, up to ``stop``."""
    with suppress(OSError):
        while folder != stop:
            folder.rmdir()
            folder = folder.parent
