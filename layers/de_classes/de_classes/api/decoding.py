"""Undoing Content-Encoding: bounded, and sure that the end was reached.

The usual decoders return what they have when a gzip body is cut short, so half a page passes for a
whole one. Here a stream that does not end with its own trailer is an error.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from de_classes.api.transport import MEBIBYTE
from de_classes.common.logger.redaction import excerpt
from de_classes.errors import NetworkError, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from de_classes.api.transport import BodyLimits

ACCEPT_ENCODING = "gzip, deflate"
_GZIP_WINDOW = zlib.MAX_WBITS | 16
_IDENTITY = {"", "identity"}
_GZIP = {"gzip", "x-gzip"}
_STEP = MEBIBYTE


def read_body(chunks: Iterable[bytes], encoding: str | None, limits: BodyLimits) -> bytes:
    """Join and decode the chunks of one answer.

    Args:
        chunks: The bytes as they came over the wire.
        encoding: The Content-Encoding header, or None.
        limits: Where to stop.

    Raises:
        NetworkError: The compressed stream is cut short or corrupt.
        ProtocolError: The answer exceeds a limit, or its encoding was never offered.
    """
    name = (encoding or "").strip().lower()
    if name in _IDENTITY:
        return _join(chunks, limits)
    if name in _GZIP:
        return _inflate(chunks, _GZIP_WINDOW, limits)
    if name == "deflate":
        return _inflate(chunks, zlib.MAX_WBITS, limits)
    shown = excerpt(name, 40)
    raise ProtocolError(f"the answer has Content-Encoding '{shown}', but {ACCEPT_ENCODING} was asked for")


def _join(chunks: Iterable[bytes], limits: BodyLimits) -> bytes:
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        parts.append(chunk)
        size += len(chunk)
        _check_size(size, limits.wire, "wire")
    return b"".join(parts)


class _Inflater:
    """Feeds chunks to zlib, never decoding more than a step beyond what the limits allow."""

    def __init__(self, window: int, limits: BodyLimits) -> None:
        self._window = window
        self._limits = limits
        self._decoder = zlib.decompressobj(window)
        self._wire = 0
        self.body = bytearray()

    def feed(self, chunk: bytes) -> None:
        self._wire += len(chunk)
        _check_size(self._wire, self._limits.wire, "wire")
        while chunk:
            if self._decoder.eof:
                self._decoder = zlib.decompressobj(self._window)  # a gzip file may have several members
            self.body += self._decompress(chunk)
            _check_size(len(self.body), self._limits.decoded, "decoded")
            _check_ratio(len(self.body), self._wire, self._limits)
            chunk = self._decoder.unconsumed_tail or self._decoder.unused_data

    def finish(self) -> bytes:
        if not self._decoder.eof:
            raise NetworkError("the compressed body was cut short")
        return bytes(self.body)

    def _decompress(self, chunk: bytes) -> bytes:
        try:
            return self._decoder.decompress(chunk, _STEP)
        except zlib.error as error:
            raise NetworkError("the compressed body is corrupt") from error


def _inflate(chunks: Iterable[bytes], window: int, limits: BodyLimits) -> bytes:
    inflater = _Inflater(window, limits)
    for chunk in chunks:
        inflater.feed(chunk)
    return inflater.finish()


def _check_size(size: int, limit: int, what: str) -> None:
    if size > limit:
        raise ProtocolError(f"the answer is larger than {limit} {what} bytes: ask for smaller pages")


def _check_ratio(decoded: int, wire: int, limits: BodyLimits) -> None:
    if decoded > MEBIBYTE and decoded > wire * limits.ratio:
        raise ProtocolError(
            f"the answer expands more than {limits.ratio}-fold: refused as a decompression bomb"
        )
