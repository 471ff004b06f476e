"""Every format's file, read by the standard library and pyarrow alone: what came, with exact decimals.

200 texts by default, 20,000 in ``make test-slow``, as ``test_decoders.py`` spells them. What becomes of a
value is said in docs/datasets.md.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from de_classes.errors import UnsupportedValueError
from de_classes.storage.format.blocks import RecordBlock
from de_classes.storage.format.codec import format_names, get_codec
from de_classes.storage.format.schema import Kind, ListType, StructType
from de_classes.storage.format.segmented import SegmentedWriter
from de_classes.utils import strict_json
from tests.fuzz.test_decoders import Spelling, exact, expected

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from de_classes.storage.format.schema import DataType, Record, Schema

Rows = list[dict[str, Any]]


class Written:
    """One file of some records.

    Args:
        name: Its format.
        records: As dictionaries, or as text that may be decoded straight.
        schema: The columns known before.
    """

    def __init__(self, name: str, records: Sequence[Record], schema: Schema | None = None) -> None:
        target = io.BytesIO()
        with SegmentedWriter(get_codec(name), target, schema=schema) as writer:
            writer.write(records)
        self.body = target.getvalue()
        self.schema = writer.schema
        self.rounded = writer.rounded


def loads(text: str | bytes) -> Any:
    return json.loads(text, parse_float=Decimal)


def check_json(written: Written, rows: Rows) -> None:
    assert exact(loads(written.body)) == exact(rows)


def check_lines(written: Written, rows: Rows) -> None:
    assert [exact(loads(line)) for line in written.body.split(b"\n")[:-1]] == [exact(row) for row in rows]


def check_csv(written: Written, rows: Rows) -> None:
    """A cell that is alone in its row is told apart by JSON: there an empty one is no row to many readers."""
    header, *cells = list(csv.reader(io.StringIO(written.body.decode(), newline="")))
    assert header == list(written.schema.names)
    assert len(cells) == len(rows)
    for row, line in zip(rows, cells, strict=True):
        for name, cell in zip(header, line, strict=True):
            assert exact(_cell(cell, row.get(name))) == exact(row.get(name))


def _cell(cell: str, wanted: Any) -> Any:
    """A cell's value, as the value that is wanted tells its type: CSV does not."""
    if wanted is None:
        return cell or None
    if isinstance(wanted, str):
        return loads(cell) if cell.startswith(("{", "[", '"')) else cell
    return loads(cell)


def check_parquet(written: Written, rows: Rows) -> None:
    read = pq.ParquetFile(io.BytesIO(written.body)).read()
    assert read.num_rows == len(rows)
    rounded: Counter[str] = Counter()
    for field in written.schema.fields:
        values = [row.get(field.name) for row in rows]
        found = read.column(field.name).to_pylist()
        for value, cell in zip(values, found, strict=True):
            assert repr(_told(field.type, cell)) == repr(_held(field.type, value))
        floats = (number for value in values for number in _floats(field.type, value))
        rounded[field.name] = sum(Decimal(repr(float(number))) != number for number in floats)
    assert written.rounded == {name: count for name, count in rounded.items() if count}


def _held(data_type: DataType, value: Any) -> Any:
    """What a column of a type holds of a value; of JSON text, what that says."""
    if value is None:
        return None
    match data_type:
        case ListType(element):
            return [_held(element, each) for each in value]
        case StructType(fields):
            return {field.name: _held(field.type, value.get(field.name)) for field in fields}
        case Kind.JSON:
            return exact(value)
        case Kind.FLOAT64:
            assert not isinstance(value, int) or int(float(value)) == value
            return float(value)
        case _:
            return value


def _told(data_type: DataType, cell: Any) -> Any:
    """What a reader gets, with JSON text read."""
    if cell is None:
        return None
    match data_type:
        case ListType(element):
            return [_told(element, each) for each in cell]
        case StructType(fields):
            return {field.name: _told(field.type, cell[field.name]) for field in fields}
        case Kind.JSON:
            return exact(loads(cell))
        case _:
            return cell


def _floats(data_type: DataType, value: Any) -> Iterator[Decimal]:
    """The numbers with a fraction that are held as floats."""
    match data_type:
        case ListType(element):
            for each in value or ():
                yield from _floats(element, each)
        case StructType(fields):
            for field in fields:
                yield from _floats(field.type, (value or {}).get(field.name))
        case Kind.FLOAT64 if isinstance(value, Decimal):
            yield value


CHECKS = {"json": check_json, "jsonl": check_lines, "csv": check_csv, "parquet": check_parquet}


def check(text: bytes, met: Counter[str]) -> None:
    """Written as dictionaries, and as text under a schema that is known, it holds what came."""
    rows, is_refused = expected(text)
    if is_refused or not rows:
        return
    for name, check_one in CHECKS.items():
        try:
            written = Written(name, strict_json.loads(text))
        except UnsupportedValueError:
            met[f"{name}: refused"] += 1
            with pytest.raises(UnsupportedValueError):
                Written(name, RecordBlock(text))
            continue
        met[name] += 1
        check_one(written, rows)
        again = Written(name, RecordBlock(text), written.schema)
        check_one(again, rows)
        assert again.rounded == written.rounded
        met[f"{name}: some rounded"] += bool(written.rounded)


def check_many(texts: int, first: int) -> Counter[str]:
    met: Counter[str] = Counter()
    for seed in range(first, first + texts):
        try:
            check(Spelling(seed).text(), met)
        except Exception as error:
            error.add_note(f"seed {seed}: {Spelling(seed).text()!r}")
            raise
    return met


def test_every_format_is_tried() -> None:
    assert set(CHECKS) == set(format_names())


def test_F91_what_is_written_is_what_came_in_200_texts() -> None:
    met = check_many(200, first=0)
    assert min(met[name] for name in CHECKS) > 100
    assert met["parquet: some rounded"] > 10


@pytest.mark.slow
@pytest.mark.parametrize("share", range(4))
def test_F91_what_is_written_is_what_came_in_20_000_texts(share: int) -> None:
    met = check_many(5_000, first=200 + 5_000 * share)
    assert min(met[name] for name in CHECKS) > 2_500
    assert met["parquet: some rounded"] > 250
