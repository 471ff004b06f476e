from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.errors import ConfigurationError, DataFormatError
from de_classes.storage.format.codec import format_names, get_codec
from de_classes.storage.format.pinned import (
    PinnedSchema,
    PinnedStruct,
    parse_type,
    quarantine_line,
    violation_error,
)
from de_classes.storage.format.schema import describe_type, infer, merge
from tests.fakes.format_samples import CELLS, RECORDS, read, same_records, write

if TYPE_CHECKING:
    from de_classes.storage.format.schema import Record

QUAKES = {
    "id": "int64!",
    "mag": "float64",
    "place": "string",
    "tags": "list<string>",
    "geo": "struct<lat: float64, lon: float64>",
    "extra": "json",
}
WELL: Record = {
    "id": 2**53 + 1,
    "mag": 2,
    "place": "Wien",
    "tags": ["a", None],
    "geo": {"lat": 48, "lon": 16.4},
    "extra": [1, "x"],
}


def misfit(pinned: str, value: Any) -> str | None:
    """What does not fit, or None."""
    _, violations = PinnedSchema.parse({"a": pinned}).split([{"a": value}])
    return f"{violations[0].column}: {violations[0].found}" if violations else None


def test_a_record_that_fits_is_taken_as_it_is() -> None:
    fitting, violations = PinnedSchema.parse(QUAKES).split([WELL, {"id": 1}])
    assert (fitting, violations) == ([WELL, {"id": 1}], ())
    assert fitting[0] is WELL


@pytest.mark.parametrize(
    ("pinned", "value", "found"),
    [
        ("bool", 1, "a: int64"),
        ("int64", True, "a: bool"),
        ("int64", 1.0, "a: float64"),
        ("int64", "1", "a: string"),
        ("int64", 2**63, "a: an integer beyond 64 bits"),
        ("float64", "1.5", "a: string"),
        ("float64", True, "a: bool"),
        ("float64", 2**53 + 1, "a: an integer that float64 would round"),
        ("float64", 10**400, "a: an integer beyond 64 bits"),
        ("string", 1, "a: int64"),
        ("null", 0, "a: int64"),
        ("int64!", None, "a: null, or nothing"),
        ("json!", None, "a: null, or nothing"),
        ("list<int64>", 1, "a: int64"),
        ("list<int64>", [1, "x"], "a[]: string"),
        ("list<int64!>", [None], "a[]: null, or nothing"),
        ("struct<x: int64>", [], "a: list"),
        ("struct<x: int64>", {"x": "y"}, "a.x: string"),
        ("struct<x: int64>", {"y": {}}, "a.y: struct"),
        ("struct<x: int64!, y: bool>", {"y": True}, "a.x: null, or nothing"),
        ("struct<x: int64!>", {}, "a.x: null, or nothing"),
        ("list<struct<x: list<bool>>>", [{"x": [True]}, {"x": [0]}], "a[].x[]: int64"),
    ],
)
def test_F50_F52_what_would_have_to_be_changed_is_a_violation(pinned: str, value: Any, found: str) -> None:
    assert misfit(pinned, value) == found


@pytest.mark.parametrize(
    ("pinned", "value"),
    [
        ("int64", 2**63 - 1),
        ("int64", -(2**63)),
        ("float64", 2**53),
        ("float64", 2**1000),
        ("float64", -0.0),
        ("json", 2**70),
        ("json!", {"a": [1, "x", {}]}),
        ("json!", 10**30),
        ("string!", ""),
        ("list<null>", [None, None]),
        ("list<float64!>", []),
        ("struct<x: int64, y: list<int64>>", {"y": [1]}),
        ("list<struct<x: int64>>", [{"x": 1}, None, {}]),
    ],
)
def test_F53_what_is_exact_fits(pinned: str, value: Any) -> None:
    assert misfit(pinned, value) is None


def test_an_exact_integer_beyond_2_53_becomes_the_float_it_is() -> None:
    (fitted,), _ = PinnedSchema.parse({"a": "float64", "b": "float64"}).split([{"a": 2**60, "b": 1}])
    assert [(type(value), value) for value in fitted.values()] == [(float, 2.0**60), (int, 1)]


def test_an_empty_object_becomes_a_struct_of_nulls() -> None:
    fitting, _ = PinnedSchema.parse({"a": "struct<x: int64, y: bool>"}).split([{"a": {}}])
    assert fitting == [{"a": {"x": None, "y": None}}]


def test_F51_a_late_column_is_refused_or_kept_as_configured() -> None:
    late: Record = {"id": 1, "late": {}}
    _, (violation,) = PinnedSchema.parse({"id": "int64"}).split([late])
    assert (violation.column, violation.expected, violation.found) == ("late", "no such column", "struct")
    assert PinnedSchema.parse({"id": "int64"}, extra_columns="keep").split([late]) == ([late], ())


def test_a_kept_column_survives_the_close_look_too() -> None:
    keeping = PinnedSchema.parse({"a": "float64"}, extra_columns="keep")
    assert keeping.split([{"late": 7, "a": 2**60}])[0] == [{"late": 7, "a": 2.0**60}]
    assert len(keeping.split([{"late": 7, "a": "x"}])[1]) == 1


def test_rows_are_counted_from_where_the_page_starts() -> None:
    fitting, violations = PinnedSchema.parse({"a": "int64"}).split(
        [{"a": 1}, {"a": "x"}, {"a": 2}, {"b": 1}], 101
    )
    assert fitting == [{"a": 1}, {"a": 2}]
    assert [str(violation) for violation in violations] == [
        "row 102, column 'a': expected int64, found string",
        "row 104, column 'b': expected no such column, found int64",
    ]


def test_the_error_names_page_and_cell_and_quotes_no_value() -> None:
    _, violations = PinnedSchema.parse({"a": "int64"}).split([{"a": "hunter2"}, {"a": "hunter3"}])
    error = violation_error(violations, page=7)
    assert isinstance(error, DataFormatError)
    assert str(error).startswith(
        "page 7: 2 records do not fit the pinned schema, the first at row 1, column 'a'"
    )
    assert "hunter" not in f"{error}{violations!r}"


def test_a_quarantined_record_is_a_line_of_json_with_its_reason() -> None:
    _, (violation,) = PinnedSchema.parse({"a": "int64!"}).split([{"a": "é\n"}], first_row=3)
    line = quarantine_line(violation, page=9)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert json.loads(line) == {
        "page": 9,
        "row": 3,
        "column": "a",
        "expected": "int64!",
        "found": "string",
        "record": {"a": "é\n"},
    }


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        PinnedSchema.parse({"a": "int", "b": 5, "c": "int64"}, extra_columns="drop")
    assert len(caught.value.problems) == 3
    assert all(name in str(caught.value) for name in ("column 'a'", "column 'b'", "extra_columns"))


def test_a_schema_without_columns_is_a_mistake() -> None:
    with pytest.raises(ConfigurationError, match="no column is named"):
        PinnedSchema.parse({})


def test_it_prints_as_it_was_written() -> None:
    assert PinnedSchema.parse(QUAKES).describe() == QUAKES


@given(RECORDS)
def test_records_fit_the_schema_that_was_found_for_them(records: list[Record]) -> None:
    found = infer(records)
    if not found.fields:
        return
    fitting, violations = PinnedSchema.parse(found.describe()).split(records)
    assert violations == ()
    assert same_records(fitting, records)


PINS = st.sampled_from(
    [
        "bool",
        "int64",
        "float64",
        "string",
        "json",
        "null",
        "list<float64>",
        "list<json>",
        "struct<a: float64, b: list<int64>>",
        "list<struct<a: json>>",
    ]
)


@given(
    st.dictionaries(st.sampled_from("ab"), PINS, min_size=1),
    st.lists(st.dictionaries(st.sampled_from("abc"), CELLS)),
)
def test_nothing_is_lost_and_what_fits_never_widens_the_schema(
    columns: dict[str, str], records: list[Record]
) -> None:
    pinned = PinnedSchema.parse(columns)
    fitting, violations = pinned.split(records)
    refused = {violation.row: violation.record for violation in violations}
    kept = [record for row, record in enumerate(records, 1) if row not in refused]
    assert same_records(fitting, kept)
    assert all(records[row - 1] is record for row, record in refused.items())
    assert merge(pinned.to_schema(), infer(fitting)).describe() == pinned.to_schema().describe()


@pytest.mark.parametrize("name", format_names())
def test_every_format_keeps_what_fits(name: str) -> None:
    pinned = PinnedSchema.parse(QUAKES)
    fitting, _ = pinned.split([WELL, {"id": 1, "mag": 2**60, "geo": {}}, {"id": 2, "extra": 2**70}] * 400)
    codec = get_codec(name)
    assert same_records(read(codec, write(codec, [fitting], schema=pinned.to_schema())), fitting)


def test_F50_a_pinned_column_has_its_type_in_parquet_whatever_came() -> None:
    pinned = PinnedSchema.parse(
        {"mag": "float64", "n": "int64", "late": "string", "geo": "struct<lat: float64>"}
    )
    fitting, _ = pinned.split([{"mag": 1, "n": 1, "geo": {"lat": 2}}, {"mag": 2**62}])
    frame = get_codec("parquet").load_frame(write(get_codec("parquet"), [fitting], schema=pinned.to_schema()))
    assert frame.dtypes.astype(str).to_dict() == {
        "mag": "float64",
        "n": "Int64",
        "late": "str",
        "geo": "object",
    }


@pytest.mark.parametrize(
    "text",
    [
        "bool",
        "int64!",
        "float64",
        "string",
        "json!",
        "null",
        "list<int64!>!",
        "list<list<null>>",
        "struct<lat: float64!, lon: float64>!",
        'struct<"b b": list<struct<a: json>>, ключ: string>',
        'struct<"a\\"<,>!": int64>',
        "list<" * 16 + "int64" + ">" * 16,
    ],
)
def test_a_type_prints_as_it_was_written(text: str) -> None:
    assert str(parse_type(text)) == text


def test_white_space_between_tokens_is_free() -> None:
    assert (
        str(parse_type(" struct<\n a :int64 !,b: list <string>\t>")) == "struct<a: int64!, b: list<string>>"
    )


@given(RECORDS)
def test_what_a_report_prints_can_be_pinned(records: list[Record]) -> None:
    for field in infer(records).fields:
        assert describe_type(parse_type(describe_type(field.type)).data_type) == describe_type(field.type)


def test_a_struct_keeps_the_order_of_its_fields() -> None:
    shape = parse_type("struct<b: int64, a: int64>").shape
    assert isinstance(shape, PinnedStruct)
    assert [field.name for field in shape.fields] == ["b", "a"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the end where one of null, bool, int64, .*, json, list<...> or struct<...> should be"),
        ("int", "'int' at character 1 where one of"),
        ("int53", "'int53' at character 1"),
        ("Int64", "'Int64'"),
        ("int64 int64", "'int64' at character 7 where the end should be"),
        ("int64!!", "'!' at character 7 where the end"),
        ("list", "the end where '<'"),
        ("list<>", "'>' at character 6 where one of"),
        ("list<int64", "the end where '>'"),
        ("struct<>", "'>' at character 8 where a field's name"),
        ("struct<a>", "'>' at character 9 where ':'"),
        ("struct<a b: int64>", "'b' at character 10 where ':'"),
        ("struct<a-b: int64>", "'a-b' .*in double quotes unless"),
        ('struct<"a: int64>', "where a field's name"),
        ("struct<a: int64,>", "where a field's name"),
        ("struct<a: int64, a: int64>", "the same name"),
        ("null!", "without values"),
        ("list<" * 17 + "int64" + ">" * 17, "nested deeper than 16 levels: use json"),
        ("struct<" + ", ".join(f"f{n}: int64" for n in range(257)) + ">", "more than 256 fields: use json"),
    ],
)
def test_what_is_no_type_is_refused_with_the_place(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_type(text)
