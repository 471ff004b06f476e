"""Numbers that lose digits where they are stored as floats, counted."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from de_classes.storage.format.schema import Kind, ListType, StructType
from de_classes.utils.numbers import Number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from de_classes.storage.format.schema import DataType


def count_rounded(data_type: DataType, values: Sequence[Any]) -> int:
    """How many numbers in a column are not the floats that are stored; JSON text keeps them all.

    Args:
        data_type: The column's.
        values: Of that type, or None.
    """
    match data_type:
        case Kind.FLOAT64:
            if Number not in set(map(type, values)):
                return 0
            return sum(type(value) is Number and value.is_rounded for value in values)
        case ListType(element):
            return count_rounded(element, list(chain.from_iterable(filter(None, values))))
        case StructType(fields):
            objects = list(filter(None, values))
            return sum(count_rounded(f.type, [each.get(f.name) for each in objects]) for f in fields)
        case _:
            return 0
