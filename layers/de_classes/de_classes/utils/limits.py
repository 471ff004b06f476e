"""Bounds that hold wherever a thing can be said: in a setting, an argument or an option."""

from __future__ import annotations

from typing import Final

from de_classes.errors import InvalidInputError

MAX_CONCURRENCY: Final = 64
"""Pages fetched at once."""


def check_limit(limit: int) -> None:
    """Refuse a page size that is none.

    Raises:
        InvalidInputError: It is no whole number from 1.
    """
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise InvalidInputError(f"limit must be a whole number of records from 1, not {limit!r}")


def checked_concurrency(concurrency: int) -> int:
    """Hand on a number of pages at once that is allowed.

    Raises:
        InvalidInputError: It is out of bounds.
    """
    if not 1 <= concurrency <= MAX_CONCURRENCY:
        raise InvalidInputError(f"concurrency must be from 1 to {MAX_CONCURRENCY}, not {concurrency}")
    return concurrency
