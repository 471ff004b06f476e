"""Which of a run's pages are asked for again at its end: the first, the last, and some between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from de_classes.utils.run_records import PageEntry

LEAST_REQUESTS: Final = 5
"""What a run may spend on proof however short it is."""

_MOST: Final = 2048


LEAST_LOOKS: Final = 2
"""Pages that are looked at whatever the proof of the end took: the first and the last."""

LEAST_LOOKS_BY_NUMBERS: Final = 4
"""The same where nothing tells of the end but that no page of such a number is there."""


def most_requests(pages: int) -> int:
    """What a run of so many pages spends on proof at the most, unless it looks at every page again."""
    return max(LEAST_REQUESTS, pages // 100)


class PageSample:
    """Entries of pages as they come, thinned out so that memory does not grow with their number.

    Args:
        keeps_all: Whether none is thinned out.
    """

    def __init__(self, *, keeps_all: bool = False) -> None:
        self._keeps_all = keeps_all
        self._kept: list[PageEntry] = []
        self._stride = 1
        self._first: PageEntry | None = None
        self._last: PageEntry | None = None
        self._last_filled: PageEntry | None = None
        self.pages = 0

    def add(self, entry: PageEntry) -> None:
        """Take a page's entry, in whatever order pages come."""
        self._first = entry if self._first is None or entry.number < self._first.number else self._first
        self._last = entry if self._last is None or entry.number > self._last.number else self._last
        if entry.records and (self._last_filled is None or entry.number > self._last_filled.number):
            self._last_filled = entry
        if self.pages % self._stride == 0:
            self._kept.append(entry)
        self.pages += 1
        if len(self._kept) > _MOST and not self._keeps_all:
            self._kept = self._kept[::2]
            self._stride *= 2

    @property
    def first(self) -> PageEntry | None:
        """The first page."""
        return self._first

    @property
    def last(self) -> PageEntry | None:
        """The furthest page."""
        return self._last

    @property
    def last_filled(self) -> PageEntry | None:
        """The furthest page that holds records."""
        return self._last_filled

    def pick(self, count: int) -> list[PageEntry]:
        """So many pages, evenly spread; the first and the last among them.

        Args:
            count: How many at the most.
        """
        if self._first is None or self._last is None or count < 1:
            return []
        by_number = {entry.number: entry for entry in (*self._kept, self._first, self._last)}
        pages = [by_number[number] for number in sorted(by_number)]
        if count >= len(pages):
            return pages
        if count == 1:
            return [self._last]
        places = {round(step * (len(pages) - 1) / (count - 1)) for step in range(count)}
        return [pages[place] for place in sorted(places)]
