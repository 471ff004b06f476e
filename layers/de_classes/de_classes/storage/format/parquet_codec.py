"""Parquet, through Arrow: typed columns, compressed, a row group at a time.

Row groups end after 50,000 rows or 32 MiB of values, looked at every 1,000 rows: never where a page
of the source happens to end (see `parquet_groups`). Parquet's own pages carry checksums, verified in reading;
the footer (names, types, statistics) has none. pyarrow is imported by this module and those it
alone imports, and nowhere else.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it ships no types

from de_classes.errors import MalformedDataError, UnsupportedValueError
from de_classes.storage.format.arrow_columns import as_array
from de_classes.storage.format.arrow_shapes import arrow_shape_of
from de_classes.storage.format.arrow_types import arrow_schema, decoder, encoder, schema_of
from de_classes.storage.format.batches import Rebatcher
from de_classes.storage.format.codec import READ_BATCH_ROWS, FormatCodec, RecordWriter
from de_classes.storage.format.inference import infer
from de_classes.storage.format.parquet_groups import WRITE_OPTIONS, RowGroups
from de_classes.storage.format.rounding import count_rounded
from de_classes.storage.format.schema import Schema, describe_type, merge, unsupported_value, widenings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import BinaryIO

    import pandas as pd

    from de_classes.storage.format.blocks import Batch
    from de_classes.storage.format.columns import Column, Shape
    from de_classes.storage.format.schema import Field, Record

BATCH_ROWS = 1_000


class ParquetCodec(FormatCodec):
    """Reads and writes Parquet files that any tool can read.

    Records: mixed values are kept as JSON text in a marked column; a file made by another tool is
    read if its types are those of JSON. DataFrames: everything that Arrow holds.
    """

    name: ClassVar[str] = "parquet"
    extension: ClassVar[str] = ".parquet"
    content_type: ClassVar[str] = "application/vnd.apache.parquet"
    tells_timestamps: ClassVar[bool] = True
    keeps_columns: ClassVar[bool] = True
    needs_schema: ClassVar[bool] = True

    def open_writer(self, target: BinaryIO, *, schema: Schema | None = None) -> RecordWriter:
        """Start a file; what does not fit the schema is refused (`SegmentedWriter` takes it)."""
        return _ParquetWriter(target, schema)

    def read(self, source: BinaryIO) -> Iterator[list[Record]]:
        """Yield the records; a source that cannot seek is copied to a temporary file first."""
        with _seekable(source) as file, _translated():
            parquet = _open(file)
            decoders = _decoders(parquet.schema_arrow)
            for batch in parquet.iter_batches(batch_size=READ_BATCH_ROWS):
                yield _decode(batch, decoders)

    def read_columns(self, source: BinaryIO) -> tuple[str, ...]:
        """Read the names in the file's footer."""
        with _seekable(source) as file, _translated():
            return tuple(_open(file).schema_arrow.names)

    def needs_new_segment(self, before: Schema, after: Schema) -> bool:
        """Columns and their stored types are fixed once a file is begun."""
        return before.describe() != after.describe()

    def shape_of(self, schema: Schema) -> Shape | None:
        """Straight into Arrow arrays, where no column is nested."""
        return arrow_shape_of(schema)

    def dump_frame(self, frame: pd.DataFrame) -> bytes:
        """Encode a DataFrame through Arrow, with every dtype that Arrow holds."""
        from de_classes.storage.format import arrow_frames  # noqa: PLC0415 - pandas only for those who ask

        target = io.BytesIO()
        pq.write_table(arrow_frames.table_from_frame(frame), target, **WRITE_OPTIONS)
        arrow_frames.check_restored(frame, self.load_frame(target.getvalue()))
        return target.getvalue()

    def load_frames(self, sources: Iterable[BinaryIO]) -> pd.DataFrame:
        """Decode a DataFrame; integers with nulls become Int64, never floats."""
        from de_classes.storage.format import arrow_frames  # noqa: PLC0415 - pandas only for those who ask

        with _translated():
            return arrow_frames.frame_from_table(pa.concat_tables([_open(file).read() for file in sources]))


class _ParquetWriter(RecordWriter):
    def __init__(self, target: BinaryIO, schema: Schema | None) -> None:
        super().__init__(schema or Schema())
        self._target = target
        self._types: list[pa.DataType] = []
        self._groups: RowGroups | None = None
        self._batches: Rebatcher[Record] = Rebatcher(BATCH_ROWS)
        self._converted = 0
        if schema is not None:
            self._begin(schema)

    def abandon(self) -> None:
        super().abandon()
        if self._groups is not None:
            self._groups.abandon()

    def _append(self, records: Sequence[Record]) -> None:
        if self._groups is None and records:
            self._begin(infer(records))
        for batch in self._batches.add(records):
            self._check_and_convert(batch)

    def _append_fitting(self, batch: Batch, columns: tuple[Column, ...] | None) -> None:
        self._convert_rest()
        self._check_columns()
        if columns is None:
            self._convert(batch.records())
        else:
            self._note_rounded(columns)
            self._add(list(map(as_array, columns, self._types)))

    def _finish(self) -> None:
        self._convert_rest()
        groups = self._groups or self._begin(self.schema)
        groups.close()

    def _begin(self, schema: Schema) -> RowGroups:
        arrow = _named_in_utf8(schema)
        self.schema, self._types = schema, arrow.types
        self._groups = RowGroups(self._target, arrow)
        return self._groups

    def _convert_rest(self) -> None:
        if rest := self._batches.rest():
            self._check_and_convert(rest)

    def _check_and_convert(self, records: list[Record]) -> None:
        self._check_schema(records)
        self._convert(records)

    def _convert(self, records: list[Record]) -> None:
        """Arrow would drop late columns and cut 2.5 down to 2 without a word: only for what fits."""
        self._note_rounded([record.get(field.name) for record in records] for field in self.schema.fields)
        self._add([_array(field, records, self._converted + 1) for field in self.schema.fields])

    def _note_rounded(self, columns: Iterable[Column]) -> None:
        """Count the numbers that no float holds; in an array there are none, see ``arrow_tokens.floats``."""
        for field, values in zip(self.schema.fields, columns, strict=True):
            if not isinstance(values, pa.Array) and (count := count_rounded(field.type, values)):
                self.rounded[field.name] += count

    def _add(self, arrays: list[pa.Array]) -> None:
        groups = self._groups or self._begin(self.schema)
        groups.add(arrays)
        self._converted += len(arrays[0])

    def _check_columns(self) -> None:
        if not self.schema.fields:
            row = self._converted + 1
            raise UnsupportedValueError(f"row {row}: Parquet cannot hold records without any field")

    def _check_schema(self, records: list[Record]) -> None:
        self._check_columns()
        row = self._converted + 1
        wider = merge(self.schema, infer(records, first_row=row))
        if wider.describe() != self.schema.describe():
            change = widenings(self.schema, wider) or "a column of nulls gets a value"
            raise UnsupportedValueError(
                f"from row {row} the file's schema is too narrow ({change}): use SegmentedWriter"
            )


def _named_in_utf8(schema: Schema) -> pa.Schema:
    try:
        return arrow_schema(schema)
    except UnicodeEncodeError as error:
        raise UnsupportedValueError("a field's name has a lone surrogate, rename it") from error


def _array(field: Field, records: list[Record], first_row: int) -> pa.Array:
    values = [record.get(field.name) for record in records]
    try:
        return _encode(field, values)
    except (UnsupportedValueError, UnicodeEncodeError, pa.ArrowException):
        for row, value in enumerate(values, first_row):
            _encode_located(field, value, row)
        raise


def _encode(field: Field, values: list[Any]) -> pa.Array:
    encode = encoder(field.type)
    arrow_type = arrow_schema(Schema((field,))).field(0).type
    return as_array([encode(value) for value in values] if encode else values, arrow_type)


def _encode_located(field: Field, value: object, row: int) -> None:
    try:
        _encode(field, [value])
    except UnicodeEncodeError as error:
        raise unsupported_value(
            field.name, row, "text with a lone surrogate, which UTF-8 cannot hold"
        ) from error
    except (UnsupportedValueError, pa.ArrowException) as error:
        raise unsupported_value(field.name, row, f"{error} (as {describe_type(field.type)})") from error


def _decoders(arrow: pa.Schema) -> dict[str, Callable[[Any], Any]]:
    schema_of(arrow)
    if len(set(arrow.names)) != len(arrow.names):
        raise MalformedDataError("two columns have the same name")
    return {field.name: decode for field in arrow if (decode := decoder(field))}


def _decode(batch: pa.RecordBatch, decoders: dict[str, Callable[[Any], Any]]) -> list[Record]:
    records: list[Record] = batch.to_pylist()
    for name, decode in decoders.items():
        _decode_column(records, name, decode)
    return records


def _decode_column(records: list[Record], name: str, decode: Callable[[Any], Any]) -> None:
    try:
        for record in records:
            record[name] = decode(record[name])
    except MalformedDataError as error:
        raise MalformedDataError(f"column {name!r}, marked as JSON text: {error}") from error


def _open(file: BinaryIO) -> pq.ParquetFile:
    return pq.ParquetFile(file, page_checksum_verification=True)


@contextmanager
def _seekable(source: BinaryIO) -> Iterator[BinaryIO]:
    if source.seekable():
        yield source
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(source, copy)
        copy.seek(0)
        yield copy


@contextmanager
def _translated() -> Iterator[None]:
    """Make one error of the many that damage causes; an OSError with a number is the file system's own."""
    try:
        yield
    except (pa.ArrowException, ValueError, TypeError, LookupError, OverflowError) as error:
        raise MalformedDataError(f"not a readable Parquet file: {error}") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise MalformedDataError(f"not a readable Parquet file: {error}") from error
