"""Going over the pages of a source: in order, to the true end, and never round in circles.

Pages that can be asked for by number are fetched several at a time inside a window and handed on in
order; the total is read anew from every page, so a source that grows is followed. Where totals moved
or rows do not add up, one page past the end is asked for before the end is believed.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from de_classes.errors import PaginationLoopError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from de_classes.api.page import Page
    from de_classes.api.pagination import PageRequest, PaginationStrategy
    from de_classes.utils.page_range import PageRange

_REPEATS_OF_ONE_RECORD = 20


class FetchPage(Protocol):
    """Gets one page, with all retries."""

    def __call__(self, request: PageRequest) -> Page:
        """Send the request until it is answered or given up."""
        ...


def follow_pages(
    fetch: FetchPage, strategy: PaginationStrategy, *, limit: int, pages: PageRange, url: str
) -> Iterator[Page]:
    """One page after the other, each found through the one before it.

    Raises:
        PaginationLoopError: A request comes up that was made before.
    """
    seen = set()
    request: PageRequest | None = strategy.request_for(pages.start, limit)
    while request is not None and request.number in pages:
        if request.identity() in seen:
            raise PaginationLoopError(f"page {request.number} is asked for by a cursor or link used before")
        seen.add(request.identity())
        page = fetch(request)
        yield page
        request = strategy.request_after(page, limit, url=request.url or url)


class NumberedWalk:
    """Pages by number, ``width`` at a time, handed on in order.

    Args:
        fetch: Gets one page; called from several threads if ``width`` is above 1.
        strategy: Computes requests, and the number of pages.
        limit: Records a page.
        pages: Which pages.
        width: Pages under way at the most.
        stopped: Set when the walk is over, for whatever reason: nobody waits for the pages under way.
    """

    def __init__(
        self,
        fetch: FetchPage,
        strategy: PaginationStrategy,
        *,
        limit: int,
        pages: PageRange,
        width: int,
        stopped: threading.Event | None = None,
    ) -> None:
        self._fetch = fetch
        self._strategy = strategy
        self._limit = limit
        self._pages = pages
        self._width = width
        self._stopped = stopped or threading.Event()
        self._counts: set[int | None] = set()
        self._total_records: int | None = None
        self._rows = 0
        self._previous: Page | None = None
        self._repeats = 0

    def __iter__(self) -> Iterator[Page]:
        try:
            with _window(self._get, self._width) as window:
                yield from self._walk(window)
        finally:
            self._stopped.set()

    def _walk(self, window: _Window) -> Iterator[Page]:
        number = self._pages.start
        end = number  # the first page tells how many there are
        while number <= end:
            window.fill(end)
            page = self._checked(window.take(number))
            if self._is_past_end(page):
                return
            self._note(page)
            yield page
            end = self._end(number, page)
            number += 1

    def _get(self, number: int) -> Page:
        return self._fetch(self._strategy.request_for(number, self._limit))

    def _checked(self, page: Page) -> Page:
        """Refuse the same content twice in a row, after asking once more."""
        if self._repeats_previous(page):
            page = self._get(page.number)
        if not self._repeats_previous(page):
            self._repeats = 0
            return page
        self._repeats += 1
        if len(page.records) > 1 or self._repeats > _REPEATS_OF_ONE_RECORD:
            raise PaginationLoopError(f"page {page.number} has the same records as the page before it")
        return page

    def _repeats_previous(self, page: Page) -> bool:
        return bool(page.records) and self._previous is not None and page.records == self._previous.records

    def _is_past_end(self, page: Page) -> bool:
        """Whether the page lies beyond every total that was named, or beyond its own and empty."""
        count = self._strategy.page_count(page, self._limit)
        if page.number == self._pages.start:
            return False
        if count is None:
            return not page.records
        furthest = max([count, *self._known_counts()])
        return page.number > (furthest if page.records else count)

    def _known_counts(self) -> list[int]:
        return [count for count in self._counts if count is not None]

    def _note(self, page: Page) -> None:
        self._previous = page
        self._rows += len(page.records)
        self._counts.add(self._strategy.page_count(page, self._limit))
        self._total_records = page.total_records

    def _end(self, number: int, page: Page) -> int:
        """The last page as far as is known now: the largest total that was ever named."""
        known = self._known_counts()
        if not known:
            end = number + 1 if page.records else number
        else:
            end = max(known)
            if number >= end and self._is_doubtful(page):
                end = number + 1
        return end if self._pages.stop is None else min(end, self._pages.stop)

    def _is_doubtful(self, page: Page) -> bool:
        """Totals that moved, or rows that do not add up: the end is believed only after a look past it."""
        if not page.records or self._pages.start != 1:
            return False
        adds_up = self._total_records is None or self._rows == self._total_records
        return len(self._counts) > 1 or not adds_up


class _Window:
    """Fetches ahead, up to ``width`` pages, and hands them out by number."""

    def __init__(self, get: Callable[[int], Page], width: int, pool: ThreadPoolExecutor | None) -> None:
        self._get = get
        self._width = width
        self._pool = pool
        self._under_way: deque[tuple[int, Future[Page]]] = deque()
        self._next = 0

    def fill(self, end: int) -> None:
        """Start fetching pages up to ``end``, as far as the window reaches."""
        while self._pool and self._next and self._next <= end and len(self._under_way) < self._width:
            self._under_way.append((self._next, self._pool.submit(self._get, self._next)))
            self._next += 1

    def take(self, number: int) -> Page:
        """The page of that number, waited for or fetched now."""
        self._next = max(self._next, number + 1)
        if not self._under_way:
            return self._get(number)
        _, future = self._under_way.popleft()
        return future.result()


@contextmanager
def _window(get: Callable[[int], Page], width: int) -> Iterator[_Window]:
    """A window whose threads take nothing new once it is left; with a width of 1 there are none."""
    pool = ThreadPoolExecutor(width, thread_name_prefix="page") if width > 1 else None
    try:
        yield _Window(get, width, pool)
    finally:
        if pool:
            pool.shutdown(wait=False, cancel_futures=True)
