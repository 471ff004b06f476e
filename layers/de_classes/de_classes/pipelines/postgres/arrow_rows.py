"""Parts in Parquet as the text that COPY reads, column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types
import pyarrow.csv as pc  # type: ignore[import-untyped]  # it ships no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it ships no types

from de_classes.errors import MalformedDataError
from de_classes.pipelines.postgres.columns import JSONB
from de_classes.storage.format.arrow_arrays import decoder
from de_classes.utils import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from de_classes.pipelines.postgres.columns import Column

_BATCH_ROWS: Final = 5_000
# Quotes around every text and around nothing else, as `rows` has it.
_OPTIONS: Final = pc.WriteOptions(include_header=False, batch_size=_BATCH_ROWS, quoting_style="needed")


def arrow_rows(source: BinaryIO, columns: Sequence[Column]) -> Iterator[bytes]:
    """Yield whole rows, a few thousand at a time.

    Raises:
        MalformedDataError: The file is not readable.
    """
    try:
        parquet = pq.ParquetFile(source, page_checksum_verification=True)
        fields = {field.name: field for field in parquet.schema_arrow}
        for batch in parquet.iter_batches(batch_size=_BATCH_ROWS):
            arrays = [_array(batch, fields, column) for column in columns]
            sink = pa.BufferOutputStream()
            pc.write_csv(
                pa.Table.from_arrays(arrays, [f"c{place}" for place in range(len(arrays))]), sink, _OPTIONS
            )
            yield sink.getvalue().to_pybytes()
    except pa.ArrowException as error:
        raise MalformedDataError(f"not a readable Parquet file: {error}") from error


def _array(batch: pa.RecordBatch, fields: dict[str, pa.Field], column: Column) -> pa.Array:
    if column.name not in fields:
        return pa.nulls(batch.num_rows)
    array = batch.column(batch.schema.get_field_index(column.name))
    kind = array.type
    is_text = pa.types.is_string(kind) or pa.types.is_null(kind)
    if pa.types.is_nested(kind) or (column.type == JSONB and not (column.is_json and is_text)):
        return pa.array(_json_texts(array, fields[column.name]), pa.string())
    return array


def _json_texts(array: pa.Array, field: pa.Field) -> list[str | None]:
    decode = decoder(field)
    values: list[Any] = array.to_pylist()
    if decode:
        values = list(map(decode, values))
    return [None if value is None else strict_json.dumps(value) for value in values]
