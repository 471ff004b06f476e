r"""CSV that keeps types, nulls and nested values, and that any other tool reads too.

A file is a header and rows, each ended by a newline; what ends without one was cut, and is refused. A cut
exactly between two rows cannot be seen from the bytes. A cell is ordinary RFC 4180, written so that it tells
its type:

    cell        means                       reads as
    (nothing)   null                        None
    ""          the empty string            ""
    "text"      a string, always quoted     "text"
    12  2.5     a number, as in JSON        12, 2.5
    true        a boolean, as in JSON       True
    "{...}"     an object, as JSON text     {...}
    "[...]"     an array, as JSON text      [...]
    "\"{..."    a string that starts with {, [ or a quote, as a JSON string literal
    2024-05-01T12:00:00+02:00[Europe/Vienna]    a timestamp (see `timestamps`)
    anything else without quotes            a string, as other tools write them

In a file of one column a null is written as the empty string is elsewhere, and that as JSON text: see
`cell_alone`.

Any CSV reader takes this as it is; what is special is only that quotes carry meaning. The csv module
of the standard library drops that difference (up to Python 3.11 in writing as well), hence the
small tokenizer here.
"""

from __future__ import annotations

import math
import re
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn

import msgspec

from de_classes.errors import MalformedDataError, UnsupportedValueError
from de_classes.storage.format.codec import (
    READ_BATCH_ROWS,
    FormatCodec,
    RecordWriter,
    batched,
    check_size,
    decode_utf8,
    read_lines,
)
from de_classes.storage.format.decoders import cell_decoder_of
from de_classes.storage.format.schema import Schema, unsupported_value
from de_classes.storage.format.timestamps import TimestampText, is_timestamp
from de_classes.utils import strict_json
from de_classes.utils.strict_json import Number, read_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from de_classes.storage.format.blocks import Batch, Column, ColumnDecoder
    from de_classes.storage.format.schema import Record

JSON_STARTS = ("{", "[", '"')
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

_SEVERAL = 2  # cells of a row; a null that is alone is written otherwise
_CELL = re.compile(r'(?:"((?:[^"]++|"")*+)"|([^",]*+))(,|\Z)')
_ALONE = {"": '""', '""': '""""""'}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORDS: dict[str, Any] = {"": None, "true": True, "false": False}


def quote(text: str) -> str:
    """Put text in quotes, doubling those inside."""
    return '"' + text.replace('"', '""') + '"'


def encode_cell(value: object) -> str:
    """Write one value.

    Raises:
        UnsupportedValueError: CSV cannot hold it exactly; the message gives the reason alone.
    """
    encode = _ENCODERS.get(type(value), _encode_json)
    return encode(value)


def cell_alone(cell: str) -> str:
    """A cell as it is written where it is the only one of its row.

    A null would be an empty line, which many readers skip. So it is ``""`` there, which pandas and DuckDB
    read as a null, and a text without characters is written as JSON.
    """
    return _ALONE.get(cell, cell)


def defuse_formula(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula. There is no way back."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def split_row(text: str) -> list[tuple[bool, str]]:
    """Split a row, without its line ending, into cells: whether quoted, and the text inside.

    Raises:
        MalformedDataError: A quote where none may be.
    """
    cells: list[tuple[bool, str]] = []
    position, separator = 0, ","
    while separator:
        match = _CELL.match(text, position)
        if match is None:
            raise MalformedDataError(f"a stray quote in cell {len(cells) + 1}")
        quoted, plain, separator = match.groups()
        cells.append((plain is None, quoted.replace('""', '"') if plain is None else plain))
        position = match.end()
    return cells


def decode_cell(quoted: bool, text: str) -> Any:  # noqa: ANN401, FBT001 - any value; a pair from split_row
    """Read one value.

    Raises:
        MalformedDataError: It looks like JSON and is none, or a number is beyond float64.
    """
    if quoted:
        return _decode_quoted(text)
    if text in _WORDS:
        return _WORDS[text]
    if number := _NUMBER.fullmatch(text):
        return _decode_number(text, is_float=any(number.groups()))
    return TimestampText(text) if is_timestamp(text) else text


def _decode_quoted(text: str) -> Any:  # noqa: ANN401 - any JSON value
    if not text.startswith(JSON_STARTS):
        return text
    try:
        return strict_json.loads(text)
    except MalformedDataError as error:
        raise MalformedDataError(f"quoted text that starts with {text[0]} must be JSON: {error}") from error


def _decode_number(text: str, *, is_float: bool) -> float:
    try:
        return read_number(text) if is_float else int(text)
    except ValueError as error:
        reason = str(error) if is_float else "an integer of more digits than Python converts"
        raise MalformedDataError(reason) from error


def _encode_text(value: Any) -> str:  # noqa: ANN401 - chosen by type
    return quote(strict_json.dumps(value) if value.startswith(JSON_STARTS) else value)


def _encode_json(value: object) -> str:
    return _encode_text(value) if isinstance(value, str) else _encode_raw(strict_json.dumps(value))


def _encode_raw(text: str) -> str:
    return quote(text) if text.startswith(JSON_STARTS) else text


def _encode_float(value: Any) -> str:  # noqa: ANN401 - chosen by type
    if not math.isfinite(value):
        raise UnsupportedValueError(f"{value} has no spelling in CSV: make it null, or write Parquet")
    return float.__repr__(value)


def _encode_int(value: Any) -> str:  # noqa: ANN401 - chosen by type
    try:
        return int.__repr__(value)
    except ValueError as error:
        raise UnsupportedValueError("an integer of more digits than Python converts") from error


_ENCODERS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "",
    bool: lambda value: "true" if value else "false",
    str: _encode_text,
    float: _encode_float,
    Number: lambda value: value.text,
    int: _encode_int,
    TimestampText: str,
    msgspec.Raw: lambda value: _encode_raw(bytes(value).decode()),
}


_EMPTY: Final = msgspec.Raw(b"")
_PLAIN: Final = {NoneType, bool, int, float, Number, str}
_JSON_TEXTS: Final = {NoneType, msgspec.Raw}
_RAW_STARTS: Final = tuple(start.encode() for start in JSON_STARTS)
_SPELLED_OTHERWISE: Final = (b"e", b"0.0000", b"null")  # by JSON: what is far from one, and what it has not


def encode_rows(
    columns: Sequence[list[Any]], encode: Callable[[object], str], *, starts: Sequence[str] = ()
) -> bytes:
    """Write rows, each ended by a newline.

    JSON spells numbers and booleans as CSV does, and nearly all texts. So a row is written as an array,
    whose brackets are taken off, and what JSON would spell otherwise is put into it as it is to be.

    Args:
        columns: At least one, each as long as the others. A value may be its JSON text, in one line.
        encode: Writes a single cell.
        starts: Characters that a text must not begin with to be written in quotes as it is, beside those
            that tell JSON.
    """
    if not columns[0]:
        return b""
    if len(columns) == 1:
        return "".join([f"{cell_alone(encode(value))}\n" for value in columns[0]]).encode()
    special = {*JSON_STARTS, *starts}
    cells = [_encode_plain(column, special) or _as_they_are(map(encode, column)) for column in columns]
    return _encode_arrays(list(zip(*cells, strict=True)))


def _encode_arrays(rows: list[tuple[Any, ...]]) -> bytes:
    """Rows without the brackets that JSON puts around each, as long as it is known which are those.

    A list, since of an iterator msgspec never lets go (0.22).
    """
    lines = _JSON.encode_lines(rows)
    size = len(lines) - 2 * len(rows)
    if len(text := lines.translate(None, b"[]")) == size:
        return text
    if len(text := lines[1:-2].replace(b"]\n[", b"\n") + b"\n") == size:
        return text
    return b"".join([_JSON.encode(row)[1:-1] + b"\n" for row in rows])


def _encode_plain(values: list[Any], special: set[str]) -> list[Any] | None:
    """What JSON is to make of a column; None if not all of its values are plain."""
    texts = values
    try:
        joined = "".join(texts)
    except TypeError:  # there are others among them
        kinds = set(map(type, values))
        if kinds <= _JSON_TEXTS and msgspec.Raw in kinds:
            return _encode_json_texts(values)
        if not kinds <= _PLAIN or (float in kinds and not _are_spelled_alike(values)):
            return None
        texts = [value for value in values if type(value) is str] if str in kinds else []
        joined = "".join(texts)
        if NoneType in kinds:
            values = [_EMPTY if value is None else value for value in values]
    has_special = any(character in joined for character in special)
    if has_special and not special.isdisjoint({text[:1] for text in texts}):
        return None
    return _escape(values, joined)


def _encode_json_texts(texts: list[Any]) -> list[Any]:
    """Numbers as they are, and objects and arrays in quotes."""
    texts = [_EMPTY if text is None else text for text in texts]
    joined = b"\n".join(texts)
    if not any(start in joined for start in _RAW_STARTS):
        return texts
    doubled = joined.replace(b'"', b'""').split(b"\n")
    return [msgspec.Raw(b'"%b"' % text if text.startswith(_RAW_STARTS) else text) for text in doubled]


def _are_spelled_alike(values: list[Any]) -> bool:
    text = _JSON.encode([value for value in values if type(value) is float])
    return not any(mark in text for mark in _SPELLED_OTHERWISE)


def _escape(values: list[Any], joined: str) -> list[Any]:
    """Put texts into quotes that JSON would write with a backslash."""
    escapes = len(_JSON.encode(joined)) - len(joined.encode()) - len('""')
    if escapes == 0:
        return values
    marks = '"' if escapes == joined.count('"') else ""  # "" is in every text
    return [
        msgspec.Raw(quote(value).encode()) if type(value) is str and marks in value else value
        for value in values
    ]


def _as_they_are(cells: Iterable[str]) -> list[msgspec.Raw]:
    return [msgspec.Raw(cell.encode()) for cell in cells]


_JSON: Final = msgspec.json.Encoder(enc_hook=lambda value: msgspec.Raw(encode_cell(value).encode()))


_BYTE_ORDER_MARK = "\ufeff"


class CsvCodec(FormatCodec):
    """Reads and writes CSV.

    Args:
        escape_formulas: Put an apostrophe before strings that start with ``=``, ``+``, ``-``, ``@``, tab or
            carriage return, so that a spreadsheet shows them instead of running them. One way
            only: the apostrophes stay when the file is read back.
    """

    name: ClassVar[str] = "csv"
    has_timestamp_type: ClassVar[bool] = True
    keeps_columns: ClassVar[bool] = True
    needs_schema: ClassVar[bool] = True
    preserves_key_order: ClassVar[bool] = True

    def __init__(self, *, escape_formulas: bool = False) -> None:
        self._encode_cell = _encode_for_spreadsheets if escape_formulas else encode_cell
        self._refused_starts = FORMULA_STARTS if escape_formulas else ()

    def open_writer(
        self, target: BinaryIO, *, schema: Schema | None = None, spool_dir: Path | str | None = None
    ) -> RecordWriter:
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

    def decoder_of(self, schema: Schema) -> ColumnDecoder | None:
        """Into values, and the texts of nested ones."""
        return cell_decoder_of(schema)

    def rewrite(self, source: BinaryIO, before: Schema, writer: RecordWriter) -> None:
        """Add empty cells to every row: the columns that came later are the last."""
        known, names = before.names, writer.schema.names
        if len(known) < _SEVERAL or known != names[: len(known)] or not isinstance(writer, _CsvWriter):
            super().rewrite(source, before, writer)
        else:
            writer.write_rows(_rows_as_they_are(source), b"," * (len(names) - len(known)))


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

    def write_rows(self, rows: Iterable[bytes], more: bytes) -> None:
        """Write rows that are encoded, each without its ending, and something behind each of them."""
        end = more + b"\n"
        for some in batched(rows, READ_BATCH_ROWS):
            self._target.write(end.join([*some, b""]))
            self.records += len(some)

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


def _rows_as_they_are(source: BinaryIO) -> Iterator[bytes]:
    """Rows of a file of ours, behind its header, none of them with its ending."""
    held, quotes, is_header = b"", 0, True
    for line in read_lines(source):
        held += line
        quotes += line.count(b'"')
        if quotes % 2 == 0:
            if not is_header:
                yield held[:-1]
            held, quotes, is_header = b"", 0, False


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
