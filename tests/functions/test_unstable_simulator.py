from __future__ import annotations

import io
import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from aws_lambda_powertools.logging import Logger

from de_classes.errors import ConfigurationError
from de_classes.utils.clock import ManualClock
from functions.unstable_simulator import app
from tests.fakes.events import STANDING, load_event, names
from tests.fakes.simulators import ENVIRONMENT, FakeSecrets, ListLogger, issuer

if TYPE_CHECKING:
    from pathlib import Path

    from de_classes.simulators.lambda_endpoint import LambdaEndpoint

CALM = {**ENVIRONMENT, "RATE_500": "0", "RATE_503": "0", "RATE_429": "0", "JITTER_SECONDS": "0"}
EXPECTED = {
    "first_page": 200,
    "past_the_end": 200,
    "bad_page_and_limit": 400,
    "page_by_function_url": 200,
    "page_by_hand": 200,
    "page_without_token": 401,
    "page_unsigned_token": 401,
    "health": 200,
}


def ask(handler: LambdaEndpoint, clock: ManualClock, name: str = "first_page") -> dict[str, object]:
    return handler(load_event("unstable_simulator", name, issuer(clock).issue("demo")), None)


def test_every_event_has_its_expectation() -> None:
    assert names("unstable_simulator") == set(EXPECTED)


@pytest.mark.parametrize(("name", "status"), EXPECTED.items())
def test_an_event_as_it_stands_is_answered_by_what_plain_sam_local_tells(name: str, status: int) -> None:
    secrets = json.loads(STANDING["SAM_LOCAL"])["secrets"]
    handler = app.build({**CALM, **STANDING}, secrets.__getitem__, logger=ListLogger())
    assert handler(load_event("unstable_simulator", name), None)["statusCode"] == status


@pytest.mark.parametrize(("name", "status"), EXPECTED.items())
def test_an_event_is_answered_and_logged(name: str, status: int) -> None:
    logger, clock = ListLogger(), ManualClock()
    handler = app.build(CALM, FakeSecrets(), logger=logger, clock=clock)

    answer = ask(handler, clock, name)

    ((message, facts),) = logger.lines
    assert (answer["statusCode"], facts["status"]) == (status, status)
    assert (message, facts["route"]) == ("request", "/health" if name == "health" else "/data")


@pytest.mark.parametrize(
    ("name", "page", "limit", "records"),
    [
        ("first_page", 1, 10, 10),
        ("past_the_end", 99999, 10, 0),
        ("page_by_function_url", 2, 5, 5),
        ("page_by_hand", 1, 100, 100),
    ],
)
def test_a_page_event_gets_its_page(name: str, page: int, limit: int, records: int) -> None:
    clock = ManualClock()
    answer = ask(app.build(CALM, FakeSecrets(), logger=ListLogger(), clock=clock), clock, name)
    body = json.loads(str(answer["body"]))

    assert (body["page"], body["limit"], len(body["data"]), body["total_records"]) == (
        page,
        limit,
        records,
        1000,
    )


def test_outcomes_can_be_counted_from_the_log_lines() -> None:
    clock, stream = ManualClock(), io.StringIO()
    logger = Logger(service="unstable-simulator-test", stream=stream, level="INFO")
    settings = {
        **ENVIRONMENT,
        "RATE_500": "0.2",
        "RATE_503": "0.2",
        "RATE_429": "0.2",
        "JITTER_SECONDS": "0.1",
    }
    handler = app.build(settings, FakeSecrets(), logger=logger, clock=clock)
    token = issuer(clock).issue("demo")
    by_hand = [{"path": "/data", "queryStringParameters": {"page": str(number)}} for number in range(1, 101)]
    events = [{**event, "headers": {"Authorization": f"Bearer {token}"}} for event in by_hand * 2]
    statuses = Counter(handler(event)["statusCode"] for event in events)

    lines = [json.loads(line) for line in stream.getvalue().splitlines()]

    assert Counter(line["status"] for line in lines) == statuses
    assert set(statuses) == {200, 429, 500, 503}
    assert all(("fault" in line) == (line["status"] != 200) for line in lines)
    assert {line["page"] for line in lines} == set(range(1, 101))
    assert {line["attempt"] for line in lines} == {1, 2}
    assert token not in stream.getvalue()
    assert len(clock.sleeps) == 200


def test_the_users_records_are_served_byte_for_byte(tmp_path: Path) -> None:
    line = '{"id": 9007199254740993,  "ü": 1.50}'
    path = tmp_path / "mine.jsonl"
    path.write_text(line + "\n", encoding="utf-8")
    clock = ManualClock()
    handler = app.build({**CALM, "RECORDS_URI": str(path)}, FakeSecrets(), logger=ListLogger(), clock=clock)

    assert str(ask(handler, clock)["body"]).endswith(f'"data":[{line}]}}')


def test_wrong_settings_are_all_named() -> None:
    wrong = {**CALM, "RATE_429": "2", "MAX_LIMIT": "0", "JITTER_SECONDS": "x"}
    with pytest.raises(ConfigurationError) as caught:
        app.build(wrong, FakeSecrets())

    assert {each.partition(" ")[0] for each in caught.value.problems} == {
        "RATE_429",
        "MAX_LIMIT",
        "JITTER_SECONDS",
    }


def test_without_a_signing_key_nothing_is_served() -> None:
    with pytest.raises(ConfigurationError, match="SIGNING_SECRET_ID"):
        app.build({}, FakeSecrets())
