from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.simulators.drift import Drift, Window
from de_classes.simulators.records import SyntheticRecords

SOURCE = SyntheticRecords(7, 30)
ALL = SOURCE.slice(0, 30)
SMALL = st.integers(0, 30)


@given(st.lists(SMALL, min_size=3, max_size=3).map(sorted), SMALL, SMALL)
def test_a_window_is_sliced_like_the_list_that_it_shows(bounds: list[int], start: int, stop: int) -> None:
    first, gap_start, gap_stop = bounds
    shown = ALL[first:gap_start] + ALL[gap_stop:]
    window = Window(SOURCE, first, gap_start, gap_stop)

    assert window.count == len(shown)
    assert window.slice(start, stop) == shown[start:stop]


def test_changes_come_by_the_count_of_requests_and_then_no_more() -> None:
    drift = Drift(SOURCE, inserted=2, deleted=1, every=2)
    counts = [drift.next_request().count for _ in range(9)]

    assert counts == [28, 28, 29, 29, 30, 30, 29, 29, 29]
    assert drift.now().slice(0, 30) == ALL[:2] + ALL[3:]
    assert drift.throughout().slice(0, 30) == ALL[3:]


def test_asking_for_the_truth_changes_nothing() -> None:
    drift = Drift(SOURCE, inserted=3, deleted=0, every=1)

    assert [drift.now().count for _ in range(5)] == [27] * 5
    assert drift.next_request().count == 27
    assert [drift.now().count for _ in range(5)] == [27] * 5


@pytest.mark.parametrize(("inserted", "deleted"), [(100, 100), (0, 100), (100, 0), (30, 1)])
def test_more_changes_than_records_are_as_many_as_there_are(inserted: int, deleted: int) -> None:
    drift = Drift(SOURCE, inserted=inserted, deleted=deleted, every=1)
    counts = [drift.next_request().count for _ in range(70)]

    assert all(0 <= count <= 30 for count in counts)
    assert counts[0] == 30 - min(30, inserted)
    assert drift.now().count == 30 - min(deleted, 30 - min(30, inserted))


def test_no_request_is_lost_among_threads() -> None:
    drift = Drift(SOURCE, inserted=20, deleted=0, every=50)
    with ThreadPoolExecutor(16) as pool:
        windows = list(pool.map(lambda _: drift.next_request().count, range(1000)))

    assert sorted(windows) == sorted(10 + index // 50 for index in range(1000))
