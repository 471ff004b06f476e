"""What a run should have brought, against what it did: the verdict "complete" is earned here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from de_classes.errors import IncompleteRunError
from de_classes.utils.page_set import PageSet

if TYPE_CHECKING:
    from de_classes.api.page import Page
    from de_classes.api.pagination import PaginationStrategy
    from de_classes.utils.page_range import PageRange

_NAMED_AT_MOST = 20


class RunLedger:
    """Keeps account of the pages of one run, in the order they are handed on.

    Every total that the source named is remembered, not only the last: a total that shrinks, or grows
    while rows repeat across two pages, means that the pages slid under the reader's hands.

    Args:
        pages: Which pages were asked for.
        limit: Records a page that were asked for.
        strategy: How the source numbers its pages, and with it how many it says there are.
    """

    def __init__(self, pages: PageRange, *, limit: int, strategy: PaginationStrategy) -> None:
        self._range = pages
        self._limit = limit
        self._strategy = strategy
        self._last_seen = pages.start - 1
        self._empty: list[int] = []
        self._short: list[int] = []
        self._maybe_short: int | None = None
        self._first_size = 0
        self._tail: list[dict[str, Any]] = []
        self._rows_repeat = False
        self._record_totals: list[int] = []
        self.pages = 0
        self.records = 0
        self.largest_count: int | None = None

    @property
    def total_records(self) -> int | None:
        """Records the source says it has, as it said last."""
        return self._record_totals[-1] if self._record_totals else None

    @property
    def expected_records(self) -> int | None:
        """Records the run should bring, where it covers the whole source and the source counts them."""
        covers_all = self._range.start == 1 and self._range.stop is None
        return self.total_records if covers_all else None

    def expects_records(self, page: Page) -> bool:
        """Whether a page that came empty should hold records, by all that was ever said of the total."""
        counts = (self._strategy.page_count(page, self._limit), self.largest_count)
        count = max((known for known in counts if known is not None), default=0)
        return page.number <= count and not (page.total_records == 0 and self._has_none())

    def is_first(self, page: Page) -> bool:
        """Whether the run begins with this page."""
        return page.number == self._range.start

    def observe(self, page: Page) -> None:
        """Enter one page."""
        count = self._strategy.page_count(page, self._limit)
        self._note_totals(page, count)
        self._note_size(page, count)
        self._note_overlap(page)
        self.pages += 1
        self.records += len(page.records)
        self._last_seen = page.number

    def is_done(self) -> bool:
        """Whether the last page that is known of was entered."""
        last = self._known_last()
        return last is not None and self._last_seen >= last

    @property
    def missing_pages(self) -> PageSet:
        """Pages that came empty or short although there should be more in them, and those that never came."""
        known = PageSet.of(self._short)
        if self.largest_count is not None and not (self._record_totals and self._has_none()):
            known |= PageSet.of(page for page in self._empty if page <= self.largest_count)
        last = self._known_last()
        return known if last is None else known | PageSet([(self._last_seen + 1, last)])

    def broken_off(self, reason: str) -> IncompleteRunError:
        """The error for a run that ends before its last page: it names every page that did not come."""
        following = self._last_seen + 1
        missing = self.missing_pages | PageSet([(following, following)])
        return IncompleteRunError(f"{reason}; {_named(missing)} missing: run again", missing_pages=missing)

    def settle(self) -> None:
        """Declare the run complete.

        Raises:
            IncompleteRunError: Pages are missing, or the source changed, or the records do not add up.
        """
        problems = [*self._gaps(), *self._drift(), *self._sum()]
        if problems:
            raise IncompleteRunError("; ".join(problems), missing_pages=self.missing_pages)

    def _note_totals(self, page: Page, count: int | None) -> None:
        if count is not None:
            self.largest_count = max(count, self.largest_count or 0)
        total = page.total_records
        if total is not None and total != self.total_records:
            self._record_totals.append(total)

    def _note_size(self, page: Page, count: int | None) -> None:
        """Find pages that hold fewer records than their place in the source demands."""
        if self._maybe_short is not None and page.records:
            self._short.append(self._maybe_short)
        self._maybe_short = None
        self._first_size = self._first_size or len(page.records)
        size = self._size_of_a_page(page, count)
        if not page.records:
            self._empty.append(page.number)
        elif size is not None and len(page.records) < size:
            self._enter_short(page.number, count)

    def _enter_short(self, number: int, count: int | None) -> None:
        if count is None:
            self._maybe_short = number  # short only if anything follows it
        elif number < count:
            self._short.append(number)

    def _size_of_a_page(self, page: Page, count: int | None) -> int | None:
        """Records that every page but the last must hold, or None if the source does not let it be known."""
        if self._strategy.counts_records:
            return self._limit
        if count is None or page.total_records is None:
            return None
        caps_the_limit = _pages_of(page.total_records, self._limit) != count
        return max(self._first_size, 1) if caps_the_limit else self._limit

    def _note_overlap(self, page: Page) -> None:
        if page.records and page.records[0] in self._tail:
            self._rows_repeat = True
        self._tail = page.records or self._tail

    def _gaps(self) -> list[str]:
        missing = self.missing_pages
        return [f"{_named(missing)} missing, empty or short"] if missing else []

    def _drift(self) -> list[str]:
        totals = self._record_totals
        if totals != sorted(totals):
            return [f"the source lost records during the run, its total fell from {max(totals)}: run again"]
        if len(totals) > 1 and self._rows_repeat:
            return [f"records were inserted during the run, the total rose from {totals[0]}: run again"]
        return []

    def _sum(self) -> list[str]:
        if self.expected_records is None or self.records == self.expected_records:
            return []
        return [f"{self.records} records came, but the source says it has {self.expected_records}"]

    def _has_none(self) -> bool:
        """Whether the source never said that it has any record."""
        return not any(self._record_totals)

    def _known_last(self) -> int | None:
        if self.largest_count is None:
            return self._range.stop if self._strategy.random_access else None
        return self.largest_count if self._range.stop is None else min(self.largest_count, self._range.stop)


def _pages_of(records: int, size: int) -> int:
    return -(-records // size)


def _named(pages: PageSet) -> str:
    ranges = pages.ranges()
    shown = ", ".join(ranges[:_NAMED_AT_MOST])
    more = f" and {len(ranges) - _NAMED_AT_MOST} more" if len(ranges) > _NAMED_AT_MOST else ""
    return f"page {shown} is" if len(pages) == 1 else f"pages {shown}{more} are"
