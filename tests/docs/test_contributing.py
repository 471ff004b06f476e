"""What CONTRIBUTING, SECURITY, CHANGELOG and the hooks promise to whoever changes something."""

from __future__ import annotations

import re
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from de_classes.version import VERSION
from tests.fakes.documents import ROOT

if TYPE_CHECKING:
    from pathlib import Path

CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
REPOSITORIES = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
HOOKS = [hook for repository in REPOSITORIES for hook in repository["hooks"]]
FINDS = {
    "ruff": ("import os\n", "F401"),
    "ruff-format": ("x = [1,2]\n", "would be reformatted"),
    "mypy": ('x: int = "1"\n', "Incompatible types"),
}


def test_every_hook_is_local_so_that_its_versions_are_those_of_the_lock() -> None:
    assert {repository["repo"] for repository in REPOSITORIES} == {"local"}
    assert {hook["id"] for hook in HOOKS} == FINDS.keys()
    assert all(hook["language"] == "system" and hook["entry"].startswith(".venv/bin/") for hook in HOOKS)


@pytest.mark.parametrize(
    "hook",
    [
        pytest.param(hook, id=hook["id"], marks=[pytest.mark.slow] if hook["id"] == "mypy" else [])
        for hook in HOOKS
    ],
)
def test_a_hook_refuses_what_it_is_there_for(hook: dict[str, Any], tmp_path: Path) -> None:
    text, found = FINDS[hook["id"]]
    bad = tmp_path / "bad.py"
    bad.write_text(text, encoding="utf-8")
    cache = ["--cache-dir", str(tmp_path)] if hook["id"] == "mypy" else ["--no-cache"]
    command = [*shlex.split(hook["entry"]), *cache, str(bad)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert found in done.stdout + done.stderr


def test_the_changelog_has_a_place_for_what_comes_and_a_date_for_what_came() -> None:
    releases = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    assert releases[0] == "[Unreleased]"
    assert re.fullmatch(rf"\[{re.escape(VERSION)}\] - \d{{4}}-\d\d-\d\d", releases[1])
    assert set(re.findall(r"^### (.*)$", CHANGELOG, re.MULTILINE)) == KINDS


def test_security_says_where_to_report_and_what_is_held() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert "Report a vulnerability" in text
    assert "(docs/security.md)" in text
