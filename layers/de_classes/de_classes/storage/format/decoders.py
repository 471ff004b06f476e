"""Records decoded straight into typed rows, under the types that the records before them had.

Most pages bring nothing new. Where a schema is known, msgspec decodes a page's text into typed rows, at
a fraction of what dictionaries cost, and refuses by itself whatever would widen the schema: a field
that is not in it, 2.5 among integers, an integer beyond the type's bounds. What is refused here is
decoded in the ordinary way; so this may say no to anything, but never yes to what does not fit.

A column of mixed values is the exception: its values are looked at one by one, as a strict reader does, and
the others are not.

Of a duplicate key msgspec keeps the last without a word, so that none was dropped is proved from the text:
``":`` follows every key, and where the text holds as many as the keys that came out, there was no other.
Where a string may hold it too, or spaces stand before colons, all colons are counted: one follows
every key, and every other stands in a string.

Where records are written verbatim, their lines are the shortest proof: rows that msgspec writes just as they
came hold all that came, since it writes every key once.
"""

from __future__ import annotations

import re
import threading
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, TypeVar

import msgspec
from msgspec import UNSET, Meta, MsgspecError, UnsetType, structs, to_builtins
from msgspec.json import Decoder

from de_classes.errors import MalformedDataError
from de_classes.storage.format.blocks import record_in
from de_classes.storage.format.schema import Kind, ListType, StructType
from de_classes.utils import strict_json
from de_classes.utils.strict_json import has_no_more_keys, read_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

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
_READ_LATER: Final = frozenset({Kind.JSON, Kind.FLOAT64})  # of a record's own fields

_FLOATS: Final[Decoder[list[Any]]] = Decoder(list[_SCALARS[Kind.FLOAT64]])  # type: ignore[valid-type]  # as made
_RAWS: Final = Decoder(list[msgspec.Raw])
_ENCODER: Final = msgspec.json.Encoder()
_TRIES: Final = 4

_NULL: Final = msgspec.Raw(b"null")
_MINUS_ZERO: Final = b"-0"
_AN_INTEGER_ZERO: Final = msgspec.Raw(_MINUS_ZERO)  # it is no negative zero, which is written -0.0
_ZERO: Final = msgspec.Raw(b"0")

_NEAR_ZERO: Final = b"0.0000"
_SPELLED_OTHERWISE: Final = (b"e", _NEAR_ZERO)  # where Python's text of a float and msgspec's differ


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


def records_decoder(fields: tuple[Field, ...], *, is_complete: bool) -> Decoder[list[Any]]:
    """Make a decoder for an array of objects with these keys and no others; their floats come out as text.

    Args:
        fields: Of decodable types, or mixed: those come out as text too, which may be anything.
        is_complete: Every key must be there, at every depth; otherwise, an absent one is ``UNSET``.

    Raises:
        ValueError: msgspec cannot look for a key of such a name.
    """
    with _ONE_AT_A_TIME:
        kind = _record_type(fields, is_complete=is_complete, raw=_READ_LATER)
        return Decoder(list[kind])  # type: ignore[valid-type]  # known at run time only


def _texts_decoder(fields: tuple[Field, ...], numbers: Sequence[int]) -> Decoder[list[Any]]:
    """Make one that finds the texts of some fields and skips all others."""
    members = [(attribute(number), msgspec.Raw, msgspec.Raw(b"null")) for number in numbers]
    names = {attribute(number): fields[number].name for number in numbers}
    with _ONE_AT_A_TIME:
        return Decoder(list[msgspec.defstruct("Texts", members, rename=names, gc=False)])  # type: ignore[misc]


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


def _record_type(fields: tuple[Field, ...], *, is_complete: bool, raw: frozenset[Kind] = frozenset()) -> Any:  # noqa: ANN401 - a type made at run time
    types = (
        msgspec.Raw if field.type in raw else _python_type(field.type, is_complete=is_complete)
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


def _python_type(data_type: DataType, *, is_complete: bool) -> Any:  # noqa: ANN401 - a type made at run time
    match data_type:
        case ListType(element):
            return list[_python_type(element, is_complete=is_complete)] | None  # type: ignore[misc]  # as made
        case StructType(fields):
            return _record_type(fields, is_complete=is_complete) | None
        case _:
            return _SCALARS[data_type]


_ESCAPED_COLON: Final = b"\\u003"
_SHAPES_KEPT: Final = 64
_SPACES: Final = (b" ", b"\n", b"\r", b"\t")
_UNLIKE_A_FLOAT: Final = re.compile(rb"[0-9]\.[0-9]+0[^0-9.eE]|[0-9][eE][-+0-9]|[0-9][0-9.]{16}")
"""Where a number may be that no float spells; without it, ``read_number`` gives plain floats alone."""
NO_KEYS: Final = re.compile(rb"\{[ \t\r\n]*\}")
"""An object without keys, be it within a string. A struct has some, so its column becomes JSON text."""

_AnyDecoder = TypeVar("_AnyDecoder", bound="RowDecoder")


class TypedRows:
    """Typed rows of a text, and the columns that somebody wants of them; see ``Columns``.

    Args:
        decoder: What they were decoded by.
        rows: A typed object for each record.
        text: What they were decoded from.
        has_gaps: Whether a record may lack a key.
    """

    def __init__(self, decoder: RowDecoder, rows: list[Any], text: bytes, *, has_gaps: bool) -> None:
        self.decoder = decoder
        self.size = len(rows)
        self.text = text
        self.has_gaps = has_gaps
        self.schema = decoder.schema
        self.lines: bytes | None = None
        self._columns: dict[int, list[Any]] = {}
        self._unread: dict[int, list[Any]] = {}
        self._cells: dict[int, list[Any]] = {}
        self._rows: list[Any] | None = rows
        self._is_relieved = False

    @property
    def rows(self) -> list[Any]:
        """A typed object for each record, made anew if they were let go of."""
        if self._rows is None:
            self._rows = self.decoder.rows(self.text, has_gaps=self.has_gaps)
        return self._rows

    def let_go_of_rows(self) -> None:
        """Keep those columns alone that were asked for of texts before: memory used again is used faster."""
        for number in tuple(self.decoder.asked):  # other threads have the same decoder
            self.column(number)
        self._rows, self._is_relieved = None, True

    def take_apart(self) -> None:
        """Make all columns, at once."""
        self._columns = dict(enumerate(map(list, zip(*map(structs.astuple, self.rows), strict=True))))

    def column(self, number: int) -> list[Any]:
        """The values of one field; ``UNSET`` where a record has no such key, typed objects for objects."""
        if number not in self._columns:
            if number in self._unread:
                texts = self._unread[number]
                self._put(number, texts, numbers_of([text for text in texts if text is not UNSET]))
                return self._columns[number]
            if self._is_relieved:
                self.decoder.asked.add(number)
            self._columns[number] = list(map(attrgetter(attribute(number)), self.rows))
        return self._columns[number]

    def there(self, number: int) -> list[Any]:
        """The same of those records that have such a key."""
        values = self.column(number)
        return [value for value in values if value is not UNSET] if self.has_gaps else values

    def put(self, number: int, values: list[Any]) -> None:
        """Take what the texts of a field stand for, in the records that have it, in place of them."""
        self._put(number, self.column(number), values)

    def put_cells(self, number: int, cells: list[Any]) -> None:
        """Take texts for what is written of one field."""
        self._cells[number] = cells

    def put_numbers_off(self, number: int, cells: list[Any]) -> None:
        """Take texts for what is written of a field of numbers; they are read once somebody asks for them."""
        self._unread[number] = self._columns.pop(number)
        self._cells[number] = cells

    def values(self, number: int) -> list[Any] | None:
        """The values of one field; None of nested ones, and of floats whose digits were not looked at."""
        kind = self.schema.fields[number].type
        if not isinstance(kind, Kind) or (kind is Kind.FLOAT64 and not self.decoder.keeps_numbers):
            return None
        return self._without_gaps(number)

    def has_nulls(self, number: int) -> bool:
        """Whether a record has a null in one field, or has no such key."""
        return None in (self._cells.get(number) or self._without_gaps(number))

    def record(self, index: int) -> Record:
        """One record; its keys may be in the schema's order."""
        if not self.decoder.gives_values:
            return record_in(self.text, index, self.size)
        row = ((field.name, self._value(number, index)) for number, field in enumerate(self.schema.fields))
        return {name: value for name, value in row if value is not UNSET}

    def __contains__(self, record: Record) -> bool:
        if not record.keys() <= set(self.schema.names):
            return False
        alike: Sequence[int] = range(self.size)
        for number, field in enumerate(self.schema.fields):
            if isinstance(field.type, Kind) and alike:
                column, value = self.column(number), record.get(field.name, UNSET)
                if value not in column:  # as a rule, and known in less time than where it is not
                    return False
                alike = [index for index in alike if column[index] == value]
        return any(self.record(index) == record for index in alike)

    def dense(self, start: int, stop: int) -> tuple[Column, ...]:
        """The columns of some of the records as a table has them: an absent key is a null."""
        return tuple([self._dense(number)[start:stop] for number in range(len(self.schema.fields))])

    def _dense(self, number: int) -> list[Any]:
        if number not in self._cells:
            values = self._without_gaps(number)
            has_objects = has_structs(self.schema.fields[number].type)
            self._cells[number] = to_builtins(values) if has_objects else values
        return self._cells[number]

    def _value(self, number: int, index: int) -> Any:  # noqa: ANN401 - any JSON value
        if number in self._columns or number not in self._unread:
            return self.column(number)[index]
        text = self._unread[number][index]
        return text if text is UNSET else numbers_of([text])[0]

    def _put(self, number: int, texts: list[Any], values: list[Any]) -> None:
        if self.has_gaps:
            each = iter(values)
            values = [text if text is UNSET else next(each) for text in texts]
        self._columns[number] = values

    def _without_gaps(self, number: int) -> list[Any]:
        values = self.column(number)
        return [None if value is UNSET else value for value in values] if self.has_gaps else values


class RowDecoder:
    """Decodes texts into typed rows; see ``ColumnDecoder``.

    Args:
        schema: At least one column; see ``decoder_of``.

    Attributes:
        schema: The same.
        has_structs: Objects lie in some of the columns, and come out with their keys in the schema's order.
        keeps_numbers: Whether numbers keep the digits that no float holds; where such may lie within lists or
            objects, it says no.
        gives_values: Whether the values of all columns are those that a strict reader gives.
        asked: Columns that were asked for after the rows were let go of.

    Raises:
        ValueError: msgspec cannot look for a key of such a name.
    """

    keeps_numbers: ClassVar[bool] = True
    looks_inside: ClassVar[bool] = True

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.asked: set[int] = set()
        self.has_structs = any(has_structs(field.type) for field in schema.fields)
        self._complete, self._sparse = (
            records_decoder(schema.fields, is_complete=is_complete) for is_complete in (True, False)
        )
        self.gives_values = self.keeps_numbers and all(
            isinstance(field.type, Kind) for field in schema.fields
        )
        self._mixed = [number for number, field in enumerate(schema.fields) if field.type is Kind.JSON]
        self._floats = [number for number, field in enumerate(schema.fields) if field.type is Kind.FLOAT64]
        self._has_floats_inside = any(
            holds_floats(field.type) for field in schema.fields if field.type is not Kind.FLOAT64
        )

    def decode(self, text: bytes) -> TypedRows | None:
        """Decode an array of records.

        Args:
            text: JSON, UTF-8.

        Returns:
            The rows; None if the records do not fit, or are not plainly sound.
        """
        if self.looks_inside and self._has_floats_inside and _UNLIKE_A_FLOAT.search(text):
            return None
        if self.has_structs and NO_KEYS.search(text):
            return None
        rows = _decoded(self._complete, text)
        has_gaps = rows is None
        if rows is None and (rows := _decoded(self._sparse, text)) is None:
            return None
        found = TypedRows(self, rows, text, has_gaps=has_gaps)
        return found if self._has_every_key(found) and self._read_texts(found) else None

    def rows(self, text: bytes, *, has_gaps: bool) -> list[Any]:
        """The rows of a text that was decoded before."""
        rows: list[Any] = (self._sparse if has_gaps else self._complete).decode(text)
        return rows

    def decode_all(self, texts: Sequence[bytes]) -> list[TypedRows | None]:
        """Decode several, one after the other."""
        return list(map(self.decode, texts))

    def join(self, parts: Iterable[Column], number: int) -> Column:
        """Make one column of several."""
        return list(chain.from_iterable(parts))

    def _read_texts(self, found: TypedRows) -> bool:
        """Put values in place of their texts; tells whether all are sound, and such as their columns have."""
        try:
            for number in self._floats:
                self._read_numbers(found, number)
            for number in self._mixed:
                found.put(number, _values_of(found.there(number)))
        except (MsgspecError, ValueError, MalformedDataError):
            return False
        return True

    def _read_numbers(self, found: TypedRows, number: int) -> None:
        found.put(number, numbers_of(found.there(number)))

    def _has_every_key(self, found: TypedRows) -> bool:
        """Whether it is known of each colon in the text what it does there."""
        found.take_apart()
        text, parts = found.text, list(_parts_of(found))
        strings = [_joined(values) for _, data_type, values in parts if data_type is Kind.STRING]
        if _has_more_escapes(text, strings) and _ESCAPED_COLON in text:
            return False
        of_keys = sum(len(values) * (1 + name.count(":")) for name, _, values in parts if name is not None)
        of_strings = sum(string.count(":") for string in strings)
        return text.count(b":") == of_keys + of_strings + self._in_mixed(found, b":")

    def _in_mixed(self, found: TypedRows, mark: bytes) -> int:
        """How often something stands in the texts of mixed values."""
        return sum(b",".join(found.there(number)).count(mark) for number in self._mixed)


class LineDecoder(RowDecoder):
    """Decodes texts whose records are written verbatim, so that no column is made; see ``ColumnDecoder``.

    Floats are kept as their text in the rows, so that these can be written as they came.
    """

    keeps_numbers: ClassVar[bool] = False
    looks_inside: ClassVar[bool] = False

    def __init__(self, schema: Schema) -> None:
        super().__init__(schema)
        self._misses = 0

    def decode(self, text: bytes) -> TypedRows | None:
        """Decode an array of records; see ``RowDecoder.decode``."""
        found = super().decode(text)
        if found is not None:
            found.let_go_of_rows()
        return found

    def _has_every_key(self, found: TypedRows) -> bool:
        found.lines = self._lines(found)
        if found.lines is not None:
            return True
        if found.has_gaps or self.has_structs:
            keys = sum(len(values) for name, _, values in _parts_of(found) if name is not None)
        else:
            keys = found.size * len(self.schema.fields)
        return has_no_more_keys(found.text, keys + self._in_mixed(found, b'":')) or super()._has_every_key(
            found
        )

    def _lines(self, found: TypedRows) -> bytes | None:
        """The lines of rows that msgspec writes just as they came; not tried where it never does.

        With commas for newlines they are the text: so each is a record's own text, and there is no more.
        """
        if self._misses >= _TRIES:
            return None
        text, lines = found.text, _ENCODER.encode_lines(found.rows)
        within = memoryview(lines.replace(b"\n", b","))[:-1]  # the brackets, which are not copied to compare
        is_same = len(text) == len(within) + 2 and text.startswith(within, 1) and b"\r" not in text
        self._misses = 0 if is_same else self._misses + 1
        return lines if is_same else None

    def _read_numbers(self, found: TypedRows, number: int) -> None:
        """Make sure that they are sound; their digits are in the lines."""
        found.put(number, _FLOATS.decode(b"[%b]" % b",".join(found.there(number))))


class CellDecoder(RowDecoder):
    """Decodes texts for a format of text, in whose cells nested values and floats stand as they came.

    Such a cell is a ``msgspec.Raw``, the text of the value in one line.
    """

    looks_inside: ClassVar[bool] = False

    def __init__(self, schema: Schema) -> None:
        super().__init__(schema)
        fields = enumerate(schema.fields)
        self._nested = [number for number, field in fields if not isinstance(field.type, Kind)]
        self._texts = _texts_decoder(schema.fields, self._nested)

    def decode(self, text: bytes) -> TypedRows | None:
        """Decode an array of records; see ``RowDecoder.decode``."""
        found = super().decode(text)
        if found is not None and self._nested:
            texts = self._texts.decode(text)
            for number in self._nested:
                found.put_cells(number, _cells_of(list(map(attrgetter(attribute(number)), texts))))
        return found

    def _read_numbers(self, found: TypedRows, number: int) -> None:
        """Make sure that they are sound: what they are, nobody asks who writes their texts."""
        joined = b",".join(found.there(number))
        if _NEAR_ZERO in joined:
            super()._read_numbers(found, number)
            return
        _FLOATS.decode(b"[%b]" % joined)
        cells = found.column(number)
        if found.has_gaps or b"null" in joined:
            cells = [None if text is UNSET or text == _NULL else text for text in cells]
        if _MINUS_ZERO in joined:
            cells = [_ZERO if text == _AN_INTEGER_ZERO else text for text in cells]
        found.put_numbers_off(number, cells)


@lru_cache(_SHAPES_KEPT)
def decoder_of(schema: Schema) -> RowDecoder | None:
    """The decoder of a schema; None if it has no columns, or some that are not decoded straight."""
    return _decoder_of(RowDecoder, schema)


@lru_cache(_SHAPES_KEPT)
def line_decoder_of(schema: Schema) -> LineDecoder | None:
    """The same for records that are written as they came."""
    return _decoder_of(LineDecoder, schema)


@lru_cache(_SHAPES_KEPT)
def cell_decoder_of(schema: Schema) -> CellDecoder | None:
    """The same for values that are written as they came."""
    return _decoder_of(CellDecoder, schema)


def _decoder_of(kind: type[_AnyDecoder], schema: Schema) -> _AnyDecoder | None:
    is_known = all(field.type is Kind.JSON or is_decodable(field.type) for field in schema.fields)
    if not schema.fields or not is_known:
        return None
    try:
        return kind(schema)
    except ValueError:
        return None


def _decoded(decoder: Decoder[list[Any]], text: bytes) -> list[Any] | None:
    try:
        return decoder.decode(text)
    except (MsgspecError, ValueError, RecursionError):
        return None


def _values_of(texts: list[Any]) -> list[Any]:
    """The values of a column of anything, which lie as deep in brackets here as they do in the page.

    Raises:
        MalformedDataError: One is not sound.
    """
    (values,) = strict_json.loads(b"[[%b]]" % b",".join(texts))
    found: list[Any] = values
    return found


def _cells_of(texts: list[Any]) -> list[Any]:
    """What is written of nested values: their texts in one line, and nothing of a null."""
    joined = b"[%b]" % b",".join(texts)
    if any(space in joined for space in _SPACES):
        texts = _RAWS.decode(msgspec.json.format(joined, indent=-1))
    return [None if text == _NULL else text for text in texts]


def holds_floats(data_type: DataType) -> bool:
    """Whether floats are among the values of a type, at any depth."""
    match data_type:
        case ListType(element):
            return holds_floats(element)
        case StructType(fields):
            return any(holds_floats(field.type) for field in fields)
        case _:
            return data_type is Kind.FLOAT64


def has_structs(data_type: DataType) -> bool:
    """Whether objects are among the values of a type, at any depth."""
    if isinstance(data_type, ListType):
        return has_structs(data_type.element)
    return isinstance(data_type, StructType)


def _parts_of(found: TypedRows) -> Iterator[tuple[str | None, DataType, list[Any]]]:
    """Each field of the rows, at every depth: its name, None for a list's elements, type and values."""
    for number, field in enumerate(found.schema.fields):
        values = found.there(number)
        yield field.name, field.type, values
        yield from _inner_parts(field.type, values)


def _parts(fields: tuple[Field, ...], objects: list[Any]) -> Iterator[tuple[str | None, DataType, list[Any]]]:
    for number, field in enumerate(fields):
        values = list(map(attrgetter(attribute(number)), objects))
        if UNSET in values:
            values = [value for value in values if value is not UNSET]
        yield field.name, field.type, values
        yield from _inner_parts(field.type, values)


def _inner_parts(data_type: DataType, values: list[Any]) -> Iterator[tuple[str | None, DataType, list[Any]]]:
    match data_type:
        case ListType(element):
            elements = list(chain.from_iterable(filter(None, values)))
            yield None, element, elements
            yield from _inner_parts(element, elements)
        case StructType(fields):
            yield from _parts(fields, [value for value in values if value is not None])


def _has_more_escapes(text: bytes, strings: list[str]) -> bool:
    """Whether a text may have backslashes besides the one that each quote in its strings has."""
    return b"\\" in text and text.count(b"\\") != sum(string.count('"') for string in strings)


def _joined(texts: list[Any]) -> str:
    try:
        return "".join(texts)
    except TypeError:  # there are nulls
        return "".join(filter(None, texts))
