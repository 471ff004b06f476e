"""How often what goes wrong, and the draw."""

from __future__ import annotations

import hashlib
from functools import cached_property, reduce
from math import fsum
from operator import or_
from typing import TYPE_CHECKING

import msgspec

from de_classes.errors import ConfigurationError
from de_classes.simulators.fault_kinds import Dials, Fault, FaultContext, FaultRegistry, Site
from de_classes.simulators.pages import Shape
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from de_classes.simulators.fault_kinds import FaultKind
    from de_classes.utils.page_range import PageRange

__all__ = ["Dials", "Fault", "FaultPlan", "FaultRegistry", "Site", "rates_problem", "uniform"]

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
        rates: Fault name to its share of tries, logins or pages, 0 to 1; at one site together at most 1.
            A fault that holds for the run is on at 1.
        seed: Repeats a run exactly.
        retry_after: Seconds that a rate limit asks for.
        jitter: The longest delay of an answer, in seconds; drawn evenly from 0.
        pages: Fault name to the pages it keeps to; a fault that is not named keeps to none.
        dials: Sizes and times of faults.

    Raises:
        ConfigurationError: A name is unknown, or the rates leave the range.
    """

    registry: FaultRegistry
    rates: Mapping[str, float] = msgspec.field(default_factory=dict)
    seed: int = 0
    retry_after: int = 1
    jitter: float = 0.0
    pages: Mapping[str, Sequence[PageRange]] = msgspec.field(default_factory=dict)
    dials: Dials = msgspec.field(default_factory=Dials)

    def __post_init__(self) -> None:
        for name in (*self.rates, *self.pages):
            self.registry.named(name)
        if problem := self._problem():
            raise ConfigurationError(problem)

    def draw(self, page: int, attempt: int) -> FaultKind | None:
        """The fault that this try for this page meets, or None."""
        return self.strike(Site.ANSWER, page, attempt)

    def strike(self, site: Site, page: int, attempt: int = 0) -> FaultKind | None:
        """The fault that strikes there, or None.

        Args:
            site: Where.
            page: The page, or 0 for a login.
            attempt: The try or the login, from 1; 0 where it does not matter.
        """
        active = self._active[site]
        if not active:
            return None
        point = uniform(self.seed, site.value, page, attempt)
        for fault in active:
            point -= self._rate_at(fault, page)
            if point < 0:
                return fault
        return None

    def at(self, site: Site) -> tuple[FaultKind, ...]:
        """The faults that may strike there."""
        return self._active[site]

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
        return FaultContext(self.seed, page, attempt, self.retry_after, now, host, self.dials, limit)

    @cached_property
    def shape(self) -> Shape:
        """How pages are built under the faults that may strike."""
        return reduce(or_, (fault.shape for each in self._active.values() for fault in each), Shape())

    @cached_property
    def _active(self) -> dict[Site, tuple[FaultKind, ...]]:
        active = [fault for fault in self.registry if self.has(fault)]
        return {site: tuple(fault for fault in active if fault.site is site) for site in Site}

    def _rate_at(self, fault: FaultKind, page: int) -> float:
        kept_to = self.pages.get(fault.name)
        applies = page >= fault.from_page and (kept_to is None or any(page in each for each in kept_to))
        return self.rates[fault.name] if applies else 0.0

    def _problem(self) -> str | None:
        # Where the sum of shares can be largest: on the first page of a range, or outside all of them.
        starts = {each.start for ranges in self.pages.values() for each in ranges}
        corners = {0, *starts, *(fault.from_page for each in self._active.values() for fault in each)}
        problems = (
            rates_problem({fault.name: self._rate_at(fault, page) for fault in self._active[site]})
            for site in Site
            if site.draws
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
