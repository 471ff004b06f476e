"""Small changes to a syntax tree, one at a time: each stands for a mistake that somebody could make.

Left alone is what no test should pin down: docstrings, annotations, decorators, what is for type checkers,
and the wording of messages, which is every text in an f-string, in a ``raise`` or in a call of a logger.
"""

from __future__ import annotations

import ast
import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Operator = Callable[[ast.AST], Iterator[ast.AST]]

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
_LOGGING = frozenset({"debug", "info", "warning", "error", "exception"})


def replacements(node: ast.AST) -> Iterator[ast.AST]:
    """Everything that could stand in a node's place."""
    for operator in OPERATORS:
        yield from operator(node)


def is_wording(node: ast.AST) -> bool:
    """Whether the texts below a node are words for people."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in _LOGGING
    return isinstance(node, ast.JoinedStr | ast.Raise)


def is_docstring(node: ast.AST) -> bool:
    """Whether a statement is nothing but a text, or an ellipsis."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _changed(node: ast.AST, **fields: object) -> ast.AST:
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def _comparison(node: ast.AST) -> Iterator[ast.AST]:
    """``<`` for ``<=``, ``==`` for ``!=``, ``in`` for ``not in``."""
    if isinstance(node, ast.Compare):
        for index, operator in enumerate(node.ops):
            other = _COMPARISONS[type(operator)]()
            yield _changed(node, ops=[*node.ops[:index], other, *node.ops[index + 1 :]])


def _boolean(node: ast.AST) -> Iterator[ast.AST]:
    """``and`` for ``or``, and the other way round; no ``not``, no minus."""
    if isinstance(node, ast.BoolOp):
        yield _changed(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield node.operand


def _arithmetic(node: ast.AST) -> Iterator[ast.AST]:
    """``+`` for ``-``, ``*`` for ``/``, in assignments too."""
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _ARITHMETIC:
        yield _changed(node, op=_ARITHMETIC[type(node.op)]())


def _constant(node: ast.AST) -> Iterator[ast.AST]:
    """``True`` for ``False``, one more for a number, and nothing for a text."""
    if not isinstance(node, ast.Constant):
        return
    if isinstance(node.value, bool):
        yield _changed(node, value=not node.value)
    elif isinstance(node.value, int | float):
        yield _changed(node, value=node.value + 1)
    elif isinstance(node.value, str | bytes):
        something = "mutated" if isinstance(node.value, str) else b"mutated"
        yield _changed(node, value=something if not node.value else type(node.value)())


def _name(node: ast.AST) -> Iterator[ast.AST]:
    """``min`` for ``max``, ``any`` for ``all``."""
    if isinstance(node, ast.Name) and node.id in _NAMES:
        yield _changed(node, id=_NAMES[node.id])


def _condition(node: ast.AST) -> Iterator[ast.AST]:
    """A branch that is always taken, or never; a loop that is not entered."""
    if isinstance(node, ast.If | ast.IfExp):
        yield _changed(node, test=ast.Constant(value=True))
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        yield _changed(node, test=ast.Constant(value=False))
    if isinstance(node, ast.comprehension):
        for condition in node.ifs:
            yield _changed(node, ifs=[other for other in node.ifs if other is not condition])


def _returned(node: ast.AST) -> Iterator[ast.AST]:
    """``return`` without its value, unless that is as false as ``None``."""
    if isinstance(node, ast.Return) and node.value is not None:
        says_no = isinstance(node.value, ast.Constant) and not node.value.value
        yield from () if says_no else (_changed(node, value=None),)


def _statement(node: ast.AST) -> Iterator[ast.AST]:
    """A statement left out: a call, a raise, an assignment to what outlives the function."""
    is_call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    is_kept = isinstance(node, ast.Assign) and not isinstance(node.targets[0], ast.Name)
    if is_call or is_kept or isinstance(node, ast.Raise | ast.AugAssign | ast.Continue | ast.Break):
        yield ast.copy_location(ast.Pass(), node)


def _keyword(node: ast.AST) -> Iterator[ast.AST]:
    """A call that leaves an argument to its default."""
    if not isinstance(node, ast.Call):
        return
    for keyword in (each for each in node.keywords if each.arg is not None):
        yield _changed(node, keywords=[other for other in node.keywords if other is not keyword])


def _handler(node: ast.AST) -> Iterator[ast.AST]:
    """An ``except`` that catches one kind less."""
    if isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Tuple):
        for kind in node.type.elts:
            fewer = [other for other in node.type.elts if other is not kind]
            yield _changed(node, type=_changed(node.type, elts=fewer))


OPERATORS: tuple[Operator, ...] = (
    _comparison,
    _boolean,
    _arithmetic,
    _constant,
    _name,
    _condition,
    _returned,
    _statement,
    _keyword,
    _handler,
)
