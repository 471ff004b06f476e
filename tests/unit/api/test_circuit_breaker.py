from __future__ import annotations

import threading

import pytest

from de_classes.api.retry import CircuitBreaker
from de_classes.errors import RetriesExhaustedError
from de_classes.utils.clock import ManualClock

NEVER = threading.Event()


def budget(clock: ManualClock, **options: float) -> CircuitBreaker:
    return CircuitBreaker(clock=clock, **{"reserve": 3, "per_success": 1.0, "pause": 5.0, **options})  # type: ignore[arg-type]  # a test's shorthand


def enter(spent: CircuitBreaker, deadline: float | None = None, stopped: threading.Event = NEVER) -> None:
    spent.enter(deadline=deadline, stopped=stopped)


def test_within_the_reserve_nobody_waits() -> None:
    clock = ManualClock()
    open_budget = budget(clock)
    for _ in range(3):
        enter(open_budget)
        open_budget.failed()
    enter(open_budget)
    assert clock.sleeps == []


def test_when_it_is_spent_the_next_request_waits_for_the_pause() -> None:
    clock = ManualClock()
    spent = budget(clock)
    for _ in range(4):
        spent.failed()
    enter(spent)
    assert clock.sleeps == [5.0]


def test_each_probe_that_fails_doubles_the_pause_up_to_a_minute() -> None:
    clock = ManualClock()
    spent = budget(clock)
    for _ in range(4):
        spent.failed()
    for _ in range(6):
        enter(spent)
        spent.failed()
    assert clock.sleeps == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]


def test_a_probe_that_succeeds_lets_everybody_in_and_resets_the_pause() -> None:
    clock = ManualClock()
    spent = budget(clock)
    for _ in range(4):
        spent.failed()
    enter(spent)
    spent.succeeded()
    enter(spent)
    enter(spent)
    assert clock.sleeps == [5.0]
    for _ in range(2):
        spent.failed()
    enter(spent)
    assert clock.sleeps == [5.0, 5.0]


def test_successes_refill_the_reserve_but_not_beyond_it() -> None:
    clock = ManualClock()
    steady = budget(clock)
    for _ in range(100):
        steady.failed()
        steady.succeeded()
    for _ in range(3):
        steady.failed()
    enter(steady)
    assert clock.sleeps == []


def test_while_one_probes_the_others_wait() -> None:
    clock = ManualClock()
    spent = budget(clock)
    for _ in range(4):
        spent.failed()
    enter(spent)
    stopped = threading.Event()
    with pytest.raises(RetriesExhaustedError):
        spent.enter(deadline=clock.monotonic() + 3, stopped=stopped)
    assert set(clock.sleeps[1:]) == {0.5}


def test_a_probe_that_ends_in_neither_way_lets_another_probe() -> None:
    clock = ManualClock()
    spent = budget(clock)
    for _ in range(4):
        spent.failed()
    enter(spent)
    spent.released()
    enter(spent)
    assert clock.sleeps == [5.0]


def test_a_pause_beyond_the_deadline_is_not_waited_for() -> None:
    clock = ManualClock()
    spent = budget(clock)
    for _ in range(4):
        spent.failed()
    with pytest.raises(RetriesExhaustedError, match="the source is down"):
        enter(spent, deadline=4.0)
    assert clock.sleeps == []


def test_a_run_that_is_over_waits_no_more() -> None:
    stopped = threading.Event()
    stopped.set()
    spent = budget(ManualClock())
    for _ in range(4):
        spent.failed()
    with pytest.raises(RetriesExhaustedError, match="over"):
        enter(spent, stopped=stopped)


def test_it_tells_since_when_the_source_is_down() -> None:
    clock = ManualClock()
    spent = budget(clock)
    for _ in range(4):
        assert spent.down_since is None
        clock.advance(1)
        spent.failed()
    for _ in range(3):
        enter(spent)
        spent.failed()
    assert spent.down_since == 4.0
    enter(spent)
    spent.succeeded()
    assert spent.down_since is None


def test_a_probe_that_succeeds_makes_the_next_pause_a_first_one_again() -> None:
    clock = ManualClock()
    spent = budget(clock)
    for _ in range(4):
        spent.failed()
    for _ in range(2):
        enter(spent)
        spent.failed()
    enter(spent)
    spent.succeeded()
    for _ in range(2):
        spent.failed()
    enter(spent)
    assert clock.sleeps == [5.0, 10.0, 20.0, 5.0]


def test_a_pause_that_ends_at_the_deadline_is_waited_for() -> None:
    clock = ManualClock()
    spent = budget(clock)
    for _ in range(4):
        spent.failed()
    enter(spent, deadline=5.0)
    assert clock.sleeps == [5.0]


def test_who_comes_late_into_a_pause_waits_for_the_rest_of_it() -> None:
    clock = ManualClock()
    spent = budget(clock)
    for _ in range(4):
        spent.failed()
    clock.advance(4.25)
    enter(spent)
    assert clock.sleeps == [0.75]


def test_who_may_not_enter_has_made_no_attempt() -> None:
    spent = budget(ManualClock())
    for _ in range(4):
        spent.failed()
    stopped = threading.Event()
    stopped.set()
    for options in ({"deadline": 4.0}, {"stopped": stopped}):
        with pytest.raises(RetriesExhaustedError) as caught:
            enter(spent, **options)  # type: ignore[arg-type]  # one or the other
        assert caught.value.attempts == 0


def test_by_default_forty_failures_are_free_and_each_success_pays_for_two() -> None:
    clock = ManualClock()
    default = CircuitBreaker(clock=clock)
    for _ in range(40):
        default.failed()
    enter(default)
    default.succeeded()
    for _ in range(2):
        default.failed()
    enter(default)
    assert clock.sleeps == []
    default.failed()
    enter(default)
    assert clock.sleeps == [5.0]


def test_a_source_that_a_page_was_given_up_on_stays_so_until_a_request_succeeds() -> None:
    budget = CircuitBreaker(clock=ManualClock())
    assert not budget.is_given_up
    budget.give_up()
    assert budget.is_given_up
    budget.failed()
    budget.released()
    assert budget.is_given_up
    budget.succeeded()
    assert not budget.is_given_up
