"""Records decoded straight into columns, under the types that the records before them had.

Most pages bring nothing new. Where a schema is known, msgspec decodes a page's text into typed rows, at
a fraction of what dictionaries cost, and refuses by itself whatever would widen the schema: a field
that is not in it, 2.5 among integers, an integer beyond the type's bounds. What is refused here is
decoded in the ordinary way; so this may say no to anything, but never yes to what does not fit.

Of a duplicate key msgspec keeps the last without a word, so that none was dropped is proved from the text:
one colon follows every key, and every other colon stands in a string. Where the text holds as many
as the keys and strings that came out, there was no other key.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, TypeVar

import msgspec
from msgspec import UNSET, Meta, MsgspecError, UnsetType, structs, to_builtins
from msgspec.json import Decoder

from de_classes.storage.format.schema import Kind, ListType, StructType
from de_classes.utils.strict_json import has_no_more_keys, read_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from de_classes.storage.format.blocks import Column
    from de_classes.storage.format.schema import DataType, Field, Record, Schema

_ONE_AT_A_TIME: Final = threading.Lock()  # msgspec crashes where threads look at one type for the first time
_INT53: Final = Annotated[int, Meta(ge=-(2**53), le=2**53)]
_INT64: Final = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
_SCALARS: Final[dict[DataType, Any]] = {
    Kind.NULL: NoneType,
    Kind.BOOL: bool | None,
    Kind.INT53: _INT53 | None,
    Kind.INT64: _INT64 | None,
    Kind.FLOAT64: _INT53 | float | None,  # an integer stays one: CSV spells 1 and 1.0 as they came
    Kind.STRING: str | None,
}

_FLOATS: Final[Decoder[list[Any]]] = Decoder(list[_SCALARS[Kind.FLOAT64]])  # type: ignore[valid-type]  # as made

_SPELLED_OTHERWISE: Final = (b"e", b"0.0000")  # where Python's text of a float and msgspec's differ


def is_decodable(data_type: DataType) -> bool:
    """Whether msgspec has such a type; it has none for what is kept as JSON text."""
    match data_type:
        case ListType(element):
            return is_decodable(element)
        case StructType(fields):
            return all(is_decodable(field.type) for field in fields)
        case _:
            return data_type in _SCALARS


def attribute(number: int) -> str:
    """How the attribute of a record's field is called, by its number from 0: keys may be any text."""
    return f"f{number}"


def records_decoder(
    fields: tuple[Field, ...], *, is_complete: bool, keeps_numbers: bool
) -> Decoder[list[Any]]:
    """Make a decoder for an array of objects with these keys and no others.

    Args:
        fields: Of decodable types.
        is_complete: Every key must be there; otherwise, an absent one is ``UNSET``.
        keeps_numbers: Columns of floats come out as their text, which may be anything; see ``numbers_of``.

    Raises:
        ValueError: msgspec cannot look for a key of such a name.
    """
    with _ONE_AT_A_TIME:
        kind = _record_type(fields, is_complete=is_complete, keeps_numbers=keeps_numbers)
        return Decoder(list[kind])  # type: ignore[valid-type]  # known at run time only


def numbers_of(texts: list[Any]) -> list[Any]:
    """The values of a column of floats, out of their texts: those that no float spells are ``Number``.

    Raises:
        msgspec.MsgspecError: They are no such values.
    """
    joined = b",".join(texts)
    values: list[Any] = _FLOATS.decode(b"[%b]" % joined)
    spelled = msgspec.json.encode(values)[1:-1]
    if spelled == joined and not any(mark in joined for mark in _SPELLED_OTHERWISE):
        return values
    return [
        read_number(text) if type(value) is float else value
        for value, text in zip(values, joined.decode().split(","), strict=True)
    ]


def _record_type(fields: tuple[Field, ...], *, is_complete: bool, keeps_numbers: bool = False) -> Any:  # noqa: ANN401 - a type made at run time
    types = (
        msgspec.Raw if keeps_numbers and field.type is Kind.FLOAT64 else _python_type(field.type)
        for field in fields
    )
    members: list[Any] = [(attribute(number), data_type) for number, data_type in enumerate(types)]
    if not is_complete:
        members = [
            (name, data_type if data_type is msgspec.Raw else data_type | UnsetType, UNSET)
            for name, data_type in members
        ]
    return msgspec.defstruct(
        "Record",
        members,
        rename={attribute(number): field.name for number, field in enumerate(fields)},
        forbid_unknown_fields=True,
        gc=False,
    )


def _python_type(data_type: DataType) -> Any:  # noqa: ANN401 - a type made at run time
    match data_type:
        case ListType(element):
            return list[_python_type(element)] | None  # type: ignore[misc]  # known at run time only
        case StructType(fields):
            return _record_type(fields, is_complete=False) | None
        case _:
            return _SCALARS[data_type]


_ESCAPE: Final = b"\\"
_ESCAPED_COLON: Final = b"\\u003"
_SHAPES_KEPT: Final = 64
_UNLIKE_A_FLOAT: Final = re.compile(rb"[0-9]\.[0-9]+0[^0-9.eE]|[0-9][eE][-+0-9]|[0-9][0-9.]{16}")
"""Where a number may be that no float spells; without it, ``read_number`` gives plain floats alone."""

_RowShape = TypeVar("_RowShape", bound="RowDecoder")


@dataclass(frozen=True, slots=True, repr=False)
class RowColumns:
    """Columns out of typed rows.

    Attributes:
        decoder: What they were decoded under.
        columns: A column for each field of the schema, with the very values that the text holds; ``UNSET``
            where a record has no such key.
        absent: For each of them, how many records have no such key.
        size: How many records.
    """

    decoder: RowDecoder
    columns: tuple[Column, ...]
    absent: tuple[int, ...]
    size: int

    @property
    def schema(self) -> Schema:
        """What they were decoded under."""
        return self.decoder.schema

    def values(self, number: int) -> list[Any]:
        """The values of one field; an absent key is a null."""
        return list(_part(self.columns[number], has_gaps=self.absent[number] > 0))

    def has_nulls(self, number: int) -> bool:
        """Whether a record has a null in one field, or has no such key."""
        return self.absent[number] > 0 or None in self.columns[number]

    def record(self, index: int) -> Record:
        """One record; its keys are in the schema's order."""
        row = ((name, column[index]) for name, column in zip(self.decoder.names, self.columns, strict=True))
        return {name: value for name, value in row if value is not UNSET}

    def __contains__(self, record: Record) -> bool:
        row = tuple(record.get(name, UNSET) for name in self.decoder.names)
        return record.keys() <= set(self.decoder.names) and row in zip(*self.columns, strict=True)

    def dense(self, start: int, stop: int) -> tuple[Column, ...]:
        """The columns of some of the records as a table has them: an absent key is a null."""
        columns = zip(self.columns, self.absent, strict=True)
        return tuple([_part(column[start:stop], has_gaps=absent > 0) for column, absent in columns])


class RowDecoder:
    """Decodes texts into typed rows first, then into columns; see ``ColumnDecoder``.

    Args:
        schema: Columns without JSON text, at least one; see ``decoder_of``.

    Attributes:
        schema: The same.
        names: The names of its columns.
        has_structs: Objects lie in some of them, and come out with their keys in the schema's order.
        keeps_numbers: Whether numbers keep the digits that no float holds; where such may lie within lists or
            objects, it says no.

    Raises:
        ValueError: msgspec cannot look for a key of such a name.
    """

    keeps_numbers: ClassVar[bool] = True

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.names = schema.names
        self.has_structs = any(_has_structs(field.type) for field in schema.fields)
        self._complete, self._sparse = (
            records_decoder(schema.fields, is_complete=is_complete, keeps_numbers=self.keeps_numbers)
            for is_complete in (True, False)
        )
        self._has_floats_inside = any(
            holds_floats(field.type) for field in schema.fields if field.type is not Kind.FLOAT64
        )

    def decode(self, text: bytes) -> RowColumns | None:
        """Decode an array of records.

        Args:
            text: JSON, UTF-8.

        Returns:
            The columns; None if the records do not fit, or are not plainly sound.
        """
        if self.keeps_numbers and self._has_floats_inside and _UNLIKE_A_FLOAT.search(text):
            return None
        rows = _decoded(self._complete, text)
        is_complete = rows is not None
        if rows is None and (rows := _decoded(self._sparse, text)) is None:
            return None
        values = list(map(list, zip(*map(structs.astuple, rows), strict=True))) or [[] for _ in self.names]
        absent = [0 if is_complete else column.count(UNSET) for column in values]
        if self.keeps_numbers and not self._read_numbers(values, absent):
            return None
        if self.has_structs:
            values = list(map(_with_dictionaries, self.schema.fields, values))
        columns = RowColumns(self, tuple(values), tuple(absent), len(rows))
        return columns if self._has_every_key(columns, text) else None

    def decode_all(self, texts: Sequence[bytes]) -> list[RowColumns | None]:
        """Decode several, one after the other."""
        return list(map(self.decode, texts))

    def join(self, parts: Iterable[Column], number: int) -> Column:
        """Make one column of several."""
        return list(chain.from_iterable(parts))

    def _read_numbers(self, columns: list[Column], absent: list[int]) -> bool:
        """Put numbers in place of their texts; tells whether all are such as a column of floats has."""
        try:
            for number, field in enumerate(self.schema.fields):
                if field.type is Kind.FLOAT64:
                    columns[number] = _numbers(columns[number], has_gaps=absent[number] > 0)
        except (MsgspecError, ValueError):
            return False
        return True

    def _has_every_key(self, columns: RowColumns, text: bytes) -> bool:
        if _ESCAPE in text and _ESCAPED_COLON in text:
            return False
        present = (columns.size - absent for absent in columns.absent)
        try:
            colons = sum(map(_colons_of_field, self.schema.fields, columns.columns, present))
        except _EmptyObjectError:
            return False
        return text.count(b":") == colons


@dataclass(frozen=True, slots=True, repr=False)
class Rows:
    """Typed rows that nobody needs the columns of; see ``Columns``.

    Attributes:
        schema: What they were decoded under.
        rows: A typed object for each record; no key is absent.
    """

    schema: Schema
    rows: list[Any]

    @property
    def size(self) -> int:
        """How many records."""
        return len(self.rows)

    def values(self, number: int) -> list[Any] | None:
        """The values of one field; None of floats, whose digits were not looked at."""
        if holds_floats(self.schema.fields[number].type):
            return None
        return list(map(attrgetter(attribute(number)), self.rows))

    def has_nulls(self, number: int) -> bool:
        """Whether a record has a null in one field."""
        return None in map(attrgetter(attribute(number)), self.rows)

    def record(self, index: int) -> Record:
        """One record; its keys are in the schema's order."""
        return dict(zip(self.schema.names, structs.astuple(self.rows[index]), strict=True))

    def __contains__(self, record: Record) -> bool:
        if record.keys() != set(self.schema.names):
            return False
        return tuple(map(record.__getitem__, self.schema.names)) in map(structs.astuple, self.rows)

    def dense(self, start: int, stop: int) -> tuple[Column, ...]:
        """The columns of some of the records."""
        return tuple(zip(*map(structs.astuple, self.rows[start:stop]), strict=True))


class LineDecoder(RowDecoder):
    """Decodes texts whose records are written verbatim, so that no column is made; see ``ColumnDecoder``."""

    keeps_numbers: ClassVar[bool] = False

    def decode(self, text: bytes) -> RowColumns | Rows | None:  # type: ignore[override]  # both are ``Columns``
        """Decode an array of records; see ``RowDecoder.decode``."""
        rows = None if self.has_structs else _decoded(self._complete, text)
        if rows is not None and has_no_more_keys(text, len(rows) * len(self.names)):
            return Rows(self.schema, rows)
        return super().decode(text)


@lru_cache(_SHAPES_KEPT)
def decoder_of(schema: Schema) -> RowDecoder | None:
    """The decoder of a schema; None if it has no columns, or some that are not decoded straight."""
    return _decoder_of(RowDecoder, schema)


@lru_cache(_SHAPES_KEPT)
def line_decoder_of(schema: Schema) -> LineDecoder | None:
    """The same for records that are written as they came."""
    return _decoder_of(LineDecoder, schema)


def _decoder_of(kind: type[_RowShape], schema: Schema) -> _RowShape | None:
    if not schema.fields or not all(is_decodable(field.type) for field in schema.fields):
        return None
    try:
        return kind(schema)
    except ValueError:
        return None


class _EmptyObjectError(Exception):
    """An object without keys: a struct must have some, so its column becomes JSON text."""


def _part(column: Column, *, has_gaps: bool) -> Column:
    return [None if value is UNSET else value for value in column] if has_gaps else column


def _decoded(decoder: Decoder[list[Any]], text: bytes) -> list[Any] | None:
    try:
        return decoder.decode(text)
    except (MsgspecError, ValueError, RecursionError):
        return None


def _numbers(texts: Column, *, has_gaps: bool) -> Column:
    if not has_gaps:
        return numbers_of(texts)
    there = iter(numbers_of([text for text in texts if text is not UNSET]))
    return [text if text is UNSET else next(there) for text in texts]


def holds_floats(data_type: DataType) -> bool:
    """Whether floats are among the values of a type, at any depth."""
    match data_type:
        case ListType(element):
            return holds_floats(element)
        case StructType(fields):
            return any(holds_floats(field.type) for field in fields)
        case _:
            return data_type is Kind.FLOAT64


def _has_structs(data_type: DataType) -> bool:
    if isinstance(data_type, ListType):
        return _has_structs(data_type.element)
    return isinstance(data_type, StructType)


def _with_dictionaries(field: Field, values: Column) -> Column:
    """The column with dictionaries in place of msgspec's objects."""
    if not _has_structs(field.type):
        return values
    return [value if value is UNSET else to_builtins(value) for value in values]


def _colons_of_field(field: Field, values: Column, present: int) -> int:
    """Colons in the text of a key and what follows it: behind the key, within its name, in the values."""
    return present * (1 + field.name.count(":")) + _colons(field.type, values)


def _colons(data_type: DataType, values: Column) -> int:
    """Colons in the text of some values; what is falsy has none, unless it is an empty object."""
    match data_type:
        case Kind.STRING:
            return _joined(values).count(":")
        case ListType(element):
            return _colons(element, list(chain.from_iterable(filter(None, values))))
        case StructType(fields):
            return sum(_colons_of_part(field, _objects(values)) for field in fields)
        case _:
            return 0


def _colons_of_part(field: Field, objects: list[Record]) -> int:
    values = [value[field.name] for value in objects if field.name in value]
    return _colons_of_field(field, values, len(values))


def _objects(values: Column) -> list[Record]:
    if {} in values:
        raise _EmptyObjectError
    return list(filter(None, values))


def _joined(texts: Column) -> str:
    try:
        return "".join(texts)
    except TypeError:  # there are nulls
        return "".join(filter(None, texts))
