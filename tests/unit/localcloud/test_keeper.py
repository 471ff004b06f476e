"""The keeper ends the emulator when its parent is gone. Here the emulator is one that only waits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import localcloud

KEEPER = Path(localcloud.__file__).with_name("keeper.py")
PATIENT = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
print("up", flush=True)
signal.pause()
"""
PROMPT_SECONDS = 10


def keep(folder: Path) -> subprocess.Popen[str]:
    (folder / "ministack.py").write_text(PATIENT)
    environment = {"PATH": os.defpath, "PYTHONPATH": str(folder)}
    process = subprocess.Popen(
        [sys.executable, str(KEEPER)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


def test_it_ends_when_the_parents_end_of_the_pipe_closes(tmp_path: Path) -> None:
    with keep(tmp_path) as process:
        assert process.poll() is None
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(PROMPT_SECONDS) == 3
