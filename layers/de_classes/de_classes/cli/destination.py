"""Where an ingestion from the command line goes: a directory, S3, or an S3-compatible server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from de_classes.cli.parsers import DESTINATIONS
from de_classes.errors import InvalidInputError
from de_classes.utils.values import Value

if TYPE_CHECKING:
    import logging
    from urllib.parse import SplitResult

    from de_classes.storage.clients.object_store import ObjectStore


_NEARLY_AN_ADDRESS = re.compile(r"(?:s3|https?|file):|(?:s3|https?)//|[\w.-]+:\d+(?:/|$)", re.IGNORECASE)


class Place(Value):
    """A place in a store.

    Attributes:
        store: The store.
        bucket: The bucket, or the directory.
        prefix: What keys begin with, without a slash at the end; may be empty.
        is_local: Whether it is a directory.
    """

    store: ObjectStore
    bucket: str
    prefix: str
    is_local: bool = False

    def key(self, name: str) -> str:
        """The key of an object of that name."""
        return f"{self.prefix}/{name}" if self.prefix else name


def open_destination(
    target: str, logger: logging.Logger, *, endpoint_url: str | None = None, create: bool = True
) -> Place:
    """Understand where to write. Credentials come from boto3's default chain, never from the target.

    Args:
        target: A directory, an ``s3://`` address, or the address of a bucket on an S3-compatible server.
        logger: Told of every write.
        endpoint_url: The server that ``s3://`` means, if not AWS.
        create: Make the directory, if it is one that there is not. Who only looks makes none.

    Raises:
        InvalidInputError: The target is none of these.
    """
    scheme, separator, _ = target.partition("://")
    if not separator:
        if _NEARLY_AN_ADDRESS.match(target):
            raise InvalidInputError(
                f"what is named is nearly an address, and no directory: give {DESTINATIONS}"
            )
        return _local(target, logger, create=create)
    if scheme == "file":
        return _local(_file_path(target), logger, create=create)
    if scheme == "s3":
        return _s3(target, logger, endpoint_url)
    if scheme in {"http", "https"}:
        return _server(target, logger)
    if scheme in {"postgresql", "postgres"}:
        raise InvalidInputError(
            "records come to a database by way of a dataset, from which each part is loaded once: store it "
            "by --to and --dataset, then `load DATASET --to postgresql://HOST/DATABASE/SCHEMA`"
        )
    raise InvalidInputError(f"{scheme!r} is no kind of destination: give {DESTINATIONS}")


def _local(path: str, logger: logging.Logger, *, create: bool) -> Place:
    from de_classes.storage.clients.local_client import LocalClient  # noqa: PLC0415 - one store, one import

    directory = _directory(path, create=create)
    return Place(LocalClient(directory.parent, logger), directory.name, "", is_local=True)


def _directory(path: str, *, create: bool) -> Path:
    """The directory, made with what leads there if it is to be."""
    if not path:
        raise InvalidInputError(f"--to names no place: give {DESTINATIONS}")
    try:
        directory = Path(path).resolve()
        if create:
            directory.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise InvalidInputError(f"--to: {path} is a file: name a directory, and the file by --key") from error
    except (OSError, ValueError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or "it is no path"
        raise InvalidInputError(f"--to: {path} cannot be made a directory: {why}") from error
    if not directory.name:
        raise InvalidInputError("--to: the root of the file system is no place for records: name a directory")
    return directory


def _file_path(target: str) -> str:
    parts = _split(target)
    if parts.netloc not in {"", "localhost"}:
        raise InvalidInputError(
            f"--to: {parts.netloc!r} in {target!r} is a host: write file:///PATH, or the path alone"
        )
    return unquote(parts.path)


def _s3(target: str, logger: logging.Logger, endpoint_url: str | None) -> Place:
    from de_classes.storage.clients.s3_client import S3Client  # noqa: PLC0415 - boto3, only if it is S3

    parts = _split(target)
    _check(parts.netloc)
    return Place(S3Client(logger, endpoint_url=endpoint_url), parts.netloc, parts.path.strip("/"))


def _server(target: str, logger: logging.Logger) -> Place:
    from de_classes.storage.clients.minio_client import MinioClient  # noqa: PLC0415 - boto3, only if it is S3

    parts = _split(target)
    bucket, _, prefix = parts.path.strip("/").partition("/")
    _check(bucket)
    return Place(MinioClient(logger, f"{parts.scheme}://{parts.netloc}"), bucket, prefix)


def _split(target: str) -> SplitResult:
    """Take an address apart; no sentence repeats a wrong one, since it may hold a password."""
    try:
        parts = urlsplit(target)
        _ = parts.port  # raises for a port that is no number
    except ValueError as error:
        raise InvalidInputError(f"what is named is no address: give {DESTINATIONS}") from error
    if "@" in parts.netloc:
        raise InvalidInputError("credentials do not belong into an address: set AWS_ACCESS_KEY_ID and so on")
    return parts


def _check(bucket: str) -> None:
    if not bucket:
        raise InvalidInputError(f"no bucket is named in the address: give {DESTINATIONS}")
