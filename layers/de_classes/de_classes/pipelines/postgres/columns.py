"""The types of columns: which one holds a dataset's values, and what becomes of one that a table has already.

    bool             boolean
    int64            bigint
    float64          numeric in formats of text, which keep every digit; double precision in Parquet
    string           text
    list, struct     jsonb
    json             jsonb: values of several kinds, integers beyond 64 bits
    null             text, until there is a value

A type that a table has is kept where it holds what comes as it is, and widened where that loses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import structs

from de_classes.errors import InvalidInputError, UnsupportedValueError
from de_classes.storage.format.schema import Kind
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from de_classes.storage.format.schema import DataType, Schema

BOOLEAN: Final = "boolean"
BIGINT: Final = "bigint"
DOUBLE: Final = "double precision"
NUMERIC: Final = "numeric"
TEXT: Final = "text"
JSONB: Final = "jsonb"
_ASKED_FOR: Final = {
    **{name: name for name in (BOOLEAN, BIGINT, DOUBLE, NUMERIC, TEXT, JSONB, "date", "uuid")},
    "timestamptz": "timestamp with time zone",
    "timestamp": "timestamp without time zone",
}
TYPES: Final = tuple(_ASKED_FOR)
"""Those that may be asked for, in place of what the schema says."""

MAX_NAME_BYTES: Final = 63
MAX_COLUMNS: Final = 1_600
_BY_KIND: Final = {
    Kind.NULL: TEXT,
    Kind.BOOL: BOOLEAN,
    Kind.INT53: BIGINT,
    Kind.INT64: BIGINT,
    Kind.STRING: TEXT,
}
_TAKES: Final = {
    NUMERIC: {BIGINT, DOUBLE},
    JSONB: {BOOLEAN, BIGINT, DOUBLE, NUMERIC, TEXT},
    # These take what is theirs, and refuse the rest.
    **{each: {BIGINT} for each in ("integer", "smallint")},
    **{each: {TEXT} for each in ("character varying", "date", "uuid")},
    **{each: {TEXT} for each in ("timestamp with time zone", "timestamp without time zone")},
}
"""By type that a table may have, those whose values it holds as they are."""

_CASTS: Final = {
    (BIGINT, NUMERIC): "{column}::numeric",
    # By text, which has all digits that tell the number from its neighbours; the plain cast keeps 15.
    (DOUBLE, NUMERIC): "{column}::text::numeric",
    (BIGINT, DOUBLE): "{column}::double precision",
    **{(each, JSONB): "to_jsonb({column})" for each in _TAKES[JSONB]},
}


class Column(Value):
    """A column of a dataset, as a table is to have it.

    Attributes:
        name: Its name, in the dataset and in the table.
        type: PostgreSQL's type, as ``format_type`` spells it.
        is_json: Whether its values are JSON text already where a part is Parquet.
        is_exact_in_double: Whether it holds integers that a double holds, too.
        is_null: Whether it holds no value at all.
    """

    name: str
    type: str
    is_json: bool = False
    is_exact_in_double: bool = False
    is_null: bool = False


class Change(Value):
    """A column whose type is to be another.

    Attributes:
        name: The column.
        type: The type to be.
        using: How a value becomes one of that type: an expression with the column as ``{column}``; None if
            there is no value.
    """

    name: str
    type: str
    using: str | None


def columns_of(schema: Schema, *, keeps_digits: bool, types: Mapping[str, str]) -> list[Column]:
    """The columns that hold a schema's values.

    Args:
        schema: A dataset's.
        keeps_digits: Whether its format keeps every digit of a number with a fraction.
        types: Column to one of ``TYPES``, where another is asked for.

    Raises:
        InvalidInputError: A type is asked for that is none of them, or for a column that there is not.
        UnsupportedValueError: A table cannot have such columns; the first one is named.
    """
    if unknown := types.keys() - set(schema.names):
        raise InvalidInputError(f"--type: there is no column {min(unknown)!r} in the dataset")
    for name, asked in types.items():
        if asked not in _ASKED_FOR:
            raise InvalidInputError(f"--type: {name!r} cannot be {asked!r}: choose one of {', '.join(TYPES)}")
    if len(schema.fields) > MAX_COLUMNS:
        raise UnsupportedValueError(
            f"{len(schema.fields)} columns are more than a table's {MAX_COLUMNS}: select fewer by a transform"
        )
    return [
        Column(
            name=check_name("column", field.name),
            type=_ASKED_FOR[types[field.name]]
            if field.name in types
            else _type(field.type, keeps_digits=keeps_digits),
            is_json=field.type is Kind.JSON,
            is_exact_in_double=field.type is Kind.INT53,
            is_null=field.type is Kind.NULL,
        )
        for field in schema.fields
    ]


def _type(data_type: DataType, *, keeps_digits: bool) -> str:
    if data_type is Kind.FLOAT64:
        return NUMERIC if keeps_digits else DOUBLE
    return _BY_KIND.get(data_type, JSONB) if isinstance(data_type, Kind) else JSONB


def check_name(what: str, name: str) -> str:
    """Pass on a name that PostgreSQL takes as it is: it would cut a longer one without a word.

    Raises:
        UnsupportedValueError: It does not; says why.
    """
    size = len(name.encode(errors="surrogatepass"))
    if size > MAX_NAME_BYTES:
        raise UnsupportedValueError(
            f"{what} {name!r} has a name of {size} bytes; PostgreSQL keeps {MAX_NAME_BYTES}: rename it"
        )
    if not name or "\0" in name:
        raise UnsupportedValueError(f"{what} {name!r} has a name that PostgreSQL cannot have: rename it")
    return name


def unified(column: Column, present: str, *, is_empty: bool, is_exact_in_double: bool) -> Column | Change:
    """What becomes of a column that a table has.

    Args:
        column: As the dataset has it.
        present: The type that the table has.
        is_empty: Whether the table has no value in it.
        is_exact_in_double: Whether a double holds every value in it, should they be integers.

    Returns:
        The column, of the type that the table keeps; or how the table's is to change.

    Raises:
        UnsupportedValueError: There is no type that both are without loss.
    """
    wanted = column.type
    stays = column.is_null or wanted == present or wanted in _TAKES.get(present, ())
    if stays or ((wanted, present) == (BIGINT, DOUBLE) and column.is_exact_in_double):
        return structs.replace(column, type=present)
    if is_empty:
        return Change(column.name, wanted, None)
    if {wanted, present} == {BIGINT, DOUBLE}:
        wanted = DOUBLE if present == BIGINT and is_exact_in_double else NUMERIC
    if (present, wanted) in _CASTS:
        return Change(column.name, wanted, _CASTS[present, wanted])
    raise UnsupportedValueError(
        f"column {column.name!r} is {present} in the table and {wanted} in the dataset, and neither holds "
        "both: name a type by --type COLUMN=TYPE, or another table by --table"
    )
