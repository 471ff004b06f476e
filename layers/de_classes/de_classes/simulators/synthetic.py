"""One order of a shop with customers everywhere, computed from (seed, index) and nothing else.

Between them the records hold what breaks pipelines: nested objects, lists, nulls, an optional field,
text beyond Latin, decimals with their zeros, timestamps with zones, and integers beyond 2^53.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

_T = TypeVar("_T")

_FIRST_ORDER = datetime(2024, 1, 1, tzinfo=UTC)
_ZONE_MINUTES = (0, 60, 120, 330, 540, -300, -480, 765)
_BEYOND_DOUBLE = 2**53 + 1  # and odd, so that no double holds it
_TEN_YEARS = 10 * 365 * 86_400
_CUSTOMERS = (
    ("Zoë Åkesson", "SE", "Malmö"),
    ("李小龍", "HK", "香港"),
    ("João Conceição", "BR", "São Paulo"),
    ("Ольга Ковальчук", "UA", "Київ"),
    ("Amina O'Connor", "IE", "Dún Laoghaire"),
    ("محمد الفاسي", "MA", "فاس"),
    ('Søren "Sol" Ødegård', "NO", "Tromsø"),
    ("Grace Hopper", "US", "New York"),
)
_PRODUCTS = ("TEA-GREEN", "TEA-BLACK", "CUP-WHITE", "KETTLE-1L", "CAKE-🍰", "SPOON, SMALL")
_STATUSES = ("placed", "paid", "shipped", "delivered", "returned")
_NOTES = (None, None, None, "leave at the door", "line one\nline two", "", "=not a formula")
_TAGS = ("gift", "express", "fragile", "été", "b2b")


class _Draw:
    """Small numbers out of one digest, a byte each."""

    def __init__(self, seed: int, index: int) -> None:
        self._bytes = iter(hashlib.blake2b(f"{seed}|record|{index}".encode()).digest())

    def below(self, bound: int) -> int:
        return next(self._bytes) * bound >> 8

    def one_of(self, choices: Sequence[_T]) -> _T:
        return choices[self.below(len(choices))]


def synthetic_record(seed: int, index: int) -> bytes:
    """The record at that index, from 0, as the bytes of a JSON object."""
    draw = _Draw(seed, index)
    lines = [_OrderLine(draw) for _ in range(1 + draw.below(3))]
    record: dict[str, object] = {
        "id": index + 1,
        "order_no": f"ORD-{index + 1:010d}",
        "created_at": _created_at(draw, index),
        "status": draw.one_of(_STATUSES),
        "customer": _customer(draw),
        "items": [line.as_json() for line in lines],
        "total": _money(sum(line.cents for line in lines)),
        "ledger_id": _BEYOND_DOUBLE + 2 * index,
        "note": draw.one_of(_NOTES),
        "tags": [tag for tag in _TAGS if draw.below(4) == 0],
        "rating": draw.one_of((None, 1, 2, 3, 4, 5)),
    }
    if draw.below(5) == 0:
        record["coupon"] = f"SAVE{5 * (1 + draw.below(6))}"
    return msgspec.json.encode(record)


class _OrderLine:
    def __init__(self, draw: _Draw) -> None:
        self._sku = draw.one_of(_PRODUCTS)
        self._quantity = 1 + draw.below(9)
        self._unit_cents = 5 + draw.below(200) * 100 + draw.below(20) * 5
        self.cents = self._quantity * self._unit_cents

    def as_json(self) -> dict[str, object]:
        return {"sku": self._sku, "quantity": self._quantity, "unit_price": _money(self._unit_cents)}


def _created_at(draw: _Draw, index: int) -> str:
    passed = timedelta(seconds=index * 97 % _TEN_YEARS, milliseconds=draw.below(200) * 5)
    zone = timezone(timedelta(minutes=draw.one_of(_ZONE_MINUTES)))
    return (_FIRST_ORDER + passed).astimezone(zone).isoformat(timespec="milliseconds")


def _customer(draw: _Draw) -> dict[str, object]:
    name, country, city = draw.one_of(_CUSTOMERS)
    email = None if draw.below(4) == 0 else f"customer{draw.below(250)}@example.com"
    return {"name": name, "email": email, "address": {"city": city, "country": country}}


def _money(cents: int) -> msgspec.Raw:
    # Written out, so that 129.90 keeps its last zero.
    return msgspec.Raw(f"{cents // 100}.{cents % 100:02d}".encode())
