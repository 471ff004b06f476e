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
        foretold: Bytes of memory that its own forecast had said; 0 if it made none.
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
    foretold: int = 0


class Line(Struct, frozen=True, kw_only=True):
    """What a client's rounds of a case come to: medians, and ratios to the reference; 0 where there is none.

    Only runs that brought the right rows count, of either: one that failed is a failure, and not a time.

    Attributes:
        client: Its name.
        rounds: How many it ran.
        right: How many of them brought the right rows.
        wall: Seconds, median.
        cpu: Seconds, median.
        peak: Bytes, the most of all rounds.
        requests: Of those that were needed, a factor; the most of all rounds.
        wall_ratio: To the reference's in the same round, median.
        cpu_ratio: Likewise.
        peak_ratio: Likewise.
        wall_spread: The least and the most of the rounds' ratios.
        cpu_spread: Likewise.
        rows: Verified.
        foretold: Bytes, the least of all rounds; 0 if nothing was.
        wrong: What was wrong in the first round where something was.
    """

    client: str
    rounds: int
    right: int
    wall: float
    cpu: float
    peak: int
    requests: float
    wall_ratio: float
    cpu_ratio: float
    peak_ratio: float
    wall_spread: tuple[float, float]
    cpu_spread: tuple[float, float]
    rows: int
    foretold: int
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
        groups: Case to the group whose cases took turns in every round; those of no group are not in it.
        beside: Case to that of its group whose runs of the reference its ratios are to, where it is not its
            own.
    """

    date: str
    machine: str
    load: tuple[float, float]
    cores: tuple[int, ...]
    versions: dict[str, dict[str, str]]
    references: dict[str, str]
    runs: list[Run]
    groups: dict[str, str] = {}
    beside: dict[str, str] = {}

    def lines(self, case: str) -> list[Line]:
        """What every client's rounds of a case come to, in order."""
        by_client: dict[str, list[Run]] = {}
        for run in self.runs:
            if run.case == case:
                by_client.setdefault(run.client, []).append(run)
        other = self.beside.get(case, case)
        reference = {run.round: run for run in self.right(other, self.references[case])}
        return [_line(client, each, reference) for client, each in by_client.items()]

    def clients(self, case: str) -> list[str]:
        """Who ran it, once for each round."""
        return [run.client for run in self.runs if run.case == case]

    def right(self, case: str, client: str) -> list[Run]:
        """A client's runs of a case that brought the right rows."""
        return [run for run in self.runs if (run.case, run.client) == (case, client) and not run.wrong]

    def share_rounds(self, one: str, other: str) -> bool:
        """Whether two cases took turns, so that what slows the machine down for a while slows both."""
        group = self.groups.get(one)
        return one == other or (group is not None and group == self.groups.get(other))


def _line(client: str, ran: list[Run], reference: dict[int, Run]) -> Line:
    runs = [run for run in ran if not run.wrong]
    pairs = [(run, reference[run.round]) for run in runs if run.round in reference]
    walls, cpus, peaks = (
        [getattr(one, figure) / getattr(other, figure) for one, other in pairs]
        for figure in ("wall", "cpu", "peak")
    )
    return Line(
        client=client,
        rounds=len(ran),
        right=len(runs),
        wall=_median([run.wall for run in runs]),
        cpu=_median([run.cpu for run in runs]),
        peak=max((run.peak for run in runs), default=0),
        requests=max((run.requests / run.least for run in runs), default=0.0),
        wall_ratio=_median(walls),
        cpu_ratio=_median(cpus),
        peak_ratio=_median(peaks),
        wall_spread=(min(walls, default=0.0), max(walls, default=0.0)),
        cpu_spread=(min(cpus, default=0.0), max(cpus, default=0.0)),
        rows=min((run.rows for run in runs), default=0),
        foretold=min((run.foretold for run in runs), default=0),
        wrong=next((run.wrong for run in ran if run.wrong), ""),
    )


def _median(figures: Sequence[float]) -> float:
    """Of ratios, each within one round: what slows a machine down for a while slows both. 0 without any."""
    return statistics.median(figures) if figures else 0.0


def save(benchmark: Benchmark, path: Path) -> None:
    """Write the figures, a run a line, so that two of them can be compared by eye."""
    names = (name for name in Benchmark.__struct_fields__ if name != "runs")
    head = json.encode({name: getattr(benchmark, name) for name in names}).decode()
    runs = ",\n".join(json.encode(run).decode() for run in benchmark.runs)
    path.write_text(f'{head[:-1]},"runs":[\n{runs}\n]}}\n', encoding="utf-8")


def load(path: Path) -> Benchmark:
    """Read what ``save`` wrote."""
    return json.decode(path.read_bytes(), type=Benchmark)
