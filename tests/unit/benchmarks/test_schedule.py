from __future__ import annotations

from dataclasses import replace

from benchmarks.cases import CASES, Case, cases
from benchmarks.contestants import CONTESTANTS, OURS, SLICES, P, contestants
from benchmarks.schedule import Progress, turns

THREE = [each for each in contestants((OURS, P)) if not each.is_described]
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
    assert [*turns(contestants((SLICES,)), cases(("csv",)), 5)] == []


def test_progress_is_the_plan_corrected_by_what_was_taken() -> None:
    planned = [*turns(THREE, [CASE], 2)]
    progress = Progress(planned)
    each = sum(turn.seconds for turn in planned) / 6
    said = [progress.after(turn, 2 * each * place) for place, turn in enumerate(planned, 1)]
    assert said[2] == f"50%, about {6 * each:.0f} s left"
    assert said[-1] == "100%, about 0 s left"


def test_the_whole_keeps_to_forty_five_minutes_with_two_for_what_is_not_planned() -> None:
    planned = [*turns([*CONTESTANTS], [*CASES], 0)]
    assert str(Progress(planned)).endswith(" min")
    assert 35 * 60 < sum(turn.seconds for turn in planned) <= 43 * 60


def test_cases_of_a_group_take_turns_in_every_round_and_others_follow() -> None:
    one, two = (replace(CASE, name=name, group="both") for name in ("one", "two"))
    alone = replace(CASE, name="alone")
    planned = [*turns(THREE[:1], [one, alone, two], 2)]
    assert [(turn.case.name, turn.number) for turn in planned] == [
        ("one", 1),
        ("two", 1),
        ("one", 2),
        ("two", 2),
        ("alone", 1),
        ("alone", 2),
    ]


def test_a_case_says_how_many_rounds_it_gets_unless_the_command_does() -> None:
    often = replace(CASE, most_rounds=4)
    assert [len([*turns(THREE[:1], [often], rounds)]) for rounds in (0, 2)] == [4, 2]


def test_of_every_group_the_cases_that_are_compared_get_as_many_rounds() -> None:
    ours = THREE[0]
    by_name = {case.name: case for case in CASES}
    for case in CASES:
        if case.beside:
            assert by_name[case.beside].group == case.group
            assert by_name[case.beside].rounds(ours, 0) >= case.rounds(ours, 0)
