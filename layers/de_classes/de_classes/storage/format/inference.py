"""Find the schema of records, column by column, so that the common case runs at C speed."""

from __future__ import annotations

from itertools import chain
from types import NoneType
from typing import TYPE_CHECKING, Any

from de_classes.storage.format.schema import (
    MAX_STRUCT_FIELDS,
    MAX_TYPE_DEPTH,
    Field,
    Kind,
    ListType,
    Schema,
    merge_types,
    struct_or_json,
    unsupported_value,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from de_classes.storage.format.schema import (
        DataType,
        Record,
    )

_EXACT_IN_FLOAT64 = 2**53
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
_JSON_TYPES = (bool, int, float, str, list, dict)


def infer(records: Sequence[Record], *, first_row: int = 1) -> Schema:
    """Find the narrowest schema that holds these records exactly.

    Args:
        records: JSON objects.
        first_row: The number of the first of them, for messages.

    Raises:
        UnsupportedValueError: A value is no JSON value; column and row are named.
    """
    names = dict.fromkeys(chain.from_iterable(records))
    columns = {name: [record.get(name) for record in records] for name in names}
    return Schema(
        tuple(Field(name, _column_type(name, values, first_row)) for name, values in columns.items())
    )


def first_seen(records: Sequence[Record], names: Iterable[str]) -> Schema:
    """The types that columns have by the first value that is not null in each."""
    firsts = ((name, next((r[name] for r in records if r.get(name) is not None), None)) for name in names)
    return Schema(tuple(Field(name, infer_type([value])) for name, value in firsts))


def infer_type(values: Sequence[Any], depth: int = 0) -> DataType:
    """Find the narrowest type that holds these values exactly.

    Raises:
        TypeError: One of them is no JSON value.
    """
    kinds = {_json_type(kind) for kind in set(map(type, values))}
    present = [value for value in values if value is not None] if NoneType in kinds else values
    kinds.discard(NoneType)
    if not kinds:
        return Kind.NULL
    if kinds == {int, float}:
        return merge_types(_int_type([value for value in present if isinstance(value, int)]), Kind.FLOAT64)
    if len(kinds) > 1:
        return Kind.JSON
    return _type_of(kinds.pop(), present, depth)


def _column_type(name: str, values: list[Any], first_row: int) -> DataType:
    if not isinstance(name, str):
        raise unsupported_value(repr(name), first_row, "column names must be strings")
    try:
        return infer_type(values)
    except TypeError as error:
        row = next(row for row, value in enumerate(values, first_row) if not _is_json(value))
        raise unsupported_value(name, row, str(error)) from error


def _is_json(value: object) -> bool:
    try:
        infer_type([value])
    except TypeError:
        return False
    return True


def _json_type(kind: type) -> type:
    if kind is NoneType or kind in _JSON_TYPES:
        return kind
    for json_type in _JSON_TYPES:
        if issubclass(kind, json_type):
            return json_type
    raise TypeError(f"a {kind.__name__} is not a JSON value")


def _type_of(kind: type, values: Sequence[Any], depth: int) -> DataType:
    if kind is int:
        return _int_type(values)
    if kind is dict:
        return _struct_type(values, depth)
    if kind is list:
        return _list_type(values, depth)
    return {bool: Kind.BOOL, float: Kind.FLOAT64, str: Kind.STRING}[kind]


def _int_type(values: Sequence[int]) -> DataType:
    low, high = min(values), max(values)
    if low >= -_EXACT_IN_FLOAT64 and high <= _EXACT_IN_FLOAT64:
        return Kind.INT53
    return Kind.INT64 if low >= _INT64_MIN and high <= _INT64_MAX else Kind.JSON


def _list_type(values: Sequence[list[Any]], depth: int) -> DataType:
    if depth >= MAX_TYPE_DEPTH:
        return Kind.JSON
    return ListType(infer_type(list(chain.from_iterable(values)), depth + 1))


def _struct_type(values: Sequence[Record], depth: int) -> DataType:
    names = dict.fromkeys(chain.from_iterable(values))
    if depth >= MAX_TYPE_DEPTH or len(names) > MAX_STRUCT_FIELDS or not all(values):
        return Kind.JSON
    if not all(isinstance(name, str) for name in names):
        raise TypeError("the keys of an object must be strings")
    return struct_or_json(
        tuple(Field(name, infer_type([value.get(name) for value in values], depth + 1)) for name in names)
    )
