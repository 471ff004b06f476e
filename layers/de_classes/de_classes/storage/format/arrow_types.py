"""Our types as Arrow types, and values on their way in and out.

JSON text is a string field with a mark in its metadata, at any depth. Parquet keeps the mark, our
reader decodes by it, and any other tool sees an ordinary string.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types

from de_classes.errors import UnsupportedValueError
from de_classes.storage.format.schema import Field, Kind, ListType, Schema, StructType
from de_classes.utils import strict_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.storage.format.schema import DataType

JSON_MARK = {b"de_classes.type": b"json"}

_ARROW = {
    Kind.NULL: pa.null(),
    Kind.BOOL: pa.bool_(),
    Kind.INT53: pa.int64(),
    Kind.INT64: pa.int64(),
    Kind.FLOAT64: pa.float64(),
    Kind.STRING: pa.string(),
    Kind.JSON: pa.string(),
}
_KINDS = {
    pa.types.is_null: Kind.NULL,
    pa.types.is_boolean: Kind.BOOL,
    pa.types.is_integer: Kind.INT64,
    pa.types.is_floating: Kind.FLOAT64,
    pa.types.is_string: Kind.STRING,
    pa.types.is_large_string: Kind.STRING,
    pa.types.is_string_view: Kind.STRING,
}


def arrow_schema(schema: Schema) -> pa.Schema:
    """Spell a schema in Arrow's terms."""
    return pa.schema([arrow_field(field.name, field.type) for field in schema.fields])


def arrow_field(name: str, data_type: DataType) -> pa.Field:
    """Spell a field in Arrow's terms, marked if it holds JSON text."""
    return pa.field(name, _arrow_type(data_type), metadata=JSON_MARK if data_type is Kind.JSON else None)


def encoder(data_type: DataType) -> Callable[[Any], Any] | None:
    """Make the function that replaces JSON parts of a value by their text; None if there are none."""
    match data_type:
        case Kind.JSON:
            return _unless_none(strict_json.dumps)
        case ListType(element):
            return _each(encoder(element))
        case StructType(fields):
            return _by_key({field.name: encoder(field.type) for field in fields})
        case _:
            return None


def decoder(field: pa.Field) -> Callable[[Any], Any] | None:
    """Make the function that replaces JSON text in a value by what it stands for; None if there is none."""
    if field.metadata and JSON_MARK.items() <= field.metadata.items():
        return _unless_none(strict_json.loads)
    if is_list(field.type):
        return _each(decoder(field.type.value_field))
    if pa.types.is_struct(field.type):
        return _by_key({part.name: decoder(part) for part in field.type.fields})
    return None


def is_list(arrow_type: pa.DataType) -> bool:
    """Whether Python sees a list: of any size, large or fixed."""
    return bool(
        pa.types.is_list(arrow_type)
        or pa.types.is_large_list(arrow_type)
        or pa.types.is_fixed_size_list(arrow_type)
    )


def schema_of(arrow: pa.Schema) -> Schema:
    """Read an Arrow schema back; integers of any width count as int64, floats as float64.

    Raises:
        UnsupportedValueError: A column has a type that JSON values cannot have.
    """
    return Schema(tuple(Field(field.name, _data_type(field)) for field in arrow))


def _data_type(field: pa.Field) -> DataType:
    arrow_type = field.type
    if field.metadata and JSON_MARK.items() <= field.metadata.items():
        return Kind.JSON
    if is_list(arrow_type):
        return ListType(_data_type(arrow_type.value_field))
    if pa.types.is_struct(arrow_type):
        return StructType(tuple(Field(part.name, _data_type(part)) for part in arrow_type.fields))
    if pa.types.is_dictionary(arrow_type):
        return _data_type(field.with_type(arrow_type.value_type))
    return _kind(field)


def _kind(field: pa.Field) -> Kind:
    for is_kind, kind in _KINDS.items():
        if is_kind(field.type):
            return kind
    raise UnsupportedValueError(
        f"column {field.name!r} is {field.type}, no JSON value: read it as a DataFrame"
    )


def _arrow_type(data_type: DataType) -> pa.DataType:
    match data_type:
        case ListType(element):
            return pa.list_(arrow_field("element", element))
        case StructType(fields):
            return pa.struct([arrow_field(field.name, field.type) for field in fields])
        case _:
            return _ARROW[data_type]


def _unless_none(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else change(value)


def _each(change: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    return change and _unless_none(lambda values: [change(value) for value in values])


def _by_key(changes: dict[str, Callable[[Any], Any] | None]) -> Callable[[Any], Any] | None:
    wanted = {key: change for key, change in changes.items() if change}
    if not wanted:
        return None
    return _unless_none(
        lambda value: {key: wanted[key](part) if key in wanted else part for key, part in value.items()}
    )
