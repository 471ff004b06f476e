"""Cutting a stream into parts of a known size."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from de_classes.storage.clients.checksums import METADATA_KEY, sha256_of_stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def read_up_to(stream: BinaryIO, size: int) -> bytes:
    """What follows in the stream, ``size`` bytes unless the stream ends before.

    A raw stream or a socket may give less than it is asked for, so it is asked again.
    """
    pieces = []
    missing = size
    while missing > 0 and (piece := stream.read(missing)):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def iterate_parts(stream: BinaryIO, part_size: int) -> Iterator[bytes]:
    """Yield parts, one at a time in memory; an empty stream is one empty part, and no other part is empty."""
    part = read_up_to(stream, part_size)
    yield part
    while len(part) == part_size and (part := read_up_to(stream, part_size)):
        yield part


def metadata_ahead(stream: BinaryIO, metadata: Mapping[str, str] | None) -> dict[str, str]:
    """The metadata to send before the stream: with its checksum, if declared or if it can be rewound."""
    declared = dict(metadata or {})
    if METADATA_KEY in declared or not stream.seekable():
        return declared
    start = stream.tell()
    digest = sha256_of_stream(stream)
    stream.seek(start)
    return {**declared, METADATA_KEY: digest}
