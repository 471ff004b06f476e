"""Finding out which functions a test calls, on whatever thread, at next to no cost."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from tools.mutation.graft import put_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import CodeType

    from tools.mutation.graft import Functions

_PROBE = "__reached__"

Reached = tuple[str, str]
"""A file and the qualified name of a function in it."""


def probe(paths: Iterable[str], functions: Functions, note: Callable[[Reached], object]) -> None:
    """Have every function of some files tell when it is called; those inside it do not tell."""
    codes = {path: _telling_code(path) for path in paths}
    for (path, name), found in functions.items():
        if "<" in name:
            continue
        put_code(codes[path], name, found)
        for each in found:
            each.__globals__[_PROBE] = note


def _telling_code(path: str) -> CodeType:
    """A file's code in which every outermost function begins with a call of the probe."""
    tree = ast.parse(Path(path).read_text(encoding="utf-8"), path)
    for name, function in _outermost(tree):
        function.body.insert(bool(ast.get_docstring(function)), _telling(path, name))
    return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)


def _outermost(owner: ast.Module | ast.ClassDef, scope: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in owner.body:
        if isinstance(node, ast.FunctionDef):
            yield f"{scope}{node.name}", node
        elif isinstance(node, ast.ClassDef):
            yield from _outermost(node, f"{scope}{node.name}.")


def _telling(path: str, name: str) -> ast.stmt:
    return ast.parse(f"{_PROBE}({(path, name)!r})").body[0]
