"""Without PostgreSQL, or what could install it, the script says so: skipped on a laptop, failed in CI."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.fakes.sources import ROOT

SCRIPT = ROOT / "tools" / "postgres" / "with-postgres.sh"
NEEDED = ("bash", "env", "dirname", "id")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A path with a shell on it and little else."""
    for program in NEEDED:
        found = next(each / program for each in map(Path, ("/bin", "/usr/bin")) if (each / program).exists())
        (tmp_path / program).symlink_to(found)
    return tmp_path


def run(path: Path, *words: str, ci: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": str(path), "CI": ci, "INSTALLED": str(path / "postgresql")}
    return subprocess.run(
        [str(SCRIPT), *words], env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def test_on_a_laptop_it_is_skipped_and_says_why(bare: Path) -> None:
    done = run(bare, "env")
    assert (done.returncode, done.stdout) == (0, "")
    assert "skipped: no PostgreSQL here" in done.stderr


def test_in_ci_it_fails(bare: Path) -> None:
    done = run(bare, "env", ci="true")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no PostgreSQL here" in done.stderr


def test_where_it_is_installed_the_command_is_run(bare: Path) -> None:
    server = bare / "postgresql" / "15" / "bin" / "postgres"
    server.parent.mkdir(parents=True)
    server.touch()
    assert f"INSTALLED={bare}/postgresql\n" in run(bare, "env").stdout


def test_the_command_is_asked_for(bare: Path) -> None:
    done = run(bare)
    assert done.returncode == 1
    assert "usage" in done.stderr
