from __future__ import annotations

import pytest

from de_classes.api.messages import HttpResponse
from de_classes.api.status import raise_for_status
from de_classes.errors import (
    AuthenticationError,
    CorruptResponseError,
    FatalError,
    ForeignOriginError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitedError,
    RequestRejectedError,
    TransientStatusError,
)

URL = "https://user:hunter2@api.example/v1/data?api_key=hunter2#frag"


def check(status: int, body: bytes = b"", **headers: str) -> None:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    raise_for_status(HttpResponse(status, names, body), url=URL, now=1_700_000_000.0)


def test_200_passes() -> None:
    check(200)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_F01_server_failures_are_transient(status: int) -> None:
    with pytest.raises(TransientStatusError) as caught:
        check(status)
    assert caught.value.status == status


def test_F01_a_503_may_ask_for_a_wait() -> None:
    with pytest.raises(TransientStatusError) as caught:
        check(503, retry_after="7")
    assert caught.value.retry_after == 7.0


def test_F02_a_request_timeout_is_transient() -> None:
    with pytest.raises(TransientStatusError):
        check(408)


@pytest.mark.parametrize("status", [400, 404, 405, 409, 410, 413, 422, 451])
def test_F03_client_errors_are_final_and_quote_the_answer(status: int) -> None:
    with pytest.raises(RequestRejectedError) as caught:
        check(status, b'{"error": "no such page"}' + b"x" * 5000)
    assert caught.value.status == status
    assert "no such page" in str(caught.value)
    assert len(caught.value.body) == 200


def test_F04_too_many_requests_carries_the_wait() -> None:
    with pytest.raises(RateLimitedError) as caught:
        check(429, retry_after="3")
    assert caught.value.retry_after == 3.0


@pytest.mark.parametrize("status", [423, 425, 520, 521, 522, 523, 524, 529, 530, 598, 599])
def test_F79_what_proxies_and_clients_say_is_transient(status: int) -> None:
    with pytest.raises(TransientStatusError) as caught:
        check(status, retry_after="7")
    assert (type(caught.value), caught.value.retry_after) == (TransientStatusError, 7.0)


@pytest.mark.parametrize("status", [418, 420, 429, 509])
def test_F79_slower_is_said_in_four_ways(status: int) -> None:
    with pytest.raises(RateLimitedError) as caught:
        check(status)
    assert (caught.value.status, caught.value.retry_after) == (status, None)


@pytest.mark.parametrize("status", [403, 409, 413])
def test_F79_a_refusal_that_names_a_time_is_waited_for(status: int) -> None:
    with pytest.raises(RateLimitedError) as caught:
        check(status, retry_after="60")
    assert caught.value.retry_after == 60.0


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1700001800"}, 1800.0),
        ({"x-rate-limit-remaining": "0", "x-rate-limit-reset": "1700000002"}, 2.0),
        ({"ratelimit": "limit=100, remaining=0, reset=5"}, 5.0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1900000000"}, None),
        ({"x-ratelimit-remaining": "0"}, None),
    ],
)
@pytest.mark.parametrize("status", [403, 429])
def test_F79_a_refusal_that_says_that_no_request_is_left_is_waited_for(
    status: int, headers: dict[str, str], wait: float | None
) -> None:
    with pytest.raises(RateLimitedError) as caught:
        check(status, **headers)
    assert caught.value.retry_after == wait


def test_F79_a_403_is_read_with_its_headers_and_its_body() -> None:
    with pytest.raises(PermissionDeniedError) as caught:
        check(403, b"<h1>Not you</h1>", x_ratelimit_remaining="17", www_authenticate="Bearer realm=x")
    assert "ask for access; it says <h1>Not you</h1>; www-authenticate: Bearer" in str(caught.value)


def test_F80_an_answer_that_is_not_there_yet_is_asked_for_again() -> None:
    with pytest.raises(TransientStatusError) as caught:
        check(202, retry_after="3")
    assert caught.value.retry_after == 3.0
    with pytest.raises(CorruptResponseError, match="not there yet"):
        check(202)


@pytest.mark.parametrize(("status", "said"), [(206, "a part of what"), (304, "If-None-Match")])
def test_F80_a_part_and_not_modified_are_clear_errors(status: int, said: str) -> None:
    with pytest.raises(ProtocolError, match=said):
        check(status)


def test_F86_a_date_is_measured_against_the_answers_own() -> None:
    with pytest.raises(TransientStatusError) as caught:
        check(503, date="Tue, 14 Nov 2000 22:13:20 GMT", retry_after="Tue, 14 Nov 2000 22:13:25 GMT")
    assert caught.value.retry_after == 5.0
    with pytest.raises(RateLimitedError) as limited:
        check(
            403,
            date="Sun, 09 Sep 2001 01:46:50 GMT",
            x_ratelimit_remaining="0",
            x_ratelimit_reset="1000000015",
        )
    assert limited.value.retry_after == 5.0


def test_401_is_about_credentials() -> None:
    with pytest.raises(AuthenticationError):
        check(401)


def test_F37_403_is_about_permission() -> None:
    with pytest.raises(PermissionDeniedError):
        check(403)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["https://evil.example/data?token=1", "http://api.example/v1/data"])
def test_F39_a_redirect_to_another_origin_is_refused(status: int, target: str) -> None:
    with pytest.raises(ForeignOriginError) as caught:
        check(status, location=target)
    assert "token=1" not in str(caught.value)


def test_F39_an_address_without_a_scheme_may_be_another_origin_too() -> None:
    with pytest.raises(ForeignOriginError, match=r"https://evil\.example/data"):
        check(307, location="//evil.example/data")


@pytest.mark.parametrize(
    ("target", "said"),
    [("/v2/data?key=hunter2", r"to https://api\.example/v2/data: configure"), ("", "names no address")],
)
def test_F81_a_redirect_that_is_not_followed_says_where_it_leads(target: str, said: str) -> None:
    with pytest.raises(ProtocolError, match=said) as caught:
        check(307, location=target)
    assert type(caught.value) is ProtocolError
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("status", [100, 201, 204, 206, 304, 399, 501, 505, 526, 999])
def test_any_other_status_is_fatal(status: int) -> None:
    with pytest.raises(FatalError):
        check(status)


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 408, 429, 500])
def test_no_error_shows_what_is_secret_in_the_url(status: int) -> None:
    with pytest.raises(Exception, match=r"api\.example/v1/data answered") as caught:
        check(status)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "kind"), [(204, ProtocolError), (399, ProtocolError), (400, RequestRejectedError)]
)
def test_success_of_another_kind_is_no_refusal(status: int, kind: type[FatalError]) -> None:
    with pytest.raises(FatalError) as caught:
        check(status)
    assert type(caught.value) is kind


def test_F03_an_answer_that_is_no_text_is_quoted_all_the_same() -> None:
    with pytest.raises(RequestRejectedError, match="no \N{REPLACEMENT CHARACTER} page"):
        check(404, b"no \xff page")


def test_an_answer_that_may_repeat_a_secret_is_not_quoted() -> None:
    response = HttpResponse(422, {}, b"the password was hunter2")
    with pytest.raises(RequestRejectedError, match="is not quoted") as caught:
        raise_for_status(response, url=URL, now=0.0, quote=False)
    assert "the password" not in caught.value.body
