"""Small files and short functions, measured: what does not fit on a screen is not read."""

from __future__ import annotations

import ast
import statistics
from typing import TYPE_CHECKING, TypeAlias

from tests.fakes.sources import python_files, relative, tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OWN_CODE = python_files("layers/de_classes/de_classes", "functions", "localcloud", "tools", "scoreboard")
TESTS = python_files("tests", "benchmarks")

MAX_FILE_LINES = 300
MAX_TEST_FILE_LINES = 400
MEDIAN_BODY_LINES = 5
P90_BODY_LINES = 20
MAX_BODY_LINES = 40
MAX_NESTING = 2

BLOCKS = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match)
Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> list[Function]:
    return [node for node in ast.walk(tree(path)) if isinstance(node, Function)]


def body_lines(function: Function) -> int:
    """The lines of a body, its docstring aside."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def nesting(node: ast.AST, depth: int = 0) -> int:
    """How many blocks lie in each other at most; an ``elif`` is as deep as its ``if``."""
    inner = (nesting(child, depth + _opens_block(node, child)) for child in ast.iter_child_nodes(node))
    return max(inner, default=depth)


def _opens_block(parent: ast.AST, child: ast.AST) -> bool:
    is_elif = isinstance(parent, ast.If) and child in parent.orelse and isinstance(child, ast.If)
    return isinstance(child, BLOCKS) and not is_elif


def longer(files: list[Path], most: int) -> list[str]:
    lengths = {relative(path): len(path.read_text().splitlines()) for path in files}
    return [f"{name}: {length} lines" for name, length in lengths.items() if length > most]


def above(measure: Callable[[Function], int], most: int) -> list[str]:
    return [
        f"{relative(path)}:{each.lineno} {each.name}: {measure(each)}"
        for path in OWN_CODE
        for each in functions(path)
        if measure(each) > most
    ]


def test_files_are_short() -> None:
    assert longer(OWN_CODE, MAX_FILE_LINES) == []
    assert longer(TESTS, MAX_TEST_FILE_LINES) == []


def test_no_function_is_long() -> None:
    assert above(body_lines, MAX_BODY_LINES) == []


def test_no_function_is_deep() -> None:
    assert above(nesting, MAX_NESTING) == []


def test_most_functions_are_very_short() -> None:
    lengths = [body_lines(each) for path in OWN_CODE for each in functions(path)]
    assert statistics.median(lengths) <= MEDIAN_BODY_LINES
    assert statistics.quantiles(lengths, n=10)[-1] <= P90_BODY_LINES
