"""Runs MiniStack, and ends it when whoever started it is gone, however it went.

Run by the emulator's own interpreter, as a script. Its standard input is a pipe that nobody writes to: the
pipe's end closes with the parent, even one that was killed.
"""

import os
import runpy
import signal
import sys
import threading
import time

SECONDS_TO_SAVE = 8.0


def end_with_parent() -> None:
    """Wait for the parent's end, then end this process and the functions it runs."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(SECONDS_TO_SAVE)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=end_with_parent, daemon=True).start()
    runpy.run_module("ministack", run_name="__main__")
