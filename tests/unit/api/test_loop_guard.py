from __future__ import annotations

from zlib import crc32

import pytest

from de_classes.api.page import Page, mark_of
from de_classes.api.walk import BELIEVED, MOST_ALIKE, MOST_EMPTY, LoopGuard


def page(*ids: int) -> Page:
    return Page(1, [{"id": each} for each in ids], {})


@pytest.fixture
def guard() -> LoopGuard:
    guard = LoopGuard()
    guard.remember(page(1, 2, 3))
    return guard


def test_the_same_records_are_known_again(guard: LoopGuard) -> None:
    assert guard.has_seen(page(1, 2, 3))


@pytest.mark.parametrize("ids", [(1, 2, 4), (0, 2, 3), (1, 2, 2, 3), (1, 3), (3, 2, 1)])
def test_other_records_are_another_page(guard: LoopGuard, ids: tuple[int, ...]) -> None:
    assert not guard.has_seen(page(*ids))


def test_F95_pages_alike_in_first_last_and_number_are_not_the_same(guard: LoopGuard) -> None:
    assert not guard.has_seen(page(1, 7, 3))


def test_F95_a_page_is_known_by_the_text_of_all_its_records() -> None:
    texts = (b'[{"id": 1}, {"id": 2}, {"id": 3}]', b'[{"id": 1}, {"id": 7}, {"id": 3}]')
    marks = {mark_of(page(1, 2, 3).records, crc32(text)) for text in texts}
    assert len(marks) == 2
    assert None not in marks


@pytest.mark.parametrize(("ids", "most"), [((7,), MOST_ALIKE), ((7, 7, 7), MOST_ALIKE), ((), MOST_EMPTY)])
def test_F70_so_many_pages_alike_in_a_row_are_a_loop(ids: tuple[int, ...], most: int) -> None:
    guard = LoopGuard()
    for _ in range(most):
        assert not guard.has_seen(page(*ids))
        guard.remember(page(*ids))
    assert guard.has_seen(page(*ids))
    assert not guard.has_seen(page(8))
    guard.remember(page(1, 2))
    assert not guard.has_seen(page(*ids))


@pytest.mark.parametrize(("total", "is_loop"), [(BELIEVED, False), (BELIEVED + 1, True), (10**15, True)])
def test_F70_F71_a_total_that_is_believed_ends_it(total: int, *, is_loop: bool) -> None:
    guard = LoopGuard()
    for _ in range(MOST_ALIKE):
        guard.remember(page(7))
    assert guard.has_seen(Page(1, [{"id": 7}], {}, total_records=total)) is is_loop


@pytest.mark.parametrize("ids", [(), (7,), (7, 7), (7, 7, 7)])
def test_records_that_are_all_alike_tell_nothing(guard: LoopGuard, ids: tuple[int, ...]) -> None:
    guard.remember(page(*ids))
    assert not guard.has_seen(page(*ids))
    assert mark_of(page(*ids).records) is None


@pytest.mark.parametrize("ids", [(7, 8), (7, 7, 8), (7, 8, 7)])
def test_one_record_that_differs_is_enough(guard: LoopGuard, ids: tuple[int, ...]) -> None:
    guard.remember(page(*ids))
    assert guard.has_seen(page(*ids))


def test_marks_stand_for_pages_that_were_taken_before() -> None:
    mark = mark_of(page(1, 2).records)
    assert mark is not None
    assert len(mark) == 16
    guard = LoopGuard([None, mark])
    assert guard.has_seen(page(1, 2))
    assert not guard.has_seen(page(1, 3))
