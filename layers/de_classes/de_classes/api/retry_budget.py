"""How many retries a whole run may spend, and what happens when they are spent: it pauses and probes.

A ceiling of a few tries a page is arithmetic against long runs: at 30 % failures and five tries, a run
of 100 pages ends well in 78 of 100 cases. So a page may be tried often, and what is limited is the
share of extra requests over the run. When that is spent the source is taken to be down: nobody asks,
until after a pause one request probes, and its success lets everybody in again. No page is skipped.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from de_classes.errors import RetriesExhaustedError
from de_classes.utils.clock import SystemClock

if TYPE_CHECKING:
    from de_classes.utils.clock import Clock

_LONGEST_PAUSE = 60.0
_WHILE_PROBING = 0.5


class RetryBudget:
    """A reserve of failures that successes refill. Safe among threads.

    Args:
        reserve: Failures that are free, and the most that is ever saved up.
        per_success: What each success adds to the reserve: the failures a success may cost in the long run.
        pause: Seconds before the first probe; doubled for each that fails, up to a minute.
        clock: What to measure and to wait with.
    """

    def __init__(
        self,
        *,
        reserve: int = 40,
        per_success: float = 2.0,
        pause: float = 5.0,
        clock: Clock | None = None,
    ) -> None:
        self._reserve = float(reserve)
        self._per_success = per_success
        self._first_pause = pause
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._left = self._reserve
        self._pause = pause
        self._down_since: float | None = None
        self._closed_until: float | None = None
        self._is_probing = False
        self._is_given_up = False

    @property
    def down_since(self) -> float | None:
        """The moment on the clock's monotonic time when the source was taken to be down; None if it is up."""
        return self._down_since

    @property
    def is_given_up(self) -> bool:
        """Whether a page was tried to the end while the source was down, and it has not come up since."""
        return self._is_given_up

    def give_up(self) -> None:
        """Note that a page that was begun while the source was down could not be had."""
        self._is_given_up = True

    def enter(self, *, deadline: float | None, stopped: threading.Event) -> None:
        """Wait until a request may be made.

        Args:
            deadline: Moment on the clock's monotonic time after which there is no use in waiting, or None.
            stopped: Once set, nobody waits any more.

        Raises:
            RetriesExhaustedError: The pause outlasts the deadline, or the run is over.
        """
        while (seconds := self._seconds_to_wait()) > 0:
            if deadline is not None and self._clock.monotonic() + seconds > deadline:
                raise RetriesExhaustedError(
                    "the source is down, and the time is up before the next probe", attempts=0
                )
            if self._clock.wait(stopped, seconds):
                raise RetriesExhaustedError("the run is over: no other attempt is made", attempts=0)

    def succeeded(self) -> None:
        """A request was answered as it should be."""
        with self._lock:
            self._left = min(self._reserve, max(self._left, 0.0) + self._per_success)
            self._down_since = self._closed_until = None
            self._is_probing = self._is_given_up = False
            self._pause = self._first_pause

    def failed(self) -> None:
        """A request failed in a way that may pass."""
        with self._lock:
            self._left -= 1
            if self._left < 0 and (self._is_probing or self._closed_until is None):
                self._close()

    def released(self) -> None:
        """A request ended in neither way: whoever was probing probes no more."""
        with self._lock:
            self._is_probing = False

    def _close(self) -> None:
        if self._is_probing:
            self._pause = min(_LONGEST_PAUSE, self._pause * 2)
        now = self._clock.monotonic()
        self._down_since = now if self._down_since is None else self._down_since
        self._closed_until = now + self._pause
        self._is_probing = False

    def _seconds_to_wait(self) -> float:
        with self._lock:
            if self._closed_until is None:
                return 0.0
            left = self._closed_until - self._clock.monotonic()
            if left > 0 or self._is_probing:
                return max(left, _WHILE_PROBING)
            self._is_probing = True
            return 0.0
