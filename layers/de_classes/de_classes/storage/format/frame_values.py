"""Plain values out of the cells of object columns, and a comparison that takes no 1 for True."""

from __future__ import annotations

from typing import Any

import numpy as np

_SCALARS = (type(None), bool, int, float, str)


def plain_value(value: object) -> Any:  # noqa: ANN401 - any JSON value
    """Replace numpy's scalars by Python's, however deep, and make sure that it is a JSON value.

    Raises:
        TypeError: It is none: a tuple, an array, a date, an object with keys that are no strings.
    """
    if type(value) in _SCALARS:
        return value
    if isinstance(value, np.generic):
        return _plain_scalar(value)
    if isinstance(value, list):
        return [plain_value(item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: plain_value(item) for key, item in value.items()}
    if isinstance(value, dict):
        raise TypeError("an object's keys must be strings")
    raise TypeError(f"a {type(value).__name__} is not a JSON value")


def same_values(first: object, second: object) -> bool:
    """Whether two plain values are equal in every part and type. NaN equals nothing; key order counts not."""
    if type(first) is not type(second):
        return False
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same_values, first, second))
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same_values(first[key], second[key]) for key in first)
    return first == second


def _plain_scalar(value: np.generic) -> Any:  # noqa: ANN401 - any JSON value
    plain = value.item()
    if type(plain) not in _SCALARS:
        raise TypeError(f"a {type(value).__name__} is not a JSON value")
    return plain
