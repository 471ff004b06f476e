"""Faults as values, the text that names some of them, and the draw that decides who meets which.

A fault strikes at one ``InjectionPoint``: it transforms a genuine answer (or leaves a raw-socket behaviour
on it, ``SimResponse.wire``, for the loopback server to play), changes a page before it is written, adds
fields to records, or changes how the whole run goes. A new one is one value in the module of its
family and one line in ``catalogue.py``.

The draw is a hash of (seed, point, page, attempt) and nothing else, so every client meets the same faults
in any order and at any concurrency, and again in a second run.

Faults are named in text as entries between commas, such as ``F14,F21=0.1,server-error-500=1@3-5``. Each is
``WHICH[=SHARE][@PAGES]``:

- WHICH is a fault's name, or an id of the catalogue. An id stands for those of its faults that a retry
  cures, or for all of them if it cures none.
- SHARE is how much of its tries, pages or logins meet it, from 0 to 1, in equal parts if an id stands for
  several. Without it, faults that a retry cures have the common rate in equal parts, and the others
  are simply on.
- PAGES keeps it to a page or a range, as ``3`` or ``3-7`` or ``3-``.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from enum import Enum
from functools import cached_property, reduce
from math import fsum
from operator import or_
from typing import TYPE_CHECKING

import msgspec

from de_classes.errors import ConfigurationError, InvalidInputError
from de_classes.simulators.messages import SimResponse
from de_classes.simulators.pages import PLAIN, ServedPage, Shape
from de_classes.utils.page_range import parse_pages
from de_classes.utils.values import Mutable, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from de_classes.utils.page_range import PageRange

Genuine = Callable[[], SimResponse]


class InjectionPoint(Enum):
    """Where a fault strikes. At one point at most one of them does; ``RECORDS`` and ``RUN`` take all.

    The values are part of the draw: they never change.
    """

    ANSWER = "fault"  # an answer of /data, drawn for every try
    LOGIN = "login"  # an answer of /login, drawn for every login
    GRANT = "grant"  # the token answer of a login that succeeds
    TOTAL = "total"  # what a page says of totals, the same at every try
    PAGE = "page"  # which records a page holds, the same at every try
    HEADERS = "headers"  # what stands beside a page
    LINK = "link"  # where a page says that the next one is
    RECORDS = "records"  # the records themselves
    RUN = "run"  # tokens and records while time passes

    @property
    def draws(self) -> bool:
        """Whether its faults share the page or the try among them, and so have shares."""
        return self not in {InjectionPoint.RECORDS, InjectionPoint.RUN}

    @property
    def has_pages(self) -> bool:
        """Whether its faults belong to a page."""
        return self.draws and self not in {InjectionPoint.LOGIN, InjectionPoint.GRANT}


PAGE_POINTS = (InjectionPoint.PAGE, InjectionPoint.TOTAL, InjectionPoint.HEADERS, InjectionPoint.LINK)


class FaultParameters(Value):
    """How much of a fault there is, where that can be said.

    Args:
        huge_body_bytes: Size of a huge body, and of a small one once it is unzipped.
        drip_bytes: How many bytes of a dripping answer come one by one.
        drip_seconds: The wait before each of them.
        hang_seconds: How long a login that times out is silent.
        short_token_seconds: The life of short-lived tokens.
        token_uses: How many pages a token opens before it is revoked.
        drift_every: After how many requests for pages the records change again.
        drift_changes: How many changes of each kind there are.
        result_window: How many records a window shows.
    """

    huge_body_bytes: int = 2**30
    drip_bytes: int = 20
    drip_seconds: float = 1.0
    hang_seconds: float = 30.0
    short_token_seconds: int = 2
    token_uses: int = 50
    drift_every: int = 5
    drift_changes: int = 3
    result_window: int = 10_000


class FaultContext(Value):
    """What a fault may look at.

    Args:
        seed: Of the draw.
        page: Asked for, from 1; 0 for a login.
        attempt: The how-manieth try, or the how-manieth login, from 1.
        retry_after: Seconds that a rate limit asks for.
        now: The wall time, in seconds since the epoch.
        host: What the request calls this server, with its port; empty if it does not say.
        parameters: Sizes and times.
        limit: Records a page that are asked for; 0 for a login.
    """

    seed: int
    page: int
    attempt: int
    retry_after: int
    now: float = 0.0
    host: str = ""
    parameters: FaultParameters = msgspec.field(default_factory=FaultParameters)
    limit: int = 0


Play = Callable[[FaultContext, Genuine], SimResponse]
PageTransform = Callable[[FaultContext, ServedPage], ServedPage]
ExtraFields = Callable[[int, int], bytes]  # (index, count) to fields to add, empty for none


class FaultKind(Value, kw_only=True):
    """What every fault has, wherever it strikes.

    Args:
        name: What settings and logs call it.
        catalogue_ids: Where it stands in the fault catalogue, such as ``F01``.
        summary: One sentence for the help.
        point: Where it strikes.
        short: The ending of its override, ``X-Fault-Rate-<short>``; the name by default.
        cured_by_retry: Whether asking again can help, so that it is drawn at a rate; else it is simply on.
        loopback_only: Whether only the loopback server can play it, and no deployed simulator.
        once: Whether a page meets it at its very first try alone, and never again.
        from_page: The first page that can meet it.
        shape: How pages are built where it is switched on.
    """

    name: str
    catalogue_ids: tuple[str, ...]
    summary: str
    point: InjectionPoint = InjectionPoint.ANSWER
    short: str = ""
    cured_by_retry: bool = False
    loopback_only: bool = False
    once: bool = False
    from_page: int = 0
    shape: Shape = PLAIN

    @property
    def override(self) -> str:
        """The ending of the header and the parameter that set its rate for one request."""
        return self.short or self.name


class Fault(FaultKind, kw_only=True):
    """Strikes an answer.

    Args:
        play: Given the context and a way to the genuine answer, the answer to give.
    """

    play: Play


class PageFault(FaultKind, kw_only=True):
    """Changes a page before it is written; holds for the page, whatever the try.

    Args:
        transform: The page to send in place of the genuine one; that one itself where it does not apply.
    """

    transform: PageTransform


class RecordFault(FaultKind, kw_only=True):
    """Adds odd fields to the records; a run must keep them as they are.

    Args:
        fields: Given a record's index from 0 and how many there are, the fields as JSON text without
            braces, or nothing.
    """

    point: InjectionPoint = InjectionPoint.RECORDS
    fields: ExtraFields


class RunFault(FaultKind, kw_only=True):
    """Holds for the whole run, and is played where it belongs."""

    point: InjectionPoint = InjectionPoint.RUN


class FaultRegistry:
    """Every known fault, by name and by catalogue id; their order is the order of the draw.

    Args:
        faults: No two of one name.

    Raises:
        ConfigurationError: A name is taken twice.
    """

    def __init__(self, faults: Sequence[FaultKind]) -> None:
        self._by_name = {fault.name: fault for fault in faults}
        if len(self._by_name) < len(faults):
            raise ConfigurationError("two faults have the same name")

    def __iter__(self) -> Iterator[FaultKind]:
        return iter(self._by_name.values())

    def named(self, name: str) -> FaultKind:
        """The fault of that name.

        Raises:
            ConfigurationError: There is none; the message names the nearest.
        """
        if name not in self._by_name:
            raise ConfigurationError(f"no fault is named {name[:40]!r}{self._hint(name)}")
        return self._by_name[name]

    def numbered(self, catalogue_id: str) -> tuple[FaultKind, ...]:
        """The faults that stand for one row of the catalogue; empty if none does."""
        return tuple(fault for fault in self if catalogue_id in fault.catalogue_ids)

    def _hint(self, name: str) -> str:
        import difflib  # noqa: PLC0415 - needed only when a name is already wrong

        ids = {each for fault in self for each in fault.catalogue_ids}
        nearest = difflib.get_close_matches(name, [*self._by_name, *sorted(ids)], n=1, cutoff=0.5)
        return f": did you mean {nearest[0]!r}?" if nearest else "; simulate --list-faults lists them all"


_MANTISSA_BITS = 53
_ROUNDING = 1e-9


class FaultPlan(Value, dict=True):
    """How often what goes wrong, in Python; ``SimulatorServer(faults=...)`` takes the same as a text.

    Example:
        >>> from de_classes.simulators.catalogue import CATALOGUE
        >>> plan = FaultPlan(CATALOGUE, {"server-error-500": 0.5, "empty-page": 0.1}, seed=7)
        >>> [fault.name if fault else "ok" for fault in (plan.draw(1, attempt) for attempt in (1, 2, 3))]
        ['ok', 'server-error-500', 'server-error-500']

    Args:
        registry: The faults there are.
        rates: Fault name to its share of tries, logins or pages, 0 to 1; at one point together at most 1.
            A fault that holds for the run is on at 1.
        seed: Repeats a run exactly.
        retry_after: Seconds that a rate limit asks for.
        jitter: The longest delay of an answer, in seconds; drawn evenly from 0.
        pages: Fault name to the pages it keeps to; a fault that is not named keeps to none.
        parameters: Sizes and times of faults.

    Raises:
        ConfigurationError: A name is unknown, or the rates leave the range.
    """

    registry: FaultRegistry
    rates: Mapping[str, float] = msgspec.field(default_factory=dict)
    seed: int = 0
    retry_after: int = 1
    jitter: float = 0.0
    pages: Mapping[str, Sequence[PageRange]] = msgspec.field(default_factory=dict)
    parameters: FaultParameters = msgspec.field(default_factory=FaultParameters)

    def __post_init__(self) -> None:
        for name in (*self.rates, *self.pages):
            self.registry.named(name)
        if problem := self._problem():
            raise ConfigurationError(problem)

    def draw(self, page: int, attempt: int) -> FaultKind | None:
        """The fault that this try for this page meets, or None."""
        return self.strike(InjectionPoint.ANSWER, page, attempt)

    def strike(self, point: InjectionPoint, page: int, attempt: int = 0) -> FaultKind | None:
        """The fault that strikes there, or None.

        Args:
            point: Where.
            page: The page, or 0 for a login.
            attempt: The try or the login, from 1; 0 where it does not matter.
        """
        active = self._active[point]
        if not active:
            return None
        drawn = uniform(self.seed, point.value, page, attempt)
        for fault in active:
            drawn -= self._rate_at(fault, page)
            if drawn < 0:
                return fault
        return None

    def at(self, point: InjectionPoint) -> tuple[FaultKind, ...]:
        """The faults that may strike there."""
        return self._active[point]

    def has(self, fault: FaultKind) -> bool:
        """Whether it may strike at all."""
        return self.rates.get(fault.name, 0.0) > 0

    def delay(self, page: int, attempt: int) -> float:
        """Seconds that this answer takes."""
        return self.jitter * uniform(self.seed, "jitter", page, attempt) if self.jitter else 0.0

    def context(
        self, page: int, attempt: int, *, now: float = 0.0, host: str = "", limit: int = 0
    ) -> FaultContext:
        """What a fault of this plan may look at."""
        return FaultContext(self.seed, page, attempt, self.retry_after, now, host, self.parameters, limit)

    @cached_property
    def shape(self) -> Shape:
        """How pages are built under the faults that may strike."""
        return reduce(or_, (fault.shape for each in self._active.values() for fault in each), Shape())

    @cached_property
    def _active(self) -> dict[InjectionPoint, tuple[FaultKind, ...]]:
        active = [fault for fault in self.registry if self.has(fault)]
        return {point: tuple(fault for fault in active if fault.point is point) for point in InjectionPoint}

    def _rate_at(self, fault: FaultKind, page: int) -> float:
        kept_to = self.pages.get(fault.name)
        applies = page >= fault.from_page and (kept_to is None or any(page in each for each in kept_to))
        return self.rates[fault.name] if applies else 0.0

    def _problem(self) -> str | None:
        # Where the sum of shares can be largest: on the first page of a range, or outside all of them.
        starts = {each.start for ranges in self.pages.values() for each in ranges}
        corners = {0, *starts, *(fault.from_page for each in self._active.values() for fault in each)}
        problems = (
            rates_problem({fault.name: self._rate_at(fault, page) for fault in self._active[point]})
            for point in InjectionPoint
            if point.draws
            for page in corners
        )
        return _out_of_range(self.rates.values()) or next(filter(None, problems), None)


def rates_problem(rates: Mapping[str, float]) -> str | None:
    """What is wrong with the rates taken together, if anything."""
    if problem := _out_of_range(rates.values()):
        return problem
    total = fsum(rates.values())
    if total <= 1 + _ROUNDING:
        return None
    return f"the fault rates add up to {total:g}, more than 1: {', '.join(rates)}"


def uniform(seed: int, label: str, page: int, attempt: int) -> float:
    """A number from 0 up to 1, the same for the same arguments on every machine and version."""
    digest = hashlib.blake2b(f"{seed}|{label}|{page}|{attempt}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest) >> (64 - _MANTISSA_BITS)) * 2.0**-_MANTISSA_BITS


def _out_of_range(rates: Iterable[float]) -> str | None:
    inside = all(0 <= rate <= 1 for rate in rates)
    return None if inside else "every fault rate must lie between 0 and 1"


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
        rivals = sum(fault.point is each.point for each in self.faults)
        return share / rivals if fault.point.draws else share


def parse_switches(text: str, registry: FaultRegistry, rate: float) -> Switches:
    """Read a list of faults.

    Args:
        text: Entries between commas; empty for none.
        registry: The faults there are.
        rate: The common rate of those that a retry cures, for each point.

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
    sharers = Counter(fault.point for entry, fault in pairs if entry.is_common(fault))
    for entry, fault in pairs:
        common = rate / sharers[fault.point] if entry.is_common(fault) else None
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
    if entry.pages and not all(fault.point.has_pages for fault in entry.faults):
        return f"{which} belongs to no page: leave out what is behind the @"
    if entry.share not in {None, 0.0, 1.0} and not all(fault.point.draws for fault in entry.faults):
        return f"{which} holds for the whole run: give it no share"
    return None
