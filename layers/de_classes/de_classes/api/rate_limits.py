"""What an answer's headers say of the source's limit: a hint to pace by, never to be trusted further.

Read are ``RateLimit-Remaining`` and ``RateLimit-Reset`` with or without ``X-`` in front, and the one field
``RateLimit: limit=100, remaining=50, reset=5`` of the IETF's draft. A reset is seconds from now, or, if it
is beyond any sensible number of those, seconds since the epoch.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_HINT: Final = 60.0
"""Seconds: what asks for more is more likely wrong than right, and a 429 will tell."""

_NAMES: Final = frozenset({"ratelimit", "ratelimit-remaining", "x-ratelimit-remaining"})
_EPOCH: Final = 1_000_000_000
_NUMBER: Final = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*")
_PARAMETER: Final = re.compile(r"\b(remaining|reset)\s*=\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)")


class RateLimit(Value):
    """What is left of a source's limit.

    Attributes:
        remaining: Requests that it would still answer.
        reset: Seconds until it counts anew, at most ``LONGEST_HINT``; None if it does not say.
    """

    remaining: int
    reset: float | None


def read_rate_limit(headers: Mapping[str, str], *, now: float) -> RateLimit | None:
    """What the headers say, or None if they say nothing that can be used. Never raises.

    Args:
        headers: Names in lower case.
        now: Seconds since the epoch, for a reset that is a moment.
    """
    if _NAMES.isdisjoint(headers):
        return None
    combined = dict(_PARAMETER.findall(headers.get("ratelimit", "").lower()))
    remaining = _number(_first(headers, "remaining") or combined.get("remaining"))
    if remaining is None:
        return None
    return RateLimit(
        int(remaining), _seconds(_number(_first(headers, "reset") or combined.get("reset")), now)
    )


def _first(headers: Mapping[str, str], what: str) -> str | None:
    return headers.get(f"ratelimit-{what}") or headers.get(f"x-ratelimit-{what}")


def _number(text: str | None) -> float | None:
    match = _NUMBER.fullmatch(text or "")
    return float(match[1]) if match else None


def _seconds(reset: float | None, now: float) -> float | None:
    if reset is None:
        return None
    seconds = reset - now if reset >= _EPOCH else reset
    return seconds if 0 < seconds <= LONGEST_HINT else None
