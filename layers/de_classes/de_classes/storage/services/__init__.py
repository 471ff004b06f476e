"""Storing and reading back: whole DataFrames, and records as they come."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from de_classes.storage.services.object_sink import ObjectSink, StoredObject
    from de_classes.storage.services.storage_data_service import StorageDataService

__all__ = ["ObjectSink", "StorageDataService", "StoredObject"]

_HOMES = {
    "ObjectSink": "object_sink",
    "StorageDataService": "storage_data_service",
    "StoredObject": "object_sink",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562: the type is the one imported above
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
