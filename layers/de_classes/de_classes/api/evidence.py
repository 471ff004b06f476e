"""How it is known that a run brought everything: its end, and that the source stood still."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct

from de_classes.utils.values import Value

if TYPE_CHECKING:
    from de_classes.utils.run_records import PageEntry

EndBy = Literal["total", "marker", "probed", "counted", "seen before", "declared", "unproven"]

StillBy = Literal["by key", "sampled", "read twice", "repaired", "begun anew", "unknown"]


class End(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the end of a collection is known.

    Attributes:
        by: ``total``: the source counts its records, the same in every answer, and as many came. ``marker``:
            a field that says whether more follows, or what leads on, was seen to say both. ``probed``: what
            would follow was asked for, and nothing does. ``counted``: by a request that counts. ``seen
            before``: an earlier run by the same description followed what leads on, and nothing does here.
            ``declared``: nothing follows by what was asked for or described. ``unproven``: nothing tells.
        requests: How many requests it took, beyond those for the pages.
        saw: What was seen.
    """

    by: EndBy
    requests: int = 0
    saw: str = ""


class Still(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How it is known that the source stood still while it was read.

    Attributes:
        by: ``by key``: each page begins behind the last record's unique key. ``sampled``: some pages were
            asked for again at the end, and began and ended as before. ``read twice``: all of them were.
            ``repaired``: it changed, and passes over it went on until one brought no new key. ``begun anew``:
            it changed, and what was kept comes from a later reading alone. ``unknown``: it was not asked.
        pages: How many pages were asked for again.
        of: How many there are.
        requests: How many requests that took.
    """

    by: StillBy
    pages: int = 0
    of: int = 0
    requests: int = 0


class Evidence(Value):
    """What "complete" rests on.

    Attributes:
        end: How the end is known.
        still: How it is known that the source stood still.
        warnings: What weakens it, a sentence each, with what to do about it.
    """

    end: End
    still: Still
    warnings: tuple[str, ...] = ()

    @property
    def requests(self) -> int:
        """Requests that proved something and brought nothing."""
        return self.end.requests + self.still.requests

    @property
    def weak(self) -> list[str]:
        """What ``--strict`` does not accept."""
        by = [
            f"end: {self.end.by}" if self.end.by == "unproven" else "",
            f"still: {self.still.by}" if self.still.by in {"sampled", "unknown"} else "",
        ]
        return [each for each in by if each]

    def __str__(self) -> str:
        saw = f" ({self.end.saw})" if self.end.saw else ""
        looked = f" {self.still.pages} of {self.still.of}" if self.still.pages else ""
        requests = f"{self.requests} request{'' if self.requests == 1 else 's'} for it"
        return f"end {self.end.by}{saw}, still {self.still.by}{looked}; {requests}"


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
        keeps_every: Whether none is thinned out.
    """

    def __init__(self, *, keeps_every: bool = False) -> None:
        self._keeps_all = keeps_every
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
