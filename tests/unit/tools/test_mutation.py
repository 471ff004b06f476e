from __future__ import annotations

import pytest

from tools import mutation

RETRY = "de_classes.api.retry.x_call__mutmut_{}"
WALK = "de_classes.api.walk.x_next_page__mutmut_{}"


def statuses(noticed: int, survived: int) -> dict[str, str]:
    ends = ["killed"] * noticed + ["survived"] * survived
    return {RETRY.format(number): end for number, end in enumerate(ends)}


def test_all_mutants_are_held_to_the_floor_itself() -> None:
    assert mutation.below(statuses(90, 10), is_sample=False) == []
    assert mutation.below(statuses(89, 11), is_sample=False) == ["retry: 89.0 % are noticed, less than 90 %"]


@pytest.mark.parametrize(("noticed", "refused"), [(32, 0), (29, 0), (28, 1), (0, 1)])
def test_a_sample_of_38_fails_only_where_chance_does_not_explain_it(noticed: int, refused: int) -> None:
    assert len(mutation.below(statuses(noticed, 38 - noticed), is_sample=True)) == refused


def test_a_larger_sample_needs_less_to_fail() -> None:
    assert mutation.below(statuses(320, 60), is_sample=True)


def test_a_group_that_was_not_tried_is_not_too_weak() -> None:
    assert mutation.below({}, is_sample=False) == []


def test_a_sample_has_as_many_of_each_group_and_stays_when_others_are_added() -> None:
    mutants = [name.format(number) for name in (RETRY, WALK) for number in range(50)]
    drawn = mutation.sample(mutants, 20)
    assert [sum(name.split("__")[0] in each for each in drawn) for name in (RETRY, WALK)] == [10, 10]
    without = [each for each in mutants if each not in set(mutants) - set(drawn)]
    assert mutation.sample(without, 20) == drawn
