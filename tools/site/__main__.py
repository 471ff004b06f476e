"""``python -m tools.site [FOLDER]``: the documentation site, from docs/ and from the docstrings.

Sphinx is given a copy of what is tracked, with a page of reference for each package beside it, so that
links lead where they lead in the repository, and nothing is written among the sources. A warning is an error,
and so is a link of a built page that leads nowhere.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Final

from tools.site.links import broken_links

ROOT: Final = Path(__file__).resolve().parent.parent.parent
LIBRARY: Final = ROOT / "layers" / "de_classes"
PROJECT: Final = LIBRARY / "de_classes" / "cli" / "project"
"""What ``de-classes new`` copies: no module of the library."""
SPHINX: Final = ROOT / ".venvs" / "site" / "bin" / "sphinx-build"


def main(words: list[str]) -> int:
    """Build the site; Sphinx's exit status, or 1 if a link leads nowhere."""
    output = Path(words[0] if words else ROOT / "dist" / "site").resolve()
    with tempfile.TemporaryDirectory() as folder:
        sources = Path(folder)
        copy_what_is_tracked(sources)
        shutil.copyfile(Path(__file__).parent / "index.md", sources / "index.md")
        write_reference(sources / "reference")
        settings = ["-c", str(Path(__file__).parent), "-W", "--keep-going", "-q", "-j", "2"]
        command = [str(SPHINX), *settings, "-b", "html", folder, str(output)]
        status = subprocess.run(command, check=False).returncode  # noqa: S603 - words of this file
    if status != 0:
        return status
    broken = broken_links(output)
    print("\n".join([*broken, f"the site is at {output / 'index.html'}"]))  # noqa: T201 - a program's answer
    return 1 if broken else 0


def copy_what_is_tracked(folder: Path) -> None:
    """Lay a copy of the repository, as it stands, without what git leaves out."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - git as it is found
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)


def write_reference(folder: Path) -> None:
    """Write a page for each package: its modules, with their public classes and functions."""
    folder.mkdir()
    pages = sorted(modules_by_package().items())
    for package, modules in pages:
        parts = [heading(f"de_classes.{package}" if package else "de_classes", "=")]
        parts += [f"{heading(name, '-')}\n.. automodule:: {name}\n   :members:\n" for name in modules]
        (folder / f"{package or 'de_classes'}.rst").write_text("\n".join(parts), encoding="utf-8")
    names = "".join(f"   {package or 'de_classes'}\n" for package, _ in pages)
    index = f"{heading('Reference', '=')}\nWhat each module has for its users, from its docstrings.\n\n"
    (folder / "index.rst").write_text(f"{index}.. toctree::\n   :maxdepth: 2\n\n{names}", encoding="utf-8")


def modules_by_package() -> dict[str, list[str]]:
    """Every module of the library that is not a package's own, by the package it lies in."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((LIBRARY / "de_classes").rglob("*.py")):
        if not path.name.startswith("__") and not path.is_relative_to(PROJECT):
            package = ".".join(path.relative_to(LIBRARY / "de_classes").parts[:-1])
            found[package].append(".".join(path.relative_to(LIBRARY).with_suffix("").parts))
    return found


def heading(text: str, line: str) -> str:
    """A heading as reStructuredText has it."""
    return f"{text}\n{line * len(text)}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
