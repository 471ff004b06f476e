"""``python -m benchmarks``: run the comparison, print it, and write it down where it was run whole.

With ``--short``, only this library and its references; the exit status is 1 if a ratio is above its bound.
With ``--figures``, nothing is run: page and picture are made anew of figures that are there.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from benchmarks.bounds import broken
from benchmarks.cases import CASES, SHORT_CASES, cases
from benchmarks.chart import chart
from benchmarks.contestants import ROOT, contestants
from benchmarks.figures import Benchmark, load, save
from benchmarks.kinds import PLAIN, write
from benchmarks.measure import BUCKET, Bench
from benchmarks.schedule import Progress, turns
from benchmarks.tables import goals, headroom, page, report
from de_classes.errors import ConfigurationError
from de_classes.redaction import escaped
from de_classes.utils.command_line import CommandParser
from localcloud.emulator import Emulator
from localcloud.workspace import Workspace

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.cases import Case
    from benchmarks.figures import Run
    from benchmarks.schedule import Turn

EXIT_BROKEN, EXIT_USAGE = 1, 2
DECIDING_ROUNDS = 9
"""Of a case that is above its bound after three: they may have met a moment that others used."""


def main(
    arguments: Sequence[str] | None = None,
    *,
    measure: Callable[[argparse.Namespace], Benchmark] | None = None,
) -> int:
    """Run it; the exit status is 1 if a bound is broken, 2 if a client cannot be run.

    Args:
        arguments: The command's; those of the process if not given.
        measure: Makes every run that they ask for; ``measured`` if not given.
    """
    args, measure = make_parser().parse_args(arguments), measure or measured
    if args.figures:
        publish(load(args.figures), args.docs or args.figures.parent)
        return 0
    try:
        benchmark = measure(args)
        above = {sentence.partition(":")[0] for sentence in broken(benchmark)} if args.short else set()
        above -= {run.case for run in benchmark.runs if run.wrong}  # no second try cures that
        if above:
            args.cases, args.rounds = tuple(above), max(args.rounds, DECIDING_ROUNDS)
            again = measure(args)
            others = [run for run in benchmark.runs if run.case not in above]
            benchmark = structs.replace(benchmark, runs=[*others, *again.runs])
    except ConfigurationError as error:
        sys.stderr.write(f"benchmark: {error}\n")
        return EXIT_USAGE
    sys.stdout.write(report(benchmark) + ("" if args.short else goals(benchmark)))
    sys.stdout.write(f"\nthe API could have answered {headroom(benchmark):.1f} times as fast, at least\n")
    if args.docs:
        publish(benchmark, args.docs)
    failures = broken(benchmark) if args.short else []
    sys.stdout.write("".join(f"{each}\n" for each in failures))
    return EXIT_BROKEN if failures else 0


def measured(args: argparse.Namespace) -> Benchmark:
    """Every run that the command asks for."""
    clients = contestants(args.clients)
    chosen = cases(args.cases, most=args.records, among=SHORT_CASES if args.short else CASES)
    chosen = [each for each in chosen if each.cores <= len(os.sched_getaffinity(0))]
    clients = [each for each in clients if any(case.suits(each) for case in chosen)]
    versions = {each.name: each.versions for each in clients}
    before = os.getloadavg()[0]
    with bench(chosen) as place:
        runs = list(_runs(place, list(turns(clients, chosen, args.rounds))))
    return Benchmark(
        date=args.date,
        machine=machine(),
        load=(round(before, 2), round(os.getloadavg()[0], 2)),
        cores=place.cores,
        versions=versions,
        references={case.name: case.reference for case in chosen},
        runs=runs,
        groups={case.name: case.group for case in chosen if case.group},
        beside={case.name: case.beside for case in chosen if case.beside},
    )


def publish(benchmark: Benchmark, folder: Path) -> None:
    """Write the figures, the page and the picture that are made of them."""
    save(benchmark, folder / "benchmark.json")
    (folder / "benchmark.md").write_text(page(benchmark), encoding="utf-8")
    (folder / "benchmark.svg").write_text(chart(benchmark), encoding="utf-8")


def _runs(place: Bench, planned: list[Turn]) -> Iterator[Run]:
    """Turn after turn, with a line on stderr for each."""
    progress, began = Progress(planned), time.monotonic()
    sys.stderr.write(f"{len(planned)} runs, {progress}\n")
    for turn in planned:
        run = place.run(turn.contestant, turn.case, turn.number)
        wrong = escaped(run.wrong)
        said = f"{run.case} {run.round} {run.client}: {run.wall} s, CPU {run.cpu} s, {wrong or 'right'}"
        sys.stderr.write(f"[{progress.after(turn, time.monotonic() - began)}] {said}\n")
        yield run


@contextlib.contextmanager
def bench(chosen: list[Case]) -> Iterator[Bench]:
    """Records to serve, an S3 server if one is needed, and a core for the clients alone."""
    with contextlib.ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        path = folder / "records"
        write(path, PLAIN, max((case.records for case in chosen if case.kind == PLAIN), default=1))
        place = Bench(path, folder, held.enter_context(_own_core()))
        yield held.enter_context(_stored(place)) if any(case.to_store for case in chosen) else place


@contextlib.contextmanager
def _own_core() -> Iterator[tuple[int, ...]]:
    """Leave the first core to the clients, and take the API and the store along; no cores if there is one.

    Where there are more than two, the second is left to clients too: some cases give them both.
    """
    cores = tuple(sorted(os.sched_getaffinity(0)))
    if len(cores) == 1:
        yield ()
        return
    os.sched_setaffinity(0, cores[2:] or cores[1:])
    try:
        yield cores
    finally:
        os.sched_setaffinity(0, cores)


@contextlib.contextmanager
def _stored(place: Bench) -> Iterator[Bench]:
    """The same, with the local cloud's S3 server, in a data folder of its own."""
    workspace = Workspace(ROOT, place.folder / "cloud")
    with Emulator(workspace) as emulator:
        emulator.aws.s3().create_bucket(Bucket=BUCKET)
        (objects,) = workspace.objects.glob(f"*/{BUCKET}")

        def empty() -> None:
            s3 = emulator.aws.s3()
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
                for found in page.get("Contents", ()):
                    s3.delete_object(Bucket=BUCKET, Key=found["Key"])

        yield replace(
            place,
            store=emulator.endpoint,
            objects=objects,
            credentials=workspace.credentials,
            empty=empty,
        )


def machine() -> str:
    """The processor, how many cores, and the system."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    model = names[0] if names else platform.machine()
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def make_parser() -> CommandParser:
    """The parser of its words."""
    parser = CommandParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="this library and references, held to bounds")
    parser.add_argument("--clients", type=_list, default=(), help="those that begin so, between commas")
    parser.add_argument("--cases", type=_list, default=(), help="some cases by name, between commas")
    parser.add_argument("--rounds", type=int, default=0, help="of all; as many as each case says if 0")
    parser.add_argument("--records", type=int, default=0, help="a ceiling on the records of every case")
    parser.add_argument("--date", default="", help="to be written on the page")
    parser.add_argument("--figures", type=Path, help="make page and picture of these; nothing is run")
    parser.add_argument("--docs", type=Path, help="the folder to write the page and its figures to")
    return parser


def _list(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (each.strip() for each in text.split(","))))


if __name__ == "__main__":
    sys.exit(main())
