"""Run each job in a copy of this process, a few at a time, and learn how it ended."""

from __future__ import annotations

import enum
import os
import signal
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import NoReturn

    Job = Callable[[], int]

Key = TypeVar("Key")


class Fate(enum.Enum):
    """How a mutant ended."""

    SURVIVED = "survived"
    KILLED = "killed"
    TIMED_OUT = "timed out"
    NOT_GRAFTED = "not grafted"


SURVIVED, KILLED, NOT_GRAFTED = 0, 1, 3
_BY_STATUS = {SURVIVED: Fate.SURVIVED, NOT_GRAFTED: Fate.NOT_GRAFTED}


def run_all(jobs: Iterable[tuple[Key, Job]], processes: int) -> Iterator[tuple[Key, Fate]]:
    """Run jobs, which return an exit status, and hand on what became of them as they end."""
    running: dict[int, Key] = {}
    for key, job in jobs:
        running[_start(job)] = key
        if len(running) >= processes:
            yield _ended(running)
    while running:
        yield _ended(running)


def limit_time(seconds: float) -> None:
    """End this process after so long, even where it waits for a lock that nobody will open."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _start(job: Job) -> int:
    pid = os.fork()
    return pid or _work(job)


def _work(job: Job) -> NoReturn:
    """Do the job and leave at once: what the parent has open is the parent's to close."""
    status = KILLED
    try:
        status = job()
    finally:
        os._exit(status)


def _ended(running: dict[int, Key]) -> tuple[Key, Fate]:
    pid, status = os.wait()
    if os.WIFSIGNALED(status):
        is_late = os.WTERMSIG(status) == signal.SIGALRM
        return running.pop(pid), Fate.TIMED_OUT if is_late else Fate.KILLED
    return running.pop(pid), _BY_STATUS.get(os.WEXITSTATUS(status), Fate.KILLED)
