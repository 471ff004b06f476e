from __future__ import annotations

from itertools import pairwise

import pytest

from de_classes.api.proof import PageSample
from de_classes.utils.run_records import PageEntry


def sample(*numbers: int, empty: tuple[int, ...] = ()) -> PageSample:
    pages = PageSample()
    for number in numbers:
        pages.add(PageEntry(number=number, records=0 if number in empty else 2, sha256=""))
    return pages


def picked(pages: PageSample, count: int) -> list[int]:
    return [entry.number for entry in pages.pick(count)]


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, []),
        (1, [9]),
        (2, [1, 9]),
        (3, [1, 5, 9]),
        (5, [1, 3, 5, 7, 9]),
        (9, list(range(1, 10))),
        (99, list(range(1, 10))),
    ],
)
def test_the_first_the_last_and_some_evenly_between_are_picked(count: int, expected: list[int]) -> None:
    assert picked(sample(*range(1, 10)), count) == expected


def test_nothing_is_picked_of_nothing() -> None:
    pages = PageSample()
    assert (pages.pick(5), pages.first, pages.last, pages.last_filled, pages.pages) == (
        [],
        None,
        None,
        None,
        0,
    )


def test_pages_may_come_in_any_order() -> None:
    pages = sample(3, 1, 5, 4, 2, empty=(5,))
    assert picked(pages, 3) == [1, 3, 5]
    assert pages.first is not None
    assert pages.last is not None
    assert pages.last_filled is not None
    assert (pages.first.number, pages.last.number, pages.last_filled.number) == (1, 5, 4)


def test_of_a_long_run_few_are_kept_and_those_picked_are_spread_over_all() -> None:
    pages = sample(*range(1, 10_001))
    numbers = picked(pages, 101)
    assert (len(numbers), numbers[0], numbers[-1], pages.pages) == (101, 1, 10_000, 10_000)
    assert max(after - before for before, after in pairwise(numbers)) <= 120
    assert len(pages.pick(10_000)) <= 2_050
