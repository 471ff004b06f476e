"""Our types as msgspec types, which refuse in decoding whatever would widen them."""

from __future__ import annotations

import threading
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.json import Decoder

from de_classes.storage.format.schema import Kind, ListType, StructType
from de_classes.utils.numbers import read_number

if TYPE_CHECKING:
    from de_classes.storage.format.schema import DataType, Field

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
