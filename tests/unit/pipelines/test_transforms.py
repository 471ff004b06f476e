from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.errors import InvalidInputError
from de_classes.pipelines.steps import FunctionTransform, RecordTransform, Transform, as_transform
from de_classes.pipelines.transforms import Cast, DropDuplicates, Filter, Flatten, Rename, Select
from de_classes.utils.strict_json import read_number

Record = dict[str, Any]


def applied(transform: Transform, *records: Record, size: int = 2) -> list[Record]:
    batches = (list(records[start : start + size]) for start in range(0, len(records), size))
    return [record for batch in transform.apply(batches) for record in batch]


def test_select_keeps_these_columns_in_this_order() -> None:
    assert [list(record) for record in applied(Select("b", "a"), {"a": 1, "b": 2, "c": 3})] == [["b", "a"]]


@pytest.mark.parametrize(("missing", "expected"), [("null", {"a": 1, "b": None}), ("skip", {"a": 1})])
def test_select_can_do_without_a_column(missing: Any, expected: Record) -> None:
    assert applied(Select("a", "b", missing=missing), {"a": 1, "c": 2}) == [expected]


def test_rename_keeps_the_place_and_can_swap() -> None:
    (renamed,) = applied(Rename({"a": "b", "b": "a"}), {"a": 1, "b": 2, "c": 3})
    assert list(renamed.items()) == [("b", 1), ("a", 2), ("c", 3)]


def test_rename_can_do_without_a_column() -> None:
    assert applied(Rename({"x": "y"}, missing="skip"), {"a": 1}) == [{"a": 1}]


def test_rename_never_overwrites_a_column() -> None:
    with pytest.raises(InvalidInputError, match="Rename, record 1: two columns would be called 'b'"):
        applied(Rename({"a": "b"}), {"a": 1, "b": 2})


def test_cast_changes_types_and_leaves_nulls_and_other_columns() -> None:
    cast = Cast({"n": "int", "f": "float", "s": "str", "b": "bool", "own": lambda value: value.upper()})
    record = {"n": "9007199254740993", "f": "0.5", "s": 3, "b": "true", "own": "x", "rest": [1]}
    expected = {"n": 9007199254740993, "f": 0.5, "s": "3", "b": True, "own": "X", "rest": [1]}
    assert applied(cast, record, dict.fromkeys(record)) == [expected, dict.fromkeys(record)]


def test_cast_is_exact_and_names_column_record_and_value() -> None:
    with pytest.raises(InvalidInputError, match=r"Cast, record 3: column 'n': '2\.5': .*not a whole number"):
        applied(Cast({"n": "int"}), {"n": "1"}, {"n": 2.0}, {"n": "2.5"})


def test_cast_names_what_its_function_stumbled_over() -> None:
    with pytest.raises(InvalidInputError, match="record 1: column 'a': 5: AttributeError"):
        applied(Cast({"a": lambda value: value.upper()}), {"a": 5})


def test_cast_to_an_unknown_type_is_refused_at_once() -> None:
    with pytest.raises(InvalidInputError, match="no cast to 'integer': choose int, float, str, bool"):
        Cast({"a": "integer"})  # type: ignore[dict-item]  # what a user without a type checker writes


def test_a_huge_value_does_not_fill_the_message() -> None:
    with pytest.raises(InvalidInputError) as caught:
        applied(Cast({"a": "bool"}), {"a": "x" * 10_000})
    assert len(str(caught.value)) < 200
    with pytest.raises(InvalidInputError, match="a huge number"):
        applied(Cast({"a": "float"}), {"a": 10**5000})


@pytest.mark.parametrize(
    "transform",
    [Select("x"), Rename({"x": "y"}), Cast({"x": "int"}), DropDuplicates("x"), Filter(lambda r: r["x"])],
)
def test_a_missing_column_is_named_with_its_record(transform: Transform) -> None:
    with pytest.raises(InvalidInputError, match=r"record 2: .*no column 'x'"):
        applied(transform, {"x": 1, "a": 1}, {"a": 2})


def test_filter_keeps_what_its_predicate_says() -> None:
    assert applied(Filter(lambda record: record["a"] > 1), {"a": 1}, {"a": 2}, {"a": 3}) == [
        {"a": 2},
        {"a": 3},
    ]


def test_filter_names_the_record_its_predicate_stumbled_over() -> None:
    with pytest.raises(InvalidInputError, match=r"record 2: TypeError: .*'>' not supported"):
        applied(Filter(lambda record: record["a"] > 1), {"a": 1}, {"a": None})


def test_flatten_puts_nested_fields_beside_the_others() -> None:
    record = {"id": 1, "a": {"b": {"c": 2}, "d": [1, {"e": 3}], "empty": {}}, "z": None}
    assert applied(Flatten(), record) == [
        {"id": 1, "a_b_c": 2, "a_d": [1, {"e": 3}], "a_empty": {}, "z": None}
    ]
    assert applied(Flatten(separator=".", max_depth=1), {"a": {"b": {"c": 2}}}) == [{"a.b": {"c": 2}}]


def test_flatten_never_overwrites_a_column() -> None:
    with pytest.raises(InvalidInputError, match="record 1: two columns would be called 'a_b'"):
        applied(Flatten(), {"a_b": 1, "a": {"b": 2}})


def test_nesting_beyond_the_stack_is_a_typed_error() -> None:
    deep: Record = {}
    for _ in range(5_000):
        deep = {"a": deep, "b": 1}
    with pytest.raises(InvalidInputError, match="record 1: RecursionError"):
        applied(Flatten(), deep)
    with pytest.raises(InvalidInputError, match="record 1: RecursionError"):
        applied(DropDuplicates(), deep)


def test_drop_duplicates_keeps_the_first_of_each_key() -> None:
    records = [{"id": 1, "v": "first"}, {"id": 2, "v": "x"}, {"id": 1, "v": "second"}]
    assert applied(DropDuplicates("id"), *records) == records[:2]
    assert applied(DropDuplicates("id", "v"), *records) == records
    assert applied(DropDuplicates(), *records, records[1], dict(reversed(records[0].items()))) == records


def test_drop_duplicates_tells_values_of_other_types_apart() -> None:
    records = [{"id": value} for value in (1, "1", True, 1.0, None, "null", [1], {"a": 1}, 2**70, "\ud800")]
    assert applied(DropDuplicates("id"), *records, *records) == records


def test_drop_duplicates_tells_numbers_apart_that_are_one_float() -> None:
    records = [{"v": read_number(f"0.123456789012345678{digit}")} for digit in "19"]
    assert records[0]["v"] == records[1]["v"]
    assert len(applied(DropDuplicates("v"), *records, *records)) == 2


@given(st.lists(st.integers(0, 5) | st.text(max_size=1), max_size=30), st.integers(1, 7))
def test_drop_duplicates_gives_the_same_however_batches_are_cut(values: list[object], size: int) -> None:
    kept = applied(DropDuplicates("v"), *({"v": value} for value in values), size=size)
    assert [record["v"] for record in kept] == list(dict.fromkeys(values))


def test_drop_duplicates_can_be_bounded() -> None:
    transform = DropDuplicates("id", max_keys=2)
    assert len(applied(transform, {"id": 1}, {"id": 2}, {"id": 1})) == 2
    with pytest.raises(InvalidInputError, match="record 3: more than 2 different keys"):
        applied(transform, {"id": 1}, {"id": 2}, {"id": 3})


def test_a_plain_function_is_a_transform() -> None:
    def add_total(batch: list[Record]) -> Iterable[Record]:
        return ({**record, "total": record["a"] * 2} for record in batch)

    step = as_transform(add_total)
    assert isinstance(step, FunctionTransform)
    assert step.name == "add_total"
    assert applied(step, {"a": 1}, {"a": 2}, {"a": 3}) == [{"a": n, "total": 2 * n} for n in (1, 2, 3)]


def test_a_plain_function_that_stumbles_is_named_with_its_records() -> None:
    def add_total(batch: list[Record]) -> list[Record]:
        return [{"total": record["a"]} for record in batch]

    with pytest.raises(InvalidInputError, match="add_total, records 3 to 4: no column 'a'"):
        applied(as_transform(add_total), {"a": 1}, {"a": 2}, {"a": 3}, {"b": 4})


def test_a_variant_is_two_lines() -> None:
    class Shout(RecordTransform):
        def convert(self, record: Record) -> Record:
            return {name.upper(): value for name, value in record.items()}

    assert applied(as_transform(Shout()), {"a": 1}) == [{"A": 1}]


def test_what_is_no_step_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="int is no transform"):
        as_transform(5)  # type: ignore[arg-type]  # what a user without a type checker writes
