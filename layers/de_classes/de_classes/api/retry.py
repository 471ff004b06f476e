"""How one request is tried again: how often, after how long, and when a source is left alone for a while."""

from __future__ import annotations

import math
import random
import re
import threading
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar

from de_classes.errors import (
    CorruptResponseError,
    NetworkError,
    RateLimitedError,
    RetriesExhaustedError,
    RetryableError,
)
from de_classes.utils.clock import SystemClock
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import tenacity

    from de_classes.utils.clock import Clock

T = TypeVar("T")
_SHORTEST_TIMEOUT = 0.1  # seconds; none at all would be an error of its own
_NOT_AT_ONCE = (RateLimitedError, CorruptResponseError)


class RetryEvent(Value):
    """One failed attempt that will be made again.

    Attributes:
        attempt: Which attempt failed, from 1.
        wait: Seconds that are waited before the next.
        error: Why it failed.
    """

    attempt: int
    wait: float
    error: RetryableError


class RetryPolicy(Value):
    """How one call is retried: how often, for how long, with what waits.

    The wait after attempt ``n`` is drawn from ``[0, min(cap, base * 2**(n-1))]`` (full jitter, as in
    "Exponential Backoff And Jitter", AWS Architecture Blog) or is that upper bound without jitter.
    It is never less than ``floor``, nor less than what ``Retry-After`` asks for. The first waits are short,
    for what keeps a source that is down from being asked is not the backoff but ``CircuitBreaker``. Where
    asking at once would hardly help, after a 429 that names no time and after an answer that came, but not
    as promised, ``slow_base`` stands in place of ``base``; the latter is no sign of overload, so that the
    wait after it is at most ``corrupt_cap``.

    Example:
        >>> patient = ClientLimits(retry_policy=RetryPolicy(max_attempts=9, base=0.1))
        >>> client = UnstableAPIClient(api.base_url, auth, limits=patient)

    Attributes:
        max_attempts: Calls at the most, the first included.
        max_elapsed: Seconds from the first call after which no other is started.
        first_contact: Seconds after which no other is started as long as nothing at all was heard of the
            source: an address that is wrong, or a host that is not there.
        max_corrupt: Answers at the most that came, but not as promised: what a source says wrongly ten
            times it will hardly say rightly.
        base: Seconds, upper bound of the first wait after a 408, 5xx or network error.
        slow_base: Seconds, the same after a 429 or an answer that came, but not as promised.
        cap: Seconds, upper bound of any wait but those that the server asks for.
        corrupt_cap: Seconds, upper bound of the wait after an answer that came, but not as promised.
        floor: Seconds, lower bound of any wait.
        jitter: Whether waits are drawn at random, so that many clients do not return together.
    """

    max_attempts: int = 50
    max_elapsed: float = 900.0
    first_contact: float = 30.0
    max_corrupt: int = 10
    base: float = 0.025
    slow_base: float = 0.2
    cap: float = 30.0
    corrupt_cap: float = 1.0
    floor: float = 0.01
    jitter: bool = True

    def wait(self, attempt: int, failure: RetryableError, draw: Callable[[float, float], float]) -> float:
        """Seconds to wait after a failed attempt, counted from 1."""
        cap = min(self.cap, self.corrupt_cap) if isinstance(failure, CorruptResponseError) else self.cap
        base = max(self.base, self.slow_base) if isinstance(failure, _NOT_AT_ONCE) else self.base
        bound = min(cap, base * 2.0 ** min(attempt - 1, 62))
        backoff = draw(0.0, bound) if self.jitter else bound
        return max(self.floor, backoff, failure.retry_after or 0.0)


class Retrier:
    """Carries a policy out: calls until it works or a ceiling is met.

    Args:
        policy: The ceilings and the backoff.
        clock: What to measure and to wait with.
        on_retry: Told of every failure that is followed by another attempt.
        draw: Draws a number between two bounds.
        deadline: Moment on the clock's monotonic time after which no other attempt is made, or None.
        stopped: Once set, no wait goes on and no other attempt is made.
        given_up: The error for a call that met the policy's own ceilings, rather than the deadline or a
            source that asks to be left alone.
        is_unheard: Whether nothing was heard of the other side until now, so that the policy's
            ``first_contact`` is the limit for network errors.
    """

    def __init__(
        self,
        policy: RetryPolicy | None = None,
        *,
        clock: Clock | None = None,
        on_retry: Callable[[RetryEvent], None] | None = None,
        draw: Callable[[float, float], float] = random.uniform,
        deadline: float | None = None,
        stopped: threading.Event | None = None,
        given_up: type[RetriesExhaustedError] = RetriesExhaustedError,
        is_unheard: Callable[[], bool] = lambda: False,
    ) -> None:
        self._is_unheard = is_unheard
        self._policy = policy or RetryPolicy()
        self._clock = clock or SystemClock()
        self._on_retry = on_retry
        self._draw = draw
        self._deadline = math.inf if deadline is None else deadline
        self._stopped = stopped or threading.Event()
        self._given_up = given_up

    def call(self, operation: Callable[[], T], *, what: str, after: RetryableError | None = None) -> T:
        """Call ``operation`` until it returns.

        Args:
            operation: Raises ``RetryableError`` where trying again makes sense.
            what: Names the operation in the error.
            after: How it has failed already, which counts as the first attempt; None if it was not tried.

        Raises:
            RetriesExhaustedError: A ceiling was met; the last failure is its cause.
            FatalError: Whatever the operation raises that is not retryable, at once.
        """
        started = self._clock.monotonic()
        if after is not None:
            return self._patiently(_failed_already(after, operation), what, started)
        try:
            return operation()  # most calls succeed at once, and pay for no machinery
        except RetryableError as error:
            again = _failed_already(error, operation)
        return self._patiently(again, what, started)

    def _patiently(self, operation: Callable[[], T], what: str, started: float) -> T:
        import tenacity  # noqa: PLC0415 - only a failure needs it, and every start would pay for it

        corrupt = 0
        kind = self._given_up

        def is_over(state: tenacity.RetryCallState) -> bool:
            nonlocal corrupt, kind
            corrupt += isinstance(_failure(state), CorruptResponseError)
            kind = RetriesExhaustedError if self._must_wait(state, started) else self._given_up
            return corrupt >= self._policy.max_corrupt or self._is_over(state, started)

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(RetryableError),
            wait=self._wait,
            stop=is_over,
            sleep=self._pause,
            before_sleep=self._report,
        )
        try:
            return retrying(operation)
        except tenacity.RetryError as error:
            message = self._summary(error.last_attempt, what, started)
            attempts = error.last_attempt.attempt_number
            raise kind(message, attempts=attempts) from error.last_attempt.exception()

    def _wait(self, state: tenacity.RetryCallState) -> float:
        return self._policy.wait(state.attempt_number, _failure(state), self._draw)

    def _is_over(self, state: tenacity.RetryCallState, started: float) -> bool:
        """No attempt is started that a wait would carry past the time limit: the wait is saved too."""
        next_at = self._clock.monotonic() + state.upcoming_sleep
        limit = self._policy.max_elapsed
        if isinstance(_failure(state), NetworkError) and self._is_unheard():
            limit = min(limit, self._policy.first_contact)
        return (
            state.attempt_number >= self._policy.max_attempts
            or next_at - started > limit
            or next_at > self._deadline
        )

    def _must_wait(self, state: tenacity.RetryCallState, started: float) -> bool:
        """Whether it is not this call that cannot succeed, but any call now: too little time, or too many."""
        failure = _failure(state)
        next_at = self._clock.monotonic() + state.upcoming_sleep
        asks_for_too_long = next_at - started > self._policy.max_elapsed and failure.retry_after is not None
        return next_at > self._deadline or asks_for_too_long or isinstance(failure, RateLimitedError)

    def _pause(self, seconds: int | float) -> None:  # noqa: PYI041 - tenacity's own signature
        if self._clock.wait(self._stopped, seconds):
            raise RetriesExhaustedError("the run is over: no other attempt is made", attempts=0)

    def _report(self, state: tenacity.RetryCallState) -> None:
        if self._on_retry is not None:
            self._on_retry(RetryEvent(state.attempt_number, state.upcoming_sleep, _failure(state)))

    def _summary(self, last: tenacity.Future, what: str, started: float) -> str:
        seconds = self._clock.monotonic() - started
        failed = (
            f"{what} failed {last.attempt_number} times in {seconds:.1f} s, last with: {last.exception()}"
        )
        if isinstance(last.exception(), NetworkError) and self._is_unheard():
            return f"{failed}; nothing was heard of it at all: is the address right?"
        return failed


def _failed_already(first: RetryableError, operation: Callable[[], T]) -> Callable[[], T]:
    """The operation, the first attempt at which was made and is not made again."""
    failures = [first]

    def attempt() -> T:
        if failures:
            raise failures.pop()
        return operation()

    return attempt


def _failure(state: tenacity.RetryCallState) -> RetryableError:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, RetryableError):
        raise TypeError(f"only a RetryableError is retried, not {error!r}")
    return error


def seconds_for(timeout: float, deadline: float | None, clock: Clock) -> float:
    """The time that one request may take: its own, or what is left until the deadline, if that is less.

    Args:
        timeout: Seconds.
        deadline: Moment on the clock's monotonic time, or None.
        clock: What to measure with.
    """
    if deadline is None:
        return timeout
    return min(timeout, max(_SHORTEST_TIMEOUT, deadline - clock.monotonic()))


_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?\Z", re.ASCII)


def parse_retry_after(value: str | None, *, now: float) -> float | None:
    """Seconds to wait, or None where the header says nothing that can be followed.

    Seconds (also with decimals, which servers do send) and HTTP dates are read; garbage, negative
    values and dates that have passed count as not said, so the usual backoff applies. Never raises.

    Args:
        value: The header as it came, or None.
        now: Seconds since the epoch, UTC, to measure a date against.
    """
    text = (value or "").strip()
    if _SECONDS.match(text):
        return float(text)
    return _until(text, now)


def answered_at(headers: Mapping[str, str], now: float) -> float:
    """When an answer was sent by its own clock, which is what a date in it has to be measured against.

    Args:
        headers: The answer's, names in lower case.
        now: Seconds since the epoch; what counts where it names no date.
    """
    text = headers.get("date")
    moment = None if text is None else _moment(text)
    return now if moment is None else moment


def _until(text: str, now: float) -> float | None:
    moment = _moment(text)
    return moment - now if moment is not None and moment > now else None


def _moment(text: str) -> float | None:
    """Seconds since the epoch, of an HTTP date."""
    try:
        date = parsedate_to_datetime(text)
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) else None


_LONGEST_PAUSE = 60.0
_WHILE_PROBING = 0.5


class CircuitBreaker:
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
        self._open_until: float | None = None
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
            self._down_since = self._open_until = None
            self._is_probing = self._is_given_up = False
            self._pause = self._first_pause

    def failed(self) -> None:
        """A request failed in a way that may pass."""
        with self._lock:
            self._left -= 1
            if self._left >= 0 or not (self._is_probing or self._open_until is None):
                return
            if self._is_probing:
                self._pause = min(_LONGEST_PAUSE, self._pause * 2)
            now = self._clock.monotonic()
            self._down_since = now if self._down_since is None else self._down_since
            self._open_until = now + self._pause
            self._is_probing = False

    def released(self) -> None:
        """A request ended in neither way: whoever was probing probes no more."""
        with self._lock:
            self._is_probing = False

    def _seconds_to_wait(self) -> float:
        with self._lock:
            if self._open_until is None:
                return 0.0
            left = self._open_until - self._clock.monotonic()
            if left > 0 or self._is_probing:
                return max(left, _WHILE_PROBING)
            self._is_probing = True
            return 0.0
