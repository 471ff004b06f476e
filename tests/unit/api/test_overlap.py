from __future__ import annotations

import pytest

from de_classes.api.overlap import Overlap
from de_classes.api.page import Page


def page(number: int, *ids: int) -> Page:
    return Page(number, [{"id": each} for each in ids], {})


def test_a_page_repeats_if_its_first_record_was_anywhere_on_the_page_before() -> None:
    overlap = Overlap(0)
    steps = [overlap.step(each) for each in (page(1, 1, 2), page(2, 2, 3), page(3, 4, 3), page(4, 5, 4))]
    assert steps == [False, True, False, False]


def test_only_neighbours_are_compared() -> None:
    overlap = Overlap(0)
    overlap.step(page(1, 1, 2))
    assert not overlap.step(page(3, 2, 3))
    assert not overlap.step(page(2, 2, 3))
    assert overlap.step(page(4, 3, 4))


def test_a_page_that_comes_late_is_not_the_furthest() -> None:
    overlap = Overlap(0)
    overlap.step(page(3, 5, 6))
    before = overlap.tail()
    overlap.step(page(2, 3, 4))
    assert overlap.tail() == before
    assert overlap.step(page(4, 6, 7))


def test_an_empty_page_repeats_nothing_and_hides_nothing() -> None:
    overlap = Overlap(0)
    overlap.step(page(1, 1, 2))
    assert not overlap.step(page(2))
    assert overlap.step(page(3, 2, 3))


@pytest.mark.parametrize("first", [1, 2])
def test_after_a_resume_the_hashes_stand_for_the_records(first: int) -> None:
    before = Overlap(0)
    before.step(page(1, 1, 2))
    assert Overlap(1, before.tail()).step(page(2, first, 3))
    assert not Overlap(1, before.tail()).step(page(2, 3, first))
    assert not Overlap(2, before.tail()).step(page(2, first, 3))
    assert not Overlap(1).step(page(2, first, 3))


def test_after_a_resume_an_empty_page_keeps_the_hashes_and_a_filled_one_replaces_them() -> None:
    before = Overlap(0)
    before.step(page(1, 1, 2))
    overlap = Overlap(1, before.tail())
    overlap.step(page(2))
    assert overlap.tail() == before.tail()
    assert overlap.step(page(3, 2, 3))
    assert overlap.tail() != before.tail()
    assert not overlap.step(page(4, 1, 2))


def test_a_tail_is_a_short_hash_for_each_record_of_the_furthest_page() -> None:
    overlap = Overlap(0)
    assert overlap.tail() == ()
    overlap.step(page(1, 1, 2, 3))
    assert [len(each) for each in overlap.tail()] == [12, 12, 12]
    assert len(set(overlap.tail())) == 3
