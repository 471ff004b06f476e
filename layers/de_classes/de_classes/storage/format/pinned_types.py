"""How a pinned type is written: as reports print types, with ``!`` behind what must not be null.

    type    = kind ["!"]
    kind    = "bool" | "int64" | "float64" | "string" | "json" | "null"
            | "list<" type ">"
            | "struct<" name ":" type {"," name ":" type} ">"
    name    = an identifier, or any name as a JSON string

So ``int64!``, ``list<string>``, ``struct<lat: float64!, "the lon": float64>!``. Required means neither
null nor absent. What ``Schema.describe`` prints can be pinned as it is.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from de_classes.storage.format.schema import (
    MAX_STRUCT_FIELDS,
    MAX_TYPE_DEPTH,
    Field,
    Kind,
    ListType,
    StructType,
    describe_type,
    spell_name,
)
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from de_classes.storage.format.schema import DataType

_KINDS = {describe_type(kind): kind for kind in Kind if kind is not Kind.INT53}
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[<>:,!]|[^\s<>:,!"]+|")')


class PinnedList(Value):
    """An array whose elements are held to one type."""

    element: PinnedType


class PinnedField(Value):
    """A column, or a part of a struct, that is held to a type."""

    name: str
    type: PinnedType


class PinnedStruct(Value):
    """An object of these fields and no others."""

    fields: tuple[PinnedField, ...]


Shape: TypeAlias = Kind | PinnedList | PinnedStruct


class PinnedType(Value):
    """A type that values are held to.

    Attributes:
        shape: What a value must be.
        required: Whether null, or nothing at all, is refused.
    """

    shape: Shape
    required: bool = False

    def __str__(self) -> str:
        return _spell_shape(self.shape) + "!" * self.required

    @property
    def data_type(self) -> DataType:
        """The type of the column; tables do not know what is required."""
        match self.shape:
            case PinnedList(element):
                return ListType(element.data_type)
            case PinnedStruct(fields):
                return StructType(tuple(Field(field.name, field.type.data_type) for field in fields))
            case kind:
                return kind


def parse_type(text: str) -> PinnedType:
    """Read a type.

    Raises:
        ValueError: It is none; the message says what is wrong, and where.
    """
    reader = _Reader(text)
    found = reader.type(depth=0)
    if reader.next:
        reader.fail("the end")
    return found


def _spell_shape(shape: Shape) -> str:
    match shape:
        case PinnedList(element):
            return f"list<{element}>"
        case PinnedStruct(fields):
            return f"struct<{', '.join(f'{spell_name(field.name)}: {field.type}' for field in fields)}>"
        case kind:
            return describe_type(kind)


class _Reader:
    """Reads a type by recursive descent, a token ahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._end = 0
        self.next = ""
        self._advance()

    def fail(self, expected: str) -> NoReturn:
        place = f"{self.next!r} at character {self._end - len(self.next) + 1}" if self.next else "the end"
        raise ValueError(f"{place} where {expected} should be")

    def type(self, depth: int) -> PinnedType:
        shape = self._shape(depth)
        required = self.next == "!"
        if required and shape is Kind.NULL:
            raise ValueError("null! is a type without values")
        if required:
            self._advance()
        return PinnedType(shape, required)

    def _shape(self, depth: int) -> Shape:
        if self.next not in {"list", "struct"}:
            return self._kind()
        if depth == MAX_TYPE_DEPTH:
            raise ValueError(f"nested deeper than {MAX_TYPE_DEPTH} levels: use json there")
        read = self._list if self.next == "list" else self._struct
        self._advance()
        self._take("<")
        shape = read(depth + 1)
        self._take(">")
        return shape

    def _kind(self) -> Kind:
        if self.next not in _KINDS:
            self.fail(f"one of {', '.join(_KINDS)}, list<...> or struct<...>")
        return _KINDS[self._advance()]

    def _list(self, depth: int) -> PinnedList:
        return PinnedList(self.type(depth))

    def _struct(self, depth: int) -> PinnedStruct:
        fields = [self._field(depth)]
        while self.next == ",":
            self._advance()
            fields.append(self._field(depth))
        if len({field.name for field in fields}) < len(fields):
            raise ValueError("two fields of a struct have the same name")
        if len(fields) > MAX_STRUCT_FIELDS:
            raise ValueError(f"a struct of more than {MAX_STRUCT_FIELDS} fields: use json there")
        return PinnedStruct(tuple(fields))

    def _field(self, depth: int) -> PinnedField:
        name = self._name()
        self._take(":")
        return PinnedField(name, self.type(depth))

    def _name(self) -> str:
        if self.next.isidentifier():
            return self._advance()
        try:
            name = json.loads(self.next)
        except ValueError:
            name = None
        if not isinstance(name, str):
            self.fail("a field's name, in double quotes unless it is an identifier,")
        self._advance()
        return name

    def _take(self, token: str) -> None:
        if self.next != token:
            self.fail(repr(token))
        self._advance()

    def _advance(self) -> str:
        """Take a token and look at the one after it; every character is part of some token."""
        taken, match = self.next, _TOKEN.match(self._text, self._end)
        self.next = match.group(1) if match else ""
        self._end = match.end() if match else len(self._text)
        return taken
