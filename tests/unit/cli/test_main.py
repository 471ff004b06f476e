"""The program itself, before any of its commands."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from de_classes.__main__ import PROGRAMS, main
from de_classes.cli.parsers import COMMANDS
from de_classes.version import VERSION
from tests.fakes.sources import LIBRARY

if TYPE_CHECKING:
    from pathlib import Path

HELP = "verify: for help: python -m de_classes verify --help\n"
ANOTHER_LOCALE = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize("locale", ["C", "POSIX"])
def test_names_are_in_utf_8_whatever_the_locale_says(locale: str, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "de_classes", "verify", f"{tmp_path}/ä東.json"]
    environment = {**os.environ, **ANOTHER_LOCALE, "LC_ALL": locale, "PYTHONPATH": str(LIBRARY.parent)}
    done = subprocess.run(words, env=environment, capture_output=True, check=False)
    said = f"verify: {tmp_path}/ä東.json cannot be read: No such file or directory\n"
    assert done.stderr.decode() == said + HELP


def test_every_command_has_a_program_that_can_be_run() -> None:
    assert list(COMMANDS) == list(PROGRAMS)
    assert all(callable(import_module(program).run) for program in PROGRAMS.values())


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert (left.value.code, capsys.readouterr().out) == (0, f"de-classes {VERSION}\n")


def test_ctrl_c_ends_any_command_as_shells_have_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(PROGRAMS, "verify", __name__)
    assert main(["verify", "receipt.json"]) == 130
    assert capsys.readouterr().err == "verify: interrupted\n"


def run(_: object) -> int:
    """A program at which somebody presses Ctrl-C."""
    raise KeyboardInterrupt
