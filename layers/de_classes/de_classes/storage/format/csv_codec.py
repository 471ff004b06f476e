"""CSV that keeps types, nulls and nested values, and that any other tool reads too.

The grammar of a cell is in `csv_cells`. A file is a header and rows, each ended by a newline; what ends
without one was cut, and is refused. A cut exactly between two rows cannot be seen from the bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from de_classes.errors import MalformedDataError, UnsupportedValueError
from de_classes.storage.format.batches import batched
from de_classes.storage.format.codec import READ_BATCH_ROWS, FormatCodec, RecordWriter
from de_classes.storage.format.csv_cells import (
    FORMULA_STARTS,
    cell_alone,
    decode_cell,
    defuse_formula,
    encode_cell,
    quote,
    split_row,
)
from de_classes.storage.format.csv_columns import encode_rows
from de_classes.storage.format.lines import check_size, decode_utf8, read_lines
from de_classes.storage.format.schema import Schema, unsupported_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import BinaryIO

    from de_classes.storage.format.blocks import Batch
    from de_classes.storage.format.columns import Column
    from de_classes.storage.format.schema import Record

_BYTE_ORDER_MARK = "\ufeff"


class CsvCodec(FormatCodec):
    """Reads and writes CSV.

    Args:
        escape_formulas: Put an apostrophe before strings that start with ``=``, ``+``, ``-``, ``@``, tab or
            carriage return, so that a spreadsheet shows them instead of running them. One way
            only: the apostrophes stay when the file is read back.
    """

    name: ClassVar[str] = "csv"
    extension: ClassVar[str] = ".csv"
    content_type: ClassVar[str] = "text/csv; charset=utf-8"
    tells_timestamps: ClassVar[bool] = True
    keeps_columns: ClassVar[bool] = True
    needs_schema: ClassVar[bool] = True
    spells_objects: ClassVar[bool] = True

    def __init__(self, *, escape_formulas: bool = False) -> None:
        self._encode_cell = _encode_for_spreadsheets if escape_formulas else encode_cell
        self._refused_starts = FORMULA_STARTS if escape_formulas else ()

    def open_writer(self, target: BinaryIO, *, schema: Schema | None = None) -> RecordWriter:
        """Start a file; the header is written at once if the schema is given, else with the first records."""
        writer = _CsvWriter(target, self._encode_cell, self._refused_starts)
        if schema is not None:
            writer.begin(schema)
        return writer

    def read(self, source: BinaryIO) -> Iterator[list[Record]]:
        """Yield the records; every one has all columns."""
        return batched(_read_records(source), READ_BATCH_ROWS)

    def read_columns(self, source: BinaryIO) -> tuple[str, ...]:
        """Read the header."""
        return _read_header(_read_rows(source))

    def needs_new_segment(self, before: Schema, after: Schema) -> bool:
        """A header cannot grow; types are told by every cell for itself."""
        return before.names != after.names


class _CsvWriter(RecordWriter):
    def __init__(
        self, target: BinaryIO, encode: Callable[[object], str], refused_starts: tuple[str, ...]
    ) -> None:
        super().__init__(Schema())
        self._target = target
        self._encode = encode
        self._refused_starts = refused_starts
        self._names: dict[str, None] | None = None

    def begin(self, schema: Schema) -> None:
        """Write the header."""
        self.schema, self._names = schema, dict.fromkeys(schema.names)
        for name in schema.names:
            self._check_name(name)
        self._target.write((",".join(map(quote, schema.names)) + "\n").encode())

    def _append(self, records: Sequence[Record]) -> None:
        if self._names is None:
            self.begin(Schema.of_columns(tuple(dict.fromkeys(name for record in records for name in record))))
        rows = [self._encode_row(record, row) for row, record in enumerate(records, self.records + 1)]
        self._target.write(b"".join(rows))

    def _append_fitting(self, batch: Batch, columns: tuple[Column, ...] | None) -> None:
        if columns is None:
            self._append(batch.records())
        else:
            self._target.write(encode_rows(columns, self._encode, starts=self._refused_starts))

    def _finish(self) -> None:
        if self._names is None:
            self.begin(Schema())

    def _encode_row(self, record: Record, row: int) -> bytes:
        names = self._names or {}
        if not record.keys() <= names.keys():
            self._refuse_late_column(record, row)
        try:
            cells = [self._encode(record.get(name)) for name in names]
            if len(cells) == 1:
                cells = [cell_alone(cells[0])]
            return (",".join(cells) + "\n").encode()
        except (UnsupportedValueError, UnicodeEncodeError) as error:
            raise self._located(record, row, error) from error

    def _located(self, record: Record, row: int, error: Exception) -> UnsupportedValueError:
        for name in self._names or {}:
            try:
                self._encode(record.get(name)).encode()
            except UnicodeEncodeError:
                return unsupported_value(name, row, "text with a lone surrogate, which UTF-8 cannot hold")
            except UnsupportedValueError as refused:
                return unsupported_value(name, row, str(refused))
        return UnsupportedValueError(f"row {row}: {error}")

    def _refuse_late_column(self, record: Record, row: int) -> NoReturn:
        late = next(name for name in record if name not in (self._names or {}))
        raise unsupported_value(
            late, row, "the header is written and lacks this column; SegmentedWriter takes late columns"
        )

    def _check_name(self, name: str) -> None:
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise unsupported_value(name, 0, "the name has a lone surrogate, rename the column") from error
        if name.startswith(self._refused_starts):
            raise unsupported_value(name, 0, "the name looks like a formula, rename the column")


def _encode_for_spreadsheets(value: object) -> str:
    return encode_cell(defuse_formula(value) if type(value) is str else value)


def _read_records(source: BinaryIO) -> Iterator[Record]:
    rows = _read_rows(source)
    names = _read_header(rows)
    for number, text in rows:
        try:
            yield dict(zip(names, _decode_row(text, len(names)), strict=True))
        except MalformedDataError as error:
            raise MalformedDataError(f"line {number}: {error}") from error


def _decode_row(text: str, width: int) -> list[Any]:
    if not width and not text:
        return []
    cells = split_row(text)
    if len(cells) != width:
        raise MalformedDataError(f"{len(cells)} cells under {width} columns")
    if cells == [(True, "")]:
        return [None]
    return [decode_cell(quoted, cell) for quoted, cell in cells]


def _read_header(rows: Iterator[tuple[int, str]]) -> tuple[str, ...]:
    _, text = next(rows, (0, None))
    if text is None:
        raise MalformedDataError("an empty file: not even a header")
    try:
        cells = split_row(text.removeprefix(_BYTE_ORDER_MARK))
    except MalformedDataError as error:
        raise MalformedDataError(f"line 1: {error}") from error
    names = tuple(name for _, name in cells) if cells != [(False, "")] else ()
    if len(set(names)) != len(names):
        raise MalformedDataError("line 1: two columns have the same name")
    return names


def _read_rows(source: BinaryIO) -> Iterator[tuple[int, str]]:
    """Yield each row without its ending, and the number of the line it starts on."""
    lines: list[bytes] = []
    quotes = size = 0
    for number, line in enumerate(read_lines(source), 1):
        lines.append(line)
        quotes += line.count(b'"')
        size = check_size(size + len(line))
        if quotes % 2 == 0:
            start = number - len(lines) + 1
            yield start, _row_text(b"".join(lines), f"line {start}")
            lines, quotes, size = [], 0, 0
    if lines:
        raise MalformedDataError("cut short: the file ends inside a quoted cell")


def _row_text(data: bytes, where: str) -> str:
    if not data.endswith(b"\n"):
        raise MalformedDataError(f"{where}: cut short, no newline ends the last row")
    return decode_utf8(data, where).removesuffix("\n").removesuffix("\r")
