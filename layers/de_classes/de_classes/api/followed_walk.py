"""Going over pages that are each found through the one before: by a cursor, or by a link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.api.loop_guard import LoopGuard
from de_classes.api.messages import holds_credential
from de_classes.api.pagination import PageRequest
from de_classes.api.walk import NO_SUCH_PAGE_OR_BAD_REQUEST
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
    from de_classes.api.pagination import PaginationStrategy
    from de_classes.api.walk_contracts import FetchPage
    from de_classes.utils.page_range import PageRange


class FollowedWalk:
    """One page after the other.

    After a resume the records that were seen are still known, but not the cursors: a loop over pages
    that are all alike is then noticed one round later.

    Args:
        fetch: Gets one page.
        strategy: Reads from a page where the next one is.
        limit: Records a page.
        pages: Which pages.
        url: The endpoint.
        state: What was taken before.
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
        state: RunState | None = None,
    ) -> None:
        self._fetch = fetch
        self._strategy = strategy
        self._limit = limit
        self._pages = pages
        self._url = url
        self._guard = LoopGuard(entry.mark for entry in (state or RunState()).entries)
        self._asked: set[object] = set()
        self._goes_on = bool(state and state.entries)
        self._next = self._first_request(state or RunState())

    @property
    def place(self) -> RunPlace | None:
        """The next request, but no address that seems to hold a credential: see ``RunPlace``."""
        if self._next is None:
            return None
        url = self._next.url
        kept = None if url is None or holds_credential(url) else url
        return RunPlace(number=self._next.number, params=dict(self._next.params), url=kept)

    def __iter__(self) -> Iterator[Page]:
        """Hand the pages on.

        Raises:
            PaginationLoopError: A request comes up that was made before, or the same records do.
            ProtocolError: A page does not say what comes after it, although something should.
            SourceChangedError: The place where another process stopped is not known any more.
        """
        while self._next is not None:
            request = self._next
            page = self._take(request)
            dead_end = self._move_on(request, page)
            yield page
            if dead_end is not None:
                raise dead_end

    def _first_request(self, state: RunState) -> PageRequest | None:
        if not state.entries:
            return self._strategy.request_for(self._pages.start, self._limit)
        place = state.place
        return None if place is None else PageRequest(place.number, place.params, place.url)

    def _take(self, request: PageRequest) -> Page:
        if request.identity() in self._asked:
            raise PaginationLoopError(f"page {request.number} is asked for by a cursor or link used before")
        self._asked.add(request.identity())
        page = self._unless_expired(request)
        if self._guard.has_seen(page):
            raise PaginationLoopError(f"page {page.number} has the records of a page before it")
        self._guard.remember(page)
        return page

    def _unless_expired(self, request: PageRequest) -> Page:
        """The page; cursors and links do not live for ever: the first after a resume may be refused."""
        is_first, self._goes_on = self._goes_on, False
        try:
            return self._fetch(request)
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
            following = self._strategy.request_after(page, self._limit, url=request.url or self._url)
        except ProtocolError as error:
            self._next = PageRequest(page.number + 1)
            return error
        self._next = following if following is not None and following.number in self._pages else None
        return None
