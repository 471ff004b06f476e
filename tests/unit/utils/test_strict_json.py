from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from de_classes.errors import MalformedDataError, UnsupportedValueError
from de_classes.utils import strict_json
from de_classes.utils.numbers import read_number
from tests.fakes.effort import examples
from tests.fakes.format_samples import CELLS, same


@settings(max_examples=examples(200), deadline=None, database=None)
@given(value=CELLS)
def test_any_json_value_reads_back_exactly(value: Any) -> None:
    assert same(strict_json.loads(strict_json.dumps(value)), value)


@settings(max_examples=examples(300), deadline=None, database=None)
@given(text=st.text('{}[]",:\\u dE019.-eanNtrf', max_size=20))
def test_any_text_is_read_or_refused_with_a_typed_error(text: str) -> None:
    try:
        value = strict_json.loads(text)
    except MalformedDataError:
        return
    assert same(strict_json.loads(strict_json.dumps(value)), value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        (b"", "not JSON"),
        (b"\xff", "not UTF-8 at byte 0"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        ("[1,]", "not JSON"),
        ("{} {}", "not JSON: Extra data at character 3"),
        ("NaN", "NaN is not JSON"),
        ("[-Infinity]", "-Infinity is not JSON"),
        ("1e400", "too large for float64"),
        ('{"a": 1, "a": 1}', "duplicate key"),
        ('"\\ud800"', "lone surrogate"),
        ('{"\\uDFFF": 1}', "lone surrogate"),
        ("1" * 5_000, "more digits"),
        ("[" * 201 + "]" * 201, "nested deeper"),
        ("[" * 100_000, "nested deeper"),
        ('{"a":' * 100_000, "nested deeper"),
    ],
    ids=lambda text: str(text[:20]),
)
def test_F54_what_json_leaves_open_is_refused(text: str | bytes, reason: str) -> None:
    with pytest.raises(MalformedDataError, match=reason):
        strict_json.loads(text)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "not JSON compliant"),
        ("\ud800", "surrogate"),
        (10**5_000, "digits"),
        (object(), "object"),
    ],
    ids=["nan", "surrogate", "digits", "object"],
)
def test_F54_what_json_cannot_hold_is_refused(value: object, reason: str) -> None:
    with pytest.raises(UnsupportedValueError, match=reason):
        strict_json.dumps(value)


def test_F20_nesting_up_to_the_limit_passes_both_ways() -> None:
    text = "[" * 200 + "]" * 200
    assert strict_json.dumps(strict_json.loads(text)) == text
    with pytest.raises(UnsupportedValueError, match="nested deeper"):
        strict_json.dumps([json.loads(text)])


def test_many_brackets_are_not_deep_nesting() -> None:
    value: list[Any] = [[[]] * 300, {"text": "[" * 500}]
    assert strict_json.loads(strict_json.dumps(value)) == value


def test_surrogate_pairs_are_whole_characters() -> None:
    assert strict_json.loads('"\\ud83d\\ude00"') == "😀"


def test_a_value_inside_a_longer_text_says_where_it_ends() -> None:
    assert strict_json.decode_at('[{"a": 1}, 2]', 1) == ({"a": 1}, 9)


def test_an_unfinished_value_is_told_from_a_refused_one() -> None:
    with pytest.raises(json.JSONDecodeError):
        strict_json.decode_at('{"a": "b', 0)
    with pytest.raises(MalformedDataError):
        strict_json.decode_at('{"a": NaN}', 0)


@pytest.mark.parametrize("number", [2**53 + 1, 2**64, 10**4000])
def test_F52_integers_are_exact(number: int) -> None:
    assert strict_json.loads(str(number).encode()) == number


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert strict_json.loads(r'"\ud83d\ude00"') == "\U0001f600"


@given(st.binary())
def test_no_bytes_whatever_raise_anything_untyped(data: bytes) -> None:
    try:
        value = strict_json.loads(data)
    except MalformedDataError:
        return
    assert same(json.loads(data, parse_float=read_number), value)
