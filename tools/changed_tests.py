"""Run the unit tests of what changed since main, for ``make check``: folders of tests mirror those of code.

Usage: ``python -m tools.changed_tests``. What differs from main, committed or not, chooses a folder of tests
by its path; a fake chooses the tests that import it, a dozen of them at the most; what every test hangs on
chooses all unit tests. What has no units, such as the template and the documents, is for ``make test``, and
is said to be.
"""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parent.parent
ALL = "tests/unit"
# Where code lives, and its tests. The first that fits is taken.
HOMES = {
    "layers/de_classes/de_classes": ALL,
    "functions": "tests/functions",
    "localcloud": "tests/unit/localcloud",
    "scoreboard": "tests/unit/scoreboard",
    "benchmarks": "tests/unit/benchmarks",
    "tools": ALL,
    ".ci": "tests/unit/ci",
}
# What is in none of the folders that mirror the rest.
ALONE = {"tools": "tests/unit/tools"}
EVERYTHING = ("tests/conftest.py", "pyproject.toml", "requirements/dev.txt")
UNITS = ("tests/unit", "tests/functions")
FAKES = "tests/fakes"
READERS = (*UNITS, "tests/contracts", "tests/fuzz")
MOST_READERS = 12
"""Test files that one fake chooses: with them ``make check`` stays below a minute."""

REGISTRIES = ("tests/contracts/test_registries.py", "tests/docs/test_registered.py")
# What a registry's kinds have to join, beside the units: a kind that is half there is seen before the commit.
JOINED = {
    "layers/de_classes/de_classes/api/auth": (*REGISTRIES, "tests/contracts/test_auths.py"),
    "layers/de_classes/de_classes/api/pagination": REGISTRIES,
    "layers/de_classes/de_classes/api/answers.py": REGISTRIES,
    "layers/de_classes/de_classes/pipelines/described.py": REGISTRIES,
    "layers/de_classes/de_classes/storage/format": (*REGISTRIES, "tests/contracts/test_formats.py"),
    "layers/de_classes/de_classes/utils/formats.py": (
        *REGISTRIES,
        "tests/contracts/test_formats.py",
        "tests/fuzz/test_written.py",
        "tests/unit/cli/test_how_to_read.py",
        "tests/unit/storage/format/test_codec.py",
    ),
}


def main() -> int:
    """Run them; the exit status is pytest's, and 0 where there is nothing to run."""
    changed = changed_files(ROOT)
    chosen, left = choose(changed, ROOT)
    if left:
        sys.stdout.write(f"only make test shows: {', '.join(left)}\n")
    if not chosen:
        sys.stdout.write("no unit test is of what changed\n")
        return 0
    sys.stdout.write(f"unit tests of what changed: {' '.join(chosen)}\n")
    sys.stdout.flush()
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", *chosen]
    return subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603 - our own tests


def changed_files(root: Path) -> list[str]:
    """What differs from where this branch left main, or from the last commit on main itself; also new files.

    Args:
        root: Of the working copy.
    """
    bases = [
        *_git(root, "merge-base", "HEAD", "origin/main"),
        *_git(root, "merge-base", "HEAD", "main"),
        "HEAD",
    ]
    changed = _git(root, "diff", "--name-only", "--no-renames", bases[0])
    return sorted({*changed, *_git(root, "ls-files", "--others", "--exclude-standard")})


def choose(changed: Iterable[str], root: Path) -> tuple[list[str], list[str]]:
    """The tests to run, none twice, and the files that have no unit tests.

    Args:
        changed: Paths from the root.
        root: Where the folders of tests are looked for.
    """
    chosen: set[str] = set()
    left = []
    for path in changed:
        chosen.update(*(tests for home, tests in JOINED.items() if _is_under(path, home)))
        if _is_under(path, FAKES):
            readers = readers_of(path, root)
            chosen.update(readers[:MOST_READERS])
            if not readers or readers[MOST_READERS:]:
                left.append(path)
            continue
        found = path if _is_contract(path, root) else units_of(path, root)
        if found:
            chosen.add(found)
        else:
            left.append(path)
    parents = {each: {str(parent) for parent in PurePosixPath(each).parents} for each in chosen}
    return sorted(each for each in chosen if not parents[each] & chosen), left


def units_of(path: str, root: Path) -> str | None:
    """The tests that a change of a file calls for; None if no unit test does.

    Args:
        path: From the root.
        root: Where the folders of tests are looked for.
    """
    if _is_under(path, *EVERYTHING):
        return ALL
    if _is_under(path, *UNITS):
        is_there = PurePosixPath(path).name.startswith("test_") and (root / path).exists()
        return path if is_there else _nearest(PurePosixPath(path).parent, root)
    for home, tests in HOMES.items():
        if _is_under(path, home):
            inside = PurePosixPath(path).relative_to(home).parent
            if inside == PurePosixPath() and home in ALONE:
                return ALONE[home]
            return _nearest(PurePosixPath(tests) / inside, root)
    return None


def readers_of(path: str, root: Path) -> list[str]:
    """The tests that import a fake: one of each folder, then the next of each.

    Args:
        path: From the root; of a folder of fakes, any file.
        root: Where the tests are looked for.
    """
    name = PurePosixPath(path).relative_to(FAKES).parts[0].removesuffix(".py")
    imports = re.compile(rf"tests\.fakes\.{name}\b|from tests\.fakes import .*\b{name}\b")
    found: dict[Path, list[str]] = {}
    for file in sorted(file for home in READERS for file in (root / home).rglob("test_*.py")):
        if imports.search(file.read_text(encoding="utf-8")):
            found.setdefault(file.parent, []).append(file.relative_to(root).as_posix())
    return [file for turn in zip_longest(*found.values()) for file in turn if file]


def _nearest(folder: PurePosixPath, root: Path) -> str:
    """The folder, or the nearest above it that is there."""
    return str(next(each for each in (folder, *folder.parents) if (root / each).is_dir()))


def _is_contract(path: str, root: Path) -> bool:
    return _is_under(path, "tests/contracts") and "/test_" in path and (root / path).exists()


def _is_under(path: str, *tops: str) -> bool:
    return any(path == top or path.startswith(f"{top}/") for top in tops)


def _git(root: Path, *arguments: str) -> list[str]:
    """The lines of its answer; none where it has no answer."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)  # noqa: S603, S607 - the user's git
    return done.stdout.splitlines()


if __name__ == "__main__":
    sys.exit(main())
