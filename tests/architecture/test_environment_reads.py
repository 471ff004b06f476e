"""The environment is read by one function, when somebody calls it; never by an import."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tests.fakes.sources import LIBRARY, python_files, relative, those_with, tree

if TYPE_CHECKING:
    from collections.abc import Iterator

READER = LIBRARY / "configs" / "environment.py"
FILES = python_files("layers/de_classes/de_classes", "functions")
NAMES = {"environ", "environb", "getenv"}


def reads(node: ast.AST) -> bool:
    """Whether a piece of syntax gets at the environment by way of ``os``."""
    if isinstance(node, ast.ImportFrom):
        return node.module == "os" and not NAMES.isdisjoint(alias.name for alias in node.names)
    return isinstance(node, ast.Attribute) and node.attr in NAMES


def at_import(module: ast.Module) -> Iterator[ast.AST]:
    """What runs when a module is imported: all but the bodies of its functions."""
    todo: list[ast.AST] = [module]
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            todo.extend(ast.iter_child_nodes(node))


def test_one_module_reads_the_environment() -> None:
    readers = {path for path in those_with(NAMES, FILES) if any(reads(node) for node in ast.walk(tree(path)))}
    assert readers == {READER}


def test_it_reads_when_called_and_not_when_imported() -> None:
    assert [node for node in at_import(tree(READER)) if reads(node)] == []


def test_no_import_calls_for_the_environment() -> None:
    calls = [
        f"{relative(path)}:{node.lineno}"
        for path in those_with(["environment"], FILES)
        for node in at_import(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "environment"
    ]
    assert calls == []
