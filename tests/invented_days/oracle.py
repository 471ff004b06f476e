"""What a dataset may hold of an evening, by the layout in docs/datasets.md alone.

Nothing of the library is imported here, so that no picture of it is shared.
"""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Final

import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

Row = dict[str, Any]


def complaints(
    bucket: Mapping[str, bytes], dataset: str, rows: Sequence[Row], *, may_stay: Collection[int]
) -> Iterator[str]:
    """What is wrong with the latest commit of a dataset; nothing if it holds each row once, as it is.

    Args:
        bucket: Every object, by key.
        dataset: What the keys begin with.
        rows: What the source has.
        may_stay: Rows that are gone, of which nothing has told yet.
    """
    latest = json.loads(bucket[max(key for key in bucket if key.startswith(f"{dataset}/_manifest-"))])
    found: list[Row] = []
    for part in latest["parts"]:
        read = _READ[latest["format"]](bucket[f"{dataset}/{part['key']}"])
        if len(read) != part["records"]:
            yield f"{part['key']} holds {len(read)} rows, not {part['records']}"
        found += read
    if latest["records"] != len(found):
        yield f"the manifest says {latest['records']} rows, and {len(found)} are there"
    by_id = {row["id"]: row for row in found}
    if len(by_id) != len(found):
        yield f"{len(found) - len(by_id)} rows are there twice"
    for row in rows:
        there = by_id.pop(row["id"], None)
        if there != row:
            yield f"{row} is {there}"
    for number, row in by_id.items():
        if number not in may_stay:
            yield f"{row} is there, and gone from the source"


def _lines(body: bytes) -> list[Row]:
    return [json.loads(line) for line in body.splitlines()]


def _csv(body: bytes) -> list[Row]:
    return [
        {name: _value(cell) for name, cell in row.items()}
        for row in csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""))
    ]


def _value(cell: str) -> Any:
    try:
        return json.loads(cell)
    except ValueError:
        return cell


def _parquet(body: bytes) -> list[Row]:
    return pq.ParquetFile(io.BytesIO(body)).read().to_pylist()


_READ: Final[dict[str, Callable[[bytes], list[Row]]]] = {"jsonl": _lines, "csv": _csv, "parquet": _parquet}
