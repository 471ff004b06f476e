from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.pipelines.casts import to_bool, to_float, to_int, to_str
from de_classes.utils.strict_json import read_number

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3), (2**70, 2**70), (2.0, 2), ("3", 3), ("-007", -7), ("9007199254740993", 9007199254740993)],
)
def test_whole_numbers_become_int(value: object, expected: int) -> None:
    assert to_int(value) == expected
    assert type(to_int(value)) is int


def test_a_number_keeps_every_digit_that_came() -> None:
    assert to_int(read_number("12345678901234567891.0")) == 12345678901234567891
    assert to_int(read_number("1.50E1")) == 15
    with pytest.raises(ValueError, match="not a whole number"):
        to_int(read_number("12345678901234567891.5"))
    assert [to_str(read_number(text)) for text in ("100.10", "1E5", "0.5")] == ["100.10", "1E5", "0.5"]


@pytest.mark.parametrize(
    "value",
    [
        "2.5",
        2.5,
        "2.0",
        "",
        " 3",
        "3 ",
        "1_000",
        "0x1f",
        "\u0663",
        "9" * 5000,
        True,
        [3],
        {},
        float("nan"),
        "inf",
    ],
)
def test_what_is_no_whole_number_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="not a whole number"):
        to_int(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2, 2.0),
        (2.5, 2.5),
        ("0.1", 0.1),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        ("5.", 5.0),
        (2**53, 2.0**53),
        ("1.10", 1.1),
    ],
)
def test_numbers_become_float(value: object, expected: float) -> None:
    assert to_float(value) == expected
    assert type(to_float(value)) is float


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (2**53 + 1, "exactly"),
        ("9007199254740993", "exactly"),
        ("0.10000000000000000001", "exactly"),
        ("1e-400", "exactly"),
        ("1e400", "range"),
        (10**400, "range"),
        ("nan", "not a number"),
        ("inf", "not a number"),
        ("1,5", "not a number"),
        ("1_0", "not a number"),
        ("", "not a number"),
        (True, "not a number"),
        ([1], "not a number"),
    ],
)
def test_what_no_float_holds_exactly_is_refused(value: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        to_float(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a", "a"), (3, "3"), (2.5, "2.5"), (True, "true"), (False, "false"), (10**20, "1" + "0" * 20)],
)
def test_scalars_become_text(value: object, expected: str) -> None:
    assert to_str(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(True, True), ("true", True), ("False", False), (1, True), (0, False)]
)
def test_what_means_yes_or_no_becomes_bool(value: object, expected: object) -> None:
    assert to_bool(value) is expected


@pytest.mark.parametrize("value", ["yes", "1", "", 2, 1.0, [], {}])
def test_what_means_neither_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="neither true nor false"):
        to_bool(value)


@given(ANYTHING)
def test_a_cast_keeps_the_value_or_raises_value_error(value: Any) -> None:
    for cast in (to_int, to_float, to_str, to_bool):
        try:
            result = cast(value)
        except ValueError:
            continue
        assert same_number(result, value)


def same_number(result: object, value: object) -> bool:
    if isinstance(result, bool):
        return str(result).lower() == str(value).lower() or result == value
    if isinstance(result, (int, float)) and isinstance(value, str):
        return Decimal(repr(result)) == Decimal(value)
    if isinstance(result, str):
        return result in {value, str(value), str(value).lower()}
    return result == value or repr(result) == repr(value) == "nan"
