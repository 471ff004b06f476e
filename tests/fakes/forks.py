"""Copies of this process, for what goes wrong only the first time in one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def end_well(job: Callable[[], None], times: int, *, at_once: int = 2) -> bool:
    """Whether a job ends in each of so many copies, and without an error."""
    started, statuses = 0, []
    while len(statuses) < times:
        if started < times and started - len(statuses) < at_once:
            started += 1
            if os.fork() == 0:
                _end_with(job)
        else:
            statuses.append(os.wait()[1])
    return not any(statuses)


def _end_with(job: Callable[[], None]) -> None:
    """Do it and leave at once: what the parent has open is the parent's to close."""
    status = 1
    try:
        job()
        status = 0
    finally:
        os._exit(status)
