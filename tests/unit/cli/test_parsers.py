from __future__ import annotations

import pytest

from de_classes.__main__ import main


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 0
    return capsys.readouterr().out


def test_the_list_of_commands_is_the_same_whether_simulate_is_named_or_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "simulate" in said(capsys, "--help")
    assert said(capsys, "--help") == said(capsys, "--help", "simulate")


def test_simulate_has_all_its_words_once_it_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--list-faults" in said(capsys, "simulate", "--help")
    assert "F01" in said(capsys, "simulate", "--help-all")
