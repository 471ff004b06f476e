"""Undoing Content-Encoding: bounded, and sure that the end was reached.

The usual decoders return what they have when a gzip body is cut short, so half a page passes for a
whole one. Here a stream that does not end with its own trailer is an error.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from de_classes.api.transport import MEBIBYTE
from de_classes.errors import NetworkError, ProtocolError
from de_classes.redaction import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from de_classes.api.transport import BodyLimits

ACCEPT_ENCODING = "gzip, deflate"
_IDENTITY = frozenset({"", "identity"})
_GZIP = frozenset({"gzip", "x-gzip"})
_GZIP_MAGIC = b"\x1f\x8b"
_STEP = MEBIBYTE


def read_body(chunks: Iterable[bytes], encoding: str | None, limits: BodyLimits) -> bytes:
    """Join and decode the chunks of one answer.

    Args:
        chunks: The bytes as they came over the wire.
        encoding: The Content-Encoding header, or None; of several codings the last is undone first.
        limits: Where to stop.

    Raises:
        NetworkError: The compressed stream is cut short or corrupt.
        ProtocolError: The answer exceeds a limit, or its encoding was never offered.
    """
    codings = [each.strip().lower() for each in (encoding or "").split(",")]
    codings = [each for each in codings if each not in _IDENTITY]
    if unknown := next((each for each in codings if each not in _GZIP and each != "deflate"), None):
        raise ProtocolError(
            f"the answer has Content-Encoding '{excerpt(unknown, 40)}', but {ACCEPT_ENCODING} was asked for: "
            "if a header Accept-Encoding is described, take it out"
        )
    for coding in reversed(codings):
        chunks = _decoded(chunks, coding, limits)
    return _join(chunks, limits.decoded if codings else limits.wire, "decoded" if codings else "wire")


def _join(chunks: Iterable[bytes], limit: int, what: str) -> bytes:
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        parts.append(chunk)
        size += len(chunk)
        _check_size(size, limit, what)
    return b"".join(parts)


def _decoded(chunks: Iterable[bytes], coding: str, limits: BodyLimits) -> Iterator[bytes]:
    """Undo one coding: never more than a step is decoded beyond what the limits allow."""
    stream = _Stream(coding)
    wire = decoded = 0
    for chunk in chunks:
        wire += len(chunk)
        _check_size(wire, limits.wire, "wire")
        for piece in stream.feed(chunk):
            decoded += len(piece)
            _check_size(decoded, limits.decoded, "decoded")
            _check_ratio(decoded, wire, limits)
            yield piece
    yield stream.finish()


class _Stream:
    """One coded stream; what it is shows in its first two bytes.

    Some servers say gzip and send the text as it is, and what ``deflate`` means was long in doubt: with the
    head of zlib, as the standard has it, or without. Behind the last byte of gzip zeros may follow.
    """

    def __init__(self, coding: str) -> None:
        self._is_gzip = coding in _GZIP
        self._window: int | None = None  # as long as the first two bytes are not there
        self._head = b""
        self._decoder = zlib.decompressobj()
        self._is_plain = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        if self._window is None and not self._is_plain:
            chunk = self._head = self._head + chunk
            if len(chunk) < len(_GZIP_MAGIC):
                return
            self._begin(chunk)
        if self._is_plain:
            yield chunk
            return
        while chunk:
            if self._decoder.eof:
                chunk = chunk.lstrip(b"\0")
                if not chunk:
                    return
                self._decoder = zlib.decompressobj(self._window or 0)  # gzip may have several members
            yield self._decompress(chunk)
            chunk = self._decoder.unconsumed_tail or self._decoder.unused_data

    def finish(self) -> bytes:
        if self._is_plain or self._decoder.eof:
            return b""
        raise NetworkError("the compressed body was cut short")

    def _begin(self, head: bytes) -> None:
        if self._is_gzip:
            self._is_plain = not head.startswith(_GZIP_MAGIC)
            self._window = zlib.MAX_WBITS | 16
        else:
            self._window = zlib.MAX_WBITS if _has_zlib_head(head) else -zlib.MAX_WBITS
        self._decoder = zlib.decompressobj(self._window)

    def _decompress(self, chunk: bytes) -> bytes:
        try:
            return self._decoder.decompress(chunk, _STEP)
        except zlib.error as error:
            raise NetworkError("the compressed body is corrupt") from error


def _has_zlib_head(data: bytes) -> bool:
    """As RFC 1950 says: method 8, and the first two bytes a multiple of 31."""
    return data[0] & 0x0F == zlib.DEFLATED and int.from_bytes(data[:2]) % 31 == 0


def _check_size(size: int, limit: int, what: str) -> None:
    if size > limit:
        raise ProtocolError(f"the answer is larger than {limit} {what} bytes: ask for smaller pages")


def _check_ratio(decoded: int, wire: int, limits: BodyLimits) -> None:
    if decoded > MEBIBYTE and decoded > wire * limits.ratio:
        raise ProtocolError(
            f"the answer expands more than {limits.ratio}-fold: refused as a decompression bomb"
        )
