"""The keeper runs the emulator behind the gate, and ends it when its parent is gone.

Here the emulator is one that only says what it was given, and waits.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import localcloud
from localcloud.keeper import SharedArchive, salted

ROOT = Path(localcloud.__file__).parent.parent
PATIENT = """
import os, signal, sys
from ministack.core import lambda_runtime

async def app(scope, receive, send):
    raise AssertionError

def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
    print(lambda_runtime.zipfile.ZipFile.__name__, lambda_runtime.zipfile.BadZipFile.__name__, flush=True)
    print(type(app).__name__, lambda_runtime.execution_credentials({"FunctionArn": "arn"}), flush=True)
    print(sys.argv, dict(os.environ), flush=True)
    signal.pause()
"""
FUNCTIONS = """
def execution_credentials(configuration):
    return configuration["FunctionArn"]
"""
ADMISSION = {"hosts": ["127.0.0.1:1"], "access_key": "AKIA", "secret_key": "a secret"}
PROMPT_SECONDS = 60  # what is prompt on a machine that has time is slow on one that has none


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
        archives = process.stdout.readline().split()
        served, arn = process.stdout.readline().split()
        shown = process.stdout.readline()
        process.stdin.close()
    assert archives == ["SharedArchive", "BadZipFile"]
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


def test_an_archive_is_unpacked_once_and_one_that_differs_for_itself(tmp_path: Path) -> None:
    class Archive(SharedArchive):
        folder = tmp_path / "unpacked"

    def unpacked(name: str, content: str) -> tuple[list[str], Path]:
        archive, target = tmp_path / f"{name}.zip", tmp_path / name
        with zipfile.ZipFile(archive, "w") as packed:
            packed.writestr(zipfile.ZipInfo("python/module.py"), content)
        target.mkdir()
        with Archive(archive) as packed:
            to_look_through = packed.namelist()
            packed.extractall(target)
        assert (target / "python" / "module.py").read_text() == content
        return to_look_through, (target / "python" / "module.py").resolve()

    first, file = unpacked("layer_0", "x = 1")
    (tmp_path / "layer_0").unlink()  # as a process ends, whose folder is removed
    assert first == ["python/module.py"]
    assert unpacked("layer_1", "x = 1") == ([], file)
    other, another = unpacked("layer_2", "x = 2")
    assert other == ["python/module.py"]
    assert another != file
