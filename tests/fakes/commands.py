"""Commands as they are called: through the program's own parser, whose refusals are exit statuses too."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from typing import TYPE_CHECKING, Any

from de_classes.__main__ import PROGRAMS, make_parser

if TYPE_CHECKING:
    from de_classes.utils.command_line import CommandParser


_OF_WAITING = re.compile(
    r"^[^\n:]+: (?:no answer yet from |waiting until |\d+(?: of \d+)? pages, \d+ records).*\n", re.MULTILINE
)

RUNS = ("start", "status", "list", "cancel")
"""The commands below ``runs``."""


def parser_of(command: str) -> CommandParser:
    """The parser of a command, or of one below another; of the program where none is named."""
    parser = make_parser(PROGRAMS)
    for name in command.split():
        (commands,) = (each.choices for each in parser._actions if isinstance(each.choices, dict))  # noqa: SLF001 - argparse's
        parser = commands[name]
    return parser


def without_waits(said: str) -> str:
    """What a command says but for the lines that it adds where seconds pass: on a busy machine some do.

    Of those there is tests/unit/cli/test_progress.py.
    """
    return _OF_WAITING.sub("", said)


def called(*words: str, **how: Any) -> tuple[int, str, str]:
    """A command's exit status, and what it wrote to stdout and stderr, but for what it says of waits.

    Args:
        words: The command line, without the program's name.
        how: What the command's ``run`` takes besides, such as ``clock``.
    """
    out, err = io.StringIO(), io.StringIO()
    with redirect_stderr(err), redirect_stdout(out):
        try:
            args = make_parser(words).parse_args(words)
        except SystemExit as left:
            return int(left.code or 0), out.getvalue(), err.getvalue()
    status = import_module(PROGRAMS[args.command]).run(args, out=out, err=err, **how)
    return status, out.getvalue(), without_waits(err.getvalue())
