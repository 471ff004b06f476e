"""Getting one page: a token, a request, a reading of the answer, and all of it again until it is whole."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from de_classes.api.messages import HttpRequest, origin, without_secrets
from de_classes.api.pace import Pace
from de_classes.api.rate_limits import read_rate_limit
from de_classes.api.retry import Retrier, RetryEvent, seconds_for
from de_classes.api.retry_budget import RetryBudget
from de_classes.api.status import OK, UNAUTHORIZED, raise_for_status
from de_classes.errors import (
    CorruptResponseError,
    ForeignOriginError,
    PageGivenUpError,
    RateLimitedError,
    RetriesExhaustedError,
    RetryableError,
)
from de_classes.utils.values import DiscreetValue, Value

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping

    from de_classes.api.auth_client import AuthClient
    from de_classes.api.counters import ClientCounters
    from de_classes.api.messages import HttpResponse
    from de_classes.api.page import Page, PageReader
    from de_classes.api.pagination import PageRequest
    from de_classes.api.retry import RetryPolicy
    from de_classes.api.transport import Transport
    from de_classes.storage.format.columns import CurrentShape
    from de_classes.utils.clock import Clock


class SharedRun(Value):
    """What the requests of one run share.

    Attributes:
        budget: The retries that are left to the run.
        pace: How fast it may ask.
        stopped: Set when the run is over.
        current: What is written of the pages that came; None where they are not written but handed on.
    """

    budget: RetryBudget
    pace: Pace
    stopped: threading.Event = msgspec.field(default_factory=threading.Event)
    current: CurrentShape | None = None


class PageFetcher(DiscreetValue):
    """Gets pages from one endpoint, each with as many requests as it takes. Safe among threads.

    Attributes:
        url: The endpoint; no other origin is spoken to.
        auth: Supplies tokens, or None.
        transport: Reaches the network.
        reader: Knows where in an answer things stand.
        echo_field: The field that repeats the page's number, if there is one.
        policy: How one page is retried.
        headers: Sent with every request; hidden from ``repr``, since keys may be among them.
        timeout: Seconds for one request.
        per_second: Requests a second at the most, or None.
        deadline: Moment on the clock's monotonic time after which nothing is begun, or None.
        clock: Measures and waits.
        counters: Told of requests and retries.
        logger: Told of retries.
    """

    shown = ("url",)

    url: str
    auth: AuthClient | None
    transport: Transport
    reader: PageReader
    echo_field: str | None
    policy: RetryPolicy
    headers: Mapping[str, str]
    timeout: float
    per_second: float | None
    deadline: float | None
    clock: Clock
    counters: ClientCounters
    logger: logging.Logger

    def new_run(self, width: int = 1, current: CurrentShape | None = None) -> SharedRun:
        """What the requests of a new run are to share, so many of them at once."""
        pace = Pace(width, per_second=self.per_second, clock=self.clock)
        return SharedRun(RetryBudget(clock=self.clock), pace, current=current)

    def fetch(
        self, request: PageRequest, run: SharedRun, *, after: CorruptResponseError | None = None
    ) -> Page:
        """One page, whole.

        Args:
            request: What to ask.
            run: What it shares with others.
            after: Why the page that came before is not taken; it counts as an attempt that failed.

        Raises:
            PageGivenUpError: It kept failing; the last failure is the cause.
            RetriesExhaustedError: The source is down or asks to be left alone, or the time is up.
            FatalError: It cannot be had, or cannot be trusted.
        """
        down_since = run.budget.down_since
        try:
            return self._fetch_patiently(request, run, after)
        except PageGivenUpError as error:
            if down_since is None or down_since != run.budget.down_since:
                raise
            raise RetriesExhaustedError(
                f"the source is down: {error}", attempts=error.attempts
            ) from error.__cause__

    def _fetch_patiently(
        self, request: PageRequest, run: SharedRun, after: CorruptResponseError | None
    ) -> Page:
        if after is not None:
            self.counters.request_turned_out(str(OK), type(after).__name__)
        retrier = Retrier(
            self.policy,
            clock=self.clock,
            on_retry=self._retried,
            deadline=self.deadline,
            stopped=run.stopped,
            given_up=PageGivenUpError,
        )
        what = f"page {request.number}"
        return retrier.call(lambda: self._within_budget(request, run), what=what, after=after)

    def _within_budget(self, request: PageRequest, run: SharedRun) -> Page:
        run.budget.enter(deadline=self.deadline, stopped=run.stopped)
        try:
            page = self._at_pace(request, run)
        except RetryableError:
            run.budget.failed()
            raise
        except BaseException:
            run.budget.released()
            raise
        run.budget.succeeded()
        return page

    def _at_pace(self, request: PageRequest, run: SharedRun) -> Page:
        with run.pace.turn(deadline=self.deadline, stopped=run.stopped):
            page = self._attempt_and_tell(request, run)
        run.pace.heed(read_rate_limit(page.headers, now=self.clock.now()))
        return page

    def _attempt_and_tell(self, request: PageRequest, run: SharedRun) -> Page:
        """Pass on a refusal while the turn lasts: whoever has the next one must know of it."""
        began = self.clock.monotonic()
        try:
            return self._attempt(request, run)
        except RateLimitedError as error:
            run.pace.slow_down(began, error.retry_after)
            raise

    def _attempt(self, request: PageRequest, run: SharedRun) -> Page:
        url = request.url or self.url
        if origin(url) != origin(self.url):
            raise ForeignOriginError(
                f"page {request.number} is said to be at {without_secrets(url)}: no token is sent there"
            )
        response = self._send_authorized(url, request, run.stopped)
        raise_for_status(response, url=url, now=self.clock.now())
        return self._read(response, request, run.current)

    def _read(self, response: HttpResponse, request: PageRequest, current: CurrentShape | None) -> Page:
        with self.counters.failures():
            page = self._as_asked_for(self.reader.read(response, request.number, current))
        self.counters.request_ended(str(OK))
        return page

    def _as_asked_for(self, page: Page) -> Page:
        """Make sure that the answer is for this page; a source may serve its last page again past its end."""
        echoed = page.payload.get(self.echo_field or "")
        if isinstance(echoed, bool) or not isinstance(echoed, int) or echoed == page.number:
            return page
        if page.total_pages is not None and page.number > page.total_pages:
            return replace(page, records=[])
        raise CorruptResponseError(f"page {page.number} was asked for, but the answer is page {echoed}")

    def _send_authorized(
        self, url: str, request: PageRequest, stopped: threading.Event | None
    ) -> HttpResponse:
        if self.auth is None:
            return self._send(url, request, {})
        token = self.auth.get_token(deadline=self.deadline, stopped=stopped)
        response = self._send(url, request, {"Authorization": f"Bearer {token}"})
        if response.status != UNAUTHORIZED:
            return response
        self.auth.invalidate(token)
        self.logger.info("page %d: the token was refused, trying once more with a new one", request.number)
        token = self.auth.get_token(deadline=self.deadline, stopped=stopped)
        return self._send(url, request, {"Authorization": f"Bearer {token}"})

    def _send(self, url: str, request: PageRequest, authorization: Mapping[str, str]) -> HttpResponse:
        headers = {**self.headers, **authorization}
        page = HttpRequest("GET", url, params=request.params, headers=headers)
        timeout = seconds_for(self.timeout, self.deadline, self.clock)
        with self.counters.failures(), self.counters.working(self.clock):
            response = self.transport.send(page, timeout=timeout)
        if response.status != OK:
            self.counters.request_ended(str(response.status))
        return response

    def pause(self, ask: int, page: Page, run: SharedRun) -> None:
        """Wait before a page that came empty is asked for again."""
        failure = CorruptResponseError(f"page {page.number} is empty")
        wait = self.policy.wait(ask, failure, lambda _low, high: high)
        self._retried(RetryEvent(ask, wait, failure))
        self.clock.wait(run.stopped, wait)

    def _retried(self, event: RetryEvent) -> None:
        self.counters.retried(event)
        self.logger.warning("attempt %d: %s; again in %.2f s", event.attempt, event.error, event.wait)
