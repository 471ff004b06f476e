"""What a state says that was written down: whether it belongs to the run that goes on, and how far it got."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from de_classes.errors import InvalidInputError
from de_classes.utils.page_range import PageSet

if TYPE_CHECKING:
    from de_classes.api.page import Page
    from de_classes.utils.page_range import PageRange
    from de_classes.utils.run_records import PageEntry, RunState


def check_state(state: RunState, pages: PageRange, *, random_access: bool) -> None:
    """Refuse a state from which a run would lose or double pages.

    Args:
        state: The pages taken, those skipped, and where to go on.
        pages: Which pages the run is over.
        random_access: Whether any page can be asked for by its number.

    Raises:
        InvalidInputError: Pages are left out, named twice or not of this run, or the way on is missing.
    """
    numbers = [*(entry.number for entry in state.entries), *state.gaps]
    last = max(numbers, default=pages.start - 1)
    _check_numbers(numbers, PageSet([(pages.start, last)]), pages)
    if state.entries and state.entries[0].number != pages.start:
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
