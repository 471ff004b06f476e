"""Going over pages that are each found through the one before: by a cursor, or by a link.

As soon as a page says where the next one is, that one is on its way: one page ahead, while this one is
handed on and written. What comes of it shows where it is taken, and not before.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from msgspec import structs

from de_classes.api.loop_guard import LoopGuard
from de_classes.api.messages import holds_credential
from de_classes.api.paths import standing_there
from de_classes.api.walk import NO_SUCH_PAGE_OR_BAD_REQUEST
from de_classes.api.window import PageWindow
from de_classes.common.logger.redaction import shared_filter
from de_classes.errors import (
    PaginationLoopError,
    ProtocolError,
    RequestRejectedError,
    SourceChangedError,
)
from de_classes.utils.run_records import RunPlace, RunState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.api.page import Page
    from de_classes.api.page_decoder import PageDecoder
    from de_classes.api.pagination import PageRequest, PaginationStrategy
    from de_classes.api.walk_contracts import FetchPage
    from de_classes.utils.page_range import PageRange


_ONE_AHEAD = 2


class FollowedWalk:
    """One page after the other, handed on in order.

    After a resume the records that were seen are still known, but not the cursors: a loop over pages
    that are all alike is then noticed one round later.

    Args:
        fetch: Gets one page; called from another thread if ``width`` is above 1.
        strategy: Reads from a page where the next one is.
        limit: Records a page.
        pages: Which pages.
        url: The endpoint.
        width: Pages under way at the most; above 1 the next page is fetched ahead, and never more than that.
        stopped: Set when the walk is over, for whatever reason: nobody waits for a page under way.
        state: What was taken before.
        decoder: Makes pages out of what ``fetch`` gets; None if they come as such.
        smaller: The next smaller size of a page that the source may be asked for; None if there is none, or
            if it is not told how many records a page is to have.
    """

    is_filling_gaps = False

    def __init__(
        self,
        fetch: FetchPage,
        strategy: PaginationStrategy,
        *,
        limit: int,
        pages: PageRange,
        url: str,
        width: int = 1,
        stopped: threading.Event | None = None,
        state: RunState | None = None,
        decoder: PageDecoder | None = None,
        smaller: int | None = None,
    ) -> None:
        self._smaller = smaller
        self._fetch = fetch
        self._decoder = decoder
        self._strategy = strategy
        self._limit = limit
        self._pages = pages
        self._url = url
        self._width = min(width, _ONE_AHEAD)
        self._stopped = stopped or threading.Event()
        self._guard = LoopGuard(entry.mark for entry in (state or RunState()).entries)
        self._asked: set[object] = set()
        self._goes_on = bool(state and state.entries)
        self._next = self._first_request(state or RunState())

    @property
    def place(self) -> RunPlace | None:
        """The next request, but no address or cursor that seems to hold a credential: see ``RunPlace``."""
        if self._next is None:
            return None
        url = self._next.url
        kept = None if url is None or holds_credential(url) else url
        told = (str(value) for value in self._next.values.values())
        is_told = any(map(shared_filter().holds_secret, told))  # a cursor that repeats one
        return RunPlace(number=self._next.number, values={} if is_told else dict(self._next.values), url=kept)

    def __iter__(self) -> Iterator[Page]:
        """Hand the pages on.

        Raises:
            PaginationLoopError: A request comes up that was made before, or the same records do.
            ProtocolError: A page does not say what comes after it, although something should.
            SourceChangedError: The place where another process stopped is not known any more.
        """
        try:
            prepare = self._decoder.prepare if self._decoder else None
            with PageWindow(self._get_next, self._width, prepare=prepare) as window:
                yield from self._pages_in_order(window)
        finally:
            self._stopped.set()

    def _pages_in_order(self, window: PageWindow) -> Iterator[Page]:
        while self._next is not None:
            request = self._next
            page = self._take(request, window)
            dead_end = self._move_on(request, page)
            if dead_end is None:
                self._start_next(window)
            yield page
            if dead_end is not None:
                raise dead_end

    def _start_next(self, window: PageWindow) -> None:
        """Send the next request, unless it is one that will be refused where it is taken."""
        if self._next is not None and self._next.identity() not in self._asked:
            window.fill(self._next.number)

    def _get_next(self, number: int) -> Page:
        """The next page; nobody moves on before it was taken, be it fetched ahead or now."""
        if self._next is None or self._next.number != number:
            raise LookupError(f"page {number} is not the next one")
        return self._fetch(self._next)

    def _first_request(self, state: RunState) -> PageRequest | None:
        if not state.entries:
            return self._strategy.request_for(self._pages.start, self._limit)
        place = state.place
        return None if place is None else self._strategy.request_again(place, self._limit)

    def _take(self, request: PageRequest, window: PageWindow) -> Page:
        if request.identity() in self._asked:
            raise PaginationLoopError(f"page {request.number} is asked for by a cursor or link used before")
        self._asked.add(request.identity())
        page = self._unless_expired(request, window)
        if self._guard.has_seen(page):
            raise PaginationLoopError(f"page {page.number} has the records of a page before it")
        self._guard.remember(page)
        return page

    def _unless_expired(self, request: PageRequest, window: PageWindow) -> Page:
        """The page; cursors and links do not live for ever: the first after a resume may be refused."""
        is_first, self._goes_on = self._goes_on, False
        try:
            page = window.take(request.number)
            return self._decoder.settle(page, request) if self._decoder else page
        except RequestRejectedError as error:
            if is_first and error.status in NO_SUCH_PAGE_OR_BAD_REQUEST:
                raise SourceChangedError(
                    f"the source does not know the place any more where page {request.number} would follow "
                    f"(status {error.status}): begin the run anew",
                    missing_pages=(request.number,),
                ) from error
            raise

    def _move_on(self, request: PageRequest, page: Page) -> ProtocolError | None:
        """Find the next request; a page that leads nowhere is whole itself, so its error waits."""
        try:
            following = self._strategy.request_after(
                page, self._limit, url=page.url or request.url or self._url, asked=request
            )
            if following is None:
                self._make_sure_of_the_end(request, page)
        except ProtocolError as error:
            self._next = structs.replace(request, number=page.number + 1)
            return error
        self._next = following if following is not None and following.number in self._pages else None
        return None

    def _make_sure_of_the_end(self, request: PageRequest, page: Page) -> None:
        """A full first page that leads nowhere is all there is only if a smaller one leads on.

        Raises:
            ProtocolError: It does not: what leads to the next page goes by another name.
        """
        smaller = self._smaller
        is_full = request.number == self._pages.start == 1 and len(page.records) >= self._limit
        if smaller is None or not is_full or page.total_records == len(page.records):
            return
        if self._strategy.way_on is None or self._strategy.ends(page) or self._strategy.stands_in(page):
            return
        probe = self._fetch(structs.replace(request, size=smaller))
        probe = self._decoder.settle(probe, request) if self._decoder else probe
        came_from = page.url or request.url or self._url
        if self._strategy.request_after(probe, smaller, url=came_from, asked=request) is None:
            raise ProtocolError(
                f"a full first page has no {self._strategy.way_on}, and neither has a smaller one: name what "
                f"leads to the next page; the answer has {standing_there(page.answer)}"
            )
