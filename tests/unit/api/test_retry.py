from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from de_classes.api.retry import Retrier, RetryEvent, RetryPolicy, seconds_for
from de_classes.errors import (
    CorruptResponseError,
    NetworkError,
    PageGivenUpError,
    RateLimitedError,
    RequestRejectedError,
    RetriesExhaustedError,
    RetryableError,
    TransientStatusError,
)
from de_classes.utils.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable


def fails(times: int, error: Exception, then: str = "done") -> tuple[Callable[[], str], list[int]]:
    calls: list[int] = []

    def operation() -> str:
        calls.append(len(calls) + 1)
        if len(calls) <= times:
            raise error
        return then

    return operation, calls


def highest(_low: float, high: float) -> float:
    return high


def test_waits_double_up_to_the_cap() -> None:
    clock = ManualClock()
    operation, _ = fails(6, NetworkError("reset"))
    policy = RetryPolicy(base=1.0, cap=10.0, jitter=False)
    assert Retrier(policy, clock=clock).call(operation, what="it") == "done"
    assert clock.sleeps == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_full_jitter_draws_between_nothing_and_the_bound() -> None:
    bounds = []

    def draw(low: float, high: float) -> float:
        bounds.append((low, high))
        return high / 2

    clock = ManualClock()
    operation, _ = fails(3, NetworkError("reset"))
    Retrier(RetryPolicy(base=1.0), clock=clock, draw=draw).call(operation, what="it")
    assert bounds == [(0.0, 1.0), (0.0, 2.0), (0.0, 4.0)]
    assert clock.sleeps == [0.5, 1.0, 2.0]


def test_F04_no_wait_is_shorter_than_retry_after() -> None:
    clock = ManualClock()
    operation, _ = fails(2, RateLimitedError("slow", status=429, retry_after=3.0))
    Retrier(RetryPolicy(base=0.1), clock=clock).call(operation, what="it")
    assert clock.sleeps == [3.0, 3.0]


def test_F06_a_retry_after_of_zero_does_not_go_below_the_floor() -> None:
    clock = ManualClock()
    operation, _ = fails(1, RateLimitedError("slow", status=429, retry_after=0.0))
    Retrier(RetryPolicy(floor=0.05), clock=clock, draw=lambda low, _high: low).call(operation, what="it")
    assert clock.sleeps == [0.05]


def test_F07_a_retry_after_beyond_the_time_left_is_not_waited_for() -> None:
    clock = ManualClock()
    operation, calls = fails(9, RateLimitedError("slow", status=429, retry_after=999_999.0))
    with pytest.raises(RetriesExhaustedError):
        Retrier(RetryPolicy(max_elapsed=60), clock=clock).call(operation, what="it")
    assert clock.sleeps == []
    assert calls == [1]


def test_attempts_have_a_ceiling_and_the_last_failure_is_the_cause() -> None:
    operation, calls = fails(99, NetworkError("reset by peer"))
    with pytest.raises(RetriesExhaustedError, match=r"page 7 failed 4 times.*reset by peer") as caught:
        Retrier(RetryPolicy(max_attempts=4), clock=ManualClock()).call(operation, what="page 7")
    assert calls == [1, 2, 3, 4]
    assert caught.value.attempts == 4
    assert isinstance(caught.value.__cause__, NetworkError)


def test_time_has_a_ceiling_that_counts_the_next_wait() -> None:
    clock = ManualClock()
    operation, calls = fails(99, NetworkError("reset"))
    policy = RetryPolicy(max_attempts=99, max_elapsed=10.0, base=4.0, cap=4.0, jitter=False)
    with pytest.raises(RetriesExhaustedError):
        Retrier(policy, clock=clock).call(operation, what="it")
    assert (calls, clock.monotonic()) == ([1, 2, 3], 8.0)


@pytest.mark.parametrize(
    ("error", "options", "kind"),
    [
        (NetworkError("reset"), {}, PageGivenUpError),
        (TransientStatusError("no", status=503, retry_after=2.0), {}, PageGivenUpError),
        (CorruptResponseError("html"), {}, PageGivenUpError),
        (NetworkError("reset"), {"deadline": 3.0}, RetriesExhaustedError),
        (RateLimitedError("slow", status=429), {}, RetriesExhaustedError),
        (TransientStatusError("no", status=503, retry_after=999.0), {}, RetriesExhaustedError),
    ],
    ids=["network", "503", "corrupt", "time", "429", "retry-after"],
)
def test_a_call_that_failed_by_itself_is_told_from_one_that_could_not_succeed_now(
    error: RetryableError, options: dict[str, Any], kind: type[Exception]
) -> None:
    operation, _ = fails(99, error)
    retrier = Retrier(RetryPolicy(max_attempts=20), clock=ManualClock(), given_up=PageGivenUpError, **options)
    with pytest.raises(RetriesExhaustedError) as caught:
        retrier.call(operation, what="page 7")
    assert type(caught.value) is kind


def test_F03_a_fatal_error_is_not_retried() -> None:
    operation, calls = fails(1, RequestRejectedError("no", status=404))
    with pytest.raises(RequestRejectedError):
        Retrier(clock=ManualClock()).call(operation, what="it")
    assert calls == [1]


def test_every_retry_is_reported_with_its_wait() -> None:
    events: list[RetryEvent] = []
    error = NetworkError("reset")
    operation, _ = fails(2, error)
    policy = RetryPolicy(base=1.0)
    Retrier(policy, clock=ManualClock(), on_retry=events.append, draw=highest).call(operation, what="it")
    assert events == [RetryEvent(1, 1.0, error), RetryEvent(2, 2.0, error)]


@given(
    attempt=st.integers(1, 5000),
    retry_after=st.none() | st.floats(0, 1e6),
    kind=st.sampled_from([NetworkError, CorruptResponseError]),
    draw=st.floats(0, 1),
    jitter=st.booleans(),
)
def test_a_wait_is_never_below_the_floor_nor_above_cap_and_retry_after(
    attempt: int, retry_after: float | None, kind: type[RetryableError], draw: float, *, jitter: bool
) -> None:
    policy = RetryPolicy(jitter=jitter)
    failure = kind("odd", retry_after=retry_after)
    wait = policy.wait(attempt, failure, lambda low, high: low + draw * (high - low))
    cap = policy.corrupt_cap if kind is CorruptResponseError else policy.cap
    assert policy.floor <= wait <= max(cap, retry_after or 0)
    assert wait >= (retry_after or 0)


def test_F15_an_answer_that_came_is_no_sign_of_overload_and_is_asked_for_again_soon() -> None:
    clock = ManualClock()
    operation, calls = fails(99, CorruptResponseError("NaN"))
    with pytest.raises(RetriesExhaustedError):
        Retrier(RetryPolicy(jitter=False), clock=clock).call(operation, what="it")
    assert (len(calls), clock.sleeps) == (10, [0.2, 0.4, 0.8, *[1.0] * 6])


def test_a_cap_below_the_one_for_corrupt_answers_holds_for_them_too() -> None:
    policy = RetryPolicy(cap=0.5, corrupt_cap=2.0, jitter=False)
    assert policy.wait(9, CorruptResponseError("odd"), highest) == 0.5


def test_a_retryable_error_says_nothing_of_waiting_unless_told() -> None:
    assert RetryableError("x").retry_after is None


def test_a_stopped_retry_neither_waits_nor_calls_again() -> None:
    clock = ManualClock()
    stopped = threading.Event()
    operation, calls = fails(99, NetworkError("reset"))

    def stop_at_the_second(event: RetryEvent) -> None:
        if event.attempt == 2:
            stopped.set()

    with pytest.raises(RetriesExhaustedError):
        Retrier(clock=clock, on_retry=stop_at_the_second, stopped=stopped).call(operation, what="it")
    assert (calls, len(clock.sleeps)) == ([1, 2], 1)


def test_what_passes_is_asked_again_soon_and_what_asks_for_calm_later() -> None:
    policy = RetryPolicy(jitter=False)
    failures = (NetworkError("gone"), RateLimitedError("slow", status=429), CorruptResponseError("no page"))
    waits = [[policy.wait(attempt, failure, max) for attempt in (1, 2, 3)] for failure in failures]
    assert waits == [[0.025, 0.05, 0.1], [0.2, 0.4, 0.8], [0.2, 0.4, 0.8]]
    assert RetryPolicy(base=1.0, jitter=False).wait(1, failures[1], max) == 1.0


def test_by_default_a_call_is_tried_often_but_for_a_quarter_of_an_hour_at_most() -> None:
    promised = RetryPolicy(
        max_attempts=50,
        max_elapsed=900.0,
        max_corrupt=10,
        base=0.025,
        slow_base=0.2,
        cap=30.0,
        floor=0.01,
        jitter=True,
    )
    assert RetryPolicy() == promised


def test_F10_answers_that_are_not_as_promised_have_a_ceiling_of_their_own() -> None:
    errors = [CorruptResponseError("html"), NetworkError("reset"), CorruptResponseError("html")] * 9
    calls: list[RetryableError] = []

    def operation() -> str:
        calls.append(errors[len(calls)])
        raise calls[-1]

    with pytest.raises(RetriesExhaustedError):
        Retrier(RetryPolicy(max_corrupt=4), clock=ManualClock()).call(operation, what="it")
    assert [type(error) for error in calls].count(CorruptResponseError) == 4
    assert len(calls) == 6


def started_late() -> ManualClock:
    clock = ManualClock()
    clock.advance(1000.0)
    return clock


@pytest.mark.parametrize(
    ("options", "deadline"),
    [({"max_elapsed": 8.0}, None), ({}, 1008.0)],
    ids=["policy", "deadline"],
)
def test_the_last_moment_still_counts_whenever_a_call_began(
    options: dict[str, float], deadline: float | None
) -> None:
    clock = started_late()
    operation, calls = fails(99, NetworkError("reset"))
    policy = RetryPolicy(base=4.0, cap=4.0, jitter=False, **options)  # type: ignore[arg-type]  # only floats
    with pytest.raises(RetriesExhaustedError, match=r"3 times in 8\.0 s"):
        Retrier(policy, clock=clock, deadline=deadline).call(operation, what="it")
    assert (calls, clock.sleeps) == ([1, 2, 3], [4.0, 4.0])


@pytest.mark.parametrize("asked", [8.0, 8.5])
@pytest.mark.parametrize("ceiling", ["policy", "deadline"])
def test_a_wait_that_just_fits_is_no_reason_to_spare_the_page(asked: float, ceiling: str) -> None:
    error = TransientStatusError("no", status=503, retry_after=asked)
    operation, _ = fails(99, error)
    elapsed, deadline = (8.0, None) if ceiling == "policy" else (900.0, 1008.0)
    policy = RetryPolicy(max_attempts=1, max_elapsed=elapsed)
    retrier = Retrier(policy, clock=started_late(), given_up=PageGivenUpError, deadline=deadline)
    with pytest.raises(RetriesExhaustedError) as caught:
        retrier.call(operation, what="page 7")
    assert type(caught.value) is (PageGivenUpError if asked == 8.0 else RetriesExhaustedError)


def test_a_stopped_retry_says_nothing_of_attempts() -> None:
    stopped = threading.Event()
    stopped.set()
    operation, _ = fails(99, NetworkError("reset"))
    with pytest.raises(RetriesExhaustedError) as caught:
        Retrier(clock=ManualClock(), stopped=stopped).call(operation, what="it")
    assert caught.value.attempts == 0


@pytest.mark.parametrize(
    ("deadline", "seconds"), [(None, 30.0), (1040.0, 30.0), (1012.5, 12.5), (1000.05, 0.1), (900.0, 0.1)]
)
def test_a_request_may_take_what_is_left_but_is_never_without_time(
    deadline: float | None, seconds: float
) -> None:
    assert seconds_for(30.0, deadline, started_late()) == seconds


def test_what_is_not_worth_another_try_ends_a_call_at_any_attempt() -> None:
    fatal = RequestRejectedError("no", status=404, body="")
    errors: list[Exception] = [NetworkError("reset"), fatal, NetworkError("reset")]
    told: list[RetryEvent] = []

    def operation() -> str:
        raise errors.pop(0)

    with pytest.raises(RequestRejectedError) as caught:
        Retrier(clock=ManualClock(), on_retry=told.append).call(operation, what="it")
    assert caught.value is fatal
    assert ([event.attempt for event in told], len(errors)) == ([1], 1)
