"""JSON Lines: one object a line. Any values, no schema, and a cut file keeps its whole lines.

A record that came as JSON is written as it came, letter for letter, once it was found sound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from de_classes.errors import MalformedDataError
from de_classes.storage.format.batches import batched
from de_classes.storage.format.codec import READ_BATCH_ROWS, FormatCodec, RecordWriter
from de_classes.storage.format.json_records import as_record, encode_record
from de_classes.storage.format.lines import decode_utf8, read_lines
from de_classes.storage.format.schema import Schema
from de_classes.utils import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from de_classes.storage.format.blocks import Batch
    from de_classes.storage.format.columns import Column
    from de_classes.storage.format.schema import Record


class JsonLinesCodec(FormatCodec):
    """Reads and writes JSON Lines (also called NDJSON); blank lines are skipped in reading."""

    name: ClassVar[str] = "jsonl"
    extension: ClassVar[str] = ".jsonl"
    content_type: ClassVar[str] = "application/x-ndjson"
    keeps_text: ClassVar[bool] = True

    def open_writer(self, target: BinaryIO, *, schema: Schema | None = None) -> RecordWriter:
        """Start a file; the schema is kept for those who ask, the bytes do not depend on it."""
        return _JsonLinesWriter(target, schema or Schema())

    def read(self, source: BinaryIO) -> Iterator[list[Record]]:
        """Yield the records, decoding a line at a time."""
        return batched(_read_records(source), READ_BATCH_ROWS)


class _JsonLinesWriter(RecordWriter):
    def __init__(self, target: BinaryIO, schema: Schema) -> None:
        super().__init__(schema)
        self._target = target

    def _append(self, records: Sequence[Record]) -> None:
        self._target.write(_encode(records, self.records + 1))

    def _append_fitting(self, batch: Batch, columns: tuple[Column, ...] | None) -> None:
        row = self.records + 1
        for piece in batch.pieces:
            self._target.write(piece.lines() or _encode(piece.records(), row))
            row += len(piece)

    def _finish(self) -> None:
        """Nothing ends a JSON Lines file."""


def _encode(records: Sequence[Record], first_row: int) -> bytes:
    return b"".join([encode_record(record, row) + b"\n" for row, record in enumerate(records, first_row)])


def _read_records(source: BinaryIO) -> Iterator[Record]:
    for number, line in enumerate(read_lines(source), 1):
        if line.strip():
            yield _read_record(line, f"line {number}")


def _read_record(line: bytes, where: str) -> Record:
    text = decode_utf8(line, where)
    try:
        return as_record(strict_json.loads(text), where)
    except MalformedDataError as error:
        raise MalformedDataError(f"{where}: {error}") from error
