from __future__ import annotations

import pytest

from de_classes.sql.names import distinct_names, quoted, sql_schema, sql_type
from de_classes.storage.format.schema import Kind, infer


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("id", "total"), ["id", "total"]),
        (("id", "ID", "Id"), ["id", "ID_1", "Id_2"]),
        (("a_1", "a", "A"), ["a_1", "a", "A_2"]),
        (("", "unnamed"), ["unnamed", "unnamed_1"]),
        (("a\0b",), ["a\ufffdb"]),
    ],
)
def test_no_two_names_are_the_same_in_sql(names: tuple[str, ...], expected: list[str]) -> None:
    assert distinct_names(names) == expected


def test_a_name_is_quoted_whatever_is_in_it() -> None:
    assert quoted('a "b" c') == '"a ""b"" c"'


def test_types_are_those_of_the_manifest() -> None:
    record = {"b": True, "i": 1, "f": 0.5, "s": "", "n": None, "j": {}, "l": [{"x": 1, "y z": [None]}]}
    assert [sql_type(field.type) for field in infer([record]).fields] == [
        "BOOLEAN",
        "BIGINT",
        "DOUBLE",
        "VARCHAR",
        "VARCHAR",
        "JSON",
        'STRUCT("x" BIGINT, "y z" VARCHAR[])[]',
    ]


@pytest.mark.parametrize("value", [{"a": 1, "A": 2}, [{"": 1}], {"x": {"a\0": 1}}])
def test_objects_whose_fields_sql_cannot_tell_apart_are_json(value: object) -> None:
    assert sql_schema(infer([{"v": value}])).fields[0].type is Kind.JSON
    assert sql_schema(infer([{"v": [{"a": 1}]}])) == infer([{"v": [{"a": 1}]}])
