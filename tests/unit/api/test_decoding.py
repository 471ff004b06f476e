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


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "gzip, gzip"])
@pytest.mark.parametrize("size", [1, 5000])
def test_F82_what_is_announced_as_gzip_and_is_none_is_read_as_it_is(coding: str, size: int) -> None:
    assert read_body(chunked(TEXT, size), coding, LIMITS) == TEXT


@pytest.mark.parametrize("size", [1, 7, 5000])
def test_F82_zeros_behind_gzip_are_no_part_of_it(size: int) -> None:
    padded = gzip.compress(TEXT) + b"\0" * 20
    assert read_body(chunked(padded, size), "gzip", LIMITS) == TEXT


@pytest.mark.parametrize("size", [1, 5000])
def test_F82_deflate_is_read_with_its_head_and_without(size: int) -> None:
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    without = raw.compress(TEXT) + raw.flush()
    assert read_body(chunked(without, size), "deflate", LIMITS) == TEXT
    assert read_body(chunked(zlib.compress(TEXT), size), "Deflate", LIMITS) == TEXT


def test_F82_a_raw_deflate_that_is_cut_short_is_never_a_success() -> None:
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = raw.compress(TEXT) + raw.flush()
    with pytest.raises(NetworkError, match="cut short"):
        read_body([body[:-3]], "deflate", LIMITS)


@pytest.mark.parametrize("size", [1, 5000])
def test_F82_two_codings_are_undone_the_last_one_first(size: int) -> None:
    assert read_body(chunked(gzip.compress(zlib.compress(TEXT)), size), "deflate, gzip", LIMITS) == TEXT
    with pytest.raises(NetworkError, match="cut short"):
        read_body(chunked(gzip.compress(gzip.compress(TEXT)[:-4]), size), "gzip, gzip", LIMITS)
    with pytest.raises(ProtocolError, match="decoded bytes"):
        read_body([gzip.compress(gzip.compress(TEXT))], "gzip, gzip", BodyLimits(decoded=100))


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
