from __future__ import annotations

import csv
import io
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from de_classes.errors import MalformedDataError, UnsupportedValueError
from de_classes.storage.format.csv_codec import (
    FORMULA_STARTS,
    CsvCodec,
    cell_alone,
    decode_cell,
    defuse_formula,
    encode_cell,
    encode_rows,
    split_row,
)
from de_classes.storage.format.schema import Schema
from de_classes.storage.format.timestamps import TimestampText
from de_classes.utils.strict_json import Number
from tests.fakes.effort import examples
from tests.fakes.format_samples import CELLS, read, same, same_records, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.storage.format.schema import Record

CODEC = CsvCodec()


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        ("", '""'),
        ("text", '"text"'),
        ('say "hi"', '"say ""hi"""'),
        ("12", '"12"'),
        (12, "12"),
        (-2.5, "-2.5"),
        (1e16, "1e+16"),
        (2**70, "1180591620717411303424"),
        (True, "true"),
        (False, "false"),
        ({"a": [1, None]}, '"{""a"":[1,null]}"'),
        ([], '"[]"'),
        ("{not json", r'"""{not json"""'),
        ('"quoted"', r'"""\""quoted\"""""'),
        (
            TimestampText("2024-05-01T12:00:00+02:00[Europe/Vienna]"),
            "2024-05-01T12:00:00+02:00[Europe/Vienna]",
        ),
        ("2024-05-01T12:00:00+02:00[Europe/Vienna]", '"2024-05-01T12:00:00+02:00[Europe/Vienna]"'),
    ],
)
def test_F55_every_cell_tells_its_type(value: object, cell: str) -> None:
    assert encode_cell(value) == cell
    [(quoted, text)] = split_row(cell)
    back = decode_cell(quoted, text)
    assert (type(back), back) == (type(value), value)


@settings(max_examples=examples(300), deadline=None, database=None)
@given(values=st.lists(CELLS, min_size=1, max_size=4))
def test_F55_any_cells_read_back_equal(values: list[Any]) -> None:
    records: list[Record] = [{str(number): value for number, value in enumerate(values)}] * 2
    assert same_records(read(CODEC, write(CODEC, [records])), records)


@settings(max_examples=examples(200), deadline=None, database=None)
@given(data=st.binary(max_size=30) | st.text('",\n\r{[1é.', max_size=20).map(str.encode))
def test_any_bytes_are_read_or_refused_with_a_typed_error(data: bytes) -> None:
    try:
        records = read(CODEC, b'"a","b"\n' + data)
    except MalformedDataError:
        return
    columns = Schema.of_columns(("a", "b"))
    assert same_records(read(CODEC, write(CODEC, [records], schema=columns)), records)


def test_F55_null_and_empty_string_differ() -> None:
    written = write(CODEC, [[{"a": None, "b": ""}, {"a": "", "b": None}]])
    assert written == b'"a","b"\n,""\n"",\n'
    assert read(CODEC, written) == [{"a": None, "b": ""}, {"a": "", "b": None}]


def test_the_standard_library_reads_the_same_texts() -> None:
    values = ["x", 'a "b"', "line\nbreak", "comma, too", "é"]
    written = write(CODEC, [[{"n": number, "text": value} for number, value in enumerate(values)]])
    rows = list(csv.reader(io.StringIO(written.decode(), newline="")))
    assert rows == [["n", "text"], *([str(number), value] for number, value in enumerate(values))]


def test_csv_of_other_tools_is_understood() -> None:
    data = '\ufeffname,zip,count,at\r\nAnna,0815,3,2024-05-01\r\n"B, C",1010,,NaN\r\n'.encode()
    assert read(CODEC, data) == [
        {"name": "Anna", "zip": "0815", "count": 3, "at": "2024-05-01"},
        {"name": "B, C", "zip": 1010, "count": None, "at": "NaN"},
    ]


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"", "not even a header"),
        (b'"a","a"\n', "same name"),
        (b'"a"\n1', "line 2: cut short"),
        (b'"a"\n"1', "cut short"),
        (b'"a"\n1\n"x"y\n', "line 3: a stray quote in cell 1"),
        (b'"a"\nx"y"\n', "line 2: a stray quote in cell 1|cut short"),
        (b'"a","b"\n1,2\n1\n', "line 3: 1 cells under 2 columns"),
        (b'"a"\n"\n\n"\n1,2\n', "line 5: 2 cells"),
        (b'"a"\n"{oops"\n', "line 2: quoted text that starts with {"),
        (b'"a"\n1e999\n', "line 2: a number too large"),
        (b'"a"\n' + b"1" * 5_000 + b"\n", "line 2: an integer of more digits"),
        (b'"a"\n\xff\n', "line 2: not UTF-8"),
    ],
    ids=lambda value: value[:24] if isinstance(value, bytes) else "",
)
def test_what_is_no_csv_of_ours_is_refused_by_line(data: bytes, where: str) -> None:
    with pytest.raises(MalformedDataError, match=where):
        read(CODEC, data)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_F56_formulas_are_escaped_where_asked(text: str) -> None:
    escaped = write(CsvCodec(escape_formulas=True), [[{"a": text, "b": -1}]])
    assert read(CODEC, escaped) == [{"a": f"'{text}", "b": -1}]
    assert read(CODEC, write(CODEC, [[{"a": text}]])) == [{"a": text}]


def test_F56_rewriting_a_segment_escapes_once() -> None:
    pages: list[list[Record]] = [[{"a": "=1"}] * 1_000, [{"a": "=2", "late": "@"}]]
    back = read(CODEC, write(CsvCodec(escape_formulas=True), pages))
    assert back[0] == {"a": "'=1", "late": None}
    assert back[-1] == {"a": "'=2", "late": "'@"}


def test_F56_a_column_name_like_a_formula_is_refused_where_escaping_is_asked() -> None:
    with pytest.raises(UnsupportedValueError, match=r"'=a'.*rename"):
        write(CsvCodec(escape_formulas=True), [[{"=a": 1}]])


def test_F51_a_bare_writer_refuses_a_late_column_instead_of_dropping_it() -> None:
    writer = CODEC.open_writer(io.BytesIO())
    writer.write([{"a": 1}])
    with pytest.raises(UnsupportedValueError, match=r"column 'b', row 2: .*SegmentedWriter"):
        writer.write([{"a": 1, "b": 2}])


def test_records_without_fields_keep_their_number() -> None:
    assert read(CODEC, write(CODEC, [[{}, {}]])) == [{}, {}]


def test_a_null_in_a_single_column_is_a_blank_line() -> None:
    assert read(CODEC, b'"a"\n\n1\n') == [{"a": None}, {"a": 1}]


def test_same_is_strict_enough_for_these_tests() -> None:
    assert not same([{"a": True}], [{"a": 1}])
    assert not same([{"a": ""}], [{"a": None}])
    assert same([{"a": 1, "b": None}], [{"a": 1.0}])


INTEGERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = [
    INTEGERS | st.none(),
    INTEGERS | FLOATS | st.none(),
    st.floats(-1e4, 1e4).map(lambda value: round(value, 2)),
    st.booleans() | st.none(),
    TEXTS | st.none(),
    st.sampled_from(["=1", "x", '"', "{", "[1]", "a,b", "", None]),
    st.sampled_from(['a"b', '""', "x=1", "a-b", "a{[", "", None]),
    st.sampled_from(['x"', "a,b", "=", "é"]),
    st.sampled_from(["x\ny", "a]\n[b", "\\", '\t"', "é", ""]),
    st.sampled_from(["\0", "x\ny", 'a"', 1, None]),
    st.sampled_from(["[", "a]", "]\n[", "x", None]),
    st.sampled_from([msgspec.Raw(b"1.50"), msgspec.Raw(b"7"), None]),
    st.sampled_from([msgspec.Raw(text) for text in (b'{"a":"x\\"]"}', b"[]", b'"x"', b"-0.5")] + [None]),
    st.sampled_from([msgspec.Raw(b"[1]"), "x", None]),
    st.sampled_from([TimestampText("2024-05-01T12:00:00+02:00[Europe/Vienna]"), "x"]),
    st.sampled_from(["text", 1, 2.5, Number("1.50"), 1e22, True, None]),
    st.sampled_from(["x", 1, None, True, [], ""]),
    st.lists(INTEGERS) | st.none(),
]
COLUMNS = st.integers(1, 5).flatmap(
    lambda rows: st.lists(
        st.sampled_from(VALUES).flatmap(lambda values: st.lists(values, min_size=rows, max_size=rows)),
        min_size=1,
    )
)


def defused(value: object) -> str:
    return encode_cell(defuse_formula(value) if isinstance(value, str) else value)


def one_by_one(columns: list[list[Any]], encode: Callable[[object], str]) -> bytes:
    rows = [list(map(encode, row)) for row in zip(*columns, strict=True)]
    if len(columns) == 1:
        rows = [[cell_alone(cell)] for (cell,) in rows]
    return "".join(",".join(row) + "\n" for row in rows).encode()


@given(COLUMNS)
def test_columns_are_the_cells_one_by_one(columns: list[list[Any]]) -> None:
    assert encode_rows(columns, encode_cell) == one_by_one(columns, encode_cell)


@given(COLUMNS)
def test_formulas_are_defused_in_columns_too(columns: list[list[Any]]) -> None:
    assert encode_rows(columns, defused, starts=FORMULA_STARTS) == one_by_one(columns, defused)


@pytest.mark.parametrize(
    "value", [1e-05, 0.0001, 1e15, 1e16, 1e22, 5e-324, -0.0, 10.00001, 9007199254740993.0]
)
def test_a_float_is_spelled_as_in_any_other_cell(value: float) -> None:
    assert encode_rows([[value, 2.5, None, 3]], encode_cell) == f'{value!r}\n2.5\n""\n3\n'.encode()


def test_what_is_special_only_at_a_text_s_start_is_no_reason_to_go_cell_by_cell() -> None:
    def refuse(value: object) -> str:
        raise AssertionError(value)

    columns = [["a=b{", 'say "x"', None], [1, None, 2.5]]
    assert encode_rows(columns, refuse, starts=FORMULA_STARTS) == b'"a=b{",1\n"say ""x""",\n,2.5\n'


def test_nothing_of_the_rows_is_kept() -> None:
    texts = ["so many", "and 'these'"]
    before = list(map(sys.getrefcount, texts))
    for _ in range(3):
        encode_rows([texts, [1, None]], encode_cell)
    assert list(map(sys.getrefcount, texts)) == before


def test_no_rows_are_no_text() -> None:
    assert encode_rows([[], []], encode_cell) == b""
