from __future__ import annotations

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.api.auth.tokens import DEFAULT_LIFE, read_token
from de_classes.errors import InvalidTokenResponseError


def body(**fields: object) -> bytes:
    return json.dumps({"access_token": "abc.def", **fields}).encode()


@pytest.mark.parametrize(
    ("value", "life"), [(60, 60.0), (60.5, 60.5), ("3600", 3600.0), (-1, -1.0), (0, 0.0)]
)
def test_F32_a_number_of_seconds_is_taken_also_as_text(value: object, life: float) -> None:
    assert read_token(body(expires_in=value)).life == life


@pytest.mark.parametrize("value", [None, "soon", "", [], {}, True, "1e999", 2**80])
def test_F32_anything_else_is_a_default_and_a_warning(
    value: object, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert read_token(body(expires_in=value)).life == DEFAULT_LIFE
    assert "expires_in" in caplog.text


def test_F32_absent_is_the_default() -> None:
    assert read_token(body()).life == DEFAULT_LIFE


@pytest.mark.parametrize("value", [None, "", 7, "two words", "line\nbreak", "é", [], {"a": 1}])
def test_F34_no_usable_token_is_a_typed_error(value: object) -> None:
    with pytest.raises(InvalidTokenResponseError, match="access_token"):
        read_token(body(access_token=value))


@pytest.mark.parametrize(
    "answer", [b"", b"<html>", b"[]", b"null", b'{"token": "x"}', b"\xff", b"[" * 100_000]
)
def test_F34_an_answer_of_another_shape_is_a_typed_error(answer: bytes) -> None:
    with pytest.raises(InvalidTokenResponseError):
        read_token(answer)


def test_a_kind_of_token_that_is_not_bearer_is_refused() -> None:
    assert read_token(body(token_type="bearer")).value == "abc.def"
    with pytest.raises(InvalidTokenResponseError, match="Bearer"):
        read_token(body(token_type="mac"))


def test_a_token_does_not_show_itself() -> None:
    assert "abc.def" not in repr(read_token(body()))


@given(st.binary())
def test_no_answer_raises_anything_untyped(answer: bytes) -> None:
    with pytest.raises(InvalidTokenResponseError):
        read_token(answer)


def test_F32_a_token_that_does_not_say_is_good_for_five_minutes() -> None:
    assert read_token(body()).life == 300.0


@pytest.mark.parametrize(("value", "life"), [(2**53 - 1, 2.0**53 - 1), (2**53, 300.0), (-(2**53), 300.0)])
def test_F32_a_life_is_believed_as_far_as_numbers_are_exact(value: int, life: float) -> None:
    assert read_token(body(expires_in=value)).life == life
