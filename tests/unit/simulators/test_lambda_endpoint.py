from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from de_classes.errors import InvalidInputError
from de_classes.simulators.lambda_endpoint import LambdaEndpoint, to_proxy, to_request
from de_classes.simulators.messages import SimRequest, SimResponse, json_response
from de_classes.utils.clock import ManualClock
from de_classes.utils.lambda_events import request_id_of
from tests.fakes.effort import examples
from tests.fakes.simulators import ListLogger, get, issuer, unstable


def test_a_rest_event_full_of_nulls_is_read() -> None:
    event = {
        "httpMethod": "GET",
        "path": "/unstable/data",
        "headers": None,
        "multiValueHeaders": None,
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "requestContext": {"stage": "v1", "path": "/v1/unstable/data"},
        "body": None,
        "isBase64Encoded": False,
    }
    assert to_request(event) == SimRequest("GET", "/unstable/data")


def test_multi_value_fields_fill_in_and_the_last_value_counts() -> None:
    event = {
        "path": "/data",
        "multiValueHeaders": {"X-Seed": ["1", "2"], "Empty": []},
        "multiValueQueryStringParameters": {"page": ["1", "3"]},
    }
    request = to_request(event)

    assert request.headers["x-seed"] == "2"
    assert request.query == {"page": "3"}


def test_payload_2_loses_its_stage_and_only_that() -> None:
    event: dict[str, Any] = {
        "version": "2.0",
        "rawPath": "/v1/data",
        "requestContext": {"stage": "v1", "http": {"method": "get"}},
    }
    staged = to_request(event)
    event["requestContext"]["stage"] = "$default"
    default = to_request(event)

    assert (staged.method, staged.path, default.path) == ("GET", "/data", "/v1/data")


@pytest.mark.parametrize("stage", ["login", "data"])
def test_payload_1_never_loses_a_stage_that_its_path_does_not_have(stage: str) -> None:
    event = {"path": "/login", "requestContext": {"stage": stage}}
    assert to_request(event).path == "/login"


@pytest.mark.parametrize(
    ("event", "method", "body"),
    [
        ({"path": "/data"}, "GET", b""),
        ({"path": "/login", "body": "{}"}, "POST", b"{}"),
        ({"path": "/login", "body": {"username": "é"}}, "POST", '{"username":"é"}'.encode()),
        ({"path": "/x", "httpMethod": "delete", "body": "x"}, "DELETE", b"x"),
        (
            {"path": "/x", "body": base64.b64encode(b"\xff\x00").decode(), "isBase64Encoded": True},
            "POST",
            b"\xff\x00",
        ),
    ],
)
def test_a_hand_made_event_needs_little_more_than_a_path(
    event: dict[str, object], method: str, body: bytes
) -> None:
    request = to_request(event)
    assert (request.method, request.body) == (method, body)


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"path": None},
        {"path": 5},
        {"path": "/login", "body": "not base64!", "isBase64Encoded": True},
        {"path": "/login", "body": "\ud800"},
    ],
)
def test_what_is_no_request_is_a_typed_error(event: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError):
        to_request(event)


def test_an_answer_in_text_goes_as_text() -> None:
    proxy = to_proxy(json_response(200, {"ü": 1}))

    assert proxy["body"] == '{"ü":1}'
    assert (proxy["statusCode"], proxy["isBase64Encoded"]) == (200, False)
    assert isinstance(proxy["headers"], dict)


def test_an_answer_in_bytes_goes_as_base64() -> None:
    proxy = to_proxy(SimResponse(200, {}, b"\xff\xfe"))
    assert (proxy["body"], proxy["isBase64Encoded"]) == ("//4=", True)


def test_a_fault_of_the_wire_shows_as_a_broken_integration() -> None:
    assert to_proxy(SimResponse(200, wire=lambda _connection, _genuine: None))["statusCode"] == 502


def test_the_gateways_id_is_found_where_there_is_one() -> None:
    assert request_id_of({"requestContext": {"requestId": "r-1"}}) == "r-1"
    assert request_id_of({"requestContext": None}) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(
    [
        "path",
        "rawPath",
        "httpMethod",
        "headers",
        "queryStringParameters",
        "multiValueHeaders",
        "body",
        "isBase64Encoded",
        "requestContext",
        "multiValueQueryStringParameters",
    ]
)


@settings(max_examples=examples(200), deadline=None)
@given(st.dictionaries(KEYS, JSON))
def test_no_event_makes_the_endpoint_fail(event: dict[str, object]) -> None:
    endpoint = LambdaEndpoint(unstable(), ListLogger(), ManualClock())
    status = endpoint(event)["statusCode"]
    assert isinstance(status, int)
    assert 200 <= status < 500


def test_one_line_a_request_tells_its_outcome_and_no_secret() -> None:
    logger, clock, token = ListLogger(), ManualClock(), issuer().issue("demo")
    endpoint = LambdaEndpoint(unstable(rates={"rate-limit-429": 1.0}, jitter=0.5), logger, clock)
    event = {
        "path": "/unstable/data",
        "headers": {"Authorization": f"Bearer {token}"},
        "queryStringParameters": {"page": "2"},
        "requestContext": {"requestId": "r-1"},
    }

    endpoint(event)

    ((message, facts),) = logger.lines
    expected = {
        "route": "/data",
        "status": 429,
        "fault": "rate-limit-429",
        "page": 2,
        "limit": 100,
        "attempt": 1,
    }
    assert message == "request"
    assert {name: facts[name] for name in expected} == expected
    assert facts["request_id"] == "r-1"
    assert token not in repr(facts)


def test_the_delay_passes_on_the_clock() -> None:
    clock, simulator = ManualClock(), unstable(jitter=0.5)
    delay = unstable(jitter=0.5).handle(get("/data", issuer().issue("demo"))).delay
    endpoint = LambdaEndpoint(simulator, ListLogger(), clock)

    endpoint({"path": "/data", "headers": {"authorization": f"Bearer {issuer().issue('demo')}"}})
    endpoint({"path": "/health"})

    assert clock.sleeps == [delay]
