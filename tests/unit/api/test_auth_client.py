from __future__ import annotations

import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.auth_client import SHORTEST_LIFE, AuthClient, LoginLimits
from de_classes.api.messages import HttpResponse
from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientRuntime
from de_classes.errors import AuthenticationError, NetworkError, RetriesExhaustedError
from de_classes.redaction import shared_filter
from de_classes.utils.clock import ManualClock
from tests.fakes.transports import FakeTransport, scripted, token_response

if TYPE_CHECKING:
    from de_classes.api.messages import HttpRequest


def issuing(expires_in: object = 300) -> FakeTransport:
    numbers = count(1)
    return FakeTransport(lambda _: token_response(f"token-{next(numbers)}", expires_in))


def client(transport: FakeTransport, clock: ManualClock | None = None, **limits: Any) -> AuthClient:
    return AuthClient(
        auth_url="https://api.example/login",
        username="ada",
        password="hunter2",
        limits=LoginLimits(**limits),
        runtime=ClientRuntime(transport, clock or ManualClock()),
    )


def test_the_credentials_are_posted_as_json() -> None:
    transport = issuing()
    assert client(transport).get_token() == "token-1"
    request = transport.requests[0]
    assert (request.method, request.url) == ("POST", "https://api.example/login")
    assert json.loads(request.body or b"") == {"username": "ada", "password": "hunter2"}


def test_the_headers_are_the_standard_ones() -> None:
    assert client(issuing()).get_auth_headers() == {"Authorization": "Bearer token-1"}


@pytest.mark.parametrize("margin", [30.0, 60.0])
def test_a_token_is_kept_until_the_margin_before_its_end(margin: float) -> None:
    clock = ManualClock()
    auth = client(issuing(expires_in=300), clock, margin=margin)
    auth.get_token()
    clock.advance(300 - margin - 0.1)
    assert auth.get_token() == "token-1"
    clock.advance(0.1)
    assert auth.get_token() == "token-2"


def test_F29_expiry_during_a_wait_gives_a_new_token() -> None:
    clock = ManualClock()
    auth = client(issuing(expires_in=60), clock)
    auth.get_token()
    clock.sleep(3600)
    assert auth.get_token() == "token-2"


def test_the_time_the_login_took_counts_against_the_token() -> None:
    clock = ManualClock()

    def slow(_: HttpRequest) -> HttpResponse:
        clock.advance(100)
        return token_response(expires_in=120)

    transport = FakeTransport(slow)
    auth = client(transport, clock, margin=10.0)
    auth.get_token()
    clock.advance(10)
    auth.get_token()
    assert len(transport.requests) == 2


def test_F30_only_the_token_that_earned_the_401_is_dropped() -> None:
    auth = client(issuing())
    first = auth.get_token()
    auth.invalidate(first)
    second = auth.get_token()
    auth.invalidate(first)
    assert auth.get_token() == second == "token-2"


@pytest.mark.parametrize("threads", [8, 64])
def test_F31_many_threads_make_one_login(threads: int) -> None:
    together = threading.Barrier(threads)
    transport = issuing()
    auth = client(transport)

    def ask(_: int) -> str:
        together.wait()
        return auth.get_token()

    with ThreadPoolExecutor(threads) as pool:
        assert set(pool.map(ask, range(threads))) == {"token-1"}
    assert len(transport.requests) == auth.logins == 1


@pytest.mark.parametrize("expires_in", [0, -1, 1])
def test_F33_a_life_too_short_is_stretched_to_a_floor(expires_in: int) -> None:
    clock = ManualClock()
    transport = issuing(expires_in)
    auth = client(transport, clock)
    for _ in range(10):
        auth.get_token()
        clock.advance(SHORTEST_LIFE / 10.1)
    assert len(transport.requests) == 1


def test_F33_tokens_that_are_refused_as_soon_as_issued_have_a_cap() -> None:
    transport = issuing()
    auth = client(transport, max_logins=3)
    for _ in range(3):
        auth.invalidate(auth.get_token())
    with pytest.raises(AuthenticationError, match="3 tokens in a row"):
        auth.get_token()
    assert len(transport.requests) == 3


def test_F30_tokens_that_were_good_for_a_while_may_be_revoked_for_ever() -> None:
    clock = ManualClock()
    auth = client(issuing(), clock, max_logins=3)
    for _ in range(30):
        token = auth.get_token()
        clock.advance(60)
        auth.invalidate(token)
    assert auth.get_token() == "token-31"


def test_a_login_that_repeats_the_password_is_not_quoted() -> None:
    transport = FakeTransport(lambda request: HttpResponse(422, {}, request.body or b""))
    with pytest.raises(AuthenticationError) as caught:
        client(transport).get_token()
    assert "hunter2" not in str(caught.value)


def test_a_login_that_is_no_longer_wanted_is_given_up() -> None:
    stopped = threading.Event()
    stopped.set()
    transport = FakeTransport(lambda _: HttpResponse(503))
    with pytest.raises(RetriesExhaustedError):
        client(transport).get_token(stopped=stopped)
    assert len(transport.requests) == 1


def test_F35_a_login_that_fails_in_passing_is_retried() -> None:
    transport = scripted([HttpResponse(503), HttpResponse(429), NetworkError("timed out"), token_response()])
    assert client(transport).get_token() == "token-1"


def test_F35_a_login_that_never_comes_gives_up_in_the_end() -> None:
    transport = FakeTransport(lambda _: HttpResponse(503))
    with pytest.raises(RetriesExhaustedError, match="the login failed 3 times"):
        client(transport, retry_policy=RetryPolicy(max_attempts=3)).get_token()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_F36_a_refused_login_is_not_tried_again(status: int) -> None:
    transport = FakeTransport(lambda _: HttpResponse(status))
    with pytest.raises(AuthenticationError):
        client(transport).get_token()
    assert len(transport.requests) == 1


def test_F38_a_wall_clock_that_jumps_changes_nothing() -> None:
    clock = ManualClock()
    transport = issuing()
    auth = client(transport, clock)
    auth.get_token()
    clock.jump_wall_clock(86_400 * 365)
    auth.get_token()
    clock.jump_wall_clock(-86_400 * 730)
    auth.get_token()
    assert len(transport.requests) == 1


def test_a_failed_login_leaves_no_token_behind_and_can_be_made_again() -> None:
    transport = scripted([HttpResponse(401), token_response("late")])
    auth = client(transport)
    with pytest.raises(AuthenticationError):
        auth.get_token()
    assert auth.get_token() == "late"


def test_nothing_secret_is_shown() -> None:
    auth = AuthClient(
        "https://ada:hunter2@api.example/login?key=hunter2",
        "ada",
        "hunter2",
        runtime=ClientRuntime(issuing()),
    )
    auth.get_token()
    assert "hunter2" not in repr(auth)
    assert "token-1" not in repr(auth)


def test_the_login_says_that_it_sends_and_wants_json() -> None:
    transport = issuing()
    client(transport).get_token()
    headers = transport.requests[0].headers
    assert headers == {"Content-Type": "application/json", "Accept": "application/json"}


def test_by_default_a_token_is_replaced_half_a_minute_early_and_a_login_may_take_as_long() -> None:
    clock = ManualClock()
    transport = issuing(expires_in=300)
    auth = client(transport, clock)
    auth.get_token()
    clock.advance(269.9)
    assert auth.get_token() == "token-1"
    clock.advance(0.1)
    assert auth.get_token() == "token-2"
    assert transport.timeouts == [30.0, 30.0]


def test_by_default_ten_tokens_may_be_refused_in_a_row() -> None:
    auth = client(issuing())
    for _ in range(10):
        auth.invalidate(auth.get_token())
    with pytest.raises(AuthenticationError, match="10 tokens in a row"):
        auth.get_token()


def test_F33_a_short_token_is_used_for_half_its_life() -> None:
    clock = ManualClock()
    auth = client(issuing(expires_in=20), clock)
    auth.get_token()
    clock.advance(9.9)
    assert auth.get_token() == "token-1"
    clock.advance(0.1)
    assert auth.get_token() == "token-2"


def test_F33_a_token_without_a_life_is_used_for_five_seconds() -> None:
    clock = ManualClock()
    auth = client(issuing(expires_in=0), clock)
    auth.get_token()
    clock.advance(4.9)
    assert auth.get_token() == "token-1"
    clock.advance(0.1)
    assert auth.get_token() == "token-2"


def refuse(auth: AuthClient, clock: ManualClock, *, after: float) -> None:
    token = auth.get_token()
    clock.advance(after)
    auth.invalidate(token)


def test_F33_refusals_are_counted_from_the_issue_however_long_the_process_runs() -> None:
    clock = ManualClock()
    clock.advance(86_400)
    auth = client(issuing(), clock, max_logins=3)
    for _ in range(3):
        refuse(auth, clock, after=4.9)
    with pytest.raises(AuthenticationError):
        auth.get_token()


def test_F30_a_token_that_lasted_ends_the_row_of_refusals() -> None:
    clock = ManualClock()
    auth = client(issuing(), clock, max_logins=3)
    for after in (0.0, 0.0, 5.0, 0.0, 0.0, 0.0):
        refuse(auth, clock, after=after)
    with pytest.raises(AuthenticationError, match="3 tokens in a row"):
        auth.get_token()


@pytest.mark.parametrize("status", [403, 404, 422])
def test_F36_a_refusal_is_told_from_an_answer_without_a_token(status: int) -> None:
    with pytest.raises(AuthenticationError, match="the login was refused"):
        client(FakeTransport(lambda _: HttpResponse(status))).get_token()


def test_what_a_refused_login_answers_is_not_quoted_whatever_it_is() -> None:
    transport = FakeTransport(lambda _: HttpResponse(422, {}, b"you sent: a secret nobody masked"))
    with pytest.raises(AuthenticationError) as caught:
        client(transport).get_token()
    assert "nobody masked" not in str(caught.value)


def test_F35_a_login_is_retried_on_the_clients_clock_until_the_deadline() -> None:
    clock = ManualClock()
    transport = FakeTransport(lambda _: HttpResponse(503))
    policy = RetryPolicy(base=4.0, cap=4.0, jitter=False)
    with pytest.raises(RetriesExhaustedError):
        client(transport, clock, retry_policy=policy).get_token(deadline=9.0)
    assert clock.sleeps == [4.0, 4.0]
    assert transport.timeouts == [9.0, 5.0, 1.0]


def test_the_password_and_every_token_are_masked_wherever_they_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    transport = FakeTransport(lambda _: token_response("a-token-of-this-test"))
    auth = AuthClient(
        "https://api.example/login", "ada", "a-password-of-this-test", runtime=ClientRuntime(transport)
    )
    with caplog.at_level(logging.INFO):
        auth.get_token()
    masked = shared_filter().text("a-token-of-this-test a-password-of-this-test")
    assert "this-test" not in masked
    assert "logged in, token good for 300 s" in caplog.text
