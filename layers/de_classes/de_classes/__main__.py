"""The command line: the program, and which of its commands is where."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from de_classes.cli import parsers
from de_classes.utils.command_line import EXIT_USAGE, CommandParser, how_to_get_help
from de_classes.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

_DESCRIPTION = """\
Pull a flaky, paginated, token-protected API into files or a bucket, with nothing lost and nothing doubled;
and rehearse it against an API that misbehaves on purpose.
"""
_EPILOG = """\
examples:
  %(prog)s simulate --rate 0.2 --pages 20
  %(prog)s sample pokeapi.pokemon -n 5
  %(prog)s ingest pokeapi.pokemon --to lake --dataset pokemon
  %(prog)s ingest --help
"""
_INSTALLED = "de-classes"
SHELLS = ("bash", "zsh", "fish")
INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells have it: 128 and the signal's number."""
NOBODY_READS = 141
"""The same of SIGPIPE."""
_ALLOCATIONS = 10_000
"""After so many is garbage looked for: Python's 700 are a page's rows, and none of these are in a cycle."""
PROGRAMS = {  # by command: each is imported when it is run, since none needs what the others do
    "simulate": "de_classes.simulators.cli",
    "init": "de_classes.cli.init",
    "check": "de_classes.cli.check",
    "sample": "de_classes.cli.sample",
    "ingest": "de_classes.cli.ingest",
    "replay": "de_classes.cli.ingest",
    "runs": "de_classes.cli.runs",
    "load": "de_classes.cli.load",
    "show": "de_classes.cli.show",
    "sql": "de_classes.cli.sql",
    "verify": "de_classes.cli.verify",
    "clean": "de_classes.cli.clean",
    "schedule": "de_classes.cli.schedule",
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
    parser = make_parser(arguments)
    if not arguments:
        parser.print_help()
        return EXIT_USAGE
    args = parser.parse_args(arguments)
    try:
        status: int = import_module(PROGRAMS[args.command]).run(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.stderr.write(f"{args.command}: interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:  # nobody reads on: `show lake/orders | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NOBODY_READS
    if status == EXIT_USAGE:
        names = (parser.prog, args.command, getattr(args, "action", None))
        sys.stderr.write(how_to_get_help(" ".join(filter(None, names))))
    return status


def program() -> int:
    """The command as a process of its own: in UTF-8 whatever the locale, and with what it needs of Arrow."""
    _go_on_in_utf8()
    sys.meta_path.insert(0, _ArrowAlone())
    gc.set_threshold(_ALLOCATIONS)
    status = main()
    gc.freeze()  # or the interpreter, as it ends, looks through all that was imported: a tenth of a short run
    return status


def make_parser(named: Container[str], *, program: str | None = None) -> CommandParser:
    """The parser of the program.

    Args:
        named: The commands that are whole in it; a command line will do.
        program: What it is called; as it was called, unless given.
    """
    parser = CommandParser(
        prog=program or (_INSTALLED if sys.argv[0].endswith(f"/{_INSTALLED}") else "python -m de_classes"),
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"de-classes {VERSION}")
    parser.add_argument(
        "--completion",
        choices=SHELLS,
        action=_Completion,
        metavar="SHELL",
        help="print what completes commands in bash, zsh or fish",
    )
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    parsers.add_commands(commands, named)
    return parser


class _Completion(argparse.Action):
    """Prints a shell's completion; the library that writes it is needed for that alone."""

    def __call__(self, parser: argparse.ArgumentParser, _: object, shell: object, __: object = None) -> None:
        from de_classes.cli.completion import completion  # noqa: PLC0415 - for those alone who ask for it
        from de_classes.errors import ConfigurationError  # noqa: PLC0415 - as above

        try:
            sys.stdout.write(completion(make_parser(PROGRAMS, program=_INSTALLED), str(shell)))
        except ConfigurationError as error:
            parser.error(str(error))
        parser.exit()


def _go_on_in_utf8() -> None:
    """Begin again in UTF-8 where the locale has another encoding, in which no other name can be written."""
    if sys.getfilesystemencoding() == "utf-8":
        return
    from de_classes.configs.environment import environment  # noqa: PLC0415 - where it is needed, which is rare

    variables = environment()
    if variables.get("PYTHONUTF8") != "1":
        os.execve(sys.executable, sys.orig_argv, {**variables, "PYTHONUTF8": "1"})  # noqa: S606 - the same again


class _ArrowAlone:
    """Keeps numpy out of pyarrow's import, which takes twice as long with it: no command needs the two.

    pyarrow looks for numpy and does without where there is none. What imports it otherwise still can, such as
    a function of one's own that a description names.
    """

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Say that there is no numpy, while a module of pyarrow is being imported and looks for it."""
        del path, target
        if name != "numpy" or (arrow := sys.modules.get("pyarrow")) is None:
            return
        submodules = [each.split(".")[1] for each in sys.modules if each.startswith("pyarrow.")]
        if not all(hasattr(arrow, each) for each in submodules):  # which it has once they are imported
            raise ModuleNotFoundError("pyarrow is imported without numpy", name=name)


if __name__ == "__main__":
    sys.exit(program())
