"""Every mutant of a module: where it is, what it changes, and how to make it."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tools.mutation.operators import is_docstring, is_wording, replacements

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import CodeType

_NOT_ENTERED = frozenset({"annotation", "returns", "type_params", "bases", "decorator_list"})
_SHOWN_BEFORE, _SHOWN_CHARS = 30, 90


@dataclass(frozen=True)
class Place:
    """A slot of the syntax tree.

    Attributes:
        owner: The node that holds it.
        name: Its field.
        index: Its index, if the field is a list.
    """

    owner: ast.AST
    name: str
    index: int | None

    def put(self, node: ast.AST) -> None:
        """Put a node there."""
        if self.index is None:
            setattr(self.owner, self.name, node)
        else:
            getattr(self.owner, self.name)[self.index] = node


@dataclass(frozen=True)
class Mutant:
    """One change to one module.

    Attributes:
        path: The module's file.
        scope: The outermost function that holds it, or the class, or "" for the module: ``Class.method``.
        is_in_body: Whether it is in the body of that function, which can be exchanged while all is imported.
        line: Its line.
        name: What it changes, unique in its module, and the same as long as the code is.
    """

    path: Path
    scope: str
    is_in_body: bool
    line: int
    name: str
    tree: ast.Module = field(repr=False)
    place: Place = field(repr=False)
    replacement: ast.AST = field(repr=False)

    def compiled(self) -> CodeType:
        """The module with the change in it. The tree stays changed: make it in a process of its own."""
        self.place.put(self.replacement)
        return compile(ast.fix_missing_locations(self.tree), str(self.path), "exec", dont_inherit=True)


@dataclass(frozen=True)
class _Context:
    scope: str = ""
    is_function: bool = False
    is_in_body: bool = False
    is_wording: bool = False


def mutants_of(path: Path) -> list[Mutant]:
    """Every mutant of a file, in the order of its lines."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    names: Counter[str] = Counter()
    found = []
    for place, node, other, context in _changes(tree, _Context()):
        name = f"{context.scope or 'module'}: {_change(node, other)}"
        names[name] += 1
        unique = name if names[name] == 1 else f"{name} #{names[name]}"
        line = getattr(node, "lineno", 0) or getattr(place.owner, "lineno", 0)
        found.append(Mutant(path, context.scope, context.is_in_body, line, unique, tree, place, other))
    return found


def _changes(owner: ast.AST, context: _Context) -> Iterator[tuple[Place, ast.AST, ast.AST, _Context]]:
    for place, node in _places(owner):
        if place.name in _NOT_ENTERED or is_docstring(node) or _is_for_type_checkers(node):
            continue
        inner = _entered(place, node, context)
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if not (is_text and inner.is_wording):
            yield from ((place, node, other, inner) for other in replacements(node))
        yield from _changes(node, inner)


def _places(owner: ast.AST) -> Iterator[tuple[Place, ast.AST]]:
    for name, value in ast.iter_fields(owner):
        children = enumerate(value) if isinstance(value, list) else [(None, value)]
        nodes = ((index, child) for index, child in children if isinstance(child, ast.AST))
        yield from ((Place(owner, name, index), node) for index, node in nodes)


def _entered(place: Place, node: ast.AST, context: _Context) -> _Context:
    """Where a node is; functions inside a function count as its own."""
    wording = context.is_wording or is_wording(node)
    if isinstance(place.owner, ast.FunctionDef) and context.is_function and not context.is_in_body:
        is_in_body = place.name != "args"
        return _Context(context.scope, is_function=True, is_in_body=is_in_body, is_wording=wording)
    if isinstance(node, ast.FunctionDef | ast.ClassDef) and not context.is_function:
        scope = f"{context.scope}.{node.name}" if context.scope else node.name
        return _Context(scope, is_function=isinstance(node, ast.FunctionDef), is_wording=wording)
    return _Context(context.scope, context.is_function, context.is_in_body, wording)


def _is_for_type_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _change(node: ast.AST, other: ast.AST) -> str:
    if isinstance(node, ast.Call) and isinstance(other, ast.Call):
        (left_out,) = (keyword.arg for keyword in node.keywords if keyword not in other.keywords)
        return f"{ast.unparse(node.func)}({left_out}=...) left to its default"
    return _difference(_shown(node), _shown(other))


def _difference(before: str, after: str) -> str:
    """Both, from shortly before they part on; long ones are cut."""
    same = next((i for i, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), 0)
    start = max(0, same - _SHOWN_BEFORE)
    shown = (f"{'...' if start else ''}{text[start:][:_SHOWN_CHARS]}" for text in (before, after))
    return " -> ".join(shown)


def _shown(node: ast.AST) -> str:
    """A node in one short line; of what has a body, the head."""
    if isinstance(node, ast.comprehension):
        return " if ".join(["for", *map(ast.unparse, node.ifs)])
    if isinstance(node, ast.ExceptHandler):
        return f"except {ast.unparse(node.type) if node.type else ''}"
    return " ".join(ast.unparse(node).partition(":\n")[0].split())
