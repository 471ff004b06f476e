from __future__ import annotations

import pytest

from de_classes.errors import InvalidInputError
from de_classes.simulators.catalogue import CATALOGUE
from de_classes.simulators.faults import InjectionPoint
from scoreboard.cases import (
    MIX,
    NONE,
    ONE_PAGE,
    PAGES,
    SIX_TIMES,
    TIMES_RUNNING,
    WITHOUT_A_TRACE,
    cases,
    wants_refusal,
)

FAULTS = {fault.name: fault for fault in CATALOGUE}


def test_every_fault_that_a_client_of_numbered_pages_can_meet_is_a_case() -> None:
    of_links = {"foreign-next", "next-misplaced", "empty-page-once", "next-lost-once", "more-without-next"}
    of_links |= {"next-for-ever", "next-false", "next-object"}
    assert {*FAULTS} - {case.name for case in cases()} == of_links | WITHOUT_A_TRACE


def test_a_client_is_told_where_no_page_says_how_many_there_are() -> None:
    told = {case.name for case in cases() if not case.states_pages}
    assert {"page-size-capped", "pages-from-zero", "gone-once-404", "page-ignored"} <= told
    assert told.isdisjoint({NONE, "total-absent", "short-page-once", "total-by-another-size"})


def test_a_case_is_found_by_its_name_and_by_the_catalogue_id() -> None:
    assert [case.name for case in cases(["F21", "cut-body", "f21"])] == [
        "empty-page",
        "empty-page-always",
        "cut-body",
    ]


def test_a_name_that_is_no_case_is_a_mistake_of_the_command() -> None:
    with pytest.raises(InvalidInputError, match="'F99' is no case"):
        cases(["F99"])


def test_every_case_has_as_many_seeds_as_were_asked_for() -> None:
    seeds = [case.seed for case in cases(["short-body"], seeds=3)]
    assert len({*seeds}) == 3


def test_a_seed_is_one_with_which_the_fault_strikes_in_the_middle() -> None:
    for case in cases():
        fault = FAULTS.get(case.name)
        if fault and fault.point is InjectionPoint.ANSWER and fault.cured_by_retry:
            plan = case.settings.plan()
            struck = [page for page in range(1, PAGES + 2) if plan.draw(page, 1)]
            assert struck, case
            assert 1 < min(struck) <= max(struck) < PAGES, case


def test_six_times_running_is_six_times_and_then_no_more() -> None:
    (case,) = cases([SIX_TIMES])
    plan = case.settings.plan()
    struck = [plan.draw(ONE_PAGE, attempt) is not None for attempt in range(1, TIMES_RUNNING + 2)]
    assert struck == [True] * 6 + [False]


def test_the_mix_is_one() -> None:
    (case,) = cases([MIX])
    plan = case.settings.plan()
    assert len({fault.name for page in range(1, PAGES + 1) if (fault := plan.draw(page, 1))}) == 3


def test_without_a_fault_nothing_strikes() -> None:
    (case,) = cases([NONE])
    assert not any(case.settings.plan().rates.values())


def test_what_a_retry_cures_is_no_reason_to_refuse_unless_it_is_too_much_for_any_client() -> None:
    too_much = {"retry-after-huge", "huge-body", "gzip-bomb"}
    cured = {name for name, fault in FAULTS.items() if fault.cured_by_retry}
    assert {name for name in cured if wants_refusal(name)} == too_much
