"""A token as login endpoints issue it, read strictly."""

from __future__ import annotations

import logging
import math
import re
from typing import Any

import msgspec

from de_classes.errors import InvalidTokenResponseError, MalformedDataError
from de_classes.utils.paths import MISSING, find
from de_classes.utils.strict_json import loads
from de_classes.utils.values import DiscreetValue

DEFAULT_LIFE = 300.0
UNTIL_REFUSED = 86_400.0
"""Seconds for which a token is used whose answer names no life: a 401 says when it is over."""
_TOKEN = re.compile(r"[\x21-\x7e]+\Z")  # what a header may carry: visible ASCII, no spaces
_ERROR_CODES = frozenset(
    {
        "access_denied",
        "bad_refresh_token",
        "invalid_client",
        "invalid_grant",
        "invalid_refresh_token",
        "invalid_request",
        "invalid_scope",
        "unauthorized_client",
        "unsupported_grant_type",
    }
)
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?\Z", re.ASCII)

_log = logging.getLogger(__name__)


class Token(DiscreetValue):
    """An access token and how long it lives.

    Attributes:
        value: What is sent; hidden from ``repr``.
        life: Seconds from its issue, as the server says, or ``DEFAULT_LIFE`` if it says nothing usable.
        answer: What it came in; hidden too.
    """

    shown = ("life",)

    value: str
    life: float = DEFAULT_LIFE
    answer: dict[str, Any] = msgspec.field(default_factory=dict)


def read_token(
    body: bytes,
    token_path: str = "access_token",  # noqa: S107 - where it stands
    expires_path: str | None = "expires_in",
    *,
    absent_life: float | None = None,
    is_bearer: bool = True,
) -> Token:
    """Read the answer of a login.

    Args:
        body: A JSON object.
        token_path: Where the token stands.
        expires_path: Where its life stands, in seconds; None if it is used until it is refused.
        absent_life: The life where the answer names none; None to warn and assume ``DEFAULT_LIFE``.
        is_bearer: Whether it is sent as a Bearer token, so that any other ``token_type`` is wrong.

    Raises:
        InvalidTokenResponseError: Not an object, or no usable token in it.
    """
    try:
        answer = loads(body)
    except MalformedDataError as error:
        raise InvalidTokenResponseError(f"the login's answer is not sound JSON: {error}") from error
    if not isinstance(answer, dict):
        raise InvalidTokenResponseError("the login's answer is not a JSON object")
    life = UNTIL_REFUSED if expires_path is None else _life(find(answer, expires_path), absent_life)
    return Token(_value(answer, token_path, is_bearer=is_bearer), life, answer)


def error_code(body: bytes) -> str | None:
    """Why a token endpoint refused, in OAuth's own words (RFC 6749, section 5.2); other text is not taken."""
    try:
        code = loads(body).get("error")
    except (MalformedDataError, AttributeError):
        return None
    return code if isinstance(code, str) and code in _ERROR_CODES else None


def _value(answer: dict[str, Any], path: str, *, is_bearer: bool) -> str:
    value = find(answer, path)
    if not isinstance(value, str) or not _TOKEN.match(value):
        raise InvalidTokenResponseError(f"the login's answer has no usable {path!r}")
    kind = answer.get("token_type", "Bearer")
    if is_bearer and (not isinstance(kind, str) or kind.lower() != "bearer"):
        raise InvalidTokenResponseError("the login's 'token_type' is not Bearer, the only kind that is sent")
    return value


def _life(value: object, absent: float | None) -> float:
    if absent is not None and value is MISSING:
        return absent
    if isinstance(value, str) and _NUMBER.match(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_sane(value):
        _log.warning("the login's 'expires_in' is no number of seconds: %.0f s are assumed", DEFAULT_LIFE)
        return DEFAULT_LIFE
    return float(value)


def _is_sane(seconds: float) -> bool:
    return abs(seconds) < 2**53 and math.isfinite(seconds)
