"""What an answer's headers say of the source's limit: a hint to pace by, never to be trusted further.

Read are ``RateLimit-Remaining`` and ``-Reset``, also as ``X-RateLimit-`` or ``X-Rate-Limit-``, and the one
field ``RateLimit: limit=100, remaining=50, reset=5`` of the IETF's draft. A reset is seconds from now, or,
if it is beyond any sensible number of those, seconds since the epoch.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta

from de_classes.api.retry_after import answered_at
from de_classes.utils.values import Described, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

Text = Annotated[str, Meta(min_length=1)]
LONGEST_HINT: Final = 60.0
"""Seconds: what asks for more is more likely wrong than right, and a 429 will tell."""

_STARTS: Final = ("ratelimit", "x-ratelimit", "x-rate-limit")
_NAMES: Final = frozenset({"ratelimit", *(f"{start}-remaining" for start in _STARTS)})
_EPOCH: Final = 1_000_000_000
_NUMBER: Final = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*")
_PARAMETER: Final = re.compile(r"\b(remaining|reset)\s*=\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)")


class RateRules(Described, kw_only=True):
    """How often the source may be asked.

    Attributes:
        per_second: Requests a second, such as 0.33.
        concurrency: Requests at once.
        remaining: The header that says how many requests are left, where it is none of the usual ones.
        reset: The header that says in how many seconds, or when, they are counted anew.
        wait: Seconds to wait after a refusal that names no time.
    """

    per_second: Annotated[float, Meta(gt=0, le=10_000)] | None = None
    concurrency: Annotated[int, Meta(ge=1, le=64)] | None = None
    remaining: Text | None = None
    reset: Text | None = None
    wait: Annotated[float, Meta(ge=0, le=3600)] | None = None


class RateLimit(Value):
    """What is left of a source's limit.

    Attributes:
        remaining: Requests that it would still answer.
        reset: Seconds until it counts anew; None if it does not say, or says more than is believed.
    """

    remaining: int
    reset: float | None


def read_rate_limit(
    headers: Mapping[str, str],
    *,
    now: float,
    rules: RateRules | None = None,
    longest: float = LONGEST_HINT,
) -> RateLimit | None:
    """What the headers say, or None if they say nothing that can be used. Never raises.

    Args:
        headers: Names in lower case.
        now: Seconds since the epoch, for a reset that is a moment in an answer that has no date itself.
        rules: Names the headers where they are none of the usual ones.
        longest: Seconds beyond which a reset is not believed.
    """
    if rules is not None and rules.remaining is not None:
        remaining = _number(headers.get(rules.remaining.lower()))
        reset = _number(headers.get((rules.reset or "").lower()))
        return (
            None if remaining is None else RateLimit(int(remaining), _seconds(reset, headers, now, longest))
        )
    if _NAMES.isdisjoint(headers):
        return None
    combined = dict(_PARAMETER.findall(headers.get("ratelimit", "").lower()))
    remaining = _number(_first(headers, "remaining") or combined.get("remaining"))
    if remaining is None:
        return None
    reset = _number(_first(headers, "reset") or combined.get("reset"))
    return RateLimit(int(remaining), _seconds(reset, headers, now, longest))


def _first(headers: Mapping[str, str], what: str) -> str | None:
    found = (headers.get(f"{start}-{what}") for start in _STARTS)
    return next(filter(None, found), None)


def _number(text: str | None) -> float | None:
    match = _NUMBER.fullmatch(text or "")
    return float(match[1]) if match else None


def _seconds(reset: float | None, headers: Mapping[str, str], now: float, longest: float) -> float | None:
    if reset is None:
        return None
    seconds = reset - answered_at(headers, now) if reset >= _EPOCH else reset
    return seconds if 0 < seconds <= longest else None
