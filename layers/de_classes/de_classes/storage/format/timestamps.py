"""Timestamps as text that keeps everything: the unit by its digits, the offset, and the zone by its name.

``2024-05-01T12:00:00.000001+02:00[Europe/Vienna]`` (RFC 9557) is an instant in microseconds in a zone;
without offset and zone it is a naive one, on whatever clock the data's owner has in mind.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from de_classes.utils.values import Value

if TYPE_CHECKING:
    from datetime import tzinfo

UNITS = {0: "s", 3: "ms", 6: "us", 9: "ns"}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET = r"[+-]\d\d:\d\d(?::\d\d)?"
_TEXT = re.compile(
    r"(?P<second>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d{3}|\d{6}|\d{9}))?"
    rf"(?:(?P<offset>{_OFFSET})\[(?P<zone>[A-Za-z][\w+/-]*|{_OFFSET})\])?",
    re.ASCII,
)


class TimestampText(str):
    """A timestamp in the form above, for formats that tell one from an ordinary string.

    It is a str like any other, so formats that cannot tell the two apart just write it.
    """

    __slots__ = ()


class Timestamp(Value):
    """What the text of a timestamp says.

    Attributes:
        ticks: Units since the Unix epoch, UTC; for a naive one, since its own clock's 1970-01-01.
        unit: ``s``, ``ms``, ``us`` or ``ns``.
        zone: ``UTC``, ``Europe/Vienna``, ``+02:00``; None for a naive one.
    """

    ticks: int
    unit: str
    zone: str | None


def is_timestamp(text: str) -> bool:
    """Whether the text has the form of a timestamp, zoned or naive."""
    return _TEXT.fullmatch(text) is not None


def parse_timestamp(text: str) -> Timestamp | None:
    """Read a timestamp; None if it has another form, or there is no such day or time."""
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    fraction = match["fraction"] or ""
    try:
        second = datetime.fromisoformat(match["second"] + (match["offset"] or "+00:00"))
    except ValueError:
        return None
    seconds = (second - _EPOCH) // timedelta(seconds=1)
    ticks = seconds * 10 ** len(fraction) + int(fraction or 0)
    return Timestamp(ticks, UNITS[len(fraction)], match["zone"])


def zone_name(zone: tzinfo) -> str:
    """Name a time zone: its IANA name, ``UTC``, or an offset such as ``+02:00``."""
    return str(zone).removeprefix("UTC") or "UTC"


def find_zone(name: str) -> tzinfo | None:
    """Find the zone of that name; None if there is none, here or at all."""
    if name == "UTC":
        return UTC
    try:
        return _fixed_zone(name) if name[0] in "+-" else ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        return None


def _fixed_zone(name: str) -> tzinfo:
    offset = datetime.fromisoformat(f"1970-01-01T00:00:00{name}").utcoffset()
    return timezone(offset or timedelta(0))
