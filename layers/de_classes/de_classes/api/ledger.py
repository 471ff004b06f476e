"""What a run should have brought, against what it did: the verdict "complete" is earned here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from de_classes.api.page import Overlap
from de_classes.errors import EndMovedError, IncompleteRunError, InvalidInputError, SourceChangedError
from de_classes.utils.page_range import PageSet
from de_classes.utils.run_records import PageEntry, RunState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from de_classes.api.page import Page
    from de_classes.api.pagination.strategy import PaginationStrategy, Totals
    from de_classes.errors import PageGivenUpError
    from de_classes.utils.page_range import PageRange
    from de_classes.utils.run_records import RunPlace

_NAMED_AT_MOST = 20


class RunLedger:
    """Keeps account of the pages of one run, whoever took them, and in whatever order.

    Totals are judged in the order in which the pages were taken, and every one is remembered. Sizes and
    gaps are judged in the order of the pages, so that a page which is fetched late fills its gap.

    Args:
        pages: Which pages were asked for.
        limit: Records a page that were asked for.
        strategy: How the source numbers its pages, and with it how many it says there are.
        state: What was taken before, by this process or another.
        trusts_total: Whether as many records as the source counts are all of them.
        first: The first page of the whole run, where this is a range behind it: what it said is known.

    Attributes:
        trusts_total: As given.
        pages: How many pages came.
        records: How many records were in them.
        expected_pages: The most pages that the source ever said it has; None if it does not say.
    """

    def __init__(
        self,
        pages: PageRange,
        *,
        limit: int,
        strategy: PaginationStrategy,
        state: RunState | None = None,
        trusts_total: bool = True,
        first: PageEntry | None = None,
    ) -> None:
        self.trusts_total = trusts_total
        self._range = pages
        self._limit = limit
        self._strategy: PaginationStrategy = strategy
        self._collections: dict[int | None, _Collection] = {}
        self._last_seen = pages.start - 1
        self._last_filled = 0
        self._empty: list[tuple[int, int | None]] = []
        self._short: list[int] = []
        self._short_unless_last: list[int] = []
        self._first_size = 0
        self._skipped: set[int] = set()
        self._skipped_because: PageGivenUpError | None = None
        self.pages = 0
        self.records = 0
        self.expected_pages: int | None = None
        if first is not None:
            self._first_size = first.records
            self.note_totals(first)
        self._overlap = self._restored(state or RunState())

    @property
    def total_records(self) -> int | None:
        """Records the source says it has, as it said last."""
        totals = [each.drift.total for each in self._collections.values()]
        known = [total for total in totals if total is not None]
        return sum(known) if known and len(known) == len(totals) else None

    @property
    def most_records(self) -> int:
        """Records of the collection that has most of them, where there are several."""
        return max((each.records for each in self._collections.values()), default=0)

    @property
    def expected_records(self) -> int | None:
        """Records the run should bring, where it covers the whole source and the source counts them."""
        covers_all = self._range.start == 1 and self._range.stop is None
        return self.total_records if covers_all else None

    @property
    def agreed_total(self) -> int | None:
        """The records that the source has by every answer alike, if as many came; else None."""
        total = self.expected_records if self.trusts_total else None
        is_agreed = all(
            each.records == each.drift.total and not each.drift.has_moved
            for each in self._collections.values()
        )
        return total if is_agreed else None

    @property
    def falls_short(self) -> bool:
        """Whether the source says that it has more records than came, or said so beside the last of them."""
        if self.expected_records is None:
            return False
        return any(
            each.records < max(each.drift.total or 0, each.drift.total_beside_records)
            for each in self._collections.values()
        )

    @property
    def records_beyond_total(self) -> int:
        """Records that came beyond those that the source says it has."""
        return 0 if self.expected_records is None else max(self.records - self.expected_records, 0)

    @property
    def last_seen(self) -> int:
        """The furthest page that came or was skipped."""
        return self._last_seen

    @property
    def pages_to_come(self) -> int | None:
        """Pages of the whole run, as far as the source has said how many it has; None if it has not."""
        last = self._known_last()
        return None if last is None else max(last - self._range.start + 1, 0)

    @property
    def tail(self) -> tuple[str, ...]:
        """Short hashes of the furthest page's records, for ``RunPlace``."""
        return self._overlap.tail()

    @property
    def has_gaps(self) -> bool:
        """Whether there are any."""
        return bool(self._skipped)

    @property
    def gaps(self) -> PageSet:
        """Pages that were skipped and have not come since."""
        return PageSet.of(self._skipped)

    def learn(self, strategy: PaginationStrategy, limit: int) -> None:
        """Take over what a source's pages have shown: how many records they hold, and where the next one is.

        Args:
            strategy: Where pages are from now on.
            limit: Records a page.
        """
        self._strategy = strategy
        self._limit = limit
        self.expected_pages = None

    def expects_records(self, page: Page) -> bool:
        """Whether a page that came empty should hold records, by all that was ever said of the total."""
        counts = (self._strategy.page_count(page, self._limit), self.expected_pages, self._last_filled)
        count = max(known for known in counts if known is not None)
        return page.number <= count and not (page.total_records == 0 and self._has_only_said_none)

    def is_first(self, page: Page) -> bool:
        """Whether the run begins with this page."""
        return page.number == self._range.start

    def observe(self, page: Page, at: RunPlace | None = None) -> PageEntry:
        """Enter one page, and hand back what is to be written down of it.

        Args:
            page: What came.
            at: What it was asked for by, if that is to be written down.
        """
        seam = self._overlap.step(page)
        entry = PageEntry(
            number=page.number,
            records=len(page.records),
            left=len(page.left),
            sha256=page.digest,
            total_pages=page.total_pages,
            total_records=page.total_records,
            mark=page.mark,
            edges=page.edges,
            repeats=seam.repeats,
            slid=seam.slid,
            at=at,
            doubt=page.doubt,
        )
        self._enter(entry)
        return entry

    def skip(self, number: int, because: PageGivenUpError | None = None) -> None:
        """Note that a page was given up, and that the run goes on without it for now."""
        self._skipped.add(number)
        self._skipped_because = because or self._skipped_because
        self._last_seen = max(self._last_seen, number)

    def note_totals(self, page: Totals) -> None:
        """Enter what an answer says of the totals; ``observe`` does it for pages that are handed on."""
        self._note_count(page)
        self._collection(None).drift.note_total(page.total_records)

    def is_done(self) -> bool:
        """Whether the last page that is known of was entered."""
        last = self._known_last()
        return last is not None and self._last_seen >= last

    @property
    def missing_pages(self) -> PageSet:
        """Pages that came empty or short although there should be more in them, and those that never came."""
        holes = (page for page in self._short_unless_last if page < self._last_filled)
        known = PageSet.of([*self._short, *holes, *self._empty_before_the_end(), *self._skipped])
        last = self._known_last()
        return known if last is None else known | PageSet([(self._last_seen + 1, last)])

    def broken_off(self, reason: str) -> IncompleteRunError:
        """The error for a run that ends before its last page: it names every page that did not come."""
        missing = self._still_missing()
        cure = ": run again" if self.pages else ""  # what gave nothing at all gives nothing then either
        return IncompleteRunError(f"{reason}; {_named(missing)} missing{cure}", missing_pages=missing)

    def changed(self, reason: str) -> SourceChangedError:
        """The error for a run that ends before its last page, since the pages it took do not fit any more."""
        return SourceChangedError(reason, missing_pages=self._still_missing())

    def led_further(self, number: int) -> EndMovedError:
        """The error for a run whose last page leads to another by now."""
        words = f"page {number} was the last, and leads further by now"
        return EndMovedError(words, missing_pages=self._still_missing())

    def settle(self) -> None:
        """Declare the run complete.

        Raises:
            SourceChangedError: The source changed under the run, or the records do not add up although
                no page is missing.
            IncompleteRunError: Pages are missing.
        """
        missing = self.missing_pages
        drift = [each for parts in self._collections.values() for each in parts.drift.problems()]
        problems = [f"{_named(missing)} missing, empty or short"] if missing else []
        problems += [*drift, *self._sums()]
        if problems:
            kind = SourceChangedError if drift or not missing else IncompleteRunError
            raise kind("; ".join(problems), missing_pages=missing) from self._skipped_because

    def _still_missing(self) -> PageSet:
        if self._skipped and self.is_done():
            return self.missing_pages
        return self.missing_pages | PageSet.of([self._last_seen + 1])

    def _restored(self, state: RunState) -> Overlap:
        for entry in state.entries:
            self._enter(entry)
        front = max((entry.number for entry in state.entries), default=self._last_seen)
        for gap in state.gaps:
            self.skip(gap)
        return Overlap(front, state.place.tail if state.place else (), _edges_beside_gaps(state))

    def _enter(self, entry: PageEntry) -> None:
        number = self._strategy.collection_of(entry.number, entry.at)
        collection = self._collection(number)
        self._note_count(entry)
        collection.drift.enter(entry)
        collection.records += entry.records
        self._note_size(entry, number)
        if entry.records:
            collection.last_filled = max(collection.last_filled, entry.number)
        self._skipped.discard(entry.number)
        self.pages += 1
        self.records += entry.records
        self._last_seen = max(self._last_seen, entry.number)

    def _collection(self, number: int | None) -> _Collection:
        return self._collections.setdefault(number, _Collection())

    def _note_count(self, page: Totals) -> None:
        count = self._strategy.page_count(page, self._limit)
        if count is not None:
            self.expected_pages = max(count, self.expected_pages or 0)

    @property
    def _has_only_said_none(self) -> bool:
        return all(each.drift.has_only_said_none for each in self._collections.values())

    def _note_size(self, entry: PageEntry, collection: int | None) -> None:
        """Find pages that hold fewer records than their place in the source demands."""
        if not entry.records:
            self._empty.append((entry.number, collection))
            return
        self._last_filled = max(self._last_filled, entry.number)
        self._first_size = self._first_size or entry.records
        count = self._strategy.page_count(entry, self._limit)
        size = self._size_of_a_page(entry, count)
        if size is not None and entry.records < size:
            self._enter_short(entry.number, count)

    def _enter_short(self, number: int, count: int | None) -> None:
        if count is None:
            self._short_unless_last.append(number)
        elif number < count:
            self._short.append(number)

    def _size_of_a_page(self, entry: PageEntry, count: int | None) -> int | None:
        """Records that every page but the last must hold, or None if the source does not let it be known."""
        if self._strategy.counts_records:
            return None if entry.number <= self._strategy.shifted_at else self._limit
        if count is None or entry.total_records is None:
            return None
        caps_the_limit = _pages_of(entry.total_records, self._limit) != count
        return max(self._first_size, 1) if caps_the_limit else self._limit

    def _empty_before_the_end(self) -> list[int]:
        """Pages without records before others of their collection, or before as many as there are."""
        has_none = self.total_records is not None and self._has_only_said_none
        counted = 0 if has_none else self.expected_pages or 0
        return [
            page
            for page, number in self._empty
            if page <= self._collection(number).last_filled or (number is None and page <= counted)
        ]

    def _sums(self) -> list[str]:
        if self.expected_records is None:
            return []
        return [
            f"{each.records} records came, but the source says it has {each.drift.total}{_of(number)}"
            for number, each in self._collections.items()
            if each.does_not_add_up
        ]

    def _known_last(self) -> int | None:
        if self.expected_pages is None:
            return self._range.stop if self._strategy.random_access else None
        return self.expected_pages if self._range.stop is None else min(self.expected_pages, self._range.stop)


class _Collection:
    """What came of one collection: of the whole source, or what belongs to one of several parents."""

    __slots__ = ("drift", "last_filled", "records")

    def __init__(self) -> None:
        self.drift = SourceDrift()
        self.records = 0
        self.last_filled = 0

    @property
    def does_not_add_up(self) -> bool:
        """Whether other than what the source counts came, unless it counts something else."""
        total, drift = self.drift.total, self.drift
        if total is None or self.records == total:
            return False
        return self.records < total or (drift.has_moved and not drift.counts_pages)


def _of(collection: int | None) -> str:
    return "" if collection is None else f" of parent {collection + 1}"


def _pages_of(records: int, size: int) -> int:
    return -(-records // size)


def _edges_beside_gaps(state: RunState) -> dict[int, tuple[str, ...]]:
    beside = {gap + step for gap in state.gaps for step in (-1, 1)}
    return {entry.number: entry.edges for entry in state.entries if entry.number in beside}


def _named(pages: PageSet) -> str:
    ranges = pages.ranges()
    shown = ", ".join(ranges[:_NAMED_AT_MOST])
    more = f" and {len(ranges) - _NAMED_AT_MOST} more" if len(ranges) > _NAMED_AT_MOST else ""
    return f"page {shown} is" if len(pages) == 1 else f"pages {shown}{more} are"


class SourceDrift:
    """Follows the totals in the order in which pages were taken, whatever their numbers.

    A total that shrinks is drift, and so is one that grows while rows repeat across two pages: the
    pages slid under the reader's hands. Rows may slide while the total stays, where others go as they
    come: where no page holds a row twice, a row on two of them is drift by itself.
    """

    def __init__(self) -> None:
        self._totals: list[int] = []
        self._rows_repeat = False
        self._total_beside_records = 0
        self._own_counts = 0
        self._others = 0
        self._slid_at: int | None = None

    @property
    def total(self) -> int | None:
        """Records the source has, as it said last."""
        return self._totals[-1] if self._totals else None

    @property
    def total_beside_records(self) -> int:
        """How many the source said it has on the last page that had any: an empty one may lie."""
        return self._total_beside_records

    @property
    def has_moved(self) -> bool:
        """Whether the source said several totals, one after the other."""
        return len(self._totals) > 1

    @property
    def counts_pages(self) -> bool:
        """Whether every page names its own records for a total: then it tells nothing of the whole."""
        return self._own_counts > 1 and not self._others

    @property
    def has_only_said_none(self) -> bool:
        """Whether the source never said that it has any record."""
        return not any(self._totals)

    def enter(self, entry: PageEntry) -> None:
        """Enter one page."""
        self.note_total(entry.total_records)
        if entry.records:
            self._total_beside_records = entry.total_records or 0
            is_own = entry.total_records == entry.records + entry.left
            self._own_counts += is_own
            self._others += not is_own
        self._rows_repeat |= entry.repeats
        if entry.slid and self._slid_at is None:
            self._slid_at = entry.number

    def note_total(self, total: int | None) -> None:
        """Enter what a page said of the total, if it did."""
        if total is not None and total != self.total:
            self._totals.append(total)

    def problems(self) -> list[str]:
        """What was found, for people."""
        has_moved = self.has_moved and not self.counts_pages
        if has_moved and self._totals != sorted(self._totals):
            return [f"the source lost records during the run, its total fell from {max(self._totals)}"]
        if self._rows_repeat and has_moved:
            return [f"records were inserted during the run, the total rose from {self._totals[0]}"]
        if self._slid_at is not None:
            return [f"page {self._slid_at} has rows of the page beside it, they slid during the run"]
        return []


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

    def __init__(self, strategy: PaginationStrategy, limit: int, said: Iterable[Totals] = ()) -> None:
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


def check_state(state: RunState, pages: PageRange, *, random_access: bool, is_range: bool = False) -> None:
    """Refuse a state from which a run would lose or double pages.

    Args:
        state: The pages taken, those skipped, and where to go on.
        pages: Which pages the run is over.
        random_access: Whether any page can be asked for by its number.
        is_range: Whether the run's first page is elsewhere, so that the first of these may be skipped too.

    Raises:
        InvalidInputError: Pages are left out, named twice or not of this run, or the way on is missing.
    """
    numbers = [*(entry.number for entry in state.entries), *state.gaps]
    last = max(numbers, default=pages.start - 1)
    _check_numbers(numbers, PageSet([(pages.start, last)]), pages)
    if state.entries and state.entries[0].number != pages.start and not is_range:
        raise InvalidInputError(f"the state of a run over pages {pages} must begin with page {pages.start}")
    if state.gaps and not (random_access and state.entries):
        raise InvalidInputError("the state has gaps, but this run cannot have skipped any page")
    if state.place is not None and state.place.number != last + 1:
        raise InvalidInputError(f"the state goes on at page {state.place.number}, but ends at page {last}")
    if state.place is not None and state.entries and not random_access:
        _check_way_on(state)


def furthest_entry(state: RunState) -> PageEntry | None:
    """The furthest page that was taken and that can be known again."""
    return max(
        (entry for entry in state.entries if entry.edges), key=lambda entry: entry.number, default=None
    )


def short_last_entry(state: RunState) -> PageEntry | None:
    """The last page of a run that had reached its end, if it was not full.

    Rows that are appended to it later cannot be taken any more, for it was taken: such a run ends where
    it ended then.
    """
    last = furthest_entry(state)
    if last is None or state.place is not None or last.number < max(state.gaps, default=0):
        return None
    return last if last.records < max(entry.records for entry in state.entries) else None


def as_counted_by(last: PageEntry, page: Page) -> Page:
    """The page without what was counted of rows that were appended after the last page was taken."""
    return replace(
        page,
        total_pages=_at_most(last.total_pages, page.total_pages),
        total_records=_at_most(last.total_records, page.total_records),
    )


def _at_most(bound: int | None, count: int | None) -> int | None:
    return count if bound is None or count is None else min(bound, count)


def _check_numbers(numbers: list[int], expected: PageSet, pages: PageRange) -> None:
    if len(numbers) != len(set(numbers)):
        raise InvalidInputError("the state names a page twice")
    if len(numbers) != len(expected) or any(number not in pages for number in numbers):
        raise InvalidInputError(f"the state leaves out pages, or is not of a run over pages {pages}")


def _check_way_on(state: RunState) -> None:
    if state.place is not None and not (state.place.params or state.place.values or state.place.url):
        raise InvalidInputError(
            "the state does not say how to reach the next page, since the page before did not, or the "
            "address seems to hold a credential: start the run again from its first page"
        )
