"""A client that gets every page out of an API that fails, limits, stalls and lies."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from de_classes.api.counters import ClientCounters
from de_classes.api.endpoint import Endpoint, first_fingerprint
from de_classes.api.evidence import ProofRequests
from de_classes.api.followed_walk import FollowedWalk
from de_classes.api.jobs import SourceJob
from de_classes.api.ledger import RunLedger, check_state
from de_classes.api.numbered_walk import NumberedWalk
from de_classes.api.page_fetcher import ConfirmingFetcher, PageFetcher
from de_classes.api.page_pass import PagePass
from de_classes.api.pagination.by_number import PageNumberPagination
from de_classes.api.pagination.strategy import PageRequest
from de_classes.api.prefetch import PageDecoder
from de_classes.api.proof import Prover, Reading
from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.walk import PageSource
from de_classes.errors import (
    DeClassesError,
    IncompleteRunError,
    InvalidInputError,
    RetriesExhaustedError,
)
from de_classes.redaction import is_secret_header, redact_header
from de_classes.utils.clock import WatchedClock
from de_classes.utils.limits import check_limit, checked_concurrency
from de_classes.utils.page_range import PageRange
from de_classes.utils.run_records import RunState

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    from de_classes.api.auth_client import AuthClient
    from de_classes.api.counters import Counts, Timeline
    from de_classes.api.jobs import JobNotes
    from de_classes.api.page import Page
    from de_classes.api.pagination.strategy import PaginationStrategy
    from de_classes.api.prefetch import RecordDecoder
    from de_classes.errors import PageGivenUpError
    from de_classes.utils.run_records import PageEntry

MOST_SKIPPED: Final = 100
"""Pages in a row that are skipped: of a source that has so many amiss, none is to be had."""


class UnstableAPIClient:
    """Fetches pages, retrying each until it is whole, and hands them on in order.

    Statuses that pass (see ``status``), network errors and answers that are not what was promised are
    retried under the policy, and under a budget for the run: when that is spent, the source is left
    alone and probed until it is up again. Everything else is a typed error at once. The token is read
    anew for every attempt; a 401 costs one refresh and one replay. Only one origin is spoken to, and its own
    redirects are followed.

    Example:
        >>> client = UnstableAPIClient(api.base_url, AuthClient(api.login_url, api.username, api.password))
        >>> [(number, len(page.records)) for number, page in client.iterate_all_pages(limit=2)]
        [(1, 2), (2, 2), (3, 1)]

    Args:
        base_url: The API's address, below which ``/data`` is read page by page; or an endpoint, for anything
            else: ``Endpoint.at`` another path, with another pagination, reader, headers.
        auth_client: Supplies tokens; None for an open API, or an endpoint that has an auth of its own.
        logger: Told of retries; the runtime's if not given.
        pages: Which pages, unless a call says otherwise.
        limits: Pages at once, time, attempts.
        runtime: Network, clock and logger.
    """

    def __init__(
        self,
        base_url: str | Endpoint,
        auth_client: AuthClient | None = None,
        logger: logging.Logger | None = None,
        *,
        pages: PageRange | None = None,
        limits: ClientLimits | None = None,
        runtime: ClientRuntime | None = None,
    ) -> None:
        limits, runtime = limits or ClientLimits(), runtime or ClientRuntime()
        endpoint = base_url if isinstance(base_url, Endpoint) else Endpoint.at(base_url.rstrip("/") + "/data")
        if auth_client is not None:
            endpoint = endpoint.signed_by(auth_client)
        at_once, per_second = endpoint.rate_limit.concurrency, endpoint.rate_limit.per_second
        self._endpoint = endpoint
        self._pagination = self._learned = endpoint.pagination
        for name, value in endpoint.headers.items():
            if is_secret_header(name):
                redact_header(value)
        self._pages = pages or PageRange()
        self._concurrency = checked_concurrency(
            limits.concurrency
            if at_once is None
            else max(1, min(limits.concurrency, at_once // limits.share))
        )
        self._clock = WatchedClock(runtime.clock)
        self._deadline = limits.deadline
        self._counters = ClientCounters(self._clock)
        self._logger = logger or runtime.logger
        self._fetcher = PageFetcher(
            endpoint=endpoint,
            transport=runtime.transport,
            policy=limits.retry_policy,
            timeout=limits.timeout,
            per_second=None if per_second is None else per_second / limits.share,
            deadline=limits.deadline,
            clock=self._clock,
            counters=self._counters,
            logger=self._logger,
            neighbours=runtime.neighbours,
            job=None if endpoint.job is None else SourceJob(endpoint.job.described),
            longest_wait=limits.longest_wait,
        )

    @property
    def endpoint(self) -> Endpoint:
        """What is asked, and how answers are read."""
        return self._endpoint

    @property
    def url(self) -> str:
        """The paginated endpoint, without anything secret."""
        return self._endpoint.shown_url

    @property
    def fingerprint(self) -> str:
        """A hash of what is read and how: two clients of one fingerprint get the same pages.

        All that changes what comes counts, secrets aside: see ``Endpoint.fingerprint``. It is in the plan of
        every run that was begun: whoever adds an option keeps the hash of those who do not use it.
        """
        return self._endpoint.fingerprint

    @property
    def way_on(self) -> str | None:
        """Where a page says what comes next, for messages; None where that is reckoned."""
        return self._pagination.way_on

    @property
    def pagination_hash(self) -> str:
        """A hash of what leads from page to page, see ``Endpoint.pagination_hash``."""
        return self._endpoint.pagination_hash

    @property
    def first_fingerprint(self) -> str | None:
        """The same as version 0.1 hashed it, for runs that it began; None for what it could not read."""
        return first_fingerprint(self._endpoint)

    @property
    def pages(self) -> PageRange:
        """Which pages are fetched unless a call says otherwise."""
        return self._pages

    @property
    def random_access(self) -> bool:
        """Whether any page can be asked for by its number, so that one that fails can be skipped."""
        return self._pagination.random_access

    @property
    def is_unheard(self) -> bool:
        """Whether the source has not answered anything yet."""
        return self._counters.is_unheard

    @property
    def pages_stand_alone(self) -> bool:
        """Whether a page's number alone says where it is, and nothing that came before it."""
        return self._pagination.random_access and not self._pagination.counts_records

    @property
    def retry_count(self) -> int:
        """Attempts that failed and were made again."""
        return self._counters.snapshot().retry_count

    @property
    def successful_pages(self) -> int:
        """Pages obtained."""
        return self._counters.snapshot().successful_pages

    @property
    def failed_pages(self) -> int:
        """Pages given up."""
        return self._counters.snapshot().failed_pages

    @property
    def records_ingested(self) -> int:
        """Records in the pages obtained."""
        return self._counters.snapshot().records_ingested

    def counts(self) -> Counts:
        """All counters, taken together."""
        return replace(self._counters.snapshot(), logins=self._endpoint.auth.logins)

    def watched(self, look: Callable[[], None]) -> AbstractContextManager[None]:
        """Have somebody look around every few seconds of every wait, until the block ends.

        Args:
            look: Called by whichever thread waits; what it raises ends the request.
        """
        return self._clock.watched(look)

    def begin_timeline(self) -> None:
        """Say that a run begins, which ``timeline`` is to be of."""
        self._counters.begin_timeline()

    def timeline(self) -> Timeline:
        """What happened when since the run began."""
        return self._counters.timeline()

    def note_jobs_in(self, notes: JobNotes) -> None:
        """Note the job that makes the pages, if one does, where a run that goes on finds it."""
        if self._fetcher.job is not None:
            self._fetcher.job.notes = notes

    def make_job_ready(self) -> int:
        """Make the job that makes the pages, if one does, and wait until it is done.

        Returns:
            Which of the run's jobs it is, from 1; 0 where there is none.

        Raises:
            IncompleteRunError: It is not done yet, or cannot be had now.
            JobFailedError: The source has failed at it.
        """
        try:
            return self._fetcher.make_job_ready(threading.Event())
        except RetriesExhaustedError as error:
            raise IncompleteRunError(str(error)) from error

    @property
    def job_doubts(self) -> tuple[str, ...]:
        """What jobs may be left behind at the source, a sentence each."""
        return () if self._fetcher.job is None else self._fetcher.job.doubts

    def fetch_page(self, page_num: int, limit: int = 100) -> Page:
        """One page, whole, as the source has it: empty if the source says so.

        Args:
            page_num: From 1.
            limit: Records a page.

        Raises:
            RetriesExhaustedError: It kept failing; the last failure is the cause.
            FatalError: It cannot be had: refused, forbidden, or an answer that cannot be trusted.
        """
        check_limit(limit)
        request = self._pagination.request_for(PageRange(page_num).start, self._endpoint.limit(limit))
        try:
            page = self._fetcher.fetch(request, self._fetcher.new_context())
        except DeClassesError:
            self._counters.page_failed()
            raise
        self._counters.page_succeeded(page)
        return page

    def iterate_all_pages(
        self, limit: int = 100, *, pages: PageRange | None = None, concurrency: int | None = None
    ) -> Iterator[tuple[int, Page]]:
        """Every page in order, as ``(page_num, result)``; the same pages at any concurrency.

        Args:
            limit: Records a page.
            pages: Which pages; the client's own range if not given.
            concurrency: Pages fetched at once; the client's own if not given.

        Raises:
            InvalidInputError: A limit or concurrency out of range; at once, not on the first page.
            IncompleteRunError: Pages are missing, and which; after the pages that came.
            FatalError: The API refuses, or cannot be trusted.
        """
        run = self.start_pass(limit, pages=pages, concurrency=concurrency)
        return ((page.number, page) for page in run)

    def start_pass(
        self,
        limit: int = 100,
        *,
        pages: PageRange | None = None,
        concurrency: int | None = None,
        state: RunState | None = None,
        skip_failed: bool = False,
        current: RecordDecoder | None = None,
        strict: bool = False,
        seen_before: str | None = None,
        trusts_total: bool = True,
        first: PageEntry | None = None,
        proves: bool = True,
    ) -> PagePass:
        """The same pages as ``iterate_all_pages``, together with the ledger of the run.

        Args:
            limit: Records a page.
            pages: Which pages; the client's own range if not given.
            concurrency: Pages fetched at once; the client's own if not given.
            state: What was taken of this very run before, by this process or another. One
                page of it is asked for again where pages have numbers, to see that it still stands; then
                its gaps are fetched, and what comes after its place. The verdict is on the whole run.
            skip_failed: Go on without a page that cannot be had, and name it at the end. The first page
                of all is not skipped, and none is when the source is down or the time is up. After
                ``MOST_SKIPPED`` in a row, or as much time as the policy gives to one, the run is broken off.
            current: Decodes the records as whoever writes them has use for; None for lists of dictionaries.
            strict: Take nothing for complete that is not proved: every page is asked for twice.
            seen_before: An earlier run that followed what leads on, by the same description, see ``WaysOn``.
            trusts_total: Whether as many records as the source counts are all of them; not where some came
                twice.
            first: The first page of the whole run, where these are a range behind it: what it showed of the
                source is known, and any page of the range may be skipped.
            proves: Whether the end is to be proved, once all pages came; otherwise others see to that.

        Raises:
            InvalidInputError: A limit or concurrency out of range, a state of another run, or
                ``skip_failed`` where pages cannot be asked for by number.
        """
        check_limit(limit)
        if strict:
            self._pagination.hold_to_proof()
        # a record alone does not show whether others tie with it
        limit = self._endpoint.limit(max(limit, 2) if self._endpoint.may_tie else limit)
        width = self._concurrency if concurrency is None else checked_concurrency(concurrency)
        wanted = pages or self._pages
        if skip_failed and not self.random_access:
            raise InvalidInputError("skip_failed needs pages that can be asked for by number")
        if state is not None:
            check_state(state, wanted, random_access=self.random_access, is_range=first is not None)
        begun = state if first is None else RunState(entries=(first,))
        strategy, limit = (
            (self._learned, limit) if begun is None else self._pagination.as_it_was(limit, begun)
        )
        fetcher = self._fetcher_by(strategy)
        pagination = fetcher.endpoint.pagination
        ledger = RunLedger(
            wanted, limit=limit, strategy=strategy, state=state, trusts_total=trusts_total, first=first
        )
        skip = partial(self._skip, ledger, _Skips()) if skip_failed else None
        context = fetcher.new_context(width, leaves_text=current is not None)
        # decoded, and also when no other page is asked for any more
        proving = replace(context, leaves_text=False, stopped=threading.Event())
        once = replace(fetcher, policy=RetryPolicy(max_attempts=1))
        counting = self._endpoint.count and replace(fetcher, endpoint=self._endpoint.count)
        proofs = ProofRequests(
            partial(fetcher.fetch, context=proving),
            partial(once.fetch, context=proving),
            partial(counting.fetch, PageRequest(1), context=proving) if counting else None,
            ConfirmingFetcher(fetcher, ledger, pagination, proving).fetch,
            self._is_late,
        )
        asking = ConfirmingFetcher(fetcher, ledger, pagination, context, proofs.note)
        endpoint = self._endpoint
        has_sizes = endpoint.page_size is not None if self.random_access else endpoint.may_tie
        source = PageSource(
            asking.fetch,
            proofs,
            limit,
            wanted,
            width,
            sizes=endpoint.limit if has_sizes else None,
            decoder=None if current is None else PageDecoder(endpoint.reader, current, asking.again),
            stopped=context.stopped,
        )
        walk: NumberedWalk | FollowedWalk
        if self.random_access:
            is_learned = pagination is not self._pagination
            walk = NumberedWalk(
                source, strategy, ledger, state=state, skip=skip, is_learned=is_learned, first=first
            )
        else:
            walk = FollowedWalk(source, self._pagination, url=endpoint.shown_url, state=state)
        reading = Reading(fetcher.endpoint, walk, ledger, proofs, limit=limit, pages=wanted, strict=strict)
        for entry in state.entries if state else ():
            reading.note(entry)
        prover = Prover(reading, seen_before=seen_before, learn=self._learn)
        return PagePass(
            _Counted(walk, self._counters),
            walk,
            ledger,
            prover if proves else None,
            self._clock,
            deadline=self._deadline,
        )

    def _fetcher_by(self, strategy: PaginationStrategy) -> PageFetcher:
        """Gets pages by the numbers that they have at the source, be they others than described."""
        if not isinstance(strategy, PageNumberPagination) or strategy is self._pagination:
            return self._fetcher
        self._learn(strategy)
        return replace(self._fetcher, endpoint=replace(self._endpoint, pagination=strategy))

    def _learn(self, pagination: PageNumberPagination) -> None:
        """Begin the readings that follow with another number."""
        self._learned = pagination

    def _is_late(self) -> bool:
        return self._deadline is not None and self._clock.monotonic() >= self._deadline

    def _skip(self, ledger: RunLedger, skips: _Skips, number: int, because: PageGivenUpError) -> None:
        ledger.skip(number, because)
        self._counters.page_failed()
        self._logger.warning("page %d is skipped for now: %s", number, because)
        since = skips.note(number, self._clock.monotonic())
        if skips.in_a_row >= MOST_SKIPPED or since > self._fetcher.policy.max_elapsed:
            raise RetriesExhaustedError(
                f"{skips.in_a_row} pages in a row could not be had, for {since:.0f} s: the source is down, "
                f"or has fewer pages than it says; the last: {because}",
                attempts=because.attempts,
            ) from because


class _Counted:
    """Pages that are counted as they come."""

    def __init__(self, pages: Iterable[Page], counters: ClientCounters) -> None:
        self._pages = pages
        self._counters = counters

    def __iter__(self) -> Iterator[Page]:
        try:
            for page in self._pages:
                self._counters.page_succeeded(page)
                yield page
        except DeClassesError:
            self._counters.page_failed()
            raise


class _Skips:
    """The pages that were skipped in a row."""

    def __init__(self) -> None:
        self.in_a_row = 0
        self._last = 0
        self._since = 0.0

    def note(self, number: int, now: float) -> float:
        """One more; the seconds since the first of the row."""
        if number == self._last + 1:
            self.in_a_row += 1
        else:
            self.in_a_row, self._since = 1, now
        self._last = number
        return now - self._since
