"""Exact casts: the same value in another type, or a ``ValueError`` that says why not."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeGuard

from de_classes.utils.strict_json import Number

if TYPE_CHECKING:
    from collections.abc import Callable

CastName = Literal["int", "float", "str", "bool"]

_WHOLE = re.compile(r"[+-]?[0-9]{1,4000}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,4})?")
_BOOLEANS = {"true": True, "false": False, 1: True, 0: False}


def to_int(value: object) -> int:
    """From an int, a float without fraction, or digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float):
        exact = Decimal(value.text) if isinstance(value, Number) else value  # it may have been rounded
        if math.isfinite(exact) and exact == int(exact):
            return int(exact)
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    raise ValueError("not a whole number")


def to_float(value: object) -> float:
    """From a float, an int that a float can hold, or decimal text of at most 17 significant digits.

    Text is exact when the float nearest to it is written with the very same digits: "0.1" is, and
    "0.10000000000000000001" is not.
    """
    if isinstance(value, float):
        return value
    if not _is_number(value):
        raise ValueError("not a number")
    result = _nearest_float(value)
    exact = int(result) == value if isinstance(value, int) else Decimal(repr(result)) == Decimal(value)
    if not exact:
        raise ValueError("a float cannot hold it exactly")
    return result


def to_str(value: object) -> str:
    """From text, a number or a boolean, as JSON writes them; of a number every digit that came."""
    if isinstance(value, str):
        return value
    if isinstance(value, Number):
        return value.text
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    raise ValueError("neither text, number nor boolean: flatten it first")


def to_bool(value: object) -> bool:
    """From a boolean, 0, 1, or "true" and "false" in any case."""
    if isinstance(value, bool):
        return value
    known = value.lower() if isinstance(value, str) else value if isinstance(value, int) else None
    if known not in _BOOLEANS:
        raise ValueError("neither true nor false")
    return _BOOLEANS[known]


CASTS: dict[str, Callable[[Any], Any]] = {"int": to_int, "float": to_float, "str": to_str, "bool": to_bool}


def _is_number(value: object) -> TypeGuard[int | str]:
    if isinstance(value, str):
        return _NUMBER.fullmatch(value) is not None
    return isinstance(value, int) and not isinstance(value, bool)


def _nearest_float(value: int | str) -> float:
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise ValueError("beyond the range of a float")
    return result
