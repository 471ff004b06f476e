"""Each cure, taken out, is seen to be missing: or what is tried here would share the library's picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.undone import Undone, first_failure
from tests.invented.runs import run_example
from tests.invented.undoing import CURED, UNDONE

if TYPE_CHECKING:
    from pathlib import Path


def first_of(examples: int, folder: Path) -> int | None:
    return first_failure("tests.invented", lambda seed: run_example(seed).is_failure, folder, examples)


@pytest.mark.parametrize("undone", UNDONE, ids=lambda each: each.fault)
def test_a_cure_is_where_it_is_taken_out(undone: Undone) -> None:
    assert undone.makes_a_difference


def test_every_cure_is_taken_out_once() -> None:
    assert [each.fault for each in UNDONE] == list(CURED)


@pytest.mark.slow
@pytest.mark.parametrize("undone", UNDONE, ids=lambda each: each.fault)
def test_without_a_cure_a_run_fails_within_two_thousand_examples(undone: Undone, tmp_path: Path) -> None:
    undone.write(tmp_path)
    assert first_of(2000, tmp_path) is not None, f"nothing shows that the library {undone.what}"


@pytest.mark.slow
def test_with_every_cure_nothing_fails_that_did_not(tmp_path: Path) -> None:
    """A copy is what the library is: it is the cure that makes the difference."""
    Undone("none", "is as it is", ()).write(tmp_path)
    assert first_of(100, tmp_path) is None
