"""Where there is no Docker engine, the tests that need one say so: skipped on a laptop, failed in CI."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.fakes.sources import ROOT
from tools.containers import engine

NO_ENGINE = "unix:///nonexistent/docker.sock"


def run_tests(*options: str, ci: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options, "tests/containers/test_limits.py"],
        cwd=ROOT,
        env={**os.environ, "DOCKER_HOST": NO_ENGINE, "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_reason_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE)
    assert "with-engine.sh" in str(engine.problem())


def test_on_a_laptop_they_are_skipped_and_say_why() -> None:
    done = run_tests("-m", "containers", ci="")
    assert done.returncode == 0, done.stdout
    assert "skipped" in done.stdout
    assert "no Docker engine answers" in done.stdout


def test_in_ci_they_fail() -> None:
    done = run_tests("-m", "containers", ci="true")
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "no Docker engine answers" in done.stdout


def test_they_run_only_when_asked_for() -> None:
    done = run_tests(ci="true")
    assert done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "deselected" in done.stdout
