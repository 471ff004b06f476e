"""Which names of buckets and keys are taken, so that every store gives back the very key it was given."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from de_classes.errors import InvalidInputError, InvalidKeyError

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_KEY_BYTES = 1024
"""S3's limit, counted in UTF-8."""

SHOWN_CHARS = 60

_PLAIN_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,254}")
_ACCESS_POINT = re.compile(r"arn:[a-z-]+:s3[a-z-]*:[A-Za-z0-9:/._-]+")


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


def validate_key(key: str) -> None:
    """Refuse keys that S3, a proxy or a file system would change or misread.

    Source: "Object key naming guidelines" in the S3 User Guide.

    Raises:
        InvalidKeyError: The key is odd; the message says how.
    """
    for is_broken, problem in _RULES:
        if is_broken(key):
            raise invalid_key(key, problem)


def invalid_key(key: str, problem: str) -> InvalidKeyError:
    """The error for a key, quoted so that it can be printed anywhere."""
    shown = key if len(key) <= SHOWN_CHARS else f"{key[:SHOWN_CHARS]}..."
    return InvalidKeyError(f"{shown!a} cannot be an object's key: {problem}")


def validate_bucket(bucket: str) -> None:
    """Refuse what S3 cannot take for a bucket or an access point.

    Raises:
        InvalidInputError: The name is impossible.
    """
    if not (_PLAIN_BUCKET.fullmatch(bucket) or _ACCESS_POINT.fullmatch(bucket)):
        raise invalid_bucket(bucket, "use 3 to 63 lower-case letters, digits, dots and hyphens")


def invalid_bucket(bucket: str, advice: str) -> InvalidInputError:
    """The error for a bucket's name, quoted so that it can be printed anywhere."""
    return InvalidInputError(f"{bucket[:SHOWN_CHARS]!a} cannot be a bucket's name: {advice}")
