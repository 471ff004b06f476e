"""Going over the pages of a source: in order, to the true end, and never round in circles.

Pages that can be asked for by number are fetched several at a time, ahead, and are handed on in order; the
total is read anew from every page, so a source that grows is followed. Where totals moved, rows
do not add up or no total counts them, a place past the end is asked for before the end is believed; and what
looks like an end, a page that is refused or shorter than others, is asked for twice.

A walk that goes on with another's run looks at the furthest page that was taken: if it still stands
where it stood, so does all before it. Then come the pages that were skipped, and then the rest.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from de_classes.api.evidence import REFUSALS
from de_classes.api.ledger import PageCounts, as_counted_by, furthest_entry, short_last_entry
from de_classes.api.page import UndecodedRecords, still_stands
from de_classes.api.prefetch import Prefetcher
from de_classes.api.walk import ASKS_FOR_AN_EMPTY_PAGE, MOST_SHORT_PAGES, LoopGuard
from de_classes.errors import (
    InvalidInputError,
    PageGivenUpError,
    PaginationLoopError,
    ProtocolError,
    RequestRejectedError,
)
from de_classes.utils.run_records import RunPlace, RunState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from de_classes.api.ledger import RunLedger
    from de_classes.api.page import Page
    from de_classes.api.pagination.strategy import PageRequest, PaginationStrategy
    from de_classes.api.walk import PageSource, SkipPage
    from de_classes.utils.run_records import PageEntry

_MOST_BEHIND = 20  # times as many pages as the source says it has, and a hundred: then it has no end
_GLANCES_BACK = 2  # a source that errs once is not taken for one that has changed
_NO_SUCH_PAGE = frozenset({404, 416})
_PAGE_IS_GONE = frozenset({404, 410, 416})
_SECOND = 2
_MOST_CUTS = 3  # a source that gives one page for ever is not asked at each of them
_NOT_THAT_PAGE = 404  # as Endpoint says it of an answer that names another page


class NumberedWalk:
    """Pages by number, ``width`` at a time, handed on in order.

    Args:
        source: Where the pages come from.
        strategy: Computes requests, and the number of pages.
        ledger: What came until now; entered by whoever takes the pages.
        state: What was taken before; the ledger holds it too.
        skip: Told of a page that was given up, and enters it in the ledger; None to end with its error.
        is_learned: Whether pages are counted from another number than is described.
        first: The first page of the whole run, where this is a range behind it.

    Attributes:
        came_twice: The number of the page that came alike when it was asked for again on the way, the last
            of them.
        is_empty_behind: Whether the place behind the last page was asked for, and nothing is there.
        ends_with_itself: Whether the last page came there once more.
    """

    def __init__(
        self,
        source: PageSource,
        strategy: PaginationStrategy,
        ledger: RunLedger,
        *,
        state: RunState | None = None,
        skip: SkipPage | None = None,
        is_learned: bool = False,
        first: PageEntry | None = None,
    ) -> None:
        limit = source.limit
        self._fetch = source.fetch
        self._proofs = source.proofs
        self._limit = limit
        self._pages = source.pages
        self._width = source.width
        self._sizes = source.sizes
        self._decoder = source.decoder
        self._stopped = source.stopped
        self._strategy = strategy
        self._ledger = ledger
        self._skip = skip
        self._is_learned = is_learned
        self._shifts = [] if state is None else [*strategy.shifts(limit, state)]
        self._last_page: Page | None = None
        self._short_pages = 0
        self._cuts = 0
        self.came_twice: int | None = None
        self.is_empty_behind = False
        self.ends_with_itself = False
        self._ends_by_a_cut = False
        self._restore(state or RunState(), first)

    @property
    def place(self) -> RunPlace | None:
        """The page after the last; None if the walk knows of no other."""
        if not (self._is_at_start or self._last < self._end()):
            return None
        return RunPlace(number=self._last + 1)

    @property
    def largest(self) -> int:
        """How many records the largest page had."""
        return self._largest

    @property
    def last_page(self) -> Page | None:
        """The page handed on last, if it was by this walk."""
        return self._last_page

    def request_of(self, number: int) -> PageRequest | None:
        """How a page that was taken is asked for again; None where its place is not known any more."""
        if number >= self._strategy.shifted_at or number == 1:
            return self._strategy.request_for(number, self._limit)
        before = next((shift for shift in reversed(self._shifts) if shift.shifted_at < number), None)
        if before is None and self._shifts and number <= self._shifts[0].shifted_at:
            before = self._shifts[0]
        return None if before is None else before.request_for(number, self._limit)

    def request_behind(self, records: int) -> PageRequest:
        """The request for the place behind the last record.

        Args:
            records: How many came.
        """
        if self._pages.start != 1:  # nobody knows how many records come before the first of these
            return self._strategy.request_for(self._last + 1, self._limit)
        return self._strategy.request_behind(self._last + 1, records, self._limit)

    @property
    def way_here(self) -> RunPlace | None:
        """What the first page was asked for by, where that is not as described."""
        if not self._is_learned or self._last != self._pages.start:
            return None
        first = self._strategy.request_for(self._last, self._limit)
        return RunPlace(number=first.number, values=dict(first.values))

    def is_known(self, page: Page) -> bool:
        """Whether the records of a page came before: the source serves one again past its end."""
        return self._guard.has_seen(page) or self._is_last_again(page)

    def request_before(self) -> PageRequest | None:
        """The request for what lies before the first page, where it is not the source's lowest number."""
        return self._strategy.request_before(self._limit) if self._pages.start == 1 else None

    def go_on(self) -> None:
        """Let it lead further, by another iteration: there is something by now where it had ended."""
        self._is_over = self.is_empty_behind = False
        self._leads_further = True
        self._stopped.clear()

    @property
    def is_filling_gaps(self) -> bool:
        """Whether pages that were skipped before are still to be asked for."""
        return bool(self._late)

    def __iter__(self) -> Iterator[Page]:
        """Hand the pages on.

        Raises:
            InvalidInputError: The first page that was asked for lies beyond the source's last.
            PaginationLoopError: The source hands out the same page again and again.
            PageGivenUpError: A page kept failing, and none may be skipped, or it is the first.
            SourceChangedError: Pages that were taken or counted are not there any more.
        """
        try:
            self._look_back()
            yield from self._late_pages()
            yield from self._pages_in_order()
        finally:
            self._stopped.set()

    def _restore(self, state: RunState, first: PageEntry | None) -> None:
        before = () if first is None else (first,)
        taken = max((entry.number for entry in state.entries), default=self._pages.start - 1)
        self._is_at_start = not (state.entries or before)
        self._is_over = False
        self._have_differed = len({entry.edges for entry in state.entries}) > 1
        self._leads_further = self._has_other_rows = False
        self._is_uneven = False
        self._largest = max((entry.records for entry in (*before, *state.entries)), default=0)
        self._last_size = max(((entry.number, entry.records) for entry in state.entries), default=(0, 0))[1]
        self._last = max([taken, *state.gaps])
        self._late = sorted(state.gaps)
        self._guard = LoopGuard(entry.mark for entry in (*before, *state.entries))
        self._counts = PageCounts(self._strategy, self._limit, (*before, *state.entries))
        self._furthest = furthest_entry(state)
        self._last_edges = self._furthest.edges if self._furthest else ()
        self._short_last = short_last_entry(state)
        self._more_may_follow = state.place is not None and (
            self._last > taken or any(entry.records for entry in state.entries if entry.number == taken)
        )

    def _look_back(self) -> None:
        """Make sure that the furthest page that was taken still stands where it stood."""
        entry = self._furthest
        if entry is None or not (self._late or self._last < self._end()):
            return
        if not any(self._stands(entry) for _ in range(_GLANCES_BACK)):
            raise self._ledger.changed(f"page {entry.number} is not what it was when this run took it")

    def _stands(self, entry: PageEntry) -> bool:
        """Whether a page is as it was; rows appended to it would be lost, unless the run ends with it."""
        page = self._unless_gone(entry.number, partial(self._get, entry.number))
        if not self._counts.is_past_end(page):
            self._check_filled(page)
        has_grown = len(page.records) > entry.records
        goes_on_behind = self._strategy.shifted_at == entry.number
        return still_stands(page, entry) and not (
            has_grown and self._short_last is None and not goes_on_behind
        )

    def _late_pages(self) -> Iterator[Page]:
        late = tuple(self._late)
        with self._prefetcher(lambda index: self._fetch_page(late[index - 1]), start=1) as ahead:
            for index, number in enumerate(late, 1):
                ahead.fill(len(late))
                self._late.remove(number)
                yield from self._taken(number, partial(self._late_page, ahead, index, number))

    def _pages_in_order(self) -> Iterator[Page]:
        with self._prefetcher(self._fetch_page, None if self._is_at_start else self._last + 1) as ahead:
            if self._is_at_start:
                first = self._first_page(ahead)
                # how many records the source gives
                size = self._strategy.learned_size(
                    self._limit, records=len(first.records), total=first.total_records
                )
                if first.number == 1 and size != self._limit:
                    self._reckon(self._strategy, size)
                yield self._remembered(first)
            while self._last < self._end() and not self._is_over and not self._is_uneven:
                ahead.fill(self._end())
                number = self._last + 1
                yield from self._taken(number, partial(self._next_page, ahead, number))
        if self._is_uneven and not self._is_over:
            # In order: each page starts behind the rows that came, so none is asked for ahead.
            self._is_uneven, self._width = False, 1
            yield from self._pages_in_order()

    def _note_uneven(self, page: Page) -> None:
        """A page that is not as long as those before it moves the place of all behind it."""
        if page.number <= self._last or self._pages.start != 1 or self._ledger.has_gaps:
            return
        records, total = len(page.records), page.total_records
        moved = self._strategy.shifted(page.number, records, total, self._limit)
        if moved is not None:
            self._shifts.append(moved)
            self._reckon(moved, self._limit)
            self._is_uneven = True

    def _reckon(self, strategy: PaginationStrategy, limit: int) -> None:
        self._strategy, self._limit = strategy, limit
        self._ledger.learn(strategy, limit)
        self._counts = PageCounts(strategy, limit)

    def _taken(self, number: int, take: Callable[[], Page | None]) -> Iterator[Page]:
        """The page, or nothing if it is skipped or does not exist."""
        try:
            page = take()
        except PageGivenUpError as error:
            if self._skip is None:
                raise
            # Before it is noted as a gap: that may break the run off, and the place lies behind all gaps.
            self._move_on(number, more_may_follow=True)
            self._skip(number, error)
            return
        if page is not None:
            yield self._remembered(page)

    def _remembered(self, page: Page) -> Page:
        self._is_at_start = self._leads_further = False
        self._note_uneven(page)
        self._counts.note(page)
        self._guard.remember(page)
        self._largest = max(self._largest, len(page.records))
        self._have_differed |= page.edges != (self._last_edges or page.edges)
        if page.number >= self._last:
            self._last_page, self._last_size = page, len(page.records)
            self._last_edges = page.edges or self._last_edges
        ends = self._strategy.ends(page)
        self._is_over = self._is_over or bool(ends)
        self._move_on(page.number, more_may_follow=bool(page.records) and not ends)
        return page

    def _move_on(self, number: int, *, more_may_follow: bool) -> None:
        if number >= self._last:
            self._last, self._more_may_follow = number, more_may_follow

    def _prefetcher(self, get: Callable[[int], Page], start: int | None) -> Prefetcher:
        decode = self._decoder.decode_together if self._decoder else None
        return Prefetcher(get, self._width, start=start, decode=decode)

    def _get(self, number: int) -> Page:
        return self._settled(self._fetch_page(number))

    def _fetch_page(self, number: int) -> Page:
        return self._fetch(self._strategy.request_for(number, self._limit))

    def _settled(self, page: Page) -> Page:
        """The page, decoded, and as the run counts it: it may have been asked for once more until then."""
        if self._decoder and isinstance(page.records, UndecodedRecords):
            page = self._decoder.decode(page, self._strategy.request_for(page.number, self._limit))
        return page if self._short_last is None else as_counted_by(self._short_last, page)

    def _first_page(self, ahead: Prefetcher) -> Page:
        page = self._settled(ahead.take(self._pages.start))
        self._check_first(page)
        if self._skip is not None:
            if not page.records and self._counts.of(page) == page.number:
                self._ledger.note_totals(page)  # it is not handed on, and may lie below the first
            self._check_filled(page)
        return page

    def _late_page(self, ahead: Prefetcher, index: int, number: int) -> Page:
        page = self._unless_seen(self._unless_gone(number, lambda: self._settled(ahead.take(index))))
        self._check_filled(page)
        return page

    def _next_page(self, ahead: Prefetcher, number: int) -> Page | None:
        """The page, or None if the walk is over."""
        page = self._unless_denied(ahead, number)
        if page is None or self._counts.is_past_end(page):
            late = self._look_further(number, is_refused=page is None)
            if late is None:
                self._proofs.note()
                self._is_over = self.is_empty_behind = True
                self._note_denial(page)
                return None
            page = late
        if self._counts.most is not None and number > _MOST_BEHIND * self._counts.most + 100:
            raise ProtocolError(
                f"the source says it has {self._counts.most} pages, and serves page {number}: what the "
                "description names as their number is not it; leave it out, or name a marker"
            )
        if self._skip is not None:
            self._check_filled(page)
        return self._fuller(page)

    def _fuller(self, page: Page) -> Page:
        """The page; one with fewer records than others is asked for again, unless a total ends there."""
        is_short = 0 < len(page.records) < self._largest
        is_last_by_total = page.total_records is not None and page.number >= (self._counts.most or 0)
        if self._strategy.counts_records or is_last_by_total or not is_short:
            return page
        if self._short_pages >= MOST_SHORT_PAGES:
            return page
        again = self._proofs.ask_again(self._strategy.request_for(page.number, self._limit), page)
        if again is not None and len(again.records) > len(page.records):
            return again
        if again is not None and (len(again.records), again.edges) == (len(page.records), page.edges):
            self.came_twice = page.number
        self._short_pages += 1
        return page

    def _look_further(self, number: int, *, is_refused: bool) -> Page | None:
        """Make sure that a page which is refused or empty where pages have numbers is not a hole.

        Where a count or another cut of the records proves the end, or records have numbers, it is not one.

        Returns:
            The page, if it was a lapse that it was not there; else None.

        Raises:
            PageGivenUpError: It is one: there are records behind it.
        """
        is_proved = self._ends_by_a_cut or self._proofs.has_count
        is_proved = is_proved or (self._ledger.agreed_total is not None and self._ledger.pages > 1)
        if self._counts.most is not None or self._strategy.counts_records or is_proved:
            return None
        further = self._proofs.ask(self._strategy.request_for(number + 1, self._limit))
        if further is not None and further.records and not self.is_known(further):
            again = self._proofs.ask(self._strategy.request_for(number, self._limit))
            if again is not None and again.records and not self.is_known(again):
                return again
            raise PageGivenUpError(
                f"page {number} came {'refused' if is_refused else 'empty'} each time, and page {number + 1} "
                "has records",
                attempts=ASKS_FOR_AN_EMPTY_PAGE,
            )
        return None

    def _unless_denied(self, ahead: Prefetcher, number: int) -> Page | None:
        """The page, or None if the source says in its own way that there is none."""
        try:
            page = self._unless_gone(number, lambda: self._settled(ahead.take(number)))
        except RequestRejectedError as error:
            if error.status not in REFUSALS or self._counts.include(number):
                raise
            is_told = error.status in _NO_SUCH_PAGE or self._counts.exclude(number)
            is_end = is_told or (self._pages.stop is None and self._ends_by_another_cut())
            self._ends_by_a_cut |= is_end and not is_told and self._is_full_there
            is_sure = self._ends_by_a_cut or (is_told and self._is_asked_again_behind)
            ask = partial(self._proofs.ask, self._strategy.request_for(number, self._limit))
            again = None if is_sure else ask()
            if again is None or not again.records:
                is_empty = again is not None  # the refusal was a lapse
                if not is_end and not is_empty:
                    if self._pages.stop is not None:
                        raise
                    raise self._end_or_window(error) from error
                if self._are_numbers_heeded(number, error):
                    return None
                again = ask() if is_sure else None
                if again is None or not again.records:
                    raise PaginationLoopError(
                        f"{error}, and the same by pages of another size: the number may not go where the "
                        "source looks for it; change into"
                    ) from error
            page = again
        if not self.is_known(page):
            return page
        if self._counts.exclude(number) or self._ends_by_another_cut():
            self.ends_with_itself = True
            return None
        return self._unless_seen(page)

    def _end_or_window(self, refusal: RequestRejectedError) -> RequestRejectedError:
        """The refusal of a place behind all that came, which nothing tells from a limit on what is given."""
        words = (
            f"{refusal}; {self._ledger.records} records came before it, and no other cut of pages shows that "
            "they are all: if so the source says that there are no more, say errors = "
            f'[{{ status = [{refusal.status}], action = "empty" }}] in a description; if it is a limit on '
            "what one query gives, say window, and read it in slices"
        )
        return RequestRejectedError(words, status=refusal.status, body=refusal.body)

    @property
    def _is_asked_again_behind(self) -> bool:
        """Whether what lies behind the last page is asked for once more in any case.

        With page numbers one further is, and behind a full page the same place as the run's last request.
        """
        return self._counts.most is None and (self._is_full_there or not self._strategy.counts_records)

    @property
    def _is_full_there(self) -> bool:
        """Whether the last page is as large as any, so that the place behind it is the run's last request."""
        return self._last_size >= self._largest

    def _are_numbers_heeded(self, number: int, because: RequestRejectedError) -> bool:
        """Whether a source that refuses page 2, and numbers its answers, has one page by another cut too."""
        if self._strategy.echo is None or number != _SECOND or because.status != _NOT_THAT_PAGE:
            return True
        is_one = self._ends_by_another_cut()
        self._ends_by_a_cut |= is_one and self._is_full_there
        return is_one

    def _ends_by_another_cut(self) -> bool:
        """Whether the last record is the last by pages that begin elsewhere too.

        A source that serves its last page again past its end has then said where it ends; one that does not
        know the page's number, or gives only so many, has not. Where it heeds no size, it has if other pages
        differ, and the one further is that page too.
        """
        records = self._ledger.records
        if self._pages.start != 1 or self._ledger.gaps or self._cuts == _MOST_CUTS:
            return False
        self._cuts += 1
        if self._strategy.counts_records:
            tells_one_from_all = self._largest > 1
            page = self._proofs.ask(self.request_behind(records - 1)) if tells_one_from_all else None
            ends = page is not None and (len(page.records), page.edges[-1:]) == (1, self._last_edges[-1:])
            self._ends_by_a_cut |= ends
            return ends
        return self._ends_by_another_size(records)

    def _ends_by_another_size(self, records: int) -> bool:
        smaller = range(self._largest - 1, 0, -1) if self._largest > 1 else range(2, 4)
        sizes = [size for size in smaller if self._sizes is not None and self._sizes(size) == size]
        # a page that the last of them do not fill has room for others
        size = next((size for size in sizes if records % size), sizes[0] if sizes else None)
        if size is None:
            return False
        number = -(-records // size)
        page = self._proofs.ask(self._strategy.request_for(number, size))
        came = 0 if page is None else len(page.records)
        # one record, which came twice, and is not the first two together
        self._has_other_rows = page is not None and records == 1 and len(set(page.edges)) > 1
        rest = records % size
        if page is not None and (came, page.edges[-1:]) == (rest or size, self._last_edges[-1:]):
            self._ends_by_a_cut |= rest > 0
            return True
        is_by_one = self._largest == 1 and came <= 1
        if not self._have_differed or not (is_by_one or self._last_size < self._largest):
            return False
        further = self._proofs.ask(self._strategy.request_for(self._last + 2, self._limit))
        return further is not None and self._is_last_again(further)  # sizes are not heeded, numbers are

    def _is_last_again(self, page: Page) -> bool:
        """Whether the source serves its last page again past its end."""
        return len(page.records) == self._last_size > 0 and page.edges == self._last_edges

    def _unless_gone(self, number: int, take: Callable[[], Page]) -> Page:
        """The page; one that was counted and is not there any more tells that the source has shrunk."""
        try:
            return take()
        except RequestRejectedError as error:
            if error.status in _PAGE_IS_GONE and self._counts.include(number):
                again = self._proofs.ask(self._strategy.request_for(number, self._limit))
                if again is not None:
                    return again
                raise self._ledger.changed(f"the source shrank, page {number} is gone") from error
            raise

    def _unless_seen(self, page: Page) -> Page:
        """The page; one that has the records of another is asked for again."""
        if not (self._guard.has_seen(page) or self._has_other_rows):
            return page
        again = self._get(page.number)
        if self._guard.has_seen(again) or (self._has_other_rows and self._is_last_again(again)):
            raise PaginationLoopError(f"page {page.number} has the records of a page before it")
        return again

    def _note_denial(self, page: Page | None) -> None:
        """A page that was once counted and now lies past the end tells that the source has shrunk."""
        if page is not None and self._counts.include(page.number):
            self._ledger.note_totals(page)

    def _check_first(self, page: Page) -> None:
        count = self._counts.of(page)
        if count is None or page.number <= count:
            return
        if page.number > 1:
            raise InvalidInputError(f"page {page.number} was asked for, but the source has {count} pages")
        if page.records:
            raise ProtocolError(f"the source hands out records, but says it has {count} pages of them")

    def _check_filled(self, page: Page) -> None:
        """Refuse a page that is still empty although there should be records in it."""
        if page.records or not self._ledger.expects_records(page):
            return
        if self._counts.is_past_end(page):
            self._note_denial(page)
        raise PageGivenUpError(
            f"page {page.number} came empty each time, although there should be records in it",
            attempts=ASKS_FOR_AN_EMPTY_PAGE,
        )

    def _end(self) -> int:
        """The last page as far as is known now: the largest total that was ever named."""
        end = self._counts.most
        if end is None:
            end = self._last + (self._more_may_follow and not self._is_over)
        elif self._last >= end and self._is_doubtful():
            end = self._last + 1
        if self._leads_further:
            end = max(end, self._last + 1)
        return end if self._pages.stop is None else min(end, self._pages.stop)

    def _is_doubtful(self) -> bool:
        """Whether the end is believed only after a look past it.

        Totals moved, rows do not add up, or nothing counts the rows and the last page is as full as any.
        """
        if not self._more_may_follow or self._is_over or self._strategy.declared_end is not None:
            return False
        expected = self._ledger.expected_records
        if expected is not None:
            adds_up = self._ledger.records == expected or bool(self._ledger.gaps)
            return self._counts.have_moved or not adds_up or not self._ledger.trusts_total
        is_counted = self._ledger.total_records is not None
        return self._counts.have_moved or (not is_counted and self._last_size >= self._largest)
