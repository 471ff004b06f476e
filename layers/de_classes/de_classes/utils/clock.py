"""Time, as something that is passed in: the system's, or one that a test turns by hand."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """What the library needs to know of time."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never jumps, so every wait and expiry is measured on it."""
        ...

    def now(self) -> float:
        """Seconds since the Unix epoch, UTC; only for dates that come from or go to the outside."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait that many seconds, or less if the event is set meanwhile; tells whether it is."""
        ...


class SystemClock:
    """The machine's own time."""

    def monotonic(self) -> float:
        """Read ``time.monotonic``."""
        return time.monotonic()

    def now(self) -> float:
        """Read ``time.time``."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Block this thread."""
        time.sleep(seconds)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Block this thread on the event."""
        return event.wait(seconds)


class ManualClock:
    """A clock that moves only when told to, or when somebody sleeps on it. Safe among threads.

    Example:
        >>> clock = ManualClock()
        >>> clock.sleep(3600)  # returns at once
        >>> clock.monotonic(), clock.sleeps
        (3600.0, [3600])

    Args:
        now: The wall time to start from, in seconds since the epoch.
    """

    def __init__(self, *, now: float = 1_700_000_000.0) -> None:
        self._lock = threading.Lock()
        self._monotonic = 0.0
        self._now = now
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        """Seconds since this clock was made."""
        with self._lock:
            return self._monotonic

    def now(self) -> float:
        """The wall time, which ``jump_wall_clock`` can move on its own."""
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        """Note the wait in ``sleeps`` and let the time pass at once."""
        with self._lock:
            self.sleeps.append(seconds)
        self.advance(seconds)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Sleep, unless the event is set already."""
        if not event.is_set():
            self.sleep(seconds)
        return event.is_set()

    def advance(self, seconds: float) -> None:
        """Let time pass without anybody sleeping."""
        with self._lock:
            self._monotonic += seconds
            self._now += seconds

    def jump_wall_clock(self, seconds: float) -> None:
        """Set the wall clock forward, or back, as an operator or NTP would."""
        with self._lock:
            self._now += seconds
