from __future__ import annotations

import pytest

from de_classes.api.page import Overlap, Page, Seam, edges_of, still_stands
from de_classes.utils.run_records import PageEntry

FITS = Seam()
SLID = Seam(repeats=True, slid=True)
REPEATS = Seam(repeats=True)


def page(number: int, *ids: int) -> Page:
    return Page(number, [{"id": each} for each in ids], {})


def edges(*ids: int) -> tuple[str, ...]:
    return edges_of([{"id": each} for each in ids])


def seam(before: tuple[int, ...], after: tuple[int, ...]) -> Seam:
    overlap = Overlap(0)
    overlap.step(page(1, *before))
    return overlap.step(page(2, *after))


def test_a_page_repeats_if_its_first_record_was_anywhere_on_the_page_before() -> None:
    overlap = Overlap(0)
    steps = [overlap.step(each) for each in (page(1, 1, 2), page(2, 2, 3), page(3, 4, 3), page(4, 5, 4))]
    assert [step.repeats for step in steps] == [False, True, False, False]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((1, 2, 3), (3, 4, 5)),
        ((1, 2, 3), (2, 3, 4)),
        ((1, 2, 3), (3,)),
        ((1, 2, 3), (2,)),
    ],
)
def test_F25_rows_slid_if_a_page_begins_with_what_the_page_before_ends_with(
    before: tuple[int, ...], after: tuple[int, ...]
) -> None:
    assert seam(before, after) == SLID


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((1, 1, 3), (3, 4, 5)),
        ((1, 2, 3), (3, 4, 4)),
        ((1, 2, 3), (2, 4, 5)),
        ((1, 2, 3), (1, 2, 3)),
        ((1,), (1,)),
        ((1,), (1, 2)),
    ],
)
def test_data_that_repeats_by_itself_is_not_accused_of_sliding(
    before: tuple[int, ...], after: tuple[int, ...]
) -> None:
    assert seam(before, after) == REPEATS


def test_only_neighbours_are_compared() -> None:
    overlap = Overlap(0)
    overlap.step(page(1, 1, 2))
    assert overlap.step(page(3, 2, 3)) == FITS
    assert overlap.step(page(2, 2, 3)) == FITS
    assert overlap.step(page(4, 3, 4)) == SLID


def test_a_page_that_comes_late_is_not_the_furthest() -> None:
    overlap = Overlap(0)
    overlap.step(page(3, 5, 6))
    before = overlap.tail()
    overlap.step(page(2, 3, 4))
    assert overlap.tail() == before
    assert overlap.step(page(4, 6, 7)) == SLID


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        ((3, 4), FITS),
        ((2, 3), SLID),
        ((1, 2), SLID),
        ((4, 5), SLID),
        ((5, 6), SLID),
        ((2, 2), REPEATS),
        ((2,), REPEATS),
        ((), FITS),
        ((1, 6), FITS),
    ],
)
def test_a_page_that_comes_late_is_held_against_the_edges_of_both_its_neighbours(
    late: tuple[int, ...], expected: Seam
) -> None:
    overlap = Overlap(3, edges={1: edges(1, 2), 3: edges(5, 6)})
    assert overlap.step(page(2, *late)) == expected


def test_pages_that_come_late_are_held_against_one_another() -> None:
    overlap = Overlap(4, edges={1: edges(1, 2), 4: edges(7, 8)})
    assert overlap.step(page(2, 3, 4)) == FITS
    assert overlap.step(page(3, 4, 5)) == SLID


def test_an_empty_page_repeats_nothing_and_hides_nothing() -> None:
    overlap = Overlap(0)
    overlap.step(page(1, 1, 2))
    assert overlap.step(page(2)) == FITS
    assert overlap.step(page(3, 2, 3)) == SLID


@pytest.mark.parametrize("first", [1, 2])
def test_after_a_resume_the_hashes_stand_for_the_records(first: int) -> None:
    before = Overlap(0)
    before.step(page(1, 1, 2))
    assert Overlap(1, before.tail()).step(page(2, first, 3)).repeats
    assert Overlap(1, before.tail()).step(page(2, 2, 3)) == SLID
    assert Overlap(1, before.tail()).step(page(2, 3, first)) == FITS
    assert Overlap(2, before.tail()).step(page(2, first, 3)) == FITS
    assert Overlap(1).step(page(2, first, 3)) == FITS


def test_after_a_resume_an_empty_page_keeps_the_hashes_and_a_filled_one_replaces_them() -> None:
    before = Overlap(0)
    before.step(page(1, 1, 2))
    overlap = Overlap(1, before.tail())
    overlap.step(page(2))
    assert overlap.tail() == before.tail()
    assert overlap.step(page(3, 2, 3)) == SLID
    assert overlap.tail() != before.tail()
    assert overlap.step(page(4, 1, 2)) == FITS


def test_a_tail_is_a_short_hash_for_each_record_of_the_furthest_page() -> None:
    overlap = Overlap(0)
    assert overlap.tail() == ()
    overlap.step(page(1, 1, 2, 3))
    assert [len(each) for each in overlap.tail()] == [12, 12, 12]
    assert len(set(overlap.tail())) == 3


def test_edges_are_the_first_and_the_last_record_and_an_empty_page_has_none() -> None:
    assert edges() == ()
    assert edges(1)[0] == edges(1)[1] == edges(1, 2, 3)[0]
    assert edges(1, 2, 3) == edges(1, 3) != edges(3, 1)


@pytest.mark.parametrize(
    ("now", "stands"),
    [
        ((1, 2, 3), True),
        ((1, 9, 3), True),
        ((1, 2, 3, 4), True),
        ((1, 2), False),
        ((1, 3), False),
        ((2, 3, 4), False),
        ((1, 2, 4), False),
        ((0, 1, 2, 3), False),
        ((), False),
    ],
)
def test_a_page_stands_if_it_begins_and_ends_as_it_did_whatever_was_appended(
    now: tuple[int, ...], *, stands: bool
) -> None:
    entry = PageEntry(number=1, records=3, sha256="", edges=edges(1, 2, 3))
    assert still_stands(page(1, *now), entry) is stands
