"""``new``: a project of one's own, so that nobody has to live in a copy of this package's repository."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import msgspec

from de_classes.errors import InvalidInputError
from de_classes.utils.values import Value
from de_classes.version import VERSION

if TYPE_CHECKING:
    import argparse


class NewProject(Value):
    """What ``new --json`` prints.

    Attributes:
        location: What ``sam init --location`` takes.
        folder: The project's, as it was named; null with ``--location``, which writes nothing.
        files: What was written, by paths in the folder.
        next: The commands that come next, in the folder.
    """

    location: str
    folder: str | None = None
    files: tuple[str, ...] = ()
    next: tuple[str, ...] = ()


EXIT_USAGE = 2
PROJECT = Path(__file__).parent / "project"
"""What ``sam init --location`` takes too: a folder for Cookiecutter, whose one word is the project's name."""
NAME = "{{cookiecutter.project_name}}"
WHEELS = "wheels"

_STACK = re.compile("[A-Za-z][A-Za-z0-9-]{0,99}")  # a stack, and what its bucket begins with
_NEXT = (
    ("make test", "the handler against the simulator, and a bucket in memory"),
    ("make rehearse", "the same by the command line, into lake/"),
    ("make deploy", "to AWS, with the credentials of your shell; README.md says what first"),
)


def run(args: argparse.Namespace, *, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """Write the project, and say what comes next.

    Args:
        args: As ``parsers`` parses them.
        out: In place of stdout: what comes next, or where the files lie.
        err: In place of stderr: why nothing was written.

    Returns:
        The exit status: 0 the project is there, 2 nothing was written.
    """
    out, err = out or sys.stdout, err or sys.stderr
    try:
        if args.location:
            out.write(_as_line(NewProject(str(PROJECT))) if args.json else f"{PROJECT}\n")
            return 0
        folder = _fresh(args.folder)
        files = write_project(folder, wheel=_wheel(args.wheel))
    except InvalidInputError as error:
        err.write(f"new: {error}\n")
        return EXIT_USAGE
    except OSError as error:
        err.write(f"new: {error.filename} cannot be written: {error.strerror}\n")
        return EXIT_USAGE
    if args.json:
        commands = tuple(command for command, _ in _NEXT)
        out.write(_as_line(NewProject(str(PROJECT), args.folder, tuple(files), commands)))
        return 0
    out.write(f"cd {shlex.quote(args.folder)}\n")
    out.writelines(f"{command:<15} # {what}\n" for command, what in _NEXT)
    return 0


def write_project(folder: Path, *, wheel: Path | None = None) -> list[str]:
    """Copy the files that come with the package, the project's name in its places.

    Args:
        folder: Not there, or empty; its name is the project's.
        wheel: What is to be installed while the package is on no index.

    Returns:
        The files, by their paths in it.

    Raises:
        OSError: Something cannot be written.
    """
    name = folder.resolve().name.encode()
    top, written = PROJECT / NAME, []
    for path in sorted(top.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:  # pip compiles what it installs
            copy = folder / path.relative_to(top)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes().replace(NAME.encode(), name))
            written.append(str(path.relative_to(top)))
    if wheel is not None:
        (folder / WHEELS).mkdir()
        (folder / WHEELS / wheel.name).write_bytes(wheel.read_bytes())
        written.append(f"{WHEELS}/{wheel.name}")
    return written


def _as_line(project: NewProject) -> str:
    return f"{msgspec.json.encode(project).decode()}\n"


def _fresh(given: str | None) -> Path:
    """The folder: what a person has there is never written over, nor mixed with."""
    if given is None:
        raise InvalidInputError("FOLDER is needed: the project's, such as my-lake")
    folder = Path(given)
    name = folder.resolve().name
    if not _STACK.fullmatch(name):
        raise InvalidInputError(
            f"FOLDER: {name!r} is no stack's name: letters, digits, hyphens, a letter first, 100 at most"
        )
    if folder.is_dir():
        if any(folder.iterdir()):
            raise InvalidInputError(f"FOLDER: {given} is not empty, and nothing is written over")
    elif folder.exists():
        raise InvalidInputError(f"FOLDER: {given} is a file")
    return folder


def _wheel(given: str | None) -> Path | None:
    if given is None:
        return None
    wheel, beginning = Path(given), f"de_classes-{VERSION}-"
    if not (wheel.is_file() and wheel.name.startswith(beginning) and wheel.suffix == ".whl"):
        raise InvalidInputError(f"--wheel: {given} is no file {beginning}*.whl, which this version is")
    return wheel
