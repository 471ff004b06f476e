from __future__ import annotations

from typing import Any

from de_classes.runs.forecast import FirstPage, RunCounts
from de_classes.runs.progress import RunProgress, SealedPart, StepCounts
from de_classes.storage.datasets import ManifestPart
from de_classes.utils.run_records import PageEntry, RunPlace, RunState


def sealed(sequence: int, *pages: int, **more: Any) -> SealedPart:
    entries = tuple(PageEntry(number=page, records=1, sha256=f"{page:02}") for page in pages)
    return SealedPart(**{"sequence": sequence, "invocation": "a", "entries": entries, **more})


def stored(records: int) -> ManifestPart:
    return ManifestPart(key="k", pass_=1, first_page=1, last_page=1, records=records, size=1, sha256="00")


def test_a_run_that_was_not_begun_has_no_state() -> None:
    nothing = RunProgress(())
    assert (nothing.state(1), nothing.pass_, nothing.records, nothing.drift) == (None, 1, 0, ())


def test_a_page_that_came_late_is_a_gap_no_more() -> None:
    first = sealed(1, 1, 2, place=RunPlace(number=3))
    second = sealed(2, 5, 6, gaps=(3, 4), place=RunPlace(number=7, tail=("aa",)))
    late = sealed(3, 4, gaps=(3,), place=RunPlace(number=5))
    state = RunProgress(
        (
            first,
            second,
            late,
        )
    ).state(1)
    assert state == RunState(
        entries=(*first.entries, *second.entries, *late.entries),
        gaps=(3,),
        place=RunPlace(number=7, tail=("aa",)),
    )


def test_each_pass_has_a_state_of_its_own() -> None:
    first = sealed(1, 1, 2, part=stored(9), duplicates=1)
    second = sealed(2, 1, pass_=2, place=RunPlace(number=2), drift=("slid",), part=stored(2), duplicates=8)
    progress = RunProgress(
        (
            first,
            second,
        )
    )
    assert (progress.pass_, progress.drift) == (2, ("slid",))
    assert progress.state(2) == RunState(entries=second.entries, place=RunPlace(number=2))
    assert progress.state(3) is None
    assert [entry.number for entry in progress.pages(1)] == [1, 2]
    assert (progress.records, progress.records_of(2), progress.duplicates) == (11, 2, 1)


def test_records_follow_one_another_by_pass_and_page() -> None:
    parts = [sealed(1, 1, 2), sealed(2, 5), sealed(3, 1, pass_=2), sealed(4, 3, 4)]
    ordered = RunProgress(tuple(parts)).in_page_order()
    assert [(part.pass_, part.first_page) for part in ordered] == [(1, 1), (1, 3), (1, 5), (2, 1)]


def test_what_was_spent_adds_up() -> None:
    spent = [
        RunCounts(requests_by_outcome={"200": 2, "503": 1, "unfinished": 3}, logins=1, seconds=0.1),
        RunCounts(requests_by_outcome={"200": 3, "unfinished": -3}, retries_by_cause={"503": 1}, seconds=0.2),
    ]
    parts = [sealed(n, n, counts=counts, invocation=f"go-{n}") for n, counts in enumerate(spent, 1)]
    progress = RunProgress(tuple(parts))
    assert progress.counts == RunCounts(
        requests_by_outcome={"200": 5, "503": 1}, retries_by_cause={"503": 1}, logins=1, seconds=0.3
    )
    assert progress.invocations == {"go-1", "go-2"}


def test_a_part_whose_pages_held_nothing_has_no_records() -> None:
    progress = RunProgress(
        (
            sealed(1, 1, part=stored(9)),
            sealed(2, 2),
        )
    )
    assert (progress.records, progress.records_of(1)) == (9, 9)


def test_the_longest_account_of_what_changed_is_the_latest() -> None:
    drifts = [(), ("z",), ("a", "b"), ("z",)]
    parts = [sealed(number, number, drift=drift) for number, drift in enumerate(drifts, 1)]
    assert RunProgress(tuple(parts)).drift == ("a", "b")


def test_what_the_first_page_showed_is_with_whatever_part_has_it() -> None:
    shown = FirstPage(latency=0.5, size=100, records=2, pages=3)
    assert (
        RunProgress(
            (
                sealed(1, 2),
                sealed(2, 1, first=shown),
            )
        ).first
        == shown
    )
    assert RunProgress((sealed(1, 1),)).first is None


def test_F72_all_that_was_sealed_since_goes_with_what_broke_where_pages_lead_to_one_another() -> None:
    parts = tuple(sealed(number, number) for number in range(1, 6))
    progress = RunProgress(parts)
    assert progress.to_strike(parts[2:3], stand_alone=False) == list(parts[2:])
    assert progress.to_strike([], stand_alone=False) == []


def test_F72_what_broke_goes_alone_where_pages_stand_alone_but_for_the_first() -> None:
    parts = tuple(sealed(number, number) for number in range(1, 6))
    progress = RunProgress(parts)
    assert progress.to_strike(parts[2:3], stand_alone=True) == [parts[2]]
    assert progress.to_strike((parts[1], parts[3]), stand_alone=True) == [parts[1], parts[3]]
    assert progress.to_strike(parts[:1], stand_alone=True) == list(parts)


def test_F72_parts_that_left_out_records_because_of_what_broke_go_with_it() -> None:
    left_out, later_pass = sealed(4, 4, duplicates=1), sealed(5, 1, pass_=2)
    parts = (sealed(1, 1), sealed(2, 2, duplicates=1), sealed(3, 3), left_out, later_pass)
    gone = RunProgress(parts).to_strike(parts[1:2], stand_alone=True)
    assert gone == [parts[1], left_out, later_pass]


def test_F72_parts_of_which_a_transform_left_out_what_came_before_go_with_what_broke() -> None:
    dropped = (StepCounts(rows_in=9, rows_out=8, repeats=1),)
    filtered = (StepCounts(rows_in=9, rows_out=8),)
    parts = (
        sealed(1, 1, transforms=filtered),
        sealed(2, 2, transforms=filtered),
        sealed(3, 3, transforms=filtered),
        sealed(4, 4, transforms=dropped),
    )
    gone = RunProgress(parts).to_strike(parts[1:2], stand_alone=True)
    assert gone == [parts[1], parts[3]]


def test_what_went_through_the_transforms_is_added_over_the_parts_that_count() -> None:
    def part(sequence: int, *rows: tuple[int, int]) -> SealedPart:
        steps = tuple(StepCounts(rows_in=came, rows_out=went) for came, went in rows)
        return sealed(sequence, sequence, transforms=steps, part=stored(1))

    parts = (part(1, (5, 4), (4, 3)), part(2, (7, 7), (7, 0)), part(3, (2, 1), (1, 1)))
    assert RunProgress(parts).transformed() == [(14, 12), (12, 4)]
    again = RunProgress((*parts, part(4, (7, 7), (7, 0))), frozenset({2}))
    assert (again.transformed(), again.new_of(1)) == ([(14, 12), (12, 4)], 14)
    plain = RunProgress((sealed(1, 1, part=stored(9), quarantine=stored(2)),))
    assert (plain.transformed(), plain.new_of(1)) == ([], 11)


def test_F72_a_part_that_was_struck_counts_no_more_and_its_pages_are_gaps() -> None:
    parts = (sealed(1, 1, 2), sealed(2, 3, 4, gaps=(5,)), sealed(3, 6, gaps=(5,), place=RunPlace(number=7)))
    progress = RunProgress(parts, frozenset({2, 3}))
    assert progress.parts == parts[:1]
    assert progress.to_strike(parts[1:], stand_alone=True) == []
    state = RunState(entries=parts[0].entries, gaps=(3, 4, 5, 6), place=RunPlace(number=7))
    assert progress.state(1) == state
    assert progress.state(1, stand_alone=False) == RunState(entries=parts[0].entries)
    assert RunProgress(parts, frozenset({1, 2, 3})).state(1) is None
