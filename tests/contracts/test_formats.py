"""What every format promises, checked on every format."""

from __future__ import annotations

import io
import tracemalloc
from datetime import timedelta, timezone
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings

from de_classes.errors import InvalidInputError, MalformedDataError, UnsupportedValueError
from de_classes.storage.format.codec import format_names, get_codec
from de_classes.storage.format.schema import Schema
from de_classes.storage.format.segmented import SegmentedWriter
from de_classes.utils import strict_json
from de_classes.utils.formats import FORMATS
from tests.fakes.effort import examples, first_of
from tests.fakes.every import every
from tests.fakes.format_samples import EARTHQUAKES, RECORD_CASES, RECORDS, read, same_records, write
from tests.fakes.written import CHECKS, Written, loads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

    from de_classes.storage.format.codec import FormatCodec
    from de_classes.storage.format.schema import Record

TEXT_FORMATS = [name for name, known in FORMATS.items() if known.is_text]
TIMESTAMPS_ARE_TEXT = [name for name in TEXT_FORMATS if not get_codec(name).has_timestamp_type]
TIMESTAMPS_ARE_A_TYPE = [name for name in FORMATS if get_codec(name).has_timestamp_type]
VIENNA = "Europe/Vienna"
# Half of what all cost together is that case's.
WIDENING = [
    pytest.param(case, marks=pytest.mark.slow if case == "map_not_struct" else ()) for case in RECORD_CASES
]
# Formats that need no schema are written straight on, and have no segments.
SEGMENTED = [
    pytest.param(name, marks=() if get_codec(name).needs_schema else pytest.mark.slow)
    for name in format_names()
]
MANY_RECORDS = [record for case in RECORD_CASES.values() for _ in range(60) for record in case]


@pytest.fixture(params=format_names())
def codec(request: pytest.FixtureRequest) -> FormatCodec:
    return get_codec(request.param)


@pytest.fixture(params=TEXT_FORMATS)
def text_codec(request: pytest.FixtureRequest) -> FormatCodec:
    return get_codec(request.param)


class Drip(io.RawIOBase):
    """A source that can only be read forwards, a few bytes at a time, like a network stream."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return self._data.read(min(size, 7) if size > 0 else 7)


# --- what is registered --------------------------------------------------------------------------


def test_every_format_that_is_registered_has_its_entry() -> None:
    unlike = set(CHECKS) ^ set(format_names())
    assert unlike == set(), "each format of utils/formats.py has its line in CHECKS of tests/fakes/written.py"


@pytest.mark.parametrize("name", format_names())
def test_a_codec_has_the_name_that_it_is_registered_by(name: str) -> None:
    codec = get_codec(name)
    assert (codec.name, codec.extension, codec.content_type) == (name, f".{name}", FORMATS[name].media_type)


def test_a_format_that_names_its_columns_needs_to_know_them_so_that_all_parts_name_the_same(
    codec: FormatCodec,
) -> None:
    assert codec.needs_schema >= codec.keeps_columns, (
        "keeps_columns without needs_schema: say both, or neither"
    )


@every("case", RECORD_CASES)
@every("name", CHECKS)
def test_somebody_else_reads_what_was_written(name: str, case: str) -> None:
    records = RECORD_CASES[case]
    CHECKS[name](Written(name, records), loads(strict_json.dumps(records)))


# --- records -------------------------------------------------------------------------------------


@every("case", RECORD_CASES)
def test_records_read_back_equal(codec: FormatCodec, case: str) -> None:
    records = RECORD_CASES[case]
    assert same_records(read(codec, write(codec, [records])), records)


@pytest.mark.parametrize("codec", SEGMENTED, indirect=True)
@pytest.mark.parametrize("case", WIDENING)
def test_records_read_back_equal_when_every_one_widens_a_sealed_segment(
    codec: FormatCodec, case: str
) -> None:
    records = [record for record in RECORD_CASES[case] for _ in range(1_000)]
    assert same_records(read(codec, write(codec, [records])), records)


@settings(max_examples=examples(60), deadline=None, database=None)
@example(records=[{"\0\0": None}])
@given(records=RECORDS)
def test_any_records_read_back_equal_in_every_format(records: list[Record]) -> None:
    for name in format_names():
        written = write(get_codec(name), [records])
        assert same_records(read(get_codec(name), written), records), name


@pytest.mark.parametrize("page", first_of([7, 1, 999, 1_000, 2_500]))
def test_bytes_do_not_depend_on_how_records_were_cut_into_pages(codec: FormatCodec, page: int) -> None:
    pages = [MANY_RECORDS[start : start + page] for start in range(0, len(MANY_RECORDS), page)]
    assert write(codec, pages) == many_records_written(codec.name)


@cache
def many_records_written(name: str) -> bytes:
    return write(get_codec(name), [MANY_RECORDS])


def test_same_records_give_the_same_bytes_twice(codec: FormatCodec) -> None:
    assert write(codec, [EARTHQUAKES]) == write(codec, [EARTHQUAKES])


def test_an_empty_result_keeps_the_columns_it_knows(codec: FormatCodec) -> None:
    written = write(codec, [[]], schema=Schema.of_columns(("id", "a,b")))
    assert read(codec, written) == []
    assert codec.read_columns(io.BytesIO(written)) == (("id", "a,b") if codec.keeps_columns else ())


def test_an_empty_result_of_unknown_columns_is_a_valid_file(codec: FormatCodec) -> None:
    assert read(codec, write(codec, [])) == []


def test_known_columns_come_first_and_others_follow_in_the_order_seen(codec: FormatCodec) -> None:
    target = io.BytesIO()
    with SegmentedWriter(codec, target, schema=Schema.of_columns(("z", "y"))) as writer:
        writer.write([{"b": 1, "y": 2}, {"a": 3}])
    assert writer.schema.names == ("z", "y", "b", "a")


def test_a_source_that_only_drips_forwards_is_read(codec: FormatCodec) -> None:
    source: Any = Drip(write(codec, [EARTHQUAKES]))
    assert same_records([record for batch in codec.read(source) for record in batch], EARTHQUAKES)


@pytest.mark.parametrize("case", RECORD_CASES)
def test_single_fields_are_read_as_whole_records_have_them(codec: FormatCodec, case: str) -> None:
    written = write(codec, [RECORD_CASES[case]])
    whole = [record for batch in codec.read(io.BytesIO(written)) for record in batch]
    for name in {name for record in whole for name in record}:
        alone = [record for batch in codec.read_fields(io.BytesIO(written), [name]) for record in batch]
        assert [record.get(name) for record in alone] == [record.get(name) for record in whole]


def test_reading_hands_on_batches_of_bounded_size(codec: FormatCodec) -> None:
    written = write(codec, [[{"a": row} for row in range(2_500)]])
    assert [len(batch) for batch in codec.read(io.BytesIO(written))] == [1_000, 1_000, 500]


def _pages(count: int) -> Iterator[list[Record]]:
    for page in range(count):
        yield [{"id": page * 500 + row, "text": f"row {row} " * 20, "x": row / 7} for row in range(500)]


@pytest.mark.parametrize("name", TEXT_FORMATS)
def test_memory_of_a_writer_does_not_grow_with_the_records(name: str, tmp_path: Any) -> None:
    peaks = []
    for pages in (2, 10):
        with (tmp_path / name).open("wb") as target, SegmentedWriter(get_codec(name), target) as writer:
            tracemalloc.start()
            for page in _pages(pages):
                writer.write(page)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_a_closed_writer_takes_no_more(codec: FormatCodec) -> None:
    writer = codec.open_writer(io.BytesIO(), schema=Schema.of_columns(("a",)))
    writer.close()
    writer.close()
    with pytest.raises(InvalidInputError, match="closed"):
        writer.write([{"a": None}])


def test_an_abandoned_writer_leaves_no_complete_file(codec: FormatCodec) -> None:
    target = io.BytesIO()
    writer = SegmentedWriter(codec, target)
    writer.write([{"a": row} for row in range(2_500)])
    writer.abandon()
    writer.close()
    assert target.getvalue() == b"" or not codec.needs_schema
    if codec.name != "jsonl":
        with pytest.raises(MalformedDataError):
            read(codec, target.getvalue())


def test_a_block_that_fails_abandons_its_writer(codec: FormatCodec) -> None:
    target = io.BytesIO()
    with pytest.raises(UnsupportedValueError), SegmentedWriter(codec, target) as writer:
        writer.write([{"a": row} for row in range(1_500)] + [{"a": timedelta(1)}] * 600)
    with pytest.raises(InvalidInputError, match="closed"):
        writer.write([{"a": 1}])


@pytest.mark.parametrize("value", ["\ud800", {"deep": ["\udfff"]}], ids=["text", "nested"])
def test_F54_lone_surrogates_are_refused_with_column_and_row(codec: FormatCodec, value: object) -> None:
    with pytest.raises(UnsupportedValueError, match=r"column 'bad', row 2: .*surrogate"):
        write(codec, [[{"bad": "fine" if isinstance(value, str) else None}, {"bad": value}]])


def test_a_column_name_with_a_lone_surrogate_is_refused(codec: FormatCodec) -> None:
    with pytest.raises(UnsupportedValueError, match="surrogate"):
        write(codec, [[{"\ud800": 1}]])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")]], ids=str)
def test_F54_nan_and_infinity_are_refused_in_text_with_column_and_row(
    text_codec: FormatCodec, value: object
) -> None:
    with pytest.raises(UnsupportedValueError, match="column 'bad', row 2"):
        write(text_codec, [[{"ok": 1.0, "bad": None}, {"bad": value}]])


def test_F54_parquet_holds_nan_and_infinity() -> None:
    parquet = get_codec("parquet")
    back = read(parquet, write(parquet, [[{"a": float("nan")}, {"a": float("-inf")}]]))
    assert np.isnan(back[0]["a"])
    assert back[1] == {"a": float("-inf")}


def test_a_value_that_is_not_json_is_refused_with_column_and_row(codec: FormatCodec) -> None:
    with pytest.raises(UnsupportedValueError, match="column 'when', row 2"):
        write(codec, [[{"when": None}, {"when": timedelta(1)}]])


def test_an_integer_python_will_not_spell_is_refused(codec: FormatCodec) -> None:
    with pytest.raises(UnsupportedValueError, match=r"column 'a', row 1: .*digits"):
        write(codec, [[{"a": 10**5_000}]])


def test_nesting_beyond_the_limit_is_refused(codec: FormatCodec) -> None:
    value: list[Any] = []
    for _ in range(5_000):
        value = [value]
    with pytest.raises(UnsupportedValueError, match=r"column 'a', row 1: .*nested"):
        write(codec, [[{"a": value}]])


@every("data", [b"\xff\xfe\x00", b"PAR1PAR1", b'["', b'"a\n', b"]", b"{", b"\0" * 50])
def test_bytes_that_are_no_file_of_the_format_are_refused(codec: FormatCodec, data: bytes) -> None:
    with pytest.raises(MalformedDataError):
        codec.load_frame(data)


def test_a_file_cut_anywhere_is_refused_or_gives_only_whole_records(codec: FormatCodec) -> None:
    whole = write(codec, [EARTHQUAKES * 3])
    records = read(codec, whole)
    for length in range(1, len(whole)):
        try:
            survived = read(codec, whole[:length])
        except MalformedDataError:
            continue
        assert survived == records[: len(survived)]


# --- DataFrames ----------------------------------------------------------------------------------


def _instants(zone: str | tzinfo, unit: str) -> pd.Series[Any]:
    ticks = pd.Series(np.array(["2024-10-27T00:30", "2024-10-27T01:30:00", "NaT"], dtype=f"M8[{unit}]"))
    return ticks.dt.tz_localize("UTC").dt.tz_convert(zone)


COLUMNS: dict[str, pd.Series[Any]] = {
    "int64": pd.Series([1, -(2**63), 2**63 - 1]),
    "F52_Int64_with_null": pd.Series([9007199254740993, None, 0], dtype="Int64"),
    "float64_with_nan": pd.Series([0.1, np.nan, -0.0]),
    "whole_floats": pd.Series([1.0, 2.0, 1e16]),
    "bool": pd.Series([True, False, True]),
    "boolean_with_null": pd.Series([True, None, False], dtype="boolean"),
    "str_with_null_and_empty": pd.Series(['é,\n"x"', None, ""]),
    "str_like_numbers": pd.Series(["1", "true", "007"]),
    "str_like_json": pd.Series(["{", '["a"]', '"q"']),
    "utc_us": _instants("UTC", "us"),
    "utc_ns": _instants("UTC", "ns"),
    "zone_ms_over_dst": _instants(VIENNA, "ms"),
    "zone_us_over_dst": _instants(VIENNA, "us"),
    "fixed_offset": _instants(timezone(timedelta(hours=-5, minutes=-30)), "us"),
    "nested": pd.Series([{"a": [1, None]}, [], {"b": {"c": "é"}}]),
    "structs": pd.Series([{"a": 1, "b": [1.5]}, {"a": 2, "b": []}, None], dtype=object),
    "mixed": pd.Series([1, "1", None], dtype=object),
    "mixed_scalars": pd.Series([True, 1.5, {"a": 2**70}], dtype=object),
    "F53_beyond_64_bits": pd.Series([2**70, None, 1], dtype=object),
    "only_nulls": pd.Series([None, None, None], dtype=object),
}


@every("case", COLUMNS)
def test_a_dataframe_reads_back_equal_with_its_dtypes(codec: FormatCodec, case: str) -> None:
    frame = pd.DataFrame({"key": [1, 2, 3], "a, b": COLUMNS[case]})
    back = codec.load_frame(codec.dump_frame(frame))
    pd.testing.assert_frame_equal(back, frame, check_exact=True)
    assert [type(v) for v in back["a, b"]] == [type(v) for v in frame["a, b"]]


def test_all_columns_together_read_back_equal(codec: FormatCodec) -> None:
    frame = pd.DataFrame(COLUMNS)
    pd.testing.assert_frame_equal(codec.load_frame(codec.dump_frame(frame)), frame, check_exact=True)


def test_numpy_scalars_in_objects_read_back_as_equal_python_values(codec: FormatCodec) -> None:
    values = [{"n": np.int64(3)}, np.float32(0.5), np.str_("x")]
    back = codec.load_frame(codec.dump_frame(pd.DataFrame({"a": pd.Series(values, dtype=object)})))
    assert [(type(value), value) for value in back["a"]] == [(dict, {"n": 3}), (float, 0.5), (str, "x")]


def test_a_dataframe_without_rows_keeps_its_columns_or_is_refused(codec: FormatCodec) -> None:
    frame = pd.DataFrame(columns=["a", "b,c"])
    if codec.keeps_columns:
        pd.testing.assert_frame_equal(codec.load_frame(codec.dump_frame(frame)), frame)
    else:
        with pytest.raises(UnsupportedValueError, match="without rows"):
            codec.dump_frame(frame)


def test_a_dataframe_without_anything_reads_back_equal(codec: FormatCodec) -> None:
    pd.testing.assert_frame_equal(codec.load_frame(codec.dump_frame(pd.DataFrame())), pd.DataFrame())


REFUSED_LAYOUTS = {
    "called 'a'": pd.DataFrame([[1, 2]], columns=["a", "a"]),
    "must be strings": pd.DataFrame({0: [1]}),
    "strings: rename": pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")])),
    "reset_index": pd.DataFrame({"a": [1, 2]}, index=[1, 0]),
    r"reset_index\(\) keeps": pd.DataFrame({"a": [1]}, index=["x"]),
    "index holds data": pd.DataFrame({"a": [1]}, index=pd.RangeIndex(1, name="n")),
    "columns.name = None": pd.DataFrame({"a": [1]}).rename_axis(columns="x"),
}


@every("message", REFUSED_LAYOUTS)
def test_labels_that_no_format_keeps_are_refused(codec: FormatCodec, message: str) -> None:
    with pytest.raises(UnsupportedValueError, match=message):
        codec.dump_frame(REFUSED_LAYOUTS[message])


REFUSED_IN_TEXT = {
    "astype('int64')": pd.Series([1, 2, 3], dtype="int32"),
    "Int64 back as int64": pd.Series([1, 2, 3], dtype="Int64"),
    "astype('float64')": pd.Series([1, 2, 3], dtype="float32"),
    "uint64 back as object": pd.Series([1, 2, 2**64 - 1], dtype="uint64"),
    "category back as str": pd.Series(["a", "b", "a"], dtype="category"),
    "string back as str": pd.Series(["a", None, "b"], dtype="string"),
    "Timedelta is not a JSON value": pd.Series(pd.to_timedelta([1, 2, 3], "s")),
    "bytes is not a JSON value": pd.Series([b"a", None, b""], dtype=object),
    "tuple is not a JSON value": pd.Series([(1,), None, None], dtype=object),
    "keys must be strings": pd.Series([{1: 2}, None, None], dtype=object),
    "object back as int64": pd.Series([1, 2, 3], dtype=object),
    "shows no type": pd.Series([np.nan] * 3),
    "NaN among objects": pd.Series([{"a": 1}, np.nan, None], dtype=object),
    "row 2": pd.Series([1.0, np.inf, 2.0]),
    "surrogate": pd.Series(["\ud800", "a", None], dtype=object),
}


@every("message", REFUSED_IN_TEXT)
def test_what_text_cannot_give_back_is_refused_with_column_and_mend(
    text_codec: FormatCodec, message: str
) -> None:
    with pytest.raises(UnsupportedValueError) as caught:
        text_codec.dump_frame(pd.DataFrame({"fine": [1, 2, 3], "bad one": REFUSED_IN_TEXT[message]}))
    assert message in str(caught.value)
    assert "column 'bad one'" in str(caught.value)


REFUSED_IN_PARQUET = {"tuple is not a JSON value", "keys must be strings", "NaN among objects", "surrogate"}


@every("case", sorted(REFUSED_IN_PARQUET))
def test_parquet_refuses_what_arrow_has_no_type_for(case: str) -> None:
    with pytest.raises(UnsupportedValueError, match="column 'a'"):
        get_codec("parquet").dump_frame(pd.DataFrame({"a": REFUSED_IN_TEXT[case]}))


@every("case", sorted(REFUSED_IN_TEXT.keys() - REFUSED_IN_PARQUET))
def test_parquet_holds_dtypes_that_text_cannot(case: str) -> None:
    frame = pd.DataFrame({"a": REFUSED_IN_TEXT[case]})
    back = get_codec("parquet").load_frame(get_codec("parquet").dump_frame(frame))
    pd.testing.assert_frame_equal(back, frame, check_exact=True)


@pytest.mark.parametrize("name", TIMESTAMPS_ARE_TEXT)
def test_a_format_without_timestamps_refuses_ones_and_says_what_to_do(name: str) -> None:
    frame = pd.DataFrame({"when": pd.to_datetime(["2024-05-01T12:00:00"])})
    with pytest.raises(UnsupportedValueError, match=r"column 'when'.*tz_localize.*parquet"):
        get_codec(name).dump_frame(frame)


@pytest.mark.parametrize("name", TIMESTAMPS_ARE_TEXT)
def test_a_format_without_timestamps_refuses_strings_that_would_be_taken_for_timestamps(name: str) -> None:
    frame = pd.DataFrame({"note": ["2024-05-01T12:00:00+02:00[Europe/Vienna]"]})
    with pytest.raises(UnsupportedValueError, match="column 'note'"):
        get_codec(name).dump_frame(frame)


@pytest.mark.parametrize("name", TIMESTAMPS_ARE_A_TYPE)
def test_formats_that_tell_timestamps_keep_such_strings_and_naive_timestamps(name: str) -> None:
    frame = pd.DataFrame(
        {
            "note": ["2024-05-01T12:00:00+02:00[Europe/Vienna]", None],
            "when": pd.Series(np.array(["2024-05-01T12:00:00.123456", "NaT"], dtype="M8[us]")),
        }
    )
    pd.testing.assert_frame_equal(get_codec(name).load_frame(get_codec(name).dump_frame(frame)), frame)


def test_F52_streamed_integers_beside_nulls_stay_integers_in_a_dataframe(codec: FormatCodec) -> None:
    frame = codec.load_frame(write(codec, [[{"a": 9007199254740993, "b": True}, {"a": None, "b": None}]]))
    assert frame.dtypes.astype(str).to_dict() == {"a": "Int64", "b": "boolean"}
    assert frame["a"][0] == 9007199254740993


def test_a_column_that_a_writer_does_not_have_is_written_or_refused_and_never_left_out(
    codec: FormatCodec,
) -> None:
    target = io.BytesIO()
    writer = codec.open_writer(target, schema=Schema.of_columns(("a",)))
    try:
        writer.write([{"a": 1, "b": 2}])
        writer.close()
    except UnsupportedValueError:
        return  # its caller begins a segment that has the column
    target.seek(0)
    assert [record["b"] for batch in codec.read(target) for record in batch] == [2]
