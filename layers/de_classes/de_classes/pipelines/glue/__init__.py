"""Glue: a dataset as a table of the catalog that Athena, Redshift Spectrum and Spark read, by boto3 alone.

What is named here is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.utils.lazy import loaded_on_use

if TYPE_CHECKING:
    from de_classes.pipelines.glue.address import GlueAddress
    from de_classes.pipelines.glue.loader import GlueTableLoader
    from de_classes.pipelines.glue.table import GlueTable, Registered

__all__ = ["GlueAddress", "GlueTable", "GlueTableLoader", "Registered"]

__getattr__, __dir__ = loaded_on_use(
    __name__,
    {
        "address": ("GlueAddress",),
        "loader": ("GlueTableLoader",),
        "table": ("GlueTable", "Registered"),
    },
)
