"""Whether a page's records lead from one place on to the last of them, as far as their values show."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_DIGITS: Final = re.compile(r"[0-9]+")
_TIMESTAMP: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+(Z|[+-][0-9:]+)?")


def lead_on(values: Sequence[Any], behind: object = None) -> bool:
    """Whether the last value is the furthest, up or down, and none lies before the place that it began at.

    Numbers go by size; texts of digits by size or letter by letter, as sources compare them; timestamps that
    are written alike letter by letter. Of other values nothing is known: they may lead on.

    Args:
        values: JSON values.
        behind: The value that they were asked for behind; None if it was none.
    """
    orders = _orders(values if behind is None else [behind, *values])
    return not orders or any(_is_furthest(order, has_start=behind is not None) for order in orders)


def position(value: object) -> float | None:
    """Where a number lies, or a timestamp, in seconds; None for any other value.

    Args:
        value: A JSON value; a text of digits is a number, and a timestamp without a zone is in UTC.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str):
        return None
    if _DIGITS.fullmatch(value):
        return float(value)
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _orders(values: Sequence[Any]) -> list[Sequence[Any]]:
    """The values as they may be compared; nothing if it is not known how."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return [values]
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) < len(values):
        return []
    if all(map(_DIGITS.fullmatch, texts)):
        return [[int(text) for text in texts], texts]
    stamps = [_TIMESTAMP.fullmatch(text) for text in texts]
    spellings = {(len(stamp[0]), stamp[1]) for stamp in stamps if stamp}
    return [texts] if all(stamps) and len(spellings) == 1 else []


def _is_furthest(values: Sequence[Any], *, has_start: bool) -> bool:
    """Whether the last is the most and the first, if it is where they start, the least; or the other way."""
    if not values:
        return True
    first, last, least, most = values[0], values[-1], min(values), max(values)
    if not has_start:
        return bool(last in {least, most})
    return bool((first, last) in {(least, most), (most, least)})
