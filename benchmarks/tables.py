"""The figures as people read them: tables for the terminal, a page for the documents."""

from __future__ import annotations

import statistics
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from benchmarks.cases import CASES, SHORT_CASES
from benchmarks.contestants import CONTESTANTS
from benchmarks.figures import FAILED
from benchmarks.goals import outcomes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.figures import Benchmark, Line
    from benchmarks.goals import Outcome

_PAGE = Path(__file__).with_name("page.md")
_MIB = 2**20
_HEAD = ("client", "rounds", "wall s", "x wall", "CPU s", "x CPU", "peak MiB", "x requests", "rows verified")
_GOALS_HEAD = ("goal", "is", "stretch", "median", "worst round", "so it is")
_WHAT = {case.name: case.what for case in (*CASES, *SHORT_CASES)}


def report(benchmark: Benchmark) -> str:
    """Every case, columns aligned."""
    rows = {case: map(_cells, benchmark.lines(case)) for case in benchmark.references}
    return "".join(f"\n{case}: {_WHAT[case]}\n{_aligned(_HEAD, each)}" for case, each in rows.items())


def goals(benchmark: Benchmark) -> str:
    """Every goal and how it stands, columns aligned."""
    return f"\nGoals\n{_aligned(_GOALS_HEAD, map(_goal, outcomes(benchmark)))}"


def page(benchmark: Benchmark) -> str:
    """The document, in Markdown."""
    return Template(_PAGE.read_text(encoding="utf-8")).substitute(
        date=benchmark.date,
        machine=benchmark.machine,
        load=" and ".join(f"{each:.1f}" for each in benchmark.load),
        cores=_cores(benchmark),
        server=f"{headroom(benchmark):.1f}",
        rounds=max(run.round for run in benchmark.runs),
        goals=_table(_GOALS_HEAD, map(_goal, outcomes(benchmark))),
        cases="\n".join(_section(benchmark, case) for case in benchmark.references),
        clients=_table(("client", "is", "packages"), _clients(benchmark)),
    )


def headroom(benchmark: Benchmark) -> float:
    """How many times as fast the API could have answered, in the run that asked the most of it."""
    runs = [run for run in benchmark.runs if not run.wrong]
    return min((run.wall / max(run.server_cpu, 0.001) for run in runs), default=0.0)


def _cores(benchmark: Benchmark) -> str:
    if not benchmark.cores:
        return "wherever the system put them, since there is one core"
    client, *others = benchmark.cores
    return f"the clients on core {client}, the API on core {' or '.join(map(str, others))}"


def _section(benchmark: Benchmark, case: str) -> str:
    reference = benchmark.references[case]
    rows = (_cells(line) for line in benchmark.lines(case))
    return f"### {case}: {_WHAT[case]}\n\nRatios are to {reference}.\n\n{_table(_HEAD, rows)}"


def _aligned(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    rows = [head, *body]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in rows)
    return "".join(f"  {line.rstrip()}\n" for line in lines)


def _goal(outcome: Outcome) -> tuple[str, ...]:
    goal = outcome.goal
    bound = f"at {'least' if goal.is_least else 'most'} {goal.bound:g}"
    stretch = f"{goal.stretch:g}" if goal.stretch else "-"
    figures = (statistics.median(outcome.measured), outcome.worst) if outcome.measured else ()
    told = [f"{each:.2f}" for each in figures] or ["-", "-"]
    return goal.what, bound, stretch, *told, outcome.state


def _cells(line: Line) -> tuple[str, ...]:
    rows = line.wrong or ("keeps none" if line.rows < 0 else f"{line.rows:,}")
    figures = (
        f"{line.wall:.2f}",
        _ratio(line.wall_ratio, line.wall_spread),
        f"{line.cpu:.2f}",
        _ratio(line.cpu_ratio, line.cpu_spread),
        f"{line.peak / _MIB:.0f}",
        f"{line.requests:.2f}",
    )
    has_failed = line.wrong.startswith(FAILED)  # then it took no time for the task
    told = ("-",) * len(figures) if has_failed else figures
    return (line.client, str(line.rounds), *told, " ".join(rows.split()).replace("|", "/"))


def _ratio(value: float, spread: tuple[float, float]) -> str:
    """A median and, where the rounds are not of one mind, from where to where they go."""
    least, most = (f"{each:.2f}" for each in spread)
    return f"{value:.2f}{f' ({least}-{most})' if least != most else ''}" if value else "-"


def _clients(benchmark: Benchmark) -> Iterable[tuple[str, ...]]:
    what = {each.name: each.what for each in CONTESTANTS}
    for client, versions in benchmark.versions.items():
        packages = ", ".join(f"{name} {version}" for name, version in versions.items())
        yield client, what[client], packages or "the standard library"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
