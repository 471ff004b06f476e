"""What the picture of the results shows: the cases that tell the most, a panel each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from benchmarks.cases import cases
from benchmarks.contestants import OURS, P
from benchmarks.panels import Kind, Panel, Point, Row, picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.figures import Benchmark, Line

KEYED = {"keyed": "Parquet", "keyed-csv": "CSV", "keyed-jsonl": "JSON Lines"}
"""Case to the format of its million records with keys: what a reader wants to know first."""

RATIOS = {
    "1M": "A million records without keys, to Parquet",
    "small-pages": "2,000 pages of 100 records",
    "failing": "200 pages, 20 % of requests fail",
    "jsonl": "A million records without keys, to JSON Lines",
}
MEMORY = "1M"
_LATENCY = "50ms-"
_MIB = 2**20
_TITLE = "How long a million records take each client, and other cases"


def chart(benchmark: Benchmark) -> str:
    """The whole picture, as SVG; a panel whose case was not run is left out."""
    panels = [_seconds(benchmark, case) for case in KEYED if len({*benchmark.clients(case)}) > 1]
    ratios = [_ratios(benchmark, case) for case in RATIOS if case in benchmark.references]
    ratios[1:1] = [_memory(benchmark)] if MEMORY in benchmark.references else []
    panels += [*ratios, _latencies(benchmark)]
    said = f"Run on {benchmark.date}, on {benchmark.machine}".removesuffix(", ")
    return picture(_TITLE, said, [panel for panel in panels if panel.rows])


def _seconds(benchmark: Benchmark, case: str) -> Panel:
    """Every client's wall and processor seconds, the quickest first."""
    lines = benchmark.lines(case)
    rows = [
        Row(
            line.client,
            (Point(line.cpu, is_hollow=True), Point(line.wall)),
            (f"{_short(line.wall)} s", f"{_short(line.wall_ratio)}x" if line.wall_ratio else ""),
            kind_of(line.client, ""),
        )
        for line in sorted((line for line in lines if line.right), key=lambda line: line.wall)
    ]
    title = f"A million records with keys, to {KEYED[case]}"
    note = "seconds, and as a multiple of this library's"
    unable = [Row(name, (), ("cannot", ""), Kind.OTHER) for name in cases((case,))[0].cannot()]
    return Panel(title, note, (*rows, *_failed(lines, ""), *unable), " s")


def _failed(lines: list[Line], reference: str) -> Iterator[Row]:
    """Those that never brought the right rows: a failure is no time."""
    for line in lines:
        if not line.right:
            yield Row(line.client, (), ("failed", ""), kind_of(line.client, reference))


def _ratios(benchmark: Benchmark, case: str) -> Panel:
    """Wall and processor time of every client, the quickest first."""
    reference = benchmark.references[case]
    lines = benchmark.lines(case)
    right = sorted((line for line in lines if line.wall_ratio), key=_wall)
    rows = [_of_times(line, reference) for line in right]
    note = f"time, as a multiple of that of {reference}"
    return Panel(RATIOS[case], note, (*rows, *_failed(lines, reference)), "x")


def _wall(line: Line) -> float:
    return line.wall_ratio


def _of_times(line: Line, reference: str) -> Row:
    points = (Point(line.cpu_ratio, is_hollow=True), Point(line.wall_ratio))
    said = (f"{_short(line.wall_ratio)}x", f"{_short(line.wall)} s")
    return Row(line.client, points, said, kind_of(line.client, reference))


def _memory(benchmark: Benchmark) -> Panel:
    """Peak memory of every client, the smallest first."""
    reference = benchmark.references[MEMORY]
    lines = [line for line in benchmark.lines(MEMORY) if line.right]
    rows = tuple(_of_memory(line, reference) for line in sorted(lines, key=lambda line: line.peak))
    return Panel(RATIOS[MEMORY], "peak memory, of the largest process", rows, " MiB")


def _of_memory(line: Line, reference: str) -> Row:
    mebibytes = line.peak / _MIB
    beside = f"{_short(line.peak_ratio)}x" if line.peak_ratio else ""
    return Row(
        line.client, (Point(mebibytes),), (f"{mebibytes:,.0f} MiB", beside), kind_of(line.client, reference)
    )


def _latencies(benchmark: Benchmark) -> Panel:
    """This library's wall time and the reference's, by how many pages are asked for at once."""
    chosen = [case for case in benchmark.references if case.startswith(_LATENCY)]
    rows = tuple(row for case in chosen for row in _at_once(benchmark, case))
    return Panel(
        "200 pages, 50 ms before every answer",
        "wall time, by how many pages are asked for at once",
        rows,
        " s",
    )


def _at_once(benchmark: Benchmark, case: str) -> Iterator[Row]:
    lines = {line.client: line for line in benchmark.lines(case)}
    at_once = case.removeprefix(_LATENCY)
    for client in (OURS, P):
        if client in lines and lines[client].right:
            wall = lines[client].wall
            yield Row(
                f"{client.partition(',')[0]}, {at_once} at once",
                (Point(wall),),
                (f"{_short(wall)} s", ""),
                kind_of(client, P),
            )


def kind_of(client: str, reference: str) -> Kind:
    """How a client's row is drawn."""
    if client.startswith(OURS):
        return Kind.OURS
    return Kind.REFERENCE if client == reference else Kind.OTHER


def _short(value: float) -> str:
    """Three digits, or as many as there are before the point."""
    return f"{value:.{2 - min(2, max(0, math.floor(math.log10(max(value, 0.01)))))}f}"
