from __future__ import annotations

import os
import signal
import threading

from tools.mutation.forks import KILLED, NOT_GRAFTED, SURVIVED, Fate, limit_time, run_all


def breaks() -> int:
    raise LookupError


def waits_for_ever() -> int:
    limit_time(0.01)
    threading.Event().wait()
    return SURVIVED


def crashes() -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return SURVIVED


def test_every_job_ends_in_what_became_of_it() -> None:
    jobs = {
        "survives": lambda: SURVIVED,
        "is killed": lambda: KILLED,
        "is not grafted": lambda: NOT_GRAFTED,
        "waits": waits_for_ever,
        "crashes": crashes,
    }
    assert dict(run_all(jobs.items(), processes=2)) == {
        "survives": Fate.SURVIVED,
        "is killed": Fate.KILLED,
        "is not grafted": Fate.NOT_GRAFTED,
        "waits": Fate.TIMED_OUT,
        "crashes": Fate.KILLED,
    }


def test_no_job_changes_what_the_others_see() -> None:
    seen = []
    jobs = [(number, lambda number=number: seen.append(number) or len(seen) - 1) for number in range(3)]
    assert {fate for _, fate in run_all(jobs, processes=1)} == {Fate.SURVIVED}
    assert seen == []
