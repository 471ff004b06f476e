"""``python -m tools.mutation``: mutate, test, count; exits with 1 where a group is below its bound."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from de_classes.utils.command_line import CommandParser
from tools.mutation.campaign import Campaign, CampaignError
from tools.mutation.document import Spent, write_documents
from tools.mutation.progress import Progress
from tools.mutation.report import Report
from tools.mutation.scope import BOUND, LIBRARY, ROOT, SAMPLE_BOUND

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from tools.mutation.scope import Scope


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for, print the table, and say which groups are too weak."""
    options = _parser().parse_args(arguments)
    os.chdir(ROOT)
    scope = replace(LIBRARY.narrowed(options.modules), tests=tuple(options.tests))
    started = time.monotonic()
    try:
        report = _report(scope, options)
    except CampaignError as error:
        sys.exit(str(error))
    spent = Spent(time.monotonic() - started, sum(os.times()[:4]))
    _say(report.table(), *report.survivors(), str(spent))
    if options.docs:
        write_documents(report, Path(options.docs), date=options.date, spent=spent)
    return _verdict(report, SAMPLE_BOUND if options.sample else BOUND)


def _report(scope: Scope, options: argparse.Namespace) -> Report:
    report = Report(scope.groups)
    with Campaign(scope, processes=options.processes, progress=Progress()) as campaign:
        if options.sample:
            campaign.sample(options.sample, options.seed)
        for module, mutant, fate in campaign.run():
            report.add(module, mutant, fate)
    return report


def _verdict(report: Report, bound: float) -> int:
    weak = report.below(bound)
    if weak:
        _say(f"less than {bound:.0f} % noticed in: {', '.join(weak)}")
    return 1 if weak else 0


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _parser() -> CommandParser:
    parser = CommandParser(prog="python -m tools.mutation", description=__doc__)
    parser.add_argument("--modules", default="", help="words in the names of modules; all by default")
    parser.add_argument("--processes", type=int, default=2, help="mutants at a time")
    parser.add_argument("--tests", nargs="*", default=LIBRARY.tests, help="what pytest is told to collect")
    parser.add_argument("--sample", type=int, default=0, help="try only so many, drawn at random")
    parser.add_argument("--seed", type=int, default=1, help="of the drawing")
    parser.add_argument("--docs", default="", help="the folder that the figures are written to")
    parser.add_argument("--date", default="", help="the date that they are written down with")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
