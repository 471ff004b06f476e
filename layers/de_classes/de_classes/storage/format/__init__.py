"""Formats: records and DataFrames to bytes and back, without loss or with a typed error.

What is named here is loaded when it is first used, so that a process which streams CSV never
imports pandas or pyarrow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from de_classes.storage.format.codec import FormatCodec, Record, RecordWriter
    from de_classes.storage.format.data_format_service import DataFormatService
    from de_classes.storage.format.inference import infer
    from de_classes.storage.format.pinned import PinnedSchema, Violation, quarantine_line
    from de_classes.storage.format.registry import canonical_format, format_names, get_codec
    from de_classes.storage.format.schema import Schema, Widening, merge
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

_HOMES = {
    "DataFormatService": "data_format_service",
    "FormatCodec": "codec",
    "PinnedSchema": "pinned",
    "Record": "codec",
    "RecordWriter": "codec",
    "Schema": "schema",
    "SegmentedWriter": "segmented",
    "Violation": "pinned",
    "Widening": "schema",
    "canonical_format": "registry",
    "format_names": "registry",
    "get_codec": "registry",
    "infer": "inference",
    "merge": "schema",
    "quarantine_line": "pinned",
}


def __getattr__(name: str) -> object:
    """Load an exported name from the module it lives in."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """Show what can be imported, loaded or not."""
    return sorted(__all__)
