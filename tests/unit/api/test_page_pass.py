from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from de_classes.api.evidence import End, Evidence, Still
from de_classes.api.ledger import RunLedger
from de_classes.api.page import Page
from de_classes.api.page_pass import PagePass
from de_classes.api.pagination import PageNumberPagination
from de_classes.errors import IncompleteRunError, RetriesExhaustedError
from de_classes.utils.clock import ManualClock
from de_classes.utils.page_range import PageRange
from de_classes.utils.run_records import RunPlace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from de_classes.utils.run_records import PageEntry

SECONDS_A_PAGE = 10.0


class Walk:
    """Three pages, ten seconds each, and a place that the tests can read.

    Args:
        breaks_at: The page that cannot be had.
        fills: Whether it has gaps to fill for ever.
    """

    def __init__(self, *, breaks_at: int = 0, fills: bool = False) -> None:
        self.clock = ManualClock()
        self.place: RunPlace | None = None
        self.way_here: RunPlace | None = None
        self.is_filling_gaps = fills
        self._breaks_at = breaks_at

    def __iter__(self) -> Iterator[Page]:
        for number in (1, 2, 3):
            if number == self._breaks_at:
                raise RetriesExhaustedError("page 2 failed", attempts=9)
            self.clock.advance(SECONDS_A_PAGE)
            self.place = RunPlace(number=number + 1) if number < 3 else None
            yield Page(number, [{"id": number * 10}, {"id": number * 10 + 1}], {}, 3, 6)


class Believing:
    """A prover that asks for nothing."""

    def begin(self) -> None:
        pass

    def note(self, entry: PageEntry) -> None:
        pass

    def conclude(self) -> Evidence:
        return Evidence(End(by="declared"), Still(by="unknown"))


def run_over(walk: Walk, deadline: float | None = None) -> PagePass:
    ledger = RunLedger(PageRange(), limit=2, strategy=PageNumberPagination())
    return PagePass(walk, walk, ledger, Believing(), walk.clock, deadline=deadline)


def test_every_page_is_entered_before_it_is_handed_on() -> None:
    run = run_over(Walk())
    for page in run:
        assert run.entry.number == page.number == run.ledger.pages
    assert run.ledger.records == 6


def test_before_the_first_page_there_is_nothing_to_write_down() -> None:
    with pytest.raises(LookupError):
        _ = run_over(Walk()).entry


def test_the_place_carries_the_hashes_of_the_page_before_it() -> None:
    run = run_over(Walk())
    pages = iter(run)
    next(pages)
    assert run.place == RunPlace(number=2, tail=run.ledger.tail)
    assert len(run.ledger.tail) == 2
    assert len(list(pages)) == 2
    assert run.place is None


def test_pages_that_cannot_be_had_break_the_run_off_with_the_reason() -> None:
    with pytest.raises(IncompleteRunError, match="page 2 failed; pages 2-3 are missing") as caught:
        list(run_over(Walk(breaks_at=2)))
    assert isinstance(caught.value.__cause__, RetriesExhaustedError)
    assert caught.value.missing_pages == (2, 3)


def taken_until(deadline: float | None, *, fills: bool = False) -> list[int]:
    run = run_over(Walk(fills=fills), deadline)
    numbers: list[int] = []
    try:
        numbers.extend(page.number for page in run)
    except IncompleteRunError as error:
        assert "the time is up" in str(error)  # noqa: PT017 - how far it came is looked at, too
        return [run.entry.number]
    return numbers


@pytest.mark.parametrize(
    ("deadline", "last"), [(None, 3), (5.0, 1), (10.0, 1), (10.1, 2), (20.0, 2), (20.1, 3), (30.0, 3)]
)
def test_no_page_is_begun_once_the_time_is_up_but_the_last_is_no_reason_to_fail(
    deadline: float | None, last: int
) -> None:
    assert taken_until(deadline)[-1] == last


@pytest.mark.parametrize(("deadline", "pages"), [(30.0, [3]), (30.1, [1, 2, 3]), (None, [1, 2, 3])])
def test_the_time_is_up_at_the_last_page_if_gaps_are_still_to_be_filled(
    deadline: float | None, pages: list[int]
) -> None:
    assert taken_until(deadline, fills=True) == pages
