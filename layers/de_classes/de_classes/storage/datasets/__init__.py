"""Datasets: many part objects under a key prefix, made one by a manifest that is written last.

What is named here is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from de_classes.storage.datasets.commits import DatasetCommits
    from de_classes.storage.datasets.keys import manifest_key
    from de_classes.storage.datasets.leftovers import find_leftovers, remove_leftovers
    from de_classes.storage.datasets.manifest import Manifest, ManifestPart
    from de_classes.storage.datasets.part_writer import PartWriter, StoredPart
    from de_classes.storage.datasets.reader import DatasetReader, read_parts

__all__ = [
    "DatasetCommits",
    "DatasetReader",
    "Manifest",
    "ManifestPart",
    "PartWriter",
    "StoredPart",
    "find_leftovers",
    "manifest_key",
    "read_parts",
    "remove_leftovers",
]

_HOMES = {
    "DatasetCommits": "commits",
    "DatasetReader": "reader",
    "Manifest": "manifest",
    "ManifestPart": "manifest",
    "PartWriter": "part_writer",
    "StoredPart": "part_writer",
    "find_leftovers": "leftovers",
    "manifest_key": "keys",
    "read_parts": "reader",
    "remove_leftovers": "leftovers",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562: the type is the one imported above
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
