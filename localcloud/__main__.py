"""``python -m localcloud``: demo, up, objects."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from de_classes.errors import DeClassesError
from de_classes.utils.command_line import CommandParser
from localcloud.console import Console
from localcloud.errors import LocalCloudError
from localcloud.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130
UNREAD = 141
FAILED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0 if it did what it is for."""
    options = make_parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    console = Console(sys.stdout)
    try:
        return _COMMANDS[options.command](options, console)
    except (LocalCloudError, DeClassesError) as error:
        print(f"\n{error}", file=sys.stderr)  # noqa: T201 - a command's own words
        return FAILED
    except KeyboardInterrupt:
        console.say("\nstopped")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has had enough; Python would complain once more on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD


def _demo(options: argparse.Namespace, console: Console) -> int:
    from localcloud.demo import Options, demonstrate  # noqa: PLC0415 - only what the command needs

    chosen = Options(options.records, options.rate, options.limit, options.port)
    return demonstrate(Workspace.default(), chosen, console)


def _up(options: argparse.Namespace, console: Console) -> int:
    from localcloud.up import stay_up  # noqa: PLC0415 - only what the command needs

    return stay_up(Workspace.default(), options.port, console)


def _objects(_: argparse.Namespace, console: Console) -> int:
    from localcloud.objects import show  # noqa: PLC0415 - only what the command needs

    show(Workspace.default(), console)
    return 0


_COMMANDS = {"demo": _demo, "up": _up, "objects": _objects}


def make_parser() -> CommandParser:
    """The parser of every command."""
    parser = CommandParser(prog="python -m localcloud", description="A local cloud, on loopback only.")
    commands = parser.add_subparsers(dest="command", required=True)
    port = CommandParser(add_help=False)
    port.add_argument("--port", type=int, help="of the local cloud; a free one by default")
    demo = commands.add_parser("demo", parents=[port], help="deploy, ingest in every format, verify")
    demo.add_argument("--records", type=Path, help="a file of records to serve; synthetic ones by default")
    demo.add_argument("--rate", type=_rate, default=0.2, help="share of requests that fail (default: 0.2)")
    demo.add_argument("--limit", type=int, help="records a page (default: a twentieth, at most 1000)")
    commands.add_parser("up", parents=[port], help="deploy, and stay up until Ctrl-C")
    commands.add_parser("objects", help="list the objects of the last demo")
    return parser


def _rate(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError("a rate is from 0 to below 1")
    return value


def _leave(number: int, _: object) -> NoReturn:
    # An exception, so that everything that was started is stopped on the way out.
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
