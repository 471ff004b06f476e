"""A directory that keeps the contract of an object store: for a laptop, a test, a first look.

A file appears whole or not at all.
"""

from __future__ import annotations

import errno
import io
import os
import shutil
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO, Final, Unpack

from de_classes.errors import (
    BucketNotFoundError,
    InvalidInputError,
    InvalidKeyError,
    ObjectExistsError,
    ObjectNotFoundError,
    StorageError,
)
from de_classes.storage.clients.object_store import (
    DEFAULT_PART_SIZE,
    ContentMeter,
    ObjectInfo,
    ObjectWrite,
    changed,
    check_declared,
    check_part_size,
    invalid_bucket,
    invalid_key,
    iterate_parts,
    media_type_of,
    sha256_of_stream,
    validate_key,
)
from de_classes.storage.clients.spool import MeasuredFile, errors_from_os

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from de_classes.storage.clients.object_store import Content, WriteOptions

DRAFT_PREFIX: Final = ".de-classes-"
"""Names of files that are being written start so; no listing shows them and no key may hold one."""

MAX_NAME_BYTES: Final = 255


def validate_local_key(key: str) -> None:
    """S3's rules, and those of a file system.

    Raises:
        InvalidKeyError: The key has no place of its own in a directory.
    """
    validate_key(key)
    parts = key.split("/")
    if "" in parts:
        raise invalid_key(key, "a directory cannot hold two slashes in a row, nor one at the end")
    if any(len(part.encode()) > MAX_NAME_BYTES for part in parts):
        raise invalid_key(key, f"a part of it is longer than {MAX_NAME_BYTES} bytes in UTF-8")
    if any(part.startswith(DRAFT_PREFIX) for part in parts):
        raise invalid_key(key, f"a part of it starts with {DRAFT_PREFIX!r}, which marks unfinished files")


def bucket_directory(root: Path, bucket: str) -> Path:
    """The directory of a bucket, which need not exist.

    Raises:
        InvalidInputError: The name is no plain directory name.
    """
    try:
        validate_local_key(bucket)
    except InvalidKeyError as error:
        raise invalid_bucket(bucket, "use a plain directory name") from error
    if "/" in bucket:
        raise invalid_bucket(bucket, "use one directory name, without slashes")
    return root / bucket


def existing_bucket(root: Path, bucket: str) -> Path:
    """The directory of a bucket.

    Raises:
        BucketNotFoundError: It does not exist.
        InvalidInputError: The name is no plain directory name.
    """
    directory = bucket_directory(root, bucket)
    if not directory.is_dir():
        raise BucketNotFoundError(f"{directory} is no directory; create the bucket, or name another")
    return directory


def object_path(directory: Path, key: str) -> Path:
    """The file of an object.

    Raises:
        InvalidKeyError: The key has no place there, or a symbolic link leads out of the bucket.
    """
    validate_local_key(key)
    path = directory / key
    if not os.path.realpath(path).startswith(os.path.realpath(directory) + os.sep):
        raise invalid_key(key, "a symbolic link on the way leads out of the bucket")
    return path


def is_bucket(root: Path, name: str) -> bool:
    """Whether that entry of the root is a bucket."""
    try:
        return bucket_directory(root, name).is_dir()
    except InvalidInputError:
        return False


def iterate_files(directory: Path) -> Iterator[str]:
    """Every file below a directory, as a path from there with slashes, in no order; drafts are left out."""
    for folder, _, files in os.walk(directory):
        start = (
            "" if folder == str(directory) else os.path.relpath(folder, directory).replace(os.sep, "/") + "/"
        )
        yield from (start + name for name in files if not name.startswith(DRAFT_PREFIX))


def iterate_keys(directory: Path) -> Iterator[str]:
    """Those of the files that are objects; a name that is no key was put there by somebody else."""
    return (key for key in iterate_files(directory) if _is_object(directory, key))


def _names_in(folder: Path) -> Iterator[str]:
    """What stands in a directory, directories with a slash; nothing if it is none, or drafts."""
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith(DRAFT_PREFIX):
                yield f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name


def _is_object(directory: Path, key: str) -> bool:
    try:
        return object_path(directory, key).is_file()
    except InvalidKeyError:
        return False


PUBLISH_ATTEMPTS: Final = 10
"""A directory made for an object may be removed as empty by a delete at the same time."""


@contextmanager
def unfinished_file(directory: Path) -> Iterator[Path]:
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
        with errors_from_os(draft), draft.open("ab") as opened:
            opened.write(part)
    _write_through(draft)
    return meter.content()


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


class LocalClient:
    """The ``ObjectStore`` contract over a directory: a bucket is a directory in it, an object a file.

    An object is written beside its place and moved there when it is whole and on the disk; a conditional
    write links it, which only one writer can. Nothing but the content is kept: the media type is told by
    the key's extension, the checksum is computed when it is asked for.

    Example:
        >>> store = LocalClient(pathlib.Path("on-this-laptop"), logger)
        >>> store.create_bucket("lake")
        >>> store.put_object("lake", "hello.txt", b"hello").size
        5

    Args:
        root: Where the buckets are. It is created with the first bucket.
        logger: Told of every write.
    """

    def __init__(self, root: Path, logger: logging.Logger) -> None:
        self._root = root.absolute()
        self._logger = logger

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._root)!r})"

    def validate_key(self, key: str) -> None:
        """Refuse keys that have no place of their own in a directory; see ``validate_local_key``."""
        validate_local_key(key)

    def check_bucket(self, bucket: str) -> None:
        """Look for the bucket's directory.

        Raises:
            BucketNotFoundError: It is not there.
        """
        self.directory(bucket)

    def directory(self, bucket: str) -> Path:
        """Where the bucket's objects are.

        Raises:
            BucketNotFoundError: It is not there.
        """
        return existing_bucket(self._root, bucket)

    def uri(self, bucket: str, key: str) -> str:
        """The file's own address."""
        _, path = self._place(bucket, key)
        return path.as_uri()

    def check_writable(self, bucket: str, key: str) -> None:
        """Write an empty draft into the bucket and delete it.

        Raises:
            BucketNotFoundError: There is no such bucket.
            PermissionDeniedError: This user may not write there.
            InvalidKeyError: The key has no place there.
        """
        directory, path = self._place(bucket, key)
        with errors_from_os(path), unfinished_file(directory):
            refuse_directory(path)

    def put_object(self, bucket: str, key: str, body: bytes, **options: Unpack[WriteOptions]) -> ObjectInfo:
        """Store bytes.

        Raises:
            ObjectExistsError: ``if_none_match`` was asked for and other content has the key.
        """
        return self.upload_stream(io.BytesIO(body), bucket, key, **options)

    def upload_stream(
        self,
        stream: BinaryIO,
        bucket: str,
        key: str,
        *,
        part_size: int = DEFAULT_PART_SIZE,
        **options: Unpack[WriteOptions],
    ) -> ObjectInfo:
        """Copy a stream into place, ``part_size`` bytes in memory at a time.

        A ``MeasuredFile`` that was begun in ``directory`` and has no name is not copied: it is given one.

        Raises:
            ObjectExistsError: ``if_none_match`` was asked for and other content has the key.
            InvalidInputError: ``part_size`` is out of S3's bounds, or the content is not the declared one.
        """
        write = ObjectWrite(bucket, key, **options)
        directory, path = self._place(bucket, key)
        check_part_size(part_size)
        with unfinished_file(directory) as draft:
            content = fill(draft, stream, part_size)
            check_declared(content.sha256, write.metadata)
            info = self._published(draft, path, write, content)
        if info is None:
            return self._settle(write, content)
        self._logger.info("Stored %s (%d bytes)", info.uri, info.size)
        return info

    def get_object(self, bucket: str, key: str) -> bytes:
        """Read a whole object into memory.

        Raises:
            ObjectNotFoundError: There is none at that key.
        """
        with self.open_object(bucket, key) as stream, errors_from_os(key):
            return stream.read()

    def open_object(self, bucket: str, key: str) -> BinaryIO:
        """Open an object for reading as a stream; the caller closes it.

        Raises:
            ObjectNotFoundError: There is none at that key.
        """
        path = self._existing(bucket, key)
        with errors_from_os(path):
            return path.open("rb")

    def head_object(self, bucket: str, key: str) -> ObjectInfo:
        """What is known of an object; its checksum is computed now, from the content.

        Raises:
            ObjectNotFoundError: There is none at that key.
        """
        path = self._existing(bucket, key)
        with self.open_object(bucket, key) as stream, errors_from_os(path):
            checksum = sha256_of_stream(stream)
            stat = os.fstat(stream.fileno())  # of what was read: another may have the key by now
        return _info(bucket, key, path, stat, content_type=media_type_of(key), checksum=checksum)

    def object_exists(self, bucket: str, key: str) -> bool:
        """Whether there is an object at that key."""
        try:
            self._existing(bucket, key)
        except (ObjectNotFoundError, BucketNotFoundError):
            return False
        return True

    def list_objects(self, bucket: str, prefix: str = "") -> Iterator[ObjectInfo]:
        """Every object whose key starts with the prefix, in UTF-8 order of the keys.

        The names, though not the contents, are all held in memory.

        Raises:
            BucketNotFoundError: There is no such bucket.
        """
        directory = existing_bucket(self._root, bucket)
        keys = (key for key in iterate_keys(directory) if key.startswith(prefix))
        for key in sorted(keys, key=str.encode):
            info = self._listed(bucket, key, directory / key)
            if info is not None:
                yield info

    def list_folder(
        self, bucket: str, prefix: str = "", *, start_after: str = ""
    ) -> Iterator[ObjectInfo | str]:
        """What a directory holds itself; one directory is read, and its names are held in memory.

        Raises:
            BucketNotFoundError: There is no such bucket.
        """
        directory = existing_bucket(self._root, bucket)
        start = prefix[: prefix.rfind("/") + 1]
        try:
            folder = object_path(directory, start[:-1]) if start else directory
        except InvalidKeyError:
            return  # nothing can lie there
        with errors_from_os(folder):
            names = sorted(_names_in(folder), key=str.encode)
        for name in names:
            key = f"{start}{name}"
            if not key.startswith(prefix) or key.encode() <= start_after.encode():
                continue
            if name.endswith("/"):
                yield key
            elif _is_object(directory, key) and (info := self._listed(bucket, key, directory / key)):
                yield info

    def delete_object(self, bucket: str, key: str, *, if_unchanged: ObjectInfo | None = None) -> None:
        """Remove an object, and the directories that are empty without it.

        With ``if_unchanged`` the file is moved out of reach first and looked at there: one that came in
        between two looks is put back, unless a newer one has its place by then.

        Raises:
            ObjectChangedError: The key has another object than ``if_unchanged`` says.
        """
        directory, path = self._place(bucket, key)
        with errors_from_os(path):
            if not path.is_file():
                return
            if if_unchanged is None:
                path.unlink(missing_ok=True)
            elif not _is_still(path, if_unchanged) or not remove_if(
                path, lambda taken: _is_still(taken, if_unchanged)
            ):
                raise changed(if_unchanged)
            remove_empty(path.parent, directory)

    def create_bucket(self, bucket: str) -> None:
        """Make the bucket's directory; one that is there already is left as it is."""
        directory = bucket_directory(self._root, bucket)
        with errors_from_os(directory):
            directory.mkdir(parents=True, exist_ok=True)

    def list_buckets(self) -> list[str]:
        """The names of all directories that can be buckets, sorted."""
        with errors_from_os(self._root):
            entries = self._root.iterdir() if self._root.is_dir() else iter(())
            return sorted(entry.name for entry in entries if is_bucket(self._root, entry.name))

    def remove_bucket(self, bucket: str, *, force: bool = False) -> None:
        """Remove a bucket's directory, with ``force`` together with every file in it.

        Raises:
            BucketNotFoundError: There is no such bucket.
            StorageError: It is not empty, and ``force`` was not asked for.
        """
        directory = existing_bucket(self._root, bucket)
        if not force and any(iterate_files(directory)):
            raise StorageError(f"{directory} is not empty; empty it first, or use force=True")
        with errors_from_os(directory):
            shutil.rmtree(directory)

    def _place(self, bucket: str, key: str) -> tuple[Path, Path]:
        self.validate_key(key)
        directory = existing_bucket(self._root, bucket)
        return directory, object_path(directory, key)

    def _existing(self, bucket: str, key: str) -> Path:
        _, path = self._place(bucket, key)
        with errors_from_os(path):
            if not path.is_file():
                raise ObjectNotFoundError(f"{path}: there is no such file; check the key")
        return path

    def _published(self, draft: Path, path: Path, write: ObjectWrite, content: Content) -> ObjectInfo | None:
        with errors_from_os(path):
            stat = draft.stat()  # while it is nobody else's to delete
            if not publish(draft, path, is_new=write.if_none_match):
                return None
        return _info(
            write.bucket, write.key, path, stat, content_type=write.content_type, checksum=content.sha256
        )

    def _settle(self, write: ObjectWrite, content: Content) -> ObjectInfo:
        """The key is taken: by this very content, then the write is done, or by another."""
        try:
            stored = self.head_object(write.bucket, write.key)
        except ObjectNotFoundError as error:
            _, path = self._place(write.bucket, write.key)
            raise ObjectExistsError(f"{path.as_uri()}: the key was taken, and is free again") from error
        if stored.checksum != content.sha256:
            raise ObjectExistsError(f"{stored.uri}: the key is taken, and overwriting was not asked for")
        self._logger.info("%s held this very content already", stored.uri)
        return stored

    def _listed(self, bucket: str, key: str, path: Path) -> ObjectInfo | None:
        try:
            with errors_from_os(path):
                return _info(bucket, key, path, path.stat())
        except ObjectNotFoundError:
            return None  # deleted since the directory was read


def _info(
    bucket: str,
    key: str,
    path: Path,
    stat: os.stat_result,
    *,
    content_type: str | None = None,
    checksum: str | None = None,
) -> ObjectInfo:
    return ObjectInfo(
        bucket=bucket,
        key=key,
        uri=path.as_uri(),
        size=stat.st_size,
        etag=_etag(stat),
        content_type=content_type,
        checksum=checksum,
        modified=stat.st_mtime,
    )


def _etag(stat: os.stat_result) -> str:
    return f"{stat.st_mtime_ns:x}-{stat.st_size:x}"


def _is_still(path: Path, meant: ObjectInfo) -> bool:
    try:
        return _etag(path.stat()) == meant.etag
    except FileNotFoundError:
        return True  # gone meanwhile: what was to be
