"""A directory that keeps the contract of an object store: for a laptop, a test, a first look."""

from __future__ import annotations

import io
import os
import shutil
from typing import TYPE_CHECKING, BinaryIO, Unpack

from de_classes.errors import BucketNotFoundError, ObjectExistsError, ObjectNotFoundError, StorageError
from de_classes.storage.clients import local_files, local_paths
from de_classes.storage.clients.checksums import check_declared, sha256_of_stream
from de_classes.storage.clients.media_types import media_type_of
from de_classes.storage.clients.object_store import (
    DEFAULT_PART_SIZE,
    ObjectInfo,
    ObjectWrite,
    changed,
    check_part_size,
)
from de_classes.storage.clients.os_errors import errors_from_os

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator
    from pathlib import Path

    from de_classes.storage.clients.checksums import Content
    from de_classes.storage.clients.object_store import (
        WriteOptions,
    )


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
        """Refuse keys that have no place of their own in a directory; see ``local_paths``."""
        local_paths.validate_local_key(key)

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
        return local_paths.existing_bucket(self._root, bucket)

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
        with errors_from_os(path), local_files.draft(directory):
            local_files.refuse_directory(path)

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
        with local_files.draft(directory) as draft:
            content = local_files.fill(draft, stream, part_size)
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
        directory = local_paths.existing_bucket(self._root, bucket)
        keys = (key for key in local_paths.iterate_keys(directory) if key.startswith(prefix))
        for key in sorted(keys, key=str.encode):
            info = self._listed(bucket, key, directory / key)
            if info is not None:
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
            elif not _is_still(path, if_unchanged) or not local_files.remove_if(
                path, lambda taken: _is_still(taken, if_unchanged)
            ):
                raise changed(if_unchanged)
            local_files.remove_empty(path.parent, directory)

    def create_bucket(self, bucket: str) -> None:
        """Make the bucket's directory; one that is there already is left as it is."""
        directory = local_paths.bucket_directory(self._root, bucket)
        with errors_from_os(directory):
            directory.mkdir(parents=True, exist_ok=True)

    def list_buckets(self) -> list[str]:
        """The names of all directories that can be buckets, sorted."""
        with errors_from_os(self._root):
            entries = self._root.iterdir() if self._root.is_dir() else iter(())
            return sorted(entry.name for entry in entries if local_paths.is_bucket(self._root, entry.name))

    def remove_bucket(self, bucket: str, *, force: bool = False) -> None:
        """Remove a bucket's directory, with ``force`` together with every file in it.

        Raises:
            BucketNotFoundError: There is no such bucket.
            StorageError: It is not empty, and ``force`` was not asked for.
        """
        directory = local_paths.existing_bucket(self._root, bucket)
        if not force and any(local_paths.iterate_files(directory)):
            raise StorageError(f"{directory} is not empty; empty it first, or use force=True")
        with errors_from_os(directory):
            shutil.rmtree(directory)

    def _place(self, bucket: str, key: str) -> tuple[Path, Path]:
        self.validate_key(key)
        directory = local_paths.existing_bucket(self._root, bucket)
        return directory, local_paths.object_path(directory, key)

    def _existing(self, bucket: str, key: str) -> Path:
        _, path = self._place(bucket, key)
        with errors_from_os(path):
            if not path.is_file():
                raise ObjectNotFoundError(f"{path}: there is no such file; check the key")
        return path

    def _published(self, draft: Path, path: Path, write: ObjectWrite, content: Content) -> ObjectInfo | None:
        with errors_from_os(path):
            stat = draft.stat()  # while it is nobody else's to delete
            if not local_files.publish(draft, path, is_new=write.if_none_match):
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
