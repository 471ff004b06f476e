from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.simulators.catalogue import CATALOGUE
from de_classes.simulators.drift import Drift, Present, Span, drift_of
from de_classes.simulators.faults import FaultParameters, FaultPlan
from de_classes.simulators.records import SyntheticRecords

SOURCE = SyntheticRecords(7, 30)
ALL = SOURCE.slice(0, 30)
KINDS = ("inserted", "deleted", "moved", "slid", "replaced")
SMALL = st.integers(0, 30)


@given(st.lists(st.tuples(SMALL, SMALL, st.booleans()), max_size=5), SMALL, SMALL)
def test_what_is_present_is_sliced_like_the_list_that_it_shows(
    pieces: list[tuple[int, int, bool]], start: int, stop: int
) -> None:
    spans = tuple(Span(min(a, b), max(a, b), updated) for a, b, updated in pieces)
    shown = [
        record[:-1] + b',"updated":true}' if span.updated else record
        for span in spans
        for record in ALL[span.start : span.stop]
    ]
    present = Present(SOURCE, spans)

    assert present.count == len(shown)
    assert present.slice(start, stop) == shown[start:stop]


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


def over_time(name: str, *, requests: int = 5) -> list[list[int]]:
    """Which of ten records each of so many requests finds, with a change before every one but the first."""
    plan = FaultPlan(CATALOGUE, {name: 1.0}, parameters=FaultParameters(drift_every=1, drift_changes=2))
    drift = drift_of(plan, SyntheticRecords(7, 10))
    assert drift is not None
    found = [drift.next_request().slice(0, 30) for _ in range(requests)]
    return [[json.loads(record)["id"] for record in records] for records in found]


def test_F66_the_first_record_moves_to_the_end_and_is_another() -> None:
    assert over_time("record-moves-to-end") == [
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
        [2, 3, 4, 5, 6, 7, 8, 9, 10, 1],
        *[[3, 4, 5, 6, 7, 8, 9, 10, 1, 2]] * 3,
    ]
    drift = Drift(SOURCE, every=1, moved=1)
    assert [drift.next_request().count for _ in range(2)] == [30, 30]
    assert drift.now().slice(28, 30) == [ALL[29], ALL[0][:-1] + b',"updated":true}']
    assert drift.throughout().slice(0, 30) == ALL


def test_F67_a_window_of_constant_size_slides() -> None:
    assert over_time("window-slides") == [
        [1, 2, 3, 4, 5, 6, 7, 8],
        [2, 3, 4, 5, 6, 7, 8, 9],
        *[[3, 4, 5, 6, 7, 8, 9, 10]] * 3,
    ]


def test_F68_the_second_goes_and_one_comes_at_the_end() -> None:
    assert over_time("records-replaced") == [
        [1, 2, 3, 4, 5, 6, 7, 8],
        [1, 3, 4, 5, 6, 7, 8, 9],
        *[[1, 4, 5, 6, 7, 8, 9, 10]] * 3,
    ]


def test_F68_two_far_records_change_places_once() -> None:
    assert over_time("records-swapped") == [
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
        *[[1, 9, 3, 4, 5, 6, 7, 8, 2, 10]] * 4,
    ]


@given(st.fixed_dictionaries(dict.fromkeys(KINDS, st.integers(0, 6))), st.booleans(), st.integers(0, 12))
def test_what_stays_is_what_is_there_in_every_state(
    changes: dict[str, int],
    swapped: bool,  # noqa: FBT001 - drawn
    count: int,
) -> None:
    drift = Drift(SyntheticRecords(7, count), every=1, swapped=swapped, **changes)
    states = [
        {json.loads(each)["id"] for each in drift.next_request().slice(0, 99)}
        for _ in range(2 + sum(changes.values()) + swapped)
    ]
    stays = [json.loads(each)["id"] for each in drift.throughout().slice(0, 99)]

    assert set(stays) == set.intersection(*states)
    assert len(stays) == len(set(stays))
    assert drift.now().slice(0, 99) == drift.next_request().slice(0, 99)
