"""What came of the runs: what is written down, and what is made of it."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from msgspec import Struct, json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Run(Struct, frozen=True, kw_only=True):
    """One run of one client.

    Attributes:
        case: The case's name.
        client: The client's.
        round: From 1.
        wall: Seconds from its start to its end, as a process.
        cpu: Seconds of processor, of all its processes.
        peak: Bytes of memory at most, of its largest process.
        requests: That the API saw.
        least: The fewest that would have done.
        server_cpu: Seconds of processor that the API took.
        rows: That were read back from its output, and compared with the source's; -1 if it keeps none.
        wrong: What is wrong: a failure, or rows lost, doubled, foreign or changed; empty if nothing is.
    """

    case: str
    client: str
    round: int
    wall: float
    cpu: float
    peak: int
    requests: int
    least: int
    server_cpu: float
    rows: int
    wrong: str = ""


class Line(Struct, frozen=True, kw_only=True):
    """What a client's rounds of a case come to: medians, and ratios to the reference; 0 where there is none.

    Attributes:
        client: Its name.
        rounds: How many.
        wall: Seconds, median.
        cpu: Seconds, median.
        peak: Bytes, the most of all rounds.
        requests: Of those that were needed, a factor; the most of all rounds.
        wall_ratio: To the reference's in the same round, median.
        cpu_ratio: Likewise.
        peak_ratio: Likewise.
        wall_spread: The least and the most of the rounds' ratios.
        cpu_spread: Likewise.
        headroom: How many times as fast the API could have answered, at least.
        rows: Verified.
        wrong: What was wrong in the first round where something was.
    """

    client: str
    rounds: int
    wall: float
    cpu: float
    peak: int
    requests: float
    wall_ratio: float
    cpu_ratio: float
    peak_ratio: float
    wall_spread: tuple[float, float]
    cpu_spread: tuple[float, float]
    headroom: float
    rows: int
    wrong: str


FAILED = "exit status"
"""What is wrong with a run that did not end well begins so."""


class Benchmark(Struct, frozen=True, kw_only=True):
    """All figures of one run of the whole.

    Attributes:
        date: When, as YYYY-MM-DD.
        machine: Its processor, how many cores, and its system.
        load: Its load average before and after, which ought to be about 0 before.
        cores: The clients' core, then those of the API and all else; empty if they share one.
        versions: Client to package to version.
        references: Case to the client that its ratios are to.
        runs: One by one, in order.
    """

    date: str
    machine: str
    load: tuple[float, float]
    cores: tuple[int, ...]
    versions: dict[str, dict[str, str]]
    references: dict[str, str]
    runs: list[Run]

    def lines(self, case: str) -> list[Line]:
        """What every client's rounds of a case come to, in order."""
        runs = [run for run in self.runs if run.case == case]
        by_client: dict[str, list[Run]] = {}
        for run in runs:
            by_client.setdefault(run.client, []).append(run)
        reference = {run.round: run for run in by_client.get(self.references[case], [])}
        return [_line(client, each, reference) for client, each in by_client.items()]


def _line(client: str, runs: list[Run], reference: dict[int, Run]) -> Line:
    pairs = [(run, reference[run.round]) for run in runs if run.round in reference]
    walls, cpus, peaks = (
        [getattr(one, figure) / getattr(other, figure) for one, other in pairs]
        for figure in ("wall", "cpu", "peak")
    )
    return Line(
        client=client,
        rounds=len(runs),
        wall=statistics.median(run.wall for run in runs),
        cpu=statistics.median(run.cpu for run in runs),
        peak=max(run.peak for run in runs),
        requests=max(run.requests / run.least for run in runs),
        wall_ratio=median_ratio(walls),
        cpu_ratio=median_ratio(cpus),
        peak_ratio=median_ratio(peaks),
        wall_spread=(min(walls, default=0.0), max(walls, default=0.0)),
        cpu_spread=(min(cpus, default=0.0), max(cpus, default=0.0)),
        headroom=min(run.wall / max(run.server_cpu, 0.001) for run in runs),
        rows=min(run.rows for run in runs),
        wrong=next((run.wrong for run in runs if run.wrong), ""),
    )


def median_ratio(ratios: Sequence[float]) -> float:
    """The median of the ratios within a round: what slows a machine down for a while slows both.

    Args:
        ratios: Of two clients' figures, one of each round; without any, the median is 0.
    """
    return statistics.median(ratios) if ratios else 0.0


def save(benchmark: Benchmark, path: Path) -> None:
    """Write the figures, a run a line, so that two of them can be compared by eye."""
    head = json.encode({name: getattr(benchmark, name) for name in Benchmark.__struct_fields__[:-1]}).decode()
    runs = ",\n".join(json.encode(run).decode() for run in benchmark.runs)
    path.write_text(f'{head[:-1]},"runs":[\n{runs}\n]}}\n', encoding="utf-8")


def load(path: Path) -> Benchmark:
    """Read what ``save`` wrote."""
    return json.decode(path.read_bytes(), type=Benchmark)
