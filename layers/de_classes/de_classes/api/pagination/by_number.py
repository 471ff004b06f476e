"""Pages that can be asked for by their number, or by the number of their first record."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace

from de_classes.api.pagination.strategy import PageRequest, PaginationStrategy
from de_classes.api.templates import Into, Path
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from de_classes.api.page import Page
    from de_classes.api.pagination.strategy import Totals
    from de_classes.utils.run_records import RunPlace, RunState


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

    def page_count(self, page: Totals, limit: int) -> int | None:
        """The number of records, divided."""
        return None if page.total_records is None else -(-page.total_records // limit)


class ShiftedOffsets(Value):
    """Offsets behind a page that came shorter than it was asked for: the next one starts behind its rows.

    Attributes:
        pagination: The offsets that were reckoned until then.
        number: That page's number.
        records: How many records came up to its end.
        last: How many of them were on that page.
    """

    random_access: ClassVar[bool] = True
    counts_records: ClassVar[bool] = True

    declared_end: ClassVar[None] = None

    pagination: OffsetPagination
    number: int
    records: int
    last: int

    def collection_of(self, number: int, at: RunPlace | PageRequest | None) -> None:
        """There is one."""

    def ends(self, page: Page) -> bool | None:
        """As the offsets themselves."""
        return self.pagination.ends(page)

    def request_for(self, number: int, limit: int) -> PageRequest:
        """The offset, in records."""
        return self.pagination.request_at(number, self.begins(number, limit), limit)

    def begins(self, number: int, limit: int) -> int:
        """How many records come before a page."""
        if number > self.number:
            return self.records + (number - self.number - 1) * limit
        return self.records - self.last if number == self.number else (number - 1) * limit

    def page_count(self, page: Totals, limit: int) -> int | None:
        """The number of records that are still to come, divided."""
        if page.total_records is None:
            return None
        return self.number + max(-((self.records - page.total_records) // limit), 0)


Strategy = PaginationStrategy | ShiftedOffsets


def learned_size(strategy: Strategy, limit: int, *, records: int, total: int | None) -> int:
    """The size of pages, once the first came: smaller than asked for, although there may be more, is a cap.

    Args:
        strategy: What leads from page to page.
        limit: Records a page that were asked for.
        records: How many were on the first page.
        total: How many the source says there are, or None.
    """
    is_capped = 0 < records < limit and (total is None or total > records)
    return records if is_capped and isinstance(strategy, OffsetPagination) else limit


def as_it_was(strategy: PaginationStrategy, limit: int, state: RunState | None) -> tuple[Strategy, int]:
    """The strategy and the size of pages that a run had learned from the pages that it took.

    Pages that came behind a gap moved nothing: how long the gap is was not known.
    """
    first = state.entries[0] if state is not None and state.entries else None
    if isinstance(strategy, PageNumberPagination) and first is not None and first.at is not None:
        return replace(strategy, first=first.at.values[strategy.into]), limit
    if state is None or not isinstance(strategy, OffsetPagination):
        return strategy, limit
    if first is not None and first.number == 1:
        limit = learned_size(strategy, limit, records=first.records, total=first.total_records)
    shifts = shifts_of(strategy, limit, state)
    return (shifts[-1] if shifts else strategy), limit


def shifts_of(strategy: OffsetPagination, limit: int, state: RunState) -> list[ShiftedOffsets]:
    """Every page by which the places behind it had moved, in order.

    Args:
        strategy: The offsets before the first of them.
        limit: Records a page, as the run had learned.
        state: The pages that it took.
    """
    shifts: list[ShiftedOffsets] = []
    for number, entry in enumerate(state.entries, 1):
        if entry.number != number:
            break
        before = shifts[-1] if shifts else strategy
        moved = shifted(before, number, entry.records, entry.total_records, limit)
        shifts += [] if moved is None else [moved]
    return shifts


def shifted(
    strategy: Strategy, number: int, records: int, total: int | None, limit: int
) -> ShiftedOffsets | None:
    """The offsets behind a page that is not as long as it should be; None if it changes nothing.

    Args:
        strategy: The offsets until then.
        number: The page's.
        records: How many were on it.
        total: How many the source says there are, or None.
        limit: Records a page.
    """
    offsets = strategy.pagination if isinstance(strategy, ShiftedOffsets) else strategy
    if not isinstance(offsets, OffsetPagination) or records in {0, limit}:
        return None
    begins = strategy.begins(number, limit) if isinstance(strategy, ShiftedOffsets) else (number - 1) * limit
    if total is not None and begins + records >= total and records < limit:
        return None
    return ShiftedOffsets(offsets, number, begins + records, records)
