from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.errors import MalformedDataError
from de_classes.utils.strict_json import loads

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@given(documents)
def test_what_json_can_hold_comes_back_equal(value: object) -> None:
    assert loads(json.dumps(value)) == value
    assert loads(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize("number", [2**53 + 1, 2**64, 10**4000])
def test_F52_integers_are_exact(number: int) -> None:
    assert loads(str(number).encode()) == number


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "-Infinity", "1e400", '{"a": -1e999}'])
def test_F54_numbers_that_json_does_not_have_are_refused(text: str) -> None:
    with pytest.raises(MalformedDataError):
        loads(text)


def test_F54_a_doubled_key_is_refused() -> None:
    with pytest.raises(MalformedDataError, match="twice"):
        loads('[{"a": 1, "b": {"c": 1, "c": 1}}]')


@pytest.mark.parametrize("text", [r'"\ud800"', r'{"\udfff": 1}', r'["\ud83d-\ude00"]'])
def test_F54_half_a_surrogate_pair_is_refused(text: str) -> None:
    with pytest.raises(MalformedDataError, match="surrogate"):
        loads(text)


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert loads(r'"\ud83d\ude00"') == "\U0001f600"


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_F20_bottomless_nesting_is_refused(opening: str) -> None:
    with pytest.raises(MalformedDataError, match="deeply"):
        loads(opening * 100_000)


def test_F20_an_integer_of_5000_digits_is_refused() -> None:
    with pytest.raises(MalformedDataError, match="too long"):
        loads("9" * 5000)


@pytest.mark.parametrize("data", [b"", b" ", b"\xff", b"{", b'{"a" 1}', b"[1,]", b"1 2", b"\xef\xbb\xbf{}"])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedDataError):
        loads(data)


@given(st.binary())
def test_no_bytes_whatever_raise_anything_untyped(data: bytes) -> None:
    try:
        value = loads(data)
    except MalformedDataError:
        return
    assert json.loads(data) == value
