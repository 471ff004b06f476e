"""The records that are served: ten fields, 219 bytes of JSON each, every one a function of its index.

All are of one length, so that a page is a slice of one long file, whatever the page's size. Three fields
differ in every record and are patched into a template; the others repeat with a prime period.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TypeAlias

    import numpy.typing as npt

    Bytes: TypeAlias = npt.NDArray[np.uint8]
    Indices: TypeAlias = npt.NDArray[np.int64]

RECORD_BYTES = 219
FIRST_ID = 100_000_000
PERIOD = 9973
COLUMNS = {
    "id": "int64",
    "code": "string",
    "amount": "double",
    "email": "string",
    "country": "string",
    "quantity": "int64",
    "paid": "bool",
    "coupon": "string",
    "placed_at": "string",
    "note": "string",
}
"""Field to Arrow type; ``coupon`` may be null."""

_CODE_DIGITS, _ID_DIGITS = 16, 9
_ID = len('{"id":')
_CODE = _ID + _ID_DIGITS + len(',"code":"')
_AMOUNT = _CODE + _CODE_DIGITS + len('","amount":')
_AMOUNT_PLACES = (0, 1, 2, 3, 5, 6)  # of "1234.56", the point aside
_LEAST_AMOUNT, _AMOUNTS = 100_000, 900_000
_MIXER = np.uint64(0x9E3779B97F4A7C15)
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_COUNTRIES = ("SE", "NO", "DE", "FR", "JP", "BR", "KE")
_WORDS = (
    "left at the door, ",
    'called "twice", ',
    "gift wrapped, ",
    "fragile, ",
    "über den Hof, ",
    "back order, ",
)
_CHUNK = 100_000


class Patches(NamedTuple):
    """What differs in every record.

    Attributes:
        ids: Integers.
        codes: Rows of sixteen hexadecimal digits.
        cents: A hundred times the amounts.
    """

    ids: Indices
    codes: Bytes
    cents: Indices


def patches(indices: Indices) -> Patches:
    """What differs in the records of these indices; the rest is that of ``indices % PERIOD``."""
    mixed = _mixed(indices)
    cents = (mixed % np.uint64(_AMOUNTS)).astype(np.int64) + _LEAST_AMOUNT
    return Patches(indices + FIRST_ID, _hexadecimal(mixed), cents)


def records(indices: Indices) -> Bytes:
    """The records of these indices, a row of bytes each."""
    rows: Bytes = _templates()[indices % PERIOD]
    own = patches(indices)
    rows[:, _ID : _ID + _ID_DIGITS] = _decimal(own.ids, _ID_DIGITS)
    rows[:, _CODE : _CODE + _CODE_DIGITS] = own.codes
    rows[:, [_AMOUNT + place for place in _AMOUNT_PLACES]] = _decimal(own.cents, len(_AMOUNT_PLACES))
    return rows


def write(path: Path, count: int) -> None:
    """Write that many records, each with a comma after it."""
    with path.open("wb") as file:
        for start in range(0, count, _CHUNK):
            indices = np.arange(start, min(start + _CHUNK, count), dtype=np.int64)
            np.pad(records(indices), ((0, 0), (0, 1)), constant_values=ord(",")).tofile(file)


def _mixed(indices: Indices) -> npt.NDArray[np.uint64]:
    """A number of 64 bits for each, no two alike, in no order."""
    spread = (indices.astype(np.uint64) + np.uint64(1)) * _MIXER
    return spread ^ (spread >> np.uint64(29))


def _decimal(numbers: Indices, digits: int) -> Bytes:
    powers = 10 ** np.arange(digits - 1, -1, -1, dtype=np.int64)
    return (numbers[:, None] // powers % 10 + ord("0")).astype(np.uint8)


def _hexadecimal(numbers: npt.NDArray[np.uint64]) -> Bytes:
    shifts = np.arange(4 * (_CODE_DIGITS - 1), -1, -4, dtype=np.uint64)
    return _HEX[(numbers[:, None] >> shifts & np.uint64(15)).astype(np.intp)]


@functools.cache
def _templates() -> Bytes:
    """What the records of one period have in common with those of all others."""
    return np.frombuffer(b"".join(map(_template, range(PERIOD))), np.uint8).reshape(PERIOD, RECORD_BYTES)


def _template(place: int) -> bytes:
    email = f"customer{place * 7919 % PERIOD}@shop.example"
    coupon = "null" if place % 3 else f'"SAVE{place % 50}"'
    clock = f"2026-{place % 12 + 1:02}-{place % 28 + 1:02}T{place % 24:02}:{place % 60:02}:{place % 59:02}Z"
    head = (
        f'{{"id":{"0" * _ID_DIGITS},"code":"{"0" * _CODE_DIGITS}","amount":0000.00,"email":"{email}",'
        f'"country":"{_COUNTRIES[place % 7]}","quantity":{place % 40 + 1},'
        f'"paid":{str(place % 5 > 0).lower()},"coupon":{coupon},"placed_at":"{clock}","note":"'
    ).encode()
    return head + _note(place, RECORD_BYTES - len(head) - 2) + b'"}'


def _note(place: int, length: int) -> bytes:
    """Text of exactly that many bytes: quotes, commas and letters beyond ASCII among them."""
    words = "".join(_WORDS[(place + step) % len(_WORDS)] for step in range(length // 4))
    text = words.replace('"', '\\"').encode()[:length]
    # What was cut off in the middle of a letter or an escape gives way.
    return text.decode(errors="ignore").rstrip("\\ ").encode().ljust(length, b".")
