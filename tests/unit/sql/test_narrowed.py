from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pytest

from de_classes.sql.narrowed import NarrowedDataset

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROWS = pa.table(
    {"a": [1, 2, None], "b": ["x", "a b d", None], "c": [0.5, None, 2.5], "d": [True, False, None]}
)


class Source:
    """Three rows, a batch each; notes the columns that are read."""

    schema = ROWS.schema

    def __init__(self) -> None:
        self.read: list[Sequence[str]] = []

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        self.read.append(self.schema.names if columns is None else columns)
        yield from ROWS.select(self.read[-1]).to_batches(max_chunksize=1)


@pytest.mark.parametrize(
    ("question", "rows", "read"),
    [
        ("SELECT c FROM t", [(0.5,), (None,), (2.5,)], ["c"]),
        ("SELECT count(*) FROM t", [(3,)], ["a"]),
        ("SELECT a FROM t WHERE c > 1", [(None,)], ["a", "c"]),
        ("SELECT a FROM t WHERE b = 'a b d' AND d IS NOT NULL", [(2,)], ["a", "b", "d"]),
        ("SELECT a FROM t WHERE b IN ('x', 'y', 'z') OR d", [(1,)], ["a", "b", "d"]),
        ("SELECT c FROM t WHERE a IS NULL", [(2.5,)], ["a", "c"]),
        ("FROM t", ROWS.to_pylist(), ["a", "b", "c", "d"]),
    ],
)
def test_only_the_columns_are_read_that_a_question_names(
    question: str, rows: list[Any], read: list[str]
) -> None:
    source = Source()
    with duckdb.connect() as connection:
        connection.register("t", NarrowedDataset(source))  # type: ignore[arg-type]  # as much of one as is asked
        found = connection.execute(question).fetchall()
    assert found == [tuple(row.values()) if isinstance(row, dict) else row for row in rows]
    assert {name for columns in source.read for name in columns} <= {*read}
