from __future__ import annotations

from typing import Any

import pytest

from de_classes.api.messages import HttpResponse
from de_classes.api.status import ErrorRule, verdict
from de_classes.errors import (
    AuthenticationError,
    RateLimitedError,
    RequestRejectedError,
    TransientStatusError,
)

URL = "https://api.example/items"
NOW = 1_800_000_000.0


def judged(
    rule: ErrorRule, response: HttpResponse, answer: Any = None, wait: float | None = None
) -> str | None:
    return verdict((rule,), response, answer, url=URL, now=NOW, default_wait=wait)


SLACK = ErrorRule(
    when="ok == `false`",
    message="error",
    rate_limited=("ratelimited",),
    unauthorized=("invalid_auth",),
    retry=("internal_error",),
)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("ratelimited", RateLimitedError),
        ("invalid_auth", AuthenticationError),
        ("internal_error", TransientStatusError),
        ("channel_not_found", RequestRejectedError),
    ],
)
def test_F63_an_error_in_a_200_is_what_its_kind_says(said: str, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=f"answered 200, {said}"):
        judged(SLACK, HttpResponse(200), {"ok": False, "error": said})


def test_an_answer_that_no_rule_fits_is_not_judged() -> None:
    assert judged(SLACK, HttpResponse(200), {"ok": True}) is None
    assert judged(ErrorRule(status=(403,), action="rate_limit"), HttpResponse(429)) is None
    assert (
        judged(ErrorRule(header={"x-left": "0"}, action="rate_limit"), HttpResponse(403, {"x-left": "1"}))
        is None
    )


def test_F79_a_403_with_none_left_is_a_limit_and_waits_until_it_is_over() -> None:
    rule = ErrorRule(
        status=(403, 429),
        header={"x-left": "0"},
        action="rate_limit",
        retry_after="x-reset",
        message="message",
    )
    response = HttpResponse(403, {"x-left": "0", "x-reset": str(NOW + 30)})
    with pytest.raises(RateLimitedError) as caught:
        judged(rule, response, {"message": "too fast"})
    assert caught.value.retry_after == 30


@pytest.mark.parametrize(
    ("headers", "own", "default", "wait"),
    [
        ({"retry-after": "3"}, 60.0, 10.0, 3.0),
        ({}, 60.0, 10.0, 60.0),
        ({}, None, 10.0, 10.0),
        ({}, None, None, None),
    ],
)
def test_the_wait_is_the_answer_s_then_the_rule_s_then_the_source_s(
    headers: dict[str, str], own: float | None, default: float | None, wait: float | None
) -> None:
    with pytest.raises(RateLimitedError) as caught:
        judged(
            ErrorRule(status=(429,), action="rate_limit", wait=own), HttpResponse(429, headers), None, default
        )
    assert caught.value.retry_after == wait


@pytest.mark.parametrize("action", ["empty", "ignore"])
def test_what_is_no_failure_is_handed_on(action: str) -> None:
    assert judged(ErrorRule(status=(404,), action=action), HttpResponse(404)) == action  # type: ignore[arg-type]


def test_the_first_rule_that_fits_counts() -> None:
    rules = (ErrorRule(status=(404,), action="empty"), ErrorRule(status=(404,), action="fail"))
    assert verdict(rules, HttpResponse(404), None, url=URL, now=NOW) == "empty"
