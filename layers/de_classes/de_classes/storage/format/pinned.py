"""A schema that is decided beforehand: what does not fit it is an error or set aside, never widened for.

Without one, a column takes the narrowest type that holds all its values (see `schema`). Pinned, its type is
a promise to whoever reads the table:

    {"id": "int64!", "mag": "float64", "tags": "list<string>", "geo": "struct<lat: float64, lon: float64>"}

Types are written as below. Nothing is changed to fit: an integer is taken for a float64 only
if that is exact, a boolean is no integer, text is no number. Null, or an absent column, fits unless
the type ends in ``!``. Where anything may come, pin ``json``.

    type    = kind ["!"]
    kind    = "bool" | "int64" | "float64" | "string" | "json" | "null"
            | "list<" type ">"
            | "struct<" name ":" type {"," name ":" type} ">"
    name    = an identifier, or any name as a JSON string

So ``int64!``, ``list<string>``, ``struct<lat: float64!, "the lon": float64>!``. Required means neither
null nor absent. What ``Schema.describe`` prints can be pinned as it is.

The compiled check is the stricter one: what passes it has its pinned types, and is taken as it is. What it
refuses is looked at exactly, and may fit still: an integer beyond 2^53 that float64 happens to hold
becomes that float, and an empty object becomes a struct of nulls.
"""

from __future__ import annotations

import json
import re
from functools import partial
from types import GenericAlias, NoneType
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn, Self, TypeAlias, get_args

import msgspec
from msgspec import UNSET, Meta, UnsetType, ValidationError, structs

from de_classes.errors import ConfigurationError, SchemaViolationError
from de_classes.storage.format.blocks import RecordBlock
from de_classes.storage.format.schema import (
    MAX_STRUCT_FIELDS,
    MAX_TYPE_DEPTH,
    Field,
    Kind,
    ListType,
    Schema,
    StructType,
    describe_type,
    spell_name,
)
from de_classes.utils import strict_json
from de_classes.utils.values import DiscreetValue, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from de_classes.storage.format.schema import DataType, Record

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


ExtraColumns = Literal["refuse", "keep"]


class Violation(DiscreetValue):
    """A record that does not fit, by the first of its columns that does not.

    Example:
        >>> _, (violation,) = PinnedSchema.parse({"id": "int64!"}).split([{"id": 1}, {"id": "two"}])
        >>> print(violation)
        row 2, column 'id': expected int64!, found string

    Attributes:
        row: Its number.
        column: The column, or the part of one: ``geo.lat``, ``tags[]``.
        expected: The pinned type, or that there is no such column.
        found: The type that is there instead.
        record: The whole record, as it came; hidden from ``repr``, since it is data.
    """

    shown = ("row", "column", "expected", "found")

    row: int
    column: str
    expected: str
    found: str
    record: Record

    def __str__(self) -> str:
        return f"row {self.row}, column {self.column!r}: expected {self.expected}, found {self.found}"

    def set_aside(self, page: int) -> Record:
        """The record as it is kept apart from the others: with where it came, and why it does not fit.

        Args:
            page: The page it came on.
        """
        return {
            "page": page,
            "row": self.row,
            "column": self.column,
            "expected": self.expected,
            "found": self.found,
            "record": self.record,
        }


class PinnedSchema:
    """Columns whose types are fixed, for tables that others rely on: what does not fit is told apart.

    Example:
        >>> fitting, violations = PinnedSchema.parse({"id": "int64!"}).split([{"id": 1}, {"id": "two"}])
        >>> fitting, len(violations)
        ([{'id': 1}], 1)

    Args:
        fields: The columns, in order.
        extra_columns: ``refuse`` records with other columns, or ``keep`` those at whatever type they have;
            inside of a struct other fields are refused in any case.
    """

    def __init__(self, fields: Sequence[PinnedField], *, extra_columns: ExtraColumns = "refuse") -> None:
        self.fields = tuple(fields)
        self.extra_columns = extra_columns
        self._check = compile_check(self.fields, refuse_extra=extra_columns == "refuse")
        self._schema = self.to_schema()
        self._required = tuple(field.name for field in self.fields if field.type.required)
        self._looks_inside = any(_requires_inside(field.type) for field in self.fields)

    @classmethod
    def parse(cls, columns: Mapping[str, object], *, extra_columns: str = "refuse") -> Self:
        """Read a schema as people write it.

        Args:
            columns: Column names to types.
            extra_columns: ``refuse`` or ``keep``.

        Raises:
            ConfigurationError: A type is none, or there are no columns; every problem is named.
        """
        fields, problems = _parse_columns(columns)
        if extra_columns not in get_args(ExtraColumns):
            problems.append(f"extra_columns must be refuse or keep, not {str(extra_columns)[:40]!r}")
        if problems:
            raise ConfigurationError(f"the pinned schema: {'; '.join(problems)}", problems=problems)
        return cls(fields, extra_columns="keep" if extra_columns == "keep" else "refuse")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PinnedSchema):
            return NotImplemented
        return (self.fields, self.extra_columns) == (other.fields, other.extra_columns)

    def __hash__(self) -> int:
        return hash((self.fields, self.extra_columns))

    def describe(self) -> dict[str, str]:
        """Column names to types, as ``parse`` reads them."""
        return {column.name: str(column.type) for column in self.fields}

    def to_schema(self) -> Schema:
        """The columns for a writer; records that fit never widen it."""
        return Schema(tuple(Field(column.name, column.type.data_type) for column in self.fields))

    def split(
        self, records: Sequence[Record], first_row: int = 1
    ) -> tuple[Sequence[Record], tuple[Violation, ...]]:
        """Tell records that fit from those that do not; each keeps its order.

        Args:
            records: JSON objects; they stay as they are. Those of a page that was decoded under these very
                columns are not looked at again.
            first_row: The number of the first of them.

        Returns:
            The records that fit, with values of the pinned types, and what is wrong with each other one.
        """
        if self._is_known_to_fit(records):
            return records, ()
        fitting: list[Record] = []
        violations: list[Violation] = []
        for row, record in enumerate(records, first_row):
            try:
                self._check(record)
                fitting.append(record)
            except ValidationError:
                self._look_closely(row, record, fitting, violations)
        return fitting, tuple(violations)

    def _is_known_to_fit(self, records: Sequence[Record]) -> bool:
        if self._looks_inside or not isinstance(records, RecordBlock):
            return False
        return records.fits(self._schema, self._required)

    def _look_closely(
        self, row: int, record: Record, fitting: list[Record], violations: list[Violation]
    ) -> None:
        try:
            fitting.append(fit_record(record, self.fields, refuse_extra=self.extra_columns == "refuse"))
        except MisfitError as misfit:
            violations.append(Violation(row, misfit.path, misfit.expected, misfit.found, record))


def _requires_inside(pinned: PinnedType) -> bool:
    """Whether a part of a value is required."""
    match pinned.shape:
        case PinnedList(element):
            return element.required or _requires_inside(element)
        case PinnedStruct(fields):
            return any(field.type.required or _requires_inside(field.type) for field in fields)
        case _:
            return False


def violation_error(violations: Sequence[Violation], page: int) -> SchemaViolationError:
    """Make the error for a page whose records must all fit; it quotes no value.

    Args:
        violations: At least one.
        page: The page they came on.
    """
    return SchemaViolationError(
        f"page {page}: {len(violations)} records do not fit the pinned schema, the first at {violations[0]}; "
        "mend the source, pin a wider type, or have such records quarantined"
    )


def quarantine_line(violation: Violation, page: int) -> bytes:
    """Write a record that was set aside, and why, as a line of JSON.

    Args:
        violation: What is wrong with it.
        page: The page it came on.

    Raises:
        UnsupportedValueError: JSON cannot hold the record; no record that was read from JSON is such a one.
    """
    return strict_json.dumps(violation.set_aside(page)).encode() + b"\n"


def _parse_columns(columns: Mapping[str, object]) -> tuple[list[PinnedField], list[str]]:
    fields: list[PinnedField] = []
    problems = [] if columns else ["no column is named: leave the schema out, or name its columns"]
    for name, text in columns.items():
        if not isinstance(text, str):
            problems.append(f"column {name!r} must be a type's name, not a {type(text).__name__}")
            continue
        try:
            fields.append(PinnedField(name, parse_type(text)))
        except ValueError as error:
            problems.append(f"column {name!r}: {error}")
    return fields, problems
