"""Object stores: S3, S3-compatible servers, and a directory that behaves like one.

A client is imported when it is asked for, so that a run into a directory never loads boto3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.utils.lazy import loaded_on_use

if TYPE_CHECKING:
    from de_classes.storage.clients.base_s3_client import BaseS3Client
    from de_classes.storage.clients.local_client import LocalClient
    from de_classes.storage.clients.minio_client import MinioClient
    from de_classes.storage.clients.object_store import BucketStore, ObjectInfo, ObjectStore
    from de_classes.storage.clients.s3_client import S3Client

__all__ = [
    "BaseS3Client",
    "BucketStore",
    "LocalClient",
    "MinioClient",
    "ObjectInfo",
    "ObjectStore",
    "S3Client",
]

__getattr__, __dir__ = loaded_on_use(
    __name__,
    {
        "base_s3_client": ("BaseS3Client",),
        "local_client": ("LocalClient",),
        "minio_client": ("MinioClient",),
        "object_store": ("BucketStore", "ObjectInfo", "ObjectStore"),
        "s3_client": ("S3Client",),
    },
)
