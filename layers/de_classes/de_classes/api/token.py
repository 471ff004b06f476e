"""A token as login endpoints issue it, read strictly."""

from __future__ import annotations

import logging
import math
import re

from de_classes.errors import InvalidTokenResponseError, MalformedDataError
from de_classes.utils.strict_json import loads
from de_classes.utils.values import DiscreetValue

DEFAULT_LIFE = 300.0
_TOKEN = re.compile(r"[\x21-\x7e]+\Z")  # what a header may carry: visible ASCII, no spaces
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?\Z", re.ASCII)

_log = logging.getLogger(__name__)


class Token(DiscreetValue):
    """An access token and how long it lives.

    Attributes:
        value: What is sent; hidden from ``repr``.
        life: Seconds from its issue, as the server says, or ``DEFAULT_LIFE`` if it says nothing usable.
    """

    shown = ("life",)

    value: str
    life: float = DEFAULT_LIFE


def read_token(body: bytes) -> Token:
    """Read the answer of a login.

    Args:
        body: A JSON object with ``access_token`` and, usually, ``expires_in`` in seconds.

    Raises:
        InvalidTokenResponseError: Not an object, or no usable token in it.
    """
    try:
        answer = loads(body)
    except MalformedDataError as error:
        raise InvalidTokenResponseError(f"the login's answer is not sound JSON: {error}") from error
    if not isinstance(answer, dict):
        raise InvalidTokenResponseError("the login's answer is not a JSON object")
    return Token(_value(answer), _life(answer.get("expires_in")))


def _value(answer: dict[str, object]) -> str:
    value = answer.get("access_token")
    if not isinstance(value, str) or not _TOKEN.match(value):
        raise InvalidTokenResponseError("the login's answer has no usable 'access_token'")
    kind = answer.get("token_type", "Bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise InvalidTokenResponseError("the login's 'token_type' is not Bearer, the only kind that is sent")
    return value


def _life(value: object) -> float:
    if isinstance(value, str) and _NUMBER.match(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_sane(value):
        _log.warning("the login's 'expires_in' is no number of seconds: %.0f s are assumed", DEFAULT_LIFE)
        return DEFAULT_LIFE
    return float(value)


def _is_sane(seconds: float) -> bool:
    return abs(seconds) < 2**53 and math.isfinite(seconds)
