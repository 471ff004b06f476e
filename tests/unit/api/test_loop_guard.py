from __future__ import annotations

import pytest

from de_classes.api.loop_guard import LoopGuard, mark_of
from de_classes.api.page import Page


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
def test_another_first_or_last_record_or_another_number_of_them_is_another_page(
    guard: LoopGuard, ids: tuple[int, ...]
) -> None:
    assert not guard.has_seen(page(*ids))


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
