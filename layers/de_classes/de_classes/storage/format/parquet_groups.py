"""The row groups of a Parquet file: when one ends, and which of its columns are written by a dictionary."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it ships no types

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

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
        return 4 * len(array) + _bytes_of(array.flatten())
    if pa.types.is_struct(kind):
        return sum(map(_bytes_of, array.flatten()))
    return 0 if pa.types.is_null(kind) else len(array) * kind.bit_width // 8


def _text_bytes(array: pa.StringArray) -> int:
    if not len(array):
        return 0
    offsets, start = array.buffers()[1], array.offset
    first, last = (_offset_at(offsets, 4 * place)[0] for place in (start, start + len(array)))
    return int(last - first)
