"""Getting one page of a run: by as many requests as it takes until it is one that can be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from de_classes.api.walk import ASKS_FOR_AN_EMPTY_PAGE
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.api.ledger import RunLedger
    from de_classes.api.page import Page
    from de_classes.api.page_fetcher import PageFetcher, SharedRun
    from de_classes.api.pagination import PageRequest, PaginationStrategy
    from de_classes.errors import CorruptResponseError


class RunFetcher(Value):
    """Gets pages of one run. Safe among threads.

    Attributes:
        fetcher: Sends the requests.
        ledger: Knows which pages should hold records.
        pagination: How pages are numbered.
        run: What the requests of the run share.
        note_proof: Called for each request that is sent only to make sure that there is nothing.
    """

    fetcher: PageFetcher
    ledger: RunLedger
    pagination: PaginationStrategy
    run: SharedRun
    note_proof: Callable[[], None] = lambda: None

    def fetch(self, request: PageRequest, *, after: CorruptResponseError | None = None) -> Page:
        """The page; an empty one where there should be records, or all would end, is asked for again.

        Args:
            request: What to ask.
            after: See ``PageFetcher.fetch``.
        """
        for ask in range(1, ASKS_FOR_AN_EMPTY_PAGE + 1):
            page = self.fetcher.fetch(request, self.run, after=after if ask == 1 else None)
            is_expected = self.ledger.expects_records(page)
            if page.records or not (is_expected or (ask == 1 and self._is_all(page))):
                break
            if ask < ASKS_FOR_AN_EMPTY_PAGE:
                self.fetcher.pause(ask, page, self.run)
            if not is_expected:
                self.note_proof()
        return page

    def again(self, request: PageRequest, page: Page, because: CorruptResponseError) -> Page:
        """The page once more, after one that was not sound; it comes decoded. See ``AskAgain``."""
        strictly = replace(self, run=replace(self.run, leaves_text=False))
        return strictly.fetch(request, after=because)

    def _is_all(self, page: Page) -> bool:
        """Whether an empty page says that there is nothing at all: that is believed when said twice."""
        return self.pagination.random_access and self.ledger.is_first(page)
