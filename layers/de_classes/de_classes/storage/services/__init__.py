"""Storing and reading back: whole DataFrames, and records as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.utils.lazy import loaded_on_use

if TYPE_CHECKING:
    from de_classes.storage.services.object_sink import ObjectSink, StoredObject
    from de_classes.storage.services.storage_data_service import StorageDataService

__all__ = ["ObjectSink", "StorageDataService", "StoredObject"]

__getattr__, __dir__ = loaded_on_use(
    __name__,
    {
        "object_sink": ("ObjectSink", "StoredObject"),
        "storage_data_service": ("StorageDataService",),
    },
)
