"""JSON Lines, and a JSON array of objects, one a line, written and read without holding the array.

A record that came as JSON is written verbatim, once it was found sound. JSON Lines take any values and
have no schema, and of a cut file the whole lines are read.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, ClassVar

from de_classes.errors import MalformedDataError, UnsupportedValueError
from de_classes.storage.format.codec import (
    READ_BATCH_ROWS,
    FormatCodec,
    RecordWriter,
    batched,
    check_size,
    decode_utf8,
    read_lines,
    read_text,
)
from de_classes.storage.format.schema import Schema, unsupported_value
from de_classes.utils import strict_json
from de_classes.utils.strict_json import decode_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from de_classes.storage.format.blocks import Batch, Column
    from de_classes.storage.format.schema import Record


def encode_record(record: Record, row: int) -> bytes:
    """Write one record.

    Raises:
        UnsupportedValueError: JSON cannot hold a value exactly; column and row are named.
    """
    try:
        return strict_json.dumps(record).encode()
    except UnsupportedValueError as error:
        raise unsupported_value(_refused_column(record), row, str(error)) from error


def as_record(value: object, where: str) -> Record:
    """Take what was read for a record.

    Raises:
        MalformedDataError: It is no object.
    """
    if not isinstance(value, dict):
        raise MalformedDataError(f"{where}: a {type(value).__name__} where a JSON object should be")
    return value


def _refused_column(record: Record) -> str:
    return next((str(name) for name, value in record.items() if not _is_accepted({name: value})), "")


def _is_accepted(part: Record) -> bool:
    try:
        strict_json.dumps(part)
    except UnsupportedValueError:
        return False
    return True


_SPACE = re.compile(r"[ \t\r\n]*")


class JsonCodec(FormatCodec):
    """Reads and writes a JSON array of objects, laid out however it may be."""

    name: ClassVar[str] = "json"
    supports_raw_json: ClassVar[bool] = True

    def open_writer(
        self, target: BinaryIO, *, schema: Schema | None = None, spool_dir: Path | str | None = None
    ) -> RecordWriter:
        """Start an array; the schema is kept for those who ask, the bytes do not depend on it."""
        return _JsonWriter(target, schema or Schema())

    def read(self, source: BinaryIO) -> Iterator[list[Record]]:
        """Yield the records, holding no more of the text than one record and a chunk."""
        return batched(_records_of_array(source), READ_BATCH_ROWS)


class _JsonWriter(RecordWriter):
    def __init__(self, target: BinaryIO, schema: Schema) -> None:
        super().__init__(schema)
        self._target = target

    def _append(self, records: Sequence[Record]) -> None:
        self._write([encode_record(record, row) for row, record in enumerate(records, self.records + 1)])

    def _append_fitting(self, batch: Batch, columns: tuple[Column, ...] | None) -> None:
        row, lines = self.records + 1, list[bytes]()
        for part in batch.slices:
            text = part.lines()
            if text is not None:
                lines += text.split(b"\n")[:-1]
            else:
                lines += [encode_record(record, number) for number, record in enumerate(part.records(), row)]
            row += len(part)
        self._write(lines)

    def _write(self, lines: list[bytes]) -> None:
        if lines:
            self._target.write((b",\n" if self.records else b"[\n") + b",\n".join(lines))

    def _finish(self) -> None:
        self._target.write(b"\n]" if self.records else b"[]")


class _Text:
    """A position in a text of which only the part that is needed has been read."""

    def __init__(self, source: BinaryIO) -> None:
        self._pieces = read_text(source)
        self._text = ""
        self._position = 0

    def peek(self) -> str:
        """Skip white space and look at the next character; empty at the end."""
        self._skip_space()
        while self._position == len(self._text) and self._grow():
            self._skip_space()
        return self._text[self._position : self._position + 1]

    def take(self) -> str:
        """Skip white space and take the next character; empty at the end."""
        character = self.peek()
        self._position += len(character)
        return character

    def value(self) -> Any:  # noqa: ANN401 - any JSON value
        """Take the next JSON value, reading on until it is complete."""
        self.peek()
        while True:
            try:
                value, self._position = decode_at(self._text, self._position)
            except json.JSONDecodeError as error:
                if not self._grow():
                    raise MalformedDataError(f"not JSON, or cut short: {error.msg}") from error
            else:
                return value

    def _skip_space(self) -> None:
        if space := _SPACE.match(self._text, self._position):
            self._position = space.end()

    def _grow(self) -> bool:
        """Drop what was taken and at least double the rest; doubling keeps the work linear."""
        parts = [self._text[self._position :]]
        known, size = len(parts[0]), len(parts[0])
        while size <= 2 * known and (piece := next(self._pieces, None)) is not None:
            parts.append(piece)
            size += len(piece)
        self._text, self._position = "".join(parts), 0
        check_size(known)
        return size > known


def _records_of_array(source: BinaryIO) -> Iterator[Record]:
    records = 0
    try:
        for value in _read_values(_Text(source)):
            yield as_record(value, "array element")
            records += 1
    except MalformedDataError as error:
        raise MalformedDataError(f"after {records} records: {error}") from error


def _read_values(text: _Text) -> Iterator[Any]:
    if text.take() != "[":
        raise MalformedDataError("no JSON array starts here")
    if text.peek() != "]":
        yield text.value()
    while (separator := text.take()) == ",":
        yield text.value()
    if separator != "]":
        raise MalformedDataError("neither a comma nor the array's end follows")
    if text.peek():
        raise MalformedDataError("something follows the array's end")


class JsonLinesCodec(FormatCodec):
    r"""Reads and writes JSON Lines (also called NDJSON); blank lines are skipped in reading.

    Example:
        >>> list(JsonLinesCodec().read(io.BytesIO(b'{"id":1}\n\n{"id":2}\n')))
        [[{'id': 1}, {'id': 2}]]
    """

    name: ClassVar[str] = "jsonl"
    supports_raw_json: ClassVar[bool] = True

    def open_writer(
        self, target: BinaryIO, *, schema: Schema | None = None, spool_dir: Path | str | None = None
    ) -> RecordWriter:
        """Start a file; the schema is kept for those who ask, the bytes do not depend on it."""
        return _JsonLinesWriter(target, schema or Schema())

    def read(self, source: BinaryIO) -> Iterator[list[Record]]:
        """Yield the records, decoding a line at a time."""
        return batched(_records_of_lines(source), READ_BATCH_ROWS)


class _JsonLinesWriter(RecordWriter):
    def __init__(self, target: BinaryIO, schema: Schema) -> None:
        super().__init__(schema)
        self._target = target

    def _append(self, records: Sequence[Record]) -> None:
        self._target.write(_encode(records, self.records + 1))

    def _append_fitting(self, batch: Batch, columns: tuple[Column, ...] | None) -> None:
        row = self.records + 1
        for part in batch.slices:
            self._target.write(part.lines() or _encode(part.records(), row))
            row += len(part)

    def _finish(self) -> None:
        """Nothing ends a JSON Lines file."""


def _encode(records: Sequence[Record], first_row: int) -> bytes:
    return b"".join([encode_record(record, row) + b"\n" for row, record in enumerate(records, first_row)])


def _records_of_lines(source: BinaryIO) -> Iterator[Record]:
    for number, line in enumerate(read_lines(source), 1):
        if line.strip():
            yield _read_record(line, f"line {number}")


def _read_record(line: bytes, where: str) -> Record:
    text = decode_utf8(line, where)
    try:
        return as_record(strict_json.loads(text), where)
    except MalformedDataError as error:
        raise MalformedDataError(f"{where}: {error}") from error
