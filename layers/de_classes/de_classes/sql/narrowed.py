"""A commit as DuckDB asks Arrow for it: by the columns that a question needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.dataset as ds  # type: ignore[import-untyped]  # it ships no types

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.storage.datasets.arrow_source import ArrowSource


class NarrowedDataset(ds.Dataset):  # type: ignore[misc]  # it ships no types
    """What DuckDB takes for a dataset of Arrow's, since it tells such alone which columns and rows it needs.

    Arrow's own, over our stores' parts, would call Python from threads of its own, while DuckDB waits for
    these and lets Python not run.

    Args:
        source: The commit.
    """

    def __init__(self, source: ArrowSource) -> None:
        self._source = source

    @property
    def schema(self) -> pa.Schema:
        """Of all columns."""
        return self._source.schema

    def scanner(self, columns: list[str] | None = None, filter: ds.Expression | None = None) -> _Scan:  # noqa: A002 - Arrow's name
        """One reading.

        Args:
            columns: Their names; all by default.
            filter: Which rows; all by default.
        """
        return _Scan(self._source, columns, filter)


class _Scan:
    def __init__(self, source: ArrowSource, columns: list[str] | None, rows: ds.Expression | None) -> None:
        self._source = source
        self._columns = columns or source.schema.names
        self._rows = rows

    def to_reader(self) -> pa.RecordBatchReader:
        schema = pa.schema([self._source.schema.field(name) for name in self._columns])
        batches = self._source.batches(self._columns) if self._rows is None else self._chosen()
        return pa.RecordBatchReader.from_batches(schema, batches)

    def _chosen(self) -> Iterator[pa.RecordBatch]:
        for batch in self._source.batches(self._needed(str(self._rows))):
            yield batch.filter(self._rows).select(self._columns)

    def _needed(self, condition: str) -> list[str]:
        """What is asked for, and whatever the condition may name; all if that does not do."""
        schema = self._source.schema
        names = [name for name in schema.names if name in self._columns or name in condition]
        try:
            pa.schema([schema.field(name) for name in names]).empty_table().filter(self._rows)
        except (pa.ArrowException, KeyError):
            return list(schema.names)
        return names
