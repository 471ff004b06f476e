"""Start a program, and say what it took: ``python -I -S launcher.py CORES SECONDS FIGURES COMMAND...``.

A process of its own and a small one: the kernel counts a parent's memory in the peak of a program that it
starts. What the program starts in turn and waits for is counted too. CORES are numbers
between commas, or ``-`` for any.
"""

import contextlib
import json
import os
import signal
import sys
import time


def main() -> None:
    """Run it, and write seconds of wall and processor, peak bytes and exit status."""
    cores, limit, figures, *command = sys.argv[1:]
    if cores != "-":
        os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    started = time.monotonic()
    child = os.fork()
    if not child:
        os.setsid()
        os.execv(command[0], command)  # noqa: S606 - the program to be measured
    signal.signal(signal.SIGALRM, lambda *_: os.killpg(child, signal.SIGKILL))
    signal.setitimer(signal.ITIMER_REAL, float(limit))
    _, status, used = os.wait4(child, 0)
    wall = time.monotonic() - started
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # nothing that it started outlives it
    cpu, peak = used.ru_utime + used.ru_stime, used.ru_maxrss * 1024
    with open(figures, "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib is larger than the rest
        json.dump({"wall": wall, "cpu": cpu, "peak": peak, "status": os.waitstatus_to_exitcode(status)}, file)


if __name__ == "__main__":
    main()
