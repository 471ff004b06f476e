from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from de_classes.errors import MalformedDataError, UnsupportedValueError
from de_classes.utils import strict_json
from de_classes.utils.strict_json import read_number
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


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(['":', '" :', "{"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)
# Pieces that make duplicate keys, odd spaces, brackets in text and numbers at the edge.
PIECES = st.sampled_from(
    [
        *"{}[],: ",
        *('"a":', '"a" :', '"a"\n :', '"b":', '"\\":"', '"x"', '"\\ud800"', '"\\" "'),
        *("1", "-0", "1e400", "9007199254740993", "1.0", "NaN", "null", "\x00"),
        *('{"a":1,"a":2}', '{"a":1,"a" :2}'),
    ]
)


def outcome(text: str | bytes) -> str:
    """What comes of it, with types told apart and the order of keys kept."""
    try:
        return repr(strict_json.loads(text))
    except MalformedDataError as error:
        return str(error)


@given(value=VALUES, spaced=st.booleans(), ascii_only=st.booleans())
@settings(max_examples=examples(300))
def test_F54_any_value_is_the_same_both_ways(value: Any, *, spaced: bool, ascii_only: bool) -> None:
    separators = (", ", ": ") if spaced else (",", ":")
    text = json.dumps(value, separators=separators, ensure_ascii=ascii_only)
    assert outcome(text.encode("utf-8", "surrogatepass")) == outcome(text) or "surrogate" in outcome(text)


@given(pieces=st.lists(PIECES, max_size=9))
@settings(max_examples=examples(500))
def test_F54_whatever_is_odd_is_refused_both_ways(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert outcome(text.encode()) == outcome(text)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":2}',
        b'{"a":1,"a" :2}',
        b'{"a":1,"a"\n:2}',
        b'{"a":{"b":1,"b":2}}',
        b'[{"a":"\\":","a":2}]',
        b"1e400",
        b"NaN",
        b'"\\ud800"',
        b"9" * 5_000,
        b"[" * 201 + b"]" * 201,
        b"\xff",
        b'{"a":1}x',
    ],
)
def test_F54_F20_what_is_not_sound_is_never_decoded_fast(text: bytes) -> None:
    assert strict_json.decode_plain(text, max_depth=200) is strict_json.UNSURE


@pytest.mark.parametrize(
    "text",
    [b'{"data":[{"a":1,"b":"x"},{"a":2.5,"b":null}],"page":1}', b'{"data": [{"a": {"b": [1]}}]}', b"[]"],
)
def test_an_ordinary_page_is_decoded_fast(text: bytes) -> None:
    assert strict_json.decode_plain(text, max_depth=200) == json.loads(text)


def test_nesting_is_counted_and_brackets_in_text_are_not() -> None:
    deep = b'{"a":' * 5 + b"1" + b"}" * 5
    assert strict_json.decode_plain(deep, max_depth=4) is strict_json.UNSURE
    assert strict_json.decode_plain(deep, max_depth=5) is not strict_json.UNSURE
    assert strict_json.decode_plain(b'{"a":"[[[[[["}', max_depth=1) == {"a": "[[[[[["}
