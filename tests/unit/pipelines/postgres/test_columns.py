from __future__ import annotations

import pytest

from de_classes.errors import InvalidInputError, UnsupportedValueError
from de_classes.pipelines.postgres.columns import Change, Column, check_name, columns_of, unified
from de_classes.storage.format.schema import Schema, infer

SCHEMA = infer(
    [{"yes": True, "n": 1, "big": 2**60, "part": 0.5, "text": "x", "tags": [1], "o": {"a": 1}, "none": None}]
)


def types(*, keeps_digits: bool = True, **asked: str) -> dict[str, str]:
    return {each.name: each.type for each in columns_of(SCHEMA, keeps_digits=keeps_digits, types=asked)}


def test_each_type_has_one_that_holds_all_of_it() -> None:
    assert types() == {
        "yes": "boolean",
        "n": "bigint",
        "big": "bigint",
        "part": "numeric",
        "text": "text",
        "tags": "jsonb",
        "o": "jsonb",
        "none": "text",
    }
    assert types(keeps_digits=False)["part"] == "double precision"


def test_values_of_several_kinds_are_json() -> None:
    (column,) = columns_of(infer([{"v": 1}, {"v": "x"}]), keeps_digits=True, types={})
    assert column == Column("v", "jsonb", is_json=True)


def test_another_type_may_be_asked_for() -> None:
    asked = types(text="timestamptz", part="double precision", n="numeric")
    assert (asked["text"], asked["part"], asked["n"]) == (
        "timestamp with time zone",
        "double precision",
        "numeric",
    )


@pytest.mark.parametrize(
    ("asked", "reason"),
    [({"text": "text); DROP TABLE x"}, "choose one of"), ({"nowhere": "text"}, "no column 'nowhere'")],
)
def test_a_type_that_is_not_known_or_of_no_column_is_a_mistake(asked: dict[str, str], reason: str) -> None:
    with pytest.raises(InvalidInputError, match=f"--type: .*{reason}"):
        types(**asked)


def test_more_columns_than_a_table_takes_are_refused() -> None:
    names = tuple(f"c{place}" for place in range(1601))
    with pytest.raises(UnsupportedValueError, match="1601 columns are more than a table's 1600"):
        columns_of(Schema.of_columns(names), keeps_digits=True, types={})


@pytest.mark.parametrize("name", ["x" * 64, "\u00e4" * 32, "", "a\0b"])
def test_a_name_that_would_be_cut_or_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(UnsupportedValueError, match="rename it"):
        check_name("column", name)


@pytest.mark.parametrize("name", ["x" * 63, "select", 'q"', "%s", " "])
def test_any_other_name_is_kept(name: str) -> None:
    assert check_name("column", name) == name


def united(
    wanted: Column, present: str, *, is_empty: bool = False, is_exact: bool = False
) -> Column | Change:
    return unified(wanted, present, is_empty=is_empty, is_exact_in_double=is_exact)


@pytest.mark.parametrize(
    ("wanted", "present"),
    [
        ("text", "text"),
        ("bigint", "numeric"),
        ("double precision", "numeric"),
        ("text", "jsonb"),
        ("bigint", "integer"),
        ("text", "character varying"),
        ("text", "timestamp with time zone"),
    ],
)
def test_a_type_that_holds_what_comes_stays(wanted: str, present: str) -> None:
    assert united(Column("v", wanted), present) == Column("v", present)


@pytest.mark.parametrize(
    ("wanted", "present", "becomes"),
    [
        ("numeric", "bigint", "numeric"),
        ("numeric", "double precision", "numeric"),
        ("bigint", "double precision", "numeric"),
        ("double precision", "bigint", "numeric"),
        ("jsonb", "text", "jsonb"),
    ],
)
def test_a_type_is_widened_to_one_that_holds_both(wanted: str, present: str, becomes: str) -> None:
    change = united(Column("v", wanted), present)
    assert isinstance(change, Change)
    assert change.type == becomes
    assert change.using


def test_integers_that_a_double_holds_become_doubles() -> None:
    change = united(Column("v", "double precision"), "bigint", is_exact=True)
    assert change == Change("v", "double precision", "{column}::double precision")
    small = Column("v", "bigint", is_exact_in_double=True)
    assert united(small, "double precision") == Column("v", "double precision", is_exact_in_double=True)


@pytest.mark.parametrize(
    ("wanted", "present"), [("text", "bigint"), ("bigint", "text"), ("boolean", "text"), ("bigint", "real")]
)
def test_types_that_nothing_holds_both_of_are_refused_unless_there_is_no_value(
    wanted: str, present: str
) -> None:
    with pytest.raises(
        UnsupportedValueError, match=f"'v' is {present} in the table and {wanted} in the dataset"
    ):
        united(Column("v", wanted), present)
    assert united(Column("v", wanted), present, is_empty=True) == Change("v", wanted, None)


def test_a_column_without_any_value_fits_every_type() -> None:
    assert united(Column("v", "text", is_null=True), "bigint") == Column("v", "bigint", is_null=True)
