"""Lint and format are promises too, so they are tests; types are checked by ``make types``."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from localcloud.workspace import Workspace
from tests.fakes.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = {
    "ruff-check": ["ruff", "check", "--output-format", "concise", "."],
    "ruff-format": ["ruff", "format", "--check", "."],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_the_tool_finds_nothing(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_template_is_valid_and_lints_clean(tmp_path: Path) -> None:
    sam = Workspace.default().sam
    environment = {
        "PATH": os.defpath,
        "HOME": str(tmp_path),
        "AWS_DEFAULT_REGION": "us-east-1",
        "SAM_CLI_TELEMETRY": "0",
    }
    done = subprocess.run(
        [str(sam), "validate", "--lint"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
