"""Bounds that hold wherever a thing can be said, in a setting, an argument or an option; also of keys."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from de_classes.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_KEY_BYTES: Final = 1024
"""S3's limit, counted in UTF-8."""


def key_problem(key: str) -> str | None:
    """What S3, a proxy or a file system would change or misread in a key; None if it is sound.

    Source: "Object key naming guidelines" in the S3 User Guide.
    """
    return next((problem for is_broken, problem in _RULES if is_broken(key)), None)


def _has_lone_surrogate(key: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in key)


def _has_control_character(key: str) -> bool:
    return any(unicodedata.category(char) == "Cc" for char in key)


def _is_too_long(key: str) -> bool:
    return len(key.encode("utf-8", "surrogatepass")) > MAX_KEY_BYTES


def _has_relative_segment(key: str) -> bool:
    return not {".", ".."}.isdisjoint(key.split("/"))


_RULES: Final[tuple[tuple[Callable[[str], bool], str], ...]] = (
    (lambda key: not key, "it is empty"),
    (lambda key: key.startswith("/"), "it starts with '/'; leave the first slash out"),
    (_has_lone_surrogate, "it holds a lone surrogate, which UTF-8 cannot express"),
    (_has_control_character, "it holds a control character"),
    (_is_too_long, f"it is longer than {MAX_KEY_BYTES} bytes in UTF-8"),
    (_has_relative_segment, "one of its parts is '.' or '..'"),
)


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
