"""Datasets: many part objects under a key prefix, made one by a manifest that is written last.

What is named here is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.utils.lazy import loaded_on_use

if TYPE_CHECKING:
    from de_classes.storage.datasets.arrow_source import ArrowSource
    from de_classes.storage.datasets.commits import DatasetCommits
    from de_classes.storage.datasets.lake import CataloguedDataset, Lake
    from de_classes.storage.datasets.leftovers import find_leftovers, remove_leftovers
    from de_classes.storage.datasets.manifest import Manifest, ManifestPart, manifest_key
    from de_classes.storage.datasets.part_writer import PartWriter, WrittenPart
    from de_classes.storage.datasets.reader import DatasetReader, read_parts

__all__ = [
    "ArrowSource",
    "CataloguedDataset",
    "DatasetCommits",
    "DatasetReader",
    "Lake",
    "Manifest",
    "ManifestPart",
    "PartWriter",
    "WrittenPart",
    "find_leftovers",
    "manifest_key",
    "read_parts",
    "remove_leftovers",
]

__getattr__, __dir__ = loaded_on_use(
    __name__,
    {
        "arrow_source": ("ArrowSource",),
        "commits": ("DatasetCommits",),
        "lake": ("CataloguedDataset", "Lake"),
        "leftovers": ("find_leftovers", "remove_leftovers"),
        "manifest": ("Manifest", "ManifestPart", "manifest_key"),
        "part_writer": ("PartWriter", "WrittenPart"),
        "reader": ("DatasetReader", "read_parts"),
    },
)
