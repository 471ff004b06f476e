"""A schema that is decided beforehand: what does not fit it is an error or set aside, never widened for.

Without one, a column takes the narrowest type that holds all its values (see `schema`). Pinned, its type is
a promise to whoever reads the table:

    {"id": "int64!", "mag": "float64", "tags": "list<string>", "geo": "struct<lat: float64, lon: float64>"}

Types are written as `pinned_types` says. Nothing is changed to fit: an integer is taken for a float64 only
if that is exact, a boolean is no integer, text is no number. Null, or an absent column, fits unless
the type ends in ``!``. Where anything may come, pin ``json``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self, get_args

from msgspec import ValidationError

from de_classes.errors import ConfigurationError, SchemaViolationError
from de_classes.storage.format.pinned_checks import MisfitError, compile_check, fit_record
from de_classes.storage.format.pinned_types import PinnedField, parse_type
from de_classes.storage.format.schema import Field, Schema
from de_classes.utils import strict_json
from de_classes.utils.values import DiscreetValue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from de_classes.storage.format.schema import Record

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

    def describe(self) -> dict[str, str]:
        """Column names to types, as ``parse`` reads them."""
        return {column.name: str(column.type) for column in self.fields}

    def to_schema(self) -> Schema:
        """The columns for a writer; records that fit never widen it."""
        return Schema(tuple(Field(column.name, column.type.data_type) for column in self.fields))

    def split(
        self, records: Sequence[Record], first_row: int = 1
    ) -> tuple[list[Record], tuple[Violation, ...]]:
        """Tell records that fit from those that do not; each keeps its order.

        Args:
            records: JSON objects; they stay as they are.
            first_row: The number of the first of them.

        Returns:
            The records that fit, with values of the pinned types, and what is wrong with each other one.
        """
        fitting: list[Record] = []
        violations: list[Violation] = []
        for row, record in enumerate(records, first_row):
            try:
                self._check(record)
                fitting.append(record)
            except ValidationError:
                self._look_closely(row, record, fitting, violations)
        return fitting, tuple(violations)

    def _look_closely(
        self, row: int, record: Record, fitting: list[Record], violations: list[Violation]
    ) -> None:
        try:
            fitting.append(fit_record(record, self.fields, refuse_extra=self.extra_columns == "refuse"))
        except MisfitError as misfit:
            violations.append(Violation(row, misfit.path, misfit.expected, misfit.found, record))


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
    line = {
        "page": page,
        "row": violation.row,
        "column": violation.column,
        "expected": violation.expected,
        "found": violation.found,
        "record": violation.record,
    }
    return strict_json.dumps(line).encode() + b"\n"


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
