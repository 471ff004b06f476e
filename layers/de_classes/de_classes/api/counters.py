"""What happened on the way: requests, retries, pages and records, counted, and when."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import Struct

from de_classes.errors import NetworkError, TransientStatusError
from de_classes.utils.clock import SystemClock
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

    from de_classes.api.page import Page
    from de_classes.api.retry import RetryEvent
    from de_classes.utils.clock import Clock

UNFINISHED = "unfinished"


class Counts(Value):
    """A client's counters at one moment.

    Attributes:
        requests: Requests for pages that were sent.
        requests_by_outcome: The same by status (``"200"``) or kind of error (``"NetworkError"``); an
            answer of 200 that is no page counts as its error, one still awaited as ``"unfinished"``.
        successful_pages: Pages obtained.
        failed_pages: Pages given up.
        records_ingested: Records in the pages obtained.
        retry_count: Attempts that failed and were made again.
        retries_by_cause: The same by status (``"503"``) or kind of error (``"NetworkError"``).
        bytes_received: Size of the pages obtained, decoded.
        seconds_waited: Seconds of waiting that the retries asked for, added over threads.
        seconds_working: Seconds that requests for pages took, added over threads.
        logins: Login requests that were sent, each retry counted.
    """

    requests: int = 0
    successful_pages: int = 0
    failed_pages: int = 0
    records_ingested: int = 0
    retry_count: int = 0
    retries_by_cause: Mapping[str, int] = msgspec.field(default_factory=dict)
    bytes_received: int = 0
    seconds_waited: float = 0.0
    seconds_working: float = 0.0
    logins: int = 0
    requests_by_outcome: Mapping[str, int] = msgspec.field(default_factory=dict)

    def since(self, earlier: Counts) -> Counts:
        """What was counted after an earlier moment."""
        return Counts(
            requests=self.requests - earlier.requests,
            successful_pages=self.successful_pages - earlier.successful_pages,
            failed_pages=self.failed_pages - earlier.failed_pages,
            records_ingested=self.records_ingested - earlier.records_ingested,
            retry_count=self.retry_count - earlier.retry_count,
            retries_by_cause=_difference(self.retries_by_cause, earlier.retries_by_cause),
            bytes_received=self.bytes_received - earlier.bytes_received,
            seconds_waited=round(self.seconds_waited - earlier.seconds_waited, 3),
            seconds_working=round(self.seconds_working - earlier.seconds_working, 3),
            logins=self.logins - earlier.logins,
            requests_by_outcome=_difference(self.requests_by_outcome, earlier.requests_by_outcome),
        )


class ClientCounters:
    """Adds up what is reported to it.

    Args:
        clock: What the timeline is measured with.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._timeline = TimelineRecorder(self._clock)
        self._lock = threading.Lock()
        self._numbers: Counter[str] = Counter()
        self._causes: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._waited = 0.0
        self._worked = 0.0
        self._failures = _Failures(self)

    @property
    def is_unheard(self) -> bool:
        """Whether no request was answered in any way until now."""
        with self._lock:
            return self._outcomes.keys() <= {NetworkError.__name__}

    @property
    def has_pages(self) -> bool:
        """Whether a page was obtained: then the source is as it was described, when it is well."""
        return self._numbers["successful_pages"] > 0

    def working(self, clock: Clock) -> AbstractContextManager[None]:
        """Count one request for a page, and the time it takes."""
        return _Working(self, clock)

    def failures(self) -> AbstractContextManager[None]:
        """Count an error as the outcome of the request under way."""
        return self._failures

    def request_began(self) -> None:
        """A request for a page is sent."""
        with self._lock:
            self._numbers["requests"] += 1

    def worked(self, seconds: float) -> None:
        """A request for a page took so long."""
        with self._lock:
            self._worked += seconds

    def request_ended(self, outcome: str) -> None:
        """A request for a page came to this: a status, or a kind of error."""
        with self._lock:
            self._outcomes[outcome] += 1
            self._timeline.request_ended(outcome)

    def request_turned_out(self, said: str, outcome: str) -> None:
        """A request that had come to one thing has come to another: its answer was not what it seemed."""
        with self._lock:
            self._outcomes.subtract([said])
            self._outcomes = +self._outcomes
            self._outcomes[outcome] += 1
            self._timeline.request_turned_out(said, outcome)

    def page_succeeded(self, page: Page) -> None:
        """A page is there."""
        with self._lock:
            self._numbers["successful_pages"] += 1
            self._numbers["records_ingested"] += len(page.records)
            self._numbers["bytes_received"] += page.size
            self._timeline.records_came(len(page.records))

    def page_failed(self) -> None:
        """A page was given up."""
        with self._lock:
            self._numbers["failed_pages"] += 1

    def retried(self, event: RetryEvent, page: int) -> None:
        """An attempt to get a page failed and is made again."""
        with self._lock:
            self._numbers["retry_count"] += 1
            self._causes[_cause(event)] += 1
            self._waited += event.wait
            self._timeline.retried(event.wait, page)

    def begin_timeline(self) -> None:
        """A run begins: its timeline is not that of the run before."""
        with self._lock:
            self._timeline = TimelineRecorder(self._clock)

    def timeline(self) -> Timeline:
        """What happened when since then."""
        with self._lock:
            return self._timeline.timeline()

    def snapshot(self) -> Counts:
        """All counters, taken together."""
        with self._lock:
            return Counts(
                **self._numbers,
                retries_by_cause=dict(self._causes),
                seconds_waited=round(self._waited, 3),
                seconds_working=round(self._worked, 3),
                requests_by_outcome=self._all_outcomes(),
            )

    def _all_outcomes(self) -> dict[str, int]:
        unfinished = self._numbers["requests"] - self._outcomes.total()
        return {**self._outcomes, UNFINISHED: unfinished} if unfinished else dict(self._outcomes)


class _Working:
    """One request; a class of its own, since a generator for every page costs several times as much."""

    __slots__ = ("_clock", "_counters", "_started")

    def __init__(self, counters: ClientCounters, clock: Clock) -> None:
        self._counters = counters
        self._clock = clock

    def __enter__(self) -> None:
        self._started = self._clock.monotonic()
        self._counters.request_began()

    def __exit__(self, *_: object) -> None:
        self._counters.worked(self._clock.monotonic() - self._started)


class _Failures:
    """The same for all requests: it holds nothing of any."""

    __slots__ = ("_counters",)

    def __init__(self, counters: ClientCounters) -> None:
        self._counters = counters

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        if kind is not None and issubclass(kind, Exception):
            self._counters.request_ended(kind.__name__)


def _difference(later: Mapping[str, int], earlier: Mapping[str, int]) -> dict[str, int]:
    """What was added; below zero only for requests that were under way and have ended since."""
    added = Counter(later)
    added.subtract(earlier)
    return {name: number for name, number in added.items() if number}


def _cause(event: RetryEvent) -> str:
    error = event.error
    return str(error.status) if isinstance(error, TransientStatusError) else type(error).__name__


MOST_STRETCHES: Final = 240
SHORTEST_SECONDS: Final = 0.125


class Timeline(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened when, in at most 240 stretches of equal length: of the invocation that ended the run.

    Attributes:
        seconds: The length of a stretch; the first one begins with the run.
        requests: By status or kind of failure, how many requests for pages ended in each stretch.
        records: How many records came in each.
        waited: Seconds of waiting that retries asked for in each.
        retried_pages_each: How many pages an entry of ``retried_pages`` is about.
        retried_pages: Where pages were asked for again: the first page, and how often it and those of the
            same entry were.
    """

    seconds: float
    requests: dict[str, list[int]] = {}
    records: list[int] = []
    waited: list[float] = []
    retried_pages_each: int = 1
    retried_pages: list[list[int]] = []


class TimelineRecorder:
    """Writes a timeline in bounded memory: stretches double when there would be too many. Not for threads.

    Args:
        clock: What to measure with; the timeline begins now.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.monotonic()
        self._seconds = SHORTEST_SECONDS
        self._requests: dict[str, Counter[int]] = {}
        self._records: Counter[int] = Counter()
        self._waited: Counter[int] = Counter()  # in milliseconds
        self._pages_each = 1
        self._pages: Counter[int] = Counter()

    def request_ended(self, outcome: str) -> None:
        """A request came to this."""
        stretch = self._stretch()  # first, since it may make other counters of these
        self._requests.setdefault(outcome, Counter())[stretch] += 1

    def request_turned_out(self, said: str, outcome: str) -> None:
        """The last request that came to the one thing has come to the other."""
        ended = self._requests.get(said)
        if not ended:
            return  # it is older than the timeline
        stretch = max(ended)
        ended[stretch] -= 1
        self._requests[said] = +ended
        self._requests.setdefault(outcome, Counter())[stretch] += 1

    def records_came(self, records: int) -> None:
        """A page is there."""
        stretch = self._stretch()
        self._records[stretch] += records

    def retried(self, wait: float, page: int) -> None:
        """A page is asked for again, after so many seconds."""
        stretch = self._stretch()
        self._waited[stretch] += round(wait * 1000)
        self._pages[page // self._pages_each] += 1
        while len(self._pages) > MOST_STRETCHES:
            self._pages_each *= 2
            self._pages = _halved(self._pages)

    def timeline(self) -> Timeline:
        """As it is now."""
        counters = (*self._requests.values(), self._records, self._waited)
        stretches = range(max((stretch for counter in counters for stretch in counter), default=-1) + 1)
        return Timeline(
            seconds=self._seconds,
            requests={
                outcome: [counter[stretch] for stretch in stretches]
                for outcome, counter in sorted(self._requests.items())
                if counter
            },
            records=[self._records[stretch] for stretch in stretches],
            waited=[self._waited[stretch] / 1000 for stretch in stretches],
            retried_pages_each=self._pages_each,
            retried_pages=[[place * self._pages_each, times] for place, times in sorted(self._pages.items())],
        )

    def _stretch(self) -> int:
        elapsed = self._clock.monotonic() - self._began
        while elapsed >= self._seconds * MOST_STRETCHES:
            self._seconds *= 2
            self._requests = {outcome: _halved(counter) for outcome, counter in self._requests.items()}
            self._records, self._waited = _halved(self._records), _halved(self._waited)
        return int(elapsed / self._seconds)


def _halved(counter: Counter[int]) -> Counter[int]:
    halved: Counter[int] = Counter()
    for place, number in counter.items():
        halved[place // 2] += number
    return halved
