"""Reference P: pages in order, pyarrow's JSON reader on 2 threads, a row group at a time.

It writes Parquet (zstd), or CSV by pyarrow's writer; to an S3 server by pyarrow's own client.
"""

from __future__ import annotations

import io
import itertools
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.json as pj

from benchmarks.clients.fetching import lines, pages
from benchmarks.clients.task import given

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from benchmarks.clients.task import Task

ROW_GROUP = 50_000
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("code", pa.string()),
        ("amount", pa.float64()),
        ("email", pa.string()),
        ("country", pa.string()),
        ("quantity", pa.int64()),
        ("paid", pa.bool_()),
        ("coupon", pa.string()),
        ("placed_at", pa.string()),
        ("note", pa.string()),
    ]
)
DICTIONARIES = ["country", "quantity", "coupon", "note"]
"""The columns that a dictionary makes smaller and sooner written; Arrow by itself tries one for each."""
PARSE = pj.ParseOptions(explicit_schema=SCHEMA, unexpected_field_behavior="error")


def parquet(file: Any) -> Any:
    """A writer of Parquet."""
    import pyarrow.parquet as pq

    return pq.ParquetWriter(file, SCHEMA, compression="zstd", use_dictionary=DICTIONARIES)


def csv(file: Any) -> Any:
    """A writer of CSV."""
    import pyarrow.csv as pc

    return pc.CSVWriter(file, SCHEMA)


WRITERS: dict[str, Callable[[Any], Any]] = {"parquet": parquet, "csv": csv}


def tables(task: Task) -> Iterator[pa.Table]:
    """The records, a row group's worth at a time."""
    coming = pages(task)
    while batch := [*itertools.islice(coming, max(1, ROW_GROUP // task.limit))]:
        yield pj.read_json(io.BytesIO(b"".join(map(lines, batch))), parse_options=PARSE)


def opened(task: Task) -> Any:
    """Where the output goes."""
    if not task.store:
        return task.output.open("wb")
    from pyarrow.fs import S3FileSystem

    where = urlsplit(task.store)
    store = S3FileSystem(endpoint_override=where.netloc, scheme=where.scheme, region="us-east-1")
    return store.open_output_stream(f"{where.path.strip('/')}/{task.output.name}")


def main() -> None:
    """Write one file."""
    task = given()
    pa.set_cpu_count(2)
    with opened(task) as file, WRITERS[task.format](file) as writer:
        for table in tables(task):
            writer.write_table(table)


if __name__ == "__main__":
    main()
