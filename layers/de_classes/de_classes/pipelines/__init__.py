"""Pipelines: extract, transform and load steps that plug together.

What is named here is loaded when it is first used. ``GlueCatalogLoader`` lives in ``catalog_loader``
and has to be imported from there: it brings awswrangler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.utils.lazy import loaded_on_use

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

__getattr__, __dir__ = loaded_on_use(
    __name__,
    {
        "described": (
            "CastStep",
            "DropDuplicatesStep",
            "FilterStep",
            "FlattenStep",
            "FunctionStep",
            "RenameStep",
            "SelectStep",
        ),
        "extractors": ("ApiExtractor", "FrameExtractor", "ObjectExtractor", "RecordsExtractor"),
        "loaders": ("FrameLoader", "ObjectLoader"),
        "logging_mixin": ("LoggingMixin",),
        "pipeline": ("EltPipeline", "EtlPipeline", "Pipeline"),
        "report": ("RunReport", "Status", "StepReport"),
        "steps": ("Extractor", "Loader", "RecordTransform", "Transform"),
        "transforms": ("Cast", "DropDuplicates", "Filter", "Flatten", "Rename", "Select"),
    },
)
