"""Read a client's output back, and compare every value of every row with what was served."""

from __future__ import annotations

import functools
import io
import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.json as pj
import pyarrow.parquet as pq

from benchmarks.records import COLUMNS, FIRST_ID, PERIOD, patches, records

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator
    from pathlib import Path

    from benchmarks.records import Indices

SCHEMA = pa.schema([(name, pa.type_for_alias(kind)) for name, kind in COLUMNS.items()])
_BATCH = 50_000
_FALSE = pa.scalar(0).cast(pa.bool_())
_PARSE = pj.ParseOptions(explicit_schema=SCHEMA, unexpected_field_behavior="error")
_ISO = "%Y-%m-%dT%H:%M:%SZ"
_RECORD = b'{"id":'
_MANIFESTS = "_manifest-????????.json"  # a store may keep files of its own beside them


class Verdict(NamedTuple):
    """How many rows there are, and in what they differ from the source's.

    Attributes:
        rows: All of them.
        lost: That are not there.
        doubled: That are there once more.
        foreign: That the source does not have.
        changed: That differ in a value.
    """

    rows: int
    lost: int
    doubled: int
    foreign: int
    changed: int

    @property
    def wrong(self) -> str:
        """In words; empty if nothing is wrong."""
        counts = self._asdict()
        del counts["rows"]
        return ", ".join(f"{count} rows {name}" for name, count in counts.items() if count)


def verify(folder: Path, count: int) -> Verdict:
    """Compare what is in a folder with the first so many records.

    Args:
        folder: Holds one dataset of ours, a DuckDB database, or files of records or messages.
        count: How many records were served.
    """
    seen = np.zeros(count, np.int64)
    rows = foreign = changed = 0
    for batch in batches(folder):
        places = np.asarray(batch["id"].fill_null(-1)).astype(np.int64) - FIRST_ID
        known = (places >= 0) & (places < count)
        np.add.at(seen, places[known], 1)
        rows, foreign = rows + len(batch), foreign + int((~known).sum())
        changed += _changed(batch.filter(pa.array(known)), places[known])
    return Verdict(rows, int((seen == 0).sum()), int(np.maximum(seen - 1, 0).sum()), foreign, changed)


def expected(places: Indices) -> pa.Table:
    """The records of these indices, as the source's columns: what a reader of JSON would make of them."""
    own = patches(places)
    codes = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(own.codes.shape[1]), len(places), [None, pa.py_buffer(np.ascontiguousarray(own.codes))]
    )
    made = {"id": pa.array(own.ids), "code": codes.cast(pa.binary()).cast(pa.string())}
    made["amount"] = pa.array(own.cents / 100)  # the nearest to a decimal of two places, as if it were parsed
    repeated = _period().take(pa.array(places % PERIOD))
    return pa.table([made.get(name, repeated[name]) for name in COLUMNS], SCHEMA)


@functools.cache
def _period() -> pa.Table:
    lines = np.pad(records(np.arange(PERIOD)), ((0, 0), (0, 1)), constant_values=ord("\n")).tobytes()
    return pj.read_json(io.BytesIO(lines), parse_options=_PARSE).combine_chunks()


def batches(folder: Path) -> Iterator[pa.Table]:
    """The rows of an output, in the source's columns and types."""
    for path in files(folder, READERS):
        for table in READERS[path.suffix](path):
            yield pa.table([_as_served(table[name]) for name in COLUMNS], list(COLUMNS)).cast(SCHEMA)


def _as_served(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as the source has it.

    Some clients read a date in ISO 8601 as a point in time, or keep an amount as a decimal of its digits.
    """
    if pa.types.is_decimal(column.type):
        return column.cast(pa.string()).cast(pa.float64())
    if not pa.types.is_timestamp(column.type):
        return column
    return pc.strftime(column.cast(pa.timestamp("s", column.type.tz)), _ISO)


def files(folder: Path, suffixes: Container[str]) -> list[Path]:
    """What holds rows: a dataset's parts are those that its last manifest names.

    Args:
        folder: Where a client's output is.
        suffixes: What names of files with rows end with.
    """
    manifests = sorted(folder.rglob(_MANIFESTS))
    if manifests:
        parts = msgspec.json.decode(manifests[-1].read_bytes())["parts"]
        # A key begins with the dataset's own folder, and the dataset lies wherever the run was sent to.
        return [manifests[-1].parent / part["key"].rpartition("/")[2] for part in parts]
    found = (path for path in folder.rglob("*") if path.suffix in suffixes and path.is_file())
    # A pipeline's own tables, of which it keeps its state in, begin so.
    return sorted(path for path in found if not path.relative_to(folder).match("*/_dlt*/*"))


def _changed(batch: pa.Table, places: Indices) -> int:
    if not len(batch):
        return 0
    wanted = expected(places)
    if wanted.equals(batch):
        return 0
    same = [_same(batch[name], wanted[name]) for name in COLUMNS]
    return int(np.sum(~np.logical_and.reduce(same)))


def _same(one: pa.ChunkedArray, other: pa.ChunkedArray) -> Any:  # noqa: ANN401 - booleans, by numpy
    both_null = pc.and_(one.is_null(), other.is_null())
    is_equal = pc.fill_null(pc.equal(one, other), _FALSE)
    return np.asarray(pc.or_(is_equal, both_null))


def _parquet(path: Path) -> Iterator[pa.Table]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_BATCH):
            yield pa.Table.from_batches([batch])


def _csv(path: Path) -> Iterator[pa.Table]:
    convert = pcsv.ConvertOptions(
        column_types=SCHEMA, strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    with pcsv.open_csv(path, convert_options=convert) as reader:
        for batch in reader:
            yield pa.Table.from_batches([batch])


def _lines(path: Path) -> Iterator[pa.Table]:
    """Records, or the messages of a Singer tap or of an Airbyte source around them."""
    with path.open("rb") as file:
        begins = file.read(len(_RECORD))
    yield from _messages(path) if begins != _RECORD else _records(path)


def _records(path: Path) -> Iterator[pa.Table]:
    with pj.open_json(path, parse_options=_PARSE) as reader:
        for batch in reader:
            yield pa.Table.from_batches([batch])


def _messages(path: Path) -> Iterator[pa.Table]:
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    with path.open("rb") as file:
        while lines := [*itertools.islice(file, _BATCH)]:
            values = (decode(line) for line in lines if line.startswith(b"{"))
            yield pa.Table.from_pylist([row for value in values if (row := _record(value))], SCHEMA)


def _record(value: dict[str, Any]) -> dict[str, Any] | None:
    """The record in a line; None for a message of another kind. Records have no ``type``, messages have."""
    if "type" not in value:
        return value
    record: dict[str, Any] = value.get("record", {})
    within: dict[str, Any] | None = record.get("data", record)
    return within


def _duckdb(path: Path) -> Iterator[pa.Table]:
    import duckdb  # noqa: PLC0415 - one client of a dozen writes it

    with duckdb.connect(str(path), read_only=True) as database:
        reader = database.sql("SELECT * FROM bench.records").to_arrow_reader(_BATCH)
        for batch in reader:
            yield pa.Table.from_batches([batch])


READERS: dict[str, Callable[[Path], Iterator[pa.Table]]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".jsonl": _lines,
    ".duckdb": _duckdb,
}
