"""``python -m scoreboard``: run the comparison, print it, and write it down where it was run whole."""

from __future__ import annotations

import itertools
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from de_classes.errors import ConfigurationError
from de_classes.redaction import escaped
from de_classes.utils.command_line import CommandParser
from scoreboard.cases import cases
from scoreboard.contestants import contestants
from scoreboard.figures import Board, load, merged, save
from scoreboard.play import LIMIT_SECONDS, play
from scoreboard.tables import page, totals

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from scoreboard.cases import Case
    from scoreboard.contestants import Contestant
    from scoreboard.figures import Run

EXIT_USAGE = 2
WORKERS = 4  # most of a run is waiting: for a Retry-After, for a backoff, for the limit


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the exit status is 2 if a client cannot be run or the command is wrong."""
    args = make_parser().parse_args(arguments)
    try:
        clients, troubles = contestants(args.clients), cases(args.cases, seeds=args.seeds)
        versions = {each.name: each.versions for each in clients}
        runs = list(_played(clients, troubles, args))
    except ConfigurationError as error:
        sys.stderr.write(f"scoreboard: {error}\n")
        return EXIT_USAGE
    board = Board(date=args.date, seeds=args.seeds, limit_seconds=args.limit, versions=versions, runs=runs)
    if args.keep:
        board = merged(load(args.keep), board, [case.name for case in cases(seeds=args.seeds)])
    sys.stdout.write(totals(board))
    if args.docs:
        save(board, args.docs / "scoreboard.json")
        (args.docs / "scoreboard.md").write_text(page(board), encoding="utf-8")
    return 0


def _played(clients: list[Contestant], troubles: list[Case], args: argparse.Namespace) -> Iterator[Run]:
    """Every run, in order, with a line on stderr for each that is done."""
    lines = [(client, variant) for client in clients for variant in client.variants]
    todo = [(*line, case) for line, case in itertools.product(lines, troubles)]
    with ThreadPoolExecutor(args.workers) as pool:
        done = pool.map(lambda each: play(*each, limit=args.limit), todo)
        for number, run in enumerate(done, start=1):
            sys.stderr.write(
                f"{number}/{len(todo)} {run.client} ({run.variant}) {run.case}:"
                f" {run.verdict.value} {escaped(run.said)} {run.seconds} s\n"
            )
            yield run


def make_parser() -> CommandParser:
    """The parser of its words."""
    parser = CommandParser(prog="python -m scoreboard", description=__doc__)
    parser.add_argument("--clients", type=_list, default=(), help="some of the clients, between commas")
    parser.add_argument("--cases", type=_list, default=(), help="some faults by name or id, between commas")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each client through each case (1)")
    parser.add_argument("--limit", type=float, default=LIMIT_SECONDS, help="seconds a run may take (60)")
    parser.add_argument("--workers", type=int, default=WORKERS, help=f"runs at once ({WORKERS})")
    parser.add_argument("--date", default="", help="to be written on the table")
    parser.add_argument("--keep", type=Path, help="the figures of all that is not run now")
    parser.add_argument("--docs", type=Path, help="the folder to write the table and its figures to")
    return parser


def _list(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (each.strip() for each in text.split(","))))


if __name__ == "__main__":
    sys.exit(main())
