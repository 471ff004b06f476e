"""Records and our types as Arrow's, and values on their way in and out.

JSON text is a string field with a mark in its metadata, at any depth. Parquet keeps the mark, our
reader decodes by it, and any other tool sees an ordinary string.

``pyarrow.array`` asks of any list whether it is one of pandas' own kinds, and imports pandas to ask: that
takes longer than all else a process does before its first page, and tens of megabytes. So where pandas is
installed and nobody has imported it, plain values are put together here from Arrow's buffers. Whatever is
not plain goes to ``pyarrow.array``, which converts or refuses it in its own way.
"""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import accumulate, chain, repeat
from operator import is_not
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa  # type: ignore[import-untyped]  # it ships no types

from de_classes.errors import UnsupportedValueError
from de_classes.storage.format.blocks import record_in
from de_classes.storage.format.schema import Field, Kind, ListType, Schema, StructType, describe_type
from de_classes.utils import strict_json
from de_classes.utils.strict_json import Number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from de_classes.storage.format.blocks import Column
    from de_classes.storage.format.schema import DataType, Record

_HAS_PANDAS: Final = find_spec("pandas") is not None
_NONE: Final = type(None)
_EXACT_IN_DOUBLE: Final = 2**53  # the largest integer that pyarrow takes for a float64
_DIGITS: Final = b"01".ljust(256, b"\0")
_TOO_LARGE: Final = (struct.error, OverflowError, UnicodeEncodeError)


def array_of(values: Sequence[Any] | pa.Array, arrow_type: pa.DataType) -> pa.Array:
    """Make what ``pyarrow.array`` makes.

    Args:
        values: Python values, None for a null; or an array already.
        arrow_type: The type of the array.

    Raises:
        Exception: Whatever ``pyarrow.array`` raises.
    """
    array = None
    if _HAS_PANDAS and "pandas" not in sys.modules and isinstance(values, list):
        array = from_buffers(values, arrow_type)
    return pa.array(values, arrow_type) if array is None else array


def from_buffers(values: list[Any], arrow_type: pa.DataType) -> pa.Array | None:
    """The array of plain values; None if some are not, be it that ``pyarrow.array`` would take them.

    Args:
        values: Python values, None for a null.
        arrow_type: The type of the array.
    """
    plain = _PLAIN.get(arrow_type.id)
    kinds = set(map(type, values))
    has_nulls = _NONE in kinds
    if plain is None or not kinds <= {*plain[0], _NONE}:
        return None
    try:
        return plain[1](values, arrow_type, _validity(values) if has_nulls else None)
    except _TOO_LARGE:
        return None


def _nulls(values: list[Any], _: pa.DataType, __: pa.Buffer | None) -> pa.Array:
    return pa.nulls(len(values))


def _booleans(values: list[Any], arrow_type: pa.DataType, validity: pa.Buffer | None) -> pa.Array:
    bits = values if validity is None else map(bool, values)
    return _array(values, arrow_type, validity, _bitmap(bits))


def _integers(values: list[Any], arrow_type: pa.DataType, validity: pa.Buffer | None) -> pa.Array:
    return _array(values, arrow_type, validity, _packed("q", _filled(values, validity, 0)))


def _floats(values: list[Any], arrow_type: pa.DataType, validity: pa.Buffer | None) -> pa.Array | None:
    filled = _filled(values, validity, 0.0)
    if int in set(map(type, filled)) and not all(map(_is_exact, filled)):
        return None
    return _array(values, arrow_type, validity, _packed("d", filled))


def _strings(values: list[Any], arrow_type: pa.DataType, validity: pa.Buffer | None) -> pa.Array:
    filled = _filled(values, validity, "")
    text = "".join(filled)
    data = text.encode()
    sizes = map(len, filled if len(data) == len(text) else map(str.encode, filled))
    return _array(values, arrow_type, validity, _offsets(sizes), pa.py_buffer(data))


def _lists(values: list[Any], arrow_type: pa.DataType, validity: pa.Buffer | None) -> pa.Array | None:
    filled = _filled(values, validity, ())
    elements = from_buffers(list(chain.from_iterable(filled)), arrow_type.value_type)
    if elements is None:
        return None
    return _array(values, arrow_type, validity, _offsets(map(len, filled)), children=[elements])


def _structs(values: list[Any], arrow_type: pa.DataType, validity: pa.Buffer | None) -> pa.Array | None:
    filled = _filled(values, validity, {})
    children = [from_buffers([value.get(each.name) for value in filled], each.type) for each in arrow_type]
    if any(child is None for child in children):
        return None
    return _array(values, arrow_type, validity, children=children)


def _array(
    values: list[Any],
    arrow_type: pa.DataType,
    validity: pa.Buffer | None,
    *buffers: pa.Buffer,
    children: list[pa.Array] | None = None,
) -> pa.Array:
    return pa.Array.from_buffers(arrow_type, len(values), [validity, *buffers], children=children)


def _filled(values: list[Any], validity: pa.Buffer | None, value: object) -> list[Any]:
    """The values with another in place of each null."""
    return values if validity is None else [value if each is None else each for each in values]


def _is_exact(value: float) -> bool:
    return isinstance(value, float) or -_EXACT_IN_DOUBLE <= value <= _EXACT_IN_DOUBLE


def _validity(values: list[Any]) -> pa.Buffer:
    return _bitmap(map(is_not, values, repeat(None)))


def _bitmap(bits: Iterable[bool]) -> pa.Buffer:
    """A bit each, the first of them the lowest of the first byte: written as a binary number, and read."""
    flags = bytes(bits)
    number = int(flags.translate(_DIGITS)[::-1] or b"0", 2)
    return pa.py_buffer(number.to_bytes(-(-len(flags) // 8), "little"))


def _offsets(sizes: Iterable[int]) -> pa.Buffer:
    return _packed("i", list(accumulate(sizes, initial=0)))


def _packed(code: str, numbers: list[Any]) -> pa.Buffer:
    return pa.py_buffer(struct.pack(f"{len(numbers)}{code}", *numbers))


_PLAIN: Final[dict[int, tuple[set[type], Callable[..., pa.Array | None]]]] = {
    pa.null().id: (set(), _nulls),
    pa.bool_().id: ({bool}, _booleans),
    pa.int64().id: ({int}, _integers),
    pa.float64().id: ({float, Number, int}, _floats),
    pa.string().id: ({str}, _strings),
    pa.list_(pa.null()).id: ({list}, _lists),
    pa.struct([]).id: ({dict}, _structs),
}
"""By the id of an Arrow type: what values are plain for it, and how they become an array."""

FALSE: Final = array_of([False], pa.bool_())[0]
"""As a scalar of Arrow's, of which ``pyarrow.scalar`` makes as much ado as ``pyarrow.array``."""


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


def widened(batch: pa.RecordBatch, before: Schema, after: Schema) -> list[pa.Array]:
    """The columns of a batch under a wider schema: a column that it lacks is one of nulls.

    Args:
        batch: Rows.
        before: What they were written under.
        after: A schema that includes it.
    """
    known = {field.name: field.type for field in before.fields}
    return [
        _widened(
            batch.column(field.name) if field.name in known else None,
            known.get(field.name, Kind.NULL),
            field,
            batch.num_rows,
        )
        for field in after.fields
    ]


def _widened(values: pa.Array | None, before: DataType, after: Field, rows: int) -> pa.Array:
    stored = arrow_field(after.name, after.type).type
    if values is None or before is Kind.NULL:
        return pa.nulls(rows, stored)
    if describe_type(before) == describe_type(after.type):
        return values
    if after.type is Kind.FLOAT64:  # so it was integers that floats hold
        return values.cast(stored)
    decode, encode = decoder(arrow_field(after.name, before)), encoder(after.type)
    plain = values.to_pylist() if decode is None else list(map(decode, values.to_pylist()))
    return array_of(plain if encode is None else list(map(encode, plain)), stored)


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


_AS_THEY_CAME: Final = frozenset({Kind.BOOL, Kind.INT53, Kind.INT64, Kind.STRING})


@dataclass(frozen=True, slots=True, repr=False)
class ArrowColumns:
    """The records of a text, field by field; see ``Columns``.

    Attributes:
        schema: What they were decoded under.
        shared: The columns, maybe together with the records of other texts; an absent key is a null.
        start: The first of its own records in there.
        size: How many they are.
        text: What they were decoded from, sound.
    """

    schema: Schema
    shared: Sequence[pa.Array]
    start: int
    size: int
    text: bytes

    @property
    def lines(self) -> None:
        """None were made."""
        return

    def values(self, number: int) -> list[Any] | None:
        """The values of one field; None of those that an array spells otherwise: 1 among floats, objects."""
        if self.schema.fields[number].type not in _AS_THEY_CAME:
            return None
        values: list[Any] = self.shared[number].slice(self.start, self.size).to_pylist()
        return values

    def has_nulls(self, number: int) -> bool:
        """Whether a record has a null in one field, or has no such key."""
        return bool(self.shared[number].slice(self.start, self.size).null_count)

    def record(self, index: int) -> Record:
        """One record, out of its text, of which nothing is left to be proved."""
        return record_in(self.text, index, self.size)

    def __contains__(self, record: Record) -> bool:
        if not self._may_hold(record) or not record.keys() <= set(self.schema.names):
            return False
        candidates = self._candidates(record)
        return any(self.record(place.as_py()) == record for place in kernel("indices_nonzero", candidates))

    def dense(self, start: int, stop: int) -> tuple[pa.Array, ...]:
        """The columns of some of the records."""
        return tuple([values.slice(self.start + start, stop - start) for values in self.shared])

    def _may_hold(self, record: Record) -> bool:
        """Whether an integer of the record is in its column: looking there costs less than to ask Arrow."""
        for field, values in zip(self.schema.fields, self.shared, strict=True):
            value = record.get(field.name)
            if type(value) is int and pa.types.is_integer(values.type):
                start = values.offset + self.start
                column = memoryview(values.buffers()[1]).cast("q")[start : start + self.size]
                return _fits_int64(value) and struct.pack("q", value) in column.tobytes() and value in column
        return True

    def _candidates(self, record: Record) -> pa.BooleanArray:
        """Which records may equal this one; nearly always the first column excludes all others."""
        left = None
        for name, values in zip(self.schema.names, self.dense(0, self.size), strict=True):
            alike = _alike(values, record.get(name))
            left = alike if left is None else kernel("and", left, alike)
            if not kernel("any", left).as_py():
                break
        return left


def kernel(name: str, *values: Any) -> Any:  # noqa: ANN401 - arrays and scalars of any type
    """Call a function of Arrow's by its name, as ``pyarrow.compute.call_function`` does.

    It is taken from where that module has it: to import the module makes a Python function of every one of
    Arrow's, which takes a tenth as long as a short run. So do methods such as ``is_null`` and ``cast``.
    """
    from pyarrow._compute import call_function  # type: ignore[import-untyped]  # noqa: PLC0415 - not all need it

    return call_function(name, values)


def as_array(column: Column, arrow_type: pa.DataType) -> pa.Array:
    """A column as an array of a type, whether it is one already or a list of values."""
    return column if isinstance(column, pa.Array) else array_of(column, arrow_type)


def _alike(values: pa.Array, value: Any) -> pa.BooleanArray:  # noqa: ANN401 - any JSON value
    """Which values may equal one, as Python has it: 1 equals 1.0 and true."""
    if value is None:
        return kernel("is_null", values)
    if pa.types.is_nested(values.type):
        return kernel("is_valid", values)  # their texts are compared
    wanted = _as_type(value, values.type)
    if wanted is None:
        return kernel("and", kernel("is_null", values), kernel("is_valid", values))
    return kernel("coalesce", kernel("equal", values, array_of([wanted], values.type)[0]), FALSE)


def _fits_int64(value: float) -> bool:
    return -(2**63) <= value < 2**63


def _as_type(value: Any, arrow_type: pa.DataType) -> Any:  # noqa: ANN401 - any JSON value, and one of the type
    """A value as one of a type that it may equal; None if it equals none."""
    if pa.types.is_string(arrow_type):
        return value if isinstance(value, str) else None
    if not isinstance(value, bool | int | float) or pa.types.is_null(arrow_type):
        return None
    if pa.types.is_boolean(arrow_type):
        return bool(value) if value in {0, 1} else None
    if pa.types.is_integer(arrow_type):
        return int(value) if value == int(value) and _fits_int64(value) else None
    return float(value) if abs(value) <= 2**53 else None
