"""Getting one page: a token, a request, a reading of the answer, and all of it again until it is whole."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec.structs import replace

from de_classes.api.answers import PageReader
from de_classes.api.messages import HttpResponse, without_secrets
from de_classes.api.pace import Pace, read_rate_limit
from de_classes.api.redirects import MOST_REDIRECTS, redirected
from de_classes.api.retry import (
    CircuitBreaker,
    Retrier,
    RetryEvent,
    answered_at,
    parse_retry_after,
    seconds_for,
)
from de_classes.api.status import OK, UNAUTHORIZED, raise_for_status, verdict
from de_classes.api.walk import ASKS_FOR_AN_EMPTY_PAGE
from de_classes.errors import (
    ConfigurationError,
    CorruptResponseError,
    InvalidTokenResponseError,
    PageGivenUpError,
    ProtocolError,
    RateLimitedError,
    RetriesExhaustedError,
    RetryableError,
    UnlikeDescribedError,
)
from de_classes.redaction import excerpt
from de_classes.utils.paths import find
from de_classes.utils.values import DiscreetValue, Value

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping, Sequence

    from de_classes.api.counters import ClientCounters
    from de_classes.api.endpoint import Endpoint
    from de_classes.api.jobs import JobRequest, SourceJob
    from de_classes.api.ledger import RunLedger
    from de_classes.api.messages import HttpRequest
    from de_classes.api.pace import Neighbours
    from de_classes.api.page import Page
    from de_classes.api.pagination.strategy import PageRequest, PaginationStrategy
    from de_classes.api.retry import RetryPolicy
    from de_classes.api.transport import Transport
    from de_classes.utils.clock import Clock

_MADE: Final = range(200, 300)
"""Statuses of answers that a job is made, or how far it is."""

MOST_RENEWALS: Final = 10
"""How often one request is sent anew after a 401: tokens may be spent by other threads meanwhile."""


class SeenColumns:
    """The columns that pages of CSV had, to know one without a header, or of an error. Safe among threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[int | None, tuple[str, ...]] = {}
        self._refused: dict[int, tuple[str, ...]] = {}

    def check(self, page: Page, collection: int | None) -> None:
        """Take down the header of a page.

        Args:
            page: What came, with a header.
            collection: Which of several collections it is of; each may have columns of its own.

        Raises:
            CorruptResponseError: Not one name is on the page that came first.
            ProtocolError: Nor was there when it was asked for before.
        """
        with self._lock:
            seen = self._seen.setdefault(collection, page.header)
            was = self._refused.get(page.number)
            if {*seen}.isdisjoint(page.header):
                self._refused[page.number] = page.header
                kind = ProtocolError if was == page.header else CorruptResponseError
                raise kind(
                    f"the first line of page {page.number}, {_shown(page.header)}, names other columns than "
                    f"another page's, {_shown(seen)}: it is a record or an error; where only the first page "
                    "has a header, ask for all in one page, or for JSON; where none has, describe names"
                )


class FetchContext(Value):
    """What the requests of one reading share.

    Attributes:
        breaker: Leaves the source alone for a while where too much fails.
        pace: How fast it may ask.
        stopped: Set when the run is over.
        leaves_text: Whether records are left as text, to be decoded by whoever takes the pages.
        columns: Those that came, where answers are CSV.
    """

    breaker: CircuitBreaker
    pace: Pace
    stopped: threading.Event = msgspec.field(default_factory=threading.Event)
    leaves_text: bool = False
    columns: SeenColumns = msgspec.field(default_factory=SeenColumns)


class Opened:
    """The fields of the answer to an opening request; none until it was sent."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.fields: dict[str, Any] = {}


class PageFetcher(DiscreetValue):
    """Gets pages from one endpoint, each with as many requests as it takes. Safe among threads.

    Attributes:
        endpoint: What is asked, and how answers are read.
        transport: Reaches the network.
        policy: How one page is retried.
        timeout: Seconds for one request.
        per_second: Requests a second at the most, or None.
        deadline: Moment on the clock's monotonic time after which nothing is begun, or None.
        clock: Measures and waits.
        counters: Told of requests and retries.
        logger: Told of retries.
        opened: What the opening request brought.
        neighbours: Who else asks the source now; None if nobody does.
        job: What makes the pages, or None.
        longest_wait: Seconds that are waited at a time for that; without end if None.
    """

    shown = ("endpoint",)

    endpoint: Endpoint
    transport: Transport
    policy: RetryPolicy
    timeout: float
    per_second: float | None
    deadline: float | None
    clock: Clock
    counters: ClientCounters
    logger: logging.Logger
    opened: Opened = msgspec.field(default_factory=Opened)
    neighbours: Neighbours | None = None
    job: SourceJob | None = None
    longest_wait: float | None = None

    def new_context(self, width: int = 1, *, leaves_text: bool = False) -> FetchContext:
        """What the requests of a new run are to share, so many of them at once."""
        pace = Pace(width, per_second=self.per_second, clock=self.clock, neighbours=self.neighbours)
        return FetchContext(CircuitBreaker(clock=self.clock), pace, leaves_text=leaves_text)

    def fetch(
        self, request: PageRequest, context: FetchContext, *, after: CorruptResponseError | None = None
    ) -> Page:
        """One page, whole.

        Args:
            request: What to ask.
            context: What it shares with others.
            after: Why the page that came before is not taken; it counts as an attempt that failed.

        Raises:
            PageGivenUpError: It kept failing; the last failure is the cause.
            RetriesExhaustedError: The source is down or asks to be left alone, or the time is up.
            IncompleteRunError: The job that makes it is not done yet, and there is no time to wait here.
            FatalError: It cannot be had, or cannot be trusted.
        """
        self.make_job_ready(context.stopped)
        if self.job is not None and self.job.is_empty:
            nothing = self.endpoint.reader.empty(HttpResponse(OK, {}, b""), request.number)
            return nothing.with_totals(records=0)
        breaker = context.breaker
        if breaker.is_given_up:
            raise RetriesExhaustedError("the source is down", attempts=0)
        down_since = breaker.down_since
        if after is not None:
            self.counters.request_turned_out(str(OK), type(after).__name__)
        retrier = Retrier(
            self.policy,
            clock=self.clock,
            on_retry=partial(self._retried, request.number),
            deadline=self.deadline,
            stopped=context.stopped,
            given_up=PageGivenUpError,
            is_unheard=lambda: self.counters.is_unheard,
        )
        unlike = [after] if isinstance(after, UnlikeDescribedError) else []
        attempt = partial(self._attempt, request, context, unlike)
        try:
            return retrier.call(attempt, what=f"page {request.number}", after=after)
        except PageGivenUpError as error:
            if down_since is None or down_since != breaker.down_since:
                raise
            breaker.give_up()
            raise RetriesExhaustedError(
                f"the source is down: {error}", attempts=error.attempts
            ) from error.__cause__

    def make_job_ready(self, stopped: threading.Event) -> int:
        """Make the job that the pages come of, and wait for it, unless that was done; see ``SourceJob``.

        Args:
            stopped: Once set, nobody waits any more.

        Returns:
            Which of the run's jobs it is, from 1; 0 where there is none.
        """
        bound = self.endpoint.job
        if self.job is None or bound is None:
            return 0
        if not self.job.number:
            plain = PageReader("@", None, None, records_are="object")
            endpoint = replace(self.endpoint, auth=bound.auth, origins=bound.origins, reader=plain)
            self.job.make_ready(_JobCalls(replace(self, endpoint=endpoint), stopped))
        return self.job.number

    def ask_beside(
        self, request: JobRequest, values: Mapping[str, Any], stopped: threading.Event
    ) -> tuple[Any, float | None]:
        """One request beside those for pages, for a job; see ``JobCalls.ask``."""
        context = FetchContext(CircuitBreaker(clock=self.clock), Pace(1, clock=self.clock), stopped)

        def late(name: str) -> Any:  # noqa: ANN401 - a JSON value
            return values[name] if name in values else self._late_value(context, name)

        sent, response = self._send(self.endpoint.opening_request(request, late), context)
        now = self.clock.now()
        with self.counters.failures():
            answer = self.endpoint.reader.answer_of(response)
            verdict(self.endpoint.errors, response, answer, url=sent.url, now=now)
            if response.status not in _MADE:
                raise_for_status(response, url=sent.url, now=now)
            if not isinstance(answer, dict | list):
                raise CorruptResponseError(f"{without_secrets(sent.url)} answered without JSON")
        if response.status == OK:
            self.counters.request_ended(str(OK))
        return answer, parse_retry_after(
            response.header("retry-after"), now=answered_at(response.headers, now)
        )

    def _attempt(
        self, request: PageRequest, context: FetchContext, unlike: list[UnlikeDescribedError]
    ) -> Page:
        """One attempt, once the breaker and the pace let it through; both are told what came of it.

        Args:
            request: What to ask.
            context: What it shares with others.
            unlike: The answers until now that were unlike what is described; the second ends it.
        """
        breaker, pace = context.breaker, context.pace
        breaker.enter(deadline=self.deadline, stopped=context.stopped)
        try:
            with pace.turn(deadline=self.deadline, stopped=context.stopped):
                began = self.clock.monotonic()
                try:
                    page = self._ask(request, context)
                except RateLimitedError as error:  # while the turn lasts: whoever has the next one must know
                    pace.slow_down(began, error.retry_after)
                    raise
            pace.heed(read_rate_limit(page.headers, now=self.clock.now(), rules=self.endpoint.rate_limit))
        except RetryableError as error:
            breaker.failed()
            if isinstance(error, UnlikeDescribedError):
                if unlike and not self.counters.has_pages:
                    raise ProtocolError(str(error)) from error
                unlike.append(error)
            raise
        except BaseException:
            breaker.released()
            raise
        breaker.succeeded()
        return page

    def _ask(self, request: PageRequest, context: FetchContext) -> Page:
        """One request, or those that it leads to, and the page in the answer."""
        sent, response = self._send(
            self.endpoint.request(request, partial(self._late_value, context)), context
        )
        read = partial(
            self.endpoint.page,
            response,
            request,
            url=sent.url,
            now=self.clock.now(),
            leaves_text=context.leaves_text,
        )
        if response.status != OK:  # it is counted as what it is
            return read()
        with self.counters.failures():
            page = read()
            if self.job is not None and self.job.total is not None:
                page = page.with_totals(records=self.job.total)
            if page.header:
                context.columns.check(page, self.endpoint.pagination.collection_of(request.number, request))
        self.counters.request_ended(str(OK))
        if page.doubt is not None:
            self.logger.warning("page %d: the answer has beside its records %s", page.number, page.doubt)
        return page

    def _send(self, sent: HttpRequest, context: FetchContext) -> tuple[HttpRequest, HttpResponse]:
        """What was sent in the end, and its answer: redirects within the origin are followed."""
        for _ in range(MOST_REDIRECTS + 1):
            response = self._send_authorized(sent, context)
            following = redirected(sent, response, self.endpoint.origins)
            if following is None:
                return sent, response
            sent = following
        raise ProtocolError(
            f"{without_secrets(sent.url)} answered with a redirect {MOST_REDIRECTS + 1} times in a row"
        )

    def _send_authorized(self, sent: HttpRequest, context: FetchContext) -> HttpResponse:
        """The answer to a request with what auth adds, or after a 401 with what it adds then.

        However often an auth would have it sent again, it is sent a bounded number of times.
        """
        auth = self.endpoint.auth
        refused = 0
        while True:
            signed = auth.authorize(sent, deadline=self.deadline, stopped=context.stopped)
            timeout = seconds_for(self.timeout, self.deadline, self.clock)
            with self.counters.failures(), self.counters.working(self.clock):
                response = self.transport.send(signed, timeout=timeout)
            if response.status != OK:
                self.counters.request_ended(str(response.status))
            if response.status != UNAUTHORIZED:
                auth.accepted(signed)
                return response
            is_worth_it = auth.renew(signed, response, is_again=refused > 0)
            if not is_worth_it or refused == MOST_RENEWALS:
                return response
            refused += 1
            self.logger.info("what auth added was refused (401), trying once more with what it adds now")

    def _late_value(self, context: FetchContext, name: str) -> Any:  # noqa: ANN401 - a JSON value
        """A field of the token's answer, or of the opening request's."""
        first, _, field = name.partition(".")
        if first == "job" and self.job is not None:
            return self.job.values[name]
        if first == "opening":
            return self._opened(context)[field]
        found = find(self.endpoint.auth.token_fields(deadline=self.deadline, stopped=context.stopped), field)
        if not isinstance(found, str | int | float):
            raise InvalidTokenResponseError(
                f"the login's answer has no {field!r}, which ${{{name}}} stands for"
            )
        return found

    def _opened(self, context: FetchContext) -> Mapping[str, Any]:
        """The fields of the answer to the opening request, which is sent once."""
        with self.opened.lock:
            if not self.opened.fields:
                self.opened.fields.update(self._open(context))
        return self.opened.fields

    def _open(self, context: FetchContext) -> Mapping[str, Any]:
        opening = self.endpoint.opening
        if opening is None:
            raise ConfigurationError("${opening...} is used, but no opening request is described")
        sent = self.endpoint.opening_request(opening, partial(self._late_value, context))
        sent, response = self._send(sent, context)
        raise_for_status(response, url=sent.url, now=self.clock.now())
        with self.counters.failures():
            fields = self.endpoint.opening_fields(opening, response)
        self.counters.request_ended(str(OK))
        return fields

    def pause(self, ask: int, page: Page, context: FetchContext) -> None:
        """Wait before a page that came empty is asked for again."""
        failure = CorruptResponseError(f"page {page.number} is empty")
        wait = self.policy.wait(ask, failure, lambda _low, high: high)
        self._retried(page.number, RetryEvent(ask, wait, failure))
        self.clock.wait(context.stopped, wait)

    def retried_beside(self, event: RetryEvent) -> None:
        """Tell of a request beside those for pages that is made again."""
        self._retried(1, event)

    def _retried(self, page: int, event: RetryEvent) -> None:
        self.counters.retried(event, page)
        self.logger.warning(
            "attempt %d: %s; again in %.2f s",
            event.attempt,
            event.error,
            event.wait,
            extra={"wait": event.wait},
        )


def _shown(columns: Sequence[str]) -> str:
    return excerpt(", ".join(columns), 60)


class _JobCalls(Value):
    """Speaks to the source for a job; see ``JobCalls``."""

    fetcher: PageFetcher
    stopped: threading.Event

    @property
    def logger(self) -> logging.Logger:
        return self.fetcher.logger

    @property
    def longest_wait(self) -> float | None:
        return self.fetcher.longest_wait

    def ask(self, request: JobRequest, values: Mapping[str, Any]) -> tuple[Any, float | None]:
        return self.fetcher.ask_beside(request, values, self.stopped)

    def patiently(self, operation: Callable[[], Any], what: str) -> Any:  # noqa: ANN401 - whatever it gives
        fetcher = self.fetcher
        retrier = Retrier(
            fetcher.policy,
            clock=fetcher.clock,
            on_retry=fetcher.retried_beside,
            deadline=fetcher.deadline,
            stopped=self.stopped,
            is_unheard=lambda: fetcher.counters.is_unheard,
        )
        return retrier.call(operation, what=what)

    def now(self) -> float:
        return self.fetcher.clock.now()

    def has_time_for(self, seconds: float) -> bool:
        deadline = self.fetcher.deadline
        return deadline is None or self.fetcher.clock.monotonic() + seconds <= deadline

    def wait(self, seconds: float) -> None:
        if self.fetcher.clock.wait(self.stopped, seconds):
            raise RetriesExhaustedError("the run is over: nobody waits for the job", attempts=0)


class ConfirmingFetcher(Value):
    """Gets pages of one run. Safe among threads.

    Attributes:
        fetcher: Sends the requests.
        ledger: Knows which pages should hold records.
        pagination: How pages are numbered.
        context: What the requests of the run share.
        note_proof: Called for each request that is sent only to make sure that there is nothing.
    """

    fetcher: PageFetcher
    ledger: RunLedger
    pagination: PaginationStrategy
    context: FetchContext
    note_proof: Callable[[], None] = lambda: None

    def fetch(self, request: PageRequest, *, after: CorruptResponseError | None = None) -> Page:
        """The page; an empty one where there should be records, or all would end, is asked for again.

        Args:
            request: What to ask.
            after: See ``PageFetcher.fetch``.
        """
        for ask in range(1, ASKS_FOR_AN_EMPTY_PAGE + 1):
            page = self.fetcher.fetch(request, self.context, after=after if ask == 1 else None)
            is_expected = self.ledger.expects_records(page)
            if page.records or not (is_expected or (ask == 1 and self._is_all(page))):
                break
            if ask < ASKS_FOR_AN_EMPTY_PAGE:
                self.fetcher.pause(ask, page, self.context)
            if not is_expected:
                self.note_proof()
        return page

    def again(self, request: PageRequest, page: Page, because: CorruptResponseError) -> Page:
        """The page once more, after one that was not sound; it comes decoded. See ``AskAgain``."""
        strictly = replace(self, context=replace(self.context, leaves_text=False))
        return strictly.fetch(request, after=because)

    def _is_all(self, page: Page) -> bool:
        """Whether an empty page says that there is nothing at all: that is believed when said twice."""
        return self.pagination.random_access and self.ledger.is_first(page)
