"""What the pages of a source that counts records have shown: how many it gives, where the next one starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace

from de_classes.api.pagination import OffsetPagination, PageNumberPagination, PaginationStrategy
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from de_classes.api.page import Page
    from de_classes.api.pagination import PageRequest, Totals
    from de_classes.utils.run_records import RunPlace, RunState


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
