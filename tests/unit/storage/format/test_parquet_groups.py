from __future__ import annotations

import io
import random
from typing import TYPE_CHECKING

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it ships no types
import pytest

from de_classes.storage.format.parquet_groups import ROW_GROUP_BYTES, RowGroups, columns_worth_a_dictionary

if TYPE_CHECKING:
    from collections.abc import Sequence

ROWS = 5_000
WORDS = [f"{number:024x}" for number in range(ROWS)]
STRUCT = pa.struct([("x", pa.int64()), ("y.z", pa.list_(pa.field("element", pa.string())))])


def written(schema: pa.Schema, *rows: Sequence[pa.Array]) -> pq.ParquetFile:
    target = io.BytesIO()
    groups = RowGroups(target, schema)
    for arrays in rows:
        groups.add(arrays)
    groups.close()
    return pq.ParquetFile(target)


def by_dictionary(file: pq.ParquetFile) -> list[str]:
    columns = map(file.metadata.row_group(0).column, range(file.metadata.num_columns))
    return [column.path_in_schema for column in columns if "RLE_DICTIONARY" in column.encodings]


def group_sizes(file: pq.ParquetFile) -> list[int]:
    return [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]


def test_columns_that_repeat_themselves_are_written_by_a_dictionary_and_no_others() -> None:
    chance = random.Random(7)  # noqa: S311 - repeatable, not secret
    columns = {
        "id": list(range(ROWS)),
        "amount": [chance.random() for _ in range(ROWS)],
        "country": [WORDS[number % 7] for number in range(ROWS)],
        "count": [number % 40 or None for number in range(ROWS)],
        "paid": [number % 3 == 0 for number in range(ROWS)],
        "code": WORDS,
        "customer": [WORDS[chance.randrange(1_000)] for _ in range(ROWS)],
    }
    table = pa.table(columns)
    assert columns_worth_a_dictionary(table) == ["country", "count", "customer"]
    file = written(table.schema, [column.combine_chunks() for column in table.columns])
    assert by_dictionary(file) == ["country", "count", "customer"]
    assert file.read().to_pydict() == columns


def test_nested_values_are_chosen_each_for_themselves() -> None:
    rows = [[{"x": number, "y.z": ["a", WORDS[number % 5]]}] for number in range(ROWS)]
    schema = pa.schema([("a.b", pa.list_(pa.field("element", STRUCT)))])
    file = written(schema, [pa.array(rows, schema.types[0])])
    assert by_dictionary(file) == ["a.b.list.element.y.z.list.element"]
    assert file.read().column(0).to_pylist() == rows


@pytest.mark.parametrize("kind", [pa.null(), pa.string(), pa.bool_(), pa.list_(pa.string()), STRUCT], ids=str)
def test_nulls_alone_are_a_column_of_any_kind(kind: pa.DataType) -> None:
    file = written(pa.schema([("a", kind)]), [pa.nulls(3, kind)])
    assert file.read().to_pylist() == [{"a": None}] * 3


def test_a_group_ends_by_the_size_of_its_values_however_their_arrays_were_made() -> None:
    text = "x" * (ROW_GROUP_BYTES // 4_000 - 4)  # with its offset, 4,000 fill a group
    schema = pa.schema([("a", pa.string()), ("n", pa.null())])
    whole = pa.array([text] * 1_002)
    nulls_marked = pa.concat_arrays([pa.array(["", None]), whole])
    assert nulls_marked.nbytes > whole.nbytes
    for array in (whole.slice(2), nulls_marked.slice(4), pa.array([text] * 1_000)):
        rows = [array, pa.nulls(1_000)]
        assert group_sizes(written(schema, *[rows] * 5)) == [5_000]
        fuller = [pa.array([text + "x" * 512] * 1_000), pa.nulls(1_000)]
        assert group_sizes(written(schema, *[rows] * 3, fuller, rows)) == [4_000, 1_000]


def test_the_values_of_lists_and_objects_count() -> None:
    items = [[{"x": 1, "y.z": ["x" * 10_000] * 4}, None], None] * 500
    kind = pa.list_(pa.field("element", STRUCT))
    array = pa.array(items, kind)
    assert group_sizes(written(pa.schema([("a", kind)]), *[[array]] * 3)) == [2_000, 1_000]
    empty = pa.array([[]] * 1_000, kind)
    assert group_sizes(written(pa.schema([("a", kind)]), *[[empty]] * 3)) == [3_000]
