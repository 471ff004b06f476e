from __future__ import annotations

import pytest

from benchmarks.cases import CASES, Case, cases
from benchmarks.contestants import CONTESTANTS, OURS, contestants
from benchmarks.schedule import Progress, turns

THREE = [each for each in contestants((OURS, "reference P")) if not each.is_described]
CASE = Case("small", "", records=10, limit=10)


def test_all_take_their_turn_in_every_round_and_each_is_the_first_once() -> None:
    planned = [*turns(THREE, [CASE], 3)]
    names = [each.name for each in THREE]
    assert [turn.contestant.name for turn in planned if turn.number == 1] == names
    for number in (1, 2, 3):
        assert sorted(turn.contestant.name for turn in planned if turn.number == number) == sorted(names)
    assert {planned[place].contestant.name for place in (0, 3, 6)} == {*names}


def test_who_gets_fewer_rounds_has_no_part_in_the_later_ones() -> None:
    planned = [*turns(contestants(("singer", "floor")), cases(("1M",)), 5)]
    assert [turn.number for turn in planned if turn.contestant.name == "singer"] == [1]
    assert [turn.number for turn in planned if turn.contestant.name == "floor"] == [1, 2, 3, 4, 5]


def test_who_suits_no_case_is_left_out() -> None:
    assert [*turns(contestants(("slices",)), cases(("csv",)), 5)] == []


def test_progress_is_the_plan_corrected_by_what_was_taken() -> None:
    planned = [*turns(THREE, [CASE], 2)]
    progress = Progress(planned)
    each = sum(turn.seconds for turn in planned) / 6
    said = [progress.after(turn, 2 * each * place) for place, turn in enumerate(planned, 1)]
    assert said[2] == f"50%, about {6 * each:.0f} s left"
    assert said[-1] == "100%, about 0 s left"


def test_the_whole_takes_about_forty_minutes() -> None:
    planned = [*turns([*CONTESTANTS], [*CASES], 5)]
    assert str(Progress(planned)).endswith(" min")
    assert sum(turn.seconds for turn in planned) == pytest.approx(40 * 60, rel=0.1)
