"""The project's own source text, as the architecture tests look at it."""

from __future__ import annotations

import ast
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "layers" / "de_classes" / "de_classes"
PROJECT = LIBRARY / "cli" / "project"
"""What ``de-classes new`` copies: somebody else's code, and no module of the library."""


@dataclass(frozen=True)
class Import:
    """One imported module, and where it is imported."""

    module: str
    line: int
    level: int = 0
    """How many dots are in front of it."""


def python_files(*folders: str) -> list[Path]:
    """The tracked or trackable Python files below these folders."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted(path for path in found if not path.is_relative_to(PROJECT))


def those_with(words: Iterable[str], paths: Iterable[Path]) -> list[Path]:
    """Files whose text has one of the words: who looks for a name need not parse the others."""
    sought = tuple(words)
    return [path for path in paths if any(word in text for text in (path.read_text(),) for word in sought)]


def relative(path: Path) -> str:
    """A path as people name it: from the working copy's top."""
    return path.relative_to(ROOT).as_posix()


@cache
def tracked_files() -> tuple[Path, ...]:
    """What a clone would hold: tracked, or not yet tracked and not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def tree(path: Path) -> ast.Module:
    """The syntax of a file."""
    return ast.parse(path.read_text(), filename=str(path))


def module_name(path: Path) -> str:
    """The dotted name of a file of the library, or of a folder beside it."""
    top = LIBRARY.parent if path.is_relative_to(LIBRARY) else ROOT
    parts = path.relative_to(top).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def statements(path: Path) -> tuple[ast.AST, ...]:
    """Every statement of a file, those within others too; no expression holds one."""
    found: list[ast.AST] = [tree(path)]
    for node in found:
        found += (each for each in ast.iter_child_nodes(node) if isinstance(each, _HOLD_STATEMENTS))
    return tuple(found)


_HOLD_STATEMENTS = (ast.stmt, ast.ExceptHandler, ast.match_case)


@cache
def imports(path: Path) -> tuple[Import, ...]:
    """Every module that a file imports, in functions and for type checking too."""
    return tuple(each for node in statements(path) for each in _modules(node))


def imported_by(sources: dict[str, Path]) -> dict[str, set[str]]:
    """By module, which of the others it imports, in functions and for type checking too.

    Args:
        sources: By name, the file of each module.
    """

    def imported(name: str) -> str:
        """The module, where a name in it is imported; nothing of others."""
        while name and name not in sources:
            name = name.rpartition(".")[0]
        return name

    return {
        name: {imported(each.module) for each in imports(path)} - {"", name} for name, path in sources.items()
    }


def _modules(node: ast.AST) -> list[Import]:
    if isinstance(node, ast.Import):
        return [Import(alias.name, node.lineno) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        # Of `from a.b import c`, c may be a module or a name: the longer one says more.
        names = [f"{node.module}.{alias.name}" if node.module else alias.name for alias in node.names]
        return [Import(name, node.lineno, node.level) for name in names]
    return []
