"""How each format's file is read by somebody else, and what must then be there: one entry a format."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from de_classes.storage.format.codec import get_codec
from de_classes.storage.format.schema import Kind, ListType, StructType
from de_classes.storage.format.segmented import SegmentedWriter
from de_classes.utils.strict_json import Number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

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


def exact(value: Any) -> Any:
    """A value with its numbers as decimals, and with types that 1 and true do not share."""
    if isinstance(value, dict):
        return {name: exact(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [exact(part) for part in value]
    if isinstance(value, Number):
        return ("number", Decimal(value.text).as_tuple())
    if isinstance(value, float):
        return ("number", Decimal(float.__repr__(value)).as_tuple())
    if isinstance(value, Decimal):
        plain = Decimal(repr(float(value)))  # 1e-05 and 0.00001 are written alike: no digit differs
        same = value == plain and value.as_tuple().digits == plain.as_tuple().digits
        return ("number", (plain if same else value).as_tuple())
    return (type(value).__name__, value)


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


CHECKS: dict[str, Callable[[Written, Rows], None]] = {
    "json": check_json,
    "jsonl": check_lines,
    "csv": check_csv,
    "parquet": check_parquet,
}
"""By format: asserts that a file of some rows says the same to a reader that is none of ours."""
