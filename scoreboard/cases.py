"""What every client is put through: each fault that pages over HTTP can meet, two mixes of them, and none."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from de_classes.errors import InvalidInputError
from de_classes.simulators.catalogue import CATALOGUE
from de_classes.simulators.faults import InjectionPoint
from de_classes.simulators.pages import TOTAL_PAGES
from de_classes.simulators.settings import SimulatorSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from de_classes.simulators.faults import FaultKind, FaultPlan

RECORDS, PAGE_RECORDS = 40, 5
PAGES = RECORDS // PAGE_RECORDS
RATE = 0.25
ONE_PAGE = 4
TIMES_RUNNING = 6
MEBIBYTE = 1024 * 1024

NONE = "nothing"
MIX = "mix"
SIX_TIMES = "one-page-six-times"
_MIXED = "server-error-500,rate-limit-429,short-body,truncated-gzip,html-page,empty-page"
# What changes without a trace: that records are counted up to a window alone, no client can know that is not
# told of it; and records that are exchanged within pages are seen by who reads every page twice.
WITHOUT_A_TRACE = frozenset({"window-counts", "records-swapped"})
# Where no client can bring all rows, or none can know that it has: to say so is the right outcome.
_REFUSALS = frozenset(
    {
        "bad-request-400",
        "not-found-404",
        "unprocessable-422",
        "forbidden-403",
        "wrong-password",
        "token-missing",
        "token-null",
        "token-empty",
        "redirect-elsewhere",
        "login-redirect-elsewhere",
        "retry-after-huge",
        "huge-body",
        "gzip-bomb",
        "empty-page-always",
        "same-page",
        "total-shrinks",
        "total-null",
        "total-negative",
        "total-float",
        "total-absent",
        "nan",
        "float-overflow",
        "lone-surrogate",
        "duplicate-keys",
        "pages-from-zero",
        "page-ignored",
        "total-endless",
        "window-refuses",
        "records-repeated",
        "partial-206",
        "not-modified-304",
        "zstd-unasked",
        "records-elsewhere",
        "array-page",
        "xml-page",
        "terminal-codes",
    }
)
# A token that lives for two seconds is only met by a run that takes longer.
_SLOW = {"short-token": 2.0}


@dataclass(frozen=True)
class Case:
    """One run's trouble.

    Attributes:
        name: Of the fault or the mix.
        ids: Of the catalogue; empty for a mix.
        faults: As ``simulate --faults`` takes them.
        seed: Of the draw; every client meets the same.
    """

    name: str
    ids: tuple[str, ...]
    faults: str
    seed: int

    @property
    def settings(self) -> SimulatorSettings:
        """The server's: time is real here, so what waits is short."""
        return SimulatorSettings(
            seed=self.seed,
            faults=self.faults,
            fault_rate=RATE,
            total_records=RECORDS,
            jitter_seconds=_SLOW.get(self.name, 0),
            retry_after_seconds=1,
            hang_seconds=3,
            drip_bytes=10,
            drip_seconds=0.2,
            huge_body_bytes=96 * MEBIBYTE,
            short_token_seconds=2,
            token_uses=5,
            drift_every=2,
            result_window=RECORDS // 2,
        )

    @property
    def states_pages(self) -> bool:
        """Whether pages say how many there are; where they do not, every client is told so."""
        return TOTAL_PAGES not in self.settings.plan().shape.hides


def wants_refusal(name: str) -> bool:
    """Whether to say "this is not complete" is as right, in the case of that name, as to bring every row."""
    return name in _REFUSALS


def is_case(fault: FaultKind) -> bool:
    """Whether clients that count pages can meet it: those follow no link."""
    return (
        fault.point is not InjectionPoint.LINK and not fault.shape.links and fault.name not in WITHOUT_A_TRACE
    )


def cases(wanted: Iterable[str] = (), *, seeds: int = 1) -> list[Case]:
    """Every case, or those of the wanted names and catalogue ids, each with so many seeds.

    Raises:
        InvalidInputError: A name is no case.
    """
    families = {family.name: family for family in _families()}
    names = list(dict.fromkeys(itertools.chain.from_iterable(_named(each, families) for each in wanted)))
    return [case for name in names or families for case in families[name].cases(seeds)]


@dataclass(frozen=True)
class _Family:
    name: str
    ids: tuple[str, ...]
    faults: str
    shows: Callable[[FaultPlan], bool]

    def cases(self, seeds: int) -> Iterator[Case]:
        """With the first seeds under which the fault shows as it is meant to."""
        every = (Case(self.name, self.ids, self.faults, seed) for seed in itertools.count())
        return itertools.islice((case for case in every if self.shows(case.settings.plan())), seeds)


def _named(wanted: str, families: dict[str, _Family]) -> list[str]:
    found = [name for name, family in families.items() if wanted == name or wanted.upper() in family.ids]
    if not found:
        raise InvalidInputError(f"{wanted!r} is no case: give a fault's name or id, {MIX} or {SIX_TIMES}")
    return found


def _families() -> Iterator[_Family]:
    yield _Family(NONE, (), "server-error-500=0", lambda _: True)
    for fault in CATALOGUE:
        if is_case(fault):
            yield _Family(fault.name, fault.catalogue_ids, *_spell(fault))
    yield _Family(SIX_TIMES, (), f"server-error-500=0.8@{ONE_PAGE}", _six_times)
    yield _Family(MIX, (), _MIXED, _mixed)


def _spell(fault: FaultKind) -> tuple[str, Callable[[FaultPlan], bool]]:
    """How the fault is switched on, and when a seed shows it."""
    if fault.point is InjectionPoint.LOGIN and fault.cured_by_retry:
        return f"{fault.name}={RATE}", lambda plan: _strikes(plan, InjectionPoint.LOGIN, 0, 1) == {1}
    if fault.point is InjectionPoint.ANSWER and fault.cured_by_retry:
        return fault.name, _in_the_middle
    if fault.point is InjectionPoint.ANSWER or fault.name == "empty-page-always":
        return f"{fault.name}=1@{ONE_PAGE}", lambda _: True
    return fault.name, lambda _: True


def _in_the_middle(plan: FaultPlan) -> bool:
    """One or two pages are struck at the first try, neither the first nor the last of all."""
    struck = {page for page in range(1, PAGES + 2) if plan.draw(page, 1)}
    return 1 <= len(struck) <= 2 and struck <= {*range(2, PAGES)}  # noqa: PLR2004 - as it says


def _mixed(plan: FaultPlan) -> bool:
    """Three kinds of trouble at the first tries."""
    kinds = {fault.name for page in range(1, PAGES + 1) if (fault := plan.draw(page, 1))}
    return len(kinds) == 3  # noqa: PLR2004 - as it says


def _six_times(plan: FaultPlan) -> bool:
    return _strikes(plan, InjectionPoint.ANSWER, ONE_PAGE, TIMES_RUNNING) == {*range(1, TIMES_RUNNING + 1)}


def _strikes(plan: FaultPlan, point: InjectionPoint, page: int, tries: int) -> set[int]:
    """Which of the first tries are struck; one more than asked for must not be."""
    return {attempt for attempt in range(1, tries + 2) if plan.strike(point, page, attempt)}
