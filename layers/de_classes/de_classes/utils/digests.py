"""Short hashes of JSON values: to know a value again without keeping it."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from de_classes.utils.strict_json import Number

if TYPE_CHECKING:
    from collections.abc import Iterable


def _written(value: object) -> object:
    """What is hashed of a ``Number``: the float, or all digits where the float is another number."""
    if isinstance(value, Number):
        return (
            msgspec.Raw(str(Decimal(value.text).normalize()).encode()) if value.is_rounded else float(value)
        )
    raise TypeError(f"a {type(value).__name__} is no JSON value")


_ENCODER: Final = msgspec.json.Encoder(order="deterministic", enc_hook=_written)


def digest(value: object, size: int) -> bytes:
    """Hash a JSON value by its canonical text: no spaces, an object's names in order.

    Two values are the same only if their types are: ``1``, ``1.0``, ``"1"`` and ``true`` are four. A number
    that no float holds is told from its neighbours by all its digits, however it is spelled.

    Args:
        value: What a JSON reader gives.
        size: Bytes of the hash, 1 to 64.
    """
    return hashlib.blake2b(_ENCODER.encode(value), digest_size=size).digest()


def digests(values: Iterable[object], size: int) -> list[bytes]:
    """The hashes of many values, see ``digest``."""
    encode, blake2b = _ENCODER.encode, hashlib.blake2b
    return [blake2b(encode(value), digest_size=size).digest() for value in values]
