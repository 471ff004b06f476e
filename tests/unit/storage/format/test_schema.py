from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings

from de_classes.errors import UnsupportedValueError
from de_classes.storage.format.schema import Schema, Widening, describe_type, infer, merge, widenings
from tests.fakes.effort import examples
from tests.fakes.format_samples import EARTHQUAKES, RECORDS

if TYPE_CHECKING:
    from de_classes.storage.format.schema import Record


def type_of(*values: Any) -> str:
    return describe_type(infer([{"a": value} for value in values]).fields[0].type)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((None,), "null"),
        ((True, None), "bool"),
        ((1, None), "int64"),
        ((2**63 - 1, -(2**63)), "int64"),
        ((1.5, None), "float64"),
        ((1, 2.5), "float64"),
        ((2**53, 2.5), "float64"),
        ((2**53 + 1, 2.5), "json"),
        ((2**63,), "json"),
        ((True, 1), "json"),
        ((1, "x"), "json"),
        (("x", None), "string"),
        (([1], [2.5], None), "list<float64>"),
        (([],), "list<null>"),
        (([], ["x"]), "list<string>"),
        (([1, "x"],), "list<json>"),
        (({"a": 1}, {"b b": None}), 'struct<a: int64, "b b": null>'),
        (({},), "json"),
        (({}, {"a": 1}), "json"),
        (([1], {"a": 1}), "json"),
    ],
)
def test_values_find_their_narrowest_exact_type(values: tuple[Any, ...], expected: str) -> None:
    assert type_of(*values) == expected


def test_an_object_of_very_many_fields_is_a_map_and_so_json() -> None:
    assert type_of({f"k{n}": n for n in range(256)}).startswith("struct")
    assert type_of({f"k{n}": n for n in range(257)}) == "json"
    assert type_of({f"a{n}": n for n in range(200)}, {f"b{n}": n for n in range(200)}) == "json"


def test_nesting_deeper_than_types_go_becomes_json() -> None:
    value: Any = 1
    for _ in range(20):
        value = [value]
    assert type_of(value) == "list<" * 16 + "json" + ">" * 16


def test_columns_keep_the_order_in_which_they_were_first_seen() -> None:
    records: list[Record] = [{"b": 1}, {"a": 1, "b": 2}, {"c": 1}]
    assert infer(records).names == ("b", "a", "c")
    assert merge(infer(records[:1]), infer(records[1:])).names == ("b", "a", "c")


@settings(max_examples=examples(100), deadline=None, database=None)
@given(first=RECORDS, second=RECORDS)
def test_merging_pages_gives_the_schema_of_all_records(first: list[Record], second: list[Record]) -> None:
    assert merge(infer(first), infer(second)) == infer(first + second)


@settings(max_examples=examples(50), deadline=None, database=None)
@given(first=RECORDS, second=RECORDS, third=RECORDS)
def test_merging_is_associative(first: list[Record], second: list[Record], third: list[Record]) -> None:
    a, b, c = infer(first), infer(second), infer(third)
    assert merge(merge(a, b), c) == merge(a, merge(b, c))
    assert merge(a, a) == a


def test_F50_widenings_name_the_path_and_both_types() -> None:
    before = infer([{"a": 1, "p": {"mag": 2, "tags": [1]}, "n": None, "same": 2**53}])
    after = infer([{"a": "x", "p": {"mag": 2.5, "tags": ["t"]}, "n": 1, "same": 2**53 + 1, "late": True}])
    assert widenings(before, merge(before, after)) == (
        Widening("a", "int64", "json"),
        Widening("p.mag", "int64", "float64"),
        Widening("p.tags[]", "int64", "json"),
        Widening("late", "absent", "bool"),
    )


def test_F53_columns_kept_as_json_text_are_listed_by_path() -> None:
    schema = infer([{"a": {}, "b": [1, "x"], "c": {"d": 2**70, "e": 1}}])
    assert schema.json_text_paths == ("a", "b[]", "c.d")


def test_a_schema_describes_itself_for_reports() -> None:
    assert infer(EARTHQUAKES).describe() == {
        "type": "string",
        "properties": "struct<mag: float64, place: string, felt: int64, time: int64, cdi: float64>",
        "geometry": "struct<type: string, coordinates: list<float64>>",
        "id": "string",
    }


def test_columns_may_be_known_by_name_alone() -> None:
    known = Schema.of_columns(("id", "x"))
    assert merge(known, infer([{"x": 1, "y": 2}])).describe() == {"id": "null", "x": "int64", "y": "int64"}


@pytest.mark.parametrize(
    "value", [(1,), {1, 2}, b"x", object(), [{"deep": (1,)}]], ids=lambda value: type(value).__name__
)
def test_what_is_no_json_value_is_refused_by_column_and_row(value: object) -> None:
    with pytest.raises(UnsupportedValueError, match=r"column 'a', row 12: a \w+ is not a JSON value"):
        infer([{"a": None}, {"a": None}, {"a": value}], first_row=10)


def test_keys_that_are_no_strings_are_refused() -> None:
    odd: Any = {1: "x"}
    with pytest.raises(UnsupportedValueError, match="column '1', row 1"):
        infer([odd])
    with pytest.raises(UnsupportedValueError, match="column 'a', row 2"):
        infer([{"a": None}, {"a": odd}])
