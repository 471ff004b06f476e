"""Parquet, through Arrow: typed columns, compressed, a row group at a time.

Row groups end after 50,000 rows or 32 MiB of values, looked at every 1,000 rows: never where a page
of the source happens to end. Parquet's own pages carry checksums, verified in reading;
the footer (names, types, statistics) has none. pyarrow is imported by this module and those it
alone imports, and nowhere else.
"""

from __future__ import annotations

import io
import shutil
import struct
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it ships no types

from de_classes.errors import MalformedDataError, UnsupportedValueError
from de_classes.storage.format.arrow_arrays import (
    arrow_schema,
    as_array,
    decoder,
    encoder,
    schema_of,
    widened,
)
from de_classes.storage.format.arrow_decoder import arrow_decoder_of
from de_classes.storage.format.codec import READ_BATCH_ROWS, Chunker, FormatCodec, RecordWriter
from de_classes.storage.format.schema import (
    Schema,
    count_rounded,
    describe_type,
    infer,
    merge,
    unsupported_value,
    widenings,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    import pandas as pd

    from de_classes.storage.format.blocks import Batch, Column, ColumnDecoder
    from de_classes.storage.format.schema import Field, Record

ROW_GROUP_ROWS: Final = 50_000
ROW_GROUP_BYTES: Final = 32 * 2**20
WRITE_OPTIONS: Final = {"compression": "zstd", "write_page_checksum": True}

_TRIED_ROWS: Final = 2_000
_TRIAL_OPTIONS: Final = {"compression": "none", "write_statistics": False, "store_schema": False}
_offset_at = struct.Struct("=i").unpack_from


class RowGroups:
    """Takes rows as Arrow arrays and writes a group whenever there are enough.

    The file is begun with its first group, of which it is seen which columns are worth a dictionary: those
    whose first 2,000 rows take fewer bytes with one than without. Arrow by itself tries one for every column
    until it is full. On the benchmark's records, of which half the columns repeat themselves, that takes
    half as much CPU again, and 25 bytes a record in place of 16. zstd's first level, Arrow's own choice, is
    a fifth cheaper than its third, and no larger; lz4 and snappy save a tenth more, at 2.5 times the size.

    Args:
        target: Where the bytes go; nothing does after ``abandon``.
        schema: The columns.
    """

    def __init__(self, target: BinaryIO, schema: pa.Schema) -> None:
        self._outlet = _Outlet(target)
        self._schema = schema
        self._writer: pq.ParquetWriter | None = None
        self._clear()

    def add(self, arrays: Sequence[pa.Array]) -> None:
        """Append rows: one array for each column, at least one, of one length and of the schema's types."""
        for column, array in zip(self._columns, arrays, strict=True):
            column.append(array)
        self._rows += len(arrays[0])
        self._bytes += sum(map(_bytes_of, arrays))
        if self._rows >= ROW_GROUP_ROWS or self._bytes >= ROW_GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        """Write what is left, and what ends the file."""
        if self._rows:
            self._flush()
        writer = self._writer or self._begin([])
        writer.close()

    def abandon(self) -> None:
        """Write nothing more."""
        self._outlet.shut()
        self._clear()
        if self._writer is not None:
            self._writer.close()

    def _clear(self) -> None:
        self._columns: list[list[pa.Array]] = [[] for _ in self._schema]
        self._rows = self._bytes = 0

    def _flush(self) -> None:
        columns = map(pa.chunked_array, self._columns, self._schema.types)
        table = pa.Table.from_arrays(list(columns), schema=self._schema)
        self._clear()
        writer = self._writer or self._begin(columns_worth_a_dictionary(table))
        writer.write_table(table)

    def _begin(self, by_dictionary: list[str]) -> pq.ParquetWriter:
        options = {**WRITE_OPTIONS, "use_dictionary": by_dictionary}
        self._writer = pq.ParquetWriter(self._outlet, self._schema, **options)
        return self._writer


class _Outlet(io.RawIOBase):
    """Passes bytes on to the target until it is shut: Arrow writes a footer even when it is dropped."""

    def __init__(self, target: BinaryIO) -> None:
        super().__init__()
        self._target: BinaryIO | None = target

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        if self._target is not None:
            self._target.write(data)
        return len(data)

    def shut(self) -> None:
        self._target = None


def columns_worth_a_dictionary(table: pa.Table) -> list[str]:
    """Encode the first rows both ways, into nothing, and compare.

    Counting distinct values would need ``pyarrow.compute``, which takes longer to import than this takes,
    and says less: long texts are worth a dictionary sooner than numbers are.

    Args:
        table: The rows; at least one.

    Returns:
        The dotted paths of columns that hold values, as Parquet names them: ``a.list.element.b``.
    """
    sample = table.slice(0, _TRIED_ROWS)
    plain, encoded = _encoded_sizes(sample, use_dictionary=False), _encoded_sizes(sample, use_dictionary=True)
    return [path for path, size in encoded.items() if size < plain[path]]


def _encoded_sizes(table: pa.Table, *, use_dictionary: bool) -> dict[str, int]:
    found: list[pq.FileMetaData] = []
    options = {**_TRIAL_OPTIONS, "use_dictionary": use_dictionary, "metadata_collector": found}
    pq.write_table(table, pa.MockOutputStream(), **options)
    group = found[0].row_group(0)
    columns = map(group.column, range(group.num_columns))
    return {column.path_in_schema: column.total_uncompressed_size for column in columns}


def _bytes_of(array: pa.Array) -> int:
    """Bytes of the values: not of what marks the nulls, which depends on how the array was made."""
    kind = array.type
    if pa.types.is_string(kind):
        return 4 * len(array) + _text_bytes(array)
    if pa.types.is_list(kind):
        first, end = (array.offsets[place].as_py() for place in (0, -1))
        values = array.values  # noqa: PD011 - of Arrow, whose flatten() imports its kernels
        return 4 * len(array) + _bytes_of(values.slice(first, end - first))
    if pa.types.is_struct(kind):
        return sum(map(_bytes_of, array.flatten()))
    return 0 if pa.types.is_null(kind) else len(array) * kind.bit_width // 8


def _text_bytes(array: pa.StringArray) -> int:
    if not len(array):
        return 0
    offsets, start = array.buffers()[1], array.offset
    first, last = (_offset_at(offsets, 4 * place)[0] for place in (start, start + len(array)))
    return int(last - first)


BATCH_ROWS = 1_000


class ParquetCodec(FormatCodec):
    """Reads and writes Parquet files that any tool can read.

    Records: mixed values are kept as JSON text in a marked column; a file made by another tool is
    read if its types are those of JSON. DataFrames: everything that Arrow holds.
    """

    name: ClassVar[str] = "parquet"
    has_timestamp_type: ClassVar[bool] = True
    keeps_columns: ClassVar[bool] = True
    needs_schema: ClassVar[bool] = True

    def open_writer(
        self, target: BinaryIO, *, schema: Schema | None = None, spool_dir: Path | str | None = None
    ) -> RecordWriter:
        """Start a file; what does not fit the schema is refused (`SegmentedWriter` takes it)."""
        return _ParquetWriter(target, schema)

    def read(self, source: BinaryIO) -> Iterator[list[Record]]:
        """Yield the records; a source that cannot seek is copied to a temporary file first."""
        return self._read(source, None)

    def read_fields(self, source: BinaryIO, names: Sequence[str]) -> Iterator[list[Record]]:
        """Yield the records with these columns alone."""
        return self._read(source, list(names))

    def _read(self, source: BinaryIO, names: list[str] | None) -> Iterator[list[Record]]:
        with _seekable(source) as file, _translated():
            parquet = _open(file)
            every = _decoders(parquet.schema_arrow)
            decoders = {name: every[name] for name in every if names is None or name in names}
            for batch in parquet.iter_batches(batch_size=READ_BATCH_ROWS, columns=names):
                yield _decode(batch, decoders)

    def read_columns(self, source: BinaryIO) -> tuple[str, ...]:
        """Read the names in the file's footer."""
        with _seekable(source) as file, _translated():
            return tuple(_open(file).schema_arrow.names)

    def needs_new_segment(self, before: Schema, after: Schema) -> bool:
        """Columns and their stored types are fixed once a file is begun."""
        return before.describe() != after.describe()

    def rewrite(self, source: BinaryIO, before: Schema, writer: RecordWriter) -> None:
        """Add columns of nulls and widen others, in Arrow."""
        if not isinstance(writer, _ParquetWriter):
            super().rewrite(source, before, writer)
            return
        with _translated():
            for batch in _open(source).iter_batches(batch_size=READ_BATCH_ROWS):
                writer.write_arrays(widened(batch, before, writer.schema))

    def decoder_of(self, schema: Schema) -> ColumnDecoder | None:
        """Straight into Arrow arrays, where no column is nested."""
        return arrow_decoder_of(schema)

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
        self._batches: Chunker[Record] = Chunker(BATCH_ROWS)
        self._converted = 0
        if schema is not None:
            self._begin(schema)

    def abandon(self) -> None:
        super().abandon()
        if self._groups is not None:
            self._groups.abandon()

    def write_arrays(self, arrays: list[pa.Array]) -> None:
        """Append rows: an array for each column, of the schema's types."""
        self._add(arrays)
        self.records += len(arrays[0])

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
            self._add(list(map(_array_of, self.schema.fields, columns, self._types)))

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
        """Count the numbers that no float holds; in an array there are none, see ``arrow_decoder``."""
        for field, values in zip(self.schema.fields, columns, strict=True):
            if not isinstance(values, pa.Array) and (count := count_rounded(field.type, values)):
                self.rounded[field.name] += count

    def _add(self, arrays: list[pa.Array]) -> None:
        groups = self._groups or self._begin(self.schema)
        groups.add(arrays)
        for field, array in zip(self.schema.fields, arrays, strict=True):
            self.values[field.name] += len(array) - array.null_count
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


def _array_of(field: Field, values: Column, arrow_type: pa.DataType) -> pa.Array:
    """A column that fits; mixed values become JSON text."""
    encode = encoder(field.type) if isinstance(values, list) else None
    return as_array(values if encode is None else list(map(encode, values)), arrow_type)


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
