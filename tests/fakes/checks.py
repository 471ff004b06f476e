"""The environment of the programs that check the template and the simulators from outside."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.fakes.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SECONDS = 170
TRANSLATE = ROOT / "tests" / "fakes" / "translate_template.py"


def program(name: str) -> Path:
    """One of its programs; says how to get it where it is missing."""
    path = ROOT / ".venvs" / "checks" / "bin" / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: run the tests by make test, which sets it up")
    return path


def run(
    name: str, *arguments: str | Path, folder: Path = ROOT, given: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program without anything of the user's: no account, no configuration, no network needed."""
    environment = {"PATH": os.defpath, "HOME": str(folder), "AWS_DEFAULT_REGION": "us-east-1"}
    return subprocess.run(
        [str(program(name)), *map(str, arguments)],
        cwd=folder,
        env={**environment, "LANG": "C.UTF-8", "COLUMNS": "200"},
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


@cache
def translated(*arguments: str) -> dict[str, Any]:
    """What AWS would make of the template, with these values for its parameters."""
    done = run("python", TRANSLATE, ROOT / "template.yaml", *arguments)
    if done.returncode:
        raise RuntimeError(done.stderr)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def translated_each(values: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """The same for each of these values, name to value; all in one process."""
    done = run("python", TRANSLATE, ROOT / "template.yaml", "--each", given=json.dumps(list(values)))
    if done.returncode:
        raise RuntimeError(done.stderr)
    documents: list[dict[str, Any]] = json.loads(done.stdout)
    return documents
