"""Formats: records and DataFrames to bytes and back, without loss or with a typed error.

What is named here is loaded when it is first used, so that a process which streams CSV never
imports pandas or pyarrow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.utils.lazy import loaded_on_use

if TYPE_CHECKING:
    from de_classes.storage.format.codec import (
        FormatCodec,
        RecordWriter,
        canonical_format,
        format_names,
        get_codec,
    )
    from de_classes.storage.format.data_format_service import DataFormatService
    from de_classes.storage.format.pinned import PinnedSchema, Violation, quarantine_line
    from de_classes.storage.format.schema import Record, Schema, Widening, infer, merge
    from de_classes.storage.format.segmented import SegmentedWriter

__all__ = [
    "DataFormatService",
    "FormatCodec",
    "PinnedSchema",
    "Record",
    "RecordWriter",
    "Schema",
    "SegmentedWriter",
    "Violation",
    "Widening",
    "canonical_format",
    "format_names",
    "get_codec",
    "infer",
    "merge",
    "quarantine_line",
]

__getattr__, __dir__ = loaded_on_use(
    __name__,
    {
        "codec": ("FormatCodec", "RecordWriter", "canonical_format", "format_names", "get_codec"),
        "data_format_service": ("DataFormatService",),
        "pinned": ("PinnedSchema", "Violation", "quarantine_line"),
        "schema": ("Record", "Schema", "Widening", "infer", "merge"),
        "segmented": ("SegmentedWriter",),
    },
)
