"""The published table is the published figures, and ours are what is promised."""

from __future__ import annotations

import functools

import pytest

from scoreboard.cases import cases
from scoreboard.contestants import CONTESTANTS, OURS
from scoreboard.figures import Verdict, load
from scoreboard.tables import page
from tests.fakes.documents import ROOT

BOARD = load(ROOT / "docs" / "scoreboard.json")
LINES = [(each.name, variant) for each in CONTESTANTS for variant in each.variants]


def test_the_page_says_what_the_figures_say() -> None:
    assert (ROOT / "docs" / "scoreboard.md").read_text(encoding="utf-8") == page(BOARD)


def test_every_client_was_run_with_every_setting() -> None:
    assert BOARD.lines == LINES
    assert [*BOARD.versions] == [each.name for each in CONTESTANTS]
    assert all(BOARD.versions.values())


@functools.cache
def expected() -> list[tuple[str, int]]:
    return [(case.name, case.seed) for case in cases(seeds=BOARD.seeds)]


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_every_client_met_every_case_with_the_same_seeds(line: tuple[str, str]) -> None:
    met = [(run.case, run.seed) for run in BOARD.of(*line)]
    assert met == expected()


def test_ours_loses_nothing_doubles_nothing_and_never_says_so_falsely() -> None:
    ours = [run for run in BOARD.runs if run.client == OURS.name]
    wrong = [run for run in ours if run.lost or run.doubled or run.foreign or run.leaks]
    assert wrong == []
    assert {run.verdict for run in ours} == {Verdict.COMPLETE, Verdict.REFUSED}
