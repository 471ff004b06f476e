"""Pipelines: extract, transform and load steps that plug together.

What is named here is loaded when it is first used. ``GlueCatalogLoader`` lives in ``catalog_loader``
and has to be imported from there: it brings awswrangler.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from de_classes.pipelines.described import (
        CastStep,
        DropDuplicatesStep,
        FilterStep,
        FlattenStep,
        FunctionStep,
        RenameStep,
        SelectStep,
    )
    from de_classes.pipelines.extractors import (
        ApiExtractor,
        FrameExtractor,
        ObjectExtractor,
        RecordsExtractor,
    )
    from de_classes.pipelines.loaders import FrameLoader, ObjectLoader
    from de_classes.pipelines.logging_mixin import LoggingMixin
    from de_classes.pipelines.pipeline import EltPipeline, EtlPipeline, Pipeline
    from de_classes.pipelines.report import RunReport, Status, StepReport
    from de_classes.pipelines.steps import Extractor, Loader, RecordTransform, Transform
    from de_classes.pipelines.transforms import Cast, DropDuplicates, Filter, Flatten, Rename, Select

__all__ = [
    "ApiExtractor",
    "Cast",
    "CastStep",
    "DropDuplicates",
    "DropDuplicatesStep",
    "EltPipeline",
    "EtlPipeline",
    "Extractor",
    "Filter",
    "FilterStep",
    "Flatten",
    "FlattenStep",
    "FrameExtractor",
    "FrameLoader",
    "FunctionStep",
    "Loader",
    "LoggingMixin",
    "ObjectExtractor",
    "ObjectLoader",
    "Pipeline",
    "RecordTransform",
    "RecordsExtractor",
    "Rename",
    "RenameStep",
    "RunReport",
    "Select",
    "SelectStep",
    "Status",
    "StepReport",
    "Transform",
]

_HOMES = {
    **dict.fromkeys(("ApiExtractor", "FrameExtractor", "ObjectExtractor", "RecordsExtractor"), "extractors"),
    **dict.fromkeys(
        (
            "CastStep",
            "DropDuplicatesStep",
            "FilterStep",
            "FlattenStep",
            "FunctionStep",
            "RenameStep",
            "SelectStep",
        ),
        "described",
    ),
    **dict.fromkeys(("FrameLoader", "ObjectLoader"), "loaders"),
    **dict.fromkeys(("EltPipeline", "EtlPipeline", "Pipeline"), "pipeline"),
    **dict.fromkeys(("RunReport", "Status", "StepReport"), "report"),
    **dict.fromkeys(("Extractor", "Loader", "RecordTransform", "Transform"), "steps"),
    **dict.fromkeys(("Cast", "DropDuplicates", "Filter", "Flatten", "Rename", "Select"), "transforms"),
    "LoggingMixin": "logging_mixin",
}


def __getattr__(name: str) -> object:
    """Load an exported name from the module it lives in."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """Show what can be imported, loaded or not."""
    return sorted(__all__)
