"""What both ways of going over pages share: what they are asked for, a guard against loops, and doubts."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from de_classes.errors import (
    DeClassesError,
    RequestRejectedError,
    RetriesExhaustedError,
)
from de_classes.utils.digests import digest
from de_classes.utils.values import DiscreetValue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from de_classes.api.page import Page
    from de_classes.api.pagination.strategy import PageRequest
    from de_classes.api.prefetch import PageDecoder
    from de_classes.errors import (
        PageGivenUpError,
    )
    from de_classes.utils.page_range import PageRange
    from de_classes.utils.run_records import RunPlace

ASKS_FOR_AN_EMPTY_PAGE = 3
MOST_SHORT_PAGES = 5  # asked for again: where they stay as they were, pages differ by nature


class FetchPage(Protocol):
    """Gets one page, with all retries."""

    def __call__(self, request: PageRequest) -> Page:
        """Send the request until it is answered or given up."""
        ...


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


REFUSALS = frozenset({400, 404, 410, 416, 422})
"""How sources say that there is no such page."""


class ProofRequests:
    """Asks a source what a run need not know, in order to believe what it does. Safe among threads.

    Args:
        fetch: Gets a page, decoded.
        fetch_once: The same in one attempt; ``fetch`` if there is none.
        fetch_count: Gets an answer that counts the records, where the source has one.
        fetch_filled: Gets a page that should hold records: it is asked for again where it comes empty.
        is_late: Whether the time of this go is up: then nothing else is begun.

    Attributes:
        is_late: As given.
        requests: How many answers were asked for.
    """

    def __init__(
        self,
        fetch: FetchPage,
        fetch_once: FetchPage | None = None,
        fetch_count: Callable[[], Page] | None = None,
        fetch_filled: FetchPage | None = None,
        is_late: Callable[[], bool] = lambda: False,
    ) -> None:
        self._fetch = fetch
        self._fetch_once = fetch_once or fetch
        self._fetch_count = fetch_count
        self._fetch_filled = fetch_filled or fetch
        self.is_late = is_late
        self.requests = 0

    def ask(self, request: PageRequest) -> Page | None:
        """The page, decoded; None if the source refuses it as one that does not exist.

        Raises:
            RetriesExhaustedError: It kept failing.
            FatalError: It cannot be had for another reason.
        """
        return self._asked(self._fetch, request)

    def look(self, request: PageRequest) -> Page | None:
        """The same of a page that came before: one that comes empty now is asked for again, as then."""
        return self._asked(self._fetch_filled, request)

    def _asked(self, fetch: FetchPage, request: PageRequest) -> Page | None:
        if self.is_late():
            raise RetriesExhaustedError("the time is up", attempts=0)
        self.requests += 1
        try:
            return fetch(request)
        except RequestRejectedError as error:
            if error.status in REFUSALS:
                return None
            raise

    def ask_again(self, request: PageRequest, came: Page) -> Page | None:
        """The same of a page that came before: that it is refused, or has fewer records, must come again."""
        page = self.ask(request)
        is_less = page is None or len(page.records) < len(came.records)
        return self.ask(request) if is_less else page

    def ask_once(self, request: PageRequest) -> Page | None:
        """The page of a request that the source may not understand; None if anything is wrong with it."""
        self.requests += 1
        try:
            return self._fetch_once(request)
        except DeClassesError:
            return None

    @property
    def has_count(self) -> bool:
        """Whether the source has a request of its own that counts the records."""
        return self._fetch_count is not None

    def note(self) -> None:
        """Count an answer that a walk asked for itself, and that brought nothing but where the end is."""
        self.requests += 1

    def count(self) -> int | None:
        """How many records there are, by the request that counts them; None where there is none.

        Raises:
            RetriesExhaustedError: It kept failing.
            FatalError: The source refuses it, or counts in another place than is described.
        """
        if self._fetch_count is None:
            return None
        self.requests += 1
        return self._fetch_count().total_records

    def glance(self, request: PageRequest) -> Page | None:
        """The same as ``ask``, where a run goes on: it proves nothing of the end, and is not counted."""
        page = self.ask(request)
        self.requests -= 1
        return page
