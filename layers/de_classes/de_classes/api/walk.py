"""Going over the pages of a source: in order, to the true end, and never round in circles.

Pages that can be asked for by number are fetched several at a time inside a window and handed on in
order; the total is read anew from every page, so a source that grows is followed. Where totals moved
or rows do not add up, one page past the end is asked for before the end is believed.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol

from de_classes.api.loop_guard import LoopGuard
from de_classes.api.window import PageWindow
from de_classes.errors import InvalidInputError, PaginationLoopError, ProtocolError, RequestRejectedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.api.ledger import RunLedger
    from de_classes.api.page import Page
    from de_classes.api.pagination import PageRequest, PaginationStrategy
    from de_classes.utils.page_range import PageRange

_NO_SUCH_PAGE = frozenset({404, 416})
_NO_SUCH_PAGE_OR_BAD_REQUEST = frozenset({400, 404, 410, 416, 422})


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
        PaginationLoopError: A request comes up that was made before, or the same records do.
    """
    guard = LoopGuard()
    asked = set()
    request: PageRequest | None = strategy.request_for(pages.start, limit)
    while request is not None and request.number in pages:
        if request.identity() in asked:
            raise PaginationLoopError(f"page {request.number} is asked for by a cursor or link used before")
        asked.add(request.identity())
        page = fetch(request)
        if guard.has_seen(page):
            raise _loop(page)
        guard.remember(page)
        yield page
        request = strategy.request_after(page, limit, url=request.url or url)


class NumberedWalk:
    """Pages by number, ``width`` at a time, handed on in order.

    Args:
        fetch: Gets one page; called from several threads if ``width`` is above 1.
        strategy: Computes requests, and the number of pages.
        ledger: What came until now; entered by whoever takes the pages.
        limit: Records a page.
        pages: Which pages.
        width: Pages under way at the most.
        stopped: Set when the walk is over, for whatever reason: nobody waits for the pages under way.
    """

    def __init__(
        self,
        fetch: FetchPage,
        strategy: PaginationStrategy,
        ledger: RunLedger,
        *,
        limit: int,
        pages: PageRange,
        width: int,
        stopped: threading.Event | None = None,
    ) -> None:
        self._fetch = fetch
        self._strategy = strategy
        self._ledger = ledger
        self._limit = limit
        self._pages = pages
        self._width = width
        self._stopped = stopped or threading.Event()
        self._guard = LoopGuard()
        self._counts: set[int | None] = set()

    def __iter__(self) -> Iterator[Page]:
        """Hand the pages on.

        Raises:
            InvalidInputError: The first page that was asked for lies beyond the source's last.
            PaginationLoopError: The source hands out the same page again and again.
        """
        try:
            with PageWindow(self._get, self._width) as window:
                yield from self._walk(window)
        finally:
            self._stopped.set()

    def _walk(self, window: PageWindow) -> Iterator[Page]:
        page = window.take(self._pages.start)
        self._check_first(page)
        end = self._pages.start
        while True:
            self._counts.add(self._strategy.page_count(page, self._limit))
            self._guard.remember(page)
            yield page
            end = max(end, self._end(page))
            if page.number >= end:
                return
            window.fill(end)
            following = self._next_page(window, page.number + 1)
            if following is None or self._is_past_end(following):
                return
            page = following

    def _get(self, number: int) -> Page:
        return self._fetch(self._strategy.request_for(number, self._limit))

    def _check_first(self, page: Page) -> None:
        count = self._strategy.page_count(page, self._limit)
        if count is None or page.number <= count:
            return
        if page.number > 1:
            raise InvalidInputError(f"page {page.number} was asked for, but the source has {count} pages")
        if page.records:
            raise ProtocolError(f"the source hands out records, but says it has {count} pages of them")

    def _next_page(self, window: PageWindow, number: int) -> Page | None:
        """The page, or None if the source says in its own way that there is none."""
        try:
            page = window.take(number)
        except RequestRejectedError as error:
            if error.status in self._ways_to_say_no(number):
                return None
            raise
        if not self._guard.has_seen(page):
            return page
        return None if self._is_probe(number) else self._asked_again(number)

    def _asked_again(self, number: int) -> Page:
        page = self._get(number)
        if self._guard.has_seen(page):
            raise _loop(page)
        return page

    def _is_probe(self, number: int) -> bool:
        """Whether the page lies beyond every total that was named."""
        known = self._known_counts()
        return bool(known) and number > max(known)

    def _ways_to_say_no(self, number: int) -> frozenset[int]:
        if self._is_probe(number):
            return _NO_SUCH_PAGE_OR_BAD_REQUEST
        return frozenset() if self._known_counts() else _NO_SUCH_PAGE

    def _is_past_end(self, page: Page) -> bool:
        count = self._strategy.page_count(page, self._limit)
        if count is None:
            return not page.records and not self._known_counts()
        furthest = max([count, *self._known_counts()])
        return page.number > (furthest if page.records else count)

    def _known_counts(self) -> list[int]:
        return [count for count in self._counts if count is not None]

    def _end(self, page: Page) -> int:
        """The last page as far as is known now: the largest total that was ever named."""
        known = self._known_counts()
        end = max(known) if known else page.number + bool(page.records)
        if known and page.number >= end and self._is_doubtful(page):
            end = page.number + 1
        return end if self._pages.stop is None else min(end, self._pages.stop)

    def _is_doubtful(self, page: Page) -> bool:
        """Totals that moved, or rows that do not add up: the end is believed only after a look past it."""
        expected = self._ledger.expected_records
        adds_up = expected is None or self._ledger.records == expected
        return bool(page.records) and (len(self._counts) > 1 or not adds_up)


def _loop(page: Page) -> PaginationLoopError:
    return PaginationLoopError(f"page {page.number} has the records of a page before it")
