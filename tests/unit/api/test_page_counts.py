from __future__ import annotations

import pytest

from de_classes.api.ledger import PageCounts
from de_classes.api.page import Page
from de_classes.api.pagination import PageNumberPagination


def page(number: int, count: int | None, rows: int = 1) -> Page:
    return Page(number, [{"id": row} for row in range(rows)], {}, count)


def counts(*said: int | None) -> PageCounts:
    pages = (page(number, count) for number, count in enumerate(said, 1))
    return PageCounts(PageNumberPagination(), 1, pages)


@pytest.mark.parametrize(
    ("said", "most", "have_moved"),
    [
        ((), None, False),
        ((None, None), None, False),
        ((5, 5, 5), 5, False),
        ((5, 8, 5), 8, True),
        ((8, 5), 8, True),
        ((5, None), 5, True),
        ((None, 5), 5, True),
        ((0, 0), 0, False),
    ],
)
def test_the_largest_count_is_kept_and_whether_any_differed(
    said: tuple[int | None, ...], most: int | None, *, have_moved: bool
) -> None:
    found = counts(*said)
    assert (found.most, found.have_moved) == (most, have_moved)


def test_a_page_is_counted_or_beyond_all_counts_or_nothing_is_known_of_it() -> None:
    named, unnamed = counts(3, 5), counts(None)
    assert [named.include(number) for number in (5, 6)] == [True, False]
    assert [named.exclude(number) for number in (5, 6)] == [False, True]
    assert (unnamed.include(1), unnamed.exclude(9)) == (False, False)


@pytest.mark.parametrize(
    ("number", "count", "rows", "expected"),
    [
        (4, 3, 0, True),
        (3, 3, 0, False),
        (4, 3, 1, False),
        (5, 3, 1, False),
        (6, 3, 1, False),
        (6, 3, 0, True),
        (6, 6, 1, False),
        (6, None, 0, False),
    ],
)
def test_an_empty_page_lies_past_the_end_by_its_own_count_and_a_filled_one_never(
    number: int, count: int, rows: int, *, expected: bool
) -> None:
    assert counts(5).is_past_end(page(number, count, rows)) is expected


def test_where_no_count_was_named_an_empty_page_is_the_end() -> None:
    assert counts(None).is_past_end(page(3, None, 0))
    assert not counts(None).is_past_end(page(3, None, 1))
