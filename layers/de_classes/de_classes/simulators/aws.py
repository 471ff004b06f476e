"""What a deployed simulator fetches from S3: the records it serves.

boto3 is imported by the call that needs it, for it costs more than everything else here together.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from de_classes.errors import ConfigurationError

S3_SCHEME = "s3://"


class ObjectFetcher(Protocol):
    """Copies one object to a file."""

    def __call__(self, bucket: str, key: str, path: Path) -> None:
        """Write the object to that path.

        Raises:
            ConfigurationError: It cannot be read.
        """
        ...


def fetch_object(bucket: str, key: str, path: Path) -> None:
    """Copy an object from S3 to a file.

    Raises:
        ConfigurationError: The object is not there, or this role may not read it.
    """
    import boto3  # noqa: PLC0415 - see the module
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see the module

    try:
        boto3.client("s3").download_file(bucket, key, str(path))
    except (BotoCoreError, ClientError) as error:
        message = f"s3://{bucket}/{key} cannot be read: {type(error).__name__}"
        raise ConfigurationError(message) from error


def local_copy(uri: str, fetch: ObjectFetcher = fetch_object) -> Path:
    """The path of a file, which is fetched into the temporary directory if it lies in S3.

    Raises:
        ConfigurationError: An S3 address without bucket or key, or an object that cannot be read.
    """
    if not uri.startswith(S3_SCHEME):
        return Path(uri)
    bucket, _, key = uri.removeprefix(S3_SCHEME).partition("/")
    if not bucket or not key:
        raise ConfigurationError("records_uri must be a path or s3://bucket/key")
    import tempfile  # noqa: PLC0415 - with its archive formats it is a twentieth of a start

    path = Path(tempfile.mkdtemp(prefix="records-")) / "records.jsonl"
    fetch(bucket, key, path)
    return path
