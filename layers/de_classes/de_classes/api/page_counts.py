"""How many pages a source says it has, as far as its answers agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from de_classes.api.offsets import Strategy
    from de_classes.api.page import Page
    from de_classes.api.pagination import Totals


class PageCounts:
    """Remembers the largest count that was ever named, and whether all were the same.

    Args:
        strategy: Reads the count from an answer.
        limit: Records a page.
        said: By the pages that were taken before.

    Attributes:
        most: The largest count; None if the source names none.
        have_moved: Whether two answers differed, one that names none included.
    """

    def __init__(self, strategy: Strategy, limit: int, said: Iterable[Totals] = ()) -> None:
        self._strategy = strategy
        self._limit = limit
        self._noted = 0
        self._last: int | None = None
        self.most: int | None = None
        self.have_moved = False
        for totals in said:
            self.note(totals)

    def of(self, totals: Totals) -> int | None:
        """What one answer says."""
        return self._strategy.page_count(totals, self._limit)

    def note(self, totals: Totals) -> None:
        """Take down what an answer says."""
        count = self.of(totals)
        self.have_moved |= self._noted > 0 and count != self._last
        self.most = self.most if count is None else max(count, self.most or 0)
        self._last = count
        self._noted += 1

    def include(self, number: int) -> bool:
        """Whether the source ever said that it has that page."""
        return self.most is not None and number <= self.most

    def exclude(self, number: int) -> bool:
        """Whether the page lies beyond every count that was named."""
        return self.most is not None and number > self.most

    def is_past_end(self, page: Page) -> bool:
        """Whether a page lies past the end: it is empty, and its own count says so or there is none."""
        count = self.of(page)
        if count is None:
            return not page.records and self.most is None
        return not page.records and page.number > count
