from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.cases import CASES, SHORT_CASES, cases
from benchmarks.contestants import CONTESTANTS, OURS, P, contestants
from de_classes.errors import InvalidInputError

if TYPE_CHECKING:
    from benchmarks.cases import Case

BY_NAME = {each.name: each for each in CONTESTANTS}


@pytest.mark.parametrize("case", [*CASES, *SHORT_CASES], ids=lambda case: case.name)
def test_every_case_has_this_library_and_its_reference(case: Case) -> None:
    assert case.suits(BY_NAME[OURS])
    assert case.suits(BY_NAME[case.reference])


def test_who_fetches_one_page_at_a_time_has_no_part_in_many_at_once() -> None:
    one, many = cases(("50ms-1", "50ms-64"))
    assert [case.suits(BY_NAME["naive"]) for case in (one, many)] == [True, False]


def test_who_holds_everything_is_not_asked_for_ten_million() -> None:
    million, ten_million = cases(("1M", "10M"))
    assert [case.suits(BY_NAME["naive"]) for case in (million, ten_million)] == [True, False]


def test_who_takes_minutes_gets_one_round_of_a_million_and_all_of_less() -> None:
    (million,), (small,) = cases(("1M",)), cases(("1M",), most=1000)
    assert [case.rounds(BY_NAME["singer"], 5) for case in (million, small)] == [1, 5]
    assert million.rounds(BY_NAME[P], 5) == 5


def test_a_ceiling_on_records_lowers_and_never_raises() -> None:
    assert {case.records for case in cases(most=50)} == {10, 50}


def test_names_that_are_none_are_mistakes_of_the_command() -> None:
    with pytest.raises(InvalidInputError, match="'2M' is no case"):
        cases(("2M",))
    with pytest.raises(InvalidInputError, match="'curl' is no client"):
        contestants(("curl",))


def test_clients_are_chosen_by_how_their_names_begin() -> None:
    assert [each.name for each in contestants(("dlt", P))] == [P, "dlt, defaults", "dlt, tuned", "dlt, Arrow"]
