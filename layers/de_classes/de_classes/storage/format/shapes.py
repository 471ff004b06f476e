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

from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from de_classes.storage.format.schema import Kind, ListType, StructType

if TYPE_CHECKING:
    from de_classes.storage.format.codec import Record
    from de_classes.storage.format.schema import DataType, Schema

Column: TypeAlias = list[Any]
"""A field's value in each record; ``UNSET`` where a record has no such key."""

_INT53: Final = Annotated[int, Meta(ge=-(2**53), le=2**53)]
_INT64: Final = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
_PYTHON: Final[dict[Kind, Any]] = {
    Kind.NULL: None,
    Kind.BOOL: bool,
    Kind.INT53: _INT53,
    Kind.INT64: _INT64,
    Kind.FLOAT64: _INT53 | float,  # an integer stays one: CSV spells 1 and 1.0 as they came
    Kind.STRING: str,
}
_ESCAPE: Final = b"\\"
_ESCAPED_COLON: Final = b"\\u003"
_SHAPES_KEPT: Final = 64


@dataclass(frozen=True, slots=True)
class Columns:
    """The records of a text, field by field.

    Attributes:
        shape: What they were decoded under.
        values: A column for each field of the schema, with the very values that the text holds.
        absent: For each of them, how many records have no such key.
        size: How many records.
    """

    shape: Shape
    values: tuple[Column, ...]
    absent: tuple[int, ...]
    size: int

    def record(self, index: int) -> Record:
        """One record; its keys are in the schema's order."""
        row = ((name, column[index]) for name, column in zip(self.shape.names, self.values, strict=True))
        return {name: value for name, value in row if value is not UNSET}

    def __contains__(self, record: Record) -> bool:
        row = tuple(record.get(name, UNSET) for name in self.shape.names)
        return record.keys() <= set(self.shape.names) and row in zip(*self.values, strict=True)

    def dense(self, start: int, stop: int) -> tuple[Column, ...]:
        """The columns of some of the records as a table has them: an absent key is a null."""
        columns = zip(self.values, self.absent, strict=True)
        return tuple([_part(column[start:stop], has_gaps=absent > 0) for column, absent in columns])


class Shape:
    """Decodes texts whose records bring nothing new to a schema.

    Args:
        schema: Columns without structs and JSON text, at least one; see ``shape_of``.

    Attributes:
        schema: The same.
        names: The names of its columns.

    Raises:
        ValueError: msgspec cannot look for a key of such a name.
    """

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.names = schema.names
        self._attributes = [f"f{number}" for number in range(len(self.names))]
        self._getters = list(map(attrgetter, self._attributes))
        self._complete = self._decoder([(_python_type(field.type),) for field in schema.fields])
        self._sparse = self._decoder([(_python_type(f.type) | UnsetType, UNSET) for f in schema.fields])

    def decode(self, text: bytes) -> Columns | None:
        """Decode an array of records.

        Args:
            text: JSON, UTF-8.

        Returns:
            The columns; None if the records do not fit, or are not plainly sound.
        """
        rows = _decoded(self._complete, text)
        is_complete = rows is not None
        if rows is None and (rows := _decoded(self._sparse, text)) is None:
            return None
        values = tuple([list(map(value_of, rows)) for value_of in self._getters])
        absent = tuple([0 if is_complete else column.count(UNSET) for column in values])
        columns = Columns(self, values, absent, len(rows))
        return columns if self._has_every_key(columns, text) else None

    def _decoder(self, fields: list[tuple[Any, ...]]) -> msgspec.json.Decoder[list[Any]]:
        row = msgspec.defstruct(
            "Row",
            [(attribute, *field) for attribute, field in zip(self._attributes, fields, strict=True)],
            rename=dict(zip(self._attributes, self.names, strict=True)),
            forbid_unknown_fields=True,
            gc=False,
        )
        return msgspec.json.Decoder(list[row])  # type: ignore[valid-type]  # made a line above

    def _has_every_key(self, columns: Columns, text: bytes) -> bool:
        if _ESCAPE in text and _ESCAPED_COLON in text:
            return False
        names = zip(self.names, columns.absent, strict=True)
        of_keys = sum((columns.size - absent) * (1 + name.count(":")) for name, absent in names)
        in_text = text.count(b":")
        return of_keys == in_text or of_keys + self._colons_in_values(columns) == in_text

    def _colons_in_values(self, columns: Columns) -> int:
        types = (field.type for field in self.schema.fields)
        return sum(map(_colons, types, columns.values))


class CurrentShape:
    """The shape of what is being written, for the threads that decode what is written next.

    Attributes:
        shape: The shape; None as long as there is none.
    """

    def __init__(self) -> None:
        self.shape: Shape | None = None

    def follow(self, schema: Schema) -> None:
        """Take the shape of a schema."""
        self.shape = shape_of(schema)


@lru_cache(_SHAPES_KEPT)
def shape_of(schema: Schema) -> Shape | None:
    """The shape of a schema; None if it has no columns, or some that are not decoded straight."""
    if not schema.fields or not all(_is_straight(field.type) for field in schema.fields):
        return None
    try:
        return Shape(schema)
    except ValueError:
        return None


def _is_straight(data_type: DataType) -> bool:
    if isinstance(data_type, ListType):
        return _is_straight(data_type.element)
    return data_type in _PYTHON


def _python_type(data_type: DataType) -> Any:  # noqa: ANN401 - a type, for msgspec
    match data_type:
        case ListType(element):
            return list[_python_type(element)] | None  # type: ignore[misc]  # known at run time only
        case StructType():
            raise ValueError("structs are not decoded straight")
        case _:
            return _PYTHON[data_type] | None if data_type is not Kind.NULL else None


def _part(column: Column, *, has_gaps: bool) -> Column:
    return [None if value is UNSET else value for value in column] if has_gaps else column


def _decoded(decoder: msgspec.json.Decoder[list[Any]], text: bytes) -> list[Any] | None:
    try:
        return decoder.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _colons(data_type: DataType, values: Column) -> int:
    """Colons in the strings of a column; what is falsy has none."""
    if data_type is Kind.STRING:
        return _joined(values).count(":")
    if isinstance(data_type, ListType):
        return _colons(data_type.element, list(chain.from_iterable(filter(None, values))))
    return 0


def _joined(texts: Column) -> str:
    try:
        return "".join(texts)
    except TypeError:  # there are nulls
        return "".join(filter(None, texts))
