"""The environment of the programs that check the template and the simulators from outside."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from typing import IO, TYPE_CHECKING, Any

from tests.fakes.running import RUNNING
from tests.fakes.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SECONDS = 170
TRANSLATE = ("python", ROOT / "tests" / "fakes" / "translate_template.py", ROOT / "template.yaml")


def program(name: str) -> Path:
    """One of its programs; says how to get it where it is missing."""
    path = ROOT / ".venvs" / "checks" / "bin" / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: run the tests by make test, which sets it up")
    return path


def environment(folder: Path) -> dict[str, str]:
    """Nothing of the user's: no account, no configuration, no network needed."""
    own = {"PATH": os.defpath, "HOME": str(folder), "AWS_DEFAULT_REGION": "us-east-1"}
    return {**own, "LANG": "C.UTF-8", "COLUMNS": "200"}


def run(
    name: str, *arguments: str | Path, folder: Path = ROOT, given: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program in that environment."""
    return subprocess.run(
        [str(program(name)), *map(str, arguments)],
        cwd=folder,
        env=environment(folder),
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


@cache
def translated(*parameters: str, changed: str | None = None) -> dict[str, Any]:
    """What AWS would make of the template, by ``NAME=VALUE`` for its parameters, and with a changed layer."""
    asked, answers = _translator()
    asked.write(_question(dict(each.split("=", 1) for each in parameters), changed))
    asked.flush()
    document: dict[str, Any] = json.loads(answers.readline())
    return document


def translated_each(values: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """The same for each of these values, name to value; in a process of its own."""
    done = run(*TRANSLATE, given="".join(_question(each, None) for each in values))
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _question(parameters: Mapping[str, str], changed: str | None) -> str:
    return json.dumps({"parameters": parameters, "changed": changed}) + "\n"


@cache
def _translator() -> tuple[IO[str], IO[str]]:
    """Started once, since to start it takes twenty times as long as to translate."""
    name, *arguments = TRANSLATE
    process = subprocess.Popen(
        [str(program(str(name))), *map(str, arguments)],
        cwd=ROOT,
        env=environment(ROOT),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    RUNNING.enter_context(process)  # which closes its pipes, and so it ends
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout
