"""Bytes to lines and to text, in bounded memory, from anything that has ``read``."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from de_classes.errors import MalformedDataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

CHUNK_BYTES = 1 << 16
MAX_RECORD_BYTES = 1 << 26


def read_lines(source: BinaryIO) -> Iterator[bytes]:
    r"""Yield lines with their ``\n``; only the last may lack it. Nothing else ends a line.

    Raises:
        MalformedDataError: A line is longer than 64 MiB.
    """
    parts: list[bytes] = []
    size = 0
    while chunk := source.read(CHUNK_BYTES):
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            yield b"".join((*parts, line, b"\n"))
            parts, size = [], 0
        parts.append(rest)
        size = check_size(size + len(rest))
    if size:
        yield b"".join(parts)


def check_size(size: int) -> int:
    """Pass on the size of a record in bytes or characters, if it may be that large.

    Raises:
        MalformedDataError: It is over 64 MiB, so the file is hardly what it should be.
    """
    if size > MAX_RECORD_BYTES:
        raise MalformedDataError(f"a record is longer than {MAX_RECORD_BYTES} bytes")
    return size


def decode_utf8(data: bytes, where: str) -> str:
    """Decode, or say where it is not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise MalformedDataError(f"{where}: not UTF-8 ({error.reason})") from error


def read_text(source: BinaryIO) -> Iterator[str]:
    """Yield the text in pieces of no particular size.

    Raises:
        MalformedDataError: It is not UTF-8.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := source.read(CHUNK_BYTES):
            yield decoder.decode(chunk)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise MalformedDataError(f"not UTF-8 ({error.reason})") from error
