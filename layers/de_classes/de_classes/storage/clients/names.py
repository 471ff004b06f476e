"""Which names of buckets and keys are taken, so that every store gives back the very key it was given."""

from __future__ import annotations

import re

from de_classes.errors import InvalidInputError, InvalidKeyError
from de_classes.utils.object_keys import key_problem

SHOWN_CHARS = 60

_PLAIN_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,254}")
_ACCESS_POINT = re.compile(r"arn:[a-z-]+:s3[a-z-]*:[A-Za-z0-9:/._-]+")


def validate_key(key: str) -> None:
    """Refuse keys that S3, a proxy or a file system would change or misread; see ``key_problem``.

    Raises:
        InvalidKeyError: The key is odd; the message says how.
    """
    problem = key_problem(key)
    if problem is not None:
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
