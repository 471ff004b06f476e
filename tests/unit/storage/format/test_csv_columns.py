"""Columns as CSV: the same text as cell by cell, whatever the values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.storage.format.csv_cells import FORMULA_STARTS, cell_alone, defuse_formula, encode_cell
from de_classes.storage.format.csv_columns import encode_rows

if TYPE_CHECKING:
    from collections.abc import Callable

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


def test_no_rows_are_no_text() -> None:
    assert encode_rows([[], []], encode_cell) == b""
