"""Where in a directory an object lies, and the keys that have no place there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from de_classes.errors import BucketNotFoundError, InvalidInputError, InvalidKeyError
from de_classes.storage.clients import names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DRAFT_PREFIX: Final = ".de-classes-"
"""Names of files that are being written start so; no listing shows them and no key may hold one."""

MAX_NAME_BYTES: Final = 255


def validate_local_key(key: str) -> None:
    """S3's rules, and those of a file system.

    Raises:
        InvalidKeyError: The key has no place of its own in a directory.
    """
    names.validate_key(key)
    parts = key.split("/")
    if "" in parts:
        raise names.invalid_key(key, "a directory cannot hold two slashes in a row, nor one at the end")
    if any(len(part.encode()) > MAX_NAME_BYTES for part in parts):
        raise names.invalid_key(key, f"a part of it is longer than {MAX_NAME_BYTES} bytes in UTF-8")
    if any(part.startswith(DRAFT_PREFIX) for part in parts):
        raise names.invalid_key(
            key, f"a part of it starts with {DRAFT_PREFIX!r}, which marks unfinished files"
        )


def bucket_directory(root: Path, bucket: str) -> Path:
    """The directory of a bucket, which need not exist.

    Raises:
        InvalidInputError: The name is no plain directory name.
    """
    try:
        validate_local_key(bucket)
    except InvalidKeyError as error:
        raise names.invalid_bucket(bucket, "use a plain directory name") from error
    if "/" in bucket:
        raise names.invalid_bucket(bucket, "use one directory name, without slashes")
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
        raise names.invalid_key(key, "a symbolic link on the way leads out of the bucket")
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


def _is_object(directory: Path, key: str) -> bool:
    try:
        return object_path(directory, key).is_file()
    except InvalidKeyError:
        return False
