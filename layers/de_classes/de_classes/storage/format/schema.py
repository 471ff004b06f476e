"""The types that JSON values can have in a table, how two of them become one without loss, and inference.

    null -> bool
         -> int53 -> int64 ------+
              `---> float64 -----+--> json
         -> string --------------+
         -> list<T>, struct{..} -+

A type widens along the arrows only. ``int53`` are the integers that float64 holds exactly, so they may
meet floats; any other integer that meets a float, any mixture (a number and a string, a list here
and an object there), an integer beyond 64 bits and an empty object become JSON text, which holds
every value exactly. So does an object of more than 256 fields (it is a map, not a struct) and what
is nested deeper than 16 levels. Merging is associative, so the final types do not depend on how the
records were cut into pages.

An absent key and a null are the same thing in a table: both read back as null.

A ``Schema`` is what msgspec takes as it stands: as JSON, a type is its kind's name, or an object whose
``type`` is ``list`` (with an ``element``) or ``struct`` (with ``fields``), and decoding gives it back equal.
"""

from __future__ import annotations

import json
from enum import Enum
from itertools import chain
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from de_classes.errors import UnsupportedValueError
from de_classes.utils.strict_json import Number
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Record: TypeAlias = dict[str, Any]
"""A JSON object: its values are None, bool, int of any size, float, str, list and dict with str keys."""

MAX_STRUCT_FIELDS = 256
_ABSENT = "absent"
MAX_TYPE_DEPTH = 16


class Kind(Enum):
    """The types without parts."""

    NULL = "null"
    BOOL = "bool"
    INT53 = "int53"
    INT64 = "int64"
    FLOAT64 = "float64"
    STRING = "string"
    JSON = "json"


class ListType(Struct, frozen=True, tag="list"):
    """A JSON array whose elements share a type."""

    element: DataType


class Field(Value):
    """A named column, or a named part of a struct."""

    name: str
    type: DataType


class StructType(Struct, frozen=True, tag="struct"):
    """A JSON object with known fields, in the order they were first seen."""

    fields: tuple[Field, ...]


DataType: TypeAlias = Kind | ListType | StructType

_WIDER: dict[frozenset[DataType], DataType] = {
    frozenset((Kind.INT53, Kind.INT64)): Kind.INT64,
    frozenset((Kind.INT53, Kind.FLOAT64)): Kind.FLOAT64,
}


class Schema(Value):
    """The columns of a table and their types, in the order they were first seen; ``infer`` finds them.

    Example:
        >>> infer([{"id": 1}, {"id": 2, "total": 12.5}]).describe()
        {'id': 'int64', 'total': 'float64'}
    """

    fields: tuple[Field, ...] = ()

    @classmethod
    def of_columns(cls, names: tuple[str, ...]) -> Schema:
        """Columns of which only the names are known."""
        return cls(tuple(Field(name, Kind.NULL) for name in names))

    @property
    def names(self) -> tuple[str, ...]:
        """The column names."""
        return tuple(field.name for field in self.fields)

    @property
    def json_text_paths(self) -> tuple[str, ...]:
        """Where values are kept as JSON text because no narrower type holds them all."""
        return tuple(path for field in self.fields for path in _json_paths(field.name, field.type))

    def describe(self) -> dict[str, str]:
        """Column names to readable types, for reports."""
        return {field.name: describe_type(field.type) for field in self.fields}


class Widening(Value):
    """A column, or a part of one, that later records forced to a wider type.

    Example:
        >>> with SegmentedWriter(get_codec("csv"), io.BytesIO(), schema=infer([{"mag": 1}])) as writer:
        ...     writer.write([{"mag": 2.5}])
        >>> print(*writer.widenings)
        mag: int64 -> float64

    Attributes:
        path: ``properties.mag``, ``tags[]``.
        before: The type until then; ``absent`` for a column that no earlier record had.
        after: The type from then on.
    """

    path: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.path}: {self.before} -> {self.after}"


def merge(first: Schema, second: Schema) -> Schema:
    """Unite two schemas: the first's columns in their order, then what only the second has."""
    return Schema(_merge_fields(first.fields, second.fields))


def merge_types(first: DataType, second: DataType) -> DataType:
    """Find the narrowest type that holds every value of both."""
    if first == second or second is Kind.NULL:
        return first
    if first is Kind.NULL:
        return second
    if isinstance(first, ListType) and isinstance(second, ListType):
        return ListType(merge_types(first.element, second.element))
    if isinstance(first, StructType) and isinstance(second, StructType):
        return struct_or_json(_merge_fields(first.fields, second.fields))
    return _WIDER.get(frozenset((first, second)), Kind.JSON)


def struct_or_json(fields: tuple[Field, ...]) -> DataType:
    """Make a struct, unless there are no fields or so many that the object must be a map."""
    return StructType(fields) if 0 < len(fields) <= MAX_STRUCT_FIELDS else Kind.JSON


def describe_type(data_type: DataType) -> str:
    """Spell a type: ``int64``, ``list<string>``, ``struct<a: int64, b: json>``. Unique per storage type."""
    match data_type:
        case ListType(element):
            return f"list<{describe_type(element)}>"
        case StructType(fields):
            return f"struct<{', '.join(f'{spell_name(f.name)}: {describe_type(f.type)}' for f in fields)}>"
        case Kind.INT53:
            return "int64"
        case Kind():
            return str(data_type.value)


def widenings(before: Schema, after: Schema) -> tuple[Widening, ...]:
    """List what changed between two schemas, of which the second includes the first.

    A column of nulls that gets its first value is no widening: null said nothing of a type.
    """
    return tuple(_field_widenings("", before.fields, after.fields))


def widened_within(first: Schema, all_values: Schema) -> tuple[Widening, ...]:
    """List the columns in which the first value had a narrower type than all values that came with it.

    That an object or a list had fewer parts at first is no widening: nothing of it was written by then.
    """
    changes = widenings(first, all_values)
    return tuple(change for change in changes if change.before != _ABSENT)


def spell_name(name: str) -> str:
    """Write a field's name as types print it: in quotes unless it is an identifier."""
    return name if name.isidentifier() else json.dumps(name)


def unsupported_value(column: str, row: int, reason: str) -> UnsupportedValueError:
    """Say which cell a format cannot hold; rows are counted from 1."""
    return UnsupportedValueError(f"column {column!r}, row {row}: {reason}")


def _merge_fields(first: tuple[Field, ...], second: tuple[Field, ...]) -> tuple[Field, ...]:
    if first == second:
        return first
    types = {field.name: field.type for field in first}
    for field in second:
        types[field.name] = merge_types(types.get(field.name, Kind.NULL), field.type)
    return tuple(Field(name, data_type) for name, data_type in types.items())


def _json_paths(path: str, data_type: DataType) -> list[str]:
    match data_type:
        case ListType(element):
            return _json_paths(f"{path}[]", element)
        case StructType(fields):
            return [found for field in fields for found in _json_paths(f"{path}.{field.name}", field.type)]
        case _:
            return [path] if data_type is Kind.JSON else []


def _field_widenings(prefix: str, before: tuple[Field, ...], after: tuple[Field, ...]) -> list[Widening]:
    known = {field.name: field.type for field in before}
    found: list[Widening] = []
    for field in after:
        path = f"{prefix}{field.name}"
        if field.name not in known:
            found.append(Widening(path, _ABSENT, describe_type(field.type)))
        else:
            found.extend(_type_widenings(path, known[field.name], field.type))
    return found


def _type_widenings(path: str, before: DataType, after: DataType) -> list[Widening]:
    if before is Kind.NULL or describe_type(before) == describe_type(after):
        return []
    if isinstance(before, ListType) and isinstance(after, ListType):
        return _type_widenings(f"{path}[]", before.element, after.element)
    if isinstance(before, StructType) and isinstance(after, StructType):
        return _field_widenings(f"{path}.", before.fields, after.fields)
    return [Widening(path, describe_type(before), describe_type(after))]


def count_rounded(data_type: DataType, values: Sequence[Any]) -> int:
    """How many numbers in a column are not the floats that are stored; JSON text keeps them all.

    Args:
        data_type: The column's.
        values: Of that type, or None.
    """
    match data_type:
        case Kind.FLOAT64:
            if Number not in set(map(type, values)):
                return 0
            return sum(type(value) is Number and value.is_rounded for value in values)
        case ListType(element):
            return count_rounded(element, list(chain.from_iterable(filter(None, values))))
        case StructType(fields):
            objects = list(filter(None, values))
            return sum(count_rounded(f.type, [each.get(f.name) for each in objects]) for f in fields)
        case _:
            return 0


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
