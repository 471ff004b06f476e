"""Lint, format and types are promises too, so they are tests."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.fakes.sources import ROOT

COMMANDS = {
    "ruff-check": ["ruff", "check", "--output-format", "concise", "."],
    "ruff-format": ["ruff", "format", "--check", "."],
    "mypy": ["mypy"],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_the_tool_finds_nothing(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
