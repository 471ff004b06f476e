"""What a run should have brought, against what it did: the verdict "complete" is earned here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.errors import IncompleteRunError

if TYPE_CHECKING:
    from de_classes.api.page import Page
    from de_classes.utils.page_range import PageRange

_NAMED_AT_MOST = 20


class RunLedger:
    """Keeps account of the pages of one run, in the order they are handed on.

    Args:
        pages: Which pages were asked for.
    """

    def __init__(self, pages: PageRange) -> None:
        self._range = pages
        self._empty: list[int] = []
        self._last_filled = 0
        self._last_seen = 0
        self.pages = 0
        self.records = 0
        self.total_pages: int | None = None
        self.total_records: int | None = None

    def observe(self, page: Page) -> None:
        """Enter one page."""
        self.pages += 1
        self._last_seen = page.number
        self.records += len(page.records)
        self.total_pages = page.total_pages
        self.total_records = page.total_records
        if page.records:
            self._last_filled = page.number
        else:
            self._empty.append(page.number)

    @property
    def missing_pages(self) -> tuple[int, ...]:
        """Pages that came empty although there should be records in them, ascending."""
        last = max(self._last_filled, self._stated_last())
        return tuple(number for number in self._empty if number <= last)

    @property
    def expected_records(self) -> int | None:
        """Records the whole source has, where the run covers it all and the source says so."""
        covers_all = self._range.start == 1 and self._range.stop is None
        return self.total_records if covers_all else None

    def is_done(self) -> bool:
        """Whether the last page that is known of was entered."""
        if self._range.stop is not None and self._last_seen >= self._range.stop:
            return True
        return self.total_pages is not None and self._last_seen >= self.total_pages

    def broken_off(self, reason: str) -> IncompleteRunError:
        """The error for a run that ends before its last page: it names every page that did not come."""
        first = max(self._last_seen + 1, self._range.start)
        last = self._known_last(first)
        missing = (*self.missing_pages, *range(first, last + 1))
        named = f"pages {first} to {last} are" if last > first else f"page {first} is"
        return IncompleteRunError(f"{reason}; {named} missing: run again", missing_pages=missing)

    def settle(self) -> None:
        """Declare the run complete.

        Raises:
            IncompleteRunError: Pages are missing, or the records do not add up.
        """
        if self.missing_pages:
            raise IncompleteRunError(
                f"{len(self.missing_pages)} pages came empty although there should be records in them: "
                f"{_named(self.missing_pages)}",
                missing_pages=self.missing_pages,
            )
        if self.expected_records is not None and self.records != self.expected_records:
            raise IncompleteRunError(
                f"{self.records} records came, but the source says it has {self.expected_records}: "
                "it changed during the run, or loses records; run again"
            )

    def _known_last(self, first: int) -> int:
        last = max(first, self.total_pages or 0)
        return last if self._range.stop is None else max(first, min(last, self._range.stop))

    def _stated_last(self) -> int:
        if not self.total_records or self.total_pages is None:
            return 0
        return self.total_pages


def _named(pages: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, pages[:_NAMED_AT_MOST]))
    return shown if len(pages) <= _NAMED_AT_MOST else f"{shown} and {len(pages) - _NAMED_AT_MOST} more"
