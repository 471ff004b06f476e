"""``check``: whether a described source is as its description says, by a few requests."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

import msgspec

from de_classes.checks.checking import ResourceCheck
from de_classes.checks.probe import Probe
from de_classes.cli.described import named_resource
from de_classes.cli.progress import Progress
from de_classes.cli.terminal import escaped
from de_classes.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse

    from de_classes.api.transport import Transport
    from de_classes.checks.report import CheckReport
    from de_classes.utils.clock import Clock

EXIT_WRONG = 1
EXIT_USAGE = 2


def run(
    args: argparse.Namespace,
    *,
    out: TextIO | None = None,
    err: TextIO | None = None,
    transport: Transport | None = None,
    clock: Clock | None = None,
) -> int:
    """Look at one resource, and say what was found.

    Args:
        args: As ``parsers`` parses them.
        out: In place of stdout: what was found.
        err: In place of stderr: mistakes in the command.
        transport: In place of the network.
        clock: Measures and waits.

    Returns:
        The exit status: 0 nothing is wrong, 1 something is, 2 a mistake in the command.
    """
    out, err = out or sys.stdout, err or sys.stderr
    try:
        resource, asked_with = named_resource(args)
        progress = Progress(err, "check", clock=clock)
        runtime = progress.runtime(transport=transport)
        probe = Probe(
            resource, **asked_with, transport=runtime.transport, clock=runtime.clock, logger=runtime.logger
        )
        with progress.shown():
            report = ResourceCheck(probe).run()
    except ConfigurationError as error:
        err.writelines(f"check: {problem}\n" for problem in error.problems)
        return EXIT_USAGE
    out.write(f"{msgspec.json.encode(report).decode()}\n" if args.json else as_text(report))
    return EXIT_WRONG if report.verdict == "wrong" else 0


def as_text(report: CheckReport) -> str:
    """What was found, a line each."""
    longest = max((len(finding.name) for finding in report.findings), default=0)
    lines = [
        f"{finding.verdict:<8} {finding.name:<{longest}}  {escaped(finding.said)}"
        for finding in report.findings
    ]
    requests = "1 request" if report.requests == 1 else f"{report.requests} requests"
    return "\n".join([*lines, f"{report.resource}: {report.verdict}, by {requests}", ""])
