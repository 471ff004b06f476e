from __future__ import annotations

import pytest

from tests.fakes.simulators import as_json, get, issuer, unstable

TOKEN = issuer().issue("demo")


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
