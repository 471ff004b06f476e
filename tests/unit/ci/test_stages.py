"""What .ci/run is made of: budgets that are kept or told, an end in any case, and a table."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.fakes.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

STAGES = ROOT / ".ci" / "stages.sh"
LIMIT = 240  # more than any of these takes, on a machine that stands still now and then
BUDGETS = {
    "units": 3,
    "proofs": 20,
    "matrix": 10,
    "cloud and package": 12,
    "stores and databases": 12,
    "containers, browser and shells": 10,
}


def script(*stages: str) -> list[str]:
    return ["bash", "-euo", "pipefail", "-c", "\n".join([f"source {STAGES}", *stages])]


def environment(limit: int = LIMIT) -> dict[str, str]:
    """A minute of a second."""
    return {"PATH": os.environ["PATH"], "MINUTE": "1", "GRACE": "1", "LIMIT": str(limit)}


def ran(*stages: str, limit: int = LIMIT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        script(*stages),
        env=environment(limit),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )


def test_every_stage_has_its_minutes_and_pytests_own_words_in_the_table() -> None:
    closing = "echo '=== 3 passed, 1 skipped in 0.12s ==='; echo '12 passed in 61.00s (0:01:01)'"
    done = ran(f'stage units 90 bash -c "{closing}"', "stage proofs 60 true")
    table = done.stdout.partition("=== minutes by stage\n")[2]
    assert done.returncode == 0
    assert re.fullmatch(
        r"units +\d+\.0 of +90 min  passed\n"
        r"    pytest: 3 passed, 1 skipped in 0\.12s\n"
        r"    pytest: 12 passed in 61\.00s \(0:01:01\)\n"
        r"proofs +\d+\.0 of 60 min  passed\n"
        rf"=== \d+\.0 of {LIMIT} min in all\n",
        table,
    )


def test_a_stage_that_takes_longer_than_its_budget_is_told_and_the_next_one_runs() -> None:
    done = ran("stage slow 1 sleep 2.5", "stage next 1 echo here")
    assert done.returncode == 0
    assert re.search(r"^WARNING: slow took \d+\.0 minutes, its budget is 1$", done.stdout, re.MULTILINE)
    assert re.search(r"slow +\d+\.0 of +1 min  passed, OVER ITS BUDGET", done.stdout)
    assert "\nhere\n" in done.stdout


def test_a_stage_that_fails_ends_the_run_with_its_status_and_the_table() -> None:
    done = ran('stage bad 60 bash -c "exit 7"', "stage next 60 echo here")
    assert done.returncode == 7
    assert "here" not in done.stdout
    assert re.search(r"=== minutes by stage\nbad +\d+\.0 of +60 min  FAILED \(7\)\n", done.stdout)


def test_a_stage_without_an_end_is_killed_when_the_time_is_used_up() -> None:
    stuck = "stage stuck 1 bash -c \"trap '' TERM; echo began; while :; do sleep 1; done\""
    for limit in (4, 20, 100):  # where the shell starts slowly, no time is left to begin the stage in
        done = ran(stuck, limit=limit)
        if "\nbegan\n" in done.stdout:
            break
    assert "\nbegan\n" in done.stdout
    assert done.returncode in {124, 137}
    assert re.search(r"stuck +\d+\.0 of +1 min  KILLED: no time was left, OVER ITS BUDGET", done.stdout)


def test_a_daemon_that_keeps_a_stages_output_open_keeps_nobody_waiting(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    log = tmp_path / "log"
    with log.open("wb") as out:
        done = subprocess.run(
            script(f"stage daemon 90 bash -c 'setsid sleep 600 & echo $! > {pid}'"),
            env=environment(),
            stdout=out,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=300,
        )
    os.kill(int(pid.read_text()), signal.SIGKILL)
    assert done.returncode == 0
    assert re.search(r"daemon +\d+\.0 of +90 min  passed", log.read_text())


@pytest.mark.parametrize("before", ["", "set -o functrace; trap 'sleep 0.1' DEBUG"], ids=["quick", "slow"])
def test_a_signal_ends_the_stage_that_runs(before: str) -> None:
    """However soon it comes: a slow shell has not come to its next line when the stage says that it began."""
    said = []
    with subprocess.Popen(
        script(before, "stage long 90 bash -c 'echo began; sleep 200; echo ended'"),
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if line == "began\n":
                process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == 128 + signal.SIGTERM
    assert "began\n" in said
    assert "ended\n" not in said


def minutes(pattern: str, text: str) -> dict[str, int]:
    return {name: int(number) for name, number in re.findall(pattern, text, re.MULTILINE)}


def test_the_run_keeps_to_the_budgets_that_the_documents_name() -> None:
    stages = minutes(r'^stage "([^"]+)" (\d+) ', (ROOT / ".ci" / "run").read_text())
    assert {name: stages.get(name) for name in BUDGETS} == BUDGETS
    assert sum(stages.values()) <= 90
    assert minutes(r"^\| ([^|]+?) \| (\d+) \|", (ROOT / "docs" / "proofs.md").read_text()) == stages
