"""The kinds of records that a case may be of: plain ones, shapes that people have, and real ones.

Plain records are those of ``benchmarks.records``. Nested, late and mixed ones are plain ones with something
more. Wide ones have many columns, of which fewer records make as many values. The real ones are of
``earthquakes.jsonl``: the first forty of the United States Geological Survey's feed of all earthquakes of a
week, fetched on 7 February 2018; works of the United States government are in the public domain. They are
repeated, each time with another ``id``. Those named after an API are what its mimic among the tests' fakes
gives, which is what its documentation shows.
"""

from __future__ import annotations

import itertools
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from benchmarks import records
from benchmarks.records_file import OFFSETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLAIN = "plain"
_EARTHQUAKES = Path(__file__).with_name("earthquakes.jsonl")
_CHUNK = 1_000


@dataclass(frozen=True)
class Kind:
    """Records of one shape.

    Attributes:
        what: They are, in words.
        make: The bytes of each, told how many there are to be; ``id`` tells them apart.
    """

    what: str
    make: Callable[[int], Iterator[bytes]]


def _plain(count: int) -> Iterator[bytes]:
    for start in range(0, count, _CHUNK):
        for row in records.records(np.arange(start, min(start + _CHUNK, count), dtype=np.int64)):
            yield row.tobytes()


def _with(more: Callable[[int, int], dict[str, Any]]) -> Callable[[int], Iterator[bytes]]:
    """Plain records and, behind their ten fields, others, of a record's index and how many there are."""

    def make(count: int) -> Iterator[bytes]:
        for index, plain in enumerate(_plain(count)):
            fields = msgspec.json.encode(more(index, count))[1:-1]
            yield plain[:-1] + b"," + fields + b"}" if fields else plain

    return make


def _nested(index: int, _: int) -> dict[str, Any]:
    """Three levels of objects, and a list of them."""
    place = {"lat": index % 180 - 90 + 0.25, "lon": index % 360 - 180 + 0.5}
    address = {"city": f"City {index % 97}", "zip": f"{index % 99_999:05}", "place": place}
    lines = [
        {"sku": f"S-{(index + line) % 5_000:04}", "quantity": line + 1, "price": (index + line) % 9_999 / 100}
        for line in range(1 + index % 3)
    ]
    return {"customer": {"name": f"Customer {index}", "address": address}, "lines": lines}


def _late(index: int, count: int) -> dict[str, Any]:
    return {"late": f"since {index}"} if index >= count // 2 else {}


def _mixed(index: int, _: int) -> dict[str, Any]:
    return {"mixed": index if index % 2 else f"text {index}"}


def _wide(columns: int) -> Callable[[int], Iterator[bytes]]:
    """As many integers a record, ``id`` among them."""

    def make(count: int) -> Iterator[bytes]:
        names = [f"c{column:04}" for column in range(1, columns)]
        for index in range(count):
            values = {name: index * 7 + place for place, name in enumerate(names)}
            yield msgspec.json.encode({"id": index, **values})

    return make


def _earthquakes(count: int) -> Iterator[bytes]:
    known = [msgspec.json.decode(line) for line in _EARTHQUAKES.read_bytes().splitlines()]
    for index, record in zip(range(count), itertools.cycle(known), strict=False):
        yield msgspec.json.encode(record | {"id": f"{record['id']}-{index}"})


def _mimicked(name: str) -> Callable[[int], Iterator[bytes]]:
    def make(count: int) -> Iterator[bytes]:
        from tests.fakes.mimics import MIMICS  # noqa: PLC0415 - of the cases, few have one

        yield from map(msgspec.json.encode, MIMICS[name](count, is_throttled=False).make())

    return make


WIDE = {columns: f"wide-{columns}" for columns in (10, 100, 1_000)}
KINDS = {
    PLAIN: Kind("ten fields, 219 bytes", _plain),
    "nested": Kind("plain ones with three levels of objects and a list of them", _with(_nested)),
    "late": Kind("plain ones, and half-way one column more", _with(_late)),
    "mixed": Kind("plain ones with a column of numbers and texts", _with(_mixed)),
    **{name: Kind(f"{columns:,} integers", _wide(columns)) for columns, name in WIDE.items()},
    "earthquakes": Kind("real ones of the USGS: nested, many nulls, integers among floats", _earthquakes),
    "shopify": Kind("orders as Shopify's documentation shows them", _mimicked("shopify")),
    "notion": Kind("rows as Notion's documentation shows them", _mimicked("notion")),
}
"""Name of a kind to what it is."""


def write(path: Path, kind: str, count: int) -> None:
    """Write that many records, each with a comma after it, and beside them where each begins.

    Args:
        path: Of the records; the places are in a file beside it.
        kind: One of ``KINDS``.
        count: How many.
    """
    if kind == PLAIN:  # ten million of them are written at once, by numpy
        records.write(path, count)
        size = records.RECORD_BYTES + 1
        (np.arange(count + 1, dtype=np.uint64) * np.uint64(size)).tofile(f"{path}{OFFSETS}")
        return
    places = array("Q", [0])
    with path.open("wb") as file:
        for record in KINDS[kind].make(count):
            file.write(record + b",")
            places.append(file.tell())
    Path(f"{path}{OFFSETS}").write_bytes(places.tobytes())
