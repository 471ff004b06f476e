"""A script of pyarrow alone: pages in order, its JSON reader on 2 threads, a row group at a time.

It writes Parquet (zstd), or CSV by pyarrow's writer; to an S3 server by pyarrow's own client. It is told the
schema, and refuses what does not fit. Three ways: ``tuned``, with dictionaries for the columns that they make
smaller; ``defaults``, with one for every column, as Arrow does by itself; ``small``, as tuned, in batches and
row groups of a tenth.
"""

from __future__ import annotations

import io
import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.json as pj

from benchmarks.clients.fetching import lines, nested_lines, pages
from benchmarks.clients.task import given

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from benchmarks.clients.task import Task

ROW_GROUPS = {"tuned": 50_000, "defaults": 50_000, "small": 5_000}
"""How many rows are in memory at once, by the way."""

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


def parquet(file: Any, schema: pa.Schema, way: str) -> Any:
    """A writer of Parquet."""
    import pyarrow.parquet as pq

    dictionaries = True if way == "defaults" else [name for name in DICTIONARIES if name in schema.names]
    return pq.ParquetWriter(file, schema, compression="zstd", use_dictionary=dictionaries)


def csv(file: Any, schema: pa.Schema, way: str) -> Any:
    """A writer of CSV."""
    import pyarrow.csv as pc

    del way
    return pc.CSVWriter(file, schema)


WRITERS: dict[str, Callable[[Any, pa.Schema, str], Any]] = {"parquet": parquet, "csv": csv}


def schema_of(task: Task) -> pa.Schema:
    """What the records are."""
    return pa.ipc.read_schema(pa.BufferReader(Path(task.schema).read_bytes())) if task.schema else SCHEMA


def tables(task: Task, schema: pa.Schema, row_group: int) -> Iterator[pa.Table]:
    """The records, a row group's worth at a time."""
    parse = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
    coming, as_lines = pages(task), nested_lines() if task.schema else lines
    while batch := [*itertools.islice(coming, max(1, row_group // task.limit))]:
        yield pj.read_json(io.BytesIO(b"".join(map(as_lines, batch))), parse_options=parse)


def opened(task: Task) -> Any:
    """Where the output goes."""
    if not task.store:
        return task.output.open("wb")
    from pyarrow.fs import S3FileSystem

    where = urlsplit(task.store)
    store = S3FileSystem(endpoint_override=where.netloc, scheme=where.scheme, region="us-east-1")
    return store.open_output_stream(f"{where.path.strip('/')}/{task.output.name}")


def main(way: str) -> None:
    """Write one file."""
    task = given()
    pa.set_cpu_count(2)
    schema = schema_of(task)
    with opened(task) as file, WRITERS[task.format](file, schema, way) as writer:
        for table in tables(task, schema, ROW_GROUPS[way]):
            writer.write_table(table)


if __name__ == "__main__":
    main(sys.argv[2])
