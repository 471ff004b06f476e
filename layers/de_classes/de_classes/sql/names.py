"""How a dataset's columns are called in SQL, and which types they have there.

    bool            BOOLEAN
    int64           BIGINT
    float64         DOUBLE
    string          VARCHAR
    json            JSON: values of several kinds, integers beyond 64 bits
    list, struct    a list, a STRUCT
    null            VARCHAR, until there is a value

SQL takes ``ID`` and ``id`` for the same name, and has none that is empty: of two columns the second is
``id_1``, and an object with such fields is JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from de_classes.storage.format.schema import Field, Kind, ListType, Schema, StructType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from de_classes.storage.format.schema import DataType

UNNAMED: Final = "unnamed"
_TYPES: Final = {
    Kind.NULL: "VARCHAR",
    Kind.BOOL: "BOOLEAN",
    Kind.INT53: "BIGINT",
    Kind.INT64: "BIGINT",
    Kind.FLOAT64: "DOUBLE",
    Kind.STRING: "VARCHAR",
    Kind.JSON: "JSON",
}


def quoted(name: str) -> str:
    """A name as SQL spells it whatever is in it."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def distinct_names(names: Iterable[str]) -> list[str]:
    """The names that columns have in SQL, where no two are the same but for case."""
    found: dict[str, str] = {}
    for name in names:
        base = name.replace("\0", "\ufffd") or UNNAMED
        taken, number = base, 0
        while taken.casefold() in found:
            number += 1
            taken = f"{base}_{number}"
        found[taken.casefold()] = taken
    return list(found.values())


def sql_schema(schema: Schema) -> Schema:
    """The schema, but JSON wherever a column holds objects whose fields SQL could not tell apart."""
    return Schema(
        tuple(Field(each.name, each.type if _has_names(each.type) else Kind.JSON) for each in schema.fields)
    )


def sql_type(data_type: DataType) -> str:
    """The type in SQL, as DuckDB spells it."""
    match data_type:
        case ListType(element):
            return f"{sql_type(element)}[]"
        case StructType(fields):
            return f"STRUCT({', '.join(f'{quoted(each.name)} {sql_type(each.type)}' for each in fields)})"
        case _:
            return _TYPES[data_type]


def _has_names(data_type: DataType) -> bool:
    match data_type:
        case ListType(element):
            return _has_names(element)
        case StructType(fields):
            names = [each.name for each in fields]
            return names == distinct_names(names) and all(_has_names(each.type) for each in fields)
        case _:
            return True
