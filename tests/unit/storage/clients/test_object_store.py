from __future__ import annotations

import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.errors import InvalidInputError, InvalidKeyError
from de_classes.storage.clients.object_store import (
    iterate_parts,
    metadata_ahead,
    validate_bucket,
    validate_key,
)
from de_classes.utils.limits import MAX_KEY_BYTES


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


MIB = 1024 * 1024


class DrippingStream(io.BytesIO):
    """Gives at most three bytes at a time."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 3))


class EndlessStream(io.RawIOBase):
    """Zeros, as many as said, that are nowhere in memory."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._left = size

    def read(self, size: int = -1, /) -> bytes:
        given = min(size, self._left)
        self._left -= given
        return bytes(given)


@given(content=st.binary(max_size=50), part_size=st.integers(1, 12))
def test_parts_are_full_but_the_last_and_make_up_the_whole(content: bytes, part_size: int) -> None:
    parts = list(iterate_parts(DrippingStream(content), part_size))
    assert b"".join(parts) == content
    assert all(len(part) == part_size for part in parts[:-1])
    assert len(parts) == max(1, -(-len(content) // part_size))


def test_memory_is_bounded_by_the_part_and_not_by_the_stream() -> None:
    tracemalloc.start()
    total = sum(len(part) for part in iterate_parts(EndlessStream(64 * MIB), MIB))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 64 * MIB
    assert peak < 4 * MIB


def test_the_checksum_ahead_leaves_the_stream_where_it_was() -> None:
    stream = io.BytesIO(b"skipped" + b"content")
    stream.seek(7)
    ahead = metadata_ahead(stream, {"run": "7"})
    assert stream.read() == b"content"
    assert ahead.keys() == {"run", "sha256"}


def test_a_declared_checksum_saves_reading_twice() -> None:
    stream = io.BytesIO(b"content")
    assert metadata_ahead(stream, {"sha256": "declared"}) == {"sha256": "declared"}
