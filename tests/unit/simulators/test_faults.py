from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from de_classes.errors import ConfigurationError
from de_classes.simulators.attempts import AttemptCounter
from de_classes.simulators.catalogue import CATALOGUE
from de_classes.simulators.faults import FaultPlan, FaultRegistry, uniform
from de_classes.simulators.messages import json_response
from de_classes.simulators.status_faults import (
    BAD_GATEWAY,
    GATEWAY_TIMEOUT,
    RATE_LIMIT,
    SERVER_ERROR,
    STATUS_FAULTS,
    UNAVAILABLE,
)

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
