"""The script for TAB; tests/shells/ types in zsh and fish too."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from de_classes.__main__ import PROGRAMS, main
from tests.shells.test_completion import offered

if TYPE_CHECKING:
    from pathlib import Path


def test_bash_offers_the_commands_and_their_options(tmp_path: Path) -> None:
    assert {*PROGRAMS} <= {*offered("bash", "de-classes ", tmp_path)}
    assert offered("bash", "de-classes clean --sup", tmp_path) == ["--superseded"]


def test_the_script_is_of_the_installed_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--completion", "bash"])
    assert left.value.code == 0
    assert "complete -o bashdefault -F _shtab_de_classes de-classes" in capsys.readouterr().out


def test_what_writes_it_is_named_where_it_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    with pytest.raises(SystemExit) as left:
        main(["--completion", "zsh"])
    assert left.value.code == 2
    assert "pip install 'de-classes[completion]'" in capsys.readouterr().err
