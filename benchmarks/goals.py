"""What this library is to reach, as ratios within one run, and whether it does.

The goals are stated in ``GOALS``, and nowhere else. A ratio is taken within each round, of one case or of two
that take turns, and the worst round is held to the goal. Where two cases share no round, as those of other
sizes, it is the ratio of their medians. A run that failed or brought wrong rows counts for nothing: if it is
this library's, the goal is not reached.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.cases import FORMATS, shape
from benchmarks.contestants import (
    AIRBYTE,
    CSV,
    DLT_ARROW,
    DLT_DEFAULTS,
    JSONL,
    NAIVE,
    OURS,
    PARQUET,
    SLICES,
    P,
)
from benchmarks.kinds import PLAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchmarks.figures import Benchmark

FAILING = ("failing", "failing-2", "failing-3")
_MEGABYTE = 1e6


class State(StrEnum):
    """How a goal stands."""

    STRETCH = "reached, and the stretch"
    REACHED = "reached"
    NOT_REACHED = "not reached"
    WRONG = "not reached: rows are wrong"
    NOT_MEASURED = "not measured"


class Figure(NamedTuple):
    """One of the figures of a client's runs of a case.

    Attributes:
        case: Its name.
        client: The client's.
        of: ``wall``, ``cpu`` or ``peak``.
    """

    case: str
    client: str
    of: str

    def by_round(self, benchmark: Benchmark) -> dict[int, float]:
        """The figure in every round whose rows are right."""
        return {run.round: getattr(run, self.of) for run in benchmark.right(self.case, self.client)}


@dataclass(frozen=True)
class Goal:
    """One of them.

    Attributes:
        what: Is measured, in words.
        bound: What the figure is to be.
        measure: Makes the figures, of each round; empty if a run that it takes is not there.
        cases: From which it is made.
        stretch: What would be better still; 0 if nothing is asked for.
        is_least: Whether the bound is a least, in place of a most.
    """

    what: str
    bound: float
    measure: Callable[[Benchmark], list[float]]
    cases: tuple[str, ...]
    stretch: float = 0.0
    is_least: bool = False

    def reached(self, measured: float, bound: float) -> bool:
        """Whether a figure is on the right side of a bound."""
        return measured >= bound if self.is_least else measured <= bound

    def worst(self, measured: list[float]) -> float:
        """The figure that is furthest from what is wanted."""
        return min(measured) if self.is_least else max(measured)


class Outcome(NamedTuple):
    """How one goal stands.

    Attributes:
        goal: The goal.
        measured: Of each round; empty if it was not.
        state: In a word: the worst round counts.
    """

    goal: Goal
    measured: list[float]
    state: State

    @property
    def worst(self) -> float:
        """The round that says least for this library."""
        return self.goal.worst(self.measured)


def outcomes(benchmark: Benchmark) -> list[Outcome]:
    """Every goal, and how it stands."""
    measured = [goal.measure(benchmark) for goal in GOALS]
    return [
        Outcome(goal, figure, _state(benchmark, goal, figure))
        for goal, figure in zip(GOALS, measured, strict=True)
    ]


def _state(benchmark: Benchmark, goal: Goal, measured: list[float]) -> State:
    if any(run.wrong for run in benchmark.runs if run.case in goal.cases and run.client == OURS):
        return State.WRONG
    if not measured:
        return State.NOT_MEASURED
    worst = goal.worst(measured)
    if goal.stretch and goal.reached(worst, goal.stretch):
        return State.STRETCH
    return State.REACHED if goal.reached(worst, goal.bound) else State.NOT_REACHED


def ratios(benchmark: Benchmark, one: Figure, other: Figure) -> list[float]:
    """One figure over the other, round by round; empty where there are no two to compare."""
    ones, others = one.by_round(benchmark), other.by_round(benchmark)
    if not (ones and others):
        return []
    if not benchmark.share_rounds(one.case, other.case):
        return [statistics.median(ones.values()) / statistics.median(others.values())]
    return [ones[each] / others[each] for each in sorted(ones.keys() & others.keys())]


def all_ratios(benchmark: Benchmark, pairs: Sequence[tuple[Figure, Figure]]) -> list[float]:
    """Those of several pairs; empty unless there are some of each."""
    found = [ratios(benchmark, one, other) for one, other in pairs]
    return [each for measured in found for each in measured] if all(found) else []


def megabytes(benchmark: Benchmark, case: str) -> list[float]:
    """The memory that this library took in a case."""
    return [run.peak / _MEGABYTE for run in benchmark.right(case, OURS)]


def beside_forecast(benchmark: Benchmark, case: str) -> list[float]:
    """That memory over what the run's own forecast had said."""
    return [run.peak / run.foretold for run in benchmark.right(case, OURS) if run.foretold]


def requests_beyond(benchmark: Benchmark, cases: tuple[str, ...]) -> list[float]:
    """This library's requests beyond the fewest that would do, and beyond those that its proof may take.

    Empty unless it ran in every case. A proof may take one request in a hundred, and five where that is more.
    """
    runs = [benchmark.right(case, OURS) for case in cases]
    beyond = [run.requests - run.least - max(5, run.least // 100) for each in runs for run in each]
    return [float(max(each, 0)) for each in beyond] if all(runs) else []


def _beside(case: str, reference: str, of: str, bound: float, stretch: float) -> Goal:
    ours, other = Figure(case, OURS, of), Figure(case, reference, of)
    what = f"{case}: {_OF[of]} beside {reference}"
    return Goal(what, bound, lambda benchmark: ratios(benchmark, ours, other), (case,), stretch)


def _faster(case: str, client: str, bound: float, stretch: float = 0.0) -> Goal:
    ours, other = Figure(case, OURS, "wall"), Figure(case, client, "wall")
    what = f"{case}: times as fast as {client}"
    return Goal(
        what, bound, lambda benchmark: ratios(benchmark, other, ours), (case,), stretch, is_least=True
    )


def _beside_plain(what: str, pairs: Sequence[tuple[str, str]], bound: float, stretch: float) -> Goal:
    """Processor time of cases beside that of plain ones, of all of them together."""
    figures = [(Figure(one, OURS, "cpu"), Figure(plain, OURS, "cpu")) for one, plain in pairs]
    cases = tuple(dict.fromkeys(case for pair in pairs for case in pair))
    what = f"{what}: processor time beside plain"
    return Goal(what, bound, lambda benchmark: all_ratios(benchmark, figures), cases, stretch)


def _shape(name: str, formats: Iterable[str]) -> list[tuple[str, str]]:
    return [(shape(each, name), shape(each, PLAIN)) for each in formats]


def _two_cores() -> Goal:
    two, one = Figure("1M-2-cores", OURS, "wall"), Figure("1M", OURS, "wall")
    what = "1M: wall time on two cores beside one"
    return Goal(what, 0.85, lambda benchmark: ratios(benchmark, two, one), (two.case, one.case), 0.7)


def _at_once() -> Goal:
    one, many = Figure("50ms-1", OURS, "wall"), Figure("50ms-32", OURS, "wall")
    what = "50ms: times as fast with 32 at once as one at a time"
    cases = (one.case, many.case)
    return Goal(what, 10, lambda benchmark: ratios(benchmark, one, many), cases, 13, is_least=True)


def _flat() -> Goal:
    many, few = Figure("10M", OURS, "peak"), Figure("100k", OURS, "peak")
    what = "10M: peak memory beside that of 100k"
    return Goal(what, 1.1, lambda benchmark: ratios(benchmark, many, few), (many.case, few.case))


def _foretold(case: str) -> Goal:
    what = f"{case}: peak memory beside the forecast's"
    return Goal(what, 1.0, lambda benchmark: beside_forecast(benchmark, case), (case,))


_OF = {"wall": "wall time", "cpu": "processor time", "peak": "peak memory"}
_TABULAR = (PARQUET, CSV)
GOALS = (
    _beside("1M", P, "cpu", 1.15, 0.9),
    _beside_plain("keyed, 60,000 to Parquet and CSV", _shape("keyed", _TABULAR), 1.3, 1.15),
    _beside_plain("keyed, 1M to Parquet and CSV", [("keyed", "1M"), ("keyed-csv", "csv")], 1.8, 1.4),
    _beside_plain("keyed, 60,000 to JSON Lines", _shape("keyed", (JSONL,)), 2.0, 1.5),
    _beside_plain("keyed, 1M to JSON Lines", [("keyed-jsonl", "jsonl")], 2.0, 1.5),
    _beside_plain("pinned", _shape("pinned", FORMATS), 1.2, 1.0),
    _beside("nested", P, "cpu", 1.1, 0.9),
    _beside_plain("one late column", _shape("late", FORMATS), 1.4, 1.2),
    _beside_plain("one mixed column", _shape("mixed", FORMATS), 1.4, 1.2),
    _beside("small-pages", P, "cpu", 1.25, 1.0),
    _beside("jsonl", SLICES, "cpu", 2.8, 2.2),
    _beside("csv", P, "cpu", 1.3, 1.0),
    _beside("start", P, "cpu", 1.2, 0.9),
    _two_cores(),
    _foretold("pages-100k"),
    _foretold("columns-1000"),
    _beside("s3", P, "cpu", 1.3, 1.1),
    _at_once(),
    _faster("1M", DLT_ARROW, 2, 2.6),
    _faster("1M", NAIVE, 2, 2.6),
    _faster("1M", "dlt, tuned", 8, 10),
    _faster("1M", AIRBYTE, 10, 12),
    _faster("1M", DLT_DEFAULTS, 13, 16),
    _faster("1M", "singer", 13, 16),
    _flat(),
    Goal("10M: peak memory, MB", 160, lambda benchmark: megabytes(benchmark, "10M"), ("10M",), 70),
    Goal(
        "failing, every seed: requests beyond the fewest that would do and those for proof",
        0,
        lambda benchmark: requests_beyond(benchmark, FAILING),
        FAILING,
    ),
    _faster("failing", DLT_DEFAULTS, 50),
)
"""Each of them, the most important first."""
