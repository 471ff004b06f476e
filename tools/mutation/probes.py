"""Finding out which functions a test calls, on whatever thread, at next to no cost."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from tools.mutation.graft import put_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tools.mutation.graft import Functions

_PROBE = "__reached__"

Reached = tuple[str, str]
"""A file and the qualified name of a function in it."""


def probe(paths: Iterable[str], functions: Functions, note: Callable[[Reached], object]) -> None:
    """Have every function of some files tell when it is called; those inside it do not tell."""
    for path in paths:
        tree = ast.parse(Path(path).read_text(encoding="utf-8"), path)
        for name, function in list(_outermost(tree)):
            function.body.insert(bool(ast.get_docstring(function)), _telling(path, name))
        code = compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)
        for name in {name for file, name in functions if file == path and "<" not in name}:
            put_code(code, name, functions[path, name])
            for each in functions[path, name]:
                each.__globals__[_PROBE] = note


def _outermost(owner: ast.Module | ast.ClassDef, scope: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in owner.body:
        if isinstance(node, ast.FunctionDef):
            yield f"{scope}{node.name}", node
        elif isinstance(node, ast.ClassDef):
            yield from _outermost(node, f"{scope}{node.name}.")


def _telling(path: str, name: str) -> ast.stmt:
    return ast.parse(f"{_PROBE}({(path, name)!r})").body[0]
