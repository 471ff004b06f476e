from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from de_classes.configs.settings import load
from de_classes.errors import ConfigurationError
from de_classes.simulators.catalogue import CATALOGUE
from de_classes.simulators.faults import FaultPlan, FaultRegistry, parse_switches, uniform
from de_classes.simulators.messages import json_response
from de_classes.simulators.settings import SimulatorSettings
from de_classes.simulators.status_faults import (
    BAD_GATEWAY,
    GATEWAY_TIMEOUT,
    RATE_LIMIT,
    SERVER_ERROR,
    STATUS_FAULTS,
    UNAVAILABLE,
)
from de_classes.simulators.unstable_service import AttemptCounter
from tests.fakes.effort import examples

RATES = {SERVER_ERROR.name: 0.1, UNAVAILABLE.name: 0.05, RATE_LIMIT.name: 0.15}
PLAN = FaultPlan(CATALOGUE, RATES, seed=7, retry_after=3, jitter=0.5)


def drawn(plan: FaultPlan, tries: list[tuple[int, int]]) -> dict[tuple[int, int], str | None]:
    faults = {each: plan.draw(*each) for each in tries}
    return {each: fault.name if fault else None for each, fault in faults.items()}


TRIES = [(page, attempt) for page in range(1, 201) for attempt in range(1, 6)]


def test_the_draw_is_the_same_in_any_order_and_in_threads() -> None:
    shuffled = random.Random(1).sample(TRIES, len(TRIES))  # noqa: S311 - an order, not a secret
    with ThreadPoolExecutor(8) as pool:
        threaded = dict(zip(TRIES, pool.map(lambda each: drawn(PLAN, [each])[each], TRIES), strict=True))

    assert drawn(PLAN, TRIES) == drawn(PLAN, shuffled) == threaded


def test_the_draw_never_changes_between_versions() -> None:
    # A seed that somebody wrote down must mean the same for ever.
    assert [uniform(7, "fault", page, 1) for page in (1, 2, 3)] == [
        0.9346547727357873,
        0.6638764721671464,
        0.8625240971337791,
    ]


def test_rates_are_met_within_chance() -> None:
    pages = 20_000
    names = list(drawn(PLAN, [(page, 1) for page in range(1, pages + 1)]).values())

    for name, rate in RATES.items():
        sigma = (pages * rate * (1 - rate)) ** 0.5
        assert abs(names.count(name) - pages * rate) < 4 * sigma


def test_tries_of_one_page_are_drawn_afresh() -> None:
    # A page that fails once with chance p fails again with chance p, no more and no less.
    pages = 20_000
    failed_twice = sum(bool(PLAN.draw(page, 1) and PLAN.draw(page, 2)) for page in range(1, pages + 1))
    expected = pages * 0.3 * 0.3

    assert abs(failed_twice - expected) < 4 * (expected * 0.91) ** 0.5


def test_another_seed_draws_others() -> None:
    assert drawn(PLAN, TRIES) != drawn(replace(PLAN, seed=8), TRIES)


def test_the_order_in_which_rates_are_given_does_not_matter() -> None:
    turned = replace(PLAN, rates=dict(reversed(RATES.items())))
    assert drawn(PLAN, TRIES) == drawn(turned, TRIES)


@pytest.mark.parametrize(("rate", "name"), [(0.0, None), (1.0, SERVER_ERROR.name)])
def test_never_and_always_mean_what_they_say(rate: float, name: str | None) -> None:
    plan = FaultPlan(CATALOGUE, {SERVER_ERROR.name: rate})
    assert set(drawn(plan, TRIES).values()) == {name}


def test_rates_that_add_up_to_1_leave_nothing_through() -> None:
    plan = FaultPlan(CATALOGUE, {SERVER_ERROR.name: 0.7, UNAVAILABLE.name: 0.2, RATE_LIMIT.name: 0.1})
    assert None not in drawn(plan, TRIES).values()


@pytest.mark.parametrize(
    "rates", [{"no-such-fault": 0.1}, {SERVER_ERROR.name: -0.1}, {SERVER_ERROR.name: 1.1}]
)
def test_an_impossible_plan_is_refused(rates: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        FaultPlan(CATALOGUE, rates)


def test_rates_beyond_certainty_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="more than 1"):
        FaultPlan(CATALOGUE, {SERVER_ERROR.name: 0.6, UNAVAILABLE.name: 0.6})


def test_delays_lie_between_nothing_and_the_jitter_and_repeat() -> None:
    delays = [PLAN.delay(*each) for each in TRIES]

    assert all(0 <= delay < 0.5 for delay in delays)
    assert max(delays) > 0.4
    assert delays == [PLAN.delay(*each) for each in TRIES]
    assert replace(PLAN, jitter=0.0).delay(1, 1) == 0.0


def test_a_registry_finds_faults_by_name_and_by_catalogue_id() -> None:
    assert CATALOGUE.named("rate-limit-429") is RATE_LIMIT
    assert CATALOGUE.numbered("F01") == (SERVER_ERROR, UNAVAILABLE, BAD_GATEWAY, GATEWAY_TIMEOUT)
    assert CATALOGUE.numbered("F99") == ()


def test_a_registry_refuses_two_faults_of_one_name() -> None:
    with pytest.raises(ConfigurationError):
        FaultRegistry((*STATUS_FAULTS, SERVER_ERROR))


def test_every_fault_of_the_catalogue_says_what_it_is() -> None:
    assert all(fault.catalogue_ids and fault.summary for fault in CATALOGUE)
    assert len({fault.override for fault in CATALOGUE}) == len(list(CATALOGUE))


@pytest.mark.parametrize(("fault", "status"), [(SERVER_ERROR, 500), (UNAVAILABLE, 503)])
def test_F01_a_server_error_has_its_status_and_no_records(fault: object, status: int) -> None:
    chosen = next(each for each in STATUS_FAULTS if each is fault)

    answer = chosen.play(PLAN.context(1, 1), lambda: json_response(200, b'{"data":[1]}'))

    assert answer.status == status
    assert b"data" not in answer.body
    assert "Retry-After" not in answer.headers


def test_F04_a_rate_limit_says_how_long_to_wait() -> None:
    answer = RATE_LIMIT.play(PLAN.context(1, 1), lambda: json_response(200, {}))

    assert (answer.status, answer.headers["Retry-After"]) == (429, "3")


def test_tries_count_up_until_a_page_is_served() -> None:
    counter = AttemptCounter()
    tries = [counter.next(1, 100) for _ in range(3)]
    other_limit, other_page = counter.next(1, 50), counter.next(2, 100)
    counter.served(1, 100)

    assert tries == [1, 2, 3]
    assert (other_limit, other_page, counter.next(1, 100)) == (1, 1, 1)


def test_tries_are_counted_once_each_among_threads() -> None:
    counter = AttemptCounter()
    with ThreadPoolExecutor(16) as pool:
        tries = list(pool.map(lambda _: counter.next(1, 100), range(1000)))

    assert sorted(tries) == list(range(1, 1001))


def test_pages_that_are_never_served_do_not_pile_up() -> None:
    counter = AttemptCounter(max_pages=10)
    for page in range(1000):
        counter.next(page, 100)

    assert counter.next(999, 100) == 2
    assert counter.next(5, 100) == 1


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
    parameters = load(SimulatorSettings, chosen).plan().parameters

    assert (
        parameters.huge_body_bytes,
        parameters.drip_seconds,
        parameters.token_uses,
        parameters.drift_every,
    ) == (5, 0.5, 9, 2)
    assert SimulatorSettings().plan().parameters.huge_body_bytes == 2**30
