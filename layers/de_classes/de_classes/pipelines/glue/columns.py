"""A dataset's schema as the columns of a table of Glue.

    bool             boolean
    int64            bigint
    float64          double
    string           string
    json             string: JSON text in Parquet
    list             array<...>
    struct           struct<name:type,...>
    null             no column, until there is a value: no type that a table could state reads its files

There are no dates, no times and no decimals in a dataset: JSON has none, and they are text or numbers here.

Glue keeps no upper case in names, and engines find a column in a file by its name in any case. So names are
lowered, and two that differ in case alone are refused, as is what cannot be said in a type.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from de_classes.errors import UnsupportedValueError
from de_classes.storage.format.schema import Kind, ListType, StructType, describe_type
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from de_classes.storage.format.schema import DataType, Schema

MAX_NAME: Final = 255
MAX_COMMENT: Final = 255
MAX_TYPE: Final = 131_072
_BY_KIND: Final = {
    Kind.BOOL: "boolean",
    Kind.INT53: "bigint",
    Kind.INT64: "bigint",
    Kind.FLOAT64: "double",
    Kind.STRING: "string",
    Kind.JSON: "string",
}
# What separates names in Hive's own list of them, and what no line can hold.
_NOT_IN_A_COLUMN: Final = re.compile(r"[\x00-\x1f\x7f,\u2028\u2029\ud800-\udfff]")
_IN_A_STRUCT: Final = re.compile(r"[\w.$](?:[\w.$ ]*[\w.$])?")


class GlueColumn(Value):
    """A column of a table.

    Attributes:
        name: Its name, in lower case.
        type: Glue's type.
        comment: What the dataset calls it, where that is another name, and of which type it is there.
    """

    name: str
    type: str
    comment: str


def columns_of(schema: Schema) -> tuple[list[GlueColumn], list[str]]:
    """The columns of a table, and the names of what is left out since it has no value yet.

    Args:
        schema: A dataset's.

    Raises:
        UnsupportedValueError: Glue cannot have such columns; the first one is named.
    """
    _check_case("columns", schema.names)
    columns, left_out = [], []
    for field in schema.fields:
        if field.type is not Kind.NULL:
            _check_column(field.name)
        glue_type = type_of(field.type, field.name)
        if glue_type is None:
            left_out.append(field.name)
            continue
        if len(glue_type) > MAX_TYPE:
            raise UnsupportedValueError(
                f"column {field.name!r} has a type of {len(glue_type)} characters, and Glue keeps "
                f"{MAX_TYPE}: select or flatten less of it by a transform"
            )
        columns.append(GlueColumn(field.name.lower(), glue_type, _comment(field.name, field.type)))
    return columns, left_out


def type_of(data_type: DataType, path: str) -> str | None:
    """Glue's type for one of ours; None where no value of it was seen.

    Args:
        data_type: Ours.
        path: Where it stands, for the messages.

    Raises:
        UnsupportedValueError: A name within it cannot be said in a type, or two differ in case alone.
    """
    match data_type:
        case ListType(element):
            inner = type_of(element, f"{path}[]")
            return inner and f"array<{inner}>"
        case StructType(fields):
            _check_case(f"the fields of {path!r},", [field.name for field in fields])
            parts = []
            for field in fields:
                inner = type_of(field.type, f"{path}.{field.name}")
                if inner is not None:
                    parts.append(f"{_field_name(field.name, path)}:{inner}")
            return f"struct<{','.join(parts)}>" if parts else None
        case Kind():
            return _BY_KIND.get(data_type)


def _comment(name: str, data_type: DataType) -> str:
    said = describe_type(data_type)
    if name != name.lower():
        said = f"{name}: {said}"
    said = "".join(each if each.isprintable() else "?" for each in said)
    return said if len(said) <= MAX_COMMENT else f"{said[: MAX_COMMENT - 3]}..."


def _check_case(what: str, names: Iterable[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise UnsupportedValueError(
                f"{what} {other!r} and {name!r} differ in case alone, which Glue does not tell apart: rename "
                "one of them by a transform"
            )


def _check_column(name: str) -> None:
    lowered = name.lower()
    if not 0 < len(lowered) <= MAX_NAME or name != name.strip() or _NOT_IN_A_COLUMN.search(name):
        raise UnsupportedValueError(
            f"column {name!r} has a name that a table of Glue cannot have: rename it by a transform to 1 to "
            f"{MAX_NAME} characters without commas, line breaks, or blanks at its ends"
        )


def _field_name(name: str, path: str) -> str:
    if not _IN_A_STRUCT.fullmatch(name):
        raise UnsupportedValueError(
            f"the field {name!r} of {path!r} has a name that no type of Glue can say: rename it, or flatten "
            f"{path!r}, by a transform; it may have letters, digits, underscores, dots, $ and blanks"
        )
    return name.lower()
