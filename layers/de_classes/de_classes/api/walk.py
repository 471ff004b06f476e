"""What both ways of going over pages share: what they are asked for, a guard against loops, and doubts."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from de_classes.utils.digests import digest
from de_classes.utils.values import DiscreetValue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from de_classes.api.evidence import FetchPage, ProofRequests
    from de_classes.api.page import Page
    from de_classes.api.prefetch import PageDecoder
    from de_classes.errors import PageGivenUpError
    from de_classes.utils.page_range import PageRange
    from de_classes.utils.run_records import RunPlace

ASKS_FOR_AN_EMPTY_PAGE = 3
MOST_SHORT_PAGES = 5  # asked for again: where they stay as they were, pages differ by nature


class SkipPage(Protocol):
    """Is told of a page that was given up, where a walk may go on without it."""

    def __call__(self, number: int, because: PageGivenUpError) -> None:
        """Take note of the gap."""
        ...


class PageSource(DiscreetValue):
    """Where a walk gets its pages, and how.

    Attributes:
        fetch: Gets one page; called from several threads if ``width`` is above 1.
        proofs: Sends what is asked only to make sure.
        limit: Records a page.
        pages: Which pages.
        width: Pages under way at the most.
        sizes: The size of a page that is asked for in place of another, see ``Endpoint.limit``; None if that
            cannot be said, or need not.
        decoder: Decodes the pages that ``fetch`` gets; None if they come decoded.
        stopped: Set when the walk is over, for whatever reason: nobody waits for the pages under way.
    """

    shown = ("limit", "pages", "width")

    fetch: FetchPage
    proofs: ProofRequests
    limit: int
    pages: PageRange
    width: int = 1
    sizes: Callable[[int], int] | None = None
    decoder: PageDecoder | None = None
    stopped: threading.Event = msgspec.field(default_factory=threading.Event)


class PageWalk(Protocol):
    """Pages in order, and the place where another process could go on."""

    @property
    def place(self) -> RunPlace | None:
        """Where the walk goes on after the page just handed on; None if it knows of no other page."""
        ...

    @property
    def way_here(self) -> RunPlace | None:
        """What the page just handed on was asked for by, where each page is found through another."""
        ...

    @property
    def is_filling_gaps(self) -> bool:
        """Whether pages that were skipped before are still to be asked for."""
        ...

    def __iter__(self) -> Iterator[Page]:
        """Hand the pages on. Iterate it once."""
        ...


MOST_ALIKE: Final = 100
"""Pages in a row that hold nothing but one record, all the same: more than the source states, and these."""

MOST_EMPTY: Final = 1_000
"""Empty pages in a row: a source that filters may have many, but not more."""

BELIEVED: Final = 100_000
"""What a source states, up to that, is how often it may repeat itself."""

_BYTES: Final = 8


class LoopGuard:
    """Remembers eight bytes a page: a hash of its records.

    Pages whose records are all alike are no sign of a loop, since such data repeats by itself; but there is
    an end to that too.

    Args:
        marks: Those of the pages that were taken before, as ``mark_of`` gives them.
    """

    def __init__(self, marks: Iterable[str | None] = ()) -> None:
        self._seen = {bytes.fromhex(mark) for mark in marks if mark is not None}
        self._alike: bytes | None = None
        self._in_a_row = 0

    def has_seen(self, page: Page) -> bool:
        """Whether a page with the same records was remembered; of those that tell nothing, too many."""
        if page.mark is not None:
            return bytes.fromhex(page.mark) in self._seen
        most = (MOST_ALIKE if page.records else MOST_EMPTY) + _stated(page)
        return self._in_a_row >= most and _untelling(page) == self._alike

    def remember(self, page: Page) -> None:
        """Keep a page's fingerprint."""
        if page.mark is not None:
            self._seen.add(bytes.fromhex(page.mark))
            self._alike, self._in_a_row = None, 0
            return
        alike = _untelling(page)
        self._in_a_row = self._in_a_row + 1 if alike == self._alike else 1
        self._alike = alike


def _untelling(page: Page) -> bytes:
    """A fingerprint of records that are all alike: of the one, however often it is there."""
    return digest(page.records[0], _BYTES) if page.records else b""


def _stated(page: Page) -> int:
    """The most pages that a source can have by its own word, where that is believed."""
    stated = max(page.total_pages or 0, page.total_records or 0)
    return stated if stated <= BELIEVED else 0
