"""How fast a source is asked: by what it says of its limits, and as long as it keeps up."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Annotated, Final, Protocol

from msgspec import Meta

from de_classes.api.retry import answered_at
from de_classes.errors import InvalidInputError, RetriesExhaustedError
from de_classes.utils.clock import SystemClock
from de_classes.utils.values import Described, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from de_classes.utils.clock import Clock

_FIRST_WIDTH: Final = 4
_SLOWER_BY: Final = 3.0  # times the best latency
_SLACK: Final = 0.05  # seconds: below that, latency is noise
_GLANCE: Final = 0.1  # seconds between two looks at whether the run is over
_AFTER_OTHERS: Final = 1.0  # seconds: who was not refused leaves the source to who was


class Neighbours(Protocol):
    """Other clients that ask the same source at once: what it says to one holds for all."""

    def tell(self, until: float) -> None:
        """Tell them to leave it alone until a moment, in seconds since the epoch. It never raises."""
        ...

    def told(self) -> float:
        """Until when one of them was told so; a moment that is over if none was. It never raises."""
        ...


class Pace:
    """Lets requests through. Safe among threads.

    Args:
        ceiling: Requests under way at once, at the most.
        per_second: Requests a second at the most; None for no limit.
        clock: What to measure and to wait with.
        neighbours: Who else asks the source; None if nobody does.

    Attributes:
        width: Requests that may be under way at once now; a fraction counts towards the next one.
    """

    def __init__(
        self,
        ceiling: int,
        *,
        per_second: float | None = None,
        clock: Clock | None = None,
        neighbours: Neighbours | None = None,
    ) -> None:
        if per_second is not None and not per_second > 0:
            raise InvalidInputError(f"requests a second must be above 0, not {per_second}")
        self.width = float(min(_FIRST_WIDTH, ceiling))
        self._ceiling = ceiling
        self._interval = 1 / per_second if per_second else 0.0
        self._clock = clock or SystemClock()
        self._neighbours = neighbours
        self._heeded = 0.0
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._waiting = 0
        self._under_way = 0
        self._is_starting = True
        self._not_before = 0.0
        self._best = float("inf")
        self._slowed_at = float("-inf")

    def turn(self, *, deadline: float | None, stopped: threading.Event) -> AbstractContextManager[None]:
        """Wait for a turn, and have it for the length of the block.

        Args:
            deadline: Moment on the clock's monotonic time after which there is no use in waiting, or None.
            stopped: Once set, nobody waits any more.

        Raises:
            RetriesExhaustedError: The source asks for more time than there is, the time is up while others
                have their turn, or the run is over.
        """
        return _Turn(lambda: self._enter(deadline, stopped), self._leave)

    def slow_down(self, began: float, seconds: float | None) -> None:
        """The source says "slower": fewer at once, and none for as long as it asks, up to a minute.

        Args:
            began: When the request that it said so to began. Of many that were under way together, only
                the first counts.
            seconds: How long it asks to be left alone, or None if it does not say.
        """
        with self._lock:
            is_first = began > self._slowed_at
            if is_first:
                self._narrow()
            self._hold(seconds or 0.0)
        if self._neighbours is not None and is_first:
            self._heeded = self._clock.now() + min(seconds or 0.0, LONGEST_HINT) + _AFTER_OTHERS
            self._neighbours.tell(self._heeded)

    def _narrow(self) -> None:
        self.width = max(1.0, self.width / 2)
        self._slowed_at = self._clock.monotonic()
        self._is_starting = False

    def _heed_neighbours(self) -> None:
        """What the source said to another client it says to this one."""
        until = self._neighbours.told() if self._neighbours else 0.0
        if until <= self._heeded:
            return
        with self._lock:
            self._heeded = until
            seconds = until - self._clock.now()
            if seconds > 0:
                self._narrow()
                self._hold(seconds)

    def heed(self, limit: RateLimit | None) -> None:
        """Take a hint from an answer's headers: no more at once than it would answer, and none if none."""
        if limit is None:
            return
        with self._lock:
            if limit.remaining < self.width:
                self.width = max(1.0, float(limit.remaining))
                self._is_starting = False
            if limit.remaining == 0 and limit.reset is not None:
                self._hold(limit.reset)

    def _hold(self, seconds: float) -> None:
        self._not_before = max(self._not_before, self._clock.monotonic() + min(seconds, LONGEST_HINT))

    def _enter(self, deadline: float | None, stopped: threading.Event) -> float:
        """Take a place, then wait until the source may be asked; tells when the turn began."""
        with self._lock:
            while self._under_way >= int(self.width) and not stopped.is_set():
                if deadline is not None and self._clock.monotonic() >= deadline:
                    raise RetriesExhaustedError(
                        "the time is up while other requests are under way", attempts=0
                    )
                self._waiting += 1
                try:
                    self._changed.wait(_GLANCE)
                finally:
                    self._waiting -= 1
            if stopped.is_set():
                raise RetriesExhaustedError(_OVER, attempts=0)
            self._under_way += 1
        try:
            return self._wait_until_allowed(deadline, stopped)
        except BaseException:
            self._leave(None)
            raise

    def _wait_until_allowed(self, deadline: float | None, stopped: threading.Event) -> float:
        """Wait for as long as the source asks to be left alone; tells when it was over."""
        while True:
            self._heed_neighbours()
            with self._lock:
                now = self._clock.monotonic()
                seconds = self._not_before - now
                if seconds <= 0:
                    self._not_before = now + self._interval
                    return now
            if deadline is not None and now + seconds > deadline:
                raise RetriesExhaustedError(
                    f"the source asks to be left alone for {seconds:.0f} s, and the time is up before that",
                    attempts=0,
                    retry_after=seconds,
                )
            if self._clock.wait(stopped, seconds):
                raise RetriesExhaustedError(_OVER, attempts=0)

    def _leave(self, began: float | None) -> None:
        """Give the place back, with the moment when the turn began if the request went well."""
        with self._lock:
            self._under_way -= 1
            if began is not None:
                latency = self._clock.monotonic() - began
                self._best = min(self._best, latency)
                if latency > _SLOWER_BY * self._best + _SLACK:
                    self._is_starting = False
                elif self.width < self._ceiling:
                    grown = self.width + (1.0 if self._is_starting else 1.0 / self.width)
                    self.width = min(float(self._ceiling), grown)
            if self._waiting:
                self._changed.notify(2)  # there is this place, and there may be one that is new


class _Turn:
    """One turn; a class of its own, since a generator for every page costs several times as much."""

    __slots__ = ("_began", "_enter", "_leave")

    def __init__(self, enter: Callable[[], float], leave: Callable[[float | None], None]) -> None:
        self._enter = enter
        self._leave = leave

    def __enter__(self) -> None:
        self._began = self._enter()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._leave(self._began if kind is None else None)


_OVER: Final = "the run is over: no other attempt is made"
Text = Annotated[str, Meta(min_length=1)]

LONGEST_HINT: Final = 60.0
"""Seconds: what asks for more is more likely wrong than right, and a 429 will tell."""

_STARTS: Final = ("ratelimit", "x-ratelimit", "x-rate-limit")
_NAMES: Final = frozenset({"ratelimit", *(f"{start}-remaining" for start in _STARTS)})
_EPOCH: Final = 1_000_000_000
_NUMBER: Final = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*")
_PARAMETER: Final = re.compile(r"\b(remaining|reset)\s*=\s*([0-9]{1,15}(?:\.[0-9]{1,9})?)")


class RateRules(Described, kw_only=True):
    """How often the source may be asked.

    Attributes:
        per_second: Requests a second, such as 0.33.
        concurrency: Requests at once.
        remaining: The header that says how many requests are left, where it is none of the usual ones.
        reset: The header that says in how many seconds, or when, they are counted anew.
        wait: Seconds to wait after a refusal that names no time.
    """

    per_second: Annotated[float, Meta(gt=0, le=10_000)] | None = None
    concurrency: Annotated[int, Meta(ge=1, le=64)] | None = None
    remaining: Text | None = None
    reset: Text | None = None
    wait: Annotated[float, Meta(ge=0, le=3600)] | None = None


class RateLimit(Value):
    """What is left of a source's limit.

    Attributes:
        remaining: Requests that it would still answer.
        reset: Seconds until it counts anew; None if it does not say, or says more than is believed.
    """

    remaining: int
    reset: float | None


def read_rate_limit(
    headers: Mapping[str, str],
    *,
    now: float,
    rules: RateRules | None = None,
    longest: float = LONGEST_HINT,
) -> RateLimit | None:
    """What the headers say, or None if they say nothing that can be used. Never raises.

    Args:
        headers: Names in lower case.
        now: Seconds since the epoch, for a reset that is a moment in an answer that has no date itself.
        rules: Names the headers where they are none of the usual ones.
        longest: Seconds beyond which a reset is not believed.
    """
    if rules is not None and rules.remaining is not None:
        remaining = _number(headers.get(rules.remaining.lower()))
        reset = _number(headers.get((rules.reset or "").lower()))
        return (
            None if remaining is None else RateLimit(int(remaining), _seconds(reset, headers, now, longest))
        )
    if _NAMES.isdisjoint(headers):
        return None
    combined = dict(_PARAMETER.findall(headers.get("ratelimit", "").lower()))
    remaining = _number(_first(headers, "remaining") or combined.get("remaining"))
    if remaining is None:
        return None
    reset = _number(_first(headers, "reset") or combined.get("reset"))
    return RateLimit(int(remaining), _seconds(reset, headers, now, longest))


def _first(headers: Mapping[str, str], what: str) -> str | None:
    found = (headers.get(f"{start}-{what}") for start in _STARTS)
    return next(filter(None, found), None)


def _number(text: str | None) -> float | None:
    match = _NUMBER.fullmatch(text or "")
    return float(match[1]) if match else None


def _seconds(reset: float | None, headers: Mapping[str, str], now: float, longest: float) -> float | None:
    if reset is None:
        return None
    seconds = reset - answered_at(headers, now) if reset >= _EPOCH else reset
    return seconds if 0 < seconds <= longest else None
