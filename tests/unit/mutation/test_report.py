from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tools.mutation.document import END, START, Spent, write_documents
from tools.mutation.forks import Fate
from tools.mutation.mutants import mutants_of
from tools.mutation.report import Report

if TYPE_CHECKING:
    from pathlib import Path

FATES = [Fate.KILLED] * 8 + [Fate.TIMED_OUT, Fate.SURVIVED]


def report(tmp_path: Path) -> Report:
    """Of one group at 90 %, and one at 100 %."""
    path = tmp_path / "module.py"
    path.write_text("LIMIT = 1\n")
    (mutant,) = mutants_of(path)
    counted = Report({"weak": ["api/a"], "strong": ["api/b"], "none": ["api/c"]})
    for fate in FATES:
        counted.add("api/a", mutant, fate)
    counted.add("api/b", mutant, Fate.KILLED)
    return counted


def test_a_mutant_that_never_ends_counts_as_noticed(tmp_path: Path) -> None:
    assert "| `api/a.py` | 10 | 8 | 1 | 1 | 90.0 % |" in report(tmp_path).table()


def test_only_groups_under_the_bound_are_weak(tmp_path: Path) -> None:
    assert report(tmp_path).below(90.0) == []
    assert report(tmp_path).below(90.1) == ["weak"]


def test_survivors_are_named_with_their_place(tmp_path: Path) -> None:
    assert report(tmp_path).survivors() == ["api/a.py:1: module: 1 -> 2"]


def test_the_figures_replace_those_of_before_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "mutation.md"
    page.write_text(f"Before.\n{START}old\n{END}After.\n")
    write_documents(report(tmp_path), tmp_path, date="2026-01-01", spent=Spent(120.0, 61.0))
    text = page.read_text()
    assert text.startswith(f"Before.\n{START}\n2026-01-01, Python ")
    assert ", 2.0 minutes, 1.0 of processor time." in text
    assert text.endswith(f"| 100.0 % |\n\n{END}After.\n")
    figures = json.loads((tmp_path / "mutation.json").read_text())
    assert figures["scores"] == {"weak": 90.0, "strong": 100.0, "none": 100.0}
    assert figures["modules"]["weak"]["api/a"]["survivors"] == ["1: module: 1 -> 2"]
