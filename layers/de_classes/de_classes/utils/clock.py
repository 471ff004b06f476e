"""Time, as something that is passed in: the system's, or one that a test turns by hand."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


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


class WatchedClock:
    """A clock during whose waits somebody looks around now and then, and may end them by an error.

    Example:
        >>> clock = WatchedClock(ManualClock())
        >>> looks = []
        >>> with clock.watched(lambda: looks.append(clock.monotonic())):
        ...     clock.wait(threading.Event(), 12)
        False
        >>> looks
        [5.0, 10.0]

    Args:
        clock: What it goes by.
        every: Seconds between two looks.
    """

    def __init__(self, clock: Clock, *, every: float = 5.0) -> None:
        self._clock = clock
        self._every = every
        self._look: Callable[[], None] | None = None

    @contextmanager
    def watched(self, look: Callable[[], None]) -> Iterator[None]:
        """Have somebody look around, until the block ends.

        Args:
            look: Called by whichever thread waits; what it raises ends that wait.
        """
        self._look = look
        try:
            yield
        finally:
            self._look = None

    def monotonic(self) -> float:
        """As the clock has it."""
        return self._clock.monotonic()

    def now(self) -> float:
        """As the clock has it."""
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        """As the clock does; nobody looks."""
        self._clock.sleep(seconds)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait that many seconds, in as many pieces as there are looks between."""
        while (look := self._look) is not None and seconds > self._every:
            if self._clock.wait(event, self._every):
                return True
            seconds -= self._every
            look()
        return self._clock.wait(event, seconds)


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
