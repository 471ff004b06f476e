"""What is decoded fast is what would have been decoded slowly: text goes the slow way, its bytes the fast."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from de_classes.errors import MalformedDataError
from de_classes.utils import fast_json, strict_json
from tests.fakes.effort import examples

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
    assert fast_json.decode(text, max_depth=200) is fast_json.UNSURE


@pytest.mark.parametrize(
    "text",
    [b'{"data":[{"a":1,"b":"x"},{"a":2.5,"b":null}],"page":1}', b'{"data": [{"a": {"b": [1]}}]}', b"[]"],
)
def test_an_ordinary_page_is_decoded_fast(text: bytes) -> None:
    assert fast_json.decode(text, max_depth=200) == json.loads(text)


def test_nesting_is_counted_and_brackets_in_text_are_not() -> None:
    deep = b'{"a":' * 5 + b"1" + b"}" * 5
    assert fast_json.decode(deep, max_depth=4) is fast_json.UNSURE
    assert fast_json.decode(deep, max_depth=5) is not fast_json.UNSURE
    assert fast_json.decode(b'{"a":"[[[[[["}', max_depth=1) == {"a": "[[[[[["}
