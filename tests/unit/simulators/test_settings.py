from __future__ import annotations

import pytest

from de_classes.configs.settings import load
from de_classes.errors import ConfigurationError
from de_classes.simulators.settings import SimulatorSettings

ALL = {
    "AUTH_SECRET_ID": "ignored",
    "CREDENTIALS_SECRET_ID": "c",
    "SIGNING_SECRET_ID": "s",
    "TOKEN_LIFE_SECONDS": "60",
    "RATE_500": "0.25",
    "RATE_503": "0",
    "RATE_429": "0.5",
    "RETRY_AFTER_SECONDS": "2",
    "JITTER_SECONDS": "0.75",
    "SEED": "9",
    "TOTAL_RECORDS": "123",
    "MAX_LIMIT": "50",
    "MAX_PAGE_BYTES": "9000",
    "ALLOW_OVERRIDES": "true",
    "RECORDS_URI": "s3://bucket/key",
}


def test_every_setting_is_read_from_the_environment() -> None:
    assert load(SimulatorSettings, ALL) == SimulatorSettings(
        credentials_secret_id="c",
        signing_secret_id="s",
        token_life_seconds=60,
        rate_500=0.25,
        rate_503=0.0,
        rate_429=0.5,
        retry_after_seconds=2,
        jitter_seconds=0.75,
        seed=9,
        total_records=123,
        max_limit=50,
        max_page_bytes=9000,
        allow_overrides=True,
        records_uri="s3://bucket/key",
    )


def test_an_empty_environment_gives_the_defaults() -> None:
    assert load(SimulatorSettings, {"RECORDS_URI": "", "SEED": ""}) == SimulatorSettings()


def test_the_plan_is_made_of_the_settings() -> None:
    plan = load(SimulatorSettings, ALL).plan()

    assert plan.rates == {"server-error-500": 0.25, "unavailable-503": 0.0, "rate-limit-429": 0.5}
    assert (plan.seed, plan.retry_after, plan.jitter) == (9, 2, 0.75)


def test_every_problem_is_named_at_once() -> None:
    wrong = {
        "TOKEN_LIFE_SECONDS": "0",
        "RATE_500": "much",
        "RATE_429": "1.5",
        "RETRY_AFTER_SECONDS": "-1",
        "JITTER_SECONDS": "21",
        "SEED": "1.5",
        "TOTAL_RECORDS": "-1",
        "MAX_LIMIT": "0",
        "ALLOW_OVERRIDES": "perhaps",
    }
    with pytest.raises(ConfigurationError) as caught:
        load(SimulatorSettings, wrong)

    assert {each.partition(" ")[0] for each in caught.value.problems} == set(wrong)


def test_rates_that_add_up_to_more_than_certainty_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="add up to"):
        load(SimulatorSettings, {"RATE_500": "0.6", "RATE_429": "0.6"})


def test_thirds_add_up_to_certainty() -> None:
    third = 1 / 3
    assert SimulatorSettings(rate_500=third, rate_503=third, rate_429=third).plan().draw(1, 1) is not None
