from __future__ import annotations

import io
import random
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it ships no types
import pytest

from de_classes.errors import DataFormatError, MalformedDataError, UnsupportedValueError
from de_classes.storage.format.parquet_codec import (
    BATCH_ROWS,
    ROW_GROUP_BYTES,
    ROW_GROUP_ROWS,
    ParquetCodec,
    RowGroups,
    columns_worth_a_dictionary,
)
from de_classes.storage.format.schema import infer
from tests.fakes.format_samples import EARTHQUAKES, read, same_records, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from de_classes.storage.format.schema import Record

CODEC = ParquetCodec()


def parquet(data: bytes) -> pq.ParquetFile:
    return pq.ParquetFile(io.BytesIO(data))


def foreign(**columns: Any) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.table(columns), target)
    return target.getvalue()


def test_other_tools_see_typed_columns() -> None:
    schema = parquet(write(CODEC, [EARTHQUAKES])).schema_arrow
    assert schema.field("id").type == pa.string()
    assert schema.field("properties").type.field("felt").type == pa.int64()
    assert schema.field("geometry").type.field("coordinates").type.value_type == pa.float64()


def test_F53_mixed_values_are_json_text_for_others_and_themselves_for_us() -> None:
    records: list[Record] = [{"a": 1, "b": {"x": [1, "y"]}}, {"a": "x", "b": None}, {"a": {}, "b": None}]
    written = write(CODEC, [records])
    assert parquet(written).read().column("a").to_pylist() == ["1", '"x"', "{}"]
    assert same_records(read(CODEC, written), records)


def test_row_groups_are_cut_by_rows_and_by_size_but_never_by_page() -> None:
    rows: list[Record] = [{"a": row} for row in range(ROW_GROUP_ROWS + 10)]
    metadata = parquet(
        write(CODEC, [rows[start : start + 777] for start in range(0, len(rows), 777)])
    ).metadata
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [ROW_GROUP_ROWS, 10]
    large: list[Record] = [{"a": "x" * 20_000}] * (2 * BATCH_ROWS + 1)
    metadata = parquet(write(CODEC, [large])).metadata
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [2 * BATCH_ROWS, 1]


@pytest.mark.parametrize("late", [{"a": 2.5}, {"a": 1, "b": 2}, {"a": "x"}, {"a": 2**70}], ids=str)
def test_F51_a_bare_writer_refuses_what_arrow_would_drop_or_cut_down(late: Record) -> None:
    with (
        pytest.raises(UnsupportedValueError, match=r"from row 1 .*too narrow.*SegmentedWriter"),
        CODEC.open_writer(io.BytesIO(), schema=infer([{"a": 1}])) as writer,
    ):
        writer.write([late])


def test_without_a_schema_the_first_records_give_it() -> None:
    target = io.BytesIO()
    with CODEC.open_writer(target) as writer:
        writer.write([{"a": 1, "b": "x"}])
    assert writer.schema.names == ("a", "b")
    assert read(CODEC, target.getvalue()) == [{"a": 1, "b": "x"}]


def test_records_without_fields_are_refused() -> None:
    with pytest.raises(UnsupportedValueError, match="without any field"):
        write(CODEC, [[{}]])


def test_types_of_other_writers_are_read_if_json_has_them() -> None:
    data = foreign(
        i=pa.array([1, None], pa.int8()),
        u=pa.array([2**64 - 1, 0], pa.uint64()),
        f=pa.array([0.5, None], pa.float32()),
        s=pa.array(["x", None], pa.large_string()),
        d=pa.array(["x", "x"]).dictionary_encode(),
        n=pa.array([[{"a": 1}], None]),
    )
    first = {"i": 1, "u": 2**64 - 1, "f": 0.5, "s": "x", "d": "x", "n": [{"a": 1}]}
    second = {"i": None, "u": 0, "f": None, "s": None, "d": "x", "n": None}
    assert read(CODEC, data) == [first, second]


@pytest.mark.parametrize("value", [datetime(2024, 1, 1), date(2024, 1, 1), Decimal("1.5"), b"x"])  # noqa: DTZ001 - a naive one
def test_types_json_does_not_have_are_left_to_dataframes(value: object) -> None:
    data = foreign(id=[1], a=[[value]])
    with pytest.raises(UnsupportedValueError, match=r"is .*read it as a DataFrame"):
        read(CODEC, data)
    assert CODEC.load_frame(data)["a"].tolist() == [[value]]


def test_a_damaged_file_is_refused_not_half_read() -> None:
    whole = bytearray(write(CODEC, [EARTHQUAKES * 50]))
    whole[60:200] = b"\xff" * 140
    with pytest.raises(MalformedDataError, match="not a readable Parquet file"):
        read(CODEC, bytes(whole))


def test_no_damaged_byte_goes_unseen_or_gives_an_untyped_error() -> None:
    whole = write(CODEC, [EARTHQUAKES * 20])
    records, chance = read(CODEC, whole), random.Random(7)  # noqa: S311 - repeatable, not secret
    for _ in range(400):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        try:
            survived = read(CODEC, bytes(damaged))
        except DataFormatError:
            continue
        assert len(survived) == len(records)


def test_a_damaged_value_fails_its_checksum() -> None:
    records: list[Record] = [{"a": "needle in plain sight"}]
    whole = write(CODEC, [records])
    with pytest.raises(MalformedDataError, match=r"(?i)crc|checksum"):
        read(CODEC, whole.replace(b"needle", b"noodle"))


@pytest.mark.parametrize("rows", [0, 1, ROW_GROUP_ROWS, ROW_GROUP_ROWS + BATCH_ROWS])
def test_an_abandoned_file_gets_nothing_more_and_no_footer(rows: int) -> None:
    target = io.BytesIO()
    writer = CODEC.open_writer(target, schema=infer([{"a": 1}]))
    writer.write([{"a": 1}] * rows)
    before = target.getvalue()
    writer.abandon()
    assert target.getvalue() == before
    assert (len(before) > 0, before.endswith(b"PAR1")) == (rows >= ROW_GROUP_ROWS, False)


def test_a_file_without_rows_has_the_columns_that_were_declared() -> None:
    schema = infer([{"a": 1, "b": {"c": ["x"]}}])
    target = io.BytesIO()
    CODEC.open_writer(target, schema=schema).close()
    assert parquet(target.getvalue()).read().to_pylist() == []
    assert CODEC.read_columns(io.BytesIO(target.getvalue())) == schema.names


def test_marked_text_that_is_no_json_is_refused() -> None:
    field = pa.field("a", pa.string(), metadata={b"de_classes.type": b"json"})
    target = io.BytesIO()
    pq.write_table(pa.table([["{oops"]], schema=pa.schema([field])), target)
    with pytest.raises(MalformedDataError, match="column 'a', marked as JSON text"):
        read(CODEC, target.getvalue())


@pytest.mark.parametrize(
    "values",
    [[Decimal("1.10"), None, Decimal("-20.5")], [date(2024, 2, 29), None], [b"\x00\xff", b"", None]],
    ids=["decimal", "date", "bytes"],
)
def test_objects_that_arrow_has_types_for_read_back_equal(values: Sequence[object]) -> None:
    frame = pd.DataFrame({"a": pd.Series(list(values), dtype=object)})
    pd.testing.assert_frame_equal(CODEC.load_frame(CODEC.dump_frame(frame)), frame)


def test_seconds_are_refused_because_parquet_has_none() -> None:
    frame = pd.DataFrame({"a": pd.to_datetime(["2024-05-01"]).as_unit("s")})
    with pytest.raises(UnsupportedValueError, match=r"column 'a'.*datetime64\[ms\]"):
        CODEC.dump_frame(frame)


def test_integers_of_other_writers_do_not_become_floats_in_a_dataframe() -> None:
    frame = CODEC.load_frame(
        foreign(a=pa.array([2**53 + 1, None]), b=pa.array([2**64 - 1, None], pa.uint64()))
    )
    assert frame.dtypes.astype(str).to_dict() == {"a": "Int64", "b": "UInt64"}
    assert (frame["a"][0], frame["b"][0]) == (2**53 + 1, 2**64 - 1)


def test_an_index_stored_by_another_writer_is_a_column() -> None:
    target = io.BytesIO()
    pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="key")).to_parquet(target)
    assert CODEC.load_frame(target.getvalue()).to_dict("list") == {"a": [1, 2], "key": ["x", "y"]}


def test_rows_without_columns_are_refused() -> None:
    with pytest.raises(UnsupportedValueError, match="without any column"):
        CODEC.dump_frame(pd.DataFrame(index=pd.RangeIndex(2)))


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
