from __future__ import annotations

import json
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from de_classes.simulators.catalogue import CATALOGUE
from de_classes.simulators.messages import SimRequest
from de_classes.simulators.openapi import MAX_PAGE
from de_classes.simulators.status_faults import RATE_LIMIT, SERVER_ERROR, UNAVAILABLE
from tests.fakes.effort import examples
from tests.fakes.simulators import as_json, get, issuer, unstable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from de_classes.simulators.messages import SimResponse
    from de_classes.simulators.unstable_service import UnstableSimulator

TOKEN = issuer().issue("demo")
RATES = {SERVER_ERROR.name: 0.15, UNAVAILABLE.name: 0.1, RATE_LIMIT.name: 0.15}
ALWAYS_429 = {RATE_LIMIT.name: 1.0}


def page(number: int, limit: int = 100) -> SimRequest:
    return get("/data", TOKEN, page=str(number), limit=str(limit))


def fetch(simulator: UnstableSimulator, number: int) -> list[str | None]:
    """Ask until the page is served; the faults met on the way, in order."""
    met: list[str | None] = []
    while not met or met[-1] is not None:
        met.append(simulator.handle(page(number)).outcome.fault)
    return met


def fetch_all(simulator: UnstableSimulator, numbers: Iterable[int]) -> dict[int, list[str | None]]:
    return {number: fetch(simulator, number) for number in numbers}


def problems(answer: SimResponse) -> list[str]:
    found = as_json(answer)["problems"]
    assert isinstance(found, list)
    return found


def test_a_page_has_its_place_its_totals_and_its_records() -> None:
    body = as_json(unstable(count=250).handle(page(3)))
    data = body.pop("data")

    assert body == {"page": 3, "limit": 100, "total_pages": 3, "total_records": 250}
    assert isinstance(data, list)
    assert [record["id"] for record in data] == list(range(201, 251))


def test_page_and_limit_have_defaults() -> None:
    body = as_json(unstable(count=250).handle(get("/data", TOKEN)))
    assert (body["page"], body["limit"]) == (1, 100)


def test_the_default_limit_bows_to_the_largest_one() -> None:
    assert as_json(unstable(max_limit=20).handle(get("/data", TOKEN)))["limit"] == 20


def test_all_pages_together_are_all_records_once() -> None:
    simulator = unstable(count=1003)
    ids = [
        record["id"]
        for number in range(1, 12)
        for record in json.loads(simulator.handle(page(number)).body)["data"]
    ]
    assert ids == list(range(1, 1004))


@pytest.mark.parametrize("number", [4, 5, 1000, MAX_PAGE])
def test_F28_beyond_the_end_a_page_is_empty_and_its_totals_are_right(number: int) -> None:
    answer = unstable(count=250).handle(page(number))

    assert answer.status == 200
    assert as_json(answer) == {
        "page": number,
        "limit": 100,
        "total_pages": 3,
        "total_records": 250,
        "data": [],
    }


def test_no_records_are_no_pages() -> None:
    body = as_json(unstable(count=0).handle(page(1)))
    assert (body["total_pages"], body["total_records"], body["data"]) == (0, 0, [])


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "one", "", " 1", "+1", "1e3", "٣", "9" * 5000, "0x1"])
def test_a_bad_page_is_400_with_the_reason(text: str) -> None:
    answer = unstable().handle(get("/data", TOKEN, page=text))

    assert answer.status == 400
    assert problems(answer) == [f"page must be a whole number from 1 to {MAX_PAGE}"]


def test_every_bad_parameter_is_named_at_once() -> None:
    answer = unstable(max_limit=500).handle(get("/data", TOKEN, page="x", limit="501"))

    assert answer.status == 400
    assert [each.partition(" ")[0] for each in problems(answer)] == ["page", "limit"]


def test_a_page_beyond_the_size_bound_is_refused_before_it_breaks_the_carrier() -> None:
    answer = unstable(max_page_bytes=5000).handle(page(1))

    assert answer.status == 400
    assert problems(answer)[0].startswith("limit is too large")


def test_without_a_token_there_is_nothing_not_even_a_reason() -> None:
    answer = unstable().handle(get("/data", page="x"))
    assert (answer.status, answer.outcome.page) == (401, None)


def test_a_refused_token_does_not_use_up_a_try() -> None:
    simulator = unstable(rates=RATES)
    simulator.handle(get("/data", "forged", page="1"))

    assert simulator.handle(page(1)).outcome.attempt == 1


def test_F01_F04_any_order_meets_the_same_faults() -> None:
    numbers = list(range(1, 101))
    shuffled = random.Random(3).sample(numbers, len(numbers))  # noqa: S311 - an order, not a secret

    forward, turned = fetch_all(unstable(rates=RATES), numbers), fetch_all(unstable(rates=RATES), shuffled)

    assert forward == turned
    assert sum(len(met) > 1 for met in forward.values()) > 20


def test_F01_F04_any_concurrency_meets_the_same_faults() -> None:
    numbers = list(range(1, 101))
    simulator = unstable(rates=RATES)
    with ThreadPoolExecutor(32) as pool:
        threaded = dict(zip(numbers, pool.map(lambda each: fetch(simulator, each), numbers), strict=True))

    assert threaded == fetch_all(unstable(rates=RATES), numbers)


def test_a_second_run_meets_the_same_faults_again() -> None:
    simulator = unstable(rates=RATES)
    first = fetch_all(simulator, range(1, 51))

    assert fetch_all(simulator, range(1, 51)) == first


def test_requests_are_as_many_as_arithmetic_says() -> None:
    # A page that fails with chance p takes 1 / (1 - p) tries.
    pages, chance = 5000, sum(RATES.values())
    tries = sum(len(met) for met in fetch_all(unstable(rates=RATES), range(1, pages + 1)).values())
    sigma = (pages * chance) ** 0.5 / (1 - chance)

    assert abs(tries - pages / (1 - chance)) < 4 * sigma


def test_each_fault_shows_its_status_and_name_in_the_outcome() -> None:
    simulator = unstable(rates=RATES)
    seen = Counter(
        (answer.status, answer.outcome.fault) for answer in map(simulator.handle, map(page, range(1, 301)))
    )
    assert set(seen) == {
        (200, None),
        (500, SERVER_ERROR.name),
        (503, UNAVAILABLE.name),
        (429, RATE_LIMIT.name),
    }


def test_F04_retry_after_is_on_429_alone() -> None:
    simulator = unstable(rates=RATES)
    answers = [simulator.handle(page(number)) for number in range(1, 301)]

    assert {answer.headers.get("Retry-After") for answer in answers if answer.status == 429} == {"3"}
    assert not any("Retry-After" in answer.headers for answer in answers if answer.status != 429)


def test_jitter_delays_and_the_outcome_tells_the_try() -> None:
    answer = unstable(jitter=0.5).handle(page(2))

    assert 0 < answer.delay < 0.5
    assert (answer.outcome.page, answer.outcome.limit, answer.outcome.attempt) == (2, 100, 1)
    assert (answer.outcome.service, answer.outcome.route) == ("unstable", "/data")


def test_overrides_are_ignored_unless_switched_on() -> None:
    request = get("/data", TOKEN, headers={"X-Fault-Rate-429": "1", "X-Attempt": "nonsense"})
    assert unstable().handle(request).status == 200


@pytest.mark.parametrize(
    ("headers", "query"), [({"x-fault-rate-429": "1"}, {}), ({}, {"fault_rate_429": "1"})]
)
def test_an_override_sets_the_rate_of_one_request(headers: dict[str, str], query: dict[str, str]) -> None:
    simulator = unstable(overrides=True)

    assert simulator.handle(get("/data", TOKEN, headers=headers, **query)).status == 429
    assert simulator.handle(page(1)).status == 200


def test_an_override_of_the_attempt_takes_the_place_of_the_count() -> None:
    # Two instances that share no memory, asked in turn, play the faults of one.
    one, instances = unstable(rates=RATES), [unstable(rates=RATES, overrides=True) for _ in range(2)]
    expected = [fetch(one, number) for number in range(1, 51)]

    met = [
        [
            instances[attempt % 2]
            .handle(get("/data", TOKEN, page=str(number), headers={"X-Attempt": str(attempt)}))
            .outcome.fault
            for attempt in range(1, len(faults) + 1)
        ]
        for number, faults in enumerate(expected, start=1)
    ]

    assert met == expected


def test_an_override_of_seed_retry_after_and_jitter() -> None:
    simulator = unstable(overrides=True, rates=ALWAYS_429)
    headers = {"X-Seed": "8", "X-Retry-After": "11", "X-Jitter": "2"}
    answer = simulator.handle(get("/data", TOKEN, headers=headers))

    assert answer.headers["Retry-After"] == "11"
    assert 0 < answer.delay < 2


def test_bad_overrides_are_400_and_each_is_named() -> None:
    headers = {"X-Fault-Rate-429": "2", "X-Seed": "x", "X-Attempt": "0", "X-Jitter": "nan"}
    answer = unstable(overrides=True).handle(get("/data", TOKEN, headers=headers, page="0"))

    assert answer.status == 400
    assert [each.partition(" ")[0] for each in problems(answer)] == [
        "page",
        "attempt",
        "seed",
        "jitter",
        "rates.429",
    ]


def test_overrides_that_add_up_to_more_than_certainty_are_400() -> None:
    headers = {"X-Fault-Rate-429": "0.6", "X-Fault-Rate-500": "0.6"}
    assert unstable(overrides=True).handle(get("/data", TOKEN, headers=headers)).status == 400


@pytest.mark.parametrize("path", ["/unstable/data", "/data"])
def test_the_mount_and_the_bare_path_answer_alike(path: str) -> None:
    assert unstable().handle(get(path, TOKEN)).status == 200


def test_another_method_is_405() -> None:
    answer = unstable().handle(SimRequest("POST", "/data"))
    assert (answer.status, answer.headers["Allow"]) == (405, "GET")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("404", b'"error":"not_found"'),
        ("html-page", b"<!doctype html>"),
        ("total-null", b'"total_pages":null'),
        ("same-page", b'"id":1,'),
    ],
)
def test_an_override_sets_any_fault_of_an_answer_or_a_page(name: str, text: bytes) -> None:
    simulator = unstable(overrides=True)
    answer = simulator.handle(get("/data", TOKEN, page="2", headers={f"X-Fault-Rate-{name}": "1"}))

    assert text in answer.body
    assert text not in simulator.handle(page(2)).body


def test_an_override_cannot_change_logins_tokens_or_records() -> None:
    names = ["login-503", "token-null", "revoked-token", "nan"]
    headers = {f"X-Fault-Rate-{name}": "1" for name in names}
    answer = unstable(overrides=True).handle(get("/data", TOKEN, headers=headers))

    assert (answer.status, answer.outcome.fault, answer.outcome.modes) == (200, None, ())


FAULTS = st.dictionaries(st.sampled_from([fault.name for fault in CATALOGUE]), st.just(1 / 12), max_size=12)


@settings(max_examples=examples(200), deadline=None)
@given(FAULTS, st.integers(0, 30), st.integers(1, 40), st.integers(1, 40), st.sampled_from([None, 500]))
def test_no_mix_of_faults_makes_the_simulator_fail(
    rates: dict[str, float], count: int, number: int, limit: int, most: int | None
) -> None:
    simulator = unstable(count=count, rates=rates, max_page_bytes=most)
    for _ in range(3):
        answer = simulator.handle(page(number, limit))
        assert 200 <= answer.status < 600
        assert all(name in rates for name in (answer.outcome.fault, *answer.outcome.modes) if name)


@pytest.mark.parametrize("name", ["pgae", "PAGE", "offset", "fault_rate_500", "x" * 1000])
def test_a_parameter_that_is_none_is_told_rather_than_ignored(name: str) -> None:
    """Ignored, it would be answered with the first page, over and over."""
    answer = unstable().handle(get("/data", TOKEN, **{name: "2"}))
    assert answer.status == 400
    assert as_json(answer)["problems"] == ["the parameters are page and limit; there is another one"]


@pytest.mark.parametrize("name", ["fault_rate_nothing", "attempt", "seed"])
def test_where_faults_by_request_are_on_their_parameters_are_some(name: str) -> None:
    assert unstable(overrides=True).handle(get("/data", TOKEN, **{name: "1"})).status == 200


def test_a_stranger_is_one_there_too() -> None:
    assert unstable(overrides=True).handle(get("/data", TOKEN, fault="1")).status == 400
