"""Going over pages that are each found through the one before: by a cursor, or by a link.

As soon as a page says where the next one is, that one is on its way: one page ahead, while this one is
handed on and written. What comes of it shows where it is taken, and not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from de_classes.api.evidence import REFUSALS
from de_classes.api.messages import holds_credential
from de_classes.api.page import still_stands
from de_classes.api.prefetch import Prefetcher
from de_classes.api.walk import MOST_SHORT_PAGES, LoopGuard
from de_classes.errors import (
    PaginationLoopError,
    ProtocolError,
    RequestRejectedError,
    SourceChangedError,
)
from de_classes.redaction import excerpt, shared_filter
from de_classes.utils.paths import MISSING, finder, standing_there
from de_classes.utils.run_records import RunPlace, RunState

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from de_classes.api.page import Page
    from de_classes.api.pagination.strategy import PageRequest, PaginationStrategy
    from de_classes.api.walk import PageSource
    from de_classes.utils.run_records import PageEntry


_ONE_AHEAD = 2
_MOST_ENLARGED = 1_000
_MOST_SINGLE_PAGES = 2  # of one record, looked at again: where they stay so, that is what is given at once


class FollowedWalk:
    """One page after the other, handed on in order.

    After a resume the records that were seen are still known, but not the cursors: a loop over pages
    that are all alike is then noticed one round later.

    Args:
        source: Where the pages come from; above a width of 1 the next page is fetched ahead, and no other. It
            has sizes where records may tie, see ``Endpoint.may_tie``.
        strategy: Reads from a page where the next one is.
        url: The endpoint.
        state: What was taken before.

    Attributes:
        asked: What the page handed on last was asked for by.
        last_page: That page, if it was handed on by this walk.
        came_twice: The number of the page that came alike when it was asked for again on the way, the last
            of them.
    """

    is_filling_gaps = False

    def __init__(
        self, source: PageSource, strategy: PaginationStrategy, *, url: str, state: RunState | None = None
    ) -> None:
        self._fetch = source.fetch
        self._proofs = source.proofs
        self._limit = source.limit
        self._pages = source.pages
        self._width = min(source.width, _ONE_AHEAD)
        self._sizes = source.sizes
        self._decoder = source.decoder
        self._stopped = source.stopped
        self._strategy = strategy
        self._url = url
        self._enlarged: dict[int, int] = {}
        self._ties: tuple[Page, PageRequest] | None = None
        self._left: Sequence[dict[str, Any]] = ()
        self._largest = 0
        self._short_pages = self._single_pages = self._contradicted = 0
        self._full = 0  # records of the largest page that led on
        self._last_of_parents: list[tuple[PageRequest, int]] = []
        self._guard = LoopGuard(entry.mark for entry in (state or RunState()).entries)
        self._asked: set[object] = set()
        self._goes_on = bool(state and state.entries)
        self._before = state.entries[-1] if state and state.entries else None
        self.asked: PageRequest | None = None
        self.last_page: Page | None = None
        self.came_twice: int | None = None
        self._again: Page | None = None
        self._next = self._first_request(state or RunState())

    @property
    def place(self) -> RunPlace | None:
        """The next request, but no address or cursor that seems to hold a credential: see ``RunPlace``."""
        return None if self._next is None else _kept(self._next)

    @property
    def way_here(self) -> RunPlace | None:
        """The request for the page just handed on, likewise; None if it was the first."""
        asked = self.asked
        return None if asked is None or not (asked.values or asked.url) else _kept(asked)

    def request_of(self, entry: PageEntry) -> PageRequest | None:
        """How a page that was taken is asked for again; None where the way there is not known any more."""
        if entry.at is not None:
            known = entry.at.values or entry.at.url
            size = self._enlarged.get(entry.number, self._limit)
            return self._strategy.request_again(entry.at, size) if known else None
        return self._strategy.request_for(1, self._limit) if entry.number == self._pages.start else None

    def __iter__(self) -> Iterator[Page]:
        """Hand the pages on.

        Raises:
            PaginationLoopError: A request comes up that was made before, or the same records do.
            ProtocolError: A page does not say what comes after it, although something should.
            SourceChangedError: The place where another process stopped is not known any more.
        """
        try:
            self._look_back()
            decode = self._decoder.decode_together if self._decoder else None
            with Prefetcher(self._get_next, self._width, decode=decode) as ahead:
                yield from self._pages_in_order(ahead)
        finally:
            self._stopped.set()

    def _pages_in_order(self, ahead: Prefetcher) -> Iterator[Page]:
        while self._next is not None:
            request = self._next
            page, dead_end = self._move_on(request, self._take(request, ahead))
            if dead_end is None:
                self._start_next(ahead)
            self.asked, self.last_page = request, page
            yield page
            if dead_end is not None:
                raise dead_end

    def _start_next(self, ahead: Prefetcher) -> None:
        """Send the next request, unless it is one that will be refused where it is taken."""
        if self._next is not None and self._next.identity() not in self._asked:
            ahead.fill(self._next.number)

    def _get_next(self, number: int) -> Page:
        """The next page; nobody moves on before it was taken, be it fetched ahead or now."""
        if self._next is None or self._next.number != number:
            raise LookupError(f"page {number} is not the next one")
        return self._fetch(self._next)

    def _first_request(self, state: RunState) -> PageRequest | None:
        if not state.entries:
            return self._strategy.request_for(self._pages.start, self._limit)
        place = state.place
        return None if place is None else self._strategy.request_again(place, self._limit)

    def _take(self, request: PageRequest, ahead: Prefetcher) -> Page:
        if request.identity() in self._asked:
            raise PaginationLoopError(f"page {request.number} is asked for by a cursor or link used before")
        self._asked.add(request.identity())
        self._again = None
        page = self._unless_expired(request, ahead)
        if self._guard.has_seen(page):
            raise PaginationLoopError(f"page {page.number} has the records of a page before it")
        page = self._fuller(page, request) if self._strategy.tied_by is None else self._untied(page, request)
        page = self._surely_empty(page, request)
        self._guard.remember(page)
        return page

    def _untied(self, page: Page, request: PageRequest) -> Page:
        """The page, where records may share what the next is found by; one of a single value is looked at."""
        if self._sizes is None:
            return page
        if not self._begins_with_what_was_left(page):
            again = self._proofs.ask(request)
            page = page if again is None else again
            self._refuse_without_what_was_left(page)
        self._left = page.left
        if self._ties is not None and (page.records or len(self._ties[0].records) >= self._limit):
            self._refuse_ties(*self._ties)
        self._ties = None
        if not page.records or page.left or self._ends(page):
            return page
        if len(page.records) > 1:
            page = self._larger(page, request)
        self._left = page.left
        self._ties = None if page.left else (page, request)
        return page

    def _larger(self, page: Page, request: PageRequest) -> Page:
        """A page of one value, asked for with more records, if that shows more of them."""
        size = self._sizes(2 * self._limit) if self._sizes else 0
        larger = self._proofs.ask_once(structs.replace(request, size=size)) if size > self._limit else None
        if larger is None or not (larger.left or len(larger.records) > len(page.records)):
            return page
        if len(self._enlarged) < _MOST_ENLARGED:
            self._enlarged[page.number] = size
        return larger

    def _refuse_ties(self, page: Page, request: PageRequest) -> None:
        """Look again at a page of one value before another: where it was cut within, records are lost.

        A page of one record is taken for what the source gives at once, if it stays one.

        Raises:
            SourceChangedError: It has others of that value now.
            ProtocolError: It shows no other value, however it is asked for.
        """
        again = None if self._single_pages >= _MOST_SINGLE_PAGES else self._proofs.ask(request)
        if again is None:
            return
        value_of, holds_back = finder(self._strategy.tied_by or ""), self._strategy.holds_back
        records, value = [*again.records, *again.left], value_of(page.records[0])
        alike = [record for record in records if holds_back or value_of(record) == value]
        if alike != [*page.records]:
            raise SourceChangedError(
                f"page {page.number} came otherwise when it was asked for again",
                missing_pages=(page.number,),
            )
        if len(alike) < len(records):
            return
        if holds_back:
            raise ProtocolError(
                f"all {len(alike)} records of page {page.number} are within overlap of the furthest, and it "
                "is full, or others are behind it: more may lie before it and stand on no page; ask for "
                "larger pages, or say a smaller overlap"
            )
        if len(alike) == 1:
            self._single_pages += 1
            return
        raise ProtocolError(
            f"all {len(page.records)} records of page {page.number} have the same {self._strategy.tied_by!r} "
            "and it is full, or others are behind it: more may have it and stand on no page; ask for larger "
            "pages, or go by a field that no two records share, and name it as primary_key"
        )

    def _ends(self, page: Page) -> bool:
        try:
            return bool(self._strategy.ends(page))
        except ProtocolError:  # told where the next request is made
            return False

    def _begins_with_what_was_left(self, page: Page) -> bool:
        """Whether the records that were left of the page before are here; else they moved, or got lost."""
        there = [*page.records, *page.left]
        if self._strategy.holds_back:
            return all(record in there for record in self._left)
        return there[: len(self._left)] == [*self._left]

    def _refuse_without_what_was_left(self, page: Page) -> None:
        """Take no page for the next one that has fewer records of a value that was left than were left.

        They are told by their value alone: the rest of a record may differ at every read.

        Raises:
            SourceChangedError: They moved; or the source looks for less than the value that it was given, as
                one does that knows whole seconds only, and then does on every pass.
        """
        value_of = finder(self._strategy.tied_by or "")
        there = [value_of(record) for record in (*page.records, *page.left)]
        left = [value_of(record) for record in self._left]
        value = next((each for each in left if there.count(each) < left.count(each)), MISSING)
        if value is not MISSING:
            raise SourceChangedError(
                f"page {page.number} has {there.count(value)} of the {left.count(value)} records with "
                f"{self._strategy.tied_by!r} {excerpt(str(value), 60)} that were left for it: they moved, or "
                "the source looks for another value than it is given; if it does every time, go by a field "
                "that no two records share, and name it as primary_key",
                missing_pages=(page.number,),
            )

    def _fuller(self, page: Page, request: PageRequest) -> Page:
        """The page; one with fewer records than others is asked for again, unless pages differ by nature."""
        is_short = len(page.records) < self._largest
        self._largest = max(self._largest, len(page.records))
        is_end = not page.records and not self._leads_on(page, request)
        if not is_short or is_end or page.total_records is not None or self._short_pages >= MOST_SHORT_PAGES:
            return page
        if self._strategy.each.ends_surely:  # what is on a page is counted otherwise than in records
            return page
        again = self._proofs.ask_again(request, page)
        if again is not None and len(again.records) > len(page.records):
            return again
        self._again = again if again is not None and len(again.records) == len(page.records) else None
        self._note_what_came_twice(page)
        self._short_pages += 1
        return page

    def _surely_empty(self, page: Page, request: PageRequest) -> Page:
        """A page that ends what belongs to one of several parents, and is empty: believed when said twice."""
        if page.records or page.total_records == 0 or self._ends(page):
            return page
        try:
            is_end = self._strategy.ends_a_collection(request, self._after(request, page))
        except ProtocolError:  # told where the next request is made
            return page
        again = self._proofs.ask(request) if is_end else None
        return page if again is None else again

    def _leads_on(self, page: Page, request: PageRequest) -> bool:
        try:
            return self._after(request, page) is not None
        except ProtocolError:  # told where the next request is made
            return False

    def _unless_expired(self, request: PageRequest, ahead: Prefetcher) -> Page:
        """The page; cursors and links do not live for ever: the first after a resume may be refused."""
        is_first, self._goes_on = self._goes_on, False
        try:
            page = ahead.take(request.number)
            return self._decoder.decode(page, request) if self._decoder else page
        except RequestRejectedError as error:
            if is_first and error.status in REFUSALS:
                raise SourceChangedError(
                    f"the source does not know the place any more where page {request.number} would follow "
                    f"(status {error.status}): begin the run anew",
                    missing_pages=(request.number,),
                ) from error
            raise

    def _move_on(self, request: PageRequest, page: Page) -> tuple[Page, ProtocolError | None]:
        """Find the next request; a page that leads nowhere is whole itself, so its error waits.

        Returns:
            The page, without what the next begins with, and what is to be raised behind it.
        """
        following, dead_end = None, None
        try:
            following = self._after(request, page)
            if following is None:
                page, following = self._unless_it_is_the_end(request, page)
            elif not self._strategy.leaves(request, following):
                self._learn_full(page)
            elif self._strategy.ends(page) is None:
                following = self._unless_it_lost_its_way(request, len(page.records)) or following
                if not self._full and len(self._last_of_parents) < _MOST_ENLARGED:
                    self._last_of_parents.append((request, len(page.records)))
        except ProtocolError as error:
            following, dead_end = self._after_all(request, page, error)
        if self._contradicted > 1:
            dead_end = self._no_marker(page)
        if dead_end is not None:
            self._next = structs.replace(request, number=page.number + 1)
        else:
            self._next = following if following is not None and following.number in self._pages else None
        return page, dead_end

    def _after(self, request: PageRequest, page: Page) -> PageRequest | None:
        came_from = page.url or request.url or self._url
        return self._strategy.request_after(page, self._limit, url=came_from, asked=request)

    def _after_all(
        self, request: PageRequest, page: Page, error: ProtocolError
    ) -> tuple[PageRequest | None, ProtocolError | None]:
        """What a page leads to that contradicts itself, when it is asked for again; else its error."""
        again = self._proofs.ask(request)
        if again is None or len(again.records) != len(page.records):
            return None, error
        try:
            return self._after(request, again), None
        except ProtocolError:
            return None, error

    def _unless_it_is_the_end(self, request: PageRequest, page: Page) -> tuple[Page, PageRequest | None]:
        """What leads on after all, of a page that seems to be the last; None if it is.

        A page may have lost its way on once: it is asked for again. One that says that it is the last, and
        has a way on nevertheless, must lead to nothing.
        """
        came_from = page.url or request.url or self._url
        if self._strategy.ends(page) and (page.records or request.number == self._pages.start):
            unmarked = structs.replace(self._strategy, more=None, done=None)
            cut = page if self._sizes is None else unmarked.without_ties(page)
            beside = unmarked.request_after(cut, self._limit, url=came_from, asked=request)
            if beside is None or beside.identity() in self._asked:
                return page, None
            behind = self._proofs.ask(beside)
            if behind is None or not behind.records or self._is_known(behind, page):
                return page, None
            self._contradicted += 1
            return cut, beside
        is_first = request.number == self._pages.start and len(page.records) > 1
        if is_first:
            return page, None  # what is proved of a first page shows it
        following = self._unless_it_lost_its_way(request, len(page.records))
        if following is None:
            self._note_what_came_twice(page)
        return page, following

    def _note_what_came_twice(self, page: Page) -> None:
        if self._again is not None and self._again.edges == page.edges:
            self.came_twice = page.number

    def _learn_full(self, page: Page) -> None:
        """Take down that a page with so many records leads on; those of parents before it may have, too.

        Raises:
            SourceChangedError: One of them does by now.
        """
        self._full = max(self._full, len(page.records))
        before, self._last_of_parents = self._last_of_parents, []
        for request, records in before:
            following = self._unless_it_lost_its_way(request, records)
            if following is not None and not self._strategy.leaves(request, following):
                raise SourceChangedError(
                    f"page {request.number} had lost what leads on",
                    missing_pages=(request.number + 1,),
                )

    def _unless_it_lost_its_way(self, request: PageRequest, records: int) -> PageRequest | None:
        """What a page of so many records leads to when it is asked for again, if it may; else None."""
        if not self._strategy.may_lose_its_way(records, self._full or self._limit):
            return None
        is_here = self._again is not None and self._again.number == request.number
        again = self._again if is_here else self._proofs.ask(request)
        if again is None:
            return None
        if len(again.records) != records:
            raise SourceChangedError(
                f"page {request.number} came twice, with {records} records and with {len(again.records)}",
                missing_pages=(request.number,),
            )
        self._again = again
        return self._after(request, again)

    def _no_marker(self, page: Page) -> ProtocolError:
        """The error for a marker that is wrong: once is a lapse, and no more."""
        each = self._strategy.each
        name, path = ("done", each.done) if each.done is not None else ("more", each.more)
        said, change = ("the marker", "pagination") if path is None else (repr(path), name)
        return ProtocolError(
            f"{said} says of page {page.number} that none follows, and one does, not for the first time: it "
            f"is no marker of the end, or the other way round; the answer has {standing_there(page.answer)}; "
            f"change {change}"
        )

    def _is_known(self, behind: Page, page: Page) -> bool:
        """Whether nothing is behind a page but what came before, or what it ends with itself."""
        if behind.left:
            return behind.left[-1] == page.records[-1]
        return self._guard.has_seen(behind) or behind.edges[-1:] == page.edges[-1:]

    def _look_back(self) -> None:
        """Make sure that the page before the place where the run goes on is what it was.

        Raises:
            SourceChangedError: It is not.
        """
        before = self._before
        request = None if before is None or self._next is None else self.request_of(before)
        if before is None or request is None:
            return
        page = self._proofs.glance(request)
        if page is None or len(page.records) != before.records or not still_stands(page, before):
            raise SourceChangedError(
                f"page {before.number} is not what it was when this run took it: begin the run anew",
                missing_pages=(before.number + 1,),
            )
        self._left = page.left


def _kept(request: PageRequest) -> RunPlace:
    """A request as it is written down: without an address or cursor that seems to hold a credential."""
    url = request.url
    kept = None if url is None or holds_credential(url) else url
    told = (str(value) for value in request.values.values())
    is_told = any(map(shared_filter().holds_secret, told))  # a cursor that repeats one
    return RunPlace(number=request.number, values={} if is_told else dict(request.values), url=kept)
