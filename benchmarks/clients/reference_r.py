"""The same as pyarrow's script by arro3; every page is checked first, field by field, by msgspec."""

from __future__ import annotations

import io
import itertools
from typing import TYPE_CHECKING

import msgspec
from arro3 import core
from arro3 import io as files

from benchmarks.clients.fetching import lines, pages
from benchmarks.clients.task import given

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from benchmarks.clients.task import Task

ROW_GROUP = 50_000


class Record(msgspec.Struct, forbid_unknown_fields=True):
    """What a record must be."""

    id: int
    code: str
    amount: float
    email: str
    country: str
    quantity: int
    paid: bool
    coupon: str | None
    placed_at: str
    note: str


class Page(msgspec.Struct, forbid_unknown_fields=True):
    """What a page must be."""

    page: int
    limit: int
    total_pages: int
    total_records: int
    data: list[Record]


TYPES = {
    int: core.DataType.int64(),
    str: core.DataType.utf8(),
    float: core.DataType.float64(),
    bool: core.DataType.bool(),
}
SCHEMA = core.Schema(
    [
        core.Field(each.name, TYPES.get(each.type, core.DataType.utf8()))
        for each in msgspec.structs.fields(Record)
    ]
)


def batches(task: Task) -> Iterator[Any]:
    """The records, a row group's worth at a time."""
    check, coming = msgspec.json.Decoder(Page).decode, pages(task)
    while group := [*itertools.islice(coming, max(1, ROW_GROUP // task.limit))]:
        for body in group:
            check(body)
        yield from files.read_json(io.BytesIO(b"".join(map(lines, group))), SCHEMA, batch_size=ROW_GROUP)


def main() -> None:
    """Write one file."""
    task = given()
    reader = core.RecordBatchReader.from_batches(SCHEMA, batches(task))
    files.write_parquet(reader, task.output, compression="zstd(1)", max_row_group_size=ROW_GROUP)


if __name__ == "__main__":
    main()
