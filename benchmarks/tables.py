"""The figures as people read them: tables for the terminal, a page for the documents."""

from __future__ import annotations

import statistics
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.cases import CASES, SHORT_CASES, TABLES
from benchmarks.contestants import CONTESTANTS
from benchmarks.goals import outcomes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from benchmarks.figures import Benchmark, Line
    from benchmarks.goals import Outcome

_PAGE = Path(__file__).with_name("page.md")
_MIB = 2**20
_FIGURES = ("wall s", "x wall", "CPU s", "x CPU", "peak MiB", "x peak")
_HEAD = ("client", "rounds", *_FIGURES, "x requests", "rows verified")
_SHARED_HEAD = ("of", "client", "rounds", *_FIGURES, "foretold MiB", "rows verified")
_NOTHING = ("-",) * len(_FIGURES)
_GOALS_HEAD = ("goal", "is", "stretch", "median", "worst round", "rounds", "so it is")
_CASES = {case.name: case for case in (*CASES, *SHORT_CASES)}


class Table(NamedTuple):
    """One of the page.

    Attributes:
        title: What was measured.
        said: To what its ratios are.
        head: Of its columns.
        rows: Below it.
    """

    title: str
    said: str
    head: Sequence[str]
    rows: list[tuple[str, ...]]


def tables(benchmark: Benchmark) -> Iterator[Table]:
    """One for each case that was run, in order, or for those that share one."""
    shared: set[str] = set()
    for name, reference in benchmark.references.items():
        group = benchmark.groups.get(name, "")
        if group not in TABLES:
            yield _of_case(benchmark, name)
        elif group not in shared:
            shared.add(group)
            cases = [each for each in benchmark.references if benchmark.groups.get(each) == group]
            rows = [_shared_cells(each, line) for each in cases for line in benchmark.lines(each)]
            beside = benchmark.beside.get(cases[-1], name)
            said = f"Ratios are to {reference} in the same round, of {_CASES[beside].what}."
            yield Table(f"{group}: {TABLES[group]}", said, _SHARED_HEAD, rows)


def _of_case(benchmark: Benchmark, name: str) -> Table:
    case = _CASES[name]
    rows = [_cells(line) for line in benchmark.lines(name)]
    rows += [(client, "-", *_NOTHING, "-", f"cannot: {why}") for client, why in case.cannot().items()]
    return Table(f"{name}: {case.what}", f"Ratios are to {benchmark.references[name]}.", _HEAD, rows)


def report(benchmark: Benchmark) -> str:
    """Every case, columns aligned."""
    return "".join(f"\n{each.title}\n{_aligned(each.head, each.rows)}" for each in tables(benchmark))


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
        missing=_missing(benchmark),
        cases="\n".join(map(_section, tables(benchmark))),
        clients=_table(("client", "is", "packages"), _clients(benchmark)),
    )


def _missing(benchmark: Benchmark) -> str:
    """What has come since the figures were taken, in a sentence; nothing where all of it was measured."""
    cases = dict.fromkeys(
        case.group if case.group in TABLES else case.name
        for case in CASES
        if case.name not in benchmark.references
    )
    ran = {run.client for run in benchmark.runs}
    clients = [each.name for each in CONTESTANTS if each.name not in ran]
    told = [
        f"{what} {', '.join(f'`{name}`' for name in names)}"
        for what, names in (("the cases", cases), ("the clients", clients))
        if names
    ]
    if not told:
        return ""
    return f"\nNot measured yet, since they came after the figures of {benchmark.date}: {'; '.join(told)}.\n"


def headroom(benchmark: Benchmark) -> float:
    """How many times as fast the API could have answered, in the run that asked the most of it."""
    runs = [run for run in benchmark.runs if not run.wrong]
    return min((run.wall / max(run.server_cpu, 0.001) for run in runs), default=0.0)


def _cores(benchmark: Benchmark) -> str:
    if not benchmark.cores:
        return "wherever the system put them, since there is one core"
    first, second, *others = benchmark.cores
    if not others:
        return f"the clients on core {first}, the API on core {second}, which clients of two cores share"
    api = " or ".join(map(str, others))
    return f"the clients on core {first}, those with two cores on core {second} too, the API on core {api}"


def _section(table: Table) -> str:
    return f"### {table.title}\n\n{table.said}\n\n{_table(table.head, table.rows)}"


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
    told = [*(f"{each:.2f}" for each in figures), str(len(outcome.measured))] if figures else ["-"] * 3
    return goal.what, bound, stretch, *told, outcome.state


def _cells(line: Line) -> tuple[str, ...]:
    requests = f"{line.requests:.2f}" if line.right else "-"
    return (line.client, _rounds(line), *_figures(line), requests, _rows(line))


def _shared_cells(case: str, line: Line) -> tuple[str, ...]:
    foretold = f"{line.foretold / _MIB:.0f}" if line.foretold else "-"
    return (_CASES[case].what, line.client, _rounds(line), *_figures(line), foretold, _rows(line))


def _figures(line: Line) -> tuple[str, ...]:
    """Who never brought the right rows has no times."""
    if not line.right:
        return _NOTHING
    return (
        f"{line.wall:.2f}",
        _ratio(line.wall_ratio, line.wall_spread),
        f"{line.cpu:.2f}",
        _ratio(line.cpu_ratio, line.cpu_spread),
        f"{line.peak / _MIB:.0f}",
        f"{line.peak_ratio:.2f}" if line.peak_ratio else "-",
    )


def _rounds(line: Line) -> str:
    return str(line.rounds) if line.right == line.rounds else f"{line.right} of {line.rounds}"


def _rows(line: Line) -> str:
    told = line.wrong or ("keeps none" if line.rows < 0 else f"{line.rows:,}")
    return " ".join(told.split()).replace("|", "/")


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
