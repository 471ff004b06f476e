"""Where a walk ends, to the page: what is taken for the end, what is not, and what a resume knows of it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from de_classes.api.evidence import ProofRequests
from de_classes.api.ledger import RunLedger
from de_classes.api.numbered_walk import NumberedWalk
from de_classes.api.page import Page
from de_classes.api.pagination import PageNumberPagination
from de_classes.api.walk import PageSource
from de_classes.errors import InvalidInputError, PageGivenUpError, RequestRejectedError, SourceChangedError
from de_classes.utils.page_range import PageRange
from de_classes.utils.run_records import PageEntry, RunPlace, RunState

if TYPE_CHECKING:
    from collections.abc import Callable

    from de_classes.api.pagination import PageRequest

LIMIT = 2
STRATEGY = PageNumberPagination()


def page(number: int, total_pages: int | None, total_records: int | None = None, rows: int = LIMIT) -> Page:
    records = [{"id": number * 100 + row} for row in range(rows)]
    return Page(number, records, {}, total_pages, total_records)


class Run:
    """A walk whose pages are entered as they come, and what it asked for.

    Args:
        serve: A page by its number.
        pages: Which pages.
        state: What was taken before.
        width: Pages under way at the most.
        skips: Whether it goes on without a page that was given up.
    """

    def __init__(
        self,
        serve: Callable[[int], Page],
        *,
        pages: PageRange | None = None,
        state: RunState | None = None,
        width: int = 1,
        skips: bool = False,
    ) -> None:
        wanted = pages or PageRange()
        self.asked: list[int] = []
        self._serve = serve
        self.ledger = RunLedger(wanted, limit=LIMIT, strategy=STRATEGY, state=state)
        self.walk = NumberedWalk(
            PageSource(self._fetch, ProofRequests(self._fetch), limit=LIMIT, pages=wanted, width=width),
            STRATEGY,
            self.ledger,
            state=state,
            skip=self.ledger.skip if skips else None,
        )

    def _fetch(self, request: PageRequest) -> Page:
        self.asked.append(request.number)
        return self._serve(request.number)

    def numbers(self) -> list[int]:
        taken = []
        for each in self.walk:
            self.ledger.observe(each)
            taken.append(each.number)
        return taken


def state_after(*pages: Page, gaps: tuple[int, ...] = (), place: RunPlace | None = None) -> RunState:
    entries = (
        PageEntry(
            number=each.number,
            records=len(each.records),
            sha256="",
            total_pages=each.total_pages,
            total_records=each.total_records,
        )
        for each in pages
    )
    return RunState(entries=tuple(entries), gaps=gaps, place=place)


def refusing(status: int, *, from_page: int, totals: Callable[[int], int | None]) -> Callable[[int], Page]:
    def serve(number: int) -> Page:
        if number >= from_page:
            raise RequestRejectedError("no such page", status=status)
        return page(number, totals(number))

    return serve


@pytest.mark.parametrize("status", [404, 416])
def test_F28_without_a_total_there_are_two_ways_to_say_that_a_page_is_not_there(status: int) -> None:
    assert Run(refusing(status, from_page=4, totals=lambda _: None)).numbers() == [1, 2, 3]


def test_F28_the_last_page_that_is_counted_is_not_taken_for_the_end() -> None:
    with pytest.raises(SourceChangedError, match="page 5 is gone"):
        Run(refusing(404, from_page=5, totals=lambda _: 5)).numbers()


def test_F28_a_page_within_the_largest_total_that_was_named_is_not_taken_for_the_end() -> None:
    with pytest.raises(SourceChangedError, match="page 7 is gone"):
        Run(refusing(404, from_page=7, totals=lambda number: 5 if number == 1 else 8)).numbers()


def test_F22_a_total_that_moved_once_costs_one_look_past_the_end() -> None:
    run = Run(lambda number: page(number, 3 if number == 1 else 4, rows=LIMIT if number < 5 else 0))
    assert run.numbers() == [1, 2, 3, 4]
    assert run.asked == [1, 2, 3, 4, 5]


def test_F22_a_page_found_past_the_end_is_taken_if_it_counts_itself() -> None:
    totals = {1: 3, 5: 5, 6: 5}
    run = Run(lambda number: page(number, totals.get(number, 4), rows=LIMIT if number < 6 else 0))
    assert run.numbers() == [1, 2, 3, 4, 5]
    assert run.asked == [1, 2, 3, 4, 5, 6]


def test_a_range_that_begins_one_page_too_late_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="the source has 1 pages"):
        Run(lambda number: page(number, 1, rows=0), pages=PageRange(2)).numbers()


def test_F21_an_empty_first_page_is_handed_on_where_none_may_be_skipped() -> None:
    run = Run(lambda number: page(number, 3, rows=LIMIT if number in {2, 3} else 0))
    assert run.numbers() == [1, 2, 3]
    assert run.asked == [1, 2, 3, 4]  # nothing counts the rows, and the last page is full
    with pytest.raises(PageGivenUpError):
        Run(lambda number: page(number, 3, rows=0), skips=True).numbers()


@pytest.mark.parametrize("place", [None, RunPlace(number=3)])
def test_a_resume_without_a_total_asks_for_more_only_if_there_was_a_way_on(place: RunPlace | None) -> None:
    state = state_after(page(1, None), page(2, None), place=place)
    run = Run(lambda number: page(number, None, rows=LIMIT if number < 5 else 0), state=state)
    assert run.numbers() == ([] if place is None else [3, 4])
    assert run.asked == ([] if place is None else [3, 4, 5, 6])  # one further, or page 5 might be a hole


def test_a_resume_without_a_total_behind_an_empty_page_is_at_the_end() -> None:
    state = state_after(page(1, None), page(2, None, rows=0), place=RunPlace(number=3))
    run = Run(lambda number: page(number, None), state=state)
    assert (run.numbers(), run.asked) == ([], [])


def test_a_resume_without_a_total_behind_a_gap_goes_on_behind_it() -> None:
    state = state_after(page(1, None), gaps=(2,), place=RunPlace(number=3))
    run = Run(lambda number: page(number, None, rows=LIMIT if number < 4 else 0), state=state, skips=True)
    assert run.numbers() == [2, 3]


def test_gaps_are_being_filled_until_the_last_was_asked_for() -> None:
    state = state_after(page(1, 5), page(4, 5), gaps=(2, 3), place=RunPlace(number=5))
    run = Run(lambda number: page(number, 5, rows=LIMIT * (number <= 5)), state=state, skips=True)
    filling = [run.walk.is_filling_gaps]
    for each in run.walk:
        run.ledger.observe(each)
        filling.append(run.walk.is_filling_gaps)
    assert filling == [True, True, False, False]
    assert run.asked == [2, 3, 5, 6]


def test_a_resumed_walk_fetches_ahead_from_its_first_page_on() -> None:
    together = threading.Barrier(3)

    def serve(number: int) -> Page:
        if number <= 5:
            together.wait(60)
        return page(number, 5, rows=LIMIT * (number <= 5))

    state = state_after(page(1, 5), page(2, 5), place=RunPlace(number=3))
    assert Run(serve, state=state, width=3).numbers() == [3, 4, 5]


def test_a_walk_that_was_not_begun_asks_for_its_first_page_alone() -> None:
    run = Run(lambda number: page(number, 5), width=4)
    next(iter(run.walk))
    assert run.asked == [1]


def test_F23_a_counted_page_that_is_gone_tells_that_the_source_shrank() -> None:
    run = Run(lambda number: page(number, *((5, 10) if number < 5 else (3, 6)), rows=LIMIT * (number < 4)))
    run.numbers()
    assert run.ledger.total_records == 6


def test_a_page_that_was_never_counted_tells_nothing() -> None:
    totals = {1: (3, 6), 2: (4, 8), 3: (4, 8), 4: (4, 8), 5: (2, 4)}
    run = Run(lambda number: page(number, *totals[number], rows=LIMIT * (number < 5)))
    assert run.numbers() == [1, 2, 3, 4]
    assert (run.asked, run.ledger.total_records) == ([1, 2, 3, 4, 5], 8)
