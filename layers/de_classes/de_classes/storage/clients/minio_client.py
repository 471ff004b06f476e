"""MinIO, and any other S3-compatible server of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config

from de_classes.errors import StorageError
from de_classes.storage.clients.base_s3_client import BaseS3Client
from de_classes.storage.clients.botocore_errors import errors_from_botocore, pages_from_botocore, tolerated
from de_classes.storage.clients.object_store import validate_bucket
from de_classes.storage.clients.sessions import S3Settings, make_s3_client

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator

DEFAULT_ENDPOINT: Final = "http://127.0.0.1:9000"
DEFAULT_REGION: Final = "us-east-1"
"""The region that S3 names in no location constraint, and that servers of one's own go by."""


class MinioClient(BaseS3Client):
    """Objects on MinIO or another S3-compatible server of your own, whose buckets it can manage.

    Example:
        >>> MinioClient(logger, "http://127.0.0.1:9000", "key", "secret")
        MinioClient(endpoint='http://127.0.0.1:9000', region='us-east-1')

    Args:
        logger: Where to report.
        endpoint: The server's address, ``http(s)://host[:port]``.
        access_key: Access key id; without keys, boto3's default credential chain is asked.
        secret_key: Secret of that key. It goes to boto3 and is kept nowhere else.
        region: What requests are signed for.
        path_style: Put the bucket into the path (``host/bucket/key``) and not into the host's name.

    Raises:
        ConfigurationError: The endpoint is no address, or only one of the keys was given.
    """

    def __init__(
        self,
        logger: logging.Logger,
        endpoint: str = DEFAULT_ENDPOINT,
        access_key: str | None = None,
        secret_key: str | None = None,
        *,
        region: str = DEFAULT_REGION,
        path_style: bool = True,
    ) -> None:
        settings = S3Settings(
            access_key=access_key,
            secret_key=secret_key,
            region=region,
            endpoint_url=endpoint,
        )
        # A server that knows no SHA-256 header ignores it; that the signature covers the body, all verify.
        config = Config(
            s3={"addressing_style": "path" if path_style else "virtual", "payload_signing_enabled": True}
        )
        super().__init__(make_s3_client(settings, config=config), logger)
        self._region = region

    def create_bucket(self, bucket: str) -> None:
        """Make a bucket; one's own that is there already is left as it is.

        Raises:
            StorageError: Somebody else has a bucket of that name.
        """
        validate_bucket(bucket)
        with errors_from_botocore(bucket), tolerated("BucketAlreadyOwnedByYou"):
            self._s3.create_bucket(Bucket=bucket, **self._location())

    def list_buckets(self) -> list[str]:
        """The names of all buckets, sorted."""
        with errors_from_botocore():
            answer = self._s3.list_buckets()
        return sorted(entry["Name"] for entry in answer["Buckets"])

    def remove_bucket(self, bucket: str, *, force: bool = False) -> None:
        """Remove a bucket, with ``force`` together with every version of everything in it.

        Raises:
            BucketNotFoundError: There is no such bucket.
            StorageError: It is not empty, and ``force`` was not asked for.
        """
        validate_bucket(bucket)
        for version in self._versions(bucket):
            if not force:
                raise StorageError(f"s3://{bucket} is not empty; empty it first, or use force=True")
            with errors_from_botocore(bucket):
                self._s3.delete_object(Bucket=bucket, **version)
        with errors_from_botocore(bucket):
            self._s3.delete_bucket(Bucket=bucket)

    def _versions(self, bucket: str) -> Iterator[dict[str, Any]]:
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
        for page in pages_from_botocore(pages, bucket):
            for entry in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                yield {"Key": entry["Key"], "VersionId": entry["VersionId"]}

    def _location(self) -> dict[str, Any]:
        if self._region == DEFAULT_REGION:
            return {}
        return {"CreateBucketConfiguration": {"LocationConstraint": self._region}}
