from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scoreboard.__main__ import main
from scoreboard.figures import Verdict, load

if TYPE_CHECKING:
    from pathlib import Path


def test_our_own_client_is_complete_or_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = "empty-page,forbidden-403"
    status = main(["--clients", "de-classes", "--cases", cases, "--docs", str(tmp_path)])
    assert status == 0
    board = load(tmp_path / "scoreboard.json")
    assert [(run.case, run.verdict) for run in board.runs] == [
        ("empty-page", Verdict.COMPLETE),
        ("forbidden-403", Verdict.REFUSED),
    ]
    assert capsys.readouterr().out.splitlines()[1].split()[:4] == ["de-classes", "defaults", "1", "1"]
    assert "| de-classes | defaults | 1 | 1 |" in (tmp_path / "scoreboard.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("options", [["--clients", "curl"], ["--cases", "F99"]])
def test_a_mistake_in_the_command_is_said(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(options) == 2
    assert capsys.readouterr().err.startswith("scoreboard: '")


@pytest.mark.slow
def test_every_client_runs_in_the_environment_that_is_locked_for_it(tmp_path: Path) -> None:
    cases = "nothing,server-error-500,error-200"
    assert main(["--cases", cases, "--docs", str(tmp_path)]) == 0
    board = load(tmp_path / "scoreboard.json")
    tuned = [run for run in board.runs if run.variant == "tuned" or run.client == "de-classes"]
    assert {run.verdict for run in tuned if run.case == "server-error-500"} == {Verdict.COMPLETE}
    assert {run.client for run in board.runs} == {"de-classes", "requests", "dlt", "singer", "airbyte"}
