"""Short hashes of JSON values: to know a value again without keeping it."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

_ENCODER: Final = msgspec.json.Encoder(order="deterministic", enc_hook=float)


def digest(value: object, size: int) -> bytes:
    """Hash a JSON value by its canonical text: no spaces, an object's names in order.

    Two values are the same only if their types are: ``1``, ``1.0``, ``"1"`` and ``true`` are four.

    Args:
        value: What a JSON reader gives.
        size: Bytes of the hash, 1 to 64.
    """
    return hashlib.blake2b(_ENCODER.encode(value), digest_size=size).digest()
