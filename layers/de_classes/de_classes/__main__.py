"""The command line: simulate, init, check, sample, ingest, replay, load, show, verify, clean and new."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from de_classes.cli import parsers
from de_classes.utils.command_line import CommandParser
from de_classes.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

_DESCRIPTION = """\
Pull a flaky, paginated, token-protected API into files or a bucket, with nothing lost and nothing
doubled; and rehearse it against an API that misbehaves on purpose.
"""
INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells have it: 128 and the signal's number."""
PROGRAMS = {  # by command: each is imported when it is run, since none needs what the others do
    "simulate": "de_classes.simulators.cli",
    "init": "de_classes.cli.init",
    "check": "de_classes.cli.check",
    "sample": "de_classes.cli.sample",
    "ingest": "de_classes.cli.ingest",
    "replay": "de_classes.cli.ingest",
    "load": "de_classes.cli.load",
    "show": "de_classes.cli.show",
    "verify": "de_classes.cli.verify",
    "clean": "de_classes.cli.clean",
    "new": "de_classes.cli.new",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The arguments after the program's name; the process's own if not given.

    Returns:
        The exit status, as each command's help has it: 0 for success, 2 for a mistake in the arguments.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    args = make_parser(arguments).parse_args(arguments)
    try:
        status: int = import_module(PROGRAMS[args.command]).run(args)
    except KeyboardInterrupt:
        sys.stderr.write(f"{args.command}: interrupted\n")
        return INTERRUPTED
    return status


def make_parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of every command; that of ``simulate`` is whole only where the arguments name it."""
    parser: argparse.ArgumentParser = CommandParser(
        prog="python -m de_classes",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"de-classes {VERSION}")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    parsers.add_simulate(commands, arguments)
    parsers.add_init(commands)
    parsers.add_check(commands)
    parsers.add_sample(commands)
    parsers.add_ingest(commands)
    parsers.add_load(commands)
    parsers.add_show(commands)
    parsers.add_verify(commands)
    parsers.add_clean(commands)
    parsers.add_new(commands)
    return parser


def _go_on_in_utf8() -> None:
    """Begin again in UTF-8 where the locale has another encoding, in which no other name can be written."""
    if sys.getfilesystemencoding() == "utf-8":
        return
    from de_classes.configs.environment import environment  # noqa: PLC0415 - where it is needed, which is rare

    variables = environment()
    if variables.get("PYTHONUTF8") != "1":
        os.execve(sys.executable, sys.orig_argv, {**variables, "PYTHONUTF8": "1"})  # noqa: S606 - the same again


if __name__ == "__main__":
    _go_on_in_utf8()
    sys.exit(main())
