from __future__ import annotations

import json
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from de_classes.api.auth.kept_secrets import CLOCK_SKEW, KeptTokens
from de_classes.api.auth.oauth2 import OAuth2Auth
from de_classes.api.auth.rotation import LEASE_SPARE, RotatingTokenScheme
from de_classes.api.messages import HttpRequest, HttpResponse
from de_classes.errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidTokenResponseError,
    NetworkError,
    RetriesExhaustedError,
    StorageUnavailableError,
)
from de_classes.redaction import shared_filter
from de_classes.utils.clock import ManualClock
from tests.fakes.every import every
from tests.fakes.rotation import (
    FakeRotationStore,
    FakeSecrets,
    Killed,
    Process,
    Steps,
    TokenEndpoint,
    access_token_in,
    auth_runtime,
    worker,
)
from tests.fakes.transports import json_response

if TYPE_CHECKING:
    from collections.abc import Callable

REFUSAL = HttpResponse(401)
AFTER_ANY_LEASE = 30.0 + LEASE_SPARE + CLOCK_SKEW + 1


def test_the_new_refresh_token_is_kept_and_the_access_token_used() -> None:
    store, endpoint = FakeRotationStore(), TokenEndpoint()
    auth = worker(store, endpoint)
    assert auth.get_token() == "access-1"
    assert store.tokens.refresh_token == "refresh-1"
    assert access_token_in(store.tokens) == "access-1"
    assert auth.logins == 1


def test_what_is_kept_for_others_leaves_out_what_only_the_buyer_needs() -> None:
    store = FakeRotationStore()
    worker(store, TokenEndpoint()).get_token()
    assert set(json.loads(store.tokens.access)["answer"]) == {"access_token", "token_type", "expires_in"}


def test_another_worker_uses_what_was_bought_until_it_expires() -> None:
    store, endpoint, clock = FakeRotationStore(), TokenEndpoint(), ManualClock()
    worker(store, endpoint, clock).get_token()
    clock.advance(269)
    other = worker(store, endpoint, clock)
    assert other.get_token() == "access-1"
    clock.advance(1)
    assert other.get_token() == "access-2"
    assert endpoint.spent == ["refresh-0", "refresh-1"]


def test_a_token_that_the_api_refused_is_not_taken_from_the_store_again() -> None:
    store, endpoint = FakeRotationStore(), TokenEndpoint()
    auth, other = worker(store, endpoint), worker(store, endpoint)
    asked = HttpRequest("GET", "https://api.example/")
    assert auth.renew(auth.authorize(asked), REFUSAL)
    assert auth.get_token() == "access-2"
    assert other.get_token() == "access-2"


def test_a_refused_token_that_another_worker_replaced_costs_nothing() -> None:
    store, endpoint = FakeRotationStore(), TokenEndpoint()
    auth, other = worker(store, endpoint), worker(store, endpoint)
    asked = HttpRequest("GET", "https://api.example/")
    first, second = auth.authorize(asked), other.authorize(asked)
    other.renew(second, REFUSAL)
    assert other.get_token() == "access-2"
    auth.renew(first, REFUSAL)
    assert auth.get_token() == "access-2"
    assert len(endpoint.spent) == 2


def test_a_refresh_token_that_somebody_put_there_makes_the_kept_access_token_void() -> None:
    store, endpoint = FakeRotationStore(), TokenEndpoint()
    worker(store, endpoint).get_token()
    store.tokens = KeptTokens("refresh-by-hand", store.tokens.access)
    endpoint.refresh_token = "refresh-by-hand"
    assert worker(store, endpoint).get_token() == "access-2"


@pytest.mark.parametrize("access", ["not JSON", "{}", '{"answer": 1}', "[]"])
def test_a_kept_access_token_that_cannot_be_read_is_bought_anew(access: str) -> None:
    store = FakeRotationStore()
    store.tokens = KeptTokens("refresh-0", access)
    assert worker(store, TokenEndpoint()).get_token() == "access-1"


def test_a_source_that_gives_no_new_refresh_token_keeps_the_old_one() -> None:
    answer = json_response({"access_token": "a", "expires_in": 60})
    store = FakeRotationStore()
    assert worker(store, TokenEndpoint(answers={1: answer})).get_token() == "a"
    assert store.tokens.refresh_token == "refresh-0"
    assert access_token_in(store.tokens) == "a"


def test_a_new_refresh_token_is_kept_though_its_access_token_is_unusable() -> None:
    answer = json_response({"access_token": "two words", "refresh_token": "refresh-next"})
    store = FakeRotationStore()
    with pytest.raises(InvalidTokenResponseError, match="access_token"):
        worker(store, TokenEndpoint(answers={1: answer})).get_token()
    assert store.tokens == KeptTokens("refresh-next")


def test_eight_threads_of_one_worker_spend_once() -> None:
    store, endpoint = FakeRotationStore(), TokenEndpoint()
    auth = worker(store, endpoint)
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda _: auth.get_token(), range(64)))
    assert set(tokens) == {"access-1"}
    assert endpoint.spent == ["refresh-0"]


@every("seed", range(40))
def test_eight_workers_in_any_order_spend_once_and_use_what_is_kept(seed: int) -> None:
    store, endpoint, clock, steps = FakeRotationStore(), TokenEndpoint(), ManualClock(), Steps(seed)
    got: list[tuple[str, str | None]] = []

    def job() -> None:
        token = Process(store, endpoint, clock, turn=steps.step).auth.get_token()
        got.append((token, access_token_in(store.tokens)))

    steps.run({f"worker {number}": job for number in range(8)})
    assert got == [("access-1", "access-1")] * 8
    assert endpoint.asked == ["refresh-0"]


@every("seed", range(20))
def test_eight_workers_of_whom_each_is_refused_once_spend_each_refresh_token_once(seed: int) -> None:
    store, endpoint, clock, steps = FakeRotationStore(), TokenEndpoint(), ManualClock(), Steps(seed)
    last: list[str] = []

    def job() -> None:
        auth = Process(store, endpoint, clock, turn=steps.step).auth
        auth.renew(auth.authorize(HttpRequest("GET", "https://api.example/")), REFUSAL)
        last.append(auth.get_token())

    steps.run({f"worker {number}": job for number in range(8)})
    assert len(last) == 8
    assert endpoint.asked == endpoint.spent == [f"refresh-{n}" for n in range(len(endpoint.spent))]
    assert len(endpoint.spent) <= 9


def steps_of_one() -> int:
    process = Process(FakeRotationStore(), TokenEndpoint(), ManualClock())
    process.auth.get_token()
    return process.steps


STEPS = steps_of_one()


def killed_at(step: int, endpoint: TokenEndpoint) -> tuple[FakeRotationStore, ManualClock]:
    store, clock = FakeRotationStore(), ManualClock()
    with pytest.raises(Killed):
        Process(store, endpoint, clock, dies_at=step).auth.get_token()
    clock.advance(AFTER_ANY_LEASE)
    return store, clock


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_a_worker_goes_on_wherever_another_was_killed(step: int) -> None:
    endpoint = TokenEndpoint(is_patient=True)
    store, clock = killed_at(step, endpoint)
    token = worker(store, endpoint, clock).get_token()
    assert token == access_token_in(store.tokens)
    assert store.tokens.refresh_token == endpoint.refresh_token
    assert len(endpoint.asked) <= 2


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_where_a_lost_refresh_token_cannot_be_had_again_the_error_says_so(step: int) -> None:
    endpoint = TokenEndpoint()
    store, clock = killed_at(step, endpoint)
    after = worker(store, endpoint, clock)
    if store.tokens.refresh_token == endpoint.refresh_token:  # nothing was lost
        assert after.get_token() == access_token_in(store.tokens)
        assert endpoint.asked == ["refresh-0"]
        return
    for _ in range(2):  # the next run is told the same
        with pytest.raises(AuthenticationError, match="worker was ended before it could keep it"):
            worker(store, endpoint, clock).get_token()
    assert endpoint.asked == ["refresh-0"] * 3  # once by the killed one, then once a run: no loop


def test_some_steps_lose_it_and_most_do_not() -> None:
    lost = []
    for step in range(1, STEPS + 1):
        endpoint = TokenEndpoint()
        store, _ = killed_at(step, endpoint)
        if store.tokens.refresh_token != endpoint.refresh_token:
            lost.append(step)
    assert len(lost) == 2  # the answer had come, or was about to be kept
    assert STEPS > 10


@pytest.mark.parametrize("seed", range(20))
def test_of_eight_workers_one_is_killed_and_seven_go_on(seed: int) -> None:
    store, endpoint, clock, steps = (
        FakeRotationStore(),
        TokenEndpoint(is_patient=True),
        ManualClock(),
        Steps(seed),
    )
    got: list[str] = []

    def job(dies_at: int | None) -> Callable[[], None]:
        def carried_out() -> None:
            try:
                got.append(Process(store, endpoint, clock, dies_at=dies_at, turn=steps.step).auth.get_token())
            except Killed:
                got.append("killed")

        return carried_out

    jobs = {f"worker {number}": job(None) for number in range(7)}
    steps.run({**jobs, "worker 7": job(1 + seed % STEPS)})
    alive = [token for token in got if token != "killed"]
    assert len(alive) >= 7
    assert access_token_in(store.tokens) in alive
    assert len(endpoint.asked) <= 2


def test_a_lease_that_is_held_is_waited_for_and_taken_over_when_it_has_ended() -> None:
    store, endpoint, clock = FakeRotationStore(), TokenEndpoint(), ManualClock()
    assert store.lease("somebody", now=clock.now(), until=clock.now() + 20) is not None
    assert worker(store, endpoint, clock).get_token() == "access-1"
    assert 20 + CLOCK_SKEW <= clock.monotonic() < 20 + CLOCK_SKEW + 3


def test_a_lease_that_never_ends_is_not_waited_for_past_the_deadline() -> None:
    store, endpoint, clock = FakeRotationStore(), TokenEndpoint(), ManualClock()
    store.lease("somebody", now=clock.now(), until=clock.now() + 10**6)
    with pytest.raises(RetriesExhaustedError, match="another worker"):
        worker(store, endpoint, clock).get_token(deadline=10.0)
    assert clock.monotonic() <= 10.0
    assert endpoint.asked == []


def test_a_lost_answer_is_asked_for_again_with_the_same_refresh_token() -> None:
    store, endpoint = FakeRotationStore(), TokenEndpoint(is_patient=True, lost=frozenset({1}))
    assert worker(store, endpoint).get_token() == "access-2"
    assert endpoint.asked == ["refresh-0", "refresh-0"]
    assert store.tokens.refresh_token == "refresh-2"


def test_a_lost_answer_that_cannot_be_had_again_is_told_and_not_tried_for_ever() -> None:
    store, endpoint = FakeRotationStore(), TokenEndpoint(lost=frozenset({1}))
    with pytest.raises(AuthenticationError, match="an answer that held the next one was lost") as caught:
        worker(store, endpoint).get_token()
    assert endpoint.asked == ["refresh-0", "refresh-0"]
    assert "Authorise again, and put the new refresh token in its place" in str(caught.value)
    assert "refresh-0" not in str(caught.value)


@pytest.mark.parametrize("body", [b"<html>", b'{"access_token": "acc', b"", b"[]"])
def test_an_answer_that_was_cut_is_a_lost_one(body: bytes) -> None:
    endpoint = TokenEndpoint(answers={1: HttpResponse(200, {}, body)})
    assert worker(FakeRotationStore(), endpoint).get_token() == "access-1"
    assert len(endpoint.asked) == 2


def test_that_an_answer_was_lost_is_known_to_the_next_worker_until_one_is_kept() -> None:
    endpoint = TokenEndpoint(answers=dict.fromkeys(range(1, 6), NetworkError("reset")))
    store, clock = FakeRotationStore(), ManualClock()
    with pytest.raises(RetriesExhaustedError):
        worker(store, endpoint, clock).get_token()
    assert store.last.is_unanswered
    assert worker(store, endpoint, clock).get_token() == "access-1"
    assert not store.last.is_unanswered


def test_a_rate_limit_is_waited_for_and_loses_nothing() -> None:
    store, clock = FakeRotationStore(), ManualClock()
    endpoint = TokenEndpoint(answers={1: json_response({}, 429, Retry_After="7")})
    assert worker(store, endpoint, clock).get_token() == "access-1"
    assert clock.monotonic() >= 7


def test_a_lease_that_ended_during_a_wait_is_taken_anew_before_the_next_sending() -> None:
    store, clock = FakeRotationStore(), ManualClock()
    endpoint = TokenEndpoint(answers={1: json_response({}, 429, Retry_After="500")})
    auth = worker(store, endpoint, clock)
    assert auth.get_token() == "access-1"
    assert store.last.number == 3  # taken, made longer, given back


def test_a_refresh_token_that_was_spent_elsewhere_is_told_and_not_tried_again() -> None:
    store, endpoint = FakeRotationStore("refresh-old"), TokenEndpoint()
    with pytest.raises(AuthenticationError, match="it was spent elsewhere, was withdrawn, or has expired"):
        worker(store, endpoint).get_token()
    assert endpoint.asked == ["refresh-old"]
    assert not store.last.owner


def test_one_that_was_replaced_while_it_was_spent_is_used_then() -> None:
    store = FakeRotationStore("refresh-old")

    class Replacing(TokenEndpoint):
        def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
            store.tokens = KeptTokens("refresh-0")
            return super().send(request, timeout=timeout)

    endpoint = Replacing()
    assert worker(store, endpoint).get_token() == "access-1"
    assert endpoint.asked == ["refresh-old", "refresh-0"]


def test_a_code_in_an_answer_of_status_200_is_a_refusal() -> None:
    endpoint = TokenEndpoint(answers={1: json_response({"error": "bad_refresh_token"})})
    with pytest.raises(AuthenticationError, match="bad_refresh_token"):
        worker(FakeRotationStore(), endpoint).get_token()
    assert len(endpoint.asked) == 1


def test_a_client_that_is_refused_is_not_taken_for_a_lost_token() -> None:
    endpoint = TokenEndpoint(answers={1: json_response({"error": "invalid_client"}, 401)})
    store = FakeRotationStore()
    with pytest.raises(AuthenticationError, match="check the credentials"):
        worker(store, endpoint).get_token()
    assert not store.last.is_unanswered


def test_where_nothing_can_be_kept_nothing_is_spent() -> None:
    store, endpoint = FakeRotationStore(), TokenEndpoint()
    store.fails = [ConfigurationError("this role may not")]
    with pytest.raises(ConfigurationError, match="this role may not"):
        worker(store, endpoint).get_token()
    assert endpoint.asked == []


def test_a_store_that_fails_for_a_moment_is_tried_again_since_the_token_is_bought() -> None:
    store, endpoint = FakeRotationStore(), TokenEndpoint()
    worker(store, endpoint).get_token()
    store.fails = [StorageUnavailableError("a moment"), StorageUnavailableError("please")]
    auth = worker(store, endpoint)
    auth.renew(auth.authorize(HttpRequest("GET", "https://api.example/")), REFUSAL)
    assert auth.get_token() == "access-2"
    assert store.tokens.refresh_token == "refresh-2"


def test_what_could_not_be_kept_is_kept_by_the_same_worker_later_and_not_bought_twice() -> None:
    store, endpoint, clock = FakeRotationStore(), TokenEndpoint(), ManualClock()
    auth = worker(store, endpoint, clock)
    auth.get_token()
    clock.advance(400)
    store.fails = [StorageUnavailableError("down")] * 3
    with pytest.raises(StorageUnavailableError):
        auth.get_token()
    assert store.last.is_unanswered
    assert auth.get_token() == "access-2"
    assert (store.tokens.refresh_token, endpoint.asked) == ("refresh-2", ["refresh-0", "refresh-1"])


def test_neither_a_log_line_nor_a_repr_nor_an_error_shows_a_token(caplog: pytest.LogCaptureFixture) -> None:
    store, endpoint = FakeRotationStore(), TokenEndpoint()
    with caplog.at_level(logging.DEBUG):
        auth = worker(store, endpoint)
        auth.renew(auth.authorize(HttpRequest("GET", "https://api.example/")), REFUSAL)
        auth.get_token()
        worker(store, endpoint).get_token()
    secret = re.compile(r"(refresh|access)-[0-9]|our-client-secret")
    assert not secret.search(caplog.text)
    assert not secret.search(repr([auth, store.tokens, store.last]))
    for text in ("refresh-1", "access-2", "our-client-secret"):
        assert shared_filter().holds_secret(text)


def test_the_secret_that_rotates_must_be_one_and_must_have_a_place() -> None:
    said: dict[str, Any] = {
        "grant": "refresh_token",
        "token_url": "https://id.example/token",
        "rotates": True,
    }
    for text in ("Bearer ${secret.a}", "literal", "${parameter}"):
        with pytest.raises(ConfigurationError, match=r"must be one secret, \$\{secret\.NAME\}"):
            OAuth2Auth(**said, refresh_token=text)
    described = OAuth2Auth(**said, refresh_token="${secret.refresh_token}")
    with pytest.raises(ConfigurationError, match="nowhere to keep"):
        described.scheme(auth_runtime(TokenEndpoint(), FakeSecrets()))
    assert isinstance(
        described.scheme(auth_runtime(TokenEndpoint(), FakeSecrets(FakeRotationStore()))), RotatingTokenScheme
    )
