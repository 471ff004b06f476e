from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from tools.mutation.mutants import mutants_of
from tools.mutation.scope import LIBRARY

if TYPE_CHECKING:
    from pathlib import Path


def mutated(tmp_path: Path, source: str) -> list[str]:
    """The module as each mutant spells it, without what all spell alike."""
    path = tmp_path / "module.py"
    path.write_text(source)
    spelled = []
    for index in range(len(mutants_of(path))):
        mutant = mutants_of(path)[index]
        mutant.compiled()
        spelled.append(ast.unparse(mutant.tree))
    return spelled


def names(tmp_path: Path, source: str) -> list[str]:
    path = tmp_path / "module.py"
    path.write_text(source)
    return [mutant.name for mutant in mutants_of(path)]


@pytest.mark.parametrize(
    ("source", "others"),
    [
        ("a < b", ["a <= b"]),
        ("a in b", ["a not in b"]),
        ("a is not b", ["a is b"]),
        ("a and b", ["a or b"]),
        ("not a", ["a"]),
        ("-a", ["a"]),
        ("a + b", ["a - b"]),
        ("a | b", ["a & b"]),
        ("x = True", ["x = False"]),
        ("x = 0.5", ["x = 1.5"]),
        ("x = 'key'", ["x = ''"]),
        ("x = ''", ["x = 'mutated'"]),
        ("x = None", []),
        ("x = min(a)", ["x = max(a)"]),
        ("x = [a for a in b if c]", ["x = [a for a in b]"]),
        ("x = a if b else c", ["x = a if True else c", "x = a if False else c"]),
        ("if a:\n    b", ["if True:\n    b", "if False:\n    b"]),
        ("while a:\n    b", ["while False:\n    b"]),
        ("call(a)", ["pass"]),
        ("x = call(a, b=c)", ["x = call(a)"]),
        ("x.y = a", ["pass"]),
        ("x += a", ["x -= a", "pass"]),
        ("def f():\n    return a", ["def f():\n    return"]),
        ("def f():\n    return False", ["def f():\n    return True"]),
        ("try:\n    a\nexcept (B, C):\n    d", [f"try:\n    a\nexcept ({each},):\n    d" for each in "CB"]),
    ],
)
def test_each_change_is_made_once(tmp_path: Path, source: str, others: list[str]) -> None:
    assert mutated(tmp_path, source) == others


@pytest.mark.parametrize(
    "source",
    [
        '"""What it is for."""',
        "def f(a: 'int' = None) -> 'str': ...",
        "@cache(True)\nclass A: ...",
        "if TYPE_CHECKING:\n    from a import b",
        "x = f'{a} of many'",
    ],
    ids=["docstring", "annotations", "decorator", "types", "wording"],
)
def test_what_no_test_should_pin_down_is_left_alone(tmp_path: Path, source: str) -> None:
    assert mutated(tmp_path, source) == []


def test_what_an_error_or_a_log_says_is_left_alone_but_not_that_it_is_said(tmp_path: Path) -> None:
    assert mutated(tmp_path, "raise Error('words')") == ["pass"]
    assert mutated(tmp_path, "log.warning('words')") == ["pass"]


SOURCE = """
LIMIT = 1
class A:
    size = 2
    def f(self, a=3):
        def g():
            return 4
        return g() + 5
"""


def test_a_mutant_knows_the_function_whose_code_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(SOURCE)
    places = {(mutant.scope, mutant.is_in_body, mutant.line) for mutant in mutants_of(path)}
    assert places == {("", False, 2), ("A", False, 4), ("A.f", False, 5), ("A.f", True, 7), ("A.f", True, 8)}


def test_names_are_unique_and_do_not_change_with_the_lines_above(tmp_path: Path) -> None:
    source = "def f(a):\n    return a + 1 + 1\n"
    found = names(tmp_path, source)
    assert len(found) == len(set(found))
    assert "f: 1 -> 2 #2" in found
    assert names(tmp_path, f"\n\n{source}") == found


@pytest.mark.parametrize("module", LIBRARY.modules())
def test_what_is_said_to_be_equivalent_is_a_mutant_and_has_a_reason(module: str) -> None:
    excused = LIBRARY.equivalent.get(module, {})
    assert set(excused) <= {mutant.name for mutant in mutants_of(LIBRARY.source_of(module))}
    assert all(excused.values())
    assert len(excused) <= 6


def test_no_module_is_excused_that_is_not_looked_at() -> None:
    assert set(LIBRARY.equivalent) <= set(LIBRARY.modules())


def test_a_scope_is_narrowed_by_words() -> None:
    assert LIBRARY.narrowed("walk, token").modules() == ["api/token", "api/walk", "api/followed_walk"]
    assert LIBRARY.narrowed("") == LIBRARY
