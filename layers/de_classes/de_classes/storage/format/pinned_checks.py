"""Whether records fit pinned columns: at msgspec's speed for those that do, cell by cell for the others.

The compiled check is the stricter one: what passes it has its pinned types, and is taken as it is. What it
refuses is looked at exactly, and may fit still: an integer beyond 2^53 that float64 happens to hold
becomes that float, and an empty object becomes a struct of nulls.
"""

from __future__ import annotations

from functools import partial
from types import GenericAlias, NoneType
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType, structs

from de_classes.storage.format.pinned_types import PinnedList, PinnedStruct
from de_classes.storage.format.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from de_classes.storage.format.pinned_types import PinnedField, PinnedType
    from de_classes.storage.format.schema import Record

_EXACT_IN_FLOAT64 = 2**53
_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
_MISSING = "null, or nothing"

_ANY_BUT_NULL = bool | int | float | str | list[Any] | dict[str, Any]
_ANNOTATIONS: dict[Kind, Any] = {
    Kind.NULL: NoneType,
    Kind.BOOL: bool,
    Kind.INT64: Annotated[int, Meta(ge=_INT64_MIN, le=_INT64_MAX)],
    Kind.FLOAT64: float | Annotated[int, Meta(ge=-_EXACT_IN_FLOAT64, le=_EXACT_IN_FLOAT64)],
    Kind.STRING: str,
    Kind.JSON: _ANY_BUT_NULL,
}


class MisfitError(Exception):
    """A value does not fit its pinned type; caught where the record is known.

    Attributes:
        path: The column, or the part of one: ``geo.lat``, ``tags[]``.
        expected: The pinned type.
        found: What is there instead; never the value itself.
    """

    def __init__(self, path: str, expected: str, found: str) -> None:
        super().__init__(path)
        self.path, self.expected, self.found = path, expected, found


def compile_check(fields: Sequence[PinnedField], *, refuse_extra: bool) -> Callable[[Record], object]:
    """Make the quick check of one record, which raises ``msgspec.ValidationError``.

    Args:
        fields: The columns.
        refuse_extra: Whether a column that is not among them is refused.
    """
    try:
        row = _struct(fields, msgspec.Struct, refuse_extra=refuse_extra)
    except ValueError:  # msgspec takes no name with a quote, a backslash or a control character
        return _leave_to_exact_check
    return partial(msgspec.convert, type=row)


def fit_record(record: Record, fields: Sequence[PinnedField], *, refuse_extra: bool) -> Record:
    """Give a record the types of the pinned columns; the record itself stays as it is.

    Args:
        record: A JSON object.
        fields: The columns.
        refuse_extra: Whether a column that is not among them is refused.

    Raises:
        MisfitError: It does not fit; the first such column is named.
    """
    if refuse_extra:
        _check_names(record, fields, "")
    fitted = {field.name: _fit(record.get(field.name), field.type, field.name) for field in fields}
    return {name: fitted.get(name, value) for name, value in record.items()}


def _leave_to_exact_check(_: Record) -> object:
    raise msgspec.ValidationError


class _Part(msgspec.Struct):
    """A nested object; an empty one is left to the exact check."""

    def __post_init__(self) -> None:
        parts = structs.astuple(self)
        if parts.count(UNSET) == len(parts):
            raise ValueError("an empty object")


def _struct(
    fields: Sequence[PinnedField], base: type[msgspec.Struct], *, refuse_extra: bool
) -> type[msgspec.Struct]:
    names = {f"f{number}": field.name for number, field in enumerate(fields)}
    return msgspec.defstruct(
        "Row",
        [_member(name, field.type) for name, field in zip(names, fields, strict=True)],
        bases=(base,),
        rename=names,
        forbid_unknown_fields=refuse_extra,
        gc=False,
        kw_only=True,
    )


def _member(name: str, pinned: PinnedType) -> tuple[str, Any] | tuple[str, Any, Any]:
    annotation = _annotation(pinned)
    return (name, annotation) if pinned.required else (name, annotation | UnsetType, UNSET)


def _annotation(pinned: PinnedType) -> Any:  # noqa: ANN401 - whatever msgspec takes for a type
    if pinned.required:
        return _required_annotation(pinned)
    return Any if pinned.shape is Kind.JSON else _required_annotation(pinned) | None


def _required_annotation(pinned: PinnedType) -> Any:  # noqa: ANN401 - whatever msgspec takes for a type
    match pinned.shape:
        case PinnedList(element):
            return GenericAlias(list, (_annotation(element),))
        case PinnedStruct(fields):
            return _struct(fields, _Part, refuse_extra=True)
        case kind:
            return _ANNOTATIONS[kind]


def _fit(value: Any, pinned: PinnedType, path: str) -> Any:  # noqa: ANN401 - any JSON value
    if value is None:
        if pinned.required:
            raise MisfitError(path, str(pinned), _MISSING)
        return None
    match pinned.shape:
        case PinnedList(element) if isinstance(value, list):
            return [_fit(item, element, f"{path}[]") for item in value]
        case PinnedStruct(fields) if isinstance(value, dict):
            return _fit_object(value, fields, f"{path}.")
        case Kind() as kind if _FITS[kind](value):
            return float(value) if kind is Kind.FLOAT64 and _is_beyond_exact(value) else value
    raise MisfitError(path, str(pinned), _describe(value, pinned))


def _fit_object(value: Record, fields: Sequence[PinnedField], prefix: str) -> Record:
    _check_names(value, fields, prefix)
    parts = {field.name: _fit(value.get(field.name), field.type, f"{prefix}{field.name}") for field in fields}
    return {name: parts[name] for name in value or parts}


def _check_names(record: Record, fields: Sequence[PinnedField], prefix: str) -> None:
    known = {field.name for field in fields}
    for name, value in record.items():
        if name not in known:
            raise MisfitError(f"{prefix}{name}", "no such column", _describe(value))


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_beyond_exact(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    return _is_int(value) and abs(value) > _EXACT_IN_FLOAT64


def _is_exact_float(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    try:
        return isinstance(value, float) or (_is_int(value) and float(value) == value)
    except OverflowError:
        return False


_FITS: dict[Kind, Callable[[Any], bool]] = {
    Kind.NULL: lambda _: False,
    Kind.BOOL: lambda value: isinstance(value, bool),
    Kind.INT64: lambda value: _is_int(value) and _INT64_MIN <= value <= _INT64_MAX,
    Kind.FLOAT64: _is_exact_float,
    Kind.STRING: lambda value: isinstance(value, str),
    Kind.JSON: lambda _: True,
}
_NAMES = {NoneType: "null", bool: "bool", int: "int64", float: "float64", str: "string", dict: "struct"}


def _describe(value: object, pinned: PinnedType | None = None) -> str:
    """Say what is there, in the words of types: the value itself may be a secret."""
    if _is_int(value) and not _FITS[Kind.INT64](value):
        return "an integer beyond 64 bits"
    if _is_int(value) and pinned is not None and pinned.shape is Kind.FLOAT64:
        return "an integer that float64 would round"
    return _NAMES.get(type(value), type(value).__name__)
