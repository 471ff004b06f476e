"""Figures as people read them."""

from __future__ import annotations

_KILO = 1_000
_SECONDS_A_MINUTE = 60
_SECONDS_AN_HOUR = 3_600


def count(number: float, one: str = "", many: str = "") -> str:
    """A number, with what is counted if that is named: ``1,204 pages``."""
    shown = f"{number:,}"
    if not one:
        return shown
    return f"{shown} {one if number == 1 else many or f'{one}s'}"


def size(number: int) -> str:
    """Bytes: ``2.6 MB``."""
    value = float(number)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < _KILO:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= _KILO
    return f"{value:,.1f} TB"


def duration(seconds: float) -> str:
    """Seconds: ``1.9 s``, ``4 min 12 s``, ``3 h 20 min``."""
    if seconds < _SECONDS_A_MINUTE:
        return f"{seconds:.1f} s" if seconds >= 1 or not seconds else f"{seconds:.3g} s"
    if seconds < _SECONDS_AN_HOUR:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{count(int(seconds // _SECONDS_AN_HOUR))} h {int(seconds % _SECONDS_AN_HOUR // 60)} min"


def share(part: float, whole: float) -> str:
    """A part of a whole: ``12.5 %``."""
    return f"{100 * part / whole:.1f} %" if whole else "0.0 %"
