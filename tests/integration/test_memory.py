"""Answers made to fill the memory: refused, at once, by a process that stays small."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from de_classes.simulators.server import SimulatorServer
from de_classes.simulators.settings import SimulatorSettings
from tests.fakes.sources import ROOT

MEBIBYTE = 1024**2
MOST = 256 * MEBIBYTE
SECONDS = 1.0
SETTINGS = SimulatorSettings(jitter_seconds=0, total_records=100, huge_body_bytes=1024 * MEBIBYTE)

pytestmark = pytest.mark.slow


def fetch(faults: str, transport: str, concurrency: int = 1) -> dict[str, Any]:
    """What a client in a process of its own has to say about this server."""
    with SimulatorServer(SETTINGS, faults=faults) as server:
        asked = {
            "base_url": server.base_url,
            "login_url": server.login_url,
            "username": server.username,
            "password": server.password,
            "transport": transport,
            "concurrency": concurrency,
        }
        done = subprocess.run(
            [sys.executable, "-m", "tests.fakes.peak_memory"],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(ROOT / "layers" / "de_classes"), str(ROOT)]),
            },
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("transport", ["http.client", "requests"])
@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("huge-body", "ProtocolError"),
        ("gzip-bomb", "ProtocolError"),
        ("deep-nesting", "IncompleteRunError"),
        ("long-integer", "IncompleteRunError"),
    ],
)
def test_F19_F20_an_answer_made_to_fill_the_memory_does_not(fault: str, outcome: str, transport: str) -> None:
    told = fetch(f"{fault}=1", transport)
    assert told["outcome"] == outcome
    assert told["peak"] < MOST
    assert told["seconds"] < SECONDS  # of processor time, all that led to the refusal included


def test_the_same_process_takes_sound_pages_and_is_measured_the_same_way() -> None:
    told = fetch("server-error-500=0", "http.client")
    assert told["outcome"] == "100 records"
    assert 8 * MEBIBYTE < told["before"] <= told["peak"] < MOST
