"""Object stores: S3, S3-compatible servers, and a directory that behaves like one.

A client is imported when it is asked for, so that a run into a directory never loads boto3.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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

_HOMES = {
    "BaseS3Client": "base_s3_client",
    "BucketStore": "object_store",
    "LocalClient": "local_client",
    "MinioClient": "minio_client",
    "ObjectInfo": "object_store",
    "ObjectStore": "object_store",
    "S3Client": "s3_client",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562: the type is the one imported above
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
