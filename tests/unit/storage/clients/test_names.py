from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.errors import InvalidInputError, InvalidKeyError
from de_classes.storage.clients.names import validate_bucket, validate_key
from de_classes.utils.object_keys import MAX_KEY_BYTES


@pytest.mark.parametrize("key", ["a", "a/b.c", "..a", "a..", "...", "é" * 512, "k" * 1024, " ", "a//b", "a/"])
def test_F49_sound_keys_are_taken(key: str) -> None:
    validate_key(key)
    assert len(key.encode()) <= MAX_KEY_BYTES


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("", "empty"),
        ("/a", "first slash"),
        ("a/../b", "'..'"),
        ("./a", "'.'"),
        ("a\tb", "control"),
        ("\x9f", "control"),
        ("\udfff", "surrogate"),
        ("é" * 513, "1024 bytes"),
    ],
    ids=lambda value: ascii(value[:10]),
)
def test_F49_the_message_says_what_is_wrong(key: str, problem: str) -> None:
    with pytest.raises(InvalidKeyError, match=problem):
        validate_key(key)


@given(st.text(st.characters(codec=None), max_size=2000))
def test_F49_any_text_is_taken_or_a_typed_error_that_can_be_printed(key: str) -> None:
    try:
        validate_key(key)
    except InvalidKeyError as error:
        assert str(error).encode("ascii")  # noqa: PT017 - no error is as good an outcome
    else:
        assert key.encode()


@pytest.mark.parametrize(
    "bucket",
    ["raw", "my-bucket", "a.b.c", "Legacy_Name", "arn:aws:s3:eu-west-1:123456789012:accesspoint/mine"],
)
def test_sound_buckets_are_taken(bucket: str) -> None:
    assert validate_bucket(bucket) is None


@pytest.mark.parametrize("bucket", ["", "a", "-ab", "a/b", "a b c", "b" * 256, "raw\n", "üüü", "\ud800aa"])
def test_impossible_buckets_are_typed_errors(bucket: str) -> None:
    with pytest.raises(InvalidInputError, match="bucket's name"):
        validate_bucket(bucket)
