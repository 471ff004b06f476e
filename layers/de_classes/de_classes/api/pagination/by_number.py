"""Pages that can be asked for by their number, or by the number of their first record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from de_classes.api.pagination.strategy import PageRequest, PaginationStrategy
from de_classes.api.templates import Into, Path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from de_classes.api.page import Page
    from de_classes.api.pagination.strategy import Totals
    from de_classes.utils.run_records import RunState


class PageNumberPagination(PaginationStrategy, kw_only=True, tag_field="type", tag="page"):
    """Pages by number, ``?page=3``; any of them can be asked for. The default.

    Example:
        >>> PageNumberPagination(into="query.p", first=0).request_for(1, limit=100).values
        {'query.p': 0}

    Attributes:
        into: Where the number goes.
        first: The first page's number.
        pages_path: Where the answer says how many pages there are.
        echo_path: Where it repeats the page's number, which must then be the right one.
    """

    random_access = True
    counts_records = False

    into: Into = "query.page"
    first: int = 1
    pages_path: Path | None = None
    echo_path: Path | None = None

    def request_for(self, number: int, limit: int) -> PageRequest:
        """The page's number."""
        return PageRequest(number, {self.into: number - 1 + self.first}, size=limit)

    def request_after(
        self, page: Page, limit: int, *, url: str, asked: PageRequest | None = None
    ) -> PageRequest | None:
        """The next number, up to the stated total; without a total, until a page is empty."""
        ended = not page.records if page.total_pages is None else page.number >= page.total_pages
        return None if ended or self.ends(page) else self.request_for(page.number + 1, limit)

    def request_before(self, limit: int) -> PageRequest | None:
        """The number below the first, if the first is not 0."""
        return None if self.first < 1 else self.request_for(0, limit)

    def as_it_was(self, limit: int, state: RunState) -> tuple[PaginationStrategy, int]:
        """By the number that its first page was asked for by."""
        at = state.entries[0].at if state.entries else None
        return (self if at is None else replace(self, first=at.values[self.into])), limit

    def page_count(self, page: Totals, limit: int) -> int | None:
        """What the API says."""
        return page.total_pages

    @property
    def echo(self) -> str | None:
        """The path."""
        return self.echo_path

    @property
    def first_number(self) -> int:
        """As described."""
        return self.first


class OffsetPagination(PaginationStrategy, kw_only=True, tag_field="type", tag="offset"):
    """Records by number, ``?offset=200``; the next page starts behind the records that came.

    Example:
        >>> OffsetPagination().request_for(3, limit=100).values
        {'query.offset': 200}

    Attributes:
        into: Where the offset goes.
        first: The first record's number.
    """

    random_access = True
    counts_records = True

    into: Into = "query.offset"
    first: int = 0

    def request_for(self, number: int, limit: int) -> PageRequest:
        """The offset, in records."""
        return self.request_at(number, (number - 1) * limit, limit)

    def request_at(self, number: int, records: int, limit: int) -> PageRequest:
        """The page that starts behind so many records."""
        return PageRequest(number, {self.into: records + self.first}, size=limit)

    def records_before(self, request: PageRequest) -> int:
        """How many records lie before a page, by what it was asked for."""
        return int(request.values[self.into]) - self.first

    def request_after(
        self, page: Page, limit: int, *, url: str, asked: PageRequest | None = None
    ) -> PageRequest | None:
        """The offset behind the records that came, up to the stated total, or until a page is empty."""
        begins = (page.number - 1) * limit if asked is None else self.records_before(asked)
        behind, total = begins + len(page.records), page.total_records
        if not page.records or (total is not None and behind >= total) or self.ends(page):
            return None
        return self.request_at(page.number + 1, behind, limit)

    def request_behind(self, number: int, records: int, limit: int) -> PageRequest:
        """By the number of records."""
        return self.request_at(number, records, limit)

    def request_before(self, limit: int) -> PageRequest | None:
        """The record below the first, if the first is not 0."""
        return None if self.first < 1 else self.request_at(0, -1, limit)

    def request_across(self, request: PageRequest) -> PageRequest | None:
        """Two records, from the one before the page."""
        return self.request_at(request.number, self.records_before(request) - 1, 2)

    def learned_size(self, limit: int, *, records: int, total: int | None) -> int:
        """A first page that is smaller than asked for, although there may be more, shows a cap."""
        is_capped = 0 < records < limit and (total is None or total > records)
        return records if is_capped else limit

    def shifted(self, number: int, records: int, total: int | None, limit: int) -> ShiftedOffsets | None:
        """Offsets that begin behind the records of the page, unless it is full, empty or the last."""
        return self.shifted_from((number - 1) * limit, number, records, total=total, limit=limit)

    def shifted_from(
        self, begins: int, number: int, records: int, *, total: int | None, limit: int
    ) -> ShiftedOffsets | None:
        """The same of a page that begins behind so many records."""
        is_last = total is not None and begins + records >= total and records < limit
        if records in {0, limit} or is_last:
            return None
        return ShiftedOffsets(pagination=self, number=number, records=begins + records, last=records)

    def shifts(self, limit: int, state: RunState) -> Sequence[PaginationStrategy]:
        """Pages that came behind a gap moved nothing: how long the gap is was not known."""
        shifts: list[PaginationStrategy] = []
        for number, entry in enumerate(state.entries, 1):
            if entry.number != number:
                break
            before = shifts[-1] if shifts else self
            moved = before.shifted(number, entry.records, entry.total_records, limit)
            shifts += [] if moved is None else [moved]
        return shifts

    def as_it_was(self, limit: int, state: RunState) -> tuple[PaginationStrategy, int]:
        """By the cap that its first page showed, and the pages that moved the place of others."""
        first = state.entries[0] if state.entries else None
        if first is not None and first.number == 1:
            limit = self.learned_size(limit, records=first.records, total=first.total_records)
        shifts = self.shifts(limit, state)
        return (shifts[-1] if shifts else self), limit

    def page_count(self, page: Totals, limit: int) -> int | None:
        """The number of records, divided."""
        return None if page.total_records is None else -(-page.total_records // limit)


class ShiftedOffsets(PaginationStrategy, kw_only=True):
    """Offsets behind a page that came shorter than it was asked for: the next one starts behind its rows.

    Attributes:
        pagination: The offsets as they are described.
        number: That page's number.
        records: How many records came up to its end.
        last: How many of them were on that page.
    """

    random_access = True
    counts_records = True

    pagination: OffsetPagination
    number: int
    records: int
    last: int

    def ends(self, page: Page) -> bool | None:
        """As the offsets themselves."""
        return self.pagination.ends(page)

    def request_for(self, number: int, limit: int) -> PageRequest:
        """The offset, in records."""
        return self.pagination.request_at(number, self._begins(number, limit), limit)

    def request_behind(self, number: int, records: int, limit: int) -> PageRequest:
        """As the offsets themselves."""
        return self.pagination.request_behind(number, records, limit)

    def request_before(self, limit: int) -> PageRequest | None:
        """As the offsets themselves."""
        return self.pagination.request_before(limit)

    def page_count(self, page: Totals, limit: int) -> int | None:
        """The number of records that are still to come, divided."""
        if page.total_records is None:
            return None
        return self.number + max(-((self.records - page.total_records) // limit), 0)

    @property
    def shifted_at(self) -> int:
        """That page."""
        return self.number

    def shifted(self, number: int, records: int, total: int | None, limit: int) -> ShiftedOffsets | None:
        """The offsets behind another such page."""
        begins = self._begins(number, limit)
        return self.pagination.shifted_from(begins, number, records, total=total, limit=limit)

    def shifts(self, limit: int, state: RunState) -> Sequence[PaginationStrategy]:
        """As the offsets themselves."""
        return self.pagination.shifts(limit, state)

    def _begins(self, number: int, limit: int) -> int:
        """How many records come before a page."""
        if number > self.number:
            return self.records + (number - self.number - 1) * limit
        return self.records - self.last if number == self.number else (number - 1) * limit
