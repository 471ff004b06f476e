"""Each cure, taken out, is seen to be missing: or what is tried here would share the library's picture."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from tests.fakes.sources import LIBRARY
from tests.invented.undoing import CURED, UNDONE, Undone, first_failure

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("undone", UNDONE, ids=lambda each: each.fault)
def test_a_cure_is_where_it_is_taken_out(undone: Undone) -> None:
    for change in undone.changes:
        without = change.applied((LIBRARY / change.file).read_text())
        assert ast.dump(ast.parse(without)) != ast.dump(ast.parse((LIBRARY / change.file).read_text()))


def test_every_cure_is_taken_out_once() -> None:
    assert [each.fault for each in UNDONE] == list(CURED)


@pytest.mark.slow
@pytest.mark.parametrize("undone", UNDONE, ids=lambda each: each.fault)
def test_without_a_cure_a_run_fails_within_two_thousand_examples(undone: Undone, tmp_path: Path) -> None:
    undone.write(tmp_path)
    assert first_failure(tmp_path, 2000) is not None, f"nothing shows that the library {undone.what}"


@pytest.mark.slow
def test_with_every_cure_nothing_fails_that_did_not(tmp_path: Path) -> None:
    """A copy is what the library is: it is the cure that makes the difference."""
    Undone("none", "is as it is", ()).write(tmp_path)
    assert first_failure(tmp_path, 100) is None
