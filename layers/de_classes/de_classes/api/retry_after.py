"""Reading ``Retry-After``, in every form that servers send it (RFC 9110, section 10.2.3)."""

from __future__ import annotations

import math
import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?\Z", re.ASCII)


def parse_retry_after(value: str | None, *, now: float) -> float | None:
    """Seconds to wait, or None where the header says nothing that can be followed.

    Seconds (also with decimals, which servers do send) and HTTP dates are read; garbage, negative
    values and dates that have passed count as not said, so the usual backoff applies. Never raises.

    Args:
        value: The header as it came, or None.
        now: Seconds since the epoch, UTC, to measure a date against.
    """
    text = (value or "").strip()
    if _SECONDS.match(text):
        return float(text)
    return _until(text, now)


def answered_at(headers: Mapping[str, str], now: float) -> float:
    """When an answer was sent by its own clock, which is what a date in it has to be measured against.

    Args:
        headers: The answer's, names in lower case.
        now: Seconds since the epoch; what counts where it names no date.
    """
    text = headers.get("date")
    moment = None if text is None else _moment(text)
    return now if moment is None else moment


def _until(text: str, now: float) -> float | None:
    moment = _moment(text)
    return moment - now if moment is not None and moment > now else None


def _moment(text: str) -> float | None:
    """Seconds since the epoch, of an HTTP date."""
    try:
        date = parsedate_to_datetime(text)
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) else None
