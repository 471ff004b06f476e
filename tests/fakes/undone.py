"""The library with a cure undone: a copy in a folder of its own, over which the same examples are tried.

What tries sources or stores that nobody thought of shows nothing unless it finds what was found before. So
each cure is a patch, backwards, and the library without it has to fail where the library with it does not.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from msgspec import Struct

from tests.fakes.sources import LIBRARY, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Change(Struct, frozen=True):
    """A text that stands once in a file, and what is to stand there.

    Attributes:
        file: Below the library's folder.
        old: What is there, with the cure.
        new: What was there without.
    """

    file: str
    old: str
    new: str

    def applied(self, text: str) -> str:
        """The file's text without the cure.

        Raises:
            LookupError: The old text is not there once: the cure was rewritten, and so must this be.
        """
        if text.count(self.old) != 1:
            raise LookupError(f"{self.file} has {text.count(self.old)} times what stands once: {self.old!r}")
        return text.replace(self.old, self.new)


class Undone(Struct, frozen=True):
    """A cure, taken out again.

    Attributes:
        fault: What it cures, by its id.
        what: What the library does without it.
        changes: How it is taken out.
    """

    fault: str
    what: str
    changes: tuple[Change, ...]

    @property
    def makes_a_difference(self) -> bool:
        """Whether each change finds its text, and leaves other code behind it."""
        for change in self.changes:
            text = (LIBRARY / change.file).read_text()
            if ast.dump(ast.parse(change.applied(text))) == ast.dump(ast.parse(text)):
                return False
        return True

    def write(self, folder: Path) -> None:
        """Make a copy of the library without the cure, in a folder that then is to be searched first."""
        copy = folder / LIBRARY.name
        shutil.copytree(LIBRARY, copy, ignore=shutil.ignore_patterns("__pycache__"))
        for change in self.changes:
            file = copy / change.file
            file.write_text(change.applied(file.read_text()))


def first_failure(
    package: str, fails: Callable[[int], bool], folder: Path, examples: int, *, seed: int = 1
) -> int | None:
    """The first seed that fails with the library in a folder, and does not with the library itself.

    Args:
        package: What tries them, by ``python -m``.
        fails: Whether a seed fails with the library itself.
        folder: Holds the library that is tried.
        examples: How many seeds are tried.
        seed: The first of them.
    """
    command = [sys.executable, "-m", package, "--failures"]
    command += ["--examples", str(examples), "--seed", str(seed)]
    return next((each for each in _failures(command, folder) if not fails(each)), None)


def _failures(command: list[str], folder: Path) -> Iterator[int]:
    """The seeds that fail with the library in a folder, as they are found."""
    paths = os.pathsep.join((str(folder), str(ROOT)))
    with subprocess.Popen(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.PIPE, text=True
    ) as trying:
        try:
            for line in trying.stdout or ():
                yield int(line)
        finally:
            trying.kill()
