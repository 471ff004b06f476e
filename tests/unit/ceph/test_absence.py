"""Without Ceph, and without what could install it, the script says so: skipped on a laptop, failed in CI."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.fakes.sources import ROOT

SCRIPT = ROOT / "tools" / "ceph" / "with-server.sh"
NEEDED = ("bash", "env", "dirname", "id")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A path with a shell on it and little else."""
    for program in NEEDED:
        found = next(
            folder / program for folder in map(Path, ("/bin", "/usr/bin")) if (folder / program).exists()
        )
        (tmp_path / program).symlink_to(found)
    return tmp_path


def run(path: Path, *, ci: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": str(path), "CI": ci}
    return subprocess.run(
        [str(SCRIPT), "env"], env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def test_on_a_laptop_it_is_skipped_and_says_why(bare: Path) -> None:
    done = run(bare, ci="")
    assert (done.returncode, done.stdout) == (0, "")
    assert "skipped: no Ceph here" in done.stderr


def test_in_ci_it_fails(bare: Path) -> None:
    done = run(bare, ci="true")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no Ceph here" in done.stderr


def test_the_command_is_asked_for(bare: Path) -> None:
    done = subprocess.run([str(SCRIPT)], env={"PATH": str(bare)}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "usage" in done.stderr
