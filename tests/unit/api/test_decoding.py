from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.api.decoding import read_body
from de_classes.api.transport import BodyLimits
from de_classes.errors import NetworkError, ProtocolError

LIMITS = BodyLimits()
TEXT = b'{"data": [1, 2, 3]}' * 50


def chunked(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@given(st.binary(max_size=5000), st.integers(1, 700))
def test_what_was_compressed_comes_back_whatever_the_chunks(data: bytes, size: int) -> None:
    assert read_body(chunked(gzip.compress(data), size), "gzip", LIMITS) == data
    assert read_body(chunked(zlib.compress(data), size), "deflate", LIMITS) == data
    assert read_body(chunked(data, size), None, LIMITS) == data


def test_a_gzip_body_may_have_several_members() -> None:
    members = gzip.compress(b"first ") + gzip.compress(b"second")
    assert read_body(chunked(members, 5), "x-gzip", LIMITS) == b"first second"


@pytest.mark.parametrize("kept", [0, 5, 10, 40, -9, -8, -1])
def test_F14_a_truncated_gzip_is_never_a_success(kept: int) -> None:
    with pytest.raises(NetworkError, match="cut short"):
        read_body([gzip.compress(TEXT)[:kept]] if kept else [], "gzip", LIMITS)


def test_F15_a_wrong_checksum_is_never_a_success() -> None:
    body = bytearray(gzip.compress(TEXT))
    body[-6] ^= 0xFF
    with pytest.raises(NetworkError, match="corrupt"):
        read_body([bytes(body)], "gzip", LIMITS)


def test_F15_what_is_not_gzip_at_all_is_corrupt() -> None:
    with pytest.raises(NetworkError, match="corrupt"):
        read_body([b"<html>"], "gzip", LIMITS)


def test_F19_bytes_on_the_wire_are_capped() -> None:
    endless = (b"x" * 1000 for _ in iter(int, 1))
    with pytest.raises(ProtocolError, match="5000 wire bytes"):
        read_body(endless, None, BodyLimits(wire=5000))


def test_F19_decoded_bytes_are_capped() -> None:
    body = gzip.compress(b"\0" * 3_000_000)
    with pytest.raises(ProtocolError, match="decoded bytes"):
        read_body([body], "gzip", BodyLimits(decoded=2_000_000, ratio=10_000))


def test_F19_an_expansion_is_capped() -> None:
    body = gzip.compress(b"\0" * 50_000_000)
    with pytest.raises(ProtocolError, match="250-fold"):
        read_body([body], "gzip", LIMITS)


def test_an_encoding_that_was_not_offered_is_refused() -> None:
    with pytest.raises(ProtocolError, match="'br'"):
        read_body([b""], "br", LIMITS)
