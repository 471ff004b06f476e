"""Without Chromium, or what could install it, the script says so: skipped on a laptop, failed in CI."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.fakes.sources import ROOT

FOLDER = ROOT / "tools" / "browser"
SCRIPT = FOLDER / "with-browser.sh"
NEEDED = ("bash", "env", "dirname", "id", "cmp", "cp", "rm", "mkdir", "mktemp", "tail")
BROWSER = ("chromium", "chromedriver")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A path with a shell on it and little else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for program in NEEDED:
        found = next(each / program for each in map(Path, ("/bin", "/usr/bin")) if (each / program).exists())
        (folder / program).symlink_to(found)
    return folder


def with_programs(folder: Path, *names: str, text: str = "exit 0") -> None:
    for name in names:
        (folder / name).write_text(f"#!/usr/bin/env bash\n{text}\n")
        (folder / name).chmod(0o755)


def run(path: Path, *, ci: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": str(path), "CI": ci, "AXE_FOLDER": str(path.parent / "axe")}
    return subprocess.run(
        [str(SCRIPT), "env"], env=environment, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize(
    ("ci", "status", "said"), [("", 0, "skipped: no chromium"), ("true", 1, "no chromium")]
)
def test_without_a_browser_it_is_skipped_and_fails_in_ci(bare: Path, ci: str, status: int, said: str) -> None:
    done = run(bare, ci=ci)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr


@pytest.mark.parametrize(("ci", "status"), [("", 0), ("true", 1)])
def test_without_axe_it_is_skipped_and_fails_in_ci(bare: Path, ci: str, status: int) -> None:
    with_programs(bare, *BROWSER)
    with_programs(bare, "npm", text="exit 7")
    done = run(bare, ci=ci)
    assert (done.returncode, done.stdout) == (status, "")
    assert "npm could not install axe-core" in done.stderr


def test_what_is_there_is_used_and_axe_is_installed_once(bare: Path) -> None:
    with_programs(bare, *BROWSER)
    with_programs(bare, "npm", text='echo called >>"$AXE_FOLDER/../calls"')
    for _ in range(2):
        done = run(bare, ci="true")
        assert done.returncode == 0, done.stderr
        assert f"AXE={bare.parent}/axe/node_modules/axe-core/axe.min.js" in done.stdout.splitlines()
    assert (bare.parent / "calls").read_text() == "called\n"


def test_the_command_is_asked_for(bare: Path) -> None:
    done = subprocess.run([str(SCRIPT)], env={"PATH": str(bare)}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "usage" in done.stderr


def test_the_lock_pins_by_hash_and_names_no_host() -> None:
    lock = (FOLDER / "package-lock.json").read_text()
    assert '"integrity": "sha512-' in lock
    assert "://" not in lock
