"""DataFrames to Arrow tables and back.

Columns with a dtype of their own go through Arrow's conversion, which notes the dtype in the table.
Object columns are marked: decimals, dates and bytes have Arrow types, JSON values are stored as the
structs or lists they are if these give back the very values, and as JSON text if not. What was written
is then read back and compared: what would not come back equal is refused.
"""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types

from de_classes.errors import MalformedDataError, UnsupportedValueError
from de_classes.storage.format.arrow_arrays import arrow_field, decoder, encoder, is_list
from de_classes.storage.format.frames import (
    assemble,
    check_layout,
    is_zoned,
    nullable_dtype,
    object_column,
    plain_value,
    same_values,
    utc_instants,
)
from de_classes.storage.format.schema import Kind, infer_type
from de_classes.storage.format.timestamps import find_zone, zone_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from de_classes.storage.format.schema import DataType

_OBJECT_MARK = {b"de_classes.dtype": b"object"}
_NATIVE = (Decimal, date, bytes)


def table_from_frame(frame: pd.DataFrame) -> pa.Table:
    """Convert a DataFrame.

    Raises:
        UnsupportedValueError: Arrow has no type for a column; it is named.
    """
    check_layout(frame)
    if len(frame) and frame.columns.empty:
        raise UnsupportedValueError("Parquet cannot hold rows without any column")
    typed = _typed_table(frame[[name for name in frame.columns if _has_arrow_type(frame[name])]])
    columns = {name: _column(typed, frame, name) for name in frame.columns}
    fields = [field for field, _ in columns.values()]
    schema = pa.schema(fields, metadata=typed.schema.metadata)
    return pa.Table.from_arrays([array for _, array in columns.values()], schema=schema)


def frame_from_table(table: pa.Table) -> pd.DataFrame:
    """Convert a table, of ours or anyone's: nested and marked columns become objects.

    Raises:
        MalformedDataError: Two columns have the same name.
    """
    if len(set(table.column_names)) != table.num_columns:
        raise MalformedDataError("two columns have the same name")
    objects = [field.name for field in table.schema if _is_object(field)]
    typed = _typed_columns(table.drop_columns(objects))
    columns = {
        name: typed[name] if name in typed else object_column(_decoded(table, name))
        for name in table.column_names
    }
    return assemble(columns, table.num_rows)


def check_restored(frame: pd.DataFrame, restored: pd.DataFrame) -> None:
    """Compare a frame with what reading it back gave; object columns were compared when converted.

    Raises:
        UnsupportedValueError: They differ; the column is named.
    """
    for name, series in frame.items():
        back = restored[name]
        if series.dtype != back.dtype or not (series.dtype == "object" or series.equals(back)):
            raise UnsupportedValueError(
                f"column {name!r}: Parquet would give {series.dtype} back as {back.dtype}, or with other "
                "values: cast it before writing"
            )


def _has_arrow_type(series: pd.Series[Any]) -> bool:
    return series.dtype != "object" and not is_zoned(series)


def _typed_table(frame: pd.DataFrame) -> pa.Table:
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except UnicodeEncodeError as error:
        raise UnsupportedValueError("text with a lone surrogate, which UTF-8 cannot hold") from error
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise UnsupportedValueError(f"Parquet cannot hold the DataFrame: {error}") from error


def _column(typed: pa.Table, frame: pd.DataFrame, name: str) -> tuple[pa.Field, pa.Array]:
    if name in typed.column_names:
        return typed.schema.field(name), typed.column(name)
    convert = _zoned_column if is_zoned(frame[name]) else _object_column
    try:
        return convert(name, frame[name])
    except UnicodeEncodeError as error:
        raise UnsupportedValueError(
            f"column {name!r}: text with a lone surrogate, which UTF-8 cannot hold"
        ) from error
    except (TypeError, UnsupportedValueError, pa.ArrowException) as error:
        raise UnsupportedValueError(f"column {name!r}: Parquet cannot hold it: {error}") from error


def _zoned_column(name: str, series: pd.Series[Any]) -> tuple[pa.Field, pa.Array]:
    """Convert instants and zone apart: Arrow's own conversion asks pandas for what it deprecates."""
    zone = zone_name(series.dt.tz)
    if find_zone(zone) is None:
        raise UnsupportedValueError(f"there is no time zone called {zone!r}")
    arrow_type = pa.timestamp(series.dt.unit, tz=zone)
    array = pa.array(utc_instants(series)).cast(pa.int64()).cast(arrow_type)
    return pa.field(name, arrow_type), array


def _object_column(name: str, series: pd.Series[Any]) -> tuple[pa.Field, pa.Array]:
    data_type, array = _object_array(list(series))
    field = pa.field(name, array.type) if data_type is None else arrow_field(name, data_type)
    return field.with_metadata({**(field.metadata or {}), **_OBJECT_MARK}), array


def _object_array(values: list[Any]) -> tuple[DataType | None, pa.Array]:
    """Find the narrowest Arrow type that gives the very values back; None stands for one of Arrow's own."""
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) == 1 and kinds <= set(_NATIVE):
        return None, _native_array(values)
    plain = [plain_value(value) for value in values]
    narrow = infer_type(plain)
    array = _json_array(plain, narrow)
    if _gives_back(array, narrow, plain):
        return narrow, array
    return Kind.JSON, _json_array(plain, Kind.JSON)


def _native_array(values: list[Any]) -> pa.Array:
    array = pa.array(values)
    if array.to_pylist() != values:
        raise UnsupportedValueError("Arrow would change them")
    return array


def _json_array(values: list[Any], data_type: DataType) -> pa.Array:
    encode = encoder(data_type)
    return pa.array([encode(v) for v in values] if encode else values, type=arrow_field("", data_type).type)


def _gives_back(array: pa.Array, data_type: DataType, values: list[Any]) -> bool:
    return all(map(same_values, _decode(arrow_field("", data_type), array.to_pylist()), values))


def _decode(field: pa.Field, values: Sequence[Any]) -> list[Any]:
    decode = decoder(field)
    return [decode(value) for value in values] if decode else list(values)


def _decoded(table: pa.Table, name: str) -> list[Any]:
    return _decode(table.schema.field(name), table.column(name).to_pylist())


def _is_object(field: pa.Field) -> bool:
    marked = _OBJECT_MARK.items() <= (field.metadata or {}).items()
    return marked or decoder(field) is not None or is_list(field.type) or pa.types.is_struct(field.type)


def _typed_columns(table: pa.Table) -> dict[str, pd.Series[Any]]:
    """Convert columns that have dtypes; integers and booleans with nulls must not pass through float."""
    plain = _without_index(table)
    nullable = [name for name in plain.column_names if _needs_nullable(plain.column(name))]
    frame = plain.drop_columns(nullable).to_pandas()
    exact = plain.select(nullable).to_pandas(types_mapper=lambda arrow_type: nullable_dtype(str(arrow_type)))
    return {name: exact[name] if name in nullable else frame[name] for name in plain.column_names}


def _needs_nullable(column: pa.ChunkedArray) -> bool:
    kind = column.type
    return bool(column.null_count and (pa.types.is_integer(kind) or pa.types.is_boolean(kind)))


def _without_index(table: pa.Table) -> pa.Table:
    """Make an index that another writer stored an ordinary column again."""
    metadata = dict(table.schema.metadata or {})
    if b"pandas" in metadata:
        notes = json.loads(metadata[b"pandas"])
        metadata[b"pandas"] = json.dumps({**notes, "index_columns": []}).encode()
    return table.replace_schema_metadata(metadata)
