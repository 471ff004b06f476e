"""One pass over a source's pages, which ends complete or with an error that names what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.errors import RetriesExhaustedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from de_classes.api.ledger import RunLedger
    from de_classes.api.page import Page
    from de_classes.utils.clock import Clock


class PageRun:
    """Pages in order, entered into a ledger as they are handed on. Iterate it once.

    Args:
        pages: The pages, in order.
        ledger: Where they are entered.
        clock: What to measure with.
        deadline: Moment on the clock's monotonic time after which no other page is begun, or None.

    Attributes:
        ledger: What came until now, against what should.
    """

    def __init__(
        self, pages: Iterable[Page], ledger: RunLedger, clock: Clock, deadline: float | None = None
    ) -> None:
        self._pages = pages
        self._clock = clock
        self._deadline = deadline
        self.ledger = ledger

    def __iter__(self) -> Iterator[Page]:
        """Hand the pages on.

        Raises:
            IncompleteRunError: After the last page that came: pages are missing, and which.
            FatalError: The API refuses, or cannot be trusted.
        """
        try:
            for page in self._pages:
                self.ledger.observe(page)
                yield page
                self._check_deadline()
        except RetriesExhaustedError as error:
            raise self.ledger.broken_off(str(error)) from error
        self.ledger.settle()

    def _check_deadline(self) -> None:
        if self._deadline is None or self.ledger.is_done():
            return
        if self._clock.monotonic() >= self._deadline:
            raise self.ledger.broken_off("the time is up")
