"""Progress on a terminal or in a log: what is being done, and how long it took."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from de_classes.redaction import escaped, escaped_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TICK_SECONDS = 1.0
WIDTH = 44


class Step:
    """Something that is being done.

    Args:
        doing: What.
    """

    def __init__(self, doing: str) -> None:
        self.doing = doing
        self.remark = ""

    def note(self, remark: str) -> None:
        """Add a remark to the line that closes the step."""
        self.remark = f" ({escaped(remark)})"


class Console:
    """Writes lines, and one line a step that shows it is alive.

    Args:
        out: Where to.
        now: Monotonic seconds.
        tick_seconds: How often a step shows the time that has passed.
    """

    def __init__(
        self, out: TextIO, *, now: Callable[[], float] = time.monotonic, tick_seconds: float = TICK_SECONDS
    ) -> None:
        self._out = out
        self._now = now
        self._tick_seconds = tick_seconds
        self._redraws = out.isatty()

    def say(self, line: str = "") -> None:
        """Write a line."""
        self._write(f"{escaped_lines(line)}\n")

    def heading(self, title: str) -> None:
        """Begin a section."""
        self.say(f"\n{title}")

    @contextmanager
    def step(self, doing: str) -> Iterator[Step]:
        """Show what is being done, until the block ends."""
        step, started, done = Step(doing), self._now(), threading.Event()
        self._write(f"  {doing:<{WIDTH}}")
        ticker = threading.Thread(target=self._tick, args=(doing, started, done), daemon=True)
        ticker.start()
        try:
            yield step
        except BaseException:
            self._close(done, ticker, "failed")
            raise
        self._close(done, ticker, f"{self._now() - started:5.1f} s{step.remark}")

    def _close(self, done: threading.Event, ticker: threading.Thread, outcome: str) -> None:
        done.set()
        ticker.join()
        self._write(f"{outcome}\n")

    def _tick(self, doing: str, started: float, done: threading.Event) -> None:
        while not done.wait(self._tick_seconds):
            self._write(self._sign_of_life(doing, self._now() - started))
        if self._redraws:
            self._write(f"\r  {doing:<{WIDTH}}")

    def _sign_of_life(self, doing: str, seconds: float) -> str:
        # A log gets dots: it cannot be redrawn.
        return f"\r  {doing:<{WIDTH}}{seconds:5.0f} s" if self._redraws else "."

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
