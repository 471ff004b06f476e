"""The keeper runs the emulator behind the gate, and ends it when its parent is gone.

Here the emulator is one that only says what it was given, and waits.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import localcloud
from localcloud.keeper import salted

ROOT = Path(localcloud.__file__).parent.parent
PATIENT = """
import os, signal, sys
from ministack.core import lambda_runtime

async def app(scope, receive, send):
    raise AssertionError

def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
    print(type(app).__name__, lambda_runtime.execution_credentials({"FunctionArn": "arn"}), flush=True)
    print(sys.argv, dict(os.environ), flush=True)
    signal.pause()
"""
FUNCTIONS = """
def execution_credentials(configuration):
    return configuration["FunctionArn"]
"""
ADMISSION = {"hosts": ["127.0.0.1:1"], "access_key": "AKIA", "secret_key": "a secret"}
PROMPT_SECONDS = 10


def keep(folder: Path) -> subprocess.Popen[str]:
    (folder / "ministack" / "core").mkdir(parents=True)
    (folder / "ministack" / "app.py").write_text(PATIENT)
    (folder / "ministack" / "core" / "lambda_runtime.py").write_text(FUNCTIONS)
    process = subprocess.Popen(
        [sys.executable, "-m", "localcloud.keeper"],
        cwd=ROOT,
        env={"PATH": os.defpath, "PYTHONPATH": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(ADMISSION) + "\n")
    process.stdin.flush()
    return process


def test_the_emulator_is_behind_the_gate_and_its_credentials_cannot_be_computed(tmp_path: Path) -> None:
    with keep(tmp_path) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        served, arn = process.stdout.readline().split()
        shown = process.stdout.readline()
        process.stdin.close()
    assert served == "Gate"
    assert arn.startswith("arn:")
    assert len(arn.removeprefix("arn:")) == 64
    assert ADMISSION["secret_key"] not in shown


def test_it_ends_when_the_parents_end_of_the_pipe_closes(tmp_path: Path) -> None:
    with keep(tmp_path) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline()
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(PROMPT_SECONDS) == 3


def test_it_does_not_serve_when_its_parent_was_gone_before_it_said_who_may_come_in(tmp_path: Path) -> None:
    (tmp_path / "ministack").mkdir()
    (tmp_path / "ministack" / "app.py").write_text("print('started')")
    done = subprocess.run(
        [sys.executable, "-m", "localcloud.keeper"],
        cwd=ROOT,
        env={"PATH": os.defpath, "PYTHONPATH": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PROMPT_SECONDS,
    )
    assert done.returncode
    assert done.stdout == ""


def test_salt_is_added_to_what_is_hashed_and_to_nothing_else() -> None:
    def issue(configuration: dict[str, Any]) -> dict[str, str]:
        return configuration

    given = {"FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:f:1", "Role": "r"}
    assert salted(issue, "salt")(given) == {**given, "FunctionArn": f"{given['FunctionArn']}:salt"}
    assert salted(issue, "salt")({"Role": "r"}) == {"Role": "r"}
