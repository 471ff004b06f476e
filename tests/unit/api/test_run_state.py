from __future__ import annotations

import pytest

from de_classes.api.ledger import as_counted_by, check_state
from de_classes.api.page import Page
from de_classes.errors import InvalidInputError
from de_classes.utils.page_range import PageRange
from de_classes.utils.run_records import PageEntry, RunPlace, RunState


def state(taken: list[int], gaps: tuple[int, ...] = (), place: RunPlace | None = None) -> RunState:
    entries = tuple(PageEntry(number=number, records=1, sha256="") for number in taken)
    return RunState(entries=entries, gaps=gaps, place=place)


def check(written: RunState, pages: PageRange | None = None, *, random_access: bool = True) -> None:
    check_state(written, pages or PageRange(), random_access=random_access)


@pytest.mark.parametrize(
    ("written", "pages"),
    [
        (state([]), PageRange()),
        (state([], place=RunPlace(number=1)), PageRange()),
        (state([], place=RunPlace(number=4)), PageRange(4, 9)),
        (state([1]), PageRange(1, 1)),
        (state([1, 2, 3], place=RunPlace(number=4)), PageRange()),
        (state([4, 5, 6], place=RunPlace(number=7)), PageRange(4, 9)),
        (state([4, 5, 6, 7, 8, 9]), PageRange(4, 9)),
        (state([1, 3, 2]), PageRange()),
        (state([1, 4], (2, 3), RunPlace(number=5)), PageRange()),
        (state([1, 2], (3,), RunPlace(number=4)), PageRange()),
    ],
)
def test_a_state_without_a_hole_is_gone_on_with(written: RunState, pages: PageRange) -> None:
    check(written, pages)


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        (state([1, 2, 2]), "a page twice"),
        (state([1, 2], (2,)), "a page twice"),
        (state([1, 3]), "leaves out pages"),
        (state([2, 3]), "leaves out pages"),
        (state([1], (3,)), "leaves out pages"),
        (state([2], (1,)), "must begin with page 1"),
        (state([2, 1]), "must begin with page 1"),
        (state([], (1,)), "cannot have skipped"),
        (state([1, 2], place=RunPlace(number=4)), "goes on at page 4, but ends at page 2"),
        (state([1, 2], place=RunPlace(number=2)), "goes on at page 2"),
        (state([1], (2,), RunPlace(number=2)), "goes on at page 2"),
        (state([], place=RunPlace(number=2)), "goes on at page 2"),
    ],
)
def test_a_state_that_would_lose_or_double_a_page_is_refused(written: RunState, problem: str) -> None:
    with pytest.raises(InvalidInputError, match=problem):
        check(written)


@pytest.mark.parametrize("taken", [[1, 2], [4, 5, 6], [3, 4], [4, 5, 6, 7]])
def test_a_state_of_another_range_is_refused(taken: list[int]) -> None:
    with pytest.raises(InvalidInputError, match="not of a run over pages 4-5"):
        check(state(taken), PageRange(4, 5))


@pytest.mark.parametrize(
    "place", [None, RunPlace(number=2, params={"cursor": "c"}), RunPlace(number=2, url="/")]
)
def test_what_is_followed_goes_on_by_a_cursor_or_a_link(place: RunPlace | None) -> None:
    check(state([1], place=place), random_access=False)


def test_what_is_followed_and_has_no_way_on_starts_again() -> None:
    check(state([], place=RunPlace(number=1)), random_access=False)
    check(state([1], place=RunPlace(number=2)), random_access=True)
    with pytest.raises(InvalidInputError, match="how to reach the next page"):
        check(state([1], place=RunPlace(number=2)), random_access=False)


def test_what_is_followed_cannot_have_skipped_a_page() -> None:
    with pytest.raises(InvalidInputError, match="cannot have skipped"):
        check(state([1, 3], (2,)), random_access=False)


@pytest.mark.parametrize(
    ("last", "now", "counted"),
    [
        ((3, 25), (4, 31), (3, 25)),
        ((3, 25), (2, 20), (2, 20)),
        ((None, None), (4, 31), (4, 31)),
        ((3, 25), (None, None), (None, None)),
        ((None, 25), (4, None), (4, None)),
    ],
)
def test_what_was_appended_behind_the_last_page_is_not_counted(
    last: tuple[int | None, int | None],
    now: tuple[int | None, int | None],
    counted: tuple[int | None, int | None],
) -> None:
    entry = PageEntry(number=3, records=5, sha256="", total_pages=last[0], total_records=last[1])
    page = as_counted_by(entry, Page(3, [], {}, total_pages=now[0], total_records=now[1]))
    assert (page.total_pages, page.total_records) == counted
