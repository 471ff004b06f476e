"""How much more than its reference this library may take: the one place where that is said.

A bound is on the median of ratios within a round, never on seconds. Each is the ratio that was measured,
times 1.25; that of wall times is the same as that of processor times, which they follow on one core without
latency where nobody else is at work. A bound is made smaller when the library is made better, and never
larger without saying why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from benchmarks.cases import SHORT_CASES
from benchmarks.contestants import DESCRIBED, OURS

if TYPE_CHECKING:
    from benchmarks.figures import Benchmark, Line


class Bound(NamedTuple):
    """The largest ratios to the reference that are let pass.

    Attributes:
        wall: Of seconds from start to end.
        cpu: Of seconds of processor.
        peak: Of memory at most.
    """

    wall: float
    cpu: float
    peak: float


BOUNDS = {
    # 1.5 until pyarrow's script wrote dictionaries only where they help: 1.29 and 1.44 were measured then.
    # 1.7 until Arrow's own reader took pages in place of one of ours that knew flat records alone: plain ones
    # cost a tenth more, and all else that people have half of it (`benchmarks.shapes`). 1.62 was measured.
    "200k": Bound(wall=1.95, cpu=1.95, peak=0.6),
    # 2.0 until an answer's charset, what stands beside its records, and a checksum were looked at (F63, F83,
    # F95): some microseconds a page, which are a tenth of a small one. 1.58 and 1.85 were measured.
    "small-pages": Bound(wall=2.3, cpu=2.3, peak=0.55),
    # 4.3 until every page's text had a checksum (F95) and its numbers were looked at for digits (F91): a
    # tenth more of the processor, beside a reference that only cuts lines.
    "200k-jsonl": Bound(wall=4.7, cpu=4.7, peak=2.5),
    # A described source is found by each page's way on, so that its wall time has every answer's in it. Where
    # pages are of a hundred records, behind a Link header, 1.15 and 1.41 of the processor were measured.
    **{case.name: Bound(wall=1.9, cpu=1.8, peak=1.1) for case in SHORT_CASES if case.mimic},
}
"""Case of the short form to its bound."""


def broken(benchmark: Benchmark) -> list[str]:
    """What must not be, a sentence each: rows that are wrong, and ratios above their bound."""
    cases = (case for case in BOUNDS if any(run.case == case for run in benchmark.runs))
    return [
        sentence
        for case in cases
        for line in benchmark.lines(case)
        for sentence in _of(benchmark, case, line)
    ]


def _of(benchmark: Benchmark, case: str, line: Line) -> list[str]:
    if line.wrong:
        return [f"{case}: {line.client}: {line.wrong}"]
    if not line.wall_ratio:
        return [f"{case}: there is no run of {benchmark.references[case]} to compare with"]
    return _above(case, line) if line.client in (OURS, DESCRIBED) else []


def _above(case: str, line: Line) -> list[str]:
    measured = Bound(line.wall_ratio, line.cpu_ratio, line.peak_ratio)
    return [
        f"{case}: {name} is {ratio:.2f} times the reference's, and may be {most:.2f}"
        for name, ratio, most in zip(Bound._fields, measured, BOUNDS[case], strict=True)
        if ratio > most
    ]
