from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from de_classes.configs.settings import load
from de_classes.errors import ConfigurationError
from de_classes.simulators.catalogue import CATALOGUE
from de_classes.simulators.faults import FaultPlan
from de_classes.simulators.settings import SimulatorSettings
from de_classes.simulators.switches import parse_switches
from tests.fakes.effort import examples


def rates(text: str, rate: float = 0.2) -> dict[str, float]:
    return parse_switches(text, CATALOGUE, rate).rates


def refused(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        parse_switches(text, CATALOGUE, 0.2)
    return caught.value.problems


def test_faults_without_a_share_have_the_common_rate_in_equal_parts() -> None:
    assert rates("F14,F21") == {"truncated-gzip": 0.1, "empty-page": 0.1}
    assert rates("F14, truncated-gzip=0.05 ,F21") == {"truncated-gzip": 0.05, "empty-page": 0.1}


def test_an_id_has_its_share_in_equal_parts() -> None:
    assert rates("f01=0.4") == dict.fromkeys(
        ["server-error-500", "unavailable-503", "bad-gateway-502", "gateway-timeout-504"], 0.1
    )


def test_an_id_stands_for_what_a_retry_cures_and_else_for_all() -> None:
    assert rates("F21=1") == {"empty-page": 1.0}
    assert rates("F03") == pytest.approx(
        {"bad-request-400": 1 / 3, "not-found-404": 1 / 3, "unprocessable-422": 1 / 3}
    )


def test_what_no_retry_cures_is_simply_on() -> None:
    assert rates("empty-page-always,F30,nan") == {"empty-page-always": 1.0, "revoked-token": 1.0, "nan": 1.0}


def test_records_take_all_faults_of_an_id() -> None:
    assert rates("F54") == dict.fromkeys(["nan", "float-overflow", "lone-surrogate", "duplicate-keys"], 1.0)


def test_logins_have_a_common_rate_of_their_own() -> None:
    assert rates("F14,login-503") == {"truncated-gzip": 0.2, "login-503": 0.2}


def test_pages_keep_a_fault_to_themselves() -> None:
    plan = FaultPlan(CATALOGUE, *_plan_of("F01=1@3-5,F14=1@7-"))
    met = [plan.draw(page, 1) for page in range(1, 10)]

    assert [bool(fault) for fault in met] == [False, False, True, True, True, False, True, True, True]


def _plan_of(text: str) -> tuple[dict[str, float], int, int, float, dict[str, list[object]]]:
    switches = parse_switches(text, CATALOGUE, 0.2)
    return switches.rates, 7, 1, 0.0, dict(switches.pages)


def test_shares_of_pages_that_do_not_meet_may_add_up_to_more_than_1() -> None:
    SimulatorSettings(faults="F01=1@1-3,F14=1@4-")
    with pytest.raises(ConfigurationError, match="add up to 2"):
        SimulatorSettings(faults="F01=1@1-4,F14=1@4-")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("truncated-gzp", "no fault is named 'truncated-gzp': did you mean 'truncated-gzip'?"),
        ("F99x", "no fault is named 'F99x'"),
        ("F01=2", "F01: its share must be from 0 to 1, but is '2'"),
        ("F01=1.2.3", "F01: its share must be from 0 to 1, but is '1.2.3'"),
        ("F01=nan", "'F01=nan' is no fault: write WHICH"),
        ("F01@0", "F01: the first page must be from 1"),
        ("F01@5-3", "F01: the page range 5-3 runs backwards"),
        ("F30=0.5", "F30 holds for the whole run: give it no share"),
        ("F35@3", "F35 belongs to no page"),
        ("F54@3", "F54 belongs to no page"),
    ],
)
def test_what_is_wrong_is_said(text: str, problem: str) -> None:
    assert refused(text)[0].startswith(problem)


def test_every_wrong_entry_is_named_at_once() -> None:
    assert len(refused("F01,nonsense,F02=7,F03,@")) == 3


@settings(max_examples=examples(200), deadline=None)
@given(st.text(alphabet="F0123456789=@-,. aempty", max_size=30) | st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = rates(text)
    except ConfigurationError:
        return
    assert all(0 <= rate <= 1 for rate in found.values())


def test_settings_read_faults_from_the_environment_in_place_of_the_three_rates() -> None:
    plan = load(SimulatorSettings, {"FAULTS": "F17,F21=0.1", "RATE_500": "0.3", "FAULT_RATE": "0.3"}).plan()
    assert plan.rates == pytest.approx({"html-page": 0.15, "empty-body": 0.15, "empty-page": 0.1})


@pytest.mark.parametrize("faults", ["F01=0.7,F14=0.7", "F22,F23", "nonsense"])
def test_settings_with_impossible_faults_name_the_setting(faults: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(SimulatorSettings, {"FAULTS": faults})
    assert [problem.partition(" ")[0] for problem in caught.value.problems] == ["FAULTS"]


def test_dials_are_settings() -> None:
    chosen = {"HUGE_BODY_BYTES": "5", "DRIP_SECONDS": "0.5", "TOKEN_USES": "9", "DRIFT_EVERY": "2"}
    dials = load(SimulatorSettings, chosen).plan().dials

    assert (dials.huge_body_bytes, dials.drip_seconds, dials.token_uses, dials.drift_every) == (5, 0.5, 9, 2)
    assert SimulatorSettings().plan().dials.huge_body_bytes == 2**30
