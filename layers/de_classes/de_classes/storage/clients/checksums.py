"""SHA-256 of what is stored: in hex for people, in base64 for S3's headers."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, BinaryIO, Self

from de_classes.errors import InvalidInputError
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

PIECE_BYTES = 1024 * 1024

METADATA_KEY = "sha256"
"""The metadata entry that carries the checksum in hex, for stores that keep none of their own."""


class Content(Value):
    """What some bytes are: their number, and their SHA-256 in hex."""

    size: int
    sha256: str

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Measure bytes that are at hand."""
        return cls(len(data), hashlib.sha256(data).hexdigest())


class ContentMeter:
    """Measures content that passes by in pieces."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._size = 0

    def add(self, piece: bytes | bytearray | memoryview) -> None:
        """Count the next piece."""
        self._digest.update(piece)
        self._size += memoryview(piece).nbytes

    def content(self) -> Content:
        """What has passed by until now."""
        return Content(self._size, self._digest.hexdigest())


def sha256_of_stream(stream: BinaryIO) -> str:
    """SHA-256 in hex of everything from the stream's position to its end."""
    meter = ContentMeter()
    while piece := stream.read(PIECE_BYTES):
        meter.add(piece)
    return meter.content().sha256


def base64_from_hex(digest: str) -> str:
    """A checksum as S3's headers carry it."""
    return base64.b64encode(bytes.fromhex(digest)).decode("ascii")


def hex_from_base64(value: str | None) -> str | None:
    """A checksum from S3's headers, or None if there is none or it is not one."""
    try:
        return base64.b64decode(value, validate=True).hex() if value else None
    except binascii.Error:
        return None


def metadata_for(sha256: str, metadata: Mapping[str, str] | None) -> dict[str, str]:
    """The metadata to store: the caller's, and the content's checksum.

    Raises:
        InvalidInputError: The caller declared another checksum.
    """
    check_declared(sha256, metadata)
    return {**(metadata or {}), METADATA_KEY: sha256}


def check_declared(sha256: str, metadata: Mapping[str, str] | None) -> None:
    """Compare the content with the checksum that the caller declared, if any.

    Raises:
        InvalidInputError: They differ.
    """
    declared = (metadata or {}).get(METADATA_KEY, sha256)
    if declared != sha256:
        raise InvalidInputError(
            f"the content's SHA-256 is {sha256}, but {declared!r} was declared: it changed while it was read",
        )
