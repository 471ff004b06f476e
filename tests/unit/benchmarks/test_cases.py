from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from benchmarks.cases import CASES, SHORT_CASES, TABLES, cases
from benchmarks.contestants import CONTESTANTS, DESCRIBED, OURS, Keys, P, contestants
from benchmarks.kinds import KINDS, PLAIN
from de_classes.errors import InvalidInputError
from tests.fakes.every import every

if TYPE_CHECKING:
    from benchmarks.cases import Case

BY_NAME = {each.name: each for each in CONTESTANTS}


@every("case", [*CASES, *SHORT_CASES])
def test_every_case_has_this_library_and_its_reference(case: Case) -> None:
    assert case.suits(BY_NAME[DESCRIBED if case.mimic else OURS])
    assert case.suits(BY_NAME[case.reference])


@every("case", [*CASES, *SHORT_CASES])
def test_a_description_is_read_where_a_described_api_has_the_records_and_nowhere_else(case: Case) -> None:
    assert case.suits(BY_NAME[DESCRIBED]) == bool(case.mimic)


def test_who_fetches_one_page_at_a_time_has_no_part_in_many_at_once() -> None:
    one, many = cases(("50ms-1", "50ms-64"))
    assert [case.suits(BY_NAME["naive"]) for case in (one, many)] == [True, False]


def test_who_holds_everything_is_not_asked_for_ten_million() -> None:
    million, ten_million = cases(("1M", "10M"))
    assert [case.suits(BY_NAME["naive"]) for case in (million, ten_million)] == [True, False]


@pytest.mark.parametrize(
    "case", [case for case in (*CASES, *SHORT_CASES) if case.clients], ids=lambda case: case.name
)
def test_a_case_of_some_clients_is_theirs_alone(case: Case) -> None:
    assert {each.name for each in CONTESTANTS if case.suits(each)} == {*case.clients}


def test_the_start_of_every_client_and_the_quick_ones_of_a_million_get_every_round() -> None:
    start, million = cases(("start", "1M"))
    assert {start.rounds(each, 0) for each in CONTESTANTS} == {5}
    assert [million.rounds(BY_NAME[name], 5) for name in (OURS, P, "naive")] == [5, 5, 2]


@pytest.mark.parametrize("name", ["1M", "50ms-1", "failing", "jsonl"])
def test_who_takes_half_a_minute_gets_one_round(name: str) -> None:
    (case,) = cases((name,))
    assert case.rounds(BY_NAME["singer"], 5) == 1


def test_who_is_held_to_goals_gets_two_rounds_however_long_they_are() -> None:
    (case,) = cases(("10M",))
    assert [case.rounds(BY_NAME[name], 5) for name in (OURS, P)] == [2, 2]
    assert case.rounds(BY_NAME[OURS], 1) == 1


def test_a_case_takes_as_long_as_its_records_its_waiting_and_its_failures() -> None:
    plain, away, failing = cases(("small-pages", "50ms-1", "failing"))
    singer, ours = BY_NAME["singer"], BY_NAME[OURS]
    assert plain.seconds(ours) < plain.seconds(singer) < away.seconds(singer) < failing.seconds(singer)
    assert cases(("50ms-4",))[0].seconds(ours) < away.seconds(ours) - 7
    keyed, million, nested = cases(("keyed", "1M", "nested"))
    assert keyed.seconds(ours) > million.seconds(ours)
    assert nested.seconds(ours) > replace(nested, kind=PLAIN).seconds(ours)


KEYED = ("keyed", "keyed-csv", "keyed-jsonl")


@pytest.mark.parametrize("name", KEYED)
def test_with_keys_every_peer_that_takes_them_has_a_row_and_who_cannot_a_reason(name: str) -> None:
    (case,) = cases((name,))
    able = {each.name for each in CONTESTANTS if case.suits(each)}
    assert {OURS, "naive"} <= able
    merging = {"dlt, merge", "dlt, Arrow, merge", "airbyte, dedup"}
    assert merging | {"singer"} <= able | {*case.cannot()}
    assert able.isdisjoint(case.cannot())
    assert (merging <= able) == (name == "keyed")
    assert all(case.cannot().values())


def test_where_no_key_is_asked_for_nobody_looks_for_one_and_nobody_is_excused() -> None:
    (million,) = cases(("1M",))
    assert not any(million.suits(each) for each in CONTESTANTS if each.keys is Keys.ALWAYS)
    assert million.cannot() == {}


def test_only_who_takes_any_record_is_given_others_than_plain_ones() -> None:
    (real,) = cases(("earthquakes",))
    assert {each.name for each in CONTESTANTS if real.suits(each)} == {OURS, P, "naive"}


@every("case", CASES)
def test_every_case_is_of_records_that_there_are(case: Case) -> None:
    assert case.kind in KINDS
    assert case.group in TABLES or case.beside == ""


def test_a_ceiling_on_records_lowers_and_never_raises() -> None:
    assert {case.records for case in cases(most=50)} == {10, 50}
    assert {case.records for case in cases(most=10**9)} == {case.records for case in CASES}


def test_names_that_are_none_are_mistakes_of_the_command() -> None:
    with pytest.raises(InvalidInputError, match="'2M' is no case"):
        cases(("2M",))
    with pytest.raises(InvalidInputError, match="'curl' is no client"):
        contestants(("curl",))


def test_cases_that_share_a_table_are_chosen_by_its_name_and_each_is_once() -> None:
    names = [case.name for case in cases(("pages", "1M", "pages-10k"))]
    assert names == ["pages-1k", "pages-10k", "pages-100k", "1M"]


def test_clients_are_chosen_by_how_their_names_begin() -> None:
    assert [each.name for each in contestants(("dlt", P))] == [
        P,
        "dlt, defaults",
        "dlt, tuned",
        "dlt, Arrow",
        "dlt, merge",
        "dlt, Arrow, merge",
    ]
