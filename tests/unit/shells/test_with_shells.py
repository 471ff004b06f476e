"""Without zsh or fish, or what could install them, the script says so: skipped on a laptop, failed in CI."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.fakes.sources import ROOT
from tests.unit.browser.test_with_browser import bare, with_programs

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = ROOT / "tools" / "shells" / "with-shells.sh"
__all__ = ["bare"]  # the fixture


def run(path: Path, *, ci: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": str(path), "CI": ci}
    return subprocess.run(
        [str(SCRIPT), "env"], env=environment, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)])
def test_without_a_shell_it_is_skipped_and_fails_in_ci(bare: Path, ci: str, status: int) -> None:
    with_programs(bare, "zsh")
    done = run(bare, ci=ci)
    assert (done.returncode, done.stdout) == (status, "")
    assert "no zsh fish here" in done.stderr


def test_where_both_are_the_command_is_run(bare: Path) -> None:
    with_programs(bare, "zsh", "fish")
    done = run(bare, ci="true")
    assert done.returncode == 0
    assert "CI=true" in done.stdout.splitlines()
