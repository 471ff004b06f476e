"""Faults switched on by name or id, such as ``F14,F21=0.1,server-error-500=1@3-5``.

Each entry is ``WHICH[=SHARE][@PAGES]``:

- WHICH is a fault's name, or an id of the catalogue. An id stands for those of its faults that a retry
  cures, or for all of them if it cures none.
- SHARE is how much of its tries, pages or logins meet it, from 0 to 1, in equal parts if an id stands for
  several. Without it, faults that a retry cures have the common rate in equal parts, and the others
  are simply on.
- PAGES keeps it to a page or a range, as ``3`` or ``3-7`` or ``3-``.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from de_classes.errors import ConfigurationError, InvalidInputError
from de_classes.utils.page_range import parse_pages
from de_classes.utils.values import Mutable, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from de_classes.simulators.fault_kinds import FaultKind, FaultRegistry
    from de_classes.utils.page_range import PageRange

_ENTRY = re.compile(r"\s*([A-Za-z0-9-]+)\s*(?:=\s*([0-9.]+)\s*)?(?:@\s*([0-9-]+)\s*)?", re.ASCII)
_ID = re.compile(r"[Ff][0-9]{2,3}", re.ASCII)
_FORM = "WHICH[=SHARE][@PAGES], such as F14 or empty-page=0.1 or server-error-500=1@3-5"


class Switches(Mutable):
    """What was switched on.

    Args:
        rates: Fault name to its share.
        pages: Fault name to the pages it keeps to.
    """

    rates: dict[str, float] = msgspec.field(default_factory=dict)
    pages: dict[str, list[PageRange]] = msgspec.field(default_factory=dict)


class _Entry(Value):
    faults: tuple[FaultKind, ...]
    share: float | None
    pages: PageRange | None

    def is_common(self, fault: FaultKind) -> bool:
        """Whether the fault has its part of the common rate."""
        return fault.cured_by_retry and self.share is None

    def own_share(self, fault: FaultKind) -> float:
        """The fault's part of this entry's share, or of everything."""
        share = 1.0 if self.share is None else self.share
        rivals = sum(fault.site is each.site for each in self.faults)
        return share / rivals if fault.site.draws else share


def parse_switches(text: str, registry: FaultRegistry, rate: float) -> Switches:
    """Read a list of faults.

    Args:
        text: Entries between commas; empty for none.
        registry: The faults there are.
        rate: The common rate of those that a retry cures, for each site.

    Raises:
        ConfigurationError: Its ``problems`` name every entry that is wrong.
    """
    problems: list[str] = []
    entries: list[_Entry] = []
    for each in filter(str.strip, text.split(",")):
        try:
            entries.append(_entry(each, registry))
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError("; ".join(problems), problems=problems)
    return _switched(entries, rate)


def _switched(entries: Sequence[_Entry], rate: float) -> Switches:
    switches = Switches()
    pairs = [(entry, fault) for entry in entries for fault in entry.faults]
    sharers = Counter(fault.site for entry, fault in pairs if entry.is_common(fault))
    for entry, fault in pairs:
        common = rate / sharers[fault.site] if entry.is_common(fault) else None
        switches.rates[fault.name] = entry.own_share(fault) if common is None else common
        if entry.pages:
            switches.pages.setdefault(fault.name, []).append(entry.pages)
    return switches


def _entry(text: str, registry: FaultRegistry) -> _Entry:
    match = _ENTRY.fullmatch(text)
    if match is None:
        raise ConfigurationError(f"{text.strip()[:40]!r} is no fault: write {_FORM}")
    which, share, pages = match.groups()
    faults = _faults(which, registry)
    entry = _Entry(faults, _share(which, share), _pages(which, pages))
    if problem := _misfit(which, entry):
        raise ConfigurationError(problem)
    return entry


def _faults(which: str, registry: FaultRegistry) -> tuple[FaultKind, ...]:
    faults = registry.numbered(which.upper()) if _ID.fullmatch(which) else ()
    if not faults:
        return (registry.named(which),)
    return tuple(fault for fault in faults if fault.cured_by_retry) or faults


def _share(which: str, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ConfigurationError(f"{which}: its share must be from 0 to 1, but is {text[:20]!r}")
    return share


def _pages(which: str, text: str | None) -> PageRange | None:
    if text is None:
        return None
    try:
        return parse_pages(text)
    except InvalidInputError as error:
        raise ConfigurationError(f"{which}: {error}") from error


def _misfit(which: str, entry: _Entry) -> str | None:
    if entry.pages and not all(fault.site.has_pages for fault in entry.faults):
        return f"{which} belongs to no page: leave out what is behind the @"
    if entry.share not in {None, 0.0, 1.0} and not all(fault.site.draws for fault in entry.faults):
        return f"{which} holds for the whole run: give it no share"
    return None
